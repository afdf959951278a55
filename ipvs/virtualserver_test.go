package ipvs_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/ipvs"
)

func server(last int, weight int64) ipvs.Server {
	a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(last)}), 80)
	return ipvs.Server{Key: a, Name: ipvs.ServerName(ipvs.TCP, a), Weight: weight, Checkers: []ipvs.Check{{ID: "tcp"}}}
}

func params(servers ...ipvs.Server) ipvs.Params {
	return ipvs.Params{Name: web.Name(), Keys: []ipvs.ServiceKey{web}, Service: ipvs.Service{Scheduler: "wrr"},
		Servers: servers, Quorum: 1}
}

func verdict(last int, up bool) ipvs.Event {
	return ipvs.VerdictChanged{Server: server(last, 0).Key, Check: "tcp", Up: up}
}

// tell prints actions as one line each: log lines as they are, notifications
// as the FIFO has them, "apply" with the pool that is wanted then.
func tell(v *ipvs.VirtualServer, actions []ipvs.Action) string {
	words := map[bool]string{true: "UP", false: "DOWN"}
	var lines []string
	for _, a := range actions {
		switch a := a.(type) {
		case ipvs.Apply:
			lines = append(lines, "apply "+pool(v))
		case ipvs.NotifyServer:
			line := fmt.Sprintf("RS .%d %s", a.Server.Addr().As4()[3], words[a.Up])
			if a.Gone {
				line += " gone"
			}
			if a.Initial {
				line += " initial"
			}
			lines = append(lines, line)
		case ipvs.NotifyQuorum:
			lines = append(lines, "VS "+words[a.Up])
		case ipvs.RealServerUp:
			lines = append(lines, a.Text)
		case ipvs.RealServerDown:
			lines = append(lines, a.Text)
		case ipvs.Reweighted:
			lines = append(lines, a.Text)
		case ipvs.QuorumGained:
			lines = append(lines, a.Text)
		case ipvs.QuorumLost:
			lines = append(lines, a.Text)
		case ipvs.SorryIn:
			lines = append(lines, a.Text)
		case ipvs.SorryOut:
			lines = append(lines, a.Text)
		case ipvs.Noted:
			lines = append(lines, a.Text)
		}
	}
	return strings.Join(lines, "\n")
}

// pool prints the destinations that v wants: last octet and weight.
func pool(v *ipvs.VirtualServer) string {
	p, ok := v.Desired()[web]
	if !ok {
		return "nothing"
	}
	var words []string
	for _, k := range p.DestinationKeys() {
		words = append(words, fmt.Sprintf(".%d=%d", k.Addr().As4()[3], p.Destinations[k].Weight))
	}
	if len(words) == 0 {
		return "empty"
	}
	return strings.Join(words, " ")
}

type step struct {
	ev   ipvs.Event
	want string
}

func play(t *testing.T, steps []step) {
	t.Helper()
	var v ipvs.VirtualServer
	for i, s := range steps {
		got := tell(&v, v.Step(s.ev, nil))
		want := strings.TrimSpace(strings.ReplaceAll(s.want, "\n\t\t\t", "\n"))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("step %d, %#v (-want +got):\n%s", i, s.ev, d)
		}
	}
}

// Log lines and their order: keepalived 2.2.7 on Linux 6.1. It empties the
// pool before the sorry server comes in; here one Apply does both.
func TestVirtualServerFollowsVerdicts(t *testing.T) {
	sorry := server(99, 1)
	p := params(server(11, 3), server(12, 2))
	p.Quorum, p.Hysteresis, p.Sorry = 3, 1, &sorry
	play(t, []step{
		{ipvs.Startup{Params: p}, `
			apply .11=3 .12=2
			Gained quorum 3+1=4 <= 5 for VS [10.9.0.100]:tcp:80
			VS UP`},
		{verdict(11, true), ""},
		{verdict(11, false), `
			Removing service [10.9.0.11]:tcp:80 from VS [10.9.0.100]:tcp:80
			apply .12=2
			RS .11 DOWN`}, // 2 is not below 3-1
		{verdict(11, false), ""},
		{verdict(12, false), `
			Removing service [10.9.0.12]:tcp:80 from VS [10.9.0.100]:tcp:80
			apply .99=1
			RS .12 DOWN
			Lost quorum 3-1=2 > 0 for VS [10.9.0.100]:tcp:80
			Adding sorry server [10.9.0.99]:tcp:80 to VS [10.9.0.100]:tcp:80
			Removing alive servers from the pool for VS [10.9.0.100]:tcp:80
			apply .99=1
			VS DOWN`},
		{verdict(12, true), `
			Adding service [10.9.0.12]:tcp:80 to VS [10.9.0.100]:tcp:80
			apply .99=1
			RS .12 UP`}, // 2 < 3+1
		{verdict(11, true), `
			Adding service [10.9.0.11]:tcp:80 to VS [10.9.0.100]:tcp:80
			apply .11=3 .12=2
			RS .11 UP
			Gained quorum 3+1=4 <= 5 for VS [10.9.0.100]:tcp:80
			Removing sorry server [10.9.0.99]:tcp:80 from VS [10.9.0.100]:tcp:80
			Adding alive servers to the pool for VS [10.9.0.100]:tcp:80
			apply .11=3 .12=2
			VS UP`},
		{ipvs.Shutdown{}, `
			apply nothing
			Shutting down service [10.9.0.11]:tcp:80 from VS [10.9.0.100]:tcp:80
			Shutting down service [10.9.0.12]:tcp:80 from VS [10.9.0.100]:tcp:80`},
		{verdict(11, false), ""},
	})
}

func TestLostQuorumIsGainedOnlyBeyondTheHysteresis(t *testing.T) {
	p := params(server(11, 3), server(12, 2))
	p.Quorum, p.Hysteresis = 3, 1
	var v ipvs.VirtualServer
	v.Step(ipvs.Startup{Params: p}, nil)
	for _, row := range []struct {
		ev ipvs.Event
		up bool
	}{
		{verdict(11, false), true},  // 2 = 3-1
		{verdict(12, false), false}, // 0
		{verdict(11, true), false},  // 3 < 3+1
		{verdict(12, true), true},   // 5
	} {
		v.Step(row.ev, nil)
		if got := v.Snapshot().QuorumUp; got != row.up {
			t.Errorf("after %v the quorum is up: %v, want %v", row.ev, got, row.up)
		}
	}
}

func TestInhibitedServersStayWithWeightZero(t *testing.T) {
	sorry, inhibited, alpha := server(99, 1), server(11, 5), server(12, 7)
	sorry.Inhibit, inhibited.Inhibit = true, true
	alpha.Checkers[0].Alpha = true
	p := params(inhibited, alpha)
	p.Sorry, p.Omega = &sorry, true
	play(t, []step{
		{ipvs.Startup{Params: p}, `
			apply .11=5 .99=0
			Gained quorum 1+0=1 <= 5 for VS [10.9.0.100]:tcp:80
			VS UP`},
		{verdict(11, false), `
			Disabling service [10.9.0.11]:tcp:80 of VS [10.9.0.100]:tcp:80
			apply .11=0 .99=1
			RS .11 DOWN
			Lost quorum 1-0=1 > 0 for VS [10.9.0.100]:tcp:80
			Enabling sorry server [10.9.0.99]:tcp:80 to VS [10.9.0.100]:tcp:80
			Removing alive servers from the pool for VS [10.9.0.100]:tcp:80
			apply .11=0 .99=1
			VS DOWN`},
		{verdict(12, true), `
			Adding service [10.9.0.12]:tcp:80 to VS [10.9.0.100]:tcp:80
			apply .11=0 .12=7 .99=0
			RS .12 UP
			Gained quorum 1+0=1 <= 7 for VS [10.9.0.100]:tcp:80
			Disabling sorry server [10.9.0.99]:tcp:80 from VS [10.9.0.100]:tcp:80
			Adding alive servers to the pool for VS [10.9.0.100]:tcp:80
			apply .11=0 .12=7 .99=0
			VS UP`},
		{ipvs.Shutdown{}, `
			apply nothing
			Shutting down service [10.9.0.11]:tcp:80 from VS [10.9.0.100]:tcp:80
			Shutting down service [10.9.0.12]:tcp:80 from VS [10.9.0.100]:tcp:80
			RS .12 DOWN
			VS DOWN`},
	})
}

func TestStartBelowQuorumSpeaksOnlyWithASorryServer(t *testing.T) {
	alpha, sorry := server(11, 1), server(99, 1)
	alpha.Checkers[0].Alpha = true
	play(t, []step{{ipvs.Startup{Params: params(alpha)}, "apply empty"}})
	p := params(alpha)
	p.Sorry = &sorry
	play(t, []step{{ipvs.Startup{Params: p}, `
			apply .99=1
			Starting with quorum down 1-0=1 > 0 for VS [10.9.0.100]:tcp:80
			Adding sorry server [10.9.0.99]:tcp:80 to VS [10.9.0.100]:tcp:80
			Removing alive servers from the pool for VS [10.9.0.100]:tcp:80
			apply .99=1
			VS DOWN`}})
}

func TestReloadKeepsWhatIsKnown(t *testing.T) {
	quorum5, changed := params(server(11, 9), server(13, 3)), params(server(11, 9), server(13, 3))
	quorum5.Quorum = 5
	changed.Quorum, changed.Servers[0].Checkers = 1, []ipvs.Check{{ID: "http"}}
	play(t, []step{
		{ipvs.Startup{Params: params(server(11, 1), server(12, 2))}, `
			apply .11=1 .12=2
			Gained quorum 1+0=1 <= 3 for VS [10.9.0.100]:tcp:80
			VS UP`},
		{ipvs.Reconfigure{Params: params(server(11, 1), server(12, 2))}, "apply .11=1 .12=2"},
		{ipvs.Reconfigure{Params: params(server(11, 9), server(13, 3))}, `
			Changing weight from 1 to 9 for active service [10.9.0.11]:tcp:80 of VS [10.9.0.100]:tcp:80
			service [10.9.0.12]:tcp:80 no longer exist
			RS .12 DOWN gone
			apply .11=9 .13=3`},
		{verdict(12, false), ""}, // late verdict about a removed server
		{verdict(11, false), `
			Removing service [10.9.0.11]:tcp:80 from VS [10.9.0.100]:tcp:80
			apply .13=3
			RS .11 DOWN`},
		{ipvs.Reconfigure{Params: quorum5}, `
			apply .13=3
			Starting with quorum down 5-0=5 > 3 for VS [10.9.0.100]:tcp:80
			VS DOWN`},
		{ipvs.Reconfigure{Params: changed}, `
			Adding service [10.9.0.11]:tcp:80 to VS [10.9.0.100]:tcp:80
			RS .11 UP
			apply .11=9 .13=3
			Gained quorum 1+0=1 <= 12 for VS [10.9.0.100]:tcp:80
			VS UP`},
		{ipvs.Removed{}, `
			Removing service [10.9.0.11]:tcp:80 from VS [10.9.0.100]:tcp:80
			RS .11 DOWN gone
			Removing service [10.9.0.13]:tcp:80 from VS [10.9.0.100]:tcp:80
			RS .13 DOWN gone
			VS DOWN
			apply nothing`},
	})
}

func TestSorryServerComesAndGoesByReload(t *testing.T) {
	sorry := server(99, 1)
	down := params(server(11, 1), server(12, 1))
	down.Quorum = 2
	with := down
	with.Sorry = &sorry
	play(t, []step{
		{ipvs.Startup{Params: down}, "apply .11=1 .12=1\nGained quorum 2+0=2 <= 2 for VS [10.9.0.100]:tcp:80\nVS UP"},
		{verdict(11, false), `
			Removing service [10.9.0.11]:tcp:80 from VS [10.9.0.100]:tcp:80
			apply .12=1
			RS .11 DOWN
			Lost quorum 2-0=2 > 1 for VS [10.9.0.100]:tcp:80
			VS DOWN`}, // without a sorry server the rest goes on
		{ipvs.Reconfigure{Params: with}, `
			apply .99=1
			Adding sorry server [10.9.0.99]:tcp:80 to VS [10.9.0.100]:tcp:80
			Removing alive servers from the pool for VS [10.9.0.100]:tcp:80
			apply .99=1`},
		{ipvs.Reconfigure{Params: down}, "Removing sorry server [10.9.0.99]:tcp:80 from VS [10.9.0.100]:tcp:80\napply .12=1"},
	})
}

func TestWeightsOfChecks(t *testing.T) {
	key := server(11, 0).Key
	play(t, []step{
		{ipvs.Startup{Params: params(server(11, 10))}, "apply .11=10\nGained quorum 1+0=1 <= 10 for VS [10.9.0.100]:tcp:80\nVS UP"},
		{ipvs.WeightChanged{Server: key, Weight: 253}, `
			Changing weight from 10 to 253 for active service [10.9.0.11]:tcp:80 of VS [10.9.0.100]:tcp:80
			apply .11=253`},
		{ipvs.WeightChanged{Server: key, Weight: 253}, ""},
		{ipvs.WeightChanged{Server: key, Weight: -5}, `
			Changing weight from 253 to 0 for active service [10.9.0.11]:tcp:80 of VS [10.9.0.100]:tcp:80
			apply .11=0
			Lost quorum 1-0=1 > 0 for VS [10.9.0.100]:tcp:80
			VS DOWN`},
		{ipvs.WeightChanged{Server: key, Weight: 1 << 40}, `
			Changing weight from 0 to 2147483647 for active service [10.9.0.11]:tcp:80 of VS [10.9.0.100]:tcp:80
			apply .11=2147483647
			Gained quorum 1+0=1 <= 2147483647 for VS [10.9.0.100]:tcp:80
			VS UP`},
	})
}

func TestFirstBadCheckTakesDownAndLastGoodBringsBack(t *testing.T) {
	s := server(11, 1)
	s.Checkers = []ipvs.Check{{ID: "tcp"}, {ID: "http"}}
	var v ipvs.VirtualServer
	v.Step(ipvs.Startup{Params: params(s)}, nil)
	for _, row := range []struct {
		check string
		up    bool
		want  string
	}{{"tcp", false, "empty"}, {"http", false, "empty"}, {"tcp", true, "empty"}, {"http", true, ".11=1"}} {
		v.Step(ipvs.VerdictChanged{Server: s.Key, Check: row.check, Up: row.up}, nil)
		if got := pool(&v); got != row.want {
			t.Errorf("after %s %v the pool is %q, want %q", row.check, row.up, got, row.want)
		}
	}
}

func TestSorryServerThatIsARealServerStandsOnce(t *testing.T) {
	sorry := server(12, 1)
	p := params(server(11, 1), server(12, 2))
	p.Sorry = &sorry
	var v ipvs.VirtualServer
	v.Step(ipvs.Startup{Params: p}, nil)
	for _, row := range []struct {
		ev   ipvs.Event
		want string
	}{{verdict(11, false), ".12=2"}, {verdict(12, false), ".12=1"}, {verdict(12, true), ".12=2"}} {
		v.Step(row.ev, nil)
		if got := pool(&v); got != row.want {
			t.Errorf("after %v the pool is %q, want %q", row.ev, got, row.want)
		}
	}
}

func TestGroupServesEveryMemberWithItsPort(t *testing.T) {
	nat, dr := server(11, 1), server(12, 1)
	dr.Method = ipvs.DirectRoute
	p := params(nat, dr)
	p.Keys = []ipvs.ServiceKey{ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort("10.9.0.100:8080")), mark}
	var v ipvs.VirtualServer
	v.Step(ipvs.Startup{Params: p}, nil)
	want := `-A -t 10.9.0.100:8080 -s wrr
-a -t 10.9.0.100:8080 -r 10.9.0.11:80 -m -w 1
-a -t 10.9.0.100:8080 -r 10.9.0.12:8080 -g -w 1
-A -f 7 -s wrr
-a -f 7 -r 10.9.0.11:80 -m -w 1
-a -f 7 -r 10.9.0.12:0 -g -w 1
`
	if d := cmp.Diff(want, v.Desired().String()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
	if err := v.Desired().Validate(); err != nil {
		t.Error(err)
	}
}

func TestSuccessorResumesWithoutATransition(t *testing.T) {
	p := params(server(11, 1), server(12, 1))
	var old, next ipvs.VirtualServer
	old.Step(ipvs.Startup{Params: p}, nil)
	old.Step(verdict(11, false), nil)
	s := old.Snapshot()
	if got := tell(&next, next.Step(ipvs.Startup{Params: p, Resume: &s}, nil)); got != "apply .12=1" {
		t.Errorf("resumes with %q, want only the pool without .11", got)
	}
}

// The pool is a function of verdicts, not of the way to them, whenever the
// quorum has no hysteresis.
func TestAnyOrderOfVerdictsGivesTheSamePool(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sorry := server(99, 1)
		p := params(server(11, 1), server(12, 2), server(13, 3))
		p.Quorum, p.Sorry = uint64(rapid.IntRange(1, 6).Draw(rt, "quorum")), &sorry
		var walk, direct ipvs.VirtualServer
		walk.Step(ipvs.Startup{Params: p}, nil)
		direct.Step(ipvs.Startup{Params: p}, nil)
		last := map[int]bool{}
		for range rapid.IntRange(0, 12).Draw(rt, "verdicts") {
			n, up := rapid.IntRange(11, 13).Draw(rt, "server"), rapid.Bool().Draw(rt, "up")
			walk.Step(verdict(n, up), nil)
			last[n] = up
		}
		for n, up := range last {
			direct.Step(verdict(n, up), nil)
		}
		if a, b := walk.Desired().String(), direct.Desired().String(); a != b {
			rt.Fatalf("pools differ:\n%s\n%s", a, b)
		}
	})
}

func TestServersThatAreUpFromTheStartAreToldOnlyIfAsked(t *testing.T) {
	p := params(server(11, 1), server(12, 1))
	p.Servers[1].Checkers[0].Alpha = true
	p.InitNotify = true
	more := p
	more.Servers = append(append([]ipvs.Server(nil), p.Servers...), server(13, 1))
	play(t, []step{
		{ipvs.Startup{Params: p}, `
			apply .11=1
			RS .11 UP initial
			Gained quorum 1+0=1 <= 1 for VS [10.9.0.100]:tcp:80
			VS UP`}, // .12 waits for its first success
		{verdict(12, true), `
			Adding service [10.9.0.12]:tcp:80 to VS [10.9.0.100]:tcp:80
			apply .11=1 .12=1
			RS .12 UP`},
		{ipvs.Reconfigure{Params: more}, `
			apply .11=1 .12=1 .13=1
			RS .13 UP initial`}, // those that stay are told once
		{ipvs.Reconfigure{Params: more}, `
			apply .11=1 .12=1 .13=1`},
	})
}
