package netns

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// group is where version 2 and 3 adverts over IPv4 go.
var group = netip.MustParseAddr("224.0.0.18")

// malformed are adverts that a router has to ignore in every state, made from
// a right one of a higher priority: whoever took one would yield.
func malformed(proto protocol, src netip.Addr) map[string]Packet {
	vips := []netip.Addr{netip.MustParseAddr("10.9.0.100"), netip.MustParseAddr("10.9.0.101")}
	good := func() []byte { return AdvertV2(51, 250, 1, proto.router.Password, vips...) }
	sum := SumV2
	if proto.router.Version == 3 {
		sum = func(b []byte) []byte { return SumV3(b, src, group) }
		good = func() []byte {
			b := append([]byte{0x31, 51, 250, 1, 0, 20, 0, 0}, vips[0].AsSlice()...)
			return sum(b)
		}
	}
	edit := func(change func(b []byte)) []byte { b := good(); change(b); return sum(b) }
	packets := map[string][]byte{
		"a wrong checksum":               func() []byte { b := good(); b[7] ^= 0xff; return b }(),
		"another version":                edit(func(b []byte) { b[0] ^= 0x10 }),
		"version 0":                      edit(func(b []byte) { b[0] = 0x01 }),
		"another type":                   edit(func(b []byte) { b[0] = b[0]&0xf0 | 2 }),
		"a count of 255 without octets":  edit(func(b []byte) { b[3] = 255 }),
		"a count of 0 with octets":       edit(func(b []byte) { b[3] = 0 }),
		"cut after seven octets":         good()[:7],
		"cut in the middle of addresses": good()[:10],
		"nothing":                        {},
		"sixty octets more":              append(good(), make([]byte, 60)...),
		"another virtual router":         edit(func(b []byte) { b[1] = 52 }),
		"virtual router 0":               edit(func(b []byte) { b[1] = 0 }),
	}
	if proto.router.Version == 2 {
		packets["a wrong password"] = AdvertV2(51, 250, 1, "wrong", vips...)
		packets["no authentication"] = edit(func(b []byte) { b[4] = 0; clear(b[len(b)-8:]) })
		packets["an unknown authentication"] = edit(func(b []byte) { b[4] = 9 })
		packets["another interval"] = AdvertV2(51, 250, 2, proto.router.Password, vips...)
	}
	all := map[string]Packet{"TTL 254": {src, group, 254, good()}, "TTL 1": {src, group, 1, good()}}
	for name, b := range packets {
		all[name] = Packet{src, group, 255, b}
	}
	return all
}

// TestMalformedAdvertsChangeNothing floods two routers. keepalived restarts the
// advert timer of an active router at every datagram and falls silent here, so
// it is only asked to be the backup, and it cannot read 20,000 in a second: those
// come when both are holdfast. One after the other: each takes the whole machine.
func TestMalformedAdvertsChangeNothing(t *testing.T) {
	Require(t)
	storms := []struct {
		kinds     pairing
		perSecond int
		name      string // of the one packet that comes; "": all of them
	}{
		{pairing{Holdfast, Holdfast}, 20_000, ""},
		{pairing{Holdfast, Keepalived}, 800, ""},
		{pairing{Holdfast, Holdfast}, 3, "a wrong checksum"}, // mute a keepalived that is active
		{pairing{Holdfast, Holdfast}, 3, "TTL 254"},
	}
	for _, proto := range protocols[:2] {
		for _, s := range storms {
			t.Run(fmt.Sprintf("%s, %s, %d a second %s", proto.name, s.kinds, s.perSecond, s.name), func(t *testing.T) {
				if s.perSecond < 20_000 {
					t.Parallel()
				}
				p := newPair(t, s.kinds, proto, nil)
				stranger := p.Host("stranger", stormy)
				a, b := p.start(p.confA)
				p.settle(a, b)
				var packets []Packet
				for name, packet := range malformed(proto, stranger.Addr) {
					if s.name == "" || s.name == name {
						packets = append(packets, packet)
					}
				}
				wire := stranger.Injector()
				for try := 1; ; try++ {
					found, late := p.storm(a, b, func(span time.Duration) int { return wire.flood(s.perSecond, span, packets...) })
					if len(found) == 0 {
						return
					}
					if late < proto.router.Interval || try == 3 {
						t.Fatal(strings.Join(found, "\n"))
					}
					t.Logf("this machine stood still for %v: again (%s)", late, strings.Join(found, "; "))
					p.settle(a, b)
				}
			})
		}
	}
}

// storm lets a stranger send for longer than anybody waits for an advert, and
// says what came of it, and for how long the machine stood still meanwhile: then
// an advert may be late for no fault of the daemons.
func (p *pair) storm(a, b *Daemon, flood func(span time.Duration) int) (found []string, late time.Duration) {
	began := time.Now()
	sent := flood(p.protocol.down + time.Second)
	p.Capture.Next(time.Now(), 3*time.Second, "of a after the storm", From(p.a))
	late = latenessSince(began)
	wrong := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	// Reading the storm may cost some time, but no advert: two intervals
	// are not enough for anybody to take over.
	if gap, limit := p.Capture.Gap(began, From(p.a)), 2*p.protocol.router.Interval+slack+late; gap > limit {
		wrong("a was silent for %v in the storm, want at most %v", gap, limit)
	}
	if n := len(p.Capture.Adverts(began, p.b.sent)); n > 0 {
		wrong("b sent %d adverts in the storm", n)
	}
	if got := append(a.Entered(began), b.Entered(began)...); len(got) > 0 {
		wrong("the storm made routers enter %q", got)
	}
	if lines := a.Count(began, "."); p.kinds.a == Holdfast && lines > 200 {
		wrong("%d lines in the log of a about %d packets: strangers can fill the disk", lines, sent)
	}
	p.t.Logf("%d packets in %v, the machine was late by %v", sent, time.Since(began), late)
	return found, late
}

// TestAStrangersRightAdvertIsBelieved is the other half of the storm: the
// packets there differ from this one by one fault each.
func TestAStrangersRightAdvertIsBelieved(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h, stranger := lab.Host("a", 1), lab.Host("stranger", 3)
			r := protocols[0].router
			r.Priority = 150
			d := h.Start(kind, r.Conf())
			lab.WaitHolders(6*time.Second, "10.9.0.100", "a")
			sent := time.Now()
			vips := []netip.Addr{netip.MustParseAddr("10.9.0.100"), netip.MustParseAddr("10.9.0.101")}
			stranger.Injector().Send(Packet{stranger.Addr, group, 255, AdvertV2(51, 250, 1, "s3cr3t", vips...)})
			d.WaitLog(sent, time.Second, `\(VI_1\) Entering BACKUP STATE`)
			lab.WaitHolders(time.Second, "10.9.0.100")
		})
	}
}

// TestPriorityZeroIsAnsweredByTheActiveRouter: somebody resigns who was not
// active; the active router says at once that it is.
func TestPriorityZeroIsAnsweredByTheActiveRouter(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h, stranger := lab.Host("a", 1), lab.Host("stranger", 3)
			r := protocols[0].router
			r.Priority = 150
			d := h.Start(kind, r.Conf())
			lab.WaitHolders(6*time.Second, "10.9.0.100", "a")
			wire := stranger.Injector()
			before := lab.Capture.Next(time.Now(), 2*time.Second, "of a", From(h))
			sent := time.Now()
			vips := []netip.Addr{netip.MustParseAddr("10.9.0.100"), netip.MustParseAddr("10.9.0.101")}
			wire.Send(Packet{stranger.Addr, group, 255, AdvertV2(51, 0, 1, "s3cr3t", vips...)})
			answer := lab.Capture.Next(before.At, 2*time.Second, "of a", From(h))
			AtMost(t, "answering", sent, answer.At, 100*time.Millisecond) // its own interval would be 1 s
			if got := d.Entered(sent); len(got) > 0 {
				t.Errorf("a entered %q", got)
			}
		})
	}
}

// TestTsharkWouldFindABadAdvert is the witness of the check that every capture
// goes through.
func TestTsharkWouldFindABadAdvert(t *testing.T) {
	Require(t)
	t.Parallel()
	lab := NewLab(t)
	lab.Host("a", 1)
	stranger := lab.Host("stranger", 3)
	wire := stranger.Injector()
	packets := malformed(protocols[0], stranger.Addr)
	wire.Send(Packet{stranger.Addr, group, 255, AdvertV2(51, 250, 1, "s3cr3t", netip.MustParseAddr("10.9.0.100"))})
	wire.Send(packets["a wrong checksum"])
	wire.Send(packets["cut in the middle of addresses"])
	Eventually(t, 2*time.Second, "the packets are captured", func() bool {
		return len(lab.Capture.Adverts(time.Time{}, stranger.sent)) == 2 // the third is too short to be decoded here
	})
	lab.Capture.Close()
	if got := strings.Count(lab.Capture.faults(t), "\n"); got != 2 {
		t.Errorf("tshark finds fault with %d of three adverts, want 2:\n%s", got, lab.Capture.faults(t))
	}
	lab.Capture.Ignore(stranger.Addr) // for the check at the end
}
