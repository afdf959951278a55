package doctor

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/daemon/config"
	"holdfast/ipvs"
	"holdfast/kconf"
)

// serviceRules are about virtual servers as such.
func serviceRules() []Rule {
	return []Rule{
		{
			ID: "service-stands-twice", Theme: Balancing, Severity: kconf.Warning, Title: "Two virtual servers for the same traffic",
			What: "Two virtual_server blocks, or an entry of a virtual_server_group and another block, have the same protocol, address and port, or the same firewall mark. ip_vs has one service for both.",
			Why:  "The servers of the second block get no traffic, or both blocks write to one service and undo each other.",
			Fix:  "join the blocks, or correct the address",
			Bad:  conf(service(""), service("")), Good: conf(service(""), with("virtual_server 192.0.2.100 443", "delay_loop 5; lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 443 { TCP_CHECK { connect_timeout 2 } }", "")),
			References: []string{"virtual_server", "virtual_server_group"},
			Covers:     []string{"duplicate-service"},
			Find: func(in *Input, r Report) {
				for _, d := range in.Read {
					if d.ID == "duplicate-service" {
						r.At(d.Pos, d.Related, "%s", d.Message)
					}
				}
				first := map[ipvs.ServiceKey]*config.Service{}
				for _, s := range in.Config.Services {
					for _, k := range s.Conf.Keys() {
						if o := first[k]; o != nil && o != s {
							r.At(s.Conf.Pos, o.Conf.Pos, "virtual_server %s: %s is a service of %s too", s.Params.Name, k.Name(), o.Params.Name)
							break
						}
						first[k] = s
					}
				}
			},
		},
		{
			ID: "protocol-left-out", Theme: Balancing, Severity: kconf.Warning, Title: "Virtual server without a protocol is UDP",
			What:       "The virtual_server has an address and no protocol. keepalived then balances UDP.",
			Why:        "TCP connections to the address are refused, although every check finds the servers up.",
			Fix:        "write protocol TCP, UDP or SCTP",
			Bad:        conf(with("virtual_server 192.0.2.100 80", "delay_loop 5; lvs_sched rr; lvs_method NAT; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } }", "")),
			Good:       conf(service("")),
			References: []string{"protocol", "virtual_server"},
			Covers:     []string{"no-protocol"},
			Find:       explain("TCP to this address is not balanced", "no-protocol"),
		},
		{
			ID: "protocol-of-a-mark", Theme: Balancing, Severity: kconf.Note, Title: "Protocol of a firewall mark",
			What:       "A virtual_server of a firewall mark has a protocol. The mark alone decides which packets belong to it.",
			Why:        "Whoever reads the file expects other protocols to be left alone. They are not, if they carry the mark.",
			Fix:        "take protocol away, and mark only what is to be balanced",
			Bad:        conf(with("virtual_server fwmark 1", "delay_loop 5; lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } }", "")),
			Good:       conf(with("virtual_server fwmark 1", "delay_loop 5; lvs_sched rr; lvs_method NAT; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } }", "")),
			References: []string{"fwmark", "protocol"},
			Covers:     []string{"mark-protocol"},
			Find:       explainAt([]string{"protocol"}, "the mark alone decides", "mark-protocol"),
		},
		{
			ID: "one-packet-not-udp", Theme: Balancing, Severity: kconf.Warning, Title: "ops with TCP",
			What: "ops, one-packet scheduling, is for UDP. With another protocol it is ignored.",
			Why:  "Packets of one connection stay together, so the load is not spread as intended.",
			Fix:  "take ops away, or write protocol UDP",
			Bad:  conf(service("ops")), Good: conf(service("ops; protocol UDP; real_server 198.51.100.11 80 { UDP_CHECK { require_reply } }")),
			References: []string{"ops", "protocol"},
			Covers:     []string{"ops-protocol"},
			Find:       explain("connections stay with their server", "ops-protocol"),
		},
		{
			ID: "port-cannot-change", Theme: Balancing, Severity: kconf.Warning, Title: "Another port with DR or TUN",
			What:       "With lvs_method DR and TUN the packet goes to the real server unchanged, so the port of real_server has to be that of the service. Another one is replaced.",
			Why:        "The check asks the port that is written and finds the server up; clients get to the other port, where nothing listens.",
			Fix:        "let the real server listen on the service's port and write that, or use lvs_method NAT",
			Bad:        conf(service("lvs_method DR; real_server 198.51.100.11 8080 { TCP_CHECK { connect_timeout 2 } }")),
			Good:       conf(service("lvs_method NAT; real_server 198.51.100.11 8080 { TCP_CHECK { connect_timeout 2 } }")),
			References: []string{"lvs_method", "real_server"},
			Covers:     []string{"server-port"},
			Find:       findOtherPorts,
		},
		{
			ID: "tunnel-needs-its-end", Theme: Balancing, Severity: kconf.Note, Title: "What TUN asks of the real servers",
			What: "With lvs_method TUN packets reach the real server inside others. It needs a tunnel device (tunl0 for ipip), the virtual address on it, rp_filter off there, and 20 octets less of packet size.",
			Why:  "Without the device nothing answers, though checks to the server's own address succeed; with the usual packet size small pages work and large ones hang.",
			Fix:  "bring up tunl0 with the virtual address on every real server, and lower the MSS by 20",
			Bad:  conf(service("lvs_method TUN")), Good: conf(service("lvs_method DR")),
			References: []string{"lvs_method"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Services {
					for _, rs := range s.Conf.RealServers {
						if rs.Method != nil && rs.Method.Forward == ipvs.Tunnel {
							r.At(placeIn(in.serviceBlock(s), s.Conf.Pos, "lvs_method", "lb_kind"), rs.Pos, "virtual_server %s: real_server %v is reached through a tunnel", s.Params.Name, rs.Addr.Addr())
							break
						}
					}
				}
			},
		},
		{
			ID: "every-port-persistent", Theme: Balancing, Severity: kconf.Note, Title: "Port 0 makes the service persistent",
			What:       "A virtual_server with port 0, or none, takes every port. ip_vs allows that only with persistence, so persistence_timeout 360 is set.",
			Why:        "Clients behind one address all land on one server, and stay there for six minutes after it was taken out softly.",
			Fix:        "write the port, or the persistence_timeout that is meant",
			Bad:        conf(with("virtual_server 192.0.2.100 0", "delay_loop 5; lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } }", "")),
			Good:       conf(service("")),
			References: []string{"virtual_server", "persistence_timeout"},
			Covers:     []string{"port-0-persistence"},
			Find:       explain("a client stays with its server for that long", "port-0-persistence"),
		},
		{
			ID: "persistence-for-seconds", Theme: Balancing, Severity: kconf.Note, Title: "Persistence of less than half a minute",
			What: "persistence_timeout is below 30 seconds, counted from the last connection.",
			Why:  "A user who reads a page for half a minute comes back to another server, and is logged out there.",
			Fix:  "use some minutes, or take persistence away",
			Bad:  conf(service("persistence_timeout 5")), Good: conf(service("persistence_timeout 300")),
			References: []string{"persistence_timeout"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Services {
					if p := s.Conf.PersistenceTimeout; p > 0 && p < 30*time.Second {
						r.At(placeIn(in.serviceBlock(s), s.Conf.Pos, "persistence_timeout"), kconf.Pos{}, "virtual_server %s: persistence_timeout %v", s.Params.Name, p)
					}
				}
			},
		},
		{
			ID: "service-without-address", Theme: Balancing, Severity: kconf.Warning, Title: "Virtual server whose address nobody carries",
			What: "The address of a virtual_server is in no instance of the file and on no link of this machine, while other virtual addresses are configured.",
			Why:  "Packets to the address do not reach the balancer. Mostly one digit differs from the address in virtual_ipaddress.",
			Fix:  "add the address to an instance, or correct it",
			Bad:  conf(router("virtual_ipaddress { 192.0.2.200/24 }"), service("")), Good: conf(router(""), service("")),
			References: []string{"virtual_server", "virtual_ipaddress"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Services {
					a := s.Conf.Addr.Addr()
					if !a.IsValid() || len(in.vips()) == 0 || in.Machine == nil || in.Machine.Addresses == nil || in.Config.IsVirtual(a) || in.static(a) {
						continue
					}
					if _, here := in.onHost(a); !here {
						r.At(s.Conf.Pos, in.vips()[0].pos, "virtual_server %s: no vrrp_instance carries %v, and this machine has it not", s.Params.Name, a)
					}
				}
			},
		},
		{
			ID: "sync-daemon-both-ways", Theme: Balancing, Severity: kconf.Note, Title: "Sync daemon without an instance",
			What:       "lvs_sync_daemon names no instance, so the machine sends and receives connection states at the same time, whoever is master.",
			Why:        "Twice the traffic on the link, and states of a backup that has none of its own. After a takeover it works, as long as every node is set up so.",
			Fix:        "name the vrrp_instance whose master sends",
			Bad:        conf("global_defs { lvs_sync_daemon eth1 }", router(""), service("")),
			Good:       conf("global_defs { lvs_sync_daemon eth1 VI_1 }", router(""), service("")),
			References: []string{"lvs_sync_daemon"},
			Find: func(in *Input, r Report) {
				if d := in.Config.Global.SyncDaemon; d != nil && d.Instance == "" && len(in.Config.Instances) > 0 {
					r.At(d.Pos, in.Config.Instances[0].Pos, "lvs_sync_daemon %s: names no vrrp_instance", d.Interface)
				}
			},
		},
		{
			ID: "sync-daemon-of-nobody", Theme: Balancing, Severity: kconf.Warning, Title: "Sync daemon follows an instance that is not there",
			What:       "lvs_sync_daemon names a vrrp_instance that the file does not have.",
			Why:        "The daemon never gets its role: after a takeover all connections are lost, as if it were not configured.",
			Fix:        "name an instance of the file",
			Bad:        conf("global_defs { lvs_sync_daemon eth1 VI_7 }", router(""), service("")),
			Good:       conf("global_defs { lvs_sync_daemon eth1 VI_1 }", router(""), service("")),
			References: []string{"lvs_sync_daemon"},
			Covers:     []string{"unknown-instance"},
			Find: func(in *Input, r Report) {
				w, named := in.syncInstance()
				if !named || slices.ContainsFunc(in.Config.Instances, func(i *config.Instance) bool { return i.Name == w.Text }) {
					return
				}
				r.At(w.Pos, kconf.Pos{}, "lvs_sync_daemon: there is no vrrp_instance %s", w.Text)
			},
		},
		{
			ID: "server-behind-router", Theme: Balancing, Severity: kconf.Note, Title: "Direct routing to a server in another subnet",
			What:       "With lvs_method DR the packet goes to the real server's MAC address, so the server has to be on a link of the balancer. It is in no subnet of this machine.",
			Why:        "The packet is handed to the router on the way, which sends it back to the virtual address: a loop, and no answer, though the check finds the server up.",
			Fix:        "use TUN or NAT, or put the server on the same link",
			Bad:        conf(service("lvs_method DR; real_server 203.0.113.211 80 { TCP_CHECK { connect_timeout 2 } }")),
			Good:       conf(service("lvs_method DR")),
			References: []string{"lvs_method", "real_server"},
			Find:       findFarServers,
		},
	}
}

// findOtherPorts leaves out servers behind a firewall mark: their port is for the
// check alone, and right as it is.
func findOtherPorts(in *Input, r Report) {
	for _, d := range in.Read {
		if d.ID == "server-port" && !strings.Contains(d.Message, "firewall mark") {
			r.At(d.Pos, d.Related, "%s: packets keep the port they came with", d.Message)
		}
	}
}

// syncInstance is the word of lvs_sync_daemon that names an instance: IF [[inst]
// INSTANCE] and options with a value each. The old form has an id there.
func (in *Input) syncInstance() (w kconf.Word, named bool) {
	s := in.global("lvs_sync_daemon")
	if s == nil || len(s.Words) < 3 {
		return w, false
	}
	w = s.Words[2]
	if w.Text == "inst" && len(s.Words) > 3 {
		return s.Words[3], true
	}
	_, err := strconv.Atoi(w.Text)
	return w, err != nil && !slices.Contains([]string{"inst", "id", "maxlen", "port", "ttl", "group"}, w.Text)
}

// findFarServers finds direct routing to where this machine has no subnet.
func findFarServers(in *Input, r Report) {
	if in.Machine == nil || len(in.Machine.Addresses) == 0 {
		return
	}
	near := func(a netip.Addr) bool {
		for _, have := range in.Machine.Addresses {
			if have.Prefix.Masked().Contains(a) {
				return true
			}
		}
		for _, v := range in.vips() {
			if v.Prefix.Masked().Contains(a) {
				return true
			}
		}
		return in.static(a)
	}
	for _, s := range in.Config.Services {
		for _, rs := range s.Conf.RealServers {
			if a := rs.Addr.Addr(); rs.Method != nil && rs.Method.Forward == ipvs.DirectRoute && !near(a) {
				r.At(rs.Pos, s.Conf.Pos, "virtual_server %s: real_server %v is in no subnet of this machine, and DR does not pass routers", s.Params.Name, a)
			}
		}
	}
}

// serviceBlock is the virtual_server statement of s.
func (in *Input) serviceBlock(s *config.Service) *kconf.Stmt { return in.stmtAt(s.Conf.Pos) }
