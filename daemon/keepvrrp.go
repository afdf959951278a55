package daemon

import "holdfast/vrrp"

// mutedConn is the socket of a process that was started with
// --dont-release-vrrp: from the stop on nothing leaves it. The routers go
// through their shutdown, hooks hear of it, but no peer is asked to take over.
type mutedConn struct {
	vrrp.Conn
	muted func() bool
}

// WriteTo implements vrrp.Conn.
func (c mutedConn) WriteTo(b []byte, meta vrrp.Meta) error {
	if c.muted() {
		return nil
	}
	return c.Conn.WriteTo(b, meta)
}

// leaving says whether the process stops and leaves everything as it is.
func (r *vrrpRole) leaving() bool {
	if !r.opt.KeepVRRP {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopping
}

// listen opens the sockets of the loop.
func (r *vrrpRole) listen(spec vrrp.SocketSpec) (vrrp.Conn, error) {
	conn, err := vrrp.Listen(spec)
	if err != nil || !r.opt.KeepVRRP {
		return conn, err
	}
	return mutedConn{conn, r.leaving}, nil
}
