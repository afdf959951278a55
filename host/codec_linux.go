package host

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// rtnetlink messages for addresses, routes and rules. The library has no field
// for an address's protocol, does not read a rule's action back and keeps its
// decoders to itself, so these are our own; links are read with the library.

var ne = binary.NativeEndian

// Attribute numbers that x/sys does not name (uapi if_addr.h, fib_rules.h).
const (
	ifaProto    = 11
	fraGoto     = 4
	fraPriority = 6
	fraFwmark   = 10
	fraFlow     = 11
	fraTunID    = 12
	fraSupGroup = 13
	fraSupLen   = 14
	fraTable    = 15
	fraFwmask   = 16
	fraOIfName  = 17
	fraL3MDev   = 19
	fraUIDRange = 20
	fraProtocol = 21
	fraIPProto  = 22
	fraSport    = 23
	fraDport    = 24

	ruleInvert = 0x2 // FIB_RULE_INVERT in the header's flags
)

var errTruncated = errors.New("netlink message is truncated")

// appendAttr appends one attribute, padded to four octets.
func appendAttr(b []byte, typ uint16, value []byte) []byte {
	b = ne.AppendUint16(b, uint16(4+len(value)))
	b = ne.AppendUint16(b, typ)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func appendU32(b []byte, typ uint16, v uint32) []byte {
	return appendAttr(b, typ, ne.AppendUint32(nil, v))
}

func appendIP(b []byte, typ uint16, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return appendAttr(b, typ, a.AsSlice())
}

// eachAttr calls f for every attribute in b.
func eachAttr(b []byte, f func(typ uint16, value []byte)) error {
	for len(b) >= 4 {
		n := int(ne.Uint16(b))
		if n < 4 || n > len(b) {
			return errTruncated
		}
		f(ne.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[4:n])
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

func u32(v []byte) uint32 {
	if len(v) < 4 {
		return 0
	}
	return ne.Uint32(v)
}

// ip is the address in v; invalid unless 4 or 16 octets.
func ip(v []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(v)
	return a
}

func familyOf(v6 bool) byte {
	if v6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// encodeAddress is the body of RTM_NEWADDR or RTM_DELADDR.
func encodeAddress(a Address, index int) []byte {
	addr := a.Prefix.Addr()
	b := []byte{familyOf(addr.Is6()), byte(a.Prefix.Bits()), byte(a.Flags), byte(a.Scope)}
	b = ne.AppendUint32(b, uint32(index))
	b = appendIP(b, unix.IFA_LOCAL, addr)
	peer := addr
	if a.Peer.IsValid() {
		peer = a.Peer
	}
	b = appendIP(b, unix.IFA_ADDRESS, peer)
	b = appendIP(b, unix.IFA_BROADCAST, a.Broadcast) // none unless asked: the kernel adds none either
	if a.Label != "" {
		b = appendAttr(b, unix.IFA_LABEL, append([]byte(a.Label), 0))
	}
	b = appendU32(b, unix.IFA_FLAGS, uint32(a.Flags))
	if a.PreferredLft != Forever || a.ValidLft != 0 {
		info := ne.AppendUint32(nil, a.preferred())
		info = ne.AppendUint32(info, a.valid())
		b = appendAttr(b, unix.IFA_CACHEINFO, append(info, make([]byte, 8)...))
	}
	return appendAttr(b, ifaProto, []byte{Mark})
}

// decodeAddress reads RTM_NEWADDR or RTM_DELADDR. Link is left empty: the
// caller knows which name the index has.
func decodeAddress(b []byte) (a Address, index int, err error) {
	if len(b) < 8 {
		return a, 0, errTruncated
	}
	bits, flags := int(b[1]), uint32(b[2])
	a.Scope, index = Scope(b[3]), int(ne.Uint32(b[4:]))
	a.PreferredLft = Forever
	var local, address netip.Addr
	err = eachAttr(b[8:], func(typ uint16, v []byte) {
		switch typ {
		case unix.IFA_LOCAL:
			local = ip(v)
		case unix.IFA_ADDRESS:
			address = ip(v)
		case unix.IFA_BROADCAST:
			a.Broadcast = ip(v)
		case unix.IFA_LABEL:
			a.Label = unix.ByteSliceToString(v)
		case unix.IFA_FLAGS:
			flags = u32(v)
		case unix.IFA_CACHEINFO:
			a.PreferredLft = u32(v)
			if len(v) >= 8 && u32(v[4:]) != Forever {
				a.ValidLft = max(u32(v[4:]), 1) // in its last second the kernel says 0
			}
		case ifaProto:
			a.Ours = len(v) == 1 && v[0] == Mark
		}
	})
	switch { // IPv6 sends IFA_LOCAL only with a peer
	case !local.IsValid():
		local = address
	case address != local:
		a.Peer = address
	}
	a.Prefix = netip.PrefixFrom(local, bits)
	a.Flags = AddressFlags(flags) & settableFlags
	if local.Is6() {
		a.Scope = ScopeGlobal
		a.Tentative = flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0
	} else {
		a.Secondary = flags&unix.IFA_F_SECONDARY != 0
	}
	if err == nil && !a.Prefix.IsValid() {
		err = errTruncated
	}
	return a, index, err
}

// encodeRule is the body of RTM_NEWRULE or RTM_DELRULE.
func encodeRule(r Rule) []byte {
	k := r.Key()
	table := k.Table
	if table > 255 {
		table = unix.RT_TABLE_UNSPEC
	}
	b := []byte{familyOf(k.IPv6), byte(max(0, k.To.Bits())), byte(max(0, k.From.Bits())), k.TOS, byte(table), 0, 0, byte(k.Action)}
	b = ne.AppendUint32(b, uint32(boolInt(k.Not)*ruleInvert))
	if k.To.IsValid() {
		b = appendIP(b, unix.RTA_DST, k.To.Addr())
	}
	if k.From.IsValid() {
		b = appendIP(b, unix.RTA_SRC, k.From.Addr())
	}
	b = appendU32(b, fraPriority, k.Priority)
	if k.IIf != "" {
		b = appendAttr(b, unix.RTA_IIF, append([]byte(k.IIf), 0))
	}
	if k.OIf != "" {
		b = appendAttr(b, fraOIfName, append([]byte(k.OIf), 0))
	}
	if k.Mask != 0 {
		b = appendU32(b, fraFwmark, k.Mark)
		b = appendU32(b, fraFwmask, k.Mask)
	}
	if k.IPProto != 0 {
		b = appendAttr(b, fraIPProto, []byte{k.IPProto})
	}
	b = appendPorts(b, fraSport, k.Sport)
	b = appendPorts(b, fraDport, k.Dport)
	if k.UIDs.Set {
		b = appendAttr(b, fraUIDRange, ne.AppendUint32(ne.AppendUint32(nil, k.UIDs.Value.First), k.UIDs.Value.Last))
	}
	if k.TunnelID != 0 {
		b = appendAttr(b, fraTunID, binary.BigEndian.AppendUint64(nil, k.TunnelID))
	}
	switch k.Action {
	case ToTable:
		b = appendLookup(b, k)
	case Goto:
		b = appendU32(b, fraGoto, k.Goto)
	}
	return appendAttr(b, fraProtocol, []byte{Mark})
}

// appendLookup says which table to ask, and which of its answers to take.
func appendLookup(b []byte, k RuleKey) []byte {
	if k.L3MDev {
		b = appendAttr(b, fraL3MDev, []byte{1}) // beside it no table is allowed
	} else {
		b = appendU32(b, fraTable, k.Table)
	}
	if k.SuppressPrefix.Set {
		b = appendU32(b, fraSupLen, k.SuppressPrefix.Value)
	}
	if k.SuppressGroup.Set {
		b = appendU32(b, fraSupGroup, k.SuppressGroup.Value)
	}
	if k.Realms != 0 {
		b = appendU32(b, fraFlow, k.Realms)
	}
	return b
}

func appendPorts(b []byte, typ uint16, p PortRange) []byte {
	if p == (PortRange{}) {
		return b
	}
	return appendAttr(b, typ, ne.AppendUint16(ne.AppendUint16(nil, p.First), p.Last))
}

// decodeRule reads RTM_NEWRULE or RTM_DELRULE; ok is false for other families.
func decodeRule(b []byte) (r Rule, ok bool, err error) {
	if len(b) < 12 {
		return r, false, errTruncated
	}
	r.IPv6 = b[0] == unix.AF_INET6
	ok = r.IPv6 || b[0] == unix.AF_INET
	r.TOS, r.Table, r.Action, r.Not = b[3], uint32(b[4]), RuleAction(b[7]), ne.Uint32(b[8:])&ruleInvert != 0
	err = eachAttr(b[12:], func(typ uint16, v []byte) {
		switch typ {
		case unix.RTA_DST:
			r.To = netip.PrefixFrom(ip(v), int(b[1]))
		case unix.RTA_SRC:
			r.From = netip.PrefixFrom(ip(v), int(b[2]))
		case unix.RTA_IIF:
			r.IIf = unix.ByteSliceToString(v)
		case fraOIfName:
			r.OIf = unix.ByteSliceToString(v)
		case fraPriority:
			r.Priority = u32(v)
		case fraFwmark:
			r.Mark = u32(v)
		case fraFwmask:
			r.Mask = u32(v)
		case fraTable:
			r.Table = u32(v)
		case fraGoto:
			r.Goto = u32(v)
		case fraIPProto:
			r.IPProto = firstOctet(v)
		case fraSport:
			r.Sport = ports(v)
		case fraDport:
			r.Dport = ports(v)
		case fraUIDRange:
			if len(v) >= 8 {
				r.UIDs = Some(UIDRange{ne.Uint32(v), ne.Uint32(v[4:])})
			}
		case fraTunID:
			r.TunnelID = big64(v)
		case fraL3MDev:
			r.L3MDev = firstOctet(v) != 0
		case fraSupLen:
			r.SuppressPrefix = suppressor(v)
		case fraSupGroup:
			r.SuppressGroup = suppressor(v)
		case fraFlow:
			r.Realms = u32(v)
		case fraProtocol:
			r.Ours = firstOctet(v) == Mark
		}
	})
	if r.Action != ToTable {
		r.Table = 0
	}
	return r, ok, err
}

// suppressor is a limit; the kernel writes -1 for none.
func suppressor(v []byte) Optional[uint32] {
	if n := u32(v); len(v) >= 4 && n != ^uint32(0) {
		return Some(n)
	}
	return Optional[uint32]{}
}

// big64 is a number in network byte order; 0 if it is cut off.
func big64(v []byte) uint64 {
	if len(v) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

func firstOctet(v []byte) byte {
	if len(v) == 0 {
		return 0
	}
	return v[0]
}

func ports(v []byte) PortRange {
	if len(v) < 4 {
		return PortRange{}
	}
	return PortRange{ne.Uint16(v), ne.Uint16(v[2:])}
}
