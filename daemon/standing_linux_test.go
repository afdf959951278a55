package daemon

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/internal/threads"
)

// standingOf is a standing that is given a configuration, what it puts in force,
// and what it logs.
func standingOf(t *testing.T, r role, globals string) (s *standing, applied *[]threads.Settings, log func() []string) {
	t.Helper()
	var buf bytes.Buffer
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key != slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}
	s = newStanding(slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{ReplaceAttr: drop})), r)
	applied = new([]threads.Settings)
	s.apply = func(ts threads.Settings) error { *applied = append(*applied, ts); return nil }
	reconfigure(t, s, globals)
	return s, applied, func() []string {
		defer buf.Reset()
		var lines []string
		for line := range strings.Lines(buf.String()) {
			lines = append(lines, strings.Trim(strings.TrimPrefix(strings.TrimSpace(line), "msg="), `"`))
		}
		return lines
	}
}

func reconfigure(t *testing.T, s *standing, globals string) {
	t.Helper()
	s.configure(&configtest.Understood(t, "global_defs {\n"+globals+"\n}\n"+configtest.Router()).Config.Global)
}

func TestEachChildHasItsOwnProcessOptions(t *testing.T) {
	const both = "vrrp_priority -3\nvrrp_rt_priority 12\nvrrp_no_swap\nvrrp_cpu_affinity 0\nvrrp_rlimit_rttime 2000000\nchecker_priority 4\nchecker_rlimit_rtime 5000"
	for r, want := range map[role]threads.Settings{
		roleVRRP:     {Nice: new(-3), RTPriority: 12, NoSwap: true, CPUs: []int{0}, RTTime: 2 * time.Second},
		roleCheckers: {Nice: new(4), RTTime: 5 * time.Millisecond},
	} {
		_, applied, _ := standingOf(t, r, both)
		if diff := cmp.Diff([]threads.Settings{want}, *applied); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r, diff)
		}
	}
}

func TestAProcessThatRunsLateRaisesItsPriority(t *testing.T) {
	tests := map[string]struct {
		globals string
		late    []time.Duration
		want    []int // real-time priorities put in force, the configured one first
		log     []string
	}{
		"not late enough": {"max_auto_priority 3", []time.Duration{999 * time.Millisecond}, []int{0}, nil},
		"by one each time, from nothing": {"max_auto_priority 3", []time.Duration{time.Second, 2500001 * time.Microsecond}, []int{0, 1, 2}, []string{
			"A thread timer expired 1.000000 seconds ago", "Set realtime priority 1", "A thread timer expired 2.500001 seconds ago", "Set realtime priority 2"}},
		"from the configured one to the limit": {"vrrp_rt_priority 8\nmax_auto_priority 9\nmin_auto_priority_delay 20000", []time.Duration{20 * time.Millisecond, time.Minute}, []int{8, 9}, []string{
			"A thread timer expired 0.020000 seconds ago", "Set realtime priority 9", "A thread timer expired 60.000000 seconds ago"}},
		"without max_auto_priority it is only said": {"", []time.Duration{time.Second}, []int{0}, []string{"A thread timer expired 1.000000 seconds ago"}},
		"-1 as well": {"max_auto_priority -1", []time.Duration{time.Second}, []int{0}, []string{"A thread timer expired 1.000000 seconds ago"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, applied, log := standingOf(t, roleVRRP, tt.globals)
			for _, d := range tt.late {
				s.late(d)
			}
			if diff := cmp.Diff(tt.want, priorities(*applied)); diff != "" {
				t.Errorf("priorities (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.log, log()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func priorities(list []threads.Settings) (p []int) {
	for _, s := range list {
		p = append(p, s.RTPriority)
	}
	return p
}

func TestAReloadKeepsARaisedPriorityWithinItsLimit(t *testing.T) {
	s, applied, _ := standingOf(t, roleVRRP, "max_auto_priority 5")
	s.late(time.Second)
	s.late(time.Second)
	reconfigure(t, s, "max_auto_priority 5")                       // 2 stays
	reconfigure(t, s, "max_auto_priority 1")                       // no more than that
	reconfigure(t, s, "max_auto_priority 5\nvrrp_rt_priority 4")   // the configured one is above
	s.late(time.Second)                                            // and counts from there
	reconfigure(t, s, "max_auto_priority -1\nvrrp_rt_priority 4")  // none is raised
	reconfigure(t, s, "max_auto_priority 99\nvrrp_rt_priority 60") // nor comes back
	if diff := cmp.Diff([]int{0, 1, 2, 2, 1, 4, 5, 4, 60}, priorities(*applied)); diff != "" {
		t.Errorf("priorities (-want +got):\n%s", diff)
	}
}

func TestWhileAReloadIsDecodedProcessorTimeIsNotLimited(t *testing.T) {
	s, applied, _ := standingOf(t, roleVRRP, "vrrp_rt_priority 4\nvrrp_rlimit_rttime 3000000")
	s.relax()
	reconfigure(t, s, "vrrp_rt_priority 4\nvrrp_rlimit_rttime 3000000")
	var times []time.Duration
	for _, a := range *applied {
		times = append(times, a.RTTime)
	}
	if diff := cmp.Diff([]time.Duration{3 * time.Second, 0, 3 * time.Second}, times); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestWhatTheKernelRefusesIsSaidOnce(t *testing.T) {
	s, _, log := standingOf(t, roleCheckers, "")
	s.apply = func(threads.Settings) error { return errors.Join(errors.New("no a"), errors.New("no b")) }
	reconfigure(t, s, "")
	reconfigure(t, s, "")
	s.late(time.Second)
	want := []string{"Healthcheck process: no a; no b", "A thread timer expired 1.000000 seconds ago"}
	if diff := cmp.Diff(want, log()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestThePulseIsShortBesideTheDelay(t *testing.T) {
	for globals, want := range map[string]time.Duration{
		"":                                 250 * time.Millisecond,
		"min_auto_priority_delay 10000000": 250 * time.Millisecond,
		"min_auto_priority_delay 100000":   25 * time.Millisecond,
		"min_auto_priority_delay 1":        10 * time.Millisecond,
	} {
		if s, _, _ := standingOf(t, roleVRRP, globals); s.pulse() != want {
			t.Errorf("%q: %v, want %v", globals, s.pulse(), want)
		}
	}
}
