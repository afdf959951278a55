package checkers

import "net/netip"

func udp(more ...string) []string { return append([]string{"UDP_CHECK"}, more...) }

// heardDatagram notes what came and from where, and sends it back.
func heardDatagram(p *Place) {
	p.serveUDP(func(q []byte, say func([]byte)) { p.Hear("%q", q); say(q) })
}

// heardOrigin notes from where a datagram came, and sends it back.
func heardOrigin(p *Place) {
	p.serveUDPFrom(func(q []byte, from netip.AddrPort, say func([]byte)) { p.HearSource(from); say(q) })
}

var udpCases = []Case{
	{Name: "echo", Serve: replies(echo), Check: udp("require_reply")},
	{Name: "echo over IPv6", Addr: ServerAddr6, Serve: replies(echo), Check: udp("require_reply")},
	{Name: "what is sent", Serve: heardDatagram, Check: udp("require_reply")},
	{Name: "payload", Serve: heardDatagram, Check: udp("payload 0102 0a0b0C", "require_reply 01020a0b0c")},
	{Name: "payload, one digit", Serve: heardDatagram, Check: udp("payload 0102 a", "require_reply")},
	{Name: "another reply", Serve: replies(echo), Check: udp("payload 01020304", "require_reply 01020305")},
	{Name: "reply with free places", Serve: replies(echo), Check: udp("payload 01020399", "require_reply 010203xx")},
	{Name: "reply with half a free place", Serve: replies(echo), Check: udp("payload 0102039a", "require_reply 0102039X")},
	{Name: "reply with another half", Serve: replies(echo), Check: udp("payload 010203a9", "require_reply 0102039X")},
	{Name: "shorter than the pattern", Serve: replies(utters(1, 2)), Check: udp("require_reply 01020304")},
	{Name: "shorter than the pattern, and other", Serve: replies(utters(1, 3)), Check: udp("require_reply 01020304")},
	{Name: "empty reply under a pattern", Serve: replies(utters()), Check: udp("require_reply 0102")},
	{Name: "shorter than min_reply_length", Serve: replies(utters(1, 2)), Check: udp("require_reply 01020304", "min_reply_length 3")},
	{Name: "as long as min_reply_length", Serve: replies(utters(1, 2, 3)), Check: udp("require_reply 01020304", "min_reply_length 3")},
	{Name: "longer than max_reply_length", Serve: replies(utters(1, 2, 3, 4, 5)), Check: udp("require_reply 0102", "max_reply_length 4")},
	{Name: "as long as max_reply_length", Serve: replies(utters(1, 2, 3, 4)), Check: udp("require_reply 0102", "max_reply_length 4")},
	{Name: "longer than 255, by default", Serve: replies(utters(make([]byte, 256)...)), Check: udp("require_reply 0000")},
	{Name: "as long as 255, by default", Serve: replies(utters(make([]byte, 255)...)), Check: udp("require_reply 0000")},
	{Name: "longer than max_reply_length, no pattern", Serve: replies(utters(1, 2, 3, 4, 5)), Check: udp("require_reply", "max_reply_length 4")},
	{Name: "silent", Serve: replies(mute), Check: udp(short)},
	{Name: "silent, a reply is wanted", Serve: replies(mute), Check: udp("require_reply", short)},
	{Name: "late", Like: "UDP_CHECK silent, a reply is wanted", Serve: replies(late(4*pause, echo)), Check: udp("require_reply", "connect_timeout 0.5")},
	{Name: "another reply first", Serve: replies(first(utters(9), utters(1, 2))), Check: udp("require_reply 0102")},
	{Name: "garbage without end", Serve: replies(many(2000, []byte{0xff})), Check: udp("require_reply 0102", short)},
	{Name: "from another address and port", Serve: heardOrigin, Check: udp("bindto 10.9.0.99", "bind_port 4447", "require_reply")},
	{Name: "by an interface", Serve: heardOrigin, Check: udp("bind_if eth0", "require_reply")},
	{Name: "with a mark", Addr: markedAddr, Serve: replies(echo), Check: udp("fwmark 17", "require_reply")},
	{Name: "without the mark", Addr: markedAddr, Serve: replies(echo), Check: udp("require_reply")},
	{Name: "prohibited", Addr: "10.66.0.2", Absent: true, Check: udp(short)},
	{Name: "closed", Check: udp()},
	{Name: "closed, a reply is wanted", Check: udp("require_reply")},
	{Name: "dropped", Filter: "drop", Check: udp(short)},
	{Name: "dropped, a reply is wanted", Filter: "drop", Check: udp("require_reply", short)},
	{Name: "rejected, host unreachable", Filter: "reject with icmp type host-unreachable", Check: udp("require_reply", short)},
	{Name: "rejected, prohibited", Filter: "reject with icmp type admin-prohibited", Check: udp(short)},
	{Name: "rejected, network unreachable", Filter: "reject with icmp type net-unreachable", Check: udp(short)},
	{Name: "no such machine", Addr: "10.9.0.206", Absent: true, Check: udp("require_reply", "connect_timeout 6")},
	{Name: "no route", Addr: "10.66.0.1", Absent: true, Check: udp(short)},
	{Name: "source address of another machine", Serve: replies(echo), Check: udp("bindto 10.9.0.250")},
	{Name: "interface that is not there", Better: "bind_if is obeyed", Ours: []string{"UDP_CHECK on service X failed.", "Removing service X from VS V"}, Serve: replies(echo), Check: udp("bind_if nosuch0")},
}
