package guest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Run runs a program and returns what it printed. The test ends if it fails.
func Run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := Try(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// Try is Run for a program that may fail.
func Try(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// Namespaces makes network namespaces, one for each name, and joins them by a
// bridge in the namespace of the test. The i-th has eth0 with the address
// 10.9.0.(i+11)/24 and fd09::(i+11)/64 (decimal digits), the bridge br0 has
// 10.9.0.1/24 and fd09::1/64, which is the default route of all. They vanish
// with the test.
func Namespaces(t *testing.T, names ...string) {
	t.Helper()
	Run(t, "ip", "link", "add", "br0", "type", "bridge")
	t.Cleanup(func() { cleanup(t, "ip", "link", "del", "br0") })
	Run(t, "ip", "addr", "add", "10.9.0.1/24", "dev", "br0")
	Run(t, "ip", "addr", "add", "fd09::1/64", "dev", "br0", "nodad")
	Run(t, "ip", "link", "set", "br0", "up")
	for i, name := range names {
		Run(t, "ip", "netns", "add", name)
		t.Cleanup(func() { cleanup(t, "ip", "netns", "del", name) })
		port := fmt.Sprintf("port%d", i)
		Run(t, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
		Run(t, "ip", "link", "set", port, "master", "br0", "up")
		inside := func(args ...string) { Run(t, "ip", append([]string{"-n", name}, args...)...) }
		inside("link", "set", "lo", "up")
		inside("addr", "add", fmt.Sprintf("10.9.0.%d/24", i+11), "dev", "eth0")
		inside("addr", "add", fmt.Sprintf("fd09::%d/64", i+11), "dev", "eth0", "nodad")
		inside("link", "set", "eth0", "up")
		inside("route", "add", "default", "via", "10.9.0.1")
		inside("route", "add", "default", "via", "fd09::1")
	}
}

// cleanup runs a program after the test's context is over.
func cleanup(t *testing.T, name string, args ...string) {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Logf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// Start starts a program that serves until stop is called, which waits for it.
func Start(t *testing.T, name string, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
}

// serveEnv makes the test binary a server instead: the address to listen on.
const serveEnv = "HOLDFAST_GUEST_SERVE"

// Serve accepts TCP connections on addr inside a namespace and closes them,
// until the end of the test. It listens when Serve returns.
func Serve(t *testing.T, ns, addr string) {
	t.Helper()
	cmd := exec.Command("ip", "netns", "exec", ns, os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+addr)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("server in %s: %q, %v", ns, line, err)
	}
}

// serveForever is what the test binary does for Serve.
func serveForever(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		c.Close()
	}
}
