package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"holdfast/track"
	"holdfast/vrrp"
)

// machine is what a virtual router steps; tests put broken ones in its place.
type machine interface {
	Step(now time.Time, ev vrrp.Event, out []vrrp.Action) []vrrp.Action
	Deadline() time.Time
	State() vrrp.State
	Snapshot() vrrp.Snapshot
	Params() *vrrp.Params
}

// Moments are nanoseconds since the LAN began. A moment that does not come is never.
const never = int64(1) << 62

// epoch is when every LAN begins.
var epoch = time.Unix(1_800_000_000, 0)

// maxDelay is how long a datagram travels on a wire without a fault.
const maxDelay = int64(2100 * time.Microsecond)

// repairEvery is how soon the host is compared again after something failed.
const repairEvery = int64(time.Second)

// Options choose what a LAN is built of, and what is broken in it on purpose.
type Options struct {
	// Machine makes the machines; nil means the production one.
	Machine func() machine
	// Diary writes down what happens; without it a run allocates next to nothing.
	Diary bool
	// Keep are the numbers of the faults that happen; nil means all.
	Keep []int

	// TickFirst breaks the loop's rule: deadlines before queued datagrams.
	TickFirst bool
	// LoseOrders loses what sync groups tell their Active members to do.
	LoseOrders bool
	// ForgetAtReload forgets at a reload with another priority what the
	// routers were told of their trackers.
	ForgetAtReload bool
	// LoseHost loses what the host is told to carry.
	LoseHost bool
	// Gullible forgets what was accepted before the next datagram is judged.
	Gullible bool
	// NumbersAnew begins again with number 1 where a router is resumed.
	NumbersAnew bool
	// Refuse refuses adverts that production code accepts.
	Refuse func(p *vrrp.Params, a *vrrp.Advert) bool
	// HooksBackwards tells hooks the last of several transitions first.
	HooksBackwards bool
}

// virtual is one virtual router on one node, with what its host carries.
type virtual struct {
	slot   int
	params vrrp.Params
	lines  []line // what it tracks
	m      machine
	memory vrrp.Memory   // of packets
	acts   []vrrp.Action // memory of the last step

	state      vrrp.State         // as last seen from outside
	numberOf   int                // node that sent the highest number of AH
	since      int64              // when it came to that state
	restoredAt int64              // when it, an owner, got its rank back after an argument
	told       told               // what it knows of its trackers
	before     []vrrp.FaultRaised // memory of what it was told before
	hook       vrrp.State         // last transition published
	deposed    bool               // it yielded to a higher rank in this step
	changed    int64              // last new parameters, priority or address
	sent       int64              // last advert
	expect     uint8              // effective priority by the dumb computation
	faulty     bool               // a fault of its own by the dumb computation
	mayOwn     bool               // a configuration may make it the owner
	noSource   bool               // its interface has no address to send from
	muted      bool               // between a change and the word of its trackers: what it sends is not compared
	number     uint64             // highest number of AH that it knows
	ours       bool               // it sent that itself
	resumed    bool               // it goes on where its predecessor was Active, and still is
	marks      [senders]uint64    // last stamp that it accepted of each

	carries   bool  // the host has the addresses
	wanted    bool  // the host was told to have them
	restored  bool  // they came back to a host that had been told before
	came      int64 // when they came
	announced int64 // last announcement since then; never: none
	owes      owes  // announcement that a deposed neighbour makes due
}

// owes is an announcement that has to come: neighbours may have learned the
// addresses of a router that was Active beside us.
type owes struct{ by, since int64 }

// node is one computer: virtual routers, a clock, a socket queue.
type node struct {
	index    int
	name     string
	drift    float64 // its clock runs so much faster
	up       bool
	ran      int64 // since when it is up and not stalled
	linkUp   bool
	routers  []*virtual // by slot; nil: does not take part
	list     []*virtual // those that are there
	group    *vrrp.Group
	grouped  []*virtual
	queue    []packet // arrived, not read
	saved    []vrrp.Snapshot
	died     int64   // when that was, or when it last ran
	paused   int64   // when the last stall began
	trackers objects // as the world has them
	known    objects // as the process knows them

	offset, jump int64 // of the clock on the wall: always, and since somebody set it
	peak         int64 // when its clock has caught up with what it stamped

	hostBroken bool // the kernel refuses every change of addresses
	applyDue   bool
	later      []effect // what waits for the apply

	// Moments at which something happens to it; never: nothing.
	wake     int64 // earliest deadline of its machines, in LAN time
	repairAt int64 // the host is compared again
	resultAt int64 // the scripts of a fresh process have a result
	stalled  int64 // end of a stall; never: runs
	bootAt   int64 // the process starts again
	resume   bool  // with what its predecessor left
}

// effect is an announcement or a transition that waits for the addresses.
type effect struct {
	v     *virtual
	to    vrrp.State // of a transition
	from  vrrp.State
	isAnn bool
}

// LAN is a broadcast domain in virtual time.
type LAN struct {
	opts  Options
	rand  *rand.Rand // of the wire
	now   int64
	shape shape
	nodes []*node
	slots []slot
	plan  []Fault
	next  int   // in plan
	end   int64 // of the plan
	wire  wire

	loss     float64
	dup      float64
	slow     int64                     // extra delay at most
	cut      [maxNodes][maxNodes]bool  // one direction each
	heard    [maxNodes][maxNodes]int64 // since when each hears each; never: does not
	strange  int64                     // end of the last stranger's adverts
	tape     tape                      // what an attacker has recorded
	calm     int64                     // nothing disturbs since; never: something does
	settled  bool                      // ranks were looked at since then
	diary    []string
	advert   vrrp.Advert     // memory of the last datagram decoded
	trackers []track.Tracker // memory of the last evaluation
	err      error           // what did not hold
	events   uint64
}

func (l *LAN) note(format string, args ...any) {
	if l.opts.Diary {
		l.diary = append(l.diary, fmt.Sprintf("%11.5fs ", time.Duration(l.now).Seconds())+fmt.Sprintf(format, args...))
	}
}

// fail records the first thing that did not hold; the run ends there.
func (l *LAN) fail(format string, args ...any) {
	if l.err == nil {
		l.err = errors.New(fmt.Sprintf("%.5fs: ", time.Duration(l.now).Seconds()) + fmt.Sprintf(format, args...))
	}
}

// clock is what the node's own clock shows.
func (n *node) clock(at int64) time.Time {
	return epoch.Add(time.Duration(float64(at) * (1 + n.drift)))
}

// wall turns a time of the node's clock into the LAN's.
func (n *node) wall(at time.Time) int64 {
	return int64(float64(at.Sub(epoch))/(1+n.drift)) + 1
}

// running says whether the process gets to work.
func (n *node) running() bool { return n.up && n.stalled == never }

// next is when a node has something to do.
func (n *node) next() int64 {
	if !n.up {
		return n.bootAt
	}
	if n.stalled != never {
		return n.stalled
	}
	return min(n.wake, n.repairAt, n.resultAt)
}

// Run advances to the end of the plan, or until something does not hold. Of a
// LAN's handful of nodes the next one is found by looking at each; datagrams
// on the wire are many and kept in a heap.
func (l *LAN) Run(end int64) {
	for l.err == nil {
		at, who := l.wire.first(), -1
		for i, n := range l.nodes {
			if w := n.next(); w < at {
				at, who = w, i
			}
		}
		fault := l.next < len(l.plan) && l.plan[l.next].At <= at
		if fault {
			at = l.plan[l.next].At
		}
		if at > end {
			l.now = end
			return
		}
		l.now = max(l.now, at)
		l.events++
		switch {
		case fault:
			l.next++
			l.strike(l.plan[l.next-1])
		case who >= 0:
			l.attend(l.nodes[who])
		default:
			l.arrive()
		}
	}
}

// attend is what time brings to one node.
func (l *LAN) attend(n *node) {
	switch {
	case !n.up:
		l.note("boot %s, resume: %v", n.name, n.resume)
		l.boot(n, n.resume)
	case n.stalled != never:
		n.stalled, n.ran = never, l.now
		l.note("%s runs again", n.name)
		l.disturb()
		l.learn(n)
	}
	l.turn(n)
}

// boot starts all virtual routers of a node as the production loop does;
// resume carries on from what a predecessor left.
func (l *LAN) boot(n *node, resume bool) {
	l.calm = never
	n.ran = l.now
	n.up, n.bootAt, n.stalled, n.group, n.queue = true, never, never, nil, n.queue[:0]
	n.repairAt, n.resultAt = never, never
	n.known = n.trackers
	if !resume {
		n.known.scripts = [scripts]track.State{} // no result yet
		n.resultAt = l.now + int64(l.rand.IntN(int(time.Second)))
	}
	for i, v := range n.list {
		v.m, v.muted = l.opts.Machine(), true
		v.memory, v.number, v.marks = vrrp.Memory{}, 0, [senders]uint64{}
		v.told = told{faults: v.told.faults[:0]}
		p := v.params
		if v.noSource {
			p.PrimaryAddr = netip.Addr{}
		}
		ev := vrrp.Startup{Params: p}
		if resume && v.carries && i < len(n.saved) && n.saved[i].State == vrrp.Active {
			// As daemon does: active at base priority, trackers speak next.
			ev.Resume = &vrrp.Snapshot{State: vrrp.Active, Priority: p.Priority, LastSent: n.saved[i].LastSent}
		}
		v.hook = vrrp.Initialize
		l.tellFaults(n, v)
		if v.noSource {
			l.step(n, v, l.now, vrrp.FaultRaised{Why: vrrp.ByNoAddress, Of: "eth0"})
		}
		if ev.Resume != nil && !l.opts.NumbersAnew {
			v.memory.Resume(n.wallClock(l.now))
		}
		l.step(n, v, l.now, ev)
		v.resumed = ev.Resume != nil && v.m.State() == vrrp.Active
		if v.m.State() != vrrp.Active { // as the loop does
			v.memory, v.number = vrrp.Memory{}, 0
		}
		if v.m.State() == vrrp.Active && !slices.ContainsFunc(v.acts, isTransition) {
			v.hook = vrrp.Active // it carries on: the hooks of the predecessor have run
		}
	}
	l.regroup(n)
	l.tellAll(n)
	n.applyDue = true
	l.checkResumed(n, resume)
	l.disturb()
}

func isTransition(a vrrp.Action) bool {
	_, is := a.(vrrp.Transition)
	return is
}

// regroup builds the sync group from its members as they stand.
func (l *LAN) regroup(n *node) {
	if len(n.grouped) == 0 {
		return
	}
	n.group = vrrp.NewGroup(len(n.grouped))
	for _, v := range n.grouped {
		l.stepGroup(n, v, l.now)
	}
}
