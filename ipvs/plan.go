package ipvs

import (
	"cmp"
	"net/netip"
	"slices"

	"holdfast/internal/reconcile"
)

// Verb is what an Op does.
type Verb uint8

const (
	AddService Verb = iota
	EditService
	DeleteService
	AddDestination
	EditDestination
	DeleteDestination
)

// option is the command letter of ipvsadm.
func (v Verb) option() string {
	return [...]string{"-A", "-E", "-D", "-a", "-e", "-d"}[min(v, DeleteDestination)]
}

// Op is one command to a dataplane. DeleteService and the destination verbs
// use only the key of Service, DeleteDestination only Destination.Addr.
type Op struct {
	Verb        Verb
	Service     Service
	Destination Destination
}

// String is the ipvsadm(8) command that does the same.
func (o Op) String() string {
	text := "ipvsadm " + o.Verb.option() + " "
	switch o.Verb {
	case AddService, EditService:
		return text + o.Service.String()
	case DeleteService:
		return text + o.Service.Key.String()
	case DeleteDestination:
		return text + o.Service.Key.String() + " -r " + o.Destination.Addr.String()
	}
	return text + o.Service.Key.String() + " -r " + o.Destination.String()
}

// Diff lists the operations that turn actual into desired. Services come in
// ipvsadm's order; of each, the service first, then destinations to be added
// and those whose weight grows, then those whose weight shrinks, then those to
// be deleted, so that a pool does not pass through being empty (a sorry server
// is in before the last real server is out or has weight 0).
// Services that are not desired are deleted last and only if owned says that
// they are ours; every destination of a desired service is ours. What is equal
// is not touched. Running the plan and comparing again finds nothing.
func Diff(desired, actual Table, owned func(ServiceKey) bool) []Op {
	changes := reconcile.Diff(desired, actual, reconcile.Rules[ServiceKey, Pool]{
		Equal:   func(want, have Pool) bool { return false }, // destinations are compared below
		Ours:    func(k ServiceKey, _ Pool) bool { return owned != nil && owned(k) },
		Compare: ServiceKey.Compare,
	})
	var ops []Op
	for _, c := range changes {
		if c.Kind == reconcile.Delete {
			ops = append(ops, Op{Verb: DeleteService, Service: Service{Key: c.Key}})
			continue
		}
		want := c.Want.Service.Normal()
		want.Key = c.Key
		switch {
		case c.Kind == reconcile.Add:
			ops = append(ops, Op{Verb: AddService, Service: want})
		case want != c.Have.Service.Normal():
			ops = append(ops, Op{Verb: EditService, Service: want})
		}
		ops = appendDestinations(ops, c.Key, c.Want.Destinations, c.Have.Destinations)
	}
	return ops
}

// appendDestinations plans one pool: what takes traffic comes before what loses
// it. At no moment there is less weight in the pool than before and after, so
// none passes through having no server that takes a connection.
func appendDestinations(ops []Op, k ServiceKey, desired, actual map[DestinationKey]Destination) []Op {
	verbs := [...]Verb{reconcile.Add: AddDestination, reconcile.Update: EditDestination, reconcile.Delete: DeleteDestination}
	changes := reconcile.Diff(desired, actual, reconcile.Rules[DestinationKey, Destination]{
		Equal:   func(want, have Destination) bool { return want.Normal() == have.Normal() },
		Ours:    func(DestinationKey, Destination) bool { return true },
		Compare: netip.AddrPort.Compare,
	})
	slices.SortStableFunc(changes, func(a, b destinationChange) int { return cmp.Compare(turn(a), turn(b)) })
	for _, c := range changes {
		d := c.Want.Normal()
		d.Addr = c.Key
		ops = append(ops, Op{Verb: verbs[c.Kind], Service: Service{Key: k}, Destination: d})
	}
	return ops
}

type destinationChange = reconcile.Change[DestinationKey, Destination]

// turn is when a change comes: additions and edits that take no weight away, edits that
// do, deletions.
func turn(c destinationChange) int {
	switch {
	case c.Kind == reconcile.Delete:
		return 2
	case c.Kind == reconcile.Update && c.Want.Weight < c.Have.Weight:
		return 1
	}
	return 0
}
