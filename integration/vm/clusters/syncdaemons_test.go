package clusters

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// syncConf has holes for lines of global_defs and of the instance.
const syncConf = `global_defs {
    GLOBAL
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 77
    LINE
    virtual_ipaddress {
        10.9.0.100
    }
}
virtual_server 10.8.0.1 80 {
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    real_server 10.9.0.11 80 {
    }
}
`

// syncSteps are lines of one configuration that is reloaded step by step, and
// what ipvsadm -L --daemon shows then, line by line and in any order.
var syncSteps = []struct {
	name, global, line string
	anew               bool // started with it, not reloaded
	want               []string
}{
	{name: "an interface and an instance", global: "lvs_sync_daemon eth0 VI_1",
		want: []string{"master sync daemon (mcast=eth0, syncid=77, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"}},
	{name: "all parameters", global: "lvs_sync_daemon eth0 inst VI_1 id 33 maxlen 1400 port 9999 ttl 3 group 224.0.0.99",
		want: []string{"master sync daemon (mcast=eth0, syncid=33, maxlen=1400, group=224.0.0.99, port=9999, ttl=3)"}},
	{name: "in another order", global: "lvs_sync_daemon eth0 ttl 4 id 0 group 239.1.2.3 inst VI_1 port 1 maxlen 100",
		want: []string{"master sync daemon (mcast=eth0, syncid=0, maxlen=100, group=239.1.2.3, port=1, ttl=4)"}},
	{name: "a group of IPv6", global: "lvs_sync_daemon eth0 inst VI_1 group ff02::99",
		want: []string{"master sync daemon (mcast=eth0, syncid=77, maxlen=1452, group=ff02::99, port=8848, ttl=1)"}},
	{name: "the id alone", global: "lvs_sync_daemon eth0 inst VI_1 id 255",
		want: []string{"master sync daemon (mcast=eth0, syncid=255, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"}},
	{name: "without an instance, both roles", global: "lvs_sync_daemon eth0 id 7", anew: true,
		want: []string{"backup sync daemon (mcast=eth0, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)",
			"master sync daemon (mcast=eth0, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"}},
	{name: "the old spelling in the instance", line: "lvs_sync_daemon_interface eth0", anew: true,
		want: []string{"master sync daemon (mcast=eth0, syncid=0, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"}},
}

// TestSyncDaemonsAreThoseOfKeepalived: both daemons run the same sync daemons
// for the same lines, from the start and after each reload.
func TestSyncDaemonsAreThoseOfKeepalived(t *testing.T) {
	whole, both := t, twins(t, "syn") // the daemons outlive their phases
	conf := func(i int) string {
		return strings.NewReplacer("GLOBAL", syncSteps[i].global, "LINE", syncSteps[i].line).Replace(syncConf)
	}
	for i, s := range syncSteps {
		phase(t, s.name, func(t *testing.T) {
			for _, w := range both {
				if w.director != nil && s.anew {
					w.director.Stop(t)
				}
				if w.director == nil || s.anew {
					w.director = w.node.StartProgram(whole, w.program, conf(i))
				} else {
					w.director.Reload(t, conf(i))
				}
			}
			for _, w := range both {
				w.synchronises(t, s.want...)
			}
		})
	}
	phase(t, "none after the stop", func(t *testing.T) {
		for _, w := range both {
			w.director.Stop(t)
			w.synchronises(t)
		}
	})
}

// synchronises waits until ipvsadm -L --daemon shows these lines, and it has
// stayed so for a while.
func (w *twin) synchronises(t *testing.T, want ...string) {
	t.Helper()
	same := time.Now()
	Eventually(t, patience, w.program+" runs "+strings.Join(want, ", "), func() (string, bool) {
		got := strings.Split(strings.TrimSpace(w.node.Run(t, "ipvsadm", "-L", "--daemon")), "\n")
		got = slices.DeleteFunc(got, func(line string) bool { return line == "" })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			same = time.Now()
		}
		return strings.Join(got, "\n"), time.Since(same) > time.Second
	})
}
