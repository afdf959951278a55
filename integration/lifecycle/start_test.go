package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/integration/netns"
)

// background starts the daemon without -n and ends it when the test ends.
func background(t *testing.T, h *netns.Host, s Start) (status int, argv []string) {
	t.Helper()
	argv = commandLine(t, h, s)
	t.Cleanup(func() {
		if pid := pidIn(filepath.Join(h.Dir, parentPID)); alive(pid) && slices.Equal(words(pid), argv) {
			syscall.Kill(pid, syscall.SIGTERM)
			netns.Eventually(t, controlLimit, "the daemon has ended", func() bool { return !alive(pid) })
		}
	})
	status, out, errs := run(t, h, argv...)
	if status == 0 && out+errs != "" {
		t.Errorf("a start in the background said %q", out+errs)
	}
	return status, argv
}

func TestAStartInTheBackgroundReturnsWhenTheDaemonIsUp(t *testing.T) {
	_, h := lab(t)
	status, argv := background(t, h, Start{Conf: router() + server(vip)})
	if status != 0 {
		t.Fatalf("status %d, want 0", status)
	}
	// at once, without waiting: whoever started it may rely on these
	pids := map[string]int{}
	for _, name := range []string{parentPID, vrrpPID, checkersPID} {
		pid := pidIn(filepath.Join(h.Dir, name))
		if !alive(pid) {
			t.Fatalf("%s names %d, which is no live process", name, pid)
		}
		if got := words(pid); !slices.Equal(got, argv) {
			t.Errorf("%s: command line %q, want %q", name, got, argv)
		}
		pids[name] = pid
	}
	parent := pids[parentPID]
	if parentOf(pids[vrrpPID]) != parent || parentOf(pids[checkersPID]) != parent {
		t.Errorf("the parent is %d, those of the children %d and %d", parent, parentOf(pids[vrrpPID]), parentOf(pids[checkersPID]))
	}
	if wd, err := os.Readlink(linkTo(parent) + "/cwd"); err != nil || wd != "/" {
		t.Errorf("works in %q (%v), want /", wd, err)
	}
	if sid, _ := session(parent); sid != parent {
		t.Errorf("session %d, want one of its own, %d", sid, parent)
	}
	netns.Eventually(t, startLimit, "the address is there", func() bool { return h.Holds(vip) })

	// a second start with the same pid file is no error and changes nothing
	if status, _, _ := run(t, h, argv...); status != 0 {
		t.Errorf("a second start ended with %d, want 0", status)
	}
	for name, pid := range pids {
		if now := pidIn(filepath.Join(h.Dir, name)); now != pid || !alive(pid) {
			t.Errorf("after the second start %s names %d, alive %v, want %d", name, now, alive(pid), pid)
		}
	}
	if !h.Holds(vip) {
		t.Error("the second start took the address away")
	}
	syscall.Kill(parent, syscall.SIGTERM)
	netns.Eventually(t, controlLimit, "the daemon has ended", func() bool { return !alive(parent) })
	for _, name := range []string{parentPID, vrrpPID, checkersPID} {
		if exists(filepath.Join(h.Dir, name)) {
			t.Errorf("%s is still there", name)
		}
	}
	if h.Holds(vip) {
		t.Error("the address is still there")
	}
}

func TestARelativeFileNameStillMeansTheSameInTheBackground(t *testing.T) {
	_, h := lab(t)
	h.File(confFile, router(), 0o644)
	status, _, errs := run(t, h, "sh", "-c", "cd "+h.Dir+" && "+binary(t)+" -f k.conf -p a.pid -r b.pid -c c.pid")
	parent := pidIn(filepath.Join(h.Dir, "a.pid"))
	t.Cleanup(func() {
		if alive(parent) {
			syscall.Kill(parent, syscall.SIGKILL)
		}
	})
	if status != 0 || !alive(parent) {
		t.Fatalf("status %d, parent %d: %s", status, parent, errs)
	}
	syscall.Kill(parent, syscall.SIGHUP) // finds its file again, from /
	syscall.Kill(parent, syscall.SIGTERM)
	netns.Eventually(t, controlLimit, "the daemon has ended and its pid files are gone", func() bool {
		return !alive(parent) && !exists(filepath.Join(h.Dir, "a.pid")) && !exists(filepath.Join(h.Dir, "b.pid"))
	})
}

// TestExitStatusesTellWhatWentWrong: init scripts and package managers look
// at nothing else. The numbers are keepalived's.
func TestExitStatusesTellWhatWentWrong(t *testing.T) {
	_, h := lab(t)
	twice := router() + named("VI_2", 51, "10.9.0.101")
	missing := filepath.Join(h.Dir, "no-such.conf")
	script := globals() + router(`notify_master "/bin/true"`)
	tests := []struct {
		name string
		conf string
		args []string
		want int
		says string // on stderr
	}{
		{"in the background with a configuration that cannot run", twice, nil, 2, "virtual_router_id 51"},
		{"in the foreground with one", twice, []string{"-n"}, 2, "virtual_router_id 51"},
		{"in the background without a file", "", []string{"-f", missing}, 6, missing},
		{"in the foreground without one", "", []string{"-n", "-f", missing}, 6, missing},
		{"-t with a good file", router(), []string{"-t"}, 0, ""},
		{"-t with a mistake", router("prioritty 1"), []string{"-t"}, 5, "unknown keyword prioritty"},
		{"-t with what cannot run", twice, []string{"-t"}, 5, "virtual_router_id 51"},
		{"-t with a script and script security", script, []string{"-t"}, 0, ""},
		{"-t with a script without it", strings.Replace(script, "enable_script_security", "", 1), []string{"-t"}, 6, "script_security"},
		{"-t without a file", "", []string{"-t", "-f", missing}, 0, missing},
		{"-t without a file and with -e", "", []string{"-t", "-e", "-f", missing}, 4, missing},
		{"an unknown option", router(), []string{"--no-such-option"}, 1, "no-such-option"},
		{"an option without its value", router(), []string{"-f"}, 1, ""},
		{"a namespace that is not there", router(), []string{"-s", "no-such-namespace"}, 0, "no-such-namespace"},
		{"--version", "", []string{"-v"}, 0, "Keepalived v2.2.7 ("},
		{"--help", "", []string{"-h"}, 0, "--use-file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, out, errs := run(t, h, commandLine(t, h, Start{Conf: tt.conf, Args: tt.args})...)
			if status != tt.want || !strings.Contains(errs, tt.says) {
				t.Errorf("status %d, want %d; it said %q, want %q in it", status, tt.want, errs, tt.says)
			}
			if out != "" {
				t.Errorf("on stdout: %q", out)
			}
			if exists(filepath.Join(h.Dir, parentPID)) {
				t.Error("a pid file was left behind")
			}
		})
	}
}

func TestSignumPrintsOneNumber(t *testing.T) {
	_, h := lab(t)
	for name, want := range map[string]string{"STOP": "15\n", "RELOAD": "1\n", "DATA": "10\n", "STATS": "12\n", "JSON": "36\n", "STATS_CLEAR": "63\n"} {
		if status, out, errs := run(t, h, binary(t), "--signum="+name); status != 0 || out != want || errs != "" {
			t.Errorf("--signum=%s: status %d, %q on stdout, %q on stderr, want %q", name, status, out, errs, want)
		}
	}
	if status, out, errs := run(t, h, binary(t), "--signum=NONSENSE"); status != 1 || out != "" || !strings.Contains(errs, "nknown sigfunc NONSENSE") {
		t.Errorf("an unknown name: status %d, %q, %q", status, out, errs)
	}
}

// TestVersionReadsAsExportersExpect: on stderr, two lines or more, the version
// second word of the first, and the word that says JSON dumps exist.
func TestVersionReadsAsExportersExpect(t *testing.T) {
	_, h := lab(t)
	_, out, errs := run(t, h, binary(t), "-v")
	first, rest, _ := strings.Cut(errs, "\n")
	if !strings.HasPrefix(first, "Keepalived v2.2.7 (") || !strings.Contains(rest, "--enable-json") || out != "" {
		t.Errorf("stdout %q, stderr %q", out, errs)
	}
}

// TestALinkNamedKeepalivedIsKeepalivedToTheRestOfTheSystem: ps, pgrep and
// killall find all of its processes under that name.
func TestALinkNamedKeepalivedIsKeepalivedToTheRestOfTheSystem(t *testing.T) {
	_, h := lab(t)
	link := filepath.Join(h.Dir, "keepalived")
	if err := os.Symlink(binary(t), link); err != nil {
		t.Fatal(err)
	}
	d := master(t, h, Start{Conf: router() + server(vip), Program: link})
	pids := []int{d.pid(), d.child(vrrpPID, 0), d.child(checkersPID, 0)}
	for _, pid := range pids {
		argv0 := words(pid)[0]
		if comm(pid) != "keepalived" || filepath.Base(argv0) != "keepalived" {
			t.Errorf("process %d is %s, argv[0] %s, want keepalived", pid, comm(pid), argv0)
		}
	}
	if first := pidIn(filepath.Join(h.Dir, parentPID)); first != d.pid() {
		t.Errorf("%s names %d, want the parent %d", parentPID, first, d.pid())
	}
}

func TestProcessNamesCanBeChosen(t *testing.T) {
	_, h := lab(t)
	d := master(t, h, Start{Conf: "global_defs {\n    process_names\n    process_name director\n}\n" + router() + server(vip)})
	for name, pid := range map[string]int{"director": d.pid(), "keepalived_vrrp": d.child(vrrpPID, 0), "keepalived_lvs": d.child(checkersPID, 0)} {
		if comm(pid) != name {
			t.Errorf("process is called %s, want %s", comm(pid), name)
		}
	}
}

// TestOnlyTheChildrenThatAreAskedForStart.
func TestOnlyTheChildrenThatAreAskedForStart(t *testing.T) {
	_, h := lab(t)
	tests := []struct {
		name           string
		conf           string
		args           []string
		vrrp, checkers bool
	}{
		{"both", router() + server(vip), nil, true, true},
		{"-P", router() + server(vip), []string{"-P"}, true, false},
		{"-C", router() + server(vip), []string{"-C"}, false, true},
		{"a router alone", router(), nil, true, false},
		{"a virtual server alone", server(vip), nil, false, true},
		{"nothing", "# nothing\n", nil, false, false},
		{"nothing, with --all", "# nothing\n", []string{"--all"}, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := start(t, h, Start{Conf: tt.conf, Args: tt.args})
			for name, want := range map[string]bool{vrrpPID: tt.vrrp, checkersPID: tt.checkers} {
				if got := exists(filepath.Join(h.Dir, name)); got != want {
					t.Errorf("%s exists: %v, want %v", name, got, want)
				}
			}
			want := 0
			for _, on := range []bool{tt.vrrp, tt.checkers} {
				if on {
					want++
				}
			}
			if got := len(childrenOf(d.pid())); got != want {
				t.Errorf("%d children, want %d", got, want)
			}
			if !tt.vrrp && !tt.checkers && d.count("no configuration to run") != 1 {
				t.Error("the log does not say that there is nothing to run")
			}
			d.signal(syscall.SIGTERM)
			if got := d.wait(controlLimit); got != 0 {
				t.Errorf("status %d, want 0", got)
			}
		})
	}
}

func TestANamedNamespaceIsEntered(t *testing.T) {
	l, h := lab(t)
	h.File(confFile, router(), 0o644)
	// started outside: ip netns exec is not asked for
	d := launchOutside(t, h, "-s", h.NS)
	d.waitLog("Startup complete", 1)
	netns.Eventually(t, startLimit, "the address is in the namespace", func() bool { return h.Holds(vip) })
	for _, pid := range append(childrenOf(d.pid()), d.pid()) {
		if got, want := namespaceOf(pid), namespaceFile(h.NS); got != want {
			t.Errorf("process %d is in %s, want %s", pid, got, want)
		}
	}
	l.Capture.Next(time.Time{}, startLimit, "from the namespace", netns.From(h))
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 || h.Holds(vip) {
		t.Errorf("status %d, address left behind: %v", got, h.Holds(vip))
	}
}

// TestHundredsOfRoutersStart: more than the inbox of the VRRP process's loop
// holds messages about.
func TestHundredsOfRoutersStart(t *testing.T) {
	_, h := lab(t)
	const routers = 300
	var conf strings.Builder
	for i := range routers { // some VRIDs twice: unicast instances may share one
		peer := fmt.Sprintf("unicast_src_ip 10.9.0.1\n    unicast_peer {\n        10.9.%d.%d\n    }", 10+i/250, 1+i%250)
		conf.WriteString(named(fmt.Sprintf("VI_%d", i+1), 1+i%250, fmt.Sprintf("10.8.%d.%d", i/250, 1+i%250), peer))
	}
	d := start(t, h, Start{Conf: strings.ReplaceAll(conf.String(), "advert_int 0.1", "advert_int 10")})
	netns.Eventually(t, 6*startLimit, "all of them wait", func() bool { return d.count(`Entering BACKUP STATE \(init\)`) == routers })
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 {
		t.Errorf("status %d", got)
	}
}
