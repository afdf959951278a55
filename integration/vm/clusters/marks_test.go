package clusters

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestAGroupIsBalancedBehindItsMark runs both daemons with nftables_ipvs: the table
// of ip_vs is the same, and connections to every address of the group are balanced,
// also to those that a reload adds, while others live on.
func TestAGroupIsBalancedBehindItsMark(t *testing.T) {
	conf := func(entries string) string {
		return "global_defs {\nnftables_ipvs\n}\nvirtual_server_group G {\n" + entries + "}\n" +
			virtual("group G", "lvs_sched rr\nlvs_method NAT\nprotocol TCP", real("10.9.0.1 8001", "weight 3"))
	}
	const first, more = "10.9.0.1 80\n10.9.0.50-51 81\n", "10.9.0.1 80\n10.9.0.50-51 81\n10.9.0.1 82\n"
	const want = "-A -f 1000 -s rr; -a -f 1000 -r 10.9.0.1:8001 -m -w 3"
	for i, w := range twins(t, "mrk") {
		client := w.lan.Node(t, "client", "10.9.0.7/24")
		batch(t, w.node.ns, "addr add 10.9.0.50/32 dev eth0", "addr add 10.9.0.51/32 dev eth0")
		port := w.node.Listen(t, "10.9.0.1:8001")
		w.director = w.node.StartProgram(t, w.program, conf(first))
		w.shows(t, want)
		reaches := func(addr string) {
			t.Helper()
			Eventually(t, patience, fmt.Sprintf("%s: %s answers", w.program, addr), func() (string, bool) {
				conn, err := client.dial("tcp4", addr, patience)
				if err != nil {
					return err.Error(), false
				}
				t.Cleanup(func() { conn.Close() })
				return "", true
			})
		}
		for _, addr := range []string{"10.9.0.1:80", "10.9.0.50:81", "10.9.0.51:81"} {
			reaches(addr)
		}
		w.director.Reload(t, conf(more))
		reaches("10.9.0.1:82")
		w.shows(t, want)
		list := w.node.Run(t, "ipvsadm", "-Lnc")
		for _, addr := range []string{"10.9.0.1:80", "10.9.0.50:81", "10.9.0.51:81", "10.9.0.1:82"} {
			if !slices.ContainsFunc(strings.Split(list, "\n"), func(l string) bool { return strings.Contains(l, addr+" ") && strings.Contains(l, "10.9.0.1:8001") }) {
				t.Errorf("%s: the connection to %s is not shown:\n%s", w.program, addr, list)
			}
		}
		t.Logf("%s:\n%s", w.program, w.node.Run(t, "nft", "list", "ruleset"))
		w.director.Stop(t)
		if got := w.node.Run(t, "nft", "list", "ruleset"); got != "" {
			t.Errorf("%s leaves:\n%s", w.program, got)
		}
		if got := w.node.Run(t, "ipvsadm", "-Sn"); got != "" && i == 1 { // keepalived leaves services of groups
			t.Errorf("%s leaves:\n%s", w.program, got)
		}
		port.Close()
	}
}
