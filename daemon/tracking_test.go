package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/bfd"
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

// TestSessionsBecomePrioritiesAndFaults: the figures are those of keepalived
// 2.2.7 with one session and these lines.
func TestSessionsBecomePrioritiesAndFaults(t *testing.T) {
	lines := []string{"B", "B weight 30", "B weight -40", "B weight 35 reverse", "B weight 0 reverse", "B weight -45 reverse", "B weight 253"}
	text := "bfd_instance B {\nneighbor_ip 10.9.0.9\n}\n"
	for n, line := range lines {
		text += configtest.Router("VI_1", fmt.Sprint("V", n), "id 51", fmt.Sprint("id ", 60+n), "0.100", fmt.Sprint("0.", 60+n), "{\n", "{\ntrack_bfd {\n"+line+"\n}\ndont_track_primary\n")
	}
	conf := configtest.Understood(t, text).Config
	var watched []*tracked
	for _, in := range conf.Instances {
		watched = append(watched, trackedBy(conf, in))
	}
	session := func(s track.State) verdict { return verdict{Kind: track.BFD, Name: "B", State: s} }
	tr := newTracking()
	tr.running = true
	steps := []struct {
		what string
		do   func() []instanceEvent
		want []string
	}{
		{"a session is down from the start", func() []instanceEvent { return tr.configure(watched) }, []string{
			"V0 fault bfd B", "V0 priority 100 ()", "V1 priority 100 ()", "V2 priority 60 (bfd B)", "V3 priority 100 ()",
			"V4 priority 100 ()", "V5 priority 145 (bfd B)", "V6 priority 100 ()"}},
		{"down is no news", func() []instanceEvent { return tr.set(session(track.Down)) }, nil},
		{"it comes up", func() []instanceEvent { return tr.set(session(track.Up)) }, []string{
			"V0 cleared bfd B", "V1 priority 130 (bfd B)", "V2 priority 100 ()", "V3 priority 65 (bfd B)",
			"V4 fault bfd B", "V5 priority 100 ()", "V6 priority 254 (bfd B)"}},
		{"and goes down", func() []instanceEvent { return tr.set(session(track.Down)) }, []string{
			"V0 fault bfd B", "V1 priority 100 ()", "V2 priority 60 (bfd B)", "V3 priority 100 ()",
			"V4 cleared bfd B", "V5 priority 145 (bfd B)", "V6 priority 100 ()"}},
	}
	for _, s := range steps {
		if d := cmp.Diff(s.want, texts(s.do())); d != "" {
			t.Errorf("%s (-want +got):\n%s", s.what, d)
		}
	}
}

// TestAUnicastRouterNeedNotNameAnInterface: it is then held back by its VRF and
// by the links of its addresses, and by nothing that has no name.
func TestAUnicastRouterNeedNotNameAnInterface(t *testing.T) {
	for lines, want := range map[string]string{
		"":                              "eth1",
		"vrf red\n":                     "red eth1",
		"vrf red\ndont_track_primary\n": "eth1",
	} {
		conf := configtest.Understood(t, "vrrp_instance VI_1 {\nvirtual_router_id 51\nunicast_src_ip 10.9.0.1\nunicast_peer {\n10.9.0.2\n}\n"+lines+
			"virtual_ipaddress {\n10.9.0.100/24 dev eth1\n}\n}\n").Config
		var got []string
		for _, l := range trackedBy(conf, conf.Instances[0]).links {
			got = append(got, l.ref.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("with %q it tracks %q, want %s", lines, got, want)
		}
	}
}

func TestASessionThatNobodyRunsHoldsNobody(t *testing.T) {
	conf := configtest.Understood(t, "bfd_instance B {\nneighbor_ip 10.9.0.9\n}\n"+configtest.With("track_bfd {\nB\n}\ndont_track_primary")).Config
	tr := newTracking()
	if d := cmp.Diff([]string{"VI_1 priority 100 ()"}, texts(tr.configure([]*tracked{trackedBy(conf, conf.Instances[0])}))); d != "" {
		t.Errorf("without a BFD process (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"VI_1 fault bfd B"}, texts(tr.set(verdict{Kind: track.BFD, Name: "B", State: track.Down}))); d != "" {
		t.Errorf("a verdict counts all the same (-want +got):\n%s", d)
	}
}

func TestWhatIsSaidAboutASession(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tr := newTracking()
	b := &bfd.Config{Name: "B"}
	tr.configure([]*tracked{{name: "V0", base: 100, sessions: []sessionRef{{track.Ref{Name: "B"}, b}}}, {name: "V1", base: 100}})
	for _, step := range []struct {
		state track.State
		want  []string
	}{
		{track.Down, []string{"detail: Received BFD event: instance B is in state Down (delivered in 120 usec)"}}, // it was
		{track.Up, []string{"detail: Received BFD event: instance B is in state Up (delivered in 120 usec)", "VRRP_Instance(V0) Tracked BFD instance B is UP"}},
		{track.Down, []string{"detail: Received BFD event: instance B is in state Down (delivered in 120 usec)", "VRRP_Instance(V0) Tracked BFD instance B is DOWN"}},
	} {
		v := verdict{Kind: track.BFD, Name: "B", State: step.state, At: at}
		var got []string
		for _, l := range sessionLines(v, at.Add(120*time.Microsecond), tr.trackersOfSession(v)) {
			if l.detail {
				l.text = "detail: " + l.text
			}
			got = append(got, l.text)
		}
		tr.set(v)
		if d := cmp.Diff(step.want, got); d != "" {
			t.Errorf("%v (-want +got):\n%s", step.state, d)
		}
	}
	if lines := sessionLines(verdict{Kind: track.Script, Name: "B"}, at, nil); lines != nil {
		t.Errorf("about a script: %v", lines)
	}
}
