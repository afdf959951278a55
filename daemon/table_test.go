package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/ipvs"
	"holdfast/ipvs/ipvstest"
)

// plane is the fake kernel with a switch that takes ip_vs away.
type plane struct {
	*ipvstest.Fake
	mu    sync.Mutex
	gone  bool
	reads int
	slow  time.Duration // a read takes
	done  []string      // operations
}

func (p *plane) Apply(ctx context.Context, op ipvs.Op) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = append(p.done, op.String())
	return p.Fake.Apply(ctx, op)
}

// work is how often the table was read, and what was done, since the last call.
func (p *plane) work() (reads int, done []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	reads, done = p.reads, p.done
	p.reads, p.done = 0, nil
	return reads, done
}

func (p *plane) setGone(gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = gone
}

func (p *plane) Read(ctx context.Context) (ipvs.Table, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil, fmt.Errorf("resolve family IPVS: %w", ipvs.ErrNoIPVS)
	}
	p.reads++
	time.Sleep(p.slow)
	return p.Fake.Read(ctx)
}

func (p *plane) Timeouts(ctx context.Context) (ipvs.Timeouts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return ipvs.Timeouts{}, fmt.Errorf("resolve family IPVS: %w", ipvs.ErrNoIPVS)
	}
	return p.Fake.Timeouts(ctx)
}

func startKeeper(t *testing.T) (*keeper, *plane, *[]string) {
	p, lines := &plane{Fake: &ipvstest.Fake{}}, &[]string{}
	k := newKeeper(newLogger(slog.LevelInfo, recorder{lines}), p)
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { k.run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return k, p, lines
}

// oneService is a table with one service and these real servers.
func oneService(vip string, weights map[string]uint32) ipvs.Table {
	key := ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort(vip))
	t := ipvs.Table{}
	t.AddService(ipvs.Service{Key: key, Scheduler: "wrr"})
	for addr, w := range weights {
		ap := netip.MustParseAddrPort(addr)
		t[key].Destinations[ap] = ipvs.Destination{Addr: ap, Weight: w}
	}
	return t
}

// shown is the kernel's table with weights, short.
func shown(t *testing.T, p *plane) map[string]uint32 {
	t.Helper()
	table, err := p.Fake.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint32{}
	for k, pool := range table {
		got[k.Name()] = uint32(len(pool.Destinations))
		for a, d := range pool.Destinations {
			got[a.String()] = d.Weight
		}
	}
	return got
}

func TestTheKernelCarriesWhatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, _ := startKeeper(t)
		k.want(wish{table: oneService("192.0.2.100:80", map[string]uint32{"10.0.0.1:80": 3})})
		synctest.Wait()
		want := map[string]uint32{"[192.0.2.100]:tcp:80": 1, "10.0.0.1:80": 3}
		if d := cmp.Diff(want, shown(t, p)); d != "" {
			t.Errorf("table (-want +got):\n%s", d)
		}
	})
}

func TestWhatSomebodyElseRemovesComesBackWithinASweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, _ := startKeeper(t)
		k.want(wish{table: oneService("192.0.2.100:80", map[string]uint32{"10.0.0.1:80": 3})})
		synctest.Wait()
		p.Fake.Flush(t.Context())
		time.Sleep(tableSweep + time.Millisecond)
		synctest.Wait()
		if got := shown(t, p); got["10.0.0.1:80"] != 3 {
			t.Errorf("table after a sweep: %v", got)
		}
	})
}

func TestAChangeOfOneServiceIsMadeWithoutReadingTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, _ := startKeeper(t)
		one, two := "192.0.2.100:80", "192.0.2.101:80"
		table := oneService(one, map[string]uint32{"10.0.0.1:80": 3, "10.0.0.2:80": 1})
		for key, pool := range oneService(two, map[string]uint32{"10.0.0.1:80": 3}) {
			table[key] = pool
		}
		does := func(what string, w wish, reads int, done ...string) {
			t.Helper()
			k.want(w)
			synctest.Wait()
			gotReads, gotDone := p.work()
			if d := cmp.Diff(done, gotDone); d != "" || gotReads != reads {
				t.Errorf("%s: read %d times, want %d; commands (-want +got)\n%s", what, gotReads, reads, d)
			}
		}
		k.want(wish{table: table})
		synctest.Wait()
		p.work()
		does("a server dies", wish{part: oneService(one, map[string]uint32{"10.0.0.2:80": 1})}, 0, "ipvsadm -d -t "+one+" -r 10.0.0.1:80")
		does("nothing new", wish{part: oneService(one, map[string]uint32{"10.0.0.2:80": 1})}, 0)

		// somebody has taken the service away: what is refused is looked into
		key := ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort(one))
		if err := p.Fake.Apply(t.Context(), ipvs.Op{Verb: ipvs.DeleteService, Service: ipvs.Service{Key: key}}); err != nil {
			t.Fatal(err)
		}
		does("a server returns to what is not there", wish{part: oneService(one, map[string]uint32{"10.0.0.1:80": 3, "10.0.0.2:80": 1})}, 1,
			"ipvsadm -a -t "+one+" -r 10.0.0.1:80 -m -w 3", "ipvsadm -A -t "+one+" -s wrr",
			"ipvsadm -a -t "+one+" -r 10.0.0.1:80 -m -w 3", "ipvsadm -a -t "+one+" -r 10.0.0.2:80 -m -w 1")

		p.setGone(true)
		time.Sleep(tableSweep) // notices
		p.setGone(false)
		p.work()
		does("after a look that failed", wish{part: oneService(one, map[string]uint32{"10.0.0.2:80": 1})}, 1, "ipvsadm -d -t "+one+" -r 10.0.0.1:80")
		if got := shown(t, p); got["10.0.0.2:80"] != 1 || got["[192.0.2.100]:tcp:80"] != 1 {
			t.Errorf("at the end: %v", got)
		}
	})
}

func TestVerdictsDoNotPutTheSweepOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, _ := startKeeper(t)
		one := oneService("192.0.2.100:80", nil)
		k.want(wish{table: one})
		synctest.Wait()
		p.work()
		for range 60 {
			time.Sleep(time.Second)
			k.want(wish{part: one})
		}
		if reads, _ := p.work(); reads < 11 { // the twelfth is due at this very moment
			t.Errorf("read %d times in a minute, want one each %v", reads, tableSweep)
		}
	})
}

func TestATableThatTakesLongToReadIsReadLessOften(t *testing.T) {
	for slow, want := range map[time.Duration]int{0: 24, 10 * time.Millisecond: 24, time.Second: 6} {
		t.Run(slow.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, p, _ := startKeeper(t)
				p.slow = slow
				k.want(wish{table: oneService("192.0.2.100:80", nil)})
				time.Sleep(slow)
				synctest.Wait()
				p.work()
				time.Sleep(2*time.Minute + time.Second)
				if reads, _ := p.work(); reads != want {
					t.Errorf("read %d times in two minutes, want %d", reads, want)
				}
			})
		})
	}
}

func TestStrangersServicesStayWhenOursGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, _ := startKeeper(t)
		foreign := oneService("192.0.2.200:80", nil)
		for key := range foreign {
			p.Fake.Apply(t.Context(), ipvs.Op{Verb: ipvs.AddService, Service: foreign[key].Service})
		}
		k.want(wish{table: oneService("192.0.2.100:80", map[string]uint32{"10.0.0.1:80": 3})})
		done := make(chan struct{})
		k.want(wish{table: ipvs.Table{}, done: done})
		<-done
		if d := cmp.Diff(map[string]uint32{"[192.0.2.200]:tcp:80": 0}, shown(t, p)); d != "" {
			t.Errorf("table after release (-want +got):\n%s", d)
		}
	})
}

// What we gave up belongs to whoever makes it anew, also while something else
// of ours is refused again and again.
func TestAServiceMadeByHandWhereOursWasStays(t *testing.T) {
	const vip, other = "192.0.2.100:80", "192.0.2.101:80"
	for name, refuse := range map[string]func(ipvs.Op) error{
		"all goes well": nil,
		"another service is refused": func(op ipvs.Op) error {
			if op.Service.Key.Addr.String() == other {
				return ipvs.ErrNotFound // its scheduler is no module
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, p, _ := startKeeper(t)
				p.Fake.Refuse = refuse
				both := oneService(vip, map[string]uint32{"10.0.0.1:80": 3})
				for key, pool := range oneService(other, nil) {
					both[key] = pool
				}
				k.want(wish{table: both})
				synctest.Wait()
				done := make(chan struct{})
				k.want(wish{table: oneService(other, nil), done: done})
				<-done
				hand := ipvs.Op{Verb: ipvs.AddService, Service: ipvs.Service{Key: ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort(vip)), Scheduler: "lc"}}
				if err := p.Fake.Apply(t.Context(), hand); err != nil {
					t.Fatalf("ours is still there: %v", err)
				}
				time.Sleep(3 * tableSweep)
				synctest.Wait()
				if got := shown(t, p); !slices.Contains(slices.Collect(maps.Keys(got)), "[192.0.2.100]:tcp:80") {
					t.Errorf("after three sweeps: %v", got)
				}
			})
		})
	}
}

// A deletion that was refused is tried again.
func TestOursGoesAlthoughItsDeletionWasRefusedAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, _ := startKeeper(t)
		refusals := 2
		p.Fake.Refuse = func(op ipvs.Op) error {
			if refusals--; op.Verb != ipvs.DeleteService || refusals < 0 {
				refusals++
				return nil
			}
			return syscall.ENOMEM
		}
		k.want(wish{table: oneService("192.0.2.100:80", nil)})
		synctest.Wait()
		done := make(chan struct{})
		k.want(wish{table: ipvs.Table{}, done: done})
		<-done
		time.Sleep(3 * tableSweep)
		synctest.Wait()
		if got := shown(t, p); len(got) != 0 {
			t.Errorf("after three sweeps: %v", got)
		}
	})
}

func TestAKernelWithoutIPVSIsSaidOnceAndServedWhenItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, lines := startKeeper(t)
		p.setGone(true)
		k.want(wish{table: oneService("192.0.2.100:80", map[string]uint32{"10.0.0.1:80": 3})})
		time.Sleep(5 * tableMissing)
		synctest.Wait()
		if len(*lines) != 1 || !strings.Contains((*lines)[0], "this kernel has no ip_vs") || !strings.Contains((*lines)[0], "VRRP and health checks go on") {
			t.Errorf("log: %q", *lines)
		}
		p.setGone(false)
		time.Sleep(tableMissing + time.Millisecond)
		synctest.Wait()
		if got := shown(t, p); got["10.0.0.1:80"] != 3 {
			t.Errorf("table after ip_vs came: %v", got)
		}
	})
}

func TestStoppingWithoutIPVSDoesNotSayThatItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, lines := startKeeper(t)
		p.setGone(true)
		k.want(wish{table: oneService("192.0.2.100:80", nil)})
		synctest.Wait()
		k.want(wish{table: ipvs.Table{}, timeouts: &config.LVSTimeouts{}, daemons: &[]ipvs.SyncDaemon{}})
		synctest.Wait()
		if len(*lines) != 1 {
			t.Errorf("log: %q, want only that ip_vs is missing", *lines)
		}
	})
}

func TestTimeoutsAreWrittenWhenIPVSComesAndPutBackAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, _ := startKeeper(t)
		shows := func(what string, tcp time.Duration) {
			t.Helper()
			synctest.Wait()
			if got, _ := p.Fake.Timeouts(t.Context()); got.TCP != tcp {
				t.Errorf("%s: time-out of TCP %v, want %v", what, got.TCP, tcp)
			}
		}
		own, _ := p.Fake.Timeouts(t.Context())
		p.setGone(true)
		k.want(wish{timeouts: &config.LVSTimeouts{TCP: 77 * time.Second}, table: oneService("192.0.2.100:80", nil)})
		shows("without ip_vs", own.TCP)
		p.setGone(false)
		time.Sleep(tableMissing + time.Millisecond)
		shows("with ip_vs", 77*time.Second)
		k.want(wish{timeouts: &config.LVSTimeouts{}})
		shows("at the end", own.TCP)
	})
}

func TestTheSyncDaemonFollowsItsInstance(t *testing.T) {
	id := uint8(7)
	conf := &config.SyncDaemon{Interface: "eth0", Instance: "VI_1", ID: &id}
	synctest.Test(t, func(t *testing.T) {
		k, p, _ := startKeeper(t)
		roles := func() string {
			synctest.Wait()
			list, err := p.SyncDaemons(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, d := range list {
				out = append(out, fmt.Sprintf("%v %d", d.State, d.SyncID))
			}
			return strings.Join(out, ", ")
		}
		follow := func(state string) {
			d := daemonsFor(conf, state, 51)
			k.want(wish{daemons: &d})
		}
		for _, step := range []struct{ state, want string }{
			{"BACKUP", "backup 7"}, {"MASTER", "master 7"}, {"MASTER", "master 7"}, {"FAULT", "backup 7"},
		} {
			follow(step.state)
			if got := roles(); got != step.want {
				t.Errorf("instance %s: kernel runs %q, want %q", step.state, got, step.want)
			}
		}
		k.want(wish{daemons: &[]ipvs.SyncDaemon{}})
		if got := roles(); got != "" {
			t.Errorf("after the stop the kernel still runs %q", got)
		}
	})
}

func TestASyncDaemonThatSomebodyElseStopsOrReplacesRunsAgainWithinASweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, p, _ := startKeeper(t)
		ours := ipvs.SyncDaemon{State: ipvs.SyncBackup, Interface: "eth0", SyncID: 51, MaxLen: 1400, Port: 9999, TTL: 3}
		k.want(wish{sweep: 2 * time.Second, daemons: &[]ipvs.SyncDaemon{ours}})
		synctest.Wait()
		running := func() string {
			list, err := p.SyncDaemons(t.Context())
			if err != nil || len(list) != 1 {
				return fmt.Sprint(list, err)
			}
			return list[0].String()
		}
		const want = "backup sync daemon (mcast=eth0, syncid=51, maxlen=1400, group=224.0.0.81, port=9999, ttl=3)"
		for _, stranger := range []*ipvs.SyncDaemon{nil, {State: ipvs.SyncBackup, Interface: "eth1"}, {State: ipvs.SyncMaster, Interface: "eth0"}} {
			_ = p.StopSyncDaemon(t.Context(), ipvs.SyncBackup)
			if stranger != nil {
				if err := p.StartSyncDaemon(t.Context(), *stranger); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(2*time.Second + time.Millisecond)
			synctest.Wait()
			if got := running(); got != want {
				t.Errorf("after %v:\n got %s\nwant %s", stranger, got, want)
			}
		}
	})
}

func TestWithoutAnInstanceBothSyncDaemonsRunUnderItsVRID(t *testing.T) {
	got := daemonsFor(&config.SyncDaemon{Interface: "eth0"}, "", 0)
	if len(got) != 2 || got[0].State != ipvs.SyncMaster || got[1].State != ipvs.SyncBackup || got[0].SyncID != 0 {
		t.Errorf("got %v", got)
	}
	if got := daemonsFor(&config.SyncDaemon{Interface: "eth0", Instance: "VI_1"}, "BACKUP", 51); got[0].SyncID != 51 {
		t.Errorf("id %d, want the VRID 51", got[0].SyncID)
	}
}

// What counts is the first wish: a backup daemon for a moment would end the
// master daemon that the predecessor left.
func TestANewCheckerProcessGoesOnWithTheSyncDaemonOfAnActiveRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := "global_defs {\n lvs_sync_daemon eth0 VI_1\n}\n" + configtest.Router() + configtest.Balancer()
		w := newWard(t, text)
		d, vrid := w.conf.SyncDaemon()
		left := daemonsFor(d, "MASTER", vrid)[0]
		if err := w.plane.StartSyncDaemon(t.Context(), left); err != nil {
			t.Fatal(err)
		}
		w.states = statesIn(map[string]snapshot{"VI_1": {State: "MASTER"}})
		w.followInstance()
		synctest.Wait()
		got, err := w.plane.SyncDaemons(t.Context())
		if err != nil || len(got) != 1 || got[0].State != ipvs.SyncMaster {
			t.Errorf("sync daemons %v, %v; want the master alone", got, err)
		}
		if slices.ContainsFunc(*w.lines, func(l string) bool { return strings.HasPrefix(l, "started ") }) {
			t.Errorf("a sync daemon was started anew: %q", *w.lines)
		}
	})
}

func TestVirtualServersThatShareAMarkShareItsService(t *testing.T) {
	first, second := oneService("192.0.2.100:80", map[string]uint32{"10.0.0.1:80": 3}), oneService("192.0.2.100:80", map[string]uint32{"10.0.0.1:80": 9, "10.0.0.2:80": 4})
	for k, p := range second {
		p.Service.Scheduler = "rr"
		second[k] = p
	}
	table := ipvs.Table{}
	for _, wanted := range []ipvs.Table{first, second} {
		for k, pool := range wanted {
			merge(table, k, pool)
		}
	}
	for _, p := range table {
		if p.Service.Scheduler != "wrr" || len(p.Destinations) != 2 || p.Destinations[netip.MustParseAddrPort("10.0.0.1:80")].Weight != 3 {
			t.Errorf("service %v with %v", p.Service, p.Destinations)
		}
	}
}
