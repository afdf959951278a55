package vm

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// perTest bounds one test of the guest, in seconds.
var perTest = map[string]int{"guest": 300, "clusters": 300, "checkers": 540}

// packages have the tests that run inside, in this order. The health checks of
// ../checkers run elsewhere; inside only when they are asked for by name, to see
// what keepalived, which needs ip_vs, makes of their servers.
var packages = func() []string {
	if strings.HasPrefix(os.Getenv("HOLDFAST_VM_RUN"), "checkers/") {
		return []string{"checkers"}
	}
	return []string{"guest", "clusters"}
}()

// folders of packages that are not below this one.
var folders = map[string]string{"checkers": "../checkers"}

// guestTest is one test function of one of them.
type guestTest struct{ pkg, name string }

// TestInsideTheVirtualMachine boots one machine and runs every test of the
// packages in it, each in a process of its own. HOLDFAST_VM_RUN, a regular
// expression on PACKAGE/TEST, picks some.
func TestInsideTheVirtualMachine(t *testing.T) {
	if os.Getenv("HOLDFAST_VM") != "1" {
		t.Skip("boots a virtual machine: runs with HOLDFAST_VM=1, as make vm does")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	image, err := Prepare(ctx)
	if err != nil {
		t.Fatal(err)
	}
	share := t.TempDir()
	tests := build(t, ctx, share)
	if len(tests) == 0 {
		t.Fatal("no test has such a name")
	}
	began := time.Now()
	status, boot, err := image.Boot(ctx, Guest{Share: share, Script: runAll(tests), Modules: []string{"ip_vs", "veth", "nlmon"}})
	t.Logf("boot to the first script %v, whole machine %v", boot, time.Since(began).Round(time.Millisecond))
	if err != nil {
		t.Error(err)
	} else if status != 0 {
		t.Errorf("script ended with status %d", status)
	}
	for _, g := range tests {
		t.Run(g.pkg+"/"+g.name, func(t *testing.T) {
			report, _ := os.ReadFile(filepath.Join(share, g.pkg, g.name+".log"))
			t.Logf("\n%s", report)
			for _, sub := range subtests(string(report)) {
				t.Run(sub.name, sub.repeat)
			}
			if status, err := os.ReadFile(filepath.Join(share, g.pkg, g.name+".status")); err != nil {
				t.Error("did not run to its end")
			} else if s := strings.TrimSpace(string(status)); s != "0" {
				t.Errorf("ended with status %s", s)
			}
		})
	}
}

// subtest is how a subtest in the guest ended.
type subtest struct{ name, verdict string }

var verdict = regexp.MustCompile(`(?m)^ +--- (PASS|FAIL|SKIP): [^/\n]+/(.*) \(\d+\.\d+s\)$`)

// subtests are those of one test function, from what it printed.
func subtests(report string) []subtest {
	var all []subtest
	for _, m := range verdict.FindAllStringSubmatch(report, -1) {
		all = append(all, subtest{m[2], m[1]})
	}
	return all
}

// repeat says here what was said in the guest.
func (s subtest) repeat(t *testing.T) {
	switch s.verdict {
	case "FAIL":
		t.Error("failed in the guest; its output is with the test above")
	case "SKIP":
		t.Skip("skipped in the guest; its output is with the test above")
	}
}

// build puts into share what the guest needs: for each package a folder with
// its test binary and its testdata, and, if it can be built, the holdfast
// binary, that of bench for its test, and the examples. It returns the tests to
// be run.
func build(t *testing.T, ctx context.Context, share string) []guestTest {
	t.Helper()
	run := func(fail func(string, ...any), args ...string) {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // the guest may have another libc
		if out, err := cmd.CombinedOutput(); err != nil {
			fail("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	var tests []guestTest
	for _, pkg := range packages {
		folder := cmp.Or(folders[pkg], "./"+pkg)
		dir := filepath.Join(share, pkg)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		run(t.Fatalf, "test", "-c", "-o", filepath.Join(dir, "guest.test"), folder)
		copyDir(t, filepath.Join(dir, "testdata"), filepath.Join(folder, "testdata"))
		tests = append(tests, list(t, ctx, dir, pkg)...)
	}
	if mains, _ := filepath.Glob("../../cmd/holdfast/*.go"); len(mains) > 0 {
		run(t.Errorf, "build", "-o", filepath.Join(share, "holdfast"), "../../cmd/holdfast")
	}
	if slices.Contains(tests, guestTest{"guest", "TestBenchOfChecksMeasures"}) {
		run(t.Errorf, "build", "-o", filepath.Join(share, "bench"), "../bench")
	}
	copyDir(t, filepath.Join(share, "examples"), "../../examples")
	copyDemo(t, filepath.Join(share, "tree"), filepath.Join(share, "holdfast"))
	return tests
}

// copyDemo lays out what make demo needs as it is in the source tree.
func copyDemo(t *testing.T, tree, binary string) {
	t.Helper()
	copyDir(t, filepath.Join(tree, "integration/demo"), "../demo")
	for to, from := range map[string]string{"integration/packages.sh": "../packages.sh", "bin/holdfast": binary} {
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(tree, to)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(tree, to), content, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// copyDir copies a folder if there is one.
func copyDir(t *testing.T, to, from string) {
	t.Helper()
	if _, err := os.Stat(from); err != nil {
		return
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// list names the tests in a binary that HOLDFAST_VM_RUN wants.
func list(t *testing.T, ctx context.Context, dir, pkg string) []guestTest {
	t.Helper()
	pattern, err := regexp.Compile(os.Getenv("HOLDFAST_VM_RUN"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "guest.test"), "-test.list", ".*")
	cmd.Env = append(os.Environ(), "HOLDFAST_GUEST=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list tests of %s: %v", pkg, err)
	}
	var tests []guestTest
	for name := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(name, "Test") && pattern.MatchString(pkg+"/"+name) {
			tests = append(tests, guestTest{pkg, name})
		}
	}
	return tests
}

// atOnce is how many tests of a package run at the same time. Those of guest
// share one table, those of clusters mostly wait.
var atOnce = map[string]int{"guest": 1, "clusters": 3, "checkers": 1}

// alone are tests that need the whole machine: they run after the others of
// their package, one by one, and may take longer.
var alone = map[string]int{"clusters/TestSituations": 600}

// runAll is the script that runs each test in a process of its own, so that
// one that dies takes no other with it. HOLDFAST_DIRECTOR reaches the tests of
// clusters.
func runAll(tests []guestTest) string {
	var b strings.Builder
	if director := os.Getenv("HOLDFAST_DIRECTOR"); director != "" {
		fmt.Fprintf(&b, "export HOLDFAST_DIRECTOR='%s'\n", director)
	}
	if os.Getenv("HOLDFAST_VM_RECORD") != "" {
		b.WriteString("export HOLDFAST_VM_RECORD=1\n")
	}
	b.WriteString("export HOLDFAST_NETNS=1 HOLDFAST_BIN=/vm/holdfast\n") // for checkers
	b.WriteString("ip netns add first && ip netns del first\n")          // makes the folder that all use
	for _, pkg := range packages {
		fmt.Fprintf(&b, "cd /vm/%s\n", pkg)
		var shared []string
		for _, g := range tests {
			if g.pkg == pkg && alone[pkg+"/"+g.name] == 0 {
				shared = append(shared, g.name)
			}
		}
		atOnceScript(&b, atOnce[pkg], perTest[pkg], shared)
		for _, g := range tests {
			if limit := alone[pkg+"/"+g.name]; g.pkg == pkg && limit > 0 {
				atOnceScript(&b, 1, limit, []string{g.name})
			}
		}
	}
	return b.String()
}

// atOnceScript runs tests, so many at the same time, each for at most limit seconds.
func atOnceScript(b *strings.Builder, many, limit int, names []string) {
	fmt.Fprintf(b, "xargs -r -P %d -I TEST sh -c 'timeout %d ./guest.test -test.v -test.run ^TEST$ >TEST.log 2>&1; "+
		"echo $? >TEST.status' <<END\n", many, limit)
	for _, name := range names {
		b.WriteString(name + "\n")
	}
	b.WriteString("END\n")
}

func TestSubtestsAreReadFromAReport(t *testing.T) {
	report := `=== RUN   TestWeb
=== RUN   TestWeb/both_answer
    web_test.go:1: --- FAIL: no
--- FAIL: TestWeb (44.57s)
    --- PASS: TestWeb/both_answer_(twice) (1.41s)
    --- FAIL: TestWeb/one_fails (0.79s)
        --- FAIL: TestWeb/one_fails/over_TCP (0.10s)
    --- SKIP: TestWeb/last (0.00s)
FAIL
`
	want := []subtest{{"both_answer_(twice)", "PASS"}, {"one_fails", "FAIL"}, {"one_fails/over_TCP", "FAIL"}, {"last", "SKIP"}}
	if got := subtests(report); !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}
