package vrrp

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the scenarios really print; then check it by hand")

// wireDelay is how long a datagram of a scenario travels.
const wireDelay = time.Millisecond

// scenario is a LAN in virtual time with production machines, driven by the
// commands of a .scn file. Adverts other than priority 0 and the first step to
// Backup are not printed unless asked for: show adverts, show startup.
type scenario struct {
	start   time.Time
	now     time.Time
	routers []*scnRouter
	flights []flight
	hidden  map[string]bool
	lines   []string
}

type scnRouter struct {
	name    string
	m       Machine
	params  Params
	cut     bool
	crashed bool
}

// flight is a datagram on the wire; payload as octets, so that the codec takes part.
type flight struct {
	at       time.Time
	from     *scnRouter
	pdu      []byte
	src, dst netip.Addr
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.scn")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".scn"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runScenario(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(stripComments(string(text)), stripComments(got)); d != "" {
				t.Errorf("%s (-written +happened):\n%s", file, d)
			}
		})
	}
}

func stripComments(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		before, _, _ := strings.Cut(l, "#")
		lines[i] = strings.TrimRight(before, " ")
	}
	return strings.Join(lines, "\n")
}

// runScenario returns the text with the expected lines replaced by what
// happened, comments of unchanged lines kept.
func runScenario(t *testing.T, text string) string {
	start := time.Unix(0, 0)
	s := &scenario{start: start, now: start, hidden: map[string]bool{"adverts": true, "startup": true, "remarks": true}}
	var out []string
	blocks := strings.Split(strings.TrimRight(text, "\n"), "\n\n")
	for _, block := range blocks {
		commands, expected, isRun := strings.Cut(block, "\n----")
		for _, line := range strings.Split(commands, "\n") {
			if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) != "" {
				if err := s.command(strings.Fields(line)); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
			}
		}
		if isRun {
			comments := map[string]string{}
			for _, line := range strings.Split(expected, "\n") {
				if bare, comment, ok := strings.Cut(line, "#"); ok {
					comments[strings.TrimRight(bare, " ")] = comment
				}
			}
			commands += "\n----"
			for _, line := range s.lines {
				if c, ok := comments[line]; ok {
					line = fmt.Sprintf("%-56s#%s", line, c)
				}
				commands += "\n" + line
			}
		}
		s.lines = nil
		out = append(out, commands)
	}
	return strings.Join(out, "\n\n") + "\n"
}

func (s *scenario) router(name string) *scnRouter {
	i := slices.IndexFunc(s.routers, func(r *scnRouter) bool { return r.name == name })
	if i < 0 {
		panic("no router " + name)
	}
	return s.routers[i]
}

func (s *scenario) command(w []string) error {
	switch w[0] {
	case "hide":
		s.hidden[w[1]] = true
	case "show":
		s.hidden[w[1]] = false
	case "run":
		d, err := time.ParseDuration(w[1])
		s.run(s.now.Add(d))
		return err
	case "router":
		p := Params{VRID: 51, Version: 3, Priority: 100, PreemptMode: true, Addrs: addrs("10.9.0.100"),
			Announce:    AnnounceParams{MasterDelay: 5 * time.Second, MasterRepeat: 5, LowerPrioDelay: 5 * time.Second, LowerPrioRepeat: 5},
			PrimaryAddr: netip.AddrFrom4([4]byte{10, 9, 0, byte(len(s.routers) + 1)})}
		r := &scnRouter{name: w[1], params: p}
		if err := r.set(w[2:]); err != nil {
			return err
		}
		s.routers = append(s.routers, r)
		s.step(r, Startup{Params: r.params})
	case "reload":
		r := s.router(w[1])
		err := r.set(w[2:])
		s.step(r, Reconfigure{r.params})
		return err
	case "start":
		r := s.router(w[1])
		r.m, r.crashed = Machine{}, false
		p := r.params
		if len(w) > 2 && w[2] == "noaddress" { // as daemon starts a router whose interface has none
			p.PrimaryAddr = netip.Addr{}
			s.step(r, FaultRaised{ByNoAddress, "eth0"})
		}
		s.step(r, Startup{Params: p})
	case "address":
		addr, _ := netip.ParseAddr(w[2]) // none: it is taken away
		s.step(s.router(w[1]), SourceAddress{addr})
	case "stop":
		s.step(s.router(w[1]), Shutdown{})
	case "crash":
		s.router(w[1]).crashed = true
	case "resume": // the process died and its successor finds the addresses still there
		r := s.router(w[1])
		snap := r.m.Snapshot()
		r.m, r.crashed = Machine{}, false
		s.step(r, Startup{Params: r.params, Resume: &snap})
	case "cut":
		s.router(w[1]).cut = true
	case "mend":
		s.router(w[1]).cut = false
	case "fault":
		s.step(s.router(w[1]), FaultRaised{ByInterface, w[2]})
	case "clear":
		s.step(s.router(w[1]), FaultCleared{ByInterface, w[2]})
	case "release":
		s.step(s.router(w[1]), Release{})
	case "priority":
		v, err := strconv.Atoi(w[2])
		s.step(s.router(w[1]), EffectivePriority{Value: v, Why: "script"})
		return err
	default:
		return fmt.Errorf("unknown command")
	}
	return nil
}

func (r *scnRouter) set(w []string) error {
	for ; len(w) > 0; w = w[1:] {
		switch w[0] {
		case "nopreempt":
			r.params.PreemptMode = false
			continue
		case "noanswer":
			r.params.LowerPriorityNoAdvert = true
			continue
		case "sendhigher":
			r.params.HigherPrioritySendAdvert = true
			continue
		}
		d, err := time.ParseDuration(w[1])
		if n, nerr := strconv.Atoi(w[1]); nerr == nil {
			err = nil
			switch w[0] {
			case "priority":
				r.params.Priority = uint8(n)
			case "version":
				r.params.Version = uint8(n)
			case "down_adverts":
				r.params.DownTimerAdverts = n
			case "garp_master_repeat":
				r.params.Announce.MasterRepeat = n
			case "garp_lower_prio_repeat":
				r.params.Announce.LowerPrioRepeat = n
			}
		}
		switch w[0] {
		case "interval":
			r.params.AdvertisementInterval = d
		case "preempt_delay":
			r.params.PreemptDelay = d
		case "garp_master_delay":
			r.params.Announce.MasterDelay = d
		case "garp_lower_prio_delay":
			r.params.Announce.LowerPrioDelay = d
		case "refresh":
			r.params.Announce.Refresh = d
		case "address":
			r.params.Addrs, err = append(slices.Clone(r.params.Addrs), netip.MustParseAddr(w[1])), nil
		}
		if err != nil {
			return err
		}
		w = w[1:]
	}
	return nil
}

// run advances to the end, event by event: datagrams before timers.
func (s *scenario) run(end time.Time) {
	for {
		next := end.Add(1)
		for _, f := range s.flights {
			next = earliest(next, f.at)
		}
		for _, r := range s.routers {
			if !r.crashed {
				next = earliest(next, r.m.Deadline())
			}
		}
		if next.After(end) {
			s.now = end
			return
		}
		s.now = next
		s.deliver()
		for _, r := range s.routers {
			if !r.crashed && due(s.now, r.m.Deadline()) {
				s.step(r, Tick{})
			}
		}
	}
}

func (s *scenario) deliver() {
	var arrived []flight
	s.flights = slices.DeleteFunc(s.flights, func(f flight) bool {
		if due(s.now, f.at) {
			arrived = append(arrived, f)
			return true
		}
		return false
	})
	for _, f := range arrived {
		for _, r := range s.routers {
			if r == f.from || r.crashed || r.cut || f.from.cut {
				continue
			}
			var a Advert
			if err := r.m.Params().Decode(Datagram{PDU: f.pdu, Src: f.src, Dst: f.dst, TTL: 255}, &a); err != nil {
				s.step(r, AdvertRefused{err.(*PacketError)})
				continue
			}
			s.step(r, AdvertReceived{&a})
		}
	}
}

func (s *scenario) step(r *scnRouter, ev Event) {
	for _, act := range r.m.Step(s.now, ev, nil) {
		if send, ok := act.(SendAdvert); ok {
			p := r.m.Params()
			a := p.Advert(send.Priority, p.MulticastGroup())
			s.flights = append(s.flights, flight{s.now.Add(wireDelay), r, AppendAdvert(nil, &a), a.Src, a.Dst})
		}
		s.print(r.name, act)
	}
}

func (s *scenario) print(name string, act Action) {
	var text string
	switch act := act.(type) {
	case SendAdvert:
		if s.hidden["adverts"] && act.Priority != 0 {
			return
		}
		text = fmt.Sprintf("sends advert priority %d", act.Priority)
	case Transition:
		if s.hidden["startup"] && act.Why == ByStartup {
			return
		}
		text = fmt.Sprintf("%v -> %v (%s)", act.From, act.To, act.Why)
	case Announce:
		if s.hidden["announce"] {
			return
		}
		text = fmt.Sprintf("announces x%d (%s)", act.Repeat, act.Why)
	case Alarm:
		text = fmt.Sprintf("alarm %s from %v: %d, ours %d", act.Kind, act.Peer, act.Got, act.Want)
	case ApplyHost:
		return
	default:
		if s.hidden["remarks"] {
			return
		}
		text = fmt.Sprintf("remarks %T%+v", act, act)
		text = strings.Replace(text, "vrrp.", "", 1)
	}
	s.lines = append(s.lines, fmt.Sprintf("%9.5fs %s %s", s.now.Sub(s.start).Seconds(), name, text))
}
