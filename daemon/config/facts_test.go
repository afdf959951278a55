package config_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/kconf"
	"holdfast/kconf/manual"
	"holdfast/vrrp"
)

// fact is one line of testdata/*.tsv: what keepalived 2.4.3 has at a place.
type fact struct {
	block, keyword       string
	aliases              []string
	typ, rng, def, since string
}

func (f fact) String() string { return f.block + "/" + f.keyword }

func readFacts(t *testing.T, name string) []fact {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var facts []fact
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(c) != 7 {
			t.Fatalf("%s: %d columns in %q", name, len(c), line)
		}
		f := fact{c[0], c[1], nil, c[3], c[4], c[5], c[6]}
		if c[2] != "-" {
			f.aliases = strings.Split(c[2], ", ")
		}
		facts = append(facts, f)
	}
	return facts
}

// findRow looks for a keyword; a row of its own goes before one that has the
// word as another spelling.
func findRow(v kconf.Vocab, name string) (kconf.KeywordDoc, bool) {
	docs := v.Docs()
	for _, d := range docs {
		if d.Name == name {
			return d, true
		}
	}
	for _, d := range docs {
		if slices.Contains(d.Aliases, name) {
			return d, true
		}
	}
	return kconf.KeywordDoc{}, false
}

// row walks from the top level into block and finds keyword there.
func row(block, keyword string) (kconf.KeywordDoc, bool) {
	v := config.RootVocabulary()
	for _, step := range strings.FieldsFunc(block, func(r rune) bool { return r == '/' }) {
		d, known := findRow(v, step)
		switch {
		case !known:
			return kconf.KeywordDoc{}, false
		case step == "use_vmac": // words behind it, not a block
			v = vrrp.VMACArguments
		case d.Block == nil:
			return kconf.KeywordDoc{}, false
		default:
			v = d.Block
		}
	}
	return findRow(v, keyword)
}

// exceptions are rows that say something else than keepalived, on purpose: by
// place and column, the reason.
var exceptions = map[string]string{}

var (
	factNumber = regexp.MustCompile(`-?\d+(?:\.\d+)?`)
	factWord   = regexp.MustCompile(`[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+|\b[A-Z]{2,}[0-9]*\b`)
	factSwitch = regexp.MustCompile(`\b(?:on|true|off|false)\b`)
)

// ofTheType are ranges that say again what the type says.
var ofTheType = []string{"true on yes or false off no", "1 to 15 characters"}

// essence is what must agree in two texts that say the same in other words:
// numbers, words with underscores and in upper case, and switches.
func essence(text string) string {
	if text == "-" || text == "none" || slices.Contains(ofTheType, text) {
		return ""
	}
	list := factNumber.FindAllString(text, -1)
	words := map[string]bool{}
	for _, w := range factWord.FindAllString(text, -1) {
		words[w] = true
	}
	for _, w := range factSwitch.FindAllString(text, -1) {
		words[map[string]string{"on": "true", "true": "true", "off": "false", "false": "false"}[w]] = true
	}
	slices.Sort(list)
	return strings.Join(append(list, slices.Sorted(maps.Keys(words))...), " ")
}

// compare reports the columns in which a row differs from the fact.
func (f fact) compare(d kconf.KeywordDoc) []string {
	var wrong []string
	differs := func(column, got, want string) {
		if _, excused := exceptions[f.String()+" "+column]; !excused {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", column, got, want))
		}
	}
	if d.Type != f.typ && f.typ != "-" {
		differs("type", d.Type, f.typ)
	}
	if essence(d.Range) != essence(f.rng) {
		differs("range", d.Range, f.rng)
	}
	if essence(d.Default) != essence(f.def) {
		differs("default", d.Default, f.def)
	}
	if f.since != "-" && d.Since != f.since {
		differs("since", d.Since, f.since)
	}
	if d.Doc == "" {
		differs("help", "", "a sentence")
	}
	if d.Status == kconf.KnowOnly {
		differs("status", "known only", "decoded")
	}
	return wrong
}

// checkFacts runs one subtest per fact: that the keyword is known at its place,
// and that its row says what is so.
func checkFacts(t *testing.T, facts []fact) {
	for _, f := range facts {
		t.Run(f.String(), func(t *testing.T) {
			d, known := row(f.block, f.keyword)
			if !known {
				t.Fatalf("%s is unknown in %s", f.keyword, f.block)
			}
			for _, w := range f.compare(d) {
				t.Error(w)
			}
			for _, a := range f.aliases {
				if _, known := row(f.block, a); !known {
					t.Errorf("its other spelling %s is unknown", a)
				}
			}
		})
	}
}

// TestEveryKeywordSaysWhatIsSo: everything that keepalived registers is known
// where it may stand, and its row in the manual has the facts right.
func TestEveryKeywordSaysWhatIsSo(t *testing.T) {
	facts := readFacts(t, "keywords.tsv")
	if len(facts) != 531 { // as many as keepalived 2.4.3 registers
		t.Fatalf("%d keywords in the list, want 531", len(facts))
	}
	checkFacts(t, facts)
}

// TestOurOwnKeywordsAreFewAndKnown: what keepalived does not have is marked by
// its Since, and each stands here. keepalived refuses a file with one of them.
func TestOurOwnKeywordsAreFewAndKnown(t *testing.T) {
	want := []string{"global_defs/lvs_sweep_interval", "global_defs/vrrp_address_lifetime"}
	var got []string
	var walk func(path string, v kconf.Vocab)
	walk = func(path string, v kconf.Vocab) {
		for _, d := range v.Docs() {
			if d.Since == "holdfast" {
				got = append(got, path+d.Name)
			}
			if d.Block != nil {
				walk(path+d.Name+"/", d.Block)
			}
		}
	}
	walk("", config.RootVocabulary())
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keywords of our own (-listed +there):\n%s", diff)
	}
	for _, f := range readFacts(t, "keywords.tsv") {
		if slices.Contains(want, f.String()) {
			t.Errorf("%s: keepalived has it", f)
		}
	}
}

// TestEveryWordOfALineSaysWhatIsSo: the same for the lines of value blocks.
func TestEveryWordOfALineSaysWhatIsSo(t *testing.T) {
	checkFacts(t, readFacts(t, "options.tsv"))
}

func TestExceptionsHaveAPlaceAndAReason(t *testing.T) {
	known := map[string]bool{}
	for _, f := range append(readFacts(t, "keywords.tsv"), readFacts(t, "options.tsv")...) {
		for _, column := range []string{"type", "range", "default", "since"} {
			known[f.String()+" "+column] = true
		}
	}
	for place, reason := range exceptions {
		if !known[place] || reason == "" {
			t.Errorf("exception %q for %q", place, reason)
		}
	}
}

// TestEssenceOfTexts: what two rows must agree in.
func TestEssenceOfTexts(t *testing.T) {
	for _, same := range [][2]string{
		{"1..255", "from 1 to 255"}, {"on", "true"}, {"off", "false"}, {"none", "-"}, {"-", ""},
		{"vrrp_garp_master_delay", "that of vrrp_garp_master_delay"}, {"MASTER if priority 255", "MASTER, with 255"},
	} {
		if essence(same[0]) != essence(same[1]) {
			t.Errorf("%q and %q differ: %q, %q", same[0], same[1], essence(same[0]), essence(same[1]))
		}
	}
	for _, other := range [][2]string{
		{"1..255", "0..255"}, {"-1..9", "1..9"}, {"on", "off"}, {"smtp_alert", "smtp_alert_vrrp"}, {"1..1", "1"}, {"MASTER", "BACKUP"}, {"none", "0"},
	} {
		if essence(other[0]) == essence(other[1]) {
			t.Errorf("%q and %q are taken for the same", other[0], other[1])
		}
	}
}

func TestAKeywordIsNotKnownInABlockWhereItDoesNotBelong(t *testing.T) {
	for _, f := range []fact{
		{block: "/", keyword: "virtual_router_id"}, {block: "vrrp_instance", keyword: "real_server"}, {block: "virtual_server", keyword: "interface"},
		{block: "virtual_server/real_server/TCP_CHECK", keyword: "url"}, {block: "no_such_block", keyword: "weight"}, {block: "global_defs", keyword: "route_id"},
	} {
		if _, known := row(f.block, f.keyword); known {
			t.Errorf("%s is known in %s", f.keyword, f.block)
		}
	}
}

// TestNoTwoRowsOfABlockHaveTheSameName: nor does a row without a help sentence
// act.
func TestNoTwoRowsOfABlockHaveTheSameName(t *testing.T) {
	var walk func(path string, v kconf.Vocab)
	walk = func(path string, v kconf.Vocab) {
		seen := map[string]bool{}
		for _, d := range v.Docs() {
			for _, name := range append([]string{d.Name}, d.Aliases...) {
				if seen[name] {
					t.Errorf("%s: %s is there twice", path, name)
				}
				seen[name] = true
			}
			if d.Doc == "" || d.Type == "" {
				t.Errorf("%s: %s says neither what it does nor what it takes: %+v", path, d.Name, d)
			}
			if d.Block != nil {
				walk(path+"/"+d.Name, d.Block)
			}
		}
	}
	walk("", config.RootVocabulary())
}

// limits are the bounds of a row that takes one number.
type limits struct {
	lo, hi string
	step   string // the smallest difference there is
}

var (
	limitRange = regexp.MustCompile(`^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)`)
	limitType  = regexp.MustCompile(`^(?:UINT|INT|INT32|DEC(\d))(?: (?:s|ms|us))?$`)
	oneNumber  = regexp.MustCompile(`^\[?[A-Z]+\]?( \[reverse\])?$`)
)

// limitsOf are the bounds to try, ok is false for a row without.
func limitsOf(f fact, d kconf.KeywordDoc) (l limits, ok bool) {
	r, typ := limitRange.FindStringSubmatch(f.rng), limitType.FindStringSubmatch(f.typ)
	if r == nil || typ == nil || !oneNumber.MatchString(d.Args) {
		return l, false
	}
	l = limits{r[1], r[2], "1"}
	if places, err := strconv.Atoi(typ[1]); err == nil {
		l.step = "0." + strings.Repeat("0", places-1) + "1"
	}
	return l, true
}

// plus adds sign times step to a number, both written as decimals.
func plus(number, step string, sign int64) string {
	const places = 6
	scaled := func(text string) int64 {
		whole, frac, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
		n, err := strconv.ParseInt(whole+(frac + strings.Repeat("0", places))[:places], 10, 64)
		if err != nil {
			panic(err)
		}
		if strings.HasPrefix(text, "-") {
			return -n
		}
		return n
	}
	n := scaled(number) + sign*scaled(step)
	text := fmt.Sprintf("%07d", max(n, -n))
	text = strings.TrimSuffix(strings.TrimRight(text[:len(text)-places]+"."+text[len(text)-places:], "0"), ".")
	if n < 0 {
		text = "-" + text
	}
	return text
}

// head is what opens a block in a configuration.
func head(block string) string {
	switch block {
	case "vrrp_instance", "vrrp_sync_group", "vrrp_script", "vrrp_track_process", "track_file", "vrrp_track_file", "bfd_instance", "track_group":
		return block + " NAME"
	case "virtual_server", "real_server":
		return block + " 10.0.0.1 80"
	}
	return block
}

// said is what is said about a line in the block.
func said(t *testing.T, block, line string) []kconf.Diagnostic {
	t.Helper()
	var text strings.Builder
	steps := strings.FieldsFunc(block, func(r rune) bool { return r == '/' })
	for _, b := range steps {
		text.WriteString(head(b) + " {\n")
	}
	text.WriteString(line + "\n" + strings.Repeat("}\n", len(steps)))
	tree, diags := kconf.ParseString("k.conf", text.String(), kconf.Options{})
	l, err := config.Understand(tree, diags, config.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	var list []kconf.Diagnostic
	for _, d := range l.Diagnostics.All() {
		if d.Pos.Line == int32(len(steps)+1) {
			list = append(list, d)
		}
	}
	return list
}

// outOfBounds says that a number was not taken as it stands.
func outOfBounds(d kconf.Diagnostic) bool {
	return d.ID == "out-of-range" || d.ID == "not-a-number" || d.ID == "clamped"
}

// wide are rows that take more than the range they give.
var wide = map[string]string{
	"track_file/init_file": "the range says what is sensible; any number is taken",
}

// TestBoundsAreWhereTheManualSays: the lowest and the highest number are taken,
// one step beyond they are not.
func TestBoundsAreWhereTheManualSays(t *testing.T) {
	tried := 0
	for _, f := range readFacts(t, "keywords.tsv") {
		d, known := row(f.block, f.keyword)
		l, ok := limitsOf(f, d)
		if !known || !ok || wide[f.String()] != "" {
			continue
		}
		tried++
		t.Run(f.String(), func(t *testing.T) {
			for _, n := range []string{l.lo, l.hi} {
				if list := said(t, f.block, f.keyword+" "+n); slices.ContainsFunc(list, outOfBounds) {
					t.Errorf("%s is in %s: %v", n, f.rng, list)
				}
			}
			for _, n := range []string{plus(l.lo, l.step, -1), plus(l.hi, l.step, 1)} {
				list := said(t, f.block, f.keyword+" "+n)
				if !slices.ContainsFunc(list, func(d kconf.Diagnostic) bool { return d.Severity != kconf.Note }) {
					t.Errorf("%s is not in %s, and nothing is said but %v", n, f.rng, list)
				}
			}
		})
	}
	if tried < 30 {
		t.Errorf("only %d rows have bounds to try", tried)
	}
}

// TestRowsSayWhatTheyNameAndWhatTheyReferTo: each kind of object that a row
// refers to is defined by another, and nothing that is defined goes unnamed.
func TestRowsSayWhatTheyNameAndWhatTheyReferTo(t *testing.T) {
	defines, refers := map[string][]string{}, map[string][]string{}
	var walk func(path string, v kconf.Vocab)
	walk = func(path string, v kconf.Vocab) {
		for _, d := range v.Docs() {
			if d.Defines != "" {
				defines[d.Defines] = append(defines[d.Defines], path+d.Name)
			}
			if d.Refers != "" {
				refers[d.Refers] = append(refers[d.Refers], path+d.Name)
			}
			if d.Block != nil {
				walk(path+d.Name+"/", d.Block)
			}
		}
	}
	walk("", config.RootVocabulary())
	want := map[string][]string{
		"vrrp_instance":        {"global_defs/lvs_sync_daemon", "vrrp_sync_group/group", "track_group/group"},
		"vrrp_script":          {"vrrp_instance/track_script", "vrrp_sync_group/track_script"},
		"vrrp_track_process":   {"vrrp_instance/track_process", "vrrp_sync_group/track_process"},
		"track_file":           {"vrrp_instance/track_file", "vrrp_sync_group/track_file", "virtual_server/real_server/FILE_CHECK/track_file"},
		"bfd_instance":         {"vrrp_instance/track_bfd", "vrrp_sync_group/track_bfd", "virtual_server/real_server/BFD_CHECK/name"},
		"virtual_server_group": {"virtual_server"},
	}
	if diff := cmp.Diff(want, refers); diff != "" {
		t.Errorf("rows that refer to objects (-want +got):\n%s", diff)
	}
	for kind := range refers {
		if len(defines[kind]) == 0 {
			t.Errorf("nothing defines a %s", kind)
		}
	}
}

// TestAdviceForOldSpellingsIsASentence: it stands behind "X: old spelling; ".
func TestAdviceForOldSpellingsIsASentence(t *testing.T) {
	old := 0
	for _, e := range manual.All(config.RootVocabulary()) {
		if e.Deprecated == "" {
			continue
		}
		old++
		writes := strings.HasPrefix(e.Deprecated, "write ") && strings.HasSuffix(e.Deprecated, " instead")
		if !writes && !strings.HasPrefix(e.Deprecated, "leave it out, ") {
			t.Errorf("%s: %q", e.Name, e.Deprecated)
		}
	}
	if old == 0 {
		t.Error("no row has an old spelling")
	}
}
