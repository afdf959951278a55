package vrrp

import (
	"net/netip"
	"slices"
	"time"
)

// Machine is one virtual router on one interface and family (RFC 9568 section
// 6.4). It is plain data: no goroutine, no clock, no socket. Its owner feeds
// events, does the actions in order, and sends a Tick when Deadline is reached.
// The zero value waits for Startup.
type Machine struct {
	params   Params
	state    State
	running  bool          // between Startup and Shutdown
	priority uint8         // effective
	interval time.Duration // Active_Adver_Interval: the Active router's, ours while Active
	deadline time.Time     // Active_Down_Timer in Backup, Adver_Timer in Active

	announceAt     time.Time // second burst; zero: none due
	announceWhy    Reason
	announceRepeat int
	reclaim        reclaim
	refreshAt      time.Time // next periodic burst; zero: none

	preemptAt   time.Time  // end of preempt_delay; zero: not running
	active      netip.Addr // router that a Backup follows; zero: none heard yet
	activeRank  uint8      // its priority
	discarding  netip.Addr // router whose lower adverts have been remarked upon
	wantsActive bool       // sync group: our timer ran out, we wait for the others

	faults []FaultRaised // all must go before we leave Fault
	parked bool          // the sync group keeps us in Fault

	hold     time.Time // end of the start delay; zero or past: none
	deaf     bool      // the link is down, which does not count yet
	relisten bool      // late, and listening before we act

	lastSent       time.Time // last advert
	answeredLower  time.Time // last answer to a lower advert
	answeredZero   time.Time // last answer to a priority 0 advert
	former         followed  // router that was followed before the one now
	dispute        dispute
	lastTransition time.Time
	hostErr        error
	peers          peers
}

// Snapshot is what status shows and what a successor resumes from.
type Snapshot struct {
	State          State
	Priority       uint8 // effective
	Owner          bool
	WantsActive    bool
	Interval       time.Duration // Active_Adver_Interval in force
	ActiveDown     time.Duration // Active_Down_Interval in force
	Active         netip.Addr    // the router followed; ours while Active
	ActivePriority uint8
	Deadline       time.Time
	LastSent       time.Time // last advert
	LastTransition time.Time
	Faults         []FaultRaised
	HeldByGroup    bool
	HostError      string
}

// Snapshot describes the machine now.
func (m *Machine) Snapshot() Snapshot {
	s := Snapshot{State: m.state, Priority: m.priority, Owner: m.params.Owner(), WantsActive: m.wantsActive,
		Interval: m.interval, ActiveDown: m.activeDown(), Active: m.active, ActivePriority: m.activeRank,
		Deadline: m.Deadline(), LastSent: m.lastSent, LastTransition: m.lastTransition,
		Faults: slices.Clone(m.faults), HeldByGroup: m.parked}
	if m.state == Active {
		s.Active, s.ActivePriority = m.params.PrimaryAddr, m.priority
	}
	if m.hostErr != nil {
		s.HostError = m.hostErr.Error()
	}
	return s
}

// State is where the machine stands.
func (m *Machine) State() State { return m.state }

// Params are the parameters in force.
func (m *Machine) Params() *Params { return &m.params }

// Deadline is when the owner must call Step with a Tick; zero when there is
// nothing to wait for.
func (m *Machine) Deadline() time.Time {
	return earliest(m.deadline, earliest(m.announceAt, earliest(m.refreshAt, m.reclaim.at)))
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// due reports whether a deadline that is set has been reached.
func due(now, at time.Time) bool { return !at.IsZero() && !now.Before(at) }

// Step feeds one event to the machine and appends what is to be done to out,
// in the order in which it is to be done.
func (m *Machine) Step(now time.Time, ev Event, out []Action) []Action {
	switch ev := ev.(type) {
	case Startup:
		return m.startup(now, ev, out)
	case FaultRaised: // may come before Startup
		return m.fault(now, ev, out)
	case FaultCleared:
		return m.clear(now, FaultRaised(ev), out)
	case SourceAddress:
		return m.sourceAddress(now, ev.Addr, out)
	case Hold:
		return m.holdUntil(now, ev.Until, out)
	case Deaf:
		m.deaf = ev.On
		return out
	}
	if !m.running {
		return out
	}
	switch ev := ev.(type) {
	case Shutdown:
		return m.shutdown(now, out)
	case Reconfigure:
		return m.reconfigure(now, ev.Params, out)
	case EffectivePriority:
		return m.setPriority(now, ev, out)
	case AdvertRefused:
		return m.peers.refused(now, ev.Err, out)
	case HostApplied:
		return m.hostApplied(ev, out)
	case HostFailed:
		m.hostErr = ev.Err
		return m.peers.raise(now, out, Alarm{Kind: AlarmHost, Err: ev.Err})
	case Forced:
		return m.forced(now, ev.To, out)
	case Slept:
		m.asleep(ev.For)
		return out
	case AdvertReceived:
		if m.held(now) {
			return out
		}
		if m.state == Backup || m.state == Active {
			out = m.peers.compare(now, &m.params, ev.Advert, out)
			out = m.settle(ev.Advert, out)
		}
	}
	switch m.state {
	case Initialize: // an owner, until the start delay is over
		if _, tick := ev.(Tick); tick && due(now, m.deadline) {
			return m.startOwner(now, out)
		}
	case Backup:
		return m.stepBackup(now, ev, out)
	case Active:
		return m.stepActive(now, ev, out)
	}
	return out
}

// startup leaves Initialize: to Fault if anything holds us, else to Backup, and
// for an owner at once to Active (RFC 9568 section 6.4.1). The configured
// initial state has no say: a router that is not the owner listens first.
func (m *Machine) startup(now time.Time, ev Startup, out []Action) []Action {
	if m.running {
		return out
	}
	source := m.params.PrimaryAddr // SourceAddress may have come first
	m.params, m.running = ev.Params, true
	if !m.params.PrimaryAddr.IsValid() {
		m.params.PrimaryAddr = source
	}
	m.priority, m.interval, m.dispute = m.params.Priority, m.params.Interval(), dispute{}
	if ev.Effective != nil && ev.Resume == nil {
		out = m.setPriority(now, *ev.Effective, out)
	}
	if m.params.ConfigFault != "" {
		m.addFault(FaultRaised{ByConfiguration, m.params.ConfigFault})
	}
	if !m.params.PrimaryAddr.IsValid() {
		m.addFault(FaultRaised{Why: ByNoAddress})
	}
	if len(m.faults) > 0 {
		return m.move(now, Fault, m.faults[0].Why, m.faults[0].Of, out)
	}
	if r := ev.Resume; r != nil && r.State == Active && m.canResume(now, r) {
		m.state, m.lastTransition = Active, r.LastTransition
		m.priority = clampPriority(int(r.Priority), &m.params)
		m.refreshAt = m.firstRefresh(now)
		return m.send(now, m.priority, append(out, ApplyHost{}))
	}
	switch {
	case !m.params.Owner():
		return m.listen(now, ByStartup, out)
	case m.held(now):
		m.deadline = m.hold
		return out
	}
	return m.startOwner(now, out)
}

// startOwner makes an owner Active without waiting, or lets its sync group do so.
func (m *Machine) startOwner(now time.Time, out []Action) []Action {
	if !m.params.Grouped {
		return m.activate(now, ByOwner, out)
	}
	out = m.listen(now, ByStartup, out)
	m.wantsActive = true // the sync group starts all its owners together
	return out
}

// canResume refuses a snapshot so old that a peer, however high its rank, may
// have taken over: then listening first is the safe way.
func (m *Machine) canResume(now time.Time, r *Snapshot) bool {
	quiet := now.Sub(r.LastSent)
	return quiet >= 0 && quiet < m.params.ActiveDownInterval(PriorityOwner, m.interval)
}

// shutdown resigns from whatever we are.
func (m *Machine) shutdown(now time.Time, out []Action) []Action {
	wasActive := m.state == Active
	if wasActive {
		out = append(out, SendAdvert{0}, ZeroSent{})
	}
	m.running, m.faults, m.parked = false, nil, false
	out = m.move(now, Initialize, ByShutdown, "", out)
	if wasActive {
		out = append(out, ApplyHost{})
	}
	return out
}

// reconfigure keeps the state. What trackers added to the old base priority is
// added to the new one, so that a reload alone does not change our rank.
func (m *Machine) reconfigure(now time.Time, p Params, out []Action) []Action {
	m.restore() // whoever reloads has perhaps settled it
	old, oldDown := m.params, m.activeDown()
	if !p.PrimaryAddr.IsValid() {
		p.PrimaryAddr = old.PrimaryAddr
	}
	bonus := int(m.priority) - int(old.Priority)
	m.params = p
	m.priority = clampPriority(int(p.Priority)+bonus, &m.params)
	if m.state == Active || m.interval == old.Interval() {
		m.interval = p.Interval()
	}
	if old.PreemptDelay != p.PreemptDelay {
		m.preemptAt = time.Time{} // the next lower advert starts a whole one
	}
	if old.ConfigFault != p.ConfigFault {
		out = m.reconfigureFault(now, old.ConfigFault, out)
	}
	switch m.state {
	case Backup:
		m.deadline = m.deadline.Add(m.activeDown() - oldDown)
	case Active:
		m.refreshAt = m.firstRefresh(now)
		if !p.equal(&old) { // the neighbours learn at once
			out = m.send(now, m.priority, out)
		}
		out = append(out, ApplyHost{}) // excluded addresses and routes are not in Params
		if !slices.Equal(old.Addrs, p.Addrs) {
			out = m.announce(now, ByReload, out)
		}
	}
	return out
}

func (m *Machine) reconfigureFault(now time.Time, old string, out []Action) []Action {
	if m.params.ConfigFault != "" {
		out = m.fault(now, FaultRaised{ByConfiguration, m.params.ConfigFault}, out)
	}
	if old != "" {
		out = m.clear(now, FaultRaised{ByConfiguration, old}, out)
	}
	return out
}

// setPriority moves a Backup's running timer by what the skew changed.
func (m *Machine) setPriority(now time.Time, ev EffectivePriority, out []Action) []Action {
	value := clampPriority(ev.Value, &m.params)
	if value == m.priority || m.dispute.reduced {
		return out
	}
	oldDown, from := m.activeDown(), m.priority
	m.priority = value
	if m.state == Backup {
		m.deadline = m.deadline.Add(m.activeDown() - oldDown)
	}
	return append(out, PriorityChanged{From: from, To: value, Why: ev.Why})
}

// clampPriority keeps trackers within 1-254; an owner stays 255.
func clampPriority(v int, p *Params) uint8 {
	if p.Owner() {
		return PriorityOwner
	}
	return uint8(min(max(v, 1), PriorityOwner-1))
}

// sourceAddress follows the interface's primary address.
func (m *Machine) sourceAddress(now time.Time, addr netip.Addr, out []Action) []Action {
	if !addr.IsValid() {
		return m.fault(now, FaultRaised{Why: ByNoAddress}, out)
	}
	m.params.PrimaryAddr = addr
	for _, f := range slices.Clone(m.faults) { // whoever raised it may have named the interface
		if f.Why == ByNoAddress {
			out = m.clear(now, f, out)
		}
	}
	return out
}

func (m *Machine) hostApplied(ev HostApplied, out []Action) []Action {
	m.hostErr = nil
	if ev.Repaired && m.state == Active {
		return append(out, Announce{ByRepair, max(m.params.Announce.MasterRepeat, 1)})
	}
	return out
}

func (m *Machine) addFault(f FaultRaised) {
	if !slices.Contains(m.faults, f) {
		m.faults = append(m.faults, f)
	}
}

// fault records a cause. The first one takes us out of operation; an Active
// router then resigns with one priority 0 advert.
func (m *Machine) fault(now time.Time, f FaultRaised, out []Action) []Action {
	m.addFault(f)
	return m.enterFault(now, f, out)
}

func (m *Machine) enterFault(now time.Time, f FaultRaised, out []Action) []Action {
	if !m.running || m.state == Fault {
		return out
	}
	wasActive := m.state == Active
	if wasActive {
		out = append(out, SendAdvert{0}, ZeroSent{})
	}
	out = m.move(now, Fault, f.Why, f.Of, out)
	if wasActive {
		out = append(out, ApplyHost{})
	}
	return out
}

// clear forgets a cause. Leaving Fault always leads to Backup, also for an
// owner: somebody else serves by now. Members of a sync group wait for its word.
func (m *Machine) clear(now time.Time, f FaultRaised, out []Action) []Action {
	m.faults = slices.DeleteFunc(m.faults, func(have FaultRaised) bool { return have == f })
	if m.state != Fault || len(m.faults) > 0 || m.params.Grouped {
		return out
	}
	return m.listen(now, ByFaultCleared, out)
}

// forced obeys the sync group as far as our own faults allow.
func (m *Machine) forced(now time.Time, to State, out []Action) []Action {
	switch {
	case to == Fault:
		m.parked = true
		return m.enterFault(now, FaultRaised{Why: ByGroup}, out)
	case len(m.faults) > 0:
		return out
	case to == Backup && m.state == Fault:
		return m.listen(now, ByFaultCleared, out)
	case to == Backup && m.state == Active:
		return m.yield(now, ByGroup, out)
	case to == Active && m.state == Backup && !m.held(now):
		return m.activate(now, ByGroup, out)
	}
	return out
}

// listen enters Backup and waits the full Active_Down_Interval.
func (m *Machine) listen(now time.Time, why Reason, out []Action) []Action {
	out = m.move(now, Backup, why, "", out)
	m.interval = m.params.Interval()
	m.deadline = m.from(now).Add(m.activeDown())
	return out
}

// move changes the state and forgets what belonged to the old one: timers,
// the router followed, remarks made.
func (m *Machine) move(now time.Time, to State, why Reason, of string, out []Action) []Action {
	from := m.state
	m.state, m.lastTransition = to, now
	m.deadline, m.announceAt, m.refreshAt, m.preemptAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	m.reclaim, m.former = reclaim{}, followed{}
	m.active, m.activeRank, m.discarding = netip.Addr{}, 0, netip.Addr{}
	m.wantsActive, m.relisten = false, false
	if to != Fault {
		m.parked = false
	}
	m.peers.reset(now)
	return append(out, Transition{From: from, To: to, Why: why, Of: of})
}

// activeDown is the Active_Down_Interval in force.
func (m *Machine) activeDown() time.Duration {
	return m.params.ActiveDownInterval(m.priority, m.interval)
}
