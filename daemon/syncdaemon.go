package daemon

import (
	"context"
	"errors"
	"fmt"

	"holdfast/daemon/config"
	"holdfast/ipvs"
)

// syncFollower makes the kernel run the IPVS sync daemons that are wanted:
// master while the instance is, backup otherwise.
type syncFollower struct {
	wanted  []ipvs.SyncDaemon // set by the keeper's goroutine
	running []ipvs.SyncDaemon // as we started them
	lastErr string
}

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
func (f *syncFollower) reconcile(ctx context.Context, k *keeper) {
	if len(f.wanted) == 0 && len(f.running) == 0 {
		return
	}
	var kept []ipvs.SyncDaemon
	var failed error
	for _, r := range f.running {
		if contains(f.wanted, r) {
			kept = append(kept, r)
			continue
		}
		if err := k.plane.StopSyncDaemon(ctx, r.State); err != nil && !errors.Is(err, ipvs.ErrNoService) {
			failed = errors.Join(failed, err)
		}
	}
	f.running = kept
	for _, w := range f.wanted {
		if contains(f.running, w) {
			continue
		}
		if err := f.start(ctx, k, w); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		k.log.Debug(fmt.Sprintf("started %v", w))
		f.running = append(f.running, w)
	}
	f.report(k, failed)
}

// start replaces a daemon that a predecessor left with other parameters.
func (f *syncFollower) start(ctx context.Context, k *keeper, w ipvs.SyncDaemon) error {
	err := k.plane.StartSyncDaemon(ctx, w)
	if !errors.Is(err, ipvs.ErrExists) {
		return err
	}
	if err := k.plane.StopSyncDaemon(ctx, w.State); err != nil {
		return err
	}
	return k.plane.StartSyncDaemon(ctx, w)
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

func contains(list []ipvs.SyncDaemon, d ipvs.SyncDaemon) bool {
	for _, l := range list {
		if l == d {
			return true
		}
	}
	return false
}
