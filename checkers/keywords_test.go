package checkers

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

// list is a real_server that knows nothing but checkers.
type list struct{ Checks []Check }

// vocabulary has a row for each kind, as real_server has them.
func vocabulary() kconf.Vocabulary[list] {
	var v kconf.Vocabulary[list]
	for _, k := range Kinds() {
		set := kconf.Custom("block", "", func(x *kconf.Ctx, l *list, s *kconf.Stmt) {
			if c := k.DecodeCheck(x, s); c != nil {
				l.Checks = append(l.Checks, c.(Check))
			}
		}).WithVocab(k.Rows)
		v = append(v, kconf.Keyword[list]{Name: k.Keyword, Doc: k.Doc, Status: k.Status, Meanwhile: k.Meanwhile, Set: set})
	}
	return v
}

// decode reads checker blocks written one statement a line.
func decode(t *testing.T, text string) (list, []string) {
	t.Helper()
	var l list
	x := &kconf.Ctx{Diags: new(kconf.Diagnostics)}
	stmts, rest := block(strings.Split(text, "\n"), 1)
	if len(rest) > 0 {
		t.Fatalf("too many closing braces: %q", rest)
	}
	vocabulary().Decode(x, &l, stmts)
	return l, messages(x)
}

func messages(x *kconf.Ctx) (out []string) {
	for _, d := range x.Diags.All() {
		out = append(out, d.String())
	}
	return out
}

// block makes statements of lines until a closing brace.
func block(lines []string, n int) (stmts []*kconf.Stmt, rest []string) {
	for len(lines) > 0 {
		raw := strings.TrimSpace(lines[0])
		lines, n = lines[1:], n+1
		if raw == "}" {
			return stmts, lines
		}
		if raw == "" {
			continue
		}
		s := &kconf.Stmt{Raw: strings.TrimSpace(strings.TrimSuffix(raw, "{"))}
		for i, w := range strings.Fields(s.Raw) {
			s.Words = append(s.Words, kconf.Word{Text: strings.Trim(w, `"`), Pos: kconf.At("f", n-1, 1+i)})
		}
		if strings.HasSuffix(raw, "{") {
			s.HasBlock = true
			had := len(lines)
			s.Block, lines = block(lines, n)
			n += had - len(lines)
		}
		stmts = append(stmts, s)
	}
	return stmts, nil
}

func ptr[T any](v T) *T { return &v }

func TestCommonKeywordsAreDecoded(t *testing.T) {
	l, diags := decode(t, `TCP_CHECK {
		connect_ip 192.0.2.9
		connect_port 8080
		bindto 192.0.2.1
		bind_port 5555
		bind_if eth0
		connect_timeout 0.5
		fwmark 7
		retry 0
		delay_before_retry 1.5
		delay_loop 2
		warmup 0
		alpha no
		log_all_failures
	}`)
	if diags != nil {
		t.Errorf("diagnostics %q", diags)
	}
	want := Common{
		ConnectIP: netip.MustParseAddr("192.0.2.9"), ConnectPort: 8080, BindTo: netip.MustParseAddr("192.0.2.1"), BindPort: 5555,
		BindIf: "eth0", ConnectTimeout: ptr(500 * time.Millisecond), FwMark: 7, Retry: ptr(uint32(0)),
		DelayBeforeRetry: ptr(1500 * time.Millisecond), DelayLoop: ptr(2 * time.Second), Warmup: ptr(time.Duration(0)),
		Alpha: ptr(false), LogAllFailures: true,
	}
	if got := l.Checks[0].Config.(*TCPConfig).Common; !cmp.Equal(got, want, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })) {
		t.Errorf("got %+v", got)
	}
}

func TestHTTPKeywordsAreDecoded(t *testing.T) {
	l, diags := decode(t, `SSL_GET {
		virtualhost chk.example
		http_protocol 1.0C
		enable_sni
		sni_name sni.example
		fast_recovery
		tls_compliant
		retry 2
		url {
			path /b?x=1
			digest D41D8CD98F00B204E9800998ECF8427E
			status_code 200 301-302
			status_code 404
			virtualhost url.example
			regex "a.c"
			regex_no_match
			regex_options caseless multiline
			regex_options nonsense
			regex_min_offset 3
			regex_max_offset 9
			regex_stack 100 200
			tls_compliant
		}
		url {
			path /second
		}
	}`)
	if diags != nil {
		t.Errorf("diagnostics %q", diags)
	}
	want := &HTTPConfig{
		Common: Common{Retry: ptr(uint32(2))}, TLS: true, VirtualHost: "chk.example", Protocol: "1.0C", EnableSNI: true, SNIName: "sni.example",
		FastRecovery: true, TLSCompliant: true,
		URLs: []URL{{
			Path: "/b?x=1", Digest: emptyMD5, Status: []StatusRange{{200, 200}, {301, 302}, {404, 404}}, VirtualHost: "url.example", TLSCompliant: true,
			Regex: &RegexSpec{Pattern: "a.c", NoMatch: true, Options: []string{"caseless", "multiline", "nonsense"}, MinOffset: 3, MaxOffset: ptr(uint32(9))},
		}, {Path: "/second"}},
	}
	if d := cmp.Diff(want, l.Checks[0].Config, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

func TestOtherKeywordsAreDecoded(t *testing.T) {
	l, diags := decode(t, `SMTP_CHECK {
		helo_name h.example
	}
	DNS_CHECK {
		type aaaa
		name www.example.com
	}
	UDP_CHECK {
		payload 0a0b c
		require_reply 01xX 2
		min_reply_length 1
		max_reply_length 9
	}
	PING_CHECK {
	}
	MISC_CHECK {
		misc_path "/bin/check"
		misc_timeout 3
		misc_dynamic
		user nobody nogroup
	}`)
	if diags != nil {
		t.Errorf("diagnostics %q", diags)
	}
	udp := l.Checks[2].Config.(*UDPConfig)
	if string(udp.Payload) != "\x0a\x0b\x0c" || string(udp.Reply) != "\x01\x00\x02" || string(udp.Mask) != "\xff\x00\xff" ||
		!udp.RequireReply || *udp.MinReply != 1 || *udp.MaxReply != 9 {
		t.Errorf("UDP_CHECK %+v", udp)
	}
	if dns := l.Checks[1].Config.(*DNSConfig); dns.Type != 28 || dns.Name != "www.example.com" {
		t.Errorf("DNS_CHECK %+v", dns)
	}
	misc := l.Checks[4].Config.(*MiscConfig)
	if misc.Script.Argv[0] != "/bin/check" || *misc.Timeout != 3*time.Second || !misc.Dynamic || misc.User != "nobody" || misc.Group != "nogroup" {
		t.Errorf("MISC_CHECK %+v", misc)
	}
	if h := l.Checks[0].Config.(*SMTPConfig).HeloName; h != "h.example" {
		t.Errorf("SMTP_CHECK helo_name %q", h)
	}
}

func TestMistakesAreReportedAndTheRestIsKept(t *testing.T) {
	tests := map[string]struct {
		in    string
		want  []string // beginnings of the diagnostics
		kinds []string // of the checkers that remain
	}{
		"checker without url":   {"HTTP_GET {\n}", []string{"f:1:1: HTTP_GET: no usable url"}, nil},
		"url without path":      {"HTTP_GET {\nurl {\ndigest " + emptyMD5 + "\n}\n}", []string{"f:2:1: url: path is missing", "f:1:1: HTTP_GET: no usable url"}, nil},
		"bad digest":            {"HTTP_GET {\nurl {\npath /\ndigest abc\n}\n}", []string{"f:4:2: digest abc: must be 32 hexadecimal digits"}, []string{"HTTP_GET"}},
		"bad status code":       {"HTTP_GET {\nurl {\npath /\nstatus_code 99 200 300-200 x\n}\n}", []string{"f:4:2: status_code 99", "f:4:4: status_code 300-200", "f:4:5: status_code x"}, []string{"HTTP_GET"}},
		"pattern that is wrong": {"HTTP_GET {\nurl {\npath /\nregex a(b\n}\n}", []string{"f:2:1: url: regex a(b:"}, []string{"HTTP_GET"}},
		"pattern not supported": {"HTTP_GET {\nurl {\npath /\nregex a\\\\Kb\n}\n}", []string{`f:2:1: url: regex a\Kb: \K is not supported here; the url is asked without it`}, []string{"HTTP_GET"}},
		"options without regex": {"HTTP_GET {\nurl {\npath /\nregex_no_match\n}\n}", []string{"f:2:1: warning: url: regex options without regex"}, []string{"HTTP_GET"}},
		"nb_get_retry is old":   {"HTTP_GET {\nnb_get_retry 3\nurl {\npath /\n}\n}", []string{"f:2:1: warning: nb_get_retry: old spelling"}, []string{"HTTP_GET"}},
		"tls_compliant in HTTP": {"HTTP_GET {\ntls_compliant\nurl {\npath /\n}\n}", []string{"f:2:1: unknown keyword tls_compliant"}, []string{"HTTP_GET"}},
		"families differ":       {"TCP_CHECK {\nconnect_ip 192.0.2.1\nbindto 2001:db8::1\n}", []string{"f:3:1: bindto: connect_ip 192.0.2.1 and bindto 2001:db8::1 are of different families"}, []string{"TCP_CHECK"}},
		"port out of range":     {"TCP_CHECK {\nconnect_port 65536\n}", []string{"f:2:2: connect_port 65536"}, []string{"TCP_CHECK"}},
		"bad name":              {"DNS_CHECK {\nname a..b\n}", []string{"f:2:2: name a..b: label"}, []string{"DNS_CHECK"}},
		"unknown type":          {"DNS_CHECK {\ntype HINFO\n}", []string{"f:2:2: type HINFO"}, []string{"DNS_CHECK"}},
		"bad payload":           {"UDP_CHECK {\npayload 0x\n}", []string{"f:2:2: payload: 'x' is no hexadecimal digit"}, []string{"UDP_CHECK"}},
		"payload of a blank":    {"UDP_CHECK {\npayload \" \"\n}", []string{"f:2:2: payload: no octets"}, []string{"UDP_CHECK"}},
		"lengths crossed":       {"UDP_CHECK {\nmin_reply_length 300\n}", []string{"f:1:1: UDP_CHECK: min_reply_length 300 is above max_reply_length 255"}, []string{"UDP_CHECK"}},
		"program missing":       {"MISC_CHECK {\n}", []string{"f:1:1: MISC_CHECK: misc_path is missing"}, nil},
		"two BFD sessions":      {"BFD_CHECK {\nname a\nname b\n}", []string{"f:1:1: note: BFD_CHECK", "f:3:1: name: given before, the first one counts (see f:2:1)"}, []string{"BFD_CHECK"}},
		"file without a name":   {"FILE_CHECK {\nweight 2\n}", []string{"f:1:1: FILE_CHECK: track_file is missing"}, nil},
		"connect_ip in misc":    {"MISC_CHECK {\nmisc_path /bin/true\nconnect_port 1\n}", []string{"f:3:1: unknown keyword connect_port"}, []string{"MISC_CHECK"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, diags := decode(t, tt.in)
			ok := len(diags) == len(tt.want)
			for i := range diags {
				ok = ok && strings.HasPrefix(diags[i], tt.want[i])
			}
			if !ok {
				t.Errorf("diagnostics\n got %q\nwant %q", diags, tt.want)
			}
			var kinds []string
			for _, c := range l.Checks {
				kinds = append(kinds, c.Kind)
			}
			if !slices.Equal(kinds, tt.kinds) {
				t.Errorf("checkers %q, want %q", kinds, tt.kinds)
			}
		})
	}
}

// TestEveryKeywordOfKeepalivedIsThere has the list that keepalived's manual and
// its dumps gave, by checker.
func TestEveryKeywordOfKeepalivedIsThere(t *testing.T) {
	timers := "retry delay_before_retry warmup delay_loop alpha log_all_failures"
	sock := "connect_ip connect_port bindto bind_port bind_if connect_timeout fwmark " + timers
	web := sock + " nb_get_retry virtualhost http_protocol enable_sni sni_name fast_recovery url"
	url := "path digest status_code virtualhost regex regex_no_match regex_options regex_min_offset regex_max_offset regex_stack"
	want := map[string]string{
		"TCP_CHECK": sock, "PING_CHECK": sock, "HTTP_GET": web, "HTTP_GET url": url, "SSL_GET": web + " tls_compliant",
		"SSL_GET url": url + " tls_compliant", "SMTP_CHECK": sock + " helo_name host", "SMTP_CHECK host": sock,
		"DNS_CHECK": sock + " type name", "UDP_CHECK": sock + " payload require_reply min_reply_length max_reply_length",
		"MISC_CHECK": timers + " misc_path misc_timeout misc_dynamic user", "FILE_CHECK": "track_file weight", "BFD_CHECK": "name alpha",
	}
	got := map[string]string{}
	var walk func(prefix string, v kconf.Vocab)
	walk = func(prefix string, v kconf.Vocab) {
		for _, d := range v.Docs() {
			if d.Doc == "" {
				t.Errorf("%s %s is not documented", prefix, d.Name)
			}
			if got[prefix] += " "; got[prefix] == " " {
				got[prefix] = ""
			}
			got[prefix] += d.Name
			if d.Block != nil {
				walk(strings.TrimSpace(prefix+" "+d.Name), d.Block)
			}
		}
	}
	for _, d := range vocabulary().Docs() {
		walk(d.Name, d.Block)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSSLBlock(t *testing.T) {
	var c SSLConfig
	x := &kconf.Ctx{Diags: new(kconf.Diagnostics)}
	stmts, _ := block([]string{"password p", "ca /a", "certificate /c", "key /k"}, 1)
	SSLVocabulary().Decode(x, &c, stmts)
	if want := (SSLConfig{Password: "p", CA: "/a", Certificate: "/c", Key: "/k"}); c != want {
		t.Errorf("got %+v", c)
	}
	if m := messages(x); len(m) != 0 {
		t.Errorf("diagnostics %q", m)
	}
}

func TestBlocksAsTheParserReadsThem(t *testing.T) {
	f, diags := kconf.ParseString("f", `virtual_server 192.0.2.1 80 {
  real_server 192.0.2.11 80 {
    HTTP_GET {
      url {
        path "/a b"
        regex "^<h1>[{]ok[}] \\d+</h1>$"
      }
      url { path /c }
    }
    MISC_CHECK {
      misc_path "/bin/check 'two words' x"
    }
  }
}
`, kconf.Options{})
	if diags.HasErrors() {
		t.Fatal(diags.All())
	}
	var l list
	x := &kconf.Ctx{Diags: new(kconf.Diagnostics)}
	vocabulary().Decode(x, &l, f.Stmts[0].Block[0].Block)
	if m := messages(x); m != nil {
		t.Fatalf("diagnostics %q", m)
	}
	urls := l.Checks[0].Config.(*HTTPConfig).URLs
	if len(urls) != 2 || urls[0].Path != "/a b" || urls[0].Regex.Pattern != `^<h1>[{]ok[}] \d+</h1>$` || urls[1].Path != "/c" {
		t.Errorf("urls %+v", urls)
	}
	if got := l.Checks[1].Config.(*MiscConfig).Script.Argv; !slices.Equal(got, []string{"/bin/check", "two words", "x"}) {
		t.Errorf("argv %q", got)
	}
}

// TestEscapesOfAPatternAreDecodedFirst has rows that keepalived 2.2.7 was seen
// compiling: it names the decoded pattern when that is wrong.
func TestEscapesOfAPatternAreDecodedFirst(t *testing.T) {
	for in, want := range map[string]string{
		`"\\(x"`: `\(x`, `a\d.`: "ad.", `"\x28x)"`: "(x)", `"\50x)"`: "(x)", `"a\e\Ex"`: "ae\x1bx", `"\chx"`: "\x08x", `'a b'"c"`: "a bc",
	} {
		l, diags := decode(t, "HTTP_GET {\nurl {\npath /\nregex "+in+"\n}\n}")
		if diags != nil || l.Checks[0].Config.(*HTTPConfig).URLs[0].Regex.Pattern != want {
			t.Errorf("regex %s: %q, want pattern %q", in, diags, want)
		}
	}
}
