package sim

import (
	"math/rand/v2"

	"holdfast/vrrp"
)

// stranger is somebody on the wire who uses the VRID of a slot: three adverts,
// an interval apart, of a kind that routers refuse or of one that they obey.
func (l *LAN) stranger(f Fault) {
	r := rand.New(rand.NewPCG(f.N, streamPlan))
	i := r.IntN(len(l.slots))
	s := &l.slots[i]
	p := l.params(&slot{vrid: s.vrid, version: s.version, ipv6: s.ipv6, auth: s.auth}, 0, 0)
	if s.auth == password && r.IntN(2) == 0 { // it knows that much, and nothing that is secret
		s.arm(r, &p)
	}
	p.PrimaryAddr = source(s.ipv6, 199, 0)
	kind, priority := r.IntN(6), uint8(1+r.IntN(254))
	switch kind {
	case 0: // the other version
		p.Version = 5 - p.Version
	case 1: // resigns what it never had
		priority = 0
	case 2:
		p.Addrs = append(p.Addrs, virtualAddr(s.ipv6, s.vrid, 77))
	}
	l.note("stranger for vrid %d, kind %d, priority %d", s.vrid, kind, priority)
	for k := range int64(3) {
		a := p.Advert(priority, p.MulticastGroup())
		d := l.wire.get()
		d.buf, d.src, d.dst, d.slot, d.from, d.number = vrrp.AppendAdvert(d.buf[:0], &a), a.Src, a.Dst, i, nobody, 0
		if kind == 3 { // an octet is not what it was
			d.buf[r.IntN(len(d.buf))] ^= byte(1 + r.IntN(255))
		}
		at := l.now + k*int64(l.shape.intervals[0]) + l.delay()
		d.refs = 1
		for _, n := range l.nodes {
			l.wire.push(packet{at: at, to: n, pdu: d})
		}
		l.wire.done(d)
		if kind != 0 && !s.unicast && !s.proof() { // these routers refuse what they are told
			l.strange = max(l.strange, at+1)
		}
	}
}

// drop forgets what a node has not read.
func (w *wire) drop(n *node) {
	for i := range n.queue {
		w.done(n.queue[i].pdu)
	}
	n.queue = n.queue[:0]
}

// tape is what an attacker has recorded: some of what was sent, and resignations
// of each slot, which would do the greatest harm.
type tape struct {
	kept [32]pdu
	next int
	seen int
}

// record keeps every seventh advert, and every resignation.
func (t *tape) record(d *pdu) {
	if t.seen++; t.seen%7 > 0 && d.priority > 0 {
		return
	}
	if t.kept[0].buf == nil {
		for i := range t.kept {
			t.kept[i].buf = make([]byte, 0, 128)
		}
	}
	k := &t.kept[t.next%len(t.kept)]
	t.next++
	buf := append(k.buf[:0], d.buf...)
	*k = *d
	k.buf = buf
}

// harm is what a recorded advert would do if it were believed where it must not
// be; 0 where it may be.
func (l *LAN) harm(d *pdu) int {
	switch v := l.nodes[d.from].routers[d.slot]; {
	case l.believed(d):
		return 0
	case d.priority == 0: // it makes Backups take over
		return 3
	case v.state != vrrp.Active: // of a router that is Active no more
		return 2
	}
	return 1
}

// replay sends a recorded advert again, three times, an interval apart, and
// reports whether no router may believe it. Whoever has the address that it
// comes from does not hear it: the kernel drops what seems to come from itself.
func (l *LAN) replay(f Fault) (refused bool) {
	count := min(l.tape.next, len(l.tape.kept))
	if count == 0 {
		return false
	}
	at, best := 0, -1
	for i := range count { // the one that would do the greatest harm where it has to be refused
		k := (int(f.N%uint64(count)) + i) % count
		if h := l.harm(&l.tape.kept[k]); h > best {
			at, best = k, h
		}
	}
	refused = best > 0
	k := &l.tape.kept[at]
	d := l.wire.get()
	buf := append(d.buf[:0], k.buf...)
	*d = *k
	d.buf, d.refs = buf, 1
	l.note("advert of %c for vrid %d again, number %d, to be refused: %v", 'a'+d.from, l.slots[d.slot].vrid, d.number, refused)
	last := l.now
	for i := range int64(3) {
		last = l.now + i*int64(l.shape.intervals[0]) + l.delay()
		for _, n := range l.nodes {
			if v := n.routers[d.slot]; v != nil && n.index != d.from && (d.dst.IsMulticast() || d.dst == v.params.PrimaryAddr) {
				l.wire.push(packet{at: last, to: n, pdu: d})
			}
		}
	}
	l.wire.done(d)
	if !refused {
		l.strange = max(l.strange, last+1)
	}
	return refused
}
