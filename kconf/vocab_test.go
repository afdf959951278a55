package kconf_test

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

// Two vocabularies as packages write them: a router with addresses, and a
// block of its own kind inside.
type check struct {
	Port  uint16
	Retry uint
}

type router struct {
	Name           string
	On             bool
	Prio           *uint8
	Weight         *int
	Mask           uint32
	Factor         uint
	Level          int
	Delay          *time.Duration
	Gap, Rate, Old time.Duration
	Label          *string
	Once           string
	Type           int
	Peer           netip.Addr
	Dev            string
	User, Group    string
	Lines          []string
	Words          []string
	Routes         []route
	Checks         []check
	Ended          int
}

type route struct {
	Dest   string
	Metric uint64
	Onlink bool
}

var routeOptions = kconf.InlineOptions[route]{
	{Name: "metric", Aliases: []string{"preference"}, Args: 1, Do: func(x *kconf.Ctx, c *route, args []kconf.Word) {
		if n, ok := kconf.ParseUint(x, args[0], "metric", 0, math.MaxUint32); ok {
			c.Metric = n
		}
	}},
	{Name: "onlink", Do: func(_ *kconf.Ctx, c *route, _ []kconf.Word) { c.Onlink = true }},
}

var checkWords = kconf.Vocabulary[check]{
	{Name: "connect_port", Set: kconf.Uint(func(c *check) *uint16 { return &c.Port }, 1, 65535)},
	{Name: "retry", Aliases: []string{"nb_get_retry"}, Set: kconf.Uint(func(c *check) *uint { return &c.Retry }, 0, math.MaxUint64)},
}

var routerWords = kconf.Vocabulary[router]{
	{Name: "on", Set: kconf.Bool(func(c *router) *bool { return &c.On })},
	{Name: "priority", Args: "NUMBER", Default: "100", Set: kconf.OptUint(func(c *router) **uint8 { return &c.Prio }, 1, 255)},
	{Name: "weight", Set: kconf.OptInt(func(c *router) **int { return &c.Weight }, -253, 253)},
	{Name: "umask", Set: kconf.UintC(func(c *router) *uint32 { return &c.Mask }, 0, 0o777)},
	{Name: "factor", Set: kconf.UintClamped(func(c *router) *uint { return &c.Factor }, 1, 99)},
	{Name: "level", Set: kconf.IntClamped(func(c *router) *int { return &c.Level }, -20, 19)},
	{Name: "delay", Set: kconf.OptSeconds(func(c *router) **time.Duration { return &c.Delay }, 0, 1000*time.Second, 0)},
	{Name: "gap", Set: kconf.Millis(func(c *router) *time.Duration { return &c.Gap }, time.Millisecond, kconf.NoLimit, 3)},
	{Name: "rate", Set: kconf.Micros(func(c *router) *time.Duration { return &c.Rate }, time.Microsecond, time.Second)},
	{Name: "old", Set: kconf.SecondsZeroIs(func(c *router) *time.Duration { return &c.Old }, time.Second, time.Millisecond, 10*time.Second, 3)},
	{Name: "label", Set: kconf.OptString(func(c *router) **string { return &c.Label })},
	{Name: "namespace", Set: kconf.StringOnce(func(c *router) *string { return &c.Once })},
	{Name: "protocol", Set: kconf.EnumMap(func(c *router) *int { return &c.Type }, true, map[string]int{"tcp": 6, "udp": 17, "sctp": 132})},
	{Name: "peer", Set: kconf.Addr(func(c *router) *netip.Addr { return &c.Peer })},
	{Name: "interface", Set: kconf.Iface(func(c *router) *string { return &c.Dev })},
	{Name: "user", Set: kconf.User(func(c *router) (*string, *string) { return &c.User, &c.Group })},
	{Name: "names", Set: words0()},
	{Name: "lines", Set: lines0()},
	{Name: "later", Status: kconf.KnowOnly},
	{Name: "soon", Status: kconf.NotYet, Set: kconf.Flag(func(c *router) *bool { return &c.On }, true)},
	{Name: "use_old", Deprecated: "write on", Set: kconf.Flag(func(c *router) *bool { return &c.On }, true)},
	{Name: "use_older", Deprecated: "write on", DeprecatedAs: kconf.ClassDeprecated, Set: kconf.Flag(func(c *router) *bool { return &c.On }, true)},
	{Name: "routes", Set: kconf.Setter[router]{Type: "line block", Takes: kconf.WantsBlock, Do: func(x *kconf.Ctx, c *router, s *kconf.Stmt) {
		for _, line := range s.Block {
			r := route{Dest: line.Keyword()}
			if routeOptions.Decode(x, "route "+r.Dest, &r, line.Args()) {
				c.Routes = append(c.Routes, r)
			}
		}
	}}},
	{Name: "check", Set: kconf.BlockEnd(checkWords, func(x *kconf.Ctx, c *router, s *kconf.Stmt) *check {
		if args, ok := x.Args(s, 1); !ok || args[0].Text == "bad" {
			return nil
		}
		return &check{Retry: 1}
	}, func(_ *kconf.Ctx, c *router, sub *check, _ *kconf.Stmt) { c.Checks = append(c.Checks, *sub); c.Ended++ })},
}

// words0 and lines0 keep texts only, so that expectations stay short.
func words0() kconf.Setter[router] {
	type box struct{ w []kconf.Word }
	inner := kconf.Words(func(b *box) *[]kconf.Word { return &b.w })
	return kconf.Setter[router]{Takes: inner.Takes, Do: func(x *kconf.Ctx, c *router, s *kconf.Stmt) {
		var b box
		inner.Do(x, &b, s)
		for _, w := range b.w {
			c.Words = append(c.Words, w.Text)
		}
	}}
}

func lines0() kconf.Setter[router] {
	type box struct{ l []*kconf.Stmt }
	inner := kconf.Lines(func(b *box) *[]*kconf.Stmt { return &b.l })
	return kconf.Setter[router]{Takes: inner.Takes, Do: func(x *kconf.Ctx, c *router, s *kconf.Stmt) {
		var b box
		inner.Do(x, &b, s)
		for _, l := range b.l {
			c.Lines = append(c.Lines, l.Raw)
		}
	}}
}

func ptr[T any](v T) *T { return &v }

func TestVocabularyDecodes(t *testing.T) {
	tests := map[string]struct {
		in    string
		want  router
		diags string
	}{
		"nothing":                           {"", router{}, ""},
		"optional number":                   {"priority 7", router{Prio: ptr(uint8(7))}, ""},
		"optional number refused stays nil": {"priority 0", router{}, "1:10: priority 0: must be 1-255"},
		"number beyond 64 bits":             {"priority 99999999999999999999", router{}, "1:10: priority 99999999999999999999: must be 1-255"},
		"optional signed number":            {"weight -253", router{Weight: ptr(-253)}, ""},
		"empty number":                      {`weight ""`, router{}, `1:8: weight "": must be -253 to 253`},
		"octal":                             {"umask 022", router{Mask: 18}, ""},
		"hexadecimal":                       {"umask 0x1f", router{Mask: 31}, ""},
		"digit separators are refused":      {"umask 1_0", router{}, "1:7: umask 1_0: must be 0-511"},
		"clamped from below":                {"factor 0", router{Factor: 1}, "1:8: warning: factor 0: 1 is used instead"},
		"clamped from above":                {"level 20", router{Level: 19}, "1:7: warning: level 20: 19 is used instead"},
		"whole seconds":                     {"delay 60", router{Delay: ptr(time.Minute)}, ""},
		"whole seconds have no fraction":    {"delay 1.5", router{}, "1:7: delay 1.5: must be 0-1000 seconds"},
		"milliseconds":                      {"gap 1.5", router{Gap: 1500 * time.Microsecond}, ""},
		"milliseconds without upper limit":  {"gap 0", router{}, "1:5: gap 0: must be 1 or more milliseconds"},
		"a duration that does not fit":      {"gap 99999999999999999", router{}, "1:5: gap 99999999999999999: must be 1 or more milliseconds"},
		"microseconds":                      {"rate 250", router{Rate: 250 * time.Microsecond}, ""},
		"zero was allowed once":             {"old 0", router{Old: time.Second}, "1:5: warning: old 0: 1 is used instead"},
		"half a millisecond rounds up":      {"old 0.0015", router{Old: 2 * time.Millisecond}, "1:5: warning: old 0.0015: at most 3 digits after the point; 0.002 is used"},
		"less than half rounds down":        {"old 0.00149", router{Old: time.Millisecond}, "1:5: warning: old 0.00149: at most 3 digits after the point; 0.001 is used"},
		"trailing zeros are places, too":    {"old 0.002000", router{Old: 2 * time.Millisecond}, "1:5: warning: old 0.002000: at most 3 digits after the point; 0.002 is used"},
		"a point needs no digits before it": {"old .5", router{Old: 500 * time.Millisecond}, ""},
		"a point alone":                     {"old .", router{}, "1:5: old .: must be 0.001-10 seconds"},
		"negative duration":                 {"old -1", router{}, "1:5: old -1: must be 0.001-10 seconds"},
		"optional string may be empty":      {`label ""`, router{Label: ptr("")}, ""},
		"the first string counts":           {"namespace a\nnamespace b", router{Once: "a"}, "2:1: namespace: given before, the first one counts"},
		"enumeration in any case":           {"protocol Sctp", router{Type: 132}, ""},
		"enumeration, nearly":               {"protocol tpc", router{}, "1:10: protocol tpc: must be sctp, tcp or udp; did you mean tcp?"},
		"IPv4 address":                      {"peer 192.0.2.1", router{Peer: netip.MustParseAddr("192.0.2.1")}, ""},
		"IPv6 address":                      {"peer 2001:db8::1", router{Peer: netip.MustParseAddr("2001:db8::1")}, ""},
		"a prefix length has no meaning":    {"peer 192.0.2.1/24", router{Peer: netip.MustParseAddr("192.0.2.1")}, "1:6: note: peer 192.0.2.1/24: /24 is ignored here"},
		"no address":                        {"peer lb1", router{}, "1:6: peer lb1: not an IP address"},
		"no zone":                           {"peer fe80::1%eth0", router{}, "1:6: peer fe80::1%eth0: not an IP address"},
		"interface of 15 characters":        {"interface abcdefghij12345", router{Dev: "abcdefghij12345"}, ""},
		"interface of 16":                   {"interface abcdefghij123456", router{}, "1:11: interface abcdefghij123456: an interface name has 1 to 15 characters, no slash, no blank"},
		"user":                              {"user nobody", router{User: "nobody"}, ""},
		"user and group":                    {"user nobody nogroup x", router{User: "nobody", Group: "nogroup"}, "1:21: note: user: x and what follows is ignored"},
		"words of a block":                  {"names { a b\nc }", router{Words: []string{"a", "b", "c"}}, ""},
		"lines of a block":                  {"lines { a b\n\"c  d\" e }", router{Lines: []string{"a b", `"c  d" e`}}, ""},
		"a block among lines":               {"lines {\na { b }\nc\n}", router{Lines: []string{"c"}}, "2:3: lines: no block may stand inside"},
		"text before the brace":             {"names x { a }", router{Words: []string{"a"}}, "1:7: note: names: x and what follows is ignored"},
		"the brace is missing":              {"names", router{}, "1:1: names: a block in braces must follow"},
		"a brace too many":                  {"on { priority 3 }\npriority 4", router{Prio: ptr(uint8(4))}, "1:4: on: takes no block"},
		"unknown block is skipped whole":    {"chekc x { priority 3 }\npriority 4", router{Prio: ptr(uint8(4))}, "1:1: unknown keyword chekc; did you mean check?"},
		"known but not supported":           {"later { x y }\non\nlater", router{On: true}, "1:1: note: later: not supported yet"},
		"decoded without effect":            {"soon", router{On: true}, "1:1: note: soon: not supported yet"},
		"an old spelling":                   {"use_old", router{On: true}, "1:1: note: use_old: old spelling; write on"},
		"a deprecated spelling":             {"use_older", router{On: true}, "1:1: warning: use_older: old spelling; write on"},
		"options of a line":                 {"routes { default metric 5 onlink }", router{Routes: []route{{"default", 5, true}}}, ""},
		"option by another name":            {"routes { a preference 5 }", router{Routes: []route{{"a", 5, false}}}, ""},
		"option without its word":           {"routes { a metric }", router{}, "1:12: route a: metric wants 1 word more, has 0"},
		"unknown option":                    {"routes {\na onlimk\nb\n}", router{Routes: []route{{"b", 0, false}}}, "2:3: route a: unknown word onlimk; did you mean onlink?"},
		"block of keywords":                 {"check a { connect_port 80\nnb_get_retry 3 }", router{Checks: []check{{80, 3}}, Ended: 1}, ""},
		"block that begin refuses":          {"check bad { connect_port 80 }\ncheck { x }", router{}, "2:1: check: wants one argument, has 0"},
		"mistake within a block":            {"check a { connect_port 0\nretry 2 }", router{Checks: []check{{0, 2}}, Ended: 1}, "1:24: connect_port 0: must be 1-65535"},
		"open end of a range":               {"check a { retry x }", router{Checks: []check{{0, 1}}, Ended: 1}, "1:17: retry x: must be 0 or more"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, ds := kconf.ParseString("k.conf", tt.in, kconf.Options{})
			var got router
			routerWords.Decode(&kconf.Ctx{Diags: ds}, &got, f.Stmts)
			if d := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
				t.Errorf("decoded (-want +got):\n%s", d)
			}
			if got := messages(ds); got != tt.diags {
				t.Errorf("said %s\nwant %s", got, tt.diags)
			}
		})
	}
}

func TestDocsSayWhatTheCodeAccepts(t *testing.T) {
	want := `on: BOOL, true on yes or false off no
priority: UINT, 1..255
weight: INT, -253..253
umask: UINT C-prefix, 0..511
factor: UINT, 1..99, clamped
level: INT, -20..19, clamped
delay: UINT s, 0..1000
gap: DEC3 ms, 1 or more
rate: UINT us, 1..1000000
old: DEC3 s, 0.001..10 (0 raised to 1)
label: STR
namespace: STR, first one counts
protocol: ENUM, sctp, tcp or udp
peer: IP
interface: IFNAME, 1 to 15 characters
user: USER [GROUP], must exist
`
	var got strings.Builder
	for _, d := range routerWords.Docs()[:16] {
		fmt.Fprintf(&got, "%s: %s", d.Name, d.Type)
		if d.Range != "" {
			got.WriteString(", " + d.Range)
		}
		got.WriteByte('\n')
	}
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Errorf("documentation (-want +got):\n%s", d)
	}
	docs := routerWords.Docs()
	if inner := docs[len(docs)-1].Block; inner == nil || inner.Docs()[1].Aliases[0] != "nb_get_retry" {
		t.Errorf("check does not lead to its vocabulary: %v", inner)
	}
}

func TestParsePrefix(t *testing.T) {
	tests := map[string]string{ // "" means refused
		"192.0.2.7/24": "192.0.2.7/24", "192.0.2.7": "192.0.2.7/32", "2001:db8::1": "2001:db8::1/128",
		"192.0.2.7/33": "", "eth0": "", "fe80::1%eth0": "", "": "",
	}
	for in, want := range tests {
		var ds kconf.Diagnostics
		p, ok := kconf.ParsePrefix(&kconf.Ctx{Diags: &ds}, kconf.Word{Text: in}, "address")
		if ok != (want != "") || ok && p.String() != want || ok == ds.HasErrors() {
			t.Errorf("%q: %v, %v, said %s; want %q", in, p, ok, messages(&ds), want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"priority", "state", "interface", "nopreempt", "preempt", "a"}
	tests := map[string]string{
		"nopremt": "nopreempt", "prioirty": "priority", "Interface": "interface", "stat": "state", "stateful": "",
		"xyz": "", "": "", "b": "", "preemptt": "preempt", strings.Repeat("x", 100): "",
	}
	for word, want := range tests {
		if got := kconf.Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
