package host

import (
	"net/netip"
	"testing"
)

// The codec's second witness is the kernel: kernel_linux_test.go reads back
// what it wrote. Here only bytes from a stranger are tried.

func FuzzDecodeNetlink(f *testing.F) {
	p := netip.MustParsePrefix
	f.Add(encodeAddress(NewAddress("", p("192.0.2.9/24")), 2))
	f.Add(encodeRoute(Route{Dst: p("2001:db8::/32"), Via: netip.MustParseAddr("fe80::1"), MTU: 1400}, false, 2))
	f.Add(encodeRoute(Route{Dst: p("10.0.0.0/8"),
		Hops: []NextHop{{Via: netip.MustParseAddr("10.0.0.1"), Encap: Encap{Type: EncapIP, ID: 5}}, {Via: netip.MustParseAddr("10.0.0.2")}}}, true, 2))
	f.Add(encodeRule(Rule{From: p("10.0.0.0/8"), Mark: 1, Sport: PortRange{1, 2}, IIf: "eth0", Table: 1000}))
	f.Add([]byte{2, 24, 0, 0, 1, 0, 0, 0, 3, 0, 1, 0}) // attribute shorter than its header
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, index, err := decodeAddress(b); err == nil {
			again, _, err := decodeAddress(encodeAddress(a, index))
			if err != nil || again.Key() != a.Key() {
				t.Errorf("own encoding of %v read back as %v (%v)", a, again, err)
			}
		}
		if r, _, ok, err := decodeRoute(b); err == nil && ok {
			_ = r.String()
		}
		if r, ok, err := decodeRule(b); err == nil && ok {
			_ = r.String()
		}
	})
}

func TestKernelErrorsSayWhatToDo(t *testing.T) {
	a := NewAddress("eth0", netip.MustParsePrefix("192.0.2.100/24"))
	a6 := NewAddress("eth0", netip.MustParsePrefix("2001:db8::1/64"))
	ack := func(errno int32, text string) error {
		b := ne.AppendUint32(nil, uint32(-errno))
		b = append(b, make([]byte, 16)...)
		if text != "" {
			b = appendAttr(b, 1, append([]byte(text), 0))
		}
		return ackError(b)
	}
	for name, tt := range map[string]struct {
		op   Op
		err  error
		want string
	}{
		"not allowed":      {Op{Address: &a}, ack(1, ""), "ip addr add 192.0.2.100/24 dev eth0 scope global: operation not permitted (needs CAP_NET_ADMIN)"},
		"IPv6 is off":      {Op{Address: &a6}, ack(13, ""), "ip addr add 2001:db8::1/64 dev eth0 scope global nodad: permission denied (is net.ipv6.conf.eth0.disable_ipv6 set?)"},
		"the kernel's own": {Op{Verb: Del, Address: &a}, ack(22, "Invalid label."), "ip addr del 192.0.2.100/24 dev eth0: invalid argument (Invalid label)"},
		"already there":    {Op{Address: &a}, ack(17, ""), ""},
		"already gone":     {Op{Verb: Del, Address: &a}, ack(99, ""), ""},
		"no error":         {Op{Address: &a}, ack(0, ""), ""},
		"cut short":        {Op{Address: &a}, ackError([]byte{1}), "ip addr add 192.0.2.100/24 dev eth0 scope global: netlink message is truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := explain(tt.op, tt.err); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
