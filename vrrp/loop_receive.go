package vrrp

import (
	"errors"
	"time"
)

// link is one socket and the instances that use it.
type link struct {
	spec      SocketSpec
	conn      Conn
	rearm     chan struct{} // tells the waiter that the socket has been emptied
	closed    chan struct{}
	opened    uint64    // turn in which it was opened
	emptied   time.Time // when nothing was left to read
	upTo      time.Time // what arrived before that has been read
	drained   uint64    // turn in which it was read last
	buffer    int       // octets asked for; 0: the system's default
	instances []*instance
}

// wake is a waiter's word: datagrams may be there, or the socket is broken.
type wake struct {
	k   *link
	err error
}

// openLink opens a socket and starts its waiter.
func (l *Loop) openLink(now time.Time, spec SocketSpec) (*link, error) {
	if k := l.links[spec]; k != nil {
		return k, nil
	}
	conn, err := l.open(spec)
	if err != nil {
		return nil, err
	}
	k := &link{spec: spec, conn: conn, rearm: make(chan struct{}, 1), closed: make(chan struct{}), opened: l.turns, emptied: now, upTo: now}
	l.links[spec] = k
	l.wait.Go(func() { l.waiter(k) })
	return k, nil
}

// waiter blocks where the loop must not, and never reads: the kernel's queue is
// the only queue, so nothing can be half-way when the loop drains it.
func (l *Loop) waiter(k *link) {
	for {
		err := k.conn.Wait()
		select {
		case l.ready <- wake{k, err}:
		case <-k.closed:
			return
		}
		if err != nil {
			return
		}
		select {
		case <-k.rearm:
		case <-k.closed:
			return
		}
	}
}

// closeLink takes a socket out of use. Its waiter ends by itself; shutdown waits
// for it.
func (l *Loop) closeLink(k *link) {
	delete(l.links, k.spec)
	close(k.closed)
	// Nothing can be done about a socket that does not close, and nothing waits for it.
	_ = k.conn.Close()
}

// awake reads a socket whose waiter has spoken, and lets it wait again.
func (l *Loop) awake(now time.Time, w wake) {
	if l.links[w.k.spec] != w.k {
		return // closed meanwhile
	}
	if w.err != nil {
		l.broken(now, w.k, w.err)
		return
	}
	l.drain(now, w.k)
	select {
	case w.k.rearm <- struct{}{}:
	default:
	}
}

// drain reads what waits, up to a limit so that a flood cannot keep timers
// from their turn; the rest is read on the next one.
func (l *Loop) drain(now time.Time, k *link) {
	for range drainMax {
		n, meta, err := k.conn.ReadFrom(l.readBuf)
		switch {
		case err == nil:
			d := Datagram{PDU: l.readBuf[:n], Src: meta.Src, Dst: meta.Dst, TTL: meta.TTL, ID: meta.ID,
				At: arrival(meta.Arrival, k.emptied, now)}
			k.upTo = d.At
			l.receive(d.At, k, d)
		case errors.Is(err, ErrEmpty):
			k.emptied, k.upTo = now, now
			return
		default:
			if l.unreadable(now, k, err) {
				return
			}
		}
	}
}

// unreadable handles what is neither a datagram nor an empty socket, and
// reports whether the socket is of no more use.
func (l *Loop) unreadable(now time.Time, k *link, err error) bool {
	if refused, ok := err.(*PacketError); ok { // errors.As costs an allocation
		l.dropStranger(now, k, *refused)
		return false
	}
	l.broken(now, k, err)
	return true
}

// arrival trusts the kernel's wall clock stamp only as far as it can be true: a
// datagram came after the socket was last empty and not in the future, however
// somebody has set the clock meanwhile. The result counts on the monotonic clock.
func arrival(stamp, emptied, now time.Time) time.Time {
	if stamp.IsZero() {
		return now
	}
	age := now.Round(0).Sub(stamp) // without monotonic part: wall against wall
	return now.Add(-min(max(age, 0), max(now.Sub(emptied), 0)))
}

// receive hands one datagram to the instance it is for.
func (l *Loop) receive(at time.Time, k *link, d Datagram) {
	pdu := d.PDU
	if k.spec.AH {
		var ours bool
		if pdu, ours = behindAH(pdu); !ours {
			return // others on this host use AH as well
		}
	}
	vrid, ok := PeekVRID(pdu)
	if !ok {
		l.dropStranger(at, k, PacketError{Reason: DropShort, Src: d.Src, Got: int64(len(d.PDU)), Want: headerLen})
		return
	}
	in := k.find(vrid, d)
	if in == nil && d.Dst.IsMulticast() != k.spec.Group.IsValid() {
		return // for another socket on this interface, which has it too
	}
	if in == nil && k.spec.Base != "" && l.keys[key{iface: k.spec.Base, ipv6: k.spec.IPv6, vrid: vrid}] {
		return // for another VMAC on the same link, or for the link: each hears it
	}
	if at.Before(l.hold) && (in == nil || in.m.held(at)) {
		return // the start delay: not even counted
	}
	if in == nil {
		l.dropStranger(at, k, PacketError{Reason: DropVRID, Src: d.Src, Got: int64(vrid)})
		return
	}
	if in.m.state != Backup && in.m.state != Active {
		return // not participating: not even counted
	}
	if err := in.memory.Decode(in.m.Params(), d, &in.adv); err != nil {
		l.refuse(at, in, pdu, err)
		return
	}
	in.counters.AdvertReceived++
	if in.adv.AddrsDiffer {
		in.counters.AddrListErr++
	}
	if in.adv.Priority == 0 {
		in.counters.PriZeroReceived++
	}
	l.step(at, in, AdvertReceived{&in.adv})
}

// find picks the instance by VRID; unicast instances that share one are told
// apart by the sender.
func (k *link) find(vrid uint8, d Datagram) *instance {
	var found *instance
	for _, in := range k.instances {
		if in.Params.VRID != vrid {
			continue
		}
		for _, peer := range in.Params.Peers {
			if peer.Addr == d.Src {
				return in
			}
		}
		if found == nil {
			found = in
		}
	}
	return found
}

// refuse counts, raises an alarm if the sender means us, and says so now and then.
func (l *Loop) refuse(at time.Time, in *instance, pdu []byte, err error) {
	refused, ok := err.(*PacketError)
	if !ok {
		return
	}
	refused.Theirs, refused.Priority = pdu[0]>>4, pdu[2] // PeekVRID has seen a whole header
	in.counters.dropped(refused.Reason)
	l.step(at, in, AdvertRefused{refused})
	if in.drops == nil {
		in.drops = map[DropReason]*dropLog{}
	}
	if in.drops[refused.Reason] == nil {
		in.drops[refused.Reason] = &dropLog{}
	}
	if n, ok := in.drops[refused.Reason].due(at); ok {
		kept := *refused // the next refusal overwrites it
		l.publish(Fact{At: at, Instance: in.Name, What: Dropped{in.Interface, &kept, n}})
	}
}

// dropStranger says now and then that somebody sends what no instance is meant by.
func (l *Loop) dropStranger(at time.Time, k *link, refused PacketError) {
	log := &l.stranger
	if refused.Reason == DropVRID { // where nobody wants to read of these, they must not hide others
		log = &l.unknown
	}
	if n, ok := log.due(at); ok {
		kept := refused // a copy that is made only here
		l.publish(Fact{At: at, What: Dropped{k.spec.Interface, &kept, n}})
	}
}

// reopen tries again for all that have no socket.
func (l *Loop) reopen(now time.Time) {
	l.reopenAt = time.Time{}
	for _, in := range l.instances {
		if in.link == nil {
			l.attach(now, in)
		}
	}
}

// broken takes a socket out of use; its instances cannot go on without.
func (l *Loop) broken(now time.Time, k *link, err error) {
	l.closeLink(k)
	for _, in := range k.instances {
		in.link = nil
		l.unheard(now, in, true, err)
	}
}
