package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/kconf"
)

// Target is the keepalived version a file is for unless Input.For names another.
const Target = "2.2.7"

// Rule is one thing that parses and cannot work, or works otherwise than it
// reads. The texts are for its page in the manual; Bad and Good are whole files,
// and a test shows that the one breaks the rule and the other does not.
type Rule struct {
	ID       string // stable: lower-case words with hyphens, none of kconf's
	Theme    Theme
	Title    string
	Severity kconf.Severity // Warning or Note: the file does run
	What     string         // what is wrong
	Why      string         // what the operator will see
	Fix      string         // what to do, one clause: the hint of a finding that has no better one
	Bad      string
	Good     string
	BadPeer  string // the other node's file, for rules that compare two
	GoodPeer string
	// References name keywords and sections of RFCs.
	References []string
	// Covers are the ids of diagnostics of the reading that say the same in
	// fewer words; Merge leaves those out.
	Covers []string

	Find    func(in *Input, r Report)     // nil for rules that compare two nodes
	Compare func(c *Comparison, r Report) // nil for all others
}

// Theme groups rules in the index.
type Theme string

// The themes, in the order of the index.
const (
	Election  Theme = "Election and advertisements"
	Unicast   Theme = "Unicast"
	Addresses Theme = "Addresses"
	Groups    Theme = "Sync groups"
	Tracking  Theme = "Tracking and weights"
	Scripts   Theme = "Scripts"
	Balancing Theme = "Virtual servers"
	Checks    Theme = "Health checks"
	Global    Theme = "Global settings and files"
	Peers     Theme = "Two nodes compared"
)

// Input is a configuration and what is known about where it is to run.
type Input struct {
	Config *config.Config
	File   *kconf.File        // after includes and definitions
	Read   []kconf.Diagnostic // what reading the file said
	// Machine is the host with its links and addresses; nil: not known, rules
	// that need it find nothing.
	Machine *host.State
	Sources kconf.FS // where the files lie, to look for includes; nil: not known
	For     string   // keepalived version the file is for; "" is Target

	index *index
}

// NewInput is what has been read from a file and understood, for Examine and
// Compare. What is known about the machine is for the caller to add.
func NewInput(file *kconf.File, l *config.Loaded) *Input {
	return &Input{Config: l.Config, File: file, Read: l.Diagnostics.All()}
}

// Report collects the findings of one rule.
type Report struct {
	rule *Rule
	hint string
	list *[]kconf.Diagnostic
}

// Advise is r with a hint that says more than the rule's Fix.
func (r Report) Advise(format string, args ...any) Report {
	r.hint = fmt.Sprintf(format, args...)
	return r
}

// At adds a finding. related is the other place that matters, or no place.
func (r Report) At(pos, related kconf.Pos, format string, args ...any) {
	*r.list = append(*r.list, kconf.Diagnostic{
		Pos: pos, Severity: r.rule.Severity, ID: r.rule.ID, Message: fmt.Sprintf(format, args...),
		Hint: cmp.Or(r.hint, r.rule.Fix), Related: related,
	})
}

// all is made when it is first asked for: most processes of this program never do.
var all = sync.OnceValue(func() []Rule {
	return slices.Concat(electionRules(), advertRules(), unicastRules(), addressRules(), groupRules(), trackRules(), scriptRules(), serviceRules(), poolRules(), checkRules(), globalRules(), peerRules(), hmacRules(), peerServerRules())
})

// Rules are all rules, in the order of the index.
func Rules() []Rule { return slices.Clone(all()) }

// Lookup is the rule with that id.
func Lookup(id string) (Rule, bool) {
	i := slices.IndexFunc(all(), func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return all()[i], true
}

// Examine applies every rule to one configuration. Findings are in the order of
// their places; none of them changes an exit status of --config-test.
func Examine(in *Input) []kconf.Diagnostic {
	var found []kconf.Diagnostic
	for i := range all() {
		if r := &all()[i]; r.Find != nil {
			r.Find(in, Report{rule: r, list: &found})
		}
	}
	return tidy(found)
}

// Merge is what to print of the reading and of findings together: all of both, in
// the order of places, without what a finding says again and better. Such a
// finding takes over the severity and class of what it replaces, so that the
// list is as serious as the reading was. For the exit status of --config-test
// the reading alone counts.
func Merge(in *Input, found []kconf.Diagnostic) []kconf.Diagnostic {
	list := slices.Clone(found)
	for _, d := range in.Read {
		covered := false
		for i := range list[:len(found)] {
			f := &list[i]
			rule, _ := Lookup(f.ID)
			if slices.Contains(rule.Covers, d.ID) && in.within(f.Pos, d.Pos) {
				f.Severity, f.Class = max(f.Severity, d.Severity), max(f.Class, d.Class)
				covered = true
			}
		}
		if !covered {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, byPlace)
	return list
}

// within says whether pos is of the statement that at is of, or in its block if
// at is where that begins.
func (in *Input) within(pos, at kconf.Pos) bool {
	s := in.stmtWith(at)
	if s == nil {
		return pos.String() == at.String()
	}
	if placeKey(s.Pos()) == placeKey(at) {
		found := false
		walk(s.Block, func(inner *kconf.Stmt) { found = found || hasWord(inner, pos) })
		if found {
			return true
		}
	}
	return hasWord(s, pos)
}

func hasWord(s *kconf.Stmt, pos kconf.Pos) bool {
	return slices.ContainsFunc(s.Words, func(w kconf.Word) bool { return placeKey(w.Pos) == placeKey(pos) })
}

// tidy sorts by place and leaves out what was found twice: a line that repeats
// itself through definitions has one place.
func tidy(list []kconf.Diagnostic) []kconf.Diagnostic {
	slices.SortStableFunc(list, byPlace)
	return slices.CompactFunc(list, func(a, b kconf.Diagnostic) bool { return a.String() == b.String() && a.ID == b.ID })
}

// byPlace orders as an operator reads: an included file stands where it was
// included.
func byPlace(a, b kconf.Diagnostic) int {
	return slices.CompareFunc(chain(a.Pos), chain(b.Pos), func(p, q kconf.Pos) int {
		return cmp.Or(cmp.Compare(p.File(), q.File()), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
	})
}

// chain is p with the include statements that lead to it, outermost first.
func chain(p kconf.Pos) []kconf.Pos {
	if !p.IsValid() {
		return nil
	}
	list := []kconf.Pos{p}
	for via := p.Via(); via != nil; via = via.Via() {
		list = append(list, *via)
	}
	slices.Reverse(list)
	return list
}

// explain is a Find for what the reading has found already: it keeps the
// message and its place, adds what follows from it, and the rule adds fix and
// page. Without a hint of the reading the rule's Fix is taken.
func explain(so string, ids ...string) func(*Input, Report) { return explainAt(nil, so, ids...) }

// explainAt is explain for what the reading says about a whole block: the place
// is that of the first of the keywords in it.
func explainAt(keywords []string, so string, ids ...string) func(*Input, Report) {
	return func(in *Input, r Report) {
		for _, d := range in.Read {
			if !slices.Contains(ids, d.ID) {
				continue
			}
			at := d.Pos
			if len(keywords) > 0 {
				at = placeIn(in.stmtAt(d.Pos), d.Pos, keywords...)
			}
			r.hint = d.Hint
			r.At(at, d.Related, "%s: %s", strings.TrimSuffix(d.Message, "."), so)
		}
	}
}
