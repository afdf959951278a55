package daemon

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/track"
	"holdfast/vrrp"
)

// linkWatch turns what is seen of links into what counts: the kernel's word or
// that of a poll, and only once it has lasted. It is plain data that is told the
// time; the VRRP role owns it.
type linkWatch struct {
	seen   map[string]host.Link
	beats  map[string]bool // of links that are polled: what the poll said last
	delays map[string]vrrp.LinkDelays
	bounce map[string]*track.Debounce // links that have delays
}

func newLinkWatch() *linkWatch {
	return &linkWatch{beats: map[string]bool{}, bounce: map[string]*track.Debounce{}}
}

// configure takes the delays of a configuration. What is under way goes on.
func (w *linkWatch) configure(delays []vrrp.LinkDelays) {
	w.delays = map[string]vrrp.LinkDelays{}
	for _, d := range delays {
		w.delays[d.Interface] = d
	}
	maps.DeleteFunc(w.bounce, func(name string, _ *track.Debounce) bool { _, ok := w.delay(name); return !ok })
}

// delay is what the configuration says of a link. A VMAC has that of the link
// below it.
func (w *linkWatch) delay(name string) (vrrp.LinkDelays, bool) {
	if d, ok := w.delays[name]; ok {
		return d, true
	}
	s := host.State{Links: w.seen}
	d, ok := w.delays[s.Base(w.seen[name]).Name]
	return d, ok
}

// see takes the links in as they are, and returns them as they count.
func (w *linkWatch) see(now time.Time, links map[string]host.Link) map[string]host.Link {
	w.seen = links
	counts := maps.Clone(links)
	for name, l := range links {
		if up, polled := w.beats[name]; polled {
			l.Running = up
			counts[name] = l
		}
	}
	if len(w.delays) == 0 {
		return counts
	}
	for name := range links {
		if d, ok := w.delay(name); ok {
			if w.bounce[name] == nil {
				w.bounce[name] = &track.Debounce{}
			}
			w.bounce[name].Down, w.bounce[name].Up = d.Down, d.Up
		}
	}
	for name, b := range w.bounce {
		l, exists := counts[name]
		b.See(now, track.Link{Exists: exists, AdminUp: l.Up, Running: l.Running})
		if c := b.Counts(); exists {
			l.Up, l.Running = c.AdminUp, c.Running
			counts[name] = l
		}
	}
	return counts
}

// again is see when only time has passed, or a poll has an answer.
func (w *linkWatch) again(now time.Time) map[string]host.Link { return w.see(now, w.seen) }

// deadline is when something may count that does not yet; zero: never.
func (w *linkWatch) deadline() time.Time {
	var first time.Time
	for _, b := range w.bounce {
		if at := b.Deadline(); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// deaf reports that a link counts as up and carries nothing.
func (w *linkWatch) deaf(name string) bool {
	b := w.bounce[name]
	return b != nil && b.Deaf()
}

// polledLinks are the links to be polled, and how they should be.
func polledLinks(c *config.Config) map[string]host.BeatMethod {
	polled := map[string]host.BeatMethod{}
	for _, in := range c.Instances {
		if c.Global.LinkbeatPolling || in.LinkbeatPolling {
			polled[in.Interface] = ""
		}
		if c.Global.LinkbeatPolling {
			for _, r := range trackedBy(c, in).links {
				polled[r.ref.Name] = ""
			}
		}
	}
	for _, l := range c.Linkbeat {
		polled[l.Interface] = host.BeatMethod(l.Method)
	}
	delete(polled, "")
	return polled
}

// conflicts finds instances that have become the same virtual router, since
// their links are on one broadcast domain now: the later one of the
// configuration must not take part. It answers the other one by name.
func conflicts(instances []*config.Instance, s host.State) map[string]string {
	type router struct {
		base int
		ipv6 bool
		vrid uint8
		to   string
	}
	first, found := map[router]string{}, map[string]string{}
	for _, in := range instances {
		l, exists := s.Links[in.Interface]
		if !exists || in.Params.Unicast() {
			continue
		}
		r := router{s.Base(l).Index, in.Params.IPv6, in.Params.VRID, in.Params.MulticastGroup().String()}
		if other, taken := first[r]; taken {
			found[in.Name] = other
			continue
		}
		first[r] = in.Name
	}
	return found
}

// receiveBuffer is how many octets an instance wants for its adverts.
func receiveBuffer(c *config.Config, in *config.Instance, links map[string]host.Link) int {
	b := &c.Global.Buffers
	switch {
	case in.KernelRxBufSize != nil:
		return int(*in.KernelRxBufSize)
	case b.VRRPSize > 0:
		return int(b.VRRPSize)
	case b.VRRPPolicy == "MTU":
		return links[in.Interface].MTU * int(b.VRRPMultiplier)
	case b.VRRPPolicy == "ADVERT":
		return in.Params.AdvertSize() * int(b.VRRPMultiplier)
	}
	return 0
}

// startDelay is how long routers wait after the start of the daemon, when the
// system has been up for so long.
func startDelay(g *config.Globals, uptime time.Duration) time.Duration {
	return max(g.StartupDelay, g.DelayAfterBoot-uptime, 0)
}

// delayLine says that routers wait.
func delayLine(d time.Duration) string {
	line := fmt.Sprintf("Delaying startup for %g seconds", d.Seconds())
	if d >= time.Minute {
		line += " - that is long: is it what you want?"
	}
	return line
}

// sortedNames are the keys of a map, for a log that reads the same each time.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
