package vrrp

import "time"

// Times at which a machine must not trust what it knows: before the start delay
// is over, while its link is down, and after it was not run for so long that
// others may have acted.

// holdUntil begins, moves or ends the start delay. Timers that run count from
// its end, also when a reload has moved that.
func (m *Machine) holdUntil(now, until time.Time, out []Action) []Action {
	before := m.from(now)
	m.hold = until
	if m.state == Backup || m.state == Initialize && !m.deadline.IsZero() {
		m.deadline = m.deadline.Add(m.from(now).Sub(before))
	}
	return out
}

// held reports whether the start delay still runs: nothing is sent or received.
func (m *Machine) held(now time.Time) bool { return now.Before(m.hold) }

// from is when waiting begins: now, or at the end of the start delay.
func (m *Machine) from(now time.Time) time.Time {
	if m.held(now) {
		return m.hold
	}
	return now
}

// asleep makes up for time that the monotonic clock has not counted, since the
// whole machine was suspended: others may have taken over meanwhile.
func (m *Machine) asleep(span time.Duration) {
	if m.state == Active && span > 0 {
		m.lastSent, m.deadline = m.lastSent.Add(-span), m.deadline.Add(-span)
	}
}

// overdue reports whether an Active router was silent for so long that a Backup
// of the given priority must have taken over.
func (m *Machine) overdue(now time.Time, priority uint8) bool {
	return now.Sub(m.lastSent) >= m.params.ActiveDownInterval(priority, m.interval)
}

// expired is timer_expired_backup: the router gives way at once, whatever the
// rank of the one that may have taken over, and says nothing before.
func (m *Machine) expired(now time.Time, out []Action) (_ []Action, gone bool) {
	if m.params.TimerExpired == 0 || !m.overdue(now, m.params.TimerExpired) {
		return out, false
	}
	out = append(out, TimerExpired{now.Sub(m.lastSent.Add(m.interval))})
	return m.yield(now, ByTimerExpired, out), true
}

// checks reports whether an Active router has to listen for one interval before
// it sends again: everything that had reached it by now has been read, and tells
// nothing about a router that took over while this whole machine stood still.
// The second time it goes on, however late.
func (m *Machine) checks(now time.Time) bool {
	if m.relisten || !m.overdue(now, PriorityOwner-1) {
		return false
	}
	m.relisten = true
	m.deadline = now.Add(m.interval)
	for _, at := range []*time.Time{&m.announceAt, &m.refreshAt, &m.reclaim.at} { // no announcement either
		if !at.IsZero() && at.Before(m.deadline) {
			*at = m.deadline
		}
	}
	return true
}

// unheard reports whether a Backup cannot know that nobody is Active: its link
// is down, or it was not run when adverts may have come and found its queue
// full. Then it listens on: once for a skewed interval after a delay, for a whole
// Active_Down_Interval while the link is down.
func (m *Machine) unheard(now time.Time) bool {
	switch {
	case m.deaf:
		m.deadline = now.Add(m.activeDown())
	case !m.relisten && now.Sub(m.deadline) >= m.interval:
		m.relisten = true
		m.deadline = now.Add(m.interval + m.params.SkewTime(m.priority, m.interval))
	default:
		return false
	}
	return true
}
