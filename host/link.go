package host

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// LinkMark begins the alias of every link that we made; the name of the virtual
// router follows. A link that has it and is not wanted is removed.
const LinkMark = "holdfast "

// Kinds and modes of links that virtual routers make for themselves.
const (
	MACVLAN = "macvlan"
	IPVLAN  = "ipvlan"
	Private = "private" // nothing passes between such links on one parent
)

// VirtualLink is a link that a virtual router wants for itself, on top of
// another one. It is made down, gets its sysctls, then the rest and goes up.
type VirtualLink struct {
	Name   string
	Kind   string           // MACVLAN or IPVLAN
	Mode   string           // Private; for IPVLAN also bridge or vepa
	Parent string           // name of the link it lies on
	MAC    MAC              // zero for IPVLAN, which has that of its parent
	Group  Optional[uint32] // link group; not set: that of the parent
	Alias  string           // begins with LinkMark
	Notify bool             // let the kernel tell of the parent once more when it is made

	Master string // filled in by Plan: the VRF of the parent, "" for none
}

// String is the part of "ip link add" that describes l.
func (l VirtualLink) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "link %s name %s", l.Parent, l.Name)
	if l.MAC != (MAC{}) {
		fmt.Fprintf(&b, " address %v", l.MAC)
	}
	if l.Group.Set && l.Group.Value != 0 {
		fmt.Fprintf(&b, " group %d", l.Group.Value)
	}
	fmt.Fprintf(&b, " type %s mode ", l.Kind)
	if l.Kind == IPVLAN {
		b.WriteString("l2 ")
	}
	b.WriteString(l.Mode)
	return b.String()
}

// settings is the rest, as "ip link set" takes it.
func (l VirtualLink) settings() string {
	s := "dev " + l.Name + " alias " + strconv.Quote(l.Alias)
	if l.Group.Set {
		s += fmt.Sprintf(" group %d", l.Group.Value)
	}
	if l.Master != "" {
		s += " master " + l.Master
	}
	return s + " addrgenmode none up"
}

// VirtualMAC is the address of the virtual router with this number
// (RFC 9568 section 7.3).
func VirtualMAC(vrid uint8, ipv6 bool) MAC {
	family := byte(1)
	if ipv6 {
		family = 2
	}
	return MAC{0x00, 0x00, 0x5e, 0x00, family, vrid}
}

// Ours reports whether a predecessor or we have made l.
func (l Link) Ours() bool { return strings.HasPrefix(l.Alias, LinkMark) }

// Fits reports whether l is what w asks for, whoever has made it: a link is
// made anew for any other difference. parent is the index of w's.
func (l Link) Fits(w VirtualLink, parent int) bool {
	return l.Kind == w.Kind && l.Mode == w.Mode && l.Parent == parent && (w.Kind == IPVLAN || l.MAC == w.MAC)
}

// replaceable reports whether l may be deleted to make room for a link of its
// name: it is ours, or carries the address of a virtual router and is of the
// kind that keepalived makes.
func (l Link) replaceable() bool {
	of := VirtualMAC(l.MAC[5], l.MAC[4] == 2)
	return l.Ours() || l.Kind == MACVLAN && l.Mode == Private && l.MAC == of
}

// linkPlan is what to do about links, by the time at which it has to be done.
type linkPlan struct {
	before []Op // deletions that make room, then additions
	set    []Op // once their sysctls are right
	after  []Op // deletions when nothing is on them any more
}

// planLinks: what was made in the pass before is set up in this one.
func planLinks(desired Desired, actual State) linkPlan {
	var p linkPlan
	var adds []Op
	gone := map[string]bool{}
	var left []Link // ours, and not wanted
	for _, l := range sortedLinks(actual.Links) {
		if _, wanted := desired.Links[l.Name]; !wanted && l.Ours() {
			left = append(left, l)
		}
	}
	del := func(l Link) Op {
		gone[l.Name] = true
		return Op{Verb: Del, Link: &VirtualLink{Name: l.Name, Kind: l.Kind, Alias: l.Alias}}
	}
	for _, name := range slices.Sorted(maps.Keys(desired.Links)) {
		w := desired.Links[name]
		parent, here := actual.Links[w.Parent]
		if !here { // Waiting tells
			adds = append(adds, Op{Verb: Add, Link: &w})
			continue
		}
		have, exists := actual.Links[name]
		switch {
		case exists && have.Fits(w, parent.Index):
			if w.Master = actual.vrfOf(parent); !actual.settled(w, have) {
				p.set = append(p.set, Op{Verb: Set, Link: &w})
			}
			continue
		case exists && have.replaceable():
			p.before = append(p.before, del(have))
		}
		if !w.Group.Set {
			w.Group = Some(parent.Group)
		}
		adds = append(adds, Op{Verb: Add, Link: &w})
		for _, l := range left { // in its way: the kernel takes an address once on a parent
			if w.Kind == MACVLAN && l.Parent == parent.Index && l.MAC == w.MAC && !gone[l.Name] {
				p.before = append(p.before, del(l))
			}
		}
	}
	p.before = append(p.before, adds...)
	for _, l := range left {
		if !gone[l.Name] {
			p.after = append(p.after, del(l))
		}
	}
	return p
}

// settled reports whether have needs no setting.
func (s State) settled(w VirtualLink, have Link) bool {
	group := !w.Group.Set || w.Group.Value == have.Group
	return group && have.Up && have.Alias == w.Alias && s.vrfOf(have) == w.Master
}

// vrfOf is the name of the VRF that l belongs to.
func (s State) vrfOf(l Link) string {
	if l.Master == 0 {
		return ""
	}
	if m, ok := s.LinkByIndex(l.Master); ok && m.Table != 0 {
		return m.Name
	}
	return ""
}

func sortedLinks(links map[string]Link) []Link {
	return slices.SortedFunc(maps.Values(links), func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
}
