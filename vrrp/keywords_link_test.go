package vrrp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/kconf"
)

// parsed is the only statement of a text.
func parsed(t *testing.T, text string) (*kconf.Stmt, *kconf.Ctx) {
	t.Helper()
	file, diags := kconf.ParseString("k", text, kconf.Options{})
	if len(file.Stmts) != 1 {
		t.Fatalf("parsed %d statements: %v", len(file.Stmts), diags.All())
	}
	return file.Stmts[0], &kconf.Ctx{Diags: diags}
}

func names(words []kconf.Word) (list []string) {
	for _, w := range words {
		list = append(list, w.Text)
	}
	return list
}

// The statuses are those of keepalived 2.2.7 for the same text, except where a
// row says so.
func TestGroupsOfAnnouncements(t *testing.T) {
	tests := map[string]struct {
		inside string
		want   []string // interfaces; nil: not used
		says   string
		status int
	}{
		"one interface":                {"garp_interval 1\ninterface eth0", []string{"eth0"}, "", 0},
		"several":                      {"gna_interval 0.5\ninterface eth0\ninterfaces {\neth1 eth2\neth3\n}", []string{"eth0", "eth1", "eth2", "eth3"}, "", 0},
		"no distance":                  {"interface eth0", nil, "k:1:1: garp_group: has neither garp_interval nor gna_interval, it is not used", 5},
		"a distance of nothing is one": {"garp_interval 0\ninterface eth0", []string{"eth0"}, "", 0},
		"no interface":                 {"garp_interval 1", []string{}, "", 0},
		"an empty list":                {"garp_interval 1\ninterfaces {\n}", []string{}, "k:3:1: interfaces: names no interface", 5},
		"one named twice":              {"garp_interval 1\ninterface eth0\ninterfaces {\neth0 eth1\n}", []string{"eth0", "eth1"}, "k:5:1: garp_group: eth0: named twice (see k:3:11)", 5},
		"too long a distance":          {"garp_interval 4295\ngna_interval 1", []string{}, "k:2:15: garp_interval 4295: must be 0-4294.967295 seconds", 5},
		"a name that is none":          {"garp_interval 1\ninterface a/b", []string{}, "k:3:11: garp_group a/b: an interface name has 1 to 15 characters, no slash, no blank", 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, x := parsed(t, "garp_group {\n"+tt.inside+"\n}\n")
			c := DecodeGARPGroup(x, s)
			if used := c != nil; used != (tt.want != nil) {
				t.Fatalf("used %v, says %q", used, said(x.Diags))
			}
			if c != nil && cmp.Diff(tt.want, append([]string{}, names(c.Interfaces)...)) != "" {
				t.Errorf("interfaces %v, want %v", names(c.Interfaces), tt.want)
			}
			if said(x.Diags) != tt.says || x.Diags.TestStatus() != tt.status {
				t.Errorf("status %d, says %q\nwant %d, %q", x.Diags.TestStatus(), said(x.Diags), tt.status, tt.says)
			}
		})
	}
}

// The statuses are those of keepalived 2.2.7 for the same text.
func TestGroupsOfTracking(t *testing.T) {
	tests := map[string]struct {
		text   string
		want   []string // members; nil: not used
		says   string
		status int
	}{
		"members":      {"track_group T {\ngroup {\nVI_1 VI_2\nVI_3\n}\n}\n", []string{"VI_1", "VI_2", "VI_3"}, "", 0},
		"no name":      {"track_group {\ngroup {\nVI_1\n}\n}\n", nil, "k:1:1: track_group: has no name, the block is skipped", 5},
		"no group":     {"track_group T {\n}\n", []string{}, "", 0},
		"an empty one": {"track_group T {\ngroup {\n}\n}\n", []string{}, "k:2:1: track_group T: names no instance", 5},
		"two groups":   {"track_group T {\ngroup {\nVI_1\n}\ngroup {\nVI_2\n}\n}\n", []string{"VI_1"}, "k:5:1: group: given before, the first one counts (see k:2:1)", 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, x := parsed(t, tt.text)
			c := DecodeTrackGroup(x, s)
			if used := c != nil; used != (tt.want != nil) {
				t.Fatalf("used %v, says %q", used, said(x.Diags))
			}
			if c != nil && (c.Name != "T" || cmp.Diff(tt.want, append([]string{}, names(c.Members)...)) != "") {
				t.Errorf("members of %s: %v, want %v", c.Name, names(c.Members), tt.want)
			}
			if said(x.Diags) != tt.says || x.Diags.TestStatus() != tt.status {
				t.Errorf("status %d, says %q\nwant %d, %q", x.Diags.TestStatus(), said(x.Diags), tt.status, tt.says)
			}
		})
	}
}

func TestASyncGroupHasOneListOfMembers(t *testing.T) {
	s, x := parsed(t, "vrrp_sync_group G {\ngroup {\nVI_1\n}\ngroup {\nVI_2\n}\n}\n")
	var c GroupConfig
	GroupKeywords.Decode(x, &c, s.Block)
	if got, want := said(x.Diags), "k:5:1: group: given before, the first one counts (see k:2:1)"; got != want || len(c.Members) != 1 {
		t.Errorf("members %v, says %q, want %q", names(c.Members), got, want)
	}
}

// linkRoot is a file that has the two blocks.
type linkRoot struct {
	linkbeat []Linkbeat
	delays   []LinkDelays
}

var lineKeywords = kconf.Vocabulary[linkRoot]{
	{Name: "linkbeat_interfaces", Set: LinkbeatInterfaces(func(l *linkRoot) *[]Linkbeat { return &l.linkbeat })},
	{Name: "interface_up_down_delays", Set: InterfaceUpDownDelays(func(l *linkRoot) *[]LinkDelays { return &l.delays })},
}

// The statuses are those of keepalived 2.2.7 for the same text.
func TestLinesAboutLinks(t *testing.T) {
	tests := map[string]struct {
		text   string
		want   linkRoot
		says   string
		status int
	}{
		"linkbeat, the best way":       {"linkbeat_interfaces {\neth0\n}\n", linkRoot{linkbeat: []Linkbeat{{Interface: "eth0", Method: ""}}}, "", 0},
		"linkbeat by ethtool":          {"linkbeat_interfaces {\neth0 ETHTOOL\n}\n", linkRoot{linkbeat: []Linkbeat{{Interface: "eth0", Method: "ETHTOOL"}}}, "", 0},
		"linkbeat in small letters":    {"linkbeat_interfaces {\neth0 mii\n}\n", linkRoot{linkbeat: []Linkbeat{{Interface: "eth0", Method: ""}}}, "k:2:6: linkbeat_interfaces eth0: unknown word mii, only one of MII, ETHTOOL and IOCTL may follow", 5},
		"linkbeat in two ways":         {"linkbeat_interfaces {\neth0 MII IOCTL\n}\n", linkRoot{linkbeat: []Linkbeat{{Interface: "eth0", Method: "MII"}}}, "k:2:10: linkbeat_interfaces eth0: unknown word IOCTL, only one of MII, ETHTOOL and IOCTL may follow", 5},
		"linkbeat of no name":          {"linkbeat_interfaces {\na/b\n}\n", linkRoot{}, "k:2:1: linkbeat_interfaces a/b: an interface name has 1 to 15 characters, no slash, no blank", 5},
		"two delays":                   {"interface_up_down_delays {\neth0 1 0.5\n}\n", linkRoot{delays: []LinkDelays{{Interface: "eth0", Down: time.Second, Up: 500 * time.Millisecond}}}, "", 0},
		"a delay when going down only": {"interface_up_down_delays {\neth0 255\n}\n", linkRoot{delays: []LinkDelays{{Interface: "eth0", Down: 255 * time.Second, Up: 0}}}, "", 0},
		"no delay":                     {"interface_up_down_delays {\neth0\n}\n", linkRoot{}, "k:2:1: note: interface_up_down_delays eth0: has no delay, the line is ignored", 0},
		"three delays":                 {"interface_up_down_delays {\neth0 1 2 3\n}\n", linkRoot{delays: []LinkDelays{{Interface: "eth0", Down: time.Second, Up: 2 * time.Second}}}, "k:2:10: note: interface_up_down_delays eth0: 3 and what follows is ignored", 0},
		"too long a delay":             {"interface_up_down_delays {\neth0 1 256\n}\n", linkRoot{}, "k:2:8: interface_up_down_delays eth0 256: must be 0-255 seconds", 5},
		"a delay that is none":         {"interface_up_down_delays {\neth0 x\n}\n", linkRoot{}, "k:2:6: interface_up_down_delays eth0 x: must be 0-255 seconds", 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, x := parsed(t, tt.text)
			var got linkRoot
			lineKeywords.Decode(x, &got, []*kconf.Stmt{s})
			if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(linkRoot{}), cmpopts.IgnoreFields(Linkbeat{}, "Pos"), cmpopts.IgnoreFields(LinkDelays{}, "Pos")); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			for _, l := range got.linkbeat {
				if l.Pos.String() != "k:2:1" {
					t.Errorf("%s stands at %v", l.Interface, l.Pos)
				}
			}
			if said(x.Diags) != tt.says || x.Diags.TestStatus() != tt.status {
				t.Errorf("status %d, says %q\nwant %d, %q", x.Diags.TestStatus(), said(x.Diags), tt.status, tt.says)
			}
		})
	}
}
