package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/kconf"
)

func TestAMissingFileIsSaidToBeMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no-such.conf")
	_, err := config.Load(config.LoadOptions{File: path})
	if !errors.Is(err, config.ErrNoFile) || !strings.Contains(err.Error(), path) {
		t.Errorf("error is %v, want ErrNoFile with the name of the file", err)
	}
	// keepalived answers 0 to --config-test of a file that is not there, 4 with -e
	if got := (config.LoadOptions{}).TestStatusMissing(err); got != 0 {
		t.Errorf("--config-test ends with %d, want 0", got)
	}
	if got := (config.LoadOptions{AllConfig: true}).TestStatusMissing(err); got != 4 {
		t.Errorf("--config-test -e ends with %d, want 4", got)
	}
}

// TestChildrenReadTheSameConfiguration: what the parent hands over decodes to
// the same routers and servers.
func TestChildrenReadTheSameConfiguration(t *testing.T) {
	l := configtest.Understood(t, configtest.Router()+configtest.Second()+configtest.Balancer()+"vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n")
	conf, err := config.Decode(l.Encoded, config.Told{})
	if err != nil {
		t.Fatal(err)
	}
	if len(conf.Instances) != 2 || conf.Instances[1].Name != "VI_2" || conf.Instances[1].SyncGroup != "G" {
		t.Errorf("instances %+v", conf.Instances)
	}
	if got, want := len(conf.Services), 1; got != want {
		t.Errorf("%d virtual servers, want %d", got, want)
	}
	if _, err := config.Decode([]byte("{"), config.Told{}); err == nil {
		t.Error("half a tree was taken for a configuration")
	}
}

// TestNobodyWaitsForAScriptThatIsNotRun: the parent drops a track script that
// is not there; the VRRP process must not hold the router back for its result.
func TestNobodyWaitsForAScriptThatIsNotRun(t *testing.T) {
	const file = "vrrp_script chk {\n    script \"/nonexistent/check\"\n}\nvrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n" +
		"    virtual_ipaddress {\n        10.9.0.100\n    }\n    track_script {\n        chk\n    }\n}\n"
	tree, diags := kconf.ParseString("k.conf", file, kconf.Options{})
	l, err := config.Understand(tree, diags, config.Environment{Scripts: true})
	if err != nil {
		t.Fatal(err)
	}
	conf, err := config.Decode(l.Encoded, l.Config.Told())
	if err != nil {
		t.Fatal(err)
	}
	if len(conf.Scripts) != 0 || len(conf.Instances[0].Scripts) != 0 {
		t.Errorf("the child still tracks %v with %v", conf.Instances[0].Scripts, conf.Scripts)
	}
	if with, _ := config.Decode(l.Encoded, config.Told{}); len(with.Instances[0].Scripts) != 1 {
		t.Error("without the parent's word the script would be tracked: the test proves nothing")
	}
}

// TestBlocksThatStandInNoOther: where one of them opens inside a block, braces
// are missing. track_file is not among them: an instance has a block of that name.
func TestBlocksThatStandInNoOther(t *testing.T) {
	const want = "SSL bfd_instance garp_group global_defs interface_up_down_delays linkbeat_interfaces static_ipaddress static_routes static_rules " +
		"track_group virtual_server virtual_server_group vrrp_instance vrrp_script vrrp_sync_group vrrp_track_file vrrp_track_process"
	names := config.TopLevel()
	slices.Sort(names)
	if got := strings.Join(names, " "); got != want {
		t.Errorf("blocks\n got %s\nwant %s", got, want)
	}
}

// TestAFileReadInPiecesIsTheSameConfiguration: Load decodes statements while the
// file is read and uses their memory again; Understand has the whole tree.
func TestAFileReadInPiecesIsTheSameConfiguration(t *testing.T) {
	var text strings.Builder
	for i := range 300 {
		text.WriteString(strings.NewReplacer("VI_1", fmt.Sprint("VI_", i), "id 51", fmt.Sprint("id ", i%255+1), "eth0", fmt.Sprint("eth", i/255),
			"0.100", fmt.Sprintf("%d.%d", i/250+1, i%250)).Replace(configtest.Router()))
		text.WriteString(strings.NewReplacer("10.9.0.100", fmt.Sprintf("10.8.%d.%d", i/250, i%250), "TCP_CHECK {", fmt.Sprintf(`HTTP_GET {
            url {
                path /p%d
                status_code 200
            }
            virtualhost host%d.example
        }
        notify_up "/bin/up %d"
        MISC_CHECK {
            misc_path "/bin/check '%d'"
        }
        TCP_CHECK {
            bind_if eth%d`, i, i, i, i, i)).Replace(configtest.Balancer()))
	}
	path := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	pieces, err := config.Load(config.LoadOptions{File: path})
	if err != nil {
		t.Fatal(err)
	}
	whole, diags := kconf.ParseFile(path, config.LoadOptions{}.Parsing())
	understood, err := config.Understand(whole, diags, config.HostEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	dump := func(l *config.Loaded) string {
		text, err := l.Config.Dump()
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if diff := cmp.Diff(dump(understood), dump(pieces)); diff != "" {
		t.Errorf("configurations (-whole +in pieces):\n%.2000s", diff)
	}
	if diff := cmp.Diff(configtest.Lines(understood), configtest.Lines(pieces)); diff != "" {
		t.Errorf("diagnostics (-whole +in pieces):\n%.2000s", diff)
	}
	test, err := config.Load(config.LoadOptions{File: path, TestOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(configtest.Lines(understood), configtest.Lines(test)); diff != "" {
		t.Errorf("diagnostics (-to be run +only tested):\n%.2000s", diff)
	}
}
