package sim

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"holdfast/vrrp"
)

const (
	maxNodes = 5
	rounds   = 3 // of trouble and quiet
	perRound = 7 // faults
)

// Streams of one seed: what is drawn from one does not shift the others, so
// that a shorter list of faults meets the same LAN.
const (
	streamSetup = iota + 1
	streamPlan
	streamWire
)

// shape is what all routers of a LAN have in common.
type shape struct {
	intervals  [2]time.Duration // advert_int of version 3 routers is one of them
	downMax    int              // most down_timer_adverts
	delayMax   time.Duration    // longest preempt_delay
	quiet      bool             // some do not preempt
	uneven     bool             // members of a sync group have their own weights
	sendHigher bool             // higher_prio_send_advert
	noAnswer   bool             // lower_prio_no_advert
	refresh    time.Duration    // garp_master_refresh
}

// slot is one virtual router of the LAN: the same VRID on several nodes.
type slot struct {
	vrid    uint8
	version uint8
	ipv6    bool
	unicast bool
	grouped bool
	auth    auth  // how adverts are known
	rivals  bool  // two nodes are configured as owners
	dispute int64 // how long they argue
	rollout bool  // trailers are being introduced: adverts without are accepted
	mixed   bool  // version 3: checksums of several forms
	dead    int64 // Active_Down_Interval of the slowest, clocks and wires included
	owner   int64 // within which a whole network has an owner
	rank    int64 // within which it is the right one, and nothing moves after
	want    int   // owners in a whole network: one, or none when all are faulty
	actives int   // nodes that are Active now
	resign  int64 // last advert with priority 0
	jumped  bool  // a clock has been ahead
	yielded int64 // last time that one was Active no more
	crossed bool  // members of sync groups rank one way here, the other way there
}

// newLAN builds nodes and parameters from a seed, and boots them.
func newLAN(seed uint64, opts Options) *LAN {
	if opts.Machine == nil {
		opts.Machine = func() machine { return &vrrp.Machine{} }
	}
	l := &LAN{opts: opts, rand: rand.New(rand.NewPCG(seed, streamWire)), calm: never}
	r := rand.New(rand.NewPCG(seed, streamSetup))
	l.drawShape(r)
	l.drawSlots(r)
	count := 2 + r.IntN(maxNodes-1)
	for i := range count {
		l.nodes = append(l.nodes, l.drawNode(r, i, count))
	}
	for i := range l.slots {
		l.drawOwner(r, i)
	}
	for a := range l.heard {
		for b := range l.heard[a] {
			l.heard[a][b] = never
		}
	}
	l.plan = l.drawPlan(rand.New(rand.NewPCG(seed, streamPlan)))
	for _, n := range l.nodes {
		l.boot(n, false)
		l.turn(n)
	}
	return l
}

func (l *LAN) drawShape(r *rand.Rand) {
	s := &l.shape
	base := []time.Duration{100 * time.Millisecond, 250 * time.Millisecond, time.Second, time.Second, time.Second, 2 * time.Second}[r.IntN(6)]
	s.intervals = [2]time.Duration{base, base}
	if r.IntN(4) == 0 {
		s.intervals[1] = 2 * base
	}
	s.downMax = []int{2, 3, 3, 3, 5}[r.IntN(5)]
	if r.IntN(3) == 0 {
		s.delayMax = time.Duration(1+r.IntN(7)) * base
	}
	s.quiet, s.uneven, s.sendHigher = r.IntN(3) == 0, r.IntN(8) == 0, r.IntN(2) == 0
	s.noAnswer = r.IntN(4) == 0
	if r.IntN(4) == 0 {
		s.refresh = 7 * time.Second
	}
	if r.IntN(3) == 0 {
		l.dup = 0.05
	}
}

// drawSlots makes one virtual router for all, a sync group of two, and a
// unicast pair.
func (l *LAN) drawSlots(r *rand.Rand) {
	for i := range 3 + r.IntN(2) {
		s := slot{vrid: uint8(51 + i), version: 3, ipv6: r.IntN(3) == 0, grouped: i == 1 || i == 2,
			unicast: i == 3 || r.IntN(5) == 0}
		if l.shape.intervals[0] >= time.Second && r.IntN(2) == 0 {
			s.version = 2
		}
		s.drawAuth(r)
		slowest := int64(l.shape.intervals[1])
		// Clocks differ by up to one percent either way.
		s.dead = int64(float64(l.shape.downMax+1)*float64(slowest)*1.025) + maxDelay
		s.owner = s.dead
		if s.grouped { // a member may be ready and find another that is not: it waits once more
			s.owner = 2 * s.dead
		}
		s.rank = s.owner + 2*s.dead + 2*slowest + int64(l.shape.delayMax)
		l.slots = append(l.slots, s)
	}
}

func (l *LAN) drawNode(r *rand.Rand, index, count int) *node {
	n := &node{index: index, name: string(rune('a' + index)), linkUp: true, wake: never, repairAt: never, resultAt: never,
		stalled: never, bootAt: never, trackers: freshObjects(),
		drift:  (r.Float64() - 0.5) / 50, // one percent either way, far worse than a real clock
		offset: r.Int64N(2*offsetMax) - offsetMax}
	mood := l.drawMood(r)
	rank := uint8(1 + r.IntN(254))
	shared := drawLines(r, false)
	n.routers = make([]*virtual, len(l.slots))
	for i := range l.slots {
		s := &l.slots[i]
		if i == 3 && index > 1 {
			continue // the unicast pair is a and b
		}
		v := &virtual{slot: i, params: l.params(s, index, count), announced: never}
		v.params.Priority = uint8(1 + r.IntN(254))
		v.lines = drawLines(r, s.grouped && !l.shape.uneven)
		if s.grouped && !l.shape.uneven {
			// The members of a sync group have one rank: else two nodes could each
			// be the highest for one member. Weights belong to the group.
			v.params.Priority = rank
			v.lines = groupLines(shared, v.lines)
		}
		mood.put(&v.params)
		s.arm(r, &v.params)
		if r.IntN(6) == 0 { // it backs up one more address than the others
			v.params.Addrs = append(v.params.Addrs, virtualAddr(s.ipv6, s.vrid, byte(1+r.IntN(8))))
		}
		n.routers[i], n.list = v, append(n.list, v)
		if s.grouped {
			n.grouped = append(n.grouped, v)
		}
	}
	return n
}

// mood is what a node's configuration says about all its routers alike.
type mood struct {
	interval time.Duration
	down     int
	preempt  bool
	delay    time.Duration
}

func (l *LAN) drawMood(r *rand.Rand) mood {
	m := mood{interval: l.shape.intervals[r.IntN(2)], down: l.shape.downMax, preempt: !l.shape.quiet || r.IntN(2) == 0}
	if m.down > 2 && r.IntN(4) == 0 {
		m.down--
	}
	if m.preempt && l.shape.delayMax > 0 && r.IntN(2) == 0 {
		m.delay = l.shape.delayMax
	}
	return m
}

func (m mood) put(p *vrrp.Params) {
	p.DownTimerAdverts, p.PreemptMode, p.PreemptDelay = m.down, m.preempt, m.delay
	if p.Version == 3 { // version 2 routers with other intervals do not hear each other
		p.AdvertisementInterval = m.interval
	}
}

// params are those of one slot on one node before anything is drawn.
func (l *LAN) params(s *slot, index, count int) vrrp.Params {
	p := vrrp.Params{VRID: s.vrid, Version: s.version, IPv6: s.ipv6, Grouped: s.grouped,
		AdvertisementInterval: l.shape.intervals[0], PrimaryAddr: source(s.ipv6, index, 0),
		HigherPrioritySendAdvert: l.shape.sendHigher, LowerPriorityNoAdvert: l.shape.noAnswer,
		Announce: vrrp.AnnounceParams{MasterDelay: 5 * time.Second, MasterRepeat: 1, LowerPrioRepeat: 1, Refresh: l.shape.refresh}}
	p.Addrs = []netip.Addr{virtualAddr(s.ipv6, s.vrid, 0)}
	if !s.unicast {
		return p
	}
	p.CheckPeers = true
	for i := range count {
		if i != index && (s.vrid != 54 || i < 2) {
			p.Peers = append(p.Peers, vrrp.Peer{Addr: source(s.ipv6, i, 0), MaxTTL: 255})
		}
	}
	return p
}

// drawOwner may make one node the owner of a slot's addresses. A sync group has
// one owner for all members.
func (l *LAN) drawOwner(r *rand.Rand, i int) {
	if r.IntN(6) != 0 || i == 2 {
		return
	}
	at := r.IntN(min(2, len(l.nodes)))
	n, ignore := l.nodes[at], r.IntN(2) == 0
	if i != 1 && r.IntN(3) == 0 { // two of them: somebody has made a mistake
		s := &l.slots[i]
		s.rivals, s.dispute = true, 6*int64(l.shape.intervals[1]) // two answers, 1.2 intervals, and then another advert
		s.rank += s.dispute
		v := l.nodes[1-at].routers[i]
		v.params.Priority, v.mayOwn = vrrp.PriorityOwner, true
	}
	for _, v := range n.list {
		if v.slot == i || i == 1 && v.slot == 2 {
			v.params.Priority, v.params.OwnerIgnoreAdverts, v.mayOwn = vrrp.PriorityOwner, ignore, true
		}
	}
}

// source is the interface address of a node; version tells which of several.
func source(ipv6 bool, index, version int) netip.Addr {
	host := byte(index + 1 + 100*version)
	if ipv6 {
		return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: host})
	}
	return netip.AddrFrom4([4]byte{10, 9, 0, host})
}

func virtualAddr(ipv6 bool, vrid uint8, number byte) netip.Addr {
	if ipv6 {
		return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 13: vrid, 15: 200 + number%50})
	}
	return netip.AddrFrom4([4]byte{10, 9, vrid, number})
}
