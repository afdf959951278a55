package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/kconf"
	"holdfast/track"
)

// usual is the priority of a neighbour that sets none.
const usual = 100

// trackRules are about weights and what is tracked.
func trackRules() []Rule {
	return []Rule{
		{
			ID: "weight-moves-nothing", Theme: Tracking, Severity: kconf.Warning, Title: "Weight that never changes the priority",
			What:       "An effective priority is kept within 1 to 254. This tracker's weight lies wholly outside, whatever the other trackers find: a positive one on top of 254, or a negative one below 1.",
			Why:        "What is tracked fails, and the priority stays as it was: no failover.",
			Fix:        "choose a base priority from which the weight leads to another value within 1 to 254",
			Bad:        conf(secure, script("weight 20"), router("priority 254; track_script { chk }")),
			Good:       conf(secure, script("weight 20"), router("priority 110; track_script { chk }")),
			References: []string{"weight", "priority", "track_script", "track_interface"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					list := in.weighted(i)
					for n, t := range list {
						if !in.opaque(i) && !moves(int(i.Params.Priority), list, n) {
							r.At(t.pos, in.place(i, "priority"), "vrrp_instance %s: weight %d of %s never changes the priority, which stays within 1 to 254 from %d", i.Name, t.weight, t.what(), i.Params.Priority)
						}
					}
				}
			},
		},
		{
			ID: "weight-may-not-suffice", Theme: Tracking, Severity: kconf.Note, Title: "Weights that leave the node above the usual priority",
			What:       "With every weighted tracker failed the node still ranks above a neighbour with the same trackers, all of them well, and the usual priority of 100.",
			Why:        "Unless the neighbour has been given a priority between, it never takes over, and the node stays master with everything failed.",
			Fix:        "compare with the other node's file (holdfast check --peer), or let the weights add up to more than the difference of the priorities",
			Bad:        conf(secure, script("weight -2"), router("priority 150; track_script { chk }")),
			Good:       conf(secure, script("weight -60"), router("priority 150; track_script { chk }")),
			References: []string{"weight", "priority"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					list, other := in.weighted(i), usual // a neighbour that tracks the same, all of it well
					for _, t := range list {
						other += t.healthy()
					}
					if lowest := in.reachOf(i).lowest; len(list) > 0 && !i.Params.Owner() && lowest > other {
						r.At(list[0].pos, in.place(i, "priority"), "vrrp_instance %s: with %s its priority is still %d, that of a neighbour that sets none %d", i.Name, allFailed(list), lowest, other)
					}
				}
			},
		},
		{
			ID: "weight-out-of-range", Theme: Tracking, Severity: kconf.Note, Title: "Weights that lead out of the range of priorities",
			What:       "Added up, the weights lead below 1 or above 254; there the priority is cut.",
			Why:        "Beyond the limit one failure more makes no difference, so two nodes with different faults rank equal, and the higher address decides.",
			Fix:        "use smaller weights, or a base priority further from the limit",
			Bad:        conf(secure, script("weight -150"), router("priority 100; track_script { chk }")),
			Good:       conf(secure, script("weight -60"), router("priority 100; track_script { chk }")),
			References: []string{"weight", "priority", "RFC 9568 section 5.2.4"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					list, reach := in.weighted(i), in.reachOf(i)
					switch {
					case len(list) == 0 || i.Params.Owner():
					case reach.least < track.PriorityMin:
						r.At(list[0].pos, in.place(i, "priority"), "vrrp_instance %s: priority %d and its weights can add up to %d, 1 is used", i.Name, i.Params.Priority, reach.least)
					case reach.most > track.PriorityMax:
						r.At(list[0].pos, in.place(i, "priority"), "vrrp_instance %s: priority %d and its weights can add up to %d, 254 is used", i.Name, i.Params.Priority, reach.most)
					}
				}
			},
		},
		{
			ID: "weight-turned-twice", Theme: Tracking, Severity: kconf.Warning, Title: "Negative weight with reverse",
			What:       "A negative weight counts while what is tracked is down; reverse turns its sign. Together the priority rises while something is wrong.",
			Why:        "The node takes over when the script fails, and yields as soon as it succeeds.",
			Fix:        "take reverse away, or the minus sign, whichever was meant",
			Bad:        conf(secure, script("weight -60 reverse"), router("track_script { chk }")),
			Good:       conf(secure, script("weight -60"), router("track_script { chk }")),
			References: []string{"weight", "reverse"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					for _, t := range in.weighted(i) {
						if t.weight < 0 && t.reverse {
							r.At(t.pos, t.object, "vrrp_instance %s: weight %d reverse of %s raises the priority while it is down", i.Name, t.weight, t.what())
						}
					}
				}
			},
		},
		{
			ID: "weight-nought-is-fault", Theme: Tracking, Severity: kconf.Note, Title: "Weight 0 means FAULT",
			What: "weight 0 is written out. It does not mean that the tracker has no influence: its failure puts the instance into FAULT, whatever the priority.",
			Why:  "Where 0 was written to switch a tracker off for a while, its next failure takes the node out. If the same is tracked on all nodes, nobody is master.",
			Fix:  "leave the weight away if FAULT is meant, or the line if nothing is meant",
			Bad:  conf(secure, script("weight 0"), router("track_script { chk }")), Good: conf(secure, script(""), router("track_script { chk }")),
			References: []string{"weight", "track_script", "track_interface"},
			Find:       findNought,
		},
		{
			ID: "weight-of-owner", Theme: Tracking, Severity: kconf.Warning, Title: "Weight on a router of priority 255",
			What:       "The priority of the address owner is 255 whatever trackers find; one with a weight is not used.",
			Why:        "What is tracked fails, and the node stays master.",
			Fix:        "use priority 254 or less, or no weight where a failure is to be a FAULT",
			Bad:        conf(secure, script("weight -60"), router("priority 255; virtual_ipaddress { 192.0.2.2/24 }; track_script { chk }")),
			Good:       conf(secure, script("weight -60"), router("priority 254; track_script { chk }")),
			References: []string{"weight", "priority", "RFC 9568 section 5.2.4"},
			Covers:     []string{"owner-weight"},
			Find:       explain("its failure changes nothing", "owner-weight"),
		},
		{
			ID: "interface-tracked-anyway", Theme: Tracking, Severity: kconf.Warning, Title: "track_interface names the instance's own interface",
			What: "The interface of an instance is tracked by itself: down is FAULT. The line is not used, and neither is a weight on it.",
			Why:  "A weight there suggests that the node would go on with a lower priority. It does not: it is in FAULT.",
			Fix:  "take the line away; with dont_track_primary the interface is not tracked at all",
			Bad:  conf(router("track_interface { eth0 }")), Good: conf(router("track_interface { eth1 }")),
			References: []string{"track_interface", "interface", "dont_track_primary"},
			Covers:     []string{"own-interface"},
			Find:       explain("the line has no effect", "own-interface"),
		},
		{
			ID: "tracked-link-is-down", Theme: Tracking, Severity: kconf.Warning, Title: "Tracked interface that is down now",
			What: "track_interface names a link that is down, or has no carrier, while the file is examined.",
			Why:  "The instance begins in FAULT, or with the lower priority, and stays so until that link comes up.",
			Fix:  "bring the link up, or take it out of track_interface if nothing uses it",
			Bad:  conf(router("track_interface { eth9 }")), Good: conf(router("track_interface { eth1 }")),
			References: []string{"track_interface"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					for _, ref := range i.Links {
						if in.Machine == nil {
							return
						}
						l, exists := in.Machine.Links[ref.Name]
						if !exists || l.Usable() {
							continue
						}
						effect := "the instance begins in FAULT"
						if t := follow(tracked{}, ref); t.weight != 0 {
							effect = fmt.Sprintf("its weight %d counts as failed", t.weight)
						}
						r.At(ref.Pos, i.Pos, "vrrp_instance %s: tracked interface %s %s: %s", i.Name, ref.Name, whyDown(l.Up), effect)
					}
				}
			},
		},
		{
			ID: "script-nobody-tracks", Theme: Tracking, Severity: kconf.Warning, Title: "vrrp_script that nothing tracks",
			What: "A vrrp_script stands in the file and in no track_script. It is not run.",
			Why:  "The check looks as if it were there. What it was written for fails, and nothing happens.",
			Fix:  "name it in track_script of an instance or a sync group, or take it away",
			Bad:  conf(secure, script(""), router("")), Good: conf(secure, script(""), router("track_script { chk }")),
			References: []string{"vrrp_script", "track_script"},
			Covers:     []string{"unused-script"},
			Find: func(in *Input, r Report) {
				for _, d := range in.Read {
					if d.ID != "unused-script" {
						continue
					}
					name := in.nameAt("vrrp_script", d.Pos)
					if line := in.trackLine(name); line.IsValid() {
						r.Advise("mend what is said about that line").At(d.Pos, line, "vrrp_script %s: the track_script line that names it is not used, so it is not run", name)
						continue
					}
					r.At(d.Pos, d.Related, "vrrp_script %s: is in no track_script and is not run", name)
				}
			},
		},
		{
			ID: "script-outlasts-failures", Theme: Tracking, Severity: kconf.Warning, Title: "Script timeout longer than interval and fall allow for",
			What:       "A run may take longer (timeout) than all the runs that are needed for a failure should take (interval times fall). A script that hangs is noticed by its timeout, not by the interval.",
			Why:        "The service hangs, and the failover comes much later than interval and fall suggest.",
			Fix:        "make the timeout shorter than the interval",
			Bad:        conf(secure, script("interval 2; timeout 10; fall 2"), router("track_script { chk }")),
			Good:       conf(secure, script("interval 2; timeout 1; fall 2"), router("track_script { chk }")),
			References: []string{"vrrp_script", "interval", "timeout", "fall"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Scripts {
					if limit := s.Interval * time.Duration(s.Fall); s.Timeout > limit {
						r.At(in.scriptPlace(s, "timeout"), in.scriptPlace(s, "interval"), "vrrp_script %s: timeout %v is longer than interval times fall, %v: a hang is noticed after %v", s.Name, s.Timeout, limit, hangTime(s))
					}
				}
			},
		},
		{
			ID: "script-outlasts-interval", Theme: Tracking, Severity: kconf.Note, Title: "Script timeout longer than its interval",
			What:       "A run may take longer than the time to the next one, which then waits for its turn.",
			Why:        "While the script hangs it runs less often than the interval says, and the failover comes later.",
			Fix:        "make the timeout shorter than the interval",
			Bad:        conf(secure, script("interval 2; timeout 3; fall 3"), router("track_script { chk }")),
			Good:       conf(secure, script("interval 4; timeout 3; fall 3"), router("track_script { chk }")),
			References: []string{"vrrp_script", "interval", "timeout"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Scripts {
					if s.Timeout > s.Interval && s.Timeout <= s.Interval*time.Duration(s.Fall) {
						r.At(in.scriptPlace(s, "timeout"), in.scriptPlace(s, "interval"), "vrrp_script %s: timeout %v is longer than interval %v: a hang is noticed after %v", s.Name, s.Timeout, s.Interval, hangTime(s))
					}
				}
			},
		},
		{
			ID: "script-returns-slowly", Theme: Tracking, Severity: kconf.Note, Title: "A failure takes more than a minute to count",
			What:       "interval times fall is more than a minute.",
			Why:        "The service is dead for that long before the addresses move.",
			Fix:        "shorten the interval, or lower fall",
			Bad:        conf(secure, script("interval 30; fall 5"), router("track_script { chk }")),
			Good:       conf(secure, script("interval 5; fall 3"), router("track_script { chk }")),
			References: []string{"vrrp_script", "interval", "fall"},
			Find: func(in *Input, r Report) {
				for _, s := range in.Config.Scripts {
					if d := s.Interval * time.Duration(s.Fall); d > time.Minute {
						r.At(in.scriptPlace(s, "interval"), in.scriptPlace(s, "fall"), "vrrp_script %s: %s every %v: a failure counts after up to %v", s.Name, plural(int(s.Fall), "failure"), s.Interval, d)
					}
				}
			},
		},
	}
}

// findNought finds weights of 0 that are written out, on track lines and in
// scripts that a line without weight tracks.
func findNought(in *Input, r Report) {
	said := map[string]bool{}
	for _, i := range in.Config.Instances {
		for _, ref := range slices.Concat(i.Links, i.Scripts) {
			if ref.Weight != nil && *ref.Weight == 0 && in.writtenNought(ref.Pos) {
				r.At(ref.Pos, i.Pos, "vrrp_instance %s: weight 0 of %s makes its failure a FAULT", i.Name, ref.Name)
			}
		}
		for _, ref := range i.Scripts {
			s := in.Config.Script(ref.Name)
			if s == nil || ref.Weight != nil || s.Weight != 0 || said[s.Name] {
				continue
			}
			if w := last(in.block("vrrp_script", s.Name), "weight"); w != nil {
				said[s.Name] = true
				r.At(w.Pos(), ref.Pos, "vrrp_script %s: weight 0 makes its failure a FAULT of vrrp_instance %s", s.Name, i.Name)
			}
		}
	}
}

// writtenNought says whether the track line at pos says weight 0 itself: in a
// sync group the assembly sets weights to 0.
func (in *Input) writtenNought(pos kconf.Pos) bool {
	s := in.stmtAt(pos)
	return s != nil && len(s.Words) > 2 && s.Words[1].Text == "weight" && s.Words[2].Text == "0"
}

func (in *Input) scriptPlace(s *track.ScriptConfig, keyword string) kconf.Pos {
	return placeIn(in.block("vrrp_script", s.Name), s.Pos, keyword)
}

// nameAt is the name of the block of that keyword at pos.
func (in *Input) nameAt(keyword string, pos kconf.Pos) string {
	for _, s := range in.blocks(keyword) {
		if s.Pos().String() == pos.String() && len(s.Words) > 1 {
			return s.Words[1].Text
		}
	}
	return "?"
}

// trackLine is the first line of a track_script block with that name.
func (in *Input) trackLine(name string) (pos kconf.Pos) {
	walk(in.File.Stmts, func(s *kconf.Stmt) {
		if s.Keyword() != "track_script" {
			return
		}
		for _, line := range s.Block {
			if line.Keyword() == name && !pos.IsValid() {
				pos = line.Pos()
			}
		}
	})
	return pos
}

// hangTime is how long a script hangs before that counts: fall runs, each of
// which begins at the next multiple of the interval after the one before.
func hangTime(s *track.ScriptConfig) time.Duration {
	rounds := (s.Timeout + s.Interval - 1) / s.Interval
	return time.Duration(s.Fall-1)*rounds*s.Interval + s.Timeout
}

// allFailed is "script chk failed", "script chk and interface eth1 failed".
func allFailed(list []tracked) string {
	var words []string
	for _, t := range list {
		words = append(words, t.what())
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1] + " failed"
	}
	return words[0] + " failed"
}
