package daemon

import "testing"

func TestSignumAndVersion(t *testing.T) {
	for name, want := range map[string]int{"STOP": 15, "RELOAD": 1, "DATA": 10, "STATS": 12, "STATS_CLEAR": 63, "JSON": 36} {
		if got, err := Signum(name); got != want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, want)
		}
	}
	if _, err := Signum("stop"); err == nil {
		t.Error("a name in lower case was taken")
	}
}
