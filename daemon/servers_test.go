package daemon

import (
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/internal/event"
	"holdfast/ipvs"
	"holdfast/ipvs/ipvstest"
	"holdfast/track"
)

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
		"none is asked for":        {configtest.Router(), "MASTER", nil},
		"no instance":              {"global_defs {\nlvs_sync_daemon eth1\n}\n", "", []ipvs.SyncDaemon{master(on("eth1", 0)), backup(on("eth1", 0))}},
		"master":                   {"global_defs {\nlvs_sync_daemon eth1 VI_1\n}\n" + configtest.Router(), "MASTER", []ipvs.SyncDaemon{master(on("eth1", 51))}},
		"backup":                   {"global_defs {\nlvs_sync_daemon eth1 VI_1\n}\n" + configtest.Router(), "BACKUP", []ipvs.SyncDaemon{backup(on("eth1", 51))}},
		"fault":                    {"global_defs {\nlvs_sync_daemon eth1 VI_1\n}\n" + configtest.Router(), "FAULT", []ipvs.SyncDaemon{backup(on("eth1", 51))}},
		"not heard of yet":         {"global_defs {\nlvs_sync_daemon eth1 VI_1\n}\n" + configtest.Router(), "", []ipvs.SyncDaemon{backup(on("eth1", 51))}},
		"an id of its own":         {"global_defs {\nlvs_sync_daemon eth1 VI_1 id 9\n}\n" + configtest.Router(), "MASTER", []ipvs.SyncDaemon{master(on("eth1", 9))}},
		"the old form of the id":   {"global_defs {\nlvs_sync_daemon eth1 VI_1 9\n}\n" + configtest.Router(), "MASTER", []ipvs.SyncDaemon{master(on("eth1", 9))}},
		"the instance's keyword":   {configtest.With("    lvs_sync_daemon_interface eth1"), "MASTER", []ipvs.SyncDaemon{master(on("eth1", 0))}},
		"everything":               {"global_defs {\nlvs_sync_daemon eth1 inst VI_1 id 7 maxlen 1400 port 9000 ttl 3 group 224.0.0.99\n}\n" + configtest.Router(), "MASTER", []ipvs.SyncDaemon{master(full)}},
		"an instance that is none": {"global_defs {\nlvs_sync_daemon eth1 VI_9\n}\n" + configtest.Router(), "", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d, vrid := configtest.Understood(t, tt.text).Config.SyncDaemon()
			got := daemonsFor(d, tt.state, vrid)
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("daemons (-want +got):\n%s", diff)
			}
		})
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

func TestVerdictsReachTheVRRPProcessAndItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &trackers{pending: newMailbox[verdict](), found: map[subject]verdict{}}
		s.changed(verdict{Kind: track.Script, Name: "chk", State: track.Down})
		s.changed(verdict{Kind: track.Script, Name: "chk", State: track.Up})
		s.changed(verdict{Kind: track.File, Name: "chk", Value: 20})
		<-s.changes()
		want := []verdict{{Kind: track.Script, Name: "chk", State: track.Down}, {Kind: track.Script, Name: "chk", State: track.Up}, {Kind: track.File, Name: "chk", Value: 20}}
		if diff := cmp.Diff(want, s.take()); diff != "" {
			t.Errorf("verdicts in order (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]verdict{{Kind: track.File, Name: "chk", Value: 20}, {Kind: track.Script, Name: "chk", State: track.Up}}, s.known()); diff != "" {
			t.Errorf("known to a successor (-want +got):\n%s", diff)
		}
		if again := s.take(); len(again) != 0 {
			t.Errorf("taken twice: %v", again)
		}
	})
}

// TestSessionsReachTheVRRPProcessAsVerdicts: whoever runs BFD sessions tells the
// parent, and a reload keeps what is known of those that stay.
func TestSessionsReachTheVRRPProcessAsVerdicts(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := newTrackers(event.NewBus())
	defer s.close(t.Context())
	s.session("stays", track.Up, at)
	s.session("goes", track.Down, at)
	want := []verdict{{Kind: track.BFD, Name: "stays", State: track.Up, At: at}, {Kind: track.BFD, Name: "goes", State: track.Down, At: at}}
	if diff := cmp.Diff(want, s.take()); diff != "" {
		t.Errorf("news (-want +got):\n%s", diff)
	}
	s.configure(configtest.Understood(t, "bfd_instance stays {\nneighbor_ip 10.9.0.9\n}\n"+configtest.Router()).Config)
	if diff := cmp.Diff(want[:1], s.known()); diff != "" {
		t.Errorf("known after a reload (-want +got):\n%s", diff)
	}
}
