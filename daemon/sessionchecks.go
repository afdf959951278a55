package daemon

import (
	"holdfast/checkers"
	"holdfast/ipvs"
	"holdfast/track"
)

// know takes over all that is known about what is tracked.
func (r *checkerRole) know(list []verdict) {
	r.numbers = numbersIn(list)
	r.sessions = sessions{run: sessionsRun, states: map[string]track.State{}}
	for _, v := range list {
		if v.Kind == track.BFD {
			r.sessions.states[v.Name] = v.State
		}
	}
}

// tracked takes over one verdict that is new.
func (r *checkerRole) tracked(v verdict) {
	switch v.Kind {
	case track.File:
		r.number(v)
	case track.BFD:
		r.session(v)
	}
}

// judge tells the machine of a virtual server what is known of what its servers
// follow without asking themselves.
func (r *checkerRole) judge(s *runningService, out []ipvs.Action) []ipvs.Action {
	return r.sessions.judge(s, "", r.judgeFiles(s, "", out))
}

// sessions is what is known about BFD sessions.
type sessions struct {
	run    bool // somebody runs them: one that is not known yet will be
	states map[string]track.State
}

func sessionCheckID(name string) string { return "BFD_CHECK " + name }

// checks are the BFD_CHECKs of a real server for its machine. They begin with
// what is known; of a session that is not, alpha makes a failure, but not if
// nobody would ever say that it is up.
func (k sessions) checks(list []checkers.SessionCheck) []ipvs.Check {
	var all []ipvs.Check
	for _, c := range list {
		state, known := k.states[c.Name]
		down := c.Alpha && k.run
		if known {
			down = state != track.Up
		}
		all = append(all, ipvs.Check{ID: sessionCheckID(c.Name), Alpha: down})
	}
	return all
}

// judge tells a machine the states of the sessions that are known; with a name
// only that one.
func (k sessions) judge(s *runningService, name string, out []ipvs.Action) []ipvs.Action {
	for i, list := range s.Sessions {
		for _, c := range list {
			state, known := k.states[c.Name]
			if !known || name != "" && c.Name != name {
				continue
			}
			out = s.judged("BFD_CHECK", ipvs.VerdictChanged{Server: s.Params.Servers[i].Key, Check: sessionCheckID(c.Name), Up: state == track.Up}, out)
		}
	}
	return out
}

// session takes over that a session is up or down.
func (r *checkerRole) session(v verdict) {
	r.sessions.states[v.Name] = v.State
	for _, s := range r.services {
		r.do(s, r.sessions.judge(s, v.Name, nil))
	}
}

// judged passes a verdict on, and remembers for the mail which kind of check it
// was if that changed something.
func (s *runningService) judged(kind string, ev ipvs.VerdictChanged, out []ipvs.Action) []ipvs.Action {
	before := len(out)
	out = s.machine.Step(ev, out)
	if len(out) > before {
		s.last.check = kind
	}
	return out
}
