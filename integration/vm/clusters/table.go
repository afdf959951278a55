package clusters

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Table is what ipvsadm -Ln shows on the node, without headings and counters:
// a line for each service, then its destinations, both sorted.
//
//	FWM 1 wrr
//	  10.4.1.151:0 Route 100
func (n *Node) Table(t *testing.T) string {
	t.Helper()
	return parseTable(n.Run(t, "ipvsadm", "-Ln"))
}

var headings = regexp.MustCompile(`^(IP Virtual Server|Prot |  -> RemoteAddress)`)

func parseTable(text string) string {
	var services []string // each with its destinations
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case headings.MatchString(line) || len(words) == 0:
		case words[0] == "->" && len(words) >= 4 && len(services) > 0:
			services[len(services)-1] += "\n  " + strings.Join(words[1:4], " ")
		default:
			services = append(services, strings.Join(words, " "))
		}
	}
	for i, s := range services {
		lines := strings.Split(s, "\n")
		slices.Sort(lines[1:])
		services[i] = strings.Join(lines, "\n")
	}
	slices.Sort(services)
	return strings.Join(services, "\n")
}

// table writes an expectation the way Node.Table does.
func table(lines ...string) string { return strings.Join(lines, "\n") }

// WaitTable waits until ipvsadm shows exactly this on the node.
func (n *Node) WaitTable(t *testing.T, limit time.Duration, want string) {
	t.Helper()
	Eventually(t, limit, n.Name+" has the table "+strings.ReplaceAll(want, "\n", "|"), func() (string, bool) {
		got := n.Table(t)
		return got, got == want
	})
}

// HasAddress waits until the node carries the address (or does not).
func (n *Node) HasAddress(t *testing.T, addr string, want bool) {
	t.Helper()
	what := n.Name + " has " + addr
	if !want {
		what = n.Name + " has no " + addr
	}
	Eventually(t, patience, what, func() (string, bool) {
		out := n.Run(t, "ip", "-o", "addr", "show", "dev", "eth0")
		return out, strings.Contains(out, " "+addr+"/") == want
	})
}
