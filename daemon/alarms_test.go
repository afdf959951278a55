package daemon

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/host"
	"holdfast/internal/event"
	"holdfast/vrrp"
)

// alarmBench is where alarms go: a log, facts, and a look that takes a second.
type alarmBench struct {
	*alarms
	mu     sync.Mutex
	facts  []event.Fact
	most   int // looks at one moment
	asked  []host.Sender
	limits []time.Duration
}

func onAlarms(t *testing.T, find foundMAC, takes time.Duration, f func(b *alarmBench)) (lines []string, facts []event.Fact) {
	b := &alarmBench{}
	looking := 0
	b.alarms = newAlarms(newLogger(LevelDetail, recorder{&lines}), func(ctx context.Context, s host.Sender) foundMAC {
		until, _ := ctx.Deadline()
		b.mu.Lock()
		looking++
		b.most = max(b.most, looking)
		b.asked, b.limits = append(b.asked, s), append(b.limits, time.Until(until))
		b.mu.Unlock()
		defer func() { b.mu.Lock(); looking--; b.mu.Unlock() }()
		select {
		case <-time.After(takes):
			return find
		case <-ctx.Done():
			return foundMAC{}
		}
	}, func(f event.Fact) { b.mu.Lock(); b.facts = append(b.facts, f); b.mu.Unlock() })
	f(b)
	b.wait.Wait()
	return lines, b.facts
}

func duplicateVRID(peer string) vrrp.Fact {
	return vrrp.Fact{Instance: "VI_1", At: time.Unix(5, 0), What: vrrp.Alarm{Kind: vrrp.AlarmDuplicate, Peer: netip.MustParseAddr(peer), Priority: 150, Version: 2, Got: 2, Want: 1}}
}

var somebody = foundMAC{mac: host.MAC{2, 0, 0, 0, 0, 7}, seen: true}

const duplicateLine = "(VI_1) 10.9.0.7 uses our virtual_router_id for other addresses (2 of them, none of ours): give one of the two another virtual_router_id"

func TestAnAlarmNamesTheMachine(t *testing.T) {
	own := vrrp.Fact{Instance: "VI_1", What: vrrp.Alarm{Kind: vrrp.AlarmOwnAddress, Peer: netip.MustParseAddr("10.9.0.1"), Priority: 100, Version: 3}}
	tests := map[string]struct {
		fact  vrrp.Fact
		find  foundMAC
		takes time.Duration
		want  string
	}{
		"that is heard again": {duplicateVRID("10.9.0.7"), somebody, time.Second,
			duplicateLine + " (MAC 02:00:00:00:00:07, address 10.9.0.7, priority 150, version 2)"},
		"that is silent from then on": {duplicateVRID("10.9.0.7"), somebody, time.Minute,
			duplicateLine + " (MAC not seen, address 10.9.0.7, priority 150, version 2)"},
		"that has our address": {own, somebody, 0,
			"(VI_1) received an advert with our own address 10.9.0.1: another machine has our address (MAC 02:00:00:00:00:07, address 10.9.0.1, priority 100, version 3)"},
		"that is ourselves": {own, foundMAC{somebody.mac, true, true}, 0,
			"(VI_1) received an advert with our own address 10.9.0.1: it is ours and came back, there is a loop in the network (MAC 02:00:00:00:00:07, address 10.9.0.1, priority 100, version 3)"},
		"unless it is about this host": {vrrp.Fact{Instance: "VI_1", What: vrrp.Alarm{Kind: vrrp.AlarmHost, Err: context.Canceled}}, somebody, 0,
			"(VI_1) the host does not carry what it should: context canceled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lines, _ := onAlarms(t, tt.find, tt.takes, func(b *alarmBench) {
					began := time.Now()
					b.raise(t.Context(), tt.fact, "eth0", time.Second)
					if took := time.Since(began); took != 0 {
						t.Errorf("the loop was held up for %v", took)
					}
				})
				if d := cmp.Diff([]string{tt.want}, lines); d != "" {
					t.Errorf("log (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestAnAlarmIsAFact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, facts := onAlarms(t, somebody, 0, func(b *alarmBench) { b.raise(t.Context(), duplicateVRID("10.9.0.7"), "eth0", time.Second) })
		want := []event.Fact{{Type: event.Alarmed, Kind: event.Instance, Name: "VI_1", Time: time.Unix(5, 0), Reason: "duplicate",
			Detail: duplicateLine + " (MAC 02:00:00:00:00:07, address 10.9.0.7, priority 150, version 2)",
			Values: map[string]string{"mac": "02:00:00:00:00:07", "peer": "10.9.0.7", "priority": "150", "version": "2"}}}
		if d := cmp.Diff(want, facts); d != "" {
			t.Errorf("facts (-want +got):\n%s", d)
		}
	})
}

// TestManyAlarmsAtOnceLookForFewMachines: the others go out at once.
func TestManyAlarmsAtOnceLookForFewMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most int
		lines, facts := onAlarms(t, somebody, time.Second, func(b *alarmBench) {
			for i := range 100 {
				b.raise(t.Context(), duplicateVRID(netip.AddrFrom4([4]byte{10, 9, 1, byte(i)}).String()), "eth0", time.Second)
			}
			synctest.Wait()
			most = b.most
			time.Sleep(2 * time.Second)
			b.raise(t.Context(), duplicateVRID("10.9.0.7"), "eth0", time.Second) // there is room again
		})
		seen := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.Contains(l, "MAC 02:") })
		if most != 8 || len(lines) != 101 || len(facts) != 101 || len(seen) != 9 {
			t.Errorf("%d looks at once, %d lines, %d facts, %d with a MAC; want 8, 101, 101, 9", most, len(lines), len(facts), len(seen))
		}
	})
}

func TestALookEndsAfterThreeIntervals(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		time.Second: 3 * time.Second, 10 * time.Millisecond: time.Second, 255 * time.Second: 10 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			onAlarms(t, somebody, 0, func(b *alarmBench) {
				b.raise(t.Context(), duplicateVRID("10.9.0.7"), "eth0", interval)
				b.wait.Wait()
				if b.limits[0] != want || b.asked[0] != (host.Sender{Link: "eth0", Addr: netip.MustParseAddr("10.9.0.7")}) {
					t.Errorf("asked for %v during %v, want %v", b.asked, b.limits, want)
				}
			})
		})
	}
}

func TestAStopDoesNotWaitForALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		lines, _ := onAlarms(t, somebody, time.Hour, func(b *alarmBench) {
			b.raise(ctx, duplicateVRID("10.9.0.7"), "eth0", time.Second)
			synctest.Wait()
			stop()
		})
		if took := time.Since(began); took != 0 || len(lines) != 1 {
			t.Errorf("took %v, log %q", took, lines)
		}
	})
}
