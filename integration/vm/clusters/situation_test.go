package clusters

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// situation is one feature of a virtual server and what happens to it. In all
// its texts @ is its number: it owns the addresses 10.8.@.0/24 and fd08:@::/64,
// the marks @01 to @09 and the state files a@, b@, c@ and m@.
type situation struct {
	name   string
	conf   string // its virtual servers when the daemon starts
	files  string // its state files then, as "a=1 b=0"; a file that is not there counts as 0; p=0: its port is open
	want   string // the table after the start
	theirs string // keepalived's, if it is another one on purpose
	why    string // why it is another one, here and in the steps: a row of docs/compat.md
	hooks  string // what scripts have told until then, sorted, separated by commas
	steps  []step
	atStop string // what scripts tell when the daemon stops
	leaves string // what keepalived leaves in the table when it stops
}

// step is one event and the table after it.
type step struct {
	what   string
	files  string // state files that change
	reload string // a new configuration of the situation; gone means none
	ip     string // a command of ip on the director
	want   string
	theirs string
	hooks  string
}

// gone is a situation without configuration.
const gone = "gone"

// vs is the usual virtual server.
func vs(sched, more string, servers ...string) string {
	return virtual("10.8.@.1 80", "lvs_sched "+sched+"\nlvs_method NAT\nprotocol TCP\n"+more, servers...)
}

func virtual(address, more string, servers ...string) string {
	return "virtual_server " + address + " {\ndelay_loop 1\n" + more + "\n" + strings.Join(servers, "") + "}\n"
}

// octets are the usual real servers.
var octets = map[string]string{"a": "11", "b": "12", "c": "13"}

// rs is a real server that is down while its state file holds another number
// than 0.
func rs(file, more string) string {
	return real("10.9.0."+octets[file]+" 80", more+"\n"+fileCheck(file, 0))
}

func real(address, more string) string {
	return "real_server " + address + " {\n" + more + "\n}\n"
}

func fileCheck(file string, weight int) string {
	return fmt.Sprintf("FILE_CHECK {\ntrack_file %s@\nweight %d\n}", file, weight)
}

// miscCheck ends with the number in the state file m@.
func miscCheck(more string) string {
	return "MISC_CHECK {\nmisc_path \"/etc/keepalived/check.sh @\"\nmisc_timeout 60\nretry 0\n" + more + "\n}"
}

// tcpCheckOwn asks the situation's port on the director.
func tcpCheckOwn(more string) string {
	return "TCP_CHECK {\nconnect_ip 10.9.0.1\nconnect_port 81@\nconnect_timeout 20\nretry 1\ndelay_before_retry 1\nwarmup 0\n" + more + "\n}"
}

// note is a hook that writes down what it is told.
func note(hook, words string) string {
	return hook + ` "/etc/keepalived/note.sh @ ` + words + "\"\n"
}

var scripts = map[string]string{
	"note.sh":  "#!/bin/sh\necho \"$*\" >>/var/log/hooks\n",
	"check.sh": "#!/bin/sh\nread code </etc/keepalived/state/m$1 || exit 0\nexit $code\n",
}

// preamble defines what all situations use.
func preamble(count int) string {
	var b strings.Builder
	b.WriteString("global_defs {\nscript_user root\n}\n")
	for i := range count {
		for _, f := range []string{"a", "b", "c"} {
			fmt.Fprintf(&b, "track_file %s%d {\nfile /etc/keepalived/state/%[1]s%[2]d\nweight 0\n}\n", f, i+1)
		}
	}
	return b.String()
}

// lines are what ipvsadm -Sn prints for an expectation. Its parts are
// separated by semicolons: first the usual service by its scheduler and more
// options, then its servers by octet and weight, and anything else as ipvsadm
// prints it.
//
//	rr -p 50; 11 w3        -A -t 10.8.1.1:80 -s rr -p 50
//	                       -a -t 10.8.1.1:80 -r 10.9.0.11:80 -m -w 3
func lines(want string, number int) []string {
	var out []string
	for part := range strings.SplitSeq(want, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if !strings.HasPrefix(part, "-") {
			if m := usual.FindStringSubmatch(part); m != nil {
				part = fmt.Sprintf("-a -t 10.8.@.1:80 -r 10.9.0.%s:80 %s -w %s%s", m[1], cmp.Or(m[3], "-m"), m[2], m[4])
			} else {
				part = "-A -t 10.8.@.1:80 -s " + part
			}
		}
		out = append(out, strings.ReplaceAll(part, "@", fmt.Sprint(number)))
	}
	slices.Sort(out)
	return out
}

var usual = regexp.MustCompile(`^(\d+) w(\d+)(?: (-[gi]))?(.*)$`)

// owner is the number of the situation whose line this is.
func owner(line string) int {
	m := owned.FindStringSubmatch(line)
	if m == nil {
		return 0
	}
	var n int
	fmt.Sscan(cmp.Or(m[1], m[2], m[3], m[4]), &n)
	return n
}

var owned = regexp.MustCompile(`^-[Aa] (?:-[tu] 10\.8\.(\d+)\.|--sctp-service 10\.8\.(\d+)\.|-[tu] \[fd08:(\d+)::|-f (\d+)0\d )`)

// seen is what a director shows of each situation: its table and hooks.
type seen struct {
	tables map[int][]string
	hooks  map[int][]string
}

func look(t *testing.T, w *twin) seen {
	t.Helper()
	s := seen{map[int][]string{}, map[int][]string{}}
	limits := thresholds(w.node.Run(t, "ipvsadm", "-Ln", "--thresholds"))
	for line := range strings.Lines(w.node.Run(t, "ipvsadm", "-Sn")) {
		words := strings.Fields(line)
		if len(words) > 4 {
			words = append(words, limits[words[2]+" "+words[4]]...)
		}
		line = strings.Join(words, " ")
		n := owner(line)
		s.tables[n] = append(s.tables[n], line)
	}
	hooks, _ := os.ReadFile(filepath.Join(w.node.LogDir(), "hooks"))
	for line := range strings.Lines(string(hooks)) {
		var n int
		fmt.Sscan(line, &n)
		_, words, _ := strings.Cut(strings.TrimSpace(line), " ")
		s.hooks[n] = append(s.hooks[n], words)
	}
	for _, m := range []map[int][]string{s.tables, s.hooks} {
		for _, list := range m {
			slices.Sort(list)
		}
	}
	return s
}

// thresholds are the options -x and -y of servers that have such limits, by
// service and server: ipvsadm -Sn leaves them out.
func thresholds(text string) map[string][]string {
	limits := map[string][]string{}
	service := ""
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case headings.MatchString(line) || len(words) < 3:
		case words[0] != "->":
			service = words[1]
		case len(words) > 3 && words[2]+words[3] != "00":
			limits[service+" "+words[1]] = []string{"-x", words[2], "-y", words[3]}
		}
	}
	return limits
}

// play is a run of all situations on both daemons at the same time.
type play struct {
	both     [2]*twin
	all      []situation
	conf     []string       // current configuration of each
	next     []int          // next step of each
	told     []string       // hooks expected until now
	wants    [][2]string    // tables expected now: keepalived's and ours
	what     []string       // what happened last
	reloaded bool           // once at least
	wrong    map[int]string // the first mistake of each
	ports    map[string]*Port
}

func (p *play) config() string {
	var b strings.Builder
	b.WriteString(preamble(len(p.all)))
	for i, c := range p.conf {
		if c != gone {
			b.WriteString(strings.ReplaceAll(c, "@", fmt.Sprint(i+1)))
		}
	}
	return b.String()
}

// write changes state files of a situation on both sides.
func (p *play) write(t *testing.T, i int, files string) {
	t.Helper()
	for word := range strings.FieldsSeq(files) {
		name, value, _ := strings.Cut(word, "=")
		for _, w := range p.both {
			if name == "p" {
				p.port(t, w, fmt.Sprintf("10.9.0.1:81%d", i+1), value == "0")
				continue
			}
			w.node.File(t, fmt.Sprintf("keepalived/state/%s%d", name, i+1), value+"\n", 0o644)
		}
	}
}

// port opens or closes the port of a situation on one side, closed at first.
func (p *play) port(t *testing.T, w *twin, addr string, open bool) {
	t.Helper()
	key := w.node.ns + " " + addr
	switch was := p.ports[key]; {
	case was == nil && open:
		p.ports[key] = w.node.Listen(t, addr)
	case was != nil && open:
		was.Open(t)
	case was != nil:
		was.Close()
	}
}

// do takes the next step of every situation for which it is a reload, or is
// none, and says whether there was one.
func (p *play) do(t *testing.T, reload bool) bool {
	t.Helper()
	some := false
	for i, s := range p.all {
		if p.next[i] == len(s.steps) || (s.steps[p.next[i]].reload != "") != reload {
			continue
		}
		st := s.steps[p.next[i]]
		p.next[i]++
		some = true
		p.write(t, i, st.files)
		if st.ip != "" {
			for _, w := range p.both {
				batch(t, w.node.ns, strings.ReplaceAll(st.ip, "@", fmt.Sprint(i+1)))
			}
		}
		p.conf[i] = cmp.Or(st.reload, p.conf[i])
		p.what[i] = st.what
		p.expect(i, st.want, st.theirs, st.hooks)
	}
	if some && reload {
		p.reloaded = true
		for _, w := range p.both {
			w.director.Reload(t, p.config())
		}
	}
	return some
}

func (p *play) expect(i int, want, theirs, hooks string) {
	p.wants[i] = [2]string{cmp.Or(theirs, want), want}
	if hooks != "" {
		p.told[i] += "," + hooks
	}
}

// wait gives both sides time to show what is expected of all situations, and
// to stay so for a while, and notes what is wrong at the end.
func (p *play) wait(t *testing.T) {
	t.Helper()
	var faults map[int]string
	same := 0
	for began := time.Now(); same < 3 && time.Since(began) < settle; time.Sleep(5 * pause) {
		faults = map[int]string{}
		for side, w := range p.both {
			s := look(t, w)
			for i := range p.all {
				if len(p.wrong[i]) > 0 {
					continue // the rest of the story is told by its first mistake
				}
				if text := p.judge(s, i, side); text != "" {
					faults[i] += text
				}
			}
		}
		if same++; len(faults) > 0 {
			same = 0
		}
	}
	if same < 3 && len(faults) == 0 {
		t.Errorf("right for a moment, but not still within %v", settle)
	}
	for i, text := range faults {
		p.wrong[i] = p.what[i] + ":" + text
		t.Logf("%s: %s", p.all[i].name, p.wrong[i])
	}
}

// settle is how long the slower daemon may need after a step. Only a mistake
// costs so much, and each situation makes one at most.
const settle = patience

// judge says what is wrong with a situation on one side.
func (p *play) judge(s seen, i, side int) string {
	want, got := lines(p.wants[i][side], i+1), s.tables[i+1]
	text := ""
	if !slices.Equal(want, got) {
		text += fmt.Sprintf("\n%s shows\n  %s\nwant\n  %s", p.both[side].program, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	told := strings.FieldsFunc(p.told[i], func(r rune) bool { return r == ',' })
	slices.Sort(told)
	if p.both[side].program == keepalived {
		// It forgets at each reload what FILE_CHECKs have found, and tells all of it again.
		told = slices.Compact(told)
		s.hooks[i+1] = slices.DeleteFunc(slices.Compact(s.hooks[i+1]), func(h string) bool {
			return !slices.Contains(told, h) && p.reloaded && strings.HasSuffix(h, " up")
		})
	}
	if !slices.Equal(told, s.hooks[i+1]) {
		text += fmt.Sprintf("\n%s has told %q, want %q", p.both[side].program, s.hooks[i+1], told)
	}
	return text
}

// TestSituations plays every situation on keepalived and on holdfast, all at
// the same time: after each step ipvsadm must show the same on both sides, or
// what is written down as a deliberate difference.
func TestSituations(t *testing.T) {
	p := &play{both: twins(t, "sit"), all: situations, wrong: map[int]string{}, ports: map[string]*Port{}}
	for i, s := range p.all {
		if s.why == "" && (s.theirs+s.leaves != "" || slices.ContainsFunc(s.steps, func(s step) bool { return s.theirs != "" })) {
			t.Errorf("%s: keepalived is to show something else, and nobody says why", s.name)
		}
		p.conf, p.next, p.told = append(p.conf, s.conf), append(p.next, 0), append(p.told, "")
		p.wants, p.what = append(p.wants, [2]string{}), append(p.what, "start")
		p.write(t, i, s.files)
		p.expect(i, s.want, s.theirs, s.hooks)
	}
	for _, w := range p.both {
		for name, text := range scripts {
			w.node.File(t, "keepalived/"+name, text, 0o755)
		}
		w.node.File(t, "keepalived/state/made", "", 0o644)
		serveHosts(t, w.node)
		w.director = w.node.StartProgram(t, w.program, p.config())
	}
	began := time.Now()
	p.wait(t)
	for round := 1; ; round++ {
		t.Logf("round %d after %v", round, time.Since(began).Round(pause))
		some := false
		for _, reload := range []bool{false, true} {
			if p.do(t, reload) {
				some = true
				p.wait(t)
			}
		}
		if !some {
			break
		}
	}
	for _, w := range p.both {
		w.director.Stop(t)
	}
	for i, s := range p.all {
		p.what[i] = "stop"
		p.expect(i, "", s.leaves, s.atStop)
	}
	p.wait(t)
	t.Logf("all after %v", time.Since(began).Round(pause))
	for i, s := range p.all {
		t.Run(s.name, func(t *testing.T) {
			if text := p.wrong[i]; text != "" {
				t.Error(text)
			}
		})
	}
}

// serveHosts is a web server on the director that knows the host up.example.
func serveHosts(t *testing.T, n *Node) {
	t.Helper()
	var listener net.Listener
	var err error
	n.In(func() { listener, err = net.Listen("tcp", "10.9.0.1:8080") })
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "up.example" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
}
