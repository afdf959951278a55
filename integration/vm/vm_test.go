package vm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// perTest bounds one test of the guest, in seconds.
const perTest = 300

// TestInsideTheVirtualMachine boots one machine and runs every test of the
// package guest in it, each in a process of its own. HOLDFAST_VM_RUN, a
// regular expression, picks some.
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
	build(t, ctx, share)
	names := guestTests(t, ctx, share)
	if len(names) == 0 {
		t.Fatal("package guest has no test of that name")
	}
	began := time.Now()
	status, boot, err := image.Boot(ctx, Guest{Share: share, Script: runAll(names), Modules: []string{"ip_vs", "veth"}})
	t.Logf("boot to the first script %v, whole machine %v", boot, time.Since(began).Round(time.Millisecond))
	if err != nil {
		t.Error(err)
	} else if status != 0 {
		t.Errorf("script ended with status %d", status)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			report, _ := os.ReadFile(filepath.Join(share, name+".log"))
			t.Logf("\n%s", report)
			if status, err := os.ReadFile(filepath.Join(share, name+".status")); err != nil {
				t.Error("did not run to its end")
			} else if s := strings.TrimSpace(string(status)); s != "0" {
				t.Errorf("ended with status %s", s)
			}
		})
	}
}

// build puts the test binary of package guest and, if it can be built, the
// holdfast binary into share.
func build(t *testing.T, ctx context.Context, share string) {
	t.Helper()
	run := func(fail func(string, ...any), args ...string) {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // the guest may have another libc
		if out, err := cmd.CombinedOutput(); err != nil {
			fail("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run(t.Fatalf, "test", "-c", "-o", filepath.Join(share, "guest.test"), "./guest")
	if mains, _ := filepath.Glob("../../cmd/holdfast/*.go"); len(mains) > 0 {
		run(t.Errorf, "build", "-o", filepath.Join(share, "holdfast"), "../../cmd/holdfast")
	}
	if _, err := os.Stat("guest/testdata"); err == nil {
		if err := os.CopyFS(filepath.Join(share, "testdata"), os.DirFS("guest/testdata")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(share, "examples"), os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
}

// guestTests lists the tests in the binary that HOLDFAST_VM_RUN wants.
func guestTests(t *testing.T, ctx context.Context, share string) []string {
	t.Helper()
	pattern, err := regexp.Compile(os.Getenv("HOLDFAST_VM_RUN"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(share, "guest.test"), "-test.list", ".*")
	cmd.Env = append(os.Environ(), "HOLDFAST_GUEST=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list tests: %v", err)
	}
	var names []string
	for name := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(name, "Test") && pattern.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

// runAll is the script that runs each test by itself, so that one that dies
// takes no other with it.
func runAll(names []string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "timeout %d /vm/guest.test -test.v -test.run '^%s$' >/vm/%s.log 2>&1\necho $? >/vm/%s.status\n",
			perTest, name, name, name)
	}
	return b.String()
}
