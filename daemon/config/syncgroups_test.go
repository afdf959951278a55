package config_test

import "testing"

// objects are things to track: a script without and with weight, files of
// weight 1 and 3, a process and a BFD session of weight 5.
const objects = `global_defs {
script_user root
enable_script_security
}
vrrp_script S {
script /bin/true
}
vrrp_script SW {
script /bin/true
weight 5
}
track_file F {
file /tmp/f
}
track_file F3 {
file /tmp/f
weight 3
}
vrrp_track_process P {
process sshd
weight 5
}
bfd_instance B {
neighbor_ip 10.9.0.9
weight 5
}
`

// everything tracks all of them, in twelve lines and twelve more of braces.
const everything = `track_interface {
eth1 weight 5
}
track_script {
S
SW
}
track_file {
F
F3
}
track_process {
P
}
track_bfd {
B
}`

const (
	owner  = "state MASTER\npriority 255"
	backup = "state BACKUP"
)

func group(name, members string) string {
	return "vrrp_sync_group " + name + " {\ngroup {\n" + members + "\n}\n}\n"
}

// TestMembersOfSyncGroups: which groups there are, and in which state they start.
func TestMembersOfSyncGroups(t *testing.T) {
	both := router("A", 51) + router("B", 52)
	checkCross(t, map[string]crossRule{
		"two members":             {text: both + group("G", "A\nB"), value: groups, want: "G=A,B BACKUP"},
		"the group before both":   {text: group("G", "A B") + both, value: groups, want: "G=A,B BACKUP"},
		"no name":                 {text: both + "vrrp_sync_group {\ngroup {\nA\nB\n}\n}\n", status: 5, value: groups, want: "", says: "17:1: vrrp_sync_group: has no name, the block is skipped"},
		"a name that is taken":    {text: both + group("G", "A\nB") + group("G", "A\nB"), status: 5, value: groups, want: "G=A,B BACKUP", says: "23:17: vrrp_sync_group G: the name is taken, this block is skipped (see 17:1)"},
		"no group inside":         {text: both + "vrrp_sync_group G {\n}\n", status: 5, value: groups, want: "", says: "17:1: vrrp_sync_group G: has no member; it is not used"},
		"an empty group inside":   {text: both + group("G", ""), status: 5, value: groups, want: "", says: "17:1: vrrp_sync_group G: has no member; it is not used"},
		"two groups inside":       {text: both + "vrrp_sync_group G {\ngroup {\nA\nB\n}\ngroup {\nB\n}\n}\n", status: 5, value: groups, want: "G=A,B BACKUP", says: "22:1: group: given before, the first one counts (see 18:1)"},
		"a stranger":              {text: both + group("G", "A\nB\nC"), status: 5, value: groups, want: "G=A,B BACKUP", says: "21:1: vrrp_sync_group G: there is no vrrp_instance C"},
		"a member of another":     {text: both + router("C", 53) + group("G", "A\nB") + group("H", "B\nC"), status: 5, value: groups, want: "G=A,B BACKUP; H=C BACKUP", says: "33:1: vrrp_sync_group H: B is in group G already (see 25:1)\n31:1: warning: vrrp_sync_group H: has one member, which is probably not wanted"},
		"a member named twice":    {text: both + group("G", "A\nB\nA"), status: 5, value: groups, want: "G=A,B BACKUP", says: "21:1: vrrp_sync_group G: A is in group G already (see 17:1)"},
		"one member":              {text: both + group("G", "A"), status: 5, value: groups, want: "G=A BACKUP", says: "17:1: warning: vrrp_sync_group G: has one member, which is probably not wanted"},
		"owners start as master":  {text: router("A", 51, owner) + router("B", 52, owner) + group("G", "A\nB"), value: groups, want: "G=A,B MASTER"},
		"owners by default":       {text: router("A", 51, "state MASTER") + router("B", 52, "priority 255") + group("G", "A\nB"), value: groups, want: "G=A,B MASTER"},
		"an owner, then a backup": {text: router("A", 51, owner) + router("B", 52, backup) + group("G", "A\nB"), status: 5, value: groups, want: "G=A,B BACKUP", says: "16:7: vrrp_sync_group G: A is the address owner and B is not, which does not work (see 8:10)"},
		"a backup, then an owner": {text: router("A", 51, owner) + router("B", 52, backup) + group("G", "B\nA"), value: groups, want: "G=B,A BACKUP"},
		"an owner by default":     {text: router("A", 51, "state MASTER") + router("B", 52, backup) + group("G", "A\nB"), value: groups, want: "G=A,B BACKUP"},
		"one who is no owner":     {text: router("A", 51, "state MASTER\npriority 150") + router("B", 52, "state MASTER\npriority 150") + group("G", "A\nB"), value: groups, want: "G=A,B BACKUP"},
	})
}

// TestTrackersOfSyncGroups: what members and their group track together.
func TestTrackersOfSyncGroups(t *testing.T) {
	plain := objects + router("A", 51) + router("B", 52)
	checkCross(t, map[string]crossRule{
		"of the group":                              {text: plain + syncGroup(everything), value: ofA, want: "eth1:5 S SW F F3 P B"},
		"of the group itself":                       {text: plain + syncGroup(everything), value: ofGroup, want: "eth1:5 S SW F F3 P B"},
		"of a member, without weight":               {text: objects + router("A", 51, everything) + router("B", 52) + syncGroup(), status: 5, value: ofA, want: "eth1:0 S F:0 P", says: "34:1: track_interface eth1: A is in sync group G, the weight is not used\n38:1: track_script SW: A is in sync group G, a tracker with weight is not used\n41:1: track_file F: A is in sync group G, the weight is not used\n42:1: track_file F3: A is in sync group G, a tracker with weight is not used\n48:1: track_bfd B: A is in sync group G, a tracker with weight is not used"},
		"of a member, with its weight":              {text: objects + router("A", 51, everything) + router("B", 52) + syncGroup("sync_group_tracking_weight"), value: ofA, want: "eth1:5 S SW F F3 P B"},
		"of a group with an owner":                  {text: objects + router("A", 51, owner) + router("B", 52, owner) + syncGroup(everything), status: 5, value: ofGroup, want: "eth1:0 S SW:0 F:0 F3:0 P:0 B:0", says: "51:1: warning: track_interface eth1: A of vrrp_sync_group G is the address owner, the weight is not used (see 34:10)\n55:1: warning: track_script SW: A of vrrp_sync_group G is the address owner, the weight is not used (see 34:10)\n58:1: warning: track_file F: A of vrrp_sync_group G is the address owner, the weight is not used (see 34:10)\n59:1: warning: track_file F3: A of vrrp_sync_group G is the address owner, the weight is not used (see 34:10)\n62:1: warning: track_process P: A of vrrp_sync_group G is the address owner, the weight is not used (see 34:10)\n65:1: warning: track_bfd B: A of vrrp_sync_group G is the address owner, the weight is not used (see 34:10)"},
		"an interface of both":                      {text: plain + router("C", 53, "track_interface {\neth1\n}") + "vrrp_sync_group H {\ngroup {\nA\nC\n}\ntrack_interface {\neth1 weight 5\n}\n}\n", status: 5, says: "59:1: track_interface eth1: vrrp_instance C of vrrp_sync_group H tracks it too; remove one of them (see 50:1)"},
		"a script of both, the weight of the group": {text: objects + router("A", 51, "track_script {\nS weight 2\n}") + router("B", 52) + syncGroup("sync_group_tracking_weight\ntrack_script {\nS weight 7\n}"), value: ofA, want: "S:7", says: "52:1: note: track_script S: vrrp_instance A of vrrp_sync_group G tracks it too; remove one of them (see 34:1)"},
		"a script of both, the instance has none":   {text: objects + router("A", 51, "track_script {\nS\n}") + router("B", 52) + syncGroup("track_script {\nS weight 7\n}"), value: ofA, want: "S", says: "51:1: note: track_script S: vrrp_instance A of vrrp_sync_group G tracks it too; remove one of them (see 34:1)"},
		"the own interface of a member":             {text: plain + syncGroup("track_interface {\neth0\n}"), status: 5, value: ofA, want: "", says: "49:1: track_interface eth0: vrrp_instance A of vrrp_sync_group G tracks it too; remove one of them (see 28:11)\n49:1: track_interface eth0: vrrp_instance B of vrrp_sync_group G tracks it too; remove one of them (see 36:11)"},
		"a script that is none":                     {text: plain + syncGroup("track_script {\nT\nS\n}"), status: 5, value: ofA, want: "S", says: "49:1: vrrp_sync_group G: track_script T: there is no vrrp_script of that name"},
	})
}
