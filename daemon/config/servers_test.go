package config_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
)

// TestChecksInheritFromTheirServers: a value stands for what is below it.
func TestChecksInheritFromTheirServers(t *testing.T) {
	type timing struct {
		loop, before, warmup time.Duration
		retry                uint32
		alpha                bool
	}
	const sec = time.Second
	tests := map[string]struct {
		service, server, check string
		want                   timing
	}{
		// keepalived's: every 60 s, one attempt, first probe within delay_loop
		"defaults":                 {"", "", "", timing{60 * sec, sec, 60 * sec, 1, false}},
		"from the virtual server":  {"delay_loop 6\ndelay_before_retry 2\nretry 4\nwarmup 3\nalpha", "", "", timing{6 * sec, 2 * sec, 3 * sec, 4, true}},
		"the real server's before": {"delay_loop 6\nretry 4\nwarmup 3", "delay_loop 7\nretry 5\nwarmup 2\nalpha", "", timing{7 * sec, sec, 2 * sec, 5, true}},
		"the check's own first":    {"delay_loop 6\nretry 4\nwarmup 3\nalpha", "delay_loop 7\nretry 5", "delay_loop 8\nretry 6\ndelay_before_retry 9\nwarmup 1\nalpha false", timing{8 * sec, 9 * sec, sec, 6, false}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := configtest.Understood(t, configtest.Balancer("protocol TCP", "protocol TCP\n"+tt.service, "8080 {", "8080 {\n"+tt.server, "TCP_CHECK {", "TCP_CHECK {\n"+tt.check))
			specs := l.Config.Checks()
			if len(specs) != 1 || len(configtest.Lines(l)) > 0 {
				t.Fatalf("%d checks, %q", len(specs), configtest.Lines(l))
			}
			g := specs[0].Timing
			got := timing{g.DelayLoop, g.DelayBeforeRetry, g.Warmup, g.Retry, g.Alpha}
			if got != tt.want {
				t.Errorf("timing\n got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestChecksAskTheServerUnderThePortThatIsWritten(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"its own port":             {configtest.Balancer(), "10.9.1.1:8080"},
		"none: the service's port": {configtest.Balancer(" 8080 {", " {"), "10.9.1.1:80"},
		"direct routing keeps the packet's port, not the check's": {configtest.Balancer("NAT", "DR"), "10.9.1.1:8080"},
		"a port of the check": {configtest.Balancer("TCP_CHECK {", "TCP_CHECK {\n connect_port 9"), "10.9.1.1:9"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			specs := configtest.Understood(t, tt.text).Config.Checks()
			if len(specs) != 1 {
				t.Fatalf("%d checks", len(specs))
			}
			if got := specs[0].Target.Addr.String(); got != tt.want {
				t.Errorf("asks %s, want %s", got, tt.want)
			}
		})
	}
}

func TestBadSyncDaemonsAreRefused(t *testing.T) {
	for words, want := range map[string]string{
		"eth1 VI_1 id 256":           "k.conf:2:30: lvs_sync_daemon id 256: must be 0-255",
		"eth1 VI_1 maxlen 0":         "k.conf:2:34: lvs_sync_daemon maxlen 0: must be 1-65507",
		"eth1 VI_1 group 10.0.0.1":   "k.conf:2:33: lvs_sync_daemon group 10.0.0.1: must be a multicast address",
		"eth1 VI_1 colour blue":      "k.conf:2:27: lvs_sync_daemon colour: wants inst, id, maxlen, port, ttl or group, each with a value",
		"eth1 VI_1 port":             "k.conf:2:27: lvs_sync_daemon port: wants inst, id, maxlen, port, ttl or group, each with a value",
		"eth1\nlvs_sync_daemon eth0": "k.conf:3:1: lvs_sync_daemon: given before, the first one counts (see k.conf:2:1)",
	} {
		l := configtest.Understood(t, "global_defs {\nlvs_sync_daemon "+words+"\n}\n"+configtest.Router())
		if diff := cmp.Diff([]string{want}, configtest.Lines(l)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", words, diff)
		}
	}
}

// TestChecksFollowWhatIsThere: FILE_CHECK and BFD_CHECK name other blocks, which
// may stand anywhere.
func TestChecksFollowWhatIsThere(t *testing.T) {
	file := configtest.Balancer("TCP_CHECK {", "FILE_CHECK {\n track_file F")
	session := configtest.Balancer("TCP_CHECK {", "BFD_CHECK {\n name B")
	checkCross(t, map[string]crossRule{
		"a file":                    {text: "track_file F {\nfile /tmp/f\n}\n" + file},
		"a file further down":       {text: file + "track_file F {\nfile /tmp/f\n}\n"},
		"a file that is none":       {text: file, status: 5, says: "6:9: FILE_CHECK: there is no track_file F; checker is not used"},
		"a session":                 {text: "bfd_instance B {\nneighbor_ip 10.9.0.9\n}\n" + session},
		"a session that is none":    {text: session, status: 5, says: "6:9: BFD_CHECK: there is no bfd_instance B; checker is not used"},
		"a session of routers only": {text: "bfd_instance B {\nneighbor_ip 10.9.0.9\nvrrp\n}\n" + session, status: 5, says: "10:9: BFD_CHECK: there is no bfd_instance B; checker is not used"},
	})
}
