package ipvs_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/ipvs"
	"holdfast/ipvs/ipvstest"
)

func parse(t *testing.T, rules string) ipvs.Table {
	t.Helper()
	tab, err := ipvs.ParseTable(rules)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestTablePrintsWhatItWasParsedFrom(t *testing.T) {
	want := strings.TrimPrefix(ipvstest.Rules, "\n") // in ipvsadm's order already
	if d := cmp.Diff(want, parse(t, ipvstest.Rules).String()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
}

func TestParseTableFillsTheStructs(t *testing.T) {
	tab := parse(t, ipvstest.Rules)
	key := ipvs.ServiceKey{Family: ipvs.IPv4, Protocol: ipvs.TCP, Addr: netip.MustParseAddrPort("10.9.0.110:443")}
	want := ipvs.Service{Key: key, Scheduler: "mh", Flags: 0x19, PersistenceTimeout: 2 * time.Minute, Netmask: 0xffffff00}
	if d := cmp.Diff(want, tab[key].Service, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); d != "" {
		t.Errorf("service (-want +got):\n%s", d)
	}
	key.Addr = netip.MustParseAddrPort("10.9.0.100:80")
	dest := netip.MustParseAddrPort("10.9.0.15:80")
	wantDest := ipvs.Destination{Addr: dest, Method: ipvs.Tunnel, Weight: 1,
		Tunnel: ipvs.TunnelOptions{Type: ipvs.GUE, Port: 6081, Flags: ipvs.TunnelRemoteChecksum}}
	if got := tab[key].Destinations[dest]; got != wantDest {
		t.Errorf("destination %+v, want %+v", got, wantDest)
	}
}

func TestParseTableRefusesByLine(t *testing.T) {
	const ok = "-A -t 10.0.0.1:80 -s rr\n"
	tests := map[string]struct{ rules, want string }{
		"no rule":               {"hello", `line 1: begins with "hello", not with -A or -a: "hello"`},
		"unknown option":        {ok + "-A -u 10.0.0.1:80 -s rr -z", `line 2: unknown option -z: "-A -u 10.0.0.1:80 -s rr -z"`},
		"service option on -a":  {ok + "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -s rr", "line 2: unknown option -s"},
		"option without value":  {"-A -t 10.0.0.1:80 -s", "line 1: ends too early"},
		"not an address":        {"-A -t example:80 -s rr", `line 1: "example:80" is not ADDRESS:PORT`},
		"weight too long":       {ok + "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 4294967296", "is no number of up to 32 bits"},
		"twice":                 {ok + ok, "line 2: service -t 10.0.0.1:80 is there twice"},
		"destination twice":     {ok + "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m", "line 3: destination 10.0.0.2:80 is there twice"},
		"no such service":       {"-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m", "service -t 10.0.0.1:80 was not added before"},
		"unknown tunnel":        {ok + "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -i --tun-type vxlan", `tunnel type "vxlan" is none of ipip, gue, gre`},
		"unknown flag":          {"-A -t 10.0.0.1:80 -s sh -b sh-prot", `unknown scheduler flag "sh-prot"`},
		"mask":                  {"-A -t 10.0.0.1:80 -s rr -p 5 -M x", `"x" is neither an IPv4 mask nor a prefix length`},
		"neither mark nor addr": {"-A -s rr", "family 0 is neither IPv4 nor IPv6"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ipvs.ParseTable(tt.rules)
			var se *ipvs.SyntaxError
			if !errors.As(err, &se) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want a *SyntaxError with %q", err, tt.want)
			}
		})
	}
}

func TestNamesAreKeepaliveds(t *testing.T) {
	tests := map[string]ipvs.ServiceKey{
		"[10.9.0.100]:tcp:80":  ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort("10.9.0.100:80")),
		"[fd09::100]:sctp:443": ipvs.AddressKey(ipvs.SCTP, netip.MustParseAddrPort("[fd09::100]:443")),
		"FWM 7":                ipvs.FWMarkKey(ipvs.IPv6, 7),
	}
	for want, k := range tests {
		if got := k.Name(); got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
	if got := ipvs.ServerName(0, netip.MustParseAddrPort("10.9.0.11:0")); got != "[10.9.0.11]:none:0" {
		t.Errorf("server of a mark %q", got)
	}
}

func FuzzParseTable(f *testing.F) {
	for line := range strings.Lines(ipvstest.Rules) {
		f.Add(line)
	}
	f.Add(ipvstest.Rules)
	f.Fuzz(func(t *testing.T, rules string) {
		tab, err := ipvs.ParseTable(rules)
		if err != nil {
			return
		}
		again, err := ipvs.ParseTable(tab.String())
		if err != nil {
			t.Fatalf("own text refused: %v", err)
		}
		if d := cmp.Diff(tab.String(), again.String()); d != "" {
			t.Errorf("round trip (-want +got):\n%s", d)
		}
	})
}
