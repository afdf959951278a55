package kconf_test

import (
	"strings"
	"testing"

	"holdfast/kconf"
)

type lexisTest struct {
	in    string
	want  string // statements
	diags string
}

func runLexis(t *testing.T, opt kconf.Options, tests map[string]lexisTest) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, ds := kconf.ParseString("k.conf", tt.in, opt)
			if got := flat(f.Stmts); got != tt.want {
				t.Errorf("read %s\nwant %s", got, tt.want)
			}
			if got := messages(ds); got != tt.diags {
				t.Errorf("said %s\nwant %s", got, tt.diags)
			}
		})
	}
}

func TestLinesAndComments(t *testing.T) {
	runLexis(t, kconf.Options{}, map[string]lexisTest{
		"empty file":                                  {"", "", ""},
		"only comments":                               {"# a\n  ! b\n\n", "", ""},
		"last line without newline":                   {"a 1\nb 2", "a 1 | b 2", ""},
		"CRLF":                                        {"a 1\r\nb {\r\n c\r\n}\r\n", "a 1 | b {c}", ""},
		"hash begins a comment inside a word":         {"a#b", "a", ""},
		"bang begins a comment inside a word":         {"user!x", "user", ""},
		"escaped hash and bang are literal":           {`e\#f \!g`, "e#f !g", ""},
		"hash in double quotes is literal":            {`g "h#i"`, `g "h#i"`, ""},
		"hash in single quotes is not":                {"a 'x # y'", "a 'x", ""},
		"braces behind a comment do not count":        {"a { # }\n b }", "a {b}", ""},
		"semicolon is a word":                         {"a ; b", "a ; b", ""},
		"backslash does not continue a line":          {"a b\\\nc", `a b\ | c`, ""},
		"a last backslash belongs to the word":        {"a  b \t\\ # c\nd", `a b\ | d`, ""},
		"a last backslash after quotes is alone":      {`a "b" \`, `a "b" \`, ""},
		"a backslash alone is a word":                 {`\`, `\`, ""},
		"a backslash behind a brace is a word":        {"a { \\\nb\n}", `a {\ | b}`, ""},
		"a backslash between words stays":             {`a \ b`, `a \ b`, ""},
		"all ASCII blanks separate words":             {"a\tb\fc\vd", "a b c d", ""},
		"NUL drops its line only":                     {"a\nb \x00c\nd", "a | d", "2:3: NUL character; the line is not used"},
		"octets that are not UTF-8 are kept":          {"a \xff\xfeb", "a \xff\xfeb", ""},
		"also beside a no-break space":                {"a\u00a0\xffb", "a \xffb", "1:2: warning: no-break or typographic space here on this line only: read as a blank"},
		"a replacement character beside such a blank": {"a\u00a0b\ufffdc \xff", "a b\ufffdc \xff", "1:2: warning: no-break or typographic space here on this line only: read as a blank"},
		"byte order mark at the start is silent":      {"\ufeffa b", "a b", ""},
		"no-break spaces are blanks, said once": {"a {\n\u00a0\u00a0b 1\n\u00a0c\u20032\n}\n", "a {b 1 | c 2}",
			"2:1: warning: no-break or typographic space here and on 1 more line: read as a blank"},
		"also inside quotes":                       {"s \"x\u00a0y\"", `s "x y"`, "1:5: warning: no-break or typographic space here on this line only: read as a blank"},
		"no-break spaces in comments are no news":  {"a #\u00a0b\n", "a", ""},
		"a byte order mark inside is a blank, too": {"a\ufeffb", "a b", "1:2: warning: no-break or typographic space here on this line only: read as a blank"},
	})
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 5000) // keepalived would cut at 1023
	f, ds := kconf.ParseString("k.conf", "a "+long+" b", kconf.Options{})
	if got := flat(f.Stmts); got != "a "+long+" b" || ds.HasErrors() {
		t.Errorf("a line of 5,000 characters was not read whole: %d characters, %s", len(got), messages(ds))
	}
	f, ds = kconf.ParseString("k.conf", strings.Repeat("y", 1<<20+1)+"\nb", kconf.Options{})
	if got, want := messages(ds), "1:1: line of 1048577 octets, at most 1048576 are read; the line is not used"; got != want {
		t.Errorf("said %s\nwant %s", got, want)
	}
	if got := flat(f.Stmts); got != "b" {
		t.Errorf("read %.40s, want b", got)
	}
}

func TestWordsAndQuotes(t *testing.T) {
	runLexis(t, kconf.Options{}, map[string]lexisTest{
		"quotes keep blanks":                  {`a "b  c" d`, `a "b  c" d`, ""},
		"empty quotes are a word":             {`a ""`, `a ""`, ""},
		"a quote splits words":                {`x"y z"w`, `x "y z" w`, ""},
		"adjacent quotes are two words":       {`a"b"c"d"`, `a "b" c "d"`, ""},
		"no escapes between quotes":           {`k "a\"b" c"`, `k "a\\" b " c"`, ""},
		"single quotes are ordinary":          {`k 'a b'`, `k 'a b'`, ""},
		"single quotes do not protect braces": {"k 'a{b}'", "k 'a {b} | '", ""},
		"unclosed quote drops the rest":       {"k a \"b c\nd", "k a | d", "1:5: quote is not closed; what follows it is not used"},
		"unclosed quote hides a brace":        {"k \"{\nd", "k | d", "1:3: quote is not closed; what follows it is not used"},
		"script strings have other quotes":    {`notify "/x \"y z"`, `notify "/x \\" y z ""`, ""},
	})
}

// The keywords whose line has quotes of its own, and some that only look alike.
func TestScriptKeywordsMayHaveAnOpenQuote(t *testing.T) {
	for _, word := range []string{"script", "misc_path", "notify", "notify_master", "notify_fifo_x", "quorum_up", "quorum_down",
		"startup_script", "shutdown_script", "vrrp_notify_fifo_script", "notify_fifo_script", "regex"} {
		f, ds := kconf.ParseString("k.conf", word+" \"/x \\\"y\"", kconf.Options{})
		if got := messages(ds); got != "" || f.Stmts[0].Raw != word+" \"/x \\\"y\"" {
			t.Errorf("%s: raw line %q, said %s", word, f.Stmts[0].Raw, got)
		}
	}
	for _, word := range []string{"scripts", "Script", "notifying", "quorum", "path", "auth_pass", "regexp"} {
		if _, ds := kconf.ParseString("k.conf", word+" \"/x \\\"y\"", kconf.Options{}); ds.Worst() != kconf.ClassUnmatchedQuote {
			t.Errorf("%s: said %s, want an unmatched quote", word, messages(ds))
		}
	}
}

// Each mistake of the language has keepalived's class, and all but the includes
// end --config-test with status 5.
func TestClassesOfMistakesInTheLanguage(t *testing.T) {
	tests := map[string]struct {
		in   string
		want kconf.Class
	}{
		"a quote that is not closed":      {`a "b`, kconf.ClassUnmatchedQuote},
		"a block without a keyword":       {"{ a }", kconf.ClassUnexpectedBOB},
		"a second block of one keyword":   {"a { } { }", kconf.ClassUnexpectedBOB},
		"a brace too many":                {"a }", kconf.ClassUnexpectedEOB},
		"a brace too few":                 {"a {", kconf.ClassMissingEOB},
		"blocks deeper than anybody's":    {strings.Repeat("a{", 70) + strings.Repeat("}", 70), kconf.ClassGeneral},
		"a NUL":                           {"a\x00", kconf.ClassGeneral},
		"a name that nobody has":          {"a ${B}", kconf.ClassGeneral},
		"a definition that uses itself":   {"$A=${A}\n$A", kconf.ClassGeneral},
		"a long definition inside a line": {"$A=b \\\nc\n$A d", kconf.ClassGeneral},
		"a parameter too many":            {"a ${_PWD x}", kconf.ClassGeneral},
		"a repetition that leads nowhere": {"~SEQ(A,1,0,2) b", kconf.ClassGeneral},
		"a typographic space":             {"a\u00a0b", kconf.ClassNone},
		"a file that is not there":        {"include /no/such/file", kconf.ClassNone},
		"a file that must be there":       {"includem /no/such/file", kconf.ClassFileNotFound},
		"a check nobody knows":            {"global_defs {\ninclude_check all\n}", kconf.ClassGeneral},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, ds := kconf.ParseString("/k.conf", tt.in, kconf.Options{FS: kconf.Memory{}})
			if got := ds.Worst(); got != tt.want {
				t.Errorf("class %d, want %d; said %s", got, tt.want, messages(ds))
			}
			status := map[kconf.Class]int{kconf.ClassNone: 0, kconf.ClassFileNotFound: 6}
			want, special := status[tt.want]
			if !special {
				want = 5
			}
			if got := ds.TestStatus(); got != want {
				t.Errorf("status %d, want %d", got, want)
			}
		})
	}
}

func TestBraces(t *testing.T) {
	runLexis(t, kconf.Options{}, map[string]lexisTest{
		"braces need no blanks":           {"a{b c}d", "a {b c} | d", ""},
		"brace on a later line":           {"a\n\n# comment\n{ b\n}", "a {b}", ""},
		"one-line blocks":                 {"x { a { b } }", "x {a {b}}", ""},
		"empty block":                     {"x {}", "x {}", ""},
		"brace in quotes":                 {`x "{" { a "}" }`, `x "{" {a "}"}`, ""},
		"text on the brace lines":         {"v { a b\nc }", "v {a b | c}", ""},
		"several closings on a line":      {"a {\nb {\nc\n} } d", "a {b {c}} | d", ""},
		"extra brace":                     {"a }\nb", "a | b", "1:3: } closes nothing"},
		"several extra braces in a line":  {"a } } }\n}", "a", "1:3: } closes nothing\n2:1: } closes nothing"},
		"missing brace":                   {"a {\nb", "a {b}", "1:3: { has no }: the file ends before it is closed"},
		"odd indentation is no crime":     {"a {\n  b {\n}\n}\nd {", "a {b {}} | d {}", "5:3: { has no }: the file ends before it is closed"},
		"two missing braces":              {"a {\nb {\nc", "a {b {c}}", "2:3: { has no }: the file ends before it is closed\n1:3: { has no }: the file ends before it is closed"},
		"brace without keyword":           {"{ a { b } }\nc", "c", "1:1: { without a keyword before it; the block is skipped"},
		"second block of a keyword":       {"a { b } { c }\nd", "a {b} | d", "1:9: { without a keyword before it; the block is skipped"},
		"brace without keyword, unclosed": {"a\n}\n{ b", "a", "2:1: } closes nothing\n3:1: { without a keyword before it; the block is skipped\n3:1: { has no }: the file ends before it is closed"},
	})
	deep := strings.Repeat("a{", 70) + strings.Repeat("}", 70)
	if _, ds := kconf.ParseString("k.conf", deep, kconf.Options{}); messages(ds) != "1:130: more than 64 blocks inside each other; this one is skipped" {
		t.Errorf("70 blocks inside each other: said %s", messages(ds)) // column 2*64+2
	}
}

func TestTopLevelKeywordEndsUnclosedBlocks(t *testing.T) {
	runLexis(t, kconf.Options{TopLevel: []string{"vrrp_instance"}}, map[string]lexisTest{
		"reading goes on": {"vrrp_instance A {\n addr {\n  192.0.2.1\n}\nvrrp_instance B {\n}\n", "vrrp_instance A {addr {192.0.2.1}} | vrrp_instance B {}",
			"2:7: { has no }: not closed before vrrp_instance in line 5"}, // the brace in line 4 stands below line 1
		"nothing says which brace": {"vrrp_instance A {\nvrrp_instance B {\n}\n", "vrrp_instance A {} | vrrp_instance B {}",
			"1:17: { has no }: not closed before vrrp_instance in line 2"},
		"as data it does nothing": {"a {\nvrrp_instance\n}", "a {vrrp_instance}", ""},
	})
}

func TestConditions(t *testing.T) {
	runLexis(t, kconf.Options{ConfigID: "b"}, map[string]lexisTest{
		"kept if equal":             {"@b k1\n@a k2", "k1", ""},
		"kept unless equal":         {"@^a k1\n@^b k2", "k1", ""},
		"empty id":                  {"@ k3\n@^ k4", "k4", ""},
		"tab behind the id":         {"@b\tk5", "k5", ""},
		"alone":                     {"@b\n@bk6\nx", "x", ""},
		"case matters":              {"@B k", "", ""},
		"one per line":              {"@b @b k", "@b k", ""},
		"opens a block":             {"@b x {\n@a y\nz\n}", "x {z}", ""},
		"behind a brace":            {"x { @b y 1 }", "x {y 1}", ""},
		"definition behind a brace": {"x { $A=4 }\ny${A}", "x {y4}", ""}, // the brace belongs to the value
		"behind a brace, not kept":  {"x { @a y 1 }\n}", "x {}", ""},     // the rest of the line goes, the brace with it
		"before a definition":       {"@a $V=1\n@b $V=2\nk${V}", "k2", ""},
		"from a definition":         {"$C=@b\n$D=@a\n$C k1\n$D k2", "k1", ""},
		"within a long definition":  {"$M=\\\n p1 x \\\n# c\n@b p2 \\\n@a p3\n$M", "p1 x | p2", ""},
		"before a long definition":  {"$M=one \\\ntwo\n@b x $M", "x one | two", ""},
		"before a repetition":       {"@b ~SEQ(V,2) s$V\n@a ~SEQ(V,2) t$V", "s1 | s2", ""},
		"a line of a value block":   {"v {\n@b 192.0.2.1\n@a 192.0.2.2\n}", "v {192.0.2.1}", ""},
		"with a comment for a text": {"@b # nothing", "", ""},
		"no blank behind the id":    {"@bk 1", "", ""},
		"not at the beginning":      {"k @a 1", "k @a 1", ""},
		"the caret alone":           {"@^", "", ""},
		"a brace behind it":         {"x\n@b {\ny\n}", "x {y}", ""},
		"a brace it takes along":    {"x {\n@a }\ny\n}", "x {y}", ""},
		"a comment it takes along":  {"@a x # y {\nz", "z", ""},
	})
}

func TestDefinitions(t *testing.T) {
	env := func(name string) string { return map[string]string{"HOME": "/root"}[name] }
	top := func(lo, hi int) int { return hi }
	opt := kconf.Options{ConfigID: "lb1", Getenv: env, Rand: top}
	runLexis(t, opt, map[string]lexisTest{
		"in braces anywhere":                                 {"$V=val\na${V}.x \"${V}\"", `aval.x "val"`, ""},
		"without braces before a dot":                        {"$V=val\na$V.x", "a$V.x", ""},
		"without braces before a quote":                      {"$V=val\nb \"$V\"", `b "$V"`, ""},
		"without braces at the end":                          {"$V=val\n$V", "val", ""},
		"before comma and parenthesis":                       {"$V=val\n$V, ($V)", "val, (val)", ""},
		"dollar does not escape":                             {"$V=val\n$$V", "$val", ""},
		"backslash does not escape":                          {"$V=val\n\\$V", `\val`, ""},
		"a name made of a value":                             {"$A=B\n$B=c\nk${${A}} k$${A}", "kc kc", ""},
		"value of a value":                                   {"$A=${B}\n$B=x\nk${A}", "kx", ""},
		"defined again":                                      {"$A=1\n$A=2\nk${A}", "k2", ""},
		"empty value":                                        {"$E=\nk${E}l", "kl", ""},
		"blanks behind the equals sign":                      {"$E=  2 # c\nk${E}l", "k2l", ""},
		"blank before the equals sign":                       {"$E =1", "$E =1", ""},
		"undefined without braces":                           {"a $NIX", "a $NIX", ""},
		"undefined in braces":                                {"a {\nb ${NIX} c\n}", "a {b ${NIX} c}", "2:3: ${NIX}: not defined"},
		"braces in a value":                                  {"$B=x { y }\n$B", "x {y}", ""},
		"comment in a value does not exist":                  {"$B=x # y\nk $B z", "k x z", ""},
		"uses itself":                                        {"$A=x${A}\nk ${A}\nl", "l", "2:3: ${A}: grows without end; does it use itself?"},
		"uses itself through another":                        {"$A=${B}\n$B=${A}\nk ${A}\nl", "l", "3:3: ${A}: grows without end; does it use itself?"},
		"grows without end":                                  {"$A=${A}${A}xxxxxxxxxxxxxxxxxxxxxxxx\nk ${A}\nl", "l", "2:3: ${A}: grows without end; does it use itself?"},
		"a digit in front is no name":                        {"$1A=3\nk", "$1A=3 | k", ""},
		"digits within are":                                  {"$A1_b=3\nk${A1_b}", "k3", ""},
		"longest name wins":                                  {"$V=1\n$VW=2\nk $VW", "k 2", ""},
		"a name that goes on":                                {"$V=1\nk $VW", "k $VW", ""},
		"a slash behind it":                                  {"$V=1\nk $V/24 ${V}/24", "k $V/24 1/24", ""},
		"no name in the braces":                              {"k ${}\nl", "k $ {} | l", ""},
		"a blank in the braces":                              {"$V=1\nk ${ V}", "k $ {V}", ""},
		"a dollar alone":                                     {"k $ $", "k $ $", ""},
		"a quoted value":                                     {"$V=\"a b\"\nk ${V} c", `k "a b" c`, ""},
		"a quote that the value closes":                      {"$V=b\"\nk \"a ${V} c", `k "a b" c`, ""},
		"an include in a value":                              {"$V=include /no/such\n$V", "", "2:1: warning: include /no/such: no such file"},
		"three parameters of random":                         {"a ${_RANDOM 1 2 3}", "a ${_RANDOM 1 2 3}", "1:3: ${_RANDOM}: wants at most two numbers"},
		"a negative parameter of random":                     {"a ${_RANDOM -1}", "a ${_RANDOM -1}", "1:3: ${_RANDOM}: wants at most two numbers"},
		"two parameters of environment":                      {"a ${_ENV HOME x}", "a ${_ENV HOME x}", "1:3: ${_ENV}: wants the name of an environment variable"},
		"a parameter where none is":                          {"a ${_HASH x}", "a ${_HASH x}", "1:3: ${_HASH}: takes no parameter"},
		"a parameter of a definition":                        {"$V=1\na ${V x}", "a ${V x}", ""},
		"a definition in a block":                            {"x {\n$V=1\ny $V\n}\nz $V", "x {y 1} | z 1", ""},
		"definition that defines":                            {"$D=$X=3\n$D\nk${X}", "k3", ""},
		"config id":                                          {"a ${_INSTANCE} $_INSTANCE", "a lb1 lb1", ""},
		"built-in names can be overridden":                   {"$_INSTANCE=x\na ${_INSTANCE}", "a x", ""},
		"hash outside and inside quotes":                     {`a ${_HASH}x "${_BANG}y"`, `a #x "!y"`, ""},
		"environment":                                        {"a ${_ENV HOME} \"${_ENV NIX}\"", `a /root ""`, ""},
		"environment without name":                           {"a ${_ENV}", "a ${_ENV}", "1:3: ${_ENV}: wants the name of an environment variable"},
		"random":                                             {"a ${_RANDOM} ${_RANDOM 5 9}", "a 32767 9", ""},
		"random upside down":                                 {"a ${_RANDOM 7 3}", "a 7", "1:3: ${_RANDOM}: MIN is above MAX, MIN is used"},
		"random of words":                                    {"a ${_RANDOM x}", "a ${_RANDOM x}", "1:3: ${_RANDOM}: wants at most two numbers"},
		"blank line ends a long definition":                  {"$M=a \\\n\nb\n$M", "b | a", ""},
		"comment does not":                                   {"$M=a \\\n# c\nb\n$M", "a | b", ""},
		"text before a long definition":                      {"$M=one \\\ntwo\nk$M\nxx k${M}", "kone | two | xx kone | two", ""},
		"text behind a long definition":                      {"$M=one \\\ntwo\nk ${M} x\nl", "k ${M} x | l", "3:3: ${M}: a definition of several lines must end the line"},
		"text behind it, without braces":                     {"$M=one \\\ntwo\nk $M x\nl", "k $M x | l", "3:3: $M: a definition of several lines must end the line"},
		"text before a long definition that begins below":    {"$M=\\\none\\\ntwo\nk $M", "k one | two", ""},
		"a long definition whose first line ends in another": {"$A=a\\\nb\n$M=m $A\\\nn\nk $M", "k m a | b | n", ""},
		"a long definition of nothing":                       {"$M=\\\n\nk $M", "k", ""},
		"long definition with a block":                       {"$M=b { \\\nc \\\n}\na {\n$M\n}", "a {b {c}}", ""},
		"long definition that uses itself":                   {"$M=a \\\n$M\n$M", strings.TrimSuffix(strings.Repeat("a | ", 65), " | "), "3:1: conditions, definitions or repetitions within each other more than 64 times"},
	})
}

func TestRepetition(t *testing.T) {
	runLexis(t, kconf.Options{MaxGenerated: 50}, map[string]lexisTest{
		"to an end":                     {"~SEQ(V,3) s$V", "s1 | s2 | s3", ""},
		"to a negative end":             {"~SEQ(V,-2) s$V", "s-1 | s-2", ""},
		"to zero":                       {"~SEQ(V,0) s$V", "s1 | s0", ""},
		"down":                          {"~SEQ(V,3,1) s$V", "s3 | s2 | s1", ""},
		"with a step":                   {"~SEQ(V,1,2,6) s$V", "s1 | s3 | s5", ""},
		"numbers as in C":               {"~SEQ(V,0x7,010) s$V", "s7 | s8", ""},
		"hexadecimal":                   {"~SEQx(V,9,11) s$V", "s9 | sa | sb", ""},
		"blanks":                        {"~SEQ ( V , 1 , 2 ) s$V", "s1 | s2", ""},
		"a single value":                {"~SEQ(V,1) s$V", "s1", ""},
		"up from a negative start":      {"~SEQ(V,-1,1) s$V", "s-1 | s0 | s1", ""},
		"down with a step":              {"~SEQ(V,5,-2,1) s$V", "s5 | s3 | s1", ""},
		"a step beyond the end":         {"~SEQ(V,1,5,3) s$V", "s1", ""},
		"a plus sign":                   {"~SEQ(V,+1,+2) s$V", "s1 | s2", ""},
		"too many numbers":              {"~SEQ(V,1,1,2,3) s", "", "1:1: ~SEQ: wants (VAR, [START, [STEP,]] END)"},
		"a name with a dollar":          {"~SEQ($V,2) s", "", "1:1: ~SEQ: wants (VAR, [START, [STEP,]] END)"},
		"no parenthesis":                {"~SEQ V,2 s", "~SEQ V,2 s", ""},
		"parenthesis not closed":        {"~SEQ(V,2 s", "~SEQ(V,2 s", ""},
		"nothing to repeat":             {"~SEQ(V,2)\nk", "k", ""},
		"a definition of several":       {"~SEQ(A,2) $M=a$A \\\nb\n$M", "a2 | b", ""},
		"a value with a colon":          {"~LST(B,2001:db8::1,192.0.2.1/24) ip $B", "ip 2001:db8::1 | ip 192.0.2.1/24", ""},
		"list":                          {"~LST(B,x,y) s$B", "sx | sy", ""},
		"list of several":               {"~LST({A,B}, {a,b}, {c}, d) s${A}_$B", "sa_b | sc_ | sd_", ""},
		"within each other":             {"~SEQ(A,2) ~LST(B,x,y) s${A}$B", "s1x | s1y | s2x | s2y", ""},
		"arguments from definitions":    {"$M=2\n~SEQ(V,$M) s$V\n~LST(A,$M,${M}q) l$A", "s1 | s2 | l2 | l2q", ""},
		"blocks":                        {"~SEQ(A,2) f$A { b }", "f1 {b} | f2 {b}", ""},
		"blocks, in braces":             {"~SEQ(A,2) f${A} { b }", "f1 {b} | f2 {b}", ""},
		"the variable stays":            {"~SEQ(A,2) s$A\nk$A", "s1 | s2 | k2", ""},
		"defines definitions":           {"~SEQ(A,2) $X=v$A\nk$X", "kv2", ""},
		"behind a brace":                {"x { ~SEQ(N,2) y${N} {} }\nz", "x {y1 {}} | y2 {} | z", "1:24: } closes nothing"}, // the brace is repeated, too
		"defined before, behind it":     {"$N=5\nx {\na {} ~SEQ(N,2) y$N {}\n}", "x {a {} | y5 {} | y5 {}}", ""},
		"wrong direction":               {"~SEQ(V,1,-1,3) s$V\nk", "k", "1:1: ~SEQ: step -1 does not lead from 1 to 3"},
		"no step":                       {"~SEQ(V,1,0,3) s$V", "", "1:1: ~SEQ: step 0 does not lead from 1 to 3"},
		"no number":                     {"~SEQ(V,x) s", "", "1:1: ~SEQ x: not a number"},
		"no end":                        {"~SEQ(V) s", "", "1:1: ~SEQ: wants (VAR, [START, [STEP,]] END)"},
		"negative hexadecimal":          {"~SEQx(V,-2) s", "", "1:1: ~SEQx: negative numbers have no hexadecimal form here"},
		"too many values":               {"~LST(A,{a,b}) x", "", "1:1: ~LST: {a,b} has 2 values for 1 names"},
		"a blank in a value":            {"~LST(A,b c) x\nk", "k", "1:1: ~LST: b c has a value with a blank; values hold neither blanks nor commas nor braces"},
		"a blank in a value of several": {"~LST({A,B}, {a, b}, {a b, c}) x\nk", "x | k", "1:1: ~LST: {a b, c} has a value with a blank; values hold neither blanks nor commas nor braces"},
		"no values":                     {"~LST(A) x\nk", "k", "1:1: ~LST: wants (VAR, VALUE, ...)"},
		"an empty value is one":         {"~LST(A,b,) x${A}", "xb | x", ""},
		"bad name":                      {"~LST(1A,b) x", "", "1:1: ~LST: 1A is no name"},
		"another tilde is passed on":    {"~FOO ${V}", "~FOO ${V}", "1:6: ${V}: not defined"},
		"too many lines are not made":   {"~SEQ(A,60) $X=y\nk", "k", "1:1: more than 50 lines are made by repetition and definitions; the rest is not read"},
		"too many lines, many ways":     {"~SEQ(A,60) ~SEQ(B,1000) ~SEQ(C,1000000000) $X=y\nk", "k", "1:25: more than 50 lines are made by repetition and definitions; the rest is not read"},
		"long lines count more":         {"~SEQ(A,9) " + strings.Repeat("x ", 500) + "\nk", strings.Repeat(strings.TrimSpace(strings.Repeat("x ", 500))+" | ", 1) + "k", "1:1: more than 50 lines are made by repetition and definitions; the rest is not read"}, // 1+1009/32 = 32 each
		"conditional in the repeated":   {"~SEQ(A,2) @x s$A\nk", "k", ""},
		"repetition without its comma":  {"~SEQ(V 3) s", "", "1:1: ~SEQ: wants (VAR, [START, [STEP,]] END)"},
	})
}
