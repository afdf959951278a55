package ipvs

import (
	"encoding/binary"
	"fmt"
)

// A DecodeError is a message that does not have the shape the kernel's ip_vs
// interface prescribes.
type DecodeError struct {
	What   string // message or attribute
	Reason string
}

// Error says what was wrong where.
func (e *DecodeError) Error() string { return "ip_vs message: " + e.What + ": " + e.Reason }

func malformed(what, format string, args ...any) error {
	return &DecodeError{What: what, Reason: fmt.Sprintf(format, args...)}
}

const (
	attrHeader   = 4
	attrTypeMask = 0x3fff // without the nested and byte order flags
)

var host = binary.NativeEndian

func align4(n int) int { return (n + 3) &^ 3 }

// The append functions add one attribute: length, type, value, padding.

// appendAttr pads with zeros: ip_vs reads the length and never the padding, but
// uninitialised octets have no place in a message.
func appendAttr(b []byte, typ uint16, value []byte) []byte {
	b = host.AppendUint16(b, uint16(attrHeader+len(value)))
	b = host.AppendUint16(b, typ)
	b = append(b, value...)
	for range align4(len(value)) - len(value) {
		b = append(b, 0)
	}
	return b
}

func appendU8(b []byte, typ uint16, v uint8) []byte { return appendAttr(b, typ, []byte{v}) }

func appendU16(b []byte, typ, v uint16) []byte {
	return appendAttr(b, typ, host.AppendUint16(nil, v))
}

// appendPort is appendU16 in network order.
func appendPort(b []byte, typ, v uint16) []byte {
	return appendAttr(b, typ, binary.BigEndian.AppendUint16(nil, v))
}

func appendU32(b []byte, typ uint16, v uint32) []byte {
	return appendAttr(b, typ, host.AppendUint32(nil, v))
}

// appendString adds the final NUL that ip_vs insists on.
func appendString(b []byte, typ uint16, v string) []byte {
	return appendAttr(b, typ, append([]byte(v), 0))
}

// appendNest adds an attribute that consists of attributes. The nested flag is
// not set: ip_vs does not ask for it and its own replies do not have it.
func appendNest(b []byte, typ uint16, inside func([]byte) []byte) []byte {
	start := len(b)
	b = inside(append(b, 0, 0, 0, 0))
	host.PutUint16(b[start:], uint16(len(b)-start))
	host.PutUint16(b[start+2:], typ)
	return b
}

// A cursor goes through attributes, one after the other:
//
//	for a := attrs("service", b); a.next(); { use a.typ and a.v }
//
// It stops at a length that cannot be right; err then says so.
type cursor struct {
	what string
	rest []byte
	typ  uint16
	v    []byte
	err  error
}

func attrs(what string, b []byte) cursor { return cursor{what: what, rest: b} }

func (c *cursor) next() bool {
	b := c.rest
	if len(b) < attrHeader {
		if len(b) != 0 {
			c.err = malformed(c.what, "%d octets behind the last attribute", len(b))
		}
		return false
	}
	n := int(host.Uint16(b))
	if n < attrHeader || n > len(b) {
		c.err = malformed(c.what, "attribute of %d octets in %d", n, len(b))
		return false
	}
	c.typ, c.v = host.Uint16(b[2:])&attrTypeMask, b[attrHeader:n]
	c.rest = b[min(align4(n), len(b)):]
	return true
}

// A reader takes numbers out of attribute values and keeps the first error.
type reader struct{ err error }

// want reports whether v has n octets; a longer value is no error, as newer
// kernels may append to what they send.
func (r *reader) want(what string, v []byte, n int) bool {
	if len(v) >= n {
		return true
	}
	if r.err == nil {
		r.err = malformed(what, "%d octets, wants %d", len(v), n)
	}
	return false
}

func (r *reader) u8(what string, v []byte) uint8 {
	if !r.want(what, v, 1) {
		return 0
	}
	return v[0]
}

func (r *reader) u16(what string, v []byte) uint16 {
	if !r.want(what, v, 2) {
		return 0
	}
	return host.Uint16(v)
}

func (r *reader) port(what string, v []byte) uint16 {
	if !r.want(what, v, 2) {
		return 0
	}
	return binary.BigEndian.Uint16(v)
}

func (r *reader) u32(what string, v []byte) uint32 {
	if !r.want(what, v, 4) {
		return 0
	}
	return host.Uint32(v)
}

// counter reads 32 or 64 bits, whichever is there.
func (r *reader) counter(what string, v []byte) uint64 {
	if len(v) >= 8 {
		return host.Uint64(v)
	}
	return uint64(r.u32(what, v))
}

// text reads a string up to its NUL.
func text(v []byte) string {
	for i, c := range v {
		if c == 0 {
			return string(v[:i])
		}
	}
	return string(v)
}
