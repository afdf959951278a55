package ipvs

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A draw is two tables of few keys and addresses, so that much is in both, and
// the services that are ours. What is wanted is ours.
type draw struct {
	actual, desired Table
	owned           map[ServiceKey]bool
}

var drawnKeys = []ServiceKey{
	AddressKey(TCP, netip.MustParseAddrPort("10.9.0.100:80")), AddressKey(UDP, netip.MustParseAddrPort("10.9.0.100:80")),
	AddressKey(TCP, netip.MustParseAddrPort("[fd09::100]:80")), FWMarkKey(IPv4, 7), FWMarkKey(IPv6, 7),
}

func newDraw(seed uint64) draw {
	r := rand.New(rand.NewPCG(seed, 5))
	d := draw{Table{}, Table{}, map[ServiceKey]bool{}}
	for _, k := range drawnKeys {
		d.owned[k] = r.IntN(4) > 0
		if r.IntN(3) > 0 {
			d.actual[k] = drawPool(r, k)
		}
		if d.owned[k] && r.IntN(3) > 0 {
			d.desired[k] = drawPool(r, k)
		}
	}
	d.actual = carriedTable(d.actual) // what is wanted may be spelled in other ways
	return d
}

func drawPool(r *rand.Rand, k ServiceKey) Pool {
	p := Pool{Service: Service{Key: k, Scheduler: []Scheduler{"rr", "wrr"}[r.IntN(2)]}, Destinations: map[DestinationKey]Destination{}}
	if r.IntN(3) == 0 {
		p.Service.Flags, p.Service.PersistenceTimeout = FlagPersistent, 50e9
	}
	if r.IntN(2) == 0 {
		p.Service = p.Service.Normal()
	} else if r.IntN(2) == 0 {
		p.Service.Engine, p.Service.Netmask = "sip", HostMask(k.Family)-1 // ignored without persistence
	}
	for host := range 4 {
		if r.IntN(2) == 0 {
			continue
		}
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(host + 1)}), 80)
		d := Destination{Addr: a, Method: Tunnel, Weight: r.Uint32N(3), UpperThreshold: r.Uint32N(2)}
		if r.IntN(4) == 0 {
			d.Tunnel = TunnelOptions{Type: GUE, Port: 6080}
		}
		if k.Family == IPv4 && r.IntN(3) == 0 {
			d.Method = DirectRoute // its tunnel options are ignored
		}
		p.Destinations[a] = d
	}
	return p
}

// least is how many commands are needed, object by object.
func (d draw) least() (n int) {
	want, have := carriedTable(d.desired), carriedTable(d.actual)
	for k, p := range want {
		h, there := have[k]
		if !there {
			n += 1 + len(p.Destinations)
			continue
		}
		if p.Service != h.Service {
			n++
		}
		addrs := maps.Clone(p.Destinations)
		maps.Copy(addrs, h.Destinations)
		for a := range addrs {
			w, wanted := p.Destinations[a]
			c, carried := h.Destinations[a]
			if wanted != carried || w != c {
				n++
			}
		}
	}
	for k := range have {
		if _, wanted := want[k]; !wanted && d.owned[k] {
			n++ // its destinations go with it
		}
	}
	return n
}

// goal is the table after the plan: what is wanted, and what is not ours as it was.
func (d draw) goal() Table {
	t := carriedTable(d.desired)
	for k, p := range carriedTable(d.actual) {
		if !d.owned[k] {
			t[k] = p
		}
	}
	return t
}

func (d draw) plan(actual Table) []Op {
	return Diff(d.desired, actual, func(k ServiceKey) bool { return d.owned[k] })
}

// serving is how many destinations of a service get connections, and their weight.
func serving(p Pool) (count int, weight uint32) {
	for _, d := range p.Destinations {
		if d.Weight > 0 {
			count++
			weight += d.Weight
		}
	}
	return count, weight
}

const draws = 5000

func sameTable(a, b Table) bool {
	return maps.EqualFunc(a, b, func(a, b Pool) bool { return a.Service == b.Service && maps.Equal(a.Destinations, b.Destinations) })
}

// TestThePlanLeadsToWhatIsWantedAndToNothingElse applies plans, command by
// command, to a kernel that refuses what Linux refuses.
func TestThePlanLeadsToWhatIsWantedAndToNothingElse(t *testing.T) {
	for seed := range uint64(draws) {
		d := newDraw(seed)
		m := loadModel(d.actual)
		births := m.bornBefore()
		ops := d.plan(m.table())
		if len(ops) != d.least() {
			t.Fatalf("draw %d: %d commands, %d are enough: %v", seed, len(ops), d.least(), ops)
		}
		for _, op := range ops {
			if no := m.apply(op); no != 0 {
				t.Fatalf("draw %d: %v of %v is refused: %v", seed, op, ops, no)
			}
			d.neverWorse(t, m, fmt.Sprintf("draw %d: after %v of %v", seed, op, ops))
		}
		if got := m.table(); !sameTable(got, d.goal()) {
			t.Fatalf("draw %d: carries\n%v\nwant\n%v", seed, got, d.goal())
		}
		for what, born := range m.bornBefore() {
			if was, before := births[what]; before && was != born {
				t.Fatalf("draw %d: %s was there all the time and was made anew by %v: its connections are lost", seed, what, ops)
			}
		}
		if again := d.plan(m.table()); len(again) != 0 {
			t.Fatalf("draw %d: a second plan wants %v", seed, again)
		}
	}
}

// bornBefore tells for each object when it was made.
func (m *modelKernel) bornBefore() map[string]int {
	all := map[string]int{}
	for k, s := range m.services {
		all[k.String()] = s.born
		for a, d := range s.dests {
			all[k.String()+" -r "+a.String()] = d.born
		}
	}
	return all
}

// neverWorse fails when a service has fewer servers that get connections, or less
// weight, than both before and after the plan.
func (d draw) neverWorse(t *testing.T, m *modelKernel, when string) {
	t.Helper()
	now := m.table()
	for k, before := range d.actual {
		after, stays := d.desired[k]
		if !stays {
			continue
		}
		c0, w0 := serving(before)
		c1, w1 := serving(after)
		if c, w := serving(now[k]); c < min(c0, c1) || w < min(w0, w1) {
			t.Fatalf("%s: %v has %d servers of weight %d, before %d of %d, in the end %d of %d", when, k, c, w, c0, w0, c1, w1)
		}
	}
}

// TestWhatWasRefusedIsDoneByTheNextPlan: whichever commands fail, the others are
// done, and the next look completes it.
func TestWhatWasRefusedIsDoneByTheNextPlan(t *testing.T) {
	for seed := range uint64(draws) {
		d := newDraw(seed)
		r := rand.New(rand.NewPCG(seed, 7))
		m := loadModel(d.actual)
		births := m.bornBefore()
		for _, op := range d.plan(m.table()) {
			if r.IntN(3) > 0 {
				m.apply(op) // may be refused as well: what it stands on may be missing
			}
		}
		for _, op := range d.plan(m.table()) {
			if no := m.apply(op); no != 0 {
				t.Fatalf("draw %d: %v: %v", seed, op, no)
			}
		}
		if got := m.table(); !sameTable(got, d.goal()) {
			t.Fatalf("draw %d: carries\n%v\nwant\n%v", seed, got, d.goal())
		}
		for what, born := range m.bornBefore() {
			if was, before := births[what]; before && was != born {
				t.Fatalf("draw %d: %s was made anew", seed, what)
			}
		}
	}
}

// TestNoShorterWayKeepsWhatStays searches all sequences of commands on a small
// table for the shortest that deletes nothing that stays. It has as many commands
// as the plan, for every pair of small tables.
func TestNoShorterWayKeepsWhatStays(t *testing.T) {
	k := drawnKeys[0]
	a, b := netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("10.0.0.2:80")
	var tables []Table
	for _, scheduler := range []Scheduler{"", "rr", "wrr"} {
		for wa := range 3 {
			for wb := range 3 {
				t := Table{}
				if scheduler != "" {
					p := Pool{Service: Service{Key: k, Scheduler: scheduler}, Destinations: map[DestinationKey]Destination{}}
					for addr, w := range map[DestinationKey]int{a: wa, b: wb} {
						if w > 0 {
							p.Destinations[addr] = Destination{Addr: addr, Weight: uint32(w)}
						}
					}
					t[k] = p
				} else if wa+wb > 0 {
					continue
				}
				tables = append(tables, t)
			}
		}
	}
	var commands []Op
	for _, scheduler := range []Scheduler{"rr", "wrr"} {
		s := Service{Key: k, Scheduler: scheduler}
		commands = append(commands, Op{Verb: AddService, Service: s}, Op{Verb: EditService, Service: s})
	}
	commands = append(commands, Op{Verb: DeleteService, Service: Service{Key: k}})
	for _, addr := range []DestinationKey{a, b} {
		for w := range uint32(2) {
			d := Destination{Addr: addr, Weight: w + 1}
			commands = append(commands, Op{AddDestination, Service{Key: k}, d}, Op{EditDestination, Service{Key: k}, d})
		}
		commands = append(commands, Op{DeleteDestination, Service{Key: k}, Destination{Addr: addr}})
	}
	everything := func(ServiceKey) bool { return true }
	for _, from := range tables {
		for _, to := range tables {
			if got, want := len(Diff(to, from, everything)), shortest(from, to, commands); got != want {
				t.Errorf("from\n%vto\n%vthe plan has %d commands, the shortest way %d", from, to, got, want)
			}
		}
	}
}

// shortest is the length of the shortest way that deletes nothing that stays.
func shortest(from, to Table, commands []Op) int {
	name := func(t Table) string {
		lines := strings.Split(t.String(), "\n")
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	loses := func(op Op) bool {
		have, was := from[op.Service.Key]
		want, stays := to[op.Service.Key]
		switch op.Verb {
		case DeleteService:
			return was && stays
		case DeleteDestination:
			_, had := have.Destinations[op.Destination.Addr]
			_, keeps := want.Destinations[op.Destination.Addr]
			return had && keeps
		}
		return false
	}
	goal := name(carriedTable(to))
	seen := map[string]bool{}
	ring := []Table{carriedTable(from)}
	for steps := 0; len(ring) > 0; steps++ {
		var next []Table
		for _, t := range ring {
			n := name(t)
			if n == goal {
				return steps
			}
			if seen[n] {
				continue
			}
			seen[n] = true
			for _, op := range commands {
				m := loadModel(t)
				if !loses(op) && m.apply(op) == syscall.Errno(0) {
					next = append(next, m.table())
				}
			}
		}
		ring = next
	}
	return -1
}

// TestPassesConvergeAfterCommandsWereRefused goes through the messages: the
// kernel refuses commands for reasons of its own, and each pass reads, compares
// and tries again what is missing.
func TestPassesConvergeAfterCommandsWereRefused(t *testing.T) {
	for seed := range uint64(draws / 20) {
		d := newDraw(seed)
		r := rand.New(rand.NewPCG(seed, 9))
		w := &wire{kernel: loadModel(d.actual)}
		c := w.client()
		owned := func(k ServiceKey) bool { return d.owned[k] }
		w.refuse = func() bool { return r.IntN(3) == 0 }
		for range 3 {
			if _, err := Reconcile(t.Context(), c, d.desired, owned); err != nil && !errors.Is(err, syscall.ENOMEM) {
				t.Fatalf("draw %d: %v", seed, err)
			}
		}
		w.refuse = nil
		if _, err := Reconcile(t.Context(), c, d.desired, owned); err != nil {
			t.Fatalf("draw %d: %v", seed, err)
		}
		if got := w.kernel.table(); !sameTable(got, d.goal()) {
			t.Fatalf("draw %d: carries\n%v\nwant\n%v", seed, got, d.goal())
		}
		if ops, err := Reconcile(t.Context(), c, d.desired, owned); err != nil || len(ops) != 0 {
			t.Fatalf("draw %d: a last pass wants %v (%v)", seed, ops, err)
		}
	}
}
