package daemon

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"holdfast/checkers"
	"holdfast/daemon/config/configtest"
	"holdfast/track"
)

// filed is a virtual server of one real server of weight 10 with checks.
func filed(checks string) string {
	return "track_file a {\nfile /run/a\nweight 2\n}\ntrack_file b {\nfile /run/b\nweight 0\n}\n" +
		configtest.Balancer("10.9.1.1 8080 {\n        TCP_CHECK {\n        }", "10.9.1.1 80 {\n weight 10\n"+checks)
}

// The weights are those that keepalived 2.2.7 gave to the kernel.
func TestANumberInAFileIsAWeight(t *testing.T) {
	const down = 1 << 31 // no weight
	tests := map[string]struct {
		checks string
		a, b   int
		want   uint32
	}{
		"times the weight of the file":       {"FILE_CHECK {\ntrack_file a\n}", 5, 0, 20},
		"no number":                          {"FILE_CHECK {\ntrack_file a\n}", 0, 0, 10},
		"times its own weight":               {"FILE_CHECK {\ntrack_file a\nweight 5\n}", 2, 0, 20},
		"never below 0":                      {"FILE_CHECK {\ntrack_file a\nweight 5\n}", -3, 0, 0},
		"negative":                           {"FILE_CHECK {\ntrack_file a\n}", -2, 0, 6},
		"reversed":                           {"FILE_CHECK {\ntrack_file a\nweight 3 reverse\n}", -2, 0, 16},
		"never above the largest":            {"FILE_CHECK {\ntrack_file a\nweight 2147483647\n}", 2147483647, 0, 2147483647},
		"so low that it is down":             {"FILE_CHECK {\ntrack_file a\n}", -1 << 30, 0, down},
		"one more is not":                    {"FILE_CHECK {\ntrack_file a\n}", -1<<30 + 1, 0, 0},
		"without weight a number is a fault": {"FILE_CHECK {\ntrack_file b\n}", 0, -1, down},
		"and none is not":                    {"FILE_CHECK {\ntrack_file b\n}", 0, 0, 10},
		"reversed without weight":            {"FILE_CHECK {\ntrack_file b\nweight 0 reverse\n}", 0, 0, down},
		"two add up":                         {"FILE_CHECK {\ntrack_file a\n}\nFILE_CHECK {\ntrack_file b\nweight -1\n}", 5, 4, 16},
		"one fault is enough":                {"FILE_CHECK {\ntrack_file a\n}\nFILE_CHECK {\ntrack_file b\n}", 5, 1, down},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWard(t, filed(tt.checks))
				w.tracked(verdict{Kind: track.File, Name: "a", Value: tt.a})
				w.tracked(verdict{Kind: track.File, Name: "b", Value: tt.b})
				want := map[string]uint32{"10.9.1.1:80": tt.want}
				if tt.want == down {
					want = map[string]uint32{}
				}
				if d := cmp.Diff(want, w.weights(t)); d != "" {
					t.Errorf("-want +got\n%s", d)
				}
			})
		})
	}
}

func TestAServerFollowsItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const server, service = "[10.9.1.1]:tcp:80", "[10.9.0.100]:tcp:80"
		w := newWard(t, filed("FILE_CHECK {\ntrack_file b\n}\n TCP_CHECK {\n}\nFILE_CHECK {\ntrack_file a\n}"))
		w.heard()
		w.tracked(verdict{Kind: track.File, Name: "b", Value: 1})
		if d := cmp.Diff([]string{server + " of " + service + " DOWN (FILE_CHECK failed on service)", service + " DOWN (Lost quorum 1-0=1 > 0)"}, w.heard()); d != "" {
			t.Errorf("a fault (-want +got)\n%s", d)
		}
		w.tracked(verdict{Kind: track.File, Name: "a", Value: 3})
		w.tracked(verdict{Kind: track.File, Name: "nobody's", Value: 3})
		w.tracked(verdict{Kind: track.Process, Name: "a", Value: 7})
		w.tracked(verdict{Kind: track.File, Name: "b"})
		weight := func(what string, want uint32) {
			t.Helper()
			if d := cmp.Diff(map[string]uint32{"10.9.1.1:80": want}, w.weights(t)); d != "" {
				t.Errorf("%s (-want +got)\n%s", what, d)
			}
		}
		weight("back with what the other file has added meanwhile", 16)
		known := []verdict{{Kind: track.File, Name: "a", Value: 3}, {Kind: track.File, Name: "b"}}
		w.reload(t.Context(), nil, reloadMessage{Tracked: known, Config: configtest.Understood(t, filed("TCP_CHECK {\n}\nFILE_CHECK {\ntrack_file a\nweight 4\n}")).Encoded})
		weight("a reload with another factor", 22)
		w.reload(t.Context(), nil, reloadMessage{Tracked: known, Config: configtest.Understood(t, filed("TCP_CHECK {\n}")).Encoded})
		weight("a reload without the file", 10)
	})
}

func TestAFileAndAProgramAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, filed("MISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic\n}\nFILE_CHECK {\ntrack_file a\n}"))
		w.tracked(verdict{Kind: track.File, Name: "a", Value: 3})
		thirty := 30
		status, err := w.pool.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		spec := w.conf.Checks()[0]
		w.handleReport(checkers.Report{ID: status[0].ID, Spec: spec, Action: checkers.VerdictChanged{Up: true, Verdict: checkers.Verdict{Up: true, Weight: &thirty}}})
		if d := cmp.Diff(map[string]uint32{"10.9.1.1:80": 36}, w.weights(t)); d != "" { // 10 + (30 - 10) + 2*3
			t.Errorf("-want +got\n%s", d)
		}
		w.tracked(verdict{Kind: track.File, Name: "a"})
		if d := cmp.Diff(map[string]uint32{"10.9.1.1:80": 30}, w.weights(t)); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

func TestExitStatusZeroGivesTheConfiguredWeightBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const check = "MISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic\n}"
		w := newWard(t, filed(check))
		status, err := w.pool.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		number := func(n int) *int { return &n }
		for _, step := range []struct {
			computed *int
			want     uint32
		}{{nil, 10}, {number(253), 253}, {nil, 10}, {number(0), 0}, {nil, 10}} {
			w.handleReport(checkers.Report{ID: status[0].ID, Spec: w.conf.Checks()[0],
				Action: checkers.VerdictChanged{Up: true, Verdict: checkers.Verdict{Up: true, Weight: step.computed}}})
			if d := cmp.Diff(map[string]uint32{"10.9.1.1:80": step.want}, w.weights(t)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		}
		text := strings.Replace(filed(check), "weight 10", "weight 7", 1)
		w.reload(t.Context(), nil, reloadMessage{Config: configtest.Understood(t, text).Encoded})
		if d := cmp.Diff(map[string]uint32{"10.9.1.1:80": 7}, w.weights(t)); d != "" {
			t.Errorf("a reload does not change the weight: -want +got\n%s", d)
		}
	})
}
