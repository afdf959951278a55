package ipvs

// Desired is the part of the table that the machine wants, a function of
// configuration and health alone: calling it twice changes nothing. Empty
// before Startup and after Removed and Shutdown.
//
// While the sorry server is in, alive servers are out; those with
// inhibit_on_failure stay with weight 0. A sorry server with
// sorry_server_inhibit stands by with weight 0.
func (v *VirtualServer) Desired() Table {
	t := Table{}
	if !v.running {
		return t
	}
	for _, k := range v.params.Keys {
		s := v.params.Service
		s.Key = k
		t.AddService(s)
		pool := t[k].Destinations
		if sorry := v.params.Sorry; sorry != nil && v.sorryIn {
			put(pool, sorry.destination(k, 1))
		}
		for i := range v.servers {
			if w, in := v.poolWeight(i); in {
				put(pool, v.params.Servers[i].destination(k, w))
			}
		}
		if sorry := v.params.Sorry; sorry != nil && !v.sorryIn && sorry.Inhibit {
			put(pool, sorry.destination(k, 0))
		}
	}
	return t
}

// put adds d. Two servers can be one destination (DirectRoute and Tunnel have
// the service's port, the sorry server may be a real server): the first that
// takes traffic counts.
func put(pool map[DestinationKey]Destination, d Destination) {
	if have, ok := pool[d.Addr]; !ok || have.Weight == 0 && d.Weight != 0 {
		pool[d.Addr] = d
	}
}

// poolWeight is the weight of the i-th server now, and whether it belongs into
// the pool at all.
func (v *VirtualServer) poolWeight(i int) (weight uint32, in bool) {
	switch {
	case v.servers[i].alive() && !v.sorryIn:
		return clampWeight(v.servers[i].weight), true
	case v.params.Servers[i].Inhibit:
		return 0, true
	}
	return 0, false
}
