package vrrp

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// Requirements of RFC 9568 about packets: sections 5, 7 and 8. The ledger is
// docs/rfc9568.md.

// frame is what keepalived 2.2.7 sent as routerA, version 3, IP header included.
const frame = "45 c0 0024 0001 0000 ff 70 d08c 0a090001 e0000012 31 33 96 02 0064 38ee 0a090064 0a090065"

// fromA is the datagram in frame, with something changed and the checksum right.
func fromA(t *testing.T, change ...func(d *Datagram)) Datagram {
	t.Helper()
	d, err := parseIPv4(unhex(t, frame), new(PacketError))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

// summed puts an octet into a PDU and the checksum of version 3 right again.
func summed(at int, v byte) func(d *Datagram) {
	return func(d *Datagram) {
		d.PDU[at] = v
		d.PDU[6], d.PDU[7] = 0, 0
		binary.BigEndian.PutUint16(d.PDU[6:], ^fold(pseudo(sum(0, d.PDU), d.Src, d.Dst, len(d.PDU), true)))
	}
}

// hears is router B, whose addresses are those of frame.
func hears() Params {
	return having(func(p *Params) { p.Addrs = addrs("10.9.0.100", "10.9.0.101") })
}

// refused wants a reason; "" for accepted.
func refused(t *testing.T, p Params, d Datagram, want DropReason) Advert {
	t.Helper()
	var a Advert
	got := DropReason("")
	if err := new(Memory).Decode(&p, d, &a); err != nil {
		got = err.(*PacketError).Reason
	}
	if got != want {
		t.Errorf("refused for %q, want %q", got, want)
	}
	return a
}

func TestRFC9568Packets(t *testing.T) {
	rules{
		"5.1.1.2-1 IPv4 adverts go to 224.0.0.18": func(t *testing.T) {
			p := base()
			if got := p.MulticastGroup(); got != netip.MustParseAddr("224.0.0.18") {
				t.Errorf("%v", got)
			}
		},
		"5.1.2.2-1 IPv6 adverts go to ff02::12": func(t *testing.T) {
			p := having(overIPv6)
			if got := p.MulticastGroup(); got != netip.MustParseAddr("ff02::12") {
				t.Errorf("%v", got)
			}
		},
		"5.2.6-1 the reserved bits are sent as zero, and not looked at": func(t *testing.T) {
			a := refused(t, hears(), fromA(t, summed(4, 0xf0)), "") // 0064 is f064
			if a.MaxAdvertiseInterval != time.Second {
				t.Errorf("the interval is %v, want 1s", a.MaxAdvertiseInterval)
			}
			p := having(func(p *Params) { p.AdvertisementInterval = 40950 * time.Millisecond })
			longest := p.Advert(100, GroupIPv4)
			if b := AppendAdvert(nil, &longest); b[4] != 0x0f || b[5] != 0xff { // 4095 in 12 bits
				t.Errorf("40.95s are sent as %x", b[4:6])
			}
		},
		"5.2.5-1 an advert without addresses is ignored": func(t *testing.T) {
			none := func(d *Datagram) { d.PDU = d.PDU[:8]; summed(3, 0)(d) }
			refused(t, hears(), fromA(t, none), DropAddresses)
			refused(t, having(func(p *Params) { p.Addrs = nil }), fromA(t, none), "") // no_virtual_ipaddress on both
		},
		"5.2.9-1 the first IPv6 address is a link-local one": func(t *testing.T) {
			body := must + "version 3\nvirtual_ipaddress {\nfd00::1/64\n}\n"
			if _, _, diags := resolve(t, body, Defaults{}, Surroundings{}); len(diags.All()) == 0 {
				t.Error("another one is accepted in silence")
			}
		},
	}.run(t)
}

func TestRFC9568Reception(t *testing.T) {
	rules{
		"7.1-1 a TTL or hop limit that is not 255 came through a router": func(t *testing.T) {
			refused(t, hears(), fromA(t), "")
			refused(t, hears(), fromA(t, func(d *Datagram) { d.TTL = 254 }), DropTTL)
		},
		"7.1-2 the version is that which is configured": func(t *testing.T) {
			refused(t, hears(), fromA(t, summed(0, 0x21), func(d *Datagram) { d.PDU = append(d.PDU, make([]byte, 8)...) }), DropVersion)
			refused(t, hears(), fromA(t, summed(0, 0x41)), DropVersion)
		},
		"7.1-3 the type is 1": func(t *testing.T) {
			refused(t, hears(), fromA(t, summed(0, 0x32)), DropType)
		},
		"7.1-4 all of the packet has come": func(t *testing.T) {
			refused(t, hears(), fromA(t, func(d *Datagram) { d.PDU = d.PDU[:12] }), DropLength)
			refused(t, hears(), fromA(t, func(d *Datagram) { d.PDU = d.PDU[:7] }), DropShort)
		},
		"7.1-5 the checksum is right": func(t *testing.T) {
			refused(t, hears(), fromA(t, func(d *Datagram) { d.PDU[7] ^= 1 }), DropChecksum)
		},
		"7.1-6 the VRID is one of this interface": func(t *testing.T) {
			onBench(t, func(b *bench) {
				b.loop.Configure([]Instance{one("VI_1", 51)})
				b.take()
				b.hear(52, 150, time.Now())
				b.want("  0.0000s  dropped vrid, 0 before")
			})
		},
		"7.1-7 an owner hears nobody, if it is told so": func(t *testing.T) {
			ignore := func(p *Params) { p.OwnerIgnoreAdverts = true }
			refused(t, having(isOwner, ignore), fromA(t), DropOwner)
			refused(t, having(ignore), fromA(t), "")
			refused(t, having(isOwner), fromA(t), "")
		},
		"7.1-8 what is refused is discarded, counted, and logged at most once a minute": func(t *testing.T) {
			onBench(t, func(b *bench) {
				b.loop.Configure([]Instance{one("VI_1", 51)})
				b.take()
				bad := fromA(t, func(d *Datagram) { d.PDU[7] ^= 1 })
				for range 3 {
					b.conn.put(received{b: bad.PDU, meta: Meta{Src: bad.Src, Dst: bad.Dst, TTL: 255}})
				}
				b.want("  0.0000s VI_1 dropped checksum, 0 before")
				s, _ := b.loop.Status(b.t.Context())
				if got := s[0].Counters; got.ChecksumErr != 3 || got.AdvertReceived != 0 {
					t.Errorf("counted %d wrong checksums, %d adverts; want 3, 0", got.ChecksumErr, got.AdvertReceived)
				}
			})
		},
		"7.1-9 another list of addresses is noticed": func(t *testing.T) {
			if a := refused(t, having(), fromA(t), ""); !a.AddrsDiffer {
				t.Error("our list has one address, theirs two, and nobody notices")
			}
		},
		"7.1-10 another list of addresses is logged once, and the advert counts": func(t *testing.T) {
			s := when(t, base(), Backup, 1, heard(150, func(a *Advert) { a.AddrsDiffer = true }))
			s.wakes(4.609375)
			s.wants(Alarm{Kind: AlarmAddresses, Peer: routerA, Priority: 150, Version: 3, Got: 1, Want: 1})
		},
		"7.1-11 another interval is logged once, and the advert counts": func(t *testing.T) {
			s := when(t, base(), Backup, 1, heard(150, every(2*time.Second)))
			s.wakes(8.21875)
			s.wants(Alarm{Kind: AlarmInterval, Peer: routerA, Priority: 150, Version: 3, Got: int64(2 * time.Second), Want: int64(time.Second)})
		},
		"7.1-12 the interval is not zero": func(t *testing.T) {
			zero := fromA(t, summed(5, 0)) // 0064 is 0000
			refused(t, hears(), zero, DropInterval)
			fast, a := having(func(p *Params) { p.AdvertisementInterval = 200 * time.Millisecond }), Advert{}
			if err := fast.Decode(zero, &a); err == nil || err.Error() != "advertisement interval of zero from 10.9.0.1, mine=200ms" {
				t.Errorf("the log says %v", err)
			}
		},
	}.run(t)
}

func TestRFC9568Transmission(t *testing.T) {
	sent := func(p Params) []byte {
		a := p.Advert(p.Priority, p.MulticastGroup())
		return AppendAdvert(nil, &a)
	}
	rules{
		"7.2-1 the fields say what is configured": func(t *testing.T) {
			p := having(func(p *Params) { p.VRID, p.Priority, p.AdvertisementInterval = 7, 200, 500*time.Millisecond })
			want := []byte{0x31, 7, 200, 1, 0, 50}
			if got := sent(p); !slices.Equal(got[:6], want) || !slices.Equal(got[8:], []byte{10, 9, 0, 100}) {
				t.Errorf("sent %x, want %x and the address", got, want)
			}
		},
		"7.2-2 the checksum covers a pseudo header": func(t *testing.T) {
			p := captures()["version 3"].params
			if got := sent(p); got[6] != 0x38 || got[7] != 0xee { // as keepalived's
				t.Errorf("checksum %x, want 38ee", got[6:8])
			}
		},
		"7.2-4 the source is the primary address of the interface": func(t *testing.T) {
			p := base()
			if a := p.Advert(100, GroupIPv4); a.Src != routerB {
				t.Errorf("sent from %v, want 10.9.0.2", a.Src)
			}
			m := started(t, p, Active)
			m.Step(at(0.5), SourceAddress{routerA}, nil) // it is another one now
			if a := m.Params().Advert(100, GroupIPv4); a.Src != routerA {
				t.Errorf("sent from %v, want 10.9.0.1", a.Src)
			}
		},
		"7.2-5 the protocol is 112, with TTL 255": func(t *testing.T) {
			b := make([]byte, ipv4HeaderLen)
			putIPv4(b, 16, ipProtocol, Meta{Src: routerA, Dst: GroupIPv4, TTL: allowedTTL, ID: 1})
			want := unhex(t, frame)[:ipv4HeaderLen]
			want[10], want[11] = 0, 0 // the kernel's
			if !slices.Equal(b, want) {
				t.Errorf("header %x, want %x", b, want)
			}
		},
		"7.2-6 it goes to the group": func(t *testing.T) {
			onBench(t, func(b *bench) {
				b.loop.Configure([]Instance{one("VI_1", 51)})
				b.take()
				time.Sleep(3700 * time.Millisecond)
				b.want("  3.6094s vrid 51 sends priority 100 to 224.0.0.18", "  3.6094s apply [VI_1]",
					"  3.6094s VI_1 announce active", "  3.6094s VI_1 Backup -> Active (active-down)")
			})
		},
		"8.3.2-1 priority 255 is the owner's, 100 that of others": func(t *testing.T) {
			for body, want := range map[string]uint8{"state MASTER": 255, "state BACKUP": 100, "": 100} {
				if _, p, _ := decode(t, must+body, Defaults{}); p.Priority != want {
					t.Errorf("%q: priority %d, want %d", body, p.Priority, want)
				}
			}
		},
		"8.4-1 versions 2 and 3 are not mixed in one virtual router": func(t *testing.T) {
			v2 := hears()
			v2.Version = 2
			refused(t, v2, fromA(t), DropVersion)
		},
	}.run(t)
}
