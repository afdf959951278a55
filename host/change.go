package host

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// ChangeKind says what happened to the host's network configuration.
type ChangeKind uint8

const (
	LinkAdded ChangeKind = iota + 1
	LinkDeleted
	LinkRenamed // Old is the former name
	LinkUp      // up and with carrier now
	LinkDown    // one of the two is gone
	LinkChanged // MAC, MTU, parent or master
	AddressAdded
	AddressRemoved
	RouteAdded
	RouteRemoved
	RuleAdded
	RuleRemoved
	Resync // changes were lost: everything must be read again
)

var changeNames = [...]string{LinkAdded: "link-added", LinkDeleted: "link-deleted", LinkRenamed: "link-renamed",
	LinkUp: "link-up", LinkDown: "link-down", LinkChanged: "link-changed", AddressAdded: "address-added",
	AddressRemoved: "address-removed", RouteAdded: "route-added", RouteRemoved: "route-removed",
	RuleAdded: "rule-added", RuleRemoved: "rule-removed", Resync: "resync"}

// String is the word for logs.
func (k ChangeKind) String() string {
	if int(k) < len(changeNames) && changeNames[k] != "" {
		return changeNames[k]
	}
	return fmt.Sprintf("change-%d", uint8(k))
}

// Change is one thing that happened, with the object it happened to.
type Change struct {
	Kind    ChangeKind
	Link    Link    // Link*
	Old     string  // LinkRenamed
	Address Address // Address*
	Route   Route   // Route*
	Rule    Rule    // Rule*
}

// String is the change in one line.
func (c Change) String() string {
	switch c.Kind {
	case LinkRenamed:
		return fmt.Sprintf("%v %s to %s", c.Kind, c.Old, c.Link.Name)
	case LinkAdded, LinkDeleted, LinkUp, LinkDown, LinkChanged:
		return fmt.Sprintf("%v %s", c.Kind, c.Link.Name)
	case AddressAdded, AddressRemoved:
		return fmt.Sprintf("%v %v dev %s", c.Kind, c.Address.Prefix, c.Address.Link)
	case RouteAdded, RouteRemoved:
		return fmt.Sprintf("%v %v", c.Kind, c.Route)
	case RuleAdded, RuleRemoved:
		return fmt.Sprintf("%v %v", c.Kind, c.Rule)
	}
	return c.Kind.String()
}

// LinkTable remembers links by index and turns the kernel's "here is the link
// as it is now" into what changed. The zero value knows no link.
type LinkTable struct{ byIndex map[int]Link }

// Update takes the present form of a link and returns what is new about it.
func (t *LinkTable) Update(l Link) []Change {
	if t.byIndex == nil {
		t.byIndex = map[int]Link{}
	}
	old, known := t.byIndex[l.Index]
	t.byIndex[l.Index] = l
	var out []Change
	switch {
	case !known:
		out = append(out, Change{Kind: LinkAdded, Link: l})
	case old.Name != l.Name:
		out = append(out, Change{Kind: LinkRenamed, Link: l, Old: old.Name})
	}
	switch {
	case l.Usable() && !old.Usable():
		out = append(out, Change{Kind: LinkUp, Link: l})
	case !l.Usable() && old.Usable():
		out = append(out, Change{Kind: LinkDown, Link: l})
	}
	if known && (old.MAC != l.MAC || old.MTU != l.MTU || old.Parent != l.Parent || old.Master != l.Master) {
		out = append(out, Change{Kind: LinkChanged, Link: l})
	}
	return out
}

// Delete forgets the link with that index.
func (t *LinkTable) Delete(index int) []Change {
	l, known := t.byIndex[index]
	if !known {
		return nil
	}
	delete(t.byIndex, index)
	var out []Change
	if l.Usable() {
		l.Up, l.Running = false, false
		out = append(out, Change{Kind: LinkDown, Link: l})
	}
	return append(out, Change{Kind: LinkDeleted, Link: l})
}

// Replace takes a complete list, as after lost messages, and returns what
// changed since the last one known.
func (t *LinkTable) Replace(links []Link) []Change {
	var out []Change
	present := map[int]bool{}
	for _, l := range links {
		present[l.Index] = true
	}
	var gone []int
	for index := range t.byIndex {
		if !present[index] {
			gone = append(gone, index)
		}
	}
	slices.Sort(gone)
	for _, index := range gone {
		out = append(out, t.Delete(index)...)
	}
	for _, l := range links {
		out = append(out, t.Update(l)...)
	}
	return out
}

// ByIndex finds a link; one that is not known has an empty name.
func (t *LinkTable) ByIndex(index int) Link { return t.byIndex[index] }

// LinkByIndex finds a link of s.
func (s State) LinkByIndex(index int) (Link, bool) {
	for _, l := range s.Links {
		if l.Index == index {
			return l, true
		}
	}
	return Link{}, false
}

// AddressesOf lists the addresses of a link in the kernel's order, IPv4 first.
func (s State) AddressesOf(link string) []Address {
	var list []Address
	for k, a := range s.Addresses {
		if k.Link == link {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b Address) int {
		return cmp.Or(cmp.Compare(boolInt(a.Prefix.Addr().Is6()), boolInt(b.Prefix.Addr().Is6())), cmp.Compare(a.Order, b.Order),
			compareAddressKeys(a.Key(), b.Key()))
	})
	return list
}

// PrimaryIPv4 is the address that adverts of a virtual router on link come
// from when none is configured: the first one that is neither secondary nor a
// configured virtual address, then the first secondary one.
func (s State) PrimaryIPv4(link string, virtual func(netip.Addr) bool) (netip.Addr, bool) {
	var fallback netip.Addr
	for _, a := range s.AddressesOf(link) {
		switch addr := a.Prefix.Addr(); {
		case !addr.Is4() || virtual(addr):
		case !a.Secondary:
			return addr, true
		case !fallback.IsValid():
			fallback = addr
		}
	}
	return fallback, fallback.IsValid()
}

// LinkLocal is the first IPv6 link-local address of link that is not virtual
// and not tentative: the source of IPv6 adverts.
func (s State) LinkLocal(link string, virtual func(netip.Addr) bool) (netip.Addr, bool) {
	for _, a := range s.AddressesOf(link) {
		if addr := a.Prefix.Addr(); addr.Is6() && addr.IsLinkLocalUnicast() && !virtual(addr) && !a.Tentative {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// Source reports whether addr is on any link, and whether it can be sent from:
// an IPv6 address cannot before duplicate address detection has passed it.
func (s State) Source(addr netip.Addr) (there, usable bool) {
	for k, a := range s.Addresses {
		if k.Prefix.Addr() == addr {
			there, usable = true, usable || !a.Tentative
		}
	}
	return there, usable
}

// Tentative reports whether link has an IPv6 link-local address that is not
// virtual and cannot be used: LinkLocal has passed it over.
func (s State) Tentative(link string, virtual func(netip.Addr) bool) bool {
	return slices.ContainsFunc(s.AddressesOf(link), func(a Address) bool {
		addr := a.Prefix.Addr()
		return a.Tentative && addr.IsLinkLocalUnicast() && !virtual(addr)
	})
}

// Base is the link that l sends through on the same broadcast domain: the one
// below a macvlan or ipvlan, else l itself.
func (s State) Base(l Link) Link {
	for range s.Links { // no further down than there are links
		lower, ok := s.LinkByIndex(l.Parent)
		if !ok || l.Kind != "macvlan" && l.Kind != "macvtap" && l.Kind != "ipvlan" && l.Kind != "ipvtap" {
			break
		}
		l = lower
	}
	return l
}
