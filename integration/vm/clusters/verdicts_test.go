package clusters

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// behaviour is a real server that behaves so, and the check that looks at it.
type behaviour struct {
	name   string
	check  string // keyword and block
	up     bool   // keepalived's verdict
	better string // why ours is the opposite, empty if it is the same

	tcp func(c net.Conn)          // TCP: what it does with a connection; nil: port closed
	tls bool                      // behind TLS
	udp func(query []byte) []byte // UDP: the answer, nil: none
}

// body is what the page of a web server holds: 68 octets.
var body = strings.Repeat("0123456789abcdef\n", 4)

// page answers a request and closes.
func page(status, header, text string) func(net.Conn) {
	return func(c net.Conn) {
		request(c)
		fmt.Fprintf(c, "HTTP/1.1 %s\r\n%s\r\n%s", status, header, text)
	}
}

// request reads until the empty line.
func request(c net.Conn) {
	for lines := bufio.NewScanner(c); lines.Scan() && lines.Text() != ""; {
	}
}

// hang keeps the connection open until the other side goes.
func hang(c net.Conn) { io.Copy(io.Discard, c) }

func httpGet(url string) string { return get("HTTP_GET", url) }

func get(keyword, url string) string {
	return keyword + " {\nurl {\npath /\n" + url + "\n}\nconnect_timeout 2\n}"
}

const anyStatus = "status_code 200"

var webBehaviours = []behaviour{
	{name: "200", check: httpGet(anyStatus), up: true, tcp: page("200 OK", "", body)},
	{name: "201 by default", check: httpGet(""), up: true, tcp: page("201 Created", "", body)},
	{name: "299 by default", check: httpGet(""), up: true, tcp: page("299 Hm", "", body)},
	{name: "300 by default", check: httpGet(""), tcp: page("300 Choose", "", body)},
	{name: "302 by default", check: httpGet(""), tcp: page("302 Found", "Location: /x\r\n", "")},
	{name: "404", check: httpGet(anyStatus), tcp: page("404 Not Found", "", body)},
	{name: "503", check: httpGet(anyStatus), tcp: page("503 Busy", "", body)},
	{name: "404 that is wanted", check: httpGet("status_code 404"), up: true, tcp: page("404 Not Found", "", body)},
	{name: "404 beside ranges", check: httpGet("status_code 200-403 405-500"), tcp: page("404 Not Found", "", body)},
	{name: "closes at once", check: httpGet(anyStatus), tcp: func(net.Conn) {}},
	{name: "never answers", check: httpGet(anyStatus), tcp: hang},
	{name: "header never ends", check: httpGet(anyStatus), tcp: func(c net.Conn) {
		request(c)
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nX: y\r\n")
	}},
	{name: "not HTTP", check: httpGet(anyStatus), tcp: func(c net.Conn) {
		request(c)
		fmt.Fprint(c, "NONSENSE\r\n\r\n")
	}},
	{name: "no body", check: httpGet(anyStatus), up: true, tcp: page("200 OK", "Content-Length: 0\r\n", "")},
	{name: "longer than announced", check: httpGet(anyStatus), up: true, tcp: page("200 OK", "Content-Length: 10\r\n", body)},
	{name: "digest", check: httpGet("digest 64be4b58964f702c4f4aa2991609958e"), up: true, tcp: page("200 OK", "", body)},
	{name: "another digest", check: httpGet("digest 00000000000000000000000000000000"), tcp: page("200 OK", "", body)},
	{name: "regex", check: httpGet("regex abc"), up: true, tcp: page("200 OK", "Content-Length: 68\r\n", body)},
	{name: "regex that is not there", check: httpGet("regex zzz"), tcp: page("200 OK", "Content-Length: 68\r\n", body)},
	{name: "regex that must not be there", check: httpGet("regex zzz\nregex_no_match"), up: true, tcp: page("200 OK", "Content-Length: 68\r\n", body)},
	{name: "regex that is there and must not be", check: httpGet("regex abc\nregex_no_match"), tcp: page("200 OK", "Content-Length: 68\r\n", body)},
	{name: "regex in another case", check: httpGet("regex ABC\nregex_options caseless"), up: true, tcp: page("200 OK", "Content-Length: 68\r\n", body)},
	{name: "TLS", check: get("SSL_GET", anyStatus), up: true, tls: true, tcp: page("200 OK", "", body)},
	{name: "TLS and 404", check: get("SSL_GET", anyStatus), tls: true, tcp: page("404 Not Found", "", body)},
	{name: "no TLS where it is wanted", check: get("SSL_GET", anyStatus), tcp: page("200 OK", "", body)},
	{name: "port closed", check: httpGet(anyStatus)},
	{name: "status without words", check: httpGet(anyStatus), better: "RFC 9112 section 4 lets the words be empty", tcp: page("200", "", body)},
	{name: "keeps the connection after what it announced", check: httpGet(anyStatus), better: "the answer is whole", tcp: func(c net.Conn) {
		page("200 OK", "Content-Length: 68\r\n", body)(c)
		hang(c)
	}},
	{name: "regex at the start of the body", check: httpGet("regex ^0123"), tcp: page("200 OK", "Content-Length: 68\r\n", body)},
	{name: "regex that is in the header only", check: httpGet("regex HTTP/1"), up: true, tcp: page("200 OK", "Content-Length: 68\r\n", body)},
}

const tcpCheck = "TCP_CHECK {\nconnect_timeout 2\n}"

var tcpBehaviours = []behaviour{
	{name: "accepts", check: tcpCheck, up: true, tcp: hang},
	{name: "accepts and closes", check: tcpCheck, up: true, tcp: func(net.Conn) {}},
	{name: "closed", check: tcpCheck},
}

// smtpLines answers with these lines, one after each line of the client; the first
// is the greeting. An empty one closes.
func smtpLines(lines ...string) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewScanner(c)
		for i, line := range lines {
			if i > 0 && !in.Scan() || line == "" {
				return
			}
			fmt.Fprint(c, line)
		}
		hang(c)
	}
}

const smtpCheck = "SMTP_CHECK {\nconnect_timeout 2\nretry 1\ndelay_before_retry 1\n}"

var smtpBehaviours = []behaviour{
	{name: "as it should", check: smtpCheck, up: true, tcp: smtpLines("220 hi\r\n", "250 hi\r\n", "221 bye\r\n")},
	{name: "busy", check: smtpCheck, tcp: smtpLines("421 later\r\n")},
	{name: "HELO refused", check: smtpCheck, tcp: smtpLines("220 hi\r\n", "500 what\r\n")},
	{name: "QUIT answered oddly", check: smtpCheck, up: true, tcp: smtpLines("220 hi\r\n", "250 hi\r\n", "999 bye\r\n")},
	{name: "silent", check: smtpCheck, tcp: hang},
	{name: "greets in two lines", check: smtpCheck, better: "RFC 5321 section 4.2.1", tcp: smtpLines("220-hi\r\n220 there\r\n", "250 hi\r\n", "221 bye\r\n")},
	{name: "answers HELO in two lines", check: smtpCheck, better: "RFC 5321 section 4.2.1", tcp: smtpLines("220 hi\r\n", "250-hi\r\n250 there\r\n", "221 bye\r\n")},
	{name: "greets without words", check: smtpCheck, better: "RFC 5321 section 4.2 lets the words be empty", tcp: smtpLines("220\r\n", "250 hi\r\n", "221 bye\r\n")},
	{name: "greets in two pieces", check: smtpCheck, up: true, tcp: func(c net.Conn) {
		fmt.Fprint(c, "220 h")
		time.Sleep(pause)
		smtpLines("i\r\n", "250 hi\r\n", "221 bye\r\n")(c)
	}},
	{name: "closes instead of answering QUIT", check: smtpCheck, tcp: smtpLines("220 hi\r\n", "250 hi\r\n", "")},
	{name: "closes at once", check: smtpCheck, tcp: func(net.Conn) {}},
}

// answer is a reply to a DNS query with these flags (RFC 1035 section 4.1.1)
// and no records.
func answer(flags uint16) func([]byte) []byte {
	return func(query []byte) []byte {
		reply := bytes.Clone(query)
		reply[2], reply[3] = byte(flags>>8), byte(flags)
		return reply
	}
}

const dnsCheck = "DNS_CHECK {\ntype a\nname www.example.com\nretry 0\nconnect_timeout 2\n}"

var dnsBehaviours = []behaviour{
	{name: "no error", check: dnsCheck, up: true, udp: answer(0x8180)},
	{name: "server failure", check: dnsCheck, udp: answer(0x8182)},
	{name: "no such name", check: dnsCheck, udp: answer(0x8183)},
	{name: "refused", check: dnsCheck, udp: answer(0x8185)},
	{name: "a query for an answer", check: dnsCheck, udp: answer(0x0100)},
	{name: "half an answer", check: dnsCheck, up: true, better: "an answer has a whole header", udp: func(query []byte) []byte { return answer(0x8180)(query)[:8] }},
	{name: "another id", check: dnsCheck, udp: func(query []byte) []byte {
		reply := answer(0x8180)(query)
		reply[0]++
		return reply
	}},
	{name: "no answer", check: dnsCheck, udp: func([]byte) []byte { return nil }},
}

func udpCheck(more string) string {
	return "UDP_CHECK {\nconnect_timeout 1\n" + more + "\n}"
}

func say(b ...byte) func([]byte) []byte { return func([]byte) []byte { return b } }

var udpBehaviours = []behaviour{
	{name: "answers", check: udpCheck(""), up: true, udp: say(1)},
	{name: "silent", check: udpCheck(""), up: true, udp: say()},
	{name: "closed", check: udpCheck("")},
	{name: "silent where a reply is wanted", check: udpCheck("require_reply"), udp: say()},
	{name: "the reply that is wanted", check: udpCheck("require_reply 01020304"), up: true, udp: say(1, 2, 3, 4)},
	{name: "another reply", check: udpCheck("require_reply 01020304"), udp: say(1, 2, 3, 0x99)},
	{name: "a shorter reply", check: udpCheck("require_reply 01020304"), up: true, udp: say(1, 2)},
	{name: "a reply that is too short", check: udpCheck("require_reply 01020304\nmin_reply_length 3"), udp: say(1, 2)},
	{name: "a reply that is too long", check: udpCheck("require_reply\nmax_reply_length 4"), up: true, udp: say(1, 2, 3, 4, 5, 6)},
	{name: "a reply with free places", check: udpCheck("require_reply 010203xx"), up: true, udp: say(1, 2, 3, 0x99)},
}

var otherBehaviours = []behaviour{
	{name: "script says yes", check: "MISC_CHECK {\nmisc_path /bin/true\n}", up: true},
	{name: "script says no", check: "MISC_CHECK {\nmisc_path /bin/false\n}"},
	{name: "host answers", check: "PING_CHECK {\nconnect_timeout 2\n}", up: true},
}

// serve makes the node behave so on a port, until the test ends.
func (b behaviour) serve(t *testing.T, n *Node, port int, certificate *tls.Config) {
	t.Helper()
	addr := fmt.Sprintf("10.9.0.11:%d", port)
	var err error
	if b.udp != nil {
		var conn net.PacketConn
		n.In(func() { conn, err = net.ListenPacket("udp4", addr) })
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			query := make([]byte, 4096)
			for {
				n, from, err := conn.ReadFrom(query)
				if err != nil {
					return
				}
				if reply := b.udp(query[:n]); reply != nil {
					conn.WriteTo(reply, from)
				}
			}
		}()
		t.Cleanup(func() { conn.Close(); <-done })
		return
	}
	if b.tcp == nil {
		return
	}
	var listener net.Listener
	n.In(func() { listener, err = net.Listen("tcp4", addr) })
	if err != nil {
		t.Fatal(err)
	}
	if b.tls {
		listener = tls.NewListener(listener, certificate)
	}
	t.Cleanup(func() { listener.Close() })
	go func() { // and one for each connection; they end by their deadline or with the machine
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				b.tcp(conn)
			}()
		}
	}()
}

// TestVerdictsAreThoseOfKeepalived has both daemons look at the same servers.
// All servers are alpha: who is in the table has passed a check.
func TestVerdictsAreThoseOfKeepalived(t *testing.T) {
	var all []behaviour
	for _, list := range [][]behaviour{webBehaviours, tcpBehaviours, smtpBehaviours, dnsBehaviours, udpBehaviours, otherBehaviours} {
		all = append(all, list...)
	}
	pem, key := selfSigned(t, "server")
	pair, err := tls.X509KeyPair([]byte(pem), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	certificate := &tls.Config{Certificates: []tls.Certificate{pair}}
	conf := "global_defs {\nscript_user root\n}\n"
	for i, b := range all {
		conf += fmt.Sprintf("virtual_server 10.9.0.100 %d {\ndelay_loop 1\nalpha\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n"+
			"real_server 10.9.0.11 %d {\nweight 1\n%s\n}\n}\n", 1000+i, 1000+i, b.check)
	}
	both := twins(t, "verdicts")
	for _, w := range both {
		servers := w.lan.Node(t, "servers", "10.9.0.11/24")
		for i, b := range all {
			b.serve(t, servers, 1000+i, certificate)
		}
		w.director = w.node.StartProgram(t, w.program, conf)
	}
	for i, w := range both {
		// Up is waited for; whoever is still out then, and a while later, is down.
		want := func(b behaviour) bool { return b.up != (i == 1 && !isKeepalived() && b.better != "") }
		passed := func() map[string]bool {
			in := map[string]bool{}
			for line := range strings.Lines(w.node.Table(t)) {
				if server, _, ok := strings.Cut(strings.TrimSpace(line), " Masq"); ok {
					in[server] = true
				}
			}
			return in
		}
		Eventually(t, patience, w.program+" has let in all that are up", func() (string, bool) {
			in, missing := passed(), ""
			for j, b := range all {
				if want(b) && !in[fmt.Sprintf("10.9.0.11:%d", 1000+j)] {
					missing += b.check[:strings.Index(b.check, " ")] + " " + b.name + "\n"
				}
			}
			return missing, missing == ""
		})
		time.Sleep(5 * time.Second)
		in := passed()
		for j, b := range all {
			name := b.check[:strings.Index(b.check, " ")] + " " + b.name
			t.Run(filepath.Base(w.program)+" "+name, func(t *testing.T) {
				if got := in[fmt.Sprintf("10.9.0.11:%d", 1000+j)]; got != want(b) {
					t.Errorf("%s: up is %v, want %v %s", w.program, got, want(b), b.better)
				}
			})
		}
	}
}
