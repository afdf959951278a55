package ipvs

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// modelKernel is ip_vs as the property tests know it: a second opinion beside
// the fake of ipvstest, written from ipvsadm(8) and what Linux 6.1 answered.
// It refuses what the kernel refuses, and it remembers who was born when:
// connections live on a service and on a destination and die with them.
type modelKernel struct {
	services map[ServiceKey]*modelService
	births   int
	watch    func() // called after each command that was done
}

type modelService struct {
	Service
	born  int
	dests map[DestinationKey]*modelDest
}

type modelDest struct {
	Destination
	born int
}

// load makes a kernel that carries t.
func loadModel(t Table) *modelKernel {
	m := &modelKernel{services: map[ServiceKey]*modelService{}}
	for k, p := range t {
		s := p.Service
		s.Key = k
		m.must(Op{Verb: AddService, Service: s})
		for a, d := range p.Destinations {
			d.Addr = a
			m.must(Op{Verb: AddDestination, Service: s, Destination: d})
		}
	}
	return m
}

func (m *modelKernel) must(op Op) {
	if no := m.apply(op); no != 0 {
		panic(fmt.Sprintf("%v: %v", op, no))
	}
}

// apply does one command or says why not.
func (m *modelKernel) apply(op Op) syscall.Errno {
	no := m.try(op)
	if no == 0 && m.watch != nil {
		m.watch()
	}
	return no
}

func (m *modelKernel) try(op Op) syscall.Errno {
	k := op.Service.Key
	s := m.services[k]
	switch op.Verb {
	case AddService, EditService:
		no := refusesService(op.Service)
		switch {
		case no != 0 && no != syscall.ENOENT:
			return no
		case op.Verb == AddService && s != nil:
			return syscall.EEXIST
		case op.Verb == EditService && s == nil:
			return syscall.ESRCH
		case no != 0: // the scheduler is looked for last
			return no
		}
		if s == nil {
			m.births++
			s = &modelService{born: m.births, dests: map[DestinationKey]*modelDest{}}
			m.services[k] = s
		}
		s.Service = carried(op.Service)
		return 0
	}
	if s == nil {
		return syscall.ESRCH
	}
	if op.Verb == DeleteService {
		delete(m.services, k)
		return 0
	}
	return m.tryDestination(s, op)
}

func (m *modelKernel) tryDestination(s *modelService, op Op) syscall.Errno {
	a := op.Destination.Addr
	d := s.dests[a]
	if op.Verb != DeleteDestination {
		if no := refusesDestination(s.Key, op.Destination); no != 0 {
			return no
		}
	}
	switch {
	case op.Verb == AddDestination && d != nil:
		return syscall.EEXIST
	case op.Verb != AddDestination && d == nil:
		return syscall.ENOENT
	case op.Verb == DeleteDestination:
		delete(s.dests, a)
		return 0
	case d == nil:
		m.births++
		d = &modelDest{born: m.births}
		s.dests[a] = d
	}
	d.Destination = carriedDest(op.Destination)
	return 0
}

func refusesService(s Service) syscall.Errno {
	switch k := s.Key; {
	case k.Family != 2 && k.Family != 10:
		return syscall.EAFNOSUPPORT
	case k.Family == 10 && (s.Netmask < 1 || s.Netmask > 128):
		return syscall.EINVAL
	case len(s.Scheduler) > 15:
		return syscall.EINVAL
	case s.Scheduler == "" || !slices.Contains(Schedulers, s.Scheduler):
		return syscall.ENOENT
	}
	return 0
}

func refusesDestination(k ServiceKey, d Destination) syscall.Errno {
	switch {
	case d.Addr.Addr().Is4() != (k.Family == 2) && d.Method != 2:
		return syscall.EINVAL
	case d.Weight > 1<<31-1, d.LowerThreshold > d.UpperThreshold:
		return syscall.ERANGE
	case d.UpperThreshold > 1<<31-1:
		return syscall.EINVAL
	case d.Method == 2 && d.Tunnel.Type == 1 && d.Tunnel.Port == 0:
		return syscall.EINVAL
	}
	return 0
}

// carried is what a service looks like when it is read back. Without the flag
// of persistence (1) its settings mean nothing, and no mask is the host's.
func carried(s Service) Service {
	s.Flags &= 1 | 4 | 8 | 0x10 | 0x20
	if s.Flags&1 == 0 {
		s.PersistenceTimeout, s.Netmask, s.Engine = 0, 0, ""
	}
	if s.Netmask == 0 && s.Key.Family == 10 {
		s.Netmask = 128
	} else if s.Netmask == 0 {
		s.Netmask = 0xffffffff
	}
	return s
}

// carriedDest is the same for a destination: only a tunnel (2) has its options.
func carriedDest(d Destination) Destination {
	if d.Method != 2 {
		d.Tunnel = TunnelOptions{}
	}
	return d
}

// table is what can be read.
func (m *modelKernel) table() Table {
	t := Table{}
	for k, s := range m.services {
		p := Pool{Service: s.Service, Destinations: map[DestinationKey]Destination{}}
		for a, d := range s.dests {
			p.Destinations[a] = d.Destination
		}
		t[k] = p
	}
	return t
}

// carriedTable is t as it can be read when a kernel carries it.
func carriedTable(t Table) Table {
	out := Table{}
	for k, p := range t {
		s := p.Service
		s.Key = k
		c := Pool{Service: carried(s), Destinations: map[DestinationKey]Destination{}}
		for a, d := range p.Destinations {
			d.Addr = a
			c.Destinations[a] = carriedDest(d)
		}
		out[k] = c
	}
	return out
}

// large is a table of so many services with so many servers each.
func large(services, servers int) Table {
	t := make(Table, services)
	for i := range services {
		k := AddressKey(TCP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 8, byte(i >> 8), byte(i)}), 80))
		p := Pool{Service: Service{Key: k, Scheduler: "wrr"}.Normal(), Destinations: make(map[DestinationKey]Destination, servers)}
		for j := range servers {
			a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(j), byte(i)}), 80)
			p.Destinations[a] = Destination{Addr: a, Weight: uint32(j + 1)}
		}
		t[k] = p
	}
	return t
}
