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
// and sources are sent once and then named by number: number n, n being how many
// there are so far, says that a new one follows. Statements of the top level come
// one by one, so that neither side has to hold the whole tree.
const wireMagic = "holdfast-tree/2\n"

const (
	wireQuoted = 1 << 0 // flags of a word

	wireBlock  = 1 << 0 // flags of a statement
	wireClosed = 1 << 1

	maxWireText = 4 * maxLineLength
)

// errWire is input that no encoder has written.
var errWire = errors.New("malformed configuration tree")

// Encoder writes a tree for Decode in another process.
type Encoder struct {
	w    *bufio.Writer
	buf  []byte
	text map[string]uint64
	src  map[*Source]uint64
}

// NewEncoder begins the tree of the configuration called name.
func NewEncoder(w io.Writer, name string) *Encoder {
	e := &Encoder{w: bufio.NewWriter(w), text: map[string]uint64{}, src: map[*Source]uint64{}}
	e.w.WriteString(wireMagic)
	e.string(name)
	return e
}

// Stmt writes the next statement of the top level. Errors of the writer stay
// until Close.
func (e *Encoder) Stmt(s *Stmt) {
	e.uint(1)
	e.stmt(s)
}

// Close writes the end; the error is the first one of the writer.
func (e *Encoder) Close() error {
	e.uint(0)
	e.w.WriteString("\n") // a sign that nothing is missing
	if err := e.w.Flush(); err != nil {
		return fmt.Errorf("send configuration tree: %w", err)
	}
	return nil
}

// Encode writes f for Decode in another process. The only errors are those of w.
func (f *File) Encode(w io.Writer) error {
	e := NewEncoder(w, f.Name)
	for _, s := range f.Stmts {
		e.Stmt(s)
	}
	return e.Close()
}

// uint writes a varint, least significant seven bits first.
func (e *Encoder) uint(n uint64) {
	e.buf = binary.AppendUvarint(e.buf[:0], n)
	e.w.Write(e.buf)
}

// string writes the number of s among the texts sent so far, and s itself behind
// it when it is new: keywords and file names repeat thousands of times.
func (e *Encoder) string(s string) {
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

// pos writes a position; its source is 0 for no place, else its number + 1.
func (e *Encoder) pos(p Pos) {
	if p.Source == nil {
		e.uint(0)
		return
	}
	n, known := e.src[p.Source]
	if !known {
		n = uint64(len(e.src))
		e.src[p.Source] = n
	}
	e.uint(n + 1)
	if !known {
		e.string(p.Source.Name)
		if via := p.Source.Via; via != nil {
			e.uint(1)
			e.pos(*via)
		} else {
			e.uint(0)
		}
	}
	e.uint(uint64(max(p.Line, 0)))
	e.uint(uint64(max(p.Col, 0)))
}

// stmts writes how many statements there are, then each.
func (e *Encoder) stmts(list []*Stmt) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		e.stmt(s)
	}
}

// stmt writes words with places and quoting, the raw line, and the block if there
// is one. A block without end, in a file that was cut off, has no closing place.
func (e *Encoder) stmt(s *Stmt) {
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

// decoder reads what Encoder has written. After the first error every method
// returns zero values, and err says what it was.
type decoder struct {
	r    *bufio.Reader
	text []string
	src  []*Source
	err  error
}

// Decode reads a tree that Encode has written. A caller that goes on reading
// after it passes a *bufio.Reader: any other reader is buffered here, and what
// the buffer took ahead is lost. Input that is cut off, of another version or not a
// tree is an error; memory stays in proportion to what was read.
func Decode(r io.Reader) (*File, error) {
	f := &File{}
	name, err := DecodeEach(r, func(s *Stmt) { f.Stmts = append(f.Stmts, s) })
	if err != nil {
		return nil, err
	}
	f.Name = name
	return f, nil
}

// DecodeEach is Decode for one statement of the top level after the other. Those
// before an error have been handed on.
func DecodeEach(r io.Reader, each func(*Stmt)) (name string, err error) {
	d := &decoder{r: bufio.NewReader(r)}
	magic := make([]byte, len(wireMagic))
	if _, err := io.ReadFull(d.r, magic); err != nil {
		return "", fmt.Errorf("receive configuration tree: %w", err)
	}
	if string(magic) != wireMagic {
		return "", fmt.Errorf("receive configuration tree: %w: it begins with %q, want %q", errWire, magic, wireMagic)
	}
	name = d.string()
	for d.uint() != 0 {
		s := d.stmt(0)
		if d.err != nil {
			break
		}
		each(s)
	}
	if end, err := d.r.ReadByte(); d.err == nil && (err != nil || end != '\n') {
		d.fail()
	}
	if d.err != nil {
		return "", fmt.Errorf("receive configuration tree: %w", d.err)
	}
	return name, nil
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

// string reads a text by its number, see Encoder.string. The length of a new one
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

// pos reads a place and, the first time it is used, its source. depth is that of
// the include chain, and bounds the recursion. A source is registered before its
// own include statement is read, because that is how the encoder numbers them; so
// a hostile one can name itself, which is looked for.
func (d *decoder) pos(depth int) Pos {
	n := d.int()
	if d.err != nil || n == 0 {
		return Pos{}
	}
	if n > len(d.src)+1 || depth > maxIncludeDepth {
		d.fail()
		return Pos{}
	}
	if n == len(d.src)+1 {
		d.source(depth)
		if d.err != nil {
			return Pos{}
		}
	}
	return Pos{Source: d.src[n-1], Line: int32(d.int()), Col: int32(d.int())}
}

// source reads a new source and its include statement.
func (d *decoder) source(depth int) {
	src := &Source{}
	d.src = append(d.src, src)
	src.Name = d.string()
	if d.uint() == 0 {
		return
	}
	via := d.pos(depth + 1)
	for up := via.Source; up != nil; { // a chain that bites its tail
		if up == src {
			d.fail()
			return
		}
		if up.Via == nil {
			break
		}
		up = up.Via.Source
	}
	src.Via = &via
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

// stmt reads one statement, see Encoder.stmt.
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
