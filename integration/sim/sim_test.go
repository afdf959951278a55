package sim

import (
	"flag"
	"strings"
	"testing"
	"time"

	"holdfast/vrrp"
)

var (
	seeds = flag.Uint64("seeds", 1000, "how many seeds to try")
	seed  = flag.Uint64("seed", 0, "try this seed alone and print its diary")
)

// try runs one seed; the error says what did not hold.
func try(seed uint64, opts Options) (*LAN, error) {
	l := NewLAN(seed, opts)
	l.Run(Settle)
	for range 4 {
		l.Trouble(6)
		if err := l.checkGroups(); err != nil {
			return l, err
		}
		l.Run(Settle)
		if err := l.Check(); err != nil {
			return l, err
		}
		if err := l.Peace(3 * time.Second); err != nil {
			return l, err
		}
	}
	return l, nil
}

func TestNetworksSettleWhateverHappens(t *testing.T) {
	first, last := uint64(1), *seeds
	if *seed != 0 {
		first, last = *seed, *seed
	}
	for s := first; s <= last; s++ {
		l, err := try(s, Options{})
		if err != nil {
			t.Fatalf("seed %d: %v\nrepeat with: go test ./integration/sim -run Settle -seed %d -v\n%s", s, err, s, strings.Join(l.diary, "\n"))
		}
		if *seed != 0 {
			t.Log("\n" + strings.Join(l.diary, "\n"))
		}
	}
}

func TestTheSameSeedWritesTheSameDiary(t *testing.T) {
	a, _ := try(7, Options{})
	b, _ := try(7, Options{})
	if strings.Join(a.diary, "\n") != strings.Join(b.diary, "\n") {
		t.Error("two runs of seed 7 differ")
	}
}

// lazy is a machine that never hears a higher rank while Active: a fault the
// simulator has to find.
type lazy struct{ vrrp.Machine }

func (m *lazy) Step(now time.Time, ev vrrp.Event, out []vrrp.Action) []vrrp.Action {
	if _, ok := ev.(vrrp.AdvertReceived); ok && m.State() == vrrp.Active {
		return out
	}
	return m.Machine.Step(now, ev, out)
}

// forgetful leaves its addresses behind when it yields.
type forgetful struct{ vrrp.Machine }

func (m *forgetful) Step(now time.Time, ev vrrp.Event, out []vrrp.Action) []vrrp.Action {
	was := m.State()
	acts := m.Machine.Step(now, ev, out)
	if was == vrrp.Active && m.State() == vrrp.Backup {
		for i, a := range acts {
			if _, ok := a.(vrrp.ApplyHost); ok {
				return append(acts[:i:i], acts[i+1:]...)
			}
		}
	}
	return acts
}

// silent never announces what was repaired.
type silent struct{ vrrp.Machine }

func (m *silent) Step(now time.Time, ev vrrp.Event, out []vrrp.Action) []vrrp.Action {
	if _, ok := ev.(vrrp.HostApplied); ok {
		return out
	}
	return m.Machine.Step(now, ev, out)
}

// stubborn keeps its old parameters at a reload.
type stubborn struct{ vrrp.Machine }

func (m *stubborn) Step(now time.Time, ev vrrp.Event, out []vrrp.Action) []vrrp.Action {
	if _, ok := ev.(vrrp.Reconfigure); ok {
		return out
	}
	return m.Machine.Step(now, ev, out)
}

// meek never preempts, whatever it was told.
type meek struct{ vrrp.Machine }

func (m *meek) Step(now time.Time, ev vrrp.Event, out []vrrp.Action) []vrrp.Action {
	switch e := ev.(type) {
	case vrrp.Startup:
		e.Params.PreemptMode = false
		ev = e
	case vrrp.Reconfigure:
		e.Params.PreemptMode = false
		ev = e
	}
	return m.Machine.Step(now, ev, out)
}

// restless resigns now and then for no reason.
type restless struct {
	vrrp.Machine
	ticks int
}

func (m *restless) Step(now time.Time, ev vrrp.Event, out []vrrp.Action) []vrrp.Action {
	if _, ok := ev.(vrrp.Tick); ok && m.State() == vrrp.Active {
		if m.ticks++; m.ticks%50 == 0 {
			ev = vrrp.Release{}
		}
	}
	return m.Machine.Step(now, ev, out)
}

func TestTheSimulatorFindsBrokenMachines(t *testing.T) {
	broken := map[string]func() machine{
		"an Active router that never yields":       func() machine { return &lazy{} },
		"addresses left behind by one that yields": func() machine { return &forgetful{} },
		"repaired addresses not announced":         func() machine { return &silent{} },
		"a reload that is not obeyed":              func() machine { return &stubborn{} },
		"a rank that does not preempt":             func() machine { return &meek{} },
		"resigning without a reason":               func() machine { return &restless{} },
	}
	for name, make := range broken {
		t.Run(name, func(t *testing.T) {
			for s := uint64(1); s <= 20; s++ {
				if _, err := try(s, Options{Machine: make}); err != nil {
					return
				}
			}
			t.Error("20 seeds found nothing")
		})
	}
}

// stallBackups counts transitions caused by stalls of routers that are not Active.
func stallBackups(opts Options) (transitions int) {
	for s := uint64(1); s <= 50; s++ {
		l := NewLAN(s, opts)
		l.Run(Settle)
		before := len(l.diary)
		for _, n := range l.nodes {
			backup := true
			for _, v := range n.routers {
				backup = backup && v.m.Snapshot().State == vrrp.Backup
			}
			if backup {
				l.stall(n, 8500*time.Millisecond) // longer than 3*2s + 2s
			}
		}
		l.Run(Settle)
		for _, line := range l.diary[before:] {
			if strings.Contains(line, "->") {
				transitions++
			}
		}
	}
	return transitions
}

func TestAStalledBackupDeposesNobody(t *testing.T) {
	if n := stallBackups(Options{}); n != 0 {
		t.Errorf("%d transitions after stalls, want none", n)
	}
}

func TestTheSimulatorSeesDeadlinesBeforeDatagrams(t *testing.T) {
	if n := stallBackups(Options{TickFirst: true}); n == 0 {
		t.Error("no transition although deadlines come before queued adverts")
	}
}
