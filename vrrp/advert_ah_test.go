package vrrp

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"
)

// ahParams are what keepalived 2.2.7 was configured with when it sent the
// packets below: auth_pass s3cr3t, priority 100, one address.
func ahParams() Params {
	return Params{VRID: 51, Version: 2, Priority: 100, PrimaryAddr: routerA, AuthType: AuthAH,
		Password: [8]byte{'s', '3', 'c', 'r', '3', 't'}, Addrs: addrs("10.9.0.100")}
}

// ahFrames are whole IPv4 packets of keepalived 2.2.7, as tcpdump recorded them.
var ahFrames = []struct {
	name     string
	seq      uint32
	priority uint8
	dst      netip.Addr
	frame    string
}{
	{"the first", 1, 100, GroupIPv4, `45c0 0040 0001 0000 ff33 d0ad 0a09 0001 e000 0012 7004 0000 0a09 0001 0000 0001
		964d 5460 1134 892e 932a 271c 2133 6401 0201 6e5d 0a09 0064 0000 0000 0000 0000`},
	{"the second", 2, 100, GroupIPv4, `45c0 0040 0002 0000 ff33 d0ac 0a09 0001 e000 0012 7004 0000 0a09 0001 0000 0002
		1d05 ec14 944c a11c 584b 1bd2 2133 6401 0201 6e5d 0a09 0064 0000 0000 0000 0000`},
	{"the resignation", 3, 0, GroupIPv4, `45c0 0040 0003 0000 ff33 d0ab 0a09 0001 e000 0012 7004 0000 0a09 0001 0000 0003
		6c5b f4a3 81eb 8cf8 3a6a 81c5 2133 0001 0201 d25d 0a09 0064 0000 0000 0000 0000`},
	{"unicast", 3, 100, routerB, `45c0 0040 0003 0000 ff33 a6b3 0a09 0001 0a09 0002 7004 0000 0a09 0001 0000 0003
		65cd d0a9 45c9 a56d d2dc 66ef 2133 6401 0201 6e5d 0a09 0064 0000 0000 0000 0000`},
	{"the resignation by unicast", 4, 0, routerB, `45c0 0040 0004 0000 ff33 a6b2 0a09 0001 0a09 0002 7004 0000 0a09 0001 0000 0004
		5122 01d6 c24b d314 e56e 82f5 2133 0001 0201 d25d 0a09 0064 0000 0000 0000 0000`},
}

func TestAHIsWrittenAsKeepalivedWritesIt(t *testing.T) {
	for _, f := range ahFrames {
		t.Run(f.name, func(t *testing.T) {
			p := ahParams()
			m := Memory{ah: f.seq - 1, id: uint16(f.seq) - 1}
			m.Next(t0, &p)
			a := m.Advert(&p, f.priority, f.dst)
			got := make([]byte, ipv4HeaderLen)
			got = m.AppendAdvert(got, &p, &a)
			putIPv4(got, len(got)-ipv4HeaderLen, ahProtocol, Meta{Src: a.Src, Dst: f.dst, TTL: 255, ID: m.ID()})
			want := unhex(t, f.frame)
			want[10], want[11] = 0, 0 // the kernel's
			if !bytes.Equal(got, want) {
				t.Errorf("packet\n got %x\nwant %x", got, want)
			}
		})
	}
}

func TestAHOfKeepalivedIsAccepted(t *testing.T) {
	for _, f := range ahFrames {
		t.Run(f.name, func(t *testing.T) {
			p := ahParams()
			if !f.dst.IsMulticast() {
				p.Peers = []Peer{{Addr: routerA, MaxTTL: 255}}
			}
			d, err := parseIPv4(unhex(t, f.frame), new(PacketError))
			if err != nil {
				t.Fatal(err)
			}
			var m Memory
			var a Advert
			if err := m.Decode(&p, d, &a); err != nil {
				t.Fatal(err)
			}
			if a.Priority != f.priority || a.VRID != 51 || a.Src != routerA || len(a.Addrs) != 1 || a.Addrs[0] != addrs("10.9.0.100")[0] {
				t.Errorf("read %+v", a)
			}
			p.Priority, p.PrimaryAddr = 90, routerB
			m.Next(t0, &p)
			if m.ah != f.seq+1 { // keepalived: the peer had seen 6, the successor went on with 7
				t.Errorf("our next number is %d, want %d", m.ah, f.seq+1)
			}
		})
	}
}

// Found by the simulator: two routers that became Active at the same moment and
// sent 1, 2, 3 … in step took each other's adverts for their own, sent again.
func TestTwoActiveRoutersInStepHearEachOther(t *testing.T) {
	p := ahParams()
	var ours, theirs Memory
	ours.Next(t0, &p)
	theirs.Next(t0, &p)
	p.PrimaryAddr = routerB
	a := theirs.Advert(&p, 100, GroupIPv4)
	d := Datagram{PDU: theirs.AppendAdvert(nil, &p, &a), Src: routerB, Dst: GroupIPv4, TTL: 255, ID: theirs.ID()}
	if err := ours.Decode(&p, d, &a); err != nil {
		t.Errorf("number 1 after ours of the same number: %v", err)
	}
	if err := ours.Decode(&p, d, &a); err == nil {
		t.Error("accepted a second time")
	}
	ours.Next(t0, &p)
	if ours.ah != 2 {
		t.Errorf("our next number is %d, want 2", ours.ah)
	}
	if err := ours.Decode(&p, d, &a); err == nil {
		t.Error("number 1 after ours of number 2 is accepted")
	}
}

// Each row was shown to keepalived 2.2.7, with the same outcome.
func TestAHIsRefused(t *testing.T) {
	edit := func(f func(b []byte)) func([]byte) []byte { return func(b []byte) []byte { f(b); return b } }
	tests := map[string]struct {
		seen   uint32
		change func(b []byte) []byte
		reason DropReason
		text   string
	}{
		"the number before": {2, edit(func([]byte) {}), DropAHReplay,
			"IPSEC-AH : sequence number 2 from 10.9.0.1 already processed. Packet dropped. Local(2)"},
		"a number long past": {4294967295, edit(func([]byte) {}), DropAHReplay,
			"IPSEC-AH : sequence number 2 from 10.9.0.1 already processed. Packet dropped. Local(4294967295)"},
		"a flipped bit of the MAC": {0, edit(func(b []byte) { b[32] ^= 1 }), DropAHMAC,
			"IPSEC-AH : invalid IPSEC HMAC-MD5 value from 10.9.0.1. Due to fields mutation or bad password !"},
		"a higher number written in":     {9, edit(func(b []byte) { b[31] = 10 }), DropAHMAC, ""},
		"a higher priority written in":   {0, edit(func(b []byte) { b[46] = 200 }), DropAHMAC, ""},
		"another identification":         {0, edit(func(b []byte) { b[5] = 9 }), DropAHMAC, ""},
		"a flipped bit and an old seq":   {2, edit(func(b []byte) { b[32] ^= 1 }), DropAHMAC, ""},
		"an address in it":               {0, edit(func(b []byte) { b[55] = 1 }), DropAHMAC, ""},
		"the SPI of another router":      {2, edit(func(b []byte) { b[27] = 3 }), DropAHSender, "IPSEC AH : invalid IPSEC SPI value from 10.9.0.1. 0x0a090003 is not its address"},
		"through a router":               {0, edit(func(b []byte) { b[8] = 254 }), DropTTL, "invalid TTL/HL from 10.9.0.1. Received 254 and expect 255"},
		"version 2 without the type":     {0, edit(func(b []byte) { b[48] = 0 }), DropAuthMatch, "received a 0 auth from 10.9.0.1, expecting 2!"},
		"another protocol under AH":      {0, edit(func(b []byte) { b[20] = 6 }), DropShort, ""},
		"an address less than it counts": {0, func(b []byte) []byte { b = b[:60]; b[3] = 60; return b }, DropLength, "vrrp packet from 10.9.0.1 too short, length 16 and expect 20"},
		"nothing behind the header":      {0, func(b []byte) []byte { b = b[:44]; b[3] = 44; return b }, DropShort, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := ahParams()
			d, err := parseIPv4(tt.change(unhex(t, ahFrames[1].frame)), new(PacketError))
			if err != nil {
				t.Fatal(err)
			}
			m := Memory{ah: tt.seen}
			var a Advert
			err = m.Decode(&p, d, &a)
			var pe *PacketError
			if !errors.As(err, &pe) || pe.Reason != tt.reason || tt.text != "" && pe.Error() != tt.text {
				t.Errorf("%v\nwant reason %s, %q", err, tt.reason, tt.text)
			}
			if m.ah != tt.seen {
				t.Errorf("number %d is remembered, want %d: what was refused must not count", m.ah, tt.seen)
			}
		})
	}
}

// TOS, fragment offset and checksum of the IP header are the routers' business;
// for unicast the TTL as well (RFC 2402 section 3.3.3.1.1).
func TestAHAllowsWhatRoutersChange(t *testing.T) {
	tests := map[string]struct {
		frame  int
		change func(b []byte)
	}{
		"type of service":       {1, func(b []byte) { b[1] = 0 }},
		"header checksum":       {1, func(b []byte) { b[10] = 0 }},
		"don't fragment":        {1, func(b []byte) { b[6] = 0x40 }},
		"TTL of unicast":        {3, func(b []byte) { b[8] = 3 }},
		"nothing, after a lost": {2, func([]byte) {}},
	}
	for name, tt := range tests {
		p := ahParams()
		if tt.frame == 3 {
			p.Peers = []Peer{{Addr: routerA, MaxTTL: 255}}
		}
		b := unhex(t, ahFrames[tt.frame].frame)
		tt.change(b)
		d, err := parseIPv4(b, new(PacketError))
		if err != nil {
			t.Fatal(err)
		}
		m := Memory{ah: 1}
		var a Advert
		if err := m.Decode(&p, d, &a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheNumberCountsAsUsedThoughTheAdvertIsWrong(t *testing.T) {
	p := ahParams()
	d, err := parseIPv4(unhex(t, ahFrames[1].frame), new(PacketError))
	if err != nil {
		t.Fatal(err)
	}
	p.AdvertisementInterval = 3 * time.Second // not the sender's: found after the header is checked
	var m Memory
	var a Advert
	var got []DropReason
	for range 2 {
		var pe *PacketError
		if errors.As(m.Decode(&p, d, &a), &pe) {
			got = append(got, pe.Reason)
		}
	}
	if len(got) != 2 || got[0] != DropInterval || got[1] != DropAHReplay {
		t.Errorf("refused for %q, want first the interval, then the number", got)
	}
}

func TestAHNumbersBeginAgainAfterTheLast(t *testing.T) {
	p := ahParams()
	m := Memory{ah: 0xfffffffb}
	var got []uint32
	for range 4 {
		m.Next(t0, &p)
		got = append(got, m.ah)
	}
	if want := []uint32{0xfffffffc, 0xfffffffd, 1, 2}; got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("numbers %x, want %x", got, want)
	}
}

// Peers remember the highest number; a process that was killed does not.
func TestAResumedRouterUsesNumbersThatPeersAccept(t *testing.T) {
	p := ahParams()
	var m Memory
	now := time.Unix(1_800_000_000, 0)
	m.Resume(now)
	m.Next(now, &p)
	if m.ah != 1_898_323_201 {
		t.Errorf("number %d, want 1898323201", m.ah)
	}
	m.ah = 4_000_000_000
	m.Resume(now)
	if m.ah != 4_000_000_000 {
		t.Errorf("number went back to %d", m.ah)
	}
}

// Between two resumptions a router may have answered another one in each second,
// and then as much again.
func TestNumbersOfAHGrowFasterThanARouterSends(t *testing.T) {
	var first, second Memory
	start := time.Unix(1_800_000_000, 0)
	first.Resume(start)
	p := Params{Version: 2, AuthType: AuthAH}
	for range 3 * 3600 { // three adverts a second for an hour
		first.Next(start, &p)
	}
	if second.Resume(start.Add(time.Hour)); second.ah <= first.ah {
		t.Errorf("resumed an hour later with %d, its predecessor had reached %d", second.ah, first.ah)
	}
}
