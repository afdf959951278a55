package daemon

import (
	"fmt"
	"slices"

	"holdfast/checkers"
	"holdfast/ipvs"
	"holdfast/track"
)

// numbersIn are the numbers of files among what is tracked.
func numbersIn(list []verdict) map[string]int {
	numbers := map[string]int{}
	for _, v := range list {
		if v.Kind == track.File {
			numbers[v.Name] = v.Value
		}
	}
	return numbers
}

// fileCheckID names the FILE_CHECK that stands at index i in a real server.
func fileCheckID(i int, c checkers.FileCheck) string {
	return fmt.Sprintf("FILE_CHECK %d %s", i, c.TrackFile)
}

// fileCheckers are the FILE_CHECKs of a real server for its machine. There is no
// probe to wait for: they begin with what is known.
func (r *checkerRole) fileCheckers(list []checkers.FileCheck) []ipvs.Check {
	var all []ipvs.Check
	for i, c := range list {
		up, _ := c.Judge(r.numbers[c.TrackFile])
		all = append(all, ipvs.Check{ID: fileCheckID(i, c), Alpha: !up})
	}
	return all
}

// number takes over what a track_file holds.
func (r *checkerRole) number(v verdict) {
	old := r.numbers[v.Name]
	r.numbers[v.Name] = v.Value
	for _, s := range r.services {
		r.sayFaults(s, v.Name, old)
		r.do(s, r.judgeFiles(s, v.Name, nil))
	}
}

// sayFaults logs which servers a file takes down, or no longer does.
func (r *checkerRole) sayFaults(s *runningService, name string, old int) {
	for i, list := range s.Files {
		for _, c := range list {
			was, _ := c.Judge(old)
			up, _ := c.Judge(r.numbers[name])
			if c.TrackFile != name || was == up {
				continue
			}
			what := "now"
			if up {
				what = "leaving"
			}
			r.log.Info(fmt.Sprintf("(%s): tracked file %s %s FAULT state", s.Params.Servers[i].Name, name, what))
		}
	}
}

// unsaid is actions without the lines about weights: those that files add at the
// start are no changes.
func unsaid(actions []ipvs.Action) []ipvs.Action {
	return slices.DeleteFunc(actions, func(a ipvs.Action) bool { _, is := a.(ipvs.Reweighted); return is })
}

// judgeFiles tells the machine of a virtual server what its servers' files say;
// with a name only servers that follow that file are looked at.
func (r *checkerRole) judgeFiles(s *runningService, name string, out []ipvs.Action) []ipvs.Action {
	for i, list := range s.Files {
		key := s.Params.Servers[i].Key
		// One whose last FILE_CHECK a reload has removed gets its own weight back.
		concerned := name == "" && (len(list) > 0 || s.filed[key]) ||
			slices.ContainsFunc(list, func(c checkers.FileCheck) bool { return c.TrackFile == name })
		if !concerned {
			continue
		}
		if s.filed == nil {
			s.filed = map[ipvs.ServerKey]bool{}
		}
		s.filed[key] = len(list) > 0
		out = s.machine.Step(ipvs.WeightChanged{Server: key, Weight: r.weight(s, i)}, out)
		for j, c := range list {
			up, _ := c.Judge(r.numbers[c.TrackFile])
			out = s.judged("FILE_CHECK", ipvs.VerdictChanged{Server: key, Check: fileCheckID(j, c), Up: up}, out)
		}
	}
	return out
}

// weight is the configured weight of a server with all that is added to it.
func (r *checkerRole) weight(s *runningService, i int) int64 {
	srv := s.Params.Servers[i]
	sum := srv.Weight + s.dynamic[srv.Key]
	for _, c := range s.Files[i] {
		_, more := c.Judge(r.numbers[c.TrackFile])
		sum += more
	}
	return sum
}

// computes reports whether a check sets the weight of its server.
func computes(s checkers.Spec) bool {
	misc, ok := s.Config.(*checkers.MiscConfig)
	return ok && misc.Dynamic
}

// dynamicWeight is the weight of a server after a MISC_CHECK has computed one,
// or nil: the exit status 0 means the configured one. What files add comes on top.
func (r *checkerRole) dynamicWeight(of checkOf, computed *int) ipvs.WeightChanged {
	s := of.service
	ev := ipvs.WeightChanged{Server: of.server}
	for i, srv := range s.Params.Servers {
		if srv.Key != of.server {
			continue
		}
		if s.dynamic == nil {
			s.dynamic = map[ipvs.ServerKey]int64{}
		}
		delete(s.dynamic, srv.Key)
		if computed != nil {
			s.dynamic[srv.Key] = int64(*computed) - srv.Weight
		}
		ev.Weight, ev.Configured = r.weight(s, i), computed == nil && len(s.Files[i]) == 0
	}
	return ev
}
