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
	p := l.params(&slot{vrid: s.vrid, version: s.version, ipv6: s.ipv6, secret: s.secret && r.IntN(2) == 0}, 0, 0)
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
		d.buf, d.src, d.dst, d.slot = vrrp.AppendAdvert(d.buf[:0], &a), a.Src, a.Dst, i
		if kind == 3 { // an octet is not what it was
			d.buf[r.IntN(len(d.buf))] ^= byte(1 + r.IntN(255))
		}
		at := l.now + k*int64(l.shape.intervals[0]) + l.delay()
		d.refs = 1
		for _, n := range l.nodes {
			l.wire.push(packet{at: at, to: n, pdu: d})
		}
		l.wire.done(d)
		if kind != 0 && !s.unicast { // these routers refuse what they are told
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
