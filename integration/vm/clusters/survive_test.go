package clusters

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

const holdfast = "/vm/holdfast"

// survival is a pair of directors one of which dies while a connection runs
// through it.
type survival struct {
	name     string
	lan      string
	programs [2]string // the first Active and its backup
	sync     string    // lvs_sync_daemon, or nothing
	daemon   string    // what ipvsadm says of it, without the role
	preempts bool      // the first takes over again when it returns
	killed   bool      // the first dies with its links, and returns with an empty ip_vs; else it is stopped
	sysctls  []string  // of both directors
}

// usualSync is what ipvsadm says of a sync daemon without options: the id is
// the virtual_router_id.
const usualSync = " sync daemon (mcast=eth0, syncid=51, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)"

var survivals = []survival{
	{name: "killed with its links, then the other stopped", lan: "sv1", programs: [2]string{holdfast, holdfast},
		sync: "lvs_sync_daemon eth0 VI_1", daemon: usualSync, killed: true},
	{name: "stopped, all options, the first preempts", lan: "sv2", programs: [2]string{holdfast, holdfast}, preempts: true,
		sync:   "lvs_sync_daemon eth0 inst VI_1 id 33 maxlen 1400 port 9999 ttl 3 group 224.0.0.99",
		daemon: " sync daemon (mcast=eth0, syncid=33, maxlen=1400, group=224.0.0.99, port=9999, ttl=3)",
		// by time instead of every 50 packets: what connections with little traffic need
		sysctls: []string{"net.ipv4.vs.sync_threshold=1 0", "net.ipv4.vs.sync_refresh_period=1"}},
}

// TestAConnectionSurvivesItsDirector is what the sync daemon is for: the
// connection goes on through the other director, and nothing of it is lost.
func TestAConnectionSurvivesItsDirector(t *testing.T) {
	for _, s := range survivals {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.play(t)
		})
	}
	t.Run("without lvs_sync_daemon it is reset", func(t *testing.T) {
		t.Parallel()
		s := survival{lan: "sv0", programs: [2]string{holdfast, holdfast}}
		p, stream, server := s.begin(t)
		if got := p.node[1].connection(t, stream.port()); got != "" {
			t.Errorf("the backup has %q of a connection that nobody told it", got)
		}
		p.node[0].Unplug(t)
		p.director[0].Kill(t)
		p.node[1].HasAddress(t, pairVIP, true)
		Eventually(t, patience, "the stream breaks", func() (string, bool) { return "", stream.Err() != nil })
		if err := stream.Err(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) { // by who notices first
			t.Errorf("the stream to %s ended with %v, want a reset", server, err)
		}
	})
}

// TestAConnectionSurvivesBesideKeepalived: in a pair with keepalived either one
// goes on with the connections of the other.
func TestAConnectionSurvivesBesideKeepalived(t *testing.T) {
	survival{lan: "sv3", programs: [2]string{keepalived, holdfast}, sync: "lvs_sync_daemon eth0 VI_1", daemon: usualSync, killed: true}.play(t)
}

// begin lets the stream flow through the first director.
func (s survival) begin(t *testing.T) (p *pair, stream *Stream, server string) {
	t.Helper()
	preemption := "nopreempt"
	if s.preempts {
		preemption = "# preempts"
	}
	p = newPair(t, s.lan, s.programs, s.sync, preemption)
	for i, n := range p.node {
		if len(s.sysctls) > 0 {
			n.Sysctl(t, s.sysctls...)
		}
		p.start(t, i)
		n.HasAddress(t, pairVIP, i == 0)
	}
	stream = p.client.OpenStream(t, pairService)
	stream.Flows(t, "through the first")
	_, server, _ = strings.Cut(p.node[0].connection(t, stream.port()), " ")
	p.holds(t, 0, stream, "ESTABLISHED "+server)
	return p, stream, server
}

func (s survival) play(t *testing.T) {
	p, stream, server := s.begin(t)
	held := "ESTABLISHED " + server
	p.runsSync(t, 0, "master"+s.daemon)
	p.runsSync(t, 1, "backup"+s.daemon)
	p.holds(t, 1, stream, held)

	stream.Mark()
	if s.killed {
		p.node[0].Unplug(t)
		p.director[0].Kill(t)
	} else {
		p.director[0].Stop(t)
		p.runsSync(t, 0, "")
	}
	p.node[1].HasAddress(t, pairVIP, true)
	t.Logf("standstill when the first died: %v", stream.Flows(t, "through the second"))
	p.runsSync(t, 1, "master"+s.daemon)
	p.holds(t, 1, stream, held)

	stream.Mark()
	if s.killed {
		p.reboot(t, 0, s.sysctls...)
	}
	p.start(t, 0)
	if s.preempts {
		p.node[1].HasAddress(t, pairVIP, false)
		p.runsSync(t, 1, "backup"+s.daemon)
	} else {
		p.runsSync(t, 0, "backup"+s.daemon)
		p.holds(t, 0, stream, held) // learnt anew
		p.runsSync(t, 1, "master"+s.daemon)
		p.node[0].HasAddress(t, pairVIP, false)
		p.director[1].Stop(t)
		p.runsSync(t, 1, "")
	}
	p.node[0].HasAddress(t, pairVIP, true)
	t.Logf("standstill on the way back: %v", stream.Flows(t, "through the first again"))
	p.runsSync(t, 0, "master"+s.daemon)
	p.holds(t, 0, stream, held)
	stream.Finish(t)
}
