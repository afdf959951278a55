package sim

import (
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
	switch l.rand.IntN(9) {
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
			for _, v := range n.routers {
				l.step(n, v, l.now, vrrp.Release{})
			}
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
		if !n.up {
			l.boot(n, false)
		}
		l.link(n, true)
	}
}
