package vrrp

import (
	"net/netip"
	"time"
)

// Bursts that answer lower adverts are an interval apart, and after a few of
// them reclaimQuiet.
const (
	reclaimQuiet  = time.Second
	reclaimBursts = 3
)

// Of two address owners the one that is above answers this often before it
// waits disputePatience, in fifths of an interval, and then takes a step back.
const (
	disputeAnswers  = 2
	disputePatience = 6 // 1.2 intervals
	rivalSilence    = 3 // intervals of the rival, after which it has been silent
)

// reclaim is what an Active router owes its neighbours because another one was
// Active beside it.
type reclaim struct {
	last time.Time // burst
	at   time.Time // next one; zero: none is owed
	owed bool      // it is for an advert that came too soon after the last burst
	many int       // bursts lately; one is forgotten each reclaimQuiet
}

// dispute is an argument with another address owner, of a lower address.
type dispute struct {
	rival   netip.Addr
	heard   time.Time // last
	answers int
	until   time.Time // our patience ends; zero: not before all answers are given
	reduced bool      // effective priority is 254
}

// followed is a router that a Backup did follow.
type followed struct {
	addr netip.Addr
	left time.Time
}

// answerLower makes a lower Active router yield and takes the neighbours'
// caches back. At most one answer per advertisement interval: a flood of lower
// adverts costs the network no more than twice our usual traffic. Who has been
// Active for an interval has been heard, so the other is no candidate of the
// same election but a second Active router.
func (m *Machine) answerLower(now time.Time, a *Advert, out []Action) []Action {
	if now.Sub(m.lastTransition) >= m.interval && a.Priority != PriorityOwner {
		out = m.peers.raise(now, out, alarmOf(a, Alarm{Kind: AlarmTwoActive, Want: int64(m.priority)}))
	}
	if now.Before(m.answeredLower.Add(m.interval)) {
		return m.reclaimAddresses(now, out)
	}
	m.answeredLower = now
	answer := !m.params.LowerPriorityNoAdvert
	out = append(out, LowerReceived{a.Src, a.Priority, m.priority, answer})
	if answer {
		out = m.send(now, m.priority, out)
	}
	return m.reclaimAddresses(now, out)
}

// reclaimAddresses announces ours at once, and again after
// garp_lower_prio_delay. A lower advert soon after a burst gets one when the
// quiet time ends: its sender may have announced the addresses as well.
func (m *Machine) reclaimAddresses(now time.Time, out []Action) []Action {
	if m.params.Announce.LowerPrioRepeat <= 0 {
		return out
	}
	quiet := m.reclaim.last.Add(m.interval)
	if m.reclaim.many >= reclaimBursts {
		quiet = m.reclaim.last.Add(max(m.interval, reclaimQuiet))
	}
	if now.Before(quiet) {
		m.reclaim.at, m.reclaim.owed = earliest(m.reclaim.at, quiet), true
		return out
	}
	return m.reclaimBurst(now, out)
}

func (m *Machine) reclaimBurst(now time.Time, out []Action) []Action {
	g := &m.params.Announce
	many := m.reclaim.many - int(min(now.Sub(m.reclaim.last)/reclaimQuiet, reclaimBursts))
	m.reclaim = reclaim{last: now, many: max(many, 0) + 1}
	if g.LowerPrioDelay > 0 {
		m.reclaim.at = now.Add(g.LowerPrioDelay)
	}
	return append(out, Announce{ByLowerPriority, g.LowerPrioRepeat})
}

func (m *Machine) reclaimTick(now time.Time, out []Action) []Action {
	switch {
	case !due(now, m.reclaim.at):
		return out
	case m.reclaim.owed:
		return m.reclaimBurst(now, out)
	}
	m.reclaim.at = time.Time{}
	return append(out, Announce{ByLowerPriority, m.params.Announce.LowerPrioRepeat})
}

// argue is what an owner does about another one of a lower address: it answers,
// waits for the other to yield, and at last takes a step back itself. The
// addresses must not be served twice, whoever is right.
func (m *Machine) argue(now time.Time, a *Advert, out []Action) []Action {
	d := &m.dispute
	silence := max(m.activeDown(), rivalSilence*a.MaxAdvertiseInterval) // it may be slower than we are
	if d.rival != a.Src || now.Sub(d.heard) > silence {
		*d = dispute{rival: a.Src}
	}
	d.heard = now
	switch {
	case d.until.IsZero():
		before := m.answeredLower
		out = m.answerLower(now, a, out)
		if m.answeredLower != before {
			d.answers++
		}
		if d.answers >= disputeAnswers {
			d.until = now.Add(max(m.interval, a.MaxAdvertiseInterval) * disputePatience / 5)
		}
	case !now.Before(d.until):
		d.reduced = true
		m.priority = PriorityOwner - 1
		out = append(out, OwnerReduced{a.Src}, PriorityChanged{PriorityOwner, m.priority, string(ByTwoOwners)})
	}
	return out
}

// settle gives an owner that took a step back its rank again when it hears
// another router than its rival, or the rival as an owner no more.
func (m *Machine) settle(a *Advert, out []Action) []Action {
	if !m.dispute.reduced || a.Priority == 0 || a.Src == m.dispute.rival && a.Priority == PriorityOwner {
		return out
	}
	return m.regain(m.dispute.rival, out)
}

// regain says that the rank is restored.
func (m *Machine) regain(rival netip.Addr, out []Action) []Action {
	from := m.priority
	m.restore()
	return append(out, OwnerRestored{rival}, PriorityChanged{from, PriorityOwner, string(ByTwoOwners)})
}

// restore ends a dispute.
func (m *Machine) restore() {
	if m.dispute.reduced {
		m.priority = PriorityOwner
	}
	m.dispute = dispute{}
}

// alternates raises an alarm when a Backup hears the router again that it
// followed before this one, sooner than any takeover could be: then both are
// Active.
func (m *Machine) alternates(now time.Time, a *Advert, out []Action) []Action {
	if m.former.addr == a.Src && now.Sub(m.former.left) < 2*m.interval {
		out = m.peers.raise(now, out, alarmOf(a, Alarm{Kind: AlarmTwoActive, Want: int64(m.activeRank)}))
	}
	m.former = followed{m.active, now}
	return out
}
