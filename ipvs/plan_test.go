package ipvs_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/ipvs"
	"holdfast/ipvs/ipvstest"
)

func TestDiffReadsAsIpvsadmCommands(t *testing.T) {
	const pool = `-A -t 10.9.0.100:80 -s wrr
-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 3
-a -t 10.9.0.100:80 -r 10.9.0.12:80 -m -w 2
`
	const foreign = "-A -t 10.9.0.200:80 -s lc\n"
	tests := map[string]struct {
		desired, actual string
		want            []string
	}{
		"nothing to do": {pool, pool, nil},
		"a server fails and the sorry server comes in before the other goes out": {
			"-A -t 10.9.0.100:80 -s wrr\n-a -t 10.9.0.100:80 -r 10.9.0.99:80 -m -w 1", pool,
			[]string{"ipvsadm -a -t 10.9.0.100:80 -r 10.9.0.99:80 -m -w 1",
				"ipvsadm -d -t 10.9.0.100:80 -r 10.9.0.11:80", "ipvsadm -d -t 10.9.0.100:80 -r 10.9.0.12:80"},
		},
		"the sorry server comes in before an inhibited one gives way": {
			"-A -t 10.9.0.100:80 -s wrr\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 0\n-a -t 10.9.0.100:80 -r 10.9.0.99:80 -m -w 1", pool,
			[]string{"ipvsadm -a -t 10.9.0.100:80 -r 10.9.0.99:80 -m -w 1",
				"ipvsadm -e -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 0", "ipvsadm -d -t 10.9.0.100:80 -r 10.9.0.12:80"},
		},
		"servers are drained behind the one that takes over": {
			"-A -t 10.9.0.100:80 -s wrr\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 0\n-a -t 10.9.0.100:80 -r 10.9.0.12:80 -m -w 1\n-a -t 10.9.0.100:80 -r 10.9.0.99:80 -m -w 1", pool,
			[]string{"ipvsadm -a -t 10.9.0.100:80 -r 10.9.0.99:80 -m -w 1",
				"ipvsadm -e -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 0", "ipvsadm -e -t 10.9.0.100:80 -r 10.9.0.12:80 -m -w 1"},
		},
		"a weight is edited": {pool, strings.Replace(pool, "-w 3", "-w 0", 1),
			[]string{"ipvsadm -e -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 3"}},
		"a threshold is edited": {strings.Replace(pool, "-w 3", "-w 3 -x 50", 1), pool,
			[]string{"ipvsadm -e -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 3 -x 50"}},
		"left over from a crash: what we do not know stays, what is ours goes": {"", pool + foreign,
			[]string{"ipvsadm -D -t 10.9.0.100:80"}},
		"a stranger's service that we configure becomes ours": {"-A -t 10.9.0.200:80 -s rr\n", foreign,
			[]string{"ipvsadm -E -t 10.9.0.200:80 -s rr"}},
		"marks and families come in ipvsadm's order": {"-A -f 9 -6 -s rr\n-A -f 9 -s rr\n-A -t [fd09::1]:80 -s rr\n-A -u 10.0.0.1:53 -s rr\n", "",
			[]string{"ipvsadm -A -u 10.0.0.1:53 -s rr", "ipvsadm -A -t [fd09::1]:80 -s rr", "ipvsadm -A -f 9 -s rr", "ipvsadm -A -f 9 -6 -s rr"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ops := ipvs.Diff(parse(t, tt.desired), parse(t, tt.actual), func(k ipvs.ServiceKey) bool { return k.Addr.Addr().String() != "10.9.0.200" })
			var got []string
			for _, op := range ops {
				got = append(got, op.String())
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("plan %q,\nwant %q", got, tt.want)
			}
		})
	}
}

func TestDiffOfNobodysServicesDeletesNothing(t *testing.T) {
	if ops := ipvs.Diff(ipvs.Table{}, parse(t, ipvstest.Rules), nil); len(ops) != 0 {
		t.Errorf("wants %v", ops)
	}
}

// genTable draws tables from few addresses, so that two of them overlap.
func genTable(t *rapid.T, name string) ipvs.Table {
	tab := ipvs.Table{}
	for range rapid.IntRange(0, 4).Draw(t, name+" services") {
		k := rapid.SampledFrom([]ipvs.ServiceKey{web, web6, mark,
			ipvs.FWMarkKey(ipvs.IPv6, 7), ipvs.AddressKey(ipvs.UDP, web.Addr)}).Draw(t, "key")
		s := ipvs.Service{Key: k, Scheduler: rapid.SampledFrom(ipvs.Schedulers).Draw(t, "scheduler")}
		s.Flags = ipvs.Flags(rapid.SampledFrom([]uint32{0, 8, 0x18}).Draw(t, "flags"))
		if seconds := rapid.IntRange(0, 2).Draw(t, "persistence"); seconds > 0 {
			s.Flags |= ipvs.FlagPersistent
			s.PersistenceTimeout = time.Duration(seconds) * time.Second
		}
		tab.AddService(s)
		for range rapid.IntRange(0, 3).Draw(t, "destinations") {
			a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "host") % 4}), k.Addr.Port())
			d := ipvs.Destination{Addr: a, Method: ipvs.Tunnel, Weight: rapid.Uint32Range(0, 2).Draw(t, "weight"),
				UpperThreshold: rapid.Uint32Range(0, 1).Draw(t, "threshold")}
			if rapid.Bool().Draw(t, "gue") {
				d.Tunnel = ipvs.TunnelOptions{Type: ipvs.GUE, Port: 6080}
			}
			tab[k].Destinations[a] = d
		}
	}
	return tab
}

func TestApplyingThePlanGivesExactlyWhatIsDesired(t *testing.T) {
	everything := func(ipvs.ServiceKey) bool { return true }
	rapid.Check(t, func(rt *rapid.T) {
		actual, desired := genTable(rt, "actual"), genTable(rt, "desired")
		var f ipvstest.Fake
		for _, want := range []ipvs.Table{actual, desired} {
			if _, err := ipvs.Reconcile(t.Context(), &f, want, everything); err != nil {
				rt.Fatalf("the fake refuses the plan: %v", err)
			}
			got, _ := f.Read(t.Context())
			if got.String() != want.String() {
				rt.Fatalf("got\n%vwant\n%v", got, want)
			}
			if again := ipvs.Diff(want, got, everything); len(again) != 0 {
				rt.Fatalf("a second plan wants %v", again)
			}
		}
	})
}
