package ipvs

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The words on this page are those of ipvsadm(8) 1.31: what -Sn prints, -R
// reads back and an administrator may type.

// Keys are the services in the order in which ipvsadm lists them.
func (t Table) Keys() []ServiceKey {
	return slices.SortedFunc(maps.Keys(t), ServiceKey.Compare)
}

// DestinationKeys are the destinations of p by address and port.
func (p Pool) DestinationKeys() []DestinationKey {
	return slices.SortedFunc(maps.Keys(p.Destinations), netip.AddrPort.Compare)
}

// String prints the table as `ipvsadm -Sn` does, one rule a line. Unlike
// ipvsadm it does not forget the thresholds.
func (t Table) String() string {
	var b strings.Builder
	for _, k := range t.Keys() {
		p := t[k]
		fmt.Fprintf(&b, "-A %s\n", p.Service)
		for _, dk := range p.DestinationKeys() {
			fmt.Fprintf(&b, "-a %s -r %s\n", k, p.Destinations[dk])
		}
	}
	return b.String()
}

// String prints the options that select the service: -t 10.9.0.100:80, -f 8 -6.
func (k ServiceKey) String() string {
	if k.IsFWMark() {
		text := fmt.Sprintf("-f %d", k.FWMark)
		if k.Family == IPv6 {
			text += " -6"
		}
		return text
	}
	option := map[Protocol]string{TCP: "-t", UDP: "-u", SCTP: "--sctp-service"}[k.Protocol]
	if option == "" {
		option = "-" + k.Protocol.String() // no such option: Validate refuses the key
	}
	return option + " " + k.Addr.String()
}

// String prints the options that describe the service: -t 10.9.0.100:80 -s wrr.
func (s Service) String() string {
	s = s.Normal()
	var b strings.Builder
	fmt.Fprintf(&b, "%s -s %s", s.Key, s.Scheduler)
	if s.Flags&FlagPersistent != 0 {
		fmt.Fprintf(&b, " -p %d", s.PersistenceTimeout/time.Second)
		if s.Netmask != HostMask(s.Key.Family) {
			fmt.Fprintf(&b, " -M %s", s.Netmask.text(s.Key.Family))
		}
	}
	if s.Engine != "" {
		b.WriteString(" --pe " + s.Engine)
	}
	if s.Flags&FlagOnePacket != 0 {
		b.WriteString(" -o")
	}
	if names := s.schedFlags(); len(names) > 0 {
		b.WriteString(" -b " + strings.Join(names, ","))
	}
	return b.String()
}

// text prints an IPv4 mask with dots, an IPv6 prefix length as a number.
func (m Netmask) text(f Family) string {
	if f == IPv6 {
		return fmt.Sprint(uint32(m))
	}
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String()
}

// schedFlagNames are the words of -b, by scheduler. Schedulers that give the
// flags no meaning have numbers.
var schedFlagNames = map[Scheduler][3]string{
	"sh": {"sh-fallback", "sh-port", "flag-3"},
	"mh": {"mh-fallback", "mh-port", "flag-3"},
	"":   {"flag-1", "flag-2", "flag-3"},
}

// schedFlags are the words of the scheduler's flags; sh and mh have their own.
func (s Service) schedFlags() []string {
	words, ok := schedFlagNames[s.Scheduler]
	if !ok {
		words = schedFlagNames[""]
	}
	var names []string
	for i, f := range []Flags{FlagSched1, FlagSched2, FlagSched3} {
		if s.Flags&f != 0 {
			names = append(names, words[i])
		}
	}
	return names
}

// String prints the options that describe the destination: 10.9.0.11:80 -m -w 3.
func (d Destination) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %s -w %d", d.Addr, d.Method.option(), d.Weight)
	if d.Method == Tunnel {
		b.WriteString(d.Tunnel.options())
	}
	if d.UpperThreshold != 0 {
		fmt.Fprintf(&b, " -x %d", d.UpperThreshold)
	}
	if d.LowerThreshold != 0 {
		fmt.Fprintf(&b, " -y %d", d.LowerThreshold)
	}
	return b.String()
}

func (m ForwardingMethod) option() string {
	switch m {
	case Tunnel:
		return "-i"
	case DirectRoute:
		return "-g"
	case Masq:
		return "-m"
	}
	return "--" + m.String() // Local and Bypass belong to the kernel
}

func (o TunnelOptions) options() string {
	text := " --tun-type " + o.Type.String()
	if o.Port != 0 {
		text += fmt.Sprintf(" --tun-port %d", o.Port)
	}
	if o.Type == IPIP {
		return text
	}
	return text + [...]string{" --tun-nocsum", " --tun-csum", " --tun-remcsum"}[min(o.Flags, TunnelRemoteChecksum)]
}
