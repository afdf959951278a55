package nft_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/nftables/expr"

	"holdfast/nft"
	"holdfast/nft/nfttest"
)

func key(family nft.Family, name string) nft.Key { return nft.Key{Family: family, Name: name} }

// commands are ops as text.
func commands(ops []nft.Op) []string {
	var lines []string
	for _, op := range ops {
		lines = append(lines, op.String())
	}
	return lines
}

// ask is a wish for what f needs.
func ask(seq uint64, f nft.Filter) nft.Wish {
	return nft.Wish{Seq: seq, Tables: nft.Desired(f), Names: f.Names()}
}

// small is a filter with one address.
func small(addr string) nft.Filter {
	return nft.Filter{Table: "t", Priority: -1, Guarded: guarded(addr)}
}

// smallTable are the commands that make its table.
var smallTable = []string{
	"nft add table ip t",
	"nft 'add set ip t vips { type ipv4_addr; elements = { 10.9.0.100 }; }'",
	"nft 'add chain ip t out { type filter hook output priority filter - 1; policy accept; }'",
	"nft 'add chain ip t in { type filter hook input priority filter - 1; policy accept; }'",
	"nft add rule ip t out ip saddr @vips drop",
	"nft add rule ip t in ip daddr @vips drop",
}

// TestThePlanIsTheDifference: what was done to a table that was right, and what
// is done about it. After each a second look finds nothing.
func TestThePlanIsTheDifference(t *testing.T) {
	replaced := slices.Concat([]string{"nft delete table ip t"}, smallTable)
	set := func(name string) func(*nft.Table) *nft.Set {
		return func(t *nft.Table) *nft.Set {
			return &t.Sets[slices.IndexFunc(t.Sets, func(s nft.Set) bool { return s.Name == name })]
		}
	}
	vips := set("vips")
	for name, tt := range map[string]struct {
		spoil func(*nft.Table)
		want  []string
	}{
		"nothing": {func(*nft.Table) {}, nil},
		"an element less": {func(t *nft.Table) { clear(vips(t).Elements) },
			[]string{"nft 'add element ip t vips { 10.9.0.100 }'"}},
		"an element more": {func(t *nft.Table) { vips(t).Elements[nft.AddrKey(netip.MustParseAddr("10.9.0.1"))] = "" },
			[]string{"nft 'delete element ip t vips { 10.9.0.1 }'"}},
		"a rule less": {func(t *nft.Table) { t.Chains[0].Rules = nil },
			[]string{"nft flush chain ip t out", "nft add rule ip t out ip saddr @vips drop"}},
		"a rule more": {func(t *nft.Table) { t.Chains[1].Rules = append(t.Chains[1].Rules, t.Chains[0].Rules[0]) },
			[]string{"nft flush chain ip t in", "nft add rule ip t in ip daddr @vips drop"}},
		"another rule": {func(t *nft.Table) { t.Chains[1].Rules = t.Chains[0].Rules },
			[]string{"nft flush chain ip t in", "nft add rule ip t in ip daddr @vips drop"}},
		"an empty rule": {func(t *nft.Table) { t.Chains[1].Rules = []nft.Rule{{}} },
			[]string{"nft flush chain ip t in", "nft add rule ip t in ip daddr @vips drop"}},
		"a rule with a limit": {func(t *nft.Table) {
			t.Chains[1].Rules = []nft.Rule{{Program: append([]expr.Any{&expr.Limit{Rate: 1}}, t.Chains[1].Rules[0].Program...)}}
		}, []string{"nft flush chain ip t in", "nft add rule ip t in ip daddr @vips drop"}},
		"what the kernel adds to programs does not count": {func(t *nft.Table) {
			for _, e := range t.Chains[1].Rules[0].Program {
				if l, ok := e.(*expr.Lookup); ok {
					l.SetID = 7
				}
			}
		}, nil},
		"a set less":             {func(t *nft.Table) { t.Sets = nil }, replaced},
		"a set more":             {func(t *nft.Table) { t.Sets = append(t.Sets, nft.Set{Name: "x"}) }, replaced},
		"a set of another type":  {func(t *nft.Table) { vips(t).Key = []nft.Type{nft.IfIndex} }, replaced},
		"a map of the name":      {func(t *nft.Table) { vips(t).Value = nft.IfIndex }, replaced},
		"a constant set":         {func(t *nft.Table) { vips(t).Constant = true }, replaced},
		"a chain more":           {func(t *nft.Table) { t.Chains = append(t.Chains, nft.Chain{Name: "x"}) }, replaced},
		"a chain less":           {func(t *nft.Table) { t.Chains = t.Chains[:1] }, replaced},
		"a chain without hook":   {func(t *nft.Table) { t.Chains[0].Hook = nft.NoHook }, replaced},
		"a chain of other order": {func(t *nft.Table) { t.Chains[0].Priority = 0 }, replaced},
		"chains swapped":         {func(t *nft.Table) { slices.Reverse(t.Chains) }, nil},
		"something strange":      {func(t *nft.Table) { t.Strange = "the table is dormant" }, replaced},
	} {
		t.Run(name, func(t *testing.T) {
			var f nfttest.Fake
			if done, err := nft.Reconcile(t.Context(), &f, ask(1, small("10.9.0.100"))); err != nil || !slices.Equal(commands(done), smallTable) {
				t.Fatalf("made by %q, error %v", commands(done), err)
			}
			f.Change(key(nft.IPv4, "t"), tt.spoil)
			done, err := nft.Reconcile(t.Context(), &f, ask(1, small("10.9.0.100")))
			if got := commands(done); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("done:\n%s\nwant:\n%s\nerror %v", strings.Join(got, "\n"), strings.Join(tt.want, "\n"), err)
			}
			if again, err := nft.Reconcile(t.Context(), &f, ask(1, small("10.9.0.100"))); err != nil || len(again) > 0 {
				t.Errorf("a second look still wants %v, error %v", again, err)
			}
		})
	}
}

// TestAConstantSetThatChangedMakesTheTableAnew: the kernel refuses to touch it.
func TestAConstantSetThatChangedMakesTheTableAnew(t *testing.T) {
	f := nft.Filter{Table: "t", Guarded: guarded("2001:db8::1")}
	have := nft.Desired(f)
	for i := range have[0].Sets {
		if have[0].Sets[i].Constant {
			clear(have[0].Sets[i].Elements)
		}
	}
	ops := commands(nft.Plan(ask(1, f), have))
	want := "nft 'add set ip6 t neighbor-discovery { type icmpv6_type; flags constant; elements = { nd-neighbor-solicit, nd-neighbor-advert }; }'"
	if len(ops) == 0 || ops[0] != "nft delete table ip6 t" || !slices.Contains(ops, want) {
		t.Errorf("plan:\n%s", strings.Join(ops, "\n"))
	}
}

func TestWhoseTablesGo(t *testing.T) {
	var have []nft.Table
	for _, f := range []nft.Filter{small("10.9.0.100"), {Table: "t", Guarded: guarded("fe80::1")}} {
		have = append(have, nft.Desired(f)...)
	}
	both := []nft.Key{key(nft.IPv4, "t"), key(nft.IPv6, "t")}
	addrs := func(list ...string) (all []netip.Addr) {
		for _, a := range list {
			all = append(all, netip.MustParseAddr(a))
		}
		return all
	}
	for name, tt := range map[string]struct {
		wish nft.Wish
		want []string
	}{
		"those that nobody names stay": {nft.Wish{}, nil},
		"ours go":                      {nft.Wish{Ours: both}, []string{"nft delete table ip t", "nft delete table ip6 t"}},
		"perhaps ours, with none of our addresses":         {nft.Wish{Perhaps: both, Addresses: addrs("10.9.0.101")}, nil},
		"perhaps ours, with one of our addresses":          {nft.Wish{Perhaps: both, Addresses: addrs("10.9.0.101", "10.9.0.100")}, []string{"nft delete table ip t"}},
		"an address on a link is an address":               {nft.Wish{Perhaps: both, Addresses: addrs("fe80::1")}, []string{"nft delete table ip6 t"}},
		"a table that is wanted stays, whatever else says": {nft.Wish{Tables: have[:1], Ours: both, Perhaps: both}, []string{"nft delete table ip6 t"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := commands(nft.Plan(tt.wish, have)); !slices.Equal(got, tt.want) {
				t.Errorf("plan %q, want %q", got, tt.want)
			}
		})
	}
}

func TestKeysOfAWishAreThoseToLookAt(t *testing.T) {
	w := ask(1, small("10.9.0.100"))
	w.Ours, w.Perhaps = []nft.Key{key(nft.IPv6, "t"), key(nft.IPv4, "t")}, []nft.Key{key(nft.IPv4, "a")}
	if got := fmt.Sprint(w.Keys()); got != "[ip a ip t ip6 t]" {
		t.Errorf("keys %s", got)
	}
}

// TestReconcileTriesAgainWhenSomebodyWasFaster: three times, for the kernel
// refuses what has changed under the plan.
func TestReconcileTriesAgainWhenSomebodyWasFaster(t *testing.T) {
	for name, tt := range map[string]struct {
		errs  []error
		tries int
		err   error
	}{
		"at once":                  {nil, 1, nil},
		"at the second try":        {[]error{syscall.ENOENT}, 2, nil},
		"at the third":             {[]error{syscall.EEXIST, syscall.EBUSY}, 3, nil},
		"never":                    {[]error{syscall.ENOENT, syscall.ENOENT, syscall.ENOENT}, 3, syscall.ENOENT},
		"what will not get better": {[]error{syscall.EPERM}, 1, syscall.EPERM},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			var f nfttest.Fake
			f.Fail = func(ops []nft.Op) error {
				if len(ops) == 0 {
					return nil
				}
				if tries++; tries <= len(tt.errs) {
					return fmt.Errorf("flush: %w", tt.errs[tries-1])
				}
				return nil
			}
			done, err := nft.Reconcile(t.Context(), &f, ask(1, small("10.9.0.100")))
			if tries != tt.tries || !errors.Is(err, tt.err) || (err == nil) != (len(done) > 0) {
				t.Errorf("%d tries, error %v, done %v; want %d, %v", tries, err, done, tt.tries, tt.err)
			}
		})
	}
}

// TestAKernelWithoutTablesIsAnErrorOnlyWhereOneIsWanted.
func TestAKernelWithoutTablesIsAnErrorOnlyWhereOneIsWanted(t *testing.T) {
	f := nfttest.Fake{Fail: func([]nft.Op) error {
		return fmt.Errorf("list nftables tables: %w: %w", syscall.EOPNOTSUPP, nft.ErrNoTables)
	}}
	if _, err := nft.Reconcile(t.Context(), &f, nft.Wish{Ours: []nft.Key{key(nft.IPv4, "t")}}); err != nil {
		t.Errorf("nothing is wanted, and yet: %v", err)
	}
	_, err := nft.Reconcile(t.Context(), &f, ask(1, small("10.9.0.100")))
	want := "list nftables tables: operation not supported: this kernel has no nf_tables (load the module nf_tables, or build with CONFIG_NF_TABLES_IPV4 and _IPV6)"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
}

// TestElementsThatAreNotWhatTheyShouldBePrint: what others put into a set, or
// what the kernel says, must not end the process.
func TestElementsThatAreNotWhatTheyShouldBePrint(t *testing.T) {
	for name, tt := range map[string]struct {
		set  nft.Set
		want string
	}{
		"too short":       {nft.Set{Key: []nft.Type{nft.IPv4Addr}, Elements: map[string]string{"ab": ""}}, "{  }"},
		"half of it":      {nft.Set{Key: []nft.Type{nft.IPv6Addr, nft.IfIndex}, Elements: map[string]string{strings.Repeat("\x00", 17): ""}}, "{ :: }"},
		"an unknown type": {nft.Set{Key: []nft.Type{63}, Elements: map[string]string{"abcd": ""}}, "{  }"},
		"a short value":   {nft.Set{Key: []nft.Type{nft.IPv4Addr}, Value: nft.IfIndex, Elements: map[string]string{"\x0a\x09\x00\x01": "x"}}, "{ 10.9.0.1 }"},
		"an odd number":   {nft.Set{Key: []nft.Type{nft.ICMPv6Type}, Elements: map[string]string{"\x07": ""}}, "{ 7 }"},
		"a name":          {nft.Set{Key: []nft.Type{nft.IfName}, Elements: map[string]string{nft.NameKey("a-name-of-more-than-15"): ""}}, `{ "a-name-of-more-" }`},
		"an index":        {nft.Set{Key: []nft.Type{nft.IfIndex}, Elements: map[string]string{nft.IndexKey(260): "", nft.IndexKey(7): ""}}, "{ 7, 260 }"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.set.Name = "s"
			op := nft.Op{Verb: nft.DelElements, Table: key(nft.Family(1), "t"), Set: &tt.set}
			if got, want := op.String(), "nft 'delete element family1 t s "+tt.want+"'"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			table := nft.Table{Key: op.Table, Sets: []nft.Set{tt.set}}
			table.Print(nil)
			nft.Plan(nft.Wish{Perhaps: []nft.Key{op.Table}, Addresses: []netip.Addr{{}}}, []nft.Table{table})
		})
	}
}
