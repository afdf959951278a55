package ipvs

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

const (
	// dumpTries is how often a list is asked for that changes meanwhile.
	dumpTries = 5

	// askedAtOnce services are asked for in one datagram: their answers, of
	// about 400 octets each, must fit into the socket together.
	askedAtOnce = 32
)

// ErrInterrupted is a list that the kernel could not tell as a whole, because
// others changed it during each of several attempts. Reading again later helps.
var ErrInterrupted = errors.New("the list changed each time while it was read")

// Read implements Dataplane. The kernel lists the destinations of one service
// at a time, and one list at a time (EBUSY to a second on the same socket;
// several sockets wait for the same lock), so a service may vanish in between;
// it is then left out.
func (c *Client) Read(ctx context.Context) (Table, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, err := c.readServices(ctx)
	if errors.Is(err, syscall.ENOENT) {
		// The module was unloaded and loaded again: the number we know is stale.
		c.hangUp()
		t, err = c.readServices(ctx)
	}
	if err != nil {
		return nil, err
	}
	var empty []ServiceKey
	var list []listed
	for _, k := range t.Keys() {
		p, err := c.readDestinations(ctx, t[k], &list)
		switch {
		case errors.Is(err, ErrNoService):
			delete(t, k)
			continue
		case err != nil:
			return nil, err
		case len(p.Destinations) == 0:
			empty = append(empty, k)
		}
		t[k] = p
	}
	if err := c.dropVanished(ctx, t, empty); err != nil {
		return nil, err
	}
	return t, nil
}

// list asks for a list until the kernel tells it as a whole. begin is called
// before each attempt: what an earlier one brought does not count.
func (c *Client) list(ctx context.Context, cmd command, begin func()) error {
	for try := 1; ; try++ {
		begin()
		err := c.doLocked(ctx, cmd, nlDump)
		lost := errors.Is(err, syscall.ENOBUFS) // the kernel dropped answers, and we the connection
		switch {
		case !lost && !errors.Is(err, errInterrupted):
			return err
		case try < dumpTries:
		case lost:
			return err
		default:
			return fmt.Errorf("%v, %d times: %w (try again when nobody else is at work on it)", cmd.cmd, dumpTries, ErrInterrupted)
		}
	}
}

func (c *Client) readServices(ctx context.Context) (Table, error) {
	var t Table
	err := c.list(ctx, command{cmd: cmdGetService, answer: cmdNewService, each: func(b []byte) error {
		b, err := nest("service", b, attrService)
		if err != nil {
			return err
		}
		s, stats, err := decodeService(b)
		if err != nil {
			return err
		}
		t[s.Key] = Pool{Service: s, Stats: stats}
		return nil
	}}, func() { t = Table{} })
	return t, err
}

// listed is a destination with its counters, as the kernel lists it.
type listed struct {
	Destination
	stats DestinationStats
}

// readDestinations completes the pool p. list is reused from pool to pool.
func (c *Client) readDestinations(ctx context.Context, p Pool, list *[]listed) (Pool, error) {
	k := p.Service.Key
	cmd := command{cmd: cmdGetDest, service: k, body: serviceBody(k), answer: cmdNewDest, each: func(b []byte) error {
		b, err := nest("destination", b, attrDestination)
		if err != nil {
			return err
		}
		d, stats, err := decodeDestination(b, k.Family)
		if err == nil {
			*list = append(*list, listed{d, stats})
		}
		return err
	}}
	if err := c.list(ctx, cmd, func() { *list = (*list)[:0] }); err != nil {
		return p, err
	}
	p.Destinations = make(map[DestinationKey]Destination, len(*list))
	p.DestinationStats = make(map[DestinationKey]DestinationStats, len(*list))
	for _, l := range *list {
		p.Destinations[l.Addr], p.DestinationStats[l.Addr] = l.Destination, l.stats
	}
	return p, nil
}

// dropVanished asks once more for services without destinations: the kernel
// answers with no destination, too, for a service that is gone.
func (c *Client) dropVanished(ctx context.Context, t Table, keys []ServiceKey) error {
	for len(keys) > 0 {
		n := min(len(keys), askedAtOnce)
		cmds := make([]command, n)
		for i, k := range keys[:n] {
			cmds[i] = command{cmd: cmdGetService, service: k, body: serviceBody(k), answer: cmdNewService}
		}
		refused, err := c.ask(ctx, 0, cmds)
		if err != nil {
			return err
		}
		for i, err := range refused {
			switch {
			case errors.Is(err, ErrNoService):
				delete(t, keys[i])
			case err != nil:
				return err
			}
		}
		keys = keys[n:]
	}
	return nil
}

// serviceBody is a request's part that names the service it is about.
func serviceBody(k ServiceKey) func([]byte) []byte {
	return func(b []byte) []byte {
		return appendNest(b, attrService, func(b []byte) []byte { return appendServiceKey(b, k) })
	}
}
