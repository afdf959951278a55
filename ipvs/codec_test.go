package ipvs

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

// unhex reads the bytes of a message from groups of hexadecimal digits.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Requests as keepalived 2.2.7 and ipvsadm 1.31 send them: recorded with an
// nlmon device and accepted by Linux 6.1. Little endian.
const (
	recordedNewService = `
		68000000 20000500 01000000 00000000 01010000 54000100 06000100 02000000 06000200 06000000
		14000300 0a090064 00000000 00000000 00000000 06000400 00500000 08000600 77727200
		0c000700 00000000 ffffffff 08000800 00000000 08000900 ffffffff`
	recordedNewDest = `
		8c000000 20000500 01000000 00000000 05010000 30000100 06000100 02000000 06000200 06000000
		14000300 0a090064 00000000 00000000 00000000 06000400 00500000 48000200 14000100 0a09000b
		00000000 00000000 00000000 06000200 00500000 08000300 00000000 08000400 03000000
		08000500 00000000 08000600 00000000 06000b00 02000000`
)

var (
	wireKey  = AddressKey(TCP, netip.MustParseAddrPort("10.9.0.100:80"))
	wireDest = Destination{Addr: netip.MustParseAddrPort("10.9.0.11:80"), Weight: 3}
)

func TestRequestsAreTheRecordedBytes(t *testing.T) {
	tests := map[string]struct {
		op   Op
		want string
	}{
		"NEW_SERVICE": {Op{Verb: AddService, Service: Service{Key: wireKey, Scheduler: "wrr"}}, recordedNewService},
		"NEW_DEST":    {Op{Verb: AddDestination, Service: Service{Key: wireKey}, Destination: wireDest}, recordedNewDest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := opCommand(tt.op)
			got := appendMessage(nil, 0x20, nlRequest|nlAck, 1, uint8(c.cmd), familyVersion, c.body)
			if want := unhex(t, tt.want); !bytes.Equal(got, want) {
				t.Errorf("sent\n%x, want\n%x", got, want)
			}
		})
	}
}

func TestEveryKindOfServiceSurvivesTheWire(t *testing.T) {
	for name, s := range map[string]Service{
		"plain":       {Key: wireKey, Scheduler: "wrr"},
		"persistent":  {Key: wireKey, Scheduler: "mh", Flags: FlagPersistent | FlagFallback | FlagHashPort, PersistenceTimeout: 2 * time.Minute, Netmask: 0xffffff00, Engine: "sip"},
		"ipv6 prefix": {Key: AddressKey(SCTP, netip.MustParseAddrPort("[fd09::100]:443")), Scheduler: "sh", Flags: FlagPersistent, PersistenceTimeout: MaxPersistence, Netmask: 64},
		"mark":        {Key: FWMarkKey(IPv6, 4294967295), Scheduler: "wlc"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := decodeService(appendService(nil, s))
			if err != nil || got != s.Normal() {
				t.Errorf("got %+v (%v), want %+v", got, err, s.Normal())
			}
		})
	}
}

func TestServiceAttributesHaveTheirByteOrder(t *testing.T) {
	v4 := appendService(nil, Service{Key: wireKey, Scheduler: "rr", Flags: FlagPersistent, PersistenceTimeout: 360 * time.Second, Netmask: 0xffffff00})
	if want := unhex(t, "08000800 68010000 08000900 ffffff00"); !bytes.HasSuffix(v4, want) { // 360 = 0x168
		t.Errorf("IPv4 ends with %x, want %x", v4[len(v4)-16:], want)
	}
	v6 := appendService(nil, Service{Key: FWMarkKey(IPv6, 8), Scheduler: "rr", Flags: FlagPersistent, PersistenceTimeout: 50 * time.Second, Netmask: 64})
	want := unhex(t, `06000100 0a000000 08000500 08000000 07000600 72720000
		0c000700 01000000 ffffffff 08000800 32000000 08000900 40000000`) // the prefix length in host order
	if !bytes.Equal(v6, want) {
		t.Errorf("IPv6 mark\n%x, want\n%x", v6, want)
	}
}

func TestTunnelAttributesGoWithEveryTunnel(t *testing.T) {
	d := Destination{Addr: netip.MustParseAddrPort("10.9.0.14:80"), Method: Tunnel, Weight: 1,
		Tunnel: TunnelOptions{Type: GUE, Port: 6080, Flags: TunnelChecksum}}
	b := appendDestination(nil, d)
	// type 13 u8 1, 14 big endian 6080 = 0x17c0, 15 u16 1
	if want := unhex(t, "05000d00 01000000 06000e00 17c00000 06000f00 01000000"); !bytes.Contains(b, want) {
		t.Errorf("%x lacks %x", b, want)
	}
	got, _, err := decodeDestination(b, IPv6) // its own family counts, not the service's
	if err != nil || got != d {
		t.Errorf("got %+v (%v), want %+v", got, err, d)
	}
	d.Method = DirectRoute
	if bytes.Contains(appendDestination(nil, d), unhex(t, "05000d00")) {
		t.Error("a tunnel type goes with DirectRoute")
	}
}

func TestDaemonAttributes(t *testing.T) {
	d := SyncDaemon{State: SyncMaster, Interface: "br0", SyncID: 33, MaxLen: 1400, Group: netip.MustParseAddr("224.0.0.99"), Port: 9999, TTL: 3}
	want := unhex(t, `08000100 01000000 08000200 62723000 08000300 21000000 06000400 78050000
		08000500 e0000063 06000700 0f270000 05000800 03000000`) // 1400 = 0x578, port 9999 = 0x270f in host order
	if got := appendDaemon(nil, d); !bytes.Equal(got, want) {
		t.Errorf("sent\n%x, want\n%x", got, want)
	}
	for name, d := range map[string]SyncDaemon{"all": d, "ipv6 group": {State: SyncBackup, Interface: "lo", Group: netip.MustParseAddr("ff02::1234")}, "least": {State: SyncBackup, Interface: "eth0"}} {
		if got, err := decodeDaemon(appendDaemon(nil, d)); err != nil || got != d {
			t.Errorf("%s: got %+v (%v), want %+v", name, got, err, d)
		}
	}
}

func TestTimeoutsAndInfo(t *testing.T) {
	want := Timeouts{TCP: 900 * time.Second, TCPFin: 120 * time.Second, UDP: 300 * time.Second}
	b := unhex(t, "08000400 84030000 08000500 78000000 08000600 2c010000") // 900 120 300
	if got := appendTimeouts(nil, want); !bytes.Equal(got, b) {
		t.Errorf("sent %x, want %x", got, b)
	}
	if got, err := decodeTimeouts(b); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := want.String(); got != "Timeout (tcp tcpfin udp): 900 120 300" {
		t.Errorf("text %q", got)
	}
	info, err := decodeInfo(unhex(t, "08000100 01020100 08000200 00100000")) // 0x010201, 4096
	if err != nil || info.String() != "IP Virtual Server version 1.2.1 (size=4096)" {
		t.Errorf("info %q, %v", info, err)
	}
}

func TestCountersOf64BitsWin(t *testing.T) {
	counters := func(value string) string { return "08000100 " + value }
	body := appendDestination(nil, wireDest)
	body = appendNest(body, destStats64, func(b []byte) []byte { return append(b, unhex(t, "0c000100 0000000001000000")...) })
	body = appendNest(body, destStats, func(b []byte) []byte { return append(b, unhex(t, counters("00000000"))...) })
	_, st, err := decodeDestination(body, IPv4)
	if err != nil || st.Conns != 1<<32 {
		t.Errorf("%d connections (%v), want 2^32", st.Conns, err)
	}
	old := appendNest(appendDestination(nil, wireDest), destStats, func(b []byte) []byte {
		return append(b, unhex(t, "08000100 05000000 0c000400 0700000000000000 08000600 09000000")...)
	})
	_, st, err = decodeDestination(old, IPv4)
	if want := (Stats{Conns: 5, InBytes: 7, CPS: 9}); err != nil || st.Stats != want { // mixed widths
		t.Errorf("%+v (%v), want %+v", st.Stats, err, want)
	}
}

func TestMalformedAttributesAreRefused(t *testing.T) {
	for name, b := range map[string]string{
		"length beyond the end":      "09000100 02000000",
		"length below the header":    "03000100 02000000",
		"octets behind the last one": "06000100 02000000 0600",
		"family too short":           "05000100 02000000",
		"no family":                  "06000200 06000000",
		"no address":                 "06000100 02000000 06000200 06000000",
		"address too short for IPv6": "06000100 0a000000 08000300 0a090064",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := decodeService(unhex(t, b))
			var de *DecodeError
			if !errors.As(err, &de) {
				t.Errorf("error %v, want a *DecodeError", err)
			}
		})
	}
}

func TestErrnoOfAcknowledgements(t *testing.T) {
	const request = "68000000 20000500 01000000 00000000" // only the header comes back
	tests := map[string]struct {
		m     message
		no    int
		words string
	}{
		"success":               {message{typ: nlError, flags: nlCapped, body: unhex(t, "00000000"+request)}, 0, ""},
		"EEXIST":                {message{typ: nlError, flags: nlCapped, body: unhex(t, "efffffff"+request)}, 17, ""},
		"with words":            {message{typ: nlError, flags: nlCapped | nlAckTLVs, body: unhex(t, "eaffffff"+request+"07000100 6e6f0000")}, 22, "no"},
		"end of a dump":         {message{typ: nlDone, body: unhex(t, "00000000")}, 0, ""},
		"end of a broken dump":  {message{typ: nlDone, body: unhex(t, "feffffff")}, 2, ""},
		"words cut off":         {message{typ: nlError, flags: nlAckTLVs, body: unhex(t, "eaffffff 68000000")}, 22, ""},
		"length of all octets":  {message{typ: nlError, flags: nlAckTLVs, body: unhex(t, "eaffffff ffffffff")}, 22, ""},
		"empty end of old dump": {message{typ: nlDone}, 0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			no, words, err := tt.m.errno()
			if err != nil || int(no) != tt.no || words != tt.words {
				t.Errorf("%d %q %v, want %d %q", no, words, err, tt.no, tt.words)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(unhex(f, recordedNewService))
	f.Add(unhex(f, recordedNewDest))
	f.Add(appendMessage(nil, nlError, 0, 1, 0, 0, nil))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		var bad error
		for m := range messages(datagram, &bad) {
			m.errno()
			_, body, err := m.payload()
			if err != nil {
				continue
			}
			decodeDaemon(body)
			decodeTimeouts(body)
			decodeInfo(body)
			if b, err := nest("service", body, attrService); err == nil {
				roundTripService(t, b)
			}
			if b, err := nest("destination", body, attrDestination); err == nil {
				roundTripDestination(t, b)
			}
		}
	})
}

// roundTripService: what Validate accepts survives encoding.
func roundTripService(t *testing.T, b []byte) {
	s, _, err := decodeService(b)
	if err != nil || s.Validate() != nil {
		return
	}
	again, _, err := decodeService(appendService(nil, s))
	if err != nil || again != s {
		t.Errorf("round trip of %+v: %+v, %v", s, again, err)
	}
}

func roundTripDestination(t *testing.T, b []byte) {
	d, _, err := decodeDestination(b, IPv4)
	if err != nil {
		return
	}
	again, _, err := decodeDestination(appendDestination(nil, d), IPv4)
	if err != nil {
		t.Fatalf("own encoding of %+v refused: %v", d, err)
	}
	if d := cmp.Diff(d, again, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); d != "" {
		t.Errorf("round trip (-want +got):\n%s", d)
	}
}
