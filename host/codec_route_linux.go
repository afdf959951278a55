package host

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Attribute numbers of routes that x/sys does not name (uapi lwtunnel.h,
// mpls_iptunnel.h, ila.h).
const (
	rtaExpires      = 23
	rtaTTLPropagate = 26

	encapID    = 1 // ip, ip6; of mpls the labels, of ila the locator
	encapDst   = 2
	encapSrc   = 3
	encapTTL   = 4 // hop limit of ip6
	encapTOS   = 5 // traffic class of ip6
	encapFlags = 6

	featureECN = 1 // RTAX_FEATURE_ECN
)

// encodeRoute is the body of RTM_NEWROUTE or RTM_DELROUTE. links are the indexes
// of r.Link and of the links of its hops; a hop without one uses the first. A
// deletion that names no scope matches any (RT_SCOPE_NOWHERE).
func encodeRoute(r Route, del bool, links ...int) []byte {
	k := r.Key()
	v6 := k.Dst.Addr().Is6()
	scope := byte(r.Scope)
	if del {
		scope = byte(ScopeNowhere)
	}
	table := k.Table
	if table > 255 {
		table = unix.RT_TABLE_UNSPEC
	}
	b := []byte{familyOf(v6), byte(k.Dst.Bits()), byte(max(0, k.From.Bits())), r.TOS, byte(table), Mark, scope, byte(k.Type)}
	flags := uint32(0)
	if r.OnLink && len(r.Hops) == 0 {
		flags = unix.RTNH_F_ONLINK
	}
	b = ne.AppendUint32(b, flags)
	if k.Dst.Bits() > 0 {
		b = appendIP(b, unix.RTA_DST, k.Dst.Addr())
	}
	if k.From.IsValid() {
		b = appendIP(b, unix.RTA_SRC, k.From.Addr())
	}
	b = appendU32(b, unix.RTA_TABLE, k.Table)
	b = appendWays(b, r, links)
	b = appendIP(b, unix.RTA_PREFSRC, r.Src)
	if r.Metric != 0 {
		b = appendU32(b, unix.RTA_PRIORITY, r.Metric)
	}
	if m := encodeMetrics(r); len(m) > 0 {
		b = appendAttr(b, unix.RTA_METRICS, m)
	}
	if r.Realms != 0 {
		b = appendU32(b, unix.RTA_FLOW, r.Realms)
	}
	if r.Pref != 0 {
		b = appendAttr(b, unix.RTA_PREF, []byte{r.Pref})
	}
	if r.Expires != 0 {
		b = appendU32(b, rtaExpires, r.Expires)
	}
	if r.TTLPropagate.Set {
		b = appendAttr(b, rtaTTLPropagate, []byte{byte(boolInt(r.TTLPropagate.Value))})
	}
	return b
}

// appendWays says where packets go: one way, or several that share them.
func appendWays(b []byte, r Route, links []int) []byte {
	index := func(i int) int {
		if i < len(links) && links[i] != 0 {
			return links[i]
		}
		if len(links) > 0 {
			return links[0]
		}
		return 0
	}
	if len(r.Hops) == 0 {
		b = appendEncap(b, r.Encap)
		b = appendIP(b, unix.RTA_GATEWAY, r.Via)
		if i := index(0); i != 0 {
			b = appendU32(b, unix.RTA_OIF, uint32(i))
		}
		return b
	}
	var hops []byte
	for i, h := range r.Hops {
		attrs := appendEncap(appendIP(nil, unix.RTA_GATEWAY, h.Via), h.Encap)
		if h.Realms != 0 {
			attrs = appendU32(attrs, unix.RTA_FLOW, h.Realms)
		}
		onlink := h.OnLink || r.OnLink
		hops = ne.AppendUint16(hops, uint16(8+len(attrs)))
		hops = append(hops, byte(boolInt(onlink)*unix.RTNH_F_ONLINK), byte(max(h.Weight, 1)-1))
		hops = append(ne.AppendUint32(hops, uint32(index(i+1))), attrs...)
	}
	return appendAttr(b, unix.RTA_MULTIPATH, hops)
}

// encodeMetrics are the attributes inside RTA_METRICS, by their numbers.
func encodeMetrics(r Route) (b []byte) {
	m := r.Metrics
	if m.Lock != 0 {
		b = appendU32(b, unix.RTAX_LOCK, m.Lock)
	}
	ecn, quick, cookie := uint32(boolInt(m.ECN)*featureECN), uint32(boolInt(m.QuickAck)), uint32(boolInt(m.FastOpenNoCookie))
	numbers := m.numbers(r.MTU)
	numbers[unix.RTAX_FEATURES], numbers[unix.RTAX_QUICKACK], numbers[unix.RTAX_FASTOPEN_NO_COOKIE] = &ecn, &quick, &cookie
	for typ := range unix.RTAX_FASTOPEN_NO_COOKIE + 1 {
		if v := numbers[typ]; v != nil && *v != 0 {
			b = appendU32(b, uint16(typ), *v)
		}
	}
	if m.CongCtl != "" {
		b = appendAttr(b, unix.RTAX_CC_ALGO, append([]byte(m.CongCtl), 0))
	}
	return b
}

// decodeMetrics reads what is inside RTA_METRICS.
func decodeMetrics(r *Route, b []byte) {
	m := &r.Metrics
	numbers := m.numbers(0)
	numbers[unix.RTAX_MTU] = &r.MTU
	eachAttr(b, func(typ uint16, v []byte) {
		switch typ {
		case unix.RTAX_LOCK:
			m.Lock = u32(v)
		case unix.RTAX_FEATURES:
			m.ECN = u32(v)&featureECN != 0
		case unix.RTAX_QUICKACK:
			m.QuickAck = u32(v) != 0
		case unix.RTAX_FASTOPEN_NO_COOKIE:
			m.FastOpenNoCookie = u32(v) != 0
		case unix.RTAX_CC_ALGO:
			m.CongCtl = unix.ByteSliceToString(v)
		default:
			if field := numbers[int(typ)]; field != nil {
				*field = u32(v)
			}
		}
	})
}

// numbers are the plain metrics by their number.
func (m *Metrics) numbers(mtu uint32) map[int]*uint32 {
	return map[int]*uint32{unix.RTAX_MTU: &mtu, unix.RTAX_WINDOW: &m.Window, unix.RTAX_RTT: &m.RTT, unix.RTAX_RTTVAR: &m.RTTVar,
		unix.RTAX_SSTHRESH: &m.SSThresh, unix.RTAX_CWND: &m.CWnd, unix.RTAX_ADVMSS: &m.AdvMSS, unix.RTAX_REORDERING: &m.Reordering,
		unix.RTAX_HOPLIMIT: &m.HopLimit, unix.RTAX_INITCWND: &m.InitCWnd, unix.RTAX_RTO_MIN: &m.RTOMin, unix.RTAX_INITRWND: &m.InitRWnd}
}

// appendEncap adds RTA_ENCAP_TYPE and RTA_ENCAP.
func appendEncap(b []byte, e Encap) []byte {
	if e.Type == 0 {
		return b
	}
	big := binary.BigEndian
	var in []byte
	switch e.Type {
	case EncapMPLS:
		in = appendAttr(in, encapID, labelStack(e.Labels))
	case EncapILA:
		in = appendAttr(in, encapID, big.AppendUint64(nil, e.Locator))
	default:
		if e.ID != 0 {
			in = appendAttr(in, encapID, big.AppendUint64(nil, e.ID))
		}
		in = appendIP(in, encapDst, e.Dst)
		in = appendIP(in, encapSrc, e.Src)
		if e.TTL != 0 {
			in = appendAttr(in, encapTTL, []byte{e.TTL})
		}
		if e.TOS != 0 {
			in = appendAttr(in, encapTOS, []byte{e.TOS})
		}
		if e.Flags != 0 {
			in = appendAttr(in, encapFlags, big.AppendUint16(nil, e.Flags))
		}
	}
	b = appendAttr(b, unix.RTA_ENCAP_TYPE, ne.AppendUint16(nil, uint16(e.Type)))
	return appendAttr(b, unix.RTA_ENCAP|unix.NLA_F_NESTED, in)
}

// labelStack is 100/200 as MPLS has it on the wire (RFC 3032 section 2.1).
func labelStack(text string) (b []byte) {
	labels := strings.Split(text, "/")
	for i, l := range labels {
		n, _ := strconv.ParseUint(l, 10, 20)
		b = binary.BigEndian.AppendUint32(b, uint32(n)<<12|uint32(boolInt(i == len(labels)-1))<<8)
	}
	return b
}

// decodeEncap reads RTA_ENCAP of a type that is known by then, or not at all:
// the kernel writes the type behind it.
func decodeEncap(typ EncapType, b []byte) Encap {
	e := Encap{Type: typ}
	eachAttr(b, func(attr uint16, v []byte) {
		switch {
		case typ == EncapMPLS && attr == encapID:
			var labels []string
			for ; len(v) >= 4; v = v[4:] {
				labels = append(labels, strconv.FormatUint(uint64(binary.BigEndian.Uint32(v)>>12), 10))
			}
			e.Labels = strings.Join(labels, "/")
		case typ == EncapILA && attr == encapID:
			e.Locator = big64(v)
		case typ != EncapIP && typ != EncapIP6:
		case attr == encapID:
			e.ID = big64(v)
		case attr == encapDst:
			e.Dst = anyIP(v)
		case attr == encapSrc:
			e.Src = anyIP(v)
		case attr == encapTTL:
			e.TTL = firstOctet(v)
		case attr == encapTOS:
			e.TOS = firstOctet(v)
		case attr == encapFlags && len(v) >= 2:
			e.Flags = binary.BigEndian.Uint16(v)
		}
	})
	return e
}

// anyIP is ip without the all-zero address, which means none here.
func anyIP(v []byte) netip.Addr {
	if a := ip(v); !a.IsUnspecified() {
		return a
	}
	return netip.Addr{}
}

// way is what the attributes of a route and of a hop have in common.
type way struct {
	via    netip.Addr
	realms uint32
	typ    EncapType
	encap  []byte
}

func (w *way) take(typ uint16, v []byte) {
	switch typ {
	case unix.RTA_GATEWAY:
		w.via = ip(v)
	case unix.RTA_FLOW:
		w.realms = u32(v)
	case unix.RTA_ENCAP_TYPE:
		if len(v) >= 2 {
			w.typ = EncapType(ne.Uint16(v))
		}
	case unix.RTA_ENCAP:
		w.encap = v
	}
}

func (w *way) tunnel() Encap {
	if w.typ == 0 {
		return Encap{}
	}
	return decodeEncap(w.typ, w.encap)
}

// decodeRoute reads RTM_NEWROUTE or RTM_DELROUTE. links are the indexes of r.Link
// and of the links of its hops, whose names the caller knows, see nameLinks. ok
// is false for routes that no configuration can hold: cached ones, other families.
func decodeRoute(b []byte) (r Route, links []int, ok bool, err error) {
	if len(b) < 12 {
		return r, nil, false, errTruncated
	}
	v6 := b[0] == unix.AF_INET6
	ok = (v6 || b[0] == unix.AF_INET) && ne.Uint32(b[8:])&unix.RTM_F_CLONED == 0
	r.TOS, r.Table, r.Ours, r.Scope, r.Type = b[3], uint32(b[4]), b[5] == Mark, Scope(b[6]), RouteType(b[7])
	r.OnLink = ne.Uint32(b[8:])&unix.RTNH_F_ONLINK != 0
	dst, from, links := zeroAddr(v6), netip.Addr{}, []int{0}
	var w way
	err = eachAttr(b[12:], func(typ uint16, v []byte) {
		w.take(typ, v)
		switch typ {
		case unix.RTA_DST:
			dst = ip(v)
		case unix.RTA_SRC:
			from = ip(v)
		case unix.RTA_TABLE:
			r.Table = u32(v)
		case unix.RTA_OIF:
			links[0] = int(u32(v))
		case unix.RTA_PREFSRC:
			r.Src = ip(v)
		case unix.RTA_PRIORITY:
			r.Metric = u32(v)
		case unix.RTA_METRICS:
			decodeMetrics(&r, v)
		case unix.RTA_PREF:
			r.Pref = firstOctet(v)
		case unix.RTA_MULTIPATH:
			more, good := decodeHops(&r, v)
			links, ok = append(links, more...), ok && good
		}
	})
	r.Via, r.Realms, r.Encap = w.via, w.realms, w.tunnel()
	r.Dst = netip.PrefixFrom(dst, int(b[1]))
	if from.IsValid() {
		r.From = netip.PrefixFrom(from, int(b[2]))
	}
	if v6 {
		r.Scope = ScopeGlobal
	}
	if err == nil && ok && (!r.Dst.IsValid() || dst.Is6() != v6) {
		err = errTruncated
	}
	return r, links, ok, err
}

// decodeHops reads RTA_MULTIPATH; false: it is cut off.
func decodeHops(r *Route, b []byte) (links []int, ok bool) {
	for len(b) >= 8 {
		n := int(ne.Uint16(b))
		if n < 8 || n > len(b) {
			return links, false
		}
		var w way
		eachAttr(b[8:n], w.take)
		r.Hops = append(r.Hops, NextHop{Via: w.via, Weight: uint16(b[3]) + 1, OnLink: b[2]&unix.RTNH_F_ONLINK != 0,
			Realms: w.realms, Encap: w.tunnel()})
		links = append(links, int(ne.Uint32(b[4:])))
		b = b[min((n+3)&^3, len(b)):]
	}
	return links, true
}

// nameLinks puts names in the place of the indexes that decodeRoute found.
func (r *Route) nameLinks(links []int, name func(index int) string) {
	for i, l := range links {
		switch {
		case l == 0:
		case i == 0:
			r.Link = name(l)
		default:
			r.Hops[i-1].Link = name(l)
		}
	}
}
