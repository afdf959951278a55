package sim

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/vrrp"
)

// Trouble lets the seed do its worst for a while and then repairs everything:
// wires mended, links up, processes running.
func (l *LAN) Trouble(rounds int) {
	for range rounds {
		l.fault(l.nodes[l.rand.IntN(len(l.nodes))])
		l.Run(time.Duration(l.rand.IntN(8000)) * time.Millisecond)
	}
	l.heal()
}

func (l *LAN) fault(n *node) {
	switch l.rand.IntN(12) {
	case 0:
		l.loss = l.rand.Float64() / 2
		l.note("loss %.0f%%", 100*l.loss)
	case 1: // partition, often one-way
		other := l.nodes[l.rand.IntN(len(l.nodes))]
		l.cut[[2]*node{n, other}] = true
		if l.rand.IntN(2) == 0 {
			l.cut[[2]*node{other, n}] = true
		}
		l.note("cut %s from %s", n.name, other.name)
	case 2:
		clear(l.cut)
		l.note("mend")
	case 3:
		l.crash(n)
	case 4:
		if !n.up {
			l.note("boot %s", n.name)
			l.boot(n, false)
		}
	case 5:
		if n.up {
			l.stall(n, time.Duration(l.rand.IntN(9000))*time.Millisecond)
		}
	case 6: // the process dies; its successor finds the host as it was
		if n.up {
			l.crash(n)
			l.Run(time.Duration(l.rand.IntN(5000)) * time.Millisecond)
			l.note("resume %s", n.name)
			l.boot(n, true)
		}
	case 7:
		l.link(n, !n.linkUp)
	case 8:
		if n.up {
			l.note("release %s", n.name)
			for _, v := range n.routers {
				l.step(n, v, l.now, vrrp.Release{})
			}
		}
	case 9:
		n.hostBroken = !n.hostBroken
		l.note("kernel of %s refuses changes: %v", n.name, n.hostBroken)
	case 10: // somebody takes the addresses away
		l.note("addresses of %s removed by others", n.name)
		for _, v := range n.routers {
			v.carries = false
		}
		n.repairAt = l.now.Add(time.Duration(l.rand.IntN(500)) * time.Millisecond)
	case 11:
		l.reload(n)
	}
}

// reload gives a node other priorities, other addresses, another interval and
// perhaps another mind about preemption. A node that is down finds them when it
// boots. The others are not told, as in the field.
func (l *LAN) reload(n *node) {
	kind := l.rand.IntN(4)
	one, grouped := uint8(1+l.rand.IntN(254)), uint8(1+l.rand.IntN(254))
	interval, addr := intervals[l.rand.IntN(len(intervals))], byte(l.rand.IntN(8))
	l.note("reload %s, kind %d", n.name, kind)
	for i, v := range n.routers {
		p := v.params
		switch kind {
		case 0:
			if p.Priority = grouped; i == 0 {
				p.Priority = one
			}
		case 1:
			p.Addrs = append(slices.Clone(p.Addrs[:1]), netip.AddrFrom4([4]byte{10, 9, 2, addr}))
		case 2:
			if p.Version == 3 { // version 2 routers with other intervals do not hear each other
				p.AdvertisementInterval = interval
			}
		case 3:
			p.PreemptMode = !p.PreemptMode
		}
		v.params = p
		if n.up {
			l.step(n, v, l.now, vrrp.Reconfigure{Params: p})
		}
	}
}

// crash ends the process; what the host carries stays, as after kill -9.
func (l *LAN) crash(n *node) {
	if !n.up {
		return
	}
	l.note("crash %s", n.name)
	n.saved = nil
	for _, v := range n.routers {
		n.saved = append(n.saved, v.m.Snapshot())
	}
	n.up = false
}

// stall keeps the process from running while datagrams pile up in its socket.
func (l *LAN) stall(n *node, d time.Duration) {
	l.note("stall %s for %v", n.name, d)
	n.stalled = true
	l.Run(d)
	n.stalled = false
	l.turn(n)
}

func (l *LAN) link(n *node, up bool) {
	if n.linkUp == up {
		return
	}
	l.note("link of %s up: %v", n.name, up)
	n.linkUp = up
	if !n.up {
		return
	}
	for _, v := range n.routers {
		if up {
			l.step(n, v, l.now, vrrp.FaultCleared{Why: vrrp.ByInterface, Of: "eth0"})
		} else {
			l.step(n, v, l.now, vrrp.FaultRaised{Why: vrrp.ByInterface, Of: "eth0"})
		}
	}
}

func (l *LAN) heal() {
	l.note("heal")
	l.loss = 0
	clear(l.cut)
	for _, n := range l.nodes {
		n.hostBroken = false
		if !n.up {
			l.boot(n, false)
		}
		l.link(n, true)
	}
}
