package vrrp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"
)

const hmacSecret = "0123456789abcdef0123456789abcdef"

// signed is a router with a trailer: key 1, the default window.
func signed(version uint8, ipv6 bool) Params {
	p := Params{VRID: 51, Version: version, IPv6: ipv6, Priority: 150, PrimaryAddr: routerA, Addrs: addrs("10.9.0.100"),
		HMAC: &HMACConfig{Keys: []HMACKey{{ID: 1, Secret: []byte(hmacSecret)}}, ActiveKey: 1,
			Window: 5 * time.Second, AntiReplay: "time", Mode: HMACEnforce}}
	if ipv6 {
		p.PrimaryAddr, p.Addrs = netip.MustParseAddr("fe80::ff:fe00:1"), addrs("fe80::9:100")
	}
	return p
}

// The adverts of a build of keepalived 2.4.3, captured with tcpdump. Their stamps
// are 0x6b00edcc seconds, 0xacb4/65536 of a second, counter 0, and so on.
var hmacFrames = map[string]struct {
	version uint8
	at      time.Time
	pdu     string
}{
	"version 2": {2, time.Unix(0x6b00edcc, 0xacb4*1_000_000_000/65536+1),
		"21 33 96 01 00 01 3e5d 0a090064 0000000000000000 0101 0000 6b00edcc acb4 0000 5d8c561c66195fb286937e924e64ec80"},
	"version 3": {3, time.Unix(0x6b00edde, 0x6a1d*1_000_000_000/65536+1),
		"31 33 96 01 0064 4361 0a090064 0101 0000 6b00edde 6a1d 0000 110a4054114a901e3300ab1f1ee1cbc3"},
}

func TestATrailerIsWrittenAsKeepalivedWritesIt(t *testing.T) {
	for name, f := range hmacFrames {
		t.Run(name, func(t *testing.T) {
			p := signed(f.version, false)
			var m Memory
			m.Next(f.at, &p)
			a := m.Advert(&p, 150, GroupIPv4)
			if got, want := m.AppendAdvert(nil, &p, &a), unhex(t, f.pdu); !bytes.Equal(got, want) {
				t.Errorf("advert\n got %x\nwant %x", got, want)
			}
		})
	}
}

func TestATrailerOfKeepalivedIsAcceptedOnce(t *testing.T) {
	for name, f := range hmacFrames {
		t.Run(name, func(t *testing.T) {
			p := signed(f.version, false)
			d := Datagram{PDU: unhex(t, f.pdu), Src: routerA, Dst: GroupIPv4, TTL: 255, At: f.at.Add(-2 * time.Second)}
			var m Memory
			var a Advert
			if err := m.Decode(&p, d, &a); err != nil {
				t.Fatal(err)
			}
			if a.Priority != 150 || a.Skew != 2*time.Second {
				t.Errorf("priority %d, skew %v; want 150, 2s", a.Priority, a.Skew)
			}
			var pe *PacketError
			if err := m.Decode(&p, d, &a); !errors.As(err, &pe) || pe.Reason != DropHMACReplay ||
				pe.Error() != "replayed authentication trailer from 10.9.0.1" {
				t.Errorf("the second time: %v", err)
			}
		})
	}
}

// secondMAC computes the MAC from the description in RFC 2104, without the
// package that the codec uses.
func secondMAC(secret string, message []byte) []byte {
	inner, outer := bytes.Repeat([]byte{0x36}, 64), bytes.Repeat([]byte{0x5c}, 64)
	for i := range secret {
		inner[i] ^= secret[i]
		outer[i] ^= secret[i]
	}
	first := sha256.Sum256(append(inner, message...))
	second := sha256.Sum256(append(outer, first[:]...))
	return second[:16]
}

func TestATrailerOverIPv6IsSummedWithThePDU(t *testing.T) {
	p := signed(3, true)
	var m Memory
	m.Next(time.Unix(0x6b00edeb, 0), &p)
	a := m.Advert(&p, 150, GroupIPv6)
	got := m.AppendAdvert(nil, &p, &a)
	message := unhex(t, `06 03 33 00 fe800000000000000000 00ff fe000001
		31 33 96 01 0064 0000 fe800000000000000000000000090100
		01 01 0000 6b00edeb 0000 0000 00000000000000000000000000000000`)
	copy(message[4:20], p.PrimaryAddr.AsSlice())
	if want := secondMAC(hmacSecret, message); !bytes.Equal(got[len(got)-16:], want) {
		t.Errorf("MAC %x, want %x", got[len(got)-16:], want)
	}
	if len(got) != 8+16+28 || fold(pseudo(sum(0, got), a.Src, a.Dst, len(got), true)) != 0xffff {
		t.Errorf("%d octets with checksum %x: want 52, and the sum to cover the trailer", len(got), got[6:8])
	}
	d := Datagram{PDU: got, Src: a.Src, Dst: a.Dst, TTL: 255, At: time.Unix(0x6b00edeb, 0)}
	if err := m.Decode(&p, d, &a); err != nil {
		t.Error(err)
	}
}

func TestATrailerIsRefused(t *testing.T) {
	f := hmacFrames["version 3"]
	tests := map[string]struct {
		change func(p *Params, d *Datagram)
		reason DropReason
		text   string
	}{
		"that is not there": {func(_ *Params, d *Datagram) { d.PDU = d.PDU[:12] }, DropHMACMissing,
			"missing authentication trailer from 10.9.0.1"},
		"cut short": {func(_ *Params, d *Datagram) { d.PDU = d.PDU[:39] }, DropLength,
			"vrrp packet from 10.9.0.1 too long, length 39 and expect 12"},
		"where none is configured": {func(p *Params, _ *Datagram) { p.HMAC = nil }, DropLength,
			"vrrp packet from 10.9.0.1 too long, length 40 and expect 12"},
		"of another kind": {func(_ *Params, d *Datagram) { d.PDU[12] = 2 }, DropHMACMalformed,
			"malformed authentication trailer from 10.9.0.1"},
		"with key number 0":             {func(_ *Params, d *Datagram) { d.PDU[13] = 0 }, DropHMACMalformed, ""},
		"with something reserved":       {func(_ *Params, d *Datagram) { d.PDU[15] = 1 }, DropHMACMalformed, ""},
		"of a kind unknown and too old": {func(_ *Params, d *Datagram) { d.PDU[12] = 2; d.At = d.At.Add(time.Hour) }, DropHMACMalformed, ""},
		"six seconds old": {func(_ *Params, d *Datagram) { d.At = d.At.Add(6 * time.Second) }, DropHMACStale,
			"stale authentication trailer from 10.9.0.1, clock skew -6 sec exceeds window 5 sec"},
		"six seconds in the future": {func(_ *Params, d *Datagram) { d.At = d.At.Add(-6 * time.Second) }, DropHMACStale,
			"stale authentication trailer from 10.9.0.1, clock skew 6 sec exceeds window 5 sec"},
		"too old and of an unknown key": {func(_ *Params, d *Datagram) { d.PDU[13] = 9; d.At = d.At.Add(time.Hour) }, DropHMACStale, ""},
		"of an unknown key": {func(_ *Params, d *Datagram) { d.PDU[13] = 9 }, DropHMACKey,
			"unknown authentication key id 9 from 10.9.0.1"},
		"of another secret": {func(p *Params, _ *Datagram) { p.HMAC.Keys[0].Secret = []byte("f123456789abcdef0123456789abcdef") }, DropHMACMAC,
			"invalid authentication HMAC from 10.9.0.1"},
		"with a flipped bit":              {func(_ *Params, d *Datagram) { d.PDU[39] ^= 1 }, DropHMACMAC, ""},
		"with another stamp":              {func(_ *Params, d *Datagram) { d.PDU[23]++ }, DropHMACMAC, ""},
		"with another priority":           {func(_ *Params, d *Datagram) { d.PDU[2] = 255 }, DropHMACMAC, ""},
		"with another address":            {func(_ *Params, d *Datagram) { d.PDU[11]++ }, DropHMACMAC, ""},
		"said to be of another router":    {func(_ *Params, d *Datagram) { d.Src = routerB }, DropHMACMAC, "invalid authentication HMAC from 10.9.0.2"},
		"of version 3 to a version 2":     {func(p *Params, _ *Datagram) { p.Version = 2 }, DropVersion, ""},
		"right, but for the VRRP's sum":   {func(_ *Params, d *Datagram) { d.PDU[6] ^= 1 }, DropChecksum, ""}, // the MAC leaves it out
		"that came through a router, bad": {func(_ *Params, d *Datagram) { d.TTL, d.PDU[39] = 254, 0 }, DropTTL, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := signed(3, false)
			d := Datagram{PDU: unhex(t, f.pdu), Src: routerA, Dst: GroupIPv4, TTL: 255, At: f.at}
			tt.change(&p, &d)
			var m Memory
			var a Advert
			err := m.Decode(&p, d, &a)
			var pe *PacketError
			if !errors.As(err, &pe) || pe.Reason != tt.reason || tt.text != "" && pe.Error() != tt.text {
				t.Errorf("%v\nwant reason %s, %q", err, tt.reason, tt.text)
			}
			if len(m.marks) != 0 && tt.reason != DropChecksum {
				t.Errorf("remembers %v of what was refused", m.marks)
			}
		})
	}
}

func TestModesOfTheTrailer(t *testing.T) {
	tests := map[HMACMode]struct{ sends, acceptsNone bool }{
		HMACEnforce:     {true, false},
		HMACPermissive:  {true, true},
		HMACReceiveOnly: {false, true},
	}
	for mode, tt := range tests {
		t.Run(string(mode), func(t *testing.T) {
			p := signed(3, false)
			p.HMAC.Mode = mode
			now := time.Unix(1_800_000_000, 0)
			var m Memory
			m.Next(now, &p)
			a := m.Advert(&p, 150, GroupIPv4)
			pdu := m.AppendAdvert(nil, &p, &a)
			if got := len(pdu) == 12+28; got != tt.sends {
				t.Errorf("signs: %v, want %v", got, tt.sends)
			}
			d := Datagram{PDU: pdu[:12], Src: routerA, Dst: GroupIPv4, TTL: 255, At: now}
			if err := m.Decode(&p, d, &a); (err == nil) != tt.acceptsNone {
				t.Errorf("without a trailer: %v, want accepted %v", err, tt.acceptsNone)
			}
			d.PDU = unhex(t, hmacFrames["version 3"].pdu)
			d.At = hmacFrames["version 3"].at
			if err := m.Decode(&p, d, &a); err != nil {
				t.Errorf("with a trailer: %v", err)
			}
			d.PDU[39] ^= 1 // a wrong one is refused in every mode
			if err := m.Decode(&p, d, &a); err == nil {
				t.Error("a wrong trailer is accepted")
			}
		})
	}
}

// Both keys are known everywhere before one of the routers signs with the new one.
func TestKeysAreChangedWithoutRestart(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	both := []HMACKey{{ID: 1, Secret: []byte(hmacSecret)}, {ID: 2, Secret: []byte("another secret of thirty-two octets")}}
	sender, receiver := signed(3, false), signed(3, false)
	sender.HMAC.Keys, receiver.HMAC.Keys = both, both
	var from, to Memory
	for i, active := range []uint8{1, 2, 1, 2} {
		changed := *sender.HMAC
		changed.ActiveKey = active
		old := sender
		sender.HMAC = &changed
		if got := sender.Change(&old); i > 0 && got != InPlace {
			t.Errorf("another active key costs %v, want in place", got)
		}
		from.Next(now, &sender)
		a := from.Advert(&sender, 150, GroupIPv4)
		d := Datagram{PDU: from.AppendAdvert(nil, &sender, &a), Src: routerA, Dst: GroupIPv4, TTL: 255, At: now}
		if d.PDU[13] != active {
			t.Errorf("signed with key %d, want %d", d.PDU[13], active)
		}
		if err := to.Decode(&receiver, d, &a); err != nil {
			t.Errorf("key %d: %v", active, err)
		}
	}
	if len(to.macs) != 2 {
		t.Errorf("%d keys were set up, want 2", len(to.macs))
	}
	same := *sender.HMAC
	same.Pos.Line = 99
	moved := sender
	if moved.HMAC = &same; moved.Change(&sender) != Unchanged {
		t.Error("a block that moved in its file is a change")
	}
}

func TestStampsOnlyGrow(t *testing.T) {
	at := func(sec int64, nsec int64) time.Time { return time.Unix(sec, nsec) }
	timed, monotonic := signed(3, false).HMAC, signed(3, false).HMAC
	monotonic.AntiReplay, monotonic.Window = "monotonic", 0
	tests := map[string]struct {
		c    *HMACConfig
		last uint64
		now  time.Time
		want uint64
	}{
		"the first is the clock":                       {timed, 0, at(0x6b00edcc, 500_000_000), 0x6b00edcc_8000_0000},
		"the clock went on":                            {timed, 0x6b00edcb_8000_0003, at(0x6b00edcc, 0), 0x6b00edcc_0000_0000},
		"a second one at once":                         {timed, 0x6b00edcc_8000_0000, at(0x6b00edcc, 500_000_000), 0x6b00edcc_8000_0001},
		"the counter runs over":                        {timed, 0x6b00edcc_8000_ffff, at(0x6b00edcc, 500_000_000), 0x6b00edcc_8001_0000},
		"the clock was put back a little":              {timed, 0x6b00edd1_0000_0000, at(0x6b00edcc, 0), 0x6b00edd1_0000_0001},
		"put back by more than the window":             {timed, 0x6b00edd2_0000_0000, at(0x6b00edcc, 0), 0x6b00edcc_0000_0000},
		"which does not matter without a window":       {monotonic, 0x6b00fdd2_0000_0000, at(0x6b00edcc, 0), 0x6b00fdd2_0000_0001},
		"the 32 bits of seconds wrap in the year 2106": {timed, 0xffffffff_8000_0000, at(1<<32, 0), 0x00000000_0000_0000},
	}
	for name, tt := range tests {
		if got := tt.c.next(tt.last, tt.now); got != tt.want {
			t.Errorf("%s: %016x, want %016x", name, got, tt.want)
		}
	}
}

// exchange is a sender whose stamps we choose, and a receiver.
type exchange struct {
	t        *testing.T
	p        Params
	receiver Memory
}

// hears says whether an advert of src with this stamp is accepted at now.
func (x *exchange) hears(src netip.Addr, stamp uint64, now time.Time) bool {
	x.t.Helper()
	sender := x.p
	sender.PrimaryAddr = src
	m := Memory{stamp: stamp}
	a := m.Advert(&sender, 150, GroupIPv4)
	d := Datagram{PDU: m.AppendAdvert(nil, &sender, &a), Src: src, Dst: GroupIPv4, TTL: 255, At: now}
	if got := binary.BigEndian.Uint64(d.PDU[16:]); got != stamp {
		x.t.Fatalf("stamp %x was written as %x", stamp, got)
	}
	err := x.receiver.Decode(&x.p, d, &a)
	var pe *PacketError
	if err != nil && (!errors.As(err, &pe) || pe.Reason != DropHMACReplay) {
		x.t.Errorf("%v, want a replay or nothing", err)
	}
	return err == nil
}

func TestReplaysOfEachRouterAreNoticed(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	stamp := stampOf(now)
	x := &exchange{t: t, p: signed(3, false)}
	for i, step := range []struct {
		src   netip.Addr
		stamp uint64
		want  bool
	}{
		{routerA, stamp, true}, {routerA, stamp, false}, {routerA, stamp - 1, false}, {routerA, stamp + 1, true},
		{routerB, stamp, true}, {routerB, stamp, false}, {routerA, stamp + 1, false}, {routerA, stamp + 2, true},
	} {
		if got := x.hears(step.src, step.stamp, now); got != step.want {
			t.Errorf("step %d: accepted %v, want %v", i, got, step.want)
		}
	}
}

func TestOnlyTheLastSixteenRoutersAreRemembered(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	router := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 9, 0, i}) }
	x := &exchange{t: t, p: signed(3, false)}
	for i := range byte(17) {
		x.hears(router(i+1), stampOf(now), now)
	}
	if len(x.receiver.marks) != 16 {
		t.Errorf("%d routers remembered, want 16", len(x.receiver.marks))
	}
	for i := range byte(16) {
		if x.hears(router(i+2), stampOf(now), now) {
			t.Errorf("a replay of router %d of the last sixteen is accepted", i+2)
		}
	}
	for range 20 { // each unicast peer has a place
		x.p.Peers = append(x.p.Peers, Peer{})
	}
	for i := range byte(20) {
		x.receiver.fresh(&x.p, Datagram{Src: router(i + 1), At: now}, stampOf(now)+9)
	}
	if len(x.receiver.marks) != 20 {
		t.Errorf("%d peers remembered, want 20", len(x.receiver.marks))
	}
}

// A router whose clock was ahead and was put right is heard again as soon as its
// old mark lies outside the window; with anti_replay monotonic never.
func TestAMarkOutsideTheWindowExpires(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	x := &exchange{t: t, p: signed(3, false)}
	if !x.hears(routerA, stampOf(now.Add(4*time.Second)), now) {
		t.Fatal("an advert within the window is refused")
	}
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{{time.Second, false}, {3 * time.Second, false}, {4 * time.Second, false}, {4*time.Second + 100*time.Millisecond, true}} {
		at := now.Add(step.after)
		if got := x.hears(routerA, stampOf(at), at); got != step.want {
			t.Errorf("after %v: accepted %v, want %v", step.after, got, step.want)
		}
	}
	y := &exchange{t: t, p: signed(3, false)}
	y.p.HMAC.AntiReplay, y.p.HMAC.Window = "monotonic", 0
	if !y.hears(routerA, stampOf(now.Add(time.Hour)), now) || y.hears(routerA, stampOf(now), now) ||
		y.hears(routerA, stampOf(now.Add(time.Minute)), now.Add(2*time.Hour)) || !y.hears(routerA, stampOf(now.Add(time.Hour))+1, now) {
		t.Error("without a window only a greater stamp counts, whatever the clock says")
	}
	z := &exchange{t: t, p: signed(3, false)}
	back := now.Add(-10 * time.Second)
	if !z.hears(routerA, stampOf(now), now) || !z.hears(routerA, stampOf(back), back) {
		t.Error("after both clocks were put back by more than the window the old mark still counts")
	}
}
