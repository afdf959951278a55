package checkers

import (
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"hash"
	"net"
	"strings"
	"time"

	"holdfast/kconf"
)

const (
	maxRequest = 2048    // octets of a request, keepalived's limit
	maxBody    = 1 << 20 // octets of a body kept for regex; a digest covers all of it
	readSize   = 4096
)

// httpPatience is how long a response may take that goes on arriving. keepalived
// has no such limit: there each read has connect_timeout of its own, and a server
// that sends an octet now and then is never judged.
const httpPatience = time.Minute

// httpTotal is a Total of n waits of connect_timeout before the first octet of
// the response, and httpPatience for the rest.
func httpTotal(n time.Duration) func(Config, time.Duration) time.Duration {
	return func(_ Config, timeout time.Duration) time.Duration { return n*timeout + max(timeout, httpPatience) }
}

// HTTPConfig is an HTTP_GET or SSL_GET block.
type HTTPConfig struct {
	Common
	VirtualHost  string // Host header for urls that have none of their own
	Protocol     string // 1.0 (or ""), 1.0C, 1.0c, 1.1
	EnableSNI    bool
	SNIName      string // implies EnableSNI; "" with EnableSNI: a virtualhost
	FastRecovery bool
	TLSCompliant bool // send close_notify
	URLs         []URL

	TLS                bool             // SSL_GET
	HostHeader         string           // inherited: virtualhost of real_server or virtual_server
	ServiceVirtualHost string           // inherited: the last one SNI looks at
	Certificate        *tls.Certificate // inherited; nil: none
}

func (c *HTTPConfig) common() *Common { return &c.Common }

// URL is one url block.
type URL struct {
	Path         string
	Digest       string        // lower-case MD5 of the body; "": not compared
	Status       []StatusRange // nil: 200-299
	VirtualHost  string
	Regex        *RegexSpec // nil: not searched
	TLSCompliant bool
}

// StatusRange is a range of accepted status codes, ends included.
type StatusRange struct{ Lo, Hi int }

// accepts reports whether a status code is one of those wanted; 0, which stands
// for an unreadable status line, never is.
func (u URL) accepts(status int) bool {
	if len(u.Status) == 0 {
		return status >= 200 && status <= 299
	}
	for _, r := range u.Status {
		if status >= r.Lo && status <= r.Hi {
			return true
		}
	}
	return false
}

// wanted prints the accepted codes for a verdict.
func (u URL) wanted() string {
	if len(u.Status) == 0 {
		return "200-299"
	}
	var words []string
	for _, r := range u.Status {
		if r.Lo == r.Hi {
			words = append(words, fmt.Sprint(r.Lo))
		} else {
			words = append(words, fmt.Sprintf("%d-%d", r.Lo, r.Hi))
		}
	}
	return strings.Join(words, " ")
}

// newHTTP makes one probe for each url. Patterns are compiled once, here: a probe
// runs every few seconds.
func newHTTP(c Config, t Target) []Checker {
	cfg := c.(*HTTPConfig)
	var out []Checker
	for i := range cfg.URLs {
		u := &cfg.URLs[i]
		check := HTTPCheck{Target: t, Config: cfg, URL: u}
		if u.Regex != nil {
			check.pattern, check.badPattern = u.Regex.compile()
		}
		out = append(out, check)
	}
	return out
}

// finishHTTP takes over names and the client certificate.
func finishHTTP(_ *kconf.Ctx, _ kconf.Pos, c Config, in Inherit) Config {
	cfg := c.(*HTTPConfig)
	cfg.ServiceVirtualHost = in.ServiceVirtualHost
	if cfg.TLS {
		cfg.Certificate = in.Certificate
	}
	cfg.HostHeader = in.VirtualHost
	return cfg
}

// HTTPCheck asks for one url over a connection of its own.
type HTTPCheck struct {
	Target Target
	Config *HTTPConfig
	URL    *URL

	pattern    *pattern // nil: no regex
	badPattern error    // a pattern that decoding would have refused
}

// Check implements Checker.
func (c HTTPCheck) Check(ctx context.Context) Verdict {
	v := c.ask(ctx)
	v.Detail = fmt.Sprintf("GET %s: %s", c.URL.Path, v.Detail)
	return v
}

// ask is one request over one connection: connect, handshake, request, response,
// judgement. Whatever way it ends the connection is closed.
func (c HTTPCheck) ask(ctx context.Context) Verdict {
	sc, v := c.Target.dial(ctx, "tcp")
	if sc == nil {
		return v
	}
	defer sc.Close()
	var conn net.Conn = sc
	if c.Config.TLS {
		t := tls.Client(sc, c.tlsConfig())
		if err := t.HandshakeContext(ctx); err != nil {
			if ended(ctx, err, Handshake) == Cancelled {
				return down(Cancelled, "handshake interrupted")
			}
			if ended(ctx, err, Handshake) == Timeout {
				return down(Silence, fmt.Sprintf("TLS handshake with %v: not done in time", c.Target.Addr))
			}
			return down(Handshake, fmt.Sprintf("TLS handshake with %v: %v", c.Target.Addr, err))
		}
		if c.Config.TLSCompliant || c.URL.TLSCompliant {
			defer t.CloseWrite() // close_notify; without it the socket just closes
		}
		conn = t
	}
	if _, err := conn.Write(c.request()); err != nil {
		return down(ended(ctx, err, Write), fmt.Sprintf("send request: %v", cause(err)))
	}
	var a answer
	if v, ok := c.read(ctx, conn, &a); !ok {
		return v
	}
	return c.judge(&a)
}

// request is what keepalived sends, octet for octet.
func (c HTTPCheck) request() []byte {
	version, connection := "1.0", ""
	switch c.Config.Protocol {
	case "1.0C", "1.0c":
		connection = "Connection: close\r\n"
	case "1.1":
		version, connection = "1.1", "Connection: close\r\n"
	}
	return fmt.Appendf(nil, "GET %s HTTP/%s\r\nUser-Agent: KeepAliveClient\r\n%sHost: %s\r\n\r\n",
		c.URL.Path, version, connection, c.host())
}

// host is the Host header: a name verbatim, else address and port.
func (c HTTPCheck) host() string {
	for _, name := range []string{c.URL.VirtualHost, c.Config.VirtualHost, c.Config.HostHeader} {
		if name != "" {
			return name
		}
	}
	a := c.Target.Addr
	if a.Addr().Is4() {
		return a.String()
	}
	return peerName(a)
}

// answer is a response as far as a verdict needs it.
type answer struct {
	head  head
	whole []byte // header and up to maxBody octets of the body
	body  int64  // octets of the body
	sum   hash.Hash
}

// read takes in a response until its end: Content-Length, the last chunk, or
// the end of the connection. Memory stays bounded however long the body is.
func (c HTTPCheck) read(ctx context.Context, conn net.Conn, a *answer) (Verdict, bool) {
	if c.URL.Digest != "" {
		a.sum = md5.New()
	}
	buf := make([]byte, readSize)
	var end *bodyEnd
	for {
		n, err := conn.Read(buf)
		rest := buf[:n]
		if end == nil {
			if rest, end = a.takeHead(rest); end == nil && len(a.whole) > maxHead {
				return down(NoData, fmt.Sprintf("no end of the header in %d octets", maxHead)), false
			}
		}
		if end != nil && a.takeBody(end, rest) {
			return Verdict{}, true
		}
		if err != nil {
			return c.readEnd(ctx, err, len(a.whole) > 0, end)
		}
	}
}

// takeHead collects the header; once complete it answers what came behind it.
func (a *answer) takeHead(b []byte) (rest []byte, end *bodyEnd) {
	a.whole = append(a.whole, b...)
	h, ok := parseHead(a.whole)
	if !ok {
		return nil, nil
	}
	a.head = h
	rest = append(rest, a.whole[h.size:]...)
	a.whole = a.whole[:h.size]
	return rest, &bodyEnd{h: h}
}

// takeBody counts, digests and keeps, the last only up to maxBody: what a regex
// cannot be searched in does not have to be remembered.
func (a *answer) takeBody(end *bodyEnd, b []byte) (done bool) {
	n, done := end.feed(b)
	a.body += int64(n)
	if a.sum != nil {
		a.sum.Write(b[:n])
	}
	if room := a.head.size + maxBody - len(a.whole); room > 0 {
		a.whole = append(a.whole, b[:min(n, room)]...)
	}
	return done
}

// readEnd judges the end of a connection that came before the end of the body
// was told otherwise.
func (c HTTPCheck) readEnd(ctx context.Context, err error, began bool, end *bodyEnd) (Verdict, bool) {
	reason := ended(ctx, err, Read)
	if reason == Read && c.Config.TLS && end == nil {
		return down(NoData, fmt.Sprintf("read: %v", cause(err))), false // keepalived's word, whatever ends TLS
	}
	switch {
	case reason == NoData && end != nil:
		return Verdict{}, true // also with fewer octets than promised, and without close_notify
	case reason == NoData:
		return down(NoData, "closed before the end of the header"), false
	case reason == Timeout && end == nil && !began:
		return down(Silence, "not an octet of the answer in time"), false
	case reason == Timeout && end == nil:
		return down(Timeout, "no complete header in time"), false
	case reason == Timeout:
		return down(Timeout, "no end of the body in time"), false
	}
	return down(reason, fmt.Sprintf("read: %v", cause(err))), false
}

// judge applies the tests in keepalived's order: status, digest, regex.
func (c HTTPCheck) judge(a *answer) Verdict {
	u := c.URL
	if !u.accepts(a.head.status) {
		return down(StatusCode, fmt.Sprintf("status %d, want %s", a.head.status, u.wanted()))
	}
	v := Verdict{Up: true, Reason: StatusCode, Detail: fmt.Sprintf("status %d, %d octets", a.head.status, a.body)}
	if a.head.length >= 0 && !a.head.chunked && a.body != a.head.length {
		v.Detail += fmt.Sprintf(", Content-Length says %d", a.head.length)
	}
	if u.Digest != "" {
		if got := hex.EncodeToString(a.sum.Sum(nil)); got != u.Digest {
			return down(Digest, fmt.Sprintf("MD5 of %d octets is %s, want %s", a.body, got, u.Digest))
		}
		v.Reason = Digest
	}
	if c.badPattern != nil {
		return down(Regex, c.badPattern.Error())
	}
	if c.pattern != nil {
		if ok, detail := c.pattern.passes(a); !ok {
			return down(Regex, detail)
		}
		v.Reason = Regex
	}
	return v
}

// httpTexts says HTTP also for SSL_GET, as keepalived 2.2 does.
func httpTexts(c Config) Texts {
	return Texts{
		Prefix: "HTTP",
		Success: func(n Names, _ Verdict) string {
			return fmt.Sprintf("Remote Web server %s succeed on service.", n.Server)
		},
		Failed: func(n Names, _ Verdict, retries uint32, _ bool) string {
			return fmt.Sprintf("HTTP_CHECK on service %s failed%s.", n.Server, afterRetries(retries, true))
		},
		Attempt: func(n Names, v Verdict) string {
			what := httpReasons[v.Reason]
			if h, ok := c.(*HTTPConfig); ok && h.TLS && (v.Reason == Timeout || v.Reason == Silence) {
				what = "Timeout SSL read"
			}
			return fmt.Sprintf("%s server %s.", what, n.Server)
		},
		StepPassed: func(n Names, path string, v Verdict) string {
			what := map[Reason]string{Digest: "MD5 digest", Regex: "Regex match"}[v.Reason]
			if what == "" {
				what = "HTTP status code"
			}
			return fmt.Sprintf("%s success to %s url(%s)", what, n.Server, path)
		},
	}
}

// httpReasons are keepalived's words for the attempts that log_all_failures shows.
var httpReasons = map[Reason]string{
	Connect:        "Connection failed",
	NoRoute:        "HTTP_CHECK - network unreachable",
	Silence:        "Timeout WEB read",
	ConnectTimeout: "Timeout connecting",
	Local:          "Connection failed",
	Timeout:        "Timeout HTTP read",
	Read:           "Read error with",
	NoData:         "Read, no data received from ",
	Write:          "Cannot send get request to",
	StatusCode:     "HTTP status code error to",
	Digest:         "MD5 digest error to",
	Regex:          "Regex match failed",
	Handshake:      "SSL handshake/communication error connecting to",
	Cancelled:      "Connection failed",
	Panicked:       "Connection failed",
}
