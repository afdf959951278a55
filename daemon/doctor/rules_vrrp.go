package doctor

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/kconf"
	"holdfast/vrrp"
)

func itoa(n int) string { return strconv.Itoa(n) }

// electionRules are about who is master.
func electionRules() []Rule {
	return []Rule{
		{
			ID: "preempting-master", Theme: Election, Severity: kconf.Warning, Title: "nopreempt has no effect",
			What: "nopreempt stands beside state MASTER or priority 255. Both mean that the node is to be master whenever it can, so nopreempt is ignored and the node preempts.",
			Why:  "After a repair the node takes the addresses back at once: a second interruption, at the moment it comes up, which nopreempt was written to avoid.",
			Fix:  "write state BACKUP and a priority below 255 on all nodes, and keep nopreempt",
			Bad:  conf(router("state MASTER; priority 150; nopreempt")), Good: conf(router("state BACKUP; priority 150; nopreempt")),
			References: []string{"nopreempt", "state", "priority", "RFC 9568 section 6.1, Preempt_Mode"},
			Covers:     []string{"nopreempt-master"},
			Find:       explain("this node takes the addresses back as soon as it returns", "nopreempt-master"),
		},
		{
			ID: "nopreempt-with-weight", Theme: Election, Severity: kconf.Warning, Title: "nopreempt makes weights pointless",
			What:       "The instance has nopreempt and trackers with a weight. A weight only changes the priority; a backup with nopreempt accepts a master of any priority.",
			Why:        "A tracked script fails on the master, its priority falls, and the addresses stay where the service is dead: no backup takes over.",
			Fix:        "track without a weight what must move the addresses, so that its failure is a FAULT, or take nopreempt away",
			Bad:        conf(secure, script("weight -60"), router("state BACKUP; nopreempt; track_script { chk }")),
			Good:       conf(secure, script(""), router("state BACKUP; nopreempt; track_script { chk }")),
			References: []string{"nopreempt", "weight", "track_script", "track_interface", "RFC 9568 section 6.4.2"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					for _, t := range in.weighted(i) {
						if !i.Params.PreemptMode {
							r.At(in.place(i, "nopreempt"), t.pos, "vrrp_instance %s: nopreempt: as backup it accepts a master whose priority has fallen, so weight %d of %s moves nothing", i.Name, t.weight, t.what())
							break
						}
					}
				}
			},
		},
		{
			ID: "delay-without-preemption", Theme: Election, Severity: kconf.Warning, Title: "preempt_delay has no effect",
			What: "preempt_delay stands beside state MASTER or nopreempt. With the first the node does not wait, with the second it never preempts; the delay is ignored.",
			Why:  "The node takes the addresses over without the pause, before its services are ready, or never takes them.",
			Fix:  "write state BACKUP and take nopreempt away where the delay is to count, else take preempt_delay away",
			Bad:  conf(router("state MASTER; priority 150; preempt_delay 60")), Good: conf(router("state BACKUP; priority 150; preempt_delay 60")),
			References: []string{"preempt_delay", "nopreempt", "state"},
			Covers:     []string{"preempt-delay"},
			Find:       explain("the node does not wait", "preempt-delay"),
		},
		{
			ID: "master-without-priority", Theme: Election, Severity: kconf.Warning, Title: "state MASTER without a priority is 255",
			What: "An instance with state MASTER and no priority gets priority 255, that of the address owner, not the usual 100.",
			Why:  "No weight can lower it, nopreempt does not count, and the node takes over at once whenever it starts. A second node set up the same way never yields.",
			Fix:  "write the priority that is meant, 100 for instance",
			Bad:  conf(router("state MASTER")), Good: conf(router("state MASTER; priority 150")),
			References: []string{"state", "priority", "RFC 9568 section 5.2.4"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					if i.State == "MASTER" && i.Priority == nil {
						r.At(in.place(i, "state"), kconf.Pos{}, "vrrp_instance %s: state MASTER without a priority: the priority is 255, the address owner's", i.Name)
					}
				}
			},
		},
		{
			ID: "owner-without-address", Theme: Election, Severity: kconf.Note, Title: "Priority 255 without owning the address",
			What: "Priority 255 is for the router that has the virtual address as its own, on the interface, all the time. Here no virtual address is an address of the machine.",
			Why:  "The node ignores its weights and takes over the moment it starts, without listening first. Two nodes with 255 are both master until one gives way.",
			Fix:  "use 254 for the preferred node",
			Bad:  conf(router("priority 255")), Good: conf(router("priority 254")),
			References: []string{"priority", "RFC 9568 section 5.2.4"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					if i.Priority == nil || !i.Params.Owner() || len(i.Addresses) == 0 || in.ownsAny(i) {
						continue
					}
					if list, known := in.fixed(i.Interface, !i.Params.IPv6); known && len(list) > 0 {
						r.At(in.place(i, "priority"), kconf.Pos{}, "vrrp_instance %s: priority 255, but %s has only %s of its own and none of the virtual addresses", i.Name, i.Interface, prefixes(list))
					}
				}
			},
		},
		{
			ID: "vrid-used-again", Theme: Election, Severity: kconf.Warning, Title: "One virtual_router_id for two routers on one link",
			What: "Two instances of one family use the same virtual_router_id on the same link, one of them unicast, or both with a peer in common. Whoever receives an advertisement tells routers apart by the id alone.",
			Why:  "Each router hears the advertisements that are meant for the other: addresses flap, or one of the two is never master.",
			Fix:  "give every virtual router of a link an id of its own",
			Bad: conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }"),
				named("VI_2", "virtual_ipaddress { 192.0.2.101/24 }; unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")),
			Good: conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }"),
				named("VI_2", "virtual_router_id 52; virtual_ipaddress { 192.0.2.101/24 }; unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")),
			References: []string{"virtual_router_id", "unicast_peer", "RFC 9568 section 5.2.3"},
			Find:       findSharedIDs,
		},
		{
			ID: "vrid-on-stacked-links", Theme: Election, Severity: kconf.Warning, Title: "One virtual_router_id on a link and on one that lies on it",
			What:       "Two instances of one family use the same virtual_router_id on a macvlan and on the link below it, or with use_vmac on a VLAN and on its parent. The first pair shares a segment; in the second both virtual MAC addresses are the same on one card.",
			Why:        "The two routers hear each other, or switches see one MAC address in two places: addresses flap or are reachable now and then.",
			Fix:        "give the two routers different ids",
			Bad:        conf(router("use_vmac"), named("VI_2", "interface eth0.10; use_vmac; virtual_ipaddress { 203.0.113.100/24 }")),
			Good:       conf(router("use_vmac"), named("VI_2", "interface eth0.10; use_vmac; virtual_router_id 52; virtual_ipaddress { 203.0.113.100/24 }")),
			References: []string{"virtual_router_id", "use_vmac", "RFC 9568 section 7.3"},
			Find:       findStackedIDs,
		},
		{
			ID: "families-apart", Theme: Election, Severity: kconf.Note, Title: "IPv4 and IPv6 router of one link may have different masters",
			What:       "An IPv4 and an IPv6 instance have the same virtual_router_id on one link and are in no common sync group. They are two virtual routers, elected apart.",
			Why:        "After a fault of one of them clients reach one node over IPv4 and the other over IPv6; whatever keeps state sees half of it.",
			Fix:        "put both into one vrrp_sync_group, or carry the IPv6 addresses in virtual_ipaddress_excluded",
			Bad:        conf(router(""), named("VI_6", "virtual_ipaddress { fe80::100/64; 2001:db8::100/64 }")),
			Good:       conf(router(""), named("VI_6", "virtual_ipaddress { fe80::100/64; 2001:db8::100/64 }"), "vrrp_sync_group G1 { group { VI_1; VI_6 } }"),
			References: []string{"vrrp_sync_group", "virtual_ipaddress_excluded"},
			Find: func(in *Input, r Report) {
				for n, i := range in.Config.Instances {
					for _, o := range in.Config.Instances[:n] {
						if i.VRID == o.VRID && i.Interface == o.Interface && i.Params.IPv6 != o.Params.IPv6 && (i.SyncGroup == "" || i.SyncGroup != o.SyncGroup) {
							r.At(i.Pos, o.Pos, "vrrp_instance %s: virtual_router_id %d on %s is that of %s for the other family, and no sync group joins them", i.Name, i.VRID, i.Interface, o.Name)
						}
					}
				}
			},
		},
	}
}

// findSharedIDs leaves out what the reading refuses: two multicast routers.
func findSharedIDs(in *Input, r Report) {
	for n, i := range in.Config.Instances {
		for _, o := range in.Config.Instances[:n] {
			if i.VRID != o.VRID || i.Interface != o.Interface || i.Params.IPv6 != o.Params.IPv6 {
				continue
			}
			common := slices.ContainsFunc(i.Params.Peers, func(p vrrp.Peer) bool {
				return slices.ContainsFunc(o.Params.Peers, func(q vrrp.Peer) bool { return p.Addr == q.Addr })
			})
			if common || i.Params.Unicast() != o.Params.Unicast() {
				r.At(in.place(i, "virtual_router_id"), in.place(o, "virtual_router_id"), "vrrp_instance %s: virtual_router_id %d on %s is that of %s too", i.Name, i.VRID, i.Interface, o.Name)
			}
		}
	}
}

func findStackedIDs(in *Input, r Report) {
	for n, i := range in.Config.Instances {
		for _, o := range in.Config.Instances[:n] {
			if i.VRID != o.VRID || i.Params.IPv6 != o.Params.IPv6 || i.Params.Unicast() || o.Params.Unicast() {
				continue
			}
			vmacs := in.has(i, "use_vmac") && in.has(o, "use_vmac")
			if in.liesOn(i, o, vmacs) || in.liesOn(o, i, vmacs) {
				r.At(in.place(i, "virtual_router_id"), in.place(o, "virtual_router_id"), "vrrp_instance %s: virtual_router_id %d on %s is that of %s on %s, and one of these links lies on the other", i.Name, i.VRID, i.Interface, o.Name, o.Interface)
			}
		}
	}
}

// liesOn says whether upper's link is a macvlan of lower's, or with vmacs a VLAN.
// Where the machine is not known a VLAN is told by its name.
func (in *Input) liesOn(upper, lower *config.Instance, vmacs bool) bool {
	if in.Machine != nil {
		u, here := in.Machine.Links[upper.Interface]
		l, there := in.Machine.Links[lower.Interface]
		if here && there {
			return u.Parent != 0 && u.Parent == l.Index && (u.Kind == "macvlan" || vmacs && u.Kind == "vlan")
		}
	}
	parent, _, vlan := strings.Cut(upper.Interface, ".")
	return vmacs && vlan && parent == lower.Interface
}

// ownsAny says whether the link has one of the instance's addresses as its first,
// which no instance has put there.
func (in *Input) ownsAny(i *config.Instance) bool {
	return slices.ContainsFunc(i.Addresses, func(a host.Address) bool { return in.primary(a) })
}

// primary says whether a is the first address of its link and family.
func (in *Input) primary(a host.Address) bool {
	if in.Machine == nil {
		return false
	}
	first, found := host.Address{}, false
	for _, have := range in.Machine.Addresses {
		if have.Link == a.Link && have.Prefix.Addr().Is4() == a.Prefix.Addr().Is4() && !have.Ours && (!found || have.Order < first.Order) {
			first, found = have, true
		}
	}
	return found && first.Prefix.Addr() == a.Prefix.Addr()
}

// down is how long the backups of i wait at most before they take over.
func down(i *config.Instance) time.Duration {
	return i.Params.ActiveDownInterval(i.Params.Priority, i.Params.Interval())
}
