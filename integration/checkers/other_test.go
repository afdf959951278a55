package checkers

import (
	"bufio"
	"fmt"
	"net"
	"strings"
)

var longPage = strings.Repeat(page, 14_000)

func smtp(more ...string) []string {
	return append([]string{"SMTP_CHECK", "retry 1", "delay_before_retry 1"}, more...)
}

// heardMail notes what a mail server is told.
func heardMail(p *Place, c net.Conn) {
	fmt.Fprint(c, "220 lab\r\n")
	in := bufio.NewReader(c)
	for _, answer := range []string{"250 lab\r\n", "221 bye\r\n"} {
		line, _ := in.ReadString('\n')
		p.Hear("%q", line)
		fmt.Fprint(c, answer)
	}
}

const multiline = "RFC 5321 section 4.2.1"

var mailUp = []string{"Remote SMTP server X succeed on service."}

var mailCases = []Case{
	{Name: "postfix", Redirect: 25, Check: smtp()},
	{Name: "postfix over IPv6", Addr: ServerAddr6, Redirect: 25, Check: smtp()},
	{Name: "postfix, a name of ours", Redirect: 28, Check: smtp("helo_name lb.example.com")},
	{Name: "postfix refuses clients", Redirect: 26, Check: smtp()},
	{Name: "postfix defers clients", Redirect: 27, Check: smtp()},
	{Name: "postfix refuses a name", Redirect: 28, Check: smtp("helo_name lb")},
	{Name: "postfix wants TLS first", Redirect: 29, Check: smtp(short)},
	{Name: "postfix makes clients wait (postscreen)", Redirect: 30, Check: smtp(), Better: multiline, Ours: mailUp},
	{Name: "postfix with an empty banner", Redirect: 31, Check: smtp()},
	{Name: "postfix wants a proxy's line", Redirect: 32, Check: smtp()},
	{Name: "postfix refuses everybody's name", Redirect: 33, Check: smtp()},
	{Name: "another program: nginx", Redirect: nginxPort, Check: smtp(short)},

	{Name: "what is said", Serve: hears(heardMail), Check: smtp()},
	{Name: "what is said, with a name", Serve: hears(heardMail), Check: smtp("helo_name lb.example.com")},
	{Name: "from another address", Serve: hears(func(p *Place, c net.Conn) {
		p.Hear("from %v", c.RemoteAddr().(*net.TCPAddr).IP)
		lines("220 lab\r\n", "250 lab\r\n", "221 bye\r\n")(c)
	}), Check: smtp("bindto 10.9.0.99")},
	{Name: "a host block", Serve: hears(heardMail), Check: smtp("connect_port 9", "host {", "connect_ip 10.9.0.11", "connect_port 25", "")},

	{Name: "closed", Check: smtp()},
	{Name: "dropped", Filter: "drop", Check: smtp(short)},
	{Name: "rejected, host unreachable", Filter: "reject with icmp type host-unreachable", Check: smtp(short)},
	{Name: "no such machine", Addr: "10.9.0.204", Absent: true, Check: smtp("connect_timeout 6")},
	{Name: "source address of another machine", Serve: over(silent), Check: smtp("bindto 10.9.0.250")},

	{Name: "silent", Serve: over(silent), Check: smtp(short)},
	{Name: "closes at once", Serve: over(closes), Check: smtp()},
	{Name: "resets at once", Serve: over(then(waits, resets)), Check: smtp()},
	{Name: "stalls in the greeting", Serve: over(then(says("220 la"), silent)), Check: smtp(short)},
	{Name: "closes in the greeting", Serve: over(says("220 la")), Check: smtp()},
	{Name: "resets in the greeting", Serve: over(then(says("220 la"), waits, resets)), Check: smtp()},
	{Name: "greets octet by octet", Serve: over(then(trickles("220 lab\r\n", pause/3), lines("", "250 lab\r\n", "221 bye\r\n"))), Check: smtp()},
	{Name: "says nothing to HELO", Serve: over(then(lines("220 lab\r\n"), silent)), Check: smtp(short)},
	{Name: "closes after HELO", Serve: over(lines("220 lab\r\n", "")), Check: smtp()},
	{Name: "refuses HELO", Serve: over(lines("220 lab\r\n", "500 what\r\n")), Check: smtp()},
	{Name: "says nothing to QUIT", Serve: over(then(lines("220 lab\r\n", "250 lab\r\n"), silent)), Check: smtp(short)},
	{Name: "closes after QUIT", Serve: over(lines("220 lab\r\n", "250 lab\r\n", "")), Check: smtp()},
	{Name: "answers QUIT with 999", Serve: over(lines("220 lab\r\n", "250 lab\r\n", "999 bye\r\n")), Check: smtp()},
	{Name: "busy", Serve: over(lines("421 later\r\n")), Check: smtp()},
	{Name: "garbage", Serve: over(says("\x00\x01\xff\n")), Check: smtp()},
	{Name: "garbage without end", Serve: over(floods("\x00\x01\xff\xfe")), Check: smtp(short)},
	{Name: "lines without end", Serve: over(floods("500 no\r\n")), Check: smtp(short)},
	{Name: "another protocol", Serve: over(says("SSH-2.0-lab\r\n")), Check: smtp()},
	{Name: "a greeting of 400 octets", Serve: over(lines("220 "+strings.Repeat("x", 400)+"\r\n", "250 lab\r\n", "221 bye\r\n")), Check: smtp()},
	{Name: "a greeting of 2000 octets", Serve: over(then(lines("220 "+strings.Repeat("x", 2000)+"\r\n", "250 lab\r\n", "221 bye\r\n"))), Check: smtp()},
	{Name: "four digits", Serve: over(lines("2200 lab\r\n")), Check: smtp()},
	{Name: "lines without CR", Serve: over(lines("220 lab\n", "250 lab\n", "221 bye\n")), Check: smtp()},
	{Name: "greets in two lines", Serve: over(lines("220-lab\r\n220 more\r\n", "250 lab\r\n", "221 bye\r\n")), Check: smtp(), Better: multiline, Ours: mailUp},
}

func dns(more ...string) []string { return append([]string{"DNS_CHECK"}, more...) }

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

	{Name: "closed", Check: dns()},
	{Name: "dropped", Filter: "drop", Check: dns(short)},
	{Name: "rejected, host unreachable", Filter: "reject with icmp type host-unreachable", Check: dns(short)},
	{Name: "rejected, prohibited", Filter: "reject with icmp type admin-prohibited", Check: dns(short)},
	{Name: "no such machine", Addr: "10.9.0.205", Absent: true, Check: dns("connect_timeout 6")},
	{Name: "no route", Addr: "10.66.0.1", Absent: true, Check: dns(short)},
	{Name: "source address of another machine", Serve: replies(echo), Check: dns("bindto 10.9.0.250")},
	{Name: "silent", Serve: replies(mute), Check: dns(short)},
	{Name: "late", Serve: replies(late(4*pause, dnsAnswer(0x8180, nil))), Check: dns("connect_timeout 0.5")},
	{Name: "sends the query back", Serve: replies(echo), Check: dns(short)},
	{Name: "another id", Serve: replies(dnsAnswer(0x8180, func(a []byte) []byte { a[0] ^= 1; return a })), Check: dns(short)},
	{Name: "another id, then the answer", Serve: replies(first(dnsAnswer(0x8182, func(a []byte) []byte { a[0] ^= 1; return a }), dnsAnswer(0x8180, nil))), Check: dns()},
	{Name: "empty datagrams", Serve: replies(many(3, nil)), Check: dns(short)},
	{Name: "garbage", Serve: replies(utters(0xff, 0xfe, 0xfd)), Check: dns(short)},
	{Name: "garbage of 600 octets", Serve: replies(utters(make([]byte, 600)...)), Check: dns(short)},
	{Name: "half a header", Serve: replies(dnsAnswer(0x8180, func(a []byte) []byte { return a[:6] })), Check: dns(short)},
	{Name: "format error", Serve: replies(dnsAnswer(0x8181, nil)), Check: dns()},
	{Name: "server failure", Serve: replies(dnsAnswer(0x8182, nil)), Check: dns()},
	{Name: "not implemented", Serve: replies(dnsAnswer(0x8184, nil)), Check: dns()},
	{Name: "refused", Serve: replies(dnsAnswer(0x8185, nil)), Check: dns()},
	{Name: "rcode 15", Serve: replies(dnsAnswer(0x818f, nil)), Check: dns()},
	{Name: "truncated", Serve: replies(dnsAnswer(0x8380, nil)), Check: dns()},
	{Name: "a flood, then nothing", Serve: replies(many(2000, []byte{1, 2, 3})), Check: dns(short)},
}

func udp(more ...string) []string { return append([]string{"UDP_CHECK"}, more...) }

// heardDatagram notes what came and from where, and sends it back.
func heardDatagram(p *Place) {
	p.serveUDP(func(q []byte, say func([]byte)) { p.Hear("%q", q); say(q) })
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
	{Name: "late", Serve: replies(late(4*pause, echo)), Check: udp("require_reply", "connect_timeout 0.5")},
	{Name: "another reply first", Serve: replies(first(utters(9), utters(1, 2))), Check: udp("require_reply 0102")},
	{Name: "garbage without end", Serve: replies(many(2000, []byte{0xff})), Check: udp("require_reply 0102", short)},
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
	{Name: "interface that is not there", Serve: replies(echo), Check: udp("bind_if nosuch0")},
}

func ping(more ...string) []string { return append([]string{"PING_CHECK"}, more...) }

// liar is a case whose machine leaves its echoes to reply.
func liar(name string, reply func([]byte, func([]byte)), more ...string) Case {
	return Case{Name: name, Serve: echoed(reply), Check: ping(more...)}
}

var pingCases = []Case{
	{Name: "answers", Check: ping()},
	{Name: "answers over IPv6", Addr: ServerAddr6, Check: ping()},
	{Name: "answers to another address", Check: ping("bindto 10.9.0.99")},
	{Name: "answers by an interface", Check: ping("bind_if eth0")},
	{Name: "with a mark", Addr: markedAddr, Check: ping("fwmark 17")},
	{Name: "without the mark", Addr: markedAddr, Check: ping(short)},
	liar("answers in another way", pong(nil)),
	liar("answers twice", first(pong(nil), pong(nil))),
	liar("answers with half of the text", pong(func(b []byte) []byte { return b[:40] })),
	liar("answers with the header alone", pong(func(b []byte) []byte { return b[:8] })),
	liar("answers with half a header", pong(func(b []byte) []byte { return b[:6] }), short),
	liar("answers with another id", pong(func(b []byte) []byte { b[4] ^= 1; return b }), short),
	liar("answers with another type", pong(func(b []byte) []byte { b[0] = 14; return b }), short),
	liar("says that others are unreachable", unreachable, short),
	liar("late", afterwards, "connect_timeout 1"),
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
	{Name: "source address of another machine", Check: ping("bindto 10.9.0.250", short)},
	{Name: "interface that is not there", Check: ping("bind_if nosuch0", short)},
}

// script is a case of a MISC_CHECK whose program is this text.
func script(name, text string, more ...string) Case {
	return Case{Name: name, Serve: func(p *Place) { p.File("check", text, 0o755) },
		Check: append([]string{"MISC_CHECK", "misc_path DIR/check"}, more...)}
}

var scriptCases = []Case{
	script("status 0", "#!/bin/sh\nexit 0\n"),
	script("status 1", "#!/bin/sh\nexit 1\n"),
	script("status 2", "#!/bin/sh\nexit 2\n"),
	script("status 255", "#!/bin/sh\nexit 255\n"),
	script("dynamic, status 0", "#!/bin/sh\nexit 0\n", "misc_dynamic"),
	script("dynamic, status 1", "#!/bin/sh\nexit 1\n", "misc_dynamic"),
	script("dynamic, status 2", "#!/bin/sh\nexit 2\n", "misc_dynamic"),
	script("dynamic, status 22", "#!/bin/sh\nexit 22\n", "misc_dynamic"),
	script("dynamic, status 12, as configured", "#!/bin/sh\nexit 12\n", "misc_dynamic"),
	script("dynamic, status 255", "#!/bin/sh\nexit 255\n", "misc_dynamic"),
	script("killed", "#!/bin/sh\nkill -9 $$\n"),
	script("killed, dynamic", "#!/bin/sh\nkill -11 $$\n", "misc_dynamic"),
	script("ends by SIGTERM", "#!/bin/sh\nkill -15 $$\n"),
	script("sleeps too long", "#!/bin/sh\nexec sleep 60\n", "misc_timeout 2"),
	script("sleeps too long and ignores SIGTERM", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n", "misc_timeout 2"),
	script("stops itself", "#!/bin/sh\nkill -STOP $$\n", "misc_timeout 2"),
	script("writes without end", "#!/bin/sh\nyes & sleep 0.3; kill $!; exit 0\n"),
	script("reads its input", "#!/bin/sh\ncat; exit 0\n"),
	script("without a first line", "exit 3\n"),
	script("empty", ""),
	script("a format that is none", "\x7fELF\x02\x01\x01\x00garbage"),
	script("interpreter that is not there", "#!/no/such/interpreter\n"),
	{Name: "arguments", Serve: func(p *Place) { p.File("check", "#!/bin/sh\n[ \"$#$1$2\" = '2ab cd' ]\n", 0o755) },
		Check: []string{"MISC_CHECK", `misc_path "DIR/check a 'b cd'"`}},
	{Name: "wrong arguments", Serve: func(p *Place) { p.File("check", "#!/bin/sh\n[ $# = 2 ]\n", 0o755) },
		Check: []string{"MISC_CHECK", `misc_path "DIR/check a b c"`}},
	{Name: "another user", Serve: func(p *Place) { p.File("check", "#!/bin/sh\n[ $(id -un) = nobody ]\n", 0o755) },
		Check: []string{"MISC_CHECK", "misc_path DIR/check", "user nobody"}},
	{Name: "another user and group", Serve: func(p *Place) { p.File("check", "#!/bin/sh\n[ $(id -un)$(id -gn) = nobodydaemon ]\n", 0o755) },
		Check: []string{"MISC_CHECK", "misc_path DIR/check", "user nobody daemon"}},
	{Name: "what another user may not do", Serve: func(p *Place) { p.File("check", "#!/bin/sh\ntest -r /etc/shadow\n", 0o755) },
		Check: []string{"MISC_CHECK", "misc_path DIR/check", "user nobody"}},
	{Name: "not there", Check: []string{"MISC_CHECK", "misc_path DIR/check"}},
	{Name: "not a program", Serve: func(p *Place) { p.File("check", "#!/bin/sh\nexit 1\n", 0o644) },
		Check: []string{"MISC_CHECK", "misc_path DIR/check"}},
	{Name: "a folder", Check: []string{"MISC_CHECK", "misc_path /etc"}},
	{Name: "true", Check: []string{"MISC_CHECK", "misc_path /bin/true"}},
	{Name: "false", Check: []string{"MISC_CHECK", "misc_path /bin/false"}},
}

// filed is a case of a FILE_CHECK: what the file holds first and what later, the
// weight of its track_file, and lines of the check.
func filed(name string, contents []string, weight string, lines ...string) Case {
	id := strings.NewReplacer(" ", "_", ",", "").Replace(name)
	fileGlobals += fmt.Sprintf("track_file %s {\nfile SITE/track-%s\n%s\n}\n", id, id, weight)
	return Case{Name: name, Serve: func(p *Place) { p.site.Host.File("track-"+id, contents[0], 0o644) },
		Check: append([]string{"FILE_CHECK", "track_file " + id}, lines...), Changes: contents[1:]}
}

// fileGlobals are the blocks track_file of all cases.
var fileGlobals string

var fileCases = []Case{
	filed("weight 0, holds 0, then 1, then 0", []string{"0\n", "1\n", "0\n"}, "weight 0"),
	filed("weight 0, holds 1, then 0", []string{"1\n", "0\n"}, "weight 0"),
	filed("holds 5, then 0, then -3", []string{"5\n", "0\n", "-3\n"}, "weight 1"),
	filed("a weight of the check", []string{"5\n", "-1\n"}, "weight 1", "weight 2"),
	filed("a reversed weight", []string{"-2\n", "3\n"}, "weight 1", "weight 2 reverse"),
	filed("never below 0", []string{"-100\n", "-1\n"}, "weight 1"),
	filed("so low that it is a fault", []string{"0\n", "-2000000000\n", "1\n"}, "weight 2"),
	filed("text, then a number", []string{"abc\n", "7\n"}, "weight 1"),
	filed("hexadecimal, then octal", []string{"0x10\n", "010\n"}, "weight 1"),
	filed("a number out of range", []string{"2\n", "99999999999\n", "3\n"}, "weight 1"),
	filed("two lines", []string{"4\n9\n"}, "weight 1"),
	filed("no end of line", []string{"6"}, "weight 1"),
	filed("garbage", []string{"\x00\xff\x01", "8\n"}, "weight 1"),
	filed("a long line", []string{"3" + strings.Repeat(" ", 5000) + "4\n"}, "weight 1"),
	filed("goes away", []string{"5\n", gone}, "weight 1"),
	filed("weight 0 reverse, holds 1, then 0", []string{"1\n", "0\n", "1\n"}, "weight 0", "weight 0 reverse"),
}

// gone as the content of a file removes it.
const gone = "gone"

func init() {
	for i := range fileCases {
		fileCases[i].Globals = fileGlobals
	}
}
