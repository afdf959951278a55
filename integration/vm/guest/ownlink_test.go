package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// holdfastIn starts the daemon in a namespace; stop ends it in good order.
func holdfastIn(t *testing.T, ns, conf string) (stop func()) {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(file("log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, "/vm/holdfast", "-n", "-l", "-D", "-f", file("conf"), "-p", file("p.pid"), "-r", file("r.pid"), "-c", file("c.pid"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
			stopped = true
		}
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			text, _ := os.ReadFile(file("log"))
			t.Logf("log of the daemon in %s:\n%s", ns, text)
		}
	})
	return stop
}

// shows waits until a command prints all of the words.
func shows(t *testing.T, words []string, name string, args ...string) {
	t.Helper()
	awaits(t, words, func(out, word string) bool { return strings.Contains(out, word) }, name, args...)
}

// hides waits until a command prints none of the words.
func hides(t *testing.T, words []string, name string, args ...string) {
	t.Helper()
	awaits(t, words, func(out, word string) bool { return !strings.Contains(out, word) }, name, args...)
}

func awaits(t *testing.T, words []string, ok func(out, word string) bool, name string, args ...string) {
	t.Helper()
	var out string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		out, _ = Try(t, name, args...)
		all := true
		for _, w := range words {
			all = all && ok(out, w)
		}
		if all {
			return
		}
	}
	t.Fatalf("%s %s, about %q:\n%s", name, strings.Join(args, " "), words, out)
}

// TestARouterOnAnIPVLAN is for the machines whose kernel has no ipvlan.
func TestARouterOnAnIPVLAN(t *testing.T) {
	Run(t, "modprobe", "ipvlan")
	Namespaces(t, "a", "b")
	stop := holdfastIn(t, "a", "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n priority 255\n use_ipvlan ipv0 10.9.0.51/24\n virtual_ipaddress {\n 10.9.0.100/24\n }\n}\n")
	shows(t, []string{"10.9.0.51/24", "10.9.0.100/24"}, "ip", "-n", "a", "addr", "show", "dev", "ipv0")
	shows(t, []string{"ipvlan", "mode l2 bridge", "addrgenmode none", "holdfast VI_1"}, "ip", "-n", "a", "-d", "link", "show", "ipv0")
	shows(t, []string{"refused"}, "ip", "netns", "exec", "b", "bash", "-c", "echo >/dev/tcp/10.9.0.100/9")
	shows(t, []string{"10.9.0.51 > 224.0.0.18"}, "timeout", "20", "ip", "netns", "exec", "b", "tcpdump", "-n", "-i", "eth0", "-c", "1", "ip proto 112")
	stop()
	if out, err := Try(t, "ip", "-n", "a", "link", "show", "ipv0"); err == nil {
		t.Errorf("left over: %s", out)
	}
}

// twoRouters is one router by multicast and one by unicast, with lines of their own.
func twoRouters(multicast, unicast string) string {
	return "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n" + multicast + " virtual_ipaddress {\n 10.9.0.100/24\n }\n}\n" +
		"vrrp_instance VI_2 {\n virtual_router_id 52\n" + unicast + " virtual_ipaddress {\n 10.9.0.101/24 dev eth0\n }\n}\n"
}

// TestRoutersInAVRF: a VMAC joins the VRF of its parent, and a unicast router
// without interface speaks and hears by the VRF that it names. keepalived 2.2.7
// starts no router without interface, so there is none to compare with.
func TestRoutersInAVRF(t *testing.T) {
	Run(t, "modprobe", "vrf")
	Run(t, "modprobe", "macvlan")
	Namespaces(t, "a", "b")
	Run(t, "ip", "-n", "a", "link", "add", "red", "up", "type", "vrf", "table", "100")
	Run(t, "ip", "-n", "a", "link", "set", "eth0", "master", "red")
	holdfastIn(t, "a", twoRouters(" use_vmac\n", " vrf red\n unicast_src_ip 10.9.0.11\n unicast_peer {\n 10.9.0.12\n }\n"))
	shows(t, []string{"10.9.0.100/24", "master red"}, "ip", "-n", "a", "addr", "show", "dev", "vrrp.51")
	for _, want := range []string{"10.9.0.11 > 224.0.0.18", "10.9.0.11 > 10.9.0.12"} {
		filter := "ip proto 112 and dst " + strings.Fields(want)[2]
		shows(t, []string{want}, "timeout", "20", "ip", "netns", "exec", "b", "tcpdump", "-n", "-i", "eth0", "-c", "1", filter)
	}
	virtual := []string{"10.9.0.100/24", "10.9.0.101/24"}
	stop := holdfastIn(t, "b", twoRouters(" priority 200\n", " interface eth0\n priority 200\n unicast_peer {\n 10.9.0.11\n }\n"))
	shows(t, virtual, "ip", "-n", "b", "addr")
	hides(t, virtual, "ip", "-n", "a", "addr") // both heard the higher priority
	stop()
	shows(t, virtual, "ip", "-n", "a", "addr") // and its goodbye
	Run(t, "ip", "-n", "a", "link", "set", "red", "down")
	hides(t, virtual[1:], "ip", "-n", "a", "addr") // nothing is routed in it
	Run(t, "ip", "-n", "a", "link", "set", "red", "up")
	shows(t, virtual, "ip", "-n", "a", "addr")
}
