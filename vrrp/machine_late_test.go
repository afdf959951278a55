package vrrp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told is an event and the second at which it happens.
type told struct {
	at float64
	ev Event
}

// tale is what happens to one machine. Ticks come when they are due, except
// within stall: the one that is due then comes at its end, after the events that
// waited meanwhile.
type tale struct {
	change func(*Params)
	hold   float64 // end of the start delay
	events []told
	stall  [2]float64
	until  float64
	want   string
}

// run starts a router at second 0 and returns what it did, transitions and
// adverts, without those that come one interval after another.
func (s tale) run() string {
	p := base()
	if s.change != nil {
		s.change(&p)
	}
	var m Machine
	var diary []string
	lastSent, clock := at(-100), t0
	do := func(now time.Time, ev Event) {
		if now.Before(clock) { // a deadline that was moved into the past
			now = clock
		}
		clock = now
		for _, a := range m.Step(now, ev, nil) {
			text := ""
			switch a := a.(type) {
			case SendAdvert:
				if now.Sub(lastSent) != p.Interval() || a.Priority == 0 {
					text = fmt.Sprintf("sends %d", a.Priority)
				}
				lastSent = now
			case Transition:
				text = fmt.Sprintf("%v (%s)", a.To, a.Why)
			case Announce:
				text = "announces " + string(a.Why)
			case TimerExpired:
				text = fmt.Sprintf("expired %v", a.Late)
			}
			if text != "" {
				diary = append(diary, fmt.Sprintf("%.4g %s", now.Sub(t0).Seconds(), text))
			}
		}
	}
	if s.hold > 0 {
		do(t0, Hold{at(s.hold)})
	}
	do(t0, Startup{Params: p})
	tickTo := func(end time.Time) {
		for d := m.Deadline(); !d.IsZero() && !d.After(end); d = m.Deadline() {
			if late := at(s.stall[1]); d.After(at(s.stall[0])) && d.Before(late) {
				if late.After(end) {
					return
				}
				d = late
			}
			do(d, Tick{})
		}
	}
	for _, e := range s.events {
		tickTo(at(e.at))
		do(at(e.at), e.ev)
	}
	tickTo(at(s.until))
	return strings.Join(diary, ", ")
}

func asOwner(p *Params) { p.Priority = PriorityOwner }

// The Active_Down_Interval is 3.609s: 3*1s + 156/256*1s.
func TestNothingHappensBeforeTheStartDelayIsOver(t *testing.T) {
	eth0 := FaultRaised{ByInterface, "eth0"}
	tests := map[string]tale{
		"timers count from its end":     {hold: 2.5, until: 7, want: "0 Backup (startup), 6.109 sends 100, 6.109 announces active, 6.109 Active (active-down)"},
		"an owner waits for its end":    {hold: 2.5, change: asOwner, until: 3, want: "2.5 sends 255, 2.5 announces active, 2.5 Active (owner)"},
		"adverts do not count":          {hold: 2.5, events: []told{{2, heard(200)}}, until: 6, want: "0 Backup (startup)"},
		"but after it they do":          {hold: 2.5, events: []told{{2.6, heard(200)}}, until: 6.2, want: "0 Backup (startup)"},
		"a fault that ends within it":   {hold: 2.5, events: []told{{1, eth0}, {2, FaultCleared(eth0)}}, until: 7, want: "0 Backup (startup), 1 Fault (interface), 2 Backup (fault-cleared), 6.109 sends 100, 6.109 announces active, 6.109 Active (active-down)"},
		"an owner that had one listens": {hold: 2.5, change: asOwner, events: []told{{1, eth0}, {2, FaultCleared(eth0)}}, until: 6, want: "1 Fault (interface), 2 Backup (fault-cleared), 5.504 sends 255, 5.504 announces active, 5.504 Active (active-down)"}, // 2.5s + 3*1s + 1/256*1s
		"a reload may make it shorter":  {hold: 10, events: []told{{1, Hold{at(1.5)}}}, until: 6, want: "0 Backup (startup), 5.109 sends 100, 5.109 announces active, 5.109 Active (active-down)"},
		"or longer":                     {hold: 2, events: []told{{1, Hold{at(5)}}}, until: 8, want: "0 Backup (startup)"},
		"or end it":                     {hold: 10, events: []told{{1, Hold{at(1)}}}, until: 5, want: "0 Backup (startup), 4.609 sends 100, 4.609 announces active, 4.609 Active (active-down)"},
		"also for an owner":             {hold: 10, change: asOwner, events: []told{{1, Hold{at(1.5)}}}, until: 2, want: "1.5 sends 255, 1.5 announces active, 1.5 Active (owner)"},
		"a group does not push it":      {hold: 9, change: func(p *Params) { p.Grouped = true }, events: []told{{1, Forced{Active}}}, until: 2, want: "0 Backup (startup)"},
		"it can be stopped meanwhile":   {hold: 9, change: asOwner, events: []told{{1, Shutdown{}}}, until: 10, want: "1 Initialize (shutdown)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, tt.run()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// An owner is Active from second 0 and sends each second, the last time at 5 before
// a stall; of the others, the router of priority 100 is Active from 3.609 and
// sends last at 9.609. A Backup of priority 254 would take over 3.008s later.
func TestARouterThatWasNotRunInTimeListensBeforeItActs(t *testing.T) {
	active := "0 Backup (startup), 3.609 sends 100, 3.609 announces active, 3.609 Active (active-down)"
	quiet := func(p *Params) { p.PreemptMode, p.TimerExpired = false, 254 }
	tests := map[string]tale{
		"an Active router that is a little late sends at once": {stall: [2]float64{10, 12.6}, until: 12.7, want: active + ", 12.6 sends 100"},
		"after a Backup may have taken over it is silent for one more interval": {stall: [2]float64{10, 14}, until: 15.5,
			want: active + ", 15 sends 100"},
		"and neither announces": {change: func(p *Params) { p.Announce.Refresh = time.Second }, stall: [2]float64{10, 14}, until: 15.5,
			want: active + ", 4.609 announces refresh, 5.609 announces refresh, 6.609 announces refresh, 7.609 announces refresh, 8.609 announces refresh, 9.609 announces refresh, 15 sends 100, 15 announces refresh"},
		"one of higher rank that it hears is obeyed": {stall: [2]float64{10, 14}, events: []told{{13, heard(200)}}, until: 15, want: active + ", 13 Backup (higher-priority)"},
		"also if it comes only now":                  {stall: [2]float64{10, 14}, events: []told{{14.9, heard(200)}}, until: 15.5, want: active + ", 14.9 Backup (higher-priority)"},
		"one of lower rank is answered at once":      {stall: [2]float64{10, 14}, events: []told{{13, heard(50)}}, until: 13.5, want: active + ", 13 sends 100"},
		"a router that is late again goes on": {stall: [2]float64{10, 30}, events: []told{{30, Tick{}}, {45, Tick{}}}, until: 45,
			want: active + ", 31 sends 100"},
		"timer_expired_backup gives way and says nothing": {change: quiet, stall: [2]float64{10, 14}, until: 15,
			want: active + ", 14 expired 3.390625s, 14 Backup (timer-expired)"}, // 14s - 10.609s
		"to a lower rank as well":                    {change: quiet, stall: [2]float64{10, 14}, events: []told{{13, heard(50)}}, until: 15, want: active + ", 13 expired 2.390625s, 13 Backup (timer-expired)"},
		"and takes over again when nobody is there":  {change: quiet, stall: [2]float64{10, 14}, until: 18, want: active + ", 14 expired 3.390625s, 14 Backup (timer-expired), 17.61 sends 100, 17.61 announces active, 17.61 Active (active-down)"},
		"not if no such router can have taken over":  {change: quiet, stall: [2]float64{10, 12.6}, until: 12.7, want: active + ", 12.6 sends 100"},
		"a suspended system counts as late":          {events: []told{{10, Slept{time.Minute}}}, until: 11.5, want: active + ", 11 sends 100"}, // due at once, and an interval later
		"a suspended Backup has lost no advert time": {events: []told{{3, heard(200)}, {3.5, Slept{time.Minute}}}, until: 6, want: "0 Backup (startup)"},
		"a Backup that is a little late takes over":  {stall: [2]float64{3, 4.5}, until: 5, want: "0 Backup (startup), 4.5 sends 100, 4.5 announces active, 4.5 Active (active-down)"},
		"one that is later listens once more": {stall: [2]float64{3, 20}, until: 22,
			want: "0 Backup (startup), 21.61 sends 100, 21.61 announces active, 21.61 Active (active-down)"}, // 20s + 1s + 156/256*1s
		"and hears that somebody is there": {stall: [2]float64{3, 20}, events: []told{{20.5, heard(200)}}, until: 24, want: "0 Backup (startup)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, tt.run()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Silence on a link that is down proves nothing, even while that does not count.
func TestADeafBackupNeverTakesOver(t *testing.T) {
	tests := map[string]tale{
		"while its link is down":      {events: []told{{3, Deaf{true}}}, until: 1000, want: "0 Backup (startup)"},
		"it listens when that is up":  {events: []told{{3, Deaf{true}}, {3.9, Deaf{false}}}, until: 7.5, want: "0 Backup (startup), 7.219 sends 100, 7.219 announces active, 7.219 Active (active-down)"}, // 2 * 3.609s
		"a short deafness costs none": {events: []told{{1, Deaf{true}}, {2, Deaf{false}}}, until: 3.7, want: "0 Backup (startup), 3.609 sends 100, 3.609 announces active, 3.609 Active (active-down)"},
		"an Active one goes on":       {events: []told{{4, Deaf{true}}}, until: 6, want: "0 Backup (startup), 3.609 sends 100, 3.609 announces active, 3.609 Active (active-down)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, tt.run()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
