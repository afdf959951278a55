package kconf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The wire form hands the tree from the process that has read the files to its
// children, so that all of them decode the same reading. It begins with
// wireMagic, which ends in the version of the form; numbers are varints. Texts
// and include statements are sent once and then named by number: number n, n
// being how many there are so far, says that a new one follows.
const wireMagic = "holdfast-tree/1\n"

const (
	wireQuoted = 1 << 0 // flags of a word

	wireBlock  = 1 << 0 // flags of a statement
	wireClosed = 1 << 1

	maxWireText = 4 * maxLineLength
)

// errWire is input that no encoder has written.
var errWire = errors.New("malformed configuration tree")

// encoder writes a tree. Errors of the writer stick to the buffer, which reports
// them when it is flushed, so the methods return none.
type encoder struct {
	w    *bufio.Writer
	buf  []byte
	text map[string]uint64
	via  map[*Pos]uint64
}

// Encode writes f for Decode in another process. The only errors are those of w.
func (f *File) Encode(w io.Writer) error {
	e := &encoder{w: bufio.NewWriter(w), text: map[string]uint64{}, via: map[*Pos]uint64{}}
	e.w.WriteString(wireMagic)
	e.string(f.Name)
	e.stmts(f.Stmts)
	e.w.WriteString("\n") // a sign that nothing is missing
	if err := e.w.Flush(); err != nil {
		return fmt.Errorf("send configuration tree: %w", err)
	}
	return nil
}

// uint writes a varint, least significant seven bits first.
func (e *encoder) uint(n uint64) {
	e.buf = binary.AppendUvarint(e.buf[:0], n)
	e.w.Write(e.buf)
}

// string writes the number of s among the texts sent so far, and s itself behind
// it when it is new: keywords and file names repeat thousands of times.
func (e *encoder) string(s string) {
	n, known := e.text[s]
	if !known {
		n = uint64(len(e.text))
		e.text[s] = n
	}
	e.uint(n)
	if !known {
		e.uint(uint64(len(s)))
		e.w.WriteString(s)
	}
}

// pos writes a position; the include chain is 0 for none, else its number + 1.
func (e *encoder) pos(p Pos) {
	e.string(p.File)
	e.uint(uint64(max(p.Line, 0)))
	e.uint(uint64(max(p.Col, 0)))
	if p.Via == nil {
		e.uint(0)
		return
	}
	n, known := e.via[p.Via]
	if known {
		e.uint(n + 1)
		return
	}
	n = uint64(len(e.via))
	e.via[p.Via] = n
	e.uint(n + 1)
	e.pos(*p.Via)
}

// stmts writes how many statements there are, then each.
func (e *encoder) stmts(list []*Stmt) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		e.stmt(s)
	}
}

// stmt writes words with places and quoting, the raw line, and the block if there
// is one. A block without end, in a file that was cut off, has no closing place.
func (e *encoder) stmt(s *Stmt) {
	e.uint(uint64(len(s.Words)))
	for _, w := range s.Words {
		var flags uint64
		if w.Quoted {
			flags |= wireQuoted
		}
		e.string(w.Text)
		e.pos(w.Pos)
		e.uint(flags)
	}
	e.string(s.Raw)
	var flags uint64
	if s.HasBlock {
		flags |= wireBlock
	}
	if s.Close.IsValid() {
		flags |= wireClosed
	}
	e.uint(flags)
	if s.HasBlock {
		e.pos(s.Open)
		if s.Close.IsValid() {
			e.pos(s.Close)
		}
		e.stmts(s.Block)
	}
}

// decoder reads what encoder has written. After the first error every method
// returns zero values, and err says what it was.
type decoder struct {
	r    *bufio.Reader
	text []string
	via  []*Pos
	err  error
}

// Decode reads a tree that Encode has written. A caller that goes on reading
// after it passes a *bufio.Reader: any other reader is buffered here, and what
// the buffer took ahead is lost. Input that is cut off, of another version or not a
// tree is an error; memory stays in proportion to what was read.
func Decode(r io.Reader) (*File, error) {
	d := &decoder{r: bufio.NewReader(r)}
	magic := make([]byte, len(wireMagic))
	if _, err := io.ReadFull(d.r, magic); err != nil {
		return nil, fmt.Errorf("receive configuration tree: %w", err)
	}
	if string(magic) != wireMagic {
		return nil, fmt.Errorf("receive configuration tree: %w: it begins with %q, want %q", errWire, magic, wireMagic)
	}
	f := &File{Name: d.string()}
	f.Stmts = d.stmts(0)
	if end, err := d.r.ReadByte(); d.err == nil && (err != nil || end != '\n') {
		d.fail()
	}
	if d.err != nil {
		return nil, fmt.Errorf("receive configuration tree: %w", d.err)
	}
	return f, nil
}

// fail keeps the first error: what comes after it is only its consequence.
func (d *decoder) fail() {
	if d.err == nil {
		d.err = errWire
	}
}

// uint reads a varint. An end of input in the middle of a tree is unexpected.
func (d *decoder) uint() uint64 {
	if d.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(d.r)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	d.err = err
	return n
}

// int is uint for what is counted: at most 2^31-1, so that it is an int anywhere.
func (d *decoder) int() int {
	n := d.uint()
	if n > 1<<31-1 {
		d.fail()
		return 0
	}
	return int(n)
}

// string reads a text by its number, see encoder.string. The length of a new one
// is bounded, since it may claim anything.
func (d *decoder) string() string {
	n := d.int()
	switch {
	case d.err != nil:
		return ""
	case n < len(d.text):
		return d.text[n]
	case n > len(d.text):
		d.fail()
		return ""
	}
	size := d.int()
	if size > maxWireText {
		d.fail()
		return ""
	}
	s := d.take(size)
	d.text = append(d.text, s)
	return s
}

// take reads size bytes, growing with what really arrives.
func (d *decoder) take(size int) string {
	const step = 4096
	var b []byte
	for len(b) < size && d.err == nil {
		from := len(b)
		b = append(b, make([]byte, min(step, size-from))...)
		if _, err := io.ReadFull(d.r, b[from:]); err != nil {
			d.err = io.ErrUnexpectedEOF
		}
	}
	return string(b)
}

// pos reads a place and, the first time it is used, its include chain. depth is
// that of the chain, and bounds the recursion. A chain is registered before it is
// read, because that is how the encoder numbers them; so a hostile one can name
// itself, which is looked for at the end.
func (d *decoder) pos(depth int) Pos {
	p := Pos{File: d.string(), Line: d.int(), Col: d.int()}
	switch n := d.int(); {
	case d.err != nil || n == 0:
	case n <= len(d.via):
		p.Via = d.via[n-1]
	case n > len(d.via)+1 || depth > maxIncludeDepth:
		d.fail()
	default:
		via := new(Pos)
		d.via = append(d.via, via)
		*via = d.pos(depth + 1)
		for up := via.Via; up != nil; up = up.Via { // a chain that bites its tail
			if up == via {
				d.fail()
				via.Via = nil
				break
			}
		}
		p.Via = via
	}
	return p
}

// stmts reads a block. Space is made for statements as they come, never for as
// many as are announced.
func (d *decoder) stmts(depth int) []*Stmt {
	n := d.int()
	if depth > maxDepth+1 {
		d.fail()
	}
	var list []*Stmt
	for range n {
		if d.err != nil {
			return nil
		}
		list = append(list, d.stmt(depth))
	}
	return list
}

// stmt reads one statement, see encoder.stmt.
func (d *decoder) stmt(depth int) *Stmt {
	s := new(Stmt)
	n := d.int()
	if n == 0 { // a statement has a keyword
		d.fail()
	}
	for range n {
		if d.err != nil {
			return s
		}
		w := Word{Text: d.string(), Pos: d.pos(0)}
		w.Quoted = d.uint()&wireQuoted != 0
		s.Words = append(s.Words, w)
	}
	s.Raw = d.string()
	// Flags that this version does not know are ignored; a change that matters
	// gets another wireMagic.
	flags := d.uint()
	if flags&wireBlock == 0 {
		return s
	}
	s.HasBlock = true
	s.Open = d.pos(0)
	if flags&wireClosed != 0 {
		s.Close = d.pos(0)
	}
	s.Block = d.stmts(depth + 1)
	return s
}
