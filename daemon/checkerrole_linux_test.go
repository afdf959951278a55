package daemon

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"holdfast/checkers"
	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/ipvs"
	"holdfast/ipvs/ipvstest"
)

// ward is a checker role whose probes never get to run: no virtual time passes
// before their warm-up is over. Verdicts are given by hand.
type ward struct {
	*checkerRole
	plane  *ipvstest.Fake
	parent *link
	lines  *[]string
}

func newWard(t *testing.T, text string) *ward {
	t.Helper()
	near, far := net.Pipe()
	w := &ward{plane: &ipvstest.Fake{}, parent: newLink(far), lines: &[]string{}}
	log := newLogger(LevelDetail, recorder{w.lines})
	w.checkerRole = &checkerRole{
		childProcess: &childProcess{log: log, link: newLink(near), conf: configtest.Understood(t, text).Config},
		reports:      newMailbox[checkers.Report](), states: map[string]string{}, keeper: newKeeper(log, w.plane),
	}
	w.know(nil)
	ctx, cancel := context.WithCancel(t.Context())
	var helpers sync.WaitGroup
	helpers.Go(func() { w.keeper.run(ctx) })
	w.pool = checkers.NewPool(w.reports.put)
	helpers.Go(func() { w.pool.Run(ctx, w.conf.Checks()) })
	t.Cleanup(func() {
		cancel()
		helpers.Wait()
		w.link.Close(0)
		w.parent.Close(0)
	})
	if err := w.adopt(ctx, w.conf.Services); err != nil {
		t.Fatal(err)
	}
	return w
}

// handleReport is one report and all that follows from it.
func (w *ward) handleReport(rep checkers.Report) {
	w.checkerRole.handleReport(rep)
	w.apply()
}

func (w *ward) tracked(v verdict) {
	w.checkerRole.tracked(v)
	w.apply()
}

// decide is a verdict of the only check of a real server.
func (w *ward) decide(t *testing.T, server string, up bool) {
	t.Helper()
	status, err := w.pool.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, spec := range w.conf.Checks() {
		if spec.Names.Server == server {
			w.handleReport(checkers.Report{ID: status[i].ID, Spec: spec, Action: checkers.VerdictChanged{Up: up}})
			return
		}
	}
	t.Fatalf("no check of %s", server)
}

// weights is the kernel's table: destination → weight.
func (w *ward) weights(t *testing.T) map[string]uint32 {
	t.Helper()
	table, err := w.plane.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]uint32{}
	for _, pool := range table {
		for addr, d := range pool.Destinations {
			all[addr.String()] = d.Weight
		}
	}
	return all
}

// heard is what the parent was told until now.
func (w *ward) heard() []string {
	w.link.Send(message{Ready: true})
	var all []string
	for m := range w.parent.Messages() {
		if m.Ready {
			break
		}
		all = append(all, m.Fact.Name+" "+m.Fact.To+" ("+m.Fact.Detail+")")
	}
	return all
}

// pairOfServers is a virtual server whose two real servers are checked.
func pairOfServers() string {
	return configtest.Balancer("10.9.1.1 8080 {\n        TCP_CHECK {\n        }\n    }",
		"10.9.1.1 80 {\n        weight 3\n        TCP_CHECK {\n        }\n    }\n    real_server 10.9.1.2 80 {\n        TCP_CHECK {\n        }\n    }")
}

func TestAVerdictReachesTheKernelAndTheParent(t *testing.T) {
	const (
		first, second = "[10.9.1.1]:tcp:80", "[10.9.1.2]:tcp:80"
		service       = "[10.9.0.100]:tcp:80"
	)
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, pairOfServers())
		steps := []struct {
			server string
			up     bool
			table  map[string]uint32
			told   []string
		}{
			{first, false, map[string]uint32{"10.9.1.2:80": 1}, []string{first + " of " + service + " DOWN (TCP CHECK failed on service)"}},
			{first, false, map[string]uint32{"10.9.1.2:80": 1}, nil}, // nothing new
			{second, false, map[string]uint32{}, []string{second + " of " + service + " DOWN (TCP CHECK failed on service)",
				service + " DOWN (Lost quorum 1-0=1 > 0)"}},
			{first, true, map[string]uint32{"10.9.1.1:80": 3}, []string{service + " UP (Gained quorum 1+0=1 <= 3)",
				first + " of " + service + " UP (TCP CHECK succeed on service)"}},
		}
		if diff := cmp.Diff(map[string]uint32{"10.9.1.1:80": 3, "10.9.1.2:80": 1}, w.weights(t)); diff != "" {
			t.Errorf("at the start (-want +got):\n%s", diff)
		}
		w.heard()
		for i, s := range steps {
			w.decide(t, s.server, s.up)
			if diff := cmp.Diff(s.table, w.weights(t)); diff != "" {
				t.Errorf("step %d, table (-want +got):\n%s", i, diff)
			}
			got := w.heard()
			slices.Sort(got)
			want := slices.Sorted(slices.Values(s.told))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("step %d, told (-want +got):\n%s", i, diff)
			}
		}
	})
}

// TestAReloadKeepsWhatTheChecksKnow: a server that is down stays down, one
// that is removed is taken out, a new one comes in.
func TestAReloadKeepsWhatTheChecksKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, pairOfServers())
		w.decide(t, "[10.9.1.1]:tcp:80", false)
		changed := configtest.Spoil(pairOfServers(), "10.9.1.2 80 {", "10.9.1.3 80 {")
		w.reload(t.Context(), nil, reloadMessage{Config: configtest.Understood(t, changed).Encoded})
		if diff := cmp.Diff(map[string]uint32{"10.9.1.3:80": 1}, w.weights(t)); diff != "" {
			t.Errorf("after the reload (-want +got):\n%s", diff)
		}
		w.reload(t.Context(), nil, reloadMessage{Config: configtest.Understood(t, "global_defs {\n}\n").Encoded})
		table, err := w.plane.Read(t.Context())
		if err != nil || len(table) != 0 {
			t.Errorf("after the last virtual server went: %v, %v", table, err)
		}
	})
}

func TestTimeoutsOfTheKernelComeBackWhenTheyAreNoLongerConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, "global_defs {\nlvs_timeouts tcp 100\n}\n"+pairOfServers())
		was, err := w.plane.Timeouts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tcp := func() ipvs.Timeouts {
			synctest.Wait()
			now, err := w.plane.Timeouts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return now
		}
		w.changeTimeouts(&config.Config{}, w.conf)
		if now := tcp(); now.TCP.Seconds() != 100 {
			t.Errorf("TCP timeout %v, want 100s", now.TCP)
		}
		w.changeTimeouts(w.conf, &config.Config{})
		if now := tcp(); now != was {
			t.Errorf("timeouts %v, want the kernel's own, %v", now, was)
		}
	})
}

func TestWhereTheIPVSTableIs(t *testing.T) {
	service := configtest.Balancer()
	tests := map[string]struct {
		conf string
		want ipvs.Options
	}{
		"where the daemon is":           {"", ipvs.Options{}},
		"also in another one":           {"net_namespace red\n", ipvs.Options{}},
		"in one by name":                {"net_namespace red\nnet_namespace_ipvs blue\n", ipvs.Options{Netns: "/run/netns/blue"}},
		"without a name in the default": {"net_namespace_ipvs\n", ipvs.Options{Netns: "/proc/1/ns/net"}},
		"with a receive buffer":         {"global_defs {\nlvs_netlink_cmd_rcv_bufs 4000000\nlvs_netlink_cmd_rcv_bufs_force\n}\n", ipvs.Options{ReceiveBuffer: 4000000, ForceBuffer: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, ipvsOptions(&configtest.Understood(t, tt.conf+service).Config.Global)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
