package daemon

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/host"
	"holdfast/track"
	"holdfast/vrrp"
)

func (e instanceEvent) String() string { return fmt.Sprintf("%s %T%+v", e.instance, e.event, e.event) }

func texts(list []instanceEvent) []string {
	var out []string
	for _, e := range list {
		switch ev := e.event.(type) {
		case vrrp.EffectivePriority:
			out = append(out, fmt.Sprintf("%s priority %d (%s)", e.instance, ev.Value, ev.Why))
		case vrrp.FaultRaised:
			out = append(out, fmt.Sprintf("%s fault %s %s", e.instance, ev.Why, ev.Of))
		case vrrp.FaultCleared:
			out = append(out, fmt.Sprintf("%s cleared %s %s", e.instance, ev.Why, ev.Of))
		}
	}
	return out
}

func ref(name string, weight int) track.Ref { return track.Ref{Name: name, Weight: &weight} }

func TestTrackersBecomePrioritiesAndFaults(t *testing.T) {
	up := func(names ...string) map[string]host.Link {
		m := map[string]host.Link{}
		for _, n := range names {
			m[n] = host.Link{Name: n, Up: true, Running: true}
		}
		return m
	}
	tr := newTracking()
	steps := []struct {
		what string
		do   func() []instanceEvent
		want []string
	}{
		{"a zero-weight script without result and a missing link hold the instance back", func() []instanceEvent {
			return tr.configure([]*tracked{{
				name: "VI_1", base: 100,
				links:   []linkRef{{ref: track.Ref{Name: "eth0"}, main: true}, {ref: ref("eth1", -20)}},
				scripts: []scriptRef{{ref: track.Ref{Name: "chk"}}, {ref: ref("web", 30)}},
			}})
		}, []string{
			"VI_1 fault initialising chk", "VI_1 fault interface eth0",
			"VI_1 priority 80 (interface eth1)", // 100 - 20: eth1 is not there either
		}},
		{"links appear", func() []instanceEvent { return tr.setLinks(up("eth0", "eth1")) },
			[]string{"VI_1 priority 100 ()", "VI_1 cleared interface eth0"}},
		{"the same again says nothing", func() []instanceEvent { return tr.setLinks(up("eth0", "eth1")) }, nil},
		{"first success lets it go", func() []instanceEvent { return tr.set(verdict{Kind: track.Script, Name: "chk", State: track.Up}) },
			[]string{"VI_1 cleared initialising chk"}},
		{"a weight is added while the script succeeds", func() []instanceEvent { return tr.set(verdict{Kind: track.Script, Name: "web", State: track.Up}) },
			[]string{"VI_1 priority 130 (script web)"}},
		{"and a negative one while the link is down", func() []instanceEvent { return tr.setLinks(up("eth0")) },
			[]string{"VI_1 priority 110 (interface eth1, script web)"}}, // 100 + 30 - 20
		{"a zero-weight script that fails is a fault", func() []instanceEvent { return tr.set(verdict{Kind: track.Script, Name: "chk", State: track.Down}) },
			[]string{"VI_1 fault tracker chk"}},
		{"and the end of the fault when it succeeds", func() []instanceEvent { return tr.set(verdict{Kind: track.Script, Name: "chk", State: track.Up}) },
			[]string{"VI_1 cleared tracker chk"}},
		{"a reload that changes nothing says the priority again", func() []instanceEvent {
			return tr.configure([]*tracked{{
				name: "VI_1", base: 100,
				links:   []linkRef{{ref: track.Ref{Name: "eth0"}, main: true}, {ref: ref("eth1", -20)}},
				scripts: []scriptRef{{ref: track.Ref{Name: "chk"}}, {ref: ref("web", 30)}},
			}})
		}, []string{"VI_1 priority 110 (interface eth1, script web)"}},
		{"a tracker that is gone takes its weight along", func() []instanceEvent {
			return tr.configure([]*tracked{{name: "VI_1", base: 100, links: []linkRef{{ref: track.Ref{Name: "eth0"}, main: true}}}})
		}, []string{"VI_1 priority 100 ()"}},
	}
	for _, s := range steps {
		if d := cmp.Diff(s.want, texts(s.do())); d != "" {
			t.Errorf("%s (-want +got):\n%s", s.what, d)
		}
	}
}

// A reload may make an instance another virtual router, or one that had another
// name: what was told before says nothing about what its machine knows now.
func TestAReloadTellsEverythingAnew(t *testing.T) {
	failing := func(name string, base int) *tracked {
		return &tracked{name: name, base: base, scripts: []scriptRef{{ref: track.Ref{Name: "chk"}}, {ref: ref("web", -30)}}}
	}
	tests := []struct {
		what string
		list *tracked
		want []string
	}{
		{"nothing changed: the machine may be a new one all the same", failing("VI_1", 100),
			[]string{"VI_1 fault tracker chk", "VI_1 priority 70 (script web)"}},
		{"another priority, and the failing scripts are gone", &tracked{name: "VI_1", base: 120},
			[]string{"VI_1 priority 120 ()", "VI_1 cleared tracker chk"}},
		{"another name, and the failing scripts are gone", &tracked{name: "VI_9", base: 100},
			[]string{"VI_9 priority 100 ()", "VI_9 cleared tracker chk"}},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			tr := newTracking()
			tr.configure([]*tracked{failing("VI_1", 100)})
			tr.set(verdict{Kind: track.Script, Name: "chk", State: track.Down})
			tr.set(verdict{Kind: track.Script, Name: "web", State: track.Down})
			if d := cmp.Diff(tt.want, texts(tr.configure([]*tracked{tt.list}))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestFilesAndProcessesBecomePrioritiesAndFaults(t *testing.T) {
	tr := newTracking()
	file := func(name string, n int) func() []instanceEvent {
		return func() []instanceEvent { return tr.set(verdict{Kind: track.File, Name: name, Value: n}) }
	}
	process := func(name string, s track.State) func() []instanceEvent {
		return func() []instanceEvent { return tr.set(verdict{Kind: track.Process, Name: name, State: s}) }
	}
	conf := configtest.Understood(t, "track_file n {\nfile /n\n}\ntrack_file z {\nfile /z\nweight 0\n}\n"+
		"vrrp_track_process p {\nprocess p\n}\nvrrp_track_process q {\nprocess q\nweight -20\n}\n"+
		configtest.With("track_file {\nn weight 2\nz\n}\ntrack_process {\np\nq\n}\ndont_track_primary")).Config
	watched := trackedBy(conf, conf.Instances[0])
	watched.base, watched.links = 100, nil
	tr.know([]verdict{{Kind: track.File, Name: "n", Value: 10}, {Kind: track.Process, Name: "q", State: track.Up}})
	steps := []struct {
		what string
		do   func() []instanceEvent
		want []string
	}{
		{"what is known counts from the start, what is not holds back", func() []instanceEvent { return tr.configure([]*tracked{watched}) },
			[]string{"VI_1 fault initialising p", "VI_1 priority 120 (file n)"}},
		{"the first look at processes", process("p", track.Up), []string{"VI_1 cleared initialising p"}},
		{"a quorum is lost", process("q", track.Down), []string{"VI_1 priority 100 (file n, process q)"}}, // 100 + 20 - 20
		{"without weight that is a fault", process("p", track.Down), []string{"VI_1 fault process p"}},
		{"of another name than a file's", file("z", 1), []string{"VI_1 fault file z"}},
		{"they go one by one", process("p", track.Up), []string{"VI_1 cleared process p"}},
		{"and the last", file("z", 0), []string{"VI_1 cleared file z"}},
		{"a number so low is a fault, and the priority stays", file("n", -127), []string{"VI_1 fault file n"}},
		{"another", file("n", 50), []string{"VI_1 priority 180 (file n, process q)", "VI_1 cleared file n"}},
		{"nobody's file", file("other", 5), nil},
	}
	for _, s := range steps {
		if d := cmp.Diff(s.want, texts(s.do())); d != "" {
			t.Errorf("%s (-want +got):\n%s", s.what, d)
		}
	}
}
