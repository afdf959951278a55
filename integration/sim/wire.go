package sim

import (
	"net/netip"
	"time"

	"holdfast/vrrp"
)

// pdu is what several datagrams on the wire have in common. Its memory is used
// again when the last of them has been read.
type pdu struct {
	buf      []byte
	src, dst netip.Addr
	slot     int
	id       uint16 // of the IPv4 header
	from     int    // node that sent it, or nobody
	number   uint64 // slot.number
	priority uint8
	refs     int
}

// nobody is whoever is none of our nodes.
const nobody = -1

// packet is one datagram on its way to one node.
type packet struct {
	at  int64
	seq uint64 // of equal moments the one sent first
	to  *node
	pdu *pdu
}

// wire is a heap of packets by moment of arrival.
type wire struct {
	heap []packet
	seq  uint64
	free []*pdu
}

func (w *wire) first() int64 {
	if len(w.heap) == 0 {
		return never
	}
	return w.heap[0].at
}

func (p *packet) before(q *packet) bool { return p.at < q.at || p.at == q.at && p.seq < q.seq }

func (w *wire) push(p packet) {
	w.seq++
	p.seq = w.seq
	p.pdu.refs++
	w.heap = append(w.heap, p)
	i := len(w.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !p.before(&w.heap[up]) {
			break
		}
		w.heap[i] = w.heap[up]
		i = up
	}
	w.heap[i] = p
}

func (w *wire) pop() packet {
	top, last := w.heap[0], w.heap[len(w.heap)-1]
	w.heap = w.heap[:len(w.heap)-1]
	i := 0
	for {
		down := 2*i + 1
		if down >= len(w.heap) {
			break
		}
		if down+1 < len(w.heap) && w.heap[down+1].before(&w.heap[down]) {
			down++
		}
		if !w.heap[down].before(&last) {
			break
		}
		w.heap[i] = w.heap[down]
		i = down
	}
	if len(w.heap) > 0 {
		w.heap[i] = last
	}
	return top
}

// get is an empty pdu.
func (w *wire) get() *pdu {
	if k := len(w.free); k > 0 {
		p := w.free[k-1]
		w.free = w.free[:k-1]
		return p
	}
	return &pdu{buf: make([]byte, 0, 128)}
}

// done gives one reference back.
func (w *wire) done(p *pdu) {
	if p.refs--; p.refs <= 0 {
		w.free = append(w.free, p)
	}
}

// send puts an advert on the wire, once per neighbour, each with its own fate.
// A unicast advert is encoded anew for each: the destination enters its checksum.
func (l *LAN) send(n *node, v *virtual, priority uint8) {
	if !n.linkUp {
		return
	}
	p := v.m.Params()
	v.memory.Next(n.wallClock(l.now), p)
	if !p.Unicast() {
		l.encode(n, v, v.memory.Advert(p, priority, p.MulticastGroup()), nil)
		return
	}
	for _, peer := range p.Peers {
		for _, to := range l.nodes {
			if w := to.routers[v.slot]; w != nil && w.params.PrimaryAddr == peer.Addr {
				l.encode(n, v, v.memory.Advert(p, priority, peer.Addr), to)
			}
		}
	}
}

// encode sends to one node, or to all that are not n.
func (l *LAN) encode(n *node, v *virtual, a vrrp.Advert, only *node) {
	d, p := l.wire.get(), v.m.Params()
	d.buf, d.src, d.dst, d.slot = v.memory.AppendAdvert(d.buf[:0], p, &a), a.Src, a.Dst, v.slot
	d.id, d.from, d.priority = v.memory.ID(), n.index, a.Priority
	if d.number = l.slots[v.slot].number(d.buf, p); l.slots[v.slot].auth == header {
		v.number, v.ours = max(v.number, d.number), true
	}
	l.tape.record(d)
	d.refs = 1 // ours, until all are on their way
	for _, to := range l.nodes {
		if to == n || only != nil && to != only || l.cut[n.index][to.index] {
			continue
		}
		if l.loss > 0 && l.rand.Float64() < l.loss {
			continue
		}
		l.wire.push(packet{at: l.now + l.delay(), to: to, pdu: d})
		if l.dup > 0 && l.rand.Float64() < l.dup {
			l.wire.push(packet{at: l.now + l.delay(), to: to, pdu: d})
		}
	}
	l.wire.done(d)
}

// delay differs from datagram to datagram: one may pass another.
func (l *LAN) delay() int64 {
	d := int64(100*time.Microsecond) + int64(l.rand.Uint32()%2_000_000)
	if l.slow > 0 {
		d += l.rand.Int64N(l.slow)
	}
	return d
}

func (l *LAN) arrive() {
	p := l.wire.pop()
	if !p.to.up || !p.to.linkUp || p.to.routers[p.pdu.slot] == nil {
		l.wire.done(p.pdu)
		return
	}
	p.to.queue = append(p.to.queue, p)
	if p.to.running() {
		l.turn(p.to)
	}
}
