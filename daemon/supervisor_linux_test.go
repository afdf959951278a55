package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// deadProcess is a command of which only the number is looked at.
func deadProcess() *exec.Cmd { return &exec.Cmd{Process: &os.Process{Pid: 4711}} }

func TestHowAChildEndedIsSaidAsKeepalivedDoes(t *testing.T) {
	for script, want := range map[string]string{
		"exit 3":      "exited with status 3",
		"kill -9 $$":  "exited due to signal 9 (killed)",
		"kill -11 $$": "exited due to signal 11 (segmentation fault)",
	} {
		cmd := exec.Command("sh", "-c", script)
		cmd.SysProcAttr = &syscall.SysProcAttr{}
		_ = cmd.Run() // its status is what is looked at
		if got := describeExit(cmd.ProcessState); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
}

func TestAPIDFileBelongsToOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "a.pid")
	first, err := createPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if want := strconv.Itoa(os.Getpid()) + "\n"; err != nil || string(text) != want {
		t.Errorf("file holds %q (%v), want %q", text, err, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v (%v), want 0644", info.Mode(), err)
	}
	if _, err := createPIDFile(path); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("a second owner got %v, want that the file is locked", err)
	}
	first.remove()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after its removal: %v", err)
	}
	var none *pidFile
	none.remove() // a process that got none
}

func TestAPIDFileOfADeadProcessIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.pid")
	if err := os.WriteFile(path, []byte("999999999999\nrubbish\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := createPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.remove()
	if text, _ := os.ReadFile(path); string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("file holds %q", text)
	}
}

func TestAPIDFileIsNotWrittenThroughALink(t *testing.T) {
	dir := t.TempDir()
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "a.pid")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	if p, err := createPIDFile(link); err == nil {
		p.remove()
		t.Error("a pid file was opened through a symbolic link")
	}
	if text, _ := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("the link's target holds %q", text)
	}
}

func TestCommandLinesAreQuotedWordByWord(t *testing.T) {
	if got, want := quoteWords([]string{"keepalived", "-f", "/etc/a b.conf"}), "'keepalived' '-f' '/etc/a b.conf'"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
