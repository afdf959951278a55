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

// judged is a configuration with the class that its worst mistake has, which
// decides how --config-test ends.
func judged(text string) (*ipvs.Config, kconf.Class, []string) {
	var c ipvs.Config
	x := &kconf.Ctx{Diags: &kconf.Diagnostics{}}
	ipvs.Keywords(func(c *ipvs.Config) *ipvs.Config { return c }).Decode(x, &c, parseBlocks(text))
	c.Complete(x)
	var msgs []string
	for _, d := range x.Diags.All() {
		msgs = append(msgs, d.String())
	}
	return &c, x.Diags.Worst(), msgs
}

// TestRulesAcrossKeywordsOfAVirtualServer has a configuration that breaks each
// rule and one that just does not. All were shown to keepalived 2.2.7 -t.
func TestRulesAcrossKeywordsOfAVirtualServer(t *testing.T) {
	const none, general, number = kconf.ClassNone, kconf.ClassGeneral, kconf.ClassInvalidNumber
	server := "real_server 10.9.0.11 80 {\n}\n"
	vs := func(head, lines string) string { return "virtual_server " + head + " {\n" + lines + "}\n" }
	v4 := func(lines string) string { return vs("10.9.0.100 80", plain+lines) }
	mark := func(lines string) string { return vs("fwmark 5", "lvs_sched rr\nlvs_method NAT\n"+lines) }
	group := func(entries, lines string) string {
		return "virtual_server_group G {\n" + entries + "}\n" + vs("group G", "lvs_sched rr\nprotocol TCP\n"+lines)
	}
	nat := "lvs_method NAT\n" + server
	tests := map[string]struct {
		breaks string
		class  kconf.Class
		left   int // services that are left
		keeps  string
	}{
		"1 an address that is none":                  {vs("10.9.0.300 80", plain+server), general, 0, v4(server)},
		"1 a port that is none":                      {vs("10.9.0.100 65536", plain+server), number, 0, vs("10.9.0.100 65535", plain+server)},
		"2 a mark that is no number":                 {vs("fwmark x", plain+server), number, 0, mark(server)},
		"3 no real server":                           {v4("sorry_server 10.9.0.99 80\n"), general, 0, v4(server + "sorry_server 10.9.0.99 80\n")},
		"4 a group that nobody defined":              {vs("group G", plain+server), none, 0, group("10.9.0.100 80\n", nat)},
		"5 a group without entries":                  {group("", nat), general, 0, group("10.9.0.100 80\n", nat)},
		"6 a mark without family among both":         {group("10.9.0.1 80\nfd09::1 80\nfwmark 5\n", "lvs_method TUN\n"+server), general, 0, group("10.9.0.1 80\nfd09::1 80\nfwmark 5 inet\n", "lvs_method TUN\nreal_server 10.9.0.11 {\n}\n")},
		"7 a group of another family":                {group("fd09::1 80\n", nat), none, 0, group("fd09::1 80\n", "lvs_method TUN\n"+server)},
		"7 a group of both families":                 {group("10.9.0.1 80\nfd09::1 80\n", nat), none, 0, group("10.9.0.1 80\nfd09::1 80\n", "lvs_method TUN\n"+server)},
		"8 a server of the other family":             {v4(server + "real_server fd09::1 80 {\n}\n"), general, 1, v4(server + "real_server fd09::1 80 {\nlvs_method TUN\n}\n")},
		"8 TUN below the server comes too late":      {vs("10.9.0.100 80", "lvs_sched rr\nprotocol TCP\n"+server+"real_server fd09::1 80 {\n}\nlvs_method TUN\n"), general, 1, vs("10.9.0.100 80", "lvs_sched rr\nprotocol TCP\nlvs_method TUN\n"+server+"real_server fd09::1 80 {\n}\n")},
		"9 a sorry server of the other family":       {v4(server + "sorry_server fd09::1 80\n"), general, 1, v4(server + "sorry_server fd09::1 80\nsorry_server_lvs_method TUN\n")},
		"10 the first server decides for a mark":     {mark(server + "real_server fd09::1 80 {\n}\n"), general, 1, mark("real_server fd09::1 80 {\n}\n")},
		"10 a granularity decides, too":              {mark("persistence_granularity 64\n" + server), general, 0, mark("persistence_granularity 255.255.0.0\n" + server)},
		"11 ip_family against the address":           {v4("ip_family inet6\n" + server), general, 1, v4("ip_family inet\n" + server)},
		"11 ip_family against a server above":        {mark(server + "ip_family inet6\n"), general, 1, mark("ip_family inet\n" + server)},
		"12 ha_suspend with a mark":                  {mark("ha_suspend\n" + server), general, 1, v4("ha_suspend\n" + server)},
		"13 an address without protocol":             {vs("10.9.0.100 80", "lvs_sched rr\n"+nat), general, 1, v4(server)},
		"14 a mark with a protocol":                  {mark("protocol TCP\n" + server), general, 1, mark(server)},
		"15 ops with TCP":                            {v4("ops\n" + server), general, 1, v4("protocol UDP\nops\n" + server)},
		"16 port 0 without persistence":              {vs("10.9.0.100", plain+server), general, 1, vs("10.9.0.100", plain+"persistence_timeout 5\n"+server)},
		"17 no scheduler":                            {vs("10.9.0.100 80", "protocol TCP\n"+nat), general, 1, v4(server)},
		"18 no forwarding method":                    {vs("10.9.0.100 80", "lvs_sched rr\nprotocol TCP\n"+server), general, 1, vs("10.9.0.100 80", "lvs_sched rr\nprotocol TCP\nreal_server 10.9.0.11 80 {\nlvs_method DR\n}\n")},
		"19 gue without port":                        {v4("lvs_method TUN type gue\n" + server), general, 1, v4("lvs_method TUN type gue port 5\n" + server)},
		"19 a checksum with ipip":                    {v4("lvs_method TUN type ipip csum\n" + server), general, 1, v4("lvs_method TUN type gre csum\n" + server)},
		"19 the words count with NAT, too":           {v4("lvs_method NAT type gue\n" + server), general, 1, v4("lvs_method NAT type ipip\n" + server)},
		"20 a server twice":                          {v4(server + server), general, 1, v4(server + "real_server 10.9.0.11 {\n}\n")},
		"21 a quorum above all weights":              {v4("quorum 2\n" + server), general, 1, v4("quorum 1\n" + server)},
		"22 a hysteresis not below the quorum":       {v4("quorum 2\nhysteresis 2\n" + server + "real_server 10.9.0.12 80 {\n}\n"), general, 1, v4("quorum 2\nhysteresis 1\n" + server + "real_server 10.9.0.12 80 {\n}\n")},
		"23 a sorry server that is a real server":    {v4(server + "sorry_server 10.9.0.11 80\nsorry_server_inhibit\n"), general, 1, v4("inhibit_on_failure\n" + server + "sorry_server 10.9.0.11 80\nsorry_server_inhibit\n")},
		"25 DR to another port":                      {vs("10.9.0.100 80", "lvs_sched rr\nprotocol TCP\nlvs_method DR\nreal_server 10.9.0.11 81 {\n}\n"), general, 1, vs("10.9.0.100 80", "lvs_sched rr\nprotocol TCP\nlvs_method DR\nreal_server 10.9.0.11 {\n}\n")},
		"26 a port behind a mark without NAT":        {mark("lvs_method DR\n" + server), general, 1, mark("lvs_method DR\nreal_server 10.9.0.11 {\n}\n")},
		"26 the same in a group":                     {group("fwmark 5\n", "lvs_method DR\n"+server), general, 1, "virtual_server_group G {\nfwmark 5 inet\n}\n" + vs("group G", "lvs_sched rr\n"+nat)},
		"27 a group's port without NAT":              {group("10.9.0.100 81\n", "lvs_method DR\n"+server), general, 1, group("10.9.0.100 80\n", "lvs_method DR\n"+server)},
		"28 sorry_server_inhibit first":              {v4("sorry_server_inhibit\n" + server), general, 1, v4("sorry_server 10.9.0.99 80\nsorry_server_inhibit\n" + server)},
		"29 sh-port without sh":                      {v4("sh-port\n" + server), general, 1, v4("lvs_sched sh\nsh-port\n" + server)},
		"29 hashed without sh or mh":                 {v4("hashed\n" + server), general, 1, v4("lvs_sched mh\nhashed\n" + server)},
		"30 a range that ends before it begins":      {group("10.9.0.200 80\n10.9.0.9-5 80\n", nat), general, 1, group("10.9.0.200 80\n10.9.0.5-9 80\n", nat)},
		"30 host bits":                               {group("10.9.0.200 80\n10.9.0.1/24 80\n", nat), general, 1, group("10.9.0.200 80\n10.9.1.0/24 80\n", nat)},
		"30 a family word that is none":              {group("10.9.0.200 80\nfwmark 5 ipv4\n", nat), general, 1, group("10.9.0.200 80\nfwmark 5 inet\n", nat)},
		"snmp_name of two words":                     {v4("snmp_name a b\n" + server), general, 1, v4("snmp_name a\n" + server)},
		"virtualhost without a name goes on":         {v4("virtualhost\n" + server), general, 1, v4("virtualhost a\n" + server)},
		"an engine of 17 characters":                 {v4("persistence_timeout 5\npersistence_engine 12345678901234567\n" + server), general, 1, v4("persistence_timeout 5\npersistence_engine sip\n" + server)},
		"a mask for IPv6":                            {vs("fd09::100 80", plain+"persistence_granularity 255.0.0.0\nreal_server fd09::11 80 {\n}\n"), number, 1, vs("fd09::100 80", plain+"persistence_granularity 64\nreal_server fd09::11 80 {\n}\n")},
		"a prefix length for IPv4 is no mistake":     {v4("persistence_granularity 64\n" + server), none, 1, v4("persistence_granularity 255.255.255.0\n" + server)},
		"lthreshold above uthreshold is none either": {v4("real_server 10.9.0.11 80 {\nuthreshold 5\nlthreshold 9\n}\n"), none, 1, v4("real_server 10.9.0.11 80 {\nuthreshold 9\nlthreshold 5\n}\n")},
		"two groups of one name: the first counts":   {group("10.9.0.100 80\n", nat) + "virtual_server_group G {\n10.9.0.101 80\n}\n", none, 1, group("10.9.0.100 80\n", nat)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, class, msgs := judged(tt.breaks)
			if class != tt.class || len(c.VirtualServers) != tt.left || len(msgs) == 0 {
				t.Errorf("class %d, %d services left; want %d and %d; said %q", class, len(c.VirtualServers), tt.class, tt.left, msgs)
			}
			if err := validTable(c); err != nil {
				t.Errorf("the table would be refused: %v", err)
			}
			c, class, msgs = judged(tt.keeps)
			if class != none || len(c.VirtualServers) != 1 {
				t.Errorf("the other: class %d, %d services; said %q", class, len(c.VirtualServers), msgs)
			}
		})
	}
}

func validTable(c *ipvs.Config) error {
	for _, v := range c.VirtualServers {
		var m ipvs.VirtualServer
		m.Step(ipvs.Startup{Params: v.Params()}, nil)
		if err := m.Desired().Validate(); err != nil {
			return err
		}
	}
	return nil
}

// A prefix has as many addresses as it says, wherever it begins.
func TestEveryAddressOfAPrefixIsAService(t *testing.T) {
	for prefix, want := range map[string]struct {
		number      int
		first, last string
	}{
		"10.9.0.1/32": {1, "10.9.0.1", "10.9.0.1"}, "10.9.1.0/24": {256, "10.9.1.0", "10.9.1.255"}, "10.9.0.2/31": {2, "10.9.0.2", "10.9.0.3"},
		"10.1.0.0/16": {65536, "10.1.0.0", "10.1.255.255"}, "fd09::1/128": {1, "fd09::1", "fd09::1"}, "fd09::1:0/112": {65536, "fd09::1:0", "fd09::1:ffff"},
	} {
		server := "10.9.0.11"
		if strings.Contains(prefix, ":") {
			server = "fd09::11"
		}
		c, _, msgs := judged("virtual_server_group G {\n" + prefix + " 80\n}\nvirtual_server group G {\n" + plain + "real_server " + server + " 80 {\n}\n}")
		keys := c.VirtualServers[0].Keys()
		if len(keys) != want.number || keys[0].Addr.Addr().String() != want.first || keys[len(keys)-1].Addr.Addr().String() != want.last {
			t.Errorf("%s: %d services from %v to %v, want %d from %s to %s; said %q", prefix, len(keys), keys[0].Addr, keys[len(keys)-1].Addr, want.number, want.first, want.last, msgs)
		}
	}
}

func TestPlacesOfKeywordsAreKept(t *testing.T) {
	c, _ := decode("virtual_server 10.9.0.100 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\ndelay_loop 5\nconnect_timeout 2\nquorum 1\nhysteresis 0\nweight 2\n" +
		"persistence_timeout 60\npersistence_granularity 255.255.255.0\nsorry_server 10.9.0.99 80\nsorry_server_inhibit\nreal_server 10.9.0.11 80 {\nweight 3\nlvs_method NAT\nuthreshold 9\nlthreshold 5\ndelay_loop 6\n}\n}")
	v := c.VirtualServers[0]
	r := v.RealServers[0]
	got := map[string]int32{"virtual_server": v.Pos.Line, "protocol": v.At.Protocol.Line, "lvs_sched": v.At.Scheduler.Line, "lvs_method": v.At.Method.Line,
		"delay_loop": v.DelayLoopPos.Line, "connect_timeout": v.ConnectTimeoutPos.Line, "quorum": v.At.Quorum.Line, "hysteresis": v.At.Hysteresis.Line,
		"weight": v.At.Weight.Line, "persistence_timeout": v.At.PersistenceTimeout.Line, "persistence_granularity": v.At.Granularity.Line,
		"sorry_server": v.At.SorryServer.Line, "sorry_server_inhibit": v.At.SorryInhibit.Line, "real_server": r.Pos.Line, "its weight": r.WeightPos.Line,
		"its method": r.MethodPos.Line, "uthreshold": r.UpperThresholdPos.Line, "lthreshold": r.LowerThresholdPos.Line, "its delay_loop": r.DelayLoopPos.Line}
	want := map[string]int32{"virtual_server": 1, "protocol": 2, "lvs_sched": 3, "lvs_method": 4, "delay_loop": 5, "connect_timeout": 6, "quorum": 7, "hysteresis": 8,
		"weight": 9, "persistence_timeout": 10, "persistence_granularity": 11, "sorry_server": 12, "sorry_server_inhibit": 13, "real_server": 14, "its weight": 15,
		"its method": 16, "uthreshold": 17, "lthreshold": 18, "its delay_loop": 19}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

// Ten thousand services, and five thousand servers in one of them, take well
// under a second each; comparing each with each would take minutes.
func TestManyServersAreReadInReasonableTime(t *testing.T) {
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, "virtual_server 10.%d.%d.1 80 {\n%sreal_server 10.9.0.11 80 {\n}\n}\n", i/250, i%250, plain)
	}
	var large strings.Builder
	large.WriteString("virtual_server 10.9.0.100 80 {\n" + plain)
	for i := range 5_000 {
		fmt.Fprintf(&large, "real_server 10.8.%d.%d 80 {\n}\n", i/250, i%250)
	}
	for name, text := range map[string]string{"services": many.String(), "servers": large.String() + "}\n"} {
		begin := time.Now()
		_, class, msgs := judged(text)
		if took := time.Since(begin); took > 10*time.Second || class != kconf.ClassNone {
			t.Errorf("%s: took %v, class %d, said %d things", name, took, class, len(msgs))
		}
	}
}
