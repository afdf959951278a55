package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"holdfast/track"
	"holdfast/vrrp"
)

// Kind is a sort of fault.
type Kind uint8

// What can happen to a LAN.
const (
	Heal      Kind = iota // everything is mended; of the plan itself, not droppable
	Loss                  // every datagram may be lost
	Delay                 // datagrams take long and pass each other
	Duplicate             // datagrams come twice
	CutOneWay             // A does not reach B
	Partition             // nodes of N and the others do not reach each other
	Mend                  // wires are whole
	Crash                 // the process dies and leaves what the host carries
	Stop                  // the process ends in order
	Boot                  // it starts again; odd N: resumes
	Replace               // it dies and a successor resumes after N
	Stall                 // it does not run for N, datagrams pile up
	LinkFlap              // eth0 goes down or up
	LinkOther             // eth1 does
	Script                // a script changes its mind
	File                  // a file has another number
	Release               // an operator asks Active routers to hand over
	Kernel                // the kernel refuses changes of addresses, or does no more
	Drift                 // somebody takes the virtual addresses away
	Readdress             // the interface loses or changes its own address
	Reload                // another configuration
	Stranger              // somebody else speaks with our VRID
	Replay                // somebody sends again what he recorded
	Clock                 // somebody sets the clock on the wall
	kinds
)

var kindNames = [kinds]string{"heal", "loss", "delay", "duplicate", "cut", "partition", "mend", "crash", "stop", "boot",
	"replace", "stall", "eth0", "eth1", "script", "file", "release", "kernel", "drift", "readdress", "reload", "stranger", "replay", "clock"}

// Fault is one thing that happens, drawn before the LAN runs.
type Fault struct {
	Number int // in the plan; 0 for Heal
	At     int64
	Kind   Kind
	A, B   int    // nodes
	N      uint64 // whatever else it needs
}

// String is one line of a diary.
func (f Fault) String() string {
	return fmt.Sprintf("fault %d at %.3fs: %s %c %c %x", f.Number, time.Duration(f.At).Seconds(), kindNames[f.Kind], 'a'+f.A, 'a'+f.B, f.N&0xffff)
}

// quiet is how long nothing disturbs after the last heal: until all has
// settled, and as long again as a router would need to take over for no reason.
func (l *LAN) quietTime() int64 {
	longest := int64(0)
	for i := range l.slots {
		longest = max(longest, l.slots[i].rank+l.slots[i].dead)
	}
	return longest + int64(l.shape.intervals[1])
}

// drawPlan draws rounds of faults, each followed by a heal and a quiet time.
func (l *LAN) drawPlan(r *rand.Rand) []Fault {
	var plan []Fault
	at, number := l.quietTime(), 0
	longest := int64(0)
	for i := range l.slots {
		longest = max(longest, l.slots[i].dead)
	}
	for range rounds {
		for range perRound {
			number++
			f := Fault{Number: number, At: at, Kind: Heal + 1 + Kind(r.IntN(int(kinds)-1)), A: r.IntN(len(l.nodes)),
				B: r.IntN(len(l.nodes)), N: r.Uint64()}
			if l.opts.Keep == nil || slices.Contains(l.opts.Keep, number) {
				plan = append(plan, f)
			}
			if r.IntN(4) > 0 { // else the next one comes at the same moment
				at += r.Int64N(2 * longest)
			}
		}
		at += r.Int64N(2 * longest)
		plan = append(plan, Fault{At: at, Kind: Heal})
		at += l.quietTime()
		number++ // what changes nothing may come in the quiet
		if again := (Fault{Number: number, At: at, Kind: Replay, N: r.Uint64()}); l.opts.Keep == nil || slices.Contains(l.opts.Keep, number) {
			plan = append(plan, again)
		}
		at += 4 * int64(l.shape.intervals[1])
	}
	l.end = at
	return plan
}

// strike makes a fault happen.
func (l *LAN) strike(f Fault) {
	l.note("%v", f)
	n := l.nodes[f.A]
	if f.Kind == Replay && l.replay(f) {
		return // nobody believes it: the network is as calm as before
	}
	l.calm = never
	for _, o := range l.nodes {
		for _, v := range o.list {
			v.owes = owes{}
		}
	}
	switch f.Kind {
	case Heal:
		l.healAll()
	case Loss:
		l.loss = float64(f.N%500) / 1000
	case Delay:
		l.slow = int64(l.shape.intervals[0]) / 2
	case Duplicate:
		l.dup = float64(f.N%300) / 1000
	case CutOneWay:
		l.cut[f.A][f.B] = true
	case Partition:
		for a := range l.nodes {
			for b := range l.nodes {
				l.cut[a][b] = l.cut[a][b] || f.N>>a&1 != f.N>>b&1
			}
		}
	case Mend:
		l.cut = [maxNodes][maxNodes]bool{}
	case Stranger:
		l.stranger(f)
	default:
		l.strikeNode(n, f)
	}
	l.disturb()
	l.turn(n)
}

// strikeNode makes a fault happen that concerns one node alone.
func (l *LAN) strikeNode(n *node, f Fault) {
	switch f.Kind {
	case Crash:
		l.crash(n)
	case Stop:
		if n.running() {
			for _, v := range n.list {
				l.step(n, v, l.now, vrrp.Shutdown{})
			}
			l.flush(n)
			l.crash(n)
			n.saved = nil
		}
	case Boot:
		if !n.up {
			l.boot(n, f.N&1 == 1)
		}
	case Replace:
		if n.up {
			l.crash(n)
			n.bootAt, n.resume = l.now+int64(f.N%uint64(l.slots[0].dead)), true
		}
	case Stall:
		if n.running() {
			n.paused = l.now
			n.stalled = l.now + int64(f.N%uint64(2*l.slots[0].dead))
		}
	case LinkFlap:
		l.setLink(n, !n.linkUp)
	case LinkOther:
		n.trackers.links[1] = !n.trackers.links[1]
	case Script:
		// Failing a third of the time.
		n.trackers.scripts[f.N%scripts] = []track.State{track.Up, track.Up, track.Down}[f.N/8%3]
	case File:
		n.trackers.files[f.N%files] = []int{0, 0, 1, -1, 2, 100000, -7, 253}[f.N/8%8]
	case Release:
		for _, v := range n.list {
			if n.running() {
				l.step(n, v, l.now, vrrp.Release{})
			}
		}
	case Kernel:
		n.hostBroken = !n.hostBroken
	case Drift:
		for _, v := range n.list {
			v.carries = false
		}
		n.repairAt = l.now + int64(f.N%uint64(500*time.Millisecond))
	case Readdress:
		if n.stalled == never {
			l.readdress(n, int(f.N%3)-1)
		}
	case Reload:
		l.reload(n, f)
	case Clock:
		seconds := []int64{-30, -4, -1, 1, 2, 4, 10, 30}[f.N%8]
		l.setClock(n, seconds*int64(time.Second))
	}
	if n.running() {
		l.learn(n)
	}
}

// crash ends the process; what the host carries stays, as after kill -9.
func (l *LAN) crash(n *node) {
	if !n.up {
		return
	}
	n.saved = n.saved[:0]
	if n.died = l.now; n.stalled != never {
		n.died = n.paused
	}
	for _, v := range n.list {
		n.saved = append(n.saved, v.m.Snapshot())
	}
	l.wire.drop(n)
	n.up, n.stalled, n.bootAt = false, never, never
	n.applyDue, n.later = false, n.later[:0]
	for _, v := range n.list {
		l.see(n, v, vrrp.Initialize)
	}
}

func (l *LAN) setLink(n *node, up bool) { n.linkUp, n.trackers.links[0] = up, up }

// readdress changes the address the routers of an interface speak from; -1
// takes it away. Unicast neighbours would have to be told: theirs stay.
func (l *LAN) readdress(n *node, version int) {
	for _, v := range n.list {
		if v.params.Unicast() {
			continue
		}
		v.noSource = version < 0
		addr := netip.Addr{}
		if !v.noSource {
			addr = source(v.params.IPv6, n.index, version)
			v.params.PrimaryAddr = addr
		}
		v.changed = l.now
		if n.up {
			l.step(n, v, l.now, vrrp.SourceAddress{Addr: addr})
		}
	}
}

// healAll repairs everything that is broken. What trackers saw last stays.
func (l *LAN) healAll() {
	l.loss, l.slow, l.cut = 0, 0, [maxNodes][maxNodes]bool{}
	for _, n := range l.nodes {
		n.hostBroken = false
		l.setLink(n, true)
		l.setClock(n, 0)
		if n.stalled != never {
			n.stalled, n.ran = never, l.now
		}
		if !n.up {
			l.boot(n, false)
		}
		l.readdress(n, 0)
		l.learn(n)
		l.turn(n)
	}
}

// everything is the reload that leaves nothing as it was.
const everything = 6

// reload gives a node another configuration. The others are not told, as in
// the field. A node that is down finds it when it boots.
func (l *LAN) reload(n *node, f Fault) {
	if n.up && n.stalled != never {
		return
	}
	r := rand.New(rand.NewPCG(f.N, streamPlan))
	kind, mood, rank := min(r.IntN(9), everything), l.drawMood(r), uint8(1+r.IntN(254))
	shared, own := drawLines(r, false), r.IntN(2) == 0
	l.note("reload of %s, kind %d", n.name, kind)
	before := n.serving()
	for _, v := range n.list {
		p, group := v.params, v.params.Grouped && !l.shape.uneven
		if kind == 0 || kind == everything { // another rank; an owner may be one no more, or again
			p.Priority = uint8(1 + r.IntN(254))
			switch {
			case v.mayOwn && own:
				p.Priority = vrrp.PriorityOwner
			case group:
				p.Priority = rank
			}
		}
		if kind == 4 || kind == everything { // other trackers
			v.lines = drawLines(r, group)
			if group {
				v.lines = groupLines(shared, v.lines)
			}
		}
		if kind == 1 || kind == everything { // another version of the list of addresses
			p.Addrs = append(slices.Clone(p.Addrs[:1]), virtualAddr(p.IPv6, p.VRID, byte(1+r.IntN(8))))
		}
		if kind == 2 || kind == 3 || kind == everything {
			mood.put(&p)
		}
		if kind == 5 || kind == everything { // another key, another form of checksums, other answers
			l.slots[v.slot].arm(r, &p)
			p.LowerPriorityNoAdvert, p.HigherPrioritySendAdvert = r.IntN(4) == 0, r.IntN(2) == 0
		}
		v.changed, v.params = l.now, p
		if n.up {
			l.reconfigure(n, v)
		}
	}
	if n.up {
		l.regroup(n)
		l.learn(n)
		n.applyDue = true
		l.checkServing(n, before, "reload")
	}
}

// reconfigure hands a machine its new parameters, while no group looks.
func (l *LAN) reconfigure(n *node, v *virtual) {
	n.group = nil
	if l.opts.ForgetAtReload && v.told.base != int(v.params.Priority) {
		v.told = told{priority: int(v.params.Priority)}
	} else {
		v.told.priority = 0 // told anew
	}
	if v.params.Change(v.m.Params()) != vrrp.Unchanged {
		v.muted = true
		l.step(n, v, l.now, vrrp.Reconfigure{Params: v.params})
	}
}
