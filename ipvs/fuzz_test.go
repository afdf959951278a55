package ipvs

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// hostile is a connection that answers with whatever it was told to: datagrams
// cut out of data, one for each Read. It repeats itself a number of times, and
// then is silent.
type hostile struct {
	data    []byte
	at      int
	repeats int
	patch   bool // give each message the number of the last request: it is listened to
	number  uint32
	read    int // octets handed out
	expired atomic.Bool
}

// Port implements conn.
func (h *hostile) Port() uint32 { return playerPort }

// Close implements conn.
func (h *hostile) Close() error { return nil }

// SetDeadline implements conn.
func (h *hostile) SetDeadline(t time.Time) error {
	h.expired.Store(t.Before(time.Now()))
	return nil
}

// Write implements conn.
func (h *hostile) Write(b []byte) (int, error) {
	var bad error
	for m := range messages(b, &bad) {
		h.number = m.seq
	}
	return len(b), bad
}

// Read implements conn. The first two octets of a datagram in data are its
// length, of which the top bit says that a message may begin in the middle of
// another: nothing is patched.
func (h *hostile) Read(b []byte) (int, error) {
	if h.at+2 > len(h.data) {
		if h.repeats--; h.repeats < 0 || h.expired.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		h.at = 0
	}
	if h.at+2 > len(h.data) {
		return 0, nil // an empty datagram
	}
	length := int(host.Uint16(h.data[h.at:]))
	h.at += 2
	n := copy(b, h.data[h.at:min(h.at+length&0x7fff, len(h.data))])
	h.at += n
	h.read += n
	if length&0x8000 == 0 {
		h.address(b[:n])
	}
	return n, nil
}

// address makes the messages of a datagram answers to the last request, as far
// as their lengths can be followed.
func (h *hostile) address(b []byte) {
	for len(b) >= nlHeader {
		host.PutUint32(b[8:], h.number-host.Uint32(b[8:])%4) // or to one of the three before
		host.PutUint32(b[12:], playerPort)
		n := int(host.Uint32(b))
		if n < nlHeader || n > len(b) {
			return
		}
		b = b[min(align4(n), len(b)):]
	}
}

// datagrams is a seed: each argument is one datagram.
func datagrams(all ...[]byte) []byte {
	var out []byte
	for _, b := range all {
		out = host.AppendUint16(out, uint16(len(b)))
		out = append(out, b...)
	}
	return out
}

// Whatever comes from the connection: no panic, an end, and no more memory
// than what came is worth.
func FuzzHostileKernel(f *testing.F) {
	family := unhex(f, family20+ack)
	for _, seed := range hostileSeeds(f) {
		f.Add(datagrams(append([][]byte{family}, seed...)...), uint8(1), uint8(0))
		f.Add(datagrams(append([][]byte{family}, seed...)...), uint8(200), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, repeats, call uint8) {
		h := &hostile{data: data, repeats: int(repeats)}
		c := newClient(func() (conn, error) { return h, nil }, nil)
		c.limit = 2000
		calls := []func(context.Context) error{
			func(ctx context.Context) error { _, err := c.Read(ctx); return err },
			func(ctx context.Context) error { _, err := c.SyncDaemons(ctx); return err },
			func(ctx context.Context) error { _, err := c.Timeouts(ctx); return err },
			func(ctx context.Context) error { _, err := c.Info(ctx); return err },
			func(ctx context.Context) error {
				return ApplyAll(ctx, c, Diff(readTable(), nil, nil))
			},
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := calls[int(call)%len(calls)](t.Context())
		runtime.ReadMemStats(&after)
		_ = err // an answer that makes sense is none of this test's business
		// A message of 20 octets may become an error of some hundred, a service
		// of 40 a pool with two maps; 256 KiB are buffers.
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(256<<10+100*h.read); got > most {
			t.Errorf("allocated %d octets for %d that were read, at most %d are right", got, h.read, most)
		}
		if h.repeats >= 0 && h.read > 6*(c.limit+2)*receiveBuffer {
			t.Errorf("read on after %d octets", h.read)
		}
	})
}
