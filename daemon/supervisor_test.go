package daemon

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/internal/event"
	"holdfast/track"
)

// office is a supervisor without processes: what it logs, what it publishes,
// and the far ends of the links to its children.
type office struct {
	*supervisor
	lines *[]string

	mu        sync.Mutex
	published []string
}

func newOffice(t *testing.T, text string, children ...role) (*office, map[role]*link) {
	t.Helper()
	lines := &[]string{}
	o := &office{lines: lines}
	o.supervisor = &supervisor{
		log: newLogger(slog.LevelInfo, recorder{lines}), conf: configtest.Understood(t, text), bus: event.NewBus(),
		children: map[role]*child{}, deaths: map[role]int{}, resume: map[string]snapshot{}, groups: map[string]string{}, servers: map[string]string{},
	}
	o.bus.Subscribe("test", event.KeepLastState, func(f event.Fact) {
		o.mu.Lock()
		defer o.mu.Unlock()
		f.Seq, f.Time = 0, time.Time{}
		o.published = append(o.published, f.String())
	})
	far := map[role]*link{}
	for _, r := range children {
		near, other := net.Pipe()
		o.children[r] = &child{role: r, link: newLink(near)}
		far[r] = newLink(other)
		t.Cleanup(func() { far[r].Close(0) })
	}
	t.Cleanup(func() {
		for _, c := range o.children {
			c.link.Close(0)
		}
	})
	return o, far
}

// heard ends the bus and returns what was published.
func (o *office) heard(t *testing.T) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := o.bus.Close(ctx); err != nil {
		t.Fatal(err)
	}
	return o.published
}

func became(kind event.Kind, name, to string) event.Fact {
	return event.Fact{Type: event.Transitioned, Kind: kind, Name: name, To: to, Time: time.Unix(1, 0)}
}

// TestARestartedChildDoesNotRepeatItsPredecessor: hooks run once per change of
// state, however often a process dies.
func TestARestartedChildDoesNotRepeatItsPredecessor(t *testing.T) {
	const vs, rs = "[10.9.0.100]:tcp:80", "[10.9.1.1]:tcp:80 of [10.9.0.100]:tcp:80"
	tests := map[string]struct {
		checkersDied bool
		facts        []event.Fact
		want         []string
	}{
		"a router's life": {false,
			[]event.Fact{became(event.Instance, "VI_1", "BACKUP"), became(event.Instance, "VI_1", "MASTER"), became(event.Instance, "VI_1", "BACKUP")},
			[]string{"transitioned instance VI_1  -> BACKUP", "transitioned instance VI_1  -> MASTER", "transitioned instance VI_1  -> BACKUP"}},
		"master again after a crash is no news": {false,
			[]event.Fact{became(event.Instance, "VI_1", "MASTER"), became(event.Instance, "VI_1", "MASTER")},
			[]string{"transitioned instance VI_1  -> MASTER"}},
		"two routers are two": {false,
			[]event.Fact{became(event.Instance, "VI_1", "MASTER"), became(event.Instance, "VI_2", "MASTER")},
			[]string{"transitioned instance VI_1  -> MASTER", "transitioned instance VI_2  -> MASTER"}},
		"a group that is where it was is no news": {false,
			[]event.Fact{became(event.Group, "G", "MASTER"), became(event.Group, "G", "MASTER"), became(event.Group, "G", "BACKUP"), became(event.Group, "G", "STOP"), became(event.Group, "G", "STOP")},
			[]string{"transitioned group G  -> MASTER", "transitioned group G  -> BACKUP", "transitioned group G  -> STOP", "transitioned group G  -> STOP"}},
		"a stop is always told": {false,
			[]event.Fact{became(event.Instance, "VI_1", "STOP"), became(event.Instance, "VI_1", "STOP")},
			[]string{"transitioned instance VI_1  -> STOP", "transitioned instance VI_1  -> STOP"}},
		"a lower priority is an event, not a state": {false,
			[]event.Fact{{Type: event.LowerPriority, Kind: event.Instance, Name: "VI_1"}, {Type: event.LowerPriority, Kind: event.Instance, Name: "VI_1"}},
			[]string{"lower-priority instance VI_1", "lower-priority instance VI_1"}},
		"a real server's life": {false,
			[]event.Fact{became(event.RealServer, rs, "UP"), became(event.RealServer, rs, "DOWN")},
			[]string{"transitioned real-server " + rs + "  -> UP", "transitioned real-server " + rs + "  -> DOWN"}},
		"without a crash every report counts": {false,
			[]event.Fact{became(event.VirtualServer, vs, "UP"), became(event.VirtualServer, vs, "UP")},
			[]string{"transitioned virtual-server " + vs + "  -> UP", "transitioned virtual-server " + vs + "  -> UP"}},
		"after a crash only what is new": {true,
			[]event.Fact{became(event.RealServer, rs, "DOWN"), became(event.RealServer, rs, "DOWN"), became(event.RealServer, rs, "UP")},
			[]string{"transitioned real-server " + rs + "  -> DOWN", "transitioned real-server " + rs + "  -> UP"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o, _ := newOffice(t, configtest.Router())
			if tt.checkersDied {
				o.deaths[roleCheckers] = 1
			}
			for _, f := range tt.facts {
				o.handleFact(f)
			}
			if diff := cmp.Diff(tt.want, o.heard(t)); diff != "" {
				t.Errorf("published (-want +got):\n%s", diff)
			}
		})
	}
}

func TestASuccessorIsToldWhichServersWereDown(t *testing.T) {
	o, _ := newOffice(t, "")
	for _, f := range []event.Fact{
		became(event.RealServer, "b of v", "DOWN"), became(event.RealServer, "a of v", "DOWN"),
		became(event.RealServer, "c of v", "DOWN"), became(event.RealServer, "c of v", "UP"),
		became(event.VirtualServer, "v", "DOWN"), became(event.Instance, "VI_1", "FAULT"),
	} {
		o.handleFact(f)
	}
	o.heard(t)
	if got, want := o.downServers(), []string{"a of v", "b of v"}; !slices.Equal(got, want) {
		t.Errorf("down: %q, want %q", got, want)
	}
	if diff := cmp.Diff(map[string]snapshot{"VI_1": {State: "FAULT", Since: time.Unix(1, 0)}}, o.resume); diff != "" {
		t.Errorf("remembered routers (-want +got):\n%s", diff)
	}
}

// TestServersThatWereDownHaveToProveThemselves: as if they were alpha.
func TestServersThatWereDownHaveToProveThemselves(t *testing.T) {
	conf := configtest.Understood(t, configtest.Balancer("10.9.1.1 8080 {\n        TCP_CHECK {\n        }\n    }",
		"10.9.1.1 8080 {\n        TCP_CHECK {\n        }\n    }\n    real_server 10.9.1.2 8080 {\n        TCP_CHECK {\n        }\n    }")).Config
	distrust(conf.Services, []string{"[10.9.1.2]:tcp:8080 of [10.9.0.100]:tcp:80", "[10.9.1.9]:tcp:8080 of [10.9.0.100]:tcp:80"})
	specs := conf.Checks()
	if len(specs) != 2 || specs[0].Timing.Alpha || !specs[1].Timing.Alpha {
		t.Errorf("%d checks, alpha %v and %v, want 2, false and true", len(specs), specs[0].Timing.Alpha, specs[1].Timing.Alpha)
	}
}

func TestTheCheckersHearOfEveryStateOfARouter(t *testing.T) {
	o, far := newOffice(t, configtest.Router()+configtest.Balancer(), roleVRRP, roleCheckers)
	o.handleFact(became(event.Instance, "VI_1", "MASTER"))
	m := <-far[roleCheckers].Messages()
	if m.Instance == nil || *m.Instance != (instanceMessage{"VI_1", "MASTER"}) {
		t.Errorf("the checkers were told %+v", m)
	}
	o.heard(t)
}

func TestStartIsCompleteWhenEveryChildIs(t *testing.T) {
	o, _ := newOffice(t, configtest.Router()+configtest.Balancer(), roleVRRP, roleCheckers)
	told := 0
	ready := func() { told++ }
	say := func(r role) {
		o.handleMessage(childMessage{o.children[r], message{Ready: true}, true})
		o.announceWhenReady(ready)
	}
	say(roleVRRP)
	if told != 0 || len(*o.lines) != 0 {
		t.Errorf("with one of two children ready: told %d, log %q", told, *o.lines)
	}
	say(roleCheckers)
	say(roleCheckers)
	if diff := cmp.Diff([]string{"Startup complete"}, *o.lines); told != 1 || diff != "" {
		t.Errorf("told %d times; log (-want +got):\n%s", told, diff)
	}
	o.heard(t)
}

func TestAChildThatGivesUpEndsTheDaemonWithItsStatus(t *testing.T) {
	o, far := newOffice(t, configtest.Router()+configtest.Balancer(), roleVRRP, roleCheckers)
	o.tracks = newTrackers(o.bus)
	o.children[roleVRRP].cmd = deadProcess()
	o.handleMessage(childMessage{o.children[roleVRRP], message{Failed: &failedMessage{Status: ExitPermission, Reason: "FATAL"}}, true})
	dead := o.children[roleVRRP]
	dead.silent = true
	o.handleExit(childExit{child: dead})
	if !o.stopping || o.status != ExitPermission {
		t.Errorf("stopping %v with status %d, want true and 4", o.stopping, o.status)
	}
	if m := <-far[roleCheckers].Messages(); !m.Stop {
		t.Errorf("the other child was told %+v, want to stop", m)
	}
	want := []string{"pid 4711 exited with permanent error FATAL. Terminating", "Stopping"}
	if diff := cmp.Diff(want, *o.lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	o.tracks.close(t.Context())
	o.heard(t)
}

func TestASecondStopChangesNothing(t *testing.T) {
	o, far := newOffice(t, configtest.Router(), roleVRRP)
	o.tracks = newTrackers(o.bus)
	o.stop(ExitConfig)
	o.stop(ExitOK)
	if o.status != ExitConfig {
		t.Errorf("status %d, want that of the first reason, 2", o.status)
	}
	if m := <-far[roleVRRP].Messages(); !m.Stop {
		t.Errorf("the child was told %+v", m)
	}
	if diff := cmp.Diff([]string{"Stopping"}, *o.lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	o.tracks.close(t.Context())
	o.heard(t)
}

func TestAReloadDuringAReloadIsQueued(t *testing.T) {
	o, _ := newOffice(t, configtest.Router(), roleVRRP)
	o.announced, o.reloading = true, true
	o.reload()
	o.reload()
	if diff := cmp.Diff([]string{"Reload already in progress, request queued", "Reload already in progress, request queued"}, *o.lines); !o.queued || diff != "" {
		t.Errorf("queued %v; log (-want +got):\n%s", o.queued, diff)
	}
	o.heard(t)
}

func TestAReloadWithoutAFileKeepsWhatRuns(t *testing.T) {
	o, _ := newOffice(t, configtest.Router(), roleVRRP)
	o.announced, o.opt.ConfigFile = true, t.TempDir()+"/gone.conf"
	was := o.conf
	o.reload()
	if o.conf != was || o.reloading {
		t.Errorf("reloading %v, configuration replaced %v", o.reloading, o.conf != was)
	}
	if len(*o.lines) != 2 || (*o.lines)[0] != "Reloading ..." {
		t.Errorf("log %q", *o.lines)
	}
	o.heard(t)
}

// TestAnExitDoesNotSwallowWhatAnotherChildSaid: the wait for a dead child's
// last words takes in what others say, and a reload ends by it.
func TestAnExitDoesNotSwallowWhatAnotherChildSaid(t *testing.T) {
	o, _ := newOffice(t, configtest.Router(), roleVRRP, roleCheckers)
	o.announced, o.reloading, o.inbox = true, true, make(chan childMessage)
	gone := o.children[roleCheckers]
	gone.leaving = true
	var said sync.WaitGroup
	said.Go(func() {
		o.inbox <- childMessage{o.children[roleVRRP], message{Ready: true}, true}
		o.inbox <- childMessage{from: gone}
	})
	o.handleExit(childExit{child: gone})
	said.Wait()
	o.announceWhenReady(func() {})
	if diff := cmp.Diff([]string{"Reload complete"}, *o.lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	o.heard(t)
}

func TestVerdictsGoToWhomTheyConcern(t *testing.T) {
	o, far := newOffice(t, configtest.Router()+configtest.Balancer(), roleVRRP, roleCheckers)
	script := verdict{Kind: track.Script, Name: "chk", State: track.Up}
	file := verdict{Kind: track.File, Name: "n", Value: 5}
	o.tellVerdict(script)
	o.tellVerdict(file)
	for _, want := range []struct {
		to   role
		what verdict
	}{{roleVRRP, script}, {roleVRRP, file}, {roleCheckers, file}} {
		if m := <-far[want.to].Messages(); m.Verdict == nil || *m.Verdict != want.what {
			t.Errorf("%v was told %+v, want %+v", want.to, m.Verdict, want.what)
		}
	}
	o.heard(t)
}
