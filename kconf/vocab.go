package kconf

import (
	"fmt"
	"strings"
)

// Status tells how far a keyword is implemented.
type Status uint8

const (
	Acts     Status = iota // decoded and obeyed
	NotYet                 // decoded, has no effect yet: reported once as "not supported yet"
	KnowOnly               // recognised, arguments not looked at: reported as "not supported yet"
)

// Ctx is what a setter may use: a place to report to. It carries no state of
// the configuration itself.
type Ctx struct {
	Diags *Diagnostics

	unsupported map[any]bool // rows of which that has been said
}

// notSupported says once per row that its keyword has no effect.
func (x *Ctx) notSupported(row any, s *Stmt, meanwhile string) {
	if x.unsupported[row] {
		return
	}
	if x.unsupported == nil {
		x.unsupported = map[any]bool{}
	}
	x.unsupported[row] = true
	if meanwhile != "" {
		meanwhile = "; " + meanwhile
	}
	x.Notef(s.Pos(), "not-supported-yet", "%s: not supported yet%s", s.Keyword(), meanwhile)
}

// Errorf reports a mistake at pos: the statement is not used.
func (x *Ctx) Errorf(pos Pos, class Class, id, format string, args ...any) {
	x.report(pos, Error, class, id, format, args)
}

// Fatalf reports a file that can not be read although it must be: the program
// ends with status 6.
func (x *Ctx) Fatalf(pos Pos, id, format string, args ...any) {
	x.Diags.Add(Diagnostic{Pos: pos, Severity: Error, Class: ClassFileNotFound, ID: id, Message: fmt.Sprintf(format, args...), Fatal: true})
}

// Warnf reports something that was accepted with another value or meaning.
func (x *Ctx) Warnf(pos Pos, class Class, id, format string, args ...any) {
	x.report(pos, Warning, class, id, format, args)
}

// Notef reports what is worth knowing and changes no exit status.
func (x *Ctx) Notef(pos Pos, id, format string, args ...any) {
	x.report(pos, Note, ClassNone, id, format, args)
}

// report is Errorf, Warnf and Notef.
func (x *Ctx) report(pos Pos, sev Severity, class Class, id, format string, args []any) {
	x.Diags.Add(Diagnostic{Pos: pos, Severity: sev, Class: class, ID: id, Message: fmt.Sprintf(format, args...)})
}

// Keyword is one row of a vocabulary. Everything that knows the keyword reads
// this row: decoding, diagnostics, --config-test, the keyword reference,
// completion.
type Keyword[C any] struct {
	Name       string
	Aliases    []string // other spellings, accepted in silence
	Args       string   // as the manual writes them: "SECONDS", "[BOOL]", "SCRIPT [USER [GROUP]]"
	Default    string   // in the words of the manual; "" for required or none
	Since      string   // first keepalived version that had it
	Doc        string   // one sentence in our own words, with the source of the rule where there is one
	Deprecated string   // what to write instead; reported as ClassDeprecated unless DeprecatedAs says otherwise
	// DeprecatedAs is the class of the deprecation message; ClassNone means a Note.
	DeprecatedAs Class
	Status       Status
	Meanwhile    string    // with NotYet: what happens until then, for the note
	Defines      string    // kind of object that the first argument names here, e.g. "vrrp_script"; "" for none
	Refers       string    // kind of object that its arguments, or the lines of its value block, name first
	Set          Setter[C] // zero for KnowOnly
}

// Setter stores a statement's arguments in C, and knows how to say what it accepts.
type Setter[C any] struct {
	Type  string   // UINT, INT, DEC6 s, STR, IP, IFNAME, BOOL, flag, ENUM, SCRIPT, line block, word block, block
	Range string   // "1..255", "MASTER or BACKUP"; "" when anything goes
	Block Vocab    // what stands inside, for tools; nil when there is no block
	Takes BlockUse // whether a block must, may or must not follow
	Do    func(x *Ctx, c *C, s *Stmt)
}

// BlockUse says what a setter expects after its line.
type BlockUse uint8

const (
	NoBlock BlockUse = iota
	WantsBlock
	MayHaveBlock
)

// Vocabulary is the list of keywords that may stand in one kind of block, C
// being what they fill in.
type Vocabulary[C any] []Keyword[C]

// KeywordDoc is a row without its code, for manuals, completion and tests.
type KeywordDoc struct {
	Name, Args, Type, Range, Default, Since, Doc, Deprecated string
	Defines, Refers                                          string // kinds of objects, see Keyword
	Aliases                                                  []string
	Status                                                   Status
	Block                                                    Vocab // keywords of its block, or the words that its lines or arguments may have
}

// KeywordBlock reports whether Block are keywords, not words of lines.
func (d KeywordDoc) KeywordBlock() bool { return d.Block != nil && d.Type == "block" }

// Vocab is a vocabulary seen from outside, whatever it fills in.
type Vocab interface {
	Docs() []KeywordDoc
}

// Docs lists the rows in their order.
func (v Vocabulary[C]) Docs() []KeywordDoc {
	docs := make([]KeywordDoc, len(v))
	for i, k := range v {
		docs[i] = KeywordDoc{
			Name: k.Name, Args: k.Args, Type: k.Set.Type, Range: k.Set.Range, Default: k.Default, Since: k.Since,
			Doc: k.Doc, Deprecated: k.Deprecated, Aliases: k.Aliases, Status: k.Status, Block: k.Set.Block,
			Defines: k.Defines, Refers: k.Refers,
		}
	}
	return docs
}

// Decode walks the statements of a block and fills in c. Every mistake becomes
// a diagnostic; a statement that is refused leaves its field as it was.
func (v Vocabulary[C]) Decode(x *Ctx, c *C, stmts []*Stmt) {
	for _, s := range stmts {
		v.decodeOne(x, c, s)
	}
}

// decodeOne finds the row of s, says what is to be said about the row itself, and
// lets its setter do the rest. A block where none belongs, or none where one does,
// costs the statement and nothing around it.
func (v Vocabulary[C]) decodeOne(x *Ctx, c *C, s *Stmt) {
	k := v.find(s.Keyword())
	if k == nil {
		near := x.unknown(s, v.names())
		if w, ok := any(c).(wroter); ok && near != "" {
			w.meant(near)
		}
		return
	}
	if k.Status != Acts {
		x.notSupported(k, s, k.Meanwhile)
	}
	if k.Deprecated != "" {
		d := Diagnostic{Pos: s.Pos(), Severity: Warning, Class: k.DeprecatedAs, ID: "deprecated",
			Message: s.Keyword() + ": old spelling", Hint: k.Deprecated}
		if k.DeprecatedAs == ClassNone {
			d.Severity = Note
		}
		x.Diags.Add(d)
	}
	if k.Status == KnowOnly || k.Set.Do == nil {
		return
	}
	switch {
	case k.Set.Takes == NoBlock && s.HasBlock:
		x.Errorf(s.Open, ClassUnexpectedBOB, "unexpected-block", "%s: takes no block", s.Keyword())
		return
	case k.Set.Takes == WantsBlock && !s.HasBlock:
		x.Errorf(s.Pos(), ClassMissingBOB, "missing-block", "%s: a block in braces must follow", s.Keyword())
		return
	}
	if w, ok := any(c).(wroter); ok {
		w.wrote(k.Name, s)
	}
	k.Set.Do(x, c, s)
}

// find is the row that has name as its own or as an alias; nil if none has. The
// longest vocabulary has about a hundred rows, so looking through is fast enough.
func (v Vocabulary[C]) find(name string) *Keyword[C] {
	for i := range v {
		if v[i].Name == name {
			return &v[i]
		}
		for _, a := range v[i].Aliases {
			if a == name {
				return &v[i]
			}
		}
	}
	return nil
}

// names are all spellings, for suggestions.
func (v Vocabulary[C]) names() []string {
	var names []string
	for _, k := range v {
		names = append(names, k.Name)
		names = append(names, k.Aliases...)
	}
	return names
}

// unknown reports a word that no row has, with the nearest one that exists.
// Its block, if it has one, is part of the statement and is not looked at: the
// block around it stays open, unlike with keepalived.
func (x *Ctx) unknown(s *Stmt, known []string) (near string) {
	d := Diagnostic{Pos: s.Pos(), Severity: Error, Class: ClassUnknownKeyword, ID: "unknown-keyword",
		Message: fmt.Sprintf("unknown keyword %s", s.Keyword())}
	if !x.Diags.Full() {
		if near = Nearest(s.Keyword(), known); near != "" {
			d.Hint = "did you mean " + near + "?"
		}
	}
	x.Diags.Add(d)
	return near
}

// Script is a command with the account it runs under: the argument of script,
// notify_* and the like.
type Script struct {
	Argv  []string // program and its arguments
	User  string   // "" when the line names none
	Group string
	Pos   Pos
}

// String prints the command as keepalived does in its dumps.
func (s *Script) String() string {
	if s == nil {
		return ""
	}
	q := make([]string, len(s.Argv))
	for i, a := range s.Argv {
		q[i] = "'" + a + "'"
	}
	return strings.Join(q, " ")
}
