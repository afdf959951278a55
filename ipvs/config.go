package ipvs

import (
	"net/netip"
	"time"

	"holdfast/kconf"
)

// Config is everything about virtual servers in a configuration, in order.
type Config struct {
	VirtualServers []*VirtualServerConfig
	Groups         []*GroupConfig
}

// Inherited are settings that checks take from their real server, and those
// from their virtual server. nil: not written.
type Inherited struct {
	DelayLoop, ConnectTimeout, DelayBeforeRetry, Warmup *time.Duration
	Retry                                               *uint32
	Alpha, SMTPAlert                                    *bool
	VirtualHost, SNMPName                               string

	DelayLoopPos, ConnectTimeoutPos kconf.Pos // where they are written
}

// Method is the argument of lvs_method.
type Method struct {
	Forward ForwardingMethod
	Tunnel  TunnelOptions
}

// VirtualServerConfig is a virtual_server block. Complete fills in what was
// not written.
type VirtualServerConfig struct {
	Pos      kconf.Pos
	Addr     netip.AddrPort // the service's address, unless FWMark or Group say what
	FWMark   uint32
	Group    string
	Family   Family   // 0: not written
	Protocol Protocol // 0: not written

	Scheduler          Scheduler
	Flags              Flags
	Method             *Method
	PersistenceTimeout time.Duration
	Netmask            Netmask
	maskFamily         Family // what Netmask was written for; 0: not written
	Engine             string

	Inherited
	Weight               int64
	Quorum, Hysteresis   uint32
	QuorumUp, QuorumDown *kconf.Script
	Omega, HASuspend     bool
	Inhibit              bool
	RealServers          []*RealServerConfig
	Sorry                *RealServerConfig
	At                   Places
	members              []ServiceKey                 // after Complete
	groupIndex           int                          // among those that use the group
	written              map[netip.AddrPort]kconf.Pos // real servers as they are written, until Complete
}

// Places are where the keywords of a virtual_server stand that are compared with
// others. A keyword that is not written has none.
type Places struct {
	FWMark, Family, Protocol, Scheduler, Method  kconf.Pos
	PersistenceTimeout, Granularity, Engine, OPS kconf.Pos
	HASuspend, Quorum, Hysteresis, Weight        kconf.Pos
	SorryServer, SorryInhibit                    kconf.Pos
}

// RealServerConfig is a real_server block, or a sorry_server line.
type RealServerConfig struct {
	Pos         kconf.Pos
	Addr        netip.AddrPort // Complete gives it the port that it has in the table
	WrittenPort uint16         // 0: none
	hasPort     bool
	Method      *Method
	Weight      *int64
	Inhibit     *bool
	Inherited
	UpperThreshold, LowerThreshold uint32
	NotifyUp, NotifyDown           *kconf.Script
	// Checks are the health checks in their order, as the rows that CheckKeyword
	// made have decoded them.
	Checks []any

	WeightPos, MethodPos, UpperThresholdPos, LowerThresholdPos kconf.Pos // where they are written
}

// Keys are the services of the virtual server, after Complete.
func (v *VirtualServerConfig) Keys() []ServiceKey { return v.members }

// Name is the virtual server as keepalived writes it: [10.9.0.100]:tcp:80,
// FWM 7, [GROUP]:0.
func (v *VirtualServerConfig) Name() string {
	switch {
	case v.Group != "":
		return "[" + v.Group + "]:" + itoa(v.groupIndex)
	case v.FWMark != 0:
		return FWMarkKey(IPv4, v.FWMark).Name()
	}
	return ServerName(v.Protocol, v.Addr)
}

// ServerName is a real server of v as keepalived writes it.
func (v *VirtualServerConfig) ServerName(r *RealServerConfig) string {
	return ServerName(v.Protocol, r.Addr)
}

// Params is what the machine of v has to know, after Complete. The owner adds
// the names of the checks.
func (v *VirtualServerConfig) Params() Params {
	p := Params{Name: v.Name(), Keys: v.members, Quorum: uint64(v.Quorum), Hysteresis: uint64(v.Hysteresis), Omega: v.Omega,
		Service: Service{Scheduler: v.Scheduler, Flags: v.Flags, PersistenceTimeout: v.PersistenceTimeout, Netmask: v.Netmask, Engine: v.Engine}}
	for _, r := range v.RealServers {
		p.Servers = append(p.Servers, v.server(r))
	}
	if v.Sorry != nil {
		s := v.server(v.Sorry)
		p.Sorry = &s
	}
	return p
}

func (v *VirtualServerConfig) server(r *RealServerConfig) Server {
	return Server{Key: r.Addr, Name: v.ServerName(r), Method: r.Method.Forward, Tunnel: r.Method.Tunnel, Weight: *r.Weight,
		UpperThreshold: r.UpperThreshold, LowerThreshold: r.LowerThreshold, Inhibit: *r.Inhibit}
}
