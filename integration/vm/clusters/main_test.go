package clusters

import (
	"fmt"
	"os"
	"testing"
)

// TestMain starts the tests only inside the virtual machine (or to be listed
// for it): elsewhere they would rewrite the tables of a working machine.
func TestMain(m *testing.M) {
	if os.Getenv("HOLDFAST_GUEST") != "1" {
		fmt.Println("runs inside the virtual machine of integration/vm")
		os.Exit(0)
	}
	os.Exit(m.Run())
}
