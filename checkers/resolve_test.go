package checkers

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/kconf"
)

func resolve(t *testing.T, text string, in Inherit) ([]Spec, []string) {
	t.Helper()
	l, diags := decode(t, text)
	x := &kconf.Ctx{Diags: new(kconf.Diagnostics)}
	var out []Spec
	for _, c := range l.Checks {
		out = append(out, Resolve(x, c, in)...)
	}
	return out, append(diags, messages(x)...)
}

var rs1 = Inherit{Owner: "rs1", RealServer: netip.MustParseAddrPort("192.0.2.11:80"), Names: Names{Server: "[192.0.2.11]:tcp:80", Service: "[192.0.2.1]:tcp:80"}}

func TestBuiltInDefaults(t *testing.T) {
	url := "url {\npath /\n}\n"
	tests := map[string]struct {
		in     string
		timing Timing
		total  time.Duration
	}{
		"TCP":  {"TCP_CHECK {\n}", Timing{DelayLoop: time.Minute, DelayBeforeRetry: time.Second, Warmup: time.Minute, Retry: 1}, 5 * time.Second},
		"HTTP": {"HTTP_GET {\n" + url + "}", Timing{DelayLoop: time.Minute, DelayBeforeRetry: 3 * time.Second, Warmup: time.Minute, Retry: 1}, 70 * time.Second}, // 2 * 5s + 60s
		"SSL":  {"SSL_GET {\n" + url + "}", Timing{DelayLoop: time.Minute, DelayBeforeRetry: 3 * time.Second, Warmup: time.Minute, Retry: 1}, 75 * time.Second},  // 3 * 5s + 60s
		"SMTP": {"SMTP_CHECK {\n}", Timing{DelayLoop: time.Minute, DelayBeforeRetry: time.Second, Warmup: time.Minute, Retry: 1}, 20 * time.Second},              // 4 * 5s
		"DNS":  {"DNS_CHECK {\ndelay_loop 7\n}", Timing{DelayLoop: 7 * time.Second, DelayBeforeRetry: 7 * time.Second, Warmup: 7 * time.Second, Retry: 3}, 5 * time.Second},
		"UDP":  {"UDP_CHECK {\n}", Timing{DelayLoop: time.Minute, DelayBeforeRetry: time.Second, Warmup: time.Minute, Retry: 1}, 10 * time.Second}, // 2 * 5s
		"PING": {"PING_CHECK {\n}", Timing{DelayLoop: time.Minute, DelayBeforeRetry: time.Second, Warmup: time.Minute, Retry: 1}, 5 * time.Second},
		"MISC": {"MISC_CHECK {\nmisc_path /bin/true\n}", Timing{DelayLoop: time.Minute, DelayBeforeRetry: time.Second, Warmup: time.Minute}, 73 * time.Second}, // 60s + 2s + 10s + 1s
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			specs, diags := resolve(t, tt.in, rs1)
			if len(specs) != 1 || diags != nil {
				t.Fatalf("%d checkers, %q", len(specs), diags)
			}
			if s := specs[0]; s.Timing != tt.timing || s.Total != tt.total || s.Target.Addr != rs1.RealServer {
				t.Errorf("got %+v total %v target %v\nwant %+v total %v", s.Timing, s.Total, s.Target.Addr, tt.timing, tt.total)
			}
		})
	}
}

func TestTheCheckerWinsOverTheServersAroundIt(t *testing.T) {
	in := rs1
	in.ConnectTimeout, in.DelayLoop, in.DelayBeforeRetry = ptr(time.Second), ptr(10*time.Second), ptr(2*time.Second)
	in.Warmup, in.Retry, in.Alpha, in.LogAllFailures = ptr(time.Duration(0)), ptr(uint32(4)), true, true
	in.VirtualHost, in.ServiceVirtualHost = "rs.example", "vs.example"
	specs, _ := resolve(t, "TCP_CHECK {\n}\nTCP_CHECK {\nretry 0\nalpha off\nconnect_timeout 3\nconnect_port 81\n}\nHTTP_GET {\nurl {\npath /\n}\n}", in)
	if want := (Timing{DelayLoop: 10 * time.Second, DelayBeforeRetry: 2 * time.Second, Retry: 4, Alpha: true, LogAllFailures: true}); specs[0].Timing != want {
		t.Errorf("inherited %+v, want %+v", specs[0].Timing, want)
	}
	if got := specs[1]; got.Timing.Retry != 0 || got.Timing.Alpha || got.Target.Timeout != 3*time.Second || got.Target.Addr.Port() != 81 {
		t.Errorf("own values lost: %+v %+v", got.Timing, got.Target)
	}
	web := specs[2].Kind.New(specs[2].Config, specs[2].Target)[0].(HTTPCheck)
	if web.host() != "rs.example" || web.Config.ServiceVirtualHost != "vs.example" {
		t.Errorf("names %q %q", web.host(), web.Config.ServiceVirtualHost)
	}
}

func TestLinkLocalTargetNeedsAnInterface(t *testing.T) {
	in := rs1
	in.RealServer = netip.MustParseAddrPort("[fe80::1]:80")
	specs, diags := resolve(t, "TCP_CHECK {\n}", in)
	if len(specs) != 0 || len(diags) != 1 || !strings.Contains(diags[0], "needs bind_if") {
		t.Errorf("%d checkers, %q", len(specs), diags)
	}
	specs, diags = resolve(t, "TCP_CHECK {\nbind_if eth0\n}\nMISC_CHECK {\nmisc_path /bin/true\n}", in)
	if len(specs) != 2 || diags != nil || specs[0].Target.Addr.String() != "[fe80::1%eth0]:80" {
		t.Errorf("%+v, %q", specs, diags)
	}
}

func TestBindPortAloneHasNoEffect(t *testing.T) {
	specs, _ := resolve(t, "TCP_CHECK {\nbind_port 7777\n}\nTCP_CHECK {\nbind_port 7777\nbindto 192.0.2.5\n}", rs1)
	if specs[0].Target.Bind.IsValid() || specs[1].Target.Bind.String() != "192.0.2.5:7777" {
		t.Errorf("bind %v and %v", specs[0].Target.Bind, specs[1].Target.Bind)
	}
}

func TestSourceOfAnotherFamilyIsDroppedAndReported(t *testing.T) {
	specs, diags := resolve(t, "TCP_CHECK {\nbindto 2001:db8::1\n}", rs1)
	if len(specs) != 1 || specs[0].Target.Bind.IsValid() || len(diags) != 1 || !strings.Contains(diags[0], "bindto 2001:db8::1 cannot reach 192.0.2.11") {
		t.Errorf("%+v, %q", specs, diags)
	}
}

func TestEachSMTPHostIsOneChecker(t *testing.T) {
	host := "host {\nconnect_ip 192.0.2.%\nretry 5\n}\n"
	tests := map[string]struct {
		in   string
		want []string
	}{
		"no host":                       {"SMTP_CHECK {\n}", []string{"192.0.2.11:80"}},
		"hosts replace an empty block":  {"SMTP_CHECK {\ndelay_loop 9\n" + strings.ReplaceAll(host+strings.ReplaceAll(host, "%", "22"), "%", "21") + "}", []string{"192.0.2.21:80", "192.0.2.22:80"}},
		"hosts join a block that binds": {"SMTP_CHECK {\nconnect_port 25\n" + strings.ReplaceAll(host, "%", "21") + "}", []string{"192.0.2.11:25", "192.0.2.21:80"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			specs, _ := resolve(t, tt.in, rs1)
			var got []string
			for _, s := range specs {
				got = append(got, s.Target.Addr.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("targets %q, want %q", got, tt.want)
			}
		})
	}
	specs, _ := resolve(t, tests["hosts replace an empty block"].in, rs1)
	if s := specs[0]; s.Timing.DelayLoop != 9*time.Second || s.Timing.Retry != 5 {
		t.Errorf("host has %+v", s.Timing)
	}
}

func TestMiscAccountAndTimeLimit(t *testing.T) {
	in := rs1
	in.ServiceDelayLoop, in.ScriptUser = ptr(4*time.Second), "root"
	specs, diags := resolve(t, "MISC_CHECK {\nmisc_path /bin/true\ndelay_loop 30\n}", in)
	if diags != nil {
		t.Fatal(diags)
	}
	if c := specs[0].Config.(*MiscConfig); c.Limit != 4*time.Second || c.Credential == nil || c.Credential.UID != 0 {
		t.Errorf("limit %v account %+v", c.Limit, c.Credential)
	}
	specs, diags = resolve(t, "MISC_CHECK {\nmisc_path /bin/true\nuser no-such-user\n}", in)
	if len(specs) != 0 || len(diags) != 1 || !strings.Contains(diags[0], "no-such-user") {
		t.Errorf("%d checkers, %q", len(specs), diags)
	}
}

func TestResolveDoesNotChangeWhatWasDecoded(t *testing.T) {
	l, _ := decode(t, "HTTP_GET {\nretry 7\nurl {\npath /\n}\n}")
	x := &kconf.Ctx{Diags: new(kconf.Diagnostics)}
	first, second := Resolve(x, l.Checks[0], rs1), Resolve(x, l.Checks[0], rs1)
	if second[0].Timing.Retry != 7 || !first[0].Same(second[0]) {
		t.Errorf("second time %+v", second[0].Timing)
	}
}

// TestLogLines holds our lines against keepalived's.
func TestLogLines(t *testing.T) {
	misc, _ := resolve(t, "MISC_CHECK {\nmisc_path \"/bin/check\"\n}", rs1)
	n := Names{Server: "[192.0.2.11]:tcp:80", Service: "[192.0.2.1]:tcp:80", Peer: "[192.0.2.11]:25"}
	text := func(k *Kind) Texts {
		if k == miscKind {
			return k.Texts(misc[0].Config)
		}
		return k.Texts(nil)
	}
	v := func(r Reason) Verdict { return Verdict{Reason: r, Code: 2} }
	for _, tt := range []struct{ got, want string }{
		{text(tcpKind).success(n, v("")), "TCP connection to [192.0.2.11]:tcp:80 success."},
		{text(tcpKind).failed(n, v(Connect), 2, true), "TCP_CHECK on service [192.0.2.11]:tcp:80 failed after 2 retries."},
		{text(tcpKind).failed(n, v(Connect), 2, false), "TCP_CHECK on service [192.0.2.11]:tcp:80 failed."},
		{text(tcpKind).attempt(n, v(ConnectTimeout)), "TCP connection to [192.0.2.11]:tcp:80 timeout."},
		{text(tcpKind).attempt(n, v(Connect)), "TCP connection to [192.0.2.11]:tcp:80 failed."},
		{text(tcpKind).noResult(n), "TCP socket bind failed. Rescheduling."},
		{text(httpKind).success(n, v("")), "Remote Web server [192.0.2.11]:tcp:80 succeed on service."},
		{text(httpKind).failed(n, v(StatusCode), 2, false), "HTTP_CHECK on service [192.0.2.11]:tcp:80 failed after 2 retries."},
		{text(httpKind).failed(n, v(StatusCode), 0, true), "HTTP_CHECK on service [192.0.2.11]:tcp:80 failed."},
		{text(httpKind).stepPassed(n, "/a", v(StatusCode)), "HTTP status code success to [192.0.2.11]:tcp:80 url(/a)"},
		{text(httpKind).stepPassed(n, "/a", v(Digest)), "MD5 digest success to [192.0.2.11]:tcp:80 url(/a)"},
		{text(httpKind).attempt(n, v(StatusCode)), "HTTP status code error to server [192.0.2.11]:tcp:80."},
		{text(smtpKind).success(n, v("")), "Remote SMTP server [192.0.2.11]:tcp:80 succeed on service."},
		{text(smtpKind).failed(n, v(Greeting), 1, true), "SMTP_CHECK Bad greeting banner from server [192.0.2.11]:25"},
		{text(dnsKind).success(n, v("")), ""},
		{text(dnsKind).failed(n, v(Rcode), 3, true), "DNS_CHECK ([192.0.2.11]:tcp:80) read error occurred. (rcode = 2) after 3 retries"},
		{text(udpKind).attempt(n, v(Mismatch)), "UDP check to [192.0.2.11]:tcp:80 reply data mismatch."},
		{text(pingKind).failed(n, v(Timeout), 1, true), "ICMP CHECK on service [192.0.2.11]:tcp:80 of [192.0.2.1]:tcp:80 failed after 1 retries."},
		{text(miscKind).success(n, v("")), "Misc check for [[192.0.2.11]:tcp:80 VS [192.0.2.1]:tcp:80] by [/bin/check] succeeded."},
		{text(miscKind).failed(n, v(Exit), 1, true), "Misc check for [[192.0.2.11]:tcp:80 VS [192.0.2.1]:tcp:80] by [/bin/check] failed after 1 retry (exited with status 2)."},
		{text(miscKind).failed(n, v(Timeout), 0, true), "Misc check for [[192.0.2.11]:tcp:80 VS [192.0.2.1]:tcp:80] by [/bin/check] timed out with retry disabled."},
	} {
		if tt.got != tt.want {
			t.Errorf("\n got %q\nwant %q", tt.got, tt.want)
		}
	}
}
