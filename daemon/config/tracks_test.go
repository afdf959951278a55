package config_test

import "testing"

// TestTrackersOfAnInstance: what exists, once, and which weights count.
func TestTrackersOfAnInstance(t *testing.T) {
	a := func(lines string) string { return objects + router("A", 51, lines) }
	checkCross(t, map[string]crossRule{
		"all kinds":                           {text: a(everything), value: ofA, want: "eth1:5 S SW F F3 P B"},
		"defined further down":                {text: router("A", 51, everything) + objects, value: ofA, want: "eth1:5 S SW F F3 P B"},
		"an owner has no weights":             {text: objects + router("A", 51, owner, everything), status: 5, value: ofA, want: "S F:0 P", says: "36:1: track_interface eth1: A is the address owner, a tracker with weight is not used\n40:1: track_script SW: A is the address owner, a tracker with weight is not used\n43:1: track_file F: A is the address owner, the weight is not used\n44:1: track_file F3: A is the address owner, a tracker with weight is not used\n50:1: track_bfd B: A is the address owner, a tracker with weight is not used"},
		"a script that is none":               {text: a("track_script {\nT\nS\n}"), status: 5, value: ofA, want: "S", says: "34:1: vrrp_instance A: track_script T: there is no vrrp_script of that name"},
		"a file that is none":                 {text: a("track_file {\nS\n}"), status: 5, value: ofA, want: "", says: "34:1: vrrp_instance A: track_file S: there is no track_file of that name"},
		"a process that is none":              {text: a("track_process {\nQ\n}"), status: 5, value: ofA, want: "", says: "34:1: vrrp_instance A: track_process Q: there is no vrrp_track_process of that name"},
		"a session that is none":              {text: a("track_bfd {\nC\n}"), status: 5, value: ofA, want: "", says: "34:1: vrrp_instance A: track_bfd C: there is no bfd_instance of that name"},
		"a session of checkers only":          {text: a("track_bfd {\nC\n}") + "bfd_instance C {\nneighbor_ip 10.9.0.8\nchecker\n}\n", status: 5, value: ofA, want: "", says: "34:1: vrrp_instance A: track_bfd C: there is no bfd_instance of that name"},
		"named twice":                         {text: a("track_file {\nF\nF weight 2\n}"), status: 5, value: ofA, want: "F", says: "35:1: track_file F: given before, this line is ignored (see 34:1)"},
		"the own interface":                   {text: a("track_interface {\neth0\neth1\n}"), status: 5, value: ofA, want: "eth1", says: "34:1: warning: vrrp_instance A: track_interface eth0: is its own interface, which is tracked anyway"},
		"an interface that is not there":      {text: a("track_interface {\neth7\n}"), status: 5, stops: true, says: "34:1: interface eth7 does not exist; create it, or allow interfaces to come later with dynamic_interfaces in global_defs"},
		"254 is 253":                          {text: a("track_script {\nS weight 254\n}\ntrack_interface {\neth1 weight -254\n}"), status: 5, value: ofA, want: "eth1:-253 S:253", says: "37:13: warning: track_interface eth1: weight -254: -253 is used instead\n34:10: warning: track_script S: weight 254: 253 is used instead"},
		"a weight beyond that":                {text: a("track_script {\nSW weight 255\n}\ntrack_interface {\neth1 weight 255\n}"), status: 5, value: ofA, want: "eth1 SW", says: "37:13: track_interface eth1: weight 255: must be -253 to 253\n34:11: track_script SW: weight 255: must be -253 to 253"},
		"files go to 254":                     {text: a("track_file {\nF weight 254\nF3 weight 255\n}"), status: 5, value: ofA, want: "F:254 F3", says: "35:11: track_file F3: weight 255: must be -254 to 254"},
		"sessions go to 253":                  {text: a("track_bfd {\nB weight 254\n}"), status: 5, value: ofA, want: "B", says: "34:10: track_bfd B: weight 254: must be -253 to 253"},
		"another word than weight":            {text: a("track_script {\nS wait 2\n}"), status: 5, value: ofA, want: "", says: "34:3: track_script S: unknown word wait, only weight may follow"},
		"weight without a number":             {text: a("track_script {\nS weight\n}"), status: 5, value: ofA, want: "", says: "34:3: track_script S: weight wants a number"},
		"a word behind a script's weight":     {text: a("track_script {\nS weight 2 now\n}"), status: 5, value: ofA, want: "S:2", says: "34:12: track_script S: unknown word now, only reverse or noreverse may follow the weight"},
		"a word behind a file's weight":       {text: a("track_file {\nF weight 2 now\n}"), status: 5, value: ofA, want: "", says: "34:12: track_file F: unknown word now, only reverse or noreverse may follow the weight"},
		"two scripts of one name":             {text: objects + "vrrp_script S {\nscript /bin/false\nweight 9\n}\n" + router("A", 51, "track_script {\nS\n}"), value: ofA, want: "S"},
		"a session that is there already":     {text: "bfd_instance C {\nneighbor_ip 10.9.0.9\n}\nbfd_instance D {\nneighbor_ip 10.9.0.9\n}\n" + router("A", 51, "track_bfd {\nD\nC\n}"), status: 5, value: ofA, want: "C", says: "5:13: bfd_instance D: C is a session with 10.9.0.9 already, this one is not used (see 2:13)\n14:1: vrrp_instance A: track_bfd D: there is no bfd_instance of that name"},
		"a session with a name that is taken": {text: "bfd_instance C {\nneighbor_ip 10.9.0.9\n}\nbfd_instance C {\nneighbor_ip 10.9.0.8\n}\n" + router("A", 51, "track_bfd {\nC\n}"), status: 5, value: ofA, want: "C", says: "4:1: bfd_instance C: the name is taken, this block is skipped (see 1:1)"},
		"sessions over routers are others":    {text: "bfd_instance C {\nneighbor_ip 10.9.0.9\n}\nbfd_instance D {\nneighbor_ip 10.9.0.9\nmultihop\n}\n" + router("A", 51, "track_bfd {\nD\nC\n}"), value: ofA, want: "D C"},
	})
}
