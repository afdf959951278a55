package clusters

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

const web6VIP = "fd04::190"

// web6Table is what ipvsadm shows with these web servers alive.
func web6Table(alive ...int) string {
	byMark := []string{"FWM 3 IPv6 wrr"}
	byAddress := []string{"TCP [fd04::190]:443 rr"}
	for i := 1; i <= 2; i++ {
		weight := 0 // inhibited
		if slices.Contains(alive, i) {
			weight = 1
			byMark = append(byMark, fmt.Sprintf("  [fd04::15%d]:0 Route 100", i))
		}
		byAddress = append(byAddress, fmt.Sprintf("  [fd04::15%d]:443 Route %d", i, weight))
	}
	return table(append(byMark, byAddress...)...)
}

// TestWebServersOverIPv6 is the web cluster with VRRP version 3, ip6tables and
// both kinds of service.
func TestWebServersOverIPv6(t *testing.T) {
	conf, err := testdata.ReadFile("testdata/web6.conf")
	if err != nil {
		t.Fatal(err)
	}
	lan := NewLAN(t, "web6")
	client := lan.Node(t, "client", "fd04::7/64")
	var web, lb [2]*Node
	for i := range web {
		web[i] = lan.Node(t, fmt.Sprintf("web%d", i+1), fmt.Sprintf("fd04::15%d/64", i+1))
		web[i].Sysctl(t, "net.ipv6.conf.all.forwarding=1")
		for _, port := range []string{"80", "443"} {
			web[i].Run(t, "ip6tables", "-t", "nat", "-A", "PREROUTING", "-d", web6VIP, "-p", "tcp", "--dport", port, "-j", "REDIRECT")
		}
		web[i].ServeWeb(t)
	}
	for i := range lb {
		lb[i] = lan.Node(t, fmt.Sprintf("lb%d", i+1), fmt.Sprintf("fd04::18%d/64", i+1))
		lb[i].Sysctl(t, "net.ipv6.conf.all.forwarding=1")
	}
	var director [2]*Director
	for i, n := range lb {
		mangle := func(args ...string) {
			n.Run(t, "ip6tables", append([]string{"-t", "mangle", "-A", "PREROUTING", "-d", web6VIP, "-p", "tcp", "--dport", "80"}, args...)...)
		}
		mangle("-m", "mac", "--mac-source", lb[1-i].MAC(t), "-j", "RETURN")
		mangle("-j", "MARK", "--set-mark", "3")
		text := string(conf)
		if i == 1 {
			text = change(t, text, "priority 100", "priority 90")
		}
		director[i] = n.Start(t, text)
		n.HasAddress(t, web6VIP, i == 0)
	}
	served := func(t *testing.T, want ...string) {
		t.Helper()
		for _, url := range []string{"http://[" + web6VIP + "]", "https://[" + web6VIP + "]"} {
			var got []string
			for range 2 {
				name, err := client.Get(url, 20*time.Second)
				if err != nil {
					t.Errorf("GET %s: %v", url, err)
				}
				got = append(got, name)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: answered by %v, want %v", url, got, want)
			}
		}
	}

	phase(t, "both web servers answer, by mark and by address", func(t *testing.T) {
		for _, n := range lb {
			n.WaitTable(t, patience, web6Table(1, 2))
		}
		served(t, "web1", "web2")
	})
	phase(t, "a failing page ends that", func(t *testing.T) {
		page := web[0].Path("www/lbtest.html")
		if err := os.Rename(page, page+".away"); err != nil {
			t.Fatal(err)
		}
		for _, n := range lb {
			n.WaitTable(t, patience, web6Table(2))
		}
		served(t, "web2", "web2")
		if err := os.Rename(page+".away", page); err != nil {
			t.Fatal(err)
		}
		for _, n := range lb {
			n.WaitTable(t, patience, web6Table(1, 2))
		}
		served(t, "web1", "web2")
	})
	phase(t, "a client notices the death of a director as one pause", func(t *testing.T) {
		series := Repeat(t, func() (string, error) { return client.Get("http://["+web6VIP+"]", time.Second) })
		Eventually(t, patience, "client is served", func() (string, bool) {
			got := series.Answers()
			return fmt.Sprint(got), len(got) > 3
		})
		before := len(series.Answers())
		director[0].Kill(t)
		lb[0].Unplug(t)
		lb[1].HasAddress(t, web6VIP, true)
		Eventually(t, patience, "client is served again", func() (string, bool) {
			got := series.Answers()
			last := got[max(before, len(got)-4):]
			return fmt.Sprint(got[before:]), len(last) == 4 && !slices.Contains(last, "")
		})
		answers := series.Stop()
		t.Logf("answers: %q", answers)
		// 3.65 s of silence (3*1s + 166/256*1s), a failed request takes up to one
		if pauses := Pauses(answers); len(pauses) > 1 || slices.Max(append(pauses, 0)) > 10 {
			t.Errorf("requests that failed in a row: %v, want one pause of at most 10", pauses)
		}
	})
	phase(t, "stopping takes away services and addresses", func(t *testing.T) {
		director[1].Stop(t)
		if got := lb[1].Table(t); got != "" {
			t.Errorf("table after SIGTERM:\n%s", got)
		}
		lb[1].HasAddress(t, web6VIP, false)
	})
}
