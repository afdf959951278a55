package checkers

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/integration/netns"
)

// patience is how long the slowest check may take to its verdict, from the start
// of its daemon: two attempts of SMTP_CHECK, four steps each.
const patience = 90 * time.Second

// record is what keepalived logged, and was heard to send, case by case.
const record = "testdata/keepalived.txt"

// stage is a lab with everything that the cases need.
type stage struct {
	t       *testing.T
	lab     *netns.Lab
	site    *Site
	mute    *Site // for PING_CHECK
	cases   []Case
	places  []*Place
	daemons []*netns.Daemon
	changed map[int]int // cases whose file was written: lines to be said before the next time
}

// director is which daemon looks at the servers: HOLDFAST_DIRECTOR=keepalived
// records what the model does, where the kernel has ip_vs.
func director() netns.Kind { return cmp.Or(netns.Kind(os.Getenv("HOLDFAST_DIRECTOR")), netns.Holdfast) }

// newStage puts up the servers.
func newStage(t *testing.T, cases []Case) *stage {
	t.Helper()
	s := &stage{t: t, lab: netns.NewLab(t), cases: cases, changed: map[int]int{}}
	h := s.lab.Host("site", 11)
	h.IP("addr", "add", ServerAddr6+"/64", "dev", "eth0", "nodad")
	h.Run("sysctl", "-q", "-w", "net.ipv4.icmp_ratelimit=0") // each case wants its rejection
	h.IP("addr", "add", markedAddr+"/24", "dev", "eth0")
	s.site = newSite(t, h)
	shared := s.startShared(h)
	rules, redirects := "", ""
	for i := range cases {
		p := &Place{Addr: s.address(i), Dir: filepath.Join(s.lab.Dir, fmt.Sprint(i)), t: t, site: s.site}
		os.Mkdir(p.Dir, 0o755)
		s.places = append(s.places, p)
		if c := &cases[i]; c.keyword() == "PING_CHECK" && c.Addr == "" {
			if c.Serve != nil {
				p.site = s.liar()
			}
			p.site.Host.IP("addr", "add", p.Addr.Addr().String()+"/24", "dev", "eth0")
		}
		rules += s.filter(&cases[i], p.Addr)
		if port := cases[i].Redirect; port != 0 {
			redirects += fmt.Sprintf("tcp dport %d redirect to :%d\n", p.Addr.Port(), port)
		}
		if cases[i].Serve != nil {
			cases[i].Serve(p)
		}
	}
	h.Run("sh", "-c", "nft -f - <<'END'\ntable inet lab {\nchain in {\ntype filter hook input priority 0\n"+rules+"}\n"+
		"chain to {\ntype nat hook prerouting priority -100\n"+redirects+"}\n}\nEND\n")
	for _, ready := range shared {
		ready()
	}
	s.waitListening(h)
	return s
}

// liar is the machine whose kernel answers no echo request, so that we can.
func (s *stage) liar() *Site {
	if s.mute == nil {
		h := s.lab.Host("liar", 12)
		h.Run("sysctl", "-q", "-w", "net.ipv4.icmp_echo_ignore_all=1")
		s.mute = newSite(s.t, h)
	}
	return s.mute
}

// startShared runs the programs that many cases ask; the functions that it returns
// wait until they can.
func (s *stage) startShared(h *netns.Host) (ready []func()) {
	need := map[int]bool{}
	for _, c := range s.cases {
		need[c.Redirect] = true
		for _, line := range c.Check {
			var port int
			if n, _ := fmt.Sscanf(line, "connect_port %d", &port); n == 1 {
				need[port] = true
			}
		}
	}
	wait := func(what string, port int, udp bool) {
		ready = append(ready, func() {
			netns.Eventually(s.t, startLimit, what+" listens", func() bool { return slices.Contains(listening(h, udp), port) })
		})
	}
	folder := certs.folder(s.t)
	if need[nginxPort] || need[nginxTLSPort] {
		startNginx(h, folder)
		wait("nginx", nginxPort, false)
	}
	if need[namedPort] {
		startNamed(h)
		wait("named", namedPort, true)
	}
	if slices.ContainsFunc(s.cases, func(c Case) bool { return c.Redirect >= postfixPort }) {
		startPostfix(h, folder)
		wait("postfix", postfixPort, false)
	}
	return ready
}

// listening are the ports that something listens on in the host.
func listening(h *netns.Host, udp bool) (ports []int) {
	kind := "-Hltn"
	if udp {
		kind = "-Hlun"
	}
	for line := range strings.Lines(h.Run("ss", kind)) {
		words := strings.Fields(line)
		var port int
		if len(words) > 3 {
			fmt.Sscan(words[3][strings.LastIndexByte(words[3], ':')+1:], &port)
		}
		ports = append(ports, port)
	}
	return ports
}

// waitListening waits for the servers that are programs.
func (s *stage) waitListening(h *netns.Host) {
	s.t.Helper()
	netns.Eventually(s.t, startLimit, "every server of its own listens", func() bool {
		tcp := listening(h, false)
		for i := range s.cases {
			c := &s.cases[i]
			stream := !c.datagrams() && c.keyword() != "PING_CHECK" && c.keyword() != "MISC_CHECK" && c.keyword() != "FILE_CHECK"
			if c.Serve != nil && stream && !slices.Contains(tcp, int(s.places[i].Addr.Port())) {
				return false
			}
		}
		return true
	})
}

// address is the real server of a case.
func (s *stage) address(i int) netip.AddrPort {
	addr := netip.MustParseAddr(cmp.Or(s.cases[i].Addr, ServerAddr))
	if s.cases[i].keyword() == "PING_CHECK" && s.cases[i].Addr == "" {
		n := 0
		for _, c := range s.cases[:i] {
			if c.keyword() == "PING_CHECK" {
				n++
			}
		}
		addr = netip.AddrFrom4([4]byte{10, 9, 0, byte(120 + n)})
	}
	return netip.AddrPortFrom(addr, uint16(firstPort+i))
}

// filter is the rule for the packets to a case's server.
func (s *stage) filter(c *Case, at netip.AddrPort) string {
	if c.Filter == "" {
		return ""
	}
	family, proto := "ip", "tcp"
	if at.Addr().Is6() {
		family = "ip6"
	}
	if c.datagrams() {
		proto = "udp"
	}
	if c.keyword() == "PING_CHECK" {
		return fmt.Sprintf("%s daddr %v meta l4proto { icmp, ipv6-icmp } %s\n", family, at.Addr(), c.Filter)
	}
	return fmt.Sprintf("%s daddr %v %s dport %d %s\n", family, at.Addr(), proto, at.Port(), c.Filter)
}

// start runs one daemon for all cases with the same blocks around them.
func (s *stage) start() {
	s.t.Helper()
	confs := map[string]string{}
	for i := range s.cases {
		c := &s.cases[i]
		fill := strings.NewReplacer("DIR", s.places[i].Dir, "CERTS", certs.folder(s.t))
		if c.Like != "" && director() == netns.Keepalived {
			continue
		}
		confs[c.Globals] += fill.Replace(c.conf(s.places[i].Addr))
	}
	for n, globals := range slices.Sorted(maps.Keys(confs)) {
		h := s.lab.Host(fmt.Sprintf("lb%d", n), n+1)
		if n == 0 {
			s.prepareFirst(h)
		}
		h.IP("addr", "add", fmt.Sprintf("fd09::%d/64", n+1), "dev", "eth0", "nodad")
		head := strings.NewReplacer("CERTS", certs.folder(s.t), "SITE", s.site.Host.Dir).Replace(globals)
		s.daemons = append(s.daemons, h.Start(director(), "global_defs {\nscript_user root\n}\n"+head+confs[globals]))
	}
}

// prepareFirst gives the first director what cases about source, mark and routes
// need: a second address, and a network that only marked packets reach.
func (s *stage) prepareFirst(h *netns.Host) {
	h.IP("addr", "add", "10.9.0.99/24", "dev", "eth0")
	h.IP("addr", "add", "fd09::99/64", "dev", "eth0", "nodad")
	h.IP("rule", "add", "pref", "10", "fwmark", "17", "lookup", "main")
	h.IP("rule", "add", "pref", "20", "to", markedAddr, "lookup", "77")
	h.IP("route", "add", "unreachable", "default", "table", "77")
	for kind, addr := range map[string]string{"unreachable": "10.66.0.1", "prohibit": "10.66.0.2", "blackhole": "10.66.0.3", "throw": "10.66.0.4"} {
		h.IP("route", "add", kind, addr)
	}
}

var stamp = regexp.MustCompile(`^ *[0-9.]+s (?:\w{3} \w{3} +\d+ [\d:]+ \d{4}: )?`)

// about finds the port of the real server, which is that of a case, in a line.
var about = regexp.MustCompile(`\[[0-9a-f.:]+\]:(?:tcp:)?(\d+)`)

// hears sorts the lines that the daemons have logged by the port they are about.
func (s *stage) hears() map[int][]string {
	lines := map[int][]string{}
	for _, d := range s.daemons {
		for line := range strings.Lines(d.Log()) {
			line = stamp.ReplaceAllString(strings.TrimSpace(line), "")
			if m := about.FindStringSubmatch(line); m != nil {
				port, _ := strconv.Atoi(m[1])
				lines[port] = append(lines[port], line)
			}
		}
	}
	return lines
}

// said is what was logged about a case, and what was heard of its check. X is the
// real server, V the virtual one, PEER what is connected to.
func (s *stage) said(i int, lines map[int][]string) []string {
	p := s.places[i]
	service := ServiceAddr
	if p.Addr.Addr().Is6() {
		service = ServiceAddr6
	}
	shown := strings.NewReplacer(fmt.Sprintf("[%v]:tcp:%d", p.Addr.Addr(), p.Addr.Port()), "X",
		fmt.Sprintf("[%s]:tcp:%d", service, p.Addr.Port()), "V", fmt.Sprintf("[%v]:%d", p.Addr.Addr(), p.Addr.Port()), "PEER",
		filepath.Join(s.site.Host.Dir, "track-"), "FILE-", p.Dir, "DIR")
	said := []string{}
	for _, line := range lines[int(p.Addr.Port())] {
		if line = shown.Replace(line); !unsaid.MatchString(line) {
			said = append(said, line)
		}
	}
	heard := p.Heard()
	slices.Sort(heard)
	return append(said, slices.Compact(heard)...)
}

// unsaid are lines of a start and an end, of quorums, and what holdfast says beyond
// the lines that keepalived has.
var unsaid = regexp.MustCompile(`ctivating healthchecker|Shutting down service|quorum|^\w+_(CHECK|GET) check of `)

// all is what was said and heard of every case until now.
func (s *stage) all() [][]string {
	lines := s.hears()
	var all [][]string
	for i := range s.cases {
		all = append(all, s.said(i, lines))
	}
	return all
}

// everyCase is the whole matrix.
func everyCase() []Case {
	return slices.Concat(webCases, tlsCases, tcpCases, mailCases, nameCases, udpCases, pingCases, scriptCases, fileCases)
}

// TestVerdictsAndLinesAreThoseOfKeepalived has the daemon look at every server once.
func TestVerdictsAndLinesAreThoseOfKeepalived(t *testing.T) {
	netns.Require(t)
	began := time.Now()
	s := newStage(t, everyCase())
	t.Logf("servers are up after %v", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	s.start()
	if director() == netns.Keepalived {
		s.writeRecord()
		return
	}
	known := readRecord(t)
	want := make([][]string, len(s.cases))
	for i := range s.cases {
		c := &s.cases[i]
		lines, there := known[cmp.Or(c.Like, c.title())]
		if !there && c.Ours == nil {
			t.Errorf("%s: nothing is recorded of keepalived", c.title())
		}
		if want[i] = lines; c.Better != "" {
			want[i] = c.Ours
		}
	}
	for {
		s.change()
		got, done := s.all(), 0
		for i := range got {
			if slices.Equal(got[i], want[i]) {
				done++
			}
		}
		if done == len(got) || time.Since(began) > patience+netns.LatenessSince(began) {
			t.Logf("%d of %d verdicts after %v", done, len(got), time.Since(began).Round(time.Millisecond))
			s.compare(got, want)
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// change writes the next text into the files of cases that have said something
// since the one before; the first when every daemon has seen what was there.
func (s *stage) change() {
	for _, d := range s.daemons {
		up := d.Said(time.Time{}, "Startup complete")
		if up.IsZero() || time.Since(up) < settle+netns.LatenessSince(up) {
			return
		}
	}
	lines := s.hears()
	for i := range s.cases {
		c := &s.cases[i]
		if len(c.Changes) == 0 {
			continue
		}
		said := s.said(i, lines)
		if len(said) < s.changed[i] {
			continue
		}
		path := filepath.Join(s.site.Host.Dir, "track-"+strings.TrimPrefix(c.Check[1], "track_file "))
		if text := c.Changes[0]; text == gone {
			os.Remove(path)
		} else if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
		c.Changes = c.Changes[1:]
		s.changed[i] = len(said) + 1
	}
}

// compare is a subtest for each case.
func (s *stage) compare(got, want [][]string) {
	for i := range s.cases {
		s.t.Run(s.cases[i].title(), func(t *testing.T) {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%v:\n got\t%s\nwant\t%s", s.places[i].Addr, strings.Join(got[i], "\n\t"), strings.Join(want[i], "\n\t"))
			}
		})
	}
}

// writeRecord logs what is to stand in the record.
func (s *stage) writeRecord() {
	for began := time.Now(); time.Since(began) < 100*time.Second; time.Sleep(time.Second) {
		s.change()
	}
	var b strings.Builder
	for i, lines := range s.all() {
		if s.cases[i].Like != "" {
			continue
		}
		fmt.Fprintf(&b, "%s\n", s.cases[i].title())
		for _, l := range lines {
			fmt.Fprintf(&b, "\t%s\n", l)
		}
	}
	fmt.Printf("RECORD BEGINS\n%sRECORD ENDS\n", b.String())
	for n, d := range s.daemons {
		fmt.Printf("LOG %d\n%s\n", n, d.Log())
	}
}

// readRecord reads the record: a title, then its lines behind a tab.
func readRecord(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	known, title := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch rest, indented := strings.CutPrefix(line, "\t"); {
		case strings.HasPrefix(line, "#") || line == "":
		case indented:
			known[title] = append(known[title], rest)
		default:
			title = line
			known[title] = []string{}
		}
	}
	return known
}
