package nfttest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/nft"
)

// Rig is a kernel under test, empty, with one macvlan in it.
type Rig struct {
	Kernel nft.Kernel
	// Lo, Base and Macvlan are indexes of interfaces that exist.
	Lo, Base, Macvlan int
}

// Contract is what every nft.Kernel promises. newRig must bring a fresh one.
func Contract(t *testing.T, newRig func(t *testing.T) Rig) {
	for name, check := range map[string]func(*testing.T, Rig){
		"everything reads back as it was asked for":        readsBack,
		"a table of the same name is one of each family":   families,
		"only what is named is read":                       named,
		"single elements come and go":                      elements,
		"an entry of a map gets another value":             mapValue,
		"a chain with another rule is written anew":        otherRule,
		"another priority makes the table anew":            otherPriority,
		"a transaction that fails changes nothing":         allOrNothing,
		"what is not there cannot be changed":              refusals,
		"a thousand addresses":                             thousand,
		"marks of addresses with and without ports":        marks,
		"watch names the table":                            watch,
		"tables that nobody wants are removed, others not": removal,
	} {
		t.Run(name, func(t *testing.T) { check(t, newRig(t)) })
	}
}

// filter asks for everything there is.
func (r Rig) filter() nft.Filter {
	g := func(addr, link string, index int, byName bool) nft.Guarded {
		return nft.Guarded{Addr: netip.MustParseAddr(addr), Link: link, Index: index, ByName: byName, Active: true}
	}
	return nft.Filter{Table: "keepalived", Priority: -1, Counters: true,
		Guarded: []nft.Guarded{g("192.0.2.100", "base0", r.Base, false), g("192.0.2.101", "base0", r.Base, false),
			g("2001:db8::100", "base0", r.Base, false), g("fe80::100", "base0", r.Base, false), g("fe80::101", "base0", r.Base, true)},
		VMACs: []nft.VMAC{{Name: "vrrp.51", Index: r.Macvlan, Base: "base0", BaseIndex: r.Base},
			{Name: "vrrp.51", Index: r.Macvlan, Base: "base0", BaseIndex: r.Base, IPv6: true}}}
}

func wish(f nft.Filter) nft.Wish { return nft.Wish{Tables: nft.Desired(f), Names: f.Names()} }

// settle carries a wish out and looks whether that was all. It returns the
// commands.
func (r Rig) settle(t *testing.T, w nft.Wish) []string {
	t.Helper()
	done, err := nft.Reconcile(t.Context(), r.Kernel, w)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, op := range done {
		lines = append(lines, op.String())
	}
	again, err := nft.Reconcile(t.Context(), r.Kernel, w)
	if err != nil || len(again) > 0 {
		t.Fatalf("a second pass still wants %v, error %v", again, err)
	}
	return lines
}

func (r Rig) read(t *testing.T, keys ...nft.Key) []nft.Table {
	t.Helper()
	tables, err := r.Kernel.Read(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("done:\n%s\nwant:\n%s", g, w)
	}
}

var ip, ip6 = nft.Key{Family: nft.IPv4, Name: "keepalived"}, nft.Key{Family: nft.IPv6, Name: "keepalived"}

func readsBack(t *testing.T, r Rig) {
	if n := len(r.settle(t, wish(r.filter()))); n != 31 {
		t.Errorf("%d operations, want 31", n) // ip: 1 table, 2 sets, 2 chains, 3 rules; ip6: 1, 6, 4, 5 + 3 + 2 + 2
	}
	tables := r.read(t, ip, ip6)
	if len(tables) != 2 || len(tables[0].Sets) != 2 || len(tables[1].Sets) != 6 || tables[0].Strange+tables[1].Strange != "" {
		t.Fatalf("read %+v", tables)
	}
	for i, want := range nft.Desired(r.filter()) {
		for j := range want.Sets { // in the order of their making
			if got := tables[i].Sets[j].Name; got != want.Sets[j].Name {
				t.Errorf("set %d of %v is %s, want %s", j, want.Key, got, want.Sets[j].Name)
			}
		}
	}
}

func families(t *testing.T, r Rig) {
	f := r.filter()
	f.VMACs, f.Guarded = nil, f.Guarded[:1]
	r.settle(t, wish(f))
	if got := r.read(t, ip, ip6); len(got) != 1 || got[0].Key != ip {
		t.Errorf("read %+v, want the table of IPv4 alone", got)
	}
}

func named(t *testing.T, r Rig) {
	r.settle(t, wish(r.filter()))
	if got := r.read(t, nft.Key{Family: nft.IPv4, Name: "other"}); len(got) != 0 {
		t.Errorf("read %+v", got)
	}
	if got := r.read(t); len(got) != 0 {
		t.Errorf("read %+v", got)
	}
}

func elements(t *testing.T, r Rig) {
	f := r.filter()
	r.settle(t, wish(f))
	f.Guarded[0].Active, f.Guarded[4].Active = false, false
	expect(t, r.settle(t, wish(f)), "nft 'delete element ip keepalived vips { 192.0.2.100 }'",
		`nft 'delete element ip6 keepalived vips_link_local_name { fe80::101 . "base0" }'`)
	f.Guarded[0].Active, f.Guarded[3].Active = true, false
	expect(t, r.settle(t, wish(f)), "nft 'add element ip keepalived vips { 192.0.2.100 }'",
		`nft 'delete element ip6 keepalived vips_link_local { fe80::100 . "base0" }'`)
}

func mapValue(t *testing.T, r Rig) {
	f := r.filter()
	f.Guarded, f.VMACs = nil, f.VMACs[:1]
	r.settle(t, wish(f))
	f.VMACs = []nft.VMAC{{Name: "vrrp.51", Index: r.Macvlan, Base: "lo", BaseIndex: r.Lo}}
	got := r.settle(t, wish(f))
	// the value in a deletion is of no meaning to the kernel, only the key is
	expect(t, got, fmt.Sprintf(`nft 'delete element ip keepalived vmac_map { "vrrp.51" : %d }'`, r.Base), `nft 'add element ip keepalived vmac_map { "vrrp.51" : "lo" }'`)
}

func marks(t *testing.T, r Rig) {
	m := nft.Marks{Table: "keepalived", Priority: -1}
	for i, at := range []string{"192.0.2.100:80", "192.0.2.101:443", "192.0.2.102:0", "[2001:db8::100]:80", "[2001:db8::101]:0"} {
		a := netip.MustParseAddrPort(at)
		m.Of = append(m.Of, nft.Marked{Addr: a.Addr(), Port: a.Port(), Protocol: 6, Mark: 1000}, nft.Marked{Addr: a.Addr(), Port: a.Port(), Protocol: 17, Mark: 1001 + uint32(i)})
	}
	as := func(m nft.Marks) nft.Wish { return nft.Wish{Tables: nft.DesiredMarks(m)} }
	if n := len(r.settle(t, as(m))); n != 2*(1+4+1+4) {
		t.Errorf("%d operations, want a table, four maps, a chain and four rules for each family", n)
	}
	m.Of[0].Mark = 2000
	expect(t, r.settle(t, as(m)), "nft 'delete element ip keepalived tcp_map { 192.0.2.100 . 80 : 0x000003e8 }'",
		"nft 'add element ip keepalived tcp_map { 192.0.2.100 . 80 : 0x000007d0 }'")
}

func otherRule(t *testing.T, r Rig) {
	f := r.filter()
	f.Guarded, f.VMACs = f.Guarded[:1], nil
	r.settle(t, wish(f))
	f.Counters = false
	expect(t, r.settle(t, wish(f)),
		"nft flush chain ip keepalived out", "nft add rule ip keepalived out ip saddr @vips drop",
		"nft flush chain ip keepalived in", "nft add rule ip keepalived in ip daddr @vips drop")
}

func otherPriority(t *testing.T, r Rig) {
	f := r.filter()
	f.Guarded, f.VMACs = f.Guarded[:1], nil
	r.settle(t, wish(f))
	f.Priority = -145
	expect(t, r.settle(t, wish(f)), "nft delete table ip keepalived", "nft add table ip keepalived",
		"nft 'add set ip keepalived vips { type ipv4_addr; elements = { 192.0.2.100 }; }'",
		"nft 'add chain ip keepalived out { type filter hook output priority mangle + 5; policy accept; }'",
		"nft 'add chain ip keepalived in { type filter hook input priority mangle + 5; policy accept; }'",
		"nft add rule ip keepalived out ip saddr @vips counter drop",
		"nft add rule ip keepalived in ip daddr @vips counter drop")
}

func allOrNothing(t *testing.T, r Rig) {
	f := r.filter()
	w := wish(f)
	r.settle(t, w)
	ops := []nft.Op{{Verb: nft.DelTable, Table: ip}, {Verb: nft.DelTable, Table: nft.Key{Family: nft.IPv4, Name: "missing"}}}
	err := r.Kernel.Apply(t.Context(), ops)
	if !errors.Is(err, syscall.ENOENT) || err.Error() != "nft delete table ip missing: no such file or directory" {
		t.Errorf("deleting a table that is not there: %v, want %v of that command", err, syscall.ENOENT)
	}
	if again := r.settle(t, w); len(again) > 0 {
		t.Errorf("had to be repaired: %v", again)
	}
}

func refusals(t *testing.T, r Rig) {
	f := r.filter()
	f.Guarded, f.VMACs = f.Guarded[:1], nil
	table := nft.Desired(f)[0]
	r.settle(t, wish(f))
	none := nft.Set{Name: "none", Key: []nft.Type{nft.IPv4Addr}, Elements: table.Sets[0].Elements}
	absent := table.Sets[0]
	absent.Elements = map[string]string{nft.AddrKey(netip.MustParseAddr("192.0.2.9")): ""}
	ghost := nft.Chain{Name: "ghost"}
	linked := nft.Desired(r.filter())[1].Chains[0].Rules[3] // goes on in another chain
	for name, op := range map[string]nft.Op{
		"an element of a set that is not there":   {Verb: nft.AddElements, Table: ip, Set: &none},
		"an element that is not there":            {Verb: nft.DelElements, Table: ip, Set: &absent},
		"a chain that is not there":               {Verb: nft.FlushChain, Table: ip, Chain: &ghost},
		"a rule in a chain that is not there":     {Verb: nft.AddRule, Table: ip, Chain: &ghost, Rule: &table.Chains[0].Rules[0]},
		"a rule that goes on where nothing is":    {Verb: nft.AddRule, Table: ip, Chain: &table.Chains[0], Rule: &linked},
		"a set in a table that is not there":      {Verb: nft.AddSet, Table: ip6, Set: &none},
		"a table that is not there, to delete it": {Verb: nft.DelTable, Table: ip6},
	} {
		if err := r.Kernel.Apply(t.Context(), []nft.Op{op}); !errors.Is(err, syscall.ENOENT) {
			t.Errorf("%s: %v, want %v", name, err, syscall.ENOENT)
		}
	}
	// what is there already may be added again
	add := nft.Op{Verb: nft.AddElements, Table: ip, Set: &table.Sets[0]}
	if err := r.Kernel.Apply(t.Context(), []nft.Op{add, add, {Verb: nft.AddTable, Table: ip}, {Verb: nft.AddChain, Table: ip, Chain: &table.Chains[0]}}); err != nil {
		t.Errorf("adding again: %v", err)
	}
	if again := r.settle(t, wish(f)); len(again) > 0 {
		t.Errorf("had to be repaired: %v", again)
	}
}

func thousand(t *testing.T, r Rig) {
	f := r.filter()
	f.Guarded, f.VMACs = nil, nil
	for i := range 1100 {
		f.Guarded = append(f.Guarded, nft.Guarded{Addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), Active: true})
	}
	r.settle(t, wish(f))
	if n := len(r.read(t, ip)[0].Sets[0].Elements); n != 1100 {
		t.Errorf("%d elements, want 1100", n)
	}
	for i := range f.Guarded {
		f.Guarded[i].Active = i%2 == 0
	}
	if n := len(r.settle(t, wish(f))); n != 1 {
		t.Errorf("%d operations, want 1", n)
	}
}

func watch(t *testing.T, r Rig) {
	ctx, stop := context.WithCancel(t.Context())
	changes, err := r.Kernel.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f := r.filter()
	r.settle(t, wish(f))
	seen := map[nft.Key]bool{}
	limit := time.After(10 * time.Second)
	for !seen[ip] || !seen[ip6] {
		select {
		case c := <-changes:
			seen[c.Table] = true
		case <-limit:
			t.Fatalf("heard of %v only", seen)
		}
	}
	stop()
	for range changes { // closed
	}
}

func removal(t *testing.T, r Rig) {
	f := r.filter()
	r.settle(t, wish(f))
	stranger := nft.Wish{Perhaps: []nft.Key{ip, ip6}, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")}}
	expect(t, r.settle(t, stranger))
	mine := nft.Wish{Perhaps: []nft.Key{ip, ip6}, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.101")}}
	expect(t, r.settle(t, mine), "nft delete table ip keepalived")
	expect(t, r.settle(t, nft.Wish{Ours: []nft.Key{ip, ip6}}), "nft delete table ip6 keepalived")
	if got := r.read(t, ip, ip6); len(got) > 0 {
		t.Errorf("left over: %+v", got)
	}
}
