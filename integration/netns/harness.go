package netns

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	vns "github.com/vishvananda/netns"
)

// namePrefix begins the name of every namespace of this package; the process
// id of the test and a counter follow.
const namePrefix = "hf"

var labs atomic.Int64

// Require skips a test that was not asked for, and fails one that was asked
// for where it cannot run.
func Require(t *testing.T) {
	t.Helper()
	if os.Getenv("HOLDFAST_NETNS") != "1" {
		t.Skip("needs root and keepalived: make netns, or HOLDFAST_NETNS=1 go test ./integration/netns as root")
	}
	if os.Geteuid() != 0 {
		t.Fatal("HOLDFAST_NETNS=1 is set, but network namespaces need root")
	}
}

// Lab is one broadcast domain: a bridge in a namespace of its own, and hosts.
type Lab struct {
	Dir     string   // files of this lab: configuration, logs, capture
	Capture *Capture // what passed the bridge since NewLab

	root  *testing.T // the test that made the lab; its end takes it down
	t     *testing.T // the test or step that is running; failures are its
	name  string
	hosts []*Host
}

// NewLab makes a bridge, starts to capture on it, and takes all of it down at
// the end of t, together with every process inside.
func NewLab(t *testing.T) *Lab {
	t.Helper()
	Require(t)
	dir, err := os.MkdirTemp("", "holdfast-netns-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // hooks run as other users read here
		t.Fatal(err)
	}
	l := &Lab{root: t, t: t, Dir: dir, name: fmt.Sprintf("%s%dx%d", namePrefix, os.Getpid(), labs.Add(1))}
	t.Cleanup(func() {
		if os.Getenv("HOLDFAST_NETNS_KEEP") == "" {
			os.RemoveAll(dir)
		} else {
			t.Logf("files kept in %s", dir)
		}
	})
	bridge := l.namespace("br")
	l.ip("-n", bridge, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
	l.ip("-n", bridge, "link", "set", "br0", "up")
	l.Capture = startCapture(t, l, bridge)
	return l
}

// Step runs f as a named part of the lab's test. A step builds on the one
// before, so the first that fails ends the test.
func (l *Lab) Step(name string, f func(t *testing.T)) {
	outer := l.t
	ok := outer.Run(name, func(t *testing.T) {
		l.t = t
		defer func() { l.t = outer }()
		f(t)
	})
	if !ok {
		outer.FailNow()
	}
}

// namespace makes a network namespace that the end of the test removes after
// killing what runs in it. All of that is ours: nobody else knows the name.
func (l *Lab) namespace(part string) string {
	name := l.name + part
	l.ip("netns", "add", name)
	l.root.Cleanup(func() { removeNamespace(name) })
	script := "for s in all default; do echo 0 >/proc/sys/net/ipv6/conf/$s/accept_dad; done; ip link set lo up"
	l.run("ip", "netns", "exec", name, "sh", "-c", script)
	return name
}

func removeNamespace(name string) {
	for range 50 {
		out, _ := exec.Command("ip", "netns", "pids", name).Output()
		pids := strings.Fields(string(out))
		if len(pids) == 0 {
			break
		}
		for _, p := range pids {
			if pid, err := strconv.Atoi(p); err == nil && pid != os.Getpid() {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		time.Sleep(10 * time.Millisecond) // a killed process leaves its namespace when it is gone
	}
	exec.Command("ip", "netns", "del", name).Run()
	os.RemoveAll(filepath.Join("/etc/netns", name))
}

// sweep removes the namespaces of test processes that were killed.
func sweep() {
	out, _ := exec.Command("ip", "netns", "list").Output()
	for _, line := range strings.Split(string(out), "\n") {
		name, _, _ := strings.Cut(line, " ")
		rest, ours := strings.CutPrefix(name, namePrefix)
		pid, _, counted := strings.Cut(rest, "x")
		if _, err := strconv.Atoi(pid); !ours || !counted || err != nil {
			continue
		}
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			removeNamespace(name)
		}
	}
}

// Host is one machine on the lab's LAN: a namespace whose eth0 is plugged into
// the bridge.
type Host struct {
	Name string
	NS   string // the namespace, for ip -n and ip netns exec
	Addr netip.Addr
	Dir  string // files of this host
	MAC  string
	Env  []string // further environment variables of its daemons

	lab      *Lab
	daemons  []*Daemon
	launcher []string // before the program of a daemon
	handle   *netlink.Handle
	once     sync.Once
	virtual  netip.Addr // link-local address of its device with the virtual MAC, of FRR
}

// Host adds a machine with address 10.9.0.index/24, a link-local IPv6 address
// made of the MAC 02:00:00:00:00:index, and no other address.
func (l *Lab) Host(name string, index int) *Host {
	l.t.Helper()
	return l.HostAt(name, index, fmt.Sprintf("10.9.0.%d/24", index))
}

// HostAt is Host with an address of the caller's choice.
func (l *Lab) HostAt(name string, index int, prefix string) *Host {
	l.t.Helper()
	h := &Host{Name: name, lab: l, Addr: netip.MustParsePrefix(prefix).Addr(), Dir: filepath.Join(l.Dir, name),
		MAC: fmt.Sprintf("02:00:00:00:00:%02x", index)}
	if err := os.MkdirAll(h.Dir, 0o755); err != nil {
		l.t.Fatal(err)
	}
	h.NS = l.namespace(name)
	l.hosts = append(l.hosts, h)
	h.Plug("eth0", h.MAC, prefix)
	return h
}

// Plug gives the host a further interface on the bridge, up, with addresses.
func (h *Host) Plug(dev, mac string, prefixes ...string) {
	h.lab.t.Helper()
	bridge, port := h.lab.name+"br", h.port(dev)
	h.lab.ip("-n", h.NS, "link", "add", dev, "address", mac, "type", "veth", "peer", "name", port, "netns", bridge)
	h.lab.ip("-n", bridge, "link", "set", port, "master", "br0", "up")
	for _, p := range prefixes {
		h.lab.ip("-n", h.NS, "addr", "add", p, "dev", dev)
	}
	h.lab.ip("-n", h.NS, "link", "set", dev, "up")
	h.waitCarrier(dev)
}

// port is the bridge's end of the cable to dev of this host.
func (h *Host) port(dev string) string { return h.Name + "-" + dev }

func (h *Host) waitCarrier(dev string) {
	h.lab.t.Helper()
	Eventually(h.lab.t, 5*time.Second, dev+" of "+h.Name+" has carrier", func() bool {
		link, err := h.netlink().LinkByName(dev)
		return err == nil && link.Attrs().OperState == netlink.OperUp
	})
}

// Unplug takes the carrier from the host's interface, as a dead switch port
// does; Replug gives it back.
func (h *Host) Unplug(dev string) {
	h.lab.t.Helper()
	h.lab.ip("-n", h.lab.name+"br", "link", "set", h.port(dev), "down")
}

// Replug undoes Unplug.
func (h *Host) Replug(dev string) {
	h.lab.t.Helper()
	h.lab.ip("-n", h.lab.name+"br", "link", "set", h.port(dev), "up")
}

// Isolate cuts the host off without its noticing: the cable goes nowhere, the
// carrier stays. Rejoin undoes it.
func (h *Host) Isolate() {
	h.lab.t.Helper()
	h.lab.ip("-n", h.lab.name+"br", "link", "set", h.port("eth0"), "nomaster")
}

// Rejoin undoes Isolate.
func (h *Host) Rejoin() {
	h.lab.t.Helper()
	h.lab.ip("-n", h.lab.name+"br", "link", "set", h.port("eth0"), "master", "br0")
}

// IP runs ip(8) in the host's namespace and returns what it printed.
func (h *Host) IP(args ...string) string {
	h.lab.t.Helper()
	return h.lab.ip(append([]string{"-n", h.NS}, args...)...)
}

// Run runs a program in the host's namespace and returns what it printed.
func (h *Host) Run(argv ...string) string {
	h.lab.t.Helper()
	return h.lab.run(append([]string{"ip", "netns", "exec", h.NS}, argv...)...)
}

// File writes a file of this host and returns its path.
func (h *Host) File(name, text string, mode os.FileMode) string {
	h.lab.t.Helper()
	path := filepath.Join(h.Dir, name)
	if mode&0o111 == 0 {
		writeFile(h.lab.t, path, text, mode)
		return path
	}
	writeFile(h.lab.t, path+".new", text, mode) // a script that runs cannot be written to
	if err := os.Rename(path+".new", path); err != nil {
		h.lab.t.Fatal(err)
	}
	return path
}

// exists says whether a file of this host exists.
func (h *Host) exists(name string) bool {
	_, err := os.Stat(filepath.Join(h.Dir, name))
	return err == nil
}

// Etc writes a file that programs of this host find as /etc/dir/name: ip netns
// exec lays /etc/netns/NAMESPACE over /etc. The folder must exist there too.
func (h *Host) Etc(dir, name, text string, mode os.FileMode) {
	h.lab.t.Helper()
	folder := filepath.Join("/etc/netns", h.NS, dir)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		h.lab.t.Fatal(err)
	}
	writeFile(h.lab.t, filepath.Join(folder, name), text, mode)
}

func writeFile(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

// netlink is a handle into the host's namespace, closed at the end of the lab.
func (h *Host) netlink() *netlink.Handle {
	h.once.Do(func() {
		ns, err := vns.GetFromName(h.NS)
		if err != nil {
			h.lab.t.Fatalf("open namespace %s: %v", h.NS, err)
		}
		defer ns.Close()
		if h.handle, err = netlink.NewHandleAt(ns); err != nil {
			h.lab.t.Fatalf("netlink of %s: %v", h.NS, err)
		}
	})
	return h.handle
}

// Holds says whether any interface of the host carries addr.
func (h *Host) Holds(addr string) bool {
	want := netip.MustParseAddr(addr)
	all, err := h.netlink().AddrList(nil, netlink.FAMILY_ALL)
	return err == nil && slices.ContainsFunc(all, func(a netlink.Addr) bool {
		got, ok := netip.AddrFromSlice(a.IP)
		return ok && got.Unmap() == want
	})
}

// carrier is the name of the host's device that has addr, or "".
func (h *Host) carrier(addr string) string {
	want := netip.MustParseAddr(addr)
	all, _ := h.netlink().AddrList(nil, netlink.FAMILY_ALL)
	for _, a := range all {
		if got, ok := netip.AddrFromSlice(a.IP); ok && got.Unmap() == want {
			if link, err := h.netlink().LinkByIndex(a.LinkIndex); err == nil {
				return link.Attrs().Name
			}
		}
	}
	return ""
}

// Serves says whether the host carries addr on a device that is up and has
// carrier: FRR leaves the addresses where they are and switches the device.
func (h *Host) Serves(addr string) bool {
	dev := h.carrier(addr)
	if dev == "" {
		return false
	}
	link, err := h.netlink().LinkByName(dev)
	return err == nil && link.Attrs().OperState == netlink.OperUp
}

// Holders are the names of the hosts that carry addr, in the order of their
// making.
func (l *Lab) Holders(addr string) []string {
	var names []string
	for _, h := range l.hosts {
		if h.Holds(addr) {
			names = append(names, h.Name)
		}
	}
	return names
}

// WaitHolders waits until exactly the named hosts carry addr, and until the logs
// of their daemons have told of the states that go with it. A log may be late by
// seconds on a busy machine: what the test looks for in it afterwards is not to
// be what has led here.
func (l *Lab) WaitHolders(limit time.Duration, addr string, hosts ...string) {
	l.t.Helper()
	Eventually(l.t, limit, fmt.Sprintf("%s is on %v", addr, hosts), func() bool {
		return slices.Equal(l.Holders(addr), hosts)
	})
	for _, h := range l.hosts {
		for _, d := range h.daemons {
			d.waitTold(addr, slices.Contains(hosts, h.Name))
		}
	}
}

func (l *Lab) ip(args ...string) string {
	l.t.Helper()
	return l.run(append([]string{"ip"}, args...)...)
}

func (l *Lab) run(argv ...string) string {
	l.t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}
