package doctor

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/host"
	"holdfast/internal/golden"
	"holdfast/kconf"
)

// withoutExample are kinds that no small text can yield, and why.
var withoutExample = map[string]string{
	"file-missing":           "it is about the name that was given, see load_test of config",
	"internal-error":         "nobody knows how",
	"multiple-files":         "it is about the name that was given, see files_test of kconf",
	"not-a-prefix":           "no keyword has such an argument at present",
	"script-account-refused": "it needs a daemon that is not root, see security_linux_test of notify",
	"unreadable":             "it needs a disk that fails in the middle of a file",
	"syntax":                 "braces are put in order before anything else could find fault with them",
}

// large are texts too large or strange for a manual, for kinds without example.
var large = map[string]func() string{
	"encoding":          func() string { return "include utf16.conf\n" },
	"nul":               func() string { return "global_defs {\n    router_id a\x00b\n}\n" },
	"line-too-long":     func() string { return "global_defs {\nrouter_id " + strings.Repeat("x", 2<<20) + "\n}\n" },
	"too-deep":          func() string { return strings.Repeat("a {\n", 100) + strings.Repeat("}\n", 100) },
	"too-many-mistakes": func() string { return strings.Repeat("wrong\n", 11_000) },
	"too-many-lines":    func() string { return "~SEQ(I, 1, 2000) x\n" },
	"pattern-too-long":  func() string { return "include " + strings.Repeat("x", 10_000) + "\n" },
	"include-too-deep":  func() string { return "include 1.conf\n" },
	"too-many-addresses": func() string {
		addresses := ""
		for n := range 100 {
			addresses += fmt.Sprintf("2001:db8::%x; ", n+1)
		}
		return conf(router("version 3; virtual_ipaddress { fe80::1; " + addresses + "}"))
	},
}

// tree are the files that examples include.
func tree() kconf.Memory {
	files := kconf.Memory{"loop.conf": "include loop.conf\n", "utf16.conf": "\xff\xfeg\x00\n\x00"}
	for n := range 200 {
		files[fmt.Sprintf("%d.conf", n)] = fmt.Sprintf("include %d.conf\n", n+1)
	}
	return files
}

// links are those of configtest, a loopback, a tunnel and a VMAC.
func links() map[string]host.Link {
	list := configtest.TwoLinks()
	list["lo"] = host.Link{Index: 1, Name: "lo", Up: true, Running: true, Loopback: true, MTU: 65536}
	list["tun0"] = host.Link{Index: 4, Name: "tun0", Up: true, Running: true, MTU: 1500}
	list["vrrp.51"] = host.Link{Index: 5, Name: "vrrp.51", Up: true, Running: true, MAC: host.MAC{0, 0, 0x5e, 0, 1, 51}, MTU: 1500, Multicast: true, Kind: "macvlan", Parent: 2}
	return list
}

// idsRead are the ids that a text yields on the machine of configtest, with
// scripts and accounts of ours.
func idsRead(t *testing.T, text string) []string {
	t.Helper()
	opt := config.LoadOptions{ConfigID: "node"}.Parsing()
	opt.FS, opt.MaxGenerated = tree(), 1000
	file, diags := kconf.ParseString("k.conf", text, opt)
	l, err := config.Understand(file, diags, config.Environment{Links: links(), Files: fstest.MapFS{"run/key": {Data: bytes.Repeat([]byte("x"), 32), Mode: 0o644}}})
	if err != nil {
		t.Fatal(err)
	}
	checkScripts(l)
	ids := map[string]bool{}
	for _, d := range l.Diagnostics.All() {
		ids[d.ID] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

func TestEveryKindIsWhatItsExampleYields(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.ID, func(t *testing.T) {
			why, impossible := withoutExample[k.ID]
			text := k.In.whole(k.Bad)
			if build, there := large[k.ID]; there && k.Bad == "" {
				text = build()
			}
			switch got := idsRead(t, text); {
			case impossible && k.Bad != "":
				t.Errorf("has an example, although %s", why)
			case !impossible && !slices.Contains(got, k.ID):
				t.Errorf("yields %v:\n%.2000s", got, text)
			}
		})
	}
}

// TestExamplesOfKindsStandInFilesThatAreRight: what surrounds them yields nothing.
func TestExamplesOfKindsStandInFilesThatAreRight(t *testing.T) {
	for p, bad := range map[Place]string{inGlobal: "router_id a", inPair: "global_defs { router_id a }", inInstance: "priority 50", inStrict: "priority 50", inScript: "rise 2",
		inService: "quorum 1", inServer: "weight 1", inURL: "status_code 200", inBFD: "min_rx 100"} {
		if got := idsRead(t, p.whole(bad)); len(got) > 0 && !slices.Equal(got, []string{"not-supported-yet"}) {
			t.Errorf("%s: %v", p, got)
		}
	}
}

func TestEveryIDOfTheSourcesIsExplained(t *testing.T) {
	used := idsOfTheReading(t)
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k.ID] {
			t.Errorf("%s has two rows", k.ID)
		}
		seen[k.ID] = true
		if !slices.Contains(used, k.ID) {
			t.Errorf("%s: no source has this id", k.ID)
		}
		for _, text := range []string{k.What, string(k.Effect)} {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: no sentence: %q", k.ID, text)
			}
		}
		if k.Fix == "" || strings.HasSuffix(k.Fix, ".") {
			t.Errorf("%s: no clause: %q", k.ID, k.Fix)
		}
	}
	for _, id := range used {
		if !seen[id] {
			t.Errorf("%s: no row says what it means", id)
		}
	}
	for id := range withoutExample {
		if !seen[id] {
			t.Errorf("%s: there is no such kind", id)
		}
	}
}

// TestKindsAreInOrder: those of a theme by id, so that they are found.
func TestKindsAreInOrder(t *testing.T) {
	for _, theme := range kinds {
		if !slices.IsSortedFunc(theme.Rows, func(a, b Kind) int { return strings.Compare(a.ID, b.ID) }) {
			t.Errorf("%s: not sorted by id", theme.Theme)
		}
	}
}

func TestListOfKindsIsUpToDate(t *testing.T) {
	list := KindIndex()
	if i := strings.IndexFunc(list, func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
		t.Errorf("not plain text: %q", list[max(0, i-40):i+1])
	}
	golden.Equal(t, "../../docs/diagnostics.md", []byte(list))
}

func TestPageOfAKind(t *testing.T) {
	k, known := LookupKind("not-one-of")
	if !known {
		t.Fatal("not known")
	}
	want := `# not-one-of

An argument must be one of a few words and is another. Upper and lower case count.

- Then: The statement is not used; a default may take its place, which the message then says.
- To do: write one of the words that the message lists.

For example, in vrrp_instance:

` + "```\nstate PRIMARY\n```\n"
	if got := k.Page(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, known := LookupKind("nowhere"); known {
		t.Error("nowhere is known")
	}
}
