package host

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// One message after the other, as a subscription would bring them.
func TestMessagesBecomeChanges(t *testing.T) {
	down := linkBody()
	down[8] = 0 // ifi_flags: neither up nor running
	bridge := linkBody()
	bridge[0] = unix.AF_BRIDGE
	kernel := encodeRoute(Route{Dst: netip.MustParsePrefix("192.0.2.0/24")}, false, 2)
	kernel[5] = unix.RTPROT_KERNEL
	address := encodeAddress(NewAddress("", netip.MustParsePrefix("192.0.2.100/24")), 2)
	elsewhere := encodeAddress(NewAddress("", netip.MustParsePrefix("192.0.2.101/24")), 77)
	route := encodeRoute(Route{Dst: netip.MustParsePrefix("10.0.0.0/8")}, false, 2)
	rule := encodeRule(Rule{Table: 5, Priority: 7})

	w := &netlinkWatch{}
	for _, step := range []struct {
		name string
		typ  uint16
		body []byte
		want []string
	}{
		{"a new link that runs", unix.RTM_NEWLINK, linkBody(), []string{"link-added eth0", "link-up eth0"}},
		{"the same again is no news", unix.RTM_NEWLINK, linkBody(), nil},
		{"a bridge about its port", unix.RTM_DELLINK, bridge, nil},
		{"an address on it", unix.RTM_NEWADDR, address, []string{"address-added 192.0.2.100/24 dev eth0"}},
		{"an address on a link nobody has seen", unix.RTM_NEWADDR, elsewhere, []string{"address-added 192.0.2.101/24 dev "}},
		{"a route", unix.RTM_NEWROUTE, route, []string{"route-added 10.0.0.0/8 dev eth0 proto 18"}},
		{"the kernel's own route", unix.RTM_NEWROUTE, kernel, nil},
		{"a rule", unix.RTM_NEWRULE, rule, []string{"rule-added from all priority 7 table 5 protocol 18"}},
		{"the rule goes", unix.RTM_DELRULE, rule, []string{"rule-removed from all priority 7 table 5 protocol 18"}},
		{"the route goes", unix.RTM_DELROUTE, route, []string{"route-removed 10.0.0.0/8 dev eth0 proto 18"}},
		{"the address goes", unix.RTM_DELADDR, address, []string{"address-removed 192.0.2.100/24 dev eth0"}},
		{"the link goes down", unix.RTM_NEWLINK, down, []string{"link-down eth0"}},
		{"the link goes", unix.RTM_DELLINK, down, []string{"link-deleted eth0"}},
		{"it is gone already", unix.RTM_DELLINK, down, nil},
		{"an address cut short", unix.RTM_NEWADDR, address[:6], nil},
		{"a route cut short", unix.RTM_NEWROUTE, route[:5], nil},
		{"a rule cut short", unix.RTM_NEWRULE, rule[:9], nil},
		{"a link cut short", unix.RTM_NEWLINK, linkBody()[:18], nil},
		{"nothing at all", unix.RTM_NEWLINK, nil, nil},
		{"a kind that was not asked for", unix.RTM_NEWNEIGH, address, nil},
	} {
		t.Run(step.name, func(t *testing.T) {
			var got []string
			for _, c := range w.changes(step.typ, step.body) {
				got = append(got, c.String())
			}
			if !slices.Equal(got, step.want) {
				t.Errorf("changes %q, want %q", got, step.want)
			}
		})
	}
}

func TestChangesPrintInOneLine(t *testing.T) {
	for want, c := range map[string]Change{
		"link-renamed old to eth0": {Kind: LinkRenamed, Old: "old", Link: Link{Name: "eth0"}},
		"link-changed eth0":        {Kind: LinkChanged, Link: Link{Name: "eth0"}},
		"resync":                   {Kind: Resync},
		"change-0":                 {},
		"change-99":                {Kind: 99},
		"address-removed ::1/128 dev lo": {Kind: AddressRemoved,
			Address: Address{Link: "lo", Prefix: netip.MustParsePrefix("::1/128")}},
	} {
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
