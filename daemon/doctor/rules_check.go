package doctor

import (
	"time"

	"holdfast/checkers"
	"holdfast/daemon/config"
	"holdfast/kconf"
)

// checkRules are about health checks.
func checkRules() []Rule {
	return []Rule{
		{
			ID: "checked-too-seldom", Theme: Checks, Severity: kconf.Note, Title: "Checks more than a minute apart",
			What: "delay_loop is longer than a minute.",
			Why:  "A server that dies right after a check gets its share of the connections until the next one.",
			Fix:  "use a delay_loop of a few seconds",
			Bad:  conf(service("delay_loop 300")), Good: conf(service("delay_loop 5")),
			References: []string{"delay_loop"},
			Find: func(in *Input, r Report) {
				in.eachCheck(func(s *config.Service, _ int, c checkers.Spec) {
					if d := c.Timing.DelayLoop; d > time.Minute {
						r.At(in.checkPlace(s, c, "delay_loop"), c.Pos, "%s of %s: the next check comes after %v", c.Kind.Keyword, s.Params.Name, d)
					}
				})
			},
		},
		{
			ID: "check-outlasts-its-period", Theme: Checks, Severity: kconf.Note, Title: "connect_timeout longer than delay_loop",
			What: "A check may wait longer for the connection than the time between two checks. The next one begins only after it.",
			Why:  "A server that does not answer is looked at less often than one that does, and found down later than delay_loop suggests.",
			Fix:  "make connect_timeout shorter than delay_loop",
			Bad:  conf(service("delay_loop 1")), Good: conf(service("delay_loop 5")),
			References: []string{"connect_timeout", "delay_loop"},
			Find: func(in *Input, r Report) {
				in.firstCheck(func(s *config.Service, _ int, c checkers.Spec) bool {
					late := c.Kind.Keyword != "MISC_CHECK" && c.Kind.Keyword != "FILE_CHECK" && c.Target.Timeout > c.Timing.DelayLoop
					if late {
						r.At(in.checkPlace(s, c, "connect_timeout"), in.checkPlace(s, c, "delay_loop"), "%s of %s: connect_timeout %v is longer than delay_loop %v", c.Kind.Keyword, s.Params.Name, c.Target.Timeout, c.Timing.DelayLoop)
					}
					return late
				})
			},
		},
		{
			ID: "failure-found-late", Theme: Checks, Severity: kconf.Warning, Title: "A dead server is kept for more than a minute",
			What: "The attempts of a check (retry), each with its connect_timeout, and the pauses between them (delay_before_retry) take more than a minute together.",
			Why:  "From its first failed attempt on a server keeps its share of the connections for that long.",
			Fix:  "lower retry, connect_timeout or delay_before_retry",
			Bad:  conf(service("retry 5; delay_before_retry 15")), Good: conf(service("retry 2; delay_before_retry 1")),
			References: []string{"retry", "delay_before_retry", "connect_timeout"},
			Find: func(in *Input, r Report) {
				in.eachCheck(func(s *config.Service, _ int, c checkers.Spec) {
					attempt := c.Target.Timeout
					if m, ok := c.Config.(*checkers.MiscConfig); ok {
						attempt = m.Limit
					}
					n := time.Duration(c.Timing.Retry)
					if took := attempt*(n+1) + c.Timing.DelayBeforeRetry*n; took > time.Minute && n > 0 {
						r.At(in.checkPlace(s, c, "retry", "nb_get_retry", "delay_before_retry", "connect_timeout"), c.Pos, "%s of %s: %d attempts of up to %v, %v apart: a dead server is kept for up to %v after the first", c.Kind.Keyword, s.Params.Name, n+1, attempt, c.Timing.DelayBeforeRetry, took)
					}
				})
			},
		},
		{
			ID: "slow-program-check", Theme: Checks, Severity: kconf.Warning, Title: "MISC_CHECK that may run longer than its period",
			What:       "misc_timeout is longer than the time between two checks, or is not set while the check has a shorter delay_loop than its virtual_server, whose delay_loop is then the limit.",
			Why:        "A program that hangs is noticed only after the timeout, and runs pile up one behind the other.",
			Fix:        "set misc_timeout below delay_loop",
			Bad:        conf(secure, service("real_server 198.51.100.11 80 { MISC_CHECK { misc_path /usr/local/bin/chk; misc_timeout 30 } }")),
			Good:       conf(secure, service("real_server 198.51.100.11 80 { MISC_CHECK { misc_path /usr/local/bin/chk; misc_timeout 3 } }")),
			References: []string{"MISC_CHECK", "misc_timeout", "delay_loop"},
			Find: func(in *Input, r Report) {
				in.eachCheck(func(s *config.Service, _ int, c checkers.Spec) {
					if m, ok := c.Config.(*checkers.MiscConfig); ok && m.Limit > c.Timing.DelayLoop {
						r.At(in.checkPlace(s, c, "misc_timeout"), in.checkPlace(s, c, "delay_loop"), "MISC_CHECK of %s: a run may take %v, the next one is due after %v", s.Params.Name, m.Limit, c.Timing.DelayLoop)
					}
				})
			},
		},
		{
			ID: "page-not-looked-at", Theme: Checks, Severity: kconf.Note, Title: "url without status_code, digest or regex",
			What:       "A url of HTTP_GET or SSL_GET says nothing about the answer, so any status from 200 to 299 passes, whatever the page says.",
			Why:        "An application that shows its error page with status 200 stays in the pool; one that redirects is taken out.",
			Fix:        "add status_code, and regex or digest where the page tells",
			Bad:        conf(service("real_server 198.51.100.11 80 { HTTP_GET { connect_timeout 2; url { path / } } }")),
			Good:       conf(service("real_server 198.51.100.11 80 { HTTP_GET { connect_timeout 2; url { path /; status_code 200 } } }")),
			References: []string{"url", "status_code", "digest", "regex"},
			Find: func(in *Input, r Report) {
				in.firstCheck(func(s *config.Service, _ int, c checkers.Spec) (found bool) {
					h, ok := c.Config.(*checkers.HTTPConfig)
					if !ok {
						return false
					}
					for _, u := range h.URLs {
						if u.Status == nil && u.Digest == "" && u.Regex == nil {
							r.At(in.urlPlace(c, u.Path), c.Pos, "%s of %s: %s passes with any status from 200 to 299", c.Kind.Keyword, s.Params.Name, u.Path)
							found = true
						}
					}
					return found
				})
			},
		},
		{
			ID: "reply-not-waited-for", Theme: Checks, Severity: kconf.Note, Title: "UDP_CHECK without require_reply",
			What:       "Without require_reply a UDP_CHECK passes unless the host says that the port is closed.",
			Why:        "A host that is off, or a firewall that drops packets, passes the check: its clients wait for nothing.",
			Fix:        "add require_reply, with a payload the service answers",
			Bad:        conf(service("protocol UDP; real_server 198.51.100.11 80 { UDP_CHECK { connect_timeout 2 } }")),
			Good:       conf(service("protocol UDP; real_server 198.51.100.11 80 { UDP_CHECK { connect_timeout 2; require_reply } }")),
			References: []string{"UDP_CHECK", "require_reply", "payload"},
			Find: func(in *Input, r Report) {
				in.firstCheck(func(s *config.Service, n int, c checkers.Spec) bool {
					u, ok := c.Config.(*checkers.UDPConfig)
					if !ok || u.RequireReply || len(s.Checks[n]) > 1 {
						return false
					}
					r.At(c.Pos, s.Conf.RealServers[n].Pos, "UDP_CHECK of %s: silence passes", s.Params.Name)
					return true
				})
			},
		},
		{
			ID: "only-pinged", Theme: Checks, Severity: kconf.Note, Title: "Real server that is only pinged",
			What:       "The only check of a real_server is PING_CHECK. It finds the host, not the service.",
			Why:        "The service dies, its host answers pings, and every so many clients are refused.",
			Fix:        "add a check of the service, TCP_CHECK at least",
			Bad:        conf(service("real_server 198.51.100.11 80 { PING_CHECK { connect_timeout 2 } }")),
			Good:       conf(service("real_server 198.51.100.11 80 { PING_CHECK { connect_timeout 2 }; TCP_CHECK { connect_timeout 2 } }")),
			References: []string{"PING_CHECK", "TCP_CHECK"},
			Find: func(in *Input, r Report) {
				in.firstCheck(func(s *config.Service, n int, c checkers.Spec) bool {
					alone := c.Kind.Keyword == "PING_CHECK" && len(s.Checks[n]) == 1
					if alone {
						r.At(c.Pos, s.Conf.RealServers[n].Pos, "real_server %v of %s: a ping says nothing about the service", s.Conf.RealServers[n].Addr, s.Params.Name)
					}
					return alone
				})
			},
		},
		{
			ID: "asks-another-host", Theme: Checks, Severity: kconf.Note, Title: "Checks of several servers ask the same address",
			What: "Checks of different real servers of one service ask the same address and port (connect_ip).",
			Why:  "They fail together, whichever server is dead. Mostly connect_ip was copied with the block.",
			Fix:  "take connect_ip away, or name the address that belongs to the server",
			Bad: conf(service("real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2; connect_ip 198.51.100.11 } }; " +
				"real_server 198.51.100.12 80 { TCP_CHECK { connect_timeout 2; connect_ip 198.51.100.11 } }")),
			Good:       conf(service("real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } }; real_server 198.51.100.12 80 { TCP_CHECK { connect_timeout 2 } }")),
			References: []string{"connect_ip", "connect_port"},
			Find: func(in *Input, r Report) {
				type question struct {
					service *config.Service
					kind    string
					target  checkers.Target
				}
				first := map[question]kconf.Pos{}
				server := map[question]int{}
				in.eachCheck(func(s *config.Service, n int, c checkers.Spec) {
					q := question{s, c.Kind.Keyword, c.Target}
					switch at, asked := first[q]; {
					case c.Kind.Keyword == "MISC_CHECK" || c.Kind.Keyword == "FILE_CHECK" || c.Kind.Keyword == "BFD_CHECK":
					case !asked:
						first[q], server[q] = c.Pos, n
					case server[q] != n && s.Conf.RealServers[n].Addr.Addr() != s.Conf.RealServers[server[q]].Addr.Addr():
						r.At(in.checkPlace(s, c, "connect_ip"), at, "%s of real_server %v: asks %v, as that of %v does", c.Kind.Keyword, s.Conf.RealServers[n].Addr, c.Target.Addr, s.Conf.RealServers[server[q]].Addr)
					}
				})
			},
		},
	}
}

// eachCheck goes through all checks, with the index of their real server.
func (in *Input) eachCheck(visit func(s *config.Service, server int, c checkers.Spec)) {
	for _, s := range in.Config.Services {
		for n, list := range s.Checks {
			for _, c := range list {
				visit(s, n, c)
			}
		}
	}
}

// firstCheck is eachCheck until visit has found something in a virtual server: its
// real servers are mostly copies of each other.
func (in *Input) firstCheck(visit func(s *config.Service, server int, c checkers.Spec) (found bool)) {
	done := map[*config.Service]bool{}
	in.eachCheck(func(s *config.Service, server int, c checkers.Spec) {
		done[s] = done[s] || visit(s, server, c)
	})
}

// checkPlace is where the first of these keywords stands that c gets its value
// from: in the check, in its real_server, in its virtual_server; else the check.
func (in *Input) checkPlace(s *config.Service, c checkers.Spec, keywords ...string) kconf.Pos {
	service := in.serviceBlock(s)
	if service == nil {
		return c.Pos
	}
	for _, rs := range service.Block {
		for _, check := range rs.Block {
			if placeKey(check.Pos()) != placeKey(c.Pos) {
				continue
			}
			for _, b := range []*kconf.Stmt{check, rs, service} {
				if p := placeIn(b, kconf.Pos{}, keywords...); p.IsValid() {
					return p
				}
			}
		}
	}
	return c.Pos
}

// urlPlace is where the url with that path stands.
func (in *Input) urlPlace(c checkers.Spec, path string) kconf.Pos {
	check := in.stmtAt(c.Pos)
	if check == nil {
		return c.Pos
	}
	for _, u := range check.Block {
		if p := last(u, "path"); u.Keyword() == "url" && p != nil && len(p.Words) > 1 && p.Words[1].Text == path {
			return u.Pos()
		}
	}
	return c.Pos
}
