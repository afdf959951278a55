package netns

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// sideBySide runs f for each of n subtests, at most width at a time. The
// limit of t.Parallel is for tests that work more than they wait.
func sideBySide(t *testing.T, width, n int, f func(i int)) {
	t.Helper()
	slots := make(chan struct{}, width)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	all.Wait()
}

// attempts is how often a cell may be measured until it is in time, and how many
// of them at once: on a busy machine some are unlucky, but not again and again
// with ever fewer others.
var attempts = []int{18, 4, 1}

// lived is what a cell measured, and what else there is to say of it.
type lived struct {
	ran    bool
	took   [4]time.Duration // in the order of stages
	atMost [4]time.Duration // the same, counted from the start of the process
	late   [4]time.Duration // how late this machine was meanwhile
	tail   time.Duration    // how long the first went on sending when the second was back
	wrong  []string         // what should not have been seen, whatever the time
	pcap   []byte
}

// stages are what is measured: from a router's BACKUP state, or the
// resignation of the other, to its first advert.
var stages = [4]string{"alone", "preempts", "fails over", "takes back"}

// want is what the standard says of each stage.
func (c Cell) want() [4]time.Duration {
	return [4]time.Duration{c.Down(lowPriority), c.Down(highPriority), c.Skew(lowPriority), c.Down(highPriority)}
}

// mayAdd is what a stage may take longer for no fault of ours. Over IPv6 the
// first advert of FRR does not leave, because its device has no carrier yet, and
// the next one comes an interval later.
func (c Cell) mayAdd(stage int) time.Duration {
	first, second := c.Pair()
	if sends := []Kind{first, second, first, second}[stage]; sends == FRR && c.IPv6 {
		return c.Interval()
	}
	return 0
}

// TestTheMatrixIsWhole: every combination is run or says why not.
func TestTheMatrixIsWhole(t *testing.T) {
	counted := map[string]int{}
	seen := map[Cell]bool{}
	for _, c := range Cells() {
		if seen[c] {
			t.Errorf("%v is there twice", c)
		}
		seen[c] = true
		switch {
		case c.Control && c.Impossible() == "":
			counted["control"]++
		case c.Control:
			counted["no control"]++
		case c.Impossible() == "":
			counted[string(c.Peer)]++
		default:
			counted["no "+string(c.Peer)]++
		}
	}
	// 2 versions, 2 families, multicast and unicast, 3 kinds of authentication are
	// 24 ways, each with 3 peers in 2 orders. 6 are possible for version 2 over
	// IPv4, 2 over IPv6 (4 without keepalived), 4 for version 3.
	want := map[string]int{"control": 12, "no control": 12, "keepalived": 24, "no keepalived": 24,
		"holdfast": 14, "no holdfast": 34, "frr": 6, "no frr": 42}
	if !maps.Equal(counted, want) {
		t.Errorf("the matrix has %v, want %v", counted, want)
	}
}

// TestEveryPeerIsUnderstoodInEveryWay is the wire matrix: two routers elect,
// preempt, fail over and take back, and neither refuses anything.
func TestEveryPeerIsUnderstoodInEveryWay(t *testing.T) {
	Require(t)
	cells := Cells()
	results := map[Cell]*lived{}
	for _, c := range cells {
		results[c] = &lived{}
	}
	controls := map[string]lived{}
	todo := slices.DeleteFunc(slices.Clone(cells), func(c Cell) bool { return c.Impossible() != "" })
	measured := 0
	for i, width := range attempts {
		measured += len(todo)
		sideBySide(t, width, len(todo), func(k int) {
			c := todo[k]
			t.Run(fmt.Sprintf("%v, attempt %d", c, i+1), func(t *testing.T) { live(t, c, results[c]) })
		})
		for c, r := range results {
			if c.Control {
				controls[c.Way()] = *r
			}
		}
		todo = slices.DeleteFunc(todo, func(c Cell) bool { return len(untimely(c, *results[c], controls[c.Way()])) == 0 })
	}
	checkFrames(t, results)
	for _, c := range cells {
		for _, text := range append(results[c].wrong, untimely(c, *results[c], controls[c.Way()])...) {
			t.Errorf("%v: %s", c, text)
		}
	}
	t.Logf("the wire matrix, %s in milliseconds, %d measurements:\n%s", strings.Join(stages[:], ", "), measured, matrixText(cells, results))
}

// player is one router of a cell.
type player struct {
	kind   Kind
	host   *Host
	router Router
	daemon *Daemon
	ready  time.Time // when it said that it is Backup
}

// waits is what a daemon logs when it has begun to listen.
var waits = map[Kind]string{
	Holdfast:   `\(VI_1\) Entering BACKUP STATE`,
	Keepalived: `\(VI_1\) Entering BACKUP STATE`,
	FRR:        `Initialize -> Backup`,
}

func (p *player) start(t *testing.T) {
	t.Helper()
	began := time.Now()
	if p.kind == FRR {
		p.daemon = p.host.StartFRR(p.router)
	} else {
		p.daemon = p.host.Start(p.kind, p.router.Conf())
	}
	p.daemon.WaitLog(began, 10*time.Second, waits[p.kind])
	p.ready = p.daemon.Said(began, waits[p.kind])
}

// live walks two routers through the cell.
func live(t *testing.T, c Cell, r *lived) {
	*r = lived{}
	lab := NewLab(t)
	first, second := &player{host: lab.Host("a", 1)}, &player{host: lab.Host("b", 2)}
	first.kind, second.kind = c.Pair()
	first.router, second.router = c.Router(false, first.host, second.host), c.Router(true, second.host, first.host)
	for _, p := range []*player{first, second} {
		p.host.Env = []string{"TMPDIR=" + p.host.Dir} // where keepalived dumps what it counted
		p.host.Run("sysctl", "-qw", "net.ipv6.conf.all.accept_ra=0", "net.ipv6.conf.eth0.accept_ra=0")
		if p.kind == FRR {
			p.host.PrepareFRR(p.router)
		}
	}
	limit := c.Down(lowPriority) + 5*time.Second
	owner := func(want *player) {
		t.Helper()
		eventually(t, 20*time.Millisecond, limit, c.VIP()+" is on "+want.host.Name+" alone", func() bool {
			return first.host.Serves(c.VIP()) == (want == first) && second.host.Serves(c.VIP()) == (want == second)
		})
	}
	wins := func(stage int, p *player) (won time.Time) {
		t.Helper()
		began := time.Now()
		p.start(t)
		won = lab.Capture.Next(began, limit, "of "+p.host.Name, From(p.host)).At
		r.took[stage], r.atMost[stage], r.late[stage] = won.Sub(p.ready), won.Sub(began), latenessSince(began)
		owner(p)
		return won
	}

	wins(0, first)
	wins(1, second)

	asked := time.Now()
	second.daemon.Signal(syscall.SIGTERM)
	resigned := lab.Capture.Next(asked, 3*time.Second, "of priority 0", Resigns(second.host)).At
	r.took[2] = lab.Capture.Next(resigned, limit, "of a", From(first.host)).At.Sub(resigned)
	r.atMost[2], r.late[2] = r.took[2], latenessSince(asked)
	owner(first)
	second.daemon.WaitEnd(5 * time.Second)

	won := wins(3, second)
	lab.Capture.Next(won.Add(c.Interval()), limit, "of b, and again", From(second.host))
	r.tail = lab.Capture.Last(From(first.host)).At.Sub(won)
	owner(second)
	for _, p := range []*player{first, second} {
		r.wrong = append(r.wrong, p.refused(t)...)
	}
	r.wrong = append(r.wrong, c.strange(lab.Capture.Adverts(time.Time{}, func(a Advert) bool { return first.host.sent(a) || second.host.sent(a) }))...)
	r.pcap, r.ran = lab.Capture.Frames(), true
}

// strange is the first advert of the cell that goes to somebody else, has
// another version or interval, or is without the header that is agreed.
func (c Cell) strange(adverts []Advert) []string {
	for i, a := range adverts {
		// Over IPv6 keepalived leaves the hop limit of unicast at the system's 64.
		ttl := a.TTL == 255 || c.IPv6 && c.Unicast
		switch {
		case a.Dst.IsMulticast() == c.Unicast, a.Version != uint8(c.Version), a.Interval != c.Interval(), a.VRID != vrid,
			a.Src.Is6() != c.IPv6, (a.Sequence != 0) != (c.Auth == "AH"), !ttl:
			return []string{fmt.Sprintf("%v sent %x to %v with TTL %d", a.Src, a.Raw, a.Dst, a.TTL)}
		// Two adverts can have one number when both routers were Active for a
		// moment; no number may ever be far behind.
		case i > 0 && a.Sequence+1 < adverts[i-1].Sequence:
			return []string{fmt.Sprintf("%v sent number %d after %d", a.Src, a.Sequence, adverts[i-1].Sequence)}
		}
	}
	return nil
}

// refusals is how the daemons say that they did not take an advert.
var refusals = regexp.MustCompile(`(?i)too short|too long|ip_tot_len|invalid (TTL|auth|packet|VRRP|IPSEC|passwd)|an invalid passwd|` +
	`wrong VRRP version|received a \d+ auth|already processed|interval mismatch|Expected (uni|multi)cast|` +
	`not a unicast peer|not in range|unknown VRID|another list of virtual|unexpected ip number|Datagram invalid|Dropping packet`)

// refused is what a router says and has counted of adverts it did not take.
func (p *player) refused(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, line := range strings.Split(p.daemon.Log(), "\n") {
		if refusals.MatchString(line) {
			all = append(all, p.host.Name+": "+strings.TrimSpace(line))
		}
	}
	switch p.kind {
	case Keepalived:
		p.daemon.Signal(syscall.SIGUSR2)
		var text []byte
		Eventually(t, 5*time.Second, "keepalived dumps what it counted", func() bool {
			text, _ = os.ReadFile(filepath.Join(p.host.Dir, "keepalived.stats"))
			return bytes.Contains(text, []byte("Priority Zero")) && bytes.HasSuffix(text, []byte("\n"))
		})
		_, errors, _ := strings.Cut(string(text), "Packet Errors:")
		errors, _, _ = strings.Cut(errors, "Priority Zero")
		for _, line := range strings.Split(errors, "\n") {
			if name, n, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && n != "0" {
				all = append(all, fmt.Sprintf("%s counted %s %s", p.host.Name, n, name))
			}
		}
	case FRR:
		if state, err := p.host.ShowFRR(strings.Contains(p.router.VIPs[0], "::")); err != nil {
			t.Error(err)
		} else if state.Stats.Received == 0 {
			all = append(all, p.host.Name+" has received nothing")
		}
	}
	return all
}

// wrongInMatrix leaves out version 2 over IPv6, which no standard has: tshark
// looks there for the eight octets of authentication that version 2 ends with
// over IPv4. That the others accept them is the only witness.
const wrongInMatrix = wrong + " && !(ipv6 && vrrp.version == 2)"

// checkFrames shows all adverts of all cells to one tshark, and if it finds
// fault, each cell's to one of its own.
func checkFrames(t *testing.T, results map[Cell]*lived) {
	t.Helper()
	const header = 24 // octets of a pcap file, before the first frame
	file := filepath.Join(t.TempDir(), "all.pcap")
	var all []byte
	for _, r := range results {
		if len(r.pcap) > header {
			all = append(all, r.pcap[min(len(all), header):]...)
		}
	}
	writeFile(t, file, string(all), 0o600)
	if len(all) == 0 || tshark(t, file, wrongInMatrix) == "" {
		return
	}
	for c, r := range results {
		if len(r.pcap) > header {
			writeFile(t, file, string(r.pcap), 0o600)
			if out := tshark(t, file, wrongInMatrix); out != "" {
				t.Errorf("%v: tshark finds fault with\n%s", c, out)
			}
		}
	}
}

// untimely compares a cell with the standard and with its control row: no
// router may be early, and none later by more than one skew than the standard
// says, or keepalived was at the same time. The log line that tells when a
// router begins to wait can be late, which must not make the router early.
func untimely(c Cell, r, control lived) []string {
	var all []string
	if !r.ran {
		return nil // what failed has said so
	}
	const jitter = 10 * time.Millisecond // FRR rounds to centiseconds; time stamps
	for i, want := range c.want() {
		limit := max(want, control.took[i]) + c.Skew(lowPriority) + c.mayAdd(i) + r.late[i]
		if r.took[i] > limit || r.atMost[i] < want-jitter {
			all = append(all, fmt.Sprintf("%s after %v (%v after its start), want %v, at most %v; keepalived needed %v, the machine was late by %v",
				stages[i], r.took[i], r.atMost[i], want, limit, control.took[i], r.late[i]))
		}
	}
	if limit := c.Interval() + slack + r.late[3]; r.tail > limit {
		all = append(all, fmt.Sprintf("the first goes on sending for %v after the second is back, want at most %v", r.tail, limit))
	}
	return all
}

// matrixText is the matrix as docs/interoperability.md has it: a row for each
// way, a column for each pair, and letters for the reasons why a cell is empty.
func matrixText(cells []Cell, results map[Cell]*lived) string {
	var columns, reasons []string
	rows := map[string]map[string]string{}
	for _, c := range cells {
		first, second := c.Pair()
		pair, why, r := fmt.Sprintf("%s, %s", first, second), c.Impossible(), results[c]
		if c.Peer == Holdfast && c.PeerFirst {
			continue // the same pair in the same order
		}
		if !slices.Contains(columns, pair) {
			columns = append(columns, pair)
		}
		if rows[c.Way()] == nil {
			rows[c.Way()] = map[string]string{}
		}
		switch {
		case why != "":
			if !slices.Contains(reasons, why) {
				reasons = append(reasons, why)
			}
			rows[c.Way()][pair] = fmt.Sprintf("(%c)", 'a'+slices.Index(reasons, why))
		case !r.ran:
			rows[c.Way()][pair] = "failed"
		default:
			var times []string
			for _, d := range r.took {
				times = append(times, strconv.FormatInt(d.Milliseconds(), 10))
			}
			rows[c.Way()][pair] = strings.Join(times, " ")
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| | %s |\n|---%s|\n", strings.Join(columns, " | "), strings.Repeat("|---", len(columns)))
	for _, way := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&b, "| %s |", way)
		for _, pair := range columns {
			fmt.Fprintf(&b, " %s |", rows[way][pair])
		}
		b.WriteByte('\n')
	}
	for i, why := range reasons {
		fmt.Fprintf(&b, "\n(%c) %s", 'a'+i, why)
	}
	return b.String()
}
