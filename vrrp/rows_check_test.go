package vrrp

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// The checks of reception in keepalived's order, row by row: what is refused,
// what is said, what is counted. The ids are those of docs/rfc9568.md, second part.

// check is one datagram that one router judges.
type check struct {
	p      Params
	d      Datagram
	reason DropReason // "": accepted
	text   string
	count  Counters
}

func (c check) run(t *testing.T) {
	t.Helper()
	var a Advert
	var m Memory
	err := m.Decode(&c.p, c.d, &a)
	if c.reason == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if err == nil {
		t.Errorf("accepted, want it refused for %s", c.reason)
		return
	}
	e := err.(*PacketError)
	var got Counters
	got.dropped(e.Reason)
	if e.Reason != c.reason || e.Error() != c.text || got != c.count {
		t.Errorf("refused for %s: %q, %+v\nwant %s: %q, %+v", e.Reason, e, got, c.reason, c.text, c.count)
	}
}

// v2 is the datagram of a version 2 router with the password s3cr3t, changed.
func v2(t *testing.T, change ...func(d *Datagram)) Datagram {
	d := Datagram{PDU: unhex(t, "21 33 96 02 01 01 28d4 0a090064 0a090065 7333637233740000"), Src: routerA, Dst: GroupIPv4, TTL: 255}
	for _, c := range change {
		c(&d)
	}
	return d
}

// put changes octets and makes the checksum of version 2 right again.
func put(at int, v ...byte) func(d *Datagram) {
	return func(d *Datagram) { d.PDU = patch(d.PDU, at, v...) }
}

// hmacAt is keepalived's advert with a trailer, version 3, received at its own time.
func hmacAt(t *testing.T, change func(d *Datagram)) Datagram {
	f := hmacFrames["version 3"]
	d := Datagram{PDU: unhex(t, f.pdu), Src: routerA, Dst: GroupIPv4, TTL: 255, At: f.at}
	change(&d)
	return d
}

func TestKeepalivedChecks(t *testing.T) {
	secret := having(func(p *Params) { *p = captures()["version 2 with password"].params })
	lengths, auth := Counters{PacketLenErr: 1}, Counters{AuthFailure: 1}
	trailers := func(d Datagram, reason DropReason, text string, count Counters) func(*testing.T) {
		return check{signed(3, false), d, reason, text, count}.run
	}
	withPeer := func(p *Params) {
		p.Peers, p.CheckPeers = []Peer{{Addr: routerA, MinTTL: 250, MaxTTL: 254}}, true
	}
	toUs := func(d *Datagram) { d.Dst, d.TTL = routerB, 252; summed(2, 150)(d) }
	rules{
		"K7-0 shorter than its headers": check{secret, v2(t, func(d *Datagram) { d.PDU = d.PDU[:7] }), DropShort,
			"IPv4 VRRP packet too short - 7 bytes", lengths}.run,
		"K7-1 AH has a protocol and a socket of its own: whoever has another one is not heard": func(t *testing.T) {
			ah, plain := router(ahParams())[0], router(secret)[0]
			if !ah.socket().AH || plain.socket().AH {
				t.Errorf("protocol 51: with AH %v, with a password %v", ah.socket().AH, plain.socket().AH)
			}
			check{ahParams(), v2(t), DropShort, "IPv4 VRRP packet too short - 24 bytes", lengths}.run(t)
		},
		"K7-2 another length than its count of addresses asks for": func(t *testing.T) {
			check{secret, v2(t, func(d *Datagram) { d.PDU = d.PDU[:20] }), DropLength,
				"vrrp packet from 10.9.0.1 too short, length 20 and expect 24", lengths}.run(t)
			check{secret, v2(t, func(d *Datagram) { d.PDU = append(d.PDU, 0, 0) }), "", "", Counters{}}.run(t) // padded to 46 octets
			check{secret, v2(t, func(d *Datagram) { d.PDU = append(d.PDU, 0) }), DropLength,
				"vrrp packet from 10.9.0.1 too long, length 25 and expect 24", lengths}.run(t)
		},
		"K7-3 TTL other than 255, multicast only": func(t *testing.T) {
			check{secret, v2(t, func(d *Datagram) { d.TTL = 254 }), DropTTL,
				"invalid TTL/HL from 10.9.0.1. Received 254 and expect 255", Counters{TTLErr: 1}}.run(t)
			check{having(withPeer), fromA(t, toUs), "", "", Counters{}}.run(t)
		},
		"K7-4 another version": check{secret, fromA(t), DropVersion,
			"wrong VRRP version from 10.9.0.1. Received 3 and expect 2", Counters{VersionErr: 1}}.run,
		"K7-5a no trailer": trailers(hmacAt(t, func(d *Datagram) { d.PDU = d.PDU[:12] }), DropHMACMissing,
			"missing authentication trailer from 10.9.0.1", Counters{ExtMissing: 1}),
		"K7-5b a trailer of another kind": trailers(hmacAt(t, func(d *Datagram) { d.PDU[12] = 2 }), DropHMACMalformed,
			"malformed authentication trailer from 10.9.0.1", Counters{ExtMalformed: 1}),
		"K7-5c a trailer that is too old": trailers(hmacAt(t, func(d *Datagram) { d.At = d.At.Add(6 * time.Second) }), DropHMACStale,
			"stale authentication trailer from 10.9.0.1, clock skew -6 sec exceeds window 5 sec", Counters{ExtStale: 1}),
		"K7-5d a trailer with an unknown key": trailers(hmacAt(t, func(d *Datagram) { d.PDU[13] = 9 }), DropHMACKey,
			"unknown authentication key id 9 from 10.9.0.1", Counters{ExtUnknownKey: 1}),
		"K7-5e a trailer that is not right": trailers(hmacAt(t, func(d *Datagram) { d.PDU[39] ^= 1 }), DropHMACMAC,
			"invalid authentication HMAC from 10.9.0.1", Counters{ExtInvalidHMAC: 1}),
		"K7-5f a trailer that was there before": func(t *testing.T) {
			p, d := signed(3, false), hmacAt(t, func(*Datagram) {})
			var m Memory
			var a Advert
			_ = m.Decode(&p, d, &a)
			if err := m.Decode(&p, d, &a); err == nil || err.Error() != "replayed authentication trailer from 10.9.0.1" {
				t.Errorf("the second time: %v", err)
			}
		},
		"K7-6 authentication of no type": check{secret, v2(t, put(4, 3)), DropAuthType,
			"Invalid auth type from 10.9.0.1: 3", Counters{InvalidAuthType: 1}}.run,
		"K7-7 authentication of another type": check{secret, v2(t, put(4, 0)), DropAuthMatch,
			"received a 0 auth from 10.9.0.1, expecting 1!", Counters{AuthMismatch: 1}}.run,
		"K7-8 another password": check{secret, v2(t, put(16, 'S')), DropPassword, "received an invalid passwd from 10.9.0.1!", auth}.run,
		"K7-9 AH: sender, MAC and number": func(t *testing.T) {
			good, err := parseIPv4(unhex(t, ahFrames[1].frame), new(PacketError))
			if err != nil {
				t.Fatal(err)
			}
			changed := func(at int, v byte) Datagram {
				d := good
				d.PDU = bytes.Clone(good.PDU)
				d.PDU[at] = v
				return d
			}
			check{ahParams(), good, "", "", Counters{}}.run(t)
			check{ahParams(), changed(7, 3), DropAHSender,
				"IPSEC AH : invalid IPSEC SPI value from 10.9.0.1. 0x0a090003 is not its address", auth}.run(t)
			check{ahParams(), changed(12, 0), DropAHMAC,
				"IPSEC-AH : invalid IPSEC HMAC-MD5 value from 10.9.0.1. Due to fields mutation or bad password !", auth}.run(t)
			p, m := ahParams(), Memory{ah: 2}
			var a Advert
			if err := m.Decode(&p, good, &a); err == nil || err.(*PacketError).Reason != DropAHReplay {
				t.Errorf("number 2 after number 2: %v", err)
			}
		},
		"K7-10 version 2: another interval": check{secret, v2(t, put(5, 3)), DropInterval,
			"advertisement interval mismatch with 10.9.0.1 mine=1 sec rcv'd=3 sec", Counters{IntervalErr: 1}}.run,
		"K7-11 another type of packet": check{secret, v2(t, put(0, 0x22)), DropType,
			"Invalid packet type from 10.9.0.1. 2 and expect 1", Counters{InvalidType: 1}}.run,
		"K7-12 another length than the IPv4 header says": func(t *testing.T) {
			var e PacketError
			b := append(unhex(t, frame), make([]byte, 20)...) // 56 octets where it says 36
			if _, err := parseIPv4(b, &e); err == nil || e.Error() != "ip_tot_len mismatch against received length from 10.9.0.1. 36 and received 56" {
				t.Errorf("got %v", err)
			}
		},
		"K7-13 version 3: another interval is an alarm, no refusal": func(t *testing.T) {
			check{hears(), fromA(t, summed(5, 200)), "", "", Counters{}}.run(t)
			when(t, base(), Backup, 1, heard(150, every(2*time.Second))).wants(Alarm{Kind: AlarmInterval, Peer: routerA, Priority: 150, Version: 3,
				Got: int64(2 * time.Second), Want: int64(time.Second)})
		},
		"K7-14 a wrong checksum": func(t *testing.T) {
			flip := func(d *Datagram) { d.PDU[8] ^= 1 }
			for version, c := range map[int]check{2: {p: secret, d: v2(t, flip)}, 3: {p: hears(), d: fromA(t, flip)}} {
				c.reason, c.text, c.count = DropChecksum, fmt.Sprintf("Invalid VRRPv%d checksum from 10.9.0.1", version), Counters{ChecksumErr: 1}
				c.run(t)
			}
		},
		"K7-15 unicast where multicast is configured, and the reverse": func(t *testing.T) {
			list := Counters{AddrListErr: 1}
			check{hears(), fromA(t, func(d *Datagram) { d.Dst = routerB; summed(2, 150)(d) }), DropDestination,
				"Expected multicast packet but received unicast packet from 10.9.0.1", list}.run(t)
			check{having(withPeer), fromA(t), DropDestination,
				"Expected unicast packet but received multicast packet from 10.9.0.1", list}.run(t)
		},
		"K7-16 owner_ignore_adverts": check{having(isOwner, func(p *Params) { p.OwnerIgnoreAdverts = true }), fromA(t), DropOwner,
			"Dropping packet(s) from 10.9.0.1 since we are address owner", Counters{OtherDropped: 1}}.run,
		"K7-17 another count of addresses is counted, and the advert accepted": addressList(addrs("10.9.0.100"), 1),
		"K7-18 an address of ours that is missing is counted, and the advert accepted": addressList(
			addrs("10.9.0.100", "10.9.0.102"), 1),
		"K7-19 check_unicast_src: a sender that is no peer": check{having(withPeer),
			fromA(t, func(d *Datagram) { d.Src = netip.MustParseAddr("10.9.0.7"); toUs(d) }), DropPeer,
			"unicast source address 10.9.0.7 not a unicast peer", Counters{OtherDropped: 1}}.run,
		"K7-20 min_ttl and max_ttl of a peer": check{having(withPeer), fromA(t, toUs, func(d *Datagram) { d.TTL = 255 }), DropPeerTTL,
			"TTL/HL 255 from 10.9.0.1 not in range [250, 254]", Counters{OtherDropped: 1}}.run,
	}.run(t)
}

// addressList is a router with these addresses that hears the advert in frame.
func addressList(ours []netip.Addr, errors uint64) func(t *testing.T) {
	return func(t *testing.T) {
		onBench(t, func(b *bench) {
			in := one("VI_1", 51)
			in.Params.Addrs = ours
			b.loop.Configure([]Instance{in})
			d := fromA(t)
			b.conn.put(received{b: d.PDU, meta: Meta{Src: d.Src, Dst: d.Dst, TTL: 255}})
			b.take()
			s, _ := b.loop.Status(b.t.Context())
			if c := s[0].Counters; c.AddrListErr != errors || c.AdvertReceived != 1 {
				t.Errorf("%d errors of lists in %d adverts, want %d in 1", c.AddrListErr, c.AdvertReceived, errors)
			}
			if got := s[0].Snapshot.Active; got != routerA {
				t.Errorf("it follows %v, want 10.9.0.1", got)
			}
		})
	}
}
