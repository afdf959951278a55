package host

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"
)

// Sender is whoever sends VRRP datagrams with a source address on a link. A raw
// IP socket does not tell which machine that is; its MAC does.
type Sender struct {
	Link string
	Addr netip.Addr
}

// IP protocols of adverts: plain, and behind an authentication header.
const (
	protocolVRRP = 112
	protocolAH   = 51
)

// filter lets only datagrams of s through, so that nothing else on a busy link
// costs a wake-up. It reads from the network header on.
func (s Sender) filter() ([]bpf.RawInstruction, error) {
	proto, src := uint32(9), uint32(12) // offsets in an IPv4 header
	words := s.Addr.AsSlice()
	if s.Addr.Is6() {
		proto, src = 6, 8
	}
	n := len(words) / 4
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: proto, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolVRRP, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protocolAH, SkipTrue: uint8(2*n + 1)},
	}
	for i := range n {
		program = append(program, bpf.LoadAbsolute{Off: src + uint32(4*i), Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(words[4*i:]), SkipTrue: uint8(2*(n-1-i) + 1)})
	}
	program = append(program, bpf.RetConstant{Val: 64}, bpf.RetConstant{Val: 0})
	return bpf.Assemble(program)
}

// sent reports whether an IP datagram is one of s: what came before the filter
// was in place was not asked.
func (s Sender) sent(b []byte) bool {
	version, size, proto, src := byte(4), 20, 9, 12
	if s.Addr.Is6() {
		version, size, proto, src = 6, 40, 6, 8
	}
	if len(b) < size || b[0]>>4 != version || b[proto] != protocolVRRP && b[proto] != protocolAH {
		return false
	}
	from, _ := netip.AddrFromSlice(b[src : src+s.Addr.BitLen()/8])
	return from == s.Addr
}
