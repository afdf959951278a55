package ipvstest

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"holdfast/ipvs"
)

// Fake is an ip_vs in memory. The zero value is ready to use and empty. It
// may be used by many goroutines.
type Fake struct {
	// Refuse, if set, is asked first; its error is the answer.
	Refuse func(ipvs.Op) error
	// Interfaces are the names that sync daemons find. nil: any.
	Interfaces []string

	mu       sync.Mutex
	table    ipvs.Table
	done     []ipvs.Op
	timeouts ipvs.Timeouts
	daemons  map[ipvs.SyncState]ipvs.SyncDaemon
}

var _ ipvs.Kernel = (*Fake)(nil)

// Done returns the operations that were done since the last call.
func (f *Fake) Done() []ipvs.Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	done := f.done
	f.done = nil
	return done
}

// Name implements Dataplane.
func (f *Fake) Name() string { return "fake" }

// Supports implements Dataplane.
func (f *Fake) Supports(s ipvs.Service) error { return s.Validate() }

// Read implements Dataplane.
func (f *Fake) Read(ctx context.Context) (ipvs.Table, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table.Clone(), ctx.Err()
}

// Apply implements Dataplane.
func (f *Fake) Apply(ctx context.Context, op ipvs.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.Refuse != nil {
		if err := f.Refuse(op); err != nil {
			return err
		}
	}
	if f.table == nil {
		f.table = ipvs.Table{}
	}
	if err := f.apply(op); err != nil {
		return err
	}
	f.done = append(f.done, op)
	return nil
}

func (f *Fake) apply(op ipvs.Op) error {
	k := op.Service.Key
	pool, exists := f.table[k]
	switch op.Verb {
	case ipvs.AddService, ipvs.EditService:
		return f.setService(op.Verb == ipvs.AddService, op.Service.Normal())
	case ipvs.DeleteService:
		if !exists {
			return ipvs.ErrNoService
		}
		delete(f.table, k)
		return nil
	}
	if !exists {
		return ipvs.ErrNoService
	}
	_, there := pool.Destinations[op.Destination.Addr]
	switch {
	case op.Verb != ipvs.AddDestination && !there:
		return ipvs.ErrNotFound
	case op.Verb == ipvs.DeleteDestination:
		delete(pool.Destinations, op.Destination.Addr)
		return nil
	}
	if err := f.checkDestination(k, op.Destination); err != nil {
		return err
	}
	if op.Verb == ipvs.AddDestination && there {
		return ipvs.ErrExists
	}
	pool.Destinations[op.Destination.Addr] = op.Destination.Normal()
	return nil
}

func (f *Fake) setService(add bool, s ipvs.Service) error {
	pool, exists := f.table[s.Key]
	switch {
	case s.Key.Family != ipvs.IPv4 && s.Key.Family != ipvs.IPv6:
		return ipvs.ErrFamily
	case len(s.Scheduler) > 15 || len(s.Engine) > 15:
		return ipvs.ErrInvalid
	case s.Key.Family == ipvs.IPv6 && s.Netmask > 128:
		return ipvs.ErrInvalid
	case add && exists:
		return ipvs.ErrExists
	case !add && !exists:
		return ipvs.ErrNoService
	case !slices.Contains(ipvs.Schedulers, s.Scheduler):
		return ipvs.ErrNotFound
	case s.Engine != "" && s.Engine != "sip":
		return ipvs.ErrNotFound
	case add:
		f.table.AddService(s)
		return nil
	}
	pool.Service = s
	f.table[s.Key] = pool
	return nil
}

func (f *Fake) checkDestination(k ipvs.ServiceKey, d ipvs.Destination) error {
	otherFamily := ipvs.FamilyOf(d.Addr.Addr()) != k.Family
	switch {
	case otherFamily && (d.Method != ipvs.Tunnel || len(f.daemons) > 0):
		return ipvs.ErrInvalid
	case d.Weight > ipvs.MaxWeight:
		return ipvs.ErrRange
	case d.LowerThreshold > d.UpperThreshold:
		return ipvs.ErrRange
	case d.UpperThreshold > ipvs.MaxWeight:
		return ipvs.ErrInvalid
	case d.Method == ipvs.Tunnel && d.Tunnel.Type == ipvs.GUE && d.Tunnel.Port == 0:
		return ipvs.ErrInvalid
	}
	return nil
}

// Info implements Kernel.
func (f *Fake) Info(ctx context.Context) (ipvs.Info, error) {
	return ipvs.Info{Major: 1, Minor: 2, Patch: 1, ConnTableSize: 4096}, ctx.Err()
}

// Flush implements Kernel.
func (f *Fake) Flush(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.table = nil
	return ctx.Err()
}

// Zero implements Kernel. The fake counts nothing.
func (f *Fake) Zero(ctx context.Context, k ipvs.ServiceKey) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.table[k]; !ok && k != (ipvs.ServiceKey{}) {
		return ipvs.ErrNoService
	}
	return ctx.Err()
}

// Timeouts implements Kernel.
func (f *Fake) Timeouts(ctx context.Context) (ipvs.Timeouts, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.timeouts
	for _, v := range []struct {
		d   *time.Duration
		def time.Duration
	}{{&t.TCP, 15 * time.Minute}, {&t.TCPFin, 2 * time.Minute}, {&t.UDP, 5 * time.Minute}} {
		if *v.d == 0 {
			*v.d = v.def
		}
	}
	return t, ctx.Err()
}

// SetTimeouts implements Kernel.
func (f *Fake) SetTimeouts(ctx context.Context, t ipvs.Timeouts) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := t.Validate(); err != nil {
		return err
	}
	for _, v := range []struct {
		d *time.Duration
		n time.Duration
	}{{&f.timeouts.TCP, t.TCP}, {&f.timeouts.TCPFin, t.TCPFin}, {&f.timeouts.UDP, t.UDP}} {
		if v.n != 0 {
			*v.d = v.n
		}
	}
	return ctx.Err()
}

// SyncDaemons implements Kernel.
func (f *Fake) SyncDaemons(ctx context.Context) ([]ipvs.SyncDaemon, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []ipvs.SyncDaemon
	for _, state := range []ipvs.SyncState{ipvs.SyncMaster, ipvs.SyncBackup} {
		if d, ok := f.daemons[state]; ok {
			list = append(list, d)
		}
	}
	return list, ctx.Err()
}

// StartSyncDaemon implements Kernel.
func (f *Fake) StartSyncDaemon(ctx context.Context, d ipvs.SyncDaemon) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := d.Validate(); err != nil {
		return err
	}
	if f.mixedFamilies() {
		return ipvs.ErrInvalid
	}
	if _, ok := f.daemons[d.State]; ok {
		return ipvs.ErrExists
	}
	if f.Interfaces != nil && !slices.Contains(f.Interfaces, d.Interface) {
		return ipvs.ErrNoInterface
	}
	if f.daemons == nil {
		f.daemons = map[ipvs.SyncState]ipvs.SyncDaemon{}
	}
	f.daemons[d.State] = withDefaults(d)
	return ctx.Err()
}

func (f *Fake) mixedFamilies() bool {
	for k, p := range f.table {
		for a := range p.Destinations {
			if ipvs.FamilyOf(a.Addr()) != k.Family {
				return true
			}
		}
	}
	return false
}

// withDefaults fills in what the kernel chooses on an interface with an MTU of
// 1500.
func withDefaults(d ipvs.SyncDaemon) ipvs.SyncDaemon {
	if !d.Group.IsValid() {
		d.Group = netip.MustParseAddr("224.0.0.81")
	}
	if d.Port == 0 {
		d.Port = 8848
	}
	if d.TTL == 0 {
		d.TTL = 1
	}
	if d.MaxLen == 0 {
		d.MaxLen = 1472
	}
	return d
}

// StopSyncDaemon implements Kernel.
func (f *Fake) StopSyncDaemon(ctx context.Context, state ipvs.SyncState) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.daemons[state]; !ok {
		return ipvs.ErrNoService
	}
	delete(f.daemons, state)
	return ctx.Err()
}
