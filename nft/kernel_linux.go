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

// limit is when to give up.
func limit(ctx context.Context) time.Time {
	at := time.Now().Add(patience)
	if d, ok := ctx.Deadline(); ok && d.Before(at) {
		return d
	}
	return at
}

// Read implements Kernel.
func (k *NFTables) Read(ctx context.Context, keys []Key) ([]Table, error) {
	end := limit(ctx)
	conn, err := nftables.New(nftables.WithNetNSFd(k.netns), // each question opens a socket
		nftables.WithSockOptions(func(c *netlink.Conn) error { return c.SetDeadline(end) }))
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

// fromSet translates. A type is a number of nft(8); a concatenation is the
// numbers of its parts, six bits each.
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
