package doctor

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/checkers"
	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/internal/golden"
	"holdfast/kconf"
	"holdfast/notify"
	"holdfast/track"
)

// machine is the one that exampleMachine describes.
func machine() *host.State {
	s := host.NewState()
	for n, name := range []string{"eth0", "eth1", "eth2", "eth3", "eth0.10", "eth9", "mv0", "tun0"} {
		s.Links[name] = host.Link{Index: n + 2, Name: name, Up: true, Running: name != "eth9"}
	}
	vlan, mv := s.Links["eth0.10"], s.Links["mv0"]
	vlan.Kind, vlan.Parent = "vlan", s.Links["eth0"].Index
	mv.Kind, mv.Parent = "macvlan", s.Links["eth0"].Index
	s.Links["eth0.10"], s.Links["mv0"] = vlan, mv
	for n, a := range []struct{ link, prefix string }{
		{"eth0", "192.0.2.2/24"}, {"eth0", "2001:db8::2/64"}, {"eth0", "fe80::2/64"}, {"eth1", "198.51.100.2/24"},
		{"eth2", "203.0.113.2/25"}, {"eth2", "203.0.113.5/25"},
	} {
		addr := host.NewAddress(a.link, netip.MustParsePrefix(a.prefix))
		addr.Order = n
		s.Addresses[addr.Key()] = addr
	}
	return &s
}

// files are what scripts and includes are looked for in.
var files = kconf.Memory{"conf.d/a.conf": ""}

// input understands a text on machine().
func input(t testing.TB, name, text string) *Input {
	t.Helper()
	opt := config.LoadOptions{ConfigID: "node"}.Parsing()
	opt.FS = files
	file, diags := kconf.ParseString(name, text, opt)
	l, err := config.Understand(file, diags, config.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	checkScripts(l)
	in := NewInput(file, l)
	in.Machine = machine()
	sources := kconf.Memory{name: text}
	for n, c := range files {
		sources[n] = c
	}
	in.Sources = sources
	return in
}

// checkScripts does what config does on a real machine, with a disk of ours.
func checkScripts(l *config.Loaded) {
	g := &l.Config.Global
	as := notify.Accounts{Directory: accounts{}, Security: g.ScriptSecurity}
	if g.ScriptUser != nil {
		as.User = g.ScriptUser.User
	}
	k := &notify.Checker{Accounts: as, FS: disk{}, Path: []string{"/usr/local/bin"}}
	var report notify.SecurityReport
	l.Config.Scripts = slices.DeleteFunc(l.Config.Scripts, func(s *track.ScriptConfig) bool {
		sc := *s.Script
		sc.User = s.User
		_, ok := k.Check(&report, notify.UseTrack, &sc)
		return !ok
	})
	for _, s := range l.Config.Services {
		for n := range s.Checks {
			s.Checks[n] = slices.DeleteFunc(s.Checks[n], func(c checkers.Spec) bool {
				sc := miscScript(c)
				if sc == nil {
					return false
				}
				_, ok := k.Check(&report, notify.UseMisc, sc)
				return !ok
			})
		}
	}
	k.Finish(&report)
	for _, f := range report.Findings {
		l.Diagnostics.Add(f.Diagnostic())
	}
}

// disk has /usr/local/bin/chk and more, which are root's, text there that is no
// program, /srv/shared/chk in a folder that everybody may write to, and /root/chk
// in one that is for root.
type disk struct{}

func (disk) Lstat(name string) (mode fs.FileMode, uid, gid uint32, err error) {
	switch name {
	case "/", "/usr", "/usr/local", "/usr/local/bin", "/srv":
		return fs.ModeDir | 0o755, 0, 0, nil
	case "/srv/shared":
		return fs.ModeDir | 0o777, 1000, 1000, nil
	case "/usr/local/bin/chk", "/usr/local/bin/more", "/srv/shared/chk", "/root/chk":
		return 0o755, 0, 0, nil
	case "/root":
		return fs.ModeDir | 0o700, 0, 0, nil
	case "/usr/local/bin/text":
		return 0o644, 0, 0, nil
	}
	return 0, 0, 0, fs.ErrNotExist
}

func (disk) Readlink(name string) (string, error) { return "", fs.ErrInvalid }

// accounts are root and nobody.
type accounts struct{}

func (accounts) User(name string) (*user.User, error) {
	switch name {
	case "root":
		return &user.User{Uid: "0", Gid: "0", Username: name}, nil
	case "nobody":
		return &user.User{Uid: "65534", Gid: "65534", Username: name}, nil
	}
	return nil, user.UnknownUserError(name)
}

func (accounts) Group(name string) (*user.Group, error) { return nil, user.UnknownGroupError(name) }

func (accounts) GroupIDs(*user.User) ([]string, error) { return nil, nil }

// found is what a rule's example makes the doctor say.
func found(t testing.TB, here, there string) []kconf.Diagnostic {
	t.Helper()
	a := input(t, "k.conf", here)
	list := Examine(a)
	if there != "" {
		list = append(list, Compare(a, input(t, "peer.conf", there))...)
	}
	return list
}

func of(list []kconf.Diagnostic, id string) []string {
	var lines []string
	for _, d := range list {
		if d.ID == id {
			lines = append(lines, d.String())
		}
	}
	return lines
}

// TestEveryRuleFiresOnItsBadExampleAndNotOnItsGoodOne: testdata/rules.txt has
// what is said, word for word.
func TestEveryRuleFiresOnItsBadExampleAndNotOnItsGoodOne(t *testing.T) {
	var b bytes.Buffer
	for _, r := range Rules() {
		bad := of(found(t, r.Bad, r.BadPeer), r.ID)
		if len(bad) == 0 {
			t.Errorf("%s: is not found in\n%s%s", r.ID, r.Bad, r.BadPeer)
		}
		if good := of(found(t, r.Good, r.GoodPeer), r.ID); len(good) > 0 {
			t.Errorf("%s: is found in\n%s%s\n%q", r.ID, r.Good, r.GoodPeer, good)
		}
		fmt.Fprintf(&b, "== %s\n%s\n", r.ID, strings.Join(bad, "\n"))
	}
	golden.Equal(t, "testdata/rules.txt", b.Bytes())
}

// TestGoodExamplesAreReallyGood: what a page recommends must not be what another
// page warns of.
func TestGoodExamplesAreReallyGood(t *testing.T) {
	for _, r := range Rules() {
		for _, d := range found(t, r.Good, r.GoodPeer) {
			if d.Severity == kconf.Warning {
				t.Errorf("%s: its good example has: %v [%s]", r.ID, d, d.ID)
			}
		}
		for _, d := range input(t, "k.conf", r.Good).Read {
			if d.Severity == kconf.Error && d.ID != "no-such-interface" {
				t.Errorf("%s: its good example is refused: %v [%s]", r.ID, d, d.ID)
			}
		}
	}
}

func TestRulesAreComplete(t *testing.T) {
	if n := len(Rules()); n < 57 {
		t.Errorf("%d rules", n)
	}
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] {
			t.Errorf("%s: stands twice", r.ID)
		}
		seen[r.ID] = true
		for what, text := range map[string]string{"Title": r.Title, "What": r.What, "Why": r.Why, "Fix": r.Fix, "Bad": r.Bad, "Good": r.Good, "Theme": string(r.Theme)} {
			if text == "" {
				t.Errorf("%s: no %s", r.ID, what)
			}
		}
		if (r.Find == nil) == (r.Compare == nil) || (r.Compare != nil) != (r.BadPeer != "") || (r.Compare != nil) != strings.HasPrefix(r.ID, "peer-") {
			t.Errorf("%s: is about one node or about two", r.ID)
		}
		if r.Severity == kconf.Error || len(r.References) == 0 {
			t.Errorf("%s: severity %v, references %v", r.ID, r.Severity, r.References)
		}
		if strings.HasSuffix(r.Fix, ".") || !strings.HasSuffix(r.What, ".") || !strings.HasSuffix(r.Why, ".") {
			t.Errorf("%s: What and Why are sentences, Fix is a clause", r.ID)
		}
	}
}

// TestIDsAreNobodyElses: neither is an id of the reading, nor does one begin with
// the other, so that a list of ids to ignore can be read in one way only.
func TestIDsAreNobodyElses(t *testing.T) {
	theirs := idsOfTheReading(t)
	if len(theirs) < 50 {
		t.Fatalf("only %d ids found in the sources: %v", len(theirs), theirs)
	}
	for _, r := range Rules() {
		for _, id := range theirs {
			if id == r.ID || strings.HasPrefix(r.ID, id+"-") || strings.HasPrefix(id, r.ID+"-") {
				t.Errorf("%s: the reading has %s", r.ID, id)
			}
		}
		for _, c := range r.Covers {
			if !slices.Contains(theirs, c) {
				t.Errorf("%s: covers %s, which no source has", r.ID, c)
			}
		}
		for _, o := range Rules() {
			if o.ID != r.ID && strings.HasPrefix(o.ID, r.ID+"-") {
				t.Errorf("%s begins with %s", o.ID, r.ID)
			}
		}
	}
}

// idsOfTheReading are all ids that the sources give to diagnostics, but for those
// of rules.
func idsOfTheReading(t *testing.T) []string {
	t.Helper()
	var sources []*ast.File
	params := idParams{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains([]string{"testdata", "integration", "doctor"}, d.Name()) || strings.HasPrefix(d.Name(), ".") && path != "../.."):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		sources = append(sources, f)
		params.add(f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range sources {
		for _, id := range idsOf(f, params) {
			if id == "unknown-*" { // completed by what is tracked
				ids = append(ids, "unknown-script", "unknown-file", "unknown-process", "unknown-bfd")
			} else {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// TestPagesAreUpToDate: docs/checks.md and docs/checks/ are made from the rules.
func TestPagesAreUpToDate(t *testing.T) {
	golden.Equal(t, "../../docs/checks.md", []byte(Index()))
	have, err := filepath.Glob("../../docs/checks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		golden.Equal(t, "../../docs/checks/"+r.ID+".md", []byte(r.Page()))
	}
	for _, name := range have {
		if _, known := Lookup(strings.TrimSuffix(filepath.Base(name), ".md")); !known {
			t.Errorf("%s: there is no such rule", name)
		}
	}
}

// TestPublishedClusters: what is said about each file of examples/, on a machine
// that is not known; the files are what people run.
func TestPublishedClusters(t *testing.T) {
	names, err := filepath.Glob("../../examples/*/*.conf")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var b bytes.Buffer
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		short := strings.TrimPrefix(name, "../../examples/")
		in := input(t, short, string(text))
		in.Machine = nil
		fmt.Fprintf(&b, "== %s\n", short)
		for _, d := range Examine(in) {
			if d.ID != "tracker-not-run" && d.ID != "check-not-run" { // their scripts are not on the disk of this test
				fmt.Fprintf(&b, "%v [%s]\n", d, d.ID)
			}
		}
	}
	golden.Equal(t, "testdata/examples.txt", b.Bytes())
}

// TestPublishedPair: the two directors of one published cluster, side by side.
func TestPublishedPair(t *testing.T) {
	node := func(name string) *Input {
		text, err := os.ReadFile("../../examples/web-fwmark/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return input(t, name, string(text))
	}
	var b bytes.Buffer
	for _, d := range Compare(node("lb1.conf"), node("lb2.conf")) {
		fmt.Fprintf(&b, "%v [%s]\n", d, d.ID)
	}
	golden.Equal(t, "testdata/pair.txt", b.Bytes())
}
