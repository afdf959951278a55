package vrrp

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Limits of the loop.
const (
	inboxSize   = 256              // messages waiting; senders then wait
	drainMax    = 1024             // datagrams read from one socket before other sockets get their turn
	drainRounds = 64               // times drainMax, before a deadline counts although more wait to be read
	dropQuiet   = time.Minute      // at most one fact per instance and reason in this time
	reopenEvery = 10 * time.Second // between attempts to get a socket that could not be had
	sendBuffer  = MaxPacket
)

// Instance is one virtual router as the configuration wants it. Interface,
// family and VRID are its identity across reloads; the name is not.
type Instance struct {
	Name      string
	Interface string
	// Link is what adverts go by, where that is not Interface: a VMAC on it, or
	// the VRF of an instance without interface.
	Link      string
	SyncGroup string // "" for none
	Params    Params
	Resume    *Snapshot // for Startup; not looked at when the instance runs already
	// Faults hold from the start: links that are down, scripts without a result.
	Faults []FaultRaised
	// Effective is the priority with what is tracked, where that is known from
	// the start and moves it.
	Effective *EffectivePriority
	// ReceiveBuffer is how many octets this instance wants its socket's receive
	// buffer to have; those of all instances on one socket add up. 0: the
	// system's default. Keywords kernel_rx_buf_size, vrrp_rx_bufs_policy.
	ReceiveBuffer int
}

// SocketSpec says which socket an instance needs; instances share equal ones.
type SocketSpec struct {
	Interface string // the link itself
	Base      string // the link below a VMAC; "" for others
	IPv6      bool
	AH        bool       // protocol 51 instead of 112
	Group     netip.Addr // multicast group to join; zero for unicast
	Local     netip.Addr // unicast source to bind to; zero for multicast
}

func (in *Instance) socket() SocketSpec {
	s := SocketSpec{Interface: in.Interface, IPv6: in.Params.IPv6, AH: in.Params.ah()}
	if in.Link != "" {
		s.Interface, s.Base = in.Link, in.Interface
	}
	if in.Params.Unicast() {
		s.Local = in.Params.PrimaryAddr
	} else {
		s.Group = in.Params.MulticastGroup()
	}
	return s
}

// Effects are what the loop causes. None may block: what takes time happens
// elsewhere, in the order of the calls, and comes back through Deliver.
type Effects interface {
	// Apply names all instances that are Active: the host is to carry their
	// addresses and those of no other. It comes once for all that moved at the
	// same moment. Outcome: HostApplied or HostFailed.
	Apply(active map[string]bool)
	// Announce sends a burst for an instance, after the Apply before it.
	Announce(instance string, a Announce)
	// Publish hands out a fact, for logs, hooks and status.
	Publish(Fact)
}

// Fact is something that has happened. What is a Transition, an Alarm, a
// remark, or one of the loop's own: GroupTransition, Dropped, SendFailed,
// SocketFailed, Failed, OwnPeer, Removed, DelayEnded.
type Fact struct {
	At       time.Time
	Instance string // "" when none is concerned
	Group    string // sync group; "" when none is concerned
	What     Action
}

// The loop's own facts.
type (
	// Dropped is a refused datagram; Suppressed counts those like it since the
	// fact before.
	Dropped struct {
		Interface  string
		Err        *PacketError
		Suppressed uint64
	}
	// SendFailed: the kernel did not take an advert.
	SendFailed struct{ Err error }
	// SocketFailed: an instance is in Fault for want of a socket.
	SocketFailed struct{ Err error }
	// Failed: a step broke; the instance stays in Fault, the others go on.
	Failed struct{ Panic string }
	// OwnPeer: unicast_peer names the address that our adverts come from; it
	// gets none. Said when it becomes so.
	OwnPeer struct{ Peer netip.Addr }
	// Removed: the instance is no longer configured.
	Removed struct{}
	// DelayEnded: the start delay is over.
	DelayEnded struct{}
)

func (GroupTransition) action() {}
func (Dropped) action()         {}
func (SendFailed) action()      {}
func (SocketFailed) action()    {}
func (Failed) action()          {}
func (OwnPeer) action()         {}
func (Removed) action()         {}
func (DelayEnded) action()      {}

// Status is one instance as status shows it.
type Status struct {
	Name      string
	Interface string
	SyncGroup string
	Params    Params
	Snapshot  Snapshot
	Counters  Counters
}

// Loop is the one goroutine that owns all virtual routers: no locks, a total
// order of events. On every wake-up it first reads what its sockets hold, with
// the kernel's arrival times, and only then looks at deadlines: a process that
// was not scheduled for seconds must not depose a healthy router it simply has
// not heard yet.
type Loop struct {
	effects Effects
	open    func(SocketSpec) (Conn, error)
	timer   Timer

	inbox chan any
	ready chan wake
	done  chan struct{} // closed when Run returns
	wait  sync.WaitGroup

	instances []*instance
	keys      map[key]bool // of instances
	timers    timers       // instances that have a deadline, the next one first
	serial    uint64       // of the instance made last
	links     map[SocketSpec]*link
	turns     uint64    // wake-ups so far; tells which sockets were drained in this one
	reopenAt  time.Time // when to try again for sockets that could not be had; zero: all are there
	beat      heartbeat
	beatAt    time.Time // next heartbeat; zero: none is wanted
	readBuf   []byte
	sendBuf   []byte
	stranger  dropLog   // datagrams for no instance
	unknown   dropLog   // those of routers that are not ours
	hold      time.Time // end of the start delay; zero: none

	applyDue bool     // Apply is called at the end of this wake-up
	later    []effect // what has to come after it, in order

	step1 func(*Machine, time.Time, Event, []Action) []Action // Machine.Step; tests break it
}

type instance struct {
	Instance
	m        Machine
	link     *link
	group    *syncGroup // nil: none, or not yet formed
	member   int        // number in it
	at       time.Time  // deadline of m as filed in timers; zero: not there
	index    int        // place in timers
	serial   uint64     // of equal deadlines the lowest is first
	counters Counters
	adv      Advert
	memory   Memory
	actions  []Action
	patience time.Time  // until when it goes on without a socket; zero: not at all
	ownPeer  netip.Addr // peer that was found to be ourselves; zero: none
	drops    map[DropReason]*dropLog
	sendFail dropLog
	sockFail dropLog
	lost     uint64 // turn after the one in which the source address went; 0: it is there
}

type syncGroup struct {
	name    string
	g       *Group
	members []*instance
}

// effect is an Announce or a Publish that waits for an Apply.
type effect struct {
	instance string
	announce Announce
	fact     Fact // What is nil: announce instead
}

// dropLog rations facts about strangers.
type dropLog struct {
	last       time.Time
	suppressed uint64
}

// due reports whether a fact may go out, and how many did not since the last.
func (d *dropLog) due(now time.Time) (suppressed uint64, ok bool) {
	if !d.last.IsZero() && now.Sub(d.last) < dropQuiet {
		d.suppressed++
		return 0, false
	}
	suppressed, d.suppressed, d.last = d.suppressed, 0, now
	return suppressed, true
}

type (
	configure struct{ instances []Instance }
	deliver   struct {
		name string // "" for all
		ev   Event
	}
	query     struct{ reply chan []Status }
	heartbeat struct {
		every time.Duration
		f     func()
	}
	rebind     struct{ iface string }
	startDelay struct{ until time.Time }
)

// NewLoop makes a loop that opens its sockets with open.
func NewLoop(effects Effects, open func(SocketSpec) (Conn, error), timer Timer) *Loop {
	return &Loop{
		effects: effects, open: open, timer: timer,
		inbox: make(chan any, inboxSize), ready: make(chan wake), done: make(chan struct{}),
		links:   map[SocketSpec]*link{},
		readBuf: make([]byte, MaxPacket+64), sendBuf: make([]byte, 0, sendBuffer),
		step1: (*Machine).Step,
	}
}

// Configure replaces the set of instances: new ones start, missing ones resign,
// unchanged ones notice nothing.
func (l *Loop) Configure(instances []Instance) { l.send(configure{instances}) }

// Deliver hands an event to an instance; "" means all. Unknown names are
// ignored: the instance may have gone meanwhile.
func (l *Loop) Deliver(name string, ev Event) { l.send(deliver{name, ev}) }

// Heartbeat makes the loop call f at once and then every so often, 0 for not any
// more: at the end of a turn, when everything that was due has been done. So f
// is not called while the loop hangs. f must not block.
func (l *Loop) Heartbeat(every time.Duration, f func()) { l.send(heartbeat{every, f}) }

func (l *Loop) send(msg any) {
	select {
	case l.inbox <- msg:
	case <-l.done:
	}
}

// Status asks the loop for all instances, in configuration order.
func (l *Loop) Status(ctx context.Context) ([]Status, error) {
	reply := make(chan []Status, 1)
	l.send(query{reply})
	select {
	case s := <-reply:
		return s, nil
	case <-l.done:
		return nil, errors.New("vrrp loop has ended")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Run owns everything until ctx ends; then all instances resign, sockets close
// and Run returns.
func (l *Loop) Run(ctx context.Context) {
	defer close(l.done)
	for {
		select {
		case <-ctx.Done():
			l.shutdown(time.Now())
			return
		case msg := <-l.inbox:
			l.handle(time.Now(), msg)
		case w := <-l.ready:
			l.awake(time.Now(), w)
		case <-l.timer.C():
		}
		l.turn(time.Now())
	}
}

// turn does what is due. Of each instance that is, the socket is read first;
// of a member of a sync group those of all members, since they move together.
// The cost does not depend on how many instances there are beside the due ones.
func (l *Loop) turn(now time.Time) {
	l.turns++
	l.slept(now)
	for range len(l.timers) {
		if !due(now, l.timers.next()) {
			break
		}
		in := l.timers[0]
		l.drainPast(now, in.link, in.at)
		if in.group != nil {
			for _, m := range in.group.members {
				l.drainPast(now, m.link, in.at)
			}
		}
		if due(now, in.at) { // what was read may have moved it
			l.step(now, in, Tick{})
		}
	}
	if due(now, l.reopenAt) {
		l.reopen(now)
	}
	if due(now, l.hold) {
		l.hold = time.Time{}
		l.publish(Fact{At: now, What: DelayEnded{}})
	}
	l.flush()
	if due(now, l.beatAt) {
		l.beatAt = now.Add(l.beat.every)
		l.beat.f()
	}
	l.timer.Set(earliest(l.hold, earliest(earliest(l.reopenAt, l.beatAt), l.timers.next())))
}

// drainPast reads a socket, once a turn, until it is empty or everything that
// arrived before the deadline has been read: only then does silence mean
// anything. A flood that comes faster than it can be read ends it all the same.
func (l *Loop) drainPast(now time.Time, k *link, deadline time.Time) {
	if k == nil || k.drained == l.turns {
		return
	}
	k.drained = l.turns
	for range drainRounds {
		if l.drain(now, k); !k.upTo.Before(deadline) || l.links[k.spec] != k {
			return
		}
	}
}

func (l *Loop) handle(now time.Time, msg any) {
	switch msg := msg.(type) {
	case configure:
		l.configure(now, msg.instances)
	case deliver:
		for _, in := range slices.Clone(l.instances) {
			if msg.name == "" || msg.name == in.Name {
				l.deliver(now, in, msg.ev)
			}
		}
	case rebind:
		l.rebound(now, msg.iface)
	case startDelay:
		l.delayed(now, msg.until)
	case heartbeat:
		l.beat, l.beatAt = msg, time.Time{}
		if msg.every > 0 {
			l.beatAt = now
		}
	case query:
		msg.reply <- l.status()
	}
}

// status copies: what it answers is read while the loop goes on.
func (l *Loop) status() []Status {
	list := make([]Status, len(l.instances))
	for i, in := range l.instances {
		list[i] = Status{Name: in.Name, Interface: in.Interface, SyncGroup: in.SyncGroup,
			Params: *in.m.Params(), Snapshot: in.m.Snapshot(), Counters: in.counters}
	}
	return list
}

// shutdown resigns for all before any socket closes, then waits for the waiters.
func (l *Loop) shutdown(now time.Time) {
	for _, in := range l.instances {
		l.step(now, in, Shutdown{})
	}
	l.flush()
	for _, k := range l.links {
		l.closeLink(k)
	}
	l.wait.Wait()
}
