package clusters

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata
var testdata embed.FS

// twin is one side of a comparison: a director in a LAN of its own, with the
// same addresses as the other side's.
type twin struct {
	lan      *LAN
	node     *Node
	director *Director
	program  string
}

// twins are two directors that do not see each other: keepalived and the
// daemon under test.
func twins(t *testing.T, name string) [2]*twin {
	t.Helper()
	var both [2]*twin
	for i, p := range []string{keepalived, program()} {
		w := &twin{lan: NewLAN(t, fmt.Sprintf("%s%d", name, i)), program: p}
		w.node = w.lan.Node(t, "director", "10.9.0.1/24", "fd09::1/64")
		both[i] = w
	}
	return both
}

// full is all that ipvsadm tells about services and destinations, a service a
// paragraph, without counters of connections.
func (n *Node) full(t *testing.T) string {
	t.Helper()
	var parts []string
	for _, option := range []string{"-Ln", "-Ln --thresholds", "-Ln --tun-info"} {
		out := n.Run(t, "ipvsadm", strings.Fields(option)...)
		if option == "-Ln" {
			out = counters.ReplaceAllString(out, "$1")
		}
		parts = append(parts, "ipvsadm "+option, sortServices(out))
	}
	return strings.Join(append(parts, n.Run(t, "ipvsadm", "-L", "--timeout")), "\n")
}

var counters = regexp.MustCompile(`(?m)(\S+) +\d+ +\d+ *$`)

// sortServices orders what ipvsadm lists: the kernel's order has no meaning.
func sortServices(text string) string {
	var services []string
	for line := range strings.Lines(text) {
		if headings.MatchString(line) {
			continue
		}
		if strings.HasPrefix(line, "  ->") && len(services) > 0 {
			services[len(services)-1] += line
		} else {
			services = append(services, line)
		}
	}
	for i, s := range services {
		lines := strings.SplitAfter(s, "\n")
		slices.Sort(lines[1:])
		services[i] = strings.Join(lines, "")
	}
	slices.Sort(services)
	return strings.Join(services, "")
}

// waitSame waits until both sides show the same to ipvsadm, and it has stayed
// the same for a while.
func waitSame(t *testing.T, both [2]*twin) {
	t.Helper()
	var want, got string
	same := 0
	for began := time.Now(); time.Since(began) < patience && same < 5; time.Sleep(3 * pause) {
		want, got = both[0].node.full(t), both[1].node.full(t)
		if same++; want != got {
			same = 0
		}
	}
	if same < 5 {
		t.Errorf("ipvsadm shows (-keepalived +%s):\n%s", both[1].program, cmp.Diff(want, got))
	}
}

func TestTablesAreThoseOfKeepalived(t *testing.T) {
	conf, err := testdata.ReadFile("testdata/kinds.conf")
	if err != nil {
		t.Fatal(err)
	}
	both := twins(t, "kinds")
	before := both[0].node.full(t)
	for _, w := range both {
		w.director = w.node.StartProgram(t, w.program, string(conf))
	}
	phase(t, "every kind of service", func(t *testing.T) {
		Eventually(t, patience, "keepalived carries it", func() (string, bool) {
			got := both[0].node.full(t)
			return got, strings.Contains(got, "10.9.0.120:80")
		})
		waitSame(t, both)
	})
	phase(t, "nothing when they have stopped", func(t *testing.T) {
		for _, w := range both {
			w.director.Stop(t)
			if got := w.node.full(t); got != before {
				t.Errorf("%s leaves:\n%s", w.program, got)
			}
		}
	})
}
