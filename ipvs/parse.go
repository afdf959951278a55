package ipvs

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A SyntaxError is a line that is no ipvsadm rule.
type SyntaxError struct {
	Line   int // counted from 1
	Text   string
	Reason string
}

// Error says which line and why.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("ipvsadm rules, line %d: %s: %q", e.Line, e.Reason, e.Text)
}

// ParseTable reads what Table.String and `ipvsadm -Sn` print: -A and -a rules,
// one a line, addresses as numbers; empty lines and lines that begin with #
// are skipped. Every service and destination has passed Validate.
func ParseTable(text string) (Table, error) {
	t := Table{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := t.parseRule(line); err != nil {
			return nil, &SyntaxError{Line: n, Text: line, Reason: err.Error()}
		}
	}
	return t, nil
}

// parseRule adds the service or destination of one line to t.
func (t Table) parseRule(line string) error {
	p := ruleParser{words: strings.Fields(line)}
	if err := p.parse(); err != nil {
		return err
	}
	s := p.service
	if p.add {
		s = s.Normal()
		if err := s.Validate(); err != nil {
			return err
		}
		if _, ok := t[s.Key]; ok {
			return fmt.Errorf("service %v is there twice", s.Key)
		}
		t.AddService(s)
		return nil
	}
	d := p.dest.Normal()
	if err := d.Validate(s.Key); err != nil {
		return err
	}
	pool, ok := t[s.Key]
	if !ok {
		return fmt.Errorf("service %v was not added before", s.Key)
	}
	if _, ok := pool.Destinations[d.Addr]; ok {
		return fmt.Errorf("destination %v is there twice", d.Addr)
	}
	pool.Destinations[d.Addr] = d
	return nil
}

// ruleParser reads the options of one rule.
type ruleParser struct {
	words   []string
	add     bool // -A, else -a
	service Service
	dest    Destination
	err     error
}

// parse reads the options in any order, as ipvsadm does.
func (p *ruleParser) parse() error {
	switch first := p.next(); first {
	case "-A":
		p.add = true
	case "-a":
	default:
		return fmt.Errorf("begins with %q, not with -A or -a", first)
	}
	for len(p.words) > 0 && p.err == nil {
		option := p.next()
		if !p.serviceOption(option) && (p.add || !p.destOption(option)) {
			return fmt.Errorf("unknown option %s", option)
		}
	}
	if p.err == nil && p.service.Key.IsFWMark() && p.service.Key.Family == 0 {
		p.service.Key.Family = IPv4
	}
	return p.err
}

// serviceOption reads an option that selects or describes the service.
func (p *ruleParser) serviceOption(option string) bool {
	s := &p.service
	protocols := map[string]Protocol{"-t": TCP, "-u": UDP, "--sctp-service": SCTP}
	switch option {
	case "-t", "-u", "--sctp-service":
		s.Key = AddressKey(protocols[option], p.addrPort())
		return true
	case "-f":
		s.Key.FWMark = p.number(32)
		return true
	case "-6":
		s.Key.Family = IPv6
		return true
	}
	if !p.add {
		return false
	}
	switch option {
	case "-s":
		s.Scheduler = Scheduler(p.next())
	case "-p":
		s.PersistenceTimeout = time.Duration(p.number(31)) * time.Second
		s.Flags |= FlagPersistent
	case "-M":
		s.Netmask = p.netmask()
	case "--pe":
		s.Engine = p.next()
	case "-o":
		s.Flags |= FlagOnePacket
	case "-b":
		for name := range strings.SplitSeq(p.next(), ",") {
			s.Flags |= p.schedFlag(name)
		}
	default:
		return false
	}
	return true
}

// destOption reads an option that describes the destination.
func (p *ruleParser) destOption(option string) bool {
	d := &p.dest
	switch option {
	case "-r":
		d.Addr = p.addrPort()
	case "-m":
		d.Method = Masq
	case "-i":
		d.Method = Tunnel
	case "-g":
		d.Method = DirectRoute
	case "-w":
		d.Weight = p.number(32)
	case "-x":
		d.UpperThreshold = p.number(32)
	case "-y":
		d.LowerThreshold = p.number(32)
	case "--tun-type":
		d.Tunnel.Type = p.tunnelType()
	case "--tun-port":
		d.Tunnel.Port = uint16(p.number(16))
	case "--tun-nocsum":
		d.Tunnel.Flags = TunnelNoChecksum
	case "--tun-csum":
		d.Tunnel.Flags = TunnelChecksum
	case "--tun-remcsum":
		d.Tunnel.Flags = TunnelRemoteChecksum
	default:
		return false
	}
	return true
}

// next is the next word; "" after the last, which is a mistake noted.
func (p *ruleParser) next() string {
	if len(p.words) == 0 {
		p.fail("ends too early")
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

// fail keeps the first error.
func (p *ruleParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *ruleParser) number(bits int) uint32 {
	w := p.next()
	n, err := strconv.ParseUint(w, 10, bits)
	if err != nil {
		p.fail("%q is no number of up to %d bits", w, bits)
	}
	return uint32(n)
}

// addrPort reads ADDRESS:PORT, with brackets around an IPv6 address. Names and
// services are not looked up: a saved table has numbers (ipvsadm -Sn).
func (p *ruleParser) addrPort() netip.AddrPort {
	w := p.next()
	a, err := netip.ParseAddrPort(w)
	if err != nil {
		p.fail("%q is not ADDRESS:PORT", w)
	}
	return a
}

// netmask reads 255.255.255.0 or a prefix length.
func (p *ruleParser) netmask() Netmask {
	w := p.next()
	if a, err := netip.ParseAddr(w); err == nil && a.Is4() {
		b := a.As4()
		return Netmask(b[0])<<24 | Netmask(b[1])<<16 | Netmask(b[2])<<8 | Netmask(b[3])
	}
	n, err := strconv.ParseUint(w, 10, 8)
	if err != nil {
		p.fail("%q is neither an IPv4 mask nor a prefix length", w)
	}
	return Netmask(n)
}

// schedFlag reads the word of one scheduler flag, under any of the names that
// it has with sh, with mh and with others.
func (p *ruleParser) schedFlag(name string) Flags {
	for _, words := range schedFlagNames {
		for i, w := range words {
			if w == name {
				return FlagSched1 << i
			}
		}
	}
	p.fail("unknown scheduler flag %q", name)
	return 0
}

func (p *ruleParser) tunnelType() TunnelType {
	w := p.next()
	for _, t := range []TunnelType{IPIP, GUE, GRE} {
		if t.String() == w {
			return t
		}
	}
	p.fail("tunnel type %q is none of ipip, gue, gre", w)
	return 0
}
