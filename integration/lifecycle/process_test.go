package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/integration/netns"
)

// treatment is how the kernel treats a thread: policy 2 is SCHED_RR.
type treatment struct{ policy, priority, nice, cpus string }

func (tr treatment) String() string {
	return "policy " + tr.policy + " priority " + tr.priority + " nice " + tr.nice + " cpus " + tr.cpus
}

// treatments is how each thread of a process is treated.
func treatments(pid int) map[string]treatment {
	all := map[string]treatment{}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, task := range tasks {
		stat, err := os.ReadFile(task + "/stat")
		if err != nil {
			continue // it has ended
		}
		tr := inStat(string(stat))
		tr.cpus = statusLine(task, "Cpus_allowed_list")
		all[filepath.Base(task)] = tr
	}
	return all
}

// inStat reads fields 19, 40 and 41 of proc(5).
func inStat(text string) treatment {
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+2:])
	return treatment{policy: f[41-3], priority: f[40-3], nice: f[19-3]}
}

func statusLine(dir, key string) string {
	text, _ := os.ReadFile(dir + "/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// waitTreatment waits until all threads of a process have been seen to be treated
// so: one that starts a program is treated otherwise meanwhile.
func waitTreatment(t *testing.T, pid int, want treatment) {
	t.Helper()
	seen := map[string]bool{}
	netns.Eventually(t, startLimit, fmt.Sprintf("all threads of %d have %v", pid, want), func() bool {
		all := true
		threads := treatments(pid)
		for tid, is := range threads {
			seen[tid] = seen[tid] || is == want
			all = all && seen[tid]
		}
		return all && len(threads) > 0
	})
}

// crowd is a configuration with much to do for both children, and thus with
// many threads: a script that both start writes down how it is treated itself.
func crowd(h *netns.Host, options string) string {
	look := func(name string) string {
		file := filepath.Join(h.Dir, name)
		return h.File(name+".sh", "#!/bin/sh\ncat /proc/$$/stat >"+file+".$$ && mv "+file+".$$ "+file+"\n", 0o755)
	}
	var b strings.Builder
	b.WriteString(globals(strings.Split(options, "\n")...))
	fmt.Fprintf(&b, "vrrp_script look {\n    script %s\n    interval 0.2\n    timeout 10\n}\n", look("tracked"))
	for n := range 20 {
		b.WriteString(named(fmt.Sprintf("VI_%d", n+1), n+1, fmt.Sprintf("10.9.0.%d", 100+n), "track_script {\n        look\n    }"))
	}
	checked := look("checked")
	for n := range 20 {
		fmt.Fprintf(&b, "virtual_server 10.9.0.%d 80 {\n    delay_loop 1\n    protocol TCP\n    lb_algo rr\n    lb_kind NAT\n"+
			"    real_server 10.9.0.1 8080 {\n        MISC_CHECK {\n            misc_path %s\n        }\n    }\n}\n", 100+n, checked)
	}
	return b.String()
}

// ran waits for a script's word, written after the call, on how it is treated.
func ran(t *testing.T, h *netns.Host, name string) treatment {
	t.Helper()
	file := filepath.Join(h.Dir, name)
	os.Remove(file)
	var tr treatment
	netns.Eventually(t, startLimit, "the script "+name+" has run", func() bool {
		text, err := os.ReadFile(file)
		if err == nil {
			tr = inStat(string(text))
		}
		return err == nil
	})
	return tr
}

func TestProcessOptionsHoldForEveryThreadAndChangeAtAReload(t *testing.T) {
	_, h := lab(t)
	d := start(t, h, Start{Conf: crowd(h, "vrrp_priority -3\nvrrp_rt_priority 12\nvrrp_no_swap\nvrrp_cpu_affinity 0\nchecker_priority 4\nchecker_rt_priority 7\nchecker_cpu_affinity 0")})
	vrrp, check := d.child(vrrpPID, 0), d.child(checkersPID, 0)
	normal := treatment{"0", "0", "0", statusLine("/proc/self", "Cpus_allowed_list")}
	script := treatment{policy: "0", priority: "0", nice: "0"}
	scripts := func(when string) {
		t.Helper()
		for _, name := range []string{"tracked", "checked"} {
			if got := ran(t, h, name); got != script {
				t.Errorf("%s: the script %s has %v, want %v", when, name, got, script)
			}
		}
	}
	scripts("at the start")
	waitTreatment(t, vrrp, treatment{"2", "12", "-3", "0"})
	waitTreatment(t, check, treatment{"2", "7", "4", "0"})
	waitTreatment(t, d.pid(), normal)
	if kib := statusLine(linkTo(vrrp), "VmLck"); kib == "0 kB" {
		t.Error("vrrp_no_swap: nothing is locked")
	}
	if kib := statusLine(linkTo(check), "VmLck"); kib != "0 kB" {
		t.Errorf("the checker process has locked %s", kib)
	}
	t.Logf("%s and %s threads; VmRSS %s with locked memory", statusLine(linkTo(vrrp), "Threads"), statusLine(linkTo(check), "Threads"), statusLine(linkTo(vrrp), "VmRSS"))

	d.reload(crowd(h, "vrrp_priority 2\nchecker_rt_priority 9\nchecker_no_swap"), reloaded)
	waitTreatment(t, vrrp, treatment{"0", "0", "2", normal.cpus})
	waitTreatment(t, check, treatment{"2", "9", "0", normal.cpus})
	scripts("after a reload")
	if kib := statusLine(linkTo(vrrp), "VmLck"); kib != "0 kB" {
		t.Errorf("without vrrp_no_swap %s are still locked", kib)
	}

	d.reload(crowd(h, ""), reloaded)
	for _, pid := range []int{vrrp, check} {
		waitTreatment(t, pid, normal)
	}
	if d.child(vrrpPID, 0) != vrrp || d.child(checkersPID, 0) != check {
		t.Error("a child was started anew")
	}
}

func TestAProcessThatWasLateRaisesItsRealTimePriority(t *testing.T) {
	_, h := lab(t)
	d := start(t, h, Start{Conf: globals("max_auto_priority 2", "min_auto_priority_delay 500000") + router()})
	vrrp := d.child(vrrpPID, 0)
	cpus := statusLine("/proc/self", "Cpus_allowed_list")
	for n := 1; n <= 3; n++ { // the third time it is at its limit
		seen := d.count("A thread timer expired")
		freeze(t, vrrp)
		frozen := time.Now()
		netns.Eventually(t, startLimit, "it is late enough", func() bool { return time.Since(frozen) > 800*time.Millisecond })
		if err := syscall.Kill(vrrp, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		d.waitLog(`A thread timer expired \d+\.\d{6} seconds ago`, seen+1)
		want := min(n, 2)
		d.waitLog(fmt.Sprintf("Set realtime priority %d", want), 1)
		waitTreatment(t, vrrp, treatment{"2", fmt.Sprint(want), "0", cpus})
	}
}
