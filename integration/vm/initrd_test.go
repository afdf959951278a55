package vm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestArchiveIsWhatCpioReads(t *testing.T) { // second witness: cpio(1), where it is installed
	var a archive
	a.add("bin", 0o40755, nil)
	a.add("bin/sh", 0o100755, []byte("hello"))
	packed := a.finish()
	if len(packed)%4 != 0 {
		t.Errorf("%d octets, want a multiple of 4", len(packed))
	}
	if !strings.HasPrefix(string(packed), "07070100000001000041ed") { // inode 1, mode 040755
		t.Errorf("begins with %q", packed[:22])
	}
	if _, err := exec.LookPath("cpio"); err != nil {
		return
	}
	dir := t.TempDir()
	cmd := exec.Command("cpio", "-i", "--quiet")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(string(packed))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cpio: %v\n%s", err, out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "bin/sh")); err != nil || string(got) != "hello" {
		t.Errorf("unpacked %q, %v", got, err)
	}
}
