package daemon

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

func TestAMissingFileIsSaidToBeMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no-such.conf")
	_, err := load(Options{ConfigFile: path})
	if !errors.Is(err, errNoConfig) || !strings.Contains(err.Error(), path) {
		t.Errorf("error is %v, want errNoConfig with the name of the file", err)
	}
	// keepalived answers 0 to --config-test of a file that is not there, 4 with -e
	if got := testStatusMissing(Options{}, err); got != 0 {
		t.Errorf("--config-test ends with %d, want 0", got)
	}
	if got := testStatusMissing(Options{AllConfig: true}, err); got != 4 {
		t.Errorf("--config-test -e ends with %d, want 4", got)
	}
}

func TestConfigTestPrintsTheLineAndACaret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(path, []byte("global_defs {\n    route_id x\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if got := ConfigTest(Options{ConfigFile: path}, &out); got != 5 {
		t.Errorf("status %d, want 5", got)
	}
	want := path + ":2:5: unknown keyword route_id; did you mean router_id?\n" +
		"    route_id x\n" +
		"    ^\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestConfigTestAppendsToALogFileAndFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	path, logFile, link := filepath.Join(dir, "k.conf"), filepath.Join(dir, "log"), filepath.Join(dir, "link")
	for file, text := range map[string]string{path: "nonsense\n", logFile: "before\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(logFile, link); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if got := ConfigTest(Options{ConfigFile: path, TestLog: logFile}, &out); got != 5 || out.Len() > 0 {
		t.Errorf("status %d and %q on stderr, want 5 and nothing", got, out.String())
	}
	text, err := os.ReadFile(logFile)
	if err != nil || !strings.HasPrefix(string(text), "before\n") || !strings.Contains(string(text), "unknown keyword nonsense") {
		t.Errorf("log is %q (%v), want what was there and the mistake", text, err)
	}
	if got := ConfigTest(Options{ConfigFile: path, TestLog: link}, &out); got != ExitFatal {
		t.Errorf("with a symbolic link for a log: status %d, want 1", got)
	}
}

func TestPIDFilesMoveWithNamespaceInstanceAndUsePIDDir(t *testing.T) {
	tests := map[string]struct {
		text string
		opt  func(*Options)
		want [4]string // parent, VRRP, checkers, BFD
	}{
		"by default":  {"", nil, [4]string{"/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid", "/run/bfd.pid"}},
		"use_pid_dir": {"use_pid_dir\n", nil, [4]string{"/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid", "/run/keepalived/checkers.pid", "/run/keepalived/bfd.pid"}},
		"instance":    {"instance blue\n", nil, [4]string{"/run/keepalived/keepalived_blue.pid", "/run/keepalived/vrrp_blue.pid", "/run/keepalived/checkers_blue.pid", "/run/keepalived/bfd_blue.pid"}},
		"net_namespace": {"net_namespace ns1\n", nil,
			[4]string{"/run/keepalived/ns1/keepalived.pid", "/run/keepalived/ns1/vrrp.pid", "/run/keepalived/ns1/checkers.pid", "/run/keepalived/ns1/bfd.pid"}},
		"an option goes before": {"instance blue\n", func(o *Options) { o.PIDFile = "/tmp/a.pid" },
			[4]string{"/tmp/a.pid", "/run/keepalived/vrrp_blue.pid", "/run/keepalived/checkers_blue.pid", "/run/keepalived/bfd_blue.pid"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			opt := DefaultOptions(nil)
			if tt.opt != nil {
				tt.opt(&opt)
			}
			understood(t, tt.text).pidFiles(&opt)
			if got := [4]string{opt.PIDFile, opt.VRRPPIDFile, opt.CheckersPIDFile, opt.BFDPIDFile}; got != tt.want {
				t.Errorf("pid files\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestUmaskComesFromTheCommandLineThenTheFileThenTheDefault(t *testing.T) {
	tests := map[string]struct {
		text  string
		given bool
		want  int
	}{
		"neither":           {"", false, 0o177}, // keepalived's own
		"the file, octal":   {"global_defs {\n    umask 022\n}\n", false, 0o022},
		"the file, by name": {"global_defs {\n    umask IWGRP|IWOTH\n}\n", false, 0o022},
		"both":              {"global_defs {\n    umask 022\n}\n", true, 0o027},
		"a bad one":         {"global_defs {\n    umask 1000\n}\n", false, 0o177},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			opt := DefaultOptions(nil)
			if tt.given {
				opt.Umask, opt.UmaskGiven = 0o027, true
			}
			if got := understood(t, tt.text).umask(opt); got != tt.want {
				t.Errorf("umask %04o, want %04o", got, tt.want)
			}
		})
	}
}

func TestDiagnosticsAreLoggedWithTheirSeverity(t *testing.T) {
	var lines []string
	var sink levels
	understood(t, "global_defs {\n    enable_dbus\n    route_id x\n}\n"+with("    advert_int 0.5")).report(newLogger(slog.LevelDebug, recorder{&lines}, &sink))
	want := []string{
		"k.conf:2:5: note: enable_dbus: not supported yet",
		"k.conf:3:5: unknown keyword route_id; did you mean router_id?",
		"k.conf:6:16: warning: advert_int 500ms: version 2 cannot carry it, 1s is used",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(levels{slog.LevelInfo, slog.LevelError, slog.LevelWarn}, sink); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
}

func TestIdentsTellDaemonsOnOneHostApart(t *testing.T) {
	for want, g := range map[string]Globals{
		"Keepalived_vrrp":          {},
		"Keepalived_vrrp_ns1":      {Namespace: "ns1"},
		"Keepalived_vrrp_blue":     {Instance: "blue"},
		"Keepalived_vrrp_ns1_blue": {Namespace: "ns1", Instance: "blue"},
	} {
		if got := ident(identVRRP, &g); got != want {
			t.Errorf("ident %s, want %s", got, want)
		}
	}
}

// TestChildrenReadTheSameConfiguration: what the parent hands over decodes to
// the same routers and servers.
func TestChildrenReadTheSameConfiguration(t *testing.T) {
	l := understood(t, router()+second()+balancer()+"vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n")
	conf, err := decodeConfig(l.encoded, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(conf.Instances) != 2 || conf.Instances[1].Name != "VI_2" || conf.Instances[1].SyncGroup != "G" {
		t.Errorf("instances %+v", conf.Instances)
	}
	if got, want := len(conf.Servers.services), 1; got != want {
		t.Errorf("%d virtual servers, want %d", got, want)
	}
	if _, err := decodeConfig([]byte("{"), nil); err == nil {
		t.Error("half a tree was taken for a configuration")
	}
}

// TestNobodyWaitsForAScriptThatIsNotRun: the parent drops a track script that
// is not there; the VRRP process must not hold the router back for its result.
func TestNobodyWaitsForAScriptThatIsNotRun(t *testing.T) {
	const file = "vrrp_script chk {\n    script \"/nonexistent/check\"\n}\nvrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n" +
		"    virtual_ipaddress {\n        10.9.0.100\n    }\n    track_script {\n        chk\n    }\n}\n"
	tree, diags := kconf.ParseString("k.conf", file, kconf.Options{})
	l, err := understand(tree, diags, environment{scripts: true})
	if err != nil {
		t.Fatal(err)
	}
	conf, err := decodeConfig(l.encoded, l.config.dropped)
	if err != nil {
		t.Fatal(err)
	}
	if len(conf.Scripts) != 0 || len(conf.Instances[0].Scripts) != 0 {
		t.Errorf("the child still tracks %v with %v", conf.Instances[0].Scripts, conf.Scripts)
	}
	if with, _ := decodeConfig(l.encoded, nil); len(with.Instances[0].Scripts) != 1 {
		t.Error("without the parent's word the script would be tracked: the test proves nothing")
	}
}

// levels writes down the levels of lines.
type levels []slog.Level

func (l *levels) write(level slog.Level, _ time.Time, _ string) { *l = append(*l, level) }
func (*levels) Close() error                                    { return nil }
