package guest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestTheDemoBalances runs make demo's script where the kernel has ip_vs: it
// ends with status 0 only if everything it announces has happened, and there
// it shows the table and who answered.
func TestTheDemoBalances(t *testing.T) {
	demo := exec.Command("bash", "/vm/tree/integration/demo/demo.sh")
	demo.Env = append(os.Environ(), "DEMO_PATIENCE=8") // the machine is emulated
	out, err := demo.CombinedOutput()
	t.Logf("\n%s", out)
	if err != nil {
		t.Fatalf("demo.sh: %v", err)
	}
	for _, want := range []string{"-> 10.8.0.11:80", "Masq", "four requests, answered by web", "everything happened as announced"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the demo does not show %q", want)
		}
	}
}
