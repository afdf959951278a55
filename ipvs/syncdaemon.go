package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"
)

// SyncState is what a connection synchronisation daemon does.
type SyncState uint32

const (
	SyncMaster SyncState = 1 // sends its connections
	SyncBackup SyncState = 2 // receives them
)

// String is the word that ipvsadm uses.
func (s SyncState) String() string {
	switch s {
	case SyncMaster:
		return "master"
	case SyncBackup:
		return "backup"
	}
	return fmt.Sprintf("state(%d)", uint32(s))
}

// SyncDaemon is a connection synchronisation daemon in the kernel. There is at
// most one of each state in a network namespace. Zero values of the optional
// fields leave the choice to the kernel. Keyword lvs_sync_daemon.
type SyncDaemon struct {
	State     SyncState
	Interface string     // required, up to 15 characters
	SyncID    uint32     // 0..255; both sides need the same. Default 0
	MaxLen    uint16     // octets of a datagram, 1..65507. Default: from the MTU
	Group     netip.Addr // multicast, IPv4 or IPv6. Default 224.0.0.81
	Port      uint16     // UDP. Default 8848
	TTL       uint8      // hops. Default 1
}

// String prints the daemon as `ipvsadm -L --daemon` does.
func (d SyncDaemon) String() string {
	return fmt.Sprintf("%v sync daemon (mcast=%s, syncid=%d, maxlen=%d, group=%v, port=%d, ttl=%d)",
		d.State, d.Interface, d.SyncID, d.MaxLen, d.Group, d.Port, d.TTL)
}

// Validate reports the first thing that is wrong with d, or nil. The kernel
// accepts any sync id and silently cuts lengths.
func (d SyncDaemon) Validate() error {
	bad := func(format string, args ...any) error {
		return &InvalidError{Object: d.State.String() + " sync daemon", Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case d.State != SyncMaster && d.State != SyncBackup:
		return bad("neither master nor backup")
	case d.Interface == "" || len(d.Interface) > longestName:
		return bad("interface %q: wants 1 to %d characters", d.Interface, longestName)
	case d.SyncID > 255:
		return bad("sync id %d: must be 0-255", d.SyncID)
	case d.MaxLen > 65507:
		return bad("maxlen %d: must be 1-65507", d.MaxLen)
	case d.Group.IsValid() && !d.Group.IsMulticast():
		return bad("group %v: not a multicast address", d.Group)
	}
	return nil
}

const (
	daemonState     = 1
	daemonInterface = 2
	daemonSyncID    = 3
	daemonMaxLen    = 4
	daemonGroup     = 5
	daemonGroup6    = 6
	daemonPort      = 7
	daemonTTL       = 8
)

// appendDaemon adds what is set; absent attributes get the kernel's defaults.
func appendDaemon(b []byte, d SyncDaemon) []byte {
	b = appendU32(b, daemonState, uint32(d.State))
	b = appendString(b, daemonInterface, d.Interface)
	b = appendU32(b, daemonSyncID, d.SyncID)
	if d.MaxLen != 0 {
		b = appendU16(b, daemonMaxLen, d.MaxLen)
	}
	switch {
	case d.Group.Is4():
		b = appendAttr(b, daemonGroup, d.Group.AsSlice())
	case d.Group.Is6():
		b = appendAttr(b, daemonGroup6, d.Group.AsSlice())
	}
	if d.Port != 0 {
		b = appendU16(b, daemonPort, d.Port) // host order, unlike every other port
	}
	if d.TTL != 0 {
		b = appendU8(b, daemonTTL, d.TTL)
	}
	return b
}

func decodeDaemon(b []byte) (SyncDaemon, error) {
	var (
		r reader
		d SyncDaemon
	)
	a := attrs("sync daemon", b)
	for a.next() {
		typ, v := a.typ, a.v
		switch typ {
		case daemonState:
			d.State = SyncState(r.u32("sync state", v))
		case daemonInterface:
			d.Interface = text(v)
		case daemonSyncID:
			d.SyncID = r.u32("sync id", v)
		case daemonMaxLen:
			d.MaxLen = r.u16("sync maxlen", v)
		case daemonGroup:
			if r.want("sync group", v, 4) {
				d.Group = netip.AddrFrom4([4]byte(v[:4]))
			}
		case daemonGroup6:
			if r.want("sync group", v, 16) {
				d.Group = netip.AddrFrom16([16]byte(v[:16]))
			}
		case daemonPort:
			d.Port = r.u16("sync port", v)
		case daemonTTL:
			d.TTL = r.u8("sync ttl", v)
		}
	}
	return d, cmp.Or(a.err, r.err)
}

// Timeouts are how long ip_vs remembers a silent connection, in whole seconds;
// 0 in a command leaves a value as it is. Kernel defaults 15min, 2min, 5min.
// Keyword lvs_timeouts.
type Timeouts struct {
	TCP    time.Duration // established
	TCPFin time.Duration // after a FIN
	UDP    time.Duration
}

// Validate refuses fractions of seconds, negative values and more than 31
// days, keepalived's limit.
func (t Timeouts) Validate() error {
	for _, d := range []time.Duration{t.TCP, t.TCPFin, t.UDP} {
		if d < 0 || d > MaxPersistence || d%time.Second != 0 {
			return &InvalidError{Object: "timeouts", Reason: fmt.Sprintf("%v: wants whole seconds up to 31 days", d)}
		}
	}
	return nil
}

// String prints the timeouts as `ipvsadm -L --timeout` does.
func (t Timeouts) String() string {
	return fmt.Sprintf("Timeout (tcp tcpfin udp): %d %d %d", t.TCP/time.Second, t.TCPFin/time.Second, t.UDP/time.Second)
}

// appendTimeouts adds all three values: 0 means to the kernel what it means to us.
func appendTimeouts(b []byte, t Timeouts) []byte {
	b = appendU32(b, attrTimeoutTCP, uint32(t.TCP/time.Second))
	b = appendU32(b, attrTimeoutTCPFin, uint32(t.TCPFin/time.Second))
	return appendU32(b, attrTimeoutUDP, uint32(t.UDP/time.Second))
}

func decodeTimeouts(b []byte) (Timeouts, error) {
	var (
		r reader
		t Timeouts
	)
	a := attrs("timeouts", b)
	for a.next() {
		typ, v := a.typ, a.v
		seconds := time.Duration(r.u32("timeout", v)) * time.Second
		switch typ {
		case attrTimeoutTCP:
			t.TCP = seconds
		case attrTimeoutTCPFin:
			t.TCPFin = seconds
		case attrTimeoutUDP:
			t.UDP = seconds
		}
	}
	return t, cmp.Or(a.err, r.err)
}

// Info is what the kernel says about its ip_vs.
type Info struct {
	Major, Minor, Patch uint8
	ConnTableSize       uint32 // hash buckets
}

// String prints the header line of `ipvsadm -L`.
func (i Info) String() string {
	return fmt.Sprintf("IP Virtual Server version %d.%d.%d (size=%d)", i.Major, i.Minor, i.Patch, i.ConnTableSize)
}

// decodeInfo reads version and size of the connection table.
func decodeInfo(b []byte) (Info, error) {
	var (
		r reader
		i Info
	)
	a := attrs("info", b)
	for a.next() {
		typ, v := a.typ, a.v
		switch typ { // this reply numbers its attributes for itself
		case 1:
			n := r.u32("version", v)
			i.Major, i.Minor, i.Patch = uint8(n>>16), uint8(n>>8), uint8(n)
		case 2:
			i.ConnTableSize = r.u32("table size", v)
		}
	}
	return i, cmp.Or(a.err, r.err)
}
