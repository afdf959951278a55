package doctor

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/kconf"
	"holdfast/track"
	"holdfast/vrrp"
)

// TestMergeLeavesOutWhatAFindingSaysBetter and keeps the list as serious as the
// reading was.
func TestMergeLeavesOutWhatAFindingSaysBetter(t *testing.T) {
	in := input(t, "k.conf", conf(secure, script("weight -60"), router("advert_int 0.5; nopreempt; state MASTER; priority 100; track_script { chk }; wrong"),
		second(""), "vrrp_sync_group G1 { group { VI_1; VI_2 } }"))
	var got []string
	for _, d := range Merge(in, Examine(in)) {
		got = append(got, fmt.Sprintf("%d %v %s", d.Pos.Line, d.Severity, d.ID))
	}
	want := []string{
		"5 warning script-nobody-tracks",
		"17 warning interval-not-on-the-wire",
		"18 warning preempting-master",
		"22 error weight-in-group",
		"24 error unknown-keyword",
		"26 note group-states-differ",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestFindingsAreInTheOrderOfTheFile: an included file stands where its include
// statement stands.
func TestFindingsAreInTheOrderOfTheFile(t *testing.T) {
	main := kconf.At("main.conf", 5, 1)
	via := kconf.At("main.conf", 3, 1)
	inner := kconf.Pos{Source: &kconf.Source{Name: "a.conf", Via: &via}, Line: 9, Col: 1}
	list := tidy([]kconf.Diagnostic{
		{Pos: main, ID: "c"}, {Pos: inner, ID: "b"}, {Pos: kconf.At("main.conf", 1, 2), ID: "a"}, {ID: "no place"},
		{Pos: main, ID: "c"},
	})
	var got []string
	for _, d := range list {
		got = append(got, d.ID)
	}
	if d := cmp.Diff([]string{"no place", "a", "b", "c"}, got); d != "" {
		t.Error(d)
	}
}

// TestReachIsThatOfAllCombinations: sums of one sign are what going through every
// combination of up and down gives.
func TestReachIsThatOfAllCombinations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		base := 1 + r.IntN(254)
		i := &config.Instance{InstanceConfig: &vrrp.InstanceConfig{}, Params: vrrp.Params{Priority: uint8(base)}}
		for n := range r.IntN(6) {
			w, rev := r.IntN(200)-100, r.IntN(2) == 0
			i.Links = append(i.Links, track.Ref{Name: fmt.Sprint("eth", n), Weight: &w, Reverse: &rev})
		}
		in := &Input{Config: &config.Config{}}
		list := in.weighted(i)
		got := in.reachOf(i)
		seen := map[int]map[bool]bool{} // tracker: whether flipping it changes anything
		lowest, highest := 255, 0
		effective := func(mask int) int {
			var trackers []track.Tracker
			for n, tr := range list {
				state := track.Down
				if mask>>n&1 == 1 {
					state = track.Up
				}
				trackers = append(trackers, track.Tracker{Kind: tr.kind, Name: tr.name, Weight: tr.weight, Reverse: tr.reverse, State: state})
			}
			return track.Sum(base, trackers).Priority
		}
		for mask := range 1 << len(list) {
			p := effective(mask)
			lowest, highest = min(lowest, p), max(highest, p)
			for n := range list {
				if seen[n] == nil {
					seen[n] = map[bool]bool{}
				}
				seen[n][effective(mask^1<<n) != p] = true
			}
		}
		healthy := effective(1<<len(list) - 1)
		if got.lowest != lowest || got.highest != highest || got.healthy != healthy {
			t.Fatalf("%d with %+v: %+v, want %d to %d, healthy %d", base, list, got, lowest, highest, healthy)
		}
		for n := range list {
			if moves(base, list, n) != seen[n][true] {
				t.Fatalf("%d with %+v: tracker %d moves: %v", base, list, n, moves(base, list, n))
			}
		}
	}
}

func TestVersionsAreComparedByNumber(t *testing.T) {
	for _, c := range []struct {
		since, target string
		want          bool
	}{
		{"2.2.8", "2.2.7", true},
		{"2.2.7", "2.2.7", false},
		{"2.10.0", "2.2.7", true},
		{"0.5.3 or older", "2.2.7", false},
		{"2.4.3+git", "2.4.3", true},
		{"2.4.3+git", "2.4.4", false},
		{"", "2.2.7", false},
		{"2.3", "2.2.7", true},
	} {
		if got := newer(c.since, c.target); got != c.want {
			t.Errorf("%q is newer than %q: %v", c.since, c.target, got)
		}
	}
}

// TestTargetVersionDecidesWhatIsNewer.
func TestTargetVersionDecidesWhatIsNewer(t *testing.T) {
	in := input(t, "k.conf", conf(router("version 3; v3_checksum_as_v2")))
	in.For = "2.3.0"
	if got := of(Examine(in), "newer-than-wanted"); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

func TestExamplesAreLaidOut(t *testing.T) {
	got := conf(with("vrrp_instance A", "interface eth0; priority 100", "priority 5; track { x { y }; z }"), "include b")
	want := `vrrp_instance A {
    interface eth0
    priority 5
    track {
        x {
            y
        }
        z
    }
}
include b
`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// cluster is a whole balancer pair as it should be, for the node with this
// priority and these addresses.
func cluster(priority int, own, other string) string {
	return conf(
		"global_defs { enable_script_security; script_user nobody; notification_email { ops@example.net }; smtp_server 127.0.0.1; lvs_sync_daemon eth1 VI_1 }",
		"vrrp_script chk { script \"/usr/local/bin/chk --fast\"; interval 2; timeout 1; fall 3; rise 2; weight -60; user nobody }",
		fmt.Sprintf("vrrp_instance VI_1 { state BACKUP; interface eth0; virtual_router_id 51; priority %d; version 3; advert_int 0.5; unicast_src_ip %s; "+
			"unicast_peer { %s }; virtual_ipaddress { 192.0.2.100/24; 192.0.2.101/24 }; track_interface { eth1 }; track_script { chk }; smtp_alert }", priority, own, other),
		"virtual_server 192.0.2.100 443 { delay_loop 5; lvs_sched wlc; lvs_method DR; protocol TCP; persistence_timeout 300; quorum 2; hysteresis 1; sorry_server 198.51.100.99 443; "+
			"real_server 198.51.100.11 443 { weight 2; SSL_GET { connect_timeout 2; url { path /; status_code 200 } } }; "+
			"real_server 198.51.100.12 443 { weight 2; SSL_GET { connect_timeout 2; url { path /; status_code 200 } } } }",
		"virtual_server 192.0.2.101 53 { delay_loop 5; lvs_sched rr; lvs_method NAT; protocol UDP; ops; "+
			"real_server 198.51.100.11 53 { DNS_CHECK { connect_timeout 2; type a; name example.net } } }")
}

// TestNothingIsSaidAboutAGoodPair.
func TestNothingIsSaidAboutAGoodPair(t *testing.T) {
	here, there := input(t, "lb1.conf", cluster(150, "192.0.2.2", "192.0.2.3")), input(t, "lb2.conf", cluster(100, "192.0.2.3", "192.0.2.2"))
	for _, d := range append(Merge(here, Examine(here)), Compare(here, there)...) {
		t.Errorf("%v [%s]", d, d.ID)
	}
	for _, d := range Compare(there, here) {
		t.Errorf("the other way round: %v [%s]", d, d.ID)
	}
}

// TestIncludesOfIncludedFilesAreLookedAt from the folder of the file they are in.
func TestIncludesOfIncludedFilesAreLookedAt(t *testing.T) {
	disk := kconf.Memory{"/etc/k.conf": "include conf.d/*.conf\n", "/etc/conf.d/a.conf": conf(router(""), second("")) + "include more/*.conf\n"}
	opt := config.LoadOptions{}.Parsing()
	opt.FS = disk
	file, diags := kconf.ParseFile("/etc/k.conf", opt)
	l, err := config.Understand(file, diags, config.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	in := NewInput(file, l)
	in.Sources = disk
	got := of(Examine(in), "nothing-to-include")
	want := []string{"/etc/conf.d/a.conf:15:1: warning: include more/*.conf: matches no file; correct the pattern, or write includew, which insists on a match (included at /etc/k.conf:1:1)"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExplainIsOneSentence(t *testing.T) {
	if got := Explain("peer-not-named"); got != "Unicast peers that do not name each other." {
		t.Error(got)
	}
	if got := Explain("unknown-keyword"); got != "The word is no keyword of this block." {
		t.Error(got)
	}
	if got := Explain("nowhere"); got != "" {
		t.Error(got)
	}
}

// FuzzExamine: no text makes a rule fall over, alone or beside itself.
func FuzzExamine(f *testing.F) {
	for _, r := range Rules() {
		f.Add(r.Bad, r.BadPeer)
	}
	f.Fuzz(func(t *testing.T, here, there string) {
		if len(here)+len(there) > 10_000 {
			t.Skip("larger texts only make a run slower")
		}
		a, b := input(t, "a.conf", here), input(t, "b.conf", there)
		found := append(Examine(a), Compare(a, b)...)
		Merge(a, found)
		for _, d := range found {
			if _, known := Lookup(d.ID); !known || d.Severity == kconf.Error || d.Message == "" || d.Hint == "" {
				t.Errorf("%+v", d)
			}
		}
	})
}
