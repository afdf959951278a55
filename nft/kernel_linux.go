package nft

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
)

// patience bounds one exchange with the kernel. Another process that loads a
// large ruleset holds the kernel's lock for a while; the library would wait for
// ever for an answer that does not come.
const patience = 5 * time.Second

// chunk is how many elements go into one message: the length of an attribute
// has 16 bits, and an element of ours takes at most 60 octets.
const chunk = 500

// dormantTable is the flag of a table whose chains are not called.
const dormantTable = 1

// NFTables is the kernel's nf_tables.
type NFTables struct {
	netns int // descriptor of a network namespace, 0: that of the calling thread
}

// Open gives access to the tables of the network namespace that the process is
// in. Nothing is asked of the kernel yet.
func Open() *NFTables { return &NFTables{} }

// OpenAt is Open for the namespace behind a descriptor, which has to stay open.
func OpenAt(netns int) *NFTables { return &NFTables{netns} }

// conn opens no socket: each exchange has its own.
func (k *NFTables) conn(ctx context.Context) (*nftables.Conn, error) {
	limit := time.Now().Add(patience)
	if d, ok := ctx.Deadline(); ok && d.Before(limit) {
		limit = d
	}
	return nftables.New(nftables.WithNetNSFd(k.netns),
		nftables.WithSockOptions(func(c *netlink.Conn) error { return c.SetDeadline(limit) }))
}

// Read implements Kernel.
func (k *NFTables) Read(ctx context.Context, keys []Key) ([]Table, error) {
	conn, err := k.conn(ctx)
	if err != nil {
		return nil, explain("open a netfilter socket", err)
	}
	there, err := conn.ListTables()
	if errors.Is(err, syscall.EINVAL) { // nfnetlink knows no such subsystem
		err = fmt.Errorf("%w: %w", err, ErrNoTables)
	}
	if err != nil {
		return nil, explain("list nftables tables", err)
	}
	var tables []Table
	for _, t := range there {
		key := Key{Family(t.Family), t.Name}
		if !slices.Contains(keys, key) {
			continue
		}
		table, err := readTable(conn, t)
		if errors.Is(err, syscall.ENOENT) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, explain("read nftables table "+key.String(), err)
		}
		tables = append(tables, table)
	}
	slices.SortFunc(tables, func(a, b Table) int { return compareKeys(a.Key, b.Key) })
	return tables, nil
}

func readTable(conn *nftables.Conn, t *nftables.Table) (Table, error) {
	table := Table{Key: Key{Family(t.Family), t.Name}}
	if t.Flags&dormantTable != 0 {
		table.Strange = "the table is dormant"
	}
	sets, err := conn.GetSets(t)
	if err != nil {
		return table, err
	}
	for _, s := range sets {
		if s.Anonymous || s.Interval || s.HasTimeout || s.Dynamic {
			table.Strange = "set " + s.Name
		}
		elements, err := conn.GetSetElements(s)
		if err != nil {
			return table, err
		}
		table.Sets = append(table.Sets, fromSet(s, elements))
	}
	chains, err := conn.ListChainsOfTableFamily(t.Family)
	if err != nil {
		return table, err
	}
	for _, c := range chains {
		if c.Table.Name != t.Name {
			continue
		}
		chain := Chain{Name: c.Name}
		if c.Hooknum != nil && c.Priority != nil {
			chain.Hook, chain.Priority = Hook(*c.Hooknum)+1, int32(*c.Priority)
			if c.Type != nftables.ChainTypeFilter || c.Policy != nil && *c.Policy != nftables.ChainPolicyAccept {
				table.Strange = "chain " + c.Name
			}
		}
		rules, err := conn.GetRules(t, c)
		if err != nil {
			return table, err
		}
		for _, r := range rules {
			chain.Rules = append(chain.Rules, Rule{Program: r.Exprs})
		}
		table.Chains = append(table.Chains, chain)
	}
	return table, nil
}

// fromSet and toSet translate. A type is a number of nft(8); a concatenation is
// the numbers of its parts, six bits each.
func fromSet(s *nftables.Set, elements []nftables.SetElement) Set {
	set := Set{Name: s.Name, Constant: s.Constant, Elements: map[string]string{}}
	magic := s.KeyType.GetNFTMagic()
	for ; magic != 0; magic >>= nftables.SetConcatTypeBits {
		set.Key = append([]Type{Type(magic & nftables.SetConcatTypeMask)}, set.Key...)
	}
	if s.IsMap {
		set.Value = Type(s.DataType.GetNFTMagic())
	}
	for _, e := range elements {
		set.Elements[string(e.Key)] = string(e.Val)
	}
	return set
}

func toSet(k Key, s *Set) *nftables.Set {
	var magic, octets uint32
	for _, t := range s.Key {
		magic = magic<<nftables.SetConcatTypeBits | uint32(t)
		n := uint32(types[t].octets)
		if len(s.Key) > 1 {
			n = (n + 3) / 4 * 4
		}
		octets += n
	}
	set := &nftables.Set{Table: toTable(k), Name: s.Name, Constant: s.Constant, IsMap: s.Value != 0,
		KeyType: datatype(s.typeText(), magic, octets)}
	if s.Value != 0 {
		set.DataType = datatype(types[s.Value].name, uint32(s.Value), uint32(types[s.Value].octets))
	}
	return set
}

func datatype(name string, magic, octets uint32) nftables.SetDatatype {
	d := nftables.SetDatatype{Name: name, Bytes: octets}
	d.SetNFTMagic(magic)
	return d
}

func toTable(k Key) *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamily(k.Family), Name: k.Name}
}

// elements in chunks that fit into a message.
func (s *Set) chunks() [][]nftables.SetElement {
	var all []nftables.SetElement
	for _, key := range s.sorted() {
		e := nftables.SetElement{Key: []byte(key)}
		if v := s.Elements[key]; v != "" {
			e.Val = []byte(v)
		}
		all = append(all, e)
	}
	return slices.Collect(slices.Chunk(all, chunk))
}

// Apply implements Kernel: one transaction.
func (k *NFTables) Apply(ctx context.Context, ops []Op) error {
	conn, err := k.conn(ctx)
	if err != nil {
		return explain("open a netfilter socket", err)
	}
	for _, op := range ops {
		if err := queue(conn, op); err != nil {
			return fmt.Errorf("%v: %w", op, err)
		}
	}
	if err := conn.Flush(); err != nil {
		what := ops[0].String()
		if n := len(ops) - 1; n > 0 {
			what += fmt.Sprintf(" and %d more in one transaction", n)
		}
		return explain(what, err)
	}
	return nil
}

func queue(conn *nftables.Conn, op Op) error {
	table := toTable(op.Table)
	switch op.Verb {
	case AddTable:
		conn.AddTable(table)
	case DelTable:
		conn.DelTable(table)
	case AddSet:
		return addSet(conn, op)
	case AddChain:
		conn.AddChain(toChain(table, op.Chain))
	case FlushChain:
		conn.FlushChain(toChain(table, op.Chain))
	case AddRule:
		conn.AddRule(&nftables.Rule{Table: table, Chain: toChain(table, op.Chain), Exprs: slices.Clone(op.Rule.Program)})
	case AddElements:
		return inChunks(op, conn.SetAddElements)
	case DelElements:
		return inChunks(op, conn.SetDeleteElements)
	}
	return nil
}

func addSet(conn *nftables.Conn, op Op) error {
	set, chunks := toSet(op.Table, op.Set), op.Set.chunks()
	var first []nftables.SetElement
	if len(chunks) > 0 {
		first, chunks = chunks[0], chunks[1:]
	}
	if err := conn.AddSet(set, first); err != nil {
		return err
	}
	for _, c := range chunks {
		if err := conn.SetAddElements(set, c); err != nil {
			return err
		}
	}
	return nil
}

func inChunks(op Op, do func(*nftables.Set, []nftables.SetElement) error) error {
	set := toSet(op.Table, op.Set)
	for _, c := range op.Set.chunks() {
		if err := do(set, c); err != nil {
			return err
		}
	}
	return nil
}

func toChain(t *nftables.Table, c *Chain) *nftables.Chain {
	chain := &nftables.Chain{Table: t, Name: c.Name}
	if c.Hook != NoHook {
		policy := nftables.ChainPolicyAccept
		chain.Type, chain.Policy = nftables.ChainTypeFilter, &policy
		chain.Hooknum = nftables.ChainHookRef(nftables.ChainHook(c.Hook - 1))
		chain.Priority = nftables.ChainPriorityRef(nftables.ChainPriority(c.Priority))
	}
	return chain
}

// explain says what was being done and, where it can be known, what to do.
func explain(doing string, err error) error {
	switch {
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%s: %w (needs CAP_NET_ADMIN)", doing, err)
	case errors.Is(err, syscall.EPROTONOSUPPORT), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.EAFNOSUPPORT):
		return fmt.Errorf("%s: %w: %w", doing, err, ErrNoTables)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

var _ Kernel = (*NFTables)(nil)
