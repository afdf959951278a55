package guest

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/ipvs"
)

// The table of the test. 1,000 services of 100 servers pass as well, and take a
// minute of an emulated machine.
const manyServices, manyServers = 1000, 20

// largeTable is that table; the first server of the first service has a weight.
func largeTable(weight uint32) ipvs.Table {
	t := ipvs.Table{}
	for i := range manyServices {
		k := ipvs.AddressKey(ipvs.TCP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 8, byte(i >> 8), byte(i)}), 80))
		t.AddService(ipvs.Service{Key: k, Scheduler: "wrr"})
		for j := range manyServers {
			a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(j), byte(i)}), 80)
			t[k].Destinations[a] = ipvs.Destination{Addr: a, Weight: weight}
			weight = 1
		}
	}
	return t
}

// TestATableOfAThousandServices programs it, looks at it, changes one
// weight and takes it away. The times are for people; make bench compares.
func TestATableOfAHundredThousandServers(t *testing.T) {
	c := client(t, ipvs.Options{})
	ours := func(ipvs.ServiceKey) bool { return true }
	bring := func(what string, want ipvs.Table, commands int) {
		t.Helper()
		began := time.Now()
		have, err := c.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read := time.Since(began)
		ops := ipvs.Diff(want, have, ours)
		compared := time.Since(began) - read
		if len(ops) != commands {
			t.Errorf("%s: %d commands, want %d", what, len(ops), commands)
		}
		if err := ipvs.ApplyAll(t.Context(), c, ops); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		t.Logf("%s: read in %v, compared in %v, %d commands in %v", what, read.Round(time.Millisecond), compared.Round(time.Millisecond),
			len(ops), (time.Since(began) - read - compared).Round(time.Millisecond))
	}
	bring("from empty", largeTable(1), manyServices*(1+manyServers))
	if list := Run(t, "ipvsadm", "-Sn"); strings.Count(list, "\n") != manyServices*(1+manyServers) {
		t.Errorf("ipvsadm shows %d lines", strings.Count(list, "\n"))
	}
	bring("one weight", largeTable(7), 1)
	bring("nothing", largeTable(7), 0)
	bring("to empty", ipvs.Table{}, manyServices)
}
