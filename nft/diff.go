package nft

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"holdfast/internal/reconcile"
)

// Verb is what an Op does.
type Verb uint8

// The verbs. A set is added with its elements.
const (
	AddTable Verb = iota
	DelTable
	AddSet
	AddChain
	AddRule
	FlushChain
	AddElements
	DelElements
)

// Op is one change of one table.
type Op struct {
	Verb  Verb
	Table Key
	Set   *Set   // of AddSet; of AddElements and DelElements with just those
	Chain *Chain // of AddChain, AddRule (without its rules), FlushChain
	Rule  *Rule  // of AddRule, at the end of Chain

	names map[int]string // of interfaces, for String
}

// String is the nft(8) command that does the same.
func (o Op) String() string {
	text := o.command()
	if strings.ContainsAny(text, `{;"`) {
		return "nft '" + text + "'" // a shell would take it to pieces
	}
	return "nft " + text
}

func (o Op) command() string {
	t := o.Table.String()
	switch o.Verb {
	case AddTable:
		return "add table " + t
	case DelTable:
		return "delete table " + t
	case AddSet:
		text := "add " + o.Set.kind() + " " + t + " " + o.Set.Name + " { type " + o.Set.typeText() + ";"
		if o.Set.Constant {
			text += " flags constant;"
		}
		if len(o.Set.Elements) > 0 {
			text += " elements = " + o.elements() + ";"
		}
		return text + " }"
	case AddChain:
		if o.Chain.Hook == NoHook {
			return "add chain " + t + " " + o.Chain.Name
		}
		return "add chain " + t + " " + o.Chain.Name + " { " + o.Chain.hookText() + " }"
	case AddRule:
		return "add rule " + t + " " + o.Chain.Name + " " + o.Rule.Text
	case FlushChain:
		return "flush chain " + t + " " + o.Chain.Name
	case AddElements:
		return "add element " + t + " " + o.Set.Name + " " + o.elements()
	default:
		return "delete element " + t + " " + o.Set.Name + " " + o.elements()
	}
}

func (o Op) elements() string {
	var list []string
	for _, key := range o.Set.sorted() {
		list = append(list, o.Set.elementText(key, o.names))
	}
	return "{ " + strings.Join(list, ", ") + " }"
}

// Wish is what should be in the kernel.
type Wish struct {
	Seq    uint64 // chosen by the caller, comes back in the outcome
	Tables []Table
	Names  map[int]string // of interfaces, for texts
	// Ours are tables that nobody else uses: they are removed when not wanted.
	Ours []Key
	// Perhaps are tables that may be somebody else's. One that is not wanted is a
	// predecessor's, and removed, if it has a set with one of Addresses.
	Perhaps   []Key
	Addresses []netip.Addr
}

// Keys are the tables that have to be looked at.
func (w *Wish) Keys() []Key {
	keys := slices.Concat(w.Ours, w.Perhaps)
	for i := range w.Tables {
		keys = append(keys, w.Tables[i].Key)
	}
	slices.SortFunc(keys, compareKeys)
	return slices.Compact(keys)
}

// Plan lists what turns actual into wished: nothing where both are the same,
// single elements where only those differ, otherwise chains and tables made
// anew. The operations belong together: see Kernel.Apply.
func Plan(wish Wish, actual []Table) []Op {
	want, have := byKey(wish.Tables), byKey(actual)
	changes := reconcile.Diff(want, have, reconcile.Rules[Key, *Table]{
		Equal:   func(want, have *Table) bool { return sameShape(want, have) && len(refine(want, have)) == 0 },
		Ours:    func(k Key, t *Table) bool { return wish.removes(k, t) },
		Compare: compareKeys,
	})
	var ops []Op
	for _, c := range changes {
		switch {
		case c.Kind == reconcile.Delete:
			ops = append(ops, Op{Verb: DelTable, Table: c.Key})
		case c.Kind == reconcile.Add:
			ops = append(ops, build(c.Want)...)
		case sameShape(c.Want, c.Have):
			ops = append(ops, refine(c.Want, c.Have)...)
		default:
			ops = append(append(ops, Op{Verb: DelTable, Table: c.Key}), build(c.Want)...)
		}
	}
	for i := range ops {
		ops[i].names = wish.Names
	}
	return ops
}

func byKey(tables []Table) map[Key]*Table {
	m := map[Key]*Table{}
	for i := range tables {
		m[tables[i].Key] = &tables[i]
	}
	return m
}

// removes reports whether a table that is not wanted goes.
func (w *Wish) removes(k Key, t *Table) bool {
	if slices.Contains(w.Ours, k) {
		return true
	}
	if !slices.Contains(w.Perhaps, k) {
		return false
	}
	for i := range t.Sets {
		for key := range t.Sets[i].Elements {
			if p := t.Sets[i].parts(key); len(p) > 0 && (p[0].typ == IPv4Addr || p[0].typ == IPv6Addr) {
				if a, ok := netip.AddrFromSlice([]byte(p[0].octets)); ok && slices.Contains(w.Addresses, a) {
					return true
				}
			}
		}
	}
	return false
}

// build makes a table that is not there: chains before rules, which may go on
// in later ones.
func build(t *Table) []Op {
	ops := []Op{{Verb: AddTable, Table: t.Key}}
	for i := range t.Sets {
		ops = append(ops, Op{Verb: AddSet, Table: t.Key, Set: &t.Sets[i]})
	}
	for i := range t.Chains {
		ops = append(ops, Op{Verb: AddChain, Table: t.Key, Chain: &t.Chains[i]})
	}
	for i := range t.Chains {
		ops = append(ops, rules(t.Key, &t.Chains[i])...)
	}
	return ops
}

func rules(k Key, c *Chain) []Op {
	var ops []Op
	for i := range c.Rules {
		ops = append(ops, Op{Verb: AddRule, Table: k, Chain: c, Rule: &c.Rules[i]})
	}
	return ops
}

// sameShape reports whether have can be turned into want without making sets
// or chains. Their order is nobody's concern.
func sameShape(want, have *Table) bool {
	if have.Strange != "" || len(want.Sets) != len(have.Sets) || len(want.Chains) != len(have.Chains) {
		return false
	}
	for i := range want.Sets {
		w := &want.Sets[i]
		h := have.set(w.Name)
		if h == nil || !slices.Equal(w.Key, h.Key) || w.Value != h.Value || w.Constant != h.Constant ||
			w.Constant && !maps.Equal(w.Elements, h.Elements) {
			return false
		}
	}
	for i := range want.Chains {
		w := &want.Chains[i]
		if h := have.chain(w.Name); h == nil || w.Hook != h.Hook || w.Hook != NoHook && w.Priority != h.Priority {
			return false
		}
	}
	return true
}

func (t *Table) set(name string) *Set {
	if i := slices.IndexFunc(t.Sets, func(s Set) bool { return s.Name == name }); i >= 0 {
		return &t.Sets[i]
	}
	return nil
}

func (t *Table) chain(name string) *Chain {
	if i := slices.IndexFunc(t.Chains, func(c Chain) bool { return c.Name == name }); i >= 0 {
		return &t.Chains[i]
	}
	return nil
}

// refine brings elements and rules of a table of the right shape up to date.
func refine(want, have *Table) []Op {
	var ops []Op
	for i := range want.Sets {
		w := &want.Sets[i]
		h := have.set(w.Name)
		gone := w.only(h.Elements, w.Elements)
		fresh := w.only(w.Elements, h.Elements)
		if len(gone.Elements) > 0 {
			ops = append(ops, Op{Verb: DelElements, Table: want.Key, Set: gone})
		}
		if len(fresh.Elements) > 0 {
			ops = append(ops, Op{Verb: AddElements, Table: want.Key, Set: fresh})
		}
	}
	for i := range want.Chains {
		w := &want.Chains[i]
		if slices.EqualFunc(w.Rules, have.chain(w.Name).Rules, Rule.same) {
			continue
		}
		ops = append(append(ops, Op{Verb: FlushChain, Table: want.Key, Chain: w}), rules(want.Key, w)...)
	}
	return ops
}

// only is s with those elements of some that others have not, or have another
// value for.
func (s *Set) only(some, others map[string]string) *Set {
	part := *s
	part.Elements = map[string]string{}
	for k, v := range some {
		if other, there := others[k]; !there || other != v {
			part.Elements[k] = v
		}
	}
	return &part
}

// Kernel is where tables are: nf_tables, or nfttest.Fake.
type Kernel interface {
	// Read returns those of the named tables that exist, whole.
	Read(ctx context.Context, keys []Key) ([]Table, error)
	// Apply carries out all of ops, in order and at once, or none.
	Apply(ctx context.Context, ops []Op) error
	// Watch tells of changes, ours included, until ctx ends; then the channel
	// is closed. The reader must not stop reading before that.
	Watch(ctx context.Context) (<-chan Change, error)
}

// Change is news of a table: something in it has changed.
type Change struct {
	Table Key
	Lost  bool // news was lost: any table may have changed
}

// attempts is how often Reconcile tries when somebody else is at work in the
// same table.
const attempts = 3

// Reconcile reads, plans and applies. It returns what was done. Where nothing
// is wanted, a kernel that has no tables is as wished.
func Reconcile(ctx context.Context, k Kernel, wish Wish) ([]Op, error) {
	var failed error
	for range attempts {
		actual, err := k.Read(ctx, wish.Keys())
		if err != nil {
			if len(wish.Tables) == 0 && errors.Is(err, ErrNoTables) {
				return nil, nil
			}
			return nil, err
		}
		ops := Plan(wish, actual)
		if len(ops) == 0 {
			return nil, nil
		}
		if failed = k.Apply(ctx, ops); failed == nil {
			return ops, nil
		}
		if !raced(failed) {
			break
		}
	}
	return nil, failed
}

// raced reports whether err can come from a change between Read and Apply.
func raced(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EEXIST) || errors.Is(err, syscall.EBUSY)
}

// ErrNoTables is a kernel that cannot filter with nftables.
var ErrNoTables = errors.New("this kernel has no nf_tables (load the module nf_tables, or build with CONFIG_NF_TABLES_IPV4 and _IPV6)")
