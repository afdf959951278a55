package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// authenticated are routers with each kind of authentication.
func authenticated() map[string]Params {
	return map[string]Params{"AH": ahParams(), "trailer, version 2": signed(2, false), "trailer, version 3": signed(3, false),
		"trailer, IPv6": signed(3, true)}
}

func TestAllCopiesOfAnAdvertHaveItsNumber(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, p := range authenticated() {
		if p.IPv6 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p.Peers = []Peer{{Addr: routerB, MaxTTL: 255}, {Addr: netip.MustParseAddr("10.9.0.3"), MaxTTL: 255}}
			var m Memory
			m.Next(now, &p)
			for _, peer := range p.Peers {
				theirs := p
				theirs.Peers, theirs.PrimaryAddr = []Peer{{Addr: routerA, MaxTTL: 255}}, peer.Addr
				a := m.Advert(&p, 100, peer.Addr)
				d := Datagram{PDU: m.AppendAdvert(nil, &p, &a), Src: routerA, Dst: peer.Addr, TTL: 64, ID: m.ID(), At: now}
				var of Memory
				if err := of.Decode(&theirs, d, &a); err != nil {
					t.Errorf("%v: %v", peer.Addr, err)
				}
				if of.ah != m.ah || len(of.marks) == 1 && of.marks[0].stamp != m.stamp {
					t.Errorf("%v got number %d, %v; want %d, %d", peer.Addr, of.ah, of.marks, m.ah, m.stamp)
				}
			}
		})
	}
}

func TestAuthenticationAllocatesNothing(t *testing.T) {
	for name, p := range authenticated() {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			var from, to Memory
			got := Advert{Addrs: make([]netip.Addr, 0, 2)}
			buf := make([]byte, 0, 256)
			dst := p.MulticastGroup()
			if n := testing.AllocsPerRun(100, func() {
				now = now.Add(time.Second)
				from.Next(now, &p)
				a := from.Advert(&p, 150, dst)
				d := Datagram{PDU: from.AppendAdvert(buf, &p, &a), Src: a.Src, Dst: dst, TTL: 255, ID: from.ID(), At: now}
				if err := to.Decode(&p, d, &got); err != nil {
					t.Error(err)
				}
			}); n != 0 {
				t.Errorf("an advert sent and received costs %v allocations, want none", n)
			}
		})
	}
}

func TestThePeersFormOfChecksumIsLearnt(t *testing.T) {
	p := Params{VRID: 51, Version: 3, Priority: 100, PrimaryAddr: routerA, Addrs: addrs("10.9.0.100"),
		Peers: []Peer{{Addr: routerB, MaxTTL: 255}}}
	says := func(src netip.Addr, form ChecksumForm) Datagram {
		a := Advert{Version: 3, VRID: 51, Priority: 1, MaxAdvertiseInterval: time.Second, Src: src, Dst: routerA, Checksum: form, Addrs: p.Addrs}
		return Datagram{PDU: AppendAdvert(nil, &a), Src: src, Dst: routerA, TTL: 255}
	}
	stranger := netip.MustParseAddr("10.9.0.77")
	tests := map[string]struct {
		mode  OldChecksum
		heard []Datagram
		want  ChecksumForm // of what we send to the peer
		drop  DropReason   // of the last one heard
	}{
		"nothing heard":               {OldChecksumAuto, nil, ChecksumStandard, ""},
		"a new peer":                  {OldChecksumAuto, []Datagram{says(routerB, ChecksumStandard)}, ChecksumStandard, ""},
		"an old peer":                 {OldChecksumAuto, []Datagram{says(routerB, ChecksumOldUnicast)}, ChecksumOldUnicast, ""},
		"an old peer that is renewed": {OldChecksumAuto, []Datagram{says(routerB, ChecksumOldUnicast), says(routerB, ChecksumStandard)}, ChecksumStandard, ""},
		"an old stranger":             {OldChecksumAuto, []Datagram{says(stranger, ChecksumOldUnicast)}, ChecksumStandard, ""},
		"always":                      {OldChecksumAlways, []Datagram{says(routerB, ChecksumStandard)}, ChecksumOldUnicast, ""},
		"never":                       {OldChecksumNever, []Datagram{says(routerB, ChecksumOldUnicast)}, ChecksumStandard, DropChecksum},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := p
			p.OldUnicastChecksum = tt.mode
			var m Memory
			var a Advert
			var reason DropReason
			for _, d := range tt.heard {
				var pe *PacketError
				if reason = ""; errors.As(m.Decode(&p, d, &a), &pe) {
					reason = pe.Reason
				}
			}
			if got := m.Advert(&p, 100, routerB).Checksum; got != tt.want || reason != tt.drop {
				t.Errorf("we send form %d, refused for %q; want %d, %q", got, reason, tt.want, tt.drop)
			}
			if got := m.Advert(&p, 100, stranger).Checksum; tt.mode == OldChecksumAuto && got != ChecksumStandard {
				t.Errorf("others get form %d", got)
			}
		})
	}
}

// One warning for each router and form, however many adverts it sends.
func TestContradictionsOfPacketsAreReportedOnce(t *testing.T) {
	ours := signed(3, false)
	plain := Params{Version: 3, ChecksumAsV2: true}
	tests := map[string]struct {
		p    Params
		a    Advert
		want string
	}{
		"another checksum":             {Params{Version: 3}, Advert{Checksum: ChecksumPlain}, "checksum 10.9.0.2 1 0"},
		"the old checksum":             {Params{Version: 3}, Advert{Checksum: ChecksumOldUnicast}, "checksum 10.9.0.2 2 0"},
		"ours is the odd one":          {plain, Advert{Checksum: ChecksumStandard}, "checksum 10.9.0.2 0 1"},
		"both are odd":                 {plain, Advert{Checksum: ChecksumPlain}, ""},
		"a clock two seconds ahead":    {ours, Advert{Skew: 2 * time.Second}, ""},
		"a clock three seconds ahead":  {ours, Advert{Skew: 3 * time.Second}, "clock 10.9.0.2 2500000000 5000000000"}, // more than half of 5s
		"a clock three seconds behind": {ours, Advert{Skew: -3 * time.Second}, "clock 10.9.0.2 2500000000 5000000000"},
	}
	for name, tt := range tests {
		var ps peers
		var out []Action
		tt.a.Src, tt.a.MaxAdvertiseInterval = routerB, time.Second
		for range 3 {
			out = ps.compare(t0, &tt.p, &tt.a, out)
		}
		var got []string
		for _, a := range out {
			alarm := a.(Alarm)
			got = append(got, fmt.Sprint(alarm.Kind, " ", alarm.Peer, " ", alarm.Got, " ", alarm.Want))
		}
		if strings.Join(got, "\n") != tt.want {
			t.Errorf("%s: alarms %q, want %q", name, got, tt.want)
		}
	}
}

func FuzzDecodeAuthenticated(f *testing.F) {
	for _, c := range ahFrames {
		f.Add(unhex(f, c.frame)[20:], uint8(0))
	}
	for _, c := range hmacFrames {
		f.Add(unhex(f, c.pdu), c.version)
	}
	f.Add([]byte{}, uint8(6))
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		p, src, dst := signed(3, false), routerA, GroupIPv4
		switch kind {
		case 0:
			p = ahParams()
		case 2:
			p = signed(2, false)
		case 6:
			p, src, dst = signed(3, true), netip.MustParseAddr("fe80::ff:fe00:1"), GroupIPv6
		}
		d := Datagram{PDU: b, Src: src, Dst: dst, TTL: 255, ID: 1, At: time.Unix(0x6b00edcc, 0)}
		var m Memory
		var a Advert
		if err := m.Decode(&p, d, &a); err != nil {
			var pe *PacketError
			if !errors.As(err, &pe) || pe.Error() == "" {
				t.Fatalf("error %v is not a *PacketError with a text", err)
			}
			return
		}
		if err := m.Decode(&p, d, &a); err == nil {
			t.Fatalf("%x is accepted twice", b)
		}
	})
}
