package kconf

// User stores an account and, if a second word is there, a group: USER [GROUP].
// Whether they exist is not known here.
func User[C any](field func(*C) (user, group *string)) Setter[C] {
	return Setter[C]{Type: "USER [GROUP]", Range: "must exist", Do: func(x *Ctx, c *C, s *Stmt) {
		args, ok := x.Args(s, 1)
		if !ok {
			return
		}
		user, group := field(c)
		*user, *group = args[0].Text, ""
		if len(args) > 1 {
			*group = args[1].Text
		}
		x.extra(s, 2)
	}}
}

// Lines appends every line of a value block, the words of a line being data.
// Its entries have no blocks of their own.
func Lines[C any](field func(*C) *[]*Stmt) Setter[C] {
	return Setter[C]{Type: "line block", Takes: WantsBlock, Do: func(x *Ctx, c *C, s *Stmt) {
		x.extra(s, 0)
		for _, entry := range s.Block {
			if x.flat(s, entry) {
				*field(c) = append(*field(c), entry)
			}
		}
	}}
}

// Words appends every word of a value block, however it is cut into lines.
func Words[C any](field func(*C) *[]Word) Setter[C] {
	return Setter[C]{Type: "word block", Takes: WantsBlock, Do: func(x *Ctx, c *C, s *Stmt) {
		x.extra(s, 0)
		for _, entry := range s.Block {
			if x.flat(s, entry) {
				*field(c) = append(*field(c), entry.Words...)
			}
		}
	}}
}

func (x *Ctx) flat(s, entry *Stmt) bool {
	if entry.HasBlock {
		x.Errorf(entry.Open, ClassUnexpectedBOB, "unexpected-block", "%s: no block may stand inside", s.Keyword())
	}
	return !entry.HasBlock
}

// Block decodes what stands in braces with vocab. begin reads the words before
// the brace and makes or finds what is to be filled in; nil, after begin has
// said why, skips the whole block. begin itself reports missing words, see
// Ctx.Args.
func Block[C, S any](vocab Vocabulary[S], begin func(x *Ctx, c *C, s *Stmt) *S) Setter[C] {
	return BlockEnd(vocab, begin, nil)
}

// BlockEnd is Block with something to do at the closing brace, such as
// comparing keywords of the block with each other.
func BlockEnd[C, S any](vocab Vocabulary[S], begin func(x *Ctx, c *C, s *Stmt) *S,
	end func(x *Ctx, c *C, sub *S, s *Stmt)) Setter[C] {
	return Setter[C]{Type: "block", Block: vocab, Takes: WantsBlock, Do: func(x *Ctx, c *C, s *Stmt) {
		sub := begin(x, c, s)
		if sub == nil {
			return
		}
		vocab.Decode(x, sub, s.Block)
		if end != nil {
			end(x, c, sub, s)
		}
	}}
}

// InlineOption is a word that may follow the data of a line entry, such as
// "dev" in an address line, with Args words of its own.
type InlineOption[C any] struct {
	Name    string
	Aliases []string
	Args    int
	Do      func(x *Ctx, c *C, args []Word) // args has exactly Args words
}

// InlineOptions are all options of one kind of line entry.
type InlineOptions[C any] []InlineOption[C]

// Decode reads options from words up to their end. what names the entry in
// messages. An option that is unknown, or whose words are missing, is reported
// and the answer is false: the rest of the line can not be trusted.
func (o InlineOptions[C]) Decode(x *Ctx, what string, c *C, words []Word) bool {
	for len(words) > 0 {
		w, opt := words[0], o.find(words[0].Text)
		words = words[1:]
		if opt == nil {
			x.unknownOption(w, what, o.names())
			return false
		}
		if len(words) < opt.Args {
			// not ClassMissingParameter: keepalived drops the entry and goes on
			x.Errorf(w.Pos, ClassGeneral, "missing-argument", "%s: %s wants %s more, has %d", what, w.Text, plural(opt.Args, "word"), len(words))
			return false
		}
		opt.Do(x, c, words[:opt.Args])
		words = words[opt.Args:]
	}
	return true
}

func (x *Ctx) unknownOption(w Word, what string, names []string) {
	d := Diagnostic{Pos: w.Pos, Severity: Error, Class: ClassGeneral, ID: "unknown-option",
		Message: what + ": unknown word " + quoteEmpty(w.Text)}
	if near := Nearest(w.Text, names); near != "" {
		d.Hint = "did you mean " + near + "?"
	}
	x.Diags.Add(d)
}

func (o InlineOptions[C]) find(name string) *InlineOption[C] {
	for i := range o {
		if o[i].Name == name {
			return &o[i]
		}
		for _, a := range o[i].Aliases {
			if a == name {
				return &o[i]
			}
		}
	}
	return nil
}

func (o InlineOptions[C]) names() []string {
	var names []string
	for _, opt := range o {
		names = append(names, opt.Name)
	}
	return names
}

// WithBlock says that a block follows the line, for a Custom setter that reads
// the block itself.
func (s Setter[C]) WithBlock() Setter[C] {
	s.Takes = WantsBlock
	return s
}

// WithVocab says which keywords stand in the block, for a Custom setter that
// decodes the block itself.
func (s Setter[C]) WithVocab(v Vocab) Setter[C] {
	s.Block, s.Takes = v, WantsBlock
	return s
}

// Says puts the manual's words for type and range in place of the setter's own,
// where the field's form or its neighbours narrow what the word may be.
func (s Setter[C]) Says(typ, rng string) Setter[C] {
	s.Type, s.Range = typ, rng
	return s
}

// MissingIs gives a statement without argument another class than that of a
// missing argument: few keywords of keepalived look before they take a word,
// report and go on.
func (s Setter[C]) MissingIs(class Class) Setter[C] {
	do := s.Do
	s.Do = func(x *Ctx, c *C, st *Stmt) {
		if len(st.Args()) == 0 {
			x.missing(st, class, 1)
			return
		}
		do(x, c, st)
	}
	return s
}

// RememberAt stores where the keyword stands, for messages that compare it with
// others. A value that is refused has a place, too: it is where to look.
func (s Setter[C]) RememberAt(pos func(*C) *Pos) Setter[C] {
	do := s.Do
	s.Do = func(x *Ctx, c *C, st *Stmt) {
		*pos(c) = st.Pos()
		do(x, c, st)
	}
	return s
}
