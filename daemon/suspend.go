package daemon

import (
	"context"
	"fmt"
	"net/netip"

	"holdfast/daemon/config"
	"holdfast/host"
)

// localAddress is an address that this machine has got or has lost.
type localAddress struct {
	addr netip.Addr
	here bool
}

// followAddresses tells put of the addresses of this machine until ctx ends:
// first those that are there, then changes. An address that stands on two links
// is told of twice. It returns after the first listing; done is closed when
// nothing more comes.
func followAddresses(ctx context.Context, kernel host.Kernel, put func(localAddress)) (done <-chan struct{}, err error) {
	changes, err := kernel.Watch(ctx) // before reading: nothing falls between the two
	if err != nil {
		return nil, err
	}
	have := map[host.AddressKey]bool{}
	set := func(k host.AddressKey, here bool) {
		if have[k] == here {
			return
		}
		if have[k] = here; !here {
			delete(have, k)
		}
		put(localAddress{k.Prefix.Addr(), here})
	}
	read := func() error {
		state, err := kernel.Read(ctx)
		if err != nil {
			return err
		}
		for k := range have {
			if _, there := state.Addresses[k]; !there {
				set(k, false)
			}
		}
		for k := range state.Addresses {
			set(k, true)
		}
		return nil
	}
	err = read()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for c := range changes { // to the end: the watch waits for its reader
			switch c.Kind {
			case host.AddressAdded:
				set(c.Address.Key(), true)
			case host.AddressRemoved:
				set(c.Address.Key(), false)
			case host.Resync:
				_ = read() // what cannot be read now is read after the next loss
			}
		}
	}()
	return ended, err
}

// count takes changes of addresses and says which are wanted by ha_suspend and
// have come or gone altogether.
func (r *checkerRole) count(changes []localAddress) {
	for _, c := range changes {
		before := r.local[c.addr]
		if c.here {
			r.local[c.addr]++
		} else if r.local[c.addr]--; r.local[c.addr] <= 0 {
			delete(r.local, c.addr)
		}
		word := "removed"
		if c.here {
			word = "added"
		}
		if (before > 0) != c.here && r.follows(c.addr) {
			r.log.Info(fmt.Sprintf("Netlink reflector reports IP %v %s", c.addr, word))
		}
	}
}

// follows reports whether ha_suspend of some service looks at this address.
func (r *checkerRole) follows(addr netip.Addr) bool {
	for _, s := range r.conf.Services {
		for _, k := range s.Params.Keys {
			if s.Conf.HASuspend && k.Addr.Addr() == addr {
				return true
			}
		}
	}
	return false
}

// suspend stops the checkers of services with ha_suspend that have no address
// on this machine, and resumes the others. It is called before checkers start:
// those that are stopped never ask.
func (r *checkerRole) suspend(ctx context.Context) error {
	asleep := map[string]string{} // owner of checkers → what they check
	for _, s := range r.conf.Services {
		if !s.Conf.HASuspend || r.isHere(s) {
			continue
		}
		for _, srv := range s.Params.Servers {
			asleep[config.ServerObject(srv.Name, s.Params.Name)] = srv.Name
		}
	}
	tell := func(owner, name, word string, stop bool) error {
		r.log.Info(word + " healthchecker for service " + name)
		return r.pool.Suspend(ctx, owner, stop)
	}
	for owner, name := range asleep {
		if _, was := r.asleep[owner]; !was {
			if err := tell(owner, name, "Suspending", true); err != nil {
				return err
			}
		}
	}
	for owner, name := range r.asleep {
		if _, is := asleep[owner]; !is {
			if err := tell(owner, name, "Activating", false); err != nil {
				return err
			}
		}
	}
	r.asleep = asleep
	return nil
}

// isHere reports whether an address of the service is on this machine.
func (r *checkerRole) isHere(s *config.Service) bool {
	for _, k := range s.Params.Keys {
		if r.local[k.Addr.Addr()] > 0 {
			return true
		}
	}
	return false
}

// suspends reports whether some service has ha_suspend.
func suspends(c *config.Config) bool {
	for _, s := range c.Services {
		if s.Conf.HASuspend {
			return true
		}
	}
	return false
}
