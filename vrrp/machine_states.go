package vrrp

import (
	"net/netip"
	"time"
)

// stepBackup is RFC 9568 section 6.4.2.
func (m *Machine) stepBackup(now time.Time, ev Event, out []Action) []Action {
	switch ev := ev.(type) {
	case Tick:
		if due(now, m.deadline) {
			return m.activeIsDown(now, out)
		}
	case AdvertReceived:
		return m.backupHears(now, ev.Advert, out)
	}
	return out
}

// activeIsDown takes over, or tells the sync group that we would and listens on.
func (m *Machine) activeIsDown(now time.Time, out []Action) []Action {
	if m.unheard(now) {
		return out
	}
	out = append(out, ActiveDownExpired{})
	if m.params.Grouped {
		m.wantsActive = true
		m.deadline = now.Add(m.activeDown())
		return out
	}
	return m.activate(now, ByActiveDown, out)
}

func (m *Machine) backupHears(now time.Time, a *Advert, out []Action) []Action {
	switch {
	case a.Priority == 0:
		// A router that we do not follow resigns nothing that we wait for.
		if m.active.IsValid() && m.active != a.Src {
			return out
		}
		m.former = followed{} // it leaves in order: whoever follows is no second one
		m.deadline = now.Add(m.params.SkewTime(m.priority, m.interval))
		return append(out, PriorityZero{Backup, a.Src})
	case a.Priority >= m.priority:
		if !m.preemptAt.IsZero() {
			m.preemptAt = time.Time{}
			out = append(out, PreemptDelayStopped{})
		}
		return m.follow(now, a, out)
	case !m.params.PreemptMode && !m.params.Owner():
		return m.follow(now, a, out)
	case m.params.PreemptDelay > 0:
		if m.preemptAt.IsZero() {
			m.preemptAt = now.Add(m.params.PreemptDelay)
			out = append(out, PreemptDelayStarted{m.params.PreemptDelay})
		}
		if now.Before(m.preemptAt) {
			return m.follow(now, a, out)
		}
	}
	// The deadline runs on, and when it is reached we preempt.
	if m.discarding != a.Src {
		m.discarding = a.Src
		out = append(out, LowerDiscarded{a.Src, a.Priority})
	}
	return out
}

// follow accepts an advert: its sender is the Active router, its interval ours
// in version 3, and the Active_Down_Timer starts again.
func (m *Machine) follow(now time.Time, a *Advert, out []Action) []Action {
	m.wantsActive, m.relisten = false, false
	if m.active != a.Src {
		out = m.alternates(now, a, append(out, ActiveRouterChanged{m.active, a.Src}))
		m.active, m.discarding = a.Src, netip.Addr{}
	}
	m.activeRank = a.Priority
	out = m.adopt(a, out)
	m.deadline = now.Add(m.activeDown())
	return out
}

// adopt takes over the interval of an Active router (RFC 9568 section 6.4.2).
// Zero on the wire would let us take over in no time and is not adopted.
func (m *Machine) adopt(a *Advert, out []Action) []Action {
	if m.params.Version != 3 || a.MaxAdvertiseInterval == m.interval || a.MaxAdvertiseInterval <= 0 {
		return out
	}
	out = append(out, IntervalAdopted{m.interval, a.MaxAdvertiseInterval})
	m.interval = a.MaxAdvertiseInterval
	return out
}

// activate enters Active: the advert goes first, so that an old Active router
// yields before we use its addresses; the announcement goes after them.
func (m *Machine) activate(now time.Time, why Reason, out []Action) []Action {
	if m.dispute.reduced {
		out = m.regain(netip.Addr{}, out)
	}
	adopted := m.interval
	m.interval = m.params.Interval()
	out = append(out, SendAdvert{m.priority}, ApplyHost{})
	at := len(out)
	out = m.move(now, Active, why, "", out)
	moved := out[at]
	out = out[:at]
	m.lastSent, m.deadline = now, now.Add(m.interval)
	m.answeredLower, m.answeredZero = time.Time{}, time.Time{}
	m.refreshAt = m.firstRefresh(now)
	out = append(m.announce(now, ByActive, out), moved)
	if adopted != m.interval {
		out = append(out, IntervalRestored{adopted, m.interval})
	}
	return out
}

// firstRefresh is when the periodic announcements begin: one period after the
// second burst.
func (m *Machine) firstRefresh(now time.Time) time.Time {
	if m.params.Announce.Refresh <= 0 {
		return time.Time{}
	}
	return now.Add(m.params.Announce.MasterDelay + m.params.Announce.Refresh)
}

// announce sends the burst of a new Active router and plans the second one.
func (m *Machine) announce(now time.Time, why Reason, out []Action) []Action {
	g := &m.params.Announce
	if g.MasterDelay > 0 {
		m.announceAt, m.announceWhy, m.announceRepeat = now.Add(g.MasterDelay), why, max(g.MasterRepeat, 1)
	}
	return append(out, Announce{why, max(g.MasterRepeat, 1)})
}

// stepActive is RFC 9568 section 6.4.3.
func (m *Machine) stepActive(now time.Time, ev Event, out []Action) []Action {
	switch ev := ev.(type) {
	case Tick:
		if out, gone := m.expired(now, out); gone || m.checks(now) {
			return out
		}
		return m.activeTick(now, out)
	case AdvertReceived:
		if out, gone := m.expired(now, out); gone {
			return m.backupHears(now, ev.Advert, out)
		}
		return m.activeHears(now, ev.Advert, out)
	case SiblingReclaims:
		return m.reclaimAddresses(now, out)
	case Release:
		out = append(out, SendAdvert{0}, ZeroSent{})
		return m.yield(now, ByRelease, out)
	}
	return out
}

func (m *Machine) activeTick(now time.Time, out []Action) []Action {
	if due(now, m.deadline) {
		next := m.deadline.Add(m.interval) // a late tick does not slow the rhythm
		out = m.send(now, m.priority, out)
		if now.Before(next) {
			m.deadline = next
		}
	}
	if due(now, m.announceAt) {
		m.announceAt = time.Time{}
		out = append(out, Announce{m.announceWhy, m.announceRepeat})
	}
	out = m.reclaimTick(now, out)
	if due(now, m.refreshAt) {
		m.refreshAt = now.Add(m.params.Announce.Refresh)
		out = append(out, Announce{ByRefresh, max(m.params.Announce.RefreshRepeat, 1)})
	}
	return out
}

// send sends an advert and starts the Adver_Timer: only sending does, so that
// no stranger's datagram can keep us silent.
func (m *Machine) send(now time.Time, priority uint8, out []Action) []Action {
	m.lastSent, m.deadline, m.relisten = now, now.Add(m.interval), false
	return append(out, SendAdvert{priority})
}

func (m *Machine) activeHears(now time.Time, a *Advert, out []Action) []Action {
	if a.Src == m.params.PrimaryAddr { // a loop in the network, or a duplicate address
		if m.discarding != a.Src {
			m.discarding = a.Src
			out = append(out, OwnAddressReceived{a.Src, a.Priority})
		}
		return out
	}
	if a.Priority == 0 {
		return m.answerZero(now, a, out)
	}
	higherAddr := a.Priority == m.priority && m.params.PrimaryAddr.Less(a.Src)
	if a.Priority == PriorityOwner && m.priority == PriorityOwner && !higherAddr {
		return m.argue(now, a, out)
	}
	if a.Priority < m.priority || a.Priority == m.priority && !higherAddr {
		return m.answerLower(now, a, out)
	}
	if m.params.HigherPrioritySendAdvert {
		out = m.send(now, m.priority, out)
	}
	out = append(out, HigherReceived{a.Src, a.Priority, m.priority})
	why := ByHigherPriority
	if higherAddr {
		why = ByHigherAddress
	}
	out = m.yield(now, why, out)
	m.active, m.activeRank = a.Src, a.Priority
	out = m.adopt(a, out)
	m.deadline = now.Add(m.activeDown())
	return out
}

// answerZero tells Backups that somebody is still there before their skew runs
// out: at most once an interval.
func (m *Machine) answerZero(now time.Time, a *Advert, out []Action) []Action {
	if now.Before(m.answeredZero.Add(m.interval)) {
		return out
	}
	m.answeredZero = now
	return m.send(now, m.priority, append(out, PriorityZero{Active, a.Src}))
}

// yield leaves Active for Backup without resigning: whoever outranks us, or
// our sync group, serves already.
func (m *Machine) yield(now time.Time, why Reason, out []Action) []Action {
	return append(m.listen(now, why, out), ApplyHost{})
}
