package daemon

import (
	"time"

	"holdfast/daemon/config"
	"holdfast/internal/event"
	"holdfast/ipvs"
	"holdfast/notify"
)

// do takes what a machine wants: its lines go to the log, the table and the news
// wait for apply. Many machines may have something to do at the same moment, and
// the table is brought up to date once for all of them.
func (r *checkerRole) do(s *runningService, actions []ipvs.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case ipvs.Apply:
			if n := len(r.touched); n == 0 || r.touched[n-1] != s {
				r.touched = append(r.touched, s)
			}
		case ipvs.RealServerUp:
			r.log.Info(a.Text)
		case ipvs.RealServerDown:
			r.log.Info(a.Text)
		case ipvs.Reweighted:
			r.log.Info(a.Text)
		case ipvs.QuorumGained:
			s.last.quorum = a.Text
			r.log.Info(a.Text)
		case ipvs.QuorumLost:
			s.last.quorum = a.Text
			r.log.Info(a.Text)
		case ipvs.SorryIn:
			r.log.Info(a.Text)
		case ipvs.SorryOut:
			r.log.Info(a.Text)
		case ipvs.Noted:
			r.log.Info(a.Text)
		case ipvs.NotifyServer:
			r.told = append(r.told, serverNews(s, a))
		case ipvs.NotifyQuorum:
			r.told = append(r.told, quorumNews(s, a.Up))
		}
	}
}

// apply makes the kernel carry what the machines that have acted want, and then
// tells the parent what has happened: the kernel first, then scripts.
func (r *checkerRole) apply() {
	part := ipvs.Table{}
	for _, s := range r.touched {
		for _, k := range s.machine.Params().Keys {
			if _, done := part[k]; done {
				continue
			}
			for _, sharer := range r.sharers[k] {
				if pool, wanted := sharer.machine.Desired()[k]; wanted {
					merge(part, k, pool)
				}
			}
		}
	}
	if len(part) > 0 {
		r.carry(wish{part: part})
	}
	r.touched = nil
	r.tell()
}

// applyAll is apply for all machines, with a look at the table as it is.
func (r *checkerRole) applyAll() {
	table := ipvs.Table{}
	r.sharers = map[ipvs.ServiceKey][]*runningService{}
	for _, s := range r.services {
		for k, pool := range s.machine.Desired() {
			merge(table, k, pool)
			r.sharers[k] = append(r.sharers[k], s)
		}
	}
	if r.marking != nil && r.marking.begun { // those of services that go, first
		r.marking.want(r.marking.before(r.marks.Marks))
	}
	r.carry(wish{table: table})
	if r.marking != nil {
		r.marking.want(r.marks.Marks)
	}
	r.touched = nil
	r.tell()
}

// carry waits until the keeper has tried, for a while.
func (r *checkerRole) carry(w wish) {
	done := make(chan struct{})
	w.done = done
	r.keeper.want(w)
	select {
	case <-done:
	case <-time.After(tableLimit):
	}
}

// merge adds what one virtual server wants of a service to what others want.
// Two that use one group can share a firewall mark: as with keepalived the first
// says how the service is, and the real servers of both stand in it.
func merge(table ipvs.Table, k ipvs.ServiceKey, pool ipvs.Pool) {
	have, shared := table[k]
	if !shared {
		table[k] = pool
		return
	}
	for addr, d := range pool.Destinations {
		if _, there := have.Destinations[addr]; !there {
			have.Destinations[addr] = d
		}
	}
}

// tell sends the news that have gathered.
func (r *checkerRole) tell() {
	for _, m := range r.told {
		r.link.Send(m)
	}
	r.told = nil
}

func upOrDown(up bool) string {
	if up {
		return notify.Up
	}
	return notify.Down
}

func serverNews(s *runningService, a ipvs.NotifyServer) message {
	name := s.ServerName(a.Server)
	detail, reason := mailText(s.last.check, s.last.cause, a.Up), ""
	switch {
	case a.Gone:
		detail, reason = "Removing", reasonRemoved
	case a.Initial:
		detail = "" // no mail
	}
	return message{Fact: &event.Fact{
		Type: event.Transitioned, Kind: event.RealServer, Name: config.ServerObject(name, s.Params.Name), Time: time.Now(),
		From: upOrDown(!a.Up), To: upOrDown(a.Up), Reason: reason, Detail: detail,
		Values: map[string]string{valueServer: name, valueService: s.Params.Name},
	}}
}

func quorumNews(s *runningService, up bool) message {
	return message{Fact: &event.Fact{
		Type: event.Transitioned, Kind: event.VirtualServer, Name: s.Params.Name, Time: time.Now(),
		From: upOrDown(!up), To: upOrDown(up), Detail: s.quorumMail(up),
		Values: map[string]string{valueService: s.Params.Name},
	}}
}
