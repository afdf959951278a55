package host_test

import (
	"testing"

	"holdfast/host"
	"holdfast/kconf"
)

// TestRulesOfLines has a line that breaks each rule and one that just does not,
// with what is left of the first; all were shown to keepalived 2.2.7 -t.
func TestRulesOfLines(t *testing.T) {
	const none, general, number, missing = kconf.ClassNone, kconf.ClassGeneral, kconf.ClassInvalidNumber, kconf.ClassMissingParameter
	address := func(x *kconf.Ctx, s *kconf.Stmt) (string, bool) {
		a, ok := host.DecodeAddress(x, s, host.StaticLine)
		return a.Address.String(), ok
	}
	route := func(x *kconf.Ctx, s *kconf.Stmt) (string, bool) {
		r, ok := host.DecodeRoute(x, s, host.StaticLine)
		if !ok {
			return "", false
		}
		return r.Route.String(), ok
	}
	var prefs host.Preferences
	rule := func(x *kconf.Ctx, s *kconf.Stmt) (string, bool) {
		r, ok := host.DecodeRule(x, s, host.StaticLine)
		prefs = host.Preferences{}
		prefs.Fill(x, &r)
		return r.Rule.String(), ok
	}
	tests := map[string]struct {
		decode func(*kconf.Ctx, *kconf.Stmt) (string, bool)
		breaks string
		class  kconf.Class
		gives  string // left: dropped
		keeps  string
	}{
		"an address that is none":               {address, "foo dev e", general, left, "10.9.1.1 dev e"},
		"a prefix out of range":                 {address, "10.9.1.1/33 dev e", number, "10.9.1.1/32 dev e scope global", "10.9.1.1/32 dev e"},
		"an unknown word":                       {address, "10.9.1.1 dev e foo", general, "10.9.1.1/32 dev e scope global", "10.9.1.1 dev e home"},
		"a word without its value":              {address, "10.9.1.1 dev e scope", general, left, "10.9.1.1 dev e scope link"},
		"dev twice":                             {address, "10.9.1.1 dev e dev e", general, left, "10.9.1.1 dev e"},
		"a scope that is none":                  {address, "10.9.1.1 dev e scope 300", general, "10.9.1.1/32 dev e scope global", "10.9.1.1 dev e scope 255"},
		"a scope of IPv6":                       {address, "fd00::5/64 dev e scope link", general, "fd00::5/64 dev e scope global nodad", "10.9.1.1 dev e scope link"},
		"a label of IPv6":                       {address, "fd00::5/64 dev e label x", general, "fd00::5/64 dev e scope global nodad", "10.9.1.1 dev e label x"},
		"a label of 16":                         {address, "10.9.1.1 dev e label 0123456789abcdef", general, left, "10.9.1.1 dev e label 0123456789abcde"},
		"a broadcast of IPv6":                   {address, "fd00::5 dev e brd +", general, left, "10.9.1.1/24 dev e brd +"},
		"a broadcast that is none":              {address, "10.9.1.1/24 dev e brd x", general, left, "10.9.1.1/24 dev e brd 10.9.1.255"},
		"a broadcast of two addresses":          {address, "10.9.1.1/31 dev e brd +", general, "10.9.1.1/31 dev e scope global", "10.9.1.1/30 dev e brd -"},
		"a peer with length":                    {address, "10.9.1.1 dev e peer 10.9.1.2/24", general, "10.9.1.1/32 dev e scope global", "10.9.1.1 dev e peer 10.9.1.2"},
		"a peer of the other family":            {address, "10.9.1.1 dev e peer fd00::1", general, "10.9.1.1/32 dev e scope global", "fd00::2 dev e peer fd00::1"},
		"broadcast and peer":                    {address, "10.9.1.1 dev e brd 10.9.1.9 peer 10.9.1.2", general, "10.9.1.1 peer 10.9.1.2/32 dev e scope global", "10.9.1.1 dev e peer 10.9.1.2"},
		"a route without destination":           {route, "dev e", general, left, "default dev e"},
		"a route's unknown word":                {route, "10.0.0.0/8 dev e metrik 5", general, left, "10.0.0.0/8 dev e metric 5"},
		"a route of two families":               {route, "fd00::/64 via 10.9.0.2 dev e", general, left, "fd00::/64 via fd00::2 dev e"},
		"a table that is none":                  {route, "10.0.0.0/8 dev e table foo", general, left, "10.0.0.0/8 dev e table main"},
		"a realm that is none":                  {route, "10.0.0.0/8 dev e realms 256", general, left, "10.0.0.0/8 dev e realms 255"},
		"a realm of IPv6":                       {route, "fd01::/64 dev e realms 1", general, left, "10.0.0.0/8 dev e realms 1"},
		"a preference of IPv4":                  {route, "10.0.0.0/8 dev e pref high", general, left, "fd01::/64 dev e pref high"},
		"a lifetime of IPv4":                    {route, "10.0.0.0/8 dev e expires 10", general, left, "fd01::/64 dev e expires 10"},
		"a number that is none":                 {route, "10.0.0.0/8 dev e mtu foo", number, left, "10.0.0.0/8 dev e mtu 1"},
		"a hop limit of nine bits":              {route, "10.0.0.0/8 dev e hoplimit 256", number, left, "10.0.0.0/8 dev e hoplimit 255"},
		"quickack 2":                            {route, "10.0.0.0/8 dev e quickack 2", number, left, "10.0.0.0/8 dev e quickack 1"},
		"a time with exponent":                  {route, "10.0.0.0/8 dev e rtt 1e3", number, left, "10.0.0.0/8 dev e rtt 1000"},
		"a time too short is only logged":       {route, "10.0.0.0/8 dev e rtt 1ms", none, "10.0.0.0/8 dev e rtt 1600 proto 18", "10.0.0.0/8 dev e rtt 200ms"},
		"a time-out too long":                   {route, "10.0.0.0/8 dev e rto_min 121s", general, left, "10.0.0.0/8 dev e rto_min 120s"},
		"a tunnel nobody knows":                 {route, "10.0.0.0/8 dev e encap gre 1", general, left, "10.0.0.0/8 dev e encap mpls 1"},
		"a tunnel's missing value":              {route, "10.0.0.0/8 dev e encap ip id", general, left, "10.0.0.0/8 dev e encap ip id 5"},
		"a label of 21 bits":                    {route, "10.0.0.0/8 dev e encap mpls 1048576", general, left, "10.0.0.0/8 dev e encap mpls 1048575"},
		"a locator that is none":                {route, "fd00::/64 dev e encap ila 1:2:3", general, left, "fd00::/64 dev e encap ila 1:2:3:4"},
		"a weight of 257":                       {route, "10.0.0.0/8 no_track nexthop via 10.9.0.2 weight 257", number, left, "10.0.0.0/8 no_track nexthop via 10.9.0.2 weight 256"},
		"an unknown word of a hop":              {route, "10.0.0.0/8 no_track nexthop via 10.9.0.2 foo", general, "10.0.0.0/8 via 10.9.0.2 proto 18", "10.0.0.0/8 no_track nexthop via 10.9.0.2"},
		"a hop of the other family":             {route, "10.0.0.0/8 no_track nexthop via fd00::1", general, left, "10.0.0.0/8 no_track nexthop via 10.9.0.1"},
		"a hop's gateway missing":               {route, "10.0.0.0/8 no_track nexthop via", missing, left, "10.0.0.0/8 no_track nexthop dev e"},
		"nothing to track":                      {route, "10.0.0.0/8 via 10.9.0.2", general, "10.0.0.0/8 via 10.9.0.2 proto 18", "10.0.0.0/8 via 10.9.0.2 no_track"},
		"a hop's interface is not tracked":      {route, "10.0.0.0/8 nexthop dev e", general, "10.0.0.0/8 dev e proto 18", "10.0.0.0/8 no_track nexthop dev e"},
		"another protocol of a tracked route":   {route, "10.0.0.0/8 dev e protocol 5", general, "10.0.0.0/8 dev e proto 18", "10.0.0.0/8 dev e protocol 5 no_track"},
		"a rule without action":                 {rule, "from 10.0.0.0/8 priority 5", general, left, "from 10.0.0.0/8 priority 5 nop"},
		"two actions":                           {rule, "table 5 nop priority 5", general, left, "table 5 priority 5"},
		"table 0":                               {rule, "table 0 priority 5", general, left, "table 1 priority 5"},
		"goto without priority":                 {rule, "goto 20", general, left, "goto 20 priority 19"},
		"goto below":                            {rule, "goto 5 priority 9", general, left, "goto 10 priority 9"},
		"l3mdev and table":                      {rule, "l3mdev table 5 priority 9", general, left, "l3mdev priority 9"},
		"a table's option on another action":    {rule, "blackhole priority 9 sup_pl 3", general, left, "table 5 priority 9 sup_pl 3"},
		"a rule without priority":               {rule, "table 5", general, "from all priority 16384 table 5 protocol 18", "table 5 priority 16384"},
		"a single port is taken for a range":    {rule, "table 5 priority 9 sport 5", general, "from all sport 5-5 priority 9 table 5 protocol 18", "table 5 priority 9 sport 5-5"},
		"an IP protocol that is none":           {rule, "table 5 priority 9 ipproto foo", general, left, "table 5 priority 9 ipproto tcp"},
		"what only the kernel refuses: uids":    {rule, "table 5 priority 9 uidrange 5-2", none, left, "table 5 priority 9 uidrange 2-5"},
		"what only the kernel refuses: ports":   {rule, "table 5 priority 9 dport 1-70000", none, left, "table 5 priority 9 dport 1-65535"},
		"a single user":                         {rule, "table 5 priority 9 uidrange 5", general, left, "table 5 priority 9 uidrange 5-5"},
		"a group that is none":                  {rule, "table 5 priority 9 sup_group nosuch", general, left, "table 5 priority 9 sup_group default"},
		"a rule's word without its value":       {rule, "table 5 priority 9 uidrange", missing, left, "table 5 priority 9 uidrange 1-2"},
		"a realm of an IPv6 rule":               {rule, "inet6 table 5 priority 9 realms 1", general, left, "inet table 5 priority 9 realms 1"},
		"another protocol of a tracked rule":    {rule, "table 5 priority 9 protocol 5", general, "from all priority 9 table 5 protocol 18", "table 5 priority 9 no_track protocol 5"},
		"a name for a rule's protocol":          {rule, "table 5 priority 9 protocol bgp", number, left, "table 5 priority 9 protocol 18"},
		"a second destination is no mistake":    {route, "10.0.0.0/8 10.1.0.0/16 dev e", none, "10.1.0.0/16 dev e proto 18", "10.1.0.0/16 dev e"},
		"the last family word counts":           {rule, "table 5 priority 9 inet inet6 from 10.0.0.1", general, left, "table 5 priority 9 inet6 inet from 10.0.0.1"},
		"as belongs to another kind of routes":  {route, "10.0.0.0/8 dev e as to 10.1.0.0/16", general, "10.0.0.0/8 dev e proto 18", "10.0.0.0/8 dev e"},
		"a length out of range of a route":      {route, "10.0.0.0/33 dev e", number, "10.0.0.0/32 dev e proto 18", "10.0.0.0/32 dev e"},
		"gw, the old spelling of via":           {route, "10.0.0.0/8 dev e gw 10.9.0.2", kconf.ClassDeprecated, "10.0.0.0/8 via 10.9.0.2 dev e proto 18", "10.0.0.0/8 dev e via 10.9.0.2"},
		"default6 is old, and no mistake":       {route, "default6 dev e", none, "default dev e proto 18", "default dev e"},
		"a gateway beside hops is not counted":  {route, "10.0.0.0/8 dev e via 10.9.0.2 nexthop via 10.9.0.3", none, "10.0.0.0/8 via 10.9.0.3 dev e proto 18", "10.0.0.0/8 dev e nexthop via 10.9.0.3"},
		"a hop without gateway and interface":   {route, "10.0.0.0/8 no_track nexthop", none, left, "10.0.0.0/8 no_track nexthop dev e"},
		"an outer address of the other family":  {route, "10.0.0.0/8 dev e encap ip dst fd00::1", general, left, "10.0.0.0/8 dev e encap ip6 dst fd00::1"},
		"a feature that is not ecn":             {route, "10.0.0.0/8 dev e features sack", general, left, "10.0.0.0/8 dev e features ecn"},
		"ttl-propagate that is neither":         {route, "10.0.0.0/8 dev e ttl-propagate on", general, left, "10.0.0.0/8 dev e ttl-propagate disabled"},
		"use_vmac is for virtual addresses":     {address, "10.9.1.1 dev e use_vmac", general, "10.9.1.1/32 dev e scope global", "10.9.1.1 dev e no_track"},
		"a lifetime that is none":               {address, "10.9.1.1 dev e preferred_lft x", number, left, "10.9.1.1 dev e preferred_lft forever"},
		"a source prefix of an IPv4 route":      {route, "10.0.0.0/8 dev e from 10.1.0.0/16", general, left, "fd01::/64 dev e from fd02::/64"},
		"two families among a rule's selectors": {rule, "table 5 priority 9 from fd00::/8 to 10.0.0.0/8", general, left, "table 5 priority 9 from fd00::/8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newCtx()
			got, ok := tt.decode(x, stmt(tt.breaks))
			if !ok {
				got = left
			}
			if got != tt.gives || x.Diags.Worst() != tt.class || len(x.Diags.All()) == 0 {
				t.Errorf("%s: got %s, class %d; want %s, class %d; said %q", tt.breaks, got, x.Diags.Worst(), tt.gives, tt.class, messages(x))
			}
			x = newCtx()
			if _, ok := tt.decode(x, stmt(tt.keeps)); !ok || x.Diags.Worst() != none {
				t.Errorf("%s: class %d, usable %t; said %q", tt.keeps, x.Diags.Worst(), ok, messages(x))
			}
		})
	}
}

func TestAVRFMustExistWhereThatIsKnown(t *testing.T) {
	for name, tt := range map[string]struct {
		vrfs map[string]uint32
		ok   bool
	}{
		"it does": {map[string]uint32{"red": 77}, true}, "it does not": {map[string]uint32{"blue": 78}, false}, "nobody knows": {nil, true},
	} {
		x := newCtx()
		if _, ok := (host.Names{VRFs: tt.vrfs}).DecodeRoute(x, stmt("10.0.0.0/8 dev e vrf red"), host.StaticLine); ok != tt.ok || ok != (x.Diags.Worst() == kconf.ClassNone) {
			t.Errorf("%s: usable %t; said %q", name, ok, messages(x))
		}
	}
}

// The manual has a type and a sentence for every option, and what is in no line
// names no version of its own.
func TestRowsOfLinesSayWhatTheManualNeeds(t *testing.T) {
	for kind, docs := range map[string][]kconf.KeywordDoc{"address": host.AddressOptions.Docs(), "route": host.RouteOptions.Docs(), "rule": host.RuleOptions.Docs()} {
		seen := map[string]bool{}
		for _, d := range docs {
			if d.Type == "" || d.Doc == "" || d.Status != kconf.Acts {
				t.Errorf("%s %s: %+v", kind, d.Name, d)
			}
			for _, n := range append([]string{d.Name}, d.Aliases...) {
				if seen[n] {
					t.Errorf("%s: %s is there twice", kind, n)
				}
				seen[n] = true
			}
		}
	}
}
