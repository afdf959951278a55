package checkers

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/run"
	"holdfast/kconf"
)

func TestTCPCheck(t *testing.T) {
	good := serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	tests := map[string]struct {
		target Target
		want   Verdict
	}{
		"accepts":                         {Target{Addr: good}, Verdict{Up: true}},
		"accepts from a given address":    {Target{Addr: good, Bind: netip.MustParseAddrPort("127.0.0.2:0")}, Verdict{Up: true}},
		"accepts, then closes":            {Target{Addr: serve(t, func(net.Conn) {})}, Verdict{Up: true}},
		"refuses":                         {Target{Addr: closedPort(t)}, Verdict{Reason: Connect}},
		"unroutable":                      {Target{Addr: netip.MustParseAddrPort("255.255.255.255:80")}, Verdict{Reason: Connect}},
		"source address of another host":  {Target{Addr: good, Bind: netip.MustParseAddrPort("192.0.2.77:0")}, Verdict{NoResult: true, Reason: Local}},
		"interface that does not exist":   {Target{Addr: good, BindIf: "nosuch0"}, Verdict{NoResult: true, Reason: Local}},
		"queue of the server is full":     {Target{Addr: fullBacklog(t)}, Verdict{Reason: ConnectTimeout}},
		"IPv6 target with an IPv4 source": {Target{Addr: netip.MustParseAddrPort("[::1]:9"), Bind: netip.MustParseAddrPort("127.0.0.1:0")}, Verdict{NoResult: true, Reason: Local}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.target.Timeout = testStep
			v := probe(t, testStep, TCPCheck{tt.target})
			if v.Up != tt.want.Up || v.NoResult != tt.want.NoResult || v.Reason != tt.want.Reason {
				t.Errorf("got %+v, want %+v", v, tt.want)
			}
		})
	}
}

// fullBacklog is a listener that never accepts and has no room left, so that
// connection requests go unanswered.
func fullBacklog(t *testing.T) netip.AddrPort {
	t.Helper()
	addr, closeAll := listenWithoutRoom(t)
	t.Cleanup(closeAll)
	return addr
}

// smtp answers each line of a client with the next of replies.
func smtp(replies ...string) func(net.Conn) {
	return func(c net.Conn) {
		one := make([]byte, 1)
		for i, r := range replies {
			if _, err := io.WriteString(c, r); err != nil {
				return
			}
			for i+1 < len(replies) {
				if _, err := c.Read(one); err != nil {
					return
				}
				if one[0] == '\n' {
					break
				}
			}
		}
	}
}

func TestSMTPVerdicts(t *testing.T) {
	then := func(handle, next func(net.Conn)) func(net.Conn) { return func(c net.Conn) { handle(c); next(c) } }
	stay := func(c net.Conn) { io.Copy(io.Discard, c) }
	tests := map[string]struct {
		serve  func(net.Conn)
		up     bool
		reason Reason
	}{
		"220, 250, 221":                      {serve: smtp("220 lab ESMTP\r\n", "250 hi\r\n", "221 bye\r\n"), up: true},
		"continued greeting, better":         {serve: smtp("220-lab\r\n220 more\r\n", "250 hi\r\n", "221 bye\r\n"), up: true},
		"continued HELO reply, better":       {serve: smtp("220 lab\r\n", "250-hi\r\n250-SIZE\r\n250 OK\r\n", "221 bye\r\n"), up: true},
		"code without text, better":          {serve: smtp("220\r\n", "250\r\n", "221\r\n"), up: true},
		"line feeds alone":                   {serve: smtp("220 a\n", "250 b\n", "221 c\n"), up: true},
		"421":                                {serve: smtp("421 busy\r\n"), reason: Greeting},
		"four digits":                        {serve: smtp("2200 lab\r\n"), reason: Greeting},
		"another protocol":                   {serve: smtp("SSH-2.0-lab\r\n"), reason: Greeting},
		"binary garbage":                     {serve: smtp("\x00\xff\x16\n"), reason: Greeting},
		"HELO refused":                       {serve: smtp("220 lab\r\n", "500 what\r\n"), reason: Helo},
		"continuation that turns to failure": {serve: smtp("220-lab\r\n554 no\r\n"), reason: Greeting},
		"QUIT answered with 999":             {serve: smtp("220 lab\r\n", "250 hi\r\n", "999 odd\r\n"), up: true},
		"QUIT answered by closing":           {serve: smtp("220 lab\r\n", "250 hi\r\n", ""), reason: NoData},
		"closes at once":                     {serve: func(net.Conn) {}, reason: NoData},
		"silence":                            {serve: stay, reason: Timeout},
		"half a greeting, then silence":      {serve: then(smtp("220 la"), stay), reason: Timeout},
		"half a greeting, then closed":       {serve: smtp("220 la"), reason: NoData},
		"reset":                              {serve: func(c net.Conn) { io.WriteString(c, "22"); time.Sleep(10 * time.Millisecond); reset(c) }, reason: Read},
		"one octet after the other for ever": {serve: func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "2"); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, reason: Timeout},
		"continuation lines for ever": {serve: func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "220-more\r\n"); err != nil {
					return
				}
			}
		}, reason: Timeout},
		"greeting in two segments": {serve: func(c net.Conn) {
			io.WriteString(c, "220 l")
			time.Sleep(20 * time.Millisecond)
			smtp("ab\r\n", "250 hi\r\n", "221 bye\r\n")(c)
		}, up: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := SMTPCheck{Target: Target{Addr: serve(t, tt.serve), Timeout: testStep}, HeloName: "h"}
			v := probe(t, 4*testStep, c)
			if v.Up != tt.up || !tt.up && v.Reason != tt.reason {
				t.Errorf("got %+v, want up %v %s", v, tt.up, tt.reason)
			}
		})
	}
}

func TestSMTPConversationBytes(t *testing.T) {
	got := make(chan string, 1)
	addr := serve(t, func(c net.Conn) {
		var all bytes.Buffer
		smtp("220 lab ESMTP\r\n", "250 hi\r\n", "221 bye\r\n")(tee{c, &all})
		io.Copy(&all, c)
		got <- all.String()
	})
	probe(t, 4*testStep, SMTPCheck{Target: Target{Addr: addr, Timeout: testStep}, HeloName: defaultHelo})
	if s, want := <-got, "HELO smtpchecker.keepalived.org\r\nQUIT\r\n"; s != want {
		t.Errorf("sent %q, want %q", s, want)
	}
}

// tee copies what is read from a connection.
type tee struct {
	net.Conn
	to io.Writer
}

func (c tee) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.to.Write(b[:n])
	return n, err
}

func TestSMTPLinesLongerThanTheBufferAreForgottenPieceByPiece(t *testing.T) {
	r := &smtpReader{r: strings.NewReader(strings.Repeat("a", 512) + "220 x\r\nnext\n")}
	for _, want := range []string{"220 x", "next"} {
		if got, err := r.line(); string(got) != want || err != nil {
			t.Errorf("got %q %v, want %q", got, err, want)
		}
	}
	if _, err := r.line(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func FuzzSMTPReply(f *testing.F) {
	f.Add("220-a\r\n220 b\r\n")
	f.Add("220\n")
	f.Add(strings.Repeat("220-", 400))
	f.Fuzz(func(t *testing.T, in string) {
		whole, err := (&smtpReader{r: strings.NewReader(in)}).reply("220")
		if err == nil && (len(whole) >= maxSMTPLine || smtpCode(whole, "220", true)) {
			t.Fatalf("%q is not the last line of a reply", whole)
		}
	})
}

// datagrams answers each datagram with those that reply makes of it.
func datagrams(t *testing.T, reply func(q []byte) [][]byte) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			for _, r := range reply(slices.Clone(buf[:n])) {
				c.WriteToUDPAddrPort(r, from)
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestDNSQueryBytes(t *testing.T) { // as captured from keepalived
	tests := map[string]struct {
		id    uint16
		qtype string
		name  string
		want  string
	}{
		"defaults ask for the SOA of the root": {0x8213, "SOA", "", "8213 0100 0001 0000 0000 0000 00 0006 0001"},
		"a dot is the root":                    {0x8213, "SOA", ".", "8213 0100 0001 0000 0000 0000 00 0006 0001"},
		"AAAA": {0xb673, "AAAA", "www.example.com",
			"b673 0100 0001 0000 0000 0000 03777777 076578616d706c65 03636f6d 00 001c 0001"},
		"MX, dot at the end": {0xfe6c, "MX", "example.com.",
			"fe6c 0100 0001 0000 0000 0000 076578616d706c65 03636f6d 00 000f 0001"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want, err := hex.DecodeString(strings.ReplaceAll(tt.want, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			got, err := dnsQuery(tt.id, dnsTypes[tt.qtype], tt.name)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("\n got %x %v\nwant %x", got, err, want)
			}
		})
	}
}

func TestDNSNamesThatNoServerCouldKnow(t *testing.T) {
	for _, name := range []string{"a..b", ".a", "..", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"} {
		if b, err := dnsQuery(1, 1, name); err == nil {
			t.Errorf("name %q: query %x", name, b)
		}
	}
	if _, err := dnsQuery(1, 1, strings.Repeat("a", 63)+"."+strings.Repeat("b.", 94)); err != nil { // 64 + 2*94 + 1 = 253
		t.Errorf("longest labels: %v", err)
	}
}

func TestDNSVerdicts(t *testing.T) {
	answer := func(change func(b []byte) []byte) func([]byte) [][]byte {
		return func(q []byte) [][]byte {
			q[2] |= dnsFlagQR
			return [][]byte{change(q)}
		}
	}
	rcode := func(n byte) func([]byte) []byte { return func(b []byte) []byte { b[3] |= n; return b } }
	tests := map[string]struct {
		reply  func([]byte) [][]byte
		up     bool
		reason Reason
		code   int
	}{
		"rcode 0, no answers":         {reply: answer(rcode(0)), up: true},
		"rcode 2":                     {reply: answer(rcode(2)), reason: Rcode, code: 2},
		"rcode 3":                     {reply: answer(rcode(3)), reason: Rcode, code: 3},
		"rcode 5":                     {reply: answer(rcode(5)), reason: Rcode, code: 5},
		"another id":                  {reply: answer(func(b []byte) []byte { b[0] ^= 1; return b }), reason: Timeout},
		"a query, not an answer":      {reply: answer(func(b []byte) []byte { b[2] &^= dnsFlagQR; return b }), reason: Timeout},
		"first 8 octets":              {reply: answer(func(b []byte) []byte { return b[:8] }), reason: Timeout},
		"empty datagram":              {reply: answer(func(b []byte) []byte { return nil }), reason: Timeout},
		"silence":                     {reply: func([]byte) [][]byte { return nil }, reason: Timeout},
		"garbage, then the answer":    {reply: func(q []byte) [][]byte { g := slices.Clone(q); q[2] |= dnsFlagQR; return [][]byte{g, {1}, q} }, up: true},
		"an answer longer than asked": {reply: answer(func(b []byte) []byte { return append(b, make([]byte, 900)...) }), up: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := DNSCheck{Target: Target{Addr: datagrams(t, tt.reply), Timeout: testStep}, Type: dnsTypeSOA}
			v := probe(t, testStep, c)
			if v.Up != tt.up || !tt.up && v.Reason != tt.reason || v.Code != tt.code {
				t.Errorf("got %+v, want up %v %s %d", v, tt.up, tt.reason, tt.code)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		v := probe(t, testStep, DNSCheck{Target: Target{Addr: closedPort(t), Timeout: testStep}, Type: dnsTypeSOA})
		if v.Up || v.NoResult || v.Reason != Read {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("strangers for ever do not keep it waiting", func(t *testing.T) {
		addr := datagrams(t, func(q []byte) [][]byte { return slices.Repeat([][]byte{{1, 2, 3}}, 2000) })
		if v := probe(t, testStep, DNSCheck{Target: Target{Addr: addr, Timeout: testStep}, Type: dnsTypeSOA}); v.Reason != Timeout {
			t.Errorf("got %+v", v)
		}
	})
}

func FuzzDNSReply(f *testing.F) {
	f.Add([]byte{0x82, 0x13, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, uint16(0x8213))
	f.Add([]byte{0x82, 0x13, 0x81}, uint16(0x8213))
	f.Fuzz(func(t *testing.T, b []byte, id uint16) {
		rcode, ok := dnsReply(b, id)
		if ok && (len(b) < 12 || binary.BigEndian.Uint16(b) != id || rcode > 15) || !ok && rcode != 0 {
			t.Fatalf("rcode %d %v of %x for %04x", rcode, ok, b, id)
		}
	})
}

func TestUDPVerdicts(t *testing.T) {
	replies := func(b ...byte) func([]byte) [][]byte { return func([]byte) [][]byte { return [][]byte{b} } }
	silent := func([]byte) [][]byte { return nil }
	want := func(pattern string) *UDPConfig {
		octets, mask, err := parseHex([]kconf.Word{{Text: pattern}}, true)
		if err != nil {
			t.Fatal(err)
		}
		return &UDPConfig{RequireReply: true, Reply: octets, Mask: mask}
	}
	limited := func(c *UDPConfig, lo, hi uint16) *UDPConfig { c.MinReply, c.MaxReply = &lo, &hi; return c }
	tests := map[string]struct {
		reply  func([]byte) [][]byte
		cfg    *UDPConfig
		up     bool
		reason Reason
	}{
		"answers, nothing required":         {reply: replies(9), cfg: &UDPConfig{}, up: true},
		"silent, nothing required":          {reply: silent, cfg: &UDPConfig{}, up: true},
		"silent, reply required":            {reply: silent, cfg: &UDPConfig{RequireReply: true}, reason: Timeout},
		"reply is the pattern":              {reply: replies(1, 2, 3, 4), cfg: want("01020304"), up: true},
		"reply differs":                     {reply: replies(1, 2, 3, 0x99), cfg: want("01020304"), reason: Mismatch},
		"reply differs under a wildcard":    {reply: replies(1, 2, 3, 0x99), cfg: want("010203xx"), up: true},
		"one digit is a wildcard, bad":      {reply: replies(0x12), cfg: want("X1"), reason: Mismatch},
		"one digit is a wildcard, good":     {reply: replies(0x12), cfg: want("1X"), up: true},
		"short reply whose octets match":    {reply: replies(1, 2), cfg: want("01020304"), up: true},
		"short reply below the minimum":     {reply: replies(1, 2), cfg: limited(want("01020304"), 3, 255), reason: Mismatch},
		"long reply":                        {reply: replies(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), cfg: want("01020304"), up: true},
		"long reply above the maximum":      {reply: replies(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), cfg: limited(want("01020304"), 0, 4), reason: Mismatch},
		"lengths do not count sans pattern": {reply: replies(1, 2, 3, 4, 5), cfg: limited(&UDPConfig{RequireReply: true}, 0, 4), up: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := probe(t, 2*testStep, UDPCheck{Target{Addr: datagrams(t, tt.reply), Timeout: testStep}, tt.cfg})
			if v.Up != tt.up || !tt.up && v.Reason != tt.reason {
				t.Errorf("got %+v, want up %v %s", v, tt.up, tt.reason)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		if v := probe(t, 2*testStep, UDPCheck{Target{Addr: closedPort(t), Timeout: testStep}, &UDPConfig{}}); v.Up || v.Reason != Connect {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("a fault of this host is a failure too", func(t *testing.T) {
		c := UDPCheck{Target{Addr: closedPort(t), BindIf: "nosuch0", Timeout: testStep}, &UDPConfig{}}
		if v := probe(t, 2*testStep, c); v.Up || v.NoResult || v.Reason != Local {
			t.Errorf("got %+v", v)
		}
	})
}

func TestUDPPayload(t *testing.T) {
	got := make(chan string, 2)
	addr := datagrams(t, func(q []byte) [][]byte { got <- string(q); return [][]byte{{1}} })
	for _, tt := range []struct {
		payload []byte
		want    string
	}{{nil, "keepalived check - keepalived ch"}, {[]byte{10, 11, 12}, "\x0a\x0b\x0c"}} {
		probe(t, 2*testStep, UDPCheck{Target{Addr: addr, Timeout: testStep}, &UDPConfig{Payload: tt.payload}})
		if s := <-got; s != tt.want {
			t.Errorf("sent %q, want %q", s, tt.want)
		}
	}
}

func TestEchoRequestBytesAndItsReply(t *testing.T) {
	b := echoRequest(true, 0x1234, 1)
	// type 8, id, sequence, text of 128 octets; checksum so that the sum is 0xffff
	if len(b) != 136 || b[0] != 8 || string(b[8:27]) != "keepalived check - " || internetChecksum(b) != 0 {
		t.Errorf("request %x", b)
	}
	header := append([]byte{0x45}, make([]byte, 19)...)
	tests := map[string]struct {
		in   []byte
		want bool
	}{
		"reply":               {[]byte{0, 0, 9, 9, 0x12, 0x34, 0, 1}, true},
		"reply behind header": {append(slices.Clone(header), 0, 0, 9, 9, 0x12, 0x34, 0, 1), true},
		"ICMPv6 reply":        {[]byte{129, 0, 9, 9, 0x12, 0x34, 0, 1}, true},
		"our own request":     {b, false},
		"another id":          {[]byte{0, 0, 9, 9, 0x12, 0x35, 0, 1}, false},
		"another sequence":    {[]byte{0, 0, 9, 9, 0x12, 0x34, 1, 0}, false},
		"unreachable":         {[]byte{3, 1, 9, 9, 0x12, 0x34, 0, 1}, false},
		"too short":           {[]byte{0, 0, 9, 9, 0x12, 0x34, 0}, false},
		"empty":               {nil, false},
		"header too long":     {append([]byte{0x4f}, make([]byte, 27)...), false},
	}
	for name, tt := range tests {
		if got := isEchoReply(tt.in, 0x1234, 1); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestPingWithoutTheRightIsNoResultAndWithItWorks(t *testing.T) {
	v := probe(t, testStep, PingCheck{Target{Addr: netip.MustParseAddrPort("127.0.0.1:0"), Timeout: testStep}})
	if os.Geteuid() == 0 && !v.Up || !v.Up && !v.NoResult {
		t.Errorf("got %+v", v)
	}
}

// runner answers as a program would.
type runner struct {
	result run.Result
	got    run.Command
	hang   bool
}

func (r *runner) Run(ctx context.Context, c run.Command) run.Result {
	r.got = c
	if r.hang {
		<-ctx.Done()
		r.result.Ended = true
	}
	return r.result
}

func TestMiscVerdicts(t *testing.T) {
	weight := func(n int) *int { return &n }
	tests := map[string]struct {
		r       runner
		dynamic bool
		want    Verdict
	}{
		"status 0":                        {r: runner{}, want: Verdict{Up: true}},
		"status 1":                        {r: runner{result: run.Result{Exit: 1}}, want: Verdict{Reason: Exit, Code: 1}},
		"status 2":                        {r: runner{result: run.Result{Exit: 2}}, want: Verdict{Reason: Exit, Code: 2}},
		"signal":                          {r: runner{result: run.Result{Signal: 11}}, want: Verdict{Reason: Signal, Code: 11}},
		"dynamic status 0":                {r: runner{}, dynamic: true, want: Verdict{Up: true}},
		"dynamic status 1":                {r: runner{result: run.Result{Exit: 1}}, dynamic: true, want: Verdict{Reason: Exit, Code: 1}},
		"dynamic status 2":                {r: runner{result: run.Result{Exit: 2}}, dynamic: true, want: Verdict{Up: true, Weight: weight(0)}},
		"dynamic status 255":              {r: runner{result: run.Result{Exit: 255}}, dynamic: true, want: Verdict{Up: true, Weight: weight(253)}},
		"never ends":                      {r: runner{hang: true, result: run.Result{Signal: 15}}, want: Verdict{Reason: Timeout}},
		"says 0 only when told to end":    {r: runner{hang: true}, want: Verdict{Reason: Timeout}},
		"cannot be started":               {r: runner{result: run.Result{Err: os.ErrNotExist}}, want: Verdict{Reason: Local}},
		"dynamic status of an ended one":  {r: runner{hang: true, result: run.Result{Exit: 7}}, dynamic: true, want: Verdict{Reason: Timeout}},
		"failure that is not an exit, 15": {r: runner{result: run.Result{Signal: 15}}, dynamic: true, want: Verdict{Reason: Signal, Code: 15}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := &MiscConfig{Script: &kconf.Script{Argv: []string{"/bin/check", "a b"}}, Dynamic: tt.dynamic, Limit: 20 * time.Millisecond}
			v := MiscCheck{cfg, &tt.r}.Check(t.Context())
			if v.Up != tt.want.Up || v.Reason != tt.want.Reason || v.Code != tt.want.Code || !sameWeight(v.Weight, tt.want.Weight) {
				t.Errorf("got %+v, want %+v", v, tt.want)
			}
			if !slices.Equal(tt.r.got.Argv, []string{"/bin/check", "a b"}) || tt.r.got.Dir != "/" {
				t.Errorf("ran %+v", tt.r.got)
			}
		})
	}
}
