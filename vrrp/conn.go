package vrrp

import (
	"errors"
	"net/netip"
	"time"
)

// Meta is what an IP header says about a datagram, and when and where it came.
// For sending only Src, Dst, TTL and ID count.
type Meta struct {
	Src, Dst netip.Addr
	IfIndex  int
	TTL      uint8
	ID       uint16    // IPv4 identification; 0 when sending: the kernel chooses
	Arrival  time.Time // kernel's receive time; zero when unknown
}

// ErrEmpty says that no datagram waits.
var ErrEmpty = errors.New("no datagram waiting")

// Conn is a raw VRRP socket on one interface, or a simulated one.
//
// Reading never blocks, so that the loop itself empties the queue before it
// looks at its timers: a datagram that arrived first counts first, however
// long the process was not scheduled. Waiting is a separate call for a separate
// goroutine.
type Conn interface {
	// Wait blocks until a datagram may be there or the Conn is closed; then it
	// returns an error.
	Wait() error
	// ReadFrom reads one VRRP PDU. ErrEmpty: none waits. A *PacketError: one
	// was there and was no use. Any other error: the socket is broken.
	ReadFrom(b []byte) (n int, meta Meta, err error)
	// Stale reports that the interface is gone, or is another one of the same
	// name than the socket was opened on: nothing will be heard.
	Stale() bool
	// WriteTo sends one VRRP PDU from meta.Src to meta.Dst.
	WriteTo(b []byte, meta Meta) error
	Close() error
}
