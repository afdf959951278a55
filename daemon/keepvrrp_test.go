package daemon

import (
	"testing"

	"holdfast/vrrp"
)

// countingConn counts what is sent.
type countingConn struct {
	vrrp.Conn
	sent *int
}

func (c countingConn) WriteTo([]byte, vrrp.Meta) error { *c.sent++; return nil }

func TestWithDontReleaseVRRPNothingIsSentFromTheStopOn(t *testing.T) {
	for _, tt := range []struct{ keep, stopping, muted bool }{
		{false, false, false}, {false, true, false}, {true, false, false}, {true, true, true},
	} {
		sent := 0
		r := &vrrpRole{childProcess: &childProcess{opt: Options{KeepVRRP: tt.keep}}, stopping: tt.stopping}
		if err := (mutedConn{countingConn{sent: &sent}, r.leaving}).WriteTo(nil, vrrp.Meta{}); err != nil {
			t.Error(err)
		}
		if muted := sent == 0; muted != tt.muted {
			t.Errorf("-V %v, stopping %v: muted %v, want %v", tt.keep, tt.stopping, muted, tt.muted)
		}
	}
}
