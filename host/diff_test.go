package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/host"
	"holdfast/host/hosttest"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }

// vip is an address of ours on eth0, foreign one of somebody else.
func vip(s string) host.Address {
	a := host.NewAddress("eth0", prefix(s))
	a.Ours = true
	return a
}

func foreign(s string) host.Address { return host.NewAddress("eth0", prefix(s)) }

func on(link string, a host.Address) host.Address { a.Link = link; return a }

// edited is a with something changed.
func edited(a host.Address, edit func(*host.Address)) host.Address { edit(&a); return a }

func route(dst string, edit ...func(*host.Route)) host.Route {
	r := host.Route{Dst: prefix(dst), Link: "eth0"}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func via(gw string) func(*host.Route) { return func(r *host.Route) { r.Via = addr(gw); r.Link = "" } }
func ways(gws ...string) func(*host.Route) {
	return func(r *host.Route) {
		for _, gw := range gws {
			r.Hops = append(r.Hops, host.NextHop{Via: addr(gw)})
		}
	}
}
func src(ip string) func(*host.Route)   { return func(r *host.Route) { r.Src = addr(ip) } }
func dev(name string) func(*host.Route) { return func(r *host.Route) { r.Link = name } }
func ours(r *host.Route)                { r.Ours = true }

// wish builds a Desired from addresses, routes and rules.
func wish(objects ...any) host.Desired {
	d := host.NewDesired()
	for _, o := range objects {
		switch o := o.(type) {
		case host.Address:
			d.Address(o, true)
		case host.Route:
			d.Route(o)
		case host.Rule:
			d.Rule(o)
		}
	}
	return d
}

func commands(ops []host.Op) []string {
	var out []string
	for _, op := range ops {
		out = append(out, op.String())
	}
	return out
}

func newHost() *hosttest.Fake {
	f := hosttest.New()
	f.AddLink(host.Link{Name: "eth0", Up: true, Running: true, MTU: 1500, MAC: host.MAC{2, 0, 0, 0, 0, 1}})
	f.AddLink(host.Link{Name: "eth1", Up: true, Running: true, MTU: 1500, MAC: host.MAC{2, 0, 0, 0, 0, 2}})
	return f
}

func TestPlanAddsFirstAndTouchesOnlyWhatIsOurs(t *testing.T) {
	labelled := vip("192.0.2.100/24")
	labelled.Label = "eth0:vip"
	leftovers := func(d host.Desired, a ...host.Address) host.Desired {
		for _, a := range a {
			d.Address(a, false)
		}
		return d
	}
	tests := map[string]struct {
		desired host.Desired
		actual  []any
		want    []string
	}{
		"becoming Active": {
			desired: wish(vip("192.0.2.100/32"), vip("192.0.2.101/24")),
			actual:  []any{foreign("192.0.2.2/24")},
			want: []string{"ip addr add 192.0.2.100/32 dev eth0 scope global",
				"ip addr add 192.0.2.101/24 dev eth0 scope global"},
		},
		"after a crash the leftover goes, the administrator's address stays": {
			desired: wish(),
			actual:  []any{foreign("192.0.2.2/24"), vip("192.0.2.100/24")},
			want:    []string{"ip addr del 192.0.2.100/24 dev eth0"},
		},
		"a leftover without our mark goes because it is configured": {
			desired: leftovers(wish(), vip("192.0.2.100/24")),
			actual:  []any{foreign("192.0.2.2/24"), foreign("192.0.2.100/24")},
			want:    []string{"ip addr del 192.0.2.100/24 dev eth0"},
		},
		"a wanted address that somebody else put there serves": {
			desired: wish(vip("192.0.2.100/24")),
			actual:  []any{foreign("192.0.2.100/24")},
		},
		"the same address with another length is another address in IPv4": {
			desired: wish(vip("192.0.2.100/24")),
			actual:  []any{vip("192.0.2.100/32")},
			want: []string{"ip addr add 192.0.2.100/24 dev eth0 scope global",
				"ip addr del 192.0.2.100/32 dev eth0"},
		},
		"but the same one in IPv6": {
			desired: wish(vip("2001:db8::100/64")),
			actual:  []any{foreign("2001:db8::100/128")},
		},
		"a changed label replaces the address at once": {
			desired: wish(labelled),
			actual:  []any{vip("192.0.2.100/24")},
			want: []string{"ip addr del 192.0.2.100/24 dev eth0",
				"ip addr add 192.0.2.100/24 dev eth0 scope global label eth0:vip"},
		},
		"the link's name is the label of an address without one": {
			desired: wish(vip("192.0.2.100/24")),
			actual:  []any{edited(vip("192.0.2.100/24"), func(a *host.Address) { a.Label = "eth0" })},
		},
		"a changed scope replaces the address, too": {
			desired: wish(edited(vip("192.0.2.100/24"), func(a *host.Address) { a.Scope = host.ScopeLink })),
			actual:  []any{vip("192.0.2.100/24")},
			want: []string{"ip addr del 192.0.2.100/24 dev eth0",
				"ip addr add 192.0.2.100/24 dev eth0 scope link"},
		},
		"and a changed broadcast": {
			desired: wish(vip("192.0.2.100/24")),
			actual:  []any{edited(vip("192.0.2.100/24"), func(a *host.Address) { a.Broadcast = addr("192.0.2.255") })},
			want: []string{"ip addr del 192.0.2.100/24 dev eth0",
				"ip addr add 192.0.2.100/24 dev eth0 scope global"},
		},
		"an IPv6 address that is to be deprecated is replaced": {
			desired: wish(edited(vip("2001:db8::100/64"), func(a *host.Address) { a.PreferredLft = 0 })),
			actual:  []any{vip("2001:db8::100/64")},
			want: []string{"ip addr del 2001:db8::100/64 dev eth0",
				"ip addr add 2001:db8::100/64 dev eth0 scope global nodad preferred_lft 0"},
		},
		"a lifetime that has run down is no change": {
			desired: wish(edited(vip("2001:db8::100/64"), func(a *host.Address) { a.PreferredLft = 300 })),
			actual:  []any{edited(vip("2001:db8::100/64"), func(a *host.Address) { a.PreferredLft = 0 })},
		},
		"a changed MTU of an IPv4 route": {
			desired: wish(route("198.51.100.0/24", func(r *host.Route) { r.MTU = 1400 })),
			actual:  []any{route("198.51.100.0/24", ours)},
			want: []string{"ip route del 198.51.100.0/24 dev eth0 proto 18",
				"ip route add 198.51.100.0/24 dev eth0 mtu 1400 proto 18"},
		},
		"another metric is another route": {
			desired: wish(route("198.51.100.0/24", func(r *host.Route) { r.Metric = 5 })),
			actual:  []any{route("198.51.100.0/24", ours)},
			want: []string{"ip route add 198.51.100.0/24 dev eth0 metric 5 proto 18",
				"ip route del 198.51.100.0/24 dev eth0 proto 18"},
		},
		"the two gateways of a route have no order": {
			desired: wish(route("10.0.0.0/8", ways("198.51.100.2", "198.51.100.1")), route("198.51.100.0/24")),
			actual: []any{route("198.51.100.0/24", ours),
				route("10.0.0.0/8", ours, ways("198.51.100.1", "198.51.100.2"))},
		},
		"another weight is another route": {
			desired: wish(route("10.0.0.0/8", func(r *host.Route) {
				r.Hops = []host.NextHop{{Via: addr("198.51.100.1")}, {Via: addr("198.51.100.2"), Weight: 5}}
			})),
			actual: []any{route("10.0.0.0/8", ours, ways("198.51.100.1", "198.51.100.2"))},
			want: []string{"ip route del 10.0.0.0/8 proto 18 nexthop via 198.51.100.1 dev eth0 nexthop via 198.51.100.2 dev eth0",
				"ip route add 10.0.0.0/8 proto 18 nexthop via 198.51.100.1 dev eth0 nexthop via 198.51.100.2 dev eth0 weight 5"},
		},
		"another metric of TCP is a change": {
			desired: wish(route("198.51.100.0/24", func(r *host.Route) { r.Metrics.InitCWnd = 10 })),
			actual:  []any{route("198.51.100.0/24", ours)},
			want:    []string{"ip route del 198.51.100.0/24 dev eth0 proto 18", "ip route add 198.51.100.0/24 dev eth0 initcwnd 10 proto 18"},
		},
		"a rule with all of its mask spelt out is the same": {
			desired: wish(host.Rule{Mark: 7, Table: 5, Priority: 7}),
			actual:  []any{host.Rule{Mark: 7, Mask: 0xffffffff, Action: host.ToTable, Table: 5, Priority: 7, Ours: true}},
		},
		"an address on a link that is not there waits": {
			desired: wish(on("eth9", vip("192.0.2.100/24")), vip("192.0.2.101/24")),
			want:    []string{"ip addr add 192.0.2.101/24 dev eth0 scope global"},
		},
		"addresses, then routes without a gateway, then those with one, then rules; back the other way": {
			desired: wish(host.Rule{From: prefix("192.0.2.0/24"), Table: 100, Priority: 10},
				route("0.0.0.0/0", via("198.51.100.1")), route("198.51.100.0/24"), vip("192.0.2.100/24")),
			actual: []any{vip("192.0.2.99/24"), route("203.0.113.0/24", ours), route("10.0.0.0/8", via("203.0.113.1"), ours),
				host.Rule{Table: 5, Priority: 7, Ours: true}},
			want: []string{
				"ip addr add 192.0.2.100/24 dev eth0 scope global",
				"ip route add 198.51.100.0/24 dev eth0 proto 18",
				"ip route add default via 198.51.100.1 proto 18",
				"ip rule add from 192.0.2.0/24 priority 10 table 100 protocol 18",
				"ip rule del from all priority 7 table 5 protocol 18",
				"ip route del 10.0.0.0/8 via 203.0.113.1 proto 18",
				"ip route del 203.0.113.0/24 dev eth0 proto 18",
				"ip addr del 192.0.2.99/24 dev eth0",
			},
		},
		"a changed IPv4 route follows the old one at once": {
			desired: wish(route("198.51.100.0/24", src("192.0.2.100"))),
			actual:  []any{foreign("192.0.2.100/24"), route("198.51.100.0/24", ours)},
			want: []string{"ip route del 198.51.100.0/24 dev eth0 proto 18",
				"ip route add 198.51.100.0/24 dev eth0 src 192.0.2.100 proto 18"},
		},
		"a changed IPv6 route cannot stand beside the old one": {
			desired: wish(route("2001:db8:1::/48", dev("eth1"))),
			actual:  []any{route("2001:db8:1::/48", ours)},
			want: []string{"ip -6 route del 2001:db8:1::/48 dev eth0 proto 18",
				"ip -6 route add 2001:db8:1::/48 dev eth1 proto 18"},
		},
		"somebody else's route that does the same serves, one that does not gets a neighbour": {
			desired: wish(route("198.51.100.0/24"), route("203.0.113.0/24", dev("eth1"))),
			actual:  []any{route("198.51.100.0/24"), route("203.0.113.0/24")},
			want:    []string{"ip route add 203.0.113.0/24 dev eth1 proto 18"},
		},
		"somebody else's rule serves and stays": {
			desired: wish(host.Rule{Table: 5, Priority: 7}),
			actual:  []any{host.Rule{Table: 5, Priority: 7}, host.Rule{Table: 6, Priority: 8}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k := newHost()
			k.Put(tt.actual...)
			state, _ := k.Read(t.Context())
			if d := cmp.Diff(tt.want, commands(host.Plan(tt.desired, state))); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
			if _, _, err := host.Reconcile(t.Context(), k, tt.desired); err != nil {
				t.Fatal(err)
			}
			if _, again, err := host.Reconcile(t.Context(), k, tt.desired); len(again) != 0 || err != nil {
				t.Errorf("a second pass still did %v (%v)", again, err)
			}
		})
	}
}

// What the kernel answers to a step whose outcome was there already must not
// turn a finished wish into a failure; anything else must.
func TestWhichKernelErrorsAreHarmless(t *testing.T) {
	tests := map[string]struct {
		verb host.Verb
		err  error
		want bool
	}{
		"added":                                {host.Add, nil, true},
		"there already":                        {host.Add, syscall.EEXIST, true},
		"its link is not there":                {host.Add, syscall.ENODEV, false},
		"not allowed":                          {host.Add, syscall.EPERM, false},
		"table full of something else":         {host.Add, syscall.ENOENT, false},
		"deleted":                              {host.Del, nil, true},
		"address is gone":                      {host.Del, syscall.EADDRNOTAVAIL, true},
		"route is gone":                        {host.Del, syscall.ESRCH, true},
		"rule is gone":                         {host.Del, syscall.ENOENT, true},
		"gone with its link":                   {host.Del, syscall.ENODEV, true},
		"gone with its link, as some say":      {host.Del, syscall.ENXIO, true},
		"deletion not allowed":                 {host.Del, syscall.EPERM, false},
		"a deletion that says it exists":       {host.Del, syscall.EEXIST, false},
		"with the kernel's words in front":     {host.Del, fmt.Errorf("%w (no such route)", syscall.ESRCH), true},
		"with the kernel's words, not allowed": {host.Add, fmt.Errorf("%w (no way)", syscall.EACCES), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := host.Harmless(host.Op{Verb: tt.verb, Address: new(host.Address)}, tt.err); got != tt.want {
				t.Errorf("harmless %t, want %t", got, tt.want)
			}
		})
	}
}

// A link that has the name of one of ours is in its way: somebody has to say so.
func TestALinkOrSysctlThatCannotBeHadIsNoHarm(t *testing.T) {
	for _, op := range []host.Op{{Verb: host.Add, Link: new(host.VirtualLink)}, {Verb: host.Set, Link: new(host.VirtualLink)}, {Verb: host.Set, Sysctl: new(host.Sysctl)}} {
		if host.Harmless(op, syscall.EEXIST) || host.Harmless(op, syscall.ENODEV) {
			t.Errorf("%v: an error counts as harmless", op)
		}
	}
}

func TestWaitingNamesWhatHasNoLink(t *testing.T) {
	k := newHost()
	state, _ := k.Read(t.Context())
	got := commands(host.Waiting(wish(on("eth9", vip("192.0.2.100/24")), vip("192.0.2.1/24"),
		route("198.51.100.0/24", dev("eth8"))), state))
	want := []string{"ip addr add 192.0.2.100/24 dev eth9 scope global", "ip route add 198.51.100.0/24 dev eth8 proto 18"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("waiting (-want +got):\n%s", d)
	}
}

// Deleting a primary IPv4 address takes the secondary ones of its subnet with
// it: Reconcile must notice and put back the one that is still wanted.
func TestReconcilePutsBackASecondaryThatWentWithItsPrimary(t *testing.T) {
	k := newHost()
	k.Put(vip("192.0.2.100/24"))
	_, done, err := host.Reconcile(t.Context(), k, wish(vip("192.0.2.101/24")))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ip addr add 192.0.2.101/24 dev eth0 scope global",
		"ip addr del 192.0.2.100/24 dev eth0", // and 101 disappears
		"ip addr add 192.0.2.101/24 dev eth0 scope global",
	}
	if d := cmp.Diff(want, commands(done)); d != "" {
		t.Errorf("done (-want +got):\n%s", d)
	}
}

func TestReconcileGoesOnAfterAFailureAndReportsIt(t *testing.T) {
	k := newHost()
	_, done, err := host.Reconcile(t.Context(), k,
		wish(vip("192.0.2.100/24"), route("198.51.100.0/24", via("203.0.113.1")), host.Rule{Table: 5, Priority: 7}))
	want := []string{"ip addr add 192.0.2.100/24 dev eth0 scope global", "ip rule add from all priority 7 table 5 protocol 18"}
	if d := cmp.Diff(want, commands(done)); d != "" {
		t.Errorf("done (-want +got):\n%s", d)
	}
	const text = "ip route add 198.51.100.0/24 via 203.0.113.1 proto 18: network is unreachable"
	if err == nil || err.Error() != text {
		t.Errorf("error %v, want %s", err, text)
	}
}

// Whatever was on the host and in whatever order wishes came, the last wish
// alone decides what is ours there, and nothing of others is lost.
// politeKernel says yes to routes and does nothing, as Linux does when another
// route stands in the place of a wanted one (EEXIST).
type politeKernel struct {
	*hosttest.Fake
	asked int
}

func (k *politeKernel) Apply(ctx context.Context, ops []host.Op) []error {
	var real []host.Op
	for _, op := range ops {
		if op.Route == nil {
			real = append(real, op)
		} else {
			k.asked++
		}
	}
	k.Fake.Apply(ctx, real)
	return make([]error, len(ops))
}

func TestWhatTheKernelAcceptsAndDoesNotShowIsAnError(t *testing.T) {
	k := &politeKernel{Fake: newHost()}
	_, done, err := host.Reconcile(t.Context(), k, wish(route("2001:db8::/64"), vip("192.0.2.100/24")))
	if got, want := commands(done), []string{"ip addr add 192.0.2.100/24 dev eth0 scope global"}; !slices.Equal(got, want) {
		t.Errorf("done %q, want %q", got, want)
	}
	if !errors.Is(err, host.ErrNoEffect) || !strings.HasPrefix(err.Error(), "ip -6 route add 2001:db8::/64 dev eth0 proto 18: ") {
		t.Errorf("error %v, want that the route has no effect", err)
	}
	if k.asked != 2 { // a second time because a deletion may have taken it along
		t.Errorf("asked %d times for the route, want 2", k.asked)
	}
}

func TestAnyOrderOfWishesGivesTheSameHost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := newHost()
		k.Put(foreign("192.0.2.2/24"), route("10.0.0.0/8"), host.Rule{Table: 9, Priority: 9})
		address := rapid.Custom(func(t *rapid.T) host.Address {
			bits := rapid.SampledFrom([]int{24, 32}).Draw(t, "bits")
			return on(rapid.SampledFrom([]string{"eth0", "eth1"}).Draw(t, "link"),
				vip(fmt.Sprintf("192.0.2.%d/%d", rapid.IntRange(100, 105).Draw(t, "host"), bits)))
		})
		aRoute := rapid.Custom(func(t *rapid.T) host.Route {
			return route(fmt.Sprintf("198.51.%d.0/24", rapid.IntRange(1, 3).Draw(t, "net")),
				dev(rapid.SampledFrom([]string{"eth0", "eth1"}).Draw(t, "link")))
		})
		aRule := rapid.Custom(func(t *rapid.T) host.Rule {
			return host.Rule{Table: uint32(rapid.IntRange(1, 3).Draw(t, "table")), Priority: 100}
		})
		var last host.Desired
		for range rapid.IntRange(1, 5).Draw(t, "wishes") {
			last = host.NewDesired()
			for _, a := range rapid.SliceOfN(address, 0, 6).Draw(t, "addresses") {
				last.Address(a, true)
			}
			for _, r := range rapid.SliceOfN(aRoute, 0, 3).Draw(t, "routes") {
				last.Route(r)
			}
			for _, r := range rapid.SliceOfN(aRule, 0, 3).Draw(t, "rules") {
				last.Rule(r)
			}
			if _, _, err := host.Reconcile(t.Context(), k, last); err != nil {
				t.Fatal(err)
			}
		}
		state, ops, err := host.Reconcile(t.Context(), k, last)
		if len(ops) != 0 || err != nil {
			t.Fatalf("a second pass still did %v (%v)", ops, err)
		}
		if got, want := len(state.Addresses), 1+len(last.Addresses); got != want {
			t.Errorf("%d addresses, want the administrator's and %d", got, want-1)
		}
		if got, want := len(state.Routes), 1+len(last.Routes); got != want {
			t.Errorf("%d routes, want the administrator's and %d", got, want-1)
		}
		if got, want := len(state.Rules), 1+len(last.Rules); got != want {
			t.Errorf("%d rules, want the administrator's and %d", got, want-1)
		}
	})
}

func TestARouteOfAVRFIsForItsTable(t *testing.T) {
	red := host.Link{Name: "red", Index: 9, Kind: "vrf", Table: 77}
	there := route("198.51.100.0/24", ours, func(r *host.Route) { r.Table = 77 })
	tests := map[string]struct {
		links []host.Link
		have  []host.Route
		want  []string
		waits []string
	}{
		"it is not there":           {[]host.Link{red}, nil, []string{"ip route add 198.51.100.0/24 dev eth0 table 77 proto 18"}, nil},
		"it is there":               {[]host.Link{red}, []host.Route{there}, nil, nil},
		"the VRF does not exist":    {nil, nil, nil, []string{"ip route add 198.51.100.0/24 dev eth0 vrf red proto 18"}},
		"the link of it is no VRF":  {[]host.Link{{Name: "red", Index: 9}}, nil, nil, []string{"ip route add 198.51.100.0/24 dev eth0 vrf red proto 18"}},
		"the VRF has another table": {[]host.Link{{Name: "red", Index: 9, Table: 78}}, []host.Route{there}, []string{"ip route add 198.51.100.0/24 dev eth0 table 78 proto 18", "ip route del 198.51.100.0/24 dev eth0 table 77 proto 18"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			state := host.NewState()
			state.Links["eth0"] = host.Link{Name: "eth0", Index: 2, Up: true, Running: true}
			for _, l := range tt.links {
				state.Links[l.Name] = l
			}
			for _, r := range tt.have {
				state.Routes[r.Key()] = r
			}
			desired := wish(route("198.51.100.0/24", func(r *host.Route) { r.VRF = "red" }))
			if d := cmp.Diff(tt.want, commands(host.Plan(desired, state))); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.waits, commands(host.Waiting(desired, state))); d != "" {
				t.Errorf("waiting (-want +got):\n%s", d)
			}
		})
	}
}
