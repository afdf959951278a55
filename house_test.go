// Package house holds the rules of the house as tests: who may import whom,
// what doc.go of each package must name, what no file may contain.
package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sourceFiles are the Go files below dir, tests included, by folder.
func sourceFiles(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			files[filepath.Dir(path)] = append(files[filepath.Dir(path)], path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

// siblings do not know each other: daemon translates between them.
var siblings = []string{"vrrp", "ipvs", "checkers", "track", "host", "nft", "notify", "bfd"}

// TestPackagesImportOnlyWhatTheHouseAllows is the dependency table. A package
// that is not listed may import none of ours.
func TestPackagesImportOnlyWhatTheHouseAllows(t *testing.T) {
	helpers := []string{"internal/reconcile", "internal/event", "internal/golden", "internal/run"}
	field := append([]string{"kconf"}, helpers...)
	assembly := append(slices.Clone(field), siblings...) // what puts the field together
	tools := append([]string{"daemon/config", "daemon/config/configtest"}, assembly...)
	allowed := map[string][]string{
		"kconf": {}, "kconf/lsp": {"kconf"}, "kconf/report": {"kconf", "internal/golden"}, "kconf/manual": {"kconf", "internal/golden"},
		"vrrp": field, "checkers": field, "track": field, "notify": field, "bfd": field,
		"ipvs": append([]string{"ipvs/ipvstest"}, field...), "ipvs/ipvstest": append([]string{"ipvs"}, field...),
		"host": append([]string{"host/hosttest"}, field...), "host/hosttest": append([]string{"host"}, field...),
		"nft": append([]string{"nft/nfttest"}, field...), "nft/nfttest": {"nft"},
		"daemon/config": append([]string{"daemon/config/configtest", "kconf/manual"}, assembly...), "daemon/config/configtest": {"daemon/config", "host", "kconf"},
		"daemon":        append([]string{"ipvs/ipvstest", "host/hosttest", "nft/nfttest", "internal/threads"}, tools...),
		"daemon/doctor": tools,
		"cmd/holdfast":  {"daemon", "daemon/config", "daemon/doctor", "kconf", "kconf/lsp", "kconf/manual", "kconf/report"},
		"internal/run":  {"internal/threads"}, "internal/threads": {}, "internal/event": {}, "internal/reconcile": {}, "internal/golden": {},
		"integration/sim": {"vrrp", "track"}, "examples": {"daemon", "daemon/config", "kconf"},
	}
	for folder, files := range sourceFiles(t) {
		may, listed := allowed[folder]
		if !listed && strings.HasPrefix(folder, "integration/") {
			continue // whole-system tests may use anything but daemon's insides, which are not exported
		}
		for _, file := range files {
			for _, path := range imports(t, file) {
				ours, isOurs := strings.CutPrefix(path, "holdfast/")
				if isOurs && ours != folder && !slices.Contains(may, ours) {
					t.Errorf("%s imports %s: %s may import only %v", file, path, folder, may)
				}
			}
		}
	}
}

// TestKernelAndProcessesAreTouchedOnlyAtTheEdge keeps netlink, sockets,
// processes and system calls out of what is unit-tested without a machine.
func TestKernelAndProcessesAreTouchedOnlyAtTheEdge(t *testing.T) {
	edge := []string{"host", "ipvs", "nft", "notify", "track", "daemon", "internal/run", "internal/threads", "cmd/holdfast"}
	guarded := []string{"github.com/vishvananda/netlink", "github.com/google/nftables", "golang.org/x/net/ipv4", "golang.org/x/net/ipv6",
		"golang.org/x/sys/unix", "os/exec", "syscall"}
	for folder, files := range sourceFiles(t) {
		if slices.Contains(edge, folder) || strings.HasPrefix(folder, "integration") || folder == "host/hosttest" || folder == "nft/nfttest" {
			continue
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_linux.go") || strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, path := range imports(t, file) {
				if slices.Contains(guarded, path) {
					t.Errorf("%s imports %s: only *_linux.go files and %v may", file, path, edge)
				}
			}
		}
	}
}

// TestMachinesArePure: what decides imports nothing that could do.
func TestMachinesArePure(t *testing.T) {
	pure := []string{"time", "net/netip", "slices", "errors", "fmt", "cmp", "strings", "strconv", "math", "maps"}
	machines := []string{"vrrp/machine.go", "vrrp/machine_states.go", "vrrp/machine_rivals.go", "vrrp/machine_late.go", "vrrp/group.go", "vrrp/peer.go",
		"ipvs/virtualserver.go", "checkers/schedule.go", "track/script.go", "track/weight.go"}
	for _, file := range machines {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, path := range imports(t, file) {
			if !slices.Contains(pure, path) && !strings.HasPrefix(path, "holdfast/kconf") {
				t.Errorf("%s imports %s: a machine decides, it does not act", file, path)
			}
		}
	}
}

// TestDocNamesEveryFile: the file map in doc.go is how a newcomer finds the
// way, so it has to be whole.
func TestDocNamesEveryFile(t *testing.T) {
	for folder, files := range sourceFiles(t) {
		doc, err := os.ReadFile(filepath.Join(folder, "doc.go"))
		if err != nil {
			if slices.Contains(append([]string{"kconf", "daemon", "daemon/config"}, siblings...), folder) {
				t.Errorf("%s has no doc.go", folder)
			}
			continue
		}
		if lines := strings.Count(string(doc), "\n"); lines > 75 {
			t.Errorf("%s/doc.go has %d lines: say why, in at most 75", folder, lines)
		}
		for _, file := range files {
			base := filepath.Base(file)
			if base != "doc.go" && !strings.HasSuffix(base, "_test.go") && !strings.Contains(string(doc), base) {
				t.Errorf("%s/doc.go does not mention %s", folder, base)
			}
		}
	}
}

// TestFilesStayReadable: a file that grows past the limit has a seam to be found.
func TestFilesStayReadable(t *testing.T) {
	const limit = 600
	for _, files := range sourceFiles(t) {
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Count(string(text), "\n"); lines > limit && !strings.HasSuffix(file, "_test.go") {
				t.Errorf("%s has %d lines, limit %d", file, lines, limit)
			}
			for _, word := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:"} {
				if strings.Contains(string(text), word) {
					t.Errorf("%s contains %s: finish it, or write down in prose what is left", file, word)
				}
			}
		}
	}
}
