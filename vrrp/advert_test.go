package vrrp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The frames below were sent by keepalived 2.2.7 and captured with tcpdump:
// they are the second witness of this codec.

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

var (
	routerA = netip.MustParseAddr("10.9.0.1")
	routerB = netip.MustParseAddr("10.9.0.2")
)

// captured is one frame of keepalived: what was configured, and what it sent.
type captured struct {
	params   Params
	priority uint8
	dst      netip.Addr
	pdu      string
	form     ChecksumForm
}

func captures() map[string]captured {
	v2 := Params{VRID: 51, Version: 2, Priority: 150, PrimaryAddr: routerA, AuthType: AuthPass,
		Password: [8]byte{'s', '3', 'c', 'r', '3', 't'}, Addrs: addrs("10.9.0.100", "10.9.0.101")}
	v2one := v2
	v2one.Addrs = addrs("10.9.0.100")
	v2one.Peers = []Peer{{Addr: routerB, MaxTTL: 255}}
	v3 := Params{VRID: 51, Version: 3, Priority: 150, PrimaryAddr: routerA, Addrs: addrs("10.9.0.100", "10.9.0.101")}
	v3one := v3
	v3one.Addrs = addrs("10.9.0.100")
	v3one.Peers = v2one.Peers
	v6 := Params{VRID: 51, Version: 3, IPv6: true, Priority: 150, PrimaryAddr: netip.MustParseAddr("fe80::ff:fe00:1"),
		Addrs: addrs("fe80::9:100", "fd00:9::100")}
	return map[string]captured{
		"version 2 with password": {v2, 150, GroupIPv4,
			"21 33 96 02 01 01 28d4 0a090064 0a090065 7333637233740000", ChecksumStandard},
		"version 2 resigns": {v2, 0, GroupIPv4,
			"21 33 00 02 01 01 bed4 0a090064 0a090065 7333637233740000", ChecksumStandard},
		"version 2 unicast": {v2one, 150, routerB,
			"21 33 96 01 01 01 3343 0a090064 7333637233740000", ChecksumStandard},
		"version 3": {v3, 150, GroupIPv4,
			"31 33 96 02 0064 38ee 0a090064 0a090065", ChecksumStandard},
		"version 3 unicast": {v3one, 150, routerB,
			"31 33 96 01 0064 1969 0a090064", ChecksumStandard},
		"version 3 unicast, old checksum": {v3one, 150, routerB,
			"31 33 96 01 0064 4361 0a090064", ChecksumOldUnicast},
		"version 3, IPv6": {v6, 150, GroupIPv6,
			"31 33 96 02 0064 3da3 fe800000000000000000000000090100 fd000009000000000000000000000100", ChecksumStandard},
	}
}

func TestAppendAdvertMakesKeepalivedsOctets(t *testing.T) {
	for name, c := range captures() {
		t.Run(name, func(t *testing.T) {
			a := c.params.Advert(c.priority, c.dst)
			a.Checksum = c.form
			if got, want := AppendAdvert(nil, &a), unhex(t, c.pdu); !bytes.Equal(got, want) {
				t.Errorf("PDU\n got %x\nwant %x", got, want)
			}
		})
	}
}

func TestDecodeReadsKeepalivedsOctets(t *testing.T) {
	for name, c := range captures() {
		t.Run(name, func(t *testing.T) {
			p := c.params
			src := p.PrimaryAddr
			p.PrimaryAddr = netip.Addr{} // the receiver is another router
			var got Advert
			d := Datagram{PDU: unhex(t, c.pdu), Src: src, Dst: c.dst, TTL: 255}
			if err := p.Decode(d, &got); err != nil {
				t.Fatal(err)
			}
			want := Advert{Src: src, Dst: c.dst, TTL: 255, Version: p.Version, VRID: 51, Priority: c.priority,
				AuthType: p.AuthType, AuthData: p.Password, Checksum: c.form,
				MaxAdvertiseInterval: time.Second, Addrs: p.Addrs}
			if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
				t.Errorf("advert (-want +got):\n%s", d)
			}
		})
	}
}

// patch changes octets of a PDU and puts the checksum of version 2 right again.
func patch(b []byte, at int, v ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], v)
	b[6], b[7] = 0, 0
	s := ^fold(sum(0, b))
	b[6], b[7] = byte(s>>8), byte(s)
	return b
}

// Version 2 over IPv6 carries the type of authentication but no data: two
// routers with auth_type PASS hear each other all the same, else both would be Active.
func TestVersion2OverIPv6HasNoPasswordToCompare(t *testing.T) {
	a := Params{VRID: 51, Version: 2, IPv6: true, Priority: 150, PrimaryAddr: netip.MustParseAddr("fe80::1"),
		Addrs: addrs("fe80::9:100"), AuthType: AuthPass, Password: [8]byte{'s', '3', 'c', 'r', '3', 't'}}
	advert := a.Advert(150, GroupIPv6)
	pdu := AppendAdvert(nil, &advert)
	if len(pdu) != 24 || pdu[4] != 1 { // 8 + 16*1, no 8 octets of password behind
		t.Errorf("% x: %d octets, type %d", pdu, len(pdu), pdu[4])
	}
	d := Datagram{PDU: pdu, Src: a.PrimaryAddr, Dst: GroupIPv6, TTL: 255}
	var got Advert
	if err := a.Decode(d, &got); err != nil {
		t.Errorf("refused: %v", err)
	}
	a.AuthType = AuthNone
	if err := a.Decode(d, &got); err == nil {
		t.Error("another type of authentication is not refused")
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := unhex(t, "21 33 96 02 01 01 28d4 0a090064 0a090065 7333637233740000")
	v3 := unhex(t, "31 33 96 02 0064 38ee 0a090064 0a090065")
	plain := func(*Params) {}
	unicast := func(p *Params) { p.Peers = []Peer{{Addr: routerB, MinTTL: 250, MaxTTL: 254}}; p.CheckPeers = true }
	tests := map[string]struct {
		change func(*Params)
		pdu    []byte
		src    netip.Addr
		dst    netip.Addr
		ttl    uint8
		reason DropReason
		text   string
	}{
		"nothing": {plain, nil, routerA, GroupIPv4, 255, DropShort, "IPv4 VRRP packet too short - 0 bytes"},
		"half a header": {plain, good[:7], routerA, GroupIPv4, 255, DropShort,
			"IPv4 VRRP packet too short - 7 bytes"},
		"one address missing": {plain, good[:20], routerA, GroupIPv4, 255, DropLength,
			"vrrp packet from 10.9.0.1 too short, length 20 and expect 24"}, // 8 + 2*4 + 8
		"a trailer we do not know": {plain, append(bytes.Clone(good), make([]byte, 28)...), routerA, GroupIPv4, 255,
			DropLength, "vrrp packet from 10.9.0.1 too long, length 52 and expect 24"},
		"came through a router": {plain, good, routerA, GroupIPv4, 254, DropTTL,
			"invalid TTL/HL from 10.9.0.1. Received 254 and expect 255"},
		"version 3 to a version 2 router": {plain, v3, routerA, GroupIPv4, 255, DropVersion,
			"wrong VRRP version from 10.9.0.1. Received 3 and expect 2"},
		"version 7": {plain, patch(good, 0, 0x71), routerA, GroupIPv4, 255, DropVersion,
			"wrong VRRP version from 10.9.0.1. Received 7 and expect 2"},
		"authentication of no known type": {plain, patch(good, 4, 3), routerA, GroupIPv4, 255, DropAuthType,
			"Invalid auth type from 10.9.0.1: 3"},
		"no authentication where a password is wanted": {plain, patch(good, 4, 0), routerA, GroupIPv4, 255, DropAuthMatch,
			"received a 0 auth from 10.9.0.1, expecting 1!"},
		"another password": {plain, patch(good, 16, 'S'), routerA, GroupIPv4, 255, DropPassword,
			"received an invalid passwd from 10.9.0.1!"},
		"another interval": {plain, patch(good, 5, 3), routerA, GroupIPv4, 255, DropInterval,
			"advertisement interval mismatch with 10.9.0.1 mine=1 sec rcv'd=3 sec"},
		"another packet type": {plain, patch(good, 0, 0x22), routerA, GroupIPv4, 255, DropType,
			"Invalid packet type from 10.9.0.1. 2 and expect 1"},
		"a flipped bit": {plain, append(append([]byte{}, good[:8]...), append([]byte{0x0b}, good[9:]...)...), routerA, GroupIPv4, 255,
			DropChecksum, "Invalid VRRPv2 checksum from 10.9.0.1"},
		"unicast where multicast is configured": {plain, good, routerA, routerB, 255, DropDestination,
			"Expected multicast packet but received unicast packet from 10.9.0.1"},
		"multicast where peers are configured": {unicast, good, routerB, GroupIPv4, 252, DropDestination,
			"Expected unicast packet but received multicast packet from 10.9.0.2"},
		"unicast from a stranger": {unicast, good, routerA, routerB, 252, DropPeer,
			"unicast source address 10.9.0.1 not a unicast peer"},
		"a peer from too near": {unicast, good, routerB, routerA, 255, DropPeerTTL,
			"TTL/HL 255 from 10.9.0.2 not in range [250, 254]"},
		"an owner that ignores adverts": {func(p *Params) { p.Priority, p.OwnerIgnoreAdverts = 255, true }, good, routerA,
			GroupIPv4, 255, DropOwner, "Dropping packet(s) from 10.9.0.1 since we are address owner"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := captures()["version 2 with password"].params
			tt.change(&p)
			var a Advert
			err := p.Decode(Datagram{PDU: tt.pdu, Src: tt.src, Dst: tt.dst, TTL: tt.ttl}, &a)
			var pe *PacketError
			if !errors.As(err, &pe) {
				t.Fatalf("error %v, want a *PacketError", err)
			}
			if pe.Reason != tt.reason || pe.Error() != tt.text {
				t.Errorf("refused as %q, %q\nwant       %q, %q", pe.Reason, pe, tt.reason, tt.text)
			}
		})
	}
}

func TestOfSeveralFaultsTheFirstInKeepalivedsOrderIsNamed(t *testing.T) {
	p := captures()["version 2 with password"].params
	b := unhex(t, "71 33 96 02 09 07 0000 0a090064 0a090065 0000000000000000") // version, auth, interval, checksum
	var a Advert
	want := []DropReason{DropTTL, DropVersion, DropAuthType, DropPassword, DropInterval, DropChecksum}
	var got []DropReason
	ttl := uint8(1)
	for range want {
		err := p.Decode(Datagram{PDU: b, Src: routerA, Dst: GroupIPv4, TTL: ttl}, &a)
		var pe *PacketError
		if !errors.As(err, &pe) {
			break
		}
		got = append(got, pe.Reason)
		switch pe.Reason { // repair what was named
		case DropTTL:
			ttl = 255
		case DropVersion:
			b[0] = 0x21
		case DropAuthType:
			b[4] = 1
		case DropPassword:
			copy(b[16:], "s3cr3t")
		case DropInterval:
			b[5] = 1
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("order of checks (-want +got):\n%s", d)
	}
}

func TestDecodeAcceptsEveryChecksumFormAndNotesIt(t *testing.T) {
	p := Params{VRID: 51, Version: 3, Addrs: addrs("10.9.0.100")}
	tests := map[string]struct {
		dst  netip.Addr
		form ChecksumForm
	}{
		"with pseudo header":    {GroupIPv4, ChecksumStandard},
		"without pseudo header": {GroupIPv4, ChecksumPlain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := Advert{Version: 3, VRID: 51, Priority: 1, MaxAdvertiseInterval: time.Second, Src: routerA, Dst: tt.dst, Checksum: tt.form, Addrs: p.Addrs}
			var got Advert
			if err := p.Decode(Datagram{PDU: AppendAdvert(nil, &a), Src: routerA, Dst: tt.dst, TTL: 255}, &got); err != nil {
				t.Fatal(err)
			}
			if got.Checksum != tt.form {
				t.Errorf("noted form %d, want %d", got.Checksum, tt.form)
			}
		})
	}
}

func TestEthernetPaddingIsTolerated(t *testing.T) {
	p := Params{VRID: 51, Version: 3, Addrs: addrs("10.9.0.100", "10.9.0.101")}
	v3 := unhex(t, "31 33 96 02 0064 38ee 0a090064 0a090065") // 20+16 octets, padded to 46: 10 more
	tests := map[string]struct {
		padding int
		want    bool
	}{
		"none": {0, true}, "to 46 octets": {10, true}, "less than that": {9, false}, "more than that": {11, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var a Advert
			d := Datagram{PDU: append(bytes.Clone(v3), make([]byte, tt.padding)...), Src: routerA, Dst: GroupIPv4, TTL: 255}
			if err := p.Decode(d, &a); (err == nil) != tt.want {
				t.Errorf("%d octets of padding: %v, want accepted %v", tt.padding, err, tt.want)
			}
		})
	}
}

func TestAnotherAddressListIsNotedNotRefused(t *testing.T) {
	v3 := unhex(t, "31 33 96 02 0064 38ee 0a090064 0a090065")
	tests := map[string]struct {
		ours []netip.Addr
		skip bool
		want bool
	}{
		"the same":           {addrs("10.9.0.100", "10.9.0.101"), false, false},
		"another order":      {addrs("10.9.0.101", "10.9.0.100"), false, false},
		"one more":           {addrs("10.9.0.100"), false, true},
		"another one":        {addrs("10.9.0.100", "10.9.0.102"), false, true},
		"not to be compared": {addrs("10.9.0.100"), true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := Params{VRID: 51, Version: 3, Addrs: tt.ours, SkipCheckAdvAddr: tt.skip}
			var a Advert
			if err := p.Decode(Datagram{PDU: v3, Src: routerA, Dst: GroupIPv4, TTL: 255}, &a); err != nil {
				t.Fatal(err)
			}
			if a.AddrsDiffer != tt.want {
				t.Errorf("AddrsDiffer %v, want %v", a.AddrsDiffer, tt.want)
			}
		})
	}
}

func TestIPv4HeaderIsTakenOffAndPutOn(t *testing.T) {
	frame := unhex(t, "45 c0 0024 0001 0000 ff 70 d08c 0a090001 e0000012 31 33 96 02 0064 38ee 0a090064 0a090065")
	d, err := parseIPv4(frame, new(PacketError))
	if err != nil {
		t.Fatal(err)
	}
	if d.Src != routerA || d.Dst != GroupIPv4 || d.TTL != 255 || d.ID != 1 || !bytes.Equal(d.PDU, frame[20:]) {
		t.Errorf("parsed %+v", d)
	}
	got := make([]byte, ipv4HeaderLen)
	putIPv4(got, 16, ipProtocol, Meta{Src: routerA, Dst: GroupIPv4, TTL: 255, ID: 1})
	want := bytes.Clone(frame[:20])
	want[10], want[11] = 0, 0 // the kernel's
	if !bytes.Equal(got, want) {
		t.Errorf("header\n got %x\nwant %x", got, want)
	}
	for name, tt := range map[string]struct {
		b      []byte
		reason DropReason
	}{
		"cut short":             {frame[:27], DropShort},
		"not IPv4":              {append([]byte{0x65}, frame[1:]...), DropShort},
		"header longer than it": {append([]byte{0x4f}, frame[1:]...), DropShort},
		"more than arrived":     {append([]byte{0x45, 0xc0, 0, 0x30}, frame[4:]...), DropIPLength},
	} {
		_, err := parseIPv4(tt.b, new(PacketError))
		var pe *PacketError
		if !errors.As(err, &pe) || pe.Reason != tt.reason {
			t.Errorf("%s: %v, want reason %s", name, err, tt.reason)
		}
	}
}

func TestCodecAllocatesNothing(t *testing.T) {
	p := captures()["version 2 with password"].params
	a := p.Advert(150, GroupIPv4)
	buf := make([]byte, 0, 64)
	pdu := AppendAdvert(nil, &a)
	var got Advert
	got.Addrs = make([]netip.Addr, 0, 2)
	if n := testing.AllocsPerRun(100, func() { AppendAdvert(buf, &a) }); n != 0 {
		t.Errorf("encoding allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if err := p.Decode(Datagram{PDU: pdu, Src: routerA, Dst: GroupIPv4, TTL: 255}, &got); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("decoding allocates %v times", n)
	}
}

func TestEachRefusalHasItsCounter(t *testing.T) {
	tests := map[DropReason]Counters{
		DropShort: {PacketLenErr: 1}, DropIPLength: {PacketLenErr: 1}, DropLength: {PacketLenErr: 1},
		DropTTL: {TTLErr: 1}, DropVersion: {VersionErr: 1}, DropAuthType: {InvalidAuthType: 1},
		DropAuthMatch: {AuthMismatch: 1}, DropPassword: {AuthFailure: 1}, DropAHSender: {AuthFailure: 1},
		DropAHMAC: {AuthFailure: 1}, DropAHReplay: {AuthFailure: 1}, DropHMACMissing: {ExtMissing: 1},
		DropHMACMalformed: {ExtMalformed: 1}, DropHMACStale: {ExtStale: 1}, DropHMACKey: {ExtUnknownKey: 1},
		DropHMACMAC: {ExtInvalidHMAC: 1}, DropHMACReplay: {ExtReplay: 1}, DropInterval: {IntervalErr: 1},
		DropType: {InvalidType: 1}, DropChecksum: {ChecksumErr: 1}, DropDestination: {AddrListErr: 1},
		DropAddresses: {AddrListErr: 1},
		DropVRID:      {VRIDErr: 1}, DropOwner: {OtherDropped: 1}, DropPeer: {OtherDropped: 1}, DropPeerTTL: {OtherDropped: 1},
	}
	for reason, want := range tests {
		var got Counters
		got.dropped(reason)
		if got != want {
			t.Errorf("%s counted as %+v, want %+v", reason, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range captures() {
		f.Add(unhex(f, c.pdu), c.params.Version == 2, c.params.IPv6)
	}
	f.Add([]byte{}, true, false)
	f.Fuzz(func(t *testing.T, b []byte, v2, ipv6 bool) {
		p := Params{VRID: 51, Version: 3, IPv6: ipv6}
		d := Datagram{PDU: b, Src: routerA, Dst: GroupIPv4, TTL: 255}
		if v2 {
			p.Version, p.AuthType = 2, AuthPass
			p.Password = [8]byte{'s', '3', 'c', 'r', '3', 't'}
		}
		if ipv6 {
			d.Src, d.Dst = netip.MustParseAddr("fe80::1"), GroupIPv6
		}
		var a, again Advert
		if err := p.Decode(d, &a); err != nil {
			var pe *PacketError
			if !errors.As(err, &pe) || pe.Error() == "" {
				t.Fatalf("error %v is not a *PacketError with a text", err)
			}
			return
		}
		d.PDU = AppendAdvert(nil, &a)
		if err := p.Decode(d, &again); err != nil {
			t.Fatalf("own encoding of %+v refused: %v", a, err)
		}
		if d := cmp.Diff(a, again, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("round trip (-first +second):\n%s", d)
		}
	})
}

func FuzzParseIPv4(f *testing.F) {
	f.Add(unhex(f, "45 c0 0024 0001 0000 ff 70 d08c 0a090001 e0000012 31 33 96 02 0064 38ee 0a090064 0a090065"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseIPv4(b, new(PacketError))
		if err == nil && (len(d.PDU) < headerLen || len(d.PDU) > len(b)-ipv4HeaderLen) {
			t.Errorf("PDU of %d octets out of %d", len(d.PDU), len(b))
		}
	})
}
