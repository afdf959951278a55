package nft

import (
	"encoding/binary"
	"testing"
)

// message is a notification as the kernel sends it: family, then attributes.
func message(family byte, attrs ...[]byte) []byte {
	b := []byte{family, 0, 0, 9}
	for _, a := range attrs {
		b = append(b, a...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	return b
}

func attr(typ uint16, value string) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	return append(binary.NativeEndian.AppendUint16(b, typ), value...)
}

func TestWhichTableAMessageIsAbout(t *testing.T) {
	const newRule, newElement = 10<<8 | 6, 10<<8 | 12
	for name, tt := range map[string]struct {
		typ  uint16
		b    []byte
		want string // "" for none
	}{
		"a rule of IPv4":              {newRule, message(2, attr(1, "keepalived\x00"), attr(2, "in\x00")), "ip keepalived"},
		"an element of IPv6":          {newElement, message(10, attr(2, "vips\x00"), attr(1, "t\x00")), "ip6 t"},
		"a nested flag is no type":    {newRule, message(2, attr(1|0x8000, "t\x00")), "ip t"},
		"without a final NUL":         {newRule, message(2, attr(1, "t")), "ip t"},
		"a new generation":            {10<<8 | 15, message(2, attr(1, "\x00\x00\x00\x05")), ""},
		"another subsystem":           {1 << 8, message(2, attr(1, "t\x00")), ""},
		"no name":                     {newRule, message(2, attr(2, "t\x00")), ""},
		"an empty name":               {newRule, message(2, attr(1, "\x00")), ""},
		"cut off in the header":       {newRule, []byte{2, 0, 0}, ""},
		"cut off in an attribute":     {newRule, message(2, attr(1, "keepalived"))[:10], ""},
		"an attribute without length": {newRule, message(2, []byte{0, 0, 1, 0}), ""},
		"nothing":                     {newRule, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			k, ok := decodeChange(tt.typ, tt.b)
			got := ""
			if ok {
				got = k.String()
			}
			if got != tt.want {
				t.Errorf("about %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzChange(f *testing.F) {
	f.Add(uint16(10<<8), message(2, attr(1, "keepalived\x00"), attr(2, "in\x00")))
	f.Add(uint16(10<<8|12), message(10, attr(2, "vips\x00"), attr(1, "t\x00")))
	f.Add(uint16(10<<8), []byte{2, 0, 0, 0, 5, 0, 2, 0, 1})
	f.Fuzz(func(t *testing.T, typ uint16, b []byte) {
		k, ok := decodeChange(typ, b)
		if ok && (k.Name == "" || len(k.Name) > len(b)) {
			t.Errorf("%x: table %q", b, k.Name)
		}
	})
}

func FuzzElementText(f *testing.F) {
	f.Add(uint32(IPv6Addr), uint32(IfIndex), "\xfe\x80\x00\x00", "x")
	f.Fuzz(func(_ *testing.T, a, b uint32, key, value string) {
		s := Set{Name: "s", Key: []Type{Type(a), Type(b)}, Value: IfIndex, Elements: map[string]string{key: value}}
		s.elementText(key, nil)
		s.sorted()
	})
}
