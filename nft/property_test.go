package nft_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"holdfast/nft"
	"holdfast/nft/nfttest"
)

// anyFilter draws addresses of both families, on two links, and VMACs.
func anyFilter() *rapid.Generator[nft.Filter] {
	addrs := []string{"10.9.0.100", "10.9.0.101", "2001:db8::1", "2001:db8::2", "fe80::1", "fe80::2"}
	return rapid.Custom(func(t *rapid.T) nft.Filter {
		f := nft.Filter{Table: "t", Priority: int32(rapid.IntRange(-1, 1).Draw(t, "priority")), Counters: rapid.Bool().Draw(t, "counters")}
		for _, a := range rapid.SliceOfDistinct(rapid.SampledFrom(addrs), rapid.ID).Draw(t, "guarded") {
			f.Guarded = append(f.Guarded, nft.Guarded{Addr: netip.MustParseAddr(a), Link: "eth0", Index: rapid.IntRange(0, 4).Draw(t, "index"),
				ByName: rapid.Bool().Draw(t, "by name"), Active: rapid.Bool().Draw(t, "active")})
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "VMACs") {
			f.VMACs = append(f.VMACs, nft.VMAC{Name: "v", Index: 7 + i, Base: "eth0", BaseIndex: rapid.IntRange(3, 4).Draw(t, "base"), IPv6: rapid.Bool().Draw(t, "IPv6")})
		}
		return f
	})
}

// TestAnyWayLeadsToTheSameTables: whatever was wanted before, the tables end as
// if they had been made anew, and a second look finds nothing.
func TestAnyWayLeadsToTheSameTables(t *testing.T) {
	ours := []nft.Key{key(nft.IPv4, "t"), key(nft.IPv6, "t")}
	rapid.Check(t, func(t *rapid.T) {
		var k nfttest.Fake
		for _, f := range rapid.SliceOfN(anyFilter(), 1, 5).Draw(t, "filters") {
			w := nft.Wish{Tables: nft.Desired(f), Ours: ours}
			if _, err := nft.Reconcile(context.Background(), &k, w); err != nil {
				t.Fatal(err)
			}
			if again, err := nft.Reconcile(context.Background(), &k, w); err != nil || len(again) > 0 {
				t.Fatalf("a second look still wants %v, error %v", again, err)
			}
			have, _ := k.Read(context.Background(), ours)
			if !slices.EqualFunc(have, w.Tables, func(a, b nft.Table) bool { return a.Key == b.Key }) {
				t.Fatalf("tables %v, want %v", have, w.Tables)
			}
		}
	})
}
