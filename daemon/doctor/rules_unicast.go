package doctor

import (
	"net/netip"

	"holdfast/kconf"
)

// unicastRules are about unicast_peer and source addresses.
func unicastRules() []Rule {
	return []Rule{
		{
			ID: "source-not-here", Theme: Unicast, Severity: kconf.Warning, Title: "Source address that the machine does not have",
			What:       "unicast_src_ip or mcast_src_ip names an address that no link of this machine has.",
			Why:        "Nothing can be sent from it: the instance is in FAULT, or master without being heard while the other node is master too.",
			Fix:        "name an address of this machine",
			Bad:        conf(router("unicast_src_ip 192.0.2.9; unicast_peer { 192.0.2.3 }")),
			Good:       conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")),
			References: []string{"unicast_src_ip", "mcast_src_ip", "track_src_ip"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					src := i.Source
					if !src.IsValid() || in.Machine == nil || in.Machine.Addresses == nil || in.Config.IsVirtual(src) {
						continue
					}
					if _, here := in.onHost(src); here || in.static(src) {
						continue
					}
					at := in.place(i, "unicast_src_ip", "mcast_src_ip")
					if list, known := in.fixed(i.Interface, src.Is4()); known && len(list) > 0 {
						r.Advise("%s has %s", i.Interface, prefixes(list)).At(at, kconf.Pos{}, "vrrp_instance %s: source %v is no address of this machine", i.Name, src)
						continue
					}
					r.At(at, kconf.Pos{}, "vrrp_instance %s: source %v is no address of this machine", i.Name, src)
				}
			},
		},
		{
			ID: "source-moves", Theme: Unicast, Severity: kconf.Warning, Title: "Source address that is a virtual address",
			What:       "unicast_src_ip or mcast_src_ip is an address of virtual_ipaddress. It is on the node only while the node is master.",
			Why:        "A backup cannot send from it when it is to become master, and the others see advertisements from an address that is theirs a moment later.",
			Fix:        "name an address that stays on the node",
			Bad:        conf(router("unicast_src_ip 192.0.2.100; unicast_peer { 192.0.2.3 }")),
			Good:       conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")),
			References: []string{"unicast_src_ip", "mcast_src_ip"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					for _, v := range in.vips() {
						if v.addr() == i.Source && !in.primary(v.Address) {
							r.At(in.place(i, "unicast_src_ip", "mcast_src_ip"), v.pos, "vrrp_instance %s: source %v is a virtual address of %s, here only while that is master", i.Name, i.Source, v.of.Name)
						}
					}
				}
			},
		},
		{
			ID: "source-of-another-scope", Theme: Unicast, Severity: kconf.Warning, Title: "Source and peer of different scopes",
			What:       "The source address is link-local and a peer is not, or the other way round. Answers to a link-local source do not find the way back from elsewhere.",
			Why:        "The peers do not hear each other, and all of them are master.",
			Fix:        "use a source of the same scope as the peers",
			Bad:        conf(router("virtual_ipaddress { fe80::100/64 }; unicast_src_ip fe80::2; unicast_peer { 2001:db8::3 }")),
			Good:       conf(router("virtual_ipaddress { fe80::100/64 }; unicast_src_ip 2001:db8::2; unicast_peer { 2001:db8::3 }")),
			References: []string{"unicast_src_ip", "unicast_peer", "RFC 4007"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					for _, p := range i.Params.Peers {
						if i.Source.IsValid() && i.Source.IsLinkLocalUnicast() != p.Addr.IsLinkLocalUnicast() {
							r.At(in.line(i, "unicast_peer", p.Addr.String()), in.place(i, "unicast_src_ip", "mcast_src_ip"),
								"vrrp_instance %s: one of source %v and peer %v is link-local, the other is not", i.Name, i.Source, p.Addr)
						}
					}
				}
			},
		},
		{
			ID: "source-left-to-chance", Theme: Unicast, Severity: kconf.Warning, Title: "unicast_peer without a source on a link with several addresses",
			What:       "The instance has unicast_peer and no unicast_src_ip, and its interface has several addresses. The first one the kernel lists is the source, and that order changes.",
			Why:        "After a reboot or a network reconfiguration the peers get advertisements from an address they do not expect; with check_unicast_src they drop them and become master.",
			Fix:        "add unicast_src_ip",
			Bad:        conf(router("interface eth2; virtual_ipaddress { 203.0.113.100/25 }; unicast_peer { 203.0.113.3 }")),
			Good:       conf(router("interface eth2; virtual_ipaddress { 203.0.113.100/25 }; unicast_src_ip 203.0.113.2; unicast_peer { 203.0.113.3 }")),
			References: []string{"unicast_peer", "unicast_src_ip", "check_unicast_src"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					list, known := in.fixed(i.Interface, !i.Params.IPv6)
					if i.Source.IsValid() || !i.Params.Unicast() || !known || len(list) < 2 || i.Params.IPv6 && len(list) < 3 {
						continue // one link-local address beside one other is what every IPv6 link has
					}
					r.Advise("add unicast_src_ip %v", list[0].Prefix.Addr()).At(in.place(i, "unicast_peer"), kconf.Pos{},
						"vrrp_instance %s: no unicast_src_ip, and %s has %s", i.Name, i.Interface, prefixes(list))
				}
			},
		},
		{
			ID: "names-itself-as-peer", Theme: Unicast, Severity: kconf.Warning, Title: "A unicast peer is this node",
			What:       "unicast_peer names the node's own source address, or another address of this machine. Peers are the other nodes.",
			Why:        "The node sends itself its own advertisements. If the line stands in the place of the other node's address, that node hears nothing and is master too.",
			Fix:        "name the other nodes only",
			Bad:        conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.2; 192.0.2.3 }")),
			Good:       conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")),
			References: []string{"unicast_peer", "unicast_src_ip"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					for _, p := range i.Params.Peers {
						at := in.line(i, "unicast_peer", p.Addr.String())
						if p.Addr == i.Source {
							r.At(at, in.place(i, "unicast_src_ip", "mcast_src_ip"), "vrrp_instance %s: peer %v is this node's own source address", i.Name, p.Addr)
						} else if a, here := in.onHost(p.Addr); here {
							r.At(at, kconf.Pos{}, "vrrp_instance %s: peer %v is an address of this machine, on %s", i.Name, p.Addr, a.Link)
						}
					}
				}
			},
		},
		{
			ID: "distant-peer-unchecked", Theme: Unicast, Severity: kconf.Note, Title: "A unicast peer in another subnet, without a TTL check",
			What:       "A peer is in no subnet of the interface, so its advertisements pass routers and arrive with a TTL below 255. Without min_ttl nothing tells them from packets from far away.",
			Why:        "Anybody who can route packets to the node can send it advertisements. A virtual address in two subnets also needs routing that follows the master.",
			Fix:        "write min_ttl behind the peer: 255 less the number of routers between",
			Bad:        conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 203.0.113.77 }")),
			Good:       conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 203.0.113.77 min_ttl 254 }")),
			References: []string{"unicast_peer", "min_ttl", "RFC 5082"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					for _, p := range i.Params.Peers {
						list, known := in.fixed(i.Interface, p.Addr.Is4())
						if _, near := holding(list, p.Addr); near || !known || len(list) == 0 || p.MinTTL > 0 {
							continue
						}
						r.At(in.line(i, "unicast_peer", p.Addr.String()), kconf.Pos{}, "vrrp_instance %s: peer %v is in no subnet of %s (%s), and no min_ttl says how far it may be", i.Name, p.Addr, i.Interface, prefixes(list))
					}
				}
			},
		},
		{
			ID: "names-peer-twice", Theme: Unicast, Severity: kconf.Warning, Title: "A unicast peer stands twice",
			What:       "unicast_peer has the same address on two lines; the second is not used.",
			Why:        "Where nodes are added by copying lines, one of them has kept the address of another: that node hears nothing and is master too.",
			Fix:        "correct the address, or take the line away",
			Bad:        conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3; 192.0.2.3 }")),
			Good:       conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3; 192.0.2.4 }")),
			References: []string{"unicast_peer"},
			Covers:     []string{"duplicate"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					seen := map[netip.Addr]kconf.Pos{}
					s := last(in.block("vrrp_instance", i.Name), "unicast_peer")
					if s == nil {
						continue
					}
					for _, line := range s.Block {
						a, err := netip.ParseAddr(line.Keyword())
						if first, again := seen[a]; err == nil && again {
							r.At(line.Pos(), first, "vrrp_instance %s: peer %v stands twice", i.Name, a)
						} else if err == nil {
							seen[a] = line.Pos()
						}
					}
				}
			},
		},
		{
			ID: "unicast-fell-back", Theme: Unicast, Severity: kconf.Warning, Title: "Unicast without peers becomes multicast",
			What: "A unicast keyword is there and no usable unicast_peer. Multicast is used instead.",
			Why:  "Where multicast is blocked, which is why unicast was chosen, nobody hears the node and all are master.",
			Fix:  "name the peers, or add unicast_fault_no_peer to have FAULT instead",
			Bad:  conf(router("unicast_src_ip 192.0.2.2")), Good: conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")),
			References: []string{"unicast_peer", "unicast_fault_no_peer"},
			Covers:     []string{"unicast-no-peer"},
			Find:       explainAt([]string{"unicast_peer", "unicast_src_ip", "check_unicast_src"}, "peers that expect unicast do not hear it", "unicast-no-peer"),
		},
	}
}

// static says whether static_ipaddress puts a on this machine.
func (in *Input) static(a netip.Addr) bool {
	for _, s := range in.Config.Statics.Addresses {
		if s.Prefix.Addr() == a {
			return true
		}
	}
	return false
}
