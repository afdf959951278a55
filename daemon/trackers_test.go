package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/internal/event"
	"holdfast/track"
)

// TestFilesAndProcessesAreKnownBeforeAChildStarts: the first advert has the
// right priority.
func TestFilesAndProcessesAreKnownBeforeAChildStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n")
	conf := configtest.Understood(t, "track_file n {\nfile "+path+"\ninit_file 7 overwrite\n}\n"+
		"vrrp_track_process p {\nprocess no-such-program\n}\nvrrp_track_process unused {\nprocess x\n}\n"+
		configtest.With("track_file {\nn\n}\ntrack_process {\np\n}")).Config
	bus := event.NewBus()
	o := newTrackers(bus)
	defer o.close(t.Context())
	o.configure(conf)
	want := []verdict{{Kind: track.File, Name: "n", Value: 7}, {Kind: track.Process, Name: "p", State: track.Down}}
	if d := cmp.Diff(want, o.known()); d != "" {
		t.Errorf("at the start (-want +got):\n%s", d)
	}
	if err := os.WriteFile(path, []byte("20\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.configure(conf) // a reload
	want[0].Value = 20
	if d := cmp.Diff(want, o.known()); d != "" {
		t.Errorf("a reload does not overwrite (-want +got):\n%s", d)
	}
	o.configure(configtest.Understood(t, configtest.Router()).Config)
	if got := o.known(); len(got) != 0 {
		t.Errorf("known after a reload without trackers: %v", got)
	}
}

func TestWhatTrackersFindIsLogged(t *testing.T) {
	o, _ := newOffice(t, configtest.Router())
	o.hooks = newHooks(o.log, o.bus)
	o.bus.Publish(event.Fact{Type: event.TrackerChanged, Kind: event.Process, Name: "p", Text: "Quorum lost for tracked process p"})
	o.bus.Publish(event.Fact{Type: event.TrackerReported, Kind: event.Script, Name: "chk", Text: "Script `chk` now returning 1"})
	o.bus.Publish(event.Fact{Type: event.TrackerChanged, Kind: event.Process, Name: "p"}) // the first look
	o.heard(t)
	o.hooks.close(t.Context())
	if d := cmp.Diff([]string{"Quorum lost for tracked process p", "Script `chk` now returning 1"}, *o.lines); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
