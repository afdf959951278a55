package lifecycle

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/integration/netns"
)

// TestTheLogBeginsAsOperatorsKnowIt: the lines that log readers look for, in
// keepalived's order.
func TestTheLogBeginsAsOperatorsKnowIt(t *testing.T) {
	_, h := lab(t)
	d := master(t, h, Start{Conf: router() + server(vip)})
	d.signal(syscall.SIGTERM)
	d.wait(controlLimit)
	at := 0
	for _, line := range []string{
		`[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}: Starting Keepalived v2\.2\.7 \(`,
		`: Running on Linux `,
		`: Command line: '.*holdfast' '-f' '`,
		`: Configuration file .*k\.conf`,
		`: Starting Healthcheck child process, pid=\d+`,
		`: Starting VRRP child process, pid=\d+`,
		`: \(VI_1\) Entering BACKUP STATE \(init\)`,
		`: \(VI_1\) Receive advertisement timeout`,
		`: \(VI_1\) Entering MASTER STATE`,
		`: \(VI_1\) setting VIPs\.`,
		`: \(VI_1\) sent 0 priority`,
		`: \(VI_1\) removing VIPs\.`,
		`: Stopped Keepalived v2\.2\.7`,
	} {
		where := regexp.MustCompile(line).FindStringIndex(d.Log()[at:])
		if where == nil {
			t.Fatalf("no %q behind %q", line, d.Log()[:at])
		}
		at += where[1]
	}
	// The parent says so before it stops the VRRP process, but each writes its own lines.
	if d.count(`: Stopping\n`) != 1 {
		t.Errorf("the parent did not say once that it stops:\n%s", d.Log())
	}
	if n := d.count(`ip_vs is there now`); n != 0 {
		t.Errorf("ip_vs, which is not there, is said to be, %d times", n)
	}
}

// TestAKernelWithoutIPVSIsSaidOnceAndVRRPGoesOn. Machines with ip_vs have
// nothing to say: integration/vm covers those.
func TestAKernelWithoutIPVSIsSaidOnceAndVRRPGoesOn(t *testing.T) {
	l, h := lab(t)
	if exists("/proc/net/ip_vs") {
		t.Log("this kernel has ip_vs: only the quiet half is tested")
	}
	began := time.Now()
	conf := router() + server(vip)
	d := master(t, h, Start{Conf: conf})
	checkers := d.child(checkersPID, 0)
	first := l.Capture.Next(began, startLimit, "of the master", netns.From(h))
	d.reload(conf, reloaded)
	d.reload(conf+server("10.9.0.101"), reloaded)
	if n := d.count("Can't initialize ipvs"); n > 1 || n == 0 && !exists("/proc/net/ip_vs") {
		t.Errorf("%d lines about ip_vs, want 1", n)
	}
	unbroken(t, l, netns.From(h), first.At, breath)
	if d.child(checkersPID, 0) != checkers {
		t.Error("the checker process was replaced")
	}
}

// inOwnDev is a wrapper that gives a command a /dev of its own, in a mount
// namespace of its own, with socket as its /dev/log.
func inOwnDev(h *netns.Host, socket string) []string {
	dev := filepath.Join(h.Dir, "dev")
	script := h.File("dev.sh", fmt.Sprintf(`#!/bin/sh
set -e
mkdir -p %[1]s
mount -t tmpfs none %[1]s
for f in null zero full random urandom; do : >%[1]s/$f; mount --bind /dev/$f %[1]s/$f; done
ln -s %[2]s %[1]s/log
mount --rbind %[1]s /dev
exec "$@"
`, dev, socket), 0o755)
	return []string{"unshare", "-m", script}
}

// TestASyslogThatNobodyReadsStopsNoAdverts: syslog(3) waits for a log daemon
// that hangs, and with it everything that logs.
func TestASyslogThatNobodyReadsStopsNoAdverts(t *testing.T) {
	l, h := lab(t)
	socket := filepath.Join(h.Dir, "log.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fill(t, socket)
	d := master(t, h, Start{Conf: router() + server(vip), Wrap: inOwnDev(h, socket)})
	began := time.Now()
	for range 10 {
		d.reload(router()+server(vip), reloaded)
	}
	unbroken(t, l, netns.From(h), began, breath)
	asked := time.Now()
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 {
		t.Errorf("status %d, want 0", got)
	}
	netns.AtMost(t, "the stop", asked, d.at, time.Second)
}

// fill sends to a socket until it takes no more.
func fill(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for range 100000 {
		if err = unix.Sendto(fd, []byte("full"), 0, &unix.SockaddrUnix{Name: path}); err != nil {
			break
		}
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatalf("the socket does not fill up: %v", err)
	}
}

// TestSyslogLinesComeFromTheProcessThatWroteThem: the three idents, each with
// its pid, in the facility that -S names.
func TestSyslogLinesComeFromTheProcessThatWroteThem(t *testing.T) {
	_, h := lab(t)
	socket := filepath.Join(h.Dir, "log.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var lines []string
	var reader sync.WaitGroup
	reader.Go(func() {
		for buf := make([]byte, 64<<10); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			mu.Lock()
			lines = append(lines, string(buf[:n]))
			mu.Unlock()
		}
	})
	defer reader.Wait()
	defer conn.Close()
	d := master(t, h, Start{Conf: "instance blue\n" + router() + server(vip), Wrap: inOwnDev(h, socket), Args: []string{"-S", "3"}})
	pids := map[string]int{"Keepalived_blue": d.pid(), "Keepalived_vrrp_blue": d.child(vrrpPID, 0), "Keepalived_healthcheckers_blue": d.child(checkersPID, 0)}
	d.signal(syscall.SIGTERM)
	d.wait(controlLimit)
	for ident, pid := range pids {
		// local3 is facility 19: 19*8 + 6 (info) = 158
		want := regexp.MustCompile(fmt.Sprintf(`^<158>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d %s\[%d\]: Stopp`, ident, pid))
		netns.Eventually(t, startLimit, want.String(), func() bool {
			mu.Lock()
			defer mu.Unlock()
			for _, line := range lines {
				if want.MatchString(line) && !strings.Contains(line, "\n") {
					return true
				}
			}
			return false
		})
	}
}

// TestAConsoleThatNobodyReadsStopsNoAdverts: -n -l into a pipe whose reader
// hangs, as with a container runtime that does.
func TestAConsoleThatNobodyReadsStopsNoAdverts(t *testing.T) {
	l, h := lab(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fd := int(w.Fd()) // once: Fd makes the pipe blocking again
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for err = nil; err == nil; {
		_, err = unix.Write(fd, make([]byte, 4096))
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	d := executeTo(t, h, append([]string{"ip", "netns", "exec", h.NS}, commandLine(t, h, Start{Conf: router() + server(vip), Args: []string{"-n", "-l", "-D"}})...), nil, w)
	w.Close()
	began := l.Capture.Next(time.Time{}, startLimit, "of the master", netns.From(h)).At
	for range 10 {
		d.signal(syscall.SIGHUP)
	}
	netns.Throughout(t, 500*time.Millisecond, "it runs on", d.running)
	unbroken(t, l, netns.From(h), began, breath)
	asked := time.Now()
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 {
		t.Errorf("status %d, want 0", got)
	}
	netns.AtMost(t, "the stop", asked, d.at, time.Second)
	if h.Holds(vip) {
		t.Error("the address is still there")
	}
}

// TestSystemdHearsOfEveryPhase: Type=notify and ExecReload=kill -HUP.
func TestSystemdHearsOfEveryPhase(t *testing.T) {
	_, h := lab(t)
	socket := filepath.Join(h.Dir, "notify.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	next := func() string {
		t.Helper()
		conn.SetReadDeadline(time.Now().Add(startLimit))
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("systemd hears nothing: %v", err)
		}
		return string(buf[:n])
	}
	d := start(t, h, Start{Conf: router() + server(vip), Env: []string{"NOTIFY_SOCKET=" + socket}})
	if got, want := next(), fmt.Sprintf("READY=1\nMAINPID=%d", d.pid()); got != want {
		t.Errorf("at the start %q, want %q", got, want)
	}
	d.reload(router("priority 120")+server(vip), reloaded)
	if got := next(); !strings.HasPrefix(got, "RELOADING=1") {
		t.Errorf("at the reload %q, want RELOADING=1", got)
	}
	if got := next(); !strings.HasPrefix(got, "READY=1") {
		t.Errorf("after the reload %q, want READY=1", got)
	}
	d.signal(syscall.SIGTERM)
	if got := next(); got != "STOPPING=1" {
		t.Errorf("at the stop %q, want STOPPING=1", got)
	}
	d.wait(controlLimit)
}
