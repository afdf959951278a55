package track

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The rows are what keepalived 2.2.7 made of the same processes.
func TestWhichProcessMatches(t *testing.T) {
	const path = "/opt/bin/tkp"
	with := func(params ...string) ProcessConfig {
		return ProcessConfig{Process: path, Parameters: params, FullCommand: true, Match: MatchExact}
	}
	as := func(m ParamMatch, c ProcessConfig) ProcessConfig { c.Match = m; return c }
	tests := map[string]struct {
		watch    ProcessConfig
		comm     string
		argv     string // words
		matching bool
	}{
		"by name":                              {ProcessConfig{Process: "tkp"}, "tkp", path + " 1000", true},
		"by the name of a script":              {ProcessConfig{Process: "job"}, "job", "/bin/sh ./job", true},
		"a path is no name":                    {ProcessConfig{Process: path}, "tkp", path, false},
		"part of a name is none":               {ProcessConfig{Process: "ssh"}, "sshd", "sshd", false},
		"the kernel cuts names":                {ProcessConfig{Process: "averyveryverylo"}, "averyveryverylo", "./averyveryverylongname", true},
		"and what is cut off is not found":     {ProcessConfig{Process: "averyveryverylongname"}, "averyveryverylo", "./averyveryverylongname", false},
		"by path, whatever the parameters":     {as(MatchNone, with()), "tkp", path + " 1000", true},
		"by path, not by another one":          {as(MatchNone, with()), "tkp", "./tkp 1000", false},
		"a script's path is its second word":   {as(MatchNone, with()), "tkp", "/bin/sh " + path, false},
		"exactly":                              {with("1000", "2"), "tkp", path + " 1000 2", true},
		"one more is too many":                 {with("1000", "2"), "tkp", path + " 1000 2 3", false},
		"one less is too few":                  {with("1000", "2"), "tkp", path + " 1000", false},
		"another":                              {with("1000", "2"), "tkp", path + " 1000 20", false},
		"none, exactly":                        {with(), "tkp", path, true},
		"none, and there is one":               {with(), "tkp", path + " 1000", false},
		"initial: a longer last one":           {as(MatchInitial, with("1000", "2")), "tkp", path + " 1000 2000", true},
		"initial: more of them":                {as(MatchInitial, with("1000", "2")), "tkp", path + " 1000 2 3", true},
		"initial: a longer first one":          {as(MatchInitial, with("10", "2")), "tkp", path + " 1000 2", false},
		"initial without parameters":           {as(MatchInitial, with()), "tkp", path + " 1000", true},
		"partial: more of them":                {as(MatchPartial, with("1000")), "tkp", path + " 1000 2", true},
		"partial: no more":                     {as(MatchPartial, with("1000")), "tkp", path + " 1000", true},
		"partial: a longer one":                {as(MatchPartial, with("10")), "tkp", path + " 1000", false},
		"partial without parameters":           {as(MatchPartial, with()), "tkp", path + " 1000", true},
		"a kernel thread has no command":       {as(MatchNone, with()), "tkp", "", false},
		"which matches no command of one word": {ProcessConfig{Process: "kthreadd"}, "kthreadd", "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := ProcessInfo{Comm: tt.comm}
			for _, w := range strings.Fields(tt.argv) {
				p.Cmdline = append(append(p.Cmdline, w...), 0)
			}
			if got := tt.watch.Matches(p); got != tt.matching {
				t.Errorf("%t, want %t", got, tt.matching)
			}
		})
	}
}

func TestHowManyProcessesAreAQuorum(t *testing.T) {
	upTo := func(n int) *int { return &n }
	tests := map[string]struct {
		watch ProcessConfig
		want  string // one letter for each count from 0: + or -
	}{
		"at least one":         {ProcessConfig{Quorum: 1}, "-++++"},
		"at least two":         {ProcessConfig{Quorum: 2}, "--+++"},
		"exactly one":          {ProcessConfig{Quorum: 1, QuorumMax: upTo(1)}, "-+---"},
		"two or three":         {ProcessConfig{Quorum: 2, QuorumMax: upTo(3)}, "--++-"},
		"none may run":         {ProcessConfig{Quorum: 1, QuorumMax: upTo(0)}, "+----"},
		"more than one or two": {ProcessConfig{Quorum: 1, QuorumMax: upTo(2)}, "-++--"},
	}
	for name, tt := range tests {
		got := ""
		for n := range len(tt.want) {
			got += map[bool]string{true: "+", false: "-"}[tt.watch.quorate(n)]
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// processStep is one event at a time, in seconds, and what follows.
type processStep struct {
	at   float64
	ev   ProcessEvent
	want string
}

func runProcesses(t *testing.T, table *ProcessTable, steps []processStep) {
	t.Helper()
	for i, s := range steps {
		var got []string
		for _, v := range table.Step(processEpoch.Add(time.Duration(s.at*float64(time.Second))), s.ev) {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %v>%v %s", v.Name, v.From, v.To, strings.TrimSuffix(v.Text, " for tracked process "+v.Name))))
		}
		if d := cmp.Diff(s.want, strings.Join(got, ", ")); d != "" {
			t.Errorf("step %d, %v %+v: -want +got\n%s", i, s.at, s.ev, d)
		}
	}
}

func watching(c ...*ProcessConfig) *ProcessTable {
	t := &ProcessTable{}
	t.Configure(processEpoch, c)
	return t
}

var processEpoch = time.Unix(1000, 0)

var (
	good = ProcessInfo{Comm: "good"}
	bad  = ProcessInfo{Comm: "bad"}
)

func TestProcessesComeAndGo(t *testing.T) {
	none := 0
	table := watching(&ProcessConfig{Name: "one", Process: "good", Quorum: 1}, &ProcessConfig{Name: "two", Process: "good", Quorum: 2},
		&ProcessConfig{Name: "none", Process: "good", Quorum: 1, QuorumMax: &none}, &ProcessConfig{Name: "one", Process: "bad", Quorum: 1})
	runProcesses(t, table, []processStep{
		{0, Forked{1, 2}, ""}, // the first look decides, and says nothing
		{0, Scanned{map[int]ProcessInfo{1: bad}}, "one unknown>down, two unknown>down, none unknown>up"},
		{1, Forked{1, 2}, ""},
		{1, Named{2, good}, "one down>up Quorum gained, none up>down Quorum lost"},
		{2, Named{2, good}, ""}, // executes itself again
		{2, Forked{2, 3}, "two down>up Quorum gained"},
		{3, Named{3, bad}, "two up>down Quorum lost"},
		{3, Exited{3}, ""},
		{4, Exited{2}, "one up>down Quorum lost, none down>up Quorum gained"},
		{4, Exited{2}, ""},
		{5, Scanned{map[int]ProcessInfo{1: bad, 7: good, 8: good}}, "one down>up Quorum gained, two down>up Quorum gained, none up>down Quorum lost"}, // after an overrun
		{6, Forked{1, 8}, "two up>down Quorum lost"}, // 8 must have ended: its number is another's
		{6, Passed{}, ""},
	})
}

// Delays count by what brings the change about: fork_delay is for the moment
// between fork and exec, terminate_delay for a restart.
func TestDelaysOfProcesses(t *testing.T) {
	most := 1
	tests := map[string]struct {
		watch ProcessConfig
		steps []processStep
	}{
		"an end counts late": {ProcessConfig{Quorum: 1, TerminateDelay: 2 * time.Second}, []processStep{
			{1, Named{5, good}, "w down>up Quorum gained"},
			{2, Exited{5}, ""},
			{3.999, Passed{}, ""},
			{4, Passed{}, "w up>down Quorum lost"},
			{9, Passed{}, ""},
		}},
		"unless it is back": {ProcessConfig{Quorum: 1, TerminateDelay: 2 * time.Second}, []processStep{
			{1, Named{5, good}, "w down>up Quorum gained"},
			{2, Exited{5}, ""},
			{3, Named{6, good}, ""},
			{4, Passed{}, ""},
			{5, Exited{6}, ""}, // a new delay
			{6, Passed{}, ""},
			{7, Passed{}, "w up>down Quorum lost"},
		}},
		"a second end does not put it off": {ProcessConfig{Quorum: 3, TerminateDelay: 2 * time.Second}, []processStep{
			{1, Scanned{map[int]ProcessInfo{5: good, 6: good, 7: good}}, "w down>up Quorum gained"},
			{2, Exited{5}, ""},
			{3, Exited{6}, ""},
			{4, Passed{}, "w up>down Quorum lost"},
		}},
		"a fork counts late": {ProcessConfig{Quorum: 1, QuorumMax: &most, ForkDelay: 2 * time.Second}, []processStep{
			{1, Named{5, good}, "w down>up Quorum gained"},
			{2, Forked{5, 6}, ""},
			{2.1, Named{6, bad}, ""}, // it was on its way to something else
			{3, Forked{5, 7}, ""},
			{5, Passed{}, "w up>down Quorum lost"},
		}},
		"an end that makes it enough again waits too": {ProcessConfig{Quorum: 1, QuorumMax: &most, TerminateDelay: 2 * time.Second}, []processStep{
			{1, Named{5, good}, "w down>up Quorum gained"},
			{2, Named{6, good}, "w up>down Quorum lost"},
			{3, Exited{6}, ""},
			{5, Passed{}, "w down>up Quorum gained"},
		}},
		"what is read from /proc waits like a fork": {ProcessConfig{Quorum: 1, ForkDelay: time.Second}, []processStep{
			{1, Scanned{map[int]ProcessInfo{5: good}}, ""},
			{1.5, Scanned{map[int]ProcessInfo{5: good}}, ""},
			{2, Passed{}, "w down>up Quorum gained"},
		}},
		"and like an end": {ProcessConfig{Quorum: 1, TerminateDelay: time.Second}, []processStep{
			{1, Scanned{map[int]ProcessInfo{5: good}}, "w down>up Quorum gained"},
			{2, Scanned{nil}, ""},
			{3, Passed{}, "w up>down Quorum lost"},
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.watch.Name, tt.watch.Process = "w", "good"
			table := watching(&tt.watch)
			if got := table.Step(processEpoch, Scanned{}); len(got) != 1 || got[0].To != Down {
				t.Fatalf("at the start %+v", got)
			}
			runProcesses(t, table, tt.steps)
			if d := table.Deadline(); !d.IsZero() {
				t.Errorf("something is pending until %v", d)
			}
		})
	}
}

func TestAReloadKeepsWhatIsCounted(t *testing.T) {
	now := processEpoch
	table := watching(&ProcessConfig{Name: "w", Process: "good", Quorum: 1})
	table.Step(now, Scanned{map[int]ProcessInfo{5: good}})
	if got := table.Configure(now, []*ProcessConfig{{Name: "w", Process: "good", Quorum: 1, Weight: 5}}); len(got) != 0 {
		t.Errorf("the same watch says %+v", got)
	}
	if got := table.Configure(now, []*ProcessConfig{{Name: "w", Process: "good", Quorum: 2}}); len(got) != 1 || got[0].To != Down {
		t.Errorf("a larger quorum says %+v", got)
	}
	if got := table.States(); len(got) != 1 || got[0].To != Down {
		t.Errorf("states %+v", got)
	}
	if got := table.Configure(now, []*ProcessConfig{{Name: "w", Process: "bad", Quorum: 1}}); len(got) != 0 || len(table.States()) != 0 {
		t.Errorf("another process: says %+v, states %+v, before it was looked for", got, table.States())
	}
	table.Configure(now, nil)
	if !table.Empty() || table.NeedsCommands() {
		t.Error("there is a watch left")
	}
}

func TestNameAndStateOfAProcess(t *testing.T) {
	tests := map[string]struct {
		stat, comm string
		state      byte
	}{
		"plain":                {"1 (systemd) S 0 1 1", "systemd", 'S'},
		"blanks and brackets":  {"7 (a) R (b) Z 1 7", "a) R (b", 'Z'},
		"an empty name":        {"7 () R 1", "", 'R'},
		"cut behind the state": {"7 (x) R", "x", 'R'},
		"cut before it":        {"7 (x) ", "", 0},
		"no brackets":          {"7 x R", "", 0},
		"the wrong way round":  {"7 )x( R", "", 0},
		"nothing":              {"", "", 0},
	}
	for name, tt := range tests {
		comm, state, ok := ParseStat([]byte(tt.stat))
		if comm != tt.comm || state != tt.state || ok != (tt.state != 0) {
			t.Errorf("%s: %q, %q, %t", name, comm, state, ok)
		}
	}
}

func FuzzNameAndStateOfAProcess(f *testing.F) {
	f.Add([]byte("7 (a b) S 1"))
	f.Fuzz(func(t *testing.T, b []byte) { ParseStat(b) })
}
