package daemon

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/host"
	"holdfast/vrrp"
)

// estate is a configuration with two routers that own something each, and
// static things.
const estate = `
static_ipaddress {
    10.5.0.1/24 dev eth1
}
static_routes {
    10.50.0.0/16 via 10.9.0.254 dev eth0
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.9.0.100/24
        10.9.0.101/24 dev eth1
    }
    virtual_ipaddress_excluded {
        fd00:9::100/64
    }
    virtual_routes {
        10.60.0.0/16 via 10.9.0.254 dev eth0
    }
    virtual_rules {
        from 10.9.0.100 lookup 60 priority 100
    }
}
vrrp_instance VI_2 {
    interface eth0
    virtual_router_id 52
    virtual_ipaddress {
        10.9.0.200/24
        10.9.0.100/24
    }
}
`

func byName(c *config.Config) map[string]*config.Instance {
	all := map[string]*config.Instance{}
	for _, in := range c.Instances {
		all[in.Name] = in
	}
	return all
}

// addressNames are keys as text. An IPv6 address is the same one whatever its
// prefix length, so its key has all 128 bits.
func addressNames[V any](m map[host.AddressKey]V) []string {
	var names []string
	for k := range maps.Keys(m) {
		names = append(names, k.Link+" "+k.Prefix.String())
	}
	slices.Sort(names)
	return names
}

// TestTheHostIsAFoldOverTheStatesOfTheRouters: what each active router owns,
// what is static, and nothing that depends on how we got there.
func TestTheHostIsAFoldOverTheStatesOfTheRouters(t *testing.T) {
	l := configtest.Understood(t, estate)
	if len(configtest.Lines(l)) > 0 {
		t.Fatalf("the file is not what it should be: %q", configtest.Lines(l))
	}
	every := []string{"eth0 10.9.0.100/24", "eth0 10.9.0.200/24", "eth0 fd00:9::100/128", "eth1 10.5.0.1/24", "eth1 10.9.0.101/24"}
	tests := map[string]struct {
		active        map[string]bool
		addresses     []string
		routes, rules int
	}{
		"none is active": {nil, []string{"eth1 10.5.0.1/24"}, 1, 0},
		"the first": {map[string]bool{"VI_1": true},
			[]string{"eth0 10.9.0.100/24", "eth0 fd00:9::100/128", "eth1 10.5.0.1/24", "eth1 10.9.0.101/24"}, 2, 1},
		// the address that both have stays while either is active
		"the second": {map[string]bool{"VI_2": true}, []string{"eth0 10.9.0.100/24", "eth0 10.9.0.200/24", "eth1 10.5.0.1/24"}, 1, 0},
		"both":       {map[string]bool{"VI_1": true, "VI_2": true}, every, 2, 1},
		"a stranger": {map[string]bool{"VI_9": true}, []string{"eth1 10.5.0.1/24"}, 1, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for range 20 { // the order of a map must not matter
				d := desiredHost(7, byName(l.Config), tt.active, l.Config.Statics)
				if diff := cmp.Diff(tt.addresses, addressNames(d.Addresses)); diff != "" {
					t.Fatalf("addresses (-want +got):\n%s", diff)
				}
				if len(d.Routes) != tt.routes || len(d.Rules) != tt.rules || d.Seq != 7 {
					t.Fatalf("%d routes, %d rules, seq %d, want %d, %d, 7", len(d.Routes), len(d.Rules), d.Seq, tt.routes, tt.rules)
				}
				if diff := cmp.Diff(every, addressNames(d.Leftovers)); diff != "" {
					t.Fatalf("addresses of the configuration (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestAStopWantsNothingMore(t *testing.T) {
	l := configtest.Understood(t, estate)
	d := desiredHost(1, byName(l.Config), nil, config.Statics{})
	if len(d.Addresses)+len(d.Routes)+len(d.Rules) > 0 {
		t.Errorf("still wanted: %v", addressNames(d.Addresses))
	}
}

// TestASuccessorTakesOverOnlyWhatIsStillThere: a VRRP process that was killed
// left its addresses; if somebody has taken one away, its successor waits like
// anybody else.
func TestASuccessorTakesOverOnlyWhatIsStillThere(t *testing.T) {
	conf := configtest.Understood(t, estate).Config
	in := conf.Instances[0]
	since, until := time.Unix(1000, 0), time.Unix(2000, 0)
	all := host.NewState()
	for _, a := range in.Addresses {
		all.Addresses[a.Key()] = a
	}
	one := host.NewState()
	one.Addresses[in.Addresses[0].Key()] = in.Addresses[0]
	tests := map[string]struct {
		resume map[string]snapshot
		state  host.State
		want   bool
	}{
		"it was master":                     {map[string]snapshot{"VI_1": {State: "MASTER", Since: since, Until: until}}, all, true},
		"one address is missing":            {map[string]snapshot{"VI_1": {State: "MASTER"}}, one, false},
		"it was backup":                     {map[string]snapshot{"VI_1": {State: "BACKUP"}}, all, false},
		"nothing is known":                  {nil, all, false},
		"another router's state is no help": {map[string]snapshot{"VI_2": {State: "MASTER"}}, all, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := &vrrpRole{state: tt.state}
			got := r.resumed(in, tt.resume)
			if (got != nil) != tt.want {
				t.Fatalf("resumes from %+v, want %v", got, tt.want)
			}
			if got == nil {
				return
			}
			// the last advert is at most an interval (1 s) older than the end
			want := vrrp.Snapshot{State: vrrp.Active, Priority: 100, LastTransition: since, LastSent: time.Unix(1999, 0)}
			if diff := cmp.Diff(want, *got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("snapshot (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangesOfTheHostAreLoggedAsKeepalivedDoes(t *testing.T) {
	address := func(text string) host.Address {
		return host.Address{Link: "eth0", Prefix: netip.MustParsePrefix(text)}
	}
	eth0 := host.Link{Name: "eth0"}
	tests := map[string]struct {
		change  host.Change
		line    string
		changed bool // links or sources may be others now
	}{
		"link up":                      {host.Change{Kind: host.LinkUp, Link: eth0}, "Netlink reports eth0 up", true},
		"link down":                    {host.Change{Kind: host.LinkDown, Link: eth0}, "Netlink reports eth0 down", true},
		"link added":                   {host.Change{Kind: host.LinkAdded, Link: eth0}, "Interface eth0 added", true},
		"link deleted":                 {host.Change{Kind: host.LinkDeleted, Link: eth0}, "Interface eth0 deleted", true},
		"link renamed":                 {host.Change{Kind: host.LinkRenamed, Link: eth0, Old: "eth7"}, "Interface name has changed from eth7 to eth0", true},
		"address added":                {host.Change{Kind: host.AddressAdded, Address: address("10.9.0.7/24")}, "Assigned address 10.9.0.7 for interface eth0", true},
		"address removed":              {host.Change{Kind: host.AddressRemoved, Address: address("10.9.0.7/24")}, "Deassigned address 10.9.0.7 from interface eth0", true},
		"our own address is no news":   {host.Change{Kind: host.AddressAdded, Address: address("10.9.0.100/24")}, "", false},
		"its going is none either":     {host.Change{Kind: host.AddressRemoved, Address: address("10.9.0.100/24")}, "", false},
		"a route changes nothing here": {host.Change{Kind: host.RouteRemoved}, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var lines []string
			conf := configtest.Understood(t, configtest.Router()).Config
			r := &vrrpRole{childProcess: &childProcess{log: newLogger(LevelDetail, recorder{&lines}), conf: conf}}
			if got := r.observed(tt.change); got != tt.changed {
				t.Errorf("changes links or sources: %v, want %v", got, tt.changed)
			}
			var want []string
			if tt.line != "" {
				want = []string{tt.line}
			}
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddressMonitoringLogsEveryAddress(t *testing.T) {
	var lines []string
	r := &vrrpRole{childProcess: &childProcess{log: newLogger(LevelDetail, recorder{&lines}), conf: configtest.Understood(t, configtest.Router()).Config, opt: Options{AddressMonitor: true}}}
	r.observed(host.Change{Kind: host.AddressAdded, Address: host.Address{Link: "eth0", Prefix: netip.MustParsePrefix("10.9.0.100/32")}})
	if diff := cmp.Diff([]string{"Netlink reflector reports 10.9.0.100 added"}, lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// TestInstancesCarryWhatTheLoopNeeds looks at one instance in whole.
func TestInstancesCarryWhatTheLoopNeeds(t *testing.T) {
	conf := configtest.Understood(t, `global_defs {
    vrrp_garp_interval 0.001
    vrrp_garp_master_repeat 2
    vrrp_version 3
}
vrrp_script chk {
    script /bin/true
    weight -20
}
`+configtest.With(`    state MASTER
    priority 200
    advert_int 0.3
    mcast_src_ip 10.9.0.7
    track_interface {
        eth1 weight -30
    }
    track_script {
        chk weight -40 reverse
    }`)).Config
	in := conf.Instances[0]
	if in.Params.Version != 3 || in.Params.Priority != 200 || in.Params.AdvertisementInterval != 300*time.Millisecond {
		t.Errorf("parameters %+v", in.Params)
	}
	if in.Source != netip.MustParseAddr("10.9.0.7") || in.Params.PrimaryAddr.IsValid() {
		t.Errorf("source %v, primary address %v: the first is configured, the second the role's", in.Source, in.Params.PrimaryAddr)
	}
	if in.AnnounceInterval != time.Millisecond || in.Params.Announce.MasterRepeat != 2 {
		t.Errorf("announcements: interval %v, %+v", in.AnnounceInterval, in.Params.Announce)
	}
	tr := trackedBy(conf, in)
	if tr.base != 200 || len(tr.links) != 2 || !tr.links[0].main || tr.links[1].ref.Name != "eth1" || *tr.links[1].ref.Weight != -30 {
		t.Errorf("tracked links %+v", tr)
	}
	if len(tr.scripts) != 1 || *tr.scripts[0].ref.Weight != -40 || tr.scripts[0].ref.Reverse == nil || !*tr.scripts[0].ref.Reverse {
		t.Errorf("tracked scripts %+v", tr.scripts)
	}
	jobs := scriptJobs(conf)
	if len(jobs) != 1 || jobs[0].Params.Name != "chk" || jobs[0].Command.Argv[0] != "/bin/true" {
		t.Errorf("scripts to run %+v", jobs)
	}
}

func TestAScriptThatNothingTracksDoesNotRun(t *testing.T) {
	conf := configtest.Understood(t, "vrrp_script chk {\n    script /bin/true\n}\n"+configtest.Router()).Config
	if jobs := scriptJobs(conf); len(jobs) != 0 {
		t.Errorf("%d scripts to run, want none", len(jobs))
	}
}

func TestWhichProcessesAConfigurationNeeds(t *testing.T) {
	tests := map[string]struct {
		text           string
		vrrp, checkers bool
	}{
		"nothing":            {"", false, false},
		"globals":            {"global_defs {\n    router_id x\n}\n", false, false},
		"a router":           {configtest.Router(), true, false},
		"a static route":     {"static_routes {\n    10.50.0.0/16 via 10.9.0.254 dev eth0\n}\n", true, false},
		"a balancer":         {configtest.Balancer(), false, true},
		"both":               {configtest.Router() + configtest.Balancer(), true, true},
		"a sync daemon":      {"global_defs {\n    lvs_sync_daemon eth0\n}\n", false, true},
		"the old way to one": {configtest.With("    lvs_sync_daemon_interface eth1"), true, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			conf := configtest.Understood(t, tt.text).Config
			if conf.HasVRRP() != tt.vrrp || conf.HasCheckers() != tt.checkers {
				t.Errorf("VRRP %v, checkers %v, want %v, %v", conf.HasVRRP(), conf.HasCheckers(), tt.vrrp, tt.checkers)
			}
			s := &supervisor{conf: &config.Loaded{Config: conf}}
			for _, only := range []struct {
				opt            Options
				vrrp, checkers bool
			}{
				{Options{}, tt.vrrp, tt.checkers},
				{Options{OnlyVRRP: true}, tt.vrrp, false},
				{Options{OnlyChecker: true}, false, tt.checkers},
				{Options{AllChildren: true}, true, true},
				{Options{AllChildren: true, OnlyVRRP: true}, true, false},
			} {
				s.opt = only.opt
				if s.wants(roleVRRP) != only.vrrp || s.wants(roleCheckers) != only.checkers {
					t.Errorf("with %+v: VRRP %v, checkers %v", only.opt, s.wants(roleVRRP), s.wants(roleCheckers))
				}
			}
		})
	}
}
