package host_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"holdfast/host"
	"holdfast/kconf"
)

// stmt makes a statement of one line, words at their columns.
func stmt(text string) *kconf.Stmt {
	s := &kconf.Stmt{Raw: text}
	for i := 0; i < len(text); {
		if text[i] == ' ' {
			i++
			continue
		}
		j := i
		for j < len(text) && text[j] != ' ' {
			j++
		}
		s.Words = append(s.Words, kconf.Word{Text: text[i:j], Pos: kconf.At("k.conf", 1, i+1)})
		i = j
	}
	return s
}

func newCtx() *kconf.Ctx { return &kconf.Ctx{Diags: &kconf.Diagnostics{}} }

func messages(x *kconf.Ctx) []string {
	var out []string
	for _, d := range x.Diags.All() {
		out = append(out, strings.TrimPrefix(d.String(), "k.conf:"))
	}
	return out
}

const left = "(left out)"

// decoded is what a line means, as ip(8) would say it, or left.
type decoded struct {
	ip    string
	diags []string
}

// The repairs and refusals are those that keepalived 2.2.7 -t reports for the
// same lines; the words are ours.
func TestAddressLines(t *testing.T) {
	tests := map[string]struct {
		line string
		kind host.LineKind
		want decoded
	}{
		"bare IPv4 is a /32":                         {"192.0.2.1", host.VirtualLine, decoded{"192.0.2.1/32 dev  scope global", nil}},
		"bare IPv6 is a deprecated /128 without DAD": {"2001:db8::1 dev eth0", host.VirtualLine, decoded{"2001:db8::1/128 dev eth0 scope global nodad preferred_lft 0", nil}},
		"a longer IPv6 subnet stays preferred":       {"2001:db8::1/64 dev eth0", host.VirtualLine, decoded{"2001:db8::1/64 dev eth0 scope global nodad", nil}},
		"everything at once": {"192.0.2.1/24 brd + dev eth1 scope link label eth1:x noprefixroute no_track preferred_lft 300", host.VirtualLine,
			decoded{"192.0.2.1/24 brd 192.0.2.255 dev eth1 scope link label eth1:x noprefixroute preferred_lft 300", nil}},
		"brd - clears the host bits": {"192.0.2.77/26 dev e brd -", host.VirtualLine, decoded{"192.0.2.77/26 brd 192.0.2.64 dev e scope global", nil}},
		"brd + fills them":           {"192.0.2.77/26 dev e brd +", host.VirtualLine, decoded{"192.0.2.77/26 brd 192.0.2.127 dev e scope global", nil}},
		"a literal broadcast":        {"192.0.2.77/26 dev e broadcast 192.0.2.99", host.VirtualLine, decoded{"192.0.2.77/26 brd 192.0.2.99 dev e scope global", nil}},
		"IPv6 flags": {"2001:db8::1/64 dev e home -nodad mngtmpaddr autojoin preferred_lft forever", host.StaticLine,
			decoded{"2001:db8::1/64 dev e scope global home mngtmpaddr autojoin", nil}},
		"a peer makes the length that of one host": {"192.0.2.1/24 dev e peer 198.51.100.1", host.VirtualLine,
			decoded{"192.0.2.1 peer 198.51.100.1/32 dev e scope global", []string{"1:20: peer: the length of 192.0.2.1/24 has no meaning beside it; ignored"}}},
		"words only virtual lines know": {"192.0.2.1 dev e use_vmac", host.StaticLine,
			decoded{"192.0.2.1/32 dev e scope global", []string{"1:17: use_vmac: unknown word in address line"}}},
		"a length out of range is replaced": {"192.0.2.1/40 dev e", host.VirtualLine,
			decoded{"192.0.2.1/32 dev e scope global", []string{"1:1: 192.0.2.1/40: length must be 0-32; /32 is used"}}},
		"not an address":       {"nonsense dev e", host.VirtualLine, decoded{left, []string{"1:1: nonsense: not an IP address; the address is left out"}}},
		"an address with zone": {"fe80::1%eth0", host.VirtualLine, decoded{left, []string{"1:1: fe80::1%eth0: not an IP address; the address is left out"}}},
		"an unknown word does not cost the address": {"192.0.2.1 dev e scop link", host.VirtualLine,
			decoded{"192.0.2.1/32 dev e scope global", []string{"1:17: scop: unknown word in address line; did you mean scope?",
				"1:22: link: unknown word in address line"}}},
		"a missing value does": {"192.0.2.1 dev e label", host.VirtualLine, decoded{left, []string{"1:17: label: wants LABEL; the address is left out"}}},
		"dev twice":            {"192.0.2.1 dev e dev f", host.VirtualLine, decoded{left, []string{"1:17: dev: given twice; the address is left out"}}},
		"an unknown scope":     {"192.0.2.1 dev e scope foo", host.VirtualLine, decoded{"192.0.2.1/32 dev e scope global", []string{"1:23: scope foo: not a scope, global is used"}}},
		"scope and label on IPv6": {"2001:db8::1/64 dev e scope site label x", host.VirtualLine,
			decoded{"2001:db8::1/64 dev e scope global nodad", []string{"1:22: scope: IPv6 addresses bring their own; ignored", "1:33: label: IPv6 addresses have none; ignored"}}},
		"a label of sixteen":      {"192.0.2.1 dev e label 0123456789abcdef", host.VirtualLine, decoded{left, []string{"1:23: label 0123456789abcdef: longer than 15 characters; the address is left out"}}},
		"broadcast on IPv6":       {"2001:db8::1 dev e brd +", host.VirtualLine, decoded{left, []string{"1:19: brd: IPv6 has no broadcast; the address is left out"}}},
		"a bad broadcast":         {"192.0.2.1/24 dev e brd x", host.VirtualLine, decoded{left, []string{"1:24: brd x: not an IPv4 address, + or -; the address is left out"}}},
		"brd + on a host address": {"192.0.2.1/31 dev e brd +", host.VirtualLine, decoded{"192.0.2.1/31 dev e scope global", []string{"1:24: brd +: a /31 has no broadcast address; none is set"}}},
		"a peer with length":      {"192.0.2.1/24 dev e peer 198.51.100.1/32", host.VirtualLine, decoded{"192.0.2.1/24 dev e scope global", []string{"1:25: peer 198.51.100.1/32: wants an address of the same family without length; ignored"}}},
		"broadcast beside a peer": {"192.0.2.1/24 dev e brd + peer 198.51.100.1", host.VirtualLine, decoded{"192.0.2.1 peer 198.51.100.1/32 dev e scope global", []string{
			"1:26: peer: the length of 192.0.2.1/24 has no meaning beside it; ignored", "1:20: brd: a point-to-point address has none; ignored"}}},
		"a length beside a peer has no meaning": {"2001:db8::1/64 dev e peer 2001:db8::2", host.VirtualLine, decoded{"2001:db8::1 peer 2001:db8::2/128 dev e scope global nodad preferred_lft 0",
			[]string{"1:22: peer: the length of 2001:db8::1/64 has no meaning beside it; ignored"}}},
		"the full length beside a peer is no news": {"192.0.2.1/32 dev e peer 198.51.100.1", host.VirtualLine, decoded{"192.0.2.1 peer 198.51.100.1/32 dev e scope global", nil}},
		"a length beside a peer that is none":      {"192.0.2.1/24 dev e peer x", host.VirtualLine, decoded{"192.0.2.1/24 dev e scope global", []string{"1:25: peer x: wants an address of the same family without length; ignored"}}},
		"a length with zeros in front":             {"192.0.2.1/024 dev e", host.VirtualLine, decoded{"192.0.2.1/24 dev e scope global", nil}},
		"a slash without a length":                 {"192.0.2.1/ dev e", host.VirtualLine, decoded{"192.0.2.1/32 dev e scope global", []string{"1:1: 192.0.2.1/: length must be 0-32; /32 is used"}}},
		"a lifetime that is none":                  {"192.0.2.1 dev e preferred_lft soon", host.VirtualLine, decoded{left, []string{"1:31: preferred_lft soon: must be 0-4294967295"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newCtx()
			got := decoded{ip: left}
			if a, ok := host.DecodeAddress(x, stmt(tt.line), tt.kind); ok {
				got.ip = a.Address.String()
			}
			got.diags = messages(x)
			if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(decoded{})); d != "" {
				t.Errorf("%s (-want +got):\n%s", tt.line, d)
			}
		})
	}
}

func TestAddressLineKeepsWhatIsNoPartOfTheAddress(t *testing.T) {
	a, _ := host.DecodeAddress(newCtx(), stmt("192.0.2.1 no_track use_vmac"), host.VirtualLine)
	b, _ := host.DecodeAddress(newCtx(), stmt("192.0.2.1 track_group g"), host.StaticLine)
	if !a.NoTrack || !a.UseVMAC || b.TrackGroup != "g" || a.Pos.Col != 1 {
		t.Errorf("got %+v and %+v", a, b)
	}
}

// Lines from keepalived's sample files keep their meaning.
func TestRouteLines(t *testing.T) {
	tests := map[string]struct {
		line string
		want decoded
	}{
		"sample: source before the destination": {"src 192.168.100.1 192.168.209.0/24 via 192.168.200.254 dev eth0",
			decoded{"192.168.209.0/24 via 192.168.200.254 dev eth0 src 192.168.100.1 proto 18", nil}},
		"sample: on a device": {"192.168.212.0/24 dev eth3 scope site", decoded{"192.168.212.0/24 dev eth3 scope site proto 18", nil}},
		"sample: no device":   {"192.168.112.0/24 via 192.168.100.254", decoded{"192.168.112.0/24 via 192.168.100.254 proto 18", []string{"1:1: warning: route to 192.168.112.0/24: without dev it cannot be tracked, as if no_track stood there"}}},
		"sample: two gateways": {"192.168.113.0/24 via 192.168.100.252 or 192.168.100.253",
			decoded{"192.168.113.0/24 proto 18 nexthop via 192.168.100.252 nexthop via 192.168.100.253",
				[]string{"1:38: warning: or: old spelling; write nexthop via A nexthop via B",
					"1:1: warning: route to 192.168.113.0/24: without dev it cannot be tracked, as if no_track stood there"}}},
		"sample: blackhole": {"blackhole 192.168.113.1/32", decoded{"blackhole 192.168.113.1/32 proto 18", []string{"1:1: warning: route to 192.168.113.1/32: without dev it cannot be tracked, as if no_track stood there"}}},
		"sample: default gateway of a table": {"0.0.0.0/0 gw 192.168.0.1 table 100",
			decoded{"default via 192.168.0.1 table 100 proto 18", []string{"1:11: warning: gw: old spelling; write via",
				"1:1: warning: route to 0.0.0.0/0: without dev it cannot be tracked, as if no_track stood there"}}},
		"default is of the gateway's family": {"default via 2001:db8::1 dev e metric 5", decoded{"default via 2001:db8::1 dev e metric 5 proto 18", nil}},
		"to, family word, onlink, mtu, tos": {"to 10.0.0.0/8 via inet 192.0.2.1 dev e onlink mtu lock 1400 tos 0x10", decoded{
			"10.0.0.0/8 tos 0x10 via 192.0.2.1 dev e mtu lock 1400 proto 18 onlink", nil}},
		"nexthops": {"10.0.0.0/8 no_track nexthop via 192.0.2.1 dev e weight 1 nexthop via 192.0.2.2 dev e",
			decoded{"10.0.0.0/8 proto 18 nexthop via 192.0.2.1 dev e nexthop via 192.0.2.2 dev e", nil}},
		"nexthops of other weight": {"10.0.0.0/8 no_track nexthop via 192.0.2.1 weight 5 nexthop via 192.0.2.2",
			decoded{"10.0.0.0/8 proto 18 nexthop via 192.0.2.1 weight 5 nexthop via 192.0.2.2", nil}},
		"tuning words":               {"10.0.0.0/8 dev e advmss lock 1400 initcwnd 10", decoded{"10.0.0.0/8 dev e advmss lock 1400 initcwnd 10 proto 18", nil}},
		"a VRF":                      {"10.0.0.0/8 dev e vrf red", decoded{"10.0.0.0/8 dev e vrf red proto 18", nil}},
		"another protocol":           {"10.0.0.0/8 dev e protocol 4", decoded{"10.0.0.0/8 dev e proto 18", []string{"1:18: warning: protocol 4: 18 is used, by which we know our own again; no_track would allow another with keepalived"}}},
		"another, not tracked":       {"10.0.0.0/8 dev e protocol bgp no_track", decoded{"10.0.0.0/8 dev e proto 18", []string{"1:18: note: protocol bgp: 18 is used, by which we know our own again"}}},
		"our own protocol by name":   {"10.0.0.0/8 dev e protocol keepalived", decoded{"10.0.0.0/8 dev e proto 18", nil}},
		"a protocol nobody knows":    {"10.0.0.0/8 dev e protocol foo", decoded{left, []string{"1:27: protocol foo: neither a number nor a known name; the route is left out"}}},
		"a protocol beyond an octet": {"10.0.0.0/8 dev e protocol 256 no_track", decoded{left, []string{"1:27: protocol 256: neither a number nor a known name; the route is left out"}}},
		"a length with zeros before": {"10.0.0.0/008 dev e", decoded{"10.0.0.0/8 dev e proto 18", nil}},
		"a length that is too long":  {"10.0.0.0/33 dev e", decoded{"10.0.0.0/32 dev e proto 18", []string{"1:1: 10.0.0.0/33: length must be 0-32; /32 is used"}}},
		"a length with a sign":       {"10.0.0.0/+8 dev e", decoded{"10.0.0.0/32 dev e proto 18", []string{"1:1: 10.0.0.0/+8: length must be 0-32; /32 is used"}}},
		"a word without its value":   {"10.0.0.0/8 dev e metric", decoded{left, []string{"1:18: metric: wants NUMBER; the route is left out"}}},
		"host bits are cleared":      {"10.1.2.3/8 dev e", decoded{"10.0.0.0/8 dev e proto 18", []string{"1:1: note: 10.1.2.3/8: is 10.0.0.0/8"}}},
		"no destination":             {"via 192.0.2.1 dev e", decoded{left, []string{"1:1: route without destination; the route is left out"}}},
		"an unknown word":            {"10.0.0.0/8 via 192.0.2.1 metrik 5", decoded{left, []string{"1:26: metrik: unknown word in route line; did you mean metric?"}}},
		"an unknown table":           {"10.0.0.0/8 via 192.0.2.1 table nosuch", decoded{left, []string{"1:32: table nosuch: neither a number nor a known name; the route is left out"}}},
		"a bad number":               {"10.0.0.1 dev lo metric abc", decoded{left, []string{"1:24: metric abc: must be 0-4294967295"}}},
		"mixed families":             {"2001:db8::/32 via 10.0.0.1", decoded{left, []string{"1:1: route to 2001:db8::/32: IPv4 and IPv6 on one line; the route is left out"}}},
		"a second gateway alone":     {"10.0.0.0/8 or 192.0.2.1", decoded{left, []string{"1:12: warning: or: old spelling; write nexthop via A nexthop via B", "1:1: route to 10.0.0.0/8: a second gateway without a first; the route is left out"}}},
		"a gateway that is none":     {"10.0.0.0/8 via router", decoded{left, []string{"1:16: via router: not an IP address; the route is left out"}}},
		"a destination that is none": {"10.0.0.300/8 dev e", decoded{left, []string{"1:1: 10.0.0.300/8: not an IP address; the route is left out"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newCtx()
			got := decoded{ip: left}
			if r, ok := host.DecodeRoute(x, stmt(tt.line), host.VirtualLine); ok {
				got.ip = r.Route.String()
			}
			got.diags = messages(x)
			if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(decoded{})); d != "" {
				t.Errorf("%s (-want +got):\n%s", tt.line, d)
			}
		})
	}
}

func TestRuleLines(t *testing.T) {
	tests := map[string]struct {
		line string
		want decoded
	}{
		"with a priority": {"from 192.168.100.0/24 table 1 priority 100", decoded{"from 192.168.100.0/24 priority 100 table 1 protocol 18", nil}},
		"sample: without one": {"from 192.168.100.0/24 table 1", decoded{"from 192.168.100.0/24 priority 16384 table 1 protocol 18",
			[]string{"1:1: warning: rule without priority: 16384 is used, probably not what you want"}}},
		"sample: a typing error": {"to 192.168.100./24 table 1", decoded{left, []string{"1:4: 192.168.100./24: not an IP address; the rule is left out"}}},
		"everything at once": {"not from 192.0.2.0/24 to 198.51.100.0/24 iif e oif f fwmark 0x10/0xff tos 0x10 ipproto tcp sport 80-81 dport 5-9 lookup main order 0x10",
			decoded{"not from 192.0.2.0/24 to 198.51.100.0/24 tos 0x10 fwmark 0x10/0xff iif e oif f ipproto 6 sport 80-81 dport 5-9 priority 16 table main protocol 18", nil}},
		"type may be written or not":  {"from all type blackhole priority 5", decoded{"from all priority 5 blackhole protocol 18", nil}},
		"goto":                        {"fwmark 7 goto 200 priority 5", decoded{"from all fwmark 0x7 priority 5 goto 200 protocol 18", nil}},
		"goto backwards":              {"goto 4 priority 5", decoded{left, []string{"1:1: rule: goto wants a priority of its own below the one it goes to; the rule is left out"}}},
		"no action":                   {"from 192.0.2.0/24", decoded{left, []string{"1:1: rule: wants table, goto, nop, blackhole, unreachable or prohibit; the rule is left out"}}},
		"two actions":                 {"table 7 prohibit priority 5", decoded{left, []string{"1:1: rule: more than one of table, goto, nop, blackhole, unreachable and prohibit; the rule is left out"}}},
		"table 0":                     {"from all table 0", decoded{left, []string{"1:16: table 0 is no table; the rule is left out"}}},
		"mixed families":              {"from 10.0.0.1 to 2001:db8::1 table 5", decoded{left, []string{"1:1: rule: IPv4 and IPv6 on one line; the rule is left out"}}},
		"a single port":               {"sport 80 table 5 priority 6", decoded{"from all sport 80-80 priority 6 table 5 protocol 18", []string{"1:7: warning: sport 80: keepalived wants 80-80"}}},
		"a selector of users":         {"from all uidrange 5-6 table 5 priority 6", decoded{"from all uidrange 5-6 priority 6 table 5 protocol 18", nil}},
		"type with nothing behind it": {"table 5 priority 6 type", decoded{left, []string{"1:20: type: wants ACTION; the rule is left out"}}},
		"another protocol":            {"table 5 priority 6 protocol 4", decoded{"from all priority 6 table 5 protocol 18", []string{"1:20: warning: protocol 4: 18 is used, by which we know our own again; no_track would allow another with keepalived"}}},
		"our own protocol":            {"table 5 priority 6 protocol 18", decoded{"from all priority 6 table 5 protocol 18", nil}},
		"a protocol by name":          {"table 5 priority 6 protocol bgp", decoded{left, []string{"1:29: protocol bgp: must be 0-255"}}}, // unlike routes
		"an unknown word":             {"from all ip_proto tcp table 5", decoded{left, []string{"1:10: ip_proto: unknown word; the rule is left out"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newCtx()
			got := decoded{ip: left}
			var p host.Preferences
			if r, ok := host.DecodeRule(x, stmt(tt.line), host.VirtualLine); ok {
				p.Fill(x, &r)
				got.ip = r.Rule.String()
			}
			got.diags = messages(x)
			if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(decoded{})); d != "" {
				t.Errorf("%s (-want +got):\n%s", tt.line, d)
			}
		})
	}
}

func TestRulesWithoutPriorityCountDownInEachFamily(t *testing.T) {
	var p host.Preferences
	var got []uint32
	for _, line := range []string{"table 5", "table 6", "inet6 table 5", "table 7 priority 3", "table 8"} {
		r, _ := host.DecodeRule(newCtx(), stmt(line), host.StaticLine)
		p.Fill(newCtx(), &r)
		got = append(got, r.Priority)
	}
	if want := []uint32{16384, 16383, 16384, 3, 16382}; !slices.Equal(got, want) {
		t.Errorf("priorities %v, want %v", got, want)
	}
}

func TestNamesComeFromTheHostsFiles(t *testing.T) {
	names := host.ReadNames(fstest.MapFS{
		"usr/share/iproute2/rt_tables":         {Data: []byte("# reserved\n255\tlocal\n100 isp # old\n")},
		"etc/iproute2/rt_tables":               {Data: []byte("101 isp\nbroken\nx y\n")}, // the administrator's wins
		"etc/iproute2/rt_tables.d/office.conf": {Data: []byte("0x66 office\n")},
		"etc/iproute2/rt_dsfield":              {Data: []byte("0x10 lowdelay\n")},
	})
	for line, want := range map[string]string{
		"10.0.0.0/8 dev e table isp":                "10.0.0.0/8 dev e table 101 proto 18",
		"10.0.0.0/8 dev e table office":             "10.0.0.0/8 dev e table 102 proto 18",
		"10.0.0.0/8 dev e table local tos lowdelay": "10.0.0.0/8 tos 0x10 dev e table local proto 18",
	} {
		r, ok := names.DecodeRoute(newCtx(), stmt(line), host.VirtualLine)
		if !ok || r.Route.String() != want {
			t.Errorf("%s: got %v (%v), want %s", line, r.Route, ok, want)
		}
	}
}

// Every word of a route line with its values, and metric 7 behind them, which is
// lost when a word takes one too many or too few.
func TestEveryWordOfARouteTakesItsValues(t *testing.T) {
	tests := map[string]struct {
		words string
		want  string // between "10.0.0.0/8" and the end, "" for nothing
		diags []string
	}{
		"src":                {"src 192.0.2.1", "dev e src 192.0.2.1 metric 7", nil},
		"via":                {"via 192.0.2.1", "via 192.0.2.1 dev e metric 7", nil},
		"via inet":           {"via inet 192.0.2.1", "via 192.0.2.1 dev e metric 7", nil},
		"oif":                {"oif f", "dev f metric 7", nil},
		"scope by name":      {"scope link", "dev e scope link metric 7", nil},
		"scope by number":    {"scope 200", "dev e scope site metric 7", nil},
		"table by number":    {"table 100", "dev e table 100 metric 7", nil},
		"table main":         {"table main", "dev e metric 7", nil},
		"table default":      {"table default", "dev e table default metric 7", nil},
		"priority":           {"priority 9", "dev e metric 7", nil}, // the same as metric: the last one counts
		"preference":         {"preference 9", "dev e metric 7", nil},
		"tos":                {"tos 0x10", "tos 0x10 dev e metric 7", nil},
		"dsfield":            {"dsfield 4", "tos 0x4 dev e metric 7", nil},
		"mtu":                {"mtu 1400", "dev e metric 7 mtu 1400", nil},
		"mtu lock":           {"mtu lock 1400", "dev e metric 7 mtu lock 1400", nil},
		"inet":               {"inet", "dev e metric 7", nil},
		"prepend":            {"prepend", "dev e metric 7", nil},
		"no_track":           {"no_track", "dev e metric 7", nil},
		"onlink":             {"onlink", "dev e metric 7", nil},
		"protocol":           {"protocol 18", "dev e metric 7", nil},
		"add":                {"add", "dev e metric 7", nil},
		"append":             {"append", "dev e metric 7", nil},
		"hoplimit":           {"hoplimit 64", "dev e metric 7 hoplimit 64", nil},
		"advmss":             {"advmss 1000", "dev e metric 7 advmss 1000", nil},
		"advmss lock":        {"advmss lock 1000", "dev e metric 7 advmss lock 1000", nil},
		"rtt":                {"rtt 300ms", "dev e metric 7 rtt 2400", nil}, // eighths of a millisecond
		"rtt lock":           {"rtt lock 1.5s", "dev e metric 7 rtt lock 12000", nil},
		"rtt as it is kept":  {"rtt 8000", "dev e metric 7 rtt 8000", nil},
		"rtt too short":      {"rtt 100ms", "dev e metric 7 rtt 1600", []string{"1:22: warning: rtt 100ms: 200ms is used instead"}},
		"rttvar":             {"rttvar 1s", "dev e metric 7 rttvar 4000", nil}, // quarters
		"rttvar too long":    {"rttvar 300s", "dev e metric 7 rttvar 480000", []string{"1:25: warning: rttvar 300s: 2m0s is used instead"}},
		"reordering":         {"reordering 3", "dev e metric 7 reordering 3", nil},
		"window":             {"window 100", "dev e metric 7 window 100", nil},
		"cwnd lock":          {"cwnd lock 10", "dev e metric 7 cwnd lock 10", nil},
		"ssthresh":           {"ssthresh 10", "dev e metric 7 ssthresh 10", nil},
		"realms":             {"realms 1/2", "dev e metric 7 realms 1/2", nil},
		"one realm":          {"realms 3", "dev e metric 7 realms 3", nil},
		"rto_min":            {"rto_min 250ms", "dev e metric 7 rto_min 250ms", nil},
		"rto_min as kept":    {"rto_min 800", "dev e metric 7 rto_min 800ms", nil},
		"initcwnd":           {"initcwnd 10", "dev e metric 7 initcwnd 10", nil},
		"initrwnd":           {"initrwnd 10", "dev e metric 7 initrwnd 10", nil},
		"features":           {"features ecn", "dev e metric 7 features ecn", nil},
		"quickack":           {"quickack 1", "dev e metric 7 quickack 1", nil},
		"congctl":            {"congctl lock cubic", "dev e metric 7 congctl lock cubic", nil},
		"ttl-propagate":      {"ttl-propagate enabled", "dev e metric 7 ttl-propagate enabled", nil},
		"fastopen_no_cookie": {"fastopen_no_cookie 1", "dev e metric 7 fastopen_no_cookie 1", nil},
		"vrf":                {"vrf red", "dev e vrf red metric 7", nil},
		"encap ip":           {"encap ip id 5 dst 192.0.2.1 src 192.0.2.2 tos 3 ttl 9", "encap ip id 5 src 192.0.2.2 dst 192.0.2.1 ttl 9 tos 3 dev e metric 7", nil},
		"encap ip6":          {"encap ip6 dst 2001:db8::1 tc 3 hoplimit 9 flags 1", "encap ip6 dst 2001:db8::1 hoplimit 9 tc 3 dev e metric 7", nil},
		"encap mpls":         {"encap mpls 100/200", "encap mpls 100/200 dev e metric 7", nil},
		"encap ila":          {"encap ila 1:2:3:ff", "encap ila 1:2:3:ff dev e metric 7", nil},
		"as":                 {"as to 10.0.0.0/8", "dev e metric 7", []string{"1:18: as: not supported; ignored"}},
		"track_group":        {"track_group g", "", []string{"1:18: track_group: unknown word in route line"}}, // of static routes only
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newCtx()
			want := decoded{ip: left, diags: tt.diags}
			if tt.want != "" {
				want.ip = "10.0.0.0/8 " + tt.want + " proto 18"
				if name == "onlink" {
					want.ip += " onlink"
				}
			}
			got := decoded{ip: left}
			if r, ok := host.DecodeRoute(x, stmt("10.0.0.0/8 dev e "+tt.words+" metric 7"), host.VirtualLine); ok {
				got.ip = r.Route.String()
			}
			got.diags = messages(x)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(decoded{})); d != "" {
				t.Errorf("%s (-want +got):\n%s", tt.words, d)
			}
		})
	}
}

func TestDestinationsAndTypesOfRoutes(t *testing.T) {
	tests := map[string]struct {
		line string
		want string
	}{
		"default":                    {"default dev e", "default dev e proto 18"},
		"any":                        {"any dev e", "default dev e proto 18"},
		"all":                        {"to all dev e", "default dev e proto 18"},
		"default of a family":        {"inet6 default dev e", "default dev e proto 18"},
		"a single host":              {"192.0.2.1 dev e", "192.0.2.1/32 dev e proto 18"},
		"the type unicast":           {"unicast 192.0.2.1 dev e", "192.0.2.1/32 dev e proto 18"},
		"the type local":             {"local 192.0.2.1 dev e", "local 192.0.2.1/32 dev e proto 18"},
		"the type broadcast":         {"brd 192.0.2.255 dev e", "broadcast 192.0.2.255/32 dev e proto 18"},
		"the type anycast":           {"anycast 192.0.2.1 dev e", "anycast 192.0.2.1/32 dev e proto 18"},
		"the type multicast":         {"multicast 224.0.0.0/4 dev e", "multicast 224.0.0.0/4 dev e proto 18"},
		"the type unreachable":       {"unreachable 192.0.2.0/24", "unreachable 192.0.2.0/24 proto 18"},
		"the type prohibit":          {"prohibit 192.0.2.0/24", "prohibit 192.0.2.0/24 proto 18"},
		"the type throw":             {"throw 192.0.2.0/24", "throw 192.0.2.0/24 proto 18"},
		"the type nat":               {"nat 192.0.2.0/24", "nat 192.0.2.0/24 proto 18"},
		"the type xresolve":          {"xresolve 192.0.2.0/24", "xresolve 192.0.2.0/24 proto 18"},
		"the family of the source":   {"default src 2001:db8::1 dev e", "default dev e src 2001:db8::1 proto 18"},
		"IPv6 by source prefix":      {"2001:db8:1::/48 from 2001:db8::/32 dev e", "2001:db8:1::/48 from 2001:db8::/32 dev e proto 18"},
		"IPv6 has no scope":          {"2001:db8:1::/48 dev e scope link", "2001:db8:1::/48 dev e proto 18"},
		"IPv4 has no source prefix":  {"10.0.0.0/8 from 192.0.2.0/24 dev e", left},
		"a type twice":               {"blackhole blackhole 192.0.2.0/24", "blackhole 192.0.2.0/24 proto 18"},
		"a destination twice":        {"10.0.0.0/8 11.0.0.0/8 dev e", "11.0.0.0/8 dev e proto 18"},
		"families that do not match": {"inet6 10.0.0.0/8 dev e", left},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := left
			x := newCtx()
			if r, ok := host.DecodeRoute(x, stmt(tt.line), host.VirtualLine); ok {
				got = r.Route.String()
			}
			if got != tt.want {
				t.Errorf("%s: got %s, want %s; said %q", tt.line, got, tt.want, messages(x))
			}
		})
	}
}

func TestEveryWordOfARule(t *testing.T) {
	tests := map[string]struct {
		words string
		want  string // in front of "priority 9 table 5"; left
		diags []string
	}{
		"not":                     {"not from 192.0.2.0/24", "not from 192.0.2.0/24", nil},
		"from a host":             {"from 192.0.2.1", "from 192.0.2.1/32", nil},
		"from any":                {"from any", "from all", nil},
		"to":                      {"to 192.0.2.0/24", "from all to 192.0.2.0/24", nil},
		"to default":              {"to default", "from all", nil},
		"iif":                     {"iif eth0", "from all iif eth0", nil},
		"dev is iif":              {"dev eth0", "from all iif eth0", nil},
		"oif":                     {"oif eth0", "from all oif eth0", nil},
		"tos":                     {"tos 0x10", "from all tos 0x10", nil},
		"dsfield":                 {"dsfield 16", "from all tos 0x10", nil},
		"fwmark":                  {"fwmark 16", "from all fwmark 0x10", nil},
		"fwmark as in C":          {"fwmark 0x10", "from all fwmark 0x10", nil},
		"fwmark with mask":        {"fwmark 0x10/0xf0", "from all fwmark 0x10/0xf0", nil},
		"fwmark 0 under a mask":   {"fwmark 0/0xf0", "from all fwmark 0x0/0xf0", nil},
		"ipproto by number":       {"ipproto 132", "from all ipproto 132", nil},
		"ipproto by name":         {"ipproto udp", "from all ipproto 17", nil},
		"ipproto nobody knows":    {"ipproto foo", left, []string{"1:9: ipproto foo: neither a number nor a known name; the rule is left out"}},
		"sport":                   {"sport 1-65535", "from all sport 1-65535", nil},
		"dport":                   {"dport 80-80", "from all dport 80-80", nil},
		"ports upside down":       {"dport 81-80", left, []string{"1:7: dport 81-80: wants FIRST-LAST, from 0 to 65535; the rule is left out"}},
		"a port that is none":     {"dport http-81", left, []string{"1:7: dport http-81: wants FIRST-LAST, from 0 to 65535; the rule is left out"}},
		"a port beyond":           {"dport 1-65536", left, []string{"1:7: dport 1-65536: wants FIRST-LAST, from 0 to 65535; the rule is left out"}},
		"inet6":                   {"inet6", "from all", nil},
		"no_track":                {"no_track", "from all", nil},
		"tunnel-id":               {"tunnel-id 18446744073709551615", "from all tun_id 18446744073709551615", nil},
		"uidrange":                {"uidrange 1-2", "from all uidrange 1-2", nil},
		"uidrange upside down":    {"uidrange 2-1", left, []string{"1:10: uidrange 2-1: wants FIRST-LAST, from 0 to 4294967295; the rule is left out"}},
		"a single user":           {"uidrange 2", left, []string{"1:10: uidrange 2: wants FIRST-LAST, from 0 to 4294967295; the rule is left out"}},
		"track_group":             {"track_group g", left, []string{"1:1: track_group: unknown word; the rule is left out"}}, // of static rules only
		"an interface name of 16": {"iif 0123456789abcdef", left, []string{"1:5: iif 0123456789abcdef: an interface name has 1 to 15 characters, no slash, no blank"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newCtx()
			want := decoded{ip: left, diags: tt.diags}
			if tt.want != left {
				want.ip = tt.want + " priority 9 table 5 protocol 18"
			}
			got := decoded{ip: left}
			if r, ok := host.DecodeRule(x, stmt(tt.words+" table 5 priority 9"), host.VirtualLine); ok {
				got.ip = r.Rule.String()
			}
			got.diags = messages(x)
			if d := cmp.Diff(want, got, cmp.AllowUnexported(decoded{})); d != "" {
				t.Errorf("%s (-want +got):\n%s", tt.words, d)
			}
		})
	}
}

func TestEveryActionOfARule(t *testing.T) {
	for line, want := range map[string]string{
		"table 5":                     "from all priority 9 table 5 protocol 18",
		"lookup 300":                  "from all priority 9 table 300 protocol 18",
		"goto 10":                     "from all priority 9 goto 10 protocol 18",
		"nop":                         "from all priority 9 nop protocol 18",
		"type nop":                    "from all priority 9 nop protocol 18",
		"type goto 10":                "from all priority 9 goto 10 protocol 18",
		"blackhole":                   "from all priority 9 blackhole protocol 18",
		"unreachable":                 "from all priority 9 unreachable protocol 18",
		"type prohibit":               "from all priority 9 prohibit protocol 18",
		"goto 9":                      left, // not behind itself
		"table 0":                     left,
		"table 4294967296":            left,
		"nop nop":                     left,
		"table 5 goto 10":             left,
		"type unicast":                left,
		"no_track":                    left, // nothing to do
		"table 5 order 3":             "from all priority 3 table 5 protocol 18",
		"table 5 preference 0x10":     "from all priority 16 table 5 protocol 18",
		"table 5 priority 4294967296": left,
		"l3mdev":                      "from all priority 9 l3mdev protocol 18",
		"l3mdev table 5":              left,
		"nop l3mdev":                  left,
		"table 7 realms 1/2":          "from all priority 9 table 7 realms 1/2 protocol 18",
		"goto 10 realms 1":            left,
		"inet6 table 7 realms 1":      left,
		"table 7 realms 256":          left,
		"table 7 sup_pl 0":            "from all priority 9 table 7 suppress_prefixlength 0 protocol 18",
		"l3mdev suppress_ifgroup 3":   "from all priority 9 l3mdev suppress_ifgroup 3 protocol 18",
		"table 7 sup_group default":   "from all priority 9 table 7 suppress_ifgroup 0 protocol 18",
		"table 7 sup_group nosuch":    left,
		"blackhole sup_pl 3":          left,
		"table 7 sup_pl 2147483648":   left,
	} {
		t.Run(line, func(t *testing.T) {
			text := line
			if !strings.Contains(line, "table 5 ") || strings.Contains(line, "goto") {
				text += " priority 9"
			}
			got := left
			x := newCtx()
			if r, ok := host.DecodeRule(x, stmt(text), host.VirtualLine); ok {
				got = r.Rule.String()
			}
			if got != want {
				t.Errorf("got %s, want %s; said %q", got, want, messages(x))
			}
			if got == left && len(x.Diags.All()) == 0 {
				t.Error("left out without a word")
			}
		})
	}
}

// What keepalived 2.2.7 -t answers to such lines decides its exit status: it
// stops reading at a word that misses its value on routes and rules, with 2, and
// only drops the line of an address, with 5.
func TestClassesOfMistakesInLines(t *testing.T) {
	address := func(x *kconf.Ctx, s *kconf.Stmt) { host.DecodeAddress(x, s, host.VirtualLine) }
	route := func(x *kconf.Ctx, s *kconf.Stmt) { host.DecodeRoute(x, s, host.VirtualLine) }
	rule := func(x *kconf.Ctx, s *kconf.Stmt) { host.DecodeRule(x, s, host.VirtualLine) }
	tests := map[string]struct {
		decode func(*kconf.Ctx, *kconf.Stmt)
		line   string
		want   kconf.Class
	}{
		"an address word without its value": {address, "192.0.2.1 dev", kconf.ClassGeneral},
		"an address length out of range":    {address, "192.0.2.1/33", kconf.ClassInvalidNumber},
		"a route word without its value":    {route, "10.0.0.0/8 via", kconf.ClassMissingParameter},
		"a route's lock without its value":  {route, "10.0.0.0/8 dev e mtu lock", kconf.ClassMissingParameter},
		"a route time without its value":    {route, "10.0.0.0/8 dev e rtt", kconf.ClassMissingParameter},
		"a route number out of range":       {route, "10.0.0.0/8 dev e metric -1", kconf.ClassInvalidNumber},
		"a tracked route's protocol":        {route, "10.0.0.0/8 dev e protocol 4", kconf.ClassGeneral},
		"an untracked route's protocol":     {route, "10.0.0.0/8 dev e no_track protocol 4", kconf.ClassNone},
		"a rule word without its value":     {rule, "table 5 from", kconf.ClassMissingParameter},
		"a tracked rule's protocol":         {rule, "table 5 priority 6 protocol 4", kconf.ClassGeneral},
		"what only the kernel refuses":      {rule, "table 5 priority 6 uidrange 2-1", kconf.ClassNone},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newCtx()
			tt.decode(x, stmt(tt.line))
			if got := x.Diags.Worst(); got != tt.want {
				t.Errorf("class %d, want %d; said %q", got, tt.want, messages(x))
			}
		})
	}
}

// The lists are those of keepalived's manual, in its spelling.
func TestEveryKeepalivedOptionHasARow(t *testing.T) {
	for name, tt := range map[string]struct {
		docs []kconf.KeywordDoc
		want string
	}{
		"address": {host.AddressOptions.Docs(), "dev scope broadcast brd label peer home -nodad mngtmpaddr noprefixroute autojoin no_track preferred_lft use_vmac track_group"},
		"route": {host.RouteOptions.Docs(), "to inet inet6 src via gw from tos dsfield table protocol scope metric priority preference dev oif onlink encap expires mtu hoplimit advmss rtt rttvar " +
			"reordering window cwnd ssthresh realms rto_min initcwnd initrwnd features quickack congctl pref ttl-propagate fastopen_no_cookie add prepend append or nexthop no_track vrf track_group as"},
		"rule": {host.RuleOptions.Docs(), "inet inet6 not from to table lookup priority preference order tos dsfield fwmark realms suppress_prefixlength sup_pl suppress_ifgroup sup_group iif dev oif " +
			"tunnel-id uidrange l3mdev protocol ipproto sport dport goto nop type no_track track_group"},
	} {
		var known []string
		for _, d := range tt.docs {
			known = append(append(known, d.Name), d.Aliases...)
			if !strings.HasSuffix(d.Doc, ".") {
				t.Errorf("%s %s: doc %q is no sentence", name, d.Name, d.Doc)
			}
		}
		for _, w := range strings.Fields(tt.want) {
			if !slices.Contains(known, w) {
				t.Errorf("%s lines: no row for %s", name, w)
			}
		}
	}
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{"192.0.2.1/24 brd + dev e scope link", "default via inet6 ::1 nexthop via", "from all uidrange", "mtu lock", "nexthop nexthop via inet", "via inet", "10.0.0.0/8 encap ip id 5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := stmt(text)
		if len(s.Words) == 0 {
			return
		}
		for _, kind := range []host.LineKind{host.VirtualLine, host.StaticLine} {
			x := newCtx()
			a, okA := host.DecodeAddress(x, s, kind)
			r, okR := host.DecodeRoute(x, s, kind)
			u, okU := host.DecodeRule(x, s, kind)
			if okA && !a.Prefix.IsValid() || okR && !r.Dst.IsValid() {
				t.Errorf("accepted %q without an address", text)
			}
			if !(okA && okR && okU) && len(x.Diags.All()) == 0 {
				t.Errorf("refused %q without a word", text)
			}
			_, _, _ = a.Address.String(), u.Rule.String(), okR && r.Route.String() != ""
		}
	})
}
