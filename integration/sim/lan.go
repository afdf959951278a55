package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"holdfast/vrrp"
)

// machine is what a Router steps; tests put broken ones in its place.
type machine interface {
	Step(now time.Time, ev vrrp.Event, out []vrrp.Action) []vrrp.Action
	Deadline() time.Time
	Snapshot() vrrp.Snapshot
}

// vrids are the virtual routers of each node; the last two are a sync group.
var vrids = []uint8{51, 52, 53}

const grouped = 52 // the first VRID of the sync group

// intervals are what version 3 routers are configured with; version 2 has 1s,
// since its routers must agree.
var intervals = []time.Duration{100 * time.Millisecond, time.Second, 2 * time.Second}

// repairEvery is how soon the host is compared again after something failed.
const repairEvery = time.Second

// virtual is one virtual router on one node, with what its host carries.
type virtual struct {
	params    vrrp.Params
	m         machine
	memory    vrrp.Memory
	carries   bool      // the host has the addresses
	wanted    bool      // the host was told to have them
	restored  bool      // they came back to a host that had been told before
	announced time.Time // last announcement since the addresses came; zero: none
}

// node is one computer: virtual routers, a clock, a socket queue.
type node struct {
	name    string
	addr    netip.Addr
	drift   float64 // its clock runs so much faster
	up      bool
	stalled bool // not scheduled; datagrams queue up
	linkUp  bool
	routers []*virtual
	group   *vrrp.Group
	queue   []packet // arrived, not read
	saved   []vrrp.Snapshot

	hostBroken bool      // the kernel refuses every change of addresses
	repairAt   time.Time // when the host is compared again; zero: nothing differs
}

// packet is one datagram on the wire.
type packet struct {
	at       time.Time
	from, to *node
	vrid     uint8
	pdu      []byte
	id       uint16
	src, dst netip.Addr
}

// Options choose what a LAN is built of.
type Options struct {
	// Machine makes the machines; nil means the production one.
	Machine func() machine
	// TickFirst breaks the loop's rule: deadlines before queued datagrams.
	TickFirst bool
}

// LAN is a broadcast domain in virtual time.
type LAN struct {
	opts  Options
	rand  *rand.Rand
	start time.Time
	now   time.Time
	nodes []*node
	wire  []packet
	loss  float64
	cut   map[[2]*node]bool // one direction each
	diary []string
}

// NewLAN builds nodes and parameters from a seed.
func NewLAN(seed uint64, opts Options) *LAN {
	if opts.Machine == nil {
		opts.Machine = func() machine { return &vrrp.Machine{} }
	}
	start := time.Unix(1_000_000, 0)
	l := &LAN{opts: opts, rand: rand.New(rand.NewPCG(seed, 112)), start: start, now: start, cut: map[[2]*node]bool{}}
	version := uint8(2 + l.rand.IntN(2))
	interval := time.Second
	if version == 3 {
		interval = intervals[l.rand.IntN(len(intervals))]
	}
	quiet := l.rand.IntN(3) == 0 // a LAN where some do not preempt
	for i := range 2 + l.rand.IntN(4) {
		n := &node{name: string(rune('a' + i)), addr: netip.AddrFrom4([4]byte{10, 9, 0, byte(i + 1)}), linkUp: true,
			drift: (l.rand.Float64() - 0.5) / 50} // one percent either way, far worse than a real clock
		preempt := !quiet || l.rand.IntN(2) == 0
		for _, vrid := range vrids {
			n.routers = append(n.routers, &virtual{params: vrrp.Params{VRID: vrid, Version: version,
				Priority: uint8(1 + l.rand.IntN(254)), AdvertisementInterval: interval, PreemptMode: preempt, PrimaryAddr: n.addr,
				Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 9, 1, vrid})}, Grouped: vrid >= grouped,
				Announce: vrrp.AnnounceParams{MasterDelay: 5 * time.Second, MasterRepeat: 1, LowerPrioRepeat: 1}}})
		}
		// The members of a sync group have one rank: else two nodes could each
		// be the highest for one member, and neither group become Active.
		n.routers[2].params.Priority = n.routers[1].params.Priority
		for _, v := range n.routers {
			authenticate(&v.params, seed)
		}
		l.nodes = append(l.nodes, n)
	}
	for _, n := range l.nodes {
		l.boot(n, false)
	}
	return l
}

// authenticate gives every fourth LAN AH, if its version has it, and every fourth
// one trailers, without a window: these clocks are too bad for any.
func authenticate(p *vrrp.Params, seed uint64) {
	switch kind := seed % 4; {
	case kind == 1 && p.Version == 2:
		p.AuthType, p.Password = vrrp.AuthAH, [8]byte{'k'}
	case kind == 2:
		p.HMAC = &vrrp.HMACConfig{Keys: []vrrp.HMACKey{{ID: 1, Secret: make([]byte, 32)}}, ActiveKey: 1,
			AntiReplay: "monotonic", Mode: vrrp.HMACEnforce}
	}
}

func (l *LAN) note(format string, args ...any) {
	l.diary = append(l.diary, fmt.Sprintf("%11.5fs ", l.now.Sub(l.start).Seconds())+fmt.Sprintf(format, args...))
}

// clock is what the node's own clock shows.
func (n *node) clock(l *LAN, at time.Time) time.Time {
	return l.start.Add(time.Duration(float64(at.Sub(l.start)) * (1 + n.drift)))
}

// wall turns a time of the node's clock into the LAN's.
func (n *node) wall(l *LAN, at time.Time) time.Time {
	return l.start.Add(time.Duration(float64(at.Sub(l.start))/(1+n.drift)) + 1)
}

// boot starts all virtual routers of a node; resume carries on from snapshots.
func (l *LAN) boot(n *node, resume bool) {
	n.up, n.stalled, n.queue = true, false, nil
	n.group = vrrp.NewGroup(2)
	for i, v := range n.routers {
		v.m, v.memory = l.opts.Machine(), vrrp.Memory{}
		ev := vrrp.Startup{Params: v.params}
		if resume && v.carries {
			ev.Resume = &n.saved[i]
			v.memory.Resume(n.clock(l, l.now))
		}
		if !n.linkUp {
			v.m.Step(n.clock(l, l.now), vrrp.FaultRaised{Why: vrrp.ByInterface, Of: "eth0"}, nil)
		}
		l.step(n, v, l.now, ev)
		if v.m.Snapshot().State != vrrp.Active { // as the loop does
			v.memory = vrrp.Memory{}
		}
	}
	l.apply(n) // the loop applies once after it has started all
}

// apply makes the host carry what its routers want, as far as its kernel does
// what it is told. What had been wanted before and was not there is repaired,
// not new: the routers are told a moment later.
func (l *LAN) apply(n *node) {
	for _, v := range n.routers {
		want := v.m.Snapshot().State == vrrp.Active
		differs, old := v.carries != want, v.wanted
		v.wanted = want
		switch {
		case !differs:
		case n.hostBroken:
			n.repairAt = l.now.Add(repairEvery)
		default:
			v.carries, v.announced = want, time.Time{}
			if v.restored = want && old; v.restored {
				n.repairAt = l.now
			}
		}
	}
}

// repair is the second look at a host that differed: neighbours may have
// learned other addresses meanwhile, so what is back is announced.
func (l *LAN) repair(n *node) {
	n.repairAt = time.Time{}
	l.apply(n)
	for _, v := range n.routers {
		if n.hostBroken {
			l.step(n, v, l.now, vrrp.HostFailed{Err: errHost})
			continue
		}
		restored := v.restored
		v.restored = false
		l.step(n, v, l.now, vrrp.HostApplied{Repaired: restored})
	}
}

var errHost = errors.New("no buffer space available")

// step feeds a machine and does what it wants.
func (l *LAN) step(n *node, v *virtual, at time.Time, ev vrrp.Event) {
	for _, a := range v.m.Step(n.clock(l, at), ev, nil) {
		switch a := a.(type) {
		case vrrp.SendAdvert:
			l.send(n, v, a.Priority)
		case vrrp.ApplyHost:
			l.apply(n)
		case vrrp.Announce:
			if v.carries { // else neighbours would learn of addresses that are not there
				v.announced = l.now
			}
		case vrrp.Transition:
			l.note("%s/%d %v -> %v (%s)", n.name, v.params.VRID, a.From, a.To, a.Why)
		}
	}
	if v.params.Grouped {
		snap := v.m.Snapshot()
		for _, a := range n.group.Step(l.now, int(v.params.VRID-grouped), snap.GroupMember(), nil) {
			if f, ok := a.(vrrp.ForceMember); ok {
				l.step(n, n.routers[1+f.Index], l.now, vrrp.Forced{To: f.To})
			}
		}
	}
}

// send puts one datagram per neighbour on the wire, each with its own fate.
func (l *LAN) send(n *node, v *virtual, priority uint8) {
	if !n.linkUp {
		return
	}
	v.memory.Next(n.clock(l, l.now), &v.params)
	a := v.memory.Advert(&v.params, priority, vrrp.GroupIPv4)
	pdu := v.memory.AppendAdvert(nil, &v.params, &a)
	for _, to := range l.nodes {
		if to == n || l.cut[[2]*node{n, to}] || l.rand.Float64() < l.loss {
			continue
		}
		delay := time.Duration(100+l.rand.IntN(2000)) * time.Microsecond
		l.wire = append(l.wire, packet{l.now.Add(delay), n, to, a.VRID, pdu, v.memory.ID(), n.addr, vrrp.GroupIPv4})
	}
}

// Run advances to the end, event by event.
func (l *LAN) Run(d time.Duration) {
	end := l.now.Add(d)
	for {
		next := l.next(end.Add(1))
		if next.After(end) {
			l.now = end
			return
		}
		l.now = next
		l.arrive()
		for _, n := range l.nodes {
			l.turn(n)
		}
	}
}

func (l *LAN) next(next time.Time) time.Time {
	for _, p := range l.wire {
		if p.at.Before(next) {
			next = p.at
		}
	}
	for _, n := range l.nodes {
		if !n.up || n.stalled {
			continue
		}
		if !n.repairAt.IsZero() && n.repairAt.Before(next) {
			next = n.repairAt
		}
		var first time.Time
		for _, v := range n.routers {
			if d := v.m.Deadline(); first.IsZero() || !d.IsZero() && d.Before(first) {
				first = d
			}
		}
		if !first.IsZero() && n.wall(l, first).Before(next) {
			next = n.wall(l, first)
		}
	}
	if next.Before(l.now) {
		return l.now
	}
	return next
}

func (l *LAN) arrive() {
	l.wire = slices.DeleteFunc(l.wire, func(p packet) bool {
		if p.at.After(l.now) {
			return false
		}
		if p.to.up && p.to.linkUp {
			p.to.queue = append(p.to.queue, p)
		}
		return true
	})
}

// turn is what the production loop does on a wake-up: drain, then tick.
func (l *LAN) turn(n *node) {
	if !n.up || n.stalled {
		return
	}
	if l.opts.TickFirst {
		l.tick(n)
	}
	queue := n.queue
	n.queue = nil
	for _, p := range queue {
		for _, v := range n.routers {
			if v.params.VRID == p.vrid {
				l.receive(n, v, p)
			}
		}
	}
	l.tick(n)
	if !n.repairAt.IsZero() && !l.now.Before(n.repairAt) {
		l.repair(n)
	}
}

func (l *LAN) tick(n *node) {
	now := n.clock(l, l.now)
	for _, v := range n.routers {
		if d := v.m.Deadline(); !d.IsZero() && !now.Before(d) {
			l.step(n, v, l.now, vrrp.Tick{})
		}
	}
}

func (l *LAN) receive(n *node, v *virtual, p packet) {
	var a vrrp.Advert
	if err := v.memory.Decode(&v.params, vrrp.Datagram{PDU: p.pdu, Src: p.src, Dst: p.dst, TTL: 255, ID: p.id, At: n.clock(l, p.at)}, &a); err != nil {
		l.note("%s/%d refuses: %v", n.name, v.params.VRID, err)
		return
	}
	l.step(n, v, p.at, vrrp.AdvertReceived{Advert: &a})
}
