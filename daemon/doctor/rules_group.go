package doctor

import (
	"fmt"
	"strings"

	"holdfast/daemon/config"
	"holdfast/kconf"
)

// groupRules are about instances that move together.
func groupRules() []Rule {
	return []Rule{
		{
			ID: "group-of-one", Theme: Groups, Severity: kconf.Warning, Title: "Sync group with one member",
			What: "The group has a single usable member, so nothing is kept together.",
			Why:  "The instance that was forgotten, or misspelt, stays master on one node while the other moves.",
			Fix:  "name every instance that has to move, or take the group away",
			Bad:  conf(router(""), "vrrp_sync_group G1 { group { VI_1 } }"), Good: conf(router(""), second(""), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			References: []string{"vrrp_sync_group", "group"},
			Covers:     []string{"one-member"},
			Find:       explain("nothing moves with it", "one-member"),
		},
		{
			ID: "group-intervals-differ", Theme: Groups, Severity: kconf.Warning, Title: "Members of a group with different intervals",
			What:       "Members of a sync group have different advert_int. A group takes over when all of its members want to, so the slowest of them decides.",
			Why:        "The failover takes as long as the longest advert_int says; the shorter one was written in vain.",
			Fix:        "give all members the same advert_int",
			Bad:        conf(router("advert_int 1"), second("advert_int 3"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			Good:       conf(router("advert_int 2"), second("advert_int 2"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			References: []string{"vrrp_sync_group", "advert_int"},
			Find:       membersDiffer("advert_int", func(i *config.Instance) string { return fmt.Sprint(i.Params.Interval()) }),
		},
		{
			ID: "group-priorities-differ", Theme: Groups, Severity: kconf.Warning, Title: "Members of a group with different priorities",
			What:       "Members of a sync group have different priorities. A group takes over when all of its members want to, and members that rank differently may never want to at the same time.",
			Why:        "The failover waits for the member that ranks lowest, or the group stays on the node that was not meant to have it.",
			Fix:        "give all members of the group on this node the same priority",
			Bad:        conf(router("priority 150"), second("priority 90"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			Good:       conf(router("priority 150"), second("priority 150"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			References: []string{"vrrp_sync_group", "priority"},
			Find:       membersDiffer("priority", func(i *config.Instance) string { return fmt.Sprint(i.Params.Priority) }),
		},
		{
			ID: "group-states-differ", Theme: Groups, Severity: kconf.Note, Title: "Members of a group with different states",
			What:       "One member of a sync group has state MASTER, another has not. The state of one member does not make the group master; it only switches nopreempt and preempt_delay off for that member.",
			Why:        "The group does not begin as the file reads, and after a repair its members do not agree about preemption.",
			Fix:        "write the same state in all members",
			Bad:        conf(router("state MASTER; priority 150"), second("state BACKUP; priority 150"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			Good:       conf(router("state BACKUP; priority 150"), second("state BACKUP; priority 150"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			References: []string{"vrrp_sync_group", "state"},
			Find: membersDiffer("state", func(i *config.Instance) string {
				if i.State == "MASTER" {
					return "MASTER"
				}
				return "BACKUP"
			}),
		},
		{
			ID: "group-preemption-differs", Theme: Groups, Severity: kconf.Warning, Title: "Only some members of a group preempt",
			What:       "One member of a sync group has nopreempt, another has not. The group moves when all of its members want to, so the one that preempts waits for the one that does not.",
			Why:        "Whether the group comes back to a repaired node depends on which member failed, not on what was written.",
			Fix:        "write nopreempt in all members or in none",
			Bad:        conf(router("nopreempt"), second(""), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			Good:       conf(router("nopreempt"), second("nopreempt"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			References: []string{"vrrp_sync_group", "nopreempt"},
			Find: membersDiffer("nopreempt", func(i *config.Instance) string {
				if i.Params.PreemptMode {
					return "off"
				}
				return "on"
			}),
		},
		{
			ID: "group-passwords-differ", Theme: Groups, Severity: kconf.Note, Title: "Members of a group with different authentication",
			What:       "Members of a sync group differ in auth_type or auth_pass. They may; mostly one of them was forgotten when the password was changed.",
			Why:        "If the other node has it right, one member hears nobody there, becomes master here, and pulls the group.",
			Fix:        "use one password, or none, for the whole group",
			Bad:        conf(router("authentication { auth_type PASS; auth_pass one }"), second("authentication { auth_type PASS; auth_pass two }"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			Good:       conf(router("authentication { auth_type PASS; auth_pass one }"), second("authentication { auth_type PASS; auth_pass one }"), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			References: []string{"vrrp_sync_group", "authentication"},
			Find: func(in *Input, r Report) {
				for _, g := range in.Config.Groups {
					members := in.members(g.Name)
					for _, i := range members[min(1, len(members)):] {
						if p, q := i.Params, members[0].Params; p.AuthType != q.AuthType || p.Password != q.Password {
							r.At(in.place(i, "authentication"), in.place(members[0], "authentication"), "vrrp_sync_group %s: authentication of %s is not that of %s", g.Name, i.Name, members[0].Name)
						}
					}
				}
			},
		},
		{
			ID: "weight-in-group", Theme: Groups, Severity: kconf.Warning, Title: "Weighted tracker of a group member",
			What:       "A member of a sync group tracks something with a weight. Priorities that drift apart would tear the group, so without sync_group_tracking_weight an interface counts without its weight, and a script not at all.",
			Why:        "The failure of the script moves nothing. Nobody notices until it was needed.",
			Fix:        "move the tracker to the group, take its weight away, or set sync_group_tracking_weight",
			Bad:        conf(secure, script("weight -60"), router("track_script { chk }"), second(""), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			Good:       conf(secure, script(""), router("track_script { chk }"), second(""), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"),
			References: []string{"vrrp_sync_group", "sync_group_tracking_weight", "track_script", "weight"},
			Covers:     []string{"group-weight"},
			Find: func(in *Input, r Report) {
				for _, d := range in.Read {
					if d.ID == "group-weight" {
						who, _, _ := strings.Cut(d.Message, ", ")
						r.At(d.Pos, d.Related, "%s, which takes no weights: its failure changes no priority", who)
					}
				}
			},
		},
	}
}

// members are the instances of a sync group, in the order of the file.
func (in *Input) members(group string) []*config.Instance {
	var list []*config.Instance
	for _, i := range in.Config.Instances {
		if i.SyncGroup == group {
			list = append(list, i)
		}
	}
	return list
}

// membersDiffer finds members whose setting is not that of the first one.
func membersDiffer(keyword string, of func(*config.Instance) string) func(*Input, Report) {
	return func(in *Input, r Report) {
		for _, g := range in.Config.Groups {
			members := in.members(g.Name)
			for _, i := range members[min(1, len(members)):] {
				if mine, first := of(i), of(members[0]); mine != first {
					r.At(in.place(i, keyword), in.place(members[0], keyword), "vrrp_sync_group %s: %s is %s in %s and %s in %s", g.Name, keyword, mine, i.Name, first, members[0].Name)
				}
			}
		}
	}
}
