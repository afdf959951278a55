package checkers

import (
	"bytes"
	"time"
)

// Behaviours of a server over UDP: what it makes of a datagram.

// replies makes a function of datagrams the real server of a case.
func replies(reply func(q []byte, say func([]byte))) func(*Place) {
	return func(p *Place) { p.serveUDP(reply) }
}

// echo sends back what came.
func echo(q []byte, say func([]byte)) { say(q) }

// mute takes datagrams and says nothing.
func mute([]byte, func([]byte)) {}

// utters says the same to everything.
func utters(b ...byte) func([]byte, func([]byte)) {
	return func(_ []byte, say func([]byte)) { say(b) }
}

// late does something after the check has given up.
func late(by time.Duration, reply func([]byte, func([]byte))) func([]byte, func([]byte)) {
	return func(q []byte, say func([]byte)) {
		time.Sleep(by)
		reply(q, say)
	}
}

// many says something over and over.
func many(n int, b []byte) func([]byte, func([]byte)) {
	return func(_ []byte, say func([]byte)) {
		for range n {
			say(b)
		}
	}
}

// first says one thing and then another.
func first(one, other func([]byte, func([]byte))) func([]byte, func([]byte)) {
	return func(q []byte, say func([]byte)) { one(q, say); other(q, say) }
}

// dnsAnswer is an answer to a query with these flags (RFC 1035 section 4.1.1),
// changed.
func dnsAnswer(flags uint16, change func([]byte) []byte) func([]byte, func([]byte)) {
	return func(q []byte, say func([]byte)) {
		a := bytes.Clone(q)
		if len(a) < 12 {
			return
		}
		a[2], a[3] = byte(flags>>8), byte(flags)
		if change != nil {
			a = change(a)
		}
		say(a)
	}
}
