package daemon

import (
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/ipvs"
	"holdfast/ipvs/ipvstest"
	"holdfast/track"
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
			l := understood(t, balancer("protocol TCP", "protocol TCP\n"+tt.service, "8080 {", "8080 {\n"+tt.server, "TCP_CHECK {", "TCP_CHECK {\n"+tt.check))
			specs := allSpecs(l.config.Servers.services)
			if len(specs) != 1 || len(diagLines(l)) > 0 {
				t.Fatalf("%d checks, %q", len(specs), diagLines(l))
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
		"its own port":             {balancer(), "10.9.1.1:8080"},
		"none: the service's port": {balancer(" 8080 {", " {"), "10.9.1.1:80"},
		"direct routing keeps the packet's port, not the check's": {balancer("NAT", "DR"), "10.9.1.1:8080"},
		"a port of the check": {balancer("TCP_CHECK {", "TCP_CHECK {\n connect_port 9"), "10.9.1.1:9"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			specs := allSpecs(understood(t, tt.text).config.Servers.services)
			if len(specs) != 1 {
				t.Fatalf("%d checks", len(specs))
			}
			if got := specs[0].Target.Addr.String(); got != tt.want {
				t.Errorf("asks %s, want %s", got, tt.want)
			}
		})
	}
}

// TestWhichSyncDaemonsRun: with an instance one, whose role is the instance's;
// without one both.
func TestWhichSyncDaemonsRun(t *testing.T) {
	master := func(d ipvs.SyncDaemon) ipvs.SyncDaemon { d.State = ipvs.SyncMaster; return d }
	backup := func(d ipvs.SyncDaemon) ipvs.SyncDaemon { d.State = ipvs.SyncBackup; return d }
	on := func(link string, id uint32) ipvs.SyncDaemon { return ipvs.SyncDaemon{Interface: link, SyncID: id} }
	full := ipvs.SyncDaemon{Interface: "eth1", SyncID: 7, MaxLen: 1400, Port: 9000, TTL: 3, Group: netip.MustParseAddr("224.0.0.99")}
	tests := map[string]struct {
		text, state string
		want        []ipvs.SyncDaemon
	}{
		"none is asked for":        {router(), "MASTER", nil},
		"no instance":              {"global_defs {\nlvs_sync_daemon eth1\n}\n", "", []ipvs.SyncDaemon{master(on("eth1", 0)), backup(on("eth1", 0))}},
		"master":                   {"global_defs {\nlvs_sync_daemon eth1 VI_1\n}\n" + router(), "MASTER", []ipvs.SyncDaemon{master(on("eth1", 51))}},
		"backup":                   {"global_defs {\nlvs_sync_daemon eth1 VI_1\n}\n" + router(), "BACKUP", []ipvs.SyncDaemon{backup(on("eth1", 51))}},
		"fault":                    {"global_defs {\nlvs_sync_daemon eth1 VI_1\n}\n" + router(), "FAULT", []ipvs.SyncDaemon{backup(on("eth1", 51))}},
		"not heard of yet":         {"global_defs {\nlvs_sync_daemon eth1 VI_1\n}\n" + router(), "", []ipvs.SyncDaemon{backup(on("eth1", 51))}},
		"an id of its own":         {"global_defs {\nlvs_sync_daemon eth1 VI_1 id 9\n}\n" + router(), "MASTER", []ipvs.SyncDaemon{master(on("eth1", 9))}},
		"the old form of the id":   {"global_defs {\nlvs_sync_daemon eth1 VI_1 9\n}\n" + router(), "MASTER", []ipvs.SyncDaemon{master(on("eth1", 9))}},
		"the instance's keyword":   {with("    lvs_sync_daemon_interface eth1"), "MASTER", []ipvs.SyncDaemon{master(on("eth1", 0))}},
		"everything":               {"global_defs {\nlvs_sync_daemon eth1 inst VI_1 id 7 maxlen 1400 port 9000 ttl 3 group 224.0.0.99\n}\n" + router(), "MASTER", []ipvs.SyncDaemon{master(full)}},
		"an instance that is none": {"global_defs {\nlvs_sync_daemon eth1 VI_9\n}\n" + router(), "", []ipvs.SyncDaemon{backup(on("eth1", 0))}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d, vrid := understood(t, tt.text).config.syncDaemonConfig()
			got := d.daemonsFor(tt.state, vrid)
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("daemons (-want +got):\n%s", diff)
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
		"eth1\nlvs_sync_daemon eth0": "k.conf:3:1: lvs_sync_daemon: given before, at k.conf:2:1; this one is ignored",
	} {
		l := understood(t, "global_defs {\nlvs_sync_daemon "+words+"\n}\n"+router())
		if diff := cmp.Diff([]string{want}, diagLines(l)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", words, diff)
		}
	}
}

// TestTheKernelsSyncDaemonFollows: each wish leaves exactly what it asks for,
// also over what a predecessor left behind.
func TestTheKernelsSyncDaemonFollows(t *testing.T) {
	one := ipvs.SyncDaemon{Interface: "eth1", SyncID: 51}
	master, backup := one, one
	master.State, backup.State = ipvs.SyncMaster, ipvs.SyncBackup
	plane := &ipvstest.Fake{}
	k := newKeeper(newLogger(slog.LevelInfo), plane)
	stale := master
	stale.SyncID = 3
	if err := plane.StartSyncDaemon(t.Context(), stale); err != nil {
		t.Fatal(err)
	}
	for i, step := range [][]ipvs.SyncDaemon{{master}, {master}, {backup}, {master, backup}, {master}, {}} {
		k.fulfil(t.Context(), wish{daemons: &step})
		running, err := plane.SyncDaemons(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(running) != len(step) {
			t.Fatalf("step %d: %v run, want %v", i, running, step)
		}
		for j := range step {
			if running[j].State != step[j].State || running[j].SyncID != 51 {
				t.Errorf("step %d: %v runs, want %v", i, running[j], step[j])
			}
		}
	}
}

func TestVerdictsOfScriptsReachTheVRRPProcessAndItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scriptTracker{pending: newMailbox[scriptMessage](), states: map[string]track.State{}}
		s.changed("chk", track.Down)
		s.changed("chk", track.Up)
		s.changed("other", track.Down)
		<-s.changes()
		want := []scriptMessage{{"chk", track.Down}, {"chk", track.Up}, {"other", track.Down}}
		if diff := cmp.Diff(want, s.take()); diff != "" {
			t.Errorf("verdicts in order (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]track.State{"chk": track.Up, "other": track.Down}, s.known()); diff != "" {
			t.Errorf("known to a successor (-want +got):\n%s", diff)
		}
		if again := s.take(); len(again) != 0 {
			t.Errorf("taken twice: %v", again)
		}
	})
}
