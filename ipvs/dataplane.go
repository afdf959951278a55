package ipvs

import (
	"context"
	"errors"
	"fmt"
)

// Dataplane carries virtual services: ip_vs through Client, or another plane
// that can do at least a part. Errors that callers branch on wrap an errno:
// EEXIST for what is already there, ESRCH for a missing service, ENOENT for a
// missing destination or scheduler. A Dataplane may be used by many goroutines.
type Dataplane interface {
	// Name is the word in plans and metrics: ip_vs.
	Name() string
	// Supports is nil, or why the plane cannot carry this service.
	Supports(Service) error
	// Read returns everything the plane carries, ours or not.
	Read(context.Context) (Table, error)
	// Apply does one operation. An operation that failed has changed nothing.
	Apply(context.Context, Op) error
}

// Batcher is a Dataplane that can do many operations at once. Errors of single
// operations stand at their index; the others are done all the same.
type Batcher interface {
	ApplyBatch(context.Context, []Op) ([]error, error)
}

// Kernel is what ip_vs offers beside carrying services. Client is one, and so
// is the fake of ipvstest.
type Kernel interface {
	Dataplane
	Info(context.Context) (Info, error)
	Flush(context.Context) error
	Zero(context.Context, ServiceKey) error
	Timeouts(context.Context) (Timeouts, error)
	SetTimeouts(context.Context, Timeouts) error
	SyncDaemons(context.Context) ([]SyncDaemon, error)
	StartSyncDaemon(context.Context, SyncDaemon) error
	StopSyncDaemon(context.Context, SyncState) error
}

var _ Kernel = (*Client)(nil)

// OpError is an operation that a dataplane refused.
type OpError struct {
	Op  Op
	Err error
}

// Error is the ipvsadm command and what was answered.
func (e *OpError) Error() string { return fmt.Sprintf("%v: %v", e.Op, e.Err) }

// Unwrap is what was answered.
func (e *OpError) Unwrap() error { return e.Err }

// ApplyAll does ops in order, in batches where the plane can. An operation
// that is refused does not stop the others: the next pass of reconcile sees
// what is missing. The error joins an *OpError for each; if the plane itself
// is gone, nothing further is tried.
func ApplyAll(ctx context.Context, p Dataplane, ops []Op) error {
	if len(ops) == 0 {
		return nil
	}
	if b, ok := p.(Batcher); ok {
		refused, err := b.ApplyBatch(ctx, ops)
		return errors.Join(joinOps(ops, refused), err)
	}
	refused := make([]error, len(ops))
	for i, op := range ops {
		refused[i] = p.Apply(ctx, op)
		if ctx.Err() != nil || errors.Is(refused[i], ErrNoIPVS) {
			break
		}
	}
	return joinOps(ops, refused)
}

func joinOps(ops []Op, refused []error) error {
	var errs []error
	for i, err := range refused {
		if err != nil {
			errs = append(errs, &OpError{Op: ops[i], Err: err})
		}
	}
	return errors.Join(errs...)
}

// Reconcile reads what the plane carries and does what is missing to make it
// desired. It is what start, reload, a verdict, the periodic audit and
// stopping (with an empty table) all call. The operations are returned also
// when some of them failed.
func Reconcile(ctx context.Context, p Dataplane, desired Table, owned func(ServiceKey) bool) ([]Op, error) {
	actual, err := p.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read virtual services from %s: %w", p.Name(), err)
	}
	ops := Diff(desired, actual, owned)
	return ops, ApplyAll(ctx, p, ops)
}
