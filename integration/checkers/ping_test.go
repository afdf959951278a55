package checkers

import "net"

// obeyed: keepalived 2.2.7 reads these keywords in a PING_CHECK and does not use them.
const obeyed = "bindto, bind_if and fwmark are obeyed"

func ping(more ...string) []string { return append([]string{"PING_CHECK"}, more...) }

// liar is a case whose machine leaves its echoes to reply.
func liar(name string, reply func([]byte, func([]byte)), more ...string) Case {
	return Case{Name: name, Serve: echoed(reply), Check: ping(more...)}
}

// heardEcho notes a request but for checksum, id and sequence, and answers.
func heardEcho(p *Place) {
	echoed(func(q []byte, say func([]byte)) { p.Hear("%q", q[8:]); pong(nil)(q, say) })(p)
}

// heardEchoFrom notes where a request came from, and answers.
func heardEchoFrom(p *Place) {
	p.serveEcho(func(q []byte, from net.Addr, say func([]byte)) { p.Hear("from %v", from); pong(nil)(q, say) })
}

var pingCases = []Case{
	{Name: "answers", Check: ping()},
	{Name: "answers over IPv6", Addr: ServerAddr6, Check: ping()},
	{Name: "answers to another address", Check: ping("bindto 10.9.0.99")},
	{Name: "answers by an interface", Check: ping("bind_if eth0")},
	{Name: "with a mark", Better: obeyed, Ours: []string{"ICMP connection to X success."}, Addr: markedAddr, Check: ping("fwmark 17")},
	{Name: "without the mark", Addr: markedAddr, Check: ping(short)},
	liar("answers in another way", pong(nil)),
	liar("answers twice", first(pong(nil), pong(nil))),
	liar("answers with half of the text", pong(func(b []byte) []byte { return b[:40] })),
	liar("answers with the header alone", pong(func(b []byte) []byte { return b[:8] })),
	liar("answers with half a header", pong(func(b []byte) []byte { return b[:6] }), short),
	liar("answers with another id", pong(func(b []byte) []byte { b[4] ^= 1; return b }), short),
	liar("answers with another type", pong(func(b []byte) []byte { b[0] = 14; return b }), short),
	liar("says that others are unreachable", unreachable, short),
	{Name: "late", Like: "PING_CHECK says nothing", Serve: echoed(afterwards), Check: ping("connect_timeout 1")},
	{Name: "what is sent", Serve: heardEcho, Check: ping()},
	{Name: "from another address", Better: obeyed, Ours: []string{"ICMP connection to X success.", "heard from 10.9.0.99"}, Serve: heardEchoFrom, Check: ping("bindto 10.9.0.99")},
	{Name: "from the usual address", Serve: heardEchoFrom, Check: ping()},
	liar("says nothing", mute, short),
	{Name: "dropped", Filter: "drop", Check: ping(short)},
	{Name: "rejected, host unreachable", Filter: "reject with icmp type host-unreachable", Check: ping(short)},
	{Name: "rejected, prohibited", Filter: "reject with icmp type admin-prohibited", Check: ping(short)},
	{Name: "no such machine", Addr: "10.9.0.207", Absent: true, Check: ping("connect_timeout 6")},
	{Name: "no such machine, little time", Addr: "10.9.0.208", Absent: true, Check: ping("connect_timeout 1")},
	{Name: "no such machine over IPv6", Addr: "fd09::77", Absent: true, Check: ping(short)},
	{Name: "unreachable", Addr: "10.66.0.1", Absent: true, Check: ping(short)},
	{Name: "prohibited", Addr: "10.66.0.2", Absent: true, Check: ping(short)},
	{Name: "blackhole", Addr: "10.66.0.3", Absent: true, Check: ping(short)},
	{Name: "source address of another machine", Better: obeyed, Ours: []string{}, Check: ping("bindto 10.9.0.250", short)},
	{Name: "interface that is not there", Better: obeyed, Ours: []string{}, Check: ping("bind_if nosuch0", short)},
}
