package daemon

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"holdfast/bfd"
	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/track"
	"holdfast/vrrp"
)

// tracked is what one instance depends on.
type tracked struct {
	name      string
	base      int // configured priority
	links     []linkRef
	scripts   []scriptRef
	files     []fileRef
	processes []processRef
	sessions  []sessionRef
	priority  int                       // last told; 0: not yet
	faults    map[vrrp.FaultRaised]bool // last told
}

// linkRef is an interface an instance tracks: its own, one that carries its
// addresses, or one of track_interface.
type linkRef struct {
	ref  track.Ref
	main bool // the instance's own interface
}

type scriptRef struct {
	ref    track.Ref
	params track.Params
}

type fileRef struct {
	ref  track.Ref
	file *track.FileConfig
}

type processRef struct {
	ref     track.Ref
	process *track.ProcessConfig
}

type sessionRef struct {
	ref     track.Ref
	session *bfd.Config
}

// trackedBy is what the VRRP role watches for an instance.
func trackedBy(c *config.Config, in *config.Instance) *tracked {
	t := &tracked{name: in.Name, base: int(in.Params.Priority)}
	if main := mainLink(in); main != "" && !in.DontTrackPrimary {
		t.links = append(t.links, linkRef{ref: track.Ref{Name: main}, main: true})
	}
	for _, d := range in.Devices {
		t.links = append(t.links, linkRef{ref: track.Ref{Name: d}})
	}
	for _, r := range in.Links {
		t.links = append(t.links, linkRef{ref: r})
	}
	for _, r := range in.Scripts {
		if s := c.Script(r.Name); s != nil {
			t.scripts = append(t.scripts, scriptRef{ref: r, params: s.Params()})
		}
	}
	for _, r := range in.TrackFiles {
		if f := c.File(r.Name); f != nil {
			t.files = append(t.files, fileRef{r, f})
		}
	}
	for _, r := range in.TrackProcesses {
		if p := c.Process(r.Name); p != nil {
			t.processes = append(t.processes, processRef{r, p})
		}
	}
	for _, r := range in.TrackBFDs {
		if i := slices.IndexFunc(c.BFDs, func(b *bfd.Config) bool { return b.Name == r.Name }); i >= 0 {
			t.sessions = append(t.sessions, sessionRef{r, c.BFDs[i]})
		}
	}
	return t
}

// mainLink is the link without which an instance cannot be heard; a unicast
// instance may have none.
func mainLink(in *config.Instance) string { return cmp.Or(in.Interface, in.Settled.VRF) }

// instanceEvent is an event for one instance.
type instanceEvent struct {
	instance string
	event    vrrp.Event
}

// tracking turns results of scripts, files and processes, states of BFD sessions
// and links into priorities and faults of instances. It is plain data: the VRRP role owns it. The vrrp
// package knows that its priority changed, not that scripts exist.
type tracking struct {
	instances []*tracked
	found     map[subject]verdict
	links     map[string]host.Link // as they count
	missing   map[string]string    // links of ours that adverts of an instance go by, and that are not there
	conflicts map[string]string    // instances that are the same virtual router as another one
	running   bool                 // BFD sessions run: one that is not known is down
}

func newTracking() *tracking {
	return &tracking{found: map[subject]verdict{}, links: map[string]host.Link{}, running: sessionsRun}
}

// configure replaces what is tracked and tells every instance everything anew:
// a reload may have made it another virtual router, which knows nothing, or one
// that went by another name. What a machine knows already changes nothing in it.
func (t *tracking) configure(list []*tracked) []instanceEvent {
	told := map[vrrp.FaultRaised]bool{}
	for _, i := range t.instances {
		maps.Copy(told, i.faults)
	}
	for _, i := range list {
		holds, _ := t.evaluate(i)
		i.priority, i.faults = 0, maps.Clone(told)
		maps.DeleteFunc(i.faults, func(f vrrp.FaultRaised, _ bool) bool { return holds[f] })
	}
	t.instances = list
	return t.changes()
}

// trackersOfSession are the instances that track it, when v is news about it.
func (t *tracking) trackersOfSession(v verdict) (names []string) {
	was := t.found[v.subject()].State
	if v.Kind != track.BFD || (was == track.Up) == (v.State == track.Up) {
		return nil
	}
	for _, i := range t.instances {
		if slices.ContainsFunc(i.sessions, func(s sessionRef) bool { return s.ref.Name == v.Name }) {
			names = append(names, i.name)
		}
	}
	return names
}

// set takes a verdict over.
func (t *tracking) set(v verdict) []instanceEvent {
	t.found[v.subject()] = v
	return t.changes()
}

// know takes verdicts over that count from the next configure on.
func (t *tracking) know(list []verdict) {
	for _, v := range list {
		t.found[v.subject()] = v
	}
}

// setLinks takes the links of the host over.
func (t *tracking) setLinks(links map[string]host.Link) []instanceEvent {
	t.links = maps.Clone(links)
	return t.changes()
}

// setMissing takes over which instances have no link of their own.
func (t *tracking) setMissing(missing map[string]string) []instanceEvent {
	t.missing = missing
	return t.changes()
}

// startPriority is the priority of an instance in what configure has found; nil:
// it is the configured one, or does not change.
func startPriority(changes []instanceEvent, instance string) *vrrp.EffectivePriority {
	for _, c := range changes {
		if ev, ok := c.event.(vrrp.EffectivePriority); ok && c.instance == instance {
			return &ev
		}
	}
	return nil
}

// changes compares what every instance should know with what it was told.
func (t *tracking) changes() []instanceEvent {
	var out []instanceEvent
	for _, i := range t.instances {
		faults, e := t.evaluate(i)
		// keepalived leaves the priority alone while a file is a fault.
		if slices.ContainsFunc(sortedFaults(faults), func(f vrrp.FaultRaised) bool { return f.Why == vrrp.ByFile }) {
			if e.Priority = i.base; i.priority != 0 {
				e.Priority = i.priority
			}
		}
		tell := func(ev vrrp.Event) { out = append(out, instanceEvent{i.name, ev}) }
		// Faults come before priorities: a router that must not take part
		// needs no new rank.
		for _, f := range sortedFaults(faults) {
			if !i.faults[f] {
				tell(f)
			}
		}
		if e.Priority != i.priority {
			tell(vrrp.EffectivePriority{Value: e.Priority, Why: strings.Join(e.Causes, ", ")})
		}
		for _, f := range sortedFaults(i.faults) {
			if !faults[f] {
				tell(vrrp.FaultCleared(f))
			}
		}
		i.priority, i.faults = e.Priority, faults
	}
	return out
}

// evaluation is the priority of an instance and what moved it.
type evaluation struct {
	Priority int
	Causes   []string
}

func (t *tracking) evaluate(i *tracked) (map[vrrp.FaultRaised]bool, evaluation) {
	faults := map[vrrp.FaultRaised]bool{}
	if link := t.missing[i.name]; link != "" {
		faults[vrrp.FaultRaised{Why: vrrp.ByInterface, Of: link}] = true
	}
	list := t.trackersOf(i)
	for _, tr := range list {
		switch c := tr.Contribution(); {
		case c.Fault:
			faults[vrrp.FaultRaised{Why: faultReasons[tr.Kind], Of: tr.Name}] = true
		case c.Pending:
			faults[vrrp.FaultRaised{Why: vrrp.ByInitialising, Of: tr.Name}] = true
		}
	}
	if other := t.conflicts[i.name]; other != "" {
		faults[vrrp.FaultRaised{Why: vrrp.ByDuplicate, Of: other}] = true
	}
	e := evaluation{Priority: track.Sum(i.base, list).Priority}
	for _, tr := range list {
		if tr.Contribution().Delta != 0 {
			e.Causes = append(e.Causes, string(tr.Kind)+" "+tr.Name)
		}
	}
	return faults, e
}

// faultReasons are the causes of faults by what is tracked.
var faultReasons = map[track.Kind]vrrp.Reason{
	track.Interface: vrrp.ByInterface, track.Script: vrrp.ByTracker, track.File: vrrp.ByFile, track.Process: vrrp.ByProcess,
	track.BFD: vrrp.ByBFD,
}

// trackersOf are the lines of an instance's track blocks with what is known now.
func (t *tracking) trackersOf(i *tracked) []track.Tracker {
	var list []track.Tracker
	for _, l := range i.links {
		link, exists := t.links[l.ref.Name]
		list = append(list, track.TrackInterface(l.ref, track.Link{Exists: exists, AdminUp: link.Up, Running: link.Running}))
	}
	for _, s := range i.scripts {
		list = append(list, track.TrackScript(s.ref, s.params, t.found[subject{track.Script, s.ref.Name}].State))
	}
	for _, f := range i.files {
		list = append(list, track.TrackFile(f.ref, f.file, t.found[subject{track.File, f.ref.Name}].Value))
	}
	for _, p := range i.processes {
		list = append(list, track.TrackProcess(p.ref, p.process, t.found[subject{track.Process, p.ref.Name}].State))
	}
	for _, b := range i.sessions {
		v, known := t.found[subject{track.BFD, b.ref.Name}]
		if known || t.running {
			list = append(list, track.TrackBFD(b.ref, b.session.Weight, b.session.Reverse, v.State))
		}
	}
	return list
}

func sortedFaults(m map[vrrp.FaultRaised]bool) []vrrp.FaultRaised {
	return slices.SortedFunc(maps.Keys(m), func(a, b vrrp.FaultRaised) int {
		return strings.Compare(string(a.Why)+a.Of, string(b.Why)+b.Of)
	})
}
