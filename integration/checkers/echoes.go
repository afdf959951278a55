package checkers

import (
	"encoding/binary"
	"net"
	"time"
)

// echoed makes a function of echo requests the machine at the place: its kernel
// answers none, we do. The packets are ICMP without the IP
// header.
func echoed(reply func(q []byte, say func([]byte))) func(*Place) {
	return func(p *Place) {
		p.serveEcho(func(q []byte, _ net.Addr, say func([]byte)) { reply(q, say) })
	}
}

// serveEcho takes the echo requests to the place.
func (p *Place) serveEcho(reply func(q []byte, from net.Addr, say func([]byte))) {
	p.t.Helper()
	var c net.PacketConn
	inside(p.t, p.site.Host, func() (err error) {
		c, err = net.ListenPacket("ip4:icmp", p.Addr.Addr().String())
		return err
	})
	s := p.site
	s.hold(c)
	s.serving.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if n >= 8 && buf[0] == 8 {
				reply(append([]byte(nil), buf[:n]...), from, func(b []byte) { c.WriteTo(summed(b), from) })
			}
		}
	})
}

// pong is the right reply, changed.
func pong(change func([]byte) []byte) func([]byte, func([]byte)) {
	return func(q []byte, say func([]byte)) {
		q[0] = 0
		if change != nil {
			q = change(q)
		}
		say(q)
	}
}

// summed puts the checksum of RFC 1071 into an ICMP message.
func summed(b []byte) []byte {
	if len(b) < 4 {
		return b
	}
	b[2], b[3] = 0, 0
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		if i+1 < len(b) {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		} else {
			sum += uint32(b[i]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum))
	return b
}

// unreachable is an ICMP error that has nothing to do with the request.
func unreachable(_ []byte, say func([]byte)) {
	say(append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, make([]byte, 28)...))
}

// afterwards replies when nobody waits any more.
func afterwards(q []byte, say func([]byte)) {
	time.Sleep(10 * pause)
	pong(nil)(q, say)
}
