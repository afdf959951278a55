package hosttest

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/host"
)

// Rig is a kernel under test together with the hand of an administrator.
type Rig struct {
	Kernel  host.Kernel
	Link    string             // up, with carrier, without IPv4 address
	SetLink func(up bool)      // takes Link up or down
	Foreign func(host.Address) // adds an address without our mark
	Marks   bool               // the kernel stores who owns an address (5.18)
	Delete  func(host.Address) // deletes behind our back
}

// Contract is what every host.Kernel promises. newRig must bring a fresh host.
func Contract(t *testing.T, newRig func(t *testing.T) Rig) {
	for name, check := range map[string]func(*testing.T, Rig){
		"an address reads back as it was added, with our mark": addressReadsBack,
		"a foreign address has no mark":                        foreignHasNoMark,
		"adding twice and deleting twice succeed":              idempotent,
		"no broadcast address appears by itself":               noBroadcast,
		"IPv6 is not tentative, and a /128 is deprecated":      ipv6,
		"an address with peer, label, scope and broadcast":     allProperties,
		"lifetimes are set, and set again":                     lifetimes,
		"a link that is not there refuses":                     noLink,
		"IPv6 is told apart by address only":                   ipv6Identity,
		"a primary address takes its secondaries along":        secondaries,
		"three hundred addresses in one call":                  many,
		"routes read back":                                     routes,
		"a gateway out of reach refuses":                       unreachable,
		"a source that is not ours refuses":                    badSource,
		"deleting a route matches whatever it leaves open":     routeDeletion,
		"routes go with their link":                            routesGoWithLink,
		"rules read back":                                      rules,
		"watch tells of addresses and links in order":          watch,
		"a reconcile settles":                                  settles,
		"a link of ours is made, set up and read back":         virtualLink,
		"one parent has an address once":                       addressInUse,
		"links of ours go with their parent's carrier":         carrier,
		"sysctls read back, and go with their link":            sysctls,
		"links, sysctls and addresses settle and go":           settlesLinks,
	} {
		t.Run(name, func(t *testing.T) { check(t, newRig(t)) })
	}
}

func (r Rig) address(s string) host.Address { return host.NewAddress(r.Link, netip.MustParsePrefix(s)) }

// do applies ops that must all succeed.
func (r Rig) do(t *testing.T, ops ...host.Op) {
	t.Helper()
	for _, err := range r.Kernel.Apply(t.Context(), ops) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// lifetimes: what Set names is changed and nothing else, also for one that is
// deprecated.
func lifetimes(t *testing.T, r Rig) {
	for _, s := range []string{"192.0.2.100/24", "2001:db8::100/64", "2001:db8::200/128"} {
		a := r.address(s)
		r.do(t, host.Op{Verb: host.Add, Address: &a})
		read := func() host.Address {
			have := r.read(t).Addresses[a.Key()]
			have.Order, have.Tentative, have.Label = 0, false, ""
			return have
		}
		forever := read()
		for _, seconds := range []uint32{300, 0, 600} {
			a.ValidLft = seconds
			r.do(t, host.Op{Verb: host.Set, Address: &a})
			have := read()
			if have.ValidLft > seconds || have.ValidLft+10 < seconds { // it runs
				t.Errorf("%s: valid for %d, want %d", s, have.ValidLft, seconds)
			}
			if (have.PreferredLft == 0) != (a.PreferredLft == 0) || seconds == 0 && have.PreferredLft != a.PreferredLft {
				t.Errorf("%s: preferred for %d", s, have.PreferredLft)
			}
			have.ValidLft, have.PreferredLft = forever.ValidLft, forever.PreferredLft
			if d := cmp.Diff(forever, have, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
				t.Errorf("%s changed (-before +after):\n%s", s, d)
			}
		}
	}
}

// refuse applies an op that must fail so.
func (r Rig) refuse(t *testing.T, op host.Op, want ...error) {
	t.Helper()
	err := r.Kernel.Apply(t.Context(), []host.Op{op})[0]
	for _, w := range want {
		if errors.Is(err, w) {
			return
		}
	}
	t.Errorf("%v: got error %v, want %v", op, err, want)
}

func (r Rig) read(t *testing.T) host.State {
	t.Helper()
	s, err := r.Kernel.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func add(o any) host.Op { return op(host.Add, o) }
func del(o any) host.Op { return op(host.Del, o) }

func op(v host.Verb, o any) host.Op {
	switch o := o.(type) {
	case host.Address:
		return host.Op{Verb: v, Address: &o}
	case host.Route:
		return host.Op{Verb: v, Route: &o}
	case host.Rule:
		return host.Op{Verb: v, Rule: &o}
	case host.VirtualLink:
		return host.Op{Verb: v, Link: &o}
	case host.Sysctl:
		return host.Op{Verb: v, Sysctl: &o}
	}
	panic("op of nothing")
}

// same compares an address that was read with what it should be, apart from
// what only the kernel knows.
func (r Rig) same(t *testing.T, got, want host.Address) {
	t.Helper()
	want.Ours = want.Ours && r.Marks
	want.Order, want.Secondary = got.Order, got.Secondary
	if got.Label == got.Link {
		got.Label = ""
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("address read back (-want +got):\n%s", d)
	}
}

func (r Rig) readsBack(t *testing.T, a host.Address) {
	t.Helper()
	r.do(t, add(a))
	a.Ours = true
	r.same(t, r.read(t).Addresses[a.Key()], a)
}

func addressReadsBack(t *testing.T, r Rig) { r.readsBack(t, r.address("192.0.2.9/32")) }

func foreignHasNoMark(t *testing.T, r Rig) {
	a := r.address("192.0.2.9/24")
	r.Foreign(a)
	r.same(t, r.read(t).Addresses[a.Key()], a)
}

func idempotent(t *testing.T, r Rig) {
	a := r.address("192.0.2.9/32")
	r.do(t, add(a), add(a), del(a), del(a))
	if got, ok := r.read(t).Addresses[a.Key()]; ok {
		t.Errorf("still there after delete: %v", got)
	}
}

func noBroadcast(t *testing.T, r Rig) { r.readsBack(t, r.address("192.0.2.9/24")) }

func ipv6(t *testing.T, r Rig) {
	r.readsBack(t, r.address("2001:db8::9/128"))
	r.readsBack(t, r.address("2001:db8::8/64"))
}

func allProperties(t *testing.T, r Rig) {
	a := r.address("192.0.2.9/24")
	a.Broadcast, a.Label, a.Scope = netip.MustParseAddr("192.0.2.255"), r.Link+":v", host.ScopeLink
	r.readsBack(t, a)
	b := r.address("198.51.100.1/32")
	b.Peer = netip.MustParseAddr("198.51.100.2")
	r.readsBack(t, b)
	r.do(t, del(b))
	if _, ok := r.read(t).Addresses[b.Key()]; ok {
		t.Error("the address with a peer is still there after delete")
	}
}

func noLink(t *testing.T, r Rig) {
	a := host.NewAddress("missing0", netip.MustParsePrefix("192.0.2.9/32"))
	r.refuse(t, add(a), syscall.ENODEV)
	r.do(t, del(a))
	r.refuse(t, add(host.Route{Dst: netip.MustParsePrefix("198.51.100.0/24"), Link: "missing0"}), syscall.ENODEV)
}

func ipv6Identity(t *testing.T, r Rig) {
	r.Foreign(r.address("2001:db8::9/64"))
	r.do(t, add(r.address("2001:db8::9/128"))) // exists: a success
	k := r.address("2001:db8::9/128").Key()
	if got := r.read(t).Addresses[k].Prefix.Bits(); got != 64 {
		t.Errorf("length %d, want 64: the first one stays", got)
	}
}

func secondaries(t *testing.T, r Rig) {
	a, b := r.address("192.0.2.9/24"), r.address("192.0.2.10/24")
	r.do(t, add(a), add(b))
	if s := r.read(t); s.Addresses[a.Key()].Secondary || !s.Addresses[b.Key()].Secondary {
		t.Errorf("secondary: first %v, second %v; want only the second", s.Addresses[a.Key()].Secondary, s.Addresses[b.Key()].Secondary)
	}
	r.do(t, del(a))
	if _, ok := r.read(t).Addresses[b.Key()]; ok {
		t.Error("the secondary address outlived its primary")
	}
}

func many(t *testing.T, r Rig) {
	var ops []host.Op
	for i := range 300 {
		ops = append(ops, add(host.NewAddress(r.Link, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32))))
	}
	r.do(t, ops...)
	count := 0
	for k := range r.read(t).Addresses {
		if k.Link == r.Link && k.Prefix.Addr().Is4() {
			count++
		}
	}
	if count != 300 {
		t.Errorf("%d addresses, want 300", count)
	}
	for i := range ops {
		ops[i].Verb = host.Del
	}
	r.do(t, ops...)
}

func (r Rig) routes() []host.Route {
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	return []host.Route{
		{Dst: p("198.51.100.0/24"), Link: r.Link},
		{Dst: p("203.0.113.0/24"), Link: r.Link, Scope: host.ScopeLink, Src: a("192.0.2.9")},
		{Dst: p("0.0.0.0/0"), Via: a("192.0.2.1"), Table: 1000, Metric: 7},
		{Dst: p("10.1.0.0/16"), Hops: []host.NextHop{{Via: a("192.0.2.1")}, {Via: a("192.0.2.2"), Weight: 5}}},
		{Dst: p("10.2.0.0/16"), Type: host.Blackhole},
		{Dst: p("10.3.0.0/16"), Via: a("172.16.0.1"), Link: r.Link, OnLink: true, MTU: 1400, TOS: 0x10},
		{Dst: p("2001:db8:1::/48"), Link: r.Link},
		{Dst: p("::/0"), Via: a("2001:db8::1"), Table: 100},
		{Dst: p("2001:db8:2::/48"), Type: host.Unreachable, Metric: 5},
	}
}

func routes(t *testing.T, r Rig) {
	r.do(t, add(r.address("192.0.2.9/24")), add(r.address("2001:db8::9/64")))
	for _, want := range r.routes() {
		r.do(t, add(want), add(want)) // twice: no error
		got, ok := r.read(t).Routes[want.Key()]
		if !ok || !got.Ours {
			t.Errorf("%v: read back %v (found %v, ours %v)", want, got, ok, got.Ours)
			continue
		}
		if want.Src != got.Src || want.MTU != got.MTU || want.Scope != got.Scope || want.OnLink != got.OnLink || want.Link != "" && want.Link != got.Link {
			t.Errorf("read back %v, want %v", got, want)
		}
		r.do(t, del(got), del(got))
		if got, ok := r.read(t).Routes[want.Key()]; ok {
			t.Errorf("still there after delete: %v", got)
		}
	}
}

func unreachable(t *testing.T, r Rig) {
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	r.refuse(t, add(host.Route{Dst: p("10.0.0.0/8"), Via: a("172.16.0.1")}), syscall.ENETUNREACH)
	r.refuse(t, add(host.Route{Dst: p("2001:db8:9::/48"), Via: a("2001:db8:8::1")}), syscall.EHOSTUNREACH)
}

func badSource(t *testing.T, r Rig) {
	r.refuse(t, add(host.Route{Dst: netip.MustParsePrefix("10.0.0.0/8"), Link: r.Link, Src: netip.MustParseAddr("192.0.2.77")}), syscall.EINVAL)
}

func routeDeletion(t *testing.T, r Rig) {
	r.do(t, add(r.address("192.0.2.9/24")))
	old := host.Route{Dst: netip.MustParsePrefix("198.51.100.0/24"), Link: r.Link}
	sourced := old
	sourced.Src = netip.MustParseAddr("192.0.2.9")
	r.do(t, add(sourced), del(old))
	if got, ok := r.read(t).Routes[old.Key()]; ok {
		t.Errorf("left is %v", got)
	}
	other := sourced
	other.Src = netip.MustParseAddr("192.0.2.10")
	r.do(t, add(sourced), del(other))
	if _, ok := r.read(t).Routes[old.Key()]; !ok {
		t.Error("the deletion of a route with another source took this one")
	}
}

func routesGoWithLink(t *testing.T, r Rig) {
	route := host.Route{Dst: netip.MustParsePrefix("198.51.100.0/24"), Link: r.Link}
	a4, a6 := r.address("192.0.2.9/24"), r.address("2001:db8::9/64")
	r.do(t, add(a4), add(a6), add(route))
	r.SetLink(false)
	s := r.read(t)
	if _, ok := s.Routes[route.Key()]; ok {
		t.Error("the route outlived its link")
	}
	if _, ok := s.Addresses[a6.Key()]; ok {
		t.Error("the IPv6 address outlived its link")
	}
	if _, ok := s.Addresses[a4.Key()]; !ok {
		t.Error("the IPv4 address went with its link")
	}
	r.refuse(t, add(route), syscall.ENETDOWN)
}

func rules(t *testing.T, r Rig) {
	p := netip.MustParsePrefix
	for _, want := range []host.Rule{
		{From: p("192.0.2.0/24"), Table: 1000, Priority: 100},
		{To: p("198.51.100.0/24"), Table: 2, Priority: 101, Not: true, TOS: 0x10},
		{IIf: r.Link, Mark: 7, Priority: 102, Action: host.RuleBlackhole},
		{OIf: r.Link, Mark: 7, Mask: 0xff, Priority: 103, Action: host.RuleUnreachable},
		{IPv6: true, From: p("2001:db8::/32"), Priority: 104, Action: host.RuleProhibit},
		{IPv6: true, IPProto: 6, Sport: host.PortRange{First: 80, Last: 81}, Dport: host.PortRange{First: 5, Last: 9}, Table: 5, Priority: 105},
		{Priority: 106, Action: host.Goto, Goto: 200},
		{Priority: 107, Action: host.Nop},
	} {
		r.do(t, add(want), add(want))
		got, ok := r.read(t).Rules[want.Key()]
		if !ok || !got.Ours {
			t.Errorf("%v: read back %+v (found %v)", want, got, ok)
			continue
		}
		r.do(t, del(got), del(got))
		if got, ok := r.read(t).Rules[want.Key()]; ok {
			t.Errorf("still there after delete: %v", got)
		}
	}
}

func watch(t *testing.T, r Rig) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	changes, err := r.Kernel.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a := r.address("192.0.2.9/32")
	r.do(t, add(a))
	r.Delete(a)
	r.SetLink(false)
	want := []string{"address-added 192.0.2.9/32 dev " + r.Link, "address-removed 192.0.2.9/32 dev " + r.Link, "link-down " + r.Link}
	deadline := time.After(10 * time.Second)
	for len(want) > 0 {
		select {
		case c, ok := <-changes:
			if !ok {
				t.Fatalf("watch ended, still waiting for %q", want)
			}
			if c.String() == want[0] {
				want = want[1:]
			}
		case <-deadline:
			t.Fatalf("still waiting for %q", want)
		}
	}
	stop()
	for range changes { // closed by the watch: it has ended
	}
}

func settles(t *testing.T, r Rig) {
	d := host.NewDesired()
	for _, s := range []string{"192.0.2.9/24", "192.0.2.10/24", "192.0.2.11/32", "2001:db8::9/64", "2001:db8::10/128"} {
		d.Address(r.address(s), true)
	}
	for _, route := range r.routes() {
		d.Route(route)
	}
	d.Rule(host.Rule{From: netip.MustParsePrefix("192.0.2.0/24"), Table: 1000, Priority: 100})
	for _, want := range []int{5 + 9 + 1, 0} { // everything once, then nothing
		_, ops, err := host.Reconcile(t.Context(), r.Kernel, d)
		if err != nil {
			t.Fatal(err)
		}
		if len(ops) != want {
			t.Errorf("did %d things, want %d: %v", len(ops), want, ops)
		}
	}
	if _, _, err := host.Reconcile(t.Context(), r.Kernel, host.NewDesired()); err != nil {
		t.Fatal(err)
	}
	if s := r.read(t); r.Marks && len(s.Routes)+len(s.Rules) > 0 {
		for _, x := range s.Routes {
			if x.Ours {
				t.Errorf("left over: %v", x)
			}
		}
	}
}
