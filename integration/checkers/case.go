package checkers

import (
	"fmt"
	"net/netip"
	"strings"
)

// A Case is a real server that behaves in some way, and the check that looks at it.
type Case struct {
	Name  string   // what the server does; with Check's keyword unique
	Check []string // keyword, then the lines of its block; "" is a closing bracket
	// Better says why holdfast does not do what keepalived was seen doing, and
	// Ours what it logs instead.
	Better string
	Ours   []string

	// Like names the case whose record is used: the emulated machine is too slow for
	// this one, or keepalived would do nothing else any more.
	Like string

	Serve    func(*Place) // what is put up at the real server's place; nil: nothing
	Filter   string       // verdict of nftables on packets to the place
	Redirect int          // port of a shared server where connections to the place arrive
	Absent   bool         // no machine has the address
	Addr     string       // of the real server; "": ServerAddr, or one of its own for PING_CHECK
	Globals  string       // blocks outside of virtual servers; cases that share them share a daemon
	Service  []string     // more lines of the virtual server
	Server   []string     // more lines of the real server
	// Changes are what a file is given after the start, one text when as many
	// lines are logged as there were changes.
	Changes []string
}

// Addresses of the lab. All cases share the servers' machine, each with a port of
// its own; the service of a case has the same port.
const (
	ServerAddr   = "10.9.0.11"
	ServerAddr6  = "fd09::11"
	ServiceAddr  = "10.9.0.100"
	ServiceAddr6 = "fd09::100"
	markedAddr   = "10.9.0.17" // which only marked packets of the first director reach
	firstPort    = 1000
)

// keyword is the checker's.
func (c *Case) keyword() string { return c.Check[0] }

// title names the case in the record.
func (c *Case) title() string { return c.keyword() + " " + c.Name }

// datagrams says whether the real server is spoken to over UDP.
func (c *Case) datagrams() bool { return c.keyword() == "UDP_CHECK" || c.keyword() == "DNS_CHECK" }

// conf is the virtual server of the case. Each check runs once, after a second,
// unless the case has timers of its own: the first failure at a start is final.
func (c *Case) conf(at netip.AddrPort) string {
	service := ServiceAddr
	if at.Addr().Is6() {
		service = ServiceAddr6
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("virtual_server %s %d {", service, at.Port())
	line("delay_loop 600\nwarmup 0\nconnect_timeout 20\nlb_algo rr\nlb_kind NAT\nprotocol TCP")
	for _, l := range c.Service {
		line("%s", l)
	}
	line("real_server %v %d {\nweight 10", at.Addr(), at.Port())
	for _, l := range c.Server {
		line("%s", l)
	}
	line("%s {", c.keyword())
	if c.keyword() != "FILE_CHECK" {
		line("log_all_failures")
	}
	for _, l := range c.Check[1:] {
		if l == "" {
			l = "}"
		}
		line("%s", l)
	}
	line("}\n}\n}")
	return b.String()
}
