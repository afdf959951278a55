package nft

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Family is the protocol family of a table (NFPROTO_*).
type Family uint8

// The families that we make tables of. Values are the kernel's.
const (
	IPv4 Family = 2  // ip
	IPv6 Family = 10 // ip6
)

// String is the family's name in nft(8).
func (f Family) String() string {
	switch f {
	case IPv4:
		return "ip"
	case IPv6:
		return "ip6"
	}
	return "family" + strconv.Itoa(int(f))
}

// Key identifies a table.
type Key struct {
	Family Family
	Name   string
}

// String is the table as commands of nft(8) name it.
func (k Key) String() string { return k.Family.String() + " " + k.Name }

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Family, b.Family), strings.Compare(a.Name, b.Name))
}

// Table is one table with everything in it. It has one owner: whoever asks for
// it gets it with this content and no other.
type Table struct {
	Key
	Sets   []Set // nft(8) lists them in the order of their making
	Chains []Chain

	// Strange is filled in by Kernel.Read: what is in the table and can be none of
	// ours, such as a flowtable or a set of ranges. Such a table is made anew.
	Strange string
}

// Type is a data type of set keys and values. The numbers are those of nft(8),
// which needs them to print what a set holds; the kernel does not care.
type Type uint32

// The types in use.
const (
	IPv4Addr    Type = 7
	IPv6Addr    Type = 8
	InetService Type = 13
	Mark        Type = 19
	IfIndex     Type = 20
	ICMPv6Type  Type = 29
	IfName      Type = 41
)

// types says of each Type its name, its octets, and how many elements nft(8)
// prints on a line.
var types = map[Type]struct {
	name    string
	octets  int
	perLine int
}{
	IPv4Addr: {"ipv4_addr", 4, 2}, IPv6Addr: {"ipv6_addr", 16, 1}, IfIndex: {"iface_index", 4, 5},
	ICMPv6Type: {"icmpv6_type", 1, 1}, IfName: {"ifname", 16, 1}, InetService: {"inet_service", 2, 1}, Mark: {"mark", 4, 1},
}

// Set is a named set, or a map when it has a Value.
type Set struct {
	Name     string
	Key      []Type // more than one: a concatenation
	Value    Type   // of a map; 0: a set
	Constant bool   // its elements never change
	Elements map[string]string
}

// The elements are what the kernel holds: keys by their octets, each part of a
// concatenation filled up to a multiple of four, and values, "" in a set. The
// functions below make them.

// AddrKey is an IPv4 or IPv6 address.
func AddrKey(a netip.Addr) string { return string(a.AsSlice()) }

// IndexKey is an interface by its index, which the kernel keeps in the order of
// the machine.
func IndexKey(index int) string {
	return string(binary.NativeEndian.AppendUint32(nil, uint32(index)))
}

// NameKey is an interface by its name, at most 15 octets.
func NameKey(name string) string {
	var b [16]byte
	copy(b[:15], name)
	return string(b[:])
}

// part is one piece of a key, and its place.
type part struct {
	typ    Type
	octets string
}

// parts takes a key apart. A key that is too short gives fewer.
func (s *Set) parts(key string) []part {
	var list []part
	for _, t := range s.Key {
		n := types[t].octets
		if n == 0 || len(key) < n {
			break
		}
		list = append(list, part{t, key[:n]})
		key = key[min(len(key), (n+3)/4*4):]
	}
	return list
}

// text is the part as nft(8) prints it. names are those of interfaces, by
// index; nft takes the bare index as well.
func (p part) text(names map[int]string) string {
	switch p.typ {
	case IPv4Addr, IPv6Addr:
		a, _ := netip.AddrFromSlice([]byte(p.octets))
		return a.String()
	case IfIndex:
		index := int(binary.NativeEndian.Uint32([]byte(p.octets)))
		if name, ok := names[index]; ok {
			return strconv.Quote(name)
		}
		return strconv.Itoa(index)
	case InetService:
		return strconv.Itoa(int(binary.BigEndian.Uint16([]byte(p.octets))))
	case Mark:
		return fmt.Sprintf("0x%08x", binary.NativeEndian.Uint32([]byte(p.octets)))
	case IfName:
		return strconv.Quote(string(bytes.TrimRight([]byte(p.octets), "\x00")))
	case ICMPv6Type:
		return icmpv6Name(p.octets[0])
	}
	return "?"
}

// elementText is one element, with its value if it has one.
func (s *Set) elementText(key string, names map[int]string) string {
	var words []string
	for _, p := range s.parts(key) {
		words = append(words, p.text(names))
	}
	text := strings.Join(words, " . ")
	if value := s.Elements[key]; s.Value != 0 && len(value) >= types[s.Value].octets {
		text += " : " + part{s.Value, value}.text(names)
	}
	return text
}

// Hook is where the kernel calls a chain (NF_INET_*).
type Hook uint8

// The hooks in use. The zero value is a chain that only other chains call; the
// others are the kernel's numbers plus one.
const (
	NoHook     Hook = 0
	InputHook  Hook = 2
	OutputHook Hook = 4
)

// String is the hook's name in nft(8).
func (h Hook) String() string {
	switch h {
	case InputHook:
		return "input"
	case OutputHook:
		return "output"
	}
	return "hook" + strconv.Itoa(int(h)-1)
}

// Chain is a list of rules. One with a Hook is of type filter and accepts what
// its rules let through.
type Chain struct {
	Name     string
	Hook     Hook
	Priority int32 // of a chain with a Hook: lower ones come first, 0 is the usual filter
	Rules    []Rule
}
