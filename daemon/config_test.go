package daemon

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/host"
	"holdfast/kconf"
)

// twoLinks is a machine with eth0 and eth1, both up.
func twoLinks() map[string]host.Link {
	return map[string]host.Link{
		"eth0": {Index: 2, Name: "eth0", Up: true, Running: true},
		"eth1": {Index: 3, Name: "eth1", Up: true, Running: true},
	}
}

// understood is what becomes of a configuration text on a machine with eth0
// and eth1 whose scripts are looked at.
func understood(t *testing.T, text string) *loaded {
	t.Helper()
	file, diags := kconf.ParseString("k.conf", text, kconf.Options{ConfigID: "node", TopLevel: topLevel()})
	l, err := understand(file, diags, environment{links: twoLinks(), scripts: true})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// router is a vrrp_instance that nothing is wrong with, to be spoilt by
// replacing: pairs of old and new text.
func router(edits ...string) string {
	text := `vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.9.0.100
    }
}
`
	return spoil(text, edits...)
}

// second is another router, on the same link.
func second(edits ...string) string {
	return spoil(router("VI_1", "VI_2", "id 51", "id 52", "0.100", "0.101"), edits...)
}

func spoil(text string, edits ...string) string {
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			panic("nothing to replace: " + edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return text
}

// with adds lines to a router, from its second line on.
func with(lines string) string { return router("{\n", "{\n"+lines+"\n") }

// balancer is a virtual server with one real server.
func balancer(edits ...string) string {
	return spoil(`virtual_server 10.9.0.100 80 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 10.9.1.1 8080 {
        TCP_CHECK {
        }
    }
}
`, edits...)
}

func diagLines(l *loaded) []string {
	lines := []string{}
	for _, d := range l.diags.All() {
		lines = append(lines, d.String())
	}
	return lines
}

func TestSmallFilesAndWhatIsSaidAboutThem(t *testing.T) {
	for name, tt := range smallFiles {
		t.Run(name, func(t *testing.T) {
			l := understood(t, tt.text)
			if diff := cmp.Diff(tt.want, diagLines(l)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if got := l.testStatus(); got != tt.status {
				t.Errorf("--config-test ends with %d, want %d", got, tt.status)
			}
			if l.fatal != tt.fatal {
				t.Errorf("cannot run because %q, want %q", l.fatal, tt.fatal)
			}
		})
	}
}
