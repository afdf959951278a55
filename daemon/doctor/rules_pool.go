package doctor

import (
	"holdfast/kconf"
)

// poolRules are about real servers, quorum and the sorry server.
func poolRules() []Rule {
	return []Rule{
		{
			ID: "pool-below-quorum", Theme: Balancing, Severity: kconf.Warning, Title: "Quorum above the weights of all servers",
			What: "quorum counts weights, and all servers together weigh less. It is lowered to their sum.",
			Why:  "The loss of a single server loses the quorum: the sorry server answers and quorum_down runs, although nearly all servers are well.",
			Fix:  "lower quorum, or raise the weights",
			Bad:  conf(service("quorum 5")), Good: conf(service("quorum 1")),
			References: []string{"quorum", "weight"},
			Covers:     []string{"quorum-too-high"},
			Find:       explain("the first server that fails loses the quorum", "quorum-too-high"),
		},
		{
			ID: "lost-quorum-stays-lost", Theme: Balancing, Severity: kconf.Warning, Title: "Hysteresis that no pool can satisfy",
			What:       "A lost quorum is gained again at quorum plus hysteresis, which has to be within the weights of all servers, and hysteresis has to be below quorum.",
			Why:        "After an outage all servers are back and the sorry server goes on answering, until the daemon is restarted.",
			Fix:        "lower hysteresis, or quorum",
			Bad:        conf(service("quorum 2; hysteresis 1; real_server 198.51.100.11 80 { weight 2; TCP_CHECK { connect_timeout 2 } }")),
			Good:       conf(service("quorum 2; hysteresis 1; real_server 198.51.100.11 80 { weight 3; TCP_CHECK { connect_timeout 2 } }")),
			References: []string{"hysteresis", "quorum"},
			Covers:     []string{"hysteresis-too-high", "quorum-unreachable"},
			Find:       explain("quorum plus hysteresis must be within the weights of all servers", "hysteresis-too-high", "quorum-unreachable"),
		},
		{
			ID: "sorry-server-in-pool", Theme: Balancing, Severity: kconf.Warning, Title: "Sorry server that is a real server too",
			What: "The sorry_server is one of the real servers of the same service. It answers when the quorum is lost, that is, when it has failed itself or the others have.",
			Why:  "In an outage clients are sent to a server that is dead, or the one that is left gets everything.",
			Fix:  "name a server that is not in the pool, with a page that says sorry",
			Bad:  conf(service("sorry_server 198.51.100.11 80")), Good: conf(service("sorry_server 198.51.100.99 80")),
			References: []string{"sorry_server", "real_server"},
			Covers:     []string{"sorry-inhibit"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Services {
					for _, rs := range s.Conf.RealServers {
						if s.Conf.Sorry != nil && rs.Addr == s.Conf.Sorry.Addr {
							r.At(s.Conf.Sorry.Pos, rs.Pos, "virtual_server %s: sorry_server %v is a real_server too", s.Params.Name, rs.Addr)
						}
					}
				}
			},
		},
		{
			ID: "server-never-checked", Theme: Balancing, Severity: kconf.Warning, Title: "Real server without a check",
			What: "A real_server has no check. It counts as up for ever.",
			Why:  "When it dies it keeps its share of the connections: every so many clients wait for nothing.",
			Fix:  "add a check, TCP_CHECK at least",
			Bad:  conf(service("real_server 198.51.100.11 80 { weight 1 }")), Good: conf(service("")),
			References: []string{"real_server", "TCP_CHECK"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Services {
					for _, rs := range s.Conf.RealServers {
						if len(rs.Checks) == 0 {
							r.At(rs.Pos, s.Conf.Pos, "virtual_server %s: real_server %v has no check and is never taken out", s.Params.Name, rs.Addr)
						}
					}
				}
			},
		},
		{
			ID: "all-weights-nought", Theme: Balancing, Severity: kconf.Warning, Title: "Every real server has weight 0",
			What:       "All servers of the service have weight 0. They get no new connections, and the scheduler has nobody to choose.",
			Why:        "New connections are refused, although all checks succeed.",
			Fix:        "give at least one server a weight",
			Bad:        conf(service("real_server 198.51.100.11 80 { weight 0; TCP_CHECK { connect_timeout 2 } }")),
			Good:       conf(service("real_server 198.51.100.11 80 { weight 1; TCP_CHECK { connect_timeout 2 } }")),
			References: []string{"weight", "real_server"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Services {
					sum := int64(0)
					for _, rs := range s.Params.Servers {
						sum += rs.Weight
					}
					if sum == 0 && len(s.Params.Servers) > 0 {
						r.At(s.Conf.Pos, s.Conf.RealServers[0].Pos, "virtual_server %s: %s, all of weight 0", s.Params.Name, plural(len(s.Params.Servers), "server"))
					}
				}
			},
		},
		{
			ID: "server-stands-twice", Theme: Balancing, Severity: kconf.Warning, Title: "One destination twice in a pool",
			What:       "Two real_server blocks of a service are the same destination once ports are filled in or corrected. ip_vs has one entry for both; the second block is not used.",
			Why:        "The server gets one share instead of two, and the check of the second block never runs.",
			Fix:        "take one away and give the other the weight of both",
			Bad:        conf(service("lvs_method DR; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } }; real_server 198.51.100.11 8080 { TCP_CHECK { connect_timeout 2 } }")),
			Good:       conf(service("lvs_method NAT; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } }; real_server 198.51.100.11 8080 { TCP_CHECK { connect_timeout 2 } }")),
			References: []string{"real_server", "lvs_method"},
			Covers:     []string{"duplicate-real-server"},
			Find:       explain("it gets one share, and one check", "duplicate-real-server"),
		},
		{
			ID: "dead-server-keeps-clients", Theme: Balancing, Severity: kconf.Note, Title: "inhibit_on_failure keeps persistent clients on a dead server",
			What: "The service has persistence, and servers that fail get weight 0 (inhibit_on_failure) instead of being removed. Weight 0 stops new clients only; known ones are still sent there until their persistence ends.",
			Why:  "Part of the users get errors for minutes after a server has failed, while everybody else is served.",
			Fix:  "take inhibit_on_failure away, or set net.ipv4.vs.expire_quiescent_template to 1",
			Bad:  conf(service("persistence_timeout 300; inhibit_on_failure")), Good: conf(service("persistence_timeout 300")),
			References: []string{"inhibit_on_failure", "persistence_timeout"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Services {
					for n, rs := range s.Params.Servers {
						if rs.Inhibit && s.Conf.PersistenceTimeout > 0 {
							b := in.serviceBlock(s)
							at := placeIn(in.stmtAt(s.Conf.RealServers[n].Pos), placeIn(b, s.Conf.Pos, "inhibit_on_failure"), "inhibit_on_failure")
							r.At(at, placeIn(b, s.Conf.Pos, "persistence_timeout"), "virtual_server %s: a failed %v keeps its clients for %v", s.Params.Name, rs.Key.Addr(), s.Conf.PersistenceTimeout)
							break
						}
					}
				}
			},
		},
	}
}
