// Package reconcile compares what should be with what is.
//
// Start, reload, drift and crash recovery are one path everywhere in holdfast:
// compute the desired set, read the actual one, apply the difference. This is
// the comparison; host and ipvs bring the sets and do the work.
package reconcile

import "slices"

// Kind is what a Change does.
type Kind uint8

const (
	Add Kind = iota
	Update
	Delete
)

// String is the verb for logs and plans.
func (k Kind) String() string { return [...]string{"add", "update", "delete"}[k] }

// Change is one step from actual to desired. Want is zero for a Delete, Have
// for an Add.
type Change[K comparable, V any] struct {
	Kind Kind
	Key  K
	Want V
	Have V
}

// Rules are what Diff must know about the objects.
type Rules[K comparable, V any] struct {
	// Equal reports whether have already is what want asks for.
	Equal func(want, have V) bool
	// Ours reports whether an object that is not desired may be deleted.
	Ours func(K, V) bool
	// Compare orders keys, so that a plan reads the same each time.
	Compare func(a, b K) int
}

// Diff lists what turns actual into desired: additions and updates first, so
// that nothing passes through a state with too little, then deletions of what
// is ours. Objects that are neither desired nor ours are left alone. The order
// within each part is that of Rules.Compare.
func Diff[K comparable, V any](desired, actual map[K]V, r Rules[K, V]) []Change[K, V] {
	var changes, deletes []Change[K, V]
	for k, want := range desired {
		have, exists := actual[k]
		switch {
		case !exists:
			changes = append(changes, Change[K, V]{Kind: Add, Key: k, Want: want})
		case !r.Equal(want, have):
			changes = append(changes, Change[K, V]{Kind: Update, Key: k, Want: want, Have: have})
		}
	}
	for k, have := range actual {
		if _, wanted := desired[k]; !wanted && r.Ours(k, have) {
			deletes = append(deletes, Change[K, V]{Kind: Delete, Key: k, Have: have})
		}
	}
	byKey := func(a, b Change[K, V]) int { return r.Compare(a.Key, b.Key) }
	slices.SortFunc(changes, byKey) // mostly few, where the sets are large
	slices.SortFunc(deletes, byKey)
	return append(changes, deletes...)
}
