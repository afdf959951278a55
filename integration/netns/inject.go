package netns

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"syscall"
)

// errRefused is what a probed host says when nobody listens.
const errRefused = syscall.ECONNREFUSED

// Packet is an IPv4 packet of protocol 112 that need not be right.
type Packet struct {
	Src, Dst netip.Addr
	TTL      uint8
	VRRP     []byte
}

// AdvertV2 is a right version 2 advert with PASS authentication, to be spoilt.
func AdvertV2(vrid, priority, interval uint8, password string, vips ...netip.Addr) []byte {
	b := []byte{0x21, vrid, priority, byte(len(vips)), 1, interval, 0, 0}
	for _, v := range vips {
		b = append(b, v.AsSlice()...)
	}
	var auth [8]byte
	copy(auth[:], password)
	return SumV2(append(b, auth[:]...))
}

// SumV2 puts the version 2 checksum into an advert: of its own octets alone
// (RFC 3768 section 5.3.8).
func SumV2(b []byte) []byte {
	b[6], b[7] = 0, 0
	binary.BigEndian.PutUint16(b[6:], internetSum(b))
	return b
}

// SumV3 puts the version 3 checksum into an advert: a pseudo header of
// addresses, protocol and length comes first (RFC 5798 section 5.2.8).
func SumV3(b []byte, src, dst netip.Addr) []byte {
	b[6], b[7] = 0, 0
	pseudo := append(append(src.AsSlice(), dst.AsSlice()...), 0, protoVRRP, 0, 0)
	binary.BigEndian.PutUint16(pseudo[len(pseudo)-2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[6:], internetSum(append(pseudo, b...)))
	return b
}

func internetSum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// Injector sends packets from a host with headers of our making.
type Injector struct {
	fd   int
	host *Host
}

// Injector opens a raw socket on the host.
func (h *Host) Injector() *Injector {
	h.lab.t.Helper()
	type result struct {
		fd  int
		err error
	}
	opened := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends in the wrong namespace
		fd := -1
		err := enter(h.NS)
		if err == nil {
			fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.IPPROTO_RAW)
		}
		if err == nil {
			err = syscall.BindToDevice(fd, "eth0")
		}
		opened <- result{fd, err}
	}()
	r := <-opened
	if r.err != nil {
		h.lab.t.Fatalf("open raw socket on %s: %v", h.Name, r.err)
	}
	h.lab.root.Cleanup(func() { syscall.Close(r.fd) })
	return &Injector{r.fd, h}
}

// Send sends one packet.
func (i *Injector) Send(p Packet) {
	i.host.lab.t.Helper()
	header := []byte{0x45, 0xc0, 0, 0, 0, 1, 0, 0, p.TTL, protoVRRP, 0, 0}
	header = append(append(header, p.Src.AsSlice()...), p.Dst.AsSlice()...)
	packet := append(header, p.VRRP...)
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	to := syscall.SockaddrInet4{Addr: p.Dst.As4()}
	if err := syscall.Sendto(i.fd, packet, 0, &to); err != nil {
		i.host.lab.t.Fatalf("send to %v: %v", p.Dst, err)
	}
}

// Replay sends an advert that was captured once more, octet for octet.
func (i *Injector) Replay(a Advert) {
	i.host.lab.t.Helper()
	to := syscall.SockaddrInet4{Addr: a.Dst.As4()}
	if err := syscall.Sendto(i.fd, a.Packet, 0, &to); err != nil {
		i.host.lab.t.Fatalf("replay to %v: %v", a.Dst, err)
	}
}
