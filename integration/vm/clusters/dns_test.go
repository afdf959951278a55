package clusters

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dnsCluster is a pair of name servers that are directors, too.
type dnsCluster struct {
	example  string
	node     [2]*Node
	named    [2]*Server
	director [2]*Director
	client   *Node
}

const dnsVIP = "10.2.1.5"

func newDNSCluster(t *testing.T, name, example string) *dnsCluster {
	lan := NewLAN(t, name)
	c := &dnsCluster{example: example, client: lan.Node(t, "client", "10.2.1.77/24")}
	for i := range c.node {
		n := lan.Node(t, fmt.Sprintf("ns%d", i+1), fmt.Sprintf("10.2.1.%d/24", i+2))
		n.File(t, "keepalived/keepalived-notify.sh", Example(t, example+"/keepalived-notify.sh"), 0o755)
		c.node[i] = n
	}
	return c
}

// start starts name servers and directors, the first until it is master: both
// have the same priority.
func (c *dnsCluster) start(t *testing.T) {
	t.Helper()
	for i, n := range c.node {
		c.named[i] = n.ServeDNS(t)
	}
	for i := range c.node {
		c.startDirector(t, i)
		c.node[i].HasAddress(t, dnsVIP, i == 0)
	}
}

func (c *dnsCluster) startDirector(t *testing.T, i int) {
	t.Helper()
	c.director[i] = c.node[i].Start(t, Example(t, c.example+"/keepalived.conf"))
}

// dnsTable is what ipvsadm shows with these destinations, by last octet.
func dnsTable(octets ...int) string {
	var lines []string
	for _, protocol := range []string{"TCP", "UDP"} {
		lines = append(lines, protocol+" 10.2.1.5:53 rr")
		for _, o := range octets {
			lines = append(lines, fmt.Sprintf("  10.2.1.%d:53 Masq 1", o))
		}
	}
	return table(lines...)
}

// ask asks n times through the virtual address and returns who answered.
func (c *dnsCluster) ask(t *testing.T, network string, n int) []string {
	t.Helper()
	var names []string
	for range n {
		name, err := c.client.AskTXT(network, dnsVIP+":53", 20*time.Second)
		if err != nil {
			t.Fatalf("ask over %s: %v", network, err)
		}
		names = append(names, name)
	}
	return names
}

// wantAlternating checks that both name servers answer in strict turns.
func (c *dnsCluster) wantAlternating(t *testing.T) {
	t.Helper()
	for _, network := range []string{"udp4", "tcp4"} {
		got := c.ask(t, network, 8)
		want := []string{"ns1", "ns2", "ns1", "ns2", "ns1", "ns2", "ns1", "ns2"}
		if got[0] == "ns2" { // who is first depends on who was asked last
			want = append(want[1:], "ns2")
			want[7] = "ns1"
		}
		if !slices.Equal(got, want) {
			t.Errorf("answers over %s from %v, want %v", network, got, want)
		}
	}
}

var stamp = regexp.MustCompile(`(?m)^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] `)

// states are the lines that the notify script wrote, with [time] for the time.
func states(t *testing.T, n *Node) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.LogDir(), "keepalived-state.log"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return stamp.ReplaceAllString(string(text), "[time] ")
}

func waitStates(t *testing.T, n *Node, want ...string) {
	t.Helper()
	var all string
	for _, w := range want {
		all += "[time] /etc/keepalived/keepalived-notify.sh INSTANCE VI_1 " + w + "\n"
	}
	Eventually(t, patience, fmt.Sprintf("%s was told %q", n.Name, want), func() (string, bool) {
		got := states(t, n)
		return got, got == all
	})
}

func TestNameServersTakeTurns(t *testing.T) {
	whole := t // what a phase starts and leaves running
	c := newDNSCluster(t, "dns2", "dns-2-balanced")
	for _, n := range c.node {
		n.RunExample(t, "dns-2-balanced/nat.sh", "start")
	}
	c.start(t)

	phase(t, "both directors list both name servers over UDP and TCP", func(t *testing.T) {
		for _, n := range c.node {
			n.WaitTable(t, patience, dnsTable(2, 3))
		}
	})
	phase(t, "answers alternate strictly", func(t *testing.T) { c.wantAlternating(t) })
	phase(t, "the notify script is told the states", func(t *testing.T) {
		waitStates(t, c.node[0], "BACKUP 100", "MASTER 100")
		waitStates(t, c.node[1], "BACKUP 100")
	})
	phase(t, "when a name server stops all answers are the other's", func(t *testing.T) {
		c.named[1].Stop(t)
		// 10 s between checks; over UDP 3 more tries 10 s apart
		for _, n := range c.node {
			n.WaitTable(t, 2*time.Minute, dnsTable(2))
		}
		for _, network := range []string{"udp4", "tcp4"} {
			if got, want := c.ask(t, network, 4), []string{"ns1", "ns1", "ns1", "ns1"}; !slices.Equal(got, want) {
				t.Errorf("answers over %s from %v, want %v", network, got, want)
			}
		}
	})
	phase(t, "a killed checker process changes nothing and is started again", func(t *testing.T) {
		if isKeepalived() {
			t.Skip("keepalived believes in every server again when its checkers start")
		}
		killCheckers(t, c.director[0], dnsTable(2))
	})
	phase(t, "when it returns they alternate again", func(t *testing.T) {
		c.named[1] = c.node[1].ServeDNS(whole)
		for _, n := range c.node {
			n.WaitTable(t, patience, dnsTable(2, 3))
		}
		c.wantAlternating(t)
	})
	phase(t, "a restart of the master moves the address, and it stays there", func(t *testing.T) {
		c.director[0].Stop(t)
		if got := c.node[0].Table(t); got != "" {
			t.Errorf("table after SIGTERM:\n%s", got)
		}
		c.node[1].HasAddress(t, dnsVIP, true)
		c.startDirector(whole, 0)
		waitStates(t, c.node[0], "BACKUP 100", "MASTER 100", "STOP 100", "BACKUP 100")
		waitStates(t, c.node[1], "BACKUP 100", "MASTER 100")
		c.node[0].WaitTable(t, patience, dnsTable(2, 3))
		c.node[0].HasAddress(t, dnsVIP, false)
		c.wantAlternating(t)
	})
}

// killCheckers kills the checking child and looks until its successor has
// checked everything: the table must be want all the time.
func killCheckers(t *testing.T, d *Director, want string) {
	t.Helper()
	old := d.Checkers(t)
	if old == 0 {
		t.Fatalf("%s: no checker process", d.node.Name)
	}
	checks := strings.Count(d.Log(), "DNS_CHECK")
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	looks := 0
	look := func() {
		looks++
		if got := d.node.Table(t); got != want {
			t.Fatalf("table after the checker process died:\n%s\nwant it unchanged:\n%s", got, want)
		}
	}
	Eventually(t, patience, "another checker process runs", func() (string, bool) {
		look()
		pid := d.Checkers(t)
		return fmt.Sprintf("killed %d, now %d", old, pid), pid != 0 && pid != old
	})
	// The dead server fails its checks again (a second after the start, then
	// every 10 s) and still does not come back.
	for began := time.Now(); time.Since(began) < 15*time.Second; {
		look()
		time.Sleep(pause)
	}
	t.Logf("%d looks at the table, %d lines of DNS_CHECK before, %d after", looks, checks, strings.Count(d.Log(), "DNS_CHECK"))
}

func TestNameServersSeeTheClientsAddress(t *testing.T) {
	c := newDNSCluster(t, "dns3", "dns-3-client-ip")
	for i, n := range c.node {
		n.Link(t, "eth1", fmt.Sprintf("10.2.1.%d/24", i+6))
		n.RunExample(t, "dns-3-client-ip/replies.sh", "start")
	}
	c.start(t)

	phase(t, "the second addresses serve while the first are checked", func(t *testing.T) {
		for _, n := range c.node {
			n.WaitTable(t, patience, dnsTable(6, 7))
		}
	})
	phase(t, "answers alternate strictly", func(t *testing.T) { c.wantAlternating(t) })
	phase(t, "name servers log the client's own address", func(t *testing.T) {
		for i, s := range c.named {
			log := s.log.String()
			if !strings.Contains(log, " 10.2.1.77#") {
				t.Errorf("ns%d never logged client 10.2.1.77:\n%s", i+1, log)
			}
			if strings.Contains(log, " "+dnsVIP+"#") {
				t.Errorf("ns%d logged the virtual address as client:\n%s", i+1, log)
			}
		}
	})
	phase(t, "the other director takes over with the same answers", func(t *testing.T) {
		c.director[0].Stop(t)
		c.node[1].HasAddress(t, dnsVIP, true)
		c.node[0].HasAddress(t, dnsVIP, false)
		c.wantAlternating(t)
	})
}
