package checkers

import "net/netip"

// dns is a check that says something when it passes: an alpha server comes in.
func dns(more ...string) []string { return append([]string{"DNS_CHECK", "alpha"}, more...) }

// bind is a query to the real name server.
func bind(kind, name string, more ...string) []string {
	return dns(append([]string{"connect_port 53", "type " + kind, "name " + name}, more...)...)
}

// heardQuery notes a query but for its id, and answers.
func heardQuery(p *Place) {
	p.serveUDP(func(q []byte, say func([]byte)) {
		p.Hear("%x", q[2:])
		dnsAnswer(0x8180, nil)(q, say)
	})
}

// heardSourceOf notes from where a query came, and answers; the port only if it was
// chosen.
func heardSourceOf(p *Place) {
	p.serveUDPFrom(func(q []byte, from netip.AddrPort, say func([]byte)) {
		p.HearSource(from)
		dnsAnswer(0x8180, nil)(q, say)
	})
}

// keepalived has no verdict after these for ever, unlike after silence.
const neverEnds = "what is no answer does not make the wait longer"

var nameSilence = []string{"DNS_CHECK (X) read timeout from socket"}

var nameCases = []Case{
	{Name: "named, A", Check: bind("A", "www.example.com")},
	{Name: "named over IPv6", Addr: ServerAddr6, Check: bind("A", "www.example.com")},
	{Name: "named, AAAA", Check: bind("AAAA", "www.example.com")},
	{Name: "named, NS", Check: bind("NS", "example.com")},
	{Name: "named, MX", Check: bind("mx", "example.com.")},
	{Name: "named, SOA", Check: bind("SOA", "example.com")},
	{Name: "named, TXT", Check: bind("TXT", "text.example.com")},
	{Name: "named, CNAME", Check: bind("CNAME", "alias.example.com")},
	{Name: "named, DNSKEY that is not there", Check: bind("DNSKEY", "example.com")},
	{Name: "named, RRSIG that is not there", Check: bind("RRSIG", "example.com")},
	{Name: "named, a name without that type", Check: bind("AAAA", "ns.example.com")},
	{Name: "named, an answer that is too long", Check: bind("TXT", "long.example.com")},
	{Name: "named, no such name", Check: bind("A", "nobody.example.com")},
	{Name: "named, a zone that cannot be read", Check: bind("A", "www.broken.example")},
	{Name: "named, a zone that is not ours to ask", Check: bind("A", "www.closed.example")},
	{Name: "named, somebody else's name", Check: bind("A", "www.example.org")},
	{Name: "named, a delegation that leads nowhere", Check: bind("A", "www.lame.example.com")},
	{Name: "named, the root", Check: dns("connect_port 53")},

	{Name: "query, default", Serve: heardQuery, Check: dns()},
	{Name: "query, AAAA", Serve: heardQuery, Check: dns("type AAAA", "name www.example.com")},
	{Name: "query, dot at the end", Serve: heardQuery, Check: dns("type dnskey", "name example.com.")},

	{Name: "from another address and port", Serve: heardSourceOf, Check: dns("bindto 10.9.0.99", "bind_port 4448")},
	{Name: "by an interface", Serve: heardSourceOf, Check: dns("bind_if eth0")},
	{Name: "interface that is not there", Serve: heardSourceOf, Check: dns("bind_if nosuch0")},
	{Name: "with a mark", Addr: markedAddr, Serve: replies(dnsAnswer(0x8180, nil)), Check: dns("fwmark 17")},
	{Name: "without the mark", Addr: markedAddr, Serve: replies(dnsAnswer(0x8180, nil)), Check: dns()},
	{Name: "prohibited", Addr: "10.66.0.2", Absent: true, Check: dns(short)},
	{Name: "blackhole", Addr: "10.66.0.3", Absent: true, Check: dns(short)},

	{Name: "closed", Check: dns()},
	{Name: "dropped", Filter: "drop", Check: dns(short)},
	{Name: "rejected, host unreachable", Filter: "reject with icmp type host-unreachable", Check: dns(short)},
	{Name: "rejected, prohibited", Filter: "reject with icmp type admin-prohibited", Check: dns(short)},
	{Name: "no such machine", Addr: "10.9.0.205", Absent: true, Check: dns("connect_timeout 6")},
	{Name: "no route", Addr: "10.66.0.1", Absent: true, Check: dns(short)},
	{Name: "source address of another machine", Serve: replies(echo), Check: dns("bindto 10.9.0.250")},
	{Name: "silent", Serve: replies(mute), Check: dns(short)},
	{Name: "late", Like: "DNS_CHECK silent", Serve: replies(late(4*pause, dnsAnswer(0x8180, nil))), Check: dns("connect_timeout 0.5")},
	{Name: "sends the query back", Better: neverEnds, Ours: nameSilence, Serve: replies(echo), Check: dns(short)},
	{Name: "another id", Better: neverEnds, Ours: nameSilence, Serve: replies(dnsAnswer(0x8180, func(a []byte) []byte { a[0] ^= 1; return a })), Check: dns(short)},
	{Name: "another id, then the answer", Serve: replies(first(dnsAnswer(0x8182, func(a []byte) []byte { a[0] ^= 1; return a }), dnsAnswer(0x8180, nil))), Check: dns()},
	{Name: "empty datagrams", Better: neverEnds, Ours: nameSilence, Serve: replies(many(3, nil)), Check: dns(short)},
	{Name: "garbage", Better: neverEnds, Ours: nameSilence, Serve: replies(utters(0xff, 0xfe, 0xfd)), Check: dns(short)},
	{Name: "garbage of 600 octets", Better: neverEnds, Ours: nameSilence, Serve: replies(utters(make([]byte, 600)...)), Check: dns(short)},
	{Name: "half a header", Better: neverEnds, Ours: nameSilence, Serve: replies(dnsAnswer(0x8180, func(a []byte) []byte { return a[:6] })), Check: dns(short)},
	{Name: "format error", Serve: replies(dnsAnswer(0x8181, nil)), Check: dns()},
	{Name: "server failure", Serve: replies(dnsAnswer(0x8182, nil)), Check: dns()},
	{Name: "not implemented", Serve: replies(dnsAnswer(0x8184, nil)), Check: dns()},
	{Name: "refused", Serve: replies(dnsAnswer(0x8185, nil)), Check: dns()},
	{Name: "rcode 15", Serve: replies(dnsAnswer(0x818f, nil)), Check: dns()},
	{Name: "truncated", Serve: replies(dnsAnswer(0x8380, nil)), Check: dns()},
	{Name: "a flood, then nothing", Better: neverEnds, Ours: nameSilence, Serve: replies(many(2000, []byte{1, 2, 3})), Check: dns(short)},
}
