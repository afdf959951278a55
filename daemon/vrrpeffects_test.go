package daemon

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/vrrp"
)

// stage is a VRRP role without loop and kernel: what it logs and what it tells
// the parent.
func stage(t *testing.T, text string) (r *vrrpRole, lines *[]string, parent *link) {
	t.Helper()
	near, far := net.Pipe()
	lines, parent = &[]string{}, newLink(far)
	conf := configtest.Understood(t, text).Config
	r = &vrrpRole{
		childProcess: &childProcess{log: newLogger(LevelDetail, recorder{lines}), link: newLink(near), conf: conf},
		byName:       byName(conf), previous: byName(conf), priority: map[string]int{}, active: map[string]bool{},
	}
	for _, in := range conf.Instances {
		r.priority[in.Name] = int(in.Params.Priority)
	}
	t.Cleanup(func() { r.link.Close(0); parent.Close(0) })
	return r, lines, parent
}

// TestWhatRoutersDoBecomesFactsForTheParent: hooks, mail and status live on them.
func TestWhatRoutersDoBecomesFactsForTheParent(t *testing.T) {
	at := time.Unix(5, 0).UTC()
	move := func(from, to vrrp.State, why vrrp.Reason) vrrp.Fact {
		return vrrp.Fact{At: at, Instance: "VI_1", What: vrrp.Transition{From: from, To: to, Why: why}}
	}
	peer := netip.MustParseAddr("10.9.0.2")
	tests := map[string]struct {
		text     string
		stopping bool
		fact     vrrp.Fact
		want     string // the parent's fact; "" for none
		line     string // one that is in the log; "" for none
	}{
		"becoming active": {configtest.Router(), false, move(vrrp.Backup, vrrp.Active, vrrp.ByActiveDown),
			"transitioned instance VI_1 BACKUP -> MASTER", "(VI_1) Entering MASTER STATE"},
		"waiting for a first result is not told": {configtest.Router(), false, move(vrrp.Initialize, vrrp.Fault, vrrp.ByInitialising), "", ""},
		"the end of the process": {configtest.Router(), true, move(vrrp.Active, vrrp.Initialize, vrrp.ByShutdown),
			"transitioned instance VI_1 MASTER -> STOP", "(VI_1) removing VIPs."},
		"removal at a reload": {configtest.Router(), false, move(vrrp.Active, vrrp.Initialize, vrrp.ByShutdown),
			"transitioned instance VI_1 MASTER -> FAULT", "(VI_1) removing VIPs."},
		"removal with notify_deleted": {configtest.With("    notify_deleted"), false, move(vrrp.Backup, vrrp.Initialize, vrrp.ByShutdown),
			"transitioned instance VI_1 BACKUP -> DELETED", ""},
		"a lower priority": {configtest.Router(), false, vrrp.Fact{At: at, Instance: "VI_1", What: vrrp.LowerReceived{From: peer, Priority: 50, Ours: 100}},
			"lower-priority instance VI_1", "(VI_1) Received advert from 10.9.0.2 with lower priority 50, ours 100"},
		"a group": {configtest.Router(), false, vrrp.Fact{At: at, Group: "G", What: vrrp.GroupTransition{From: vrrp.Backup, To: vrrp.Active}},
			"transitioned group G BACKUP -> MASTER", "VRRP_Group(G) Syncing instances to MASTER state"},
		"a group's start": {configtest.Router(), false, vrrp.Fact{At: at, Group: "G", What: vrrp.GroupTransition{From: vrrp.Initialize, To: vrrp.Backup}},
			"transitioned group G INIT -> BACKUP", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, lines, parent := stage(t, tt.text)
			r.stopping = tt.stopping
			r.Publish(tt.fact)
			r.link.Send(message{Ready: true}) // behind everything
			got := ""
			for m := range parent.Messages() {
				if m.Ready {
					break
				}
				f := *m.Fact
				if !f.Time.Equal(at) {
					t.Errorf("time %v, want that of the event, %v", f.Time, at)
				}
				f.Time, f.Reason, f.Priority = time.Time{}, "", 0
				got = f.String()
			}
			if got != tt.want {
				t.Errorf("told %q, want %q", got, tt.want)
			}
			said := tt.line == "" && len(*lines) == 0
			for _, l := range *lines {
				said = said || l == tt.line
			}
			if tt.line != "" && !said {
				t.Errorf("log %q, want %q in it", *lines, tt.line)
			}
		})
	}
}

// TestHooksGetThePriorityOfTheMoment: the effective one.
func TestHooksGetThePriorityOfTheMoment(t *testing.T) {
	r, _, parent := stage(t, configtest.With("    priority 150"))
	r.Publish(vrrp.Fact{Instance: "VI_1", What: vrrp.PriorityChanged{From: 150, To: 130, Why: "script chk"}})
	r.Publish(vrrp.Fact{Instance: "VI_1", What: vrrp.Transition{From: vrrp.Backup, To: vrrp.Active, Why: vrrp.ByActiveDown}})
	var got []int
	for range 2 {
		got = append(got, (<-parent.Messages()).Fact.Priority)
	}
	if diff := cmp.Diff([]int{130, 130}, got); diff != "" {
		t.Errorf("priorities (-want +got):\n%s", diff)
	}
}

func TestAGroupThatAReloadBuildsAnewIsNoNews(t *testing.T) {
	r, _, parent := stage(t, configtest.Router())
	r.groups = map[string]vrrp.State{}
	for _, move := range []vrrp.GroupTransition{
		{From: vrrp.Initialize, To: vrrp.Backup}, {From: vrrp.Backup, To: vrrp.Active},
		{From: vrrp.Initialize, To: vrrp.Active}, // the reload
		{From: vrrp.Active, To: vrrp.Fault},
		{From: vrrp.Initialize, To: vrrp.Backup}, // one that a member has changed meanwhile
	} {
		r.Publish(vrrp.Fact{Group: "G", What: move})
	}
	r.link.Send(message{Ready: true})
	var got []string
	for m := range parent.Messages() {
		if m.Ready {
			break
		}
		got = append(got, m.Fact.To)
	}
	if diff := cmp.Diff([]string{"BACKUP", "MASTER", "FAULT", "BACKUP"}, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestGroupsStopAfterTheirMembers(t *testing.T) {
	r, _, parent := stage(t, configtest.Router()+configtest.Second()+"vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n")
	r.stopGroups()
	if f := (<-parent.Messages()).Fact; f.Name != "G" || f.To != "STOP" {
		t.Errorf("told %v", f)
	}
}
