package doctor

import (
	"net/netip"
	"strings"

	"holdfast/host"
	"holdfast/kconf"
)

// addressRules are about virtual addresses and the links they go on.
func addressRules() []Rule {
	return []Rule{
		{
			ID: "address-outside-subnets", Theme: Addresses, Severity: kconf.Warning, Title: "Virtual address in no subnet of its link",
			What: "A virtual address without a subnet of its own (/32, /128, or no prefix length) is in none of the subnets of the link it goes on. Neighbours on that link do not ask for it by ARP.",
			Why:  "The failover works, and the address is reachable from nowhere but the node itself, unless a router has a route to it that follows the master.",
			Fix:  "correct the address or the dev, or write it with the prefix length of its subnet",
			Bad:  conf(router("virtual_ipaddress { 198.51.100.100 }")), Good: conf(router("virtual_ipaddress { 192.0.2.100 }")),
			References: []string{"virtual_ipaddress", "dev"},
			Find: func(in *Input, r Report) {
				for _, v := range in.vips() {
					list, known := in.fixed(v.Link, v.addr().Is4())
					if !known || len(list) == 0 || !v.Prefix.IsSingleIP() || v.Peer.IsValid() || v.addr().IsLinkLocalUnicast() || in.Machine.Links[v.Link].Loopback {
						continue
					}
					if _, inside := holding(list, v.addr()); !inside && !in.vipSubnet(v) {
						r.At(v.pos, kconf.Pos{}, "vrrp_instance %s: %v is in no subnet of %s, which has %s", v.of.Name, v.addr(), v.Link, prefixes(list))
					}
				}
			},
		},
		{
			ID: "address-without-route", Theme: Addresses, Severity: kconf.Warning, Title: "Virtual address alone on a link without addresses",
			What: "The link has no address of this family, and the virtual address brings no subnet (/32, /128, or no prefix length). There is no route to the neighbours.",
			Why:  "The node becomes master, and answers to nobody: it has no route by which answers could leave.",
			Fix:  "write the virtual address with the prefix length of its subnet",
			Bad:  conf(router("interface eth3; virtual_ipaddress { 10.9.0.100 }")), Good: conf(router("interface eth3; virtual_ipaddress { 10.9.0.100/24 }")),
			References: []string{"virtual_ipaddress"},
			Find: func(in *Input, r Report) {
				for _, v := range in.vips() {
					list, known := in.fixed(v.Link, v.addr().Is4())
					if known && len(list) == 0 && v.Prefix.IsSingleIP() && !v.Peer.IsValid() && !in.Machine.Links[v.Link].Loopback && !in.vipSubnet(v) {
						r.At(v.pos, kconf.Pos{}, "vrrp_instance %s: %v has no subnet, and %s has no address whose subnet it could use", v.of.Name, v.addr(), v.Link)
					}
				}
			},
		},
		{
			ID: "address-without-length", Theme: Addresses, Severity: kconf.Note, Title: "Virtual address without a prefix length",
			What: "The IPv4 address is written without a length, which means /32, and the link's subnet has another length. An IPv6 address of length 128 is never chosen as a source, so there it may well be meant.",
			Why:  "It works as long as the link has an address of that subnet. When that one is removed or renumbered, the route to the neighbours goes with it, and the virtual address answers nobody.",
			Fix:  "write the prefix length, /32 if that is meant",
			Bad:  conf(router("virtual_ipaddress { 192.0.2.100 }")), Good: conf(router("virtual_ipaddress { 192.0.2.100/24 }")),
			References: []string{"virtual_ipaddress"},
			Find: func(in *Input, r Report) {
				for _, v := range in.vips() {
					list, known := in.fixed(v.Link, v.addr().Is4())
					if net, inside := holding(list, v.addr()); known && inside && v.addr().Is4() && !strings.Contains(v.written, "/") && !v.Peer.IsValid() {
						r.Advise("write %v/%d, or /%d if that is meant", v.addr(), net.Prefix.Bits(), v.Prefix.Bits()).
							At(v.pos, kconf.Pos{}, "vrrp_instance %s: %v becomes %v, while %s has %v", v.of.Name, v.addr(), v.Prefix, v.Link, net.Prefix)
					}
				}
			},
		},
		{
			ID: "address-with-other-length", Theme: Addresses, Severity: kconf.Warning, Title: "Prefix length that is not the link's",
			What: "The virtual address lies in a subnet of its link, and is written with another prefix length than that subnet has.",
			Why:  "The master gets a second, different route to the same neighbours. Part of them is reached another way, or not at all, and only on the node that is master.",
			Fix:  "write the length of the link's subnet",
			Bad:  conf(router("virtual_ipaddress { 192.0.2.100/16 }")), Good: conf(router("virtual_ipaddress { 192.0.2.100/24 }")),
			References: []string{"virtual_ipaddress"},
			Find: func(in *Input, r Report) {
				for _, v := range in.vips() {
					list, known := in.fixed(v.Link, v.addr().Is4())
					net, inside := holding(list, v.addr())
					if !known || !inside || v.Prefix.IsSingleIP() || net.Prefix.Bits() == v.Prefix.Bits() || v.Flags&host.NoPrefixRoute != 0 {
						continue
					}
					r.Advise("write %v/%d", v.addr(), net.Prefix.Bits()).
						At(v.pos, kconf.Pos{}, "vrrp_instance %s: %v, while the subnet of %s is %v", v.of.Name, v.Prefix, v.Link, net.Prefix.Masked())
				}
			},
		},
		{
			ID: "address-of-the-subnet", Theme: Addresses, Severity: kconf.Warning, Title: "Virtual address that names the subnet or its broadcast",
			What: "The IPv4 address is the first or the last of its own subnet: the one names the network, the other is its broadcast address.",
			Why:  "Hosts refuse to talk to it, or all of them answer.",
			Fix:  "choose an address between the first and the last of the subnet",
			Bad:  conf(router("virtual_ipaddress { 192.0.2.0/24 }")), Good: conf(router("virtual_ipaddress { 192.0.2.100/24 }")),
			References: []string{"virtual_ipaddress", "RFC 1122 section 3.2.1.3"},
			Find: func(in *Input, r Report) {
				for _, v := range in.vips() {
					if !v.addr().Is4() || v.Prefix.Bits() > 30 {
						continue
					}
					switch v.addr() {
					case v.Prefix.Masked().Addr():
						r.At(v.pos, kconf.Pos{}, "vrrp_instance %s: %v is the network address of %v", v.of.Name, v.addr(), v.Prefix.Masked())
					case broadcast(v.Prefix):
						r.At(v.pos, kconf.Pos{}, "vrrp_instance %s: %v is the broadcast address of %v", v.of.Name, v.addr(), v.Prefix.Masked())
					}
				}
			},
		},
		{
			ID: "address-of-this-node", Theme: Addresses, Severity: kconf.Warning, Title: "Virtual address that is the node's own",
			What: "The virtual address is the first address of its link on this machine, put there by something else, and the instance's priority is not 255.",
			Why:  "Two nodes have the address when another is master. When this one leaves the master state the address is taken away, and with it the node's own connection to the network.",
			Fix:  "choose an address that no node has, or priority 255 on the one that owns it",
			Bad:  conf(router("virtual_ipaddress { 192.0.2.2/24 }")), Good: conf(router("virtual_ipaddress { 192.0.2.100/24 }")),
			References: []string{"virtual_ipaddress", "priority", "RFC 9568 section 1.7, address owner"},
			Find: func(in *Input, r Report) {
				for _, v := range in.vips() {
					if in.primary(v.Address) && !v.of.Params.Owner() {
						r.At(v.pos, in.place(v.of, "priority"), "vrrp_instance %s: %v is the address %s has anyway, and priority %d is not 255", v.of.Name, v.addr(), v.Link, v.of.Params.Priority)
					}
				}
			},
		},
		{
			ID: "address-in-two-instances", Theme: Addresses, Severity: kconf.Warning, Title: "One virtual address in two instances",
			What: "Two instances carry the same address. Each adds and removes it as its own state says.",
			Why:  "When one of the two leaves the master state it takes the address from the other, and two nodes may have it at once.",
			Fix:  "keep it in one instance, and put both into a vrrp_sync_group if they belong together",
			Bad:  conf(router(""), second("virtual_ipaddress { 192.0.2.100/24 dev eth0 }")), Good: conf(router(""), second("")),
			References: []string{"virtual_ipaddress", "virtual_ipaddress_excluded", "vrrp_sync_group"},
			Find: func(in *Input, r Report) {
				seen := map[netip.Addr]vip{}
				for _, v := range in.vips() {
					first, again := seen[v.addr()]
					if !again {
						seen[v.addr()] = v
					} else if first.of != v.of && (!v.addr().IsLinkLocalUnicast() || first.Link == v.Link) {
						r.At(v.pos, first.pos, "vrrp_instance %s: %v is an address of %s too", v.of.Name, v.addr(), first.of.Name)
					}
				}
			},
		},
		{
			ID: "address-is-static", Theme: Addresses, Severity: kconf.Warning, Title: "Virtual address that is static too",
			What: "The address stands in static_ipaddress and in an instance. Static addresses are there in every state.",
			Why:  "Every node has the address at all times: neighbours reach now the one, now the other.",
			Fix:  "take it out of static_ipaddress",
			Bad:  conf("static_ipaddress { 192.0.2.100/24 dev eth0 }", router("")), Good: conf("static_ipaddress { 192.0.2.10/24 dev eth0 }", router("")),
			References: []string{"static_ipaddress", "virtual_ipaddress"},
			Find: func(in *Input, r Report) {
				for _, v := range in.vips() {
					if in.static(v.addr()) {
						r.At(v.pos, placeOfFirst(in.blocks("static_ipaddress")), "vrrp_instance %s: %v is in static_ipaddress too, where it never moves", v.of.Name, v.addr())
					}
				}
			},
		},
		{
			ID: "address-is-real-server", Theme: Addresses, Severity: kconf.Warning, Title: "Virtual address that is a real server",
			What: "A real_server has the address of a virtual one. Whoever is master is then the real server, and its packets are sent to itself again.",
			Why:  "Connections that the scheduler gives to this server hang or are refused, and which machine it is changes with every failover.",
			Fix:  "name the real server by an address that stays on it",
			Bad:  conf(router(""), service("real_server 192.0.2.100 80 { TCP_CHECK { connect_timeout 2 } }")), Good: conf(router(""), service("")),
			References: []string{"real_server", "virtual_ipaddress"},
			Find: func(in *Input, r Report) {
				carried := map[netip.Addr]vip{}
				for _, v := range in.vips() {
					carried[v.addr()] = v
				}
				for _, s := range in.Config.Services {
					for _, rs := range s.Conf.RealServers {
						if v, virtual := carried[rs.Addr.Addr()]; virtual {
							r.At(rs.Pos, v.pos, "virtual_server %s: real_server %v is a virtual address of vrrp_instance %s", s.Params.Name, rs.Addr.Addr(), v.of.Name)
						}
					}
				}
			},
		},
		{
			ID: "address-is-sorry-server", Theme: Addresses, Severity: kconf.Warning, Title: "Sorry server at a virtual address",
			What: "The sorry_server is an address of virtual_server or virtual_ipaddress, with the service's own port. Its packets come back to the balancer and meet the same service again.",
			Why:  "When all servers have failed, clients wait for nothing instead of reading the page that says so.",
			Fix:  "name an address that is not virtual; for a page on the balancer itself 127.0.0.1",
			Bad:  conf(router(""), service("sorry_server 192.0.2.100 80")), Good: conf(router(""), service("sorry_server 198.51.100.99 80")),
			References: []string{"sorry_server"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Services {
					sorry := s.Conf.Sorry
					if sorry == nil || sorry.Addr.Port() != s.Conf.Addr.Port() && sorry.Addr.Port() != 0 {
						continue
					}
					if a := sorry.Addr.Addr(); a == s.Conf.Addr.Addr() || in.Config.IsVirtual(a) {
						r.At(sorry.Pos, s.Conf.Pos, "virtual_server %s: sorry_server %v is a virtual address, its packets come back here", s.Params.Name, a)
					}
				}
			},
		},
		{
			ID: "link-is-down", Theme: Addresses, Severity: kconf.Warning, Title: "Interface that is down now",
			What: "The interface of the instance is down, or has no carrier, while the file is examined.",
			Why:  "The instance begins in FAULT and stays there until the link comes up.",
			Fix:  "bring the interface up, or name another",
			Bad:  conf(router("interface eth9; virtual_ipaddress { 10.9.0.100/24 }")), Good: conf(router("")),
			References: []string{"interface"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					if in.Machine == nil {
						return
					}
					if l, exists := in.Machine.Links[i.Interface]; exists && !l.Usable() {
						r.At(in.place(i, "interface"), kconf.Pos{}, "vrrp_instance %s: %s %s", i.Name, i.Interface, whyDown(l.Up))
					}
				}
			},
		},
	}
}

func whyDown(up bool) string {
	if up {
		return "has no carrier"
	}
	return "is down"
}

// placeOfFirst is where the first of some statements stands.
func placeOfFirst(list []*kconf.Stmt) kconf.Pos {
	if len(list) == 0 {
		return kconf.Pos{}
	}
	return list[0].Pos()
}

// vipSubnet says whether another virtual address of the same instance brings a
// subnet that has v.
func (in *Input) vipSubnet(v vip) bool {
	for _, o := range in.vips() {
		if o.of == v.of && o.Link == v.Link && !o.Prefix.IsSingleIP() && o.Prefix.Masked().Contains(v.addr()) {
			return true
		}
	}
	return false
}

// broadcast is the last address of an IPv4 subnet.
func broadcast(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}
