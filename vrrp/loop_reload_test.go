package vrrp

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestAReloadThatDissolvesASyncGroupFreesItsHealthyMembers(t *testing.T) {
	onBench(t, func(b *bench) {
		list := []Instance{one("VI_1", 51), one("VI_2", 52)}
		for i := range list {
			list[i].SyncGroup, list[i].Params.Grouped = "G", true
		}
		b.loop.Configure(list)
		b.loop.Deliver("VI_2", FaultRaised{ByInterface, "eth1"})
		b.take()
		b.loop.Configure([]Instance{one("VI_1", 51), one("VI_2", 52)})
		b.want("  0.0000s VI_1 Fault -> Backup (fault-cleared)", "  0.0000s apply []")
	})
}

func TestAReloadGivesAnInstanceThatBrokeAnotherChance(t *testing.T) {
	onBench(t, func(b *bench) {
		broken := true // read and written only while the loop rests
		b.loop.step1 = func(m *Machine, now time.Time, ev Event, out []Action) []Action {
			if _, ok := ev.(Release); ok && broken {
				panic("broken")
			}
			return m.Step(now, ev, out)
		}
		b.loop.Configure([]Instance{one("VI_1", 51)})
		b.loop.Deliver("VI_1", FaultRaised{ByTracker, "chk"})
		b.loop.Deliver("VI_1", Release{})
		b.take()
		b.loop.Configure([]Instance{one("VI_1", 51)})
		b.want("  0.0000s apply []") // the script still fails
		b.loop.Deliver("VI_1", FaultCleared{ByTracker, "chk"})
		b.want("  0.0000s VI_1 Fault -> Backup (fault-cleared)")
	})
}

func TestUnicastInstancesAreRecognisedAtAReload(t *testing.T) {
	peer := func(a string) Peer { return Peer{Addr: netip.MustParseAddr(a), MaxTTL: 255} }
	unicast := func(name string, peers ...Peer) Instance {
		in := one(name, 51)
		in.Params.Peers = peers
		return in
	}
	tests := map[string]struct{ before, after []Instance }{
		"another peer stands first":                 {[]Instance{unicast("VI_1", peer("10.9.0.3"))}, []Instance{unicast("VI_1", peer("10.9.0.4"), peer("10.9.0.3"))}},
		"renamed and in another order":              {[]Instance{unicast("VI_1", peer("10.9.0.3"), peer("10.9.0.4"))}, []Instance{unicast("VI_2", peer("10.9.0.4"), peer("10.9.0.3"))}},
		"multicast becomes unicast":                 {[]Instance{one("VI_1", 51)}, []Instance{unicast("VI_1", peer("10.9.0.3"))}},
		"two share a VRID and change places":        {[]Instance{unicast("VI_1", peer("10.9.0.3")), unicast("VI_2", peer("10.9.0.4"))}, []Instance{unicast("VI_2", peer("10.9.0.4")), unicast("VI_1", peer("10.9.0.3"))}},
		"two share a VRID and swap peers and names": {[]Instance{unicast("VI_1", peer("10.9.0.3")), unicast("VI_2", peer("10.9.0.4"))}, []Instance{unicast("VI_2", peer("10.9.0.3")), unicast("VI_1", peer("10.9.0.4"))}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				b.loop.open = openDeaf
				b.loop.Configure(tt.before)
				time.Sleep(4 * time.Second)
				b.take()
				b.loop.Configure(tt.after)
				for _, line := range b.take() {
					if strings.Contains(line, "->") || strings.Contains(line, "Removed") {
						t.Error(line)
					}
				}
			})
		})
	}
}

func TestOfTwoInstancesWithOneIdentityNoneIsLost(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51), one("VI_2", 51)})
		b.take()
		b.loop.Configure(nil)
		b.want("  0.0000s VI_1 Backup -> Initialize (shutdown)", "  0.0000s VI_1 vrrp.Removed {}",
			"  0.0000s VI_2 Backup -> Initialize (shutdown)", "  0.0000s VI_2 vrrp.Removed {}", "  0.0000s apply []")
	})
}
