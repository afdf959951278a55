package clusters

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pair are two directors that balance one service of two real servers by
// direct routing. The first becomes Active; each has an ip_vs of its own.
type pair struct {
	client   *Node
	node     [2]*Node
	program  [2]string
	conf     [2]string
	director [2]*Director
}

const (
	pairVIP     = "10.9.0.100"
	pairService = pairVIP + ":7000"
)

// pairTable is what ipvsadm shows on either director.
var pairTable = table("TCP "+pairService+" rr", "  10.9.0.11:7000 Route 1", "  10.9.0.12:7000 Route 1")

// pairConf has holes for lvs_sync_daemon, priority and nopreempt. Adverts are
// slow enough for a machine that stops for a while.
const pairConf = `global_defs {
    %s
}
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority %d
    advert_int 2
    %s
    virtual_ipaddress {
        10.9.0.100/24
    }
}
virtual_server 10.9.0.100 7000 {
    delay_loop 2
    lvs_sched rr
    lvs_method DR
    protocol TCP
    real_server 10.9.0.11 7000 {
        TCP_CHECK {
            connect_timeout 10
        }
    }
    real_server 10.9.0.12 7000 {
        TCP_CHECK {
            connect_timeout 10
        }
    }
}
`

// newPair makes the LAN and starts nothing but the real servers. They hold the
// virtual address without answering ARP for it, as direct routing needs.
func newPair(t *testing.T, name string, programs [2]string, sync, preemption string) *pair {
	t.Helper()
	lan := NewLAN(t, name)
	p := &pair{program: programs, client: lan.Node(t, "client", "10.9.0.7/24")}
	for _, octet := range []string{"11", "12"} {
		rs := lan.Node(t, "rs"+octet, "10.9.0."+octet+"/24")
		rs.Sysctl(t, "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2")
		batch(t, rs.ns, "addr add "+pairVIP+"/32 dev lo")
		rs.ServeEcho(t, "0.0.0.0:7000")
	}
	for i := range p.node {
		p.node[i] = lan.Node(t, fmt.Sprintf("lb%d", i+1), pairAddress(i))
		p.conf[i] = fmt.Sprintf(pairConf, sync, 150-50*i, preemption)
	}
	return p
}

func pairAddress(i int) string { return fmt.Sprintf("10.9.0.%d/24", i+1) }

// start starts the i-th director and waits until it balances.
func (p *pair) start(t *testing.T, i int) {
	t.Helper()
	p.director[i] = p.node[i].StartProgram(t, p.program[i], p.conf[i])
	p.node[i].WaitTable(t, patience, pairTable)
}

// reboot makes the i-th director's machine anew: nothing is left of its ip_vs.
func (p *pair) reboot(t *testing.T, i int, sysctls ...string) {
	t.Helper()
	n := p.node[i]
	n.file.Close() // which would keep the old one
	mustRun(t, "ip", "netns", "del", n.ns)
	mustRun(t, "ip", "netns", "add", n.ns)
	var err error
	if n.file, err = os.Open(filepath.Join("/run/netns", n.ns)); err != nil {
		t.Fatal(err)
	}
	batch(t, n.ns, "link set lo up")
	n.port = n.Link(t, "eth0", pairAddress(i))
	if len(sysctls) > 0 {
		n.Sysctl(t, sysctls...)
	}
}

// runsSync waits until ipvsadm shows this sync daemon of the i-th director.
func (p *pair) runsSync(t *testing.T, i int, want string) {
	t.Helper()
	Eventually(t, patience, fmt.Sprintf("%s runs %q", p.node[i].Name, want), func() (string, bool) {
		got := strings.TrimSpace(p.node[i].Run(t, "ipvsadm", "-L", "--daemon"))
		return got, got == want
	})
}

// connection is what ipvsadm -Lnc shows of the client's connection from this
// port, "STATE SERVER", or nothing.
func (n *Node) connection(t *testing.T, port string) string {
	t.Helper()
	for line := range strings.Lines(n.Run(t, "ipvsadm", "-Lnc")) {
		// TCP 14:59 ESTABLISHED 10.9.0.7:40000 10.9.0.100:7000 10.9.0.11:7000
		words := strings.Fields(line)
		if len(words) >= 6 && words[3] == "10.9.0.7:"+port && words[4] == pairService {
			return words[2] + " " + words[5]
		}
	}
	return ""
}

// holds waits until the i-th director shows the stream so.
func (p *pair) holds(t *testing.T, i int, s *Stream, want string) {
	t.Helper()
	Eventually(t, patience, fmt.Sprintf("%s holds %q", p.node[i].Name, want), func() (string, bool) {
		got := p.node[i].connection(t, s.port())
		return got, got == want
	})
}
