package netns

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// owner is a router that is active a moment after its start.
func owner(vrid int, r Router) string {
	r.State, r.Priority = "MASTER", 255
	return strings.Replace(r.Conf(), "virtual_router_id 51", fmt.Sprintf("virtual_router_id %d", vrid), 1)
}

// ownLinkLocal holds the link-local addresses that follow from the lab's MACs.
var ownLinkLocal = netip.MustParsePrefix("fe80::ff:fe00:0/112")

// kernelState is what ip(8) shows of a host, without what the lab gave it and
// without numbers that differ between hosts.
func (h *Host) kernelState(t *testing.T) map[string][]string {
	t.Helper()
	state := map[string][]string{}
	for _, link := range h.ipJSON(t, "addr", "show") {
		for _, item := range link["addr_info"].([]any) {
			a := item.(map[string]any)
			local := netip.MustParseAddr(a["local"].(string))
			if local == h.Addr || local.IsLoopback() || ownLinkLocal.Contains(local) {
				continue
			}
			key := "addresses of " + link["ifname"].(string)
			state[key] = append(state[key], flat(a))
		}
	}
	for _, family := range []string{"-4", "-6"} {
		for _, r := range h.ipJSON(t, family, "route", "show", "table", "all") {
			if r["protocol"] != "kernel" {
				state["routes"] = append(state["routes"], flat(r))
			}
		}
		for _, r := range h.ipJSON(t, family, "rule", "show") {
			if p := r["priority"].(float64); p != 0 && p < 32766 {
				state["rules"] = append(state["rules"], flat(r))
			}
		}
	}
	return state
}

func (h *Host) ipJSON(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	var items []map[string]any
	text := h.IP(append([]string{"-j"}, args...)...)
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		t.Fatalf("ip -j %v: %v", args, err)
	}
	return items
}

// flat prints an object with its keys in order.
func flat(m map[string]any) string {
	var words []string
	for k, v := range m {
		words = append(words, fmt.Sprintf("%s=%v", k, v))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// TestAddressesRoutesAndRulesAreThoseThatKeepalivedSets runs both daemons with
// one configuration, each on its own host with a VRID of its own.
func TestAddressesRoutesAndRulesAreThoseThatKeepalivedSets(t *testing.T) {
	Require(t)
	tests := map[string]Router{
		"an address alone":               {},
		"prefix and label":               {VIPs: []string{"10.9.0.100/24 label eth0:1"}},
		"broadcast computed":             {VIPs: []string{"10.9.0.100/24 brd +", "10.8.0.100/24 brd -"}},
		"broadcast given":                {VIPs: []string{"10.9.0.100/24 brd 10.9.0.255", "10.7.0.1/16 broadcast 10.7.255.254"}},
		"scopes":                         {VIPs: []string{"10.9.0.100/24 scope link", "10.9.0.101/32 scope host", "10.9.0.102 scope global", "10.9.0.103 scope site"}},
		"on another interface":           {VIPs: []string{"10.9.0.100/24 dev eth1", "10.9.0.101/24"}},
		"everything at once":             {VIPs: []string{"10.9.0.100/24 brd 10.9.0.255 dev eth1 scope site label eth1:vip"}},
		"peer":                           {VIPs: []string{"10.9.0.100 peer 10.9.0.200/32"}},
		"no prefix route":                {VIPs: []string{"10.6.0.100/24 noprefixroute"}},
		"excluded addresses":             {Extra: "virtual_ipaddress_excluded {\n 10.9.0.150/24\n fd00:9::150/64 dev eth1\n}"},
		"three addresses in one network": {VIPs: []string{"10.9.0.100/24", "10.9.0.101/24", "10.9.0.102/24"}},
		"IPv6":                           {Version: 3, VIPs: []string{"fe80::9:100", "fd00:9::100/64", "fd00:9::101"}},
		"IPv6 with flags":                {Version: 3, VIPs: []string{"fe80::9:100/64", "fd00:9::100/64 home", "fd00:9::101/64 -nodad", "fd00:9::102/64 preferred_lft forever", "fd00:9::103/64 preferred_lft 100 noprefixroute"}},
		"static addresses":               {Before: "static_ipaddress {\n 10.5.0.1/24 dev eth1\n fd00:5::1/64 dev eth1\n}"},
		"static routes and rules":        {Before: "static_routes {\n 10.50.0.0/16 via 10.9.0.254 dev eth0\n}\nstatic_rules {\n from 10.50.0.0/16 table 50\n}"},
		"routes and rules": {Extra: `virtual_routes {
				10.60.0.0/16 via 10.9.0.254 dev eth0 metric 7
				src 10.9.0.100 to 10.61.0.0/16 via 10.9.0.254 dev eth0
				10.62.0.0/16 dev eth1 scope link table 62
				blackhole 10.63.0.0/16
				default via 10.9.0.254 dev eth0 table 64 mtu 1400
			}
			virtual_rules {
				from 10.9.0.100 lookup 62 priority 1000
				to 10.60.0.0/16 table 64 priority 1001
				from 10.61.0.0/16 iif eth1 fwmark 5 table 64 priority 1002
			}`},
	}
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			during, after := map[Kind]map[string][]string{}, map[Kind]map[string][]string{}
			for i, kind := range []Kind{Keepalived, Holdfast} {
				h := lab.Host(string(kind[:1]), 1+i)
				h.Plug("eth1", fmt.Sprintf("02:00:00:00:01:%02x", i))
				d := h.Start(kind, owner(51+i, r))
				d.WaitLog(time.Time{}, 5*time.Second, `\(VI_1\) Entering MASTER STATE`)
				seen := func() map[string][]string { return h.kernelState(t) }
				if kind == Keepalived {
					during[kind] = settled(t, seen, nil)
				} else {
					during[kind] = settled(t, seen, during[Keepalived])
				}
				d.Stop()
				after[kind] = seen()
			}
			if len(during[Keepalived]) == 0 {
				t.Fatal("keepalived set nothing: the row proves nothing")
			}
			if diff := cmp.Diff(during[Keepalived], during[Holdfast]); diff != "" {
				t.Errorf("while active (-keepalived +holdfast):\n%s", diff)
			}
			if diff := cmp.Diff(after[Keepalived], after[Holdfast]); diff != "" {
				t.Errorf("after the stop (-keepalived +holdfast):\n%s", diff)
			}
		})
	}
}

// settled reads a state until it is want, or, for want of that, has not
// changed for a quarter of a second.
func settled(t *testing.T, read func() map[string][]string, want map[string][]string) map[string][]string {
	t.Helper()
	state, since := read(), time.Now()
	Eventually(t, 5*time.Second, "the kernel's state has settled", func() bool {
		now := read()
		if !cmp.Equal(now, state) {
			state, since = now, time.Now()
		}
		return want != nil && cmp.Equal(state, want) || time.Since(since) > 250*time.Millisecond
	})
	return state
}
