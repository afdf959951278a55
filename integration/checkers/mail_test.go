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

// mailFailure is what is logged of a mail server by two attempts.
func mailFailure(what string) []string {
	line := "SMTP_CHECK " + what + " server PEER"
	return []string{line, line, "Removing service X from VS V"}
}

var mailCases = []Case{
	{Name: "postfix", Redirect: 25, Check: smtp()},
	{Name: "postfix over IPv6", Addr: ServerAddr6, Redirect: 25, Check: smtp()},
	{Name: "postfix, a name of ours", Redirect: 28, Check: smtp("helo_name lb.example.com")},
	{Name: "postfix refuses clients", Redirect: 26, Check: smtp()},
	{Name: "postfix defers clients", Redirect: 27, Check: smtp()},
	{Name: "postfix refuses a name", Redirect: 28, Check: smtp("helo_name lb")},
	{Name: "postfix wants TLS first", Redirect: 29, Check: smtp(short)},
	{Name: "postfix makes clients wait (postscreen)", Redirect: 30, Check: smtp(), Better: multiline, Ours: mailUp},
	{Name: "postfix with an empty banner", Redirect: 31, Check: smtp(short)},
	{Name: "postfix wants a proxy's line", Redirect: 32, Check: smtp()},
	{Name: "postfix refuses everybody's name", Redirect: 33, Check: smtp()},
	{Name: "another program: nginx", Redirect: nginxPort, Check: smtp(short)},

	{Name: "what is said", Serve: hears(heardMail), Check: smtp()},
	{Name: "what is said, with a name", Serve: hears(heardMail), Check: smtp("helo_name lb.example.com")},
	{Name: "from another address", Serve: hears(func(p *Place, c net.Conn) {
		p.Hear("from %v", c.RemoteAddr().(*net.TCPAddr).IP)
		lines("220 lab\r\n", "250 lab\r\n", "221 bye\r\n")(c)
	}), Check: smtp("bindto 10.9.0.99")},
	{Name: "with a mark", Addr: markedAddr, Serve: over(lines("220 lab\r\n", "250 lab\r\n", "221 bye\r\n")), Check: smtp("fwmark 17")},
	{Name: "without the mark", Addr: markedAddr, Serve: over(lines("220 lab\r\n", "250 lab\r\n", "221 bye\r\n")), Check: smtp()},
	{Name: "prohibited", Addr: "10.66.0.2", Absent: true, Check: smtp()},
	{Name: "interface that is not there", Serve: over(silent), Check: smtp("bind_if nosuch0")},

	{Name: "closed", Check: smtp()},
	{Name: "dropped", Filter: "drop", Check: smtp(short)},
	{Name: "rejected, host unreachable", Filter: "reject with icmp type host-unreachable", Check: smtp(short)},
	{Name: "no such machine", Addr: "10.9.0.204", Absent: true, Check: smtp("connect_timeout 6")},
	{Name: "source address of another machine", Serve: over(silent), Check: smtp("bindto 10.9.0.250")},

	{Name: "silent", Serve: over(silent), Check: smtp(short)},
	{Name: "closes at once", Serve: over(closes), Check: smtp()},
	{Name: "stalls in the greeting", Serve: over(then(says("220 la"), silent)), Check: smtp(short)},
	{Name: "closes in the greeting", Serve: over(says("220 la")), Check: smtp()},
	{Name: "resets after HELO", Like: "SMTP_CHECK closes after HELO", Serve: over(then(lines("220 lab\r\n"), hello, resets)), Check: smtp()},
	{Name: "greets octet by octet", Serve: over(then(trickles("220 lab\r\n", pause/3), lines("", "250 lab\r\n", "221 bye\r\n"))), Check: smtp()},
	{Name: "says nothing to HELO", Serve: over(then(lines("220 lab\r\n"), silent)), Check: smtp(short)},
	{Name: "closes after HELO", Serve: over(lines("220 lab\r\n", "")), Check: smtp()},
	{Name: "refuses HELO", Serve: over(lines("220 lab\r\n", "500 what\r\n")), Check: smtp()},
	{Name: "says nothing to QUIT", Serve: over(then(lines("220 lab\r\n", "250 lab\r\n"), silent)), Check: smtp(short)},
	{Name: "closes after QUIT", Serve: over(lines("220 lab\r\n", "250 lab\r\n", "")), Check: smtp()},
	{Name: "answers QUIT with 999", Serve: over(lines("220 lab\r\n", "250 lab\r\n", "999 bye\r\n")), Check: smtp()},
	{Name: "busy", Serve: over(lines("421 later\r\n")), Check: smtp()},
	{Name: "garbage", Better: "a line that begins with a NUL is a line", Ours: mailFailure("Bad greeting banner from"), Serve: over(says("\x00\x01\xff\n")), Check: smtp()},
	{Name: "garbage without end", Like: "SMTP_CHECK silent", Serve: over(floods("\x00\x01\xff\xfe")), Check: smtp(short)},
	{Name: "lines without end", Serve: over(floods("500 no\r\n")), Check: smtp(short)},
	{Name: "another protocol", Serve: over(says("SSH-2.0-lab\r\n")), Check: smtp()},
	{Name: "a greeting of 400 octets", Serve: over(lines("220 "+strings.Repeat("x", 400)+"\r\n", "250 lab\r\n", "221 bye\r\n")), Check: smtp()},
	{Name: "a greeting of 2000 octets", Better: "the same, without a line for each full buffer", Ours: mailFailure("Bad greeting banner from"), Serve: over(then(lines("220 "+strings.Repeat("x", 2000)+"\r\n", "250 lab\r\n", "221 bye\r\n"))), Check: smtp()},
	{Name: "four digits", Serve: over(lines("2200 lab\r\n")), Check: smtp()},
	{Name: "lines without CR", Serve: over(lines("220 lab\n", "250 lab\n", "221 bye\n")), Check: smtp()},
	{Name: "greets in two lines", Serve: over(lines("220-lab\r\n220 more\r\n", "250 lab\r\n", "221 bye\r\n")), Check: smtp(), Better: multiline, Ours: mailUp},
}
