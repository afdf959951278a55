package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"holdfast/internal/reconcile"
)

// Verb is what an Op does.
type Verb uint8

const (
	Add Verb = iota
	Del
	Set // lifetimes of an address
)

// Op is one change of the kernel's state. Exactly one of the pointers is set.
type Op struct {
	Verb    Verb
	Address *Address
	Route   *Route
	Rule    *Rule
}

// String is the ip(8) command that does the same.
func (o Op) String() string {
	verb := [...]string{Add: " add ", Del: " del ", Set: " change "}[o.Verb]
	switch {
	case o.Address != nil && o.Verb == Del:
		a := Address{Prefix: o.Address.Prefix, Peer: o.Address.Peer, Link: o.Address.Link, PreferredLft: Forever}
		s := a.String()
		return "ip addr del " + s[:len(s)-len(" scope global")]
	case o.Address != nil && o.Verb == Set:
		return "ip addr change " + o.Address.lifetimes()
	case o.Address != nil:
		return "ip addr add " + o.Address.String()
	case o.Route != nil:
		return "ip " + family(o.Route.Dst.Addr().Is6()) + "route" + verb + o.Route.String()
	default:
		return "ip " + family(o.Rule.IPv6) + "rule" + verb + o.Rule.String()
	}
}

func family(v6 bool) string {
	if v6 {
		return "-6 "
	}
	return ""
}

// Plan lists what turns actual into desired: additions first (addresses, then
// routes, then rules, each leaning on the ones before), then deletions the
// other way round. The order is the same for equal input. What is neither
// desired nor ours is left alone. Objects on a link that does not exist are
// left out: Waiting names them, and the link's arrival brings them.
func Plan(desired Desired, actual State) []Op {
	var adds, dels []Op
	plan := func(changes []Op) {
		for _, op := range changes {
			if op.Verb == Add && actual.missing(op) != "" {
				continue
			}
			adds = append(adds, op)
		}
	}
	addrAdds, addrDels := planAddresses(desired, actual)
	routeAdds, routeDels := planRoutes(desired, actual)
	ruleAdds, ruleDels := planRules(desired, actual)
	plan(addrAdds)
	plan(routeAdds)
	plan(ruleAdds)
	dels = append(append(append(dels, ruleDels...), routeDels...), addrDels...)
	return append(adds, dels...)
}

// Waiting lists the desired objects whose link does not exist, as ip(8)
// commands in order.
func Waiting(desired Desired, actual State) []Op {
	var waiting []Op
	addrs, _ := planAddresses(desired, actual)
	routes, _ := planRoutes(desired, actual)
	for _, op := range append(addrs, routes...) {
		if op.Verb == Add && actual.missing(op) != "" {
			waiting = append(waiting, op)
		}
	}
	return waiting
}

// missing is the name of the link that op needs and the host does not have.
// Rules may name links that do not exist yet: the kernel waits for them.
func (s State) missing(op Op) string {
	var links []string
	switch {
	case op.Address != nil:
		links = []string{op.Address.Link}
	case op.Route != nil:
		links = op.Route.Links()
	}
	for _, link := range links {
		if _, ok := s.Links[link]; !ok && link != "" {
			return link
		}
	}
	if op.Route != nil {
		return op.Route.VRF // inTables has not found its table
	}
	return ""
}

// planAddresses: an update takes the address away first, because the kernel
// cannot change label, scope or broadcast of one that exists.
func planAddresses(desired Desired, actual State) (adds, dels []Op) {
	changes := reconcile.Diff(desired.Addresses, actual.Addresses, reconcile.Rules[AddressKey, Address]{
		Equal:   sameAddress,
		Ours:    func(k AddressKey, have Address) bool { return have.Ours || desired.Leftovers[k] },
		Compare: compareAddressKeys,
	})
	adds = planLifetimes(desired, actual)
	for _, c := range changes {
		want, have := c.Want, c.Have
		switch c.Kind {
		case reconcile.Add:
			adds = append(adds, Op{Verb: Add, Address: &want})
		case reconcile.Update:
			adds = append(adds, Op{Verb: Del, Address: &have}, Op{Verb: Add, Address: &want})
		case reconcile.Delete:
			dels = append(dels, Op{Verb: Del, Address: &have})
		}
	}
	return adds, dels
}

// sameAddress reports whether have serves. One that somebody else put there
// does: it was wanted to exist, and it exists. Lifetimes that run down are not
// compared.
func sameAddress(want, have Address) bool {
	if !have.Ours {
		return true
	}
	if want.Prefix.Addr().Is6() {
		limited := want.PreferredLft != 0 && (want.PreferredLft != Forever || have.ValidLft != 0)
		return limited || (want.PreferredLft == 0) == (have.PreferredLft == 0)
	}
	label := func(a Address) string {
		if a.Label == a.Link {
			return ""
		}
		return a.Label
	}
	return want.Scope == have.Scope && want.Broadcast == have.Broadcast && label(want) == label(have)
}

// planRoutes: a changed route goes before its successor comes, in the same
// datagram. Beside each other they could not be told apart: a deletion matches
// whatever it leaves open, and IPv6 refuses the second.
func planRoutes(desired Desired, actual State) (adds, dels []Op) {
	changes := reconcile.Diff(actual.inTables(desired.Routes), actual.Routes, reconcile.Rules[RouteKey, Route]{
		Equal:   sameRoute,
		Ours:    func(_ RouteKey, have Route) bool { return have.Ours },
		Compare: compareRouteKeys,
	})
	for _, c := range changes {
		want, have := c.Want, c.Have
		add, del := Op{Verb: Add, Route: &want}, Op{Verb: Del, Route: &have}
		switch {
		case c.Kind == reconcile.Delete:
			dels = append(dels, del)
		case c.Kind == reconcile.Add, !have.Ours:
			adds = append(adds, add)
		default:
			adds = append(adds, del, add)
		}
	}
	slices.Reverse(dels) // those through a gateway before those that lead to it
	return adds, dels
}

// inTables gives routes of a VRF its table. A route whose VRF does not exist, or
// is none, stays as it is and waits.
func (s State) inTables(routes map[RouteKey]Route) map[RouteKey]Route {
	settled := make(map[RouteKey]Route, len(routes))
	for k, r := range routes {
		if l := s.Links[r.VRF]; r.VRF != "" && l.Table != 0 {
			r.VRF, r.Table = "", l.Table
			k = r.Key()
		}
		settled[k] = r
	}
	return settled
}

// sameRoute compares what was asked for; what was left open is the kernel's.
func sameRoute(want, have Route) bool {
	if want.Link != "" && have.Link != "" && want.Link != have.Link {
		return false
	}
	if want.Dst.Addr().Is6() && !have.Ours {
		return true // IPv6 cannot hold a second one beside it
	}
	if want.Dst.Addr().Is4() && want.Scope != have.Scope {
		return false
	}
	return want.Src == have.Src && want.MTU == have.MTU && want.Metrics == have.Metrics && want.Realms == have.Realms &&
		want.Encap == have.Encap && want.Pref == have.Pref && sameHops(want, have)
}

func planRules(desired Desired, actual State) (adds, dels []Op) {
	changes := reconcile.Diff(desired.Rules, actual.Rules, reconcile.Rules[RuleKey, Rule]{
		Equal:   func(Rule, Rule) bool { return true }, // the key is the whole rule
		Ours:    func(_ RuleKey, have Rule) bool { return have.Ours },
		Compare: compareRuleKeys,
	})
	for _, c := range changes {
		want, have := c.Want, c.Have
		if c.Kind == reconcile.Delete {
			dels = append(dels, Op{Verb: Del, Rule: &have})
		} else {
			adds = append(adds, Op{Verb: Add, Rule: &want})
		}
	}
	return adds, dels
}

// Kernel is the host's network configuration: netlink, or hosttest.Fake.
type Kernel interface {
	// Read lists links, addresses, routes and rules.
	Read(ctx context.Context) (State, error)
	// Apply carries out ops in order and returns one outcome for each. What is
	// already there, or already gone, is a success: it was wanted so.
	Apply(ctx context.Context, ops []Op) []error
	// Watch tells of changes, ours included, until ctx ends; then the channel
	// is closed. The reader must not stop reading before that.
	Watch(ctx context.Context) (<-chan Change, error)
}

// ErrNoEffect is an operation that the kernel accepts again and again and that
// changes nothing, such as an IPv6 route whose place another route has taken.
var ErrNoEffect = errors.New("accepted twice and without effect; is another object in its place?")

// passes is how often Reconcile looks again: deleting an IPv4 address can take
// others of its subnet along, and a route may need an address to be there.
const passes = 3

// Reconcile reads, plans and applies until nothing is left to do. It returns
// what was done and, joined, what could not be; a failed step does not stop
// the others. What the last two passes both had to ask for in vain is an
// ErrNoEffect. The state is the one read last, before the last changes.
func Reconcile(ctx context.Context, k Kernel, desired Desired) (State, []Op, error) {
	var done []Op
	var state State
	var failed error
	did := map[string]bool{} // by the pass before
	for pass := range passes {
		var err error
		if state, err = k.Read(ctx); err != nil {
			return state, done, errors.Join(failed, err)
		}
		ops := Plan(desired, state)
		if desired.hold != nil {
			ops = slices.DeleteFunc(ops, desired.hold)
		}
		if len(ops) == 0 {
			return state, done, nil
		}
		failed = nil
		if pass == passes-1 {
			ops, done, failed = giveUp(ops, done, did)
		}
		clear(did)
		for i, err := range k.Apply(ctx, ops) {
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			done = append(done, ops[i])
			did[ops[i].String()] = true
		}
		if len(did) == 0 {
			break
		}
	}
	return state, done, failed
}

// giveUp takes the operations that the pass before has done out of what is to
// be done and out of what counts as done.
func giveUp(ops, done []Op, did map[string]bool) (rest, kept []Op, err error) {
	vain := map[string]bool{}
	for _, op := range ops {
		text := op.String()
		if !did[text] {
			rest = append(rest, op)
			continue
		}
		vain[text] = true
		err = errors.Join(err, fmt.Errorf("%s: %w", text, ErrNoEffect))
	}
	kept = slices.DeleteFunc(done, func(op Op) bool { return vain[op.String()] })
	return rest, kept, err
}

// Harmless reports whether err only says that the wish was already fulfilled:
// an object to add exists, or one to delete (or its link) does not.
func Harmless(v Verb, err error) bool {
	if v == Add {
		return err == nil || errors.Is(err, syscall.EEXIST)
	}
	return err == nil || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.ESRCH) ||
		errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ENXIO)
}
