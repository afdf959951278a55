package corpus

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"holdfast/integration/netns"
)

// init keeps the first thread for TestMain: a thread that has entered a
// namespace ends with its goroutine, which the first one cannot.
func init() { runtime.LockOSThread() }

// TestMain lets two cases run at once.
func TestMain(m *testing.M) { os.Exit(netns.Main(m, 2)) }

// account is what /etc/passwd and /etc/group say of an account that cases may
// ask for. Nothing outside the namespaces sees them.
const accountID = 64901

// bench is where the cases run: rooms with the interfaces that the cases name,
// one for each set of accounts.
type bench struct {
	dir   string
	rooms map[string]*room
	cases atomic.Int64

	report *report
	full   bool // keepalived is asked about every case
}

// newBench makes the hosts. All have, besides eth0 with 10.9.0.1/24 and
// fd00:9::1/64, eth1 with 10.9.1.1/24, and two links that know no multicast:
// tun0, and tap0, which is an Ethernet.
func newBench(t *testing.T, cases map[string][]Case) *bench {
	t.Helper()
	lab := netns.NewLab(t)
	b := &bench{dir: lab.Dir, rooms: map[string]*room{}}
	for _, list := range cases {
		for _, c := range list {
			key := strings.Join(c.Accounts, " ")
			if b.rooms[key] != nil {
				continue
			}
			n := len(b.rooms) + 1
			// The same address on every host: their eth0 are never plugged into one LAN for long enough to mind.
			h := lab.HostAt(fmt.Sprintf("h%d", n), n, "10.9.0.1/24")
			h.IP("addr", "add", "fd00:9::1/64", "dev", "eth0", "nodad")
			h.Plug("eth1", fmt.Sprintf("02:00:00:00:01:%02x", n), "10.9.1.1/24")
			for _, mode := range []string{"tun", "tap"} {
				h.IP("tuntap", "add", mode+"0", "mode", mode)
				h.IP("link", "set", mode+"0", "multicast", "off", "up")
			}
			addAccounts(t, h, c.Accounts)
			b.rooms[key] = openRoom(t, h)
		}
	}
	b.scripts(t)
	return b
}

// addAccounts lays a passwd and a group file with further accounts over those
// of the system.
func addAccounts(t *testing.T, h *netns.Host, names []string) {
	t.Helper()
	for _, file := range []string{"passwd", "group"} {
		text, err := os.ReadFile("/etc/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var kept strings.Builder // without the account that would change what the cases say
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "keepalived_script:") {
				kept.WriteString(line)
			}
		}
		for i, name := range names {
			tail := ":"
			if file == "passwd" {
				tail = fmt.Sprintf(":%d::/:/bin/sh", accountID+i)
			}
			fmt.Fprintf(&kept, "%s:x:%d%s\n", name, accountID+i, tail)
		}
		h.Etc("", file, kept.String(), 0o644)
	}
}

// scripts makes @scripts@, a folder with scripts of all kinds.
func (b *bench) scripts(t *testing.T) {
	t.Helper()
	dir := filepath.Join(b.dir, "scripts")
	for _, sub := range []string{"", "open", "owned"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, mode os.FileMode) {
		path := filepath.Join(dir, name)
		err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode)
		if err == nil {
			err = os.Chmod(path, mode) // whatever the umask is
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("good.sh", 0o755)
	write("plain", 0o644)      // not executable
	write("unsafe.sh", 0o777)  // anybody may write it
	write("group.sh", 0o775)   // its group may, which is no longer root's
	write("setid.sh", 0o4755)  // runs as root whoever starts it
	write("owned.sh", 0o755)   // belongs to another
	write("open/in.sh", 0o755) // anybody may write the folder
	for _, err := range []error{
		os.Chown(filepath.Join(dir, "group.sh"), 0, accountID),
		os.Chown(filepath.Join(dir, "owned.sh"), accountID, accountID),
		os.Chmod(filepath.Join(dir, "open"), 0o777),
		os.Symlink("good.sh", filepath.Join(dir, "link.sh")),
		os.WriteFile(filepath.Join(dir, "bare"), []byte("true\n"), 0o755), // no #! line
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}
