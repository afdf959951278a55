package clusters

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// webCluster is two directors and two web servers. The directors mark what is
// for the virtual address (10.4.1.190), ip_vs sends each mark to the web
// servers by direct routing.
type webCluster struct {
	lb, web  [2]*Node
	director [2]*Director
	mailbox  *SMTPServer
	client   *Node
}

const webVIP = "10.4.1.190"

func newWebCluster(t *testing.T, name string) *webCluster {
	lan := NewLAN(t, name)
	c := &webCluster{client: lan.Node(t, "client", "10.4.1.7/24")}
	mx := lan.Node(t, "mx", "10.4.1.25/24")
	c.mailbox = mx.ServeSMTP(t)
	for i := range c.web {
		c.web[i] = lan.Node(t, fmt.Sprintf("web%d", i+1), fmt.Sprintf("10.4.1.15%d/24", i+1))
		c.web[i].RunExample(t, "web-fwmark/web-server.sh", "start")
		c.web[i].ServeWeb(t)
	}
	for i := range c.lb {
		c.lb[i] = lan.Node(t, fmt.Sprintf("lb%d", i+1), fmt.Sprintf("10.4.1.18%d/24", i+1))
		c.lb[i].Sysctl(t, "net.ipv4.ip_forward=1")
		c.lb[i].File(t, "hosts", "127.0.0.1 localhost\n10.4.1.25 smtp.mail.ru\n", 0o644)
	}
	for i, lb := range c.lb {
		lb.RunExample(t, "web-fwmark/marks.sh", "start", c.lb[1-i].MAC(t))
	}
	return c
}

// start runs both directors, the first until it is master.
func (c *webCluster) start(t *testing.T) {
	t.Helper()
	for i, lb := range c.lb {
		c.director[i] = lb.Start(t, Example(t, fmt.Sprintf("web-fwmark/lb%d.conf", i+1)))
		lb.HasAddress(t, webVIP, i == 0)
	}
}

// webTable is what ipvsadm shows when the web servers have these weights.
// Direct routing keeps the port of the packet, so the destinations of a mark
// have port 0.
func webTable(weight1, weight2 int) string {
	var lines []string
	for mark := 1; mark <= 2; mark++ {
		lines = append(lines, fmt.Sprintf("FWM %d wrr", mark),
			fmt.Sprintf("  10.4.1.151:0 Route %d", weight1), fmt.Sprintf("  10.4.1.152:0 Route %d", weight2))
	}
	return table(lines...)
}

// fetch gets the front page through the director n times over each of HTTP and
// HTTPS and returns who answered.
func (c *webCluster) fetch(t *testing.T, n int) []string {
	t.Helper()
	var names []string
	for _, url := range []string{"http://" + webVIP, "https://" + webVIP} {
		for range n {
			name, err := c.client.Get(url, 20*time.Second)
			if err != nil {
				t.Errorf("GET %s: %v", url, err)
			}
			names = append(names, name)
		}
	}
	return names
}

func TestWebServersBehindFirewallMarks(t *testing.T) {
	c := newWebCluster(t, "web")
	c.start(t)

	phase(t, "both directors list both marks with two routed destinations of weight 100", func(t *testing.T) {
		for _, lb := range c.lb {
			lb.WaitTable(t, patience, webTable(100, 100))
		}
	})
	phase(t, "both web servers answer, with and without TLS", func(t *testing.T) {
		// Equal weights take turns: two requests, two servers.
		got := c.fetch(t, 2)
		slices.Sort(got[:2])
		slices.Sort(got[2:])
		if want := []string{"web1", "web2", "web1", "web2"}; !slices.Equal(got, want) {
			t.Errorf("two requests over HTTP and two over HTTPS were answered by %v, want %v", got, want)
		}
	})
	phase(t, "mail tells that the virtual router is master", func(t *testing.T) {
		c.waitMail(t, "[", "VRRP Instance VRRP_EXT - Entering MASTER state", 1)
	})
	phase(t, "the sync daemon follows the virtual router", func(t *testing.T) {
		c.waitSyncDaemon(t, 0, "master sync daemon (mcast=eth0, syncid=0, ")
		c.waitSyncDaemon(t, 1, "backup sync daemon (mcast=eth0, syncid=0, ")
	})
	phase(t, "a failing page leaves the web server with weight 0", func(t *testing.T) {
		page := c.web[0].Path("www/lbtest.html")
		if err := os.Rename(page, page+".away"); err != nil {
			t.Fatal(err)
		}
		// 5 s between checks, 5 more tries 2 s apart; twice for a slow machine
		for _, lb := range c.lb {
			lb.WaitTable(t, patience, webTable(0, 100))
		}
		if got, want := c.fetch(t, 2), []string{"web2", "web2", "web2", "web2"}; !slices.Equal(got, want) {
			t.Errorf("answered by %v, want %v", got, want)
		}
		if err := os.Rename(page+".away", page); err != nil {
			t.Fatal(err)
		}
		for _, lb := range c.lb {
			lb.WaitTable(t, patience, webTable(100, 100))
		}
	})
	phase(t, "a client notices the death of a director as one pause", func(t *testing.T) {
		series := Repeat(t, func() (string, error) { return c.client.Get("http://"+webVIP, time.Second) })
		Eventually(t, patience, "client is served by both", func() (string, bool) {
			got := series.Answers()
			return fmt.Sprint(got), slices.Contains(got, "web1") && slices.Contains(got, "web2")
		})
		before := len(series.Answers())
		c.director[0].Kill(t) // as a power cut does: no last advert, no address removed
		c.lb[0].Unplug(t)
		c.lb[1].HasAddress(t, webVIP, true)
		Eventually(t, patience, "client is served again", func() (string, bool) {
			got := series.Answers()
			last := got[max(before, len(got)-4):]
			return fmt.Sprint(got[before:]), len(last) == 4 && !slices.Contains(last, "")
		})
		answers := series.Stop()
		t.Logf("answers: %q", answers)
		// 3.8 s of silence until the other takes over (3*1s + 206/256*1s), each
		// failed request lasts up to a second: about 4 of them.
		if pauses := Pauses(answers); len(pauses) > 1 || slices.Max(append(pauses, 0)) > 10 {
			t.Errorf("requests that failed in a row: %v, want one pause of at most 10", pauses)
		}
		c.waitMail(t, "[", "VRRP Instance VRRP_EXT - Entering MASTER state", 2)
		c.waitSyncDaemon(t, 1, "master sync daemon (mcast=eth0, syncid=0, ")
	})
	phase(t, "stopping takes away our services and addresses and nothing else", func(t *testing.T) {
		foreign := table("TCP 10.4.1.77:99 rr", "  10.4.1.78:99 Route 1")
		c.lb[1].Run(t, "ipvsadm", "-A", "-t", "10.4.1.77:99", "-s", "rr")
		c.lb[1].Run(t, "ipvsadm", "-a", "-t", "10.4.1.77:99", "-r", "10.4.1.78:99", "-g")
		c.director[1].Stop(t)
		if got := c.lb[1].Table(t); got != foreign {
			t.Errorf("table after SIGTERM:\n%s\nwant only the service that somebody else made:\n%s", got, foreign)
		}
		if got := c.lb[1].Run(t, "ipvsadm", "-L", "--daemon"); strings.TrimSpace(got) != "" {
			t.Errorf("sync daemon after SIGTERM: %s", got)
		}
		c.lb[1].HasAddress(t, webVIP, false)
	})
}

// waitMail waits until n messages to the notification address have a subject
// with this beginning and end.
func (c *webCluster) waitMail(t *testing.T, begin, end string, n int) {
	t.Helper()
	Eventually(t, patience, fmt.Sprintf("%d mails %q", n, end), func() (string, bool) {
		var seen []string
		count := 0
		for _, m := range c.mailbox.Mails() {
			seen = append(seen, fmt.Sprintf("%s to %v: %s", m.From, m.To, m.Subject()))
			if strings.HasPrefix(m.Subject(), begin) && strings.HasSuffix(m.Subject(), end) &&
				slices.Equal(m.To, []string{"TO:<test@itc-life.ru>"}) && m.From == "FROM:<test@itc-life>" {
				count++
			}
		}
		return strings.Join(seen, "\n"), count >= n
	})
}

// waitSyncDaemon waits until ipvsadm shows one sync daemon on the i-th
// director, beginning so.
func (c *webCluster) waitSyncDaemon(t *testing.T, i int, want string) {
	t.Helper()
	Eventually(t, patience, c.lb[i].Name+" has the "+want, func() (string, bool) {
		got := strings.TrimSpace(c.lb[i].Run(t, "ipvsadm", "-L", "--daemon"))
		return got, strings.HasPrefix(got, want) && !strings.Contains(got, "\n")
	})
}
