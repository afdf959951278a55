package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// preferred is the preferred lifetime as the kernel wants it: never longer than
// the valid one.
func (a Address) preferred() uint32 { return min(a.PreferredLft, a.valid()) }

// valid is the valid lifetime as the kernel counts it.
func (a Address) valid() uint32 {
	if a.ValidLft == 0 {
		return Forever
	}
	return a.ValidLft
}

// lifetimes is the part of "ip addr change" that sets them.
func (a Address) lifetimes() string {
	word := func(seconds uint32) string {
		if seconds == Forever {
			return "forever"
		}
		return fmt.Sprint(seconds)
	}
	return fmt.Sprintf("%v dev %s valid_lft %s preferred_lft %s", a.Prefix, a.Link, word(a.valid()), word(a.preferred()))
}

// planLifetimes sets those of addresses of ours that exist, and are to end when
// they never do, or the other way round: after a reload has changed
// vrrp_address_lifetime. Lifetimes that run down are not compared.
func planLifetimes(desired Desired, actual State) (ops []Op) {
	for k, want := range desired.Addresses {
		have, exists := actual.Addresses[k]
		if exists && have.Ours && sameAddress(want, have) && (want.ValidLft == 0) != (have.ValidLft == 0) {
			ops = append(ops, Op{Verb: Set, Address: &want})
		}
	}
	slices.SortFunc(ops, func(a, b Op) int { return compareAddressKeys(a.Address.Key(), b.Address.Key()) })
	return ops
}

// silence is how long nobody may have renewed a lifetime before its address
// counts as ended: three quarters, since beats come each third.
func silence(seconds uint32) time.Duration { return time.Duration(seconds) * time.Second * 3 / 4 }

// shortestLife is the shortest valid lifetime of what is wanted; 0: none ends.
func (d Desired) shortestLife() (seconds uint32) {
	for _, a := range d.Addresses {
		if a.ValidLft != 0 && (seconds == 0 || a.ValidLft < seconds) {
			seconds = a.ValidLft
		}
	}
	return seconds
}

// rememberLimited notes which addresses of ours are to be renewed: those that
// were there before done was, and those that came by it. A kernel that keeps no
// mark shows by a lifetime that a predecessor of ours put an address there.
func (w *Worker) rememberLimited(state State, done []Op) {
	clear(w.limited)
	for k, want := range w.desired.Addresses {
		if have, there := state.Addresses[k]; want.ValidLft != 0 && there && (have.Ours || w.mine[k] || have.ValidLft != 0) {
			w.limited[k] = want
		}
	}
	for _, op := range done {
		if op.Address != nil && op.Verb == Add && op.Address.ValidLft != 0 {
			w.limited[op.Address.Key()] = *op.Address
		}
	}
}

// alive takes a sign of life in. After a silence in which addresses may have
// ended they are put back, which is nobody's doing.
func (w *Worker) alive() {
	now, last := time.Now(), w.beat
	w.beat = now
	switch {
	case w.shortest != 0 && now.Sub(last) >= silence(w.shortest):
		w.expired, w.repairAt = true, now
	case w.held:
		w.repairAt = now
	}
}

// renew starts the lifetimes of our addresses anew. What has gone is left to the
// repair that is due for it, and that is announced.
func (w *Worker) renew(ctx context.Context) {
	if len(w.limited) == 0 || w.expired {
		return
	}
	ops := make([]Op, 0, len(w.limited))
	for _, a := range w.limited {
		ops = append(ops, Op{Verb: Set, Address: &a})
	}
	slices.SortFunc(ops, func(a, b Op) int { return compareAddressKeys(a.Address.Key(), b.Address.Key()) })
	if err := errors.Join(w.kernel.Apply(ctx, ops)...); err != nil && ctx.Err() == nil {
		if text := err.Error(); text != w.lastErr {
			w.lastErr = text
			w.notify(Reconciled{Cause: Renewed, Err: err})
		}
	}
}
