package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var t0 = time.Unix(0, 0)

// at is t0 and so many seconds.
func at(seconds float64) time.Time { return t0.Add(time.Duration(seconds * float64(time.Second))) }

// base are the parameters of router B, version 3, unless a test says otherwise.
func base() Params {
	return Params{VRID: 51, Version: 3, Priority: 100, PreemptMode: true, PrimaryAddr: routerB, Addrs: addrs("10.9.0.100")}
}

// started is a machine in the wanted state at t0.
func started(t testing.TB, p Params, state State) *Machine {
	t.Helper()
	m := &Machine{}
	switch state {
	case Initialize:
		return m
	case Fault:
		m.Step(t0, FaultRaised{ByInterface, "eth0"}, nil)
	case Active:
		m.Step(at(-100), Startup{Params: p}, nil)
		m.Step(t0, Forced{Active}, nil)
	}
	m.Step(t0, Startup{Params: p}, nil)
	if m.State() != state {
		t.Fatalf("machine is in %v, want %v", m.State(), state)
	}
	return m
}

// heard is an advert from router A unless src says otherwise.
func heard(priority uint8, change ...func(*Advert)) AdvertReceived {
	a := &Advert{Src: routerA, Dst: GroupIPv4, TTL: 255, Version: 3, VRID: 51, Priority: priority,
		MaxAdvertiseInterval: time.Second, Addrs: addrs("10.9.0.100")}
	for _, c := range change {
		c(a)
	}
	return AdvertReceived{a}
}

func from(addr string) func(*Advert) {
	return func(a *Advert) { a.Src = netip.MustParseAddr(addr) }
}

func lines(acts []Action) []string {
	var out []string
	for _, a := range acts {
		out = append(out, fmt.Sprintf("%T%+v", a, a)[len("vrrp."):])
	}
	return out
}

func TestActiveDownIntervalAtStartup(t *testing.T) { // RFC 9568 section 6.1, RFC 3768 section 6.1
	tests := map[string]struct {
		change func(*Params)
		want   time.Duration
	}{
		"default":                  {func(p *Params) {}, 3609375 * time.Microsecond},                                                                      // 3s + 156/256*1s
		"zero interval means 1s":   {func(p *Params) { p.AdvertisementInterval = 0 }, 3609375 * time.Microsecond},                                         // the same
		"highest that can lose":    {func(p *Params) { p.Priority = 254 }, 3007812500 * time.Nanosecond},                                                  // 3s + 2/256*1s
		"version 3, 100ms":         {func(p *Params) { p.AdvertisementInterval = 100 * time.Millisecond }, 360937500 * time.Nanosecond},                   // 300ms + 156/256*100ms
		"version 3, 10ms":          {func(p *Params) { p.AdvertisementInterval = 10 * time.Millisecond }, 36093750 * time.Nanosecond},                     // 30ms + 156/256*10ms
		"version 2, 5s":            {func(p *Params) { p.Version, p.AdvertisementInterval = 2, 5*time.Second }, 15609375 * time.Microsecond},              // 15s + 156/256*1s
		"version 2, priority 150":  {func(p *Params) { p.Version, p.Priority = 2, 150 }, 3414062500 * time.Nanosecond},                                    // 3s + 106/256*1s
		"five adverts may be lost": {func(p *Params) { p.DownTimerAdverts = 5 }, 5609375 * time.Microsecond},                                              // 5s + 156/256*1s
		"lowest priority, slowest": {func(p *Params) { p.Priority, p.AdvertisementInterval = 1, 40950*time.Millisecond }, 163640039062 * time.Nanosecond}, // 122.85s + 255/256*40.95s
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := base()
			p.AdvertisementInterval = time.Second
			tt.change(&p)
			m := started(t, p, Backup)
			if got := m.Deadline().Sub(t0); got != tt.want {
				t.Errorf("Active_Down_Timer set to %v, want %v", got, tt.want)
			}
		})
	}
}

// row is one step of a machine in a state: what it wants done, where it ends
// and when it wants to be woken, in seconds after t0; -1 for never.
type row struct {
	change   func(*Params)
	event    Event
	when     float64
	want     []string
	state    State
	deadline float64
}

func (tt row) run(t *testing.T, state State) {
	t.Helper()
	p := base()
	if tt.change != nil {
		tt.change(&p)
	}
	m := started(t, p, state)
	got := lines(m.Step(at(tt.when), tt.event, nil))
	if d := cmp.Diff(tt.want, got); d != "" {
		t.Errorf("actions (-want +got):\n%s", d)
	}
	if m.State() != tt.state {
		t.Errorf("ends in %v, want %v", m.State(), tt.state)
	}
	want := at(tt.deadline)
	if tt.deadline < 0 {
		want = time.Time{}
	}
	if !m.Deadline().Equal(want) {
		t.Errorf("deadline %v, want %vs", m.Deadline().Sub(t0), tt.deadline)
	}
}

func TestBackup(t *testing.T) { // RFC 9568 section 6.4.2; at t0 the deadline is 3.609375s
	const down = 3.609375
	follows := "ActiveRouterChanged{From:invalid IP To:10.9.0.1}"
	tests := map[string]row{
		"an early tick does nothing":    {event: Tick{}, when: 3.6, state: Backup, deadline: down},
		"a higher advert is followed":   {event: heard(150), when: 1, want: []string{follows}, state: Backup, deadline: 1 + down},
		"an equal advert is followed":   {event: heard(100), when: 1, want: []string{follows}, state: Backup, deadline: 1 + down},
		"a lower advert is discarded":   {event: heard(99), when: 1, want: []string{"LowerDiscarded{From:10.9.0.1 Priority:99}"}, state: Backup, deadline: down},
		"nopreempt follows a lower one": {change: func(p *Params) { p.PreemptMode = false }, event: heard(1), when: 1, want: []string{follows}, state: Backup, deadline: 1 + down},
		"preempt_delay follows a lower one first": {change: func(p *Params) { p.PreemptDelay = 4 * time.Second }, event: heard(1), when: 1,
			want: []string{"PreemptDelayStarted{Delay:4s}", follows}, state: Backup, deadline: 1 + down},
		"resignation leaves the skew": {event: heard(0), when: 1, want: []string{"PriorityZero{State:Backup From:10.9.0.1}"},
			state: Backup, deadline: 1.609375}, // 1s + 156/256*1s
		"nobody for too long": {event: Tick{}, when: down, want: []string{"ActiveDownExpired{}", "SendAdvert{Priority:100}", "ApplyHost{}",
			"Announce{Why:active Repeat:1}", "Transition{From:Backup To:Active Why:active-down Of:}"}, state: Active, deadline: 4.609375},
		"a sync group member waits for the others": {change: func(p *Params) { p.Grouped = true }, event: Tick{}, when: down,
			want: []string{"ActiveDownExpired{}"}, state: Backup, deadline: 2 * down},
		"an interval of zero is not adopted": {event: heard(150, func(a *Advert) { a.MaxAdvertiseInterval = 0 }), when: 1,
			want: []string{"Alarm{Kind:interval Peer:10.9.0.1 Priority:150 Version:3 Got:0 Want:1000000000 Err:<nil>}", follows}, state: Backup, deadline: 1 + down},
		"another address list is accepted": {event: heard(150, func(a *Advert) { a.AddrsDiffer = true }), when: 1,
			want: []string{"Alarm{Kind:addresses Peer:10.9.0.1 Priority:150 Version:3 Got:1 Want:1 Err:<nil>}", follows}, state: Backup, deadline: 1 + down},
		"a refused advert moves no timer": {event: AdvertRefused{&PacketError{Reason: DropChecksum, Src: routerA}}, when: 1, state: Backup, deadline: down},
		"a refused version is an alarm": {event: AdvertRefused{&PacketError{Reason: DropVersion, Src: routerA, Got: 2, Want: 3}}, when: 1,
			want: []string{"Alarm{Kind:version Peer:10.9.0.1 Priority:0 Version:0 Got:2 Want:3 Err:<nil>}"}, state: Backup, deadline: down},
		"a lower rank waits longer": {event: EffectivePriority{36, "script"}, when: 1,
			want: []string{"PriorityChanged{From:100 To:36 Why:script}"}, state: Backup, deadline: 3.859375}, // 3s + 220/256*1s
		"a rank below 1 is 1":                {event: EffectivePriority{-300, "file"}, when: 1, want: []string{"PriorityChanged{From:100 To:1 Why:file}"}, state: Backup, deadline: 3.99609375},
		"a rank above 254 is 254":            {event: EffectivePriority{300, "file"}, when: 1, want: []string{"PriorityChanged{From:100 To:254 Why:file}"}, state: Backup, deadline: 3.0078125},
		"a fault stops it":                   {event: FaultRaised{ByTracker, "chk"}, when: 1, want: []string{"Transition{From:Backup To:Fault Why:tracker Of:chk}"}, state: Fault, deadline: -1},
		"losing the source address stops it": {event: SourceAddress{}, when: 1, want: []string{"Transition{From:Backup To:Fault Why:no-address Of:}"}, state: Fault, deadline: -1},
		"shutdown is silent":                 {event: Shutdown{}, when: 1, want: []string{"Transition{From:Backup To:Initialize Why:shutdown Of:}"}, state: Initialize, deadline: -1},
		"release is not for it":              {event: Release{}, when: 1, state: Backup, deadline: down},
		"a second startup is ignored":        {event: Startup{}, when: 1, state: Backup, deadline: down},
		"the group calls it":                 {event: Forced{Active}, when: 1, want: []string{"SendAdvert{Priority:100}", "ApplyHost{}", "Announce{Why:active Repeat:1}", "Transition{From:Backup To:Active Why:group Of:}"}, state: Active, deadline: 2},
		"the host failing is an alarm":       {event: HostFailed{errors.New("no")}, when: 1, want: []string{"Alarm{Kind:host Peer:invalid IP Priority:0 Version:0 Got:0 Want:0 Err:no}"}, state: Backup, deadline: down},
		"a reload with more adverts to lose": {event: Reconfigure{func() Params { p := base(); p.DownTimerAdverts = 5; return p }()}, when: 1, state: Backup, deadline: 2 + down},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { tt.run(t, Backup) })
	}
}

func TestActive(t *testing.T) { // RFC 9568 section 6.4.3; at t0 it sent an advert
	const down = 3.609375
	bursts := func(p *Params) {
		p.Announce = AnnounceParams{LowerPrioRepeat: 3, LowerPrioDelay: 2 * time.Second}
	}
	toBackup := func(why Reason) string { return fmt.Sprintf("Transition{From:Active To:Backup Why:%s Of:}", why) }
	tests := map[string]row{
		"an early tick does nothing":   {event: Tick{}, when: 0.9, state: Active, deadline: 1},
		"an interval later it sends":   {event: Tick{}, when: 1, want: []string{"SendAdvert{Priority:100}"}, state: Active, deadline: 2},
		"a late tick keeps the rhythm": {event: Tick{}, when: 1.25, want: []string{"SendAdvert{Priority:100}"}, state: Active, deadline: 2},
		"a very late one starts anew":  {event: Tick{}, when: 2.5, want: []string{"SendAdvert{Priority:100}"}, state: Active, deadline: 3.5},
		"it yields to a higher rank": {event: heard(101), when: 0.5, want: []string{"HigherReceived{From:10.9.0.1 Priority:101 Ours:100}",
			toBackup(ByHigherPriority), "ApplyHost{}"}, state: Backup, deadline: 0.5 + down},
		"it yields to a higher address": {event: heard(100, from("10.9.0.3")), when: 0.5, want: []string{"HigherReceived{From:10.9.0.3 Priority:100 Ours:100}",
			toBackup(ByHigherAddress), "ApplyHost{}"}, state: Backup, deadline: 0.5 + down},
		"with higher_prio_send_advert it sends before": {change: func(p *Params) { p.HigherPrioritySendAdvert = true }, event: heard(101), when: 0.5,
			want: []string{"SendAdvert{Priority:100}", "HigherReceived{From:10.9.0.1 Priority:101 Ours:100}", toBackup(ByHigherPriority), "ApplyHost{}"}, state: Backup, deadline: 0.5 + down},
		"it answers a lower rank": {event: heard(99), when: 0.5, want: []string{"LowerReceived{From:10.9.0.1 Priority:99 Ours:100 NewElection:true}",
			"SendAdvert{Priority:100}"}, state: Active, deadline: 1.5},
		"it answers a lower address": {event: heard(100), when: 0.5, want: []string{"LowerReceived{From:10.9.0.1 Priority:100 Ours:100 NewElection:true}",
			"SendAdvert{Priority:100}"}, state: Active, deadline: 1.5},
		"lower_prio_no_advert keeps quiet and on time": {change: func(p *Params) { p.LowerPriorityNoAdvert = true }, event: heard(99), when: 0.5,
			want: []string{"LowerReceived{From:10.9.0.1 Priority:99 Ours:100 NewElection:false}"}, state: Active, deadline: 1},
		"and announces again, now and later": {change: bursts, event: heard(99), when: 0.5, want: []string{"LowerReceived{From:10.9.0.1 Priority:99 Ours:100 NewElection:true}",
			"SendAdvert{Priority:100}", "Announce{Why:lower-priority Repeat:3}"}, state: Active, deadline: 1.5},
		"its own address is remarked upon": {event: heard(200, from("10.9.0.2")), when: 0.5, want: []string{"Alarm{Kind:own-address Peer:10.9.0.2 Priority:200 Version:3 Got:0 Want:0 Err:<nil>}",
			"OwnAddressReceived{From:10.9.0.2 Priority:200}"}, state: Active, deadline: 1},
		"it answers a resignation":             {event: heard(0), when: 0.5, want: []string{"PriorityZero{State:Active From:10.9.0.1}", "SendAdvert{Priority:100}"}, state: Active, deadline: 1.5},
		"a refused datagram cannot silence it": {event: AdvertRefused{&PacketError{Reason: DropChecksum, Src: routerA}}, when: 0.9, state: Active, deadline: 1},
		"shutdown sends one priority 0": {event: Shutdown{}, when: 0.5, want: []string{"SendAdvert{Priority:0}", "ZeroSent{}",
			"Transition{From:Active To:Initialize Why:shutdown Of:}", "ApplyHost{}"}, state: Initialize, deadline: -1},
		"a fault sends one priority 0": {event: FaultRaised{ByInterface, "eth0"}, when: 0.5, want: []string{"SendAdvert{Priority:0}", "ZeroSent{}",
			"Transition{From:Active To:Fault Why:interface Of:eth0}", "ApplyHost{}"}, state: Fault, deadline: -1},
		"release sends one priority 0": {event: Release{}, when: 0.5, want: []string{"SendAdvert{Priority:0}", "ZeroSent{}",
			toBackup(ByRelease), "ApplyHost{}"}, state: Backup, deadline: 0.5 + down},
		"the group takes it back without a word": {event: Forced{Backup}, when: 0.5, want: []string{toBackup(ByGroup), "ApplyHost{}"}, state: Backup, deadline: 0.5 + down},
		"the group stops it": {event: Forced{Fault}, when: 0.5, want: []string{"SendAdvert{Priority:0}", "ZeroSent{}",
			"Transition{From:Active To:Fault Why:group Of:}", "ApplyHost{}"}, state: Fault, deadline: -1},
		"a repaired address is announced":      {event: HostApplied{Repaired: true}, when: 0.5, want: []string{"Announce{Why:repair Repeat:1}"}, state: Active, deadline: 1},
		"addresses applied as planned are not": {event: HostApplied{}, when: 0.5, state: Active, deadline: 1},
		"an unchanged reload says nothing new": {event: Reconfigure{base()}, when: 0.5, want: []string{"ApplyHost{}"}, state: Active, deadline: 1},
		"a shorter interval counts at once": {event: Reconfigure{func() Params { p := base(); p.AdvertisementInterval = 100 * time.Millisecond; return p }()}, when: 0.5,
			want: []string{"SendAdvert{Priority:100}", "ApplyHost{}"}, state: Active, deadline: 0.6},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { tt.run(t, Active) })
	}
}

func TestFault(t *testing.T) {
	const down = 3.609375
	toBackup := []string{"Transition{From:Fault To:Backup Why:fault-cleared Of:}"}
	tests := map[string]row{
		"adverts are not heard":               {event: heard(1), when: 1, state: Fault, deadline: -1},
		"ticks do nothing":                    {event: Tick{}, when: 100, state: Fault, deadline: -1},
		"another cause's end changes nothing": {event: FaultCleared{ByInterface, "eth1"}, when: 1, state: Fault, deadline: -1},
		"the cause's end leads to Backup":     {event: FaultCleared{ByInterface, "eth0"}, when: 1, want: toBackup, state: Backup, deadline: 1 + down},
		"for an owner as well": {change: func(p *Params) { p.Priority = 255 }, event: FaultCleared{ByInterface, "eth0"}, when: 1, want: toBackup,
			state: Backup, deadline: 4.00390625}, // 1s + 3s + 1/256*1s
		"a sync group member waits for the group": {change: func(p *Params) { p.Grouped = true }, event: FaultCleared{ByInterface, "eth0"}, when: 1, state: Fault, deadline: -1},
		"the group cannot overrule its own fault": {event: Forced{Backup}, when: 1, state: Fault, deadline: -1},
		"shutdown": {event: Shutdown{}, when: 1, want: []string{"Transition{From:Fault To:Initialize Why:shutdown Of:}"}, state: Initialize, deadline: -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { tt.run(t, Fault) })
	}
}

func TestInitialize(t *testing.T) {
	owner := func() Params { p := base(); p.Priority = 255; return p }
	tests := map[string]row{
		"most routers listen first": {event: Startup{Params: base()}, want: []string{"Transition{From:Initialize To:Backup Why:startup Of:}"}, state: Backup, deadline: 3.609375},
		"the owner is Active at once": {event: Startup{Params: owner()}, want: []string{"SendAdvert{Priority:255}", "ApplyHost{}",
			"Announce{Why:active Repeat:1}", "Transition{From:Initialize To:Active Why:owner Of:}"}, state: Active, deadline: 1},
		"an owner in a sync group waits for the others": {event: Startup{Params: func() Params { p := owner(); p.Grouped = true; return p }()},
			want: []string{"Transition{From:Initialize To:Backup Why:startup Of:}"}, state: Backup, deadline: 3.00390625},
		"without a source address it cannot": {event: Startup{Params: func() Params { p := owner(); p.PrimaryAddr = netip.Addr{}; return p }()},
			want: []string{"Transition{From:Initialize To:Fault Why:no-address Of:}"}, state: Fault, deadline: -1},
		"what cannot be done as configured is not done by halves": {event: Startup{Params: func() Params { p := base(); p.ConfigFault = "auth_type AH"; return p }()},
			want: []string{"Transition{From:Initialize To:Fault Why:configuration Of:auth_type AH}"}, state: Fault, deadline: -1},
		"a tick before the start":     {event: Tick{}, state: Initialize, deadline: -1},
		"an advert before the start":  {event: heard(1), state: Initialize, deadline: -1},
		"a shutdown before the start": {event: Shutdown{}, state: Initialize, deadline: -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { tt.run(t, Initialize) })
	}
}

func TestResumeAsActive(t *testing.T) {
	resume := func(state State, lastSent float64) row {
		return row{event: Startup{Params: base(), Resume: &Snapshot{State: state, Priority: 100, LastSent: at(lastSent)}}}
	}
	listens := []string{"Transition{From:Initialize To:Backup Why:startup Of:}"}
	tests := map[string]row{
		"after a second it goes on":                 {event: resume(Active, -1).event, want: []string{"ApplyHost{}", "SendAdvert{Priority:100}"}, state: Active, deadline: 1},
		"when 255 would have taken over it listens": {event: resume(Active, -3.00390625).event, want: listens, state: Backup, deadline: 3.609375}, // 3s + 1/256*1s
		"after the clock went back it listens":      {event: resume(Active, 60).event, want: listens, state: Backup, deadline: 3.609375},
		"a Backup listens":                          {event: resume(Backup, -1).event, want: listens, state: Backup, deadline: 3.609375},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { tt.run(t, Initialize) })
	}
}

func TestResignationOfARouterWeDoNotFollowIsIgnored(t *testing.T) {
	m := started(t, base(), Backup)
	m.Step(at(1), heard(150), nil)
	if got := m.Step(at(2), heard(0, from("10.9.0.7")), nil); len(got) != 0 {
		t.Errorf("wants %v", lines(got))
	}
	if got, want := m.Deadline(), at(4.609375); !got.Equal(want) { // 1s + 3.609375s
		t.Errorf("deadline %v, want %v", got.Sub(t0), want.Sub(t0))
	}
}

func TestAFloodOfLowerAdvertsIsAnsweredOnceAnInterval(t *testing.T) {
	p := base()
	p.Announce = AnnounceParams{LowerPrioRepeat: 5, LowerPrioDelay: 5 * time.Second}
	m := started(t, p, Active)
	var adverts, bursts int
	for ms := 1; ms <= 10000; ms++ { // 10 seconds, one lower advert each millisecond
		now := t0.Add(time.Duration(ms) * time.Millisecond)
		for _, ev := range []Event{heard(50), Tick{}} {
			for _, a := range m.Step(now, ev, nil) {
				switch a.(type) {
				case SendAdvert:
					adverts++
				case Announce:
					bursts++
				}
			}
		}
	}
	if adverts != 10 { // at 1ms, 1001ms … 9001ms: the answer is the advert of its interval
		t.Errorf("%d adverts in 10s, want 10", adverts)
	}
	if bursts != 10 { // one a second; the second bursts are among them
		t.Errorf("%d bursts, want 10", bursts)
	}
}

func TestAnAlarmIsRaisedOncePerPeerAndValue(t *testing.T) {
	m := started(t, base(), Backup)
	differ := func(a *Advert) { a.AddrsDiffer = true }
	count := func(evs ...Event) (n int) {
		for _, ev := range evs {
			for _, a := range m.Step(at(1), ev, nil) {
				if _, ok := a.(Alarm); ok {
					n++
				}
			}
		}
		return n
	}
	if got := count(heard(150, differ), heard(150, differ), heard(150, differ)); got != 1 {
		t.Errorf("three adverts of one peer raise %d alarms, want 1", got)
	}
	if got := count(heard(150, differ, from("10.9.0.7"))); got != 1 {
		t.Errorf("another peer raises %d alarms, want 1", got)
	}
	for i := range 100 { // strangers cannot make us remember without bound
		count(heard(150, differ, from(fmt.Sprintf("10.9.1.%d", i))))
	}
	if got := len(m.peers.raised); got != maxAlarms {
		t.Errorf("%d alarms remembered, want %d", got, maxAlarms)
	}
}

func TestTwoOwnersAreAnAlarmAndTheLowerAddressYields(t *testing.T) {
	p := base()
	p.Priority = 255
	m := started(t, p, Active)
	got := lines(m.Step(at(0.5), heard(255, from("10.9.0.3")), nil))
	want := []string{"Alarm{Kind:two-owners Peer:10.9.0.3 Priority:255 Version:3 Got:0 Want:0 Err:<nil>}",
		"HigherReceived{From:10.9.0.3 Priority:255 Ours:255}", "Transition{From:Active To:Backup Why:higher-address Of:}", "ApplyHost{}"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("actions (-want +got):\n%s", d)
	}
}

func TestAReloadKeepsWhatTrackersAdded(t *testing.T) {
	m := started(t, base(), Active)
	m.Step(at(0), EffectivePriority{80, "script"}, nil) // base 100, script -20
	p := base()
	p.Priority = 150
	m.Step(at(0.5), Reconfigure{p}, nil)
	if got := m.Snapshot().Priority; got != 130 { // 150-20
		t.Errorf("effective priority %d, want 130", got)
	}
}

func TestSnapshotNamesTheActiveRouter(t *testing.T) {
	m := started(t, base(), Backup)
	m.Step(at(1), heard(150), nil)
	if s := m.Snapshot(); s.Active != routerA || s.ActivePriority != 150 {
		t.Errorf("Backup follows %v with %d, want 10.9.0.1 with 150", s.Active, s.ActivePriority)
	}
	if s := started(t, base(), Active).Snapshot(); s.Active != routerB || s.ActivePriority != 100 {
		t.Errorf("Active router is %v with %d, want ourselves", s.Active, s.ActivePriority)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	out := make([]Action, 0, 8)
	backup, ev := started(t, base(), Backup), heard(150)
	backup.Step(t0, ev, out)
	if n := testing.AllocsPerRun(100, func() { backup.Step(t0, AdvertReceived{ev.Advert}, out) }); n != 0 {
		t.Errorf("Backup that hears an advert allocates %v times", n)
	}
	active, now := started(t, base(), Active), t0
	if n := testing.AllocsPerRun(100, func() { now = now.Add(time.Second); active.Step(now, Tick{}, out) }); n != 0 {
		t.Errorf("Active router that sends allocates %v times", n)
	}
}

func TestChangeOfParameters(t *testing.T) {
	tests := map[string]struct {
		change func(*Params)
		want   Impact
	}{
		"nothing":          {func(*Params) {}, Unchanged},
		"1s spelt out":     {func(p *Params) { p.AdvertisementInterval = time.Second }, Unchanged},
		"priority":         {func(p *Params) { p.Priority = 1 }, InPlace},
		"an address more":  {func(p *Params) { p.Addrs = addrs("10.9.0.100", "10.9.0.101") }, InPlace},
		"another VRID":     {func(p *Params) { p.VRID = 52 }, Restart},
		"another version":  {func(p *Params) { p.Version = 2 }, Restart},
		"the other family": {func(p *Params) { p.IPv6 = true }, Restart},
		"other announcing": {func(p *Params) { p.Announce.Refresh = time.Second }, InPlace},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			old, p := base(), base()
			tt.change(&p)
			if got := p.Change(&old); got != tt.want {
				t.Errorf("impact %v, want %v", got, tt.want)
			}
		})
	}
}

func TestStatesHaveTwoNames(t *testing.T) {
	want := []string{"Initialize INIT", "Backup BACKUP", "Active MASTER", "Fault FAULT"}
	for s := Initialize; s <= Fault; s++ {
		if got := s.String() + " " + s.Keepalived(); got != want[s] {
			t.Errorf("state %d is %q, want %q", s, got, want[s])
		}
	}
}

// The rest of a delay that is configured away must not haunt the next one.
func TestAReloadWithoutPreemptDelayForgetsTheRunningOne(t *testing.T) {
	p := base()
	p.PreemptDelay = 4 * time.Second
	var m Machine
	m.Step(t0, Startup{Params: p}, nil)
	m.Step(at(1), heard(1), nil) // starts the delay
	p.PreemptDelay = 0
	m.Step(at(2), Reconfigure{p}, nil)
	if got := lines(m.Step(at(2), heard(1), nil)); len(got) != 1 || !strings.HasPrefix(got[0], "LowerDiscarded") {
		t.Errorf("a lower advert after the reload: %q, want it discarded", got)
	}
	p.PreemptDelay = 4 * time.Second
	m.Step(at(3), Reconfigure{p}, nil)
	if got := lines(m.Step(at(6), heard(1), nil)); len(got) != 1 || got[0] != "PreemptDelayStarted{Delay:4s}" {
		t.Errorf("a lower advert after the next reload: %q, want a whole new delay", got)
	}
}

// TestARouterMayBeginWithAnotherPriority: what is tracked is often known before
// it starts, and its first hook names the priority.
func TestARouterMayBeginWithAnotherPriority(t *testing.T) {
	tests := map[string]struct {
		effective *EffectivePriority
		resume    *Snapshot
		want      string
		priority  uint8
	}{
		"nothing is known":              {nil, nil, "[Transition{From:Initialize To:Backup Why:startup Of:}]", 100},
		"a file adds 7":                 {&EffectivePriority{107, "file"}, nil, "[PriorityChanged{From:100 To:107 Why:file} Transition{From:Initialize To:Backup Why:startup Of:}]", 107},
		"a predecessor's comes first":   {&EffectivePriority{107, "file"}, &Snapshot{State: Backup}, "[Transition{From:Initialize To:Backup Why:startup Of:}]", 100},
		"the configured one is no news": {&EffectivePriority{100, ""}, nil, "[Transition{From:Initialize To:Backup Why:startup Of:}]", 100},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var m Machine
			p := Params{VRID: 51, Version: 3, Priority: 100, AdvertisementInterval: time.Second, PrimaryAddr: netip.MustParseAddr("10.9.0.1")}
			var got []string
			for _, a := range m.Step(time.Unix(1000, 0), Startup{Params: p, Resume: tt.resume, Effective: tt.effective}, nil) {
				switch a.(type) {
				case PriorityChanged, Transition:
					got = append(got, strings.TrimPrefix(fmt.Sprintf("%T%+v", a, a), "vrrp."))
				}
			}
			if fmt.Sprint(got) != tt.want || m.Snapshot().Priority != tt.priority {
				t.Errorf("%v with priority %d, want %s with %d", got, m.Snapshot().Priority, tt.want, tt.priority)
			}
		})
	}
}
