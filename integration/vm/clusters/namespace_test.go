package clusters

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// elsewhere starts a daemon on the node that finds the network namespace of
// another node by the name table, unless it comes later.
func (n *Node) elsewhere(t *testing.T, program, conf string) *Director {
	t.Helper()
	n.File(t, "keepalived/start.sh", "#!/bin/sh\nmkdir -p /run/netns\ntest ! -e /etc/keepalived/link || /etc/keepalived/link\nexec "+program+" \"$@\"\n", 0o755)
	return n.StartProgram(t, "/etc/keepalived/start.sh", conf)
}

// named is a script that gives the namespace of a node the name table.
func (n *Node) named() string {
	return fmt.Sprintf("#!/bin/sh\n: >/run/netns/table && mount --bind /proc/%d/fd/%d /run/netns/table\n", os.Getpid(), n.file.Fd())
}

// TestTheIPVSTableIsInTheNamespaceThatIsAskedFor compares with keepalived where
// the table stands.
func TestTheIPVSTableIsInTheNamespaceThatIsAskedFor(t *testing.T) {
	const here, there, first = "where the daemon was started", "in the other namespace", "in the namespace of process 1"
	tests := []struct{ name, conf, want string }{
		{"net_namespace", "net_namespace table\n", there},
		{"net_namespace_ipvs", "net_namespace_ipvs table\n", there},
		{"net_namespace_ipvs without a name", "net_namespace table\nnet_namespace_ipvs\n", first},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, w := range twins(t, fmt.Sprintf("ns%d", i)) {
				other := w.lan.Node(t, "table", "10.9.0.2/24")
				w.node.File(t, "keepalived/link", other.named(), 0o755)
				w.director = w.node.elsewhere(t, w.program, tt.conf+oursConf)
				tables := func() map[string]string {
					got := map[string]string{here: w.node.Run(t, "ipvsadm", "-Sn"), there: other.Run(t, "ipvsadm", "-Sn")}
					if tt.want == first { // no other test looks there
						root, err := try("ipvsadm", "-Sn")
						if err != nil {
							t.Fatal(root, err)
						}
						got[first] = root
					}
					return got
				}
				gone := map[string]string{here: "", there: ""}
				if tt.want == first {
					gone[first] = ""
				}
				want := maps.Clone(gone)
				want[tt.want] = strings.Join(lines(ours, 0), "\n") + "\n"
				Eventually(t, patience, w.program+": the table is "+tt.want, func() (string, bool) {
					got := tables()
					return fmt.Sprint(got), maps.Equal(got, want)
				})
				w.director.Stop(t)
				if d := cmp.Diff(gone, tables()); d != "" {
					t.Errorf("%s leaves (-want +got)\n%s", w.program, d)
				}
			}
		})
	}
}

func TestANamespaceThatComesLaterGetsItsTable(t *testing.T) {
	w := twins(t, "late")[1]
	other := w.lan.Node(t, "table", "10.9.0.2/24")
	w.director = w.node.elsewhere(t, w.program, "net_namespace_ipvs table\n"+oursConf)
	Eventually(t, patience, "the log says that the namespace is missing", func() (string, bool) {
		return w.director.Log(), strings.Contains(w.director.Log(), "open network namespace")
	})
	// the daemon has a /run of its own
	script := fmt.Sprintf("nsenter -m -t %d sh -c '%s'", w.director.cmd.Process.Pid, strings.TrimPrefix(other.named(), "#!/bin/sh\n"))
	mustRun(t, "sh", "-c", script)
	(&twin{node: other, program: w.program}).shows(t, ours)
	if n := strings.Count(w.director.Log(), "open network namespace"); n != 1 {
		t.Errorf("it was said %d times, want once:\n%s", n, w.director.Log())
	}
}

// TestServersThatAreUpFromTheStartAreTold reads what both daemons write to
// lvs_notify_fifo with rs_init_notifies.
func TestServersThatAreUpFromTheStartAreTold(t *testing.T) {
	const globals = "global_defs {\nrs_init_notifies\nscript_user root\nlvs_notify_fifo /var/log/fifo\n}\n"
	service := func(servers ...string) string {
		return virtual("10.8.0.1 80", "lvs_sched rr\nlvs_method NAT\nprotocol TCP", servers...)
	}
	never := "MISC_CHECK {\nmisc_path /bin/false\nalpha\n}\n"
	before := service(real("10.9.0.11 80", ""), real("10.9.0.12 80", ""), real("10.9.0.13 80", never))
	after := service(real("10.9.0.11 80", ""), real("10.9.0.12 80", ""), real("10.9.0.13 80", never), real("10.9.0.14 80", ""))
	atStart := []string{"RS [10.9.0.11]:tcp:80 [10.8.0.1]:tcp:80 UP", "RS [10.9.0.12]:tcp:80 [10.8.0.1]:tcp:80 UP",
		"VS [10.8.0.1]:tcp:80 UP", "RS [10.9.0.13]:tcp:80 [10.8.0.1]:tcp:80 DOWN"}
	for _, w := range twins(t, "ini") {
		if err := os.MkdirAll(w.node.LogDir(), 0o755); err != nil {
			t.Fatal(err)
		}
		path := w.node.LogDir() + "/fifo"
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		fifo, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer fifo.Close()
		news := follow(fifo)
		w.director = w.node.StartProgram(t, w.program, globals+before)
		says := func(what string, want []string) {
			t.Helper()
			Eventually(t, patience, w.program+": "+what, func() (string, bool) {
				got := news()
				return strings.Join(got, "\n"), slices.Equal(got, want)
			})
		}
		says("at the start", atStart)
		w.director.Reload(t, globals+after)
		says("after a reload", append(slices.Clone(atStart), "RS [10.9.0.14]:tcp:80 [10.8.0.1]:tcp:80 UP"))
		w.director.Stop(t)
	}
}
