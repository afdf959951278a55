package host_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/host"
	"holdfast/host/hosttest"
)

// vmac is the link of a virtual router on eth0.
func vmac(name string, vrid uint8) host.VirtualLink {
	return host.VirtualLink{Name: name, Kind: host.MACVLAN, Mode: host.Private, Parent: "eth0", MAC: host.VirtualMAC(vrid, false), Alias: host.LinkMark + "VI_1"}
}

func arpIgnore(link string) string { return host.LinkSysctl("ipv4", link, "arp_ignore") }
func rpf(link string) string       { return host.LinkSysctl("ipv4", link, "rp_filter") }

func TestLinksAreMadeBeforeWhatIsOnThemAndGoLast(t *testing.T) {
	wished := func(links ...host.VirtualLink) host.Desired {
		d := host.NewDesired()
		for _, l := range links {
			d.Link(l)
		}
		return d
	}
	made := func(f *hosttest.Fake, links ...host.VirtualLink) {
		for _, l := range links {
			for _, err := range f.Apply(t.Context(), []host.Op{{Verb: host.Add, Link: &l}, {Verb: host.Set, Link: &l}}) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	const set = `ip link set dev vrrp.51 alias "holdfast VI_1" addrgenmode none up`
	tests := map[string]struct {
		before func(*hosttest.Fake)
		want   func() host.Desired
		do     []string
		fails  string // part of the error; then the rest of the row is what was done
	}{
		"a link, its sysctls, its addresses": {
			want: func() host.Desired {
				d := wished(vmac("vrrp.51", 51))
				d.Sysctls[arpIgnore("vrrp.51")] = "1"
				d.Sysctls[arpIgnore("eth0")] = "1"
				d.Address(on("vrrp.51", vip("192.0.2.100/24")), true)
				return d
			},
			do: []string{"ip link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan mode private",
				"sysctl -w net/ipv4/conf/eth0/arp_ignore=1", "sysctl -w net/ipv4/conf/vrrp.51/arp_ignore=1", set,
				"ip addr add 192.0.2.100/24 dev vrrp.51 scope global"},
		},
		"one that a predecessor left is adopted": {
			before: func(f *hosttest.Fake) { made(f, vmac("vrrp.51", 51)) },
			want:   func() host.Desired { return wished(vmac("vrrp.51", 51)) },
		},
		"one that a killed keepalived left gets our mark": {
			before: func(f *hosttest.Fake) { l := vmac("vrrp.51", 51); l.Alias = ""; made(f, l) },
			want:   func() host.Desired { return wished(vmac("vrrp.51", 51)) },
			do:     []string{set},
		},
		"one that is down is taken up": {
			before: func(f *hosttest.Fake) { made(f, vmac("vrrp.51", 51)); f.SetLink("vrrp.51", false) },
			want:   func() host.Desired { return wished(vmac("vrrp.51", 51)) },
			do:     []string{set},
		},
		"nobody wants it": {
			before: func(f *hosttest.Fake) { made(f, vmac("vrrp.51", 51)); f.Put(on("vrrp.51", vip("192.0.2.100/24"))) },
			want:   func() host.Desired { return wished() },
			do:     []string{"ip addr del 192.0.2.100/24 dev vrrp.51", "ip link del vrrp.51"},
		},
		"a link of somebody else is left alone, whatever its name": {
			before: func(f *hosttest.Fake) { l := vmac("vrrp.52", 52); l.Alias = "somebody"; made(f, l) },
			want:   func() host.Desired { return wished() },
		},
		"another address: made anew": {
			before: func(f *hosttest.Fake) { l := vmac("vrrp.51", 51); l.MAC = host.MAC{2, 0, 0, 0, 0, 9}; made(f, l) },
			want:   func() host.Desired { return wished(vmac("vrrp.51", 51)) },
			do:     []string{"ip link del vrrp.51", "ip link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan mode private", set},
		},
		"another name: the old link gives the address free first": {
			before: func(f *hosttest.Fake) { made(f, vmac("old", 51)) },
			want:   func() host.Desired { return wished(vmac("vrrp.51", 51)) },
			do:     []string{"ip link del old", "ip link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan mode private", set},
		},
		"two exchange their names": {
			before: func(f *hosttest.Fake) { made(f, vmac("a", 51), vmac("b", 52)) },
			want:   func() host.Desired { return wished(vmac("a", 52), vmac("b", 51)) },
			do: []string{"ip link del a", "ip link del b",
				"ip link add link eth0 name a address 00:00:5e:00:01:34 type macvlan mode private",
				"ip link add link eth0 name b address 00:00:5e:00:01:33 type macvlan mode private",
				`ip link set dev a alias "holdfast VI_1" addrgenmode none up`, `ip link set dev b alias "holdfast VI_1" addrgenmode none up`},
		},
		"a link of that name that is not ours refuses": {
			before: func(f *hosttest.Fake) {
				f.AddLink(host.Link{Name: "vrrp.51", Up: true, MAC: host.MAC{2, 0, 0, 0, 0, 7}})
			},
			want:  func() host.Desired { return wished(vmac("vrrp.51", 51)) },
			fails: "file exists",
		},
		"in the group and the VRF of its parent": {
			before: func(f *hosttest.Fake) {
				f.AddLink(host.Link{Name: "red", Up: true, Running: true, Kind: "vrf", Table: 100})
				eth0 := f.State().Links["eth0"]
				eth0.Group, eth0.Master = 9, f.State().Links["red"].Index
				f.AddLink(eth0)
			},
			want: func() host.Desired { return wished(vmac("vrrp.51", 51)) },
			do: []string{"ip link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 group 9 type macvlan mode private",
				`ip link set dev vrrp.51 alias "holdfast VI_1" master red addrgenmode none up`},
		},
		"in a group of its own": {
			want: func() host.Desired { l := vmac("vrrp.51", 51); l.Group = host.Some(uint32(5)); return wished(l) },
			do: []string{"ip link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 group 5 type macvlan mode private",
				`ip link set dev vrrp.51 alias "holdfast VI_1" group 5 addrgenmode none up`},
		},
		"an ipvlan has the address of its parent": {
			want: func() host.Desired {
				return wished(host.VirtualLink{Name: "ipv0", Kind: host.IPVLAN, Mode: "vepa", Parent: "eth0", Alias: "holdfast VI_1"})
			},
			do: []string{"ip link add link eth0 name ipv0 type ipvlan mode l2 vepa", `ip link set dev ipv0 alias "holdfast VI_1" addrgenmode none up`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newHost()
			if tt.before != nil {
				tt.before(f)
			}
			_, ops, err := host.Reconcile(t.Context(), f, tt.want())
			if d := cmp.Diff(tt.do, commands(ops)); d != "" {
				t.Errorf("done (-want +got):\n%s", d)
			}
			if failed := err != nil; failed != (tt.fails != "") || failed && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("error %v, want one with %q", err, tt.fails)
			}
			if _, again, _ := host.Reconcile(t.Context(), f, tt.want()); len(again) > 0 {
				t.Errorf("a second pass does %v", again)
			}
		})
	}
}

func TestALinkWhoseParentIsNotThereWaits(t *testing.T) {
	d := host.NewDesired()
	l := vmac("vrrp.51", 51)
	l.Parent = "eth9"
	d.Link(l)
	d.Address(on("vrrp.51", vip("192.0.2.100/24")), true)
	state, _ := newHost().Read(t.Context())
	want := []string{"ip link add link eth9 name vrrp.51 address 00:00:5e:00:01:33 type macvlan mode private", "ip addr add 192.0.2.100/24 dev vrrp.51 scope global"}
	if d := cmp.Diff(want, commands(host.Waiting(d, state))); d != "" {
		t.Errorf("waiting (-want +got):\n%s", d)
	}
	if ops := host.Plan(d, state); len(ops) > 0 {
		t.Errorf("plans %v", ops)
	}
}

// A packet is checked by the stricter one of all and its link, so a link of
// ours can do without only if all does.
func TestTheReversePathFilterOfAllMovesToTheLinks(t *testing.T) {
	tests := map[string]struct {
		before map[string]string
		want   []string
	}{
		"off: nothing to do":               {nil, nil},
		"only a link has it: nothing":      {map[string]string{"eth0": "1"}, nil},
		"links and default take it over":   {map[string]string{"all": "1"}, []string{"all=0", "default=1", "eth0=1", "eth1=1"}},
		"what is stricter than it stays":   {map[string]string{"all": "1", "eth0": "2"}, []string{"all=0", "default=1", "eth1=1"}},
		"what is less strict is raised":    {map[string]string{"all": "2", "eth0": "1"}, []string{"all=0", "default=2", "eth0=2", "eth1=2"}},
		"the link of ours is left without": {map[string]string{"all": "1", "vrrp.51": "1"}, []string{"all=0", "default=1", "eth0=1", "eth1=1", "vrrp.51=0"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newHost()
			l := vmac("vrrp.51", 51)
			d := host.NewDesired()
			d.Link(l)
			d.Sysctls[rpf("vrrp.51")] = "0"
			d.SpreadRPFilter = true
			f.Apply(t.Context(), []host.Op{{Verb: host.Add, Link: &l}, {Verb: host.Set, Link: &l}})
			for link, v := range tt.before {
				f.SetSysctl(rpf(link), v)
			}
			_, ops, err := host.Reconcile(t.Context(), f, d)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, op := range commands(ops) {
				got = append(got, strings.Replace(strings.TrimPrefix(op, "sysctl -w net/ipv4/conf/"), "/rp_filter", "", 1))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("done (-want +got):\n%s", diff)
			}
		})
	}
}

func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// begin runs w until stop.
func begin(t *testing.T, w *host.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.Run(ctx); close(ended) }()
	synctest.Wait()
	return func() { cancel(); <-ended }
}

// running is a worker that keeps a journal.
func running(t *testing.T, f *hosttest.Fake, j host.Journal) (w *host.Worker, stop func()) {
	w = host.NewWorker(f, func(host.Event) {})
	if err := w.Remember(j); err != nil {
		t.Fatal(err)
	}
	return w, begin(t, w)
}

// journal is a Journal in memory.
type journal struct {
	saved map[string]host.Saved
	fail  error
}

func (j *journal) Load() (map[string]host.Saved, error) { return maps.Clone(j.saved), nil }
func (j *journal) Save(s map[string]host.Saved) error   { j.saved = maps.Clone(s); return j.fail }

func TestSysctlsAreRestored(t *testing.T) {
	d := func(link string) host.Desired {
		d := numbered(1)
		d.SpreadRPFilter = link != ""
		if link != "" {
			d.Sysctls[arpIgnore(link)] = "1"
		}
		return d
	}
	tests := map[string]struct {
		meanwhile func(set func(key, value string))
		killed    bool // between the two wishes
		want      string
	}{
		"when they are not wanted any more":         {nil, false, "0"},
		"by a successor of one that was killed":     {nil, true, "0"},
		"unless somebody has changed them":          {func(set func(string, string)) { set(arpIgnore("eth0"), "2") }, true, "2"},
		"that includes what somebody made the same": {func(set func(string, string)) { set(arpIgnore("eth0"), "0") }, false, "0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, j := newHost(), &journal{}
				f.SetSysctl(rpf("all"), "1")
				before := f.Sysctls()
				w, stop := running(t, f, j)
				w.Want(d("eth0"))
				synctest.Wait()
				if f.Sysctls()[arpIgnore("eth0")] != "1" || f.Sysctls()[rpf("all")] != "0" || f.Sysctls()[rpf("eth0")] != "1" {
					t.Errorf("set to %v", f.Sysctls())
				}
				if got := j.saved[arpIgnore("eth0")]; got != (host.Saved{Was: "0", Set: "1"}) {
					t.Errorf("written down: %+v", j.saved)
				}
				if tt.killed {
					stop()
					w, stop = running(t, f, j)
				}
				if tt.meanwhile != nil {
					tt.meanwhile(f.SetSysctl)
				}
				w.Want(d(""))
				synctest.Wait()
				stop()
				before[arpIgnore("eth0")] = tt.want
				if diff := cmp.Diff(before, f.Sysctls()); diff != "" {
					t.Errorf("sysctls (-before +after):\n%s", diff)
				}
				if len(j.saved) > 0 {
					t.Errorf("still written down: %v", j.saved)
				}
			})
		})
	}
}

// In many containers sysctls cannot be written; virtual routers work all the same.
func TestASysctlThatCannotBeSetIsToldOnceAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newHost()
		f.Fail = func(op host.Op) error {
			if op.Sysctl != nil {
				return syscall.EROFS
			}
			return nil
		}
		var told []host.Reconciled
		w := host.NewWorker(f, func(e host.Event) {
			if r, ok := e.(host.Reconciled); ok {
				told = append(told, r)
			}
		})
		stop := begin(t, w)
		d := numbered(1, vip("192.0.2.100/24"))
		d.Sysctls[arpIgnore("eth0")] = "1"
		w.Want(d)
		synctest.Wait()
		if len(told) != 1 || told[0].Err != nil || !errors.Is(told[0].Sysctls, syscall.EROFS) || len(told[0].Done) != 1 {
			t.Errorf("told %+v", told)
		}
		f.Fail = nil
		sleep(host.FirstRetry)
		stop()
		if f.Sysctls()[arpIgnore("eth0")] != "1" || len(told) != 2 || told[1].Sysctls != nil {
			t.Errorf("set to %q, told %+v", f.Sysctls()[arpIgnore("eth0")], told)
		}
	})
}

func TestALinkThatSomebodyDeletesIsPutBackWithAllThatWasOnIt(t *testing.T) {
	atWork(t, func(b *bench) {
		d := numbered(1, on("vrrp.51", vip("192.0.2.100/24")))
		d.Link(vmac("vrrp.51", 51))
		b.Want(d)
		sleep(0)
		b.DeleteLink("vrrp.51")
		sleep(0)
		b.SetLink("vrrp.51", false)
	},
		"0s wanted 1",
		"0s   ip link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan mode private",
		`0s   ip link set dev vrrp.51 alias "holdfast VI_1" addrgenmode none up`,
		"0s   ip addr add 192.0.2.100/24 dev vrrp.51 scope global",
		"0s drifted 1",
		"0s   ip link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan mode private",
		`0s   ip link set dev vrrp.51 alias "holdfast VI_1" addrgenmode none up`,
		"0s   ip addr add 192.0.2.100/24 dev vrrp.51 scope global",
		"0s drifted 1",
		`0s   ip link set dev vrrp.51 alias "holdfast VI_1" addrgenmode none up`)
}

func TestAFileJournalKeepsWhatIsOfThisHostOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vrrp.sysctls")
	j := host.FileJournal{Path: path, Identity: "boot net:[1]"}
	saved := map[string]host.Saved{arpIgnore("eth0"): {Was: "0", Set: "1"}}
	load := func(j host.FileJournal, want map[string]host.Saved) {
		t.Helper()
		got, err := j.Load()
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("read back (-want +got, error %v):\n%s", err, d)
		}
	}
	load(j, nil)
	if err := j.Save(saved); err != nil {
		t.Fatal(err)
	}
	load(j, saved)
	load(host.FileJournal{Path: path, Identity: "boot net:[2]"}, nil)
	for range 2 {
		if err := j.Save(nil); err != nil {
			t.Error(err)
		}
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) > 0 {
		t.Errorf("left over: %v", slices.Collect(func(yield func(string) bool) {
			for _, f := range files {
				yield(f.Name())
			}
		}))
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Load(); err == nil {
		t.Error("half a file was read without complaint")
	}
}
