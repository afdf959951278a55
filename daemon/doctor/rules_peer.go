package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/kconf"
)

// peerRules are about the virtual routers of two nodes.
func peerRules() []Rule {
	return []Rule{
		{
			ID: "peer-router-missing", Theme: Peers, Severity: kconf.Warning, Title: "Virtual router on one node only",
			What: "One node has a virtual router (family and virtual_router_id) that the other has not.",
			Why:  "When its node fails nobody takes its addresses over.",
			Fix:  "add the instance to the other node, or correct its virtual_router_id",
			Bad:  conf(router(""), second("")), BadPeer: conf(router("priority 90")),
			Good: conf(router(""), second("")), GoodPeer: conf(router("priority 90"), second("priority 90")),
			References: []string{"vrrp_instance", "virtual_router_id"},
			Compare: func(c *Comparison, r Report) {
				for _, i := range c.OnlyHere {
					if twin(i, c.OnlyThere) == nil {
						r.At(i.Pos, c.There.top(), "vrrp_instance %s: virtual router %d (%s) is missing there", i.Name, i.VRID, family(i))
					}
				}
				for _, i := range c.OnlyThere {
					if twin(i, c.OnlyHere) == nil {
						r.At(c.Here.top(), i.Pos, "vrrp_instance %s of the other node: virtual router %d (%s) is missing here", i.Name, i.VRID, family(i))
					}
				}
			},
		},
		{
			ID: "peer-id-differs", Theme: Peers, Severity: kconf.Warning, Title: "One address under two ids",
			What: "Both nodes carry the same virtual address, in instances with different virtual_router_id. To VRRP these are two routers that have nothing to do with each other.",
			Why:  "Both nodes are master, and both have the address, all the time.",
			Fix:  "write the same virtual_router_id on both nodes",
			Bad:  conf(router("virtual_router_id 51")), BadPeer: conf(router("priority 90; virtual_router_id 15")),
			Good: conf(router("virtual_router_id 51")), GoodPeer: conf(router("priority 90; virtual_router_id 51")),
			References: []string{"virtual_router_id", "virtual_ipaddress"},
			Compare: func(c *Comparison, r Report) {
				for _, i := range c.OnlyHere {
					if o := twin(i, c.OnlyThere); o != nil {
						r.At(c.Here.place(i, "virtual_router_id"), c.There.place(o, "virtual_router_id"), "vrrp_instance %s: virtual_router_id %d here, %d there in %s with the same addresses", i.Name, i.VRID, o.VRID, o.Name)
					}
				}
			},
		},
		{
			ID: "peer-addresses-differ", Theme: Peers, Severity: kconf.Warning, Title: "Different virtual addresses",
			What: "The two nodes advertise different lists of addresses for one virtual router.",
			Why:  "keepalived and holdfast count it and go on; routers of other makers drop such advertisements and are master too. The addresses that are missing on a node are gone when it is master.",
			Fix:  "write the same virtual_ipaddress on both nodes",
			Bad:  conf(router("virtual_ipaddress { 192.0.2.100/24; 192.0.2.101/24 }")), BadPeer: conf(router("priority 90; virtual_ipaddress { 192.0.2.100/24 }")),
			Good: conf(router("")), GoodPeer: conf(router("priority 90")),
			References: []string{"virtual_ipaddress", "RFC 9568 section 7.1"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					if m := lacks(addresses(p.Here.Addresses), addresses(p.There.Addresses)); m != "" {
						at, other := c.both(p, "virtual_ipaddress")
						r.At(at, other, "%s: %s", p.label(), m)
					}
				}
			},
		},
		{
			ID: "peer-excluded-differ", Theme: Peers, Severity: kconf.Warning, Title: "Different excluded addresses",
			What: "The two nodes have different virtual_ipaddress_excluded for one virtual router. These addresses are not in advertisements, so VRRP itself cannot notice.",
			Why:  "The failover works, and some addresses are gone after it.",
			Fix:  "write the same virtual_ipaddress_excluded on both nodes",
			Bad:  conf(router("virtual_ipaddress_excluded { 192.0.2.150/24 }")), BadPeer: conf(router("priority 90")),
			Good: conf(router("virtual_ipaddress_excluded { 192.0.2.150/24 }")), GoodPeer: conf(router("priority 90; virtual_ipaddress_excluded { 192.0.2.150/24 }")),
			References: []string{"virtual_ipaddress_excluded"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					if m := lacks(addresses(p.Here.Excluded), addresses(p.There.Excluded)); m != "" {
						at, other := c.both(p, "virtual_ipaddress_excluded")
						r.At(at, other, "%s: virtual_ipaddress_excluded: %s", p.label(), m)
					}
				}
			},
		},
		{
			ID: "peer-lengths-differ", Theme: Peers, Severity: kconf.Note, Title: "Different prefix lengths of one address",
			What: "Both nodes have the address, with different prefix lengths.",
			Why:  "Routes differ with the node that is master: some neighbours are reached from one node and not from the other.",
			Fix:  "write the same length on both nodes",
			Bad:  conf(router("")), BadPeer: conf(router("priority 90; virtual_ipaddress { 192.0.2.100/32 }")),
			Good: conf(router("")), GoodPeer: conf(router("priority 90")),
			References: []string{"virtual_ipaddress"},
			Compare: func(c *Comparison, r Report) {
				for _, v := range c.Here.vips() {
					for _, o := range c.There.vips() {
						if v.addr() == o.addr() && v.Prefix != o.Prefix {
							r.At(v.pos, o.pos, "vrrp_instance %s: %v here, %v there", v.of.Name, v.Prefix, o.Prefix)
						}
					}
				}
			},
		},
		{
			ID: "peer-version-differs", Theme: Peers, Severity: kconf.Warning, Title: "Different versions of VRRP",
			What: "The nodes use different versions for one virtual router. A version 2 router drops version 3, and the other way round.",
			Why:  "Neither hears the other: both are master.",
			Fix:  "write the same version on both nodes",
			Bad:  conf(router("version 3")), BadPeer: conf(router("priority 90")),
			Good: conf(router("version 3")), GoodPeer: conf(router("priority 90; version 3")),
			References: []string{"version", "vrrp_version", "RFC 9568 section 8.4"},
			Compare:    differ("version", "neither hears the other", func(i *config.Instance) string { return itoa(int(i.Params.Version)) }),
		},
		{
			ID: "peer-interval-differs", Theme: Peers, Severity: kconf.Warning, Title: "Different advert_int",
			What: "The nodes have different advert_int. In version 2 an advertisement with another interval than the receiver's own is dropped; in version 3 a backup takes over the master's.",
			Why:  "In version 2 both nodes are master. In version 3 the time to a takeover depends on who was master.",
			Fix:  "write the same advert_int on both nodes",
			Bad:  conf(router("advert_int 1")), BadPeer: conf(router("priority 90; advert_int 2")),
			Good: conf(router("advert_int 2")), GoodPeer: conf(router("priority 90; advert_int 2")),
			References: []string{"advert_int", "RFC 3768 section 7.1", "RFC 9568 section 6.4.2"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					here, there := p.Here.Params.Interval(), p.There.Params.Interval()
					if here == there {
						continue
					}
					so := "version 2 drops advertisements of another interval, both are master"
					if p.Here.Params.Version == 3 && p.There.Params.Version == 3 {
						so = "the time to a takeover depends on who was master"
					}
					at, other := c.both(p, "advert_int")
					r.At(at, other, "%s: advert_int %v here, %v there: %s", p.label(), here, there, so)
				}
			},
		},
		{
			ID: "peer-password-differs", Theme: Peers, Severity: kconf.Warning, Title: "Different authentication",
			What: "The nodes differ in auth_type or auth_pass. Advertisements with another authentication are dropped.",
			Why:  "Neither hears the other: both are master.",
			Fix:  "write the same authentication on both nodes, or none on both",
			Bad:  conf(router("authentication { auth_type PASS; auth_pass one }")), BadPeer: conf(router("priority 90; authentication { auth_type PASS; auth_pass two }")),
			Good: conf(router("")), GoodPeer: conf(router("priority 90")),
			References: []string{"authentication", "auth_pass"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					h, t := &p.Here.Params, &p.There.Params
					at, other := c.both(p, "authentication")
					switch {
					case h.AuthType != t.AuthType:
						r.At(at, other, "%s: authentication %s here, %s there: neither hears the other", p.label(), authWord(h.AuthType), authWord(t.AuthType))
					case h.Password != t.Password:
						r.At(at, other, "%s: auth_pass is not the same on both nodes: neither hears the other", p.label())
					}
				}
			},
		},
		{
			ID: "peer-priority-equal", Theme: Peers, Severity: kconf.Warning, Title: "Equal priorities",
			What: "With everything well both nodes have the same priority. The higher source address decides then.",
			Why:  "Who is master depends on addresses nobody chose for that. When both begin at once both are master for a moment.",
			Fix:  "give one node a higher priority",
			Bad:  conf(router("priority 100")), BadPeer: conf(router("priority 100")),
			Good: conf(router("priority 100")), GoodPeer: conf(router("priority 90")),
			References: []string{"priority", "RFC 9568 section 6.4.3"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					here, there := c.Here.reachOf(p.Here).healthy, c.There.reachOf(p.There).healthy
					if here == there {
						at, other := c.both(p, "priority")
						r.At(at, other, "%s: priority %d on both nodes, the higher address decides", p.label(), here)
					}
				}
			},
		},
		{
			ID: "peer-preemption-differs", Theme: Peers, Severity: kconf.Note, Title: "Only one node preempts",
			What: "One node has nopreempt and the other has not. The one without takes the addresses back whenever it ranks higher.",
			Why:  "Whether a failover is followed by a second one depends on which node had failed.",
			Fix:  "write nopreempt on both nodes or on neither",
			Bad:  conf(router("nopreempt")), BadPeer: conf(router("priority 90")),
			Good: conf(router("nopreempt")), GoodPeer: conf(router("priority 90; nopreempt")),
			References: []string{"nopreempt"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					if p.Here.Params.PreemptMode != p.There.Params.PreemptMode {
						at, other := c.both(p, "nopreempt", "state")
						which := "this node"
						if p.There.Params.PreemptMode {
							which = "the other node"
						}
						r.At(at, other, "%s: only %s preempts", p.label(), which)
					}
				}
			},
		},
		{
			ID: "peer-both-master", Theme: Peers, Severity: kconf.Note, Title: "state MASTER on both nodes",
			What: "Both nodes have state MASTER. It switches nopreempt and preempt_delay off on both.",
			Why:  "Each node takes the addresses as soon as it ranks higher; with equal priorities both begin as master.",
			Fix:  "write state BACKUP on both nodes and let priorities decide",
			Bad:  conf(router("state MASTER; priority 100")), BadPeer: conf(router("state MASTER; priority 90")),
			Good: conf(router("state MASTER; priority 100")), GoodPeer: conf(router("state BACKUP; priority 90")),
			References: []string{"state", "priority"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					if p.Here.State == "MASTER" && p.There.State == "MASTER" {
						at, other := c.both(p, "state")
						r.At(at, other, "%s: state MASTER with priority %d here and %d there", p.label(), p.Here.Params.Priority, p.There.Params.Priority)
					}
				}
			},
		},
		{
			ID: "peer-weight-moves-nothing", Theme: Peers, Severity: kconf.Warning, Title: "Weights that cannot hand over to the other node",
			What: "The node that is master when all is well still ranks above the other one, or level with it, when everything it tracks by weight has failed.",
			Why:  "The service dies on the master, its priority falls, and nothing moves.",
			Fix:  "let the weights add up to more than the difference of the priorities",
			Bad:  conf(secure, script("weight -20"), router("priority 150; track_script { chk }")), BadPeer: conf(router("priority 100")),
			Good: conf(secure, script("weight -60"), router("priority 150; track_script { chk }")), GoodPeer: conf(router("priority 100")),
			References: []string{"weight", "priority"},
			Compare:    compareWeights,
		},
		{
			ID: "peer-ignores-weight", Theme: Peers, Severity: kconf.Warning, Title: "The other node does not preempt, so weights here do nothing",
			What: "This node tracks by weight, and the other has nopreempt: as a backup it accepts a master of any priority.",
			Why:  "The service dies here, the priority falls below the other node's, and nothing moves.",
			Fix:  "track without a weight what must move the addresses, or take nopreempt away on the other node",
			Bad:  conf(secure, script("weight -60"), router("priority 150; track_script { chk }")), BadPeer: conf(router("priority 100; nopreempt")),
			Good: conf(secure, script(""), router("priority 150; track_script { chk }")), GoodPeer: conf(router("priority 100; nopreempt")),
			References: []string{"weight", "nopreempt"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					if list := c.Here.weighted(p.Here); len(list) > 0 && !p.There.Params.PreemptMode {
						r.At(list[0].pos, c.There.place(p.There, "nopreempt"), "%s: weight %d of %s moves nothing while the other node has nopreempt", p.label(), list[0].weight, list[0].what())
					}
					if list := c.There.weighted(p.There); len(list) > 0 && !p.Here.Params.PreemptMode {
						r.At(c.Here.place(p.Here, "nopreempt"), list[0].pos, "%s: with nopreempt here weight %d of %s on the other node moves nothing", p.label(), list[0].weight, list[0].what())
					}
				}
			},
		},
		{
			ID: "peer-unicast-differs", Theme: Peers, Severity: kconf.Warning, Title: "Unicast here, multicast there",
			What: "One node sends to unicast_peer, the other to the multicast group.",
			Why:  "One of them, or neither, hears the other: both are master.",
			Fix:  "write unicast_peer on both nodes or on neither",
			Bad:  conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")), BadPeer: conf(router("priority 90")),
			Good: conf(router("")), GoodPeer: conf(router("priority 90")),
			References: []string{"unicast_peer"},
			Compare: differ("unicast_peer", "they do not hear each other", func(i *config.Instance) string {
				if i.Params.Unicast() {
					return "set"
				}
				return "not set"
			}),
		},
		{
			ID: "peer-not-named", Theme: Peers, Severity: kconf.Warning, Title: "Unicast peers that do not name each other",
			What: "The source address of one node is not among the unicast_peer of the other.",
			Why:  "The other node sends its advertisements elsewhere: this one does not hear them and is master too.",
			Fix:  "name each node's unicast_src_ip in unicast_peer of the other",
			Bad:  conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")), BadPeer: conf(router("priority 90; unicast_src_ip 192.0.2.3; unicast_peer { 192.0.2.4 }")),
			Good: conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")), GoodPeer: conf(router("priority 90; unicast_src_ip 192.0.2.3; unicast_peer { 192.0.2.2 }")),
			References: []string{"unicast_peer", "unicast_src_ip"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					if !p.Here.Params.Unicast() || !p.There.Params.Unicast() {
						continue
					}
					if a := p.Here.Source; a.IsValid() && !names(p.There, a) && a != p.There.Source {
						r.At(c.Here.place(p.Here, "unicast_src_ip", "mcast_src_ip"), c.There.place(p.There, "unicast_peer"), "%s: source %v is no unicast_peer of the other node", p.label(), a)
					}
					if a := p.There.Source; a.IsValid() && !names(p.Here, a) && a != p.Here.Source {
						r.At(c.Here.place(p.Here, "unicast_peer"), c.There.place(p.There, "unicast_src_ip", "mcast_src_ip"), "%s: source %v of the other node is no unicast_peer here", p.label(), a)
					}
				}
			},
		},
		{
			ID: "peer-source-same", Theme: Peers, Severity: kconf.Warning, Title: "Both nodes send from the same address",
			What: "unicast_src_ip or mcast_src_ip is the same on both nodes. One of the files is a copy in which it was not changed.",
			Why:  "One node cannot send from it: it is in FAULT, or both are master.",
			Fix:  "write each node's own address",
			Bad:  conf(router("mcast_src_ip 192.0.2.2")), BadPeer: conf(router("priority 90; mcast_src_ip 192.0.2.2")),
			Good: conf(router("mcast_src_ip 192.0.2.2")), GoodPeer: conf(router("priority 90; mcast_src_ip 192.0.2.3")),
			References: []string{"unicast_src_ip", "mcast_src_ip"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					if a := p.Here.Source; a.IsValid() && a == p.There.Source {
						at, other := c.both(p, "unicast_src_ip", "mcast_src_ip")
						r.At(at, other, "%s: source %v on both nodes", p.label(), a)
					}
				}
			},
		},
		{
			ID: "peer-multicast-differs", Theme: Peers, Severity: kconf.Warning, Title: "Different multicast groups",
			What: "The nodes send to different multicast groups (mcast_dst_ip, vrrp_mcast_group4).",
			Why:  "Neither hears the other: both are master.",
			Fix:  "use the same group on both nodes",
			Bad:  conf(router("mcast_dst_ip 224.0.0.118")), BadPeer: conf(router("priority 90")),
			Good: conf(router("mcast_dst_ip 224.0.0.118")), GoodPeer: conf(router("priority 90; mcast_dst_ip 224.0.0.118")),
			References: []string{"mcast_dst_ip", "vrrp_mcast_group4"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					here, there := p.Here.Params.MulticastGroup(), p.There.Params.MulticastGroup()
					if !p.Here.Params.Unicast() && !p.There.Params.Unicast() && here != there {
						at, other := c.both(p, "mcast_dst_ip")
						r.At(at, other, "%s: advertisements go to %v here and to %v there", p.label(), here, there)
					}
				}
			},
		},
		{
			ID: "peer-checksum-differs", Theme: Peers, Severity: kconf.Note, Title: "Different checksums in version 3",
			What: "One node leaves the pseudo header out of version 3 checksums (v3_checksum_as_v2), the other does not.",
			Why:  "keepalived drops advertisements with the other checksum; holdfast takes both. With a keepalived peer both nodes are master.",
			Fix:  "write v3_checksum_as_v2 on both nodes or on neither",
			Bad:  conf(router("version 3; v3_checksum_as_v2")), BadPeer: conf(router("priority 90; version 3")),
			Good: conf(router("version 3")), GoodPeer: conf(router("priority 90; version 3")),
			References: []string{"v3_checksum_as_v2", "RFC 9568 section 5.2.8"},
			Compare: differ("v3_checksum_as_v2", "checksums do not agree", func(i *config.Instance) string {
				if i.Params.ChecksumAsV2 && i.Params.Version == 3 && !i.Params.IPv6 {
					return "on"
				}
				return "off"
			}),
		},
		{
			ID: "peer-group-differs", Theme: Peers, Severity: kconf.Warning, Title: "Different sync groups",
			What: "A virtual router moves together with others on one node, and with other ones, or none, on the other node.",
			Why:  "After a fault part of the group is on one node and part on the other, which the group was to prevent.",
			Fix:  "put the same instances into the group on both nodes",
			Bad:  conf(router(""), second(""), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"), BadPeer: conf(router("priority 90"), second("priority 90")),
			Good: conf(router(""), second(""), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"), GoodPeer: conf(router("priority 90"), second("priority 90"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			References: []string{"vrrp_sync_group"},
			Compare: func(c *Comparison, r Report) {
				for _, p := range c.Routers {
					here, there := c.Here.companions(p.Here), c.There.companions(p.There)
					if !slices.Equal(here, there) {
						at, other := c.Here.groupPlace(p.Here), c.There.groupPlace(p.There)
						r.At(at, other, "%s: moves with %s here, with %s there", p.label(), orNobody(here), orNobody(there))
					}
				}
			},
		},
	}
}

func compareWeights(c *Comparison, r Report) {
	for _, p := range c.Routers {
		here, there := c.Here.reachOf(p.Here), c.There.reachOf(p.There)
		mine, theirs := c.Here.weighted(p.Here), c.There.weighted(p.There)
		switch {
		case here.healthy > there.healthy && len(mine) > 0 && !p.Here.Params.Owner() && here.lowest >= there.healthy:
			r.At(mine[0].pos, c.There.place(p.There, "priority"), "%s: with %s the priority here is %d, that of the other node %d: %s",
				p.label(), allFailed(mine), here.lowest, there.healthy, outcome(here.lowest > there.healthy))
		case there.healthy > here.healthy && len(theirs) > 0 && !p.There.Params.Owner() && there.lowest >= here.healthy:
			r.At(c.Here.place(p.Here, "priority"), theirs[0].pos, "%s: with %s the priority of the other node is %d, here it is %d: %s",
				p.label(), allFailed(theirs), there.lowest, here.healthy, outcome(there.lowest > here.healthy))
		}
	}
}

func outcome(above bool) string {
	if above {
		return "the addresses stay"
	}
	return "the higher address decides"
}

// twin is the instance of the list that carries the first address of i under
// another id.
func twin(i *config.Instance, list []*config.Instance) *config.Instance {
	if len(i.Addresses) == 0 {
		return nil
	}
	for _, o := range list {
		if slices.Contains(addresses(o.Addresses), i.Addresses[0].Prefix.Addr().String()) {
			return o
		}
	}
	return nil
}

func family(i *config.Instance) string {
	if i.Params.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// addresses are the addresses without lengths and links, which may differ.
func addresses(list []host.Address) []string {
	var words []string
	for _, a := range list {
		words = append(words, a.Prefix.Addr().String())
	}
	return words
}

func authWord[T ~uint8](t T) string {
	switch t {
	case 1:
		return "PASS"
	case 2:
		return "AH"
	}
	return "none"
}

// names says whether a is a unicast_peer of i.
func names(i *config.Instance, a netip.Addr) bool {
	for _, p := range i.Params.Peers {
		if p.Addr == a {
			return true
		}
	}
	return false
}

// companions are the other routers of i's sync group, by family and id.
func (in *Input) companions(i *config.Instance) []string {
	var list []string
	for _, o := range in.Config.Instances {
		if o != i && i.SyncGroup != "" && o.SyncGroup == i.SyncGroup {
			list = append(list, fmt.Sprintf("%d (%s)", o.VRID, family(o)))
		}
	}
	slices.Sort(list)
	return list
}

func (in *Input) groupPlace(i *config.Instance) kconf.Pos {
	if b := in.block("vrrp_sync_group", i.SyncGroup); b != nil {
		return b.Pos()
	}
	return i.Pos
}

func orNobody(list []string) string {
	if len(list) == 0 {
		return "no other"
	}
	return "virtual router " + strings.Join(list, ", ")
}
