package ipvs

import "context"

// batchCommands and batchBytes bound what goes to the kernel in one datagram:
// where measuring found no further gain, and below the 64 KiB that a socket
// takes by default.
const (
	batchCommands = 128
	batchBytes    = 48 << 10
)

// Name implements Dataplane.
func (c *Client) Name() string { return "ip_vs" }

// Supports implements Dataplane: whatever is valid. Schedulers and engines may
// still be missing as modules, which only the command tells.
func (c *Client) Supports(s Service) error { return s.Validate() }

// Apply implements Dataplane.
func (c *Client) Apply(ctx context.Context, op Op) error {
	return c.do(ctx, opCommand(op), 0)
}

// ApplyBatch implements Batcher: up to 128 operations travel in one datagram.
// A refused one does not stop those behind it.
func (c *Client) ApplyBatch(ctx context.Context, ops []Op) ([]error, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	refused := make([]error, 0, len(ops))
	var batch []command
	size := 0
	for i, op := range ops {
		batch = append(batch, opCommand(op))
		size += nlHeader + genHeader + len(batch[len(batch)-1].body(nil))
		if i < len(ops)-1 && len(batch) < batchCommands && size < batchBytes {
			continue
		}
		errs, err := c.ask(ctx, 0, batch)
		if err != nil {
			return refused, err
		}
		refused = append(refused, errs...)
		batch, size = batch[:0], 0
	}
	return refused, nil
}

// NewService adds a service; EEXIST if it is there, ENOENT if the kernel has
// no such scheduler.
func (c *Client) NewService(ctx context.Context, s Service) error {
	return c.Apply(ctx, Op{Verb: AddService, Service: s})
}

// UpdateService changes a service; ESRCH if it is missing.
func (c *Client) UpdateService(ctx context.Context, s Service) error {
	return c.Apply(ctx, Op{Verb: EditService, Service: s})
}

// DelService removes a service with its destinations; ESRCH if it is missing.
func (c *Client) DelService(ctx context.Context, k ServiceKey) error {
	return c.Apply(ctx, Op{Verb: DeleteService, Service: Service{Key: k}})
}

// NewDestination adds a destination; EEXIST if it is there, ESRCH without the
// service.
func (c *Client) NewDestination(ctx context.Context, k ServiceKey, d Destination) error {
	return c.Apply(ctx, Op{Verb: AddDestination, Service: Service{Key: k}, Destination: d})
}

// UpdateDestination changes a destination; ENOENT if it is missing.
func (c *Client) UpdateDestination(ctx context.Context, k ServiceKey, d Destination) error {
	return c.Apply(ctx, Op{Verb: EditDestination, Service: Service{Key: k}, Destination: d})
}

// DelDestination removes a destination; ENOENT if it is missing. Its
// connections are dropped.
func (c *Client) DelDestination(ctx context.Context, k ServiceKey, addr DestinationKey) error {
	return c.Apply(ctx, Op{Verb: DeleteDestination, Service: Service{Key: k}, Destination: Destination{Addr: addr}})
}

// Flush removes every service, also those of others.
func (c *Client) Flush(ctx context.Context) error {
	return c.do(ctx, command{cmd: cmdFlush}, 0)
}

// Zero sets the counters of one service and its destinations to 0, or those of
// all for the zero key.
func (c *Client) Zero(ctx context.Context, k ServiceKey) error {
	cmd := command{cmd: cmdZero, service: k}
	if k != (ServiceKey{}) {
		cmd.body = func(b []byte) []byte {
			return appendNest(b, attrService, func(b []byte) []byte { return appendServiceKey(b, k) })
		}
	}
	return c.do(ctx, cmd, 0)
}

// Info asks for the version of ip_vs and the size of its connection table.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info Info
	err := c.do(ctx, command{cmd: cmdGetInfo, answer: cmdSetInfo, each: func(b []byte) (err error) {
		info, err = decodeInfo(b)
		return err
	}}, 0)
	return info, err
}

// Timeouts reads the connection timeouts.
func (c *Client) Timeouts(ctx context.Context) (Timeouts, error) {
	var t Timeouts
	err := c.do(ctx, command{cmd: cmdGetConfig, answer: cmdSetConfig, each: func(b []byte) (err error) {
		t, err = decodeTimeouts(b)
		return err
	}}, 0)
	return t, err
}

// SetTimeouts changes the connection timeouts; zero values stay as they are.
func (c *Client) SetTimeouts(ctx context.Context, t Timeouts) error {
	if err := t.Validate(); err != nil {
		return err
	}
	return c.do(ctx, command{cmd: cmdSetConfig, body: func(b []byte) []byte { return appendTimeouts(b, t) }}, 0)
}

// SyncDaemons lists the running sync daemons, none to two.
func (c *Client) SyncDaemons(ctx context.Context) ([]SyncDaemon, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []SyncDaemon
	err := c.list(ctx, command{cmd: cmdGetDaemon, answer: cmdNewDaemon, each: func(b []byte) error {
		b, err := nest("sync daemon", b, attrDaemon)
		if err != nil {
			return err
		}
		d, err := decodeDaemon(b)
		if err == nil {
			list = append(list, d)
		}
		return err
	}}, func() { list = nil })
	return list, err
}

// StartSyncDaemon starts d; EEXIST if one of its state runs, ENODEV without
// its interface, EINVAL while destinations of another family than their
// service exist.
func (c *Client) StartSyncDaemon(ctx context.Context, d SyncDaemon) error {
	if err := d.Validate(); err != nil {
		return err
	}
	return c.do(ctx, command{cmd: cmdNewDaemon, body: func(b []byte) []byte {
		return appendNest(b, attrDaemon, func(b []byte) []byte { return appendDaemon(b, d) })
	}}, 0)
}

// StopSyncDaemon stops the daemon of that state; ESRCH if none runs. The
// kernel takes about a second.
func (c *Client) StopSyncDaemon(ctx context.Context, state SyncState) error {
	return c.do(ctx, command{cmd: cmdDelDaemon, body: func(b []byte) []byte {
		return appendNest(b, attrDaemon, func(b []byte) []byte { return appendU32(b, daemonState, uint32(state)) })
	}}, 0)
}
