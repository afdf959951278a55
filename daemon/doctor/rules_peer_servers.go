package doctor

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/daemon/config"
	"holdfast/ipvs"
	"holdfast/kconf"
)

// peerServerRules are about the virtual servers of two nodes, and what else
// should or should not be the same.
func peerServerRules() []Rule {
	return []Rule{
		{
			ID: "peer-service-missing", Theme: Peers, Severity: kconf.Warning, Title: "Virtual server on one node only",
			What: "One node balances an address or a firewall mark that the other does not.",
			Why:  "After a failover the address is there and nobody balances it: connections are refused.",
			Fix:  "add the virtual_server to the other node",
			Bad:  conf(router(""), service("")), BadPeer: conf(router("priority 90")),
			Good: conf(router(""), service("")), GoodPeer: conf(router("priority 90"), service("")),
			References: []string{"virtual_server"},
			Compare: func(c *Comparison, r Report) {
				for _, s := range c.Here.Config.Services {
					if c.There.service(s.Params.Name) == nil {
						r.At(s.Conf.Pos, c.There.top(), "virtual_server %s: is missing there", s.Params.Name)
					}
				}
				for _, s := range c.There.Config.Services {
					if c.Here.service(s.Params.Name) == nil {
						r.At(c.Here.top(), s.Conf.Pos, "virtual_server %s of the other node: is missing here", s.Params.Name)
					}
				}
			},
		},
		{
			ID: "peer-servers-differ", Theme: Peers, Severity: kconf.Warning, Title: "Different real servers",
			What: "The nodes have different real servers for one virtual server, or different weights for one of them.",
			Why:  "After a failover some servers get nothing, or more than they can do, and connections that were synchronised are lost.",
			Fix:  "write the same real_server blocks on both nodes",
			Bad:  conf(router(""), service("")), BadPeer: conf(router("priority 90"), service("real_server 198.51.100.12 80 { TCP_CHECK { connect_timeout 2 } }")),
			Good: conf(router(""), service("")), GoodPeer: conf(router("priority 90"), service("")),
			References: []string{"real_server", "weight"},
			Compare: eachService(func(c *Comparison, here, there *config.Service, r Report) {
				if m := lacks(servers(here), servers(there)); m != "" {
					r.At(here.Conf.Pos, there.Conf.Pos, "virtual_server %s: %s", here.Params.Name, m)
					return
				}
				for n, a := range here.Params.Servers {
					for _, b := range there.Params.Servers {
						if a.Key == b.Key && a.Weight != b.Weight {
							r.At(here.Conf.RealServers[n].Pos, there.Conf.Pos, "virtual_server %s: real_server %v has weight %d here, %d there", here.Params.Name, a.Key, a.Weight, b.Weight)
						}
					}
				}
			}),
		},
		{
			ID: "peer-service-differs", Theme: Peers, Severity: kconf.Warning, Title: "One virtual server, balanced in two ways",
			What: "The nodes differ in the scheduler, the forwarding method, persistence, quorum or the sorry server of one virtual server.",
			Why:  "After a failover it behaves otherwise: users lose their sessions, or real servers that are set up for DR get packets by NAT and do not answer.",
			Fix:  "write the same settings on both nodes",
			Bad:  conf(router(""), service("lvs_method NAT")), BadPeer: conf(router("priority 90"), service("lvs_method DR")),
			Good: conf(router(""), service("lvs_method NAT")), GoodPeer: conf(router("priority 90"), service("lvs_method NAT")),
			References: []string{"lvs_sched", "lvs_method", "persistence_timeout", "quorum", "sorry_server"},
			Compare: eachService(func(c *Comparison, here, there *config.Service, r Report) {
				h, t := settings(here), settings(there)
				for n := range h {
					if h[n].value != t[n].value {
						r.At(placeIn(c.Here.serviceBlock(here), here.Conf.Pos, h[n].keywords...), placeIn(c.There.serviceBlock(there), there.Conf.Pos, h[n].keywords...),
							"virtual_server %s: %s %s here, %s there", here.Params.Name, h[n].keywords[0], h[n].value, t[n].value)
					}
				}
			}),
		},
		{
			ID: "peer-name-same", Theme: Peers, Severity: kconf.Note, Title: "The same router_id on both nodes",
			What: "Both files set the same router_id. It is the name of the node in alert mails.",
			Why:  "The mail at night does not say which node it is about.",
			Fix:  "write each node's own name, or leave router_id away to have the host name",
			Bad:  conf("global_defs { router_id LVS }", router("")), BadPeer: conf("global_defs { router_id LVS }", router("priority 90")),
			Good: conf("global_defs { router_id lb1 }", router("")), GoodPeer: conf("global_defs { router_id lb2 }", router("priority 90")),
			References: []string{"router_id"},
			Compare: func(c *Comparison, r Report) {
				here, there := c.Here.global("router_id"), c.There.global("router_id")
				if here != nil && there != nil && len(here.Words) > 1 && len(there.Words) > 1 && here.Words[1].Text == there.Words[1].Text {
					r.At(here.Pos(), there.Pos(), "router_id %s on both nodes", here.Words[1].Text)
				}
			},
		},
		{
			ID: "peer-sync-daemon-differs", Theme: Peers, Severity: kconf.Warning, Title: "Sync daemon on one node only",
			What: "One node runs the ip_vs sync daemon and the other does not, or their ids differ. A daemon takes only states with its own id.",
			Why:  "After a failover all balanced connections are cut, as if there were no sync daemon.",
			Fix:  "write the same lvs_sync_daemon on both nodes, with the same id",
			Bad:  conf("global_defs { lvs_sync_daemon eth1 VI_1 id 7 }", router(""), service("")), BadPeer: conf("global_defs { lvs_sync_daemon eth1 VI_1 id 8 }", router("priority 90"), service("")),
			Good: conf("global_defs { lvs_sync_daemon eth1 VI_1 }", router(""), service("")), GoodPeer: conf("global_defs { lvs_sync_daemon eth1 VI_1 }", router("priority 90"), service("")),
			References: []string{"lvs_sync_daemon"},
			Compare: func(c *Comparison, r Report) {
				here, hereAt := c.Here.syncID()
				there, thereAt := c.There.syncID()
				if here != there {
					r.At(hereAt, thereAt, "lvs_sync_daemon: %s here, %s there", here, there)
				}
			},
		},
	}
}

// service is the virtual server of that name; nil if there is none.
func (in *Input) service(name string) *config.Service {
	i := slices.IndexFunc(in.Config.Services, func(s *config.Service) bool { return s.Params.Name == name })
	if i < 0 {
		return nil
	}
	return in.Config.Services[i]
}

// eachService compares the virtual servers that both nodes have.
func eachService(compare func(c *Comparison, here, there *config.Service, r Report)) func(*Comparison, Report) {
	return func(c *Comparison, r Report) {
		for _, s := range c.Here.Config.Services {
			if o := c.There.service(s.Params.Name); o != nil {
				compare(c, s, o, r)
			}
		}
	}
}

func servers(s *config.Service) []string {
	var list []string
	for _, rs := range s.Params.Servers {
		list = append(list, rs.Key.String())
	}
	return list
}

// setting is one property of a virtual server, with the keywords it comes from.
type setting struct {
	value    string
	keywords []string
}

// settings are what has to be the same on both nodes, always in the same order.
func settings(s *config.Service) []setting {
	var methods []string
	for _, rs := range s.Params.Servers {
		if m := methodWord(rs.Method); !slices.Contains(methods, m) {
			methods = append(methods, m)
		}
	}
	sorry := "none"
	if s.Params.Sorry != nil {
		sorry = s.Params.Sorry.Key.String()
	}
	return []setting{
		{string(s.Conf.Scheduler), []string{"lvs_sched", "lb_algo"}},
		{strings.Join(methods, " and "), []string{"lvs_method", "lb_kind"}},
		{fmt.Sprint(s.Conf.PersistenceTimeout), []string{"persistence_timeout"}},
		{fmt.Sprint(s.Conf.Quorum), []string{"quorum"}},
		{sorry, []string{"sorry_server"}},
	}
}

// methodWord is the argument of lvs_method.
func methodWord(m ipvs.ForwardingMethod) string {
	switch m {
	case ipvs.Tunnel:
		return "TUN"
	case ipvs.DirectRoute:
		return "DR"
	}
	return "NAT"
}

// syncID is the id the node's sync daemon has, in words, and where it is set.
func (in *Input) syncID() (string, kconf.Pos) {
	d, vrid := in.Config.SyncDaemon()
	switch {
	case d == nil:
		return "none", in.top()
	case d.ID != nil:
		return fmt.Sprintf("id %d", *d.ID), d.Pos
	}
	return fmt.Sprintf("id %d", vrid), d.Pos
}
