package clusters

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// mailCluster is four nodes, each a director and a relay: the master's ip_vs
// hands connections to all four by direct routing.
type mailCluster struct {
	lan      *LAN
	node     []*Node
	relay    []*SMTPServer
	director []*Director
	client   *Node
}

const mailVIP = "192.168.3.100"

// noted runs the script of the example and notes how it was called.
const noted = `#!/bin/sh
sh /vm/examples/mail-relay/bypass_ipvs.py "$@"
echo "$# $*" >>/etc/keepalived/calls
`

func newMailCluster(t *testing.T, name string, nodes int) *mailCluster {
	c := &mailCluster{lan: NewLAN(t, name), director: make([]*Director, nodes)}
	c.client = c.lan.Node(t, "client", "192.168.3.7/24")
	for i := range nodes {
		n := c.lan.Node(t, fmt.Sprintf("relay%d", i+1), fmt.Sprintf("192.168.3.10%d/24", i+1))
		n.File(t, "keepalived/bypass_ipvs.py", noted, 0o755)
		c.node = append(c.node, n)
		c.relay = append(c.relay, n.ServeSMTP(t))
	}
	return c
}

// config is the configuration of the i-th node: the first is as published, the
// others begin as BACKUP with lower priorities, as its comments tell.
func (c *mailCluster) config(t *testing.T, i int) string {
	t.Helper()
	conf := Example(t, "mail-relay/keepalived.conf")
	if i == 0 {
		return conf
	}
	conf = change(t, conf, "state MASTER", "state BACKUP")
	return change(t, conf, "priority 100\n", fmt.Sprintf("priority %d\n", 100-10*i))
}

// mailTable is what ipvsadm shows with these relays in.
func mailTable(relays ...int) string {
	lines := []string{"TCP 192.168.3.100:25 wlc"}
	for _, r := range relays {
		lines = append(lines, fmt.Sprintf("  192.168.3.10%d:25 Route 1", r))
	}
	return table(lines...)
}

// waitCalls waits until the script of the node was called exactly so.
func waitCalls(t *testing.T, n *Node, want ...string) {
	t.Helper()
	Eventually(t, patience, fmt.Sprintf("script of %s called with %q", n.Name, want), func() (string, bool) {
		calls := n.Read(t, "keepalived/calls")
		return calls, slices.Equal(strings.FieldsFunc(calls, func(r rune) bool { return r == '\n' }), want)
	})
}

// banners connects n times and returns the names that greeted, each once.
func (c *mailCluster) banners(t *testing.T, n int) []string {
	t.Helper()
	var names []string
	for range n {
		name, err := c.client.Banner(mailVIP+":25", 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestMailRelaysThatBalanceEachOther(t *testing.T) {
	whole := t // what a phase starts and leaves running
	c := newMailCluster(t, "mail", 4)
	mailbox := c.lan.Node(t, "mx", "192.168.3.1/24").ServeSMTP(t)
	capture := c.client.serve(t, "tcpdump", "-l", "-n", "-i", "eth0", "ip proto 112")
	c.director[0] = c.node[0].Start(t, c.config(t, 0))
	c.node[0].HasAddress(t, mailVIP, true)
	for i := 1; i < 4; i++ {
		c.director[i] = c.node[i].Start(t, c.config(t, i))
	}

	phase(t, "every node lists all four relays", func(t *testing.T) {
		for _, n := range c.node {
			n.WaitTable(t, patience, mailTable(1, 2, 3, 4))
		}
	})
	phase(t, "scripts run with the arguments in the file", func(t *testing.T) {
		// state MASTER only shortens the way: BACKUP comes first
		waitCalls(t, c.node[0], "2 -a 192.168.3.100", "2 -r 192.168.3.100")
		for _, n := range c.node[1:] {
			waitCalls(t, n, "2 -a 192.168.3.100")
		}
	})
	phase(t, "a client that connects again and again is greeted by all four", func(t *testing.T) {
		if got, want := c.banners(t, 24), []string{"relay1", "relay2", "relay3", "relay4"}; !slices.Equal(got, want) {
			t.Errorf("greeted by %v, want %v", got, want)
		}
	})
	phase(t, "relays are checked under the name in the file", func(t *testing.T) {
		for i, r := range c.relay {
			Eventually(t, patience, fmt.Sprintf("relay%d is checked", i+1), func() (string, bool) {
				got := r.Helos()
				return fmt.Sprint(got), slices.Contains(got, "smtpchecker.domain.ru")
			})
		}
	})
	phase(t, "adverts look as published", func(t *testing.T) {
		want := "192.168.3.101 > 224.0.0.18: VRRPv2, Advertisement, vrid 11, prio 100, authtype simple, intvl 2s, length 20\n"
		Eventually(t, patience, "tcpdump shows "+strings.TrimSpace(want), func() (string, bool) {
			return capture.log.String(), strings.Contains(capture.log.String(), want)
		})
	})
	phase(t, "a stopped relay leaves, a started one comes back", func(t *testing.T) {
		c.relay[2].Close()
		// 2 s between checks, 3 more tries 1 s apart; the rest is for a slow machine
		for _, n := range c.node {
			n.WaitTable(t, time.Minute, mailTable(1, 2, 4))
		}
		if got, want := c.banners(t, 12), []string{"relay1", "relay2", "relay4"}; !slices.Equal(got, want) {
			t.Errorf("greeted by %v, want %v", got, want)
		}
		waitSubject(t, mailbox, "[server01.domain.ru] Realserver [192.168.3.103]:tcp:25 of virtual server [192.168.3.100]:tcp:25 - DOWN")
		c.relay[2] = c.node[2].ServeSMTP(whole)
		for _, n := range c.node {
			n.WaitTable(t, time.Minute, mailTable(1, 2, 3, 4))
		}
		waitSubject(t, mailbox, "[server01.domain.ru] Realserver [192.168.3.103]:tcp:25 of virtual server [192.168.3.100]:tcp:25 - UP")
	})
	phase(t, "the address moves when the master's daemon stops", func(t *testing.T) {
		c.director[0].Stop(t)
		c.node[1].HasAddress(t, mailVIP, true)
		c.node[0].HasAddress(t, mailVIP, false)
		waitCalls(t, c.node[1], "2 -a 192.168.3.100", "2 -r 192.168.3.100")
		for _, n := range c.node[2:] {
			waitCalls(t, n, "2 -a 192.168.3.100")
		}
		// The first node runs no script when it is stopped: its relay answers
		// checks, but not what is sent to the virtual address.
		waitCalls(t, c.node[0], "2 -a 192.168.3.100", "2 -r 192.168.3.100")
		if got := c.node[0].Table(t); got != "" {
			t.Errorf("table of the stopped node:\n%s\nwant none", got)
		}
		c.node[0].RunExample(t, "mail-relay/bypass_ipvs.py", "-a", mailVIP) // the administrator helps
		if got, want := c.banners(t, 24), []string{"relay1", "relay2", "relay3", "relay4"}; !slices.Equal(got, want) {
			t.Errorf("greeted by %v, want %v", got, want)
		}
	})
}

// waitSubject waits for a message with this subject to the address in the file.
func waitSubject(t *testing.T, s *SMTPServer, want string) {
	t.Helper()
	Eventually(t, patience, "mail "+want, func() (string, bool) {
		var seen []string
		for _, m := range s.Mails() {
			seen = append(seen, fmt.Sprintf("%v: %s", m.To, m.Subject()))
		}
		return strings.Join(seen, "\n"), slices.Contains(seen, "[TO:<unix_adm@domain.ru>]: "+want)
	})
}

// TestMailRelayAsCopiedFromTheWeb starts the file as one gets it by copying
// the page that published it: indented with no-break spaces from some line on,
// comments in Cyrillic, one relay. keepalived drops the whole virtual server.
func TestMailRelayAsCopiedFromTheWeb(t *testing.T) {
	if isKeepalived() {
		t.Skip("keepalived reads no-break spaces as parts of words")
	}
	c := newMailCluster(t, "copied", 1)
	d := c.node[0].Start(t, Example(t, "mail-relay/as-copied-from-the-web.conf"))
	c.node[0].HasAddress(t, mailVIP, true)
	c.node[0].WaitTable(t, patience, mailTable(1))
	waitCalls(t, c.node[0], "2 -a 192.168.3.100", "2 -r 192.168.3.100")
	if got, want := c.banners(t, 2), []string{"relay1"}; !slices.Equal(got, want) {
		t.Errorf("greeted by %v, want %v", got, want)
	}
	var said []string
	for line := range strings.Lines(d.Log()) {
		if strings.Contains(line, "no-break") {
			said = append(said, line)
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], "/etc/keepalived/keepalived.conf:2:1: ") {
		t.Errorf("log says of no-break spaces %q, want once where they begin: line 2", said)
	}
	d.Stop(t)
	if got := c.node[0].Table(t); got != "" {
		t.Errorf("table after SIGTERM:\n%s", got)
	}
}
