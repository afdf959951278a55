package checkers

import (
	"bytes"
	"strconv"
	"strings"
)

// maxHead is how many octets a response header may have.
const maxHead = 64 << 10

// head is what a check needs of a response header.
type head struct {
	size    int   // octets up to and with the empty line
	status  int   // 0: no usable status line
	length  int64 // Content-Length; -1: none
	chunked bool  // the body ends with its last chunk, RFC 9112 section 7.1
}

// parseHead reads the header at the start of b; false as long as its end, an
// empty line, is not there.
func parseHead(b []byte) (head, bool) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return head{}, false
	}
	h := head{size: end + 4, length: -1}
	for i, line := range strings.Split(string(b[:end]), "\r\n") {
		if i == 0 {
			h.status = parseStatus(line)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		h.field(name, strings.TrimSpace(value))
	}
	return h, true
}

// field looks at one header field. keepalived knows Content-Length in exactly
// this spelling only; field names are case-insensitive (RFC 9110 section 5.1).
func (h *head) field(name, value string) {
	switch {
	case strings.EqualFold(name, "Content-Length"):
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 && h.length < 0 {
			h.length = n
		}
	case strings.EqualFold(name, "Transfer-Encoding"):
		last := value[strings.LastIndexByte(value, ',')+1:]
		h.chunked = strings.EqualFold(strings.TrimSpace(last), "chunked")
	}
}

// parseStatus is the number after the first space of a status line: three
// digits, then a space or the end. keepalived refuses a line that ends right
// after the digits; RFC 9112 section 4 has servers that do so in mind. What
// stands before the space is not looked at.
func parseStatus(line string) int {
	_, rest, ok := strings.Cut(line, " ")
	if !ok || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return 0
	}
	n := 0
	for _, c := range []byte(rest[:3]) {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// bodyEnd finds the end of a body on a connection that may stay open. The
// body itself is everything after the header as it was sent, chunk framing
// included: digests that genhash made for keepalived stay valid.
type bodyEnd struct {
	h    head
	seen int64
	ch   chunks
}

// feed takes the next octets and answers how many of them belong to the body
// and whether it is complete.
func (e *bodyEnd) feed(b []byte) (n int, done bool) {
	n = len(b)
	switch {
	case e.h.chunked:
		n, done = e.ch.feed(b)
	case e.h.status == 204 || e.h.status == 304: // never have a body, RFC 9112 section 6.3
		n, done = 0, true
	case e.h.length >= 0:
		n = int(min(int64(n), e.h.length-e.seen))
		done = e.seen+int64(n) == e.h.length
	}
	e.seen += int64(n)
	return n, done
}

// chunks follows the framing of a chunked body without storing it.
type chunks struct {
	state  chunkState
	left   int64 // octets of data still to come
	digits int
	empty  bool // the trailer line has no octet yet
	broken bool // not chunked after all: read until the connection closes
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkData
	chunkDataEnd
	chunkTrailer
)

// feed follows b and answers how much of it belongs to the body: all of it, until
// the last chunk has ended.
func (c *chunks) feed(b []byte) (n int, done bool) {
	for n < len(b) && !c.broken {
		if c.state == chunkData {
			skip := min(c.left, int64(len(b)-n))
			n += int(skip)
			if c.left -= skip; c.left == 0 {
				c.state = chunkDataEnd
			}
			continue
		}
		n++
		if c.octet(b[n-1]) {
			return n, true
		}
	}
	return len(b), false
}

// octet handles one octet outside of data and reports the end of the body.
func (c *chunks) octet(o byte) bool {
	switch c.state {
	case chunkSize:
		c.size(o)
	case chunkExtension:
		if o == '\n' {
			c.sizeDone()
		}
	case chunkDataEnd:
		if o == '\n' {
			c.state = chunkSize
		} else if o != '\r' {
			c.broken = true
		}
	case chunkTrailer:
		if o == '\n' && c.empty {
			return true
		}
		c.empty = o == '\n' || o == '\r' && c.empty
	}
	return false
}

// size takes one octet of the line with the length of a chunk.
func (c *chunks) size(o byte) {
	d := strings.IndexByte("0123456789abcdef", o|0x20)
	switch {
	case d >= 0 && o > ' ' && c.digits < 15: // 60 bits: cannot overflow
		c.left = c.left<<4 | int64(d)
		c.digits++
	case c.digits == 0 || d >= 0 && o > ' ':
		c.broken = true
	case o == '\n':
		c.sizeDone()
	default:
		c.state = chunkExtension
	}
}

// sizeDone begins the data of a chunk, or after the one of length 0 the trailer.
func (c *chunks) sizeDone() {
	c.digits = 0
	if c.state = chunkData; c.left == 0 {
		c.state, c.empty = chunkTrailer, true
	}
}
