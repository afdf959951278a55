package lsp

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

func TestDocumentsAreCheckedWhenTheEditorIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, times := time.Now(), []time.Duration{}
		c := connect(t, Options{Vocab: rootRows, FS: onDisk, Quiet: 200 * time.Millisecond,
			Check: func(path string, files kconf.FS) (*kconf.Diagnostics, *kconf.File) {
				times = append(times, time.Since(start))
				return check(path, files)
			}})
		go io.Copy(io.Discard, c.out)
		io.WriteString(c.in, frame(`{"id":1,"method":"initialize","params":{}}`)+
			frame(`{"method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///a","text":"x"}}}`))
		for range 3 {
			time.Sleep(100 * time.Millisecond) // virtual
			io.WriteString(c.in, frame(`{"method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///a"},"contentChanges":[{"text":"y"}]}}`))
		}
		time.Sleep(time.Second)
		io.WriteString(c.in, frame(`{"id":2,"method":"textDocument/definition","params":{"textDocument":{"uri":"file:///a"}}}`)) // nothing has changed
		c.in.Close()
		<-c.done
		if want := []time.Duration{500 * time.Millisecond}; !slices.Equal(times, want) { // 3*100ms + 200ms
			t.Errorf("checked after %v, want %v", times, want)
		}
	})
}

func TestFilesThatSomebodyElseWritesAreReadAgain(t *testing.T) {
	disk := kconf.Memory{"/part": "interface eth0\n"}
	s := newServer(io.Discard, Options{Vocab: rootRows, Check: check, FS: disk})
	s.initialized = true
	s.notified(parseMessage([]byte(`{"method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///k","text":"vrrp_instance i {\ninclude /part\n}"}}}`)))
	s.checkDirty()
	disk["/part"] = "interfake eth0\n"
	s.notified(parseMessage([]byte(`{"method":"workspace/didChangeWatchedFiles","params":{"changes":[]}}`)))
	s.checkDirty()
	if got := s.published["file:///part"]; len(got) != 1 || got[0].Code != "unknown-keyword" {
		t.Errorf("published %+v", got)
	}
}

func TestPathsAndURIs(t *testing.T) {
	tests := map[string]struct{ uri, path, back string }{
		"a file":               {"file:///etc/k.conf", "/etc/k.conf", "file:///etc/k.conf"},
		"with blanks":          {"file:///a%20b/%C3%A9", "/a b/é", "file:///a%20b/%C3%A9"},
		"on this machine":      {"file://localhost/a", "/a", "file:///a"},
		"not in its short way": {"file:///a/../b//c", "/b/c", "file:///b/c"},
		"not saved yet":        {"untitled:Untitled-1", "untitled:Untitled-1", ""},
		"no URI":               {"%zz", "%zz", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := pathOf(tt.uri)
			if path != tt.path {
				t.Errorf("path %q, want %q", path, tt.path)
			}
			if tt.back != "" && uriOf(path) != tt.back {
				t.Errorf("and back %q, want %q", uriOf(path), tt.back)
			}
		})
	}
}

func TestOverlayShowsWhatTheEditorHas(t *testing.T) {
	o := &overlay{base: kconf.Memory{"/d/a": "disk", "/d/b": "disk"}, read: map[string]bool{},
		texts: map[string]*document{"/d/a": {text: "editor"}, "/d/new": {text: "new"}}}
	if names, err := o.Glob("/d/*"); err != nil || !slices.Equal(names, []string{"/d/a", "/d/b", "/d/new"}) {
		t.Errorf("found %v, %v", names, err)
	}
	for name, want := range map[string]string{"/d/a": "editor", "/d/b": "disk", "/d/./new": "new"} {
		if _, err := o.Stat(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if data, err := o.ReadFile(name); err != nil || string(data) != want {
			t.Errorf("%s: %q, want %q, %v", name, data, want, err)
		}
	}
	if _, err := o.Stat("/d/c"); err == nil {
		t.Error("a file that does not exist is there")
	}
	if got, want := strings.Join(sorted(o.read), " "), "/d/a /d/b /d/new"; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
}

func TestWordsOfAnEnumeration(t *testing.T) {
	tests := map[string]struct{ typ, rng, want string }{
		"two":                 {"ENUM", "MASTER or BACKUP", "MASTER BACKUP"},
		"several":             {"ENUM", "rr, wrr or lblc", "rr wrr lblc"},
		"with options behind": {"ENUM", "NAT, DR or TUN [type gue]", "NAT DR TUN"},
		"versions":            {"ENUM", "1.0, 1.0C or 1.1", "1.0 1.0C 1.1"},
		"switches":            {"BOOL tri-state", "true on yes or false off no", "true on yes false off no"},
		"bars":                {"ENUM", "a|b", "a b"},
		"a sentence":          {"ENUM", "any word: (see there)", ""},
		"numbers":             {"UINT", "1..255", ""},
		"a name":              {"STR", "must exist", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(enumWords(kconf.KeywordDoc{Type: tt.typ, Range: tt.rng}), " ")
			if got != tt.want {
				t.Errorf("offers %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSnippets(t *testing.T) {
	for args, want := range map[string]string{
		"{ ... }":                         "k {\n\t$0\n}",
		"NAME { ... }":                    "k ${1:NAME} {\n\t$0\n}",
		"IP [PORT] | group $NAME {...}":   "k ${1:IP [PORT] | group \\$NAME} {\n\t$0\n}",
		"":                                "k {\n\t$0\n}",
		`a\b} { ENTRY [min N|max N]... }`: "k ${1:a\\\\b\\}} {\n\t$0\n}",
	} {
		if got := snippet(kconf.KeywordDoc{Name: "k", Args: args}); got != want {
			t.Errorf("%q makes %q, want %q", args, got, want)
		}
	}
}

func TestRangeOfADiagnosticIsItsWord(t *testing.T) {
	at := func(line, col int) kconf.Pos { return kconf.At("", line, col) }
	tests := map[string]struct {
		text string
		pos  kconf.Pos
		want string
	}{
		"a word":                      {"a bc d", at(1, 3), "bc"},
		"before a brace":              {"a bc{", at(1, 3), "bc"},
		"before a comment":            {"a bc#d", at(1, 3), "bc"},
		"in quotes":                   {`a "b c" d`, at(1, 3), `"b c"`},
		"an open quote":               {"a \"b c\nd", at(1, 3), `"b c`},
		"a brace":                     {"a {b", at(1, 3), "{"},
		"a use":                       {"a ${B}c", at(1, 3), "${B}"},
		"an open use":                 {"a ${B c", at(1, 3), "${B c"},
		"behind wide characters":      {"é😀 b", at(1, 4), "b"},
		"on a later line":             {"a\r\nbc\r\n", at(2, 1), "bc"},
		"behind the end of a line":    {"a\nb", at(1, 9), ""},
		"behind the last line":        {"a\nb", at(9, 1), ""},
		"a byte order mark before it": {"\ufeffa b", at(1, 1), "a"},
		"octets that are not UTF-8":   {"a\xff\xffb c", at(1, 6), "c"},
		"no place":                    {"a b", kconf.Pos{}, "a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := &document{text: tt.text}
			s := d.wordAt(d.at(tt.pos))
			if got := tt.text[s.From:s.To]; got != tt.want {
				t.Errorf("marks %q, want %q", got, tt.want)
			}
		})
	}
}

// A vocabulary may contain itself, as a block of tests within tests would.
type loop struct{}

func (loop) Docs() []kconf.KeywordDoc {
	return []kconf.KeywordDoc{{Name: "a", Aliases: []string{"b"}, Type: "block", Block: loop{}}, {Name: "b", Doc: "comes too late"}, {Name: "c"}}
}

func TestRowsAreFoundByNameAndAlias(t *testing.T) {
	b := newBlock(loop{})
	if r := b.find("a").inner.find("b"); r == nil || r.Name != "a" || r.inner == nil {
		t.Errorf("b in a is %+v", r)
	}
	if r := b.find("c"); r == nil || r.inner.find("a") != nil {
		t.Errorf("c is %+v, and has a block", r)
	}
	words := newBlock(kconf.Entries{{Name: "lines", Type: "line block", Block: kconf.Entries{{Name: "dev"}}}}).find("lines")
	if words.inner != nil || words.words.find("dev") == nil {
		t.Errorf("the words of lines are keywords: %+v", words)
	}
	if b.find("d") != nil || newBlock(nil).find("a") != nil {
		t.Error("what nobody has is found")
	}
	if top := newBlock(rootRows).topLevel(); !slices.Equal(top, []string{"global_defs", "virtual_server", "vrrp_instance", "vrrp_script", "vrrp_sync_group"}) {
		t.Errorf("top level: %v", top)
	}
	if top := b.topLevel(); len(top) != 0 { // a and b stand in themselves
		t.Errorf("top level of a loop: %v", top)
	}
}

func TestObjectsOfAConfiguration(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"a line block names first":       {"vrrp_script s { }\nvrrp_instance i { track_script {\ns weight 2\n} }", "vrrp_instance i 2:15; vrrp_script s 1:13; -> vrrp_script s 3:1"},
		"a word block names everywhere":  {"vrrp_sync_group g { group {\na b\n} }", "vrrp_sync_group g 1:17; -> vrrp_instance a 2:1; -> vrrp_instance b 2:3"},
		"an argument, if there is one":   {"vrrp_instance i { }\nglobal_defs { lvs_sync_daemon eth0 inst i id 3\n}", "vrrp_instance i 1:15; -> vrrp_instance i 2:41"},
		"an argument that names nothing": {"virtual_server group g { }", ""},
		"quoted names":                   {"vrrp_instance \"a b\" { }\nvrrp_sync_group g { group { \"a b\"\n} }", "vrrp_instance a b 1:15; vrrp_sync_group g 2:17; -> vrrp_instance a b 2:29"},
		"names that a definition brings": {"$N=i\nvrrp_instance ${N} { }", "vrrp_instance i 2:15"},
		"repeated ones":                  {"~SEQ(N, 2) vrrp_instance i$N { }", "vrrp_instance i1 1:26; vrrp_instance i2 1:26"},
		"without a name":                 {"vrrp_instance { }", ""},
		"in unknown blocks":              {"x { vrrp_instance i { } }", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, _ := kconf.ParseString("k.conf", tt.in, kconf.Options{})
			x := newIndex(newBlock(rootRows), f)
			got := append(places(x.defines, ""), places(x.refers, "-> ")...)
			if d := cmp.Diff(tt.want, strings.Join(got, "; ")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func places(objects map[object][]kconf.Pos, lead string) []string {
	var list []string
	for o, where := range objects {
		for _, p := range where {
			list = append(list, fmt.Sprintf("%s%s %s %d:%d", lead, o.kind, o.name, p.Line, p.Col))
		}
	}
	slices.Sort(list)
	return list
}

func TestIncludePatternsWithNames(t *testing.T) {
	s := newServer(io.Discard, Options{Vocab: rootRows, Check: check, FS: onDisk})
	d := &document{path: "/etc/k/main.conf", text: "$A=/etc\n$B=${A}/k\n$L=a \\\nb\n$R=$R$R\n"}
	for pattern, want := range map[string]string{"${B}/*.conf": "/etc/k/*.conf", "$A": "/etc", "${L}": "${L}", "${NIX}x": "${NIX}x"} {
		if got := s.expand(d, pattern, len(d.text)); got != want {
			t.Errorf("%s is %s, want %s", pattern, got, want)
		}
	}
	if got := s.expand(d, "$R", len(d.text)); len(got) > 10_000 { // it has doubled until it was too long
		t.Errorf("%d octets of a name that uses itself", len(got))
	}
	if got := s.expand(d, "$A", 0); got != "$A" {
		t.Errorf("before its definition $A is %s", got)
	}
}
