package checkers

import (
	"fmt"
	"net"
	"strings"
)

// short is the limit of cases that wait for silence; the others have one that is
// never reached.
const short = "connect_timeout 3"

// get is a check of one url.
func get(keyword string, url ...string) func(more ...string) []string {
	return func(more ...string) []string {
		path := "path /"
		if len(url) > 0 && strings.HasPrefix(url[0], "path ") {
			path, url = url[0], url[1:]
		}
		check := append([]string{keyword}, more...)
		check = append(check, "url {", path)
		check = append(check, url...)
		return append(check, "")
	}
}

func http(url ...string) []string { return get("HTTP_GET", url...)() }

// nginx is a check of one url of the web server.
func nginx(url ...string) []string {
	return get("HTTP_GET", url...)(fmt.Sprintf("connect_port %d", nginxPort))
}

func slow(url ...string) []string { return get("HTTP_GET", url...)(short) }

// answers reads the request and answers it; the connection closes.
func answers(parts ...func(net.Conn)) func(*Place) {
	return over(then(append([]func(net.Conn){asked}, parts...)...))
}

// heardRequest notes a request, octet for octet, and answers it.
func heardRequest(p *Place, c net.Conn) {
	p.Hear("%q", request(c))
	says(ok200("", page))(c)
}

// heardSource notes from where a connection came, with its port where that is given.
func heardSource(port bool) func(*Place, net.Conn) {
	return func(p *Place, c net.Conn) {
		from := c.RemoteAddr().(*net.TCPAddr)
		if port {
			p.Hear("from %v", from)
		} else {
			p.Hear("from %v", from.IP)
		}
		request(c)
		says(ok200("", page))(c)
	}
}

// webUp and webFailure are what is logged of a web server.
var webUp = []string{"Remote Web server X succeed on service."}

func webFailure(what string) []string {
	return []string{what + " server X.", "HTTP_CHECK on service X failed after 1 retries.", "Removing service X from VS V"}
}

// Reasons for doing better.
const (
	longHeader = "a header has no limit in RFC 9110; keepalived's buffer has 4096 octets"
	inDetail   = "the lengths are compared in the status of the check, not in the log"
	partial    = "the subject ends there; keepalived waits for more of it and then does not look again"
)

const pageMD5 = "64be4b58964f702c4f4aa2991609958e"

var withLength = fmt.Sprintf("Server: lab\r\nContent-Length: %d\r\n", len(page))

var webCases = []Case{
	// a real web server
	{Name: "nginx", Check: nginx("status_code 200")},
	{Name: "nginx over IPv6", Addr: ServerAddr6, Check: nginx("status_code 200")},
	{Name: "nginx, 1.0C", Check: get("HTTP_GET", "status_code 200")("connect_port 80", "http_protocol 1.0C")},
	{Name: "nginx, 1.1", Check: get("HTTP_GET", "status_code 200")("connect_port 80", "http_protocol 1.1")},
	{Name: "nginx, digest", Check: nginx("digest " + pageMD5)},
	{Name: "nginx, digest of another page", Check: nginx("digest 0123456789abcdef0123456789abcdef")},
	{Name: "nginx, digest of 2 MB", Check: nginx("path /big", "digest d51d2edc1768f10f26f6a766bb170ff9")},
	{Name: "nginx, chunks, 1.1, digest", Check: get("HTTP_GET", "path /pieces", "regex 0123456789")("connect_port 80", "http_protocol 1.1")},
	{Name: "nginx, by virtualhost", Check: nginx("virtualhost www.example.com", `regex "here is www"`)},
	{Name: "nginx, another virtualhost", Check: nginx("virtualhost other.example.com", `regex "here is www"`)},
	{Name: "nginx, virtualhost of the check", Check: get("HTTP_GET", `regex "here is www"`)("connect_port 80", "virtualhost www.example.com")},
	{Name: "nginx, virtualhost of the real server", Server: []string{"virtualhost www.example.com"}, Check: nginx(`regex "here is www"`)},
	{Name: "nginx, virtualhost of the virtual server", Service: []string{"virtualhost www.example.com"}, Check: nginx(`regex "here is www"`)},
	{Name: "nginx, 404", Check: nginx("path /missing")},
	{Name: "nginx, 404 that is wanted", Check: nginx("path /missing", "status_code 404")},
	{Name: "nginx, 404 beside ranges", Check: nginx("path /missing", "status_code 200-403 405-599")},
	{Name: "nginx, 404 at the end of a range", Check: nginx("path /missing", "status_code 200 400-404")},
	{Name: "nginx, 201", Check: nginx("path /created")},
	{Name: "nginx, 204", Check: nginx("path /empty")},
	{Name: "nginx, 301", Check: nginx("path /moved")},
	{Name: "nginx, 301 that is wanted", Check: nginx("path /moved", "status_code 301-302")},
	{Name: "nginx, 403", Check: nginx("path /denied")},
	{Name: "nginx, 503", Check: nginx("path /busy")},
	{Name: "nginx hangs up", Check: nginx("path /drop")},
	{Name: "nginx wants TLS", Check: get("HTTP_GET")("connect_port 443")},
	{Name: "another program: postfix", Redirect: postfixPort, Check: http()},

	// several urls
	{Name: "nginx, two urls", Check: []string{"HTTP_GET", "connect_port 80", "delay_loop 1", "fast_recovery",
		"url {", "path /", "status_code 200", "", "url {", "path /created", "status_code 201", ""}},
	{Name: "nginx, the second of two urls fails", Check: []string{"HTTP_GET", "connect_port 80", "delay_loop 1",
		"url {", "path /", "status_code 200", "", "url {", "path /busy", "status_code 200", ""}},

	// what is sent
	{Name: "request, default", Serve: hears(heardRequest), Check: http("path /a?b=c")},
	{Name: "request, 1.0", Serve: hears(heardRequest), Check: get("HTTP_GET", "virtualhost u.example")("http_protocol 1.0", "virtualhost c.example")},
	{Name: "request, 1.0C", Serve: hears(heardRequest), Server: []string{"virtualhost r.example"}, Check: get("HTTP_GET")("http_protocol 1.0C")},
	{Name: "request, 1.0c", Serve: hears(heardRequest), Service: []string{"virtualhost v.example"}, Check: get("HTTP_GET")("http_protocol 1.0c")},
	{Name: "request, 1.1", Serve: hears(heardRequest), Check: get("HTTP_GET")("http_protocol 1.1")},
	{Name: "request, IPv6", Addr: ServerAddr6, Serve: hears(heardRequest), Check: http()},
	{Name: "request from another address", Serve: hears(heardSource(false)), Check: get("HTTP_GET")("bindto 10.9.0.99")},
	{Name: "request from another address and port", Serve: hears(heardSource(true)), Check: get("HTTP_GET")("bindto 10.9.0.99", "bind_port 4444")},
	{Name: "request by an interface", Serve: hears(heardSource(false)), Check: get("HTTP_GET")("bind_if eth0")},
	{Name: "request with a mark", Addr: markedAddr, Serve: hears(heardSource(false)), Check: get("HTTP_GET")("fwmark 17")},
	{Name: "request without the mark", Addr: markedAddr, Serve: hears(heardSource(false)), Check: http()},
	{Name: "another address", Check: get("HTTP_GET")("connect_ip fd09::11", "connect_port 80")},
	{Name: "source address of another machine", Serve: over(silent), Check: get("HTTP_GET")("bindto 10.9.0.250")},
	{Name: "interface that is not there", Serve: over(silent), Check: get("HTTP_GET")("bind_if nosuch0")},

	// the way to the server
	{Name: "closed", Check: http()},
	{Name: "dropped", Filter: "drop", Check: slow()},
	{Name: "rejected, host unreachable", Filter: "reject with icmp type host-unreachable", Check: slow()},
	{Name: "rejected, port unreachable", Filter: "reject with icmp type port-unreachable", Check: slow()},
	{Name: "rejected, prohibited", Filter: "reject with icmp type admin-prohibited", Check: slow()},
	{Name: "rejected, reset", Filter: "reject with tcp reset", Check: slow()},
	{Name: "no such machine", Addr: "10.9.0.201", Absent: true, Check: get("HTTP_GET")("connect_timeout 6")},
	{Name: "no route", Addr: "10.66.0.1", Absent: true, Check: slow()},
	{Name: "no default route", Addr: "192.0.2.77", Absent: true, Check: slow()},

	// answers that do not come
	{Name: "silent", Serve: over(silent), Check: slow()},
	{Name: "closes at once", Serve: over(closes), Check: http()},
	{Name: "closes after the request", Serve: answers(), Check: http()},
	{Name: "resets after the request", Serve: answers(resets), Check: http()},
	{Name: "stalls in the status line", Serve: answers(says("HTTP/1.1 20"), silent), Check: slow()},
	{Name: "stalls in the header", Serve: answers(says("HTTP/1.1 200 OK\r\nServ"), silent), Check: slow()},
	{Name: "stalls before the body", Serve: answers(says("HTTP/1.1 200 OK\r\n\r\n"), silent), Check: slow()},
	{Name: "stalls in the body", Serve: answers(says(ok200("", page[:30])), silent), Check: slow()},
	{Name: "stalls in a body with a length", Serve: answers(says(ok200(withLength, page[:30])), silent), Check: slow()},
	{Name: "resets in the header", Serve: answers(says("HTTP/1.1 200 OK\r\nServ"), waits, resets), Check: http()},
	{Name: "resets in the body", Serve: answers(says(ok200("", page[:30])), waits, resets), Check: http()},
	{Name: "closes in the header", Serve: answers(says("HTTP/1.1 200 OK\r\nServ")), Check: http()},
	{Name: "closes in a body with a length", Better: inDetail, Ours: webUp, Serve: answers(says(ok200(withLength, page[:30]))), Check: http()},
	{Name: "sends an octet now and then, to the end", Serve: answers(trickles("HTTP/1.0 200 \r\n\r\n", pause)), Check: slow()},
	{Name: "keeps the connection after all", Serve: answers(says(ok200("", page)), silent), Check: slow()},
	{Name: "keeps the connection after what it announced", Serve: answers(says(ok200(withLength, page)), silent), Check: slow(),
		Better: "the answer is whole", Ours: []string{"Remote Web server X succeed on service."}},

	// answers that are none
	{Name: "garbage", Serve: answers(says("\x00\x01\xff\xfe\x16\x03\x01")), Check: http()},
	{Name: "garbage with an end", Serve: answers(says("\x00\x01\xff\r\n\r\n\x00")), Check: http()},
	{Name: "another protocol", Serve: over(says("SSH-2.0-lab\r\n")), Check: http()},
	{Name: "not a status line", Serve: answers(says("NONSENSE\r\n\r\n")), Check: http()},
	{Name: "status of two digits", Serve: answers(says("HTTP/1.1 20 OK\r\n\r\n")), Check: http()},
	{Name: "status of four digits", Serve: answers(says("HTTP/1.1 2000 OK\r\n\r\n")), Check: http()},
	{Name: "status with a minus", Serve: answers(says("HTTP/1.1 -20 OK\r\n\r\n")), Check: http()},
	{Name: "status without words", Serve: answers(says("HTTP/1.1 200 \r\n\r\n")), Check: http()},
	{Name: "status 100 first", Serve: answers(says("HTTP/1.1 100 Continue\r\n\r\n" + ok200("", page))), Check: http()},
	{Name: "lines without CR", Serve: answers(says("HTTP/1.1 200 OK\n\n" + page)), Check: http()},
	{Name: "a header line of 3 KB", Serve: answers(says(ok200("A: "+strings.Repeat("a", 3000)+"\r\n", page))), Check: http()},
	{Name: "a header line of 20 KB", Better: longHeader, Ours: webUp, Serve: answers(says(ok200("A: "+strings.Repeat("a", 20_000)+"\r\n", page))), Check: http()},
	{Name: "a header of 10 KB in short lines", Better: longHeader, Ours: webUp, Serve: answers(says(ok200(strings.Repeat("A: bcdef\r\n", 1000), page))), Check: http()},

	// lengths and digests
	{Name: "no body", Serve: answers(says(ok200("Content-Length: 0\r\n", ""))), Check: http()},
	{Name: "no body, digest of nothing", Serve: answers(says(ok200("", ""))), Check: http("digest d41d8cd98f00b204e9800998ecf8427e")},
	{Name: "longer than announced", Better: inDetail, Ours: webUp, Serve: answers(says(ok200("Content-Length: 10\r\n", page))), Check: http("digest 781e5e245d69b566979b86e28d23f2c7")},
	{Name: "shorter than announced, digest", Better: inDetail, Ours: webUp, Serve: answers(says(ok200(withLength, page[:10]))), Check: http("digest 781e5e245d69b566979b86e28d23f2c7")},
	{Name: "digest in capitals", Serve: answers(says(ok200("", page))), Check: http("digest " + strings.ToUpper(pageMD5))},
	{Name: "status is judged before the digest", Serve: answers(says("HTTP/1.1 500 No\r\n\r\n")), Check: http("digest " + pageMD5)},
	{Name: "digest is judged before the regex", Serve: answers(says(ok200("", page))), Check: http("digest 0123456789abcdef0123456789abcdef", "regex abc")},
}
