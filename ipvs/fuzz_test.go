package ipvs

import (
	"context"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hostile is a connection that answers with whatever it was given: datagrams
// cut out of data, one for each Read. Those behind the first are repeated a
// number of times, or for ever; then it is silent.
type hostile struct {
	data    []byte // datagrams, each behind two octets: its length and the top bit raw
	at      int
	loop    int // where the second datagram begins
	repeats int
	endless bool
	number  uint32 // of the last request
	asked   int    // datagrams written to it
	reads   int
	octets  int // handed out
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
	h.asked++
	return len(b), bad
}

// Read implements conn.
func (h *hostile) Read(b []byte) (int, error) {
	h.reads++
	if h.at+2 > len(h.data) {
		h.repeats--
		if h.expired.Load() || h.repeats < 0 && !h.endless {
			return 0, os.ErrDeadlineExceeded
		}
		h.at = h.loop
	}
	if h.at+2 > len(h.data) {
		return 0, nil // an empty datagram
	}
	head := int(host.Uint16(h.data[h.at:]))
	h.at += 2
	n := copy(b, h.data[h.at:min(h.at+head&0x7fff, len(h.data))])
	h.at += n
	if h.loop == 0 {
		h.loop = h.at
	}
	h.octets += n
	if raw := head&0x8000 != 0; !raw {
		h.address(b[:n])
	}
	return n, nil
}

// address makes the messages of a datagram answers to the last request, or to
// one of the three before it, as far as their lengths can be followed: without
// it nearly all would be passed over.
func (h *hostile) address(b []byte) {
	for len(b) >= nlHeader {
		host.PutUint32(b[8:], h.number-host.Uint32(b[8:])%4)
		host.PutUint32(b[12:], playerPort)
		n := int(host.Uint32(b))
		if n < nlHeader || n > len(b) {
			return
		}
		b = b[min(align4(n), len(b)):]
	}
}

// datagrams is the data of a hostile connection.
func datagrams(all ...[]byte) []byte {
	var out []byte
	for _, b := range all {
		out = host.AppendUint16(out, uint16(len(b)))
		out = append(out, b...)
	}
	return out
}

// hostileSeeds are answers of the kernel, and those that no kernel gives.
func hostileSeeds(f *testing.F) [][][]byte {
	seeds := [][][]byte{
		{}, // with repetitions: empty datagrams
		{unhex(f, done)},
		{unhex(f, ack)},
		{unhex(f, noFamily)},
		{unhex(f, ack+ack)},
		{unhex(f, strings.Replace(done, "0200", "1200", 1))},                // interrupted
		{unhex(f, "24000000 02000001 00000000 01000000 01f0ffff"+ack[45:])}, // an errno below -4095
		{unhex(f, "00000000 02000000 00000000 00000000")},                   // no length
		{unhex(f, "ffffffff 02000000 00000000 00000000")},
		{unhex(f, done)[:7]},
	}
	for title, r := range recordings(f) {
		if title == "holdfast: family and info" || len(r.answers) == 0 {
			continue
		}
		for _, b := range r.answers { // in answer to the last request
			for at := 0; at < len(b); at += align4(int(host.Uint32(b[at:]))) {
				host.PutUint32(b[at+8:], 0)
			}
		}
		seeds = append(seeds, r.answers)
		first := r.answers[0]
		seeds = append(seeds, [][]byte{first[:len(first)/2], first[len(first)/2:]}, [][]byte{first[:len(first)-4]}) // split, and cut
	}
	return seeds
}

// hostileLimit is how many messages are read here before an exchange is given up.
const hostileLimit = 300

// Whatever comes from the connection: no panic, an end, and no more memory than
// in proportion to what came.
func FuzzHostileKernel(f *testing.F) {
	family := unhex(f, family20+ack)
	for _, seed := range hostileSeeds(f) {
		data := datagrams(append([][]byte{family}, seed...)...)
		for call := range uint8(5) {
			f.Add(data, uint8(1), call)
		}
		f.Add(data, uint8(255), uint8(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, repeats, call uint8) {
		h := &hostile{data: data, repeats: int(repeats), endless: repeats == 255}
		c := newClient(func() (conn, error) { return h, nil }, nil)
		c.limit = hostileLimit
		calls := []func(context.Context) error{
			func(ctx context.Context) error { _, err := c.Read(ctx); return err },
			func(ctx context.Context) error { _, err := c.SyncDaemons(ctx); return err },
			func(ctx context.Context) error { _, err := c.Timeouts(ctx); return err },
			func(ctx context.Context) error { _, err := c.Info(ctx); return err },
			func(ctx context.Context) error { return ApplyAll(ctx, c, Diff(readTable(), nil, nil)) },
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := calls[int(call)%len(calls)](t.Context())
		runtime.ReadMemStats(&after)
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		if most := h.asked * (hostileLimit + 1); h.reads > most {
			t.Errorf("%d reads for %d requests, at most %d are right", h.reads, h.asked, most)
		}
		// A request is worth a kilobyte or two, an answer of 20 octets an error
		// of some hundred, a service of 50 a pool with two maps. The rest is the
		// size of a client.
		got, most := after.TotalAlloc-before.TotalAlloc, uint64(32<<10+2<<10*h.asked+16*h.octets)
		if got > most {
			t.Errorf("allocated %d octets for %d that were read in answer to %d requests, at most %d are right", got, h.octets, h.asked, most)
		}
		// Requests follow from what was read: five attempts for each list.
		if most := 2 + 6*(2+h.octets/20); h.asked > most {
			t.Errorf("%d requests for %d octets, at most %d are right", h.asked, h.octets, most)
		}
	})
}
