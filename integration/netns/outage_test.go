package netns

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The times of the outage table, all of version 3 with 200 ms between adverts:
// a has priority 150, b 100.
const (
	outageInterval = 200 * time.Millisecond
	outageSkewB    = 121875 * time.Microsecond                 // 156/256 * 0.2s
	outageDownB    = 3*outageInterval + outageSkewB            // 721.875ms
	outageDownA    = 3*outageInterval + 82813*time.Microsecond // 106/256 * 0.2s
)

// Marks of the hosts.
const (
	markA = 0
	markB = 1
)

// topology is what the two routers are configured as.
type topology string

const (
	plain     topology = "plain"
	syncGroup topology = "sync group"
	vmac      topology = "VMAC"
)

// scene is two routers, a active and b backup, and a third host that watches.
type scene struct {
	*Lab
	topology
	kinds   pairing
	a, b    *Host
	da, db  *Daemon
	watcher *Watcher
}

// outageRoute is a virtual route of the routers.
const outageRoute = "198.51.100.0/24"

// conf is the configuration of a router. more are addresses that no advert
// names: keepalived refuses adverts that name others than its own.
func (s *scene) conf(priority int, more ...string) string {
	r := Router{Version: 3, Interval: outageInterval, Priority: priority, VIPs: []string{"10.9.0.100/24"},
		Extra: "virtual_routes {\n " + outageRoute + " via 10.9.0.3 dev eth0\n}"}
	if len(more) > 0 {
		r.Extra += "\nvirtual_ipaddress_excluded {\n " + strings.Join(more, "\n ") + "\n}"
	}
	switch s.topology {
	case syncGroup:
		r.After = fmt.Sprintf("vrrp_instance VI_2 {\n interface eth0\n virtual_router_id 52\n version 3\n advert_int %g\n priority %d\n"+
			" virtual_ipaddress {\n  10.9.0.101/24\n }\n}\nvrrp_sync_group G {\n group {\n  VI_1\n  VI_2\n }\n}\n", outageInterval.Seconds(), priority)
	case vmac:
		r.Extra += "\nuse_vmac"
	}
	return r.Conf()
}

func newScene(t *testing.T, top topology, kinds pairing) *scene {
	t.Helper()
	s := &scene{Lab: NewLab(t), topology: top, kinds: kinds}
	s.a, s.b = s.Host("a", 1), s.Host("b", 2)
	c := s.Host("c", 3)
	s.a.Mark(markA)
	s.b.Mark(markB)
	vips := []string{"10.9.0.100"}
	if top == syncGroup {
		vips = append(vips, "10.9.0.101")
	}
	s.watcher = c.Watch(5*time.Millisecond, vips...)
	s.startA()
	s.until("a is active", outageInterval, markA)
	s.db = s.b.Start(kinds.b, s.conf(100))
	s.db.WaitLog(time.Time{}, 10*time.Second, `\(VI_1\) Entering BACKUP STATE`)
	s.until("a is active and b is there", outageDownB, markA)
	return s
}

func (s *scene) startA() {
	began := time.Now()
	s.da = s.a.Start(s.kinds.a, s.conf(150))
	s.da.WaitLog(began, 10*time.Second, `\(VI_1\) Entering BACKUP STATE`)
}

// until waits for a span, after now, in which the marked hosts, and no others,
// had all addresses.
func (s *scene) until(what string, span time.Duration, marks ...int) {
	s.t.Helper()
	asked := time.Now()
	Eventually(s.t, outageDownB+span+8*time.Second, what, func() bool {
		return time.Since(asked) > span+onTheWay && s.watcher.Steady(span, marks...)
	})
}

// all sends a signal to all processes of a's daemon, the parent first.
func (s *scene) all(sig syscall.Signal) {
	pid := s.da.cmd.Process.Pid
	for _, p := range append([]int{pid}, descendants(pid)...) {
		syscall.Kill(p, sig)
	}
}

// fault is what happens to a. strike returns when the consequences are there,
// heal undoes it; nil: there is nothing to undo.
type fault struct {
	name         string
	strike, heal func(t *testing.T, s *scene)
	struck       bound
	healed       bound
	// keepalived is struck where keepalived does not repair but resigns or begins
	// anew, and the other takes over meanwhile.
	keepalived bound
}

// bound is how long at most nobody and more than one have the address, but for
// what the machine is late. inevitable says why there is no bound on two.
type bound struct {
	none, two  time.Duration
	inevitable string
	start      bool // two counts from when the daemon is there again
}

var faults = []fault{
	{
		name: "reload that adds an address",
		strike: func(t *testing.T, s *scene) {
			s.da.Reload(s.conf(150, "10.9.0.109/24"))
			Eventually(t, 5*time.Second, "the new address is there", func() bool { return s.a.Holds("10.9.0.109") })
			s.until("a goes on", outageDownB, markA)
		},
		heal: func(t *testing.T, s *scene) {
			s.da.Reload(s.conf(150))
			Eventually(t, 5*time.Second, "the new address is gone", func() bool { return !s.a.Holds("10.9.0.109") })
			s.until("a goes on", outageDownB, markA)
		},
	},
	{
		name: "virtual address deleted by hand",
		strike: func(t *testing.T, s *scene) {
			s.a.IP("addr", "del", "10.9.0.100/24", "dev", s.a.carrier("10.9.0.100"))
			s.until("a has it again", 2*outageDownB, markA)
		},
		keepalived: bound{none: outageDownB},
	},
	{
		name: "virtual route deleted by hand",
		strike: func(t *testing.T, s *scene) {
			s.a.IP("route", "del", outageRoute)
			s.until("a has all again", 2*outageDownB, markA)
			Eventually(t, 5*time.Second, "the route is back", func() bool { return strings.Contains(s.a.IP("route"), outageRoute) })
		},
		keepalived: bound{none: outageDownB},
	},
	{
		name: "stop, and start",
		strike: func(t *testing.T, s *scene) {
			s.da.Signal(syscall.SIGTERM)
			s.until("b is active", outageInterval, markB)
			s.da.WaitEnd(5 * time.Second)
		},
		heal:   func(t *testing.T, s *scene) { s.startA() },
		struck: bound{none: outageSkewB},
	},
	{
		name: "kill -9 of the VRRP process",
		strike: func(t *testing.T, s *scene) {
			child, err := s.da.VRRPChild()
			if err != nil {
				t.Fatal(err)
			}
			syscall.Kill(child, syscall.SIGKILL)
			Eventually(t, 5*time.Second, "there is another VRRP process", func() bool {
				now, err := s.da.VRRPChild()
				return err == nil && now != child
			})
			s.until("a is active again", 2*outageDownB, markA)
		},
		keepalived: bound{none: outageDownB},
	},
	{
		name: "kill -9 of all processes, and start",
		strike: func(t *testing.T, s *scene) {
			s.da.Kill()
			s.until("b has it as well", outageInterval, markA, markB)
		},
		heal:   func(t *testing.T, s *scene) { s.startA() },
		struck: bound{inevitable: "the dead router's kernel keeps the address"},
		healed: bound{start: true},
	},
	{
		name: "SIGSTOP of all processes, and SIGCONT",
		strike: func(t *testing.T, s *scene) {
			s.all(syscall.SIGSTOP)
			s.until("b has it as well", outageInterval, markA, markB)
		},
		heal:   func(t *testing.T, s *scene) { s.all(syscall.SIGCONT) },
		struck: bound{inevitable: "the stopped router cannot let go"},
		healed: bound{two: outageInterval},
	},
	{
		name: "link down, and up",
		strike: func(t *testing.T, s *scene) {
			s.a.Unplug("eth0")
			s.until("b is active", outageInterval, markB)
		},
		heal:   func(t *testing.T, s *scene) { s.a.Replug("eth0") },
		struck: bound{none: outageDownB},
	},
	{
		name: "partition, and union",
		strike: func(t *testing.T, s *scene) {
			s.a.Isolate()
			s.until("b is active", outageInterval, markB)
		},
		heal:   func(t *testing.T, s *scene) { s.a.Rejoin() },
		struck: bound{none: outageDownB},
		healed: bound{two: outageInterval},
	},
}

// suffered is what a fault and its end did to the address.
type suffered struct {
	ran            bool
	struck, healed Owned
	late           time.Duration
	started        time.Duration // how long a daemon needed that was started in heal
}

// trial is one pair in one topology; it goes through all faults.
type trial struct {
	topology
	pairing
	rows []suffered
}

func (tr *trial) String() string { return fmt.Sprintf("%s, %s", tr.topology, tr.pairing) }

// controlPair is the pair that the others are compared with.
var controlPair = pairing{Keepalived, Keepalived}

// The columns and sub-rows of the table.
var (
	outagePairs = []pairing{controlPair, {Holdfast, Holdfast}, {Holdfast, Keepalived}, {Keepalived, Holdfast}}
	topologies  = []topology{plain, syncGroup, vmac}
)

// hasVMAC says whether this holdfast can do more with use_vmac than read it.
func hasVMAC(t *testing.T) bool {
	out, err := exec.Command(Holdfast.Path(t), "explain", "use_vmac").Output()
	return err == nil && !strings.Contains(string(out), "without effect yet")
}

// TestNoFaultCostsMoreThanTheProtocolAllows is the outage table: a third host
// asks each 5 ms who has the address.
func TestNoFaultCostsMoreThanTheProtocolAllows(t *testing.T) {
	Require(t)
	var trials []*trial
	for _, top := range topologies {
		for _, kinds := range outagePairs {
			if top != vmac || kinds == controlPair || hasVMAC(t) {
				trials = append(trials, &trial{topology: top, pairing: kinds, rows: make([]suffered, len(faults))})
			}
		}
	}
	control := func(tr *trial) []suffered {
		for _, other := range trials {
			if other.topology == tr.topology && other.pairing == controlPair {
				return other.rows
			}
		}
		return nil
	}
	todo, measured := slices.Clone(trials), 0
	for i, width := range attempts {
		measured += len(todo)
		sideBySide(t, width, len(todo), func(k int) {
			t.Run(fmt.Sprintf("%v, attempt %d", todo[k], i+1), func(t *testing.T) { todo[k].suffer(t) })
		})
		todo = slices.DeleteFunc(todo, func(tr *trial) bool { return len(tr.excessive(control(tr))) == 0 })
	}
	for _, tr := range trials {
		for _, text := range tr.excessive(control(tr)) {
			t.Errorf("%v: %s", tr, text)
		}
	}
	t.Logf("no owner; two owners, in milliseconds, fault + its end, %d pairs, %d measurements:\n%s", len(trials), measured, outageText(trials))
}

// suffer takes one pair through all faults.
func (tr *trial) suffer(t *testing.T) {
	tr.rows = make([]suffered, len(faults))
	s := newScene(t, tr.topology, tr.pairing)
	s.Capture.Frames() // nobody looks at it; who owns is asked, not derived
	for i, f := range faults {
		s.Step(f.name, func(t *testing.T) {
			row := &tr.rows[i]
			began := time.Now()
			f.strike(t, s)
			middle := time.Now()
			if f.heal != nil {
				f.heal(t, s)
				row.started = time.Since(middle)
				s.until("a is active again", 2*outageInterval, markA)
			}
			row.struck, row.healed = s.watcher.Owned(began, middle), s.watcher.Owned(middle, time.Now())
			row.late, row.ran = latenessSince(began), true
		})
	}
}

// excessive is what took longer than the protocol allows, or longer than
// keepalived needed. Faults come at any moment between two adverts, so the same
// fault may last an interval longer or shorter.
func (tr *trial) excessive(control []suffered) []string {
	var all []string
	if tr.pairing == controlPair {
		return nil // the yardstick
	}
	for i, f := range faults {
		row, keepalived := tr.rows[i], control[i]
		if !row.ran {
			continue // what failed has said so
		}
		check := func(what string, got, limit, other time.Duration) {
			if keepalived.ran && tr.a == Holdfast {
				limit = min(limit, other+outageInterval)
			}
			if got > limit+slack+row.late {
				all = append(all, fmt.Sprintf("%s: %s for %v, want at most %v; keepalived %v, the machine was late by %v",
					f.name, what, got, limit, other, row.late))
			}
		}
		struck, healed := f.struck, f.healed
		if tr.a == Keepalived && f.keepalived != (bound{}) {
			struck = f.keepalived
		}
		if healed.start {
			healed.two += row.started
		}
		check("no owner", row.struck.None, struck.none, keepalived.struck.None)
		check("no owner at the end", row.healed.None, healed.none, keepalived.healed.None)
		if struck.inevitable == "" {
			check("two owners", row.struck.Two, struck.two, keepalived.struck.Two)
		}
		check("two owners at the end", row.healed.Two, healed.two, keepalived.healed.Two)
		check("addresses apart", row.struck.Apart, 0, keepalived.struck.Apart)
		check("addresses apart at the end", row.healed.Apart, 0, keepalived.healed.Apart)
	}
	return all
}

// outageText is the table as docs/interoperability.md has it.
func outageText(trials []*trial) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| fault | |")
	for _, kinds := range outagePairs {
		fmt.Fprintf(&b, " %s, %s |", kinds.a, kinds.b)
	}
	fmt.Fprintf(&b, "\n|---|---%s|\n", strings.Repeat("|---", len(outagePairs)))
	for i, f := range faults {
		for _, top := range topologies {
			fmt.Fprintf(&b, "| %s | %s |", f.name, top)
			for _, kinds := range outagePairs {
				text := "not yet"
				for _, tr := range trials {
					if tr.topology == top && tr.pairing == kinds {
						text = tr.rows[i].String()
					}
				}
				fmt.Fprintf(&b, " %s |", text)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// String is the time with no owner and with two, of the fault and of its end.
func (s suffered) String() string {
	if !s.ran {
		return "failed"
	}
	both := func(a, b time.Duration) string { return fmt.Sprintf("%d + %d", a.Milliseconds(), b.Milliseconds()) }
	text := fmt.Sprintf("%s; %s", both(s.struck.None, s.healed.None), both(s.struck.Two, s.healed.Two))
	if s.struck.Apart+s.healed.Apart >= time.Millisecond {
		text += "; apart " + both(s.struck.Apart, s.healed.Apart)
	}
	return text
}
