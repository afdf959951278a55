package doctor

import (
	"net/netip"
	"testing"
)

// TestThisMachineHasALoopback: what the kernel says is there, addresses with their
// links.
func TestThisMachineHasALoopback(t *testing.T) {
	m := ThisMachine()
	if m == nil {
		t.Fatal("netlink, which anybody may ask, gives no answer")
	}
	if l, exists := m.Links["lo"]; !exists || !l.Loopback {
		t.Errorf("%+v", m.Links)
	}
	for k, a := range m.Addresses {
		if _, exists := m.Links[a.Link]; !exists {
			t.Errorf("%+v is on no link", k)
		}
		if a.Prefix.Addr() == netip.MustParseAddr("127.0.0.1") && a.Link != "lo" {
			t.Errorf("%+v", a)
		}
	}
}
