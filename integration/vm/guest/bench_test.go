package guest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestBenchOfChecksMeasures runs the part of make bench that lives in here on a few
// checks: what it says of both daemons has to be there and possible. How the two
// compare is no test's business.
func TestBenchOfChecksMeasures(t *testing.T) {
	const loop = time.Second
	plan := filepath.Join(t.TempDir(), "plan")
	text, err := json.Marshal(map[string]any{
		"Programs": []string{"keepalived", "/vm/holdfast"}, "Rounds": 1, "Window": 2 * loop, "Calm": loop / 2, "Deaths": 2, "Services": 10, "Reloads": 1,
		"Sizes": []map[string]any{{"Checks": 20, "Loop": loop}},
	})
	if err == nil {
		err = os.WriteFile(plan, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/vm/bench", "inside", plan)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", out)
	var f struct {
		Checks []struct {
			Program           string
			CPU, Rate         float64
			Memory, Processes int
			Removal           []time.Duration
		}
		Reloads []struct {
			Program  string
			Took     []time.Duration
			Commands []int
		}
	}
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Checks) != 2 || len(f.Reloads) != 2 {
		t.Fatalf("%d runs of checks and %d of reloads, want 2 each", len(f.Checks), len(f.Reloads))
	}
	for _, r := range f.Checks {
		switch {
		case r.CPU <= 0 || r.CPU > 2.5 || r.Memory < 1000 || r.Memory > 1_000_000 || r.Processes != 2: // two processors; KiB
			t.Errorf("%s: %d processes with %d KiB take %.3f processors", r.Program, r.Processes, r.Memory, r.CPU)
		case r.Rate < 0.5 || r.Rate > 24: // 20 checks a second, or a machine that has no time for them
			t.Errorf("%s: servers see %.1f checks a second, want about 20", r.Program, r.Rate)
		case len(r.Removal) != 2 || r.Removal[0] < loop/2: // found out by the next check, a second later
			t.Errorf("%s: servers are removed %v after their death, want at least 1s", r.Program, r.Removal)
		}
	}
	for _, r := range f.Reloads {
		if len(r.Took) != 1 || r.Took[0] <= 0 || len(r.Commands) != 1 || r.Commands[0] != 1 {
			t.Errorf("%s: a weight takes %v and %d commands, want one of each", r.Program, r.Took, r.Commands)
		}
	}
}
