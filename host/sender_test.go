package host

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
)

// datagram is the beginning of an IP datagram.
func datagram(src string, proto byte) []byte {
	a := netip.MustParseAddr(src)
	if a.Is4() {
		b := append([]byte{0x45, 0xc0, 0, 40, 0, 1, 0, 0, 255, proto, 0, 0}, a.AsSlice()...)
		return append(append(b, 224, 0, 0, 18), make([]byte, 20)...)
	}
	b := append([]byte{0x60, 0, 0, 0, 0, 20, proto, 255}, a.AsSlice()...)
	return append(append(b, netip.MustParseAddr("ff02::12").AsSlice()...), make([]byte, 20)...)
}

// TestOnlyDatagramsOfTheSenderAreTaken: by the kernel's filter and by our own
// look alike.
func TestOnlyDatagramsOfTheSenderAreTaken(t *testing.T) {
	tests := map[string]struct {
		sender string
		b      []byte
		want   bool
	}{
		"an advert":                 {"10.9.0.2", datagram("10.9.0.2", 112), true},
		"one with AH":               {"10.9.0.2", datagram("10.9.0.2", 51), true},
		"another sender":            {"10.9.0.2", datagram("10.9.0.3", 112), false},
		"another protocol":          {"10.9.0.2", datagram("10.9.0.2", 17), false},
		"an IPv6 advert":            {"fe80::2", datagram("fe80::2", 112), true},
		"one of AH over IPv6":       {"fe80::2", datagram("fe80::2", 51), true},
		"another IPv6 sender":       {"fe80::2", datagram("fe80::3", 112), false},
		"one that differs in front": {"fe80::2", datagram("fe81::2", 112), false},
		"another IPv6 protocol":     {"fe80::2", datagram("fe80::2", 58), false},
		"a header cut off":          {"10.9.0.2", datagram("10.9.0.2", 112)[:15], false},
		"an IPv6 header cut off":    {"fe80::2", datagram("fe80::2", 112)[:23], false},
		"nothing":                   {"10.9.0.2", nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := Sender{"eth0", netip.MustParseAddr(tt.sender)}
			if got := s.sent(tt.b); got != tt.want {
				t.Errorf("our look takes it: %v, want %v", got, tt.want)
			}
			program, err := s.filter()
			if err != nil {
				t.Fatal(err)
			}
			list, all := bpf.Disassemble(program)
			vm, err := bpf.NewVM(list)
			if err != nil || !all {
				t.Fatal(err, all)
			}
			n, err := vm.Run(slices.Clone(tt.b))
			if got := err == nil && n > 0; got != tt.want {
				t.Errorf("the filter takes it: %v, want %v", got, tt.want)
			}
		})
	}
}

// FuzzSender: whatever comes, the look does not panic and takes nothing that
// does not carry the address.
func FuzzSender(f *testing.F) {
	for _, s := range []string{"10.9.0.2", "fe80::2"} {
		f.Add(datagram(s, 112), s == "fe80::2")
		f.Add(datagram(s, 51)[:12], s == "fe80::2")
	}
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		s := Sender{"eth0", netip.MustParseAddr("10.9.0.2")}
		if v6 {
			s.Addr = netip.MustParseAddr("fe80::2")
		}
		at := 12
		if v6 {
			at = 8
		}
		if s.sent(b) && !slices.Equal(b[at:at+s.Addr.BitLen()/8], s.Addr.AsSlice()) {
			t.Errorf("%x was taken", b)
		}
	})
}
