package ipvs

import (
	"math"
	"net/netip"
)

// Params is what a virtual server machine has to know: a virtual_server after
// everything was inherited, checked and expanded.
type Params struct {
	Name    string       // as in log lines: [10.9.0.100]:tcp:80, FWM 7, [GROUP]:0
	Keys    []ServiceKey // one, or each member of the virtual_server_group
	Service Service      // the same for all keys; its Key is not used
	Servers []Server
	Sorry   *Server // nil: none
	// Quorum is the weight that must be alive, Hysteresis how far the weight
	// must pass it in either direction. Keywords quorum and hysteresis.
	Quorum, Hysteresis uint64
	Omega              bool // tell notify scripts about stopping
	// InitNotify tells notify scripts of servers that are up from the start.
	// Keyword rs_init_notifies.
	InitNotify bool
}

// ServerKey identifies a real server in its virtual server, across reloads:
// address and port as configured.
type ServerKey = netip.AddrPort

// Server is a real server, or the sorry server.
type Server struct {
	Key            ServerKey
	Name           string // as in log lines: [10.9.0.11]:tcp:80
	Method         ForwardingMethod
	Tunnel         TunnelOptions
	Weight         int64 // configured
	UpperThreshold uint32
	LowerThreshold uint32
	Inhibit        bool // failing sets weight 0 instead of removing it
	// Checkers names the health checks, in any form that stays the same across
	// a reload that does not change them. A server without checks is up.
	Checkers []Check
}

// Check names one health check of a real server.
type Check struct {
	ID    string
	Alpha bool // down until it succeeds
}

// destination is s in the service k with the weight w. Only NAT changes ports.
func (s *Server) destination(k ServiceKey, w uint32) Destination {
	port := k.Addr.Port()
	if s.Method == Masq && (s.Key.Port() != 0 || k.IsFWMark()) {
		port = s.Key.Port()
	}
	return Destination{
		Addr: netip.AddrPortFrom(s.Key.Addr(), port), Method: s.Method, Tunnel: s.Tunnel, Weight: w,
		UpperThreshold: s.UpperThreshold, LowerThreshold: s.LowerThreshold,
	}.Normal()
}

// clampWeight is what the kernel can hold of a weight that a check computed.
func clampWeight(w int64) uint32 { return uint32(min(max(w, 0), math.MaxInt32)) }
