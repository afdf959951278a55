package checkers

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Time limits of the probes in these tests. Servers answer at once or never,
// so that only silence takes this long.
const (
	testStep  = 150 * time.Millisecond
	testTotal = 3 * testStep
	testSlack = 3 * time.Second // of a busy machine; a probe that is not bounded ends with its server, after 5s
)

// serve runs handle for each connection to a fresh listener until the test ends.
func serve(t *testing.T, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(5 * time.Second))
			handle(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// closedPort is an address on which nothing listens.
func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func probe(t *testing.T, total time.Duration, c Checker) Verdict {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), total)
	defer cancel()
	began := time.Now()
	v := c.Check(ctx)
	if took := time.Since(began); took > total+testSlack {
		t.Errorf("probe took %v of %v: %+v", took, total, v)
	}
	return v
}

// readRequest takes what a client sends up to the empty line.
func readRequest(c net.Conn) string {
	var b []byte
	one := make([]byte, 1)
	for !strings.HasSuffix(string(b), "\r\n\r\n") {
		if _, err := c.Read(one); err != nil {
			break
		}
		b = append(b, one[0])
	}
	return string(b)
}

// says answers a request with text and closes.
func says(text string) func(net.Conn) {
	return func(c net.Conn) { readRequest(c); io.WriteString(c, text) }
}

// saysAndStays answers and keeps the connection open until the client goes.
func saysAndStays(text string) func(net.Conn) {
	return func(c net.Conn) { readRequest(c); io.WriteString(c, text); io.Copy(io.Discard, c) }
}

// reset closes with RST instead of FIN.
func reset(c net.Conn) {
	if tc, ok := c.(*net.TCPConn); ok {
		tc.SetLinger(0)
	}
}

// trickle sends text one octet at a time until the client goes.
func trickle(text string, every time.Duration, again bool) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		for {
			for i := range len(text) {
				if _, err := c.Write([]byte{text[i]}); err != nil {
					return
				}
				time.Sleep(every)
			}
			if !again {
				return
			}
		}
	}
}

// body is four lines of 0123456789abcdef, 68 octets.
const (
	body        = "0123456789abcdef\n0123456789abcdef\n0123456789abcdef\n0123456789abcdef\n"
	firstTenMD5 = "781e5e245d69b566979b86e28d23f2c7" // md5sum of 0123456789
	emptyMD5    = "d41d8cd98f00b204e9800998ecf8427e" // md5sum of nothing
)

func ok200(extra, text string) string { return "HTTP/1.1 200 OK\r\n" + extra + "\r\n" + text }

const length68 = "Server: lab\r\nDate: Sat, 01 Aug 2026 00:00:00 GMT\r\nContent-Length: 68\r\n"

func httpCheck(addr netip.AddrPort, u URL) HTTPCheck {
	if u.Path == "" {
		u.Path = "/"
	}
	cfg := &HTTPConfig{URLs: []URL{u}}
	return newHTTP(cfg, Target{Addr: addr, Timeout: testStep})[0].(HTTPCheck)
}

// patiently gives the check more time where it is not silence that is expected: a
// busy machine must not become the verdict.
func (c *HTTPCheck) patiently(expected Reason, total time.Duration) time.Duration {
	if expected == Timeout || expected == Silence {
		return total
	}
	c.Target.Timeout *= 20
	return 20 * total
}

func rx(pattern string, options ...string) *RegexSpec {
	return &RegexSpec{Pattern: pattern, Options: options}
}

// TestHTTPVerdicts is the matrix that keepalived 2.2.7 was observed with; rows
// in which we do better say so.
func TestHTTPVerdicts(t *testing.T) {
	offset := func(n uint32) *uint32 { return &n }
	tests := map[string]struct {
		serve  func(net.Conn)
		url    URL
		up     bool
		reason Reason // of a failure
	}{
		"200 is up":                {serve: says(ok200("", body)), up: true},
		"201 is up":                {serve: says("HTTP/1.0 201 Created\r\n\r\n"), up: true},
		"299 is up":                {serve: says("HTTP/1.0 299 Odd\r\n\r\n"), up: true},
		"300":                      {serve: says("HTTP/1.0 300 Choices\r\n\r\n"), reason: StatusCode},
		"302 is not followed":      {serve: says("HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n"), reason: StatusCode},
		"404":                      {serve: says("HTTP/1.0 404 Not Found\r\n\r\n"), reason: StatusCode},
		"503":                      {serve: says("HTTP/1.0 503 Busy\r\n\r\n"), reason: StatusCode},
		"404 where it is accepted": {serve: says("HTTP/1.0 404 Not Found\r\n\r\n"), url: URL{Status: []StatusRange{{404, 404}}}, up: true},
		"404 in the gap of two ranges": {serve: says("HTTP/1.0 404 Not Found\r\n\r\n"),
			url: URL{Status: []StatusRange{{200, 403}, {405, 500}}}, reason: StatusCode},
		"status without reason but with blank":    {serve: says("HTTP/1.1 200 \r\n\r\n"), up: true},
		"status without reason, better":           {serve: says("HTTP/1.1 200\r\n\r\n"), up: true},
		"status of four digits":                   {serve: says("HTTP/1.1 2000 OK\r\n\r\n"), reason: StatusCode},
		"first line nonsense":                     {serve: says("NONSENSE\r\n\r\n"), reason: StatusCode},
		"binary garbage":                          {serve: says("\x00\xff\x16\x03\x01\r\n\r\n"), reason: StatusCode},
		"closes after the request":                {serve: says(""), reason: NoData},
		"header never ends":                       {serve: says("HTTP/1.0 200 OK\r\nA: b\r\n"), reason: NoData},
		"header of lines without CR":              {serve: says("HTTP/1.0 200 OK\n\n"), reason: NoData},
		"header longer than 64 KiB":               {serve: says("HTTP/1.0 200 OK\r\nA: " + strings.Repeat("a", 70<<10)), reason: NoData},
		"silence after the request":               {serve: saysAndStays(""), reason: Silence},
		"accepts and never reads":                 {serve: func(c net.Conn) { time.Sleep(2 * testTotal) }, reason: Silence},
		"reset instead of an answer":              {serve: func(c net.Conn) { readRequest(c); reset(c) }, reason: Read},
		"half a header, then silence":             {serve: saysAndStays("HTTP/1.0 200 OK\r\nCont"), reason: Timeout},
		"kept open without length":                {serve: saysAndStays(ok200("", body)), reason: Timeout},
		"kept open with length, better":           {serve: saysAndStays(ok200(length68, body)), up: true},
		"kept open, length in lower case":         {serve: saysAndStays(ok200("content-length:68\r\n", body)), up: true},
		"kept open after the last chunk, better":  {serve: saysAndStays(ok200("Transfer-Encoding: chunked\r\n", "44\r\n"+body+"\r\n0\r\n\r\n")), up: true},
		"kept open with chunks missing":           {serve: saysAndStays(ok200("Transfer-Encoding: chunked\r\n", "44\r\n"+body+"\r\n")), reason: Timeout},
		"kept open with 204 has no body":          {serve: saysAndStays("HTTP/1.1 204 No Content\r\n\r\n"), up: true},
		"half of the promised body, then silence": {serve: saysAndStays(ok200(length68, body[:30])), reason: Timeout},
		"half of the promised body, then closed":  {serve: says(ok200(length68, body[:30])), up: true},
		"length 0, no body":                       {serve: says(ok200("Content-Length: 0\r\n", "")), up: true},
		"length 10, 68 octets":                    {serve: says(ok200("Content-Length: 10\r\n", body)), up: true},
		"one octet after the other, but an end":   {serve: trickle("HTTP/1.0 200 \r\n\r\n", time.Millisecond, false), up: true},
		"one octet after the other for ever":      {serve: trickle("HTTP/1.0 200 OK\r\nA: b", 20*time.Millisecond, true), reason: Timeout},
		"header, then a body for ever":            {serve: trickle("HTTP/1.0 200 OK\r\n\r\n", time.Microsecond, true), reason: Timeout},
		"a body without end":                      {serve: endless, reason: Timeout},
		"a body without end under a digest":       {serve: endless, url: URL{Digest: emptyMD5}, reason: Timeout},

		"digest of the body":                      {serve: says(ok200(length68, body)), url: URL{Digest: md5sum(body)}, up: true},
		"digest of the first ten, length 10":      {serve: says(ok200("Content-Length: 10\r\n", body)), url: URL{Digest: firstTenMD5}, up: true},
		"digest of all, length 10":                {serve: says(ok200("Content-Length: 10\r\n", body)), url: URL{Digest: md5sum(body)}, reason: Digest},
		"digest of an empty body":                 {serve: says(ok200("", "")), url: URL{Digest: emptyMD5}, up: true},
		"digest of another body":                  {serve: says(ok200("", "0123456788")), url: URL{Digest: firstTenMD5}, reason: Digest},
		"status is tested before digest":          {serve: says("HTTP/1.0 500 No\r\n\r\n"), url: URL{Digest: firstTenMD5}, reason: StatusCode},
		"digest is tested before regex":           {serve: says(ok200("", body)), url: URL{Digest: firstTenMD5, Regex: rx("zzz")}, reason: Digest},
		"digest of a chunked body covers framing": {serve: saysAndStays(ok200("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n")), url: URL{Digest: md5sum("1\r\nx\r\n0\r\n\r\n")}, up: true},

		"regex abc":                       {serve: says(ok200(length68, body)), url: URL{Regex: rx("abc")}, up: true},
		"regex zzz":                       {serve: says(ok200(length68, body)), url: URL{Regex: rx("zzz")}, reason: Regex},
		"regex zzz turned round":          {serve: says(ok200(length68, body)), url: URL{Regex: &RegexSpec{Pattern: "zzz", NoMatch: true}}, up: true},
		"regex abc turned round":          {serve: says(ok200(length68, body)), url: URL{Regex: &RegexSpec{Pattern: "abc", NoMatch: true}}, reason: Regex},
		"regex ^abc":                      {serve: says(ok200(length68, body)), url: URL{Regex: rx("^abc")}, reason: Regex},
		"regex ^0123":                     {serve: says(ok200(length68, body)), url: URL{Regex: rx("^0123")}, reason: Regex},
		"regex ^0123 in several lines":    {serve: says(ok200(length68, body)), url: URL{Regex: rx("^0123", "multiline")}, up: true},
		"regex HTTP/1 sees the header":    {serve: says(ok200(length68, body)), url: URL{Regex: rx("HTTP/1")}, up: true},
		"regex ABC caseless":              {serve: says(ok200(length68, body)), url: URL{Regex: rx("ABC", "caseless")}, up: true},
		"regex 0123 from octet 1":         {serve: says(ok200(length68, body)), url: URL{Regex: &RegexSpec{Pattern: "0123", MinOffset: 1}}, up: true},
		"regex 0123 from octet 60":        {serve: says(ok200(length68, body)), url: URL{Regex: &RegexSpec{Pattern: "0123", MinOffset: 60}}, up: true},
		"regex beyond the end":            {serve: says(ok200(length68, body)), url: URL{Regex: &RegexSpec{Pattern: "0123", MinOffset: 6000}}, reason: Regex},
		"regex ef up to octet 14":         {serve: says(ok200(length68, body)), url: URL{Regex: &RegexSpec{Pattern: "ef", MaxOffset: offset(14)}}, reason: Regex},
		"regex x turned round on no body": {serve: says(ok200("Content-Length: 0\r\n", "")), url: URL{Regex: &RegexSpec{Pattern: "x", NoMatch: true}}, up: true},
		"regex ^$ on no body":             {serve: says(ok200("Content-Length: 0\r\n", "")), url: URL{Regex: rx("^$")}, reason: Regex},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := httpCheck(serve(t, tt.serve), tt.url)
			v := probe(t, c.patiently(tt.reason, testTotal), c)
			if v.Up != tt.up || !tt.up && v.Reason != tt.reason || v.NoResult {
				t.Errorf("got %+v, want up %v %s", v, tt.up, tt.reason)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		if v := probe(t, testTotal, httpCheck(closedPort(t), URL{})); v.Up || v.Reason != Connect {
			t.Errorf("got %+v, want down %s", v, Connect)
		}
	})
}

// As observed with keepalived: connect_timeout 2, one octet of the header every
// 0.3s, far more than 3 * 2s in all, is up. Here everything is a tenth of that.
func TestAResponseThatKeepsArrivingMayTakeLongerThanItsSteps(t *testing.T) {
	t.Parallel()
	c := httpCheck(serve(t, trickle(ok200("Content-Length: 0\r\n", ""), 90*time.Millisecond, false)), URL{})
	c.Target.Timeout = 600 * time.Millisecond
	total := httpKind.Total(c.Config, c.Target.Timeout)
	start := time.Now()
	if v := probe(t, total, c); !v.Up {
		t.Errorf("after %v of at most %v: %+v", time.Since(start), total, v)
	}
	if took := time.Since(start); took < 3*c.Target.Timeout {
		t.Errorf("took %v, which does not show anything", took) // 38 octets * 90ms = 3.4s
	}
}

// endless sends a body as fast as it is taken.
func endless(c net.Conn) {
	readRequest(c)
	io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
	block := make([]byte, 32<<10)
	for {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}

func TestHTTPRequestBytes(t *testing.T) { // as a server's log shows keepalived's
	tests := map[string]struct {
		cfg  HTTPConfig
		url  URL
		addr string
		want string
	}{
		"1.0": {
			cfg: HTTPConfig{HostHeader: "vs.example"}, url: URL{Path: "/a"},
			want: "GET /a HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: vs.example\r\n\r\n",
		},
		"1.0C": {
			cfg: HTTPConfig{Protocol: "1.0C", VirtualHost: "chk.example", HostHeader: "vs.example"}, url: URL{Path: "/b?x=1"},
			want: "GET /b?x=1 HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: chk.example\r\n\r\n",
		},
		"1.1": {
			cfg: HTTPConfig{Protocol: "1.1", VirtualHost: "chk.example"}, url: URL{Path: "/c", VirtualHost: "url.example:8080"},
			want: "GET /c HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: url.example:8080\r\n\r\n",
		},
		"no name, IPv6": {
			url: URL{Path: "/six"}, addr: "[fd09::12]:80",
			want: "GET /six HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: [fd09::12]:80\r\n\r\n",
		},
		"no name, IPv4": {
			url: URL{Path: "/"}, addr: "192.0.2.11:8080",
			want: "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.0.2.11:8080\r\n\r\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.cfg.URLs = []URL{tt.url}
			target := Target{}
			if tt.addr != "" {
				target.Addr = netip.MustParseAddrPort(tt.addr)
			}
			c := newHTTP(&tt.cfg, target)[0].(HTTPCheck)
			if got := string(c.request()); got != tt.want {
				t.Errorf("\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

// selfSigned is a certificate that no one would trust.
func selfSigned(t *testing.T, key crypto.Signer) tls.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1, 0)} // long expired
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestSSLVerdicts(t *testing.T) {
	overTLS := func(handle func(net.Conn), change func(*tls.Config)) func(t *testing.T) func(net.Conn) {
		return func(t *testing.T) func(net.Conn) {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			cfg := &tls.Config{Certificates: []tls.Certificate{selfSigned(t, key)}}
			if change != nil {
				change(cfg)
			}
			return func(c net.Conn) { s := tls.Server(c, cfg); handle(s); s.CloseWrite() }
		}
	}
	raw := func(handle func(net.Conn)) func(*testing.T) func(net.Conn) {
		return func(*testing.T) func(net.Conn) { return handle }
	}
	tests := map[string]struct {
		serve  func(*testing.T) func(net.Conn)
		url    URL
		up     bool
		reason Reason
	}{
		"expired and self-signed passes": {serve: overTLS(says(ok200("", body)), nil), up: true},
		"TLS 1.2":                        {serve: overTLS(says(ok200("", body)), func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), up: true},
		"RSA key exchange, which old servers have": {serve: func(t *testing.T) func(net.Conn) {
			return overTLS(says(ok200("", body)), func(c *tls.Config) {
				key, err := rsa.GenerateKey(rand.Reader, 2048)
				if err != nil {
					t.Fatal(err)
				}
				c.Certificates, c.MaxVersion = []tls.Certificate{selfSigned(t, key)}, tls.VersionTLS12
				c.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
			})(t)
		}, up: true},
		"TLS 1.0 only":          {serve: overTLS(says(ok200("", body)), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }), reason: Handshake},
		"close_notify is said":  {serve: overTLS(says(ok200("", body)), nil), url: URL{TLSCompliant: true}, up: true},
		"no close_notify comes": {serve: overTLS(func(c net.Conn) { says(ok200("", body))(c); c.(*tls.Conn).NetConn().Close() }, nil), up: true},
		"404":                   {serve: overTLS(says("HTTP/1.0 404 No\r\n\r\n"), nil), reason: StatusCode},
		"kept open":             {serve: overTLS(saysAndStays(ok200("", body)), nil), reason: Timeout},
		"kept open with length": {serve: overTLS(saysAndStays(ok200(length68, body)), nil), up: true},
		"digest":                {serve: overTLS(says(ok200("", "0123456789")), nil), url: URL{Digest: firstTenMD5}, up: true},
		"trickle for ever":      {serve: overTLS(trickle("HTTP/1.0 200 OK\r\nA: b", 20*time.Millisecond, true), nil), reason: Timeout},
		"plain HTTP":            {serve: raw(says(ok200("", body))), reason: Silence},
		"silence":               {serve: raw(func(c net.Conn) { io.Copy(io.Discard, c) }), reason: Silence},
		"reset":                 {serve: raw(func(c net.Conn) { c.Read(make([]byte, 1)); reset(c) }), reason: Handshake},
		"garbage":               {serve: raw(func(c net.Conn) { io.WriteString(c, "\x16\x03\x03\xff\xff\x00") }), reason: Handshake},
		"handshake by trickle":  {serve: raw(trickle("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", 20*time.Millisecond, true)), reason: Silence},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := httpCheck(serve(t, tt.serve(t)), tt.url)
			c.Config.TLS = true
			v := probe(t, c.patiently(tt.reason, 2*testTotal), c)
			if v.Up != tt.up || !tt.up && v.Reason != tt.reason {
				t.Errorf("got %+v, want up %v %s", v, tt.up, tt.reason)
			}
		})
	}
}

func TestSNIIsTheFirstNameButNeverTheRealServers(t *testing.T) {
	tests := map[string]struct {
		cfg  HTTPConfig
		url  URL
		want string
	}{
		"off":                              {HTTPConfig{VirtualHost: "c"}, URL{VirtualHost: "u"}, ""},
		"sni_name":                         {HTTPConfig{EnableSNI: true, SNIName: "s", VirtualHost: "c"}, URL{VirtualHost: "u"}, "s"},
		"url":                              {HTTPConfig{EnableSNI: true, VirtualHost: "c"}, URL{VirtualHost: "u"}, "u"},
		"checker":                          {HTTPConfig{EnableSNI: true, VirtualHost: "c", ServiceVirtualHost: "v"}, URL{}, "c"},
		"virtual server, not real server":  {HTTPConfig{EnableSNI: true, HostHeader: "r", ServiceVirtualHost: "v"}, URL{}, "v"},
		"no name anywhere: no server name": {HTTPConfig{EnableSNI: true, HostHeader: "r"}, URL{}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (HTTPCheck{Config: &tt.cfg, URL: &tt.url}).sni(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCancelledProbeReturnsAtOnceWithoutBlamingTheServer(t *testing.T) {
	reached := make(chan struct{})
	c := httpCheck(serve(t, func(c net.Conn) { readRequest(c); close(reached); io.Copy(io.Discard, c) }), URL{})
	c.Target.Timeout = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	began := time.Now()
	if v := c.Check(ctx); v.Up || v.Reason != Cancelled {
		t.Errorf("got %+v, want %s", v, Cancelled)
	}
	if took := time.Since(began); took > 3*time.Second { // the server hangs up after 5s
		t.Errorf("returned %v after the start", took)
	}
}

func TestLongBodyIsDigestedWholeAndKeptInPart(t *testing.T) {
	long := strings.Repeat("0123456789", 200_000) // 2,000,000 octets
	c := httpCheck(serve(t, says(ok200("", long))), URL{Digest: md5sum(long)})
	if v := probe(t, 10*time.Second, c); !v.Up {
		t.Errorf("got %+v", v)
	}
	var a answer
	end := &bodyEnd{h: head{length: -1}}
	for range 3 {
		a.takeBody(end, make([]byte, maxBody))
	}
	if len(a.whole) != maxBody || a.body != 3*maxBody {
		t.Errorf("kept %d of %d octets, want %d", len(a.whole), a.body, maxBody)
	}
}

func TestHTTPDetailNamesWhatWasWanted(t *testing.T) {
	c := httpCheck(serve(t, says("HTTP/1.0 503 Busy\r\n\r\n")), URL{Path: "/up", Status: []StatusRange{{200, 204}, {301, 301}}})
	if got, want := probe(t, testTotal, c).Detail, "GET /up: status 503, want 200-204 301"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func ExampleHTTPCheck() {
	c := HTTPCheck{Target: Target{Addr: netip.MustParseAddrPort("192.0.2.11:80")}, Config: &HTTPConfig{}, URL: &URL{Path: "/"}}
	fmt.Printf("%q\n", c.request())
	// Output: "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.0.2.11:80\r\n\r\n"
}
