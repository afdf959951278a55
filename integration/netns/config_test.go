package netns

import (
	"strings"
	"testing"
	"time"
)

// runs stands for: the daemon starts, whatever it says about the file.
const runs = -1

// instance is a file that is right, to be spoilt by replacing and adding.
func instance(edits ...string) string {
	text := `vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        10.9.0.100
    }
}
`
	for i := 0; i < len(edits); i += 2 {
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return text
}

// with adds lines to the instance.
func with(lines string) string {
	return instance("    priority 100\n", "    priority 100\n"+lines+"\n")
}

// server is a virtual_server block with one real server.
func server(addr, port, sched, kind string) string {
	return instance() + "virtual_server " + addr + " " + port + " {\n    lb_algo " + sched + "\n    lb_kind " + kind +
		"\n    protocol TCP\n    real_server 10.9.0.1 80 {\n        weight 1\n    }\n}\n"
}

// secured are lines that make scripts beyond reproach.
const secured = "global_defs {\n    enable_script_security\n    script_user root\n}\n"

// smallFiles are files and what both daemons answer: with -t, and when they
// are to run with it. The numbers were observed with keepalived 2.2.7, and its
// rows keep observing them.
var smallFiles = []struct {
	name string
	text string
	test int // exit status of -t
	run  int // exit status of a start, or runs
}{
	{"a good file", instance(), 0, runs},
	{"an empty file", "", 0, runs},
	{"a file of comments", "# nothing\n! nothing\n", 0, runs},
	{"an unknown keyword at the top", "no_such_thing 1\n" + instance(), 5, runs},
	{"an unknown keyword in global_defs", "global_defs {\n    route_id x\n}\n" + instance(), 5, runs},
	{"an unknown keyword in an instance", with("no_such_thing 1"), 5, runs},
	{"an unknown block in an instance", with("no_such_thing {\n a b\n}"), 5, runs},
	{"no virtual_router_id", instance("    virtual_router_id 51\n", ""), 5, 2},
	{"virtual_router_id 300", instance("router_id 51", "router_id 300"), 5, 2},
	{"virtual_router_id 0", instance("router_id 51", "router_id 0"), 5, 2},
	{"virtual_router_id that is no number", instance("router_id 51", "router_id abc"), 5, 2},
	{"virtual_router_id without a number", instance("router_id 51", "router_id"), 2, 2},
	{"priority 0", instance("priority 100", "priority 0"), 5, runs},
	{"priority 256", instance("priority 100", "priority 256"), 5, runs},
	{"advert_int 0", with("advert_int 0"), 5, runs},
	{"advert_int 0.5 in version 2", with("advert_int 0.5"), 5, runs},
	{"advert_int 41 in version 3", with("version 3\nadvert_int 41"), 5, runs},
	{"advert_int that is no number", with("advert_int x"), 5, runs},
	{"version 4", with("version 4"), 5, runs},
	{"state in lower case", with("state master"), 5, runs},
	{"state Backup", with("state Backup"), 5, runs},
	{"no interface where eth0 is the default", instance("    interface eth0\n", ""), 5, 2},
	{"an interface that does not exist", instance("eth0", "eth9"), 5, 2},
	{"a quote that does not end", with(`notify_master "/bin/true`), 5, runs},
	{"a closing brace too few", strings.TrimSuffix(instance(), "}\n"), 5, runs},
	{"a closing brace too many", instance() + "}\n", 5, runs},
	{"an opening brace too few", instance("VI_1 {", "VI_1"), 5, runs},
	{"two instances with one VRID", instance() + instance("VI_1", "VI_2"), 5, 2},
	{"two instances with one name", instance() + instance("router_id 51", "router_id 52"), 5, runs},
	{"an address that is none", instance("10.9.0.100", "10.9.0.300"), 5, runs},
	{"an address with a prefix too long", instance("10.9.0.100", "10.9.0.100/33"), 5, runs},
	{"an address on an interface that does not exist", instance("10.9.0.100", "10.9.0.100 dev eth9"), 5, 2},
	{"an address with an unknown word", instance("10.9.0.100", "10.9.0.100 lable x"), 5, runs},
	{"addresses of two families", instance("10.9.0.100", "10.9.0.100\n        fd00::1"), 5, runs},
	{"an IPv6 address in version 2", instance("10.9.0.100", "fd00::1", "    priority", "    version 2\n    priority"), 0, runs},
	{"no addresses in version 2", instance("    virtual_ipaddress {\n        10.9.0.100\n    }\n", ""), 5, runs},
	{"no addresses in version 3", instance("    virtual_ipaddress {\n        10.9.0.100\n    }\n", "    version 3\n"), 5, 2},
	{"authentication in version 3", with("version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}"), 5, runs},
	{"a password of nine characters", with("authentication {\nauth_type PASS\nauth_pass cbrt32456\n}"), 5, runs},
	{"an unknown auth_type", with("authentication {\nauth_type FOO\nauth_pass x\n}"), 5, runs},
	{"nopreempt with state MASTER", with("state MASTER\nnopreempt"), 5, runs},
	{"preempt_delay too long", with("preempt_delay 9999"), 5, runs},
	{"garp_master_delay that is no number", with("garp_master_delay x"), 5, runs},
	{"a tracked script that is not defined", with("track_script {\nnosuch\n}"), 5, runs},
	{"a tracked script whose file is missing", "vrrp_script s {\nscript \"/no/such/file\"\n}\n" + with("track_script {\ns\n}"), 5, runs},
	{"a vrrp_script without script", "vrrp_script s {\ninterval 1\n}\n" + with("track_script {\ns\n}"), 5, runs},
	{"a tracked interface that does not exist", with("track_interface {\neth9\n}"), 5, 2},
	{"a notify script that is missing", with(`notify_master "/no/such/script"`), 0, runs},
	{"a notify script without script security", with(`notify_master "/bin/true"`), 6, runs},
	{"a notify script with script security", secured + with(`notify_master "/bin/true"`), 0, runs},
	{"a notify script that anyone may write, with script security", secured + with(`notify_master "@unsafe@"`), 0, runs},
	{"a tracked script that anyone may write, with script security", secured + "vrrp_script s {\nscript \"@unsafe@\"\n}\n" + with("track_script {\ns\n}"), 5, runs},
	{"an include that is missing", "include /no/such/file.conf\n" + instance(), 0, runs},
	{"a sync group with an unknown member", instance() + "vrrp_sync_group G {\ngroup {\nVI_1\nVI_9\n}\n}\n", 5, runs},
	{"a sync group of one", instance() + "vrrp_sync_group G {\ngroup {\nVI_1\n}\n}\n", 5, runs},
	{"a virtual server", server("10.9.0.100", "80", "rr", "NAT"), 0, runs},
	{"a virtual server with an unknown scheduler", server("10.9.0.100", "80", "xx", "NAT"), 5, runs},
	{"a virtual server with an unknown method", server("10.9.0.100", "80", "rr", "nat"), 5, runs},
	{"a virtual server on port 99999", server("10.9.0.100", "99999", "rr", "NAT"), 5, runs},
	{"a virtual server without real servers", instance() + "virtual_server 10.9.0.100 80 {\nlb_algo rr\nlb_kind NAT\n}\n", 5, runs},
}

func TestExitStatusesForSmallFilesAreThoseOfKeepalived(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.Host("a", 1)
			unsafe := h.File("unsafe.sh", "#!/bin/sh\n", 0o777)
			for _, f := range smallFiles {
				t.Run(f.name, func(t *testing.T) {
					lab.t = t
					text := strings.ReplaceAll(f.text, "@unsafe@", unsafe)
					path := h.File("small.conf", text, 0o644)
					if got, out := h.ConfigTest(kind, path); got != f.test {
						t.Errorf("-t ended with %d, want %d; it said:\n%s", got, f.test, out)
					}
					if got, log := startStatus(h, kind, text); got != f.run {
						t.Errorf("start ended with %d, want %d (%d: it runs); log:\n%s", got, f.run, runs, log)
					}
				})
			}
		})
	}
}

// startStatus starts a daemon without checkers until it says that it is up, or
// ends.
func startStatus(h *Host, kind Kind, conf string) (int, string) {
	d := h.Start(kind, conf, "-P")
	d.Quiet = true // the caller shows the log
	defer d.Kill()
	Eventually(h.lab.t, 5*time.Second, "the daemon is up or has ended",
		func() bool {
			return !d.Running() || d.Count(time.Time{}, "Startup complete|no configuration to run") > 0
		})
	// A child that finds its configuration unusable reports itself ready all
	// the same, and ends; what comes first is a matter of luck.
	limit := time.Now().Add(300 * time.Millisecond)
	Eventually(h.lab.t, time.Second, "end of the grace time", func() bool { return !d.Running() || time.Now().After(limit) })
	if d.Running() {
		return runs, d.Log()
	}
	return d.WaitEnd(time.Second), d.Log()
}

func TestAMissingFileIsNothingToTestAndNothingToRun(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.Host("a", 1)
			if got, out := h.ConfigTest(kind, "/no/such/file.conf"); got != 0 || !strings.Contains(out, "/no/such/file.conf") {
				t.Errorf("-t ended with %d and said %q, want 0 and the name of the file", got, out)
			}
			d := h.Start(kind, "", "-f", "/no/such/file.conf")
			if got := d.WaitEnd(5 * time.Second); got != 6 {
				t.Errorf("start ended with %d, want 6", got)
			}
		})
	}
}
