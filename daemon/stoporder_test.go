package daemon

import (
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/internal/event"
	"holdfast/track"
)

// TestServicesOutliveTheirAddresses: while an address is there without its
// service, the kernel resets the connections to it.
func TestServicesOutliveTheirAddresses(t *testing.T) {
	o, far := newOffice(t, configtest.Router()+configtest.Balancer(), roleVRRP, roleCheckers)
	o.tracks = newTrackers(o.bus)
	routers := o.children[roleVRRP]
	routers.silent = true // nothing more to say
	hears := func(r role, want message) {
		t.Helper()
		if diff := cmp.Diff(want, <-far[r].Messages()); diff != "" {
			t.Errorf("the %s process was told (-want +got):\n%s", r.title(), diff)
		}
	}

	o.stop(ExitOK)
	hears(roleVRRP, message{Stop: true})
	o.handleFact(became(event.Instance, "VI_1", "STOP")) // which must not make a sync daemon a backup
	file := verdict{Kind: track.File, Name: "n", Value: 5}
	o.tellVerdict(file)
	hears(roleCheckers, message{Verdict: &file}) // and nothing before

	o.handleExit(childExit{child: routers})
	hears(roleCheckers, message{Stop: true})
	if o.finished() {
		t.Error("finished with the checker process still there")
	}
	o.tracks.close(t.Context())
	o.heard(t)
}

func TestOnlyWhoWasToldToStopIsKilledForNotStopping(t *testing.T) {
	o, _ := newOffice(t, configtest.Router()+configtest.Balancer(), roleVRRP, roleCheckers)
	o.tracks = newTrackers(o.bus)
	for _, c := range o.children {
		c.cmd = exec.Command("true")
		if err := c.cmd.Run(); err != nil { // it has ended: nobody is killed
			t.Fatal(err)
		}
	}
	o.stop(ExitOK)
	o.killChildren()
	want := []string{"Stopping", "VRRP process failed to die - forcing termination"}
	if diff := cmp.Diff(want, *o.lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	o.tracks.close(t.Context())
	o.heard(t)
}
