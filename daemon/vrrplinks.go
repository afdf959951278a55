package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/vrrp"
)

// What the VRRP process makes of links and addresses that come and go.

// source is where adverts of an instance come from, or why they cannot.
type source struct {
	addr netip.Addr
	why  string // in keepalived's words; "" when addr is valid
}

func (s source) fault() vrrp.FaultRaised {
	return vrrp.FaultRaised{Why: vrrp.ByNoAddress, Of: s.why}
}

// sourceOf is where an instance's adverts come from. An address that the kernel
// would not send from, or that another node may have, is none.
func (r *vrrpRole) sourceOf(in *config.Instance) source {
	if in.Source.IsValid() {
		there, usable := r.state.Source(in.Source)
		switch {
		case there && !usable:
			return source{why: fmt.Sprintf("src address %v is tentative or a duplicate", in.Source)}
		case !there && in.Settled.TrackSrcIP:
			return source{why: "src address not configured"}
		}
		return source{addr: in.Source}
	}
	virtual := r.conf.IsVirtual
	find, family := r.state.PrimaryIPv4, "IPv4"
	if in.Params.IPv6 {
		find, family = r.state.LinkLocal, "IPv6"
	}
	addr, ok := find(in.Interface, virtual)
	if own := r.ownLinkOf(in); own != nil && own.linkLocal {
		addr = linkLocalOf(r.state, in.Interface, virtual)
		ok = addr.IsValid()
	}
	switch {
	case ok:
		return source{addr: addr}
	case in.Params.IPv6 && r.state.Tentative(in.Interface, virtual):
		return source{why: "IPv6 address of interface is tentative or a duplicate"}
	}
	return source{why: "no " + family + " address for interface"}
}

// settleSources tells instances whose source is another one now.
func (r *vrrpRole) settleSources() {
	for _, in := range r.conf.Instances {
		if src := r.sourceOf(in); src != r.sources[in.Name] {
			r.sources[in.Name] = src
			r.loop.Deliver(in.Name, src.event())
		}
	}
}

func (s source) event() vrrp.Event {
	if s.addr.IsValid() {
		return vrrp.SourceAddress{Addr: s.addr}
	}
	return s.fault()
}

// againSources tells every instance its source anew: one that a reload has left
// running does not look at what it starts with.
func (r *vrrpRole) againSources() []instanceEvent {
	var events []instanceEvent
	for _, in := range r.conf.Instances {
		events = append(events, instanceEvent{in.Name, r.sources[in.Name].event()})
	}
	return events
}

// settleLinks tells instances what has become of their links, which count as
// given.
func (r *vrrpRole) settleLinks(counts map[string]host.Link) {
	r.findConflicts()
	r.deliver(r.tracking.setLinks(counts))
	told := map[string]bool{}
	for _, in := range r.conf.Instances {
		deaf := !in.DontTrackPrimary && r.watch.deaf(in.Interface)
		if was, known := r.deaf[in.Name]; !known || deaf != was {
			r.deaf[in.Name] = deaf
			r.loop.Deliver(in.Name, vrrp.Deaf{On: deaf})
		}
		for _, name := range []string{in.Interface, r.own.adverts[in.Name]} {
			if !told[name] && name != "" {
				told[name] = true
				r.rebind(name)
			}
		}
	}
}

// rebind notices that an interface has come, gone, or been made again.
func (r *vrrpRole) rebind(name string) {
	was, told := r.known[name]
	l := r.state.Links[name]
	switch {
	case !told && l.Index == 0 && r.named(name):
		r.log.Info(fmt.Sprintf("Configuration specifies interface %s which doesn't currently exist - will use if created", name))
	case told && was.Index != l.Index:
		r.loop.Rebind(name)
	}
	if l.Index == 0 {
		l.Kind = was.Kind // of the one that is gone, for when it comes back
	} else if told && was.Kind != l.Kind {
		level := slog.LevelWarn
		if r.conf.Global.AllowIfChanges {
			level = slog.LevelInfo
		}
		r.log.Log(context.Background(), level, fmt.Sprintf("Interface %s is another kind of interface now: %s, and was %s", name, kindName(l.Kind), kindName(was.Kind)))
	}
	r.known[name] = l
}

// named reports whether an interface is one of the configuration, not of ours.
func (r *vrrpRole) named(name string) bool {
	return slices.ContainsFunc(r.conf.Instances, func(in *config.Instance) bool { return in.Interface == name })
}

// kindName is a kind for the log.
func kindName(kind string) string {
	if kind == "" {
		return "hardware"
	}
	return kind
}

// findConflicts looks for instances that have become the same virtual router.
func (r *vrrpRole) findConflicts() {
	found := conflicts(r.conf.Instances, r.state)
	for _, in := range r.conf.Instances {
		other := found[in.Name]
		if other == "" || r.tracking.conflicts[in.Name] == other {
			continue
		}
		family := "IPv4"
		if in.Params.IPv6 {
			family = "IPv6"
		}
		r.log.Warn(fmt.Sprintf("VRID conflict between %s and %s %s vrid %d", in.Name, other, family, in.Params.VRID))
	}
	r.tracking.conflicts = found
}

// beaten takes in what polling found. The last answer counts.
func (r *vrrpRole) beaten(rounds []map[string]bool) {
	if len(rounds) == 0 {
		return
	}
	answers := rounds[len(rounds)-1]
	for _, name := range sortedNames(answers) {
		if was, known := r.watch.beats[name]; !known && !answers[name] || known && was != answers[name] {
			r.log.Info(fmt.Sprintf("Linkbeat reports %s %s", name, map[bool]string{true: "up", false: "down"}[answers[name]]))
		}
	}
	r.watch.beats = answers
	r.settleLinks(r.watch.again(time.Now()))
}

// netlinkBuffers are the sizes of the sockets of commands and of news.
func netlinkBuffers(b *config.Buffers) (command, watch host.ReceiveBuffer) {
	return octets(b.VRRPCommand), octets(b.VRRPMonitor)
}

func octets(b config.Buffer) host.ReceiveBuffer {
	return host.ReceiveBuffer{Octets: int(b.Size), Force: b.Force}
}
