package config_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/host"
	"holdfast/kconf"
	"holdfast/track"
)

// crossRule is a configuration whose blocks contradict each other, or just do
// not: what is said, the exit status of --config-test, and what becomes of it.
type crossRule struct {
	text   string
	says   string // lines, without the name of the file; what is not supported yet and which scripts are not used is left out
	status int
	stops  bool // the daemon does not start
	value  func(*config.Config) any
	want   any
}

// router is a vrrp_instance with one address, on one line with its keywords.
func router(name string, vrid int, body ...string) string {
	return fmt.Sprintf("vrrp_instance %s {\ninterface eth0\nvirtual_router_id %d\nvirtual_ipaddress {\n10.9.0.%d\n}\n%s\n}\n", name, vrid, vrid, strings.Join(body, "\n"))
}

// syncGroup is a vrrp_sync_group of A and B, with more lines.
func syncGroup(lines ...string) string {
	return "vrrp_sync_group G {\ngroup {\nA\nB\n}\n" + strings.Join(lines, "\n") + "\n}\n"
}

// checkCross runs a table of rules; primary is the address of every interface.
func checkCross(t *testing.T, tests map[string]crossRule) {
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file, diags := kconf.ParseString("k.conf", tt.text, config.LoadOptions{ConfigID: "node"}.Parsing())
			links := configtest.TwoLinks()
			links["mac0"] = host.Link{Index: 4, Name: "mac0", Kind: "macvlan", Mode: "private", Parent: 2, MAC: host.MAC{2, 0, 0, 0, 0, 3}, MTU: 1500, Multicast: true, Up: true, Running: true}
			l, err := config.Understand(file, diags, config.Environment{Links: links, Scripts: true,
				Primary: func(link string, _ bool) (netip.Addr, bool) { return netip.MustParseAddr("10.9.0.2"), link == "eth0" }})
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, d := range l.Diagnostics.All() {
				if d.ID != "not-supported-yet" && d.ID != "unused-script" {
					said = append(said, strings.ReplaceAll(d.String(), "k.conf:", ""))
				}
			}
			if got := strings.Join(said, "\n"); got != tt.says {
				t.Errorf("says\n%s\nwant\n%s", got, tt.says)
			}
			if got := l.TestStatus(); got != tt.status {
				t.Errorf("--config-test ends with %d, want %d", got, tt.status)
			}
			if got := l.Fatal != ""; got != tt.stops {
				t.Errorf("cannot start because %q, want %v", l.Fatal, tt.stops)
			}
			if tt.value == nil {
				return
			}
			if diff := cmp.Diff(tt.want, tt.value(l.Config)); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
			// what the parent understood, a child must understand as well
			child, err := config.Decode(l.Encoded, l.Config.Told())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tt.value(child)); diff != "" {
				t.Errorf("a child's value (-want +got):\n%s", diff)
			}
		})
	}
}

// faults are the instances that stay in FAULT because of the configuration.
func faults(c *config.Config) any {
	var names []string
	for _, in := range c.Instances {
		if in.Params.ConfigFault != "" {
			names = append(names, in.Name)
		}
	}
	return strings.Join(names, " ")
}

// groups are the sync groups with their members and the state they start in.
func groups(c *config.Config) any {
	var list []string
	for _, g := range c.Groups {
		list = append(list, fmt.Sprintf("%s=%s %s", g.Name, strings.Join(g.Instances, ","), g.Start))
	}
	return strings.Join(list, "; ")
}

// trackers are all trackers of an instance or group, with the weights that
// their lines or rules gave them.
func trackers(t config.Trackers) string {
	var list []string
	for _, k := range []struct {
		kind track.Kind
		refs []track.Ref
	}{{track.Interface, t.Links}, {track.Script, t.Scripts}, {track.File, t.TrackFiles}, {track.Process, t.TrackProcesses}, {track.BFD, t.TrackBFDs}} {
		for _, r := range k.refs {
			text := r.Name
			if r.Weight != nil {
				text += fmt.Sprintf(":%d", *r.Weight)
			}
			list = append(list, text)
		}
	}
	return strings.Join(list, " ")
}

// ofA and ofGroup are the trackers of the first instance and of the first group.
func ofA(c *config.Config) any     { return trackers(c.Instances[0].Trackers) }
func ofGroup(c *config.Config) any { return trackers(c.Groups[0].Trackers) }

// placed are the addresses of the first instance: advertised, and excluded ones.
func placed(c *config.Config) any {
	var text []string
	for _, list := range [][]host.Address{c.Instances[0].Addresses, c.Instances[0].Excluded} {
		var words []string
		for _, a := range list {
			words = append(words, a.Prefix.String())
		}
		text = append(text, strings.Join(words, " "))
	}
	return strings.Join(text, " | ")
}
