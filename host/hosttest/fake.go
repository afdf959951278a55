package hosttest

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"holdfast/host"
)

// Fake is a host.Kernel in memory. Make it with New.
type Fake struct {
	mu       sync.Mutex
	state    host.State
	nextLink int
	order    int
	watchers map[chan struct{}]*watcher

	// Fail, when set, is asked before each operation; an error is its outcome.
	Fail func(host.Op) error
	// FailRead, when set, is asked before each Read.
	FailRead func() error
	reads    int

	sysctls map[string]string
}

// New is a host with a loopback link and nothing else.
func New() *Fake {
	f := &Fake{state: host.NewState(), watchers: map[chan struct{}]*watcher{}, sysctls: map[string]string{"net/ipv4/igmp_link_local_mcast_reports": "1"}}
	f.newSysctls("all")
	f.newSysctls("default")
	f.AddLink(host.Link{Name: "lo", Up: true, Running: true, Loopback: true, MTU: 65536})
	return f
}

// AddLink creates or replaces a link; the fake chooses the index.
func (f *Fake) AddLink(l host.Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, exists := f.state.Links[l.Name]
	if l.Index = old.Index; !exists {
		f.nextLink++
		l.Index = f.nextLink
		f.emit(host.Change{Kind: host.LinkAdded, Link: l})
		f.newSysctls(l.Name)
	}
	f.state.Links[l.Name] = l
	f.usability(old, l)
}

func (f *Fake) usability(old, l host.Link) {
	switch {
	case l.Usable() && !old.Usable():
		f.emit(host.Change{Kind: host.LinkUp, Link: l})
	case !l.Usable() && old.Usable():
		f.emit(host.Change{Kind: host.LinkDown, Link: l})
	}
}

// SetLink takes a link up or down, as "ip link set" does: going down takes its
// IPv6 addresses and the routes through it along.
func (f *Fake) SetLink(name string, up bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.state.Links[name]
	old := l
	l.Up, l.Running = up, up
	f.state.Links[name] = l
	if !up {
		f.dropFrom(name, func(a host.Address) bool { return a.Prefix.Addr().Is6() })
	}
	f.usability(old, l)
	f.carry(l)
}

// DeleteLink removes a link with everything on it.
func (f *Fake) DeleteLink(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deleteLink(name)
}

func (f *Fake) dropFrom(link string, which func(host.Address) bool) {
	for k, a := range f.state.Addresses {
		if k.Link == link && which(a) {
			delete(f.state.Addresses, k)
			f.emit(host.Change{Kind: host.AddressRemoved, Address: a})
		}
	}
	for k, r := range f.state.Routes {
		if r.Link == link {
			delete(f.state.Routes, k)
			f.emit(host.Change{Kind: host.RouteRemoved, Route: r})
		}
	}
}

// Put stores an object as somebody else would, or, with Ours set, as a
// predecessor of ours.
func (f *Fake) Put(objects ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range objects {
		switch o := o.(type) {
		case host.Address:
			f.order++
			o.Order = f.order
			o.Secondary = f.secondary(o)
			f.state.Addresses[o.Key()] = o
			f.emit(host.Change{Kind: host.AddressAdded, Address: o})
		case host.Route:
			f.state.Routes[o.Key()] = o
			f.emit(host.Change{Kind: host.RouteAdded, Route: o})
		case host.Rule:
			f.state.Rules[o.Key()] = o
			f.emit(host.Change{Kind: host.RuleAdded, Rule: o})
		}
	}
}

// Remove deletes an address, route or rule behind everybody's back.
func (f *Fake) Remove(object any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch o := object.(type) {
	case host.Address:
		f.deleteAddress(o.Key())
	case host.Route:
		delete(f.state.Routes, o.Key())
		f.emit(host.Change{Kind: host.RouteRemoved, Route: o})
	case host.Rule:
		delete(f.state.Rules, o.Key())
		f.emit(host.Change{Kind: host.RuleRemoved, Rule: o})
	}
}

// LoseMessages tells watchers that changes were lost.
func (f *Fake) LoseMessages() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.emit(host.Change{Kind: host.Resync})
}

// RemoveSilently deletes an address or a route and tells nobody.
func (f *Fake) RemoveSilently(object any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch o := object.(type) {
	case host.Address:
		delete(f.state.Addresses, o.Key())
	case host.Route:
		delete(f.state.Routes, o.Key())
	}
}

// Reads is how often the host was read so far.
func (f *Fake) Reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// State is a copy of what the fake holds.
func (f *Fake) State() host.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return host.State{Links: maps.Clone(f.state.Links), Addresses: maps.Clone(f.state.Addresses),
		Routes: maps.Clone(f.state.Routes), Rules: maps.Clone(f.state.Rules), Sysctls: map[string]string{}}
}

// Read implements host.Kernel.
func (f *Fake) Read(ctx context.Context) (host.State, error) {
	f.mu.Lock()
	f.reads++
	fail := f.FailRead
	f.mu.Unlock()
	if fail != nil {
		if err := fail(); err != nil {
			return host.NewState(), err
		}
	}
	return f.State(), ctx.Err()
}

// Apply implements host.Kernel.
func (f *Fake) Apply(ctx context.Context, ops []host.Op) []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := make([]error, len(ops))
	for i, op := range ops {
		if err := f.apply(op); err != nil {
			errs[i] = fmt.Errorf("%v: %w", op, err)
		}
	}
	return errs
}

func (f *Fake) apply(op host.Op) error {
	if f.Fail != nil {
		if err := f.Fail(op); err != nil {
			return err
		}
	}
	var err error
	switch {
	case op.Sysctl != nil:
		err = f.setSysctl(*op.Sysctl)
	case op.Link != nil && op.Verb == host.Add:
		err = f.addVirtualLink(*op.Link)
	case op.Link != nil && op.Verb == host.Set:
		err = f.setVirtualLink(*op.Link)
	case op.Link != nil:
		err = f.deleteLink(op.Link.Name)
	case op.Address != nil && op.Verb == host.Add:
		err = f.addAddress(*op.Address)
	case op.Address != nil && op.Verb == host.Set:
		err = f.setLifetimes(*op.Address)
	case op.Address != nil:
		err = f.deleteAddress(op.Address.Key())
	case op.Route != nil && op.Verb == host.Add:
		err = f.addRoute(*op.Route)
	case op.Route != nil:
		err = f.deleteRoute(*op.Route)
	case op.Verb == host.Add:
		err = f.addRule(*op.Rule)
	default:
		err = f.deleteRule(*op.Rule)
	}
	if host.Harmless(op, err) {
		return nil
	}
	return err
}

func (f *Fake) addAddress(a host.Address) error {
	if _, ok := f.state.Links[a.Link]; !ok {
		return syscall.ENODEV
	}
	if _, ok := f.state.Addresses[a.Key()]; ok {
		return syscall.EEXIST
	}
	f.order++
	a.Ours, a.Order, a.Secondary = true, f.order, f.secondary(a)
	f.state.Addresses[a.Key()] = a
	f.emit(host.Change{Kind: host.AddressAdded, Address: a})
	return nil
}

// setLifetimes puts an address that has gone back, as Linux does. Time does not
// take addresses away here.
func (f *Fake) setLifetimes(a host.Address) error {
	have, ok := f.state.Addresses[a.Key()]
	if !ok {
		return f.addAddress(a)
	}
	have.PreferredLft, have.ValidLft = a.PreferredLft, a.ValidLft
	f.state.Addresses[a.Key()] = have
	f.emit(host.Change{Kind: host.AddressAdded, Address: have})
	return nil
}

// secondary: an IPv4 address of a subnet that the link already has.
func (f *Fake) secondary(a host.Address) bool {
	for k, have := range f.state.Addresses {
		if k.Link == a.Link && k != a.Key() && a.Prefix.Addr().Is4() && have.Prefix.Masked() == a.Prefix.Masked() && !have.Secondary {
			return true
		}
	}
	return false
}

// deleteAddress: with a primary IPv4 address go the secondary ones of its
// subnet, and with any address the routes that prefer it as source.
func (f *Fake) deleteAddress(k host.AddressKey) error {
	a, ok := f.state.Addresses[k]
	if !ok {
		return syscall.EADDRNOTAVAIL
	}
	victims := []host.Address{a}
	if a.Prefix.Addr().Is4() && !a.Secondary {
		for _, b := range f.state.Addresses {
			if b.Link == a.Link && b.Secondary && b.Prefix.Masked() == a.Prefix.Masked() {
				victims = append(victims, b)
			}
		}
	}
	for _, v := range victims {
		delete(f.state.Addresses, v.Key())
		f.emit(host.Change{Kind: host.AddressRemoved, Address: v})
		for rk, r := range f.state.Routes {
			if r.Src == v.Prefix.Addr() && !f.owns(r.Src) {
				delete(f.state.Routes, rk)
				f.emit(host.Change{Kind: host.RouteRemoved, Route: r})
			}
		}
	}
	return nil
}

func (f *Fake) owns(addr netip.Addr) bool {
	for k := range f.state.Addresses {
		if k.Prefix.Addr() == addr {
			return true
		}
	}
	return false
}

func (f *Fake) addRoute(r host.Route) error {
	if r.Link != "" {
		switch l, ok := f.state.Links[r.Link]; {
		case !ok:
			return syscall.ENODEV
		case !l.Up:
			return syscall.ENETDOWN
		}
	}
	if r.Src.IsValid() && !f.owns(r.Src) {
		return syscall.EINVAL
	}
	if r.Via.IsValid() && !r.OnLink {
		link, ok := f.reach(r.Via)
		if !ok {
			if r.Via.Is6() {
				return syscall.EHOSTUNREACH
			}
			return syscall.ENETUNREACH
		}
		if r.Link == "" && len(r.Hops) == 0 {
			r.Link = link
		}
	}
	if _, ok := f.state.Routes[r.Key()]; ok && r.Dst.Addr().Is6() {
		return syscall.EEXIST
	}
	r.Ours = true
	f.state.Routes[r.Key()] = r
	f.emit(host.Change{Kind: host.RouteAdded, Route: r})
	return nil
}

// reach finds the link whose subnet, or route without gateway, has addr.
func (f *Fake) reach(addr netip.Addr) (string, bool) {
	for _, k := range slices.SortedFunc(maps.Keys(f.state.Addresses), compareKeys) {
		if f.state.Links[k.Link].Up && f.state.Addresses[k].Prefix.Masked().Contains(addr) {
			return k.Link, true
		}
	}
	for _, r := range f.state.Routes {
		if !r.Via.IsValid() && r.Link != "" && r.Dst.Contains(addr) {
			return r.Link, true
		}
	}
	return "", false
}

func compareKeys(a, b host.AddressKey) int {
	return a.Prefix.Addr().Compare(b.Prefix.Addr())
}

// deleteRoute removes a route with r's key; what r leaves open matches anything.
func (f *Fake) deleteRoute(r host.Route) error {
	have, ok := f.state.Routes[r.Key()]
	if !ok || differs(r.Src, have.Src) || differs(r.MTU, have.MTU) || differs(r.Link, have.Link) {
		return syscall.ESRCH
	}
	delete(f.state.Routes, r.Key())
	f.emit(host.Change{Kind: host.RouteRemoved, Route: have})
	return nil
}

func differs[T comparable](asked, have T) bool {
	var open T
	return asked != open && asked != have
}

func (f *Fake) addRule(r host.Rule) error {
	if _, ok := f.state.Rules[r.Key()]; ok {
		return syscall.EEXIST
	}
	r.Ours = true
	f.state.Rules[r.Key()] = r
	f.emit(host.Change{Kind: host.RuleAdded, Rule: r})
	return nil
}

func (f *Fake) deleteRule(r host.Rule) error {
	have, ok := f.state.Rules[r.Key()]
	if !ok {
		return syscall.ENOENT
	}
	delete(f.state.Rules, r.Key())
	f.emit(host.Change{Kind: host.RuleRemoved, Rule: have})
	return nil
}
