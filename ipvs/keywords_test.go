package ipvs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/ipvs"
	"holdfast/kconf"
)

// parseBlocks makes a tree of a small configuration: one statement a line,
// blocks open at the end of a line and close on a line of their own.
func parseBlocks(text string) []*kconf.Stmt {
	root := &kconf.Stmt{}
	stack := []*kconf.Stmt{root}
	for n, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if fields[0] == "}" {
			stack = stack[:len(stack)-1]
			continue
		}
		s := &kconf.Stmt{Raw: strings.TrimSpace(line)}
		for _, f := range fields {
			if f == "{" {
				s.HasBlock = true
				continue
			}
			s.Words = append(s.Words, kconf.Word{Text: f, Pos: kconf.At("k", n+1, strings.Index(line, f)+1)})
		}
		top := stack[len(stack)-1]
		top.Block = append(top.Block, s)
		if s.HasBlock {
			stack = append(stack, s)
		}
	}
	return root.Block
}

func decode(text string) (*ipvs.Config, []string) {
	var c ipvs.Config
	x := &kconf.Ctx{Diags: &kconf.Diagnostics{}}
	ipvs.Keywords(func(c *ipvs.Config) *ipvs.Config { return c },
		ipvs.CheckKeyword("TCP_CHECK", "Connect.", nil, func(_ *kconf.Ctx, s *kconf.Stmt) any { return len(s.Block) })).Decode(x, &c, parseBlocks(text))
	c.Complete(x)
	var msgs []string
	for _, d := range x.Diags.All() {
		msgs = append(msgs, d.String())
	}
	return &c, msgs
}

// started is the table that the whole configuration wants at start.
func started(c *ipvs.Config) string {
	t := ipvs.Table{}
	for _, v := range c.VirtualServers {
		var m ipvs.VirtualServer
		m.Step(ipvs.Startup{Params: v.Params()}, nil)
		for k, p := range m.Desired() {
			t[k] = p
		}
	}
	return t.String()
}

const plain = "lvs_sched rr\nlvs_method NAT\nprotocol TCP\n"

// Tables as keepalived 2.2.7 makes them on Linux 6.1, read with ipvsadm.
func TestConfigurationBecomesTable(t *testing.T) {
	tests := map[string]struct{ config, want string }{
		"old spellings, inheritance, port of the service": {
			"virtual_server 10.9.0.100 80 {\nlb_algo wrr\nlb_kind NAT\nprotocol tcp\nweight 4\nreal_server 10.9.0.11 {\n}\nreal_server 10.9.0.12 8080 {\nweight 0\nlvs_method NAT\n}\n}",
			"-A -t 10.9.0.100:80 -s wrr\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 4\n-a -t 10.9.0.100:80 -r 10.9.0.12:8080 -m -w 0\n"},
		"fwmark, NAT with and without port": {
			"virtual_server fwmark 7 {\nlvs_sched wrr\nlvs_method NAT\nreal_server 10.9.0.11 8080 {\n}\nreal_server 10.9.0.12 {\n}\n}",
			"-A -f 7 -s wrr\n-a -f 7 -r 10.9.0.11:8080 -m -w 1\n-a -f 7 -r 10.9.0.12:0 -m -w 1\n"},
		"fwmark takes the family of its servers": {
			"virtual_server fwmark 8 {\nlvs_sched wrr\nlvs_method DR\npersistence_timeout 50\nreal_server fd09::11 8080 {\n}\n}",
			"-A -f 8 -6 -s wrr -p 50\n-a -f 8 -6 -r [fd09::11]:0 -g -w 1\n"},
		"sh with everything": {
			"virtual_server fd09::100 443 {\nlvs_sched sh\nsh-port\nsh-fallback\npersistence_granularity 64\nlvs_method NAT\nprotocol TCP\nreal_server fd09::11 443 {\nuthreshold 100\nlthreshold 20\n}\n}",
			"-A -t [fd09::100]:443 -s sh -p 360 -M 64 -b sh-fallback,sh-port\n-a -t [fd09::100]:443 -r [fd09::11]:443 -m -w 1 -x 100 -y 20\n"},
		"tunnels": {
			"virtual_server 10.9.0.100 80 {\nlvs_sched rr\nprotocol TCP\nlvs_method TUN type gue port 6080 csum\nreal_server 10.9.0.11 80 {\n}\nreal_server 10.9.0.12 80 {\nlvs_method TUN type gre csum\n}\nreal_server fd09::13 80 {\nlvs_method TUN\n}\n}",
			"-A -t 10.9.0.100:80 -s rr\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum\n-a -t 10.9.0.100:80 -r 10.9.0.12:80 -i -w 1 --tun-type gre --tun-csum\n-a -t 10.9.0.100:80 -r [fd09::13]:80 -i -w 1 --tun-type ipip\n"},
		"port 0 gets persistence": {
			"virtual_server 10.9.0.112 {\n" + plain + "real_server 10.9.0.11 {\n}\n}",
			"-A -t 10.9.0.112:0 -s rr -p 360\n-a -t 10.9.0.112:0 -r 10.9.0.11:0 -m -w 1\n"},
		"group across a /24, prefix, mark; granularity is kept": {
			"virtual_server_group G {\n10.9.6.254-10.9.7.1 80\n10.1.0.0/31 81\n10.2.0.1-2 82\nfwmark 40\n}\nvirtual_server group G {\n" + plain + "persistence_timeout 60\npersistence_granularity 255.255.255.0\nreal_server 10.9.0.11 80 {\n}\n}",
			groupTable()},
		"ipv6 range counts in hexadecimal": {
			"virtual_server_group G {\nfd09::9-b 80\n}\nvirtual_server group G {\n" + plain + "real_server fd09::11 80 {\n}\n}",
			"-A -t [fd09::9]:80 -s rr\n-a -t [fd09::9]:80 -r [fd09::11]:80 -m -w 1\n-A -t [fd09::a]:80 -s rr\n-a -t [fd09::a]:80 -r [fd09::11]:80 -m -w 1\n-A -t [fd09::b]:80 -s rr\n-a -t [fd09::b]:80 -r [fd09::11]:80 -m -w 1\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, msgs := decode(tt.config)
			if d := cmp.Diff(tt.want, started(c)); d != "" {
				t.Errorf("table (-want +got):\n%s\n%s", d, strings.Join(msgs, "\n"))
			}
			for _, v := range c.VirtualServers {
				for _, k := range v.Keys() {
					if err := k.Validate(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}

func groupTable() string {
	var b strings.Builder
	for _, service := range []string{"-t 10.1.0.0:81", "-t 10.1.0.1:81", "-t 10.2.0.1:82", "-t 10.2.0.2:82",
		"-t 10.9.6.254:80", "-t 10.9.6.255:80", "-t 10.9.7.0:80", "-t 10.9.7.1:80", "-f 40"} {
		fmt.Fprintf(&b, "-A %s -s rr -p 60 -M 255.255.255.0\n-a %s -r 10.9.0.11:80 -m -w 1\n", service, service)
	}
	return b.String()
}

func TestConfigurationMistakesAreSaidWhereTheyAre(t *testing.T) {
	block := func(lines string) string {
		return "virtual_server 10.9.0.100 80 {\n" + plain + "real_server 10.9.0.11 80 {\n}\n" + lines + "\n}"
	}
	tests := map[string]struct{ config, want string }{
		"no real server":           {"virtual_server 10.9.0.100 80 {\n" + plain + "}", "k:1:1: virtual_server: has no real_server and is dropped"},
		"unknown group":            {"virtual_server group X {\n}", "k:1:1: note: virtual_server group X: there is no such virtual_server_group; dropped"},
		"empty group":              {"virtual_server_group G {\n10.0.0.9-1 80\n}", "k:2:1: virtual_server_group: 10.0.0.9-1 is no address, range or prefix"},
		"host bits":                {"virtual_server_group G {\n10.0.0.9/24 80\n}", "k:2:1: virtual_server_group: 10.0.0.9/24"},
		"huge range":               {"virtual_server_group G {\n10.0.0.0-10.2.0.0\n}", "up to 65536 addresses"},
		"mark 0":                   {"virtual_server fwmark 0 {\n}", "k:1:23: virtual_server fwmark 0: must be 1-4294967295"},
		"scheduler":                {block("lvs_sched wlcc"), "lvs_sched wlcc: must be rr, wrr"},
		"flag of another":          {block("sh-port"), "k:7:1: sh-port: lvs_sched sh must stand before"},
		"gue without port":         {block("lvs_method TUN type gue"), "k:7:12: lvs_method TUN: gue needs a port"},
		"port without gue":         {block("lvs_method TUN port 5"), "only gue has a port"},
		"remcsum with gre":         {block("lvs_method TUN type gre remcsum"), "only gue has remcsum"},
		"lower case":               {block("lvs_method nat"), "lvs_method nat: must be NAT, DR or TUN"},
		"sorry keyword first":      {block("sorry_server_inhibit"), "k:7:1: sorry_server_inhibit: must stand behind sorry_server"},
		"quorum too high":          {block("quorum 5"), "k:7:1: warning: quorum 5: exceeds the weights of all servers, 1 is used"},
		"hysteresis too high":      {block("hysteresis 1"), "k:7:1: warning: hysteresis 1: must be below quorum, 0 is used"},
		"quorum never gained":      {block("quorum 2\nhysteresis 1\nreal_server 10.9.0.12 80 {\n}"), "k:8:1: note: quorum 2 with hysteresis 1: all servers together weigh 2"},
		"duplicate":                {block("real_server 10.9.0.11 80 {\n}"), "k:7:1: real_server 10.9.0.11:80: given before, the first one counts"},
		"duplicate without port":   {"virtual_server 10.9.0.100 80 {\n" + plain + "real_server 10.9.0.11 {\n}\nreal_server 10.9.0.11 0 {\n}\n}", "k:7:1: real_server 10.9.0.11: given before, the first one counts (see k:5:1)"},
		"other family":             {block("real_server fd09::1 80 {\n}"), "k:7:1: server fd09::1: is not inet as its virtual_server; dropped"},
		"ops on tcp":               {block("ops"), "k:7:1: warning: ops: is for UDP, ignored"},
		"family conflict":          {block("ip_family inet6"), "k:7:11: ip_family inet6: the address is of the other family"},
		"lower threshold alone":    {block("real_server 10.9.0.12 80 {\nlthreshold 5\n}"), "k:8:1: warning: lthreshold 5: above uthreshold 0, ignored"},
		"DR with another port":     {block("real_server 10.9.0.12 81 {\nlvs_method DR\n}"), "k:7:1: warning: server 10.9.0.12:81: only NAT changes ports, 80 is used"},
		"nothing said":             {"virtual_server 10.9.0.100 80 {\nreal_server 10.9.0.11 80 {\n}\n}", "warning: virtual_server: no protocol, UDP is used"},
		"ha_suspend with a mark":   {"virtual_server fwmark 5 {\nha_suspend\nreal_server 10.9.0.11 {\n}\n}", "k:2:1: warning: ha_suspend: means nothing for a firewall mark"},
		"protocol with a mark":     {"virtual_server fwmark 5 {\n" + plain + "real_server 10.9.0.11 {\n}\n}", "warning: virtual_server fwmark: protocol is ignored"},
		"unknown in virtual":       {block("lvs_shed rr"), "k:7:1: unknown keyword lvs_shed; did you mean lvs_sched?"},
		"lb_kind in a real server": {block("real_server 10.9.0.12 80 {\nlb_kind DR\n}"), "k:8:1: unknown keyword lb_kind"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, msgs := decode(tt.config)
			if !strings.Contains(strings.Join(msgs, "\n"), tt.want) {
				t.Errorf("diagnostics %q, want one with %q", msgs, tt.want)
			}
		})
	}
}

// The rows of what keepalived 2.2.7 repairs, and how; each was tried with
// keepalived -t or on a kernel with ip_vs.
func TestWhatCannotBeAsWrittenIsRepairedAsKeepalivedDoes(t *testing.T) {
	server := "real_server 10.9.0.11 80 {\n}\n"
	oneServer := "-A -t 10.9.0.100:80 -s rr\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 1\n"
	v4 := func(lines string) string { return "virtual_server 10.9.0.100 80 {\n" + plain + lines + "}" }
	mark := func(lines string) string { return "virtual_server fwmark 5 {\nlvs_sched rr\n" + lines + "}" }
	group := func(entries, lines string) string {
		return "virtual_server_group G {\n" + entries + "}\nvirtual_server group G {\n" + lines + "}"
	}
	tests := map[string]struct{ config, table, says string }{
		"an address that is none drops the block":      {"virtual_server 10.9.0.300 80 {\n" + plain + server + "}", "", "10.9.0.300"},
		"a port that is none drops the block":          {"virtual_server 10.9.0.100 80000 {\n" + plain + server + "}", "", "80000"},
		"a mark that is no number drops the block":     {"virtual_server fwmark five {\n" + plain + server + "}", "", "five"},
		"a sorry server alone does not save a service": {v4("sorry_server 10.9.0.99 80\n"), "", "has no real_server and is dropped"},
		"an empty group is dropped, and who uses it":   {group("", plain+server), "", "has no entries and is dropped"},
		"a server of the other family is dropped":      {v4(server + "real_server fd09::12 80 {\n}\n"), oneServer, "server fd09::12: is not inet"},
		"unless it is behind a tunnel": {v4(server + "real_server fd09::12 80 {\nlvs_method TUN\n}\n"),
			oneServer + "-a -t 10.9.0.100:80 -r [fd09::12]:80 -i -w 1 --tun-type ipip\n", ""},
		"the last usable server gone, the service goes":      {v4("real_server fd09::12 80 {\n}\n"), "", "has no real_server and is dropped"},
		"a sorry server of the other family is dropped":      {v4(server + "sorry_server fd09::99 80\nalpha\n"), oneServer, "server fd09::99: is not inet"},
		"a mark takes the family that all its servers have":  {mark("lvs_method NAT\nreal_server fd09::11 80 {\n}\n"), "-A -f 5 -6 -s rr\n-a -f 5 -6 -r [fd09::11]:80 -m -w 1\n", ""},
		"servers of both families behind a mark: IPv4":       {mark("lvs_method TUN\nreal_server fd09::11 {\n}\nreal_server 10.9.0.11 {\n}\n"), "-A -f 5 -s rr\n-a -f 5 -r 10.9.0.11:0 -i -w 1 --tun-type ipip\n-a -f 5 -r [fd09::11]:0 -i -w 1 --tun-type ipip\n", ""},
		"ip_family that contradicts the address is not used": {v4("ip_family inet6\n" + server), oneServer, "the address is of the other family"},
		"without protocol a service is UDP":                  {"virtual_server 10.9.0.100 80 {\nlvs_sched rr\nlvs_method NAT\n" + server + "}", "-A -u 10.9.0.100:80 -s rr\n-a -u 10.9.0.100:80 -r 10.9.0.11:80 -m -w 1\n", "no protocol, UDP is used"},
		"a mark has no protocol":                             {mark("lvs_method NAT\nprotocol TCP\n" + server), "-A -f 5 -s rr\n-a -f 5 -r 10.9.0.11:80 -m -w 1\n", "protocol is ignored"},
		"ops is for UDP":                                     {v4("ops\n" + server), oneServer, "ops: is for UDP, ignored"},
		"ops stays with UDP":                                 {"virtual_server 10.9.0.100 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol UDP\nops\n" + server + "}", "-A -u 10.9.0.100:80 -s rr -o\n-a -u 10.9.0.100:80 -r 10.9.0.11:80 -m -w 1\n", ""},
		"every port needs persistence: six minutes":          {"virtual_server 10.9.0.100 {\n" + plain + "real_server 10.9.0.11 {\n}\n}", "-A -t 10.9.0.100:0 -s rr -p 360\n-a -t 10.9.0.100:0 -r 10.9.0.11:0 -m -w 1\n", "persistence_timeout 360 is used"},
		"also if only one entry of a group has no port": {group("10.9.5.1 80\n10.9.5.2\n", plain+server),
			"-A -t 10.9.5.1:80 -s rr -p 360\n-a -t 10.9.5.1:80 -r 10.9.0.11:80 -m -w 1\n-A -t 10.9.5.2:0 -s rr -p 360\n-a -t 10.9.5.2:0 -r 10.9.0.11:80 -m -w 1\n", "persistence_timeout 360 is used"},
		"without a scheduler it is wlc":                                  {"virtual_server 10.9.0.100 80 {\nlvs_method NAT\nprotocol TCP\n" + server + "}", "-A -t 10.9.0.100:80 -s wlc\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 1\n", "no lvs_sched, wlc is used"},
		"without a method it is NAT":                                     {"virtual_server 10.9.0.100 80 {\nlvs_sched rr\nprotocol TCP\n" + server + "}", oneServer, "no lvs_method, NAT is used"},
		"nobody needs the method of the service if every server has one": {"virtual_server 10.9.0.100 80 {\nlvs_sched rr\nprotocol TCP\nreal_server 10.9.0.11 80 {\nlvs_method NAT\n}\n}", oneServer, ""},
		"a method line that contradicts itself is ignored whole":         {v4("lvs_method TUN type gre remcsum\n" + server), oneServer, "only gue has remcsum"},
		"the second of two equal servers is dropped":                     {v4(server + "real_server 10.9.0.11 80 {\nweight 9\n}\n"), oneServer, "given before, the first one counts"},
		"NAT without port has the service's, in silence":                 {v4("real_server 10.9.0.11 {\n}\n"), oneServer, ""},
		"no other method changes ports":                                  {v4("real_server 10.9.0.11 81 {\nlvs_method DR\n}\n"), "-A -t 10.9.0.100:80 -s rr\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -g -w 1\n", "only NAT changes ports, 80 is used"},
		"nor does a sorry server's":                                      {v4(server + "lvs_method DR\nsorry_server 10.9.0.99 81\n"), "-A -t 10.9.0.100:80 -s rr\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 1\n", "only NAT changes ports, 80 is used"},
		"behind a mark only NAT has a port":                              {mark("lvs_method DR\n" + server), "-A -f 5 -s rr\n-a -f 5 -r 10.9.0.11:0 -g -w 1\n", "behind a firewall mark only NAT has ports, 0 is used"},
		"in a group every method but NAT has the member's port": {group("10.9.5.1 81\n", "lvs_sched rr\nprotocol TCP\nlvs_method DR\n"+server),
			"-A -t 10.9.5.1:81 -s rr\n-a -t 10.9.5.1:81 -r 10.9.0.11:81 -g -w 1\n", "only NAT changes ports, behind 10.9.5.1 it is 81"},
		"a bad group entry is left out, the others stay": {group("10.9.5.9-1 80\n10.9.5.1/24 80\nfwmark 3 inet5\n10.9.5.1 80\n", plain+server),
			"-A -t 10.9.5.1:80 -s rr\n-a -t 10.9.5.1:80 -r 10.9.0.11:80 -m -w 1\n", "10.9.5.9-1 is no address"},
		"two servers that become one destination are one: omitted port": {v4(server + "real_server 10.9.0.11 {\nweight 9\n}\n"), oneServer, "k:7:1: note: server 10.9.0.11:80: is the same destination as one before; dropped"},
		"two servers that become one destination are one: corrected port": {v4("lvs_method DR\n" + server + "real_server 10.9.0.11 81 {\nweight 9\n}\n"),
			"-A -t 10.9.0.100:80 -s rr\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -g -w 1\n", "same destination"},
		"flags of another scheduler are ignored": {v4("mh-port\n" + server), oneServer, "mh-port: lvs_sched mh must stand before"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, msgs := decode(tt.config)
			if d := cmp.Diff(tt.table, started(c)); d != "" {
				t.Errorf("table (-want +got):\n%s", d)
			}
			if said := strings.Join(msgs, "\n"); tt.says == "" && len(msgs) > 0 || !strings.Contains(said, tt.says) {
				t.Errorf("says %q, want %q", msgs, tt.says)
			}
		})
	}
}

func TestQuorumAndSorryServerAreMadePossible(t *testing.T) {
	tests := map[string]struct {
		lines              string
		quorum, hysteresis uint64
		sorryInhibit       bool
	}{
		"as written":                        {"quorum 2\nhysteresis 1\n", 2, 1, false},
		"quorum above all weights":          {"quorum 10\n", 3, 0, false}, // 1 + 2
		"hysteresis not below quorum":       {"quorum 2\nhysteresis 2\n", 2, 1, false},
		"both":                              {"quorum 10\nhysteresis 9\n", 3, 2, false},
		"sorry server with inhibit":         {"sorry_server 10.9.0.99 80\nsorry_server_inhibit\n", 1, 0, true},
		"a real server's inhibit prevails":  {"sorry_server 10.9.0.11 80\nsorry_server_inhibit\n", 1, 0, false},
		"also when it is the one that does": {"sorry_server 10.9.0.12 80\n", 1, 0, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, msgs := decode("virtual_server 10.9.0.100 80 {\n" + plain + "real_server 10.9.0.11 80 {\nweight 1\n}\nreal_server 10.9.0.12 80 {\nweight 2\ninhibit_on_failure\n}\n" + tt.lines + "}")
			if len(c.VirtualServers) != 1 {
				t.Fatalf("dropped: %q", msgs)
			}
			p := c.VirtualServers[0].Params()
			if p.Quorum != tt.quorum || p.Hysteresis != tt.hysteresis || p.Sorry != nil && p.Sorry.Inhibit != tt.sorryInhibit {
				t.Errorf("quorum %d hysteresis %d sorry %+v, want %d %d inhibit %v; %q", p.Quorum, p.Hysteresis, p.Sorry, tt.quorum, tt.hysteresis, tt.sorryInhibit, msgs)
			}
		})
	}
}

func TestTimersAndChecksAreKeptForTheCheckers(t *testing.T) {
	c, msgs := decode("virtual_server 10.9.0.100 80 {\n" + plain + `delay_loop 2.5
alpha
retry 3
real_server 10.9.0.11 80 {
warmup 0
alpha no
notify_down "/bin/n 'a b'" nobody
TCP_CHECK {
connect_timeout 1
}
}
}`)
	if len(msgs) != 0 || len(c.VirtualServers) != 1 {
		t.Fatalf("diagnostics %q", msgs)
	}
	v := c.VirtualServers[0]
	r := v.RealServers[0]
	if *v.DelayLoop != 2500*time.Millisecond || *v.Retry != 3 || !*v.Alpha || v.Warmup != nil {
		t.Errorf("virtual server %+v", v.Inherited)
	}
	if *r.Warmup != 0 || *r.Alpha || r.DelayLoop != nil {
		t.Errorf("real server %+v", r.Inherited)
	}
	if len(r.Checks) != 1 || r.Checks[0] != 1 { // the block has one statement
		t.Errorf("checks %v", r.Checks)
	}
	if d := cmp.Diff([]string{"/bin/n", "a b"}, r.NotifyDown.Argv); d != "" || r.NotifyDown.User != "nobody" {
		t.Errorf("notify_down %+v", r.NotifyDown)
	}
}

func TestServerWithoutPortIsNamedByTheServicesPort(t *testing.T) {
	for _, method := range []string{"NAT", "DR"} {
		c, _ := decode("virtual_server 10.9.0.100 80 {\nlvs_sched rr\nprotocol TCP\nlvs_method " + method + "\nreal_server 10.9.0.11 {\n}\n}")
		p := c.VirtualServers[0].Params()
		if got := p.Servers[0].Name; got != "[10.9.0.11]:tcp:80" || p.Servers[0].Key.Port() != 80 {
			t.Errorf("%s: server %s, key %v; want port 80", method, got, p.Servers[0].Key)
		}
	}
}

func TestNamesOfVirtualServers(t *testing.T) {
	c, _ := decode("virtual_server_group G {\n10.0.0.1 80\n}\nvirtual_server group G {\n" + plain + "real_server 10.9.0.11 80 {\n}\n}\n" +
		"virtual_server group G {\nlvs_sched rr\nlvs_method NAT\nprotocol UDP\nreal_server 10.9.0.11 80 {\n}\n}\nvirtual_server fwmark 7 {\nlvs_sched rr\nlvs_method NAT\nreal_server 10.9.0.11 {\n}\n}")
	var names []string
	for _, v := range c.VirtualServers {
		names = append(names, v.Name()+" "+v.ServerName(v.RealServers[0]))
	}
	want := []string{"[G]:0 [10.9.0.11]:tcp:80", "[G]:1 [10.9.0.11]:udp:80", "FWM 7 [10.9.0.11]:none:0"}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
}
