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
			s.Words = append(s.Words, kconf.Word{Text: f, Pos: kconf.Pos{File: "k", Line: n + 1, Col: strings.Index(line, f) + 1}})
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
		ipvs.CheckKeyword("TCP_CHECK", "Connect.", nil)).Decode(x, &c, parseBlocks(text))
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
		"other family":             {block("real_server fd09::1 80 {\n}"), "k:7:1: server fd09::1: is not inet as its virtual_server; dropped"},
		"ops on tcp":               {block("ops"), "k:7:1: warning: ops: is for UDP, ignored"},
		"family conflict":          {block("ip_family inet6"), "k:7:11: ip_family inet6: the address is of the other family"},
		"lower threshold alone":    {block("real_server 10.9.0.12 80 {\nlthreshold 5\n}"), "k:7:1: warning: lthreshold 5: above uthreshold 0, ignored"},
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
	if len(r.Checks) != 1 || r.Checks[0].Keyword() != "TCP_CHECK" || len(r.Checks[0].Block) != 1 {
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
