package clusters

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// whole is a situation that is about the whole table, so that each has two
// daemons of its own.
type whole struct {
	name    string
	conf    string
	before  []string                        // commands of ipvsadm before the daemon starts
	want    string                          // what ipvsadm -Sn shows while it runs
	theirs  string                          // keepalived's, if it is another one on purpose
	timeout string                          // what ipvsadm -L --timeout shows
	end     func(t *testing.T, d *Director) // what ends it; nil: SIGTERM
	again   bool                            // it is started once more after that
	left    string                          // what is shown at last
	leaves  string                          // keepalived's, if it is another one on purpose
	why     string                          // why they differ: a row of docs/compat.md
}

const (
	ours  = "-A -t 10.8.0.1:80 -s rr; -a -t 10.8.0.1:80 -r 10.9.0.11:80 -m -w 3"
	other = "-A -t 10.8.0.2:80 -s lc; -a -t 10.8.0.2:80 -r 10.9.0.77:80 -g -w 1"

	usualTimeouts = "Timeout (tcp tcpfin udp): 900 120 300"
)

var (
	oursConf = virtual("10.8.0.1 80", "lvs_sched rr\nlvs_method NAT\nprotocol TCP", real("10.9.0.11 80", "weight 3"))
	foreign  = []string{"-A -t 10.8.0.2:80 -s lc", "-a -t 10.8.0.2:80 -r 10.9.0.77:80 -g -w 1"}
)

func kill(t *testing.T, d *Director) { d.Kill(t) }

// killChecker kills the process that checks and waits for its successor.
func killChecker(t *testing.T, d *Director) {
	t.Helper()
	var old int
	Eventually(t, patience, "there is a checker process", func() (string, bool) {
		old = d.Checkers(t)
		return "", old != 0
	})
	if err := unix.Kill(old, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	Eventually(t, patience, "there is another one", func() (string, bool) {
		pid := d.Checkers(t)
		return fmt.Sprint(pid), pid != 0 && pid != old
	})
}

var wholes = []whole{
	{name: "services that are not ours stay, and lvs_timeouts go back", before: foreign, want: ours + ";" + other, left: other,
		conf:    "global_defs {\nlvs_timeouts tcp 1000 tcpfin 60 udp 77\nlvs_flush_on_stop VS\n}\n" + oursConf,
		timeout: "Timeout (tcp tcpfin udp): 1000 60 77"},
	{name: "lvs_flush", conf: "global_defs {\nlvs_flush\n}\n" + oursConf, before: foreign, want: ours},
	{name: "lvs_flush_on_stop", conf: "global_defs {\nlvs_flush_on_stop\n}\n" + oursConf, before: foreign, want: ours + ";" + other},
	{name: "a service of the same address and other servers", why: "it is made what is written", conf: oursConf,
		before: []string{"-A -t 10.8.0.1:80 -s lc", "-a -t 10.8.0.1:80 -r 10.9.0.77:80 -g -w 1", "-a -t 10.8.0.1:80 -r 10.9.0.11:80 -m -w 55"},
		want:   ours,
		theirs: "-A -t 10.8.0.1:80 -s lc; -a -t 10.8.0.1:80 -r 10.9.0.77:80 -g -w 1; -a -t 10.8.0.1:80 -r 10.9.0.11:80 -m -w 55"},
	{name: "killed with -9 and started onto its own table", conf: oursConf, before: foreign, want: ours + ";" + other, end: kill, again: true, left: ours + ";" + other},
	{name: "the checker process killed with -9", conf: oursConf, before: foreign, want: ours + ";" + other, end: killChecker, left: ours + ";" + other},
}

// TestWholeTables runs both daemons in situations that touch everything in the
// table, all at the same time.
func TestWholeTables(t *testing.T) {
	for i, s := range wholes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			both := twins(t, fmt.Sprintf("who%d", i))
			for _, w := range both {
				for _, command := range s.before {
					w.node.Run(t, "ipvsadm", strings.Fields(command)...)
				}
				w.director = w.node.StartProgram(t, w.program, s.conf)
			}
			for side, w := range both {
				w.shows(t, [2]string{cmp.Or(s.theirs, s.want), s.want}[side])
				if s.timeout == "" {
					continue
				}
				Eventually(t, patience, w.program+" has set the timeouts", func() (string, bool) {
					got := strings.TrimSpace(w.node.Run(t, "ipvsadm", "-L", "--timeout"))
					return got, got == s.timeout
				})
			}
			for _, w := range both {
				if s.end == nil {
					w.director.Stop(t)
				} else {
					s.end(t, w.director)
				}
				if s.again {
					w.director = w.node.StartProgram(t, w.program, s.conf)
				}
			}
			for side, w := range both {
				w.shows(t, [2]string{cmp.Or(s.leaves, s.left), s.left}[side])
				if s.timeout != "" {
					if got := strings.TrimSpace(w.node.Run(t, "ipvsadm", "-L", "--timeout")); got != usualTimeouts {
						t.Errorf("%s leaves the timeouts %s", w.program, got)
					}
				}
			}
		})
	}
}

// shows waits until ipvsadm -Sn shows this, and it has stayed so for a while.
func (w *twin) shows(t *testing.T, want string) {
	t.Helper()
	list := lines(want, 0)
	same := 0
	Eventually(t, patience, w.program+" has "+want, func() (string, bool) {
		var got []string
		for line := range strings.Lines(w.node.Run(t, "ipvsadm", "-Sn")) {
			got = append(got, strings.Join(strings.Fields(line), " "))
		}
		slices.Sort(got)
		if same++; !slices.Equal(got, list) {
			same = 0
		}
		return strings.Join(got, "\n"), same >= 3
	})
}

// TestReloadOfAWeightIsOneCommand counts what is sent to ip_vs, and sees that
// connections and their counters live on.
func TestReloadOfAWeightIsOneCommand(t *testing.T) {
	conf := func(weight int) string {
		return virtual("10.9.0.1 80", "lvs_sched rr\nlvs_method NAT\nprotocol TCP",
			real("10.9.0.1 8001", fmt.Sprintf("weight %d", weight)), real("10.9.0.1 8002", "weight 0"))
	}
	table := func(weight int) string {
		return fmt.Sprintf("-A -t 10.9.0.1:80 -s rr; -a -t 10.9.0.1:80 -r 10.9.0.1:8001 -m -w %d; -a -t 10.9.0.1:80 -r 10.9.0.1:8002 -m -w 0", weight)
	}
	const setDest = 6
	for _, w := range twins(t, "one") {
		port := w.node.Listen(t, "10.9.0.1:8001")
		w.director = w.node.StartProgram(t, w.program, conf(3))
		w.shows(t, table(3))
		conn, err := w.node.dial("tcp4", "10.9.0.1:80", patience)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		judge := func() {
			t.Helper()
			// the kernel brings its counters up to date every two seconds
			Eventually(t, patience, fmt.Sprintf("%s: ipvsadm --stats shows one connection", w.program), func() (string, bool) {
				stats := w.node.Run(t, "ipvsadm", "-Ln", "--stats")
				return stats, oneConnection(stats)
			})
			if list := w.node.Run(t, "ipvsadm", "-Lnc"); strings.Count(list, "10.9.0.1:8001") != 1 {
				t.Errorf("%s: the connection is not shown:\n%s", w.program, list)
			}
		}
		judge()
		sent := w.node.commands(t)
		w.director.Reload(t, conf(5))
		w.shows(t, table(5))
		judge()
		if got := sent(); !slices.Equal(got, []uint8{setDest}) {
			t.Errorf("%s sends the commands %d, want only %d", w.program, got, setDest)
		}
		port.Close()
	}
}

// oneConnection says whether --stats shows one connection of the service and
// one of its first server.
func oneConnection(stats string) bool {
	n := 0
	for line := range strings.Lines(stats) {
		words := strings.Fields(line)
		if len(words) > 2 && (words[1] == "10.9.0.1:80" || words[1] == "10.9.0.1:8001") && words[2] == "1" {
			n++
		}
	}
	return n == 2
}

// commands watches the netlink traffic of the node from now on and returns a
// function that ends this and tells the commands to ip_vs that change
// something, in their order.
func (n *Node) commands(t *testing.T) func() []uint8 {
	t.Helper()
	batch(t, n.ns, "link add nlmon0 type nlmon", "link set nlmon0 up")
	family := uint16(0)
	fd := -1
	n.In(func() {
		f, err := netlink.GenlFamilyGet("IPVS")
		if err != nil {
			t.Errorf("look up the family of ip_vs: %v", err)
			return
		}
		family = f.ID
		link, err := netlink.LinkByName("nlmon0")
		if err == nil {
			fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all))
		}
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
		}
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Attrs().Index})
		}
		if err != nil {
			t.Errorf("watch netlink: %v", err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() { unix.Close(fd) })
	return func() []uint8 {
		var seen []uint8
		buf := make([]byte, 64<<10)
		for {
			size, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT)
			if err != nil {
				return seen
			}
			seen = append(seen, changes(buf[:size], family)...)
		}
	}
}

// all is ETH_P_ALL in network byte order.
const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8

// changes are the commands among the netlink messages of a datagram that are
// requests to the family and change something.
func changes(b []byte, family uint16) []uint8 {
	gets := []uint8{4, 8, 11, 13, 15} // GET_SERVICE, GET_DEST, GET_DAEMON, GET_CONFIG, GET_INFO
	var found []uint8
	for len(b) >= unix.NLMSG_HDRLEN+unix.GENL_HDRLEN {
		size := int(binary.NativeEndian.Uint32(b))
		kind, flags, command := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:]), b[unix.NLMSG_HDRLEN]
		if kind == family && flags&unix.NLM_F_REQUEST != 0 && !slices.Contains(gets, command) {
			found = append(found, command)
		}
		if size = (size + 3) &^ 3; size < unix.NLMSG_HDRLEN || size > len(b) {
			break
		}
		b = b[size:]
	}
	return found
}
