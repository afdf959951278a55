package daemon

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/host"
	"holdfast/vrrp"
)

// tracked objects of two routers, some of them not missed, and static ones.
const depending = `
static_ipaddress {
    10.5.0.1/24 dev eth1 track_group T
    10.5.0.2/24 dev eth1
}
track_group T {
    group {
        VI_1
        VI_2
    }
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.9.0.100/24
        10.9.0.101/24 no_track
    }
    virtual_ipaddress_excluded {
        10.9.0.102/24
    }
    virtual_routes {
        10.60.0.0/16 via 10.9.0.254 dev eth0
        10.61.0.0/16 via 10.9.0.254 dev eth0 no_track
    }
    virtual_rules {
        from 10.9.0.100 lookup 60 priority 100
        from 10.9.0.101 lookup 60 priority 101 no_track
    }
}
vrrp_instance VI_2 {
    interface eth0
    virtual_router_id 52
    virtual_ipaddress {
        10.9.0.200/24
        10.9.0.101/24
    }
}
`

func addressOp(link, prefix string) host.Op {
	a := host.NewAddress(link, netip.MustParsePrefix(prefix))
	return host.Op{Verb: host.Add, Address: &a}
}

// TestWhoDependsOnWhat: no_track says that an instance can do without, and
// track_group that it cannot do without something static.
func TestWhoDependsOnWhat(t *testing.T) {
	c := configtest.Understood(t, depending).Config
	in := c.Instances[0]
	tests := map[string]struct {
		op             host.Op
		all, dependent string
	}{
		"an address":                       {addressOp("eth0", "10.9.0.100/24"), "VI_1", "VI_1"},
		"one of two, no_track for one":     {addressOp("eth0", "10.9.0.101/24"), "VI_1 VI_2", "VI_2"},
		"an excluded one":                  {addressOp("eth0", "10.9.0.102/24"), "VI_1", "VI_1"},
		"a route":                          {host.Op{Route: &in.Routes[0]}, "VI_1", "VI_1"},
		"a route that is not tracked":      {host.Op{Route: &in.Routes[1]}, "VI_1", ""},
		"a rule":                           {host.Op{Rule: &in.Rules[0]}, "VI_1", "VI_1"},
		"a rule that is not tracked":       {host.Op{Rule: &in.Rules[1]}, "VI_1", ""},
		"a static one of a group":          {addressOp("eth1", "10.5.0.1/24"), "VI_1 VI_2", "VI_1 VI_2"},
		"a static one of none":             {addressOp("eth1", "10.5.0.2/24"), "", ""},
		"the same address on another link": {addressOp("eth1", "10.9.0.100/24"), "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			all, dependent := owners(c, nil, tt.op)
			if got, want := strings.Join(all, " ")+"|"+strings.Join(dependent, " "), tt.all+"|"+tt.dependent; got != want {
				t.Errorf("owners and dependent %s, want %s", got, want)
			}
		})
	}
}

// TestAnAddressOnAVMACBelongsToWhoWroteIt, whose line names another interface or none.
func TestAnAddressOnAVMACBelongsToWhoWroteIt(t *testing.T) {
	c := configtest.Understood(t, depending).Config
	for i := range c.Instances[0].Addresses {
		c.Instances[0].Addresses[i].Link = "vrrp.51"
	}
	tests := map[string]struct {
		op             host.Op
		all, dependent string
	}{
		"an address":             {addressOp("vrrp.51", "10.9.0.100/24"), "VI_1", "VI_1"},
		"one with no_track":      {addressOp("vrrp.51", "10.9.0.101/24"), "VI_1", ""},
		"on the interface below": {addressOp("eth0", "10.9.0.101/24"), "VI_2", "VI_2"},
		"the VMAC itself":        {host.Op{Link: &host.VirtualLink{Name: "vrrp.51", Alias: host.LinkMark + "VI_2"}}, "VI_2", "VI_2"},
		"a sysctl":               {host.Op{Sysctl: &host.Sysctl{}}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			all, dependent := owners(c, nil, tt.op)
			if got, want := strings.Join(all, " ")+"|"+strings.Join(dependent, " "), tt.all+"|"+tt.dependent; got != want {
				t.Errorf("owners and dependent %s, want %s", got, want)
			}
		})
	}
	if got := objectName(host.Op{Link: &host.VirtualLink{Name: "vrrp.51"}}); got != "interface vrrp.51" {
		t.Errorf("the VMAC is called %q", got)
	}
}

// holdDiary plays storms to holdDowns in virtual time.
type holdDiary struct {
	holdDowns
	lines []string
}

func (d *holdDiary) note(seconds int, events []instanceEvent) {
	for _, e := range events {
		switch ev := e.event.(type) {
		case vrrp.FaultRaised:
			d.lines = append(d.lines, fmt.Sprintf("%ds %s out: %s", seconds, e.instance, ev.Of))
		case vrrp.FaultCleared:
			d.lines = append(d.lines, fmt.Sprintf("%ds %s back", seconds, e.instance))
		}
	}
}

// until lets time pass.
func (d *holdDiary) until(seconds int) {
	for end := clock(seconds); ; {
		at := d.next()
		if at.IsZero() || at.After(end) {
			return
		}
		d.note(int(at.Sub(clock(0)).Seconds()), d.due(at))
	}
}

func clock(seconds int) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(seconds) * time.Second)
}

func TestWhoIsRobbedAgainAndAgainStaysOutLongerAndLonger(t *testing.T) {
	d := &holdDiary{holdDowns: holdDowns{}}
	vip := addressOp("eth0", "10.9.0.100/24")
	storm := func(seconds int) {
		d.until(seconds)
		d.note(seconds, d.storm(clock(seconds), vip, []string{"VI_1"}))
	}
	storm(0)   // out for 30s
	storm(40)  // again soon after: 60s
	storm(110) // 120s
	storm(240) // 240s
	storm(490) // 480s
	storm(980) // 600s, no longer
	storm(1590)
	d.until(2190)
	storm(2860) // left alone for longer than it was out and a minute: as if it never happened
	d.until(5000)
	out := func(at int) string { return fmt.Sprintf("%ds VI_1 out: address 10.9.0.100/24 on eth0", at) }
	want := []string{out(0), "30s VI_1 back", out(40), "100s VI_1 back", out(110), "230s VI_1 back", out(240), "480s VI_1 back",
		out(490), "970s VI_1 back", out(980), "1580s VI_1 back", out(1590), "2190s VI_1 back", out(2860), "2890s VI_1 back"}
	if diff := cmp.Diff(want, d.lines); diff != "" {
		t.Errorf("diary (-want +got):\n%s", diff)
	}
	if len(d.holdDowns) != 0 {
		t.Errorf("%d things remembered for ever", len(d.holdDowns))
	}
}

// TestOneStormIsOneFault: of each instance, however often it is told.
func TestOneStormIsOneFault(t *testing.T) {
	d := &holdDiary{holdDowns: holdDowns{}}
	for s := range 5 {
		d.note(s, d.storm(clock(s), addressOp("eth1", "10.5.0.1/24"), []string{"VI_1", "VI_2"}))
	}
	d.repaired(clock(20), "address 10.5.0.1/24 on eth1") // it is static and put back all the time
	d.repaired(clock(25), "address 10.5.0.1/24 on eth1")
	d.repaired(clock(40), "address 10.5.0.2/24 on eth1")
	d.until(54)
	if len(d.lines) != 2 {
		t.Errorf("%q: want two faults, which hold while it is being removed", d.lines)
	}
	d.until(55) // 25s + 30s
	if diff := cmp.Diff([]string{"55s VI_1 back", "55s VI_2 back"}, d.lines[2:]); diff != "" {
		t.Errorf("diary (-want +got):\n%s", diff)
	}
}

func TestAReloadLetsGoWhatIsNotMissedAnyMore(t *testing.T) {
	d := &holdDiary{holdDowns: holdDowns{}}
	d.storm(clock(0), addressOp("eth0", "10.9.0.100/24"), []string{"VI_1"})
	if got := d.faultsOf("VI_1"); len(got) != 1 || got[0].Why != vrrp.ByRemoval {
		t.Errorf("a new instance of that name starts with %v, want the fault", got)
	}
	d.note(1, d.configure(configtest.Understood(t, depending).Config, nil))
	d.note(2, d.configure(configtest.Understood(t, strings.Replace(depending, "10.9.0.100/24", "10.9.0.100/24 no_track", 1)).Config, nil))
	if diff := cmp.Diff([]string{"2s VI_1 back"}, d.lines); diff != "" {
		t.Errorf("diary (-want +got):\n%s", diff)
	}
}

// TestOnlyTheRobbedAnnounceThemselves: those that got an address back.
func TestOnlyTheRobbedAnnounceThemselves(t *testing.T) {
	c := configtest.Understood(t, depending).Config
	route := host.Op{Route: &c.Instances[0].Routes[0]}
	got := repairedInstances(c, nil, []host.Op{addressOp("eth0", "10.9.0.200/24"), route})
	if diff := cmp.Diff(map[string]bool{"VI_2": true}, got); diff != "" {
		t.Errorf("announce (-want +got):\n%s", diff)
	}
}

func TestAStormIsSaid(t *testing.T) {
	storm := host.RepairStorm{Repairs: 5, Of: addressOp("eth0", "10.9.0.100/24")}
	for dependent, want := range map[string]string{
		"":     "something on this host keeps removing address 10.9.0.100/24 on eth0: put back 5 times within 10s, from now on once in 1s; find out what it is",
		"VI_1": "something on this host keeps removing address 10.9.0.100/24 on eth0: put back 5 times within 10s; in FAULT for it: VI_1. Find out what it is, or write no_track",
	} {
		if got := stormLine(storm, strings.Fields(dependent)); got != want {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}
