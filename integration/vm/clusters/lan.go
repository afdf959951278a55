package clusters

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// LAN is one broadcast domain: a bridge in a namespace of its own.
type LAN struct {
	name  string
	ports int
}

// Node is a machine of a cluster: a network namespace on a LAN.
type Node struct {
	Name string // on its LAN: lb1

	lan  *LAN
	ns   string   // name of the namespace
	file *os.File // the namespace
	port string   // its eth0 as the bridge calls it
}

// NewLAN makes an empty LAN. Name keeps clusters apart that run at the same
// time. It vanishes with the test.
func NewLAN(t *testing.T, name string) *LAN {
	t.Helper()
	l := &LAN{name: name}
	mustRun(t, "ip", "netns", "add", name)
	t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
	batch(t, name, "link set lo up", "link add br0 type bridge", "link set br0 up")
	return l
}

// Node puts a machine with these addresses (with prefix length) on eth0.
func (l *LAN) Node(t *testing.T, name string, addrs ...string) *Node {
	t.Helper()
	n := &Node{Name: name, lan: l, ns: l.name + "-" + name}
	etc := filepath.Join("/etc/netns", n.ns) // bound over /etc for programs started in the namespace
	if err := os.MkdirAll(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "ip", "netns", "add", n.ns)
	t.Cleanup(func() {
		exec.Command("ip", "netns", "del", n.ns).Run()
		n.file.Close()
		os.RemoveAll(etc)
	})
	var err error
	if n.file, err = os.Open(filepath.Join("/run/netns", n.ns)); err != nil {
		t.Fatal(err)
	}
	batch(t, n.ns, "link set lo up")
	n.port = n.Link(t, "eth0", addrs...)
	return n
}

// Link gives the node one more link on its LAN and returns what the bridge
// calls it.
func (n *Node) Link(t *testing.T, link string, addrs ...string) (port string) {
	t.Helper()
	n.lan.ports++
	port = fmt.Sprintf("port%d", n.lan.ports)
	batch(t, n.lan.name,
		"link add "+port+" type veth peer name "+link+" netns "+n.ns,
		"link set "+port+" master br0 up")
	var commands []string
	for _, a := range addrs {
		command := "addr add " + a + " dev " + link
		if strings.Contains(a, ":") {
			command += " nodad"
		}
		commands = append(commands, command)
	}
	batch(t, n.ns, append(commands, "link set "+link+" up")...)
	return port
}

// MAC is the hardware address of eth0.
func (n *Node) MAC(t *testing.T) string {
	t.Helper()
	words := strings.Fields(n.Run(t, "ip", "-br", "link", "show", "eth0")) // eth0@if5 UP MAC <FLAGS>
	if len(words) < 3 {
		t.Fatalf("%s: unexpected answer of ip: %q", n.Name, words)
	}
	return words[2]
}

// Unplug pulls the cable of eth0.
func (n *Node) Unplug(t *testing.T) {
	t.Helper()
	batch(t, n.lan.name, "link set "+n.port+" down")
}

// File writes a file that programs of this node see below /etc.
func (n *Node) File(t *testing.T, name, content string, mode os.FileMode) {
	t.Helper()
	path := n.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// Path is where the test finds the file that the node sees below /etc.
func (n *Node) Path(name string) string { return filepath.Join("/etc/netns", n.ns, name) }

// Read is the content of a file below /etc of this node, empty if there is
// none.
func (n *Node) Read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(n.Path(name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// In calls f on a thread that is in the namespace of the node: sockets and
// processes that f makes are the node's.
func (n *Node) In(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends here, it is not reused elsewhere
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(fmt.Sprintf("enter namespace %s: %v", n.ns, err))
		}
		f()
	}()
	<-done
}

// Run runs a program on the node and returns what it printed. The test ends
// if it fails.
func (n *Node) Run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := n.Try(name, args...)
	if err != nil {
		t.Fatalf("%s: %s %s: %v\n%s", n.Name, name, strings.Join(args, " "), err, out)
	}
	return out
}

// Try is Run for a program that may fail.
func (n *Node) Try(name string, args ...string) (out string, err error) {
	n.In(func() { out, err = try(name, args...) })
	return out, err
}

// Sysctl sets kernel parameters of the node, NAME=VALUE.
func (n *Node) Sysctl(t *testing.T, settings ...string) {
	t.Helper()
	n.Run(t, "sysctl", append([]string{"-q", "-w"}, settings...)...)
}

// try runs a program, for a minute at most.
func try(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

func mustRun(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := try(name, args...); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// batch runs commands of ip in a namespace, in one process: processes are
// slow in an emulated machine.
func batch(t *testing.T, ns string, commands ...string) {
	t.Helper()
	cmd := exec.Command("ip", "-n", ns, "-batch", "-")
	cmd.Stdin = bytes.NewBufferString(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip in %s: %v\n%s\n%s", ns, err, strings.Join(commands, "\n"), out)
	}
}
