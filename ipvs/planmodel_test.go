package ipvs

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dice draw tables from few values, so that two of them have much in common.
type dice struct{ *rand.Rand }

func (d dice) of(n int) bool { return d.IntN(n) == 0 }

// planKeys are services of every identity; the last two are others'.
var planKeys = []ServiceKey{web, dns, bare, FWMarkKey(IPv6, 7), AddressKey(UDP, web.Addr), AddressKey(TCP, netip.MustParseAddrPort("10.9.0.1:81")),
	AddressKey(SCTP, netip.MustParseAddrPort("10.9.0.200:80")), FWMarkKey(IPv4, 200)}

func foreign(k ServiceKey) bool { return k == planKeys[6] || k == planKeys[7] }

// table draws services of keys; what the kernel would carry alike is not always
// spelled alike.
func (d dice) table(keys []ServiceKey) Table {
	t := Table{}
	for _, k := range keys {
		if d.of(3) {
			continue
		}
		p := Pool{Service: d.service(k), Destinations: map[DestinationKey]Destination{}}
		for host := range byte(4) {
			if d.of(2) {
				dest := d.destination(k, host)
				p.Destinations[dest.Addr] = dest
			}
		}
		t[k] = p
	}
	return t
}

func (d dice) service(k ServiceKey) Service {
	s := Service{Key: k, Scheduler: []Scheduler{"rr", "wlc"}[d.IntN(2)], Flags: Flags(d.IntN(2) * 8)}
	if d.of(3) {
		s.Flags |= FlagPersistent
	}
	if d.of(2) { // means something with persistence only
		s.PersistenceTimeout, s.Netmask = 50e9, HostMask(k.Family)-Netmask(d.IntN(2))
	}
	return s
}

func (d dice) destination(k ServiceKey, last byte) Destination {
	a := netip.AddrFrom4([4]byte{10, 0, 0, last})
	if k.Family == IPv6 {
		a = netip.AddrFrom16([16]byte{0: 0xfd, 15: last})
	}
	dest := Destination{Addr: netip.AddrPortFrom(a, 80), Weight: uint32(d.IntN(3)), UpperThreshold: uint32(d.IntN(2))}
	dest.Method = []ForwardingMethod{Masq, Tunnel, DirectRoute}[d.IntN(3)]
	if d.of(2) { // means something with a tunnel only
		dest.Tunnel = TunnelOptions{Type: GUE, Port: 6080}
	}
	return dest
}

// least is how many commands are needed if nothing may go that is in both:
// one for each service and destination that is missing, different or too much.
func least(desired, actual Table, owned func(ServiceKey) bool) int {
	n := 0
	want, have := carriedTable(desired), carriedTable(actual)
	for k, w := range want {
		h, there := have[k]
		if !there || w.Service != h.Service {
			n++
		}
		for a, d := range w.Destinations {
			if hd, there := h.Destinations[a]; !there || hd != d {
				n++
			}
		}
		for a := range h.Destinations {
			if _, there := w.Destinations[a]; !there {
				n++
			}
		}
	}
	for k := range have {
		if _, there := want[k]; !there && owned(k) {
			n++
		}
	}
	return n
}

// expected is desired with what stays of actual because it is not ours.
func expected(desired, actual Table, owned func(ServiceKey) bool) Table {
	t := carriedTable(desired)
	for k, p := range carriedTable(actual) {
		if _, there := t[k]; !there && !owned(k) {
			t[k] = p
		}
	}
	return t
}

// ages are the births of what a kernel carries.
func (m *modelKernel) ages() map[any]int {
	type dest struct {
		k ServiceKey
		a DestinationKey
	}
	ages := map[any]int{}
	for k, s := range m.services {
		ages[k] = s.born
		for a, d := range s.dests {
			ages[dest{k, a}] = d.born
		}
	}
	return ages
}

// weights are the sums of the weights of each pool.
func (m *modelKernel) weights() map[ServiceKey]uint64 {
	sums := map[ServiceKey]uint64{}
	for k, s := range m.services {
		sums[k] = 0
		for _, d := range s.dests {
			sums[k] += uint64(d.Weight)
		}
	}
	return sums
}

func TestAPlanIsExactShortestAndGentle(t *testing.T) {
	const seed, draws = 20261128, 3000
	for i := range uint64(draws) {
		d := dice{rand.New(rand.NewPCG(seed, i))}
		actual, desired := d.table(planKeys), d.table(planKeys[:6])
		owned := func(k ServiceKey) bool { return !foreign(k) }
		if d.of(10) {
			owned = func(ServiceKey) bool { return true }
		}
		checkPlan(t, fmt.Sprintf("draw %d of seed %d", i, seed), desired, actual, owned)
		if t.Failed() {
			t.Fatalf("from\n%vto\n%vby\n%v", actual, desired, Diff(desired, loadModel(carriedTable(actual)).table(), owned))
		}
	}
}

func checkPlan(t *testing.T, name string, desired, actual Table, owned func(ServiceKey) bool) {
	t.Helper()
	m := loadModel(carriedTable(actual))
	have := m.table()
	born, before, lowest := m.ages(), m.weights(), map[ServiceKey]uint64{}
	maps.Copy(lowest, before)
	m.watch = func() {
		for k, w := range m.weights() {
			if low, known := lowest[k]; known {
				lowest[k] = min(low, w)
			}
		}
	}
	ops := Diff(desired, have, owned)
	for _, op := range ops {
		if no := m.apply(op); no != 0 {
			t.Errorf("%s: the kernel refuses %v: %v", name, op, no)
		}
	}
	if d := cmp.Diff(expected(desired, actual, owned), m.table(), compareTables); d != "" {
		t.Errorf("%s: carries (-want +got):\n%s", name, d)
	}
	if n := least(desired, actual, owned); len(ops) != n {
		t.Errorf("%s: %d commands, %d are enough", name, len(ops), n)
	}
	for what, now := range m.ages() {
		if was, known := born[what]; known && was != now {
			t.Errorf("%s: %v was deleted and made anew", name, what)
		}
	}
	for k, after := range m.weights() {
		if was, known := before[k]; known && lowest[k] < min(was, after) {
			t.Errorf("%s: %v had the weight %d for a moment; %d before, %d after", name, k, lowest[k], was, after)
		}
	}
	if again := Diff(desired, m.table(), owned); len(again) != 0 {
		t.Errorf("%s: a second plan wants %v", name, again)
	}
}

// small are all states of one service with two possible servers, two ways each.
func small() []Table {
	server := func(last byte, weight uint32) Destination {
		return Destination{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, last}), 80), Weight: weight}
	}
	all := []Table{{}}
	for _, s := range []Scheduler{"rr", "wlc"} {
		for i := range 9 {
			p := Pool{Service: carried(Service{Key: web, Scheduler: s}), Destinations: map[DestinationKey]Destination{}}
			for last, weight := range []int{i % 3, i / 3} {
				if weight > 0 {
					d := server(byte(last), uint32(weight-1))
					p.Destinations[d.Addr] = d
				}
			}
			all = append(all, Table{web: p})
		}
	}
	return all
}

// The formula of least, and the plan, against a search through everything that
// can be said to the kernel.
func TestNoShorterPlanExists(t *testing.T) {
	states := small()
	var commands []Op
	for _, s := range []Scheduler{"rr", "wlc"} {
		service := Service{Key: web, Scheduler: s, Netmask: 0xffffffff}
		commands = append(commands, Op{Verb: AddService, Service: service}, Op{Verb: EditService, Service: service}, Op{Verb: DeleteService, Service: service})
	}
	for _, d := range []uint32{0, 1} {
		for last := range byte(2) {
			dest := Destination{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, last}), 80), Weight: d}
			for _, verb := range []Verb{AddDestination, EditDestination, DeleteDestination} {
				commands = append(commands, Op{Verb: verb, Service: Service{Key: web}, Destination: dest})
			}
		}
	}
	all := func(ServiceKey) bool { return true }
	for i, from := range states {
		for j, to := range states {
			want := shortest(from, to, commands)
			if got := len(Diff(to, from, all)); got != want {
				t.Errorf("from state %d to %d: a plan of %d commands, %d are enough", i, j, got, want)
			}
			if got := least(to, from, all); got != want {
				t.Errorf("from state %d to %d: the formula says %d, %d are enough", i, j, got, want)
			}
		}
	}
}

// shortest searches, breadth first, without deleting what is in from and in to.
func shortest(from, to Table, commands []Op) int {
	allowed := slices.DeleteFunc(slices.Clone(commands), func(op Op) bool {
		f, inFrom := from[web]
		w, inTo := to[web]
		_, a := f.Destinations[op.Destination.Addr]
		_, b := w.Destinations[op.Destination.Addr]
		return op.Verb == DeleteService && inFrom && inTo || op.Verb == DeleteDestination && a && b
	})
	goal, seen := to.String(), map[string]bool{}
	level := []Table{from}
	for depth := 0; ; depth++ {
		var next []Table
		for _, state := range level {
			if state.String() == goal {
				return depth
			}
			for _, op := range allowed {
				m := loadModel(state)
				if m.apply(op) == 0 && !seen[m.table().String()] {
					seen[m.table().String()] = true
					next = append(next, m.table())
				}
			}
		}
		level = next
	}
}

// Commands may fail for reasons of their own. What was refused is tried again
// with the next pass, on what the kernel then carries; through the messages.
func TestPassesConvergeAfterCommandsWereRefused(t *testing.T) {
	const seed, draws = 11, 300
	owned := func(k ServiceKey) bool { return !foreign(k) }
	for i := range uint64(draws) {
		d := dice{rand.New(rand.NewPCG(seed, i))}
		actual, desired := d.table(planKeys), d.table(planKeys[:6])
		w := &wire{kernel: loadModel(carriedTable(actual))}
		c := w.client()
		failing := true
		w.refuse = func() bool { return failing && d.of(3) }
		for pass := 0; ; pass++ {
			failing = pass < 3
			ops, err := Reconcile(t.Context(), c, desired, owned)
			if err == nil && !failing {
				break
			}
			if err != nil && !errors.Is(err, syscall.ENOMEM) {
				t.Fatalf("draw %d: %v", i, err)
			}
			if pass > 3 {
				t.Fatalf("draw %d: pass %d still wants %v (%v)", i, pass, ops, err)
			}
		}
		if d := cmp.Diff(expected(desired, actual, owned), w.kernel.table(), compareTables); d != "" {
			t.Fatalf("draw %d: carries (-want +got):\n%s", i, d)
		}
		if ops, err := Reconcile(t.Context(), c, desired, owned); err != nil || len(ops) != 0 {
			t.Fatalf("draw %d: a last pass wants %v (%v)", i, ops, err)
		}
	}
}
