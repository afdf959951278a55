package clusters

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReloadChangesWhatChangedAndNothingElse walks one configuration through
// small changes, each with a SIGHUP.
func TestReloadChangesWhatChangedAndNothingElse(t *testing.T) {
	const q = `
    quorum_up "/etc/keepalived/note.sh quorum up"
    quorum_down "/etc/keepalived/note.sh quorum down"`
	const rr, wlc = "TCP 10.9.0.100:80 rr", "TCP 10.9.0.100:80 wlc"
	const s12, s13, sorry = "  10.9.0.12:80 Masq 2", "  10.9.0.13:80 Masq 3", "  10.9.0.99:80 Masq 1"
	global := "global_defs {\n    script_user root\n}\n"
	nat := func(more string, servers ...string) string {
		return global + service("10.9.0.100 80", "lb_kind NAT\n    "+more+q, servers...)
	}
	p := newPool(t, "reload")
	p.start(t, nat("lb_algo rr", checked("11", "weight 1"), checked("12", "weight 2")))
	step := func(name, conf string, hooks []string, want ...string) {
		phase(t, name, func(t *testing.T) {
			if conf != "" {
				p.director.Reload(t, conf)
			}
			p.wantTable(t, want...)
			p.wantHooks(t, hooks...)
		})
	}
	var again []string // keepalived tells once more what it has told
	if isKeepalived() {
		again = []string{"quorum down"}
	}
	step("start", "", []string{"quorum up"}, rr, "  10.9.0.11:80 Masq 1", s12)
	step("no change", nat("lb_algo rr", checked("11", "weight 1"), checked("12", "weight 2")), nil,
		rr, "  10.9.0.11:80 Masq 1", s12)
	step("weight", nat("lb_algo rr", checked("11", "weight 9"), checked("12", "weight 2")), nil,
		rr, "  10.9.0.11:80 Masq 9", s12)
	step("method", nat("lb_algo rr", checked("11", "weight 9"), checked("12", "weight 2\n lvs_method TUN")), nil,
		rr, "  10.9.0.11:80 Masq 9", "  10.9.0.12:80 Tunnel 2")
	step("scheduler and persistence", nat("lb_algo wlc\n    persistence_timeout 77", checked("11", "weight 9"), checked("12", "weight 2")), nil,
		wlc+" persistent 77", "  10.9.0.11:80 Masq 9", s12)
	step("no persistence", nat("lb_algo wlc", checked("11", "weight 9"), checked("12", "weight 2")), nil,
		wlc, "  10.9.0.11:80 Masq 9", s12)
	step("another server instead", nat("lb_algo wlc", checked("11", "weight 9"), checked("13", "weight 3")), []string{"rs12 down two words"},
		wlc, "  10.9.0.11:80 Masq 9", s13)
	p.port["11"].Close()
	step("a server dies", "", []string{"rs11 down two words"}, wlc, s13)
	step("no change, the dead one stays out", nat("lb_algo wlc", checked("11", "weight 9"), checked("13", "weight 3")), nil, wlc, s13)
	step("inhibit the dead one", nat("lb_algo wlc", checked("11", "weight 9\n inhibit_on_failure"), checked("13", "weight 3")), nil,
		wlc, "  10.9.0.11:80 Masq 0", s13)
	step("no longer", nat("lb_algo wlc", checked("11", "weight 9"), checked("13", "weight 3")), nil, wlc, s13)
	step("more quorum than there is", nat("lb_algo wlc\n    quorum 5", checked("11", "weight 9"), checked("13", "weight 3")),
		[]string{"quorum down"}, wlc, s13)
	step("a sorry server for that", nat("lb_algo wlc\n    quorum 5\n    sorry_server 10.9.0.99 80", checked("11", "weight 9"), checked("13", "weight 3")),
		again, wlc, sorry)
	step("less quorum", nat("lb_algo wlc\n    sorry_server 10.9.0.99 80", checked("11", "weight 9"), checked("13", "weight 3")),
		[]string{"quorum up"}, wlc, s13)
	one := nat("lb_algo wlc", checked("13", "weight 3"))
	step("the dead one is removed", one, nil, wlc, s13)
	step("another service", one+service("10.9.0.101 80", "lb_algo rr\n    lb_kind DR\n    alpha", checked("12", "weight 1")),
		[]string{"rs12 up"}, wlc, s13, "TCP 10.9.0.101:80 rr", "  10.9.0.12:80 Route 1")
	step("and the first removed", global+service("10.9.0.101 80", "lb_algo rr\n    lb_kind DR\n    alpha", checked("12", "weight 1")),
		[]string{"rs13 down two words", "quorum down"}, "TCP 10.9.0.101:80 rr", "  10.9.0.12:80 Route 1")
	step("TCP becomes UDP", strings.Replace(global+service("10.9.0.101 80", "lb_algo rr\n    lb_kind DR\n    alpha", checked("12", "weight 1")),
		"protocol TCP", "protocol UDP", 1), []string{"rs12 down two words", "rs12 up"}, "UDP 10.9.0.101:80 rr", "  10.9.0.12:80 Route 1")
	step("no service at all", global, []string{"rs12 down two words"}, "")
	step("and one again", one, []string{"quorum up"}, wlc, s13)
	phase(t, "nothing when it has stopped", func(t *testing.T) {
		p.director.Stop(t)
		p.wantStays(t, "")
		p.wantHooks(t)
	})
}

// TestReloadThatKeepalivedGetsWrong asks for what keepalived's users have asked
// for.
func TestReloadThatKeepalivedGetsWrong(t *testing.T) {
	if isKeepalived() {
		t.Skip("puts dead servers back, empties the pool, drops services for a typing error")
	}
	const head, s11, s12, sorry = "TCP 10.9.0.100:80 rr", "  10.9.0.11:80 Masq 1", "  10.9.0.12:80 Masq 2", "  10.9.0.99:80 Masq 1"
	conf := func(more string, servers ...string) string {
		return service("10.9.0.100 80", "lb_algo rr\n    lb_kind NAT\n    "+more, servers...)
	}
	p := newPool(t, "better")
	p.start(t, conf("", checked("11", "weight 1"), checked("12", "weight 2")))
	p.wantTable(t, head, s11, s12)

	phase(t, "thresholds change at once", func(t *testing.T) {
		p.director.Reload(t, conf("", checked("11", "weight 1"), checked("12", "weight 2\n uthreshold 50")))
		Eventually(t, patience, "ipvsadm shows the threshold", func() (string, bool) {
			out := p.node.Run(t, "ipvsadm", "-Ln", "--thresholds")
			return out, strings.Contains(out, " 50 ")
		})
	})
	phase(t, "a changed check does not put a dead server back", func(t *testing.T) {
		p.port["11"].Close()
		p.wantTable(t, head, s12)
		p.director.Reload(t, conf("", strings.Replace(checked("11", "weight 1"), "connect_timeout 2", "connect_timeout 3", 1), checked("12", "weight 2")))
		p.wantStays(t, head, s12)
	})
	phase(t, "a changed method does not put a dead server back", func(t *testing.T) {
		p.director.Reload(t, conf("", checked("11", "weight 1\n lvs_method DR"), checked("12", "weight 2")))
		p.wantStays(t, head, s12)
	})
	phase(t, "without its sorry server a service uses what is alive", func(t *testing.T) {
		p.director.Reload(t, conf("quorum 3\n    sorry_server 10.9.0.99 80", checked("11", "weight 1"), checked("12", "weight 2")))
		p.wantTable(t, head, sorry)
		p.director.Reload(t, conf("quorum 3", checked("11", "weight 1"), checked("12", "weight 2")))
		p.wantTable(t, head, s12)
	})
	phase(t, "a file with a missing brace changes nothing", func(t *testing.T) {
		p.director.Reload(t, strings.TrimSuffix(conf("", checked("12", "weight 5")), "}\n"))
		p.wantStays(t, head, s12)
	})
	phase(t, "a good file after it counts", func(t *testing.T) {
		p.director.Reload(t, conf("", checked("12", "weight 5")))
		p.wantTable(t, head, "  10.9.0.12:80 Masq 5")
	})
}

func TestStartAndStopVariants(t *testing.T) {
	p := newPool(t, "variants")
	conf := service("10.9.0.100 80", "lb_algo rr\n    lb_kind NAT", checked("11", "weight 1"), checked("12", "weight 2"))
	want := []string{"TCP 10.9.0.100:80 rr", "  10.9.0.11:80 Masq 1", "  10.9.0.12:80 Masq 2"}
	foreign := []string{"TCP 10.9.0.200:80 lc", "  10.9.0.77:80 Route 1"}
	leave := func(t *testing.T, service, server string) {
		t.Helper()
		p.node.Run(t, "ipvsadm", "-A", "-t", service, "-s", "lc")
		p.node.Run(t, "ipvsadm", "-a", "-t", service, "-r", server, "-g")
	}

	phase(t, "-I leaves the table, and the next start takes it over", func(t *testing.T) {
		p.start(t, conf, "-I")
		p.wantTable(t, want...)
		p.director.Stop(t)
		p.wantStays(t, want...)
		p.start(t, conf)
		p.wantStays(t, want...)
		p.director.Stop(t)
		p.wantStays(t, "")
	})
	phase(t, "a killed parent takes its services along", func(t *testing.T) {
		p.start(t, conf)
		p.wantTable(t, want...)
		p.director.Signal(t, syscall.SIGKILL)
		p.wantTable(t, "")
	})
	phase(t, "killed altogether, the next start cleans up", func(t *testing.T) {
		p.start(t, conf)
		p.wantTable(t, want...)
		p.director.Kill(t)
		p.wantStays(t, want...)
		p.start(t, conf)
		p.wantStays(t, want...)
		p.director.Stop(t)
		p.wantStays(t, "")
	})
	phase(t, "a service of the same address is made ours, another stays", func(t *testing.T) {
		if isKeepalived() {
			t.Skip("keeps the scheduler and the destinations that it finds")
		}
		leave(t, "10.9.0.100:80", "10.9.0.77:80")
		leave(t, "10.9.0.200:80", "10.9.0.77:80")
		p.start(t, conf)
		p.wantTable(t, append(want[:3:3], foreign...)...)
		p.director.Stop(t)
		p.wantStays(t, foreign...)
	})
	p.node.Run(t, "ipvsadm", "-C")
	phase(t, "lvs_flush empties the table first", func(t *testing.T) {
		leave(t, "10.9.0.200:80", "10.9.0.77:80")
		p.start(t, "global_defs {\n    lvs_flush\n}\n"+conf)
		p.wantTable(t, want...)
		p.director.Stop(t)
		p.wantStays(t, "")
	})
	phase(t, "lvs_flush_on_stop empties it at last, VS only of our services", func(t *testing.T) {
		leave(t, "10.9.0.200:80", "10.9.0.77:80")
		p.start(t, "global_defs {\n    lvs_flush_on_stop VS\n}\n"+conf)
		p.wantTable(t, append(want[:3:3], foreign...)...)
		p.director.Stop(t)
		p.wantStays(t, foreign...)
		p.start(t, "global_defs {\n    lvs_flush_on_stop\n}\n"+conf)
		p.wantTable(t, append(want[:3:3], foreign...)...)
		p.director.Stop(t)
		p.wantStays(t, "")
	})
	phase(t, "what somebody changes is put right", func(t *testing.T) {
		if isKeepalived() {
			t.Skip("does not look at the table again")
		}
		p.start(t, conf)
		p.wantTable(t, want...)
		p.node.Run(t, "ipvsadm", "-e", "-t", "10.9.0.100:80", "-r", "10.9.0.11:80", "-m", "-w", "50")
		p.wantTable(t, want...)
		p.node.Run(t, "ipvsadm", "-C")
		p.wantTable(t, want...)
		p.director.Stop(t)
	})
	phase(t, "omega tells the scripts", func(t *testing.T) {
		os.Remove(p.node.LogDir() + "/hooks")
		p.start(t, "global_defs {\n    script_user root\n}\n"+service("10.9.0.100 80", `lb_algo rr
    lb_kind NAT
    omega
    quorum_up "/etc/keepalived/note.sh quorum up"
    quorum_down "/etc/keepalived/note.sh quorum down"`, checked("11", "weight 1"), checked("12", "weight 2")))
		p.wantTable(t, want...)
		p.wantHooks(t, "quorum up")
		p.port["11"].Close()
		p.wantTable(t, want[0], want[2])
		p.wantHooks(t, "rs11 down two words")
		p.director.Stop(t)
		p.wantHooks(t, "rs12 down two words", "quorum down") // only what was up
		p.wantStays(t, "")
	})
}

// TestSyncDaemonFollowsAnInstance is lvs_sync_daemon with all its options.
func TestSyncDaemonFollowsAnInstance(t *testing.T) {
	lan := NewLAN(t, "sync")
	n := lan.Node(t, "director", "10.9.0.1/24")
	conf := `global_defs {
    lvs_sync_daemon eth0 inst VI_1 id 33 maxlen 1400 port 9999 ttl 3 group 224.0.0.99
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 77
    priority 100
    virtual_ipaddress {
        10.9.0.100
    }
}
`
	d := n.Start(t, conf)
	const options = "sync daemon (mcast=eth0, syncid=%, maxlen=1400, group=224.0.0.99, port=9999, ttl=3)"
	want := func(t *testing.T, text string) {
		t.Helper()
		Eventually(t, patience, "ipvsadm shows "+text, func() (string, bool) {
			got := strings.TrimSpace(n.Run(t, "ipvsadm", "-L", "--daemon"))
			return got, got == text
		})
	}
	full := func(state, id string) string { return state + " " + strings.Replace(options, "%", id, 1) }
	phase(t, "master", func(t *testing.T) { want(t, full("master", "33")) })
	phase(t, "backup while the link is down", func(t *testing.T) {
		n.Unplug(t)
		want(t, full("backup", "33"))
	})
	phase(t, "master again", func(t *testing.T) {
		batch(t, lan.name, "link set "+n.port+" up")
		want(t, full("master", "33"))
	})
	phase(t, "unchanged after a reload", func(t *testing.T) {
		d.Reload(t, conf)
		time.Sleep(2 * time.Second)
		want(t, full("master", "33"))
	})
	phase(t, "started again when somebody has stopped it", func(t *testing.T) {
		if isKeepalived() {
			t.Skip("does not look at sync daemons again")
		}
		n.Run(t, "ipvsadm", "--stop-daemon", "master")
		want(t, full("master", "33"))
	})
	phase(t, "goes on when the checker process is killed", func(t *testing.T) {
		if isKeepalived() {
			t.Skip("runs it in the VRRP process")
		}
		killChecker(t, d)
		time.Sleep(2 * time.Second)
		want(t, full("master", "33"))
		if log := d.Log(); strings.Contains(log[strings.LastIndex(log, "Starting Healthcheck child process"):], "started ") {
			t.Errorf("a sync daemon was started anew:\n%s", log)
		}
	})
	phase(t, "another id after a reload", func(t *testing.T) {
		d.Reload(t, strings.Replace(conf, "id 33", "id 34", 1))
		want(t, full("master", "34"))
	})
	phase(t, "none after the stop", func(t *testing.T) {
		d.Stop(t)
		want(t, "")
	})
}
