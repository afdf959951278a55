package nfttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"

	"github.com/google/nftables/expr"

	"holdfast/nft"
)

// Fake is an nft.Kernel in memory. The zero value is an empty one.
type Fake struct {
	mu       sync.Mutex
	tables   map[nft.Key]nft.Table
	watchers map[chan struct{}]*[]nft.Change
	applied  int

	// Fail, when set, is asked before each Read (with no operations) and Apply; an
	// error is its outcome.
	Fail func(ops []nft.Op) error
}

// Applied is how many transactions have been carried out.
func (f *Fake) Applied() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.applied
}

func (f *Fake) fails(ops []nft.Op) error {
	if f.Fail == nil {
		return nil
	}
	return f.Fail(ops)
}

// Read implements nft.Kernel.
func (f *Fake) Read(_ context.Context, keys []nft.Key) ([]nft.Table, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fails(nil); err != nil {
		return nil, err
	}
	var list []nft.Table
	for _, k := range keys {
		if t, ok := f.tables[k]; ok {
			list = append(list, copied(t))
		}
	}
	return list, nil
}

// copied shares nothing with t that anybody changes.
func copied(t nft.Table) nft.Table {
	t.Sets, t.Chains = slices.Clone(t.Sets), slices.Clone(t.Chains)
	for i := range t.Sets {
		t.Sets[i].Elements = maps.Clone(t.Sets[i].Elements)
	}
	for i := range t.Chains {
		t.Chains[i].Rules = slices.Clone(t.Chains[i].Rules)
	}
	return t
}

// Apply implements nft.Kernel.
func (f *Fake) Apply(_ context.Context, ops []nft.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fails(ops); err != nil {
		return err
	}
	next := maps.Clone(f.tables)
	if next == nil {
		next = map[nft.Key]nft.Table{}
	}
	touched := map[nft.Key]bool{}
	for _, op := range ops {
		t, there := next[op.Table]
		if !there && op.Verb != nft.AddTable {
			return fmt.Errorf("%v: %w", op, syscall.ENOENT)
		}
		t = copied(t)
		t.Key = op.Table
		if err := carryOut(&t, op); err != nil {
			return fmt.Errorf("%v: %w", op, err)
		}
		if op.Verb == nft.DelTable {
			delete(next, op.Table)
		} else {
			next[op.Table] = t
		}
		touched[op.Table] = true
	}
	f.tables = next
	f.applied++
	for k := range touched {
		f.emit(nft.Change{Table: k})
	}
	return nil
}

func carryOut(t *nft.Table, op nft.Op) error {
	switch op.Verb {
	case nft.AddSet:
		if set(t, op.Set.Name) != nil {
			return syscall.EEXIST
		}
		s := *op.Set
		s.Elements = maps.Clone(s.Elements)
		t.Sets = append(t.Sets, s)
	case nft.AddElements, nft.DelElements:
		return changeElements(set(t, op.Set.Name), op)
	case nft.AddChain:
		if chain(t, op.Chain.Name) == nil {
			c := *op.Chain
			c.Rules = nil
			t.Chains = append(t.Chains, c)
		}
	case nft.AddRule, nft.FlushChain:
		c := chain(t, op.Chain.Name)
		if c == nil {
			return syscall.ENOENT
		}
		if op.Verb == nft.FlushChain {
			c.Rules = nil
			return nil
		}
		return addRule(t, c, op.Rule)
	}
	return nil
}

func changeElements(s *nft.Set, op nft.Op) error {
	if s == nil {
		return syscall.ENOENT
	}
	for k, v := range op.Set.Elements {
		old, there := s.Elements[k]
		switch {
		case op.Verb == nft.DelElements && !there:
			return syscall.ENOENT
		case op.Verb == nft.DelElements:
			delete(s.Elements, k)
		case there && old != v:
			return syscall.EEXIST
		default:
			s.Elements[k] = v
		}
	}
	return nil
}

// addRule refuses rules about sets and chains that are not there.
func addRule(t *nft.Table, c *nft.Chain, r *nft.Rule) error {
	for _, e := range r.Program {
		switch e := e.(type) {
		case *expr.Lookup:
			if set(t, e.SetName) == nil {
				return syscall.ENOENT
			}
		case *expr.Verdict:
			if e.Chain != "" && chain(t, e.Chain) == nil {
				return syscall.ENOENT
			}
		}
	}
	c.Rules = append(c.Rules, nft.Rule{Program: r.Program})
	return nil
}

func set(t *nft.Table, name string) *nft.Set {
	if i := slices.IndexFunc(t.Sets, func(s nft.Set) bool { return s.Name == name }); i >= 0 {
		return &t.Sets[i]
	}
	return nil
}

func chain(t *nft.Table, name string) *nft.Chain {
	if i := slices.IndexFunc(t.Chains, func(c nft.Chain) bool { return c.Name == name }); i >= 0 {
		return &t.Chains[i]
	}
	return nil
}

// Remove deletes a table behind the owner's back.
func (f *Fake) Remove(k nft.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tables, k)
	f.emit(nft.Change{Table: k})
}

// Change edits a table behind the owner's back, or makes one.
func (f *Fake) Change(k nft.Key, edit func(*nft.Table)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := copied(f.tables[k])
	t.Key = k
	edit(&t)
	if f.tables == nil {
		f.tables = map[nft.Key]nft.Table{}
	}
	f.tables[k] = t
	f.emit(nft.Change{Table: k})
}

// Watch implements nft.Kernel. Changes wait without limit, so the fake never
// blocks whoever makes them.
func (f *Fake) Watch(ctx context.Context) (<-chan nft.Change, error) {
	wake, queue := make(chan struct{}, 1), &[]nft.Change{}
	f.mu.Lock()
	if f.watchers == nil {
		f.watchers = map[chan struct{}]*[]nft.Change{}
	}
	f.watchers[wake] = queue
	f.mu.Unlock()
	out := make(chan nft.Change)
	go func() {
		defer close(out)
		for ctx.Err() == nil {
			f.mu.Lock()
			news := *queue
			*queue = nil
			f.mu.Unlock()
			for _, c := range news {
				select {
				case out <- c:
				case <-ctx.Done():
				}
			}
			select {
			case <-wake:
			case <-ctx.Done():
			}
		}
		f.mu.Lock()
		delete(f.watchers, wake)
		f.mu.Unlock()
	}()
	return out, nil
}

// emit queues c for all watchers; f.mu is held.
func (f *Fake) emit(c nft.Change) {
	for wake, queue := range f.watchers {
		*queue = append(*queue, c)
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}
