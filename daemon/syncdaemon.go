package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"holdfast/daemon/config"
	"holdfast/ipvs"
)

// syncFollower makes the kernel run the IPVS sync daemons that are wanted:
// master while the instance is, backup otherwise.
type syncFollower struct {
	wanted  []ipvs.SyncDaemon // set by the keeper's goroutine
	started []startedSync
	lastErr string
}

// startedSync is a sync daemon as it was asked for and as the kernel then said
// it runs: with defaults filled in, lengths cut to what it can do.
type startedSync struct{ asked, runs ipvs.SyncDaemon }

// daemonsFor is which sync daemons shall run. Without an instance both do.
func daemonsFor(d *config.SyncDaemon, state string, vrid uint8) []ipvs.SyncDaemon {
	if d == nil {
		return nil
	}
	one := ipvs.SyncDaemon{Interface: d.Interface, SyncID: uint32(vrid), MaxLen: d.MaxLen, Group: d.Group, Port: d.Port, TTL: d.TTL}
	if d.ID != nil {
		one.SyncID = uint32(*d.ID)
	}
	master, backup := one, one
	master.State, backup.State = ipvs.SyncMaster, ipvs.SyncBackup
	switch {
	case d.Instance == "":
		return []ipvs.SyncDaemon{master, backup}
	case state == "MASTER":
		return []ipvs.SyncDaemon{master}
	default:
		return []ipvs.SyncDaemon{backup}
	}
}

// reconcile stops what runs otherwise than wanted and starts what is missing.
// It looks at the kernel each time: what somebody else stopped is started again.
func (f *syncFollower) reconcile(ctx context.Context, k *keeper) {
	if len(f.wanted) == 0 && len(f.started) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tableLimit)
	defer cancel()
	f.report(k, f.bring(ctx, k))
}

func (f *syncFollower) bring(ctx context.Context, k *keeper) error {
	have, err := k.plane.SyncDaemons(ctx)
	if err != nil {
		return fmt.Errorf("read sync daemons: %w", err)
	}
	var failed error
	for _, h := range have {
		if f.mayRun(h) {
			continue
		}
		if err := k.plane.StopSyncDaemon(ctx, h.State); err != nil && !errors.Is(err, ipvs.ErrNoService) {
			failed = errors.Join(failed, fmt.Errorf("stop %v: %w", h, err))
		}
	}
	for _, w := range f.wanted {
		if slices.ContainsFunc(have, func(h ipvs.SyncDaemon) bool { return h.State == w.State && f.mayRun(h) }) {
			continue
		}
		if err := k.plane.StartSyncDaemon(ctx, w); err != nil {
			failed = errors.Join(failed, fmt.Errorf("start %v: %w", w, err))
			continue
		}
		k.log.Debug(fmt.Sprintf("started %v", w))
	}
	if failed == nil {
		failed = f.remember(ctx, k)
	}
	return failed
}

// mayRun reports whether a daemon of the kernel is one that is wanted. What a
// predecessor left is taken over when its parameters are ours.
func (f *syncFollower) mayRun(h ipvs.SyncDaemon) bool {
	for _, w := range f.wanted {
		if w.State == h.State {
			return slices.Contains(f.started, startedSync{w, h}) || sameSync(w, h)
		}
	}
	return false
}

// remember notes what the kernel made of what was asked for.
func (f *syncFollower) remember(ctx context.Context, k *keeper) error {
	have, err := k.plane.SyncDaemons(ctx)
	if err != nil {
		return fmt.Errorf("read sync daemons: %w", err)
	}
	f.started = nil
	for _, w := range f.wanted {
		for _, h := range have {
			if h.State == w.State {
				f.started = append(f.started, startedSync{w, h})
			}
		}
	}
	return nil
}

// sameSync compares with the kernel's defaults for what w leaves open. The
// default of maxlen depends on the interface, so any will do there.
func sameSync(w, h ipvs.SyncDaemon) bool {
	w.Port = cmp.Or(w.Port, 8848)
	w.TTL = cmp.Or(w.TTL, 1)
	w.MaxLen = cmp.Or(w.MaxLen, h.MaxLen)
	if !w.Group.IsValid() {
		w.Group = netip.AddrFrom4([4]byte{224, 0, 0, 81})
	}
	return w == h
}

func (f *syncFollower) report(k *keeper, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != f.lastErr && !errors.Is(err, ipvs.ErrNoIPVS) {
		k.log.Error(text)
	}
	f.lastErr = text
}
