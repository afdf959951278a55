package kconf

import (
	"fmt"
	"slices"

	"github.com/alecthomas/participle/v2/lexer"
)

// batchItems and batchTokens are about how much the grammar gets at a time:
// enough that setting it up costs nothing, few enough that a large file is never
// in memory as a whole. Participle copies the tokens into a slice that it doubles;
// a little less than a power of two wastes least.
const (
	batchItems  = 2048
	batchTokens = 230
)

// driver feeds the grammar whole statements of the top level, after mending what
// is wrong with their braces, so that one mistake does not lose the rest.
type driver struct {
	r     *reader
	count int // items so far, in all batches

	items  []item        // of the batch
	tokens []lexer.Token // the same for participle; Offset is the index of the item
	open   []int         // items of the open braces
	held   *item         // a line of which is not known yet whether a block follows
	heldAt item

	orphan   bool // the last thing read was a brace that closed nothing: a block that follows is nobody's
	skipping int  // depth inside a block that can not be used
	skipped  Pos  // its opening brace
	extra    Pos  // of the last closing brace that closed nothing

	// suspects are opening braces that were closed by a brace whose
	// indentation is that of a block further out: where a brace turns out to
	// be missing, it is probably theirs.
	suspects []int

	each func(*Stmt) (kept bool)
	list []*Stmt // when nobody else takes them

	// Memory of statements that nobody keeps is used again.
	stmts []Stmt
	lists []*Stmt
}

func newDriver(r *reader) *driver {
	d := &driver{r: r, each: r.opt.Each}
	if d.each == nil {
		d.each = func(s *Stmt) bool {
			d.list = append(d.list, s)
			return true
		}
	}
	return d
}

// placing notes for every diagnostic of reader and driver to which item it
// belongs, because the driver, which finds its mistakes later, writes to the same
// list.
type placing struct {
	at      []int // -1: not known yet
	unknown int   // the first that may be -1
}

// mark says that the diagnostics of the line just read stand before the next item.
func (p *placing) mark(r *reader) {
	if len(r.diags.list) == len(p.at) && p.unknown == len(p.at) {
		return
	}
	p.grow(r)
	for ; p.unknown < len(p.at); p.unknown++ {
		if p.at[p.unknown] < 0 {
			p.at[p.unknown] = r.drive.count + r.drive.holding()
		}
	}
}

// grow makes room for diagnostics whose place is not known yet.
func (p *placing) grow(r *reader) {
	for len(p.at) < len(r.diags.list) {
		p.at = append(p.at, -1)
	}
}

// belong says that the diagnostics that do makes belong to item i.
func (p *placing) belong(r *reader, i int, do func()) {
	p.grow(r)
	from := len(p.at)
	do()
	p.grow(r)
	for j := from; j < len(p.at); j++ {
		p.at[j] = i
	}
}

// sort puts the diagnostics into the order of the text.
func (p *placing) sort(r *reader) {
	type placed struct {
		at int
		d  Diagnostic
	}
	all := make([]placed, len(p.at))
	for i, at := range p.at {
		all[i] = placed{at, r.diags.list[i]}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.at - b.at })
	for i, m := range all {
		r.diags.list[i] = m.d
	}
}

// holding is 1 while a line waits for what follows it.
func (d *driver) holding() int {
	if d.held != nil {
		return 1
	}
	return 0
}

// add takes the next item. A line is held until it is known whether a brace
// follows.
func (d *driver) add(it item) {
	d.flushHeld(it.kind == tokOpen)
	if it.kind == tokLine {
		d.heldAt = it
		d.held = &d.heldAt
		return
	}
	d.count++
	i := d.count - 1
	if d.skipping > 0 {
		d.skip(it)
		return
	}
	d.r.place.belong(d.r, i, func() {
		if it.kind == tokOpen {
			d.opening(it)
		} else {
			d.closing(it)
		}
	})
}

// flushHeld deals with the line that waits. opens: a block follows it.
func (d *driver) flushHeld(opens bool) {
	if d.held == nil {
		return
	}
	d.held = nil
	d.count++
	if d.skipping > 0 {
		return
	}
	d.r.place.belong(d.r, d.count-1, func() { d.line(d.heldAt, opens) })
}

// finish reads the rest and returns the statements that nobody else has taken.
func (r *reader) finish() []*Stmt {
	d := r.drive
	d.flushHeld(false)
	d.r.place.belong(r, d.count, func() {
		if d.skipping > 0 {
			d.missingBrace(d.skipped, "the file ends before it is closed")
		}
		d.closeAll("the file ends before it is closed")
	})
	d.flush()
	r.place.mark(r)
	r.place.sort(r)
	return d.list
}

// line collects the words of a statement. A keyword that only stands at the top
// level and opens a block there ends all blocks that are still open.
func (d *driver) line(it item, opens bool) {
	if len(d.open) > 0 && opens && slices.Contains(d.r.opt.TopLevel, it.words[0].Text) {
		d.closeAll(fmt.Sprintf("not closed before %s in line %d", it.words[0].Text, it.pos.Line))
	}
	if len(d.open) == 0 {
		d.suspects = d.suspects[:0]
		if len(d.items) >= batchItems || len(d.tokens) >= batchTokens {
			d.flush()
		}
	}
	d.orphan = false
	d.push(it)
}

// push adds an item, and its token unless it goes on with a run of lines.
func (d *driver) push(it item) {
	d.items = append(d.items, it)
	if n := len(d.tokens); it.kind == tokLine && n > 0 && d.tokens[n-1].Type == tokLine {
		return
	}
	d.tokens = append(d.tokens, lexer.Token{Type: it.kind, Value: it.raw,
		Pos: lexer.Position{Offset: len(d.items) - 1, Line: int(it.pos.Line), Column: int(it.pos.Col)}})
}

// opening enters a block; one that can not be used is skipped as a whole.
func (d *driver) opening(it item) {
	switch {
	case d.orphan || len(d.tokens) == 0 || d.tokens[len(d.tokens)-1].Type != tokLine:
		d.r.x.Errorf(it.pos, ClassUnexpectedBOB, "block-without-keyword", "{ without a keyword before it; the block is skipped")
		d.skipping, d.skipped = 1, it.pos
		return
	case len(d.open) >= maxDepth:
		d.r.x.Errorf(it.pos, ClassGeneral, "too-deep", "more than %d blocks inside each other; this one is skipped", maxDepth)
		d.skipping, d.skipped = 1, it.pos
		return
	}
	d.push(it)
	d.open = append(d.open, len(d.items)-1)
}

// skip passes over a brace inside a block that can not be used.
func (d *driver) skip(it item) {
	if it.kind == tokOpen {
		d.skipping++
	} else {
		d.skipping--
	}
}

// closing leaves a block. A brace that closes nothing is reported once per line:
// three of them are one mistake.
func (d *driver) closing(it item) {
	if len(d.open) == 0 {
		if it.pos.Line != d.extra.Line || it.pos.Source != d.extra.Source { // once per line
			d.r.x.Errorf(it.pos, ClassUnexpectedEOB, "extra-brace", "} closes nothing")
			d.extra = it.pos
		}
		d.orphan = true
		return
	}
	last := len(d.open) - 1
	if d.looksForeign(it) {
		d.suspects = append(d.suspects, d.open[last])
	}
	d.open = d.open[:last]
	d.push(it)
}

// looksForeign reports whether closing brace it, first on its line, stands below
// an outer statement instead of the one it closes.
func (d *driver) looksForeign(it item) bool {
	if d.items[len(d.items)-1].pos.Line == it.pos.Line {
		return false
	}
	below := func(open int) bool { return d.items[open-1].pos.Col == it.pos.Col }
	last := len(d.open) - 1
	return !below(d.open[last]) && slices.ContainsFunc(d.open[:last], below)
}

// closeAll ends the blocks that nobody has closed.
func (d *driver) closeAll(why string) {
	for len(d.open) > 0 {
		last := len(d.open) - 1
		at := d.open[last]
		if n := len(d.suspects); n > 0 {
			at, d.suspects = d.suspects[n-1], d.suspects[:n-1]
		}
		d.missingBrace(d.items[at].pos, why)
		d.push(item{kind: tokClose}) // at no place
		d.open = d.open[:last]
	}
}

// missingBrace reports an opening brace that nobody closes.
func (d *driver) missingBrace(open Pos, why string) {
	d.r.x.Errorf(open, ClassMissingEOB, "missing-brace", "{ has no }: %s", why)
}

// flush parses the statements that have been collected and hands them on.
func (d *driver) flush() {
	if len(d.tokens) == 0 {
		return
	}
	kept := false
	peek, err := lexer.Upgrade(&tokenList{tokens: d.tokens})
	if err == nil {
		var file *fileNode
		if file, err = grammar.ParseFromLexer(peek); err == nil {
			for _, s := range d.statements(file.Runs) {
				kept = d.each(s) || kept
			}
		}
	}
	if err != nil { // the driver has mended the braces: this can not happen
		d.r.x.Errorf(Pos{}, ClassGeneral, "syntax", "%v", err)
	}
	if kept {
		d.stmts, d.lists = nil, nil
	} else {
		d.stmts, d.lists = d.stmts[:0], d.lists[:0]
	}
	d.r.slabs.turn(kept)
	clear(d.items) // what has been handed on is not ours to keep
	d.items, d.tokens = d.items[:0], d.tokens[:0]
}

// statements makes statements of the grammar's nodes and the items they name.
func (d *driver) statements(runs []*runNode) []*Stmt {
	n := 0
	for _, run := range runs {
		if run.end < 0 {
			run.end = int32(len(d.items))
		}
		n += int(run.end - run.first)
	}
	if n > cap(d.lists)-len(d.lists) {
		d.lists = make([]*Stmt, 0, max(n, slabSize))
	}
	from := len(d.lists)
	d.lists = d.lists[:from+n]
	list := d.lists[from : from+n : from+n] // before those of the blocks
	i := 0
	for _, run := range runs {
		for at := run.first; at < run.end; at++ {
			list[i] = d.stmt(&d.items[at])
			i++
		}
		if run.hasBlock {
			s := list[i-1]
			s.HasBlock, s.Open, s.Close = true, d.items[run.open].pos, d.items[run.closed].pos
			if len(run.block) > 0 {
				s.Block = d.statements(run.block)
			}
		}
	}
	return list
}

// stmt is a statement without its block.
func (d *driver) stmt(it *item) *Stmt {
	if len(d.stmts) == cap(d.stmts) {
		d.stmts = make([]Stmt, 0, slabSize/2)
	}
	d.stmts = append(d.stmts, Stmt{Words: it.words, Raw: it.raw})
	return &d.stmts[len(d.stmts)-1]
}
