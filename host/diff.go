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
	Set // links and sysctls; lifetimes of an address
)

// Op is one change of the kernel's state. Exactly one of the pointers is set.
type Op struct {
	Verb    Verb
	Address *Address
	Route   *Route
	Rule    *Rule
	Link    *VirtualLink
	Sysctl  *Sysctl
}

// String is the ip(8) or sysctl(8) command that does the same.
func (o Op) String() string {
	verb := [...]string{Add: " add ", Del: " del ", Set: " set "}[o.Verb]
	switch {
	case o.Sysctl != nil:
		return o.Sysctl.String()
	case o.Link != nil && o.Verb == Del:
		return "ip link del " + o.Link.Name
	case o.Link != nil && o.Verb == Set:
		return "ip link set " + o.Link.settings()
	case o.Link != nil:
		return "ip link add " + o.Link.String()
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

// Plan lists what turns actual into desired: additions first (links, their
// sysctls and settings, addresses, routes, rules, each leaning on the ones
// before), then deletions the other way round; sysctls are put back last. The
// order is the same for equal input. What is neither desired nor ours is left
// alone. Objects on a link that does not exist are left out: Waiting names
// them, and the link's arrival brings them. That goes for links of our own too:
// they are added in one pass, and set up and used in the next.
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
	links := planLinks(desired, actual)
	sysctls, restored := planSysctls(desired, actual)
	addrAdds, addrDels := planAddresses(desired, actual)
	routeAdds, routeDels := planRoutes(desired, actual)
	ruleAdds, ruleDels := planRules(desired, actual)
	for _, changes := range [][]Op{links.before, sysctls, links.set, addrAdds, routeAdds, ruleAdds} {
		plan(changes)
	}
	dels = append(append(append(dels, ruleDels...), routeDels...), addrDels...)
	return append(append(append(adds, dels...), links.after...), restored...)
}

// Waiting lists the desired objects whose link does not exist, as ip(8)
// commands in order.
func Waiting(desired Desired, actual State) []Op {
	var waiting []Op
	addrs, _ := planAddresses(desired, actual)
	routes, _ := planRoutes(desired, actual)
	for _, op := range slices.Concat(planLinks(desired, actual).before, addrs, routes) {
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
	case op.Link != nil:
		links = []string{op.Link.Parent}
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
	// ReadSysctls finds the values of those keys that exist.
	ReadSysctls(ctx context.Context, keys []string) (map[string]string, error)
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
// others of its subnet along, a route may need an address to be there, and an
// address a link.
const passes = 4

// Reconcile reads, plans and applies until nothing is left to do. It returns
// what was done and, joined, what could not be; a failed step does not stop
// the others. What two late passes both had to ask for in vain is an
// ErrNoEffect. The state is the one read last, before the last changes.
func Reconcile(ctx context.Context, k Kernel, desired Desired) (State, []Op, error) {
	out := reconcileHost(ctx, k, desired, func([]Op) {})
	return out.state, out.done, errors.Join(out.err, out.sysctls)
}

// outcome is what one look at the host led to.
type outcome struct {
	state   State
	done    []Op
	err     error
	sysctls error // those that could not be set: virtual routers do without
}

// reconcileHost is Reconcile that shows before each pass what is about to be done.
func reconcileHost(ctx context.Context, k Kernel, desired Desired, before func([]Op)) outcome {
	var done []Op
	var state State
	var failed, sysctls error
	did := map[string]bool{} // by the pass before
	for pass := range passes {
		var err error
		if state, err = k.Read(ctx); err != nil {
			return outcome{state, done, errors.Join(failed, err), sysctls}
		}
		if keys := desired.SysctlKeys(state.Links); len(keys) > 0 {
			if state.Sysctls, err = k.ReadSysctls(ctx, keys); err != nil {
				return outcome{state, done, errors.Join(failed, err), sysctls}
			}
		}
		ops := Plan(desired, state)
		if desired.hold != nil {
			ops = slices.DeleteFunc(ops, desired.hold)
		}
		if len(ops) == 0 {
			return outcome{state: state, done: done}
		}
		failed, sysctls = nil, nil
		if pass >= passes-2 {
			ops, done, failed = giveUp(ops, done, did)
		}
		clear(did)
		before(ops)
		for i, err := range k.Apply(ctx, ops) {
			switch {
			case err != nil && ops[i].Sysctl != nil:
				sysctls = errors.Join(sysctls, err)
				continue
			case err != nil:
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
	return outcome{state, done, failed, sysctls}
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
// an object to add exists, or one to delete (or its link) does not. A link that
// is in the way of one of ours is another one, or Plan would not ask for it.
func Harmless(op Op, err error) bool {
	switch {
	case err == nil:
		return true
	case op.Verb == Set, op.Verb == Add && op.Link != nil:
		return false
	case op.Verb == Add:
		return errors.Is(err, syscall.EEXIST)
	}
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.ESRCH) ||
		errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.ENXIO)
}
