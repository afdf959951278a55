package netns

import (
	"testing"
	"time"
)

// TestAWatcherAddsUpWhoOwned: times in milliseconds from a start; each round
// lasts until the next one.
func TestAWatcherAddsUpWhoOwned(t *testing.T) {
	began := time.Now()
	const a, b = 1, 2 // marks 0 and 1 as sets
	w := &Watcher{vips: make([][4]byte, 2)}
	for _, p := range []struct {
		at            int
		first, second uint8
	}{
		{0, a, a}, {5, 0, a}, {10, 0, a}, {30, b, a}, {35, a | b, b}, {40, b, b}, {45, 0, 0}, {50, b, b},
	} {
		w.probes = append(w.probes, ownership{began.Add(time.Duration(p.at) * time.Millisecond), [maxWatched]uint8{p.first, p.second}})
	}
	const ms = time.Millisecond
	tests := map[string]struct {
		from, to time.Duration
		want     Owned
	}{
		"all of it":                         {0, time.Second, Owned{None: 30 * ms, Two: 5 * ms, Apart: 5 * ms}},
		"the end of the first gap":          {10 * ms, 30 * ms, Owned{None: 20 * ms}},
		"a round that began before":         {11 * ms, 31 * ms, Owned{}},
		"two owners of one of two":          {35 * ms, 40 * ms, Owned{Two: 5 * ms}},
		"nobody has either":                 {40 * ms, time.Second, Owned{None: 5 * ms}},
		"one has one and the other another": {30 * ms, 35 * ms, Owned{Apart: 5 * ms}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := w.Owned(began.Add(tt.from), began.Add(tt.to)); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestAWatcherKnowsWhichRequestWasAnswered: numbers have 16 bits and come again.
func TestAWatcherKnowsWhichRequestWasAnswered(t *testing.T) {
	answer := func(seq uint16, ttl byte) []byte {
		f := make([]byte, etherLen+20+icmpLen)
		ip := f[etherLen:]
		ip[0], ip[8], ip[9] = 0x45, ttl, 1
		copy(ip[12:], []byte{10, 9, 0, 100})
		ip[26], ip[27] = byte(seq>>8), byte(seq)
		return f
	}
	w := &Watcher{vips: [][4]byte{{10, 9, 0, 100}}, probes: make([]ownership, 70_000)}
	w.heard(answer(4_463, markBase+1)) // 70,000 - 65,536 - 1
	w.heard(answer(4_464, markBase+2)) // not sent a second time yet
	w.heard(answer(4_465, 64))         // of no marked host
	w.heard(answer(9, markBase)[:30])  // cut off
	for seq, want := range map[int]uint8{69_999: 2, 4_463: 0, 4_464: 4, 4_465: 0, 9: 0} {
		if got := w.probes[seq].owners[0]; got != want {
			t.Errorf("request %d was answered by %b, want %b", seq, got, want)
		}
	}
}
