package ipvs

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel says twice what a buffer was given. Without the privilege
// net.core.rmem_max is the limit, and there is nothing to see.
func TestTheReceiveBufferIsWhatIsAskedForAndHoldsABatch(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to exceed net.core.rmem_max")
	}
	for name, tt := range map[string]struct {
		o     Options
		least int
		most  int
	}{
		"nothing is asked for": {Options{}, 2 * roomOfBatch, 2 * roomOfBatch},
		"less than a batch":    {Options{ReceiveBuffer: 4096, ForceBuffer: true}, 2 * roomOfBatch, 2 * roomOfBatch},
		"more":                 {Options{ReceiveBuffer: 4 << 20, ForceBuffer: true}, 8 << 20, 8 << 20},
		"more than may be":     {Options{ReceiveBuffer: 1<<32 - 1}, 2 * roomOfBatch, 1<<31 - 1}, // not forced: rmem_max, a batch at least
	} {
		t.Run(name, func(t *testing.T) {
			c, err := openNetlink(tt.o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			raw, err := c.(netlinkConn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			if err := raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF) }); err != nil {
				t.Fatal(err)
			}
			if err != nil || got < tt.least || got > tt.most {
				t.Errorf("%d octets, %v; want %d to %d", got, err, tt.least, tt.most)
			}
		})
	}
}
