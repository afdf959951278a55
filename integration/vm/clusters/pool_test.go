package clusters

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pool is a director and its real servers, 10.9.0.11 to .13 and .99 (sorry),
// port 80. Nobody asks them for anything: the table is what matters.
type pool struct {
	node     *Node
	director *Director
	port     map[string]*Port
}

// noteHooks notes how it was called.
const noteHooks = `#!/bin/sh
echo "$*" >>/var/log/hooks
`

func newPool(t *testing.T, name string) *pool {
	lan := NewLAN(t, name)
	p := &pool{node: lan.Node(t, "director", "10.9.0.1/24"), port: map[string]*Port{}}
	servers := lan.Node(t, "servers", "10.9.0.11/24", "10.9.0.12/24", "10.9.0.13/24", "10.9.0.99/24")
	for _, octet := range []string{"11", "12", "13", "99"} {
		p.port[octet] = servers.Listen(t, "10.9.0."+octet+":80")
	}
	p.node.File(t, "keepalived/note.sh", noteHooks, 0o755)
	return p
}

// start writes the configuration and starts the daemon. When it returns the
// checking child runs, so that a table that was right before proves something.
func (p *pool) start(t *testing.T, conf string, args ...string) {
	t.Helper()
	p.director = p.node.StartProgram(t, program(), conf, args...)
	Eventually(t, patience, "a checker process runs", func() (string, bool) {
		return p.director.Log(), p.director.Checkers(t) != 0
	})
}

// wantTable waits for the table and then sees that it stays.
func (p *pool) wantTable(t *testing.T, lines ...string) {
	t.Helper()
	p.node.WaitTable(t, patience, table(lines...))
	p.wantStays(t, lines...)
}

// wantStays looks at the table for longer than a check and its retries need.
func (p *pool) wantStays(t *testing.T, lines ...string) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 3*time.Second; time.Sleep(pause) {
		if got := p.node.Table(t); got != table(lines...) {
			t.Fatalf("table:\n%s\nwant it to stay:\n%s", got, table(lines...))
		}
	}
}

// wantHooks waits until the scripts ran with exactly these arguments since the
// last call, in any order: keepalived starts them without waiting.
func (p *pool) wantHooks(t *testing.T, want ...string) {
	t.Helper()
	path := filepath.Join(p.node.LogDir(), "hooks")
	missing := func() (string, bool) {
		text, _ := os.ReadFile(path)
		left := strings.Fields(strings.ReplaceAll(strings.TrimSpace(string(text)), " ", "_"))
		for _, w := range want {
			found := false
			for i, l := range left {
				if l == strings.ReplaceAll(w, " ", "_") {
					left = append(left[:i], left[i+1:]...)
					found = true
					break
				}
			}
			if !found {
				return string(text), false
			}
		}
		return string(text), len(left) == 0
	}
	Eventually(t, patience, fmt.Sprintf("scripts ran with %q", want), missing)
	os.Remove(path)
}

// checked is a real server with a check that takes a second or two.
func checked(octet, more string) string {
	return fmt.Sprintf(`    real_server 10.9.0.%s 80 {
        %s
        notify_up "/etc/keepalived/note.sh rs%s up"
        notify_down "/etc/keepalived/note.sh rs%s down 'two words'"
        TCP_CHECK {
            connect_timeout 2
        }
    }
`, octet, more, octet, octet)
}

// service is a virtual server that is checked every second.
func service(addr, more string, servers ...string) string {
	return fmt.Sprintf(`virtual_server %s {
    delay_loop 1
    retry 1
    delay_before_retry 1
    protocol TCP
    %s
%s}
`, addr, more, strings.Join(servers, ""))
}

func TestQuorumWithHysteresisAndSorryServer(t *testing.T) {
	p := newPool(t, "quorum")
	p.start(t, "global_defs {\n    script_user root\n}\n"+service("10.9.0.100 80", `lb_algo wrr
    lb_kind NAT
    quorum 3
    hysteresis 1
    quorum_up "/etc/keepalived/note.sh quorum up"
    quorum_down "/etc/keepalived/note.sh quorum down"
    sorry_server 10.9.0.99 80`, checked("11", "weight 3"), checked("12", "weight 2")))
	const head, s11, s12, sorry = "TCP 10.9.0.100:80 wrr", "  10.9.0.11:80 Masq 3", "  10.9.0.12:80 Masq 2", "  10.9.0.99:80 Masq 1"

	phase(t, "all servers serve", func(t *testing.T) {
		p.wantTable(t, head, s11, s12)
		p.wantHooks(t, "quorum up")
	})
	phase(t, "weight 2 is still quorum minus hysteresis", func(t *testing.T) {
		p.port["11"].Close()
		p.wantTable(t, head, s12)
		p.wantHooks(t, "rs11 down two words")
		p.port["11"].Open(t)
		p.wantTable(t, head, s11, s12)
		p.wantHooks(t, "rs11 up")
	})
	phase(t, "without servers there is the sorry server", func(t *testing.T) {
		p.port["11"].Close()
		p.wantTable(t, head, s12)
		p.port["12"].Close()
		p.wantTable(t, head, sorry)
		p.wantHooks(t, "rs11 down two words", "rs12 down two words", "quorum down")
	})
	phase(t, "weight 2 is not quorum plus hysteresis", func(t *testing.T) {
		p.port["12"].Open(t)
		p.wantHooks(t, "rs12 up")
		p.wantStays(t, head, sorry)
		p.port["11"].Open(t)
		p.wantTable(t, head, s11, s12)
		p.wantHooks(t, "rs11 up", "quorum up")
	})
	phase(t, "stopping runs no script", func(t *testing.T) {
		p.director.Stop(t)
		p.wantStays(t, "")
		p.wantHooks(t)
	})
}

func TestInhibitedAndAlphaServersDirectRoutingAndTunnels(t *testing.T) {
	p := newPool(t, "kindsoflife")
	p.port["11"].Close() // nothing is up at the start
	p.port["12"].Close()
	p.start(t, service("10.9.0.101 80", "lb_algo wlc\n    lb_kind NAT\n    inhibit_on_failure\n    sorry_server 10.9.0.99 80",
		checked("11", "weight 5"), checked("12", "weight 7"))+
		service("10.9.0.102 80", "lb_algo rr\n    lb_kind DR\n    alpha\n    sorry_server 10.9.0.99 80\n    sorry_server_inhibit",
			checked("11", "weight 5\n        inhibit_on_failure"), checked("12", "weight 7"))+
		service("10.9.0.103 80", "lb_algo sed\n    lb_kind TUN\n    quorum 2", checked("11", "weight 1"), checked("12", "weight 1")))
	const a, b, c = "TCP 10.9.0.101:80 wlc", "TCP 10.9.0.102:80 rr", "TCP 10.9.0.103:80 sed"
	dead := []string{a, "  10.9.0.11:80 Masq 0", "  10.9.0.12:80 Masq 0", "  10.9.0.99:80 Masq 1",
		b, "  10.9.0.11:80 Route 0", "  10.9.0.99:80 Route 1", c}
	alive := []string{a, "  10.9.0.11:80 Masq 5", "  10.9.0.12:80 Masq 7",
		b, "  10.9.0.11:80 Route 5", "  10.9.0.12:80 Route 7", "  10.9.0.99:80 Route 0",
		c, "  10.9.0.11:80 Tunnel 1", "  10.9.0.12:80 Tunnel 1"}

	phase(t, "all dead", func(t *testing.T) { p.wantTable(t, dead...) })
	phase(t, "all alive", func(t *testing.T) {
		p.port["11"].Open(t)
		p.port["12"].Open(t)
		p.wantTable(t, alive...)
	})
	phase(t, "one dead", func(t *testing.T) {
		p.port["11"].Close()
		p.wantTable(t, a, "  10.9.0.11:80 Masq 0", "  10.9.0.12:80 Masq 7",
			b, "  10.9.0.11:80 Route 0", "  10.9.0.12:80 Route 7", "  10.9.0.99:80 Route 0",
			c, "  10.9.0.12:80 Tunnel 1")
	})
	phase(t, "all dead again", func(t *testing.T) {
		p.port["12"].Close()
		p.wantTable(t, dead...)
	})
	phase(t, "one back", func(t *testing.T) {
		p.port["11"].Open(t)
		p.wantTable(t, a, "  10.9.0.11:80 Masq 5", "  10.9.0.12:80 Masq 0",
			b, "  10.9.0.11:80 Route 5", "  10.9.0.99:80 Route 0", c, "  10.9.0.11:80 Tunnel 1")
	})
	phase(t, "nothing after the stop", func(t *testing.T) {
		p.director.Stop(t)
		p.wantStays(t, "")
	})
}
