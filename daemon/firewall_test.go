package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/host"
	"holdfast/host/hosttest"
	"holdfast/nft"
	"holdfast/nft/nfttest"
	"holdfast/vrrp"
)

// aFilter drops for the addresses that begin with a plus, and would for the
// others.
func aFilter(addrs ...string) filterWish {
	f := filterWish{Filter: nft.Filter{Table: "keepalived", Priority: -1}}
	for _, a := range addrs {
		text, active := strings.CutPrefix(a, "+")
		f.Guarded = append(f.Guarded, nft.Guarded{Addr: netip.MustParseAddr(text), Link: "eth0", Index: 2, Active: active})
	}
	return f
}

// aHost carries the addresses.
func aHost(seq uint64, addrs ...string) host.Desired {
	d := host.NewDesired()
	d.Seq = seq
	for _, a := range addrs {
		d.Address(host.NewAddress("eth0", netip.MustParsePrefix(a+"/32")), true)
	}
	return d
}

// gate is a firewall between two workers that only write down what they are
// asked.
type gate struct {
	*firewall
	diary, log []string
}

func newGate() *gate {
	g := &gate{}
	g.firewall = &firewall{
		log: newLogger(LevelDetail, recorder{&g.log}),
		tables: func(w nft.Wish) {
			g.diary = append(g.diary, fmt.Sprintf("%d drop %v", w.Seq, dropped(w)))
		},
		host: func(d host.Desired) {
			g.diary = append(g.diary, fmt.Sprintf("%d host %v", d.Seq, addressNames(d.Addresses)))
		},
	}
	return g
}

// dropped are the IPv4 addresses in the sets of w, or "nothing" without tables.
func dropped(w nft.Wish) any {
	if len(w.Tables) == 0 {
		return "nothing"
	}
	list := []string{}
	for key := range w.Tables[0].Sets[0].Elements {
		a, _ := netip.AddrFromSlice([]byte(key))
		list = append(list, a.String())
	}
	slices.Sort(list)
	return list
}

func (g *gate) applied(seq uint64, err error) { g.tablesDone(nft.Reconciled{Seq: seq, Err: err}) }

// TestFilterAndAddressesComeInOrder: what each of the two workers is asked, and
// when.
func TestFilterAndAddressesComeInOrder(t *testing.T) {
	failed := errors.New("no")
	tests := map[string]struct {
		script func(g *gate)
		want   []string
	}{
		"nobody filters": {func(g *gate) {
			g.want(aHost(1), aFilter())
			g.want(aHost(2, "10.9.0.100"), aFilter())
			g.applied(1, nil)
		}, []string{"1 drop nothing", "1 host []", "2 host [eth0 10.9.0.100/32]"}},
		"becoming master": {func(g *gate) {
			g.want(aHost(1), aFilter("10.9.0.100"))
			g.applied(1, nil)
			g.hostDone(1, nil)
			g.want(aHost(2, "10.9.0.100"), aFilter("+10.9.0.100"))
			g.applied(1, nil) // late news of the wish before
			g.diary = append(g.diary, "-")
			g.applied(2, nil)
		}, []string{"1 drop []", "1 host []", "2 drop [10.9.0.100]", "-", "2 host [eth0 10.9.0.100/32]"}},
		"leaving": {func(g *gate) {
			g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100"))
			g.applied(1, nil)
			g.want(aHost(2), aFilter("10.9.0.100"))
			g.diary = append(g.diary, "-")
			g.hostDone(1, nil)
			g.hostDone(2, failed)
			g.hostDone(2, nil)
			g.hostDone(2, nil)
		}, []string{"1 drop [10.9.0.100]", "1 host [eth0 10.9.0.100/32]", "2 drop [10.9.0.100]", "2 host []", "-", "2 drop []"}},
		"one leaves and another comes": {func(g *gate) {
			g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100", "10.9.0.101"))
			g.applied(1, nil)
			g.want(aHost(2, "10.9.0.101"), aFilter("10.9.0.100", "+10.9.0.101"))
			g.applied(2, nil)
			g.hostDone(2, nil)
		}, []string{"1 drop [10.9.0.100]", "1 host [eth0 10.9.0.100/32]",
			"2 drop [10.9.0.100 10.9.0.101]", "2 host [eth0 10.9.0.101/32]", "2 drop [10.9.0.101]"}},
		"an instance that a reload removed": {func(g *gate) {
			g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100"))
			g.applied(1, nil)
			g.want(aHost(2), aFilter())
			g.diary = append(g.diary, "-") // the filter stays as it is
			g.hostDone(2, nil)
		}, []string{"1 drop [10.9.0.100]", "1 host [eth0 10.9.0.100/32]", "2 host []", "-", "2 drop nothing"}},
		"accept at a reload acts at once": {func(g *gate) {
			g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100"))
			g.applied(1, nil)
			g.want(aHost(2, "10.9.0.100"), aFilter())
			g.hostDone(2, nil)
		}, []string{"1 drop [10.9.0.100]", "1 host [eth0 10.9.0.100/32]", "2 drop nothing", "2 host [eth0 10.9.0.100/32]"}},
		"the kernel cannot filter": {func(g *gate) {
			g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100"))
			g.applied(1, failed)
		}, []string{"1 drop [10.9.0.100]", "1 host [eth0 10.9.0.100/32]"}},
		"only the newest wish goes on": {func(g *gate) {
			g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100"))
			g.want(aHost(2, "10.9.0.100"), aFilter("+10.9.0.100"))
			g.want(aHost(3), aFilter("10.9.0.100"))
			g.applied(1, nil)
			g.applied(3, nil)
			g.hostDone(3, nil)
		}, []string{"1 drop [10.9.0.100]", "2 drop [10.9.0.100]", "3 drop [10.9.0.100]", "3 host []", "3 drop []"}},
		"the process stops while a wish waits": {func(g *gate) {
			g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100"))
			g.leave()
			g.applied(1, nil)
			g.release(2)
		}, []string{"1 drop [10.9.0.100]", "2 drop nothing"}},
		"an interface that came back": {func(g *gate) {
			g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100"))
			g.applied(1, nil)
			g.refilter(aFilter("+10.9.0.100"))
			other := aFilter("+10.9.0.100")
			other.Guarded[0].Index = 7
			g.refilter(other)
		}, []string{"1 drop [10.9.0.100]", "1 host [eth0 10.9.0.100/32]", "1 drop [10.9.0.100]"}},
		"while addresses leave": {func(g *gate) {
			g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100", "10.9.0.101"))
			g.applied(1, nil)
			g.want(aHost(2), aFilter("10.9.0.100", "10.9.0.101"))
			g.refilter(aFilter("10.9.0.100"))
			g.hostDone(2, nil)
		}, []string{"1 drop [10.9.0.100]", "1 host [eth0 10.9.0.100/32]", "2 drop [10.9.0.100]", "2 host []", "2 drop [10.9.0.100]", "2 drop []"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			tt.script(g)
			if g.timer != nil {
				g.timer.Stop()
			}
			if d := cmp.Diff(tt.want, g.diary); d != "" {
				t.Errorf("asked (-want +got):\n%s", d)
			}
		})
	}
}

func TestAddressesDoNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.want(aHost(1, "10.9.0.100"), aFilter("+10.9.0.100"))
		time.Sleep(400 * time.Millisecond)
		g.want(aHost(2, "10.9.0.100"), aFilter("+10.9.0.100"))
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		if len(g.diary) != 2 {
			t.Errorf("asked too early: %q", g.diary)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		g.applied(2, nil) // too late to matter
		want := []string{"1 drop [10.9.0.100]", "2 drop [10.9.0.100]", "2 host [eth0 10.9.0.100/32]"}
		if d := cmp.Diff(want, g.diary); d != "" {
			t.Errorf("asked (-want +got):\n%s", d)
		}
		if !slices.ContainsFunc(g.log, func(l string) bool {
			return strings.Contains(l, "nftables did not answer within 500ms: virtual addresses are set before packets to them are dropped")
		}) {
			t.Errorf("log %q", g.log)
		}
	})
}

// TestAnErrorOfTheFilterIsLoggedOnce, however many transitions meet it.
func TestAnErrorOfTheFilterIsLoggedOnce(t *testing.T) {
	g := newGate()
	err := fmt.Errorf("list nftables tables: %w", nft.ErrNoTables)
	for seq := range uint64(3) {
		g.applied(seq, err)
	}
	g.applied(3, nil)
	g.applied(4, err)
	if len(g.log) != 2 || !strings.Contains(g.log[0], err.Error()+"; until this is solved packets to virtual addresses are accepted, and adverts go on") {
		t.Errorf("log %q", g.log)
	}
}

// TestTheKernelSeesTheFilterFirst runs both workers on kernels in memory and
// writes down in which order they are changed.
func TestTheKernelSeesTheFilterFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		kernel, tables := hosttest.New(), &nfttest.Fake{}
		kernel.AddLink(host.Link{Name: "eth0", Up: true, Running: true})
		kernel.Fail = func(op host.Op) error { order = append(order, op.String()); return nil }
		tables.Fail = func(ops []nft.Op) error {
			for _, op := range ops {
				if op.Verb == nft.AddElements || op.Verb == nft.DelElements || op.Verb == nft.DelTable {
					order = append(order, op.String())
				}
			}
			return nil
		}
		var fw firewall
		fw.log = newLogger(LevelDetail, recorder{new([]string)})
		addresses := host.NewWorker(kernel, func(e host.Event) {
			if r, ok := e.(host.Reconciled); ok {
				fw.hostDone(r.Seq, r.Err)
			}
		})
		filter := nft.NewWorker(tables, fw.tablesDone)
		fw.host, fw.tables = addresses.Want, filter.Want
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{}, 2)
		go func() { addresses.Run(ctx); ended <- struct{}{} }()
		go func() { filter.Run(ctx); ended <- struct{}{} }()
		for seq, master := range []bool{false, true, false, true} {
			f, d := aFilter("10.9.0.100"), aHost(uint64(seq))
			if master {
				f, d = aFilter("+10.9.0.100"), aHost(uint64(seq), "10.9.0.100")
			}
			d.Leftovers[host.NewAddress("eth0", netip.MustParsePrefix("10.9.0.100/32")).Key()] = true
			fw.want(d, f)
			synctest.Wait()
		}
		fw.want(aHost(4), aFilter("10.9.0.100"))
		synctest.Wait()
		<-fw.release(4)
		stop()
		<-ended
		<-ended
		add, del := "ip addr add 10.9.0.100/32 dev eth0 scope global", "ip addr del 10.9.0.100/32 dev eth0"
		dropIt, passIt := "nft 'add element ip keepalived vips { 10.9.0.100 }'", "nft 'delete element ip keepalived vips { 10.9.0.100 }'"
		want := []string{dropIt, add, del, passIt, dropIt, add, del, passIt, "nft delete table ip keepalived"}
		if d := cmp.Diff(want, order); d != "" {
			t.Errorf("order (-want +got):\n%s", d)
		}
	})
}

// TestWhoseAddressesAreFiltered is the fold over configuration and states.
func TestWhoseAddressesAreFiltered(t *testing.T) {
	global := func(lines string) string { return "global_defs {\n" + lines + "\n}\n" }
	tests := map[string]struct {
		text   string
		active bool
		want   string // table, then addresses: link, index, how it is told apart, + when dropped now
	}{
		"accept is the default":                   {configtest.Router(), true, "keepalived"},
		"no_accept, backup":                       {configtest.With("no_accept"), false, "keepalived 10.9.0.100@eth0/2"},
		"no_accept, master":                       {configtest.With("no_accept"), true, "keepalived +10.9.0.100@eth0/2"},
		"strict":                                  {global("vrrp_strict") + configtest.Router(), true, "keepalived +10.9.0.100@eth0/2"},
		"strict with accept":                      {global("vrrp_strict") + configtest.With("accept\nversion 3"), true, "keepalived"},
		"accept has no place in strict version 2": {global("vrrp_strict") + configtest.With("accept"), true, "keepalived +10.9.0.100@eth0/2"},
		"an owner":                                {configtest.With("no_accept\npriority 255\nstate MASTER"), true, "keepalived"},
		"excluded addresses, and those of another link": {configtest.With("no_accept\nvirtual_ipaddress_excluded {\nfd00:9::1 dev eth1\n}"), true,
			"keepalived +10.9.0.100@eth0/2 +fd00:9::1@eth1/3"},
		"dont_track_primary":                      {configtest.With("no_accept\ndont_track_primary"), true, "keepalived +10.9.0.100@eth0/name"},
		"dont_track_primary and nftables_ifindex": {global("nftables_ifindex") + configtest.With("no_accept\ndont_track_primary"), true, "keepalived +10.9.0.100@eth0/2"},
		"a table by name":                         {global("nftables mine") + configtest.Router(), true, "mine, ours"},
		"vrrp_iptables":                           {global("vrrp_iptables") + configtest.With("no_accept"), true, "keepalived, ours +10.9.0.100@eth0/2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := configtest.Understood(t, tt.text).Config
			f := desiredFilter(&c.Global, byName(c), map[string]bool{"VI_1": tt.active}, configtest.TwoLinks())
			got := f.Table
			if f.Named {
				got += ", ours"
			}
			for _, g := range f.Guarded {
				mark, how := "", fmt.Sprint(g.Index)
				if g.Active {
					mark = "+"
				}
				if g.ByName {
					how = "name"
				}
				got += fmt.Sprintf(" %s%v@%s/%s", mark, g.Addr, g.Link, how)
			}
			if got != tt.want {
				t.Errorf("filter %q, want %q", got, tt.want)
			}
			if len(f.Addresses) == 0 {
				t.Error("leftovers would not be recognised")
			}
		})
	}
}

// TestWhoMayRemoveWhichTable: what nobody named may be somebody else's.
func TestWhoMayRemoveWhichTable(t *testing.T) {
	for name, tt := range map[string]struct {
		filter filterWish
		want   string
	}{
		"named":  {filterWish{Named: true, Filter: nft.Filter{Table: "x"}}, "[ip x ip6 x] []"},
		"wanted": {aFilter("10.9.0.100"), "[ip keepalived ip6 keepalived] []"},
	} {
		t.Run(name, func(t *testing.T) {
			g, got := newGate(), ""
			g.tables = func(w nft.Wish) { got = fmt.Sprint(w.Ours, w.Perhaps) }
			g.want(aHost(1), tt.filter)
			if got != tt.want {
				t.Errorf("ours and perhaps ours: %s, want %s", got, tt.want)
			}
		})
	}
}

// TestVMACsComeIntoTheFilter: as they exist, and without IGMP where the kernel
// is told to send none.
func TestVMACsComeIntoTheFilter(t *testing.T) {
	r, _, _ := stage(t, configtest.Router())
	r.globals, r.links = &r.conf.Global, configtest.TwoLinks()
	r.links["vrrp.51"] = host.Link{Name: "vrrp.51", Index: 4}
	r.own = layout{links: []ownLink{{VirtualLink: host.VirtualLink{Name: "vrrp.51", Parent: "eth0", Kind: host.MACVLAN}, keepIPv6: true}}}
	want := []nft.VMAC{{Name: "vrrp.51", Index: 4, Base: "eth0", BaseIndex: 2}, {Name: "vrrp.51", Index: 4, Base: "eth0", BaseIndex: 2, IPv6: true}}
	if got := r.filter(nil).VMACs; !slices.Equal(got, want) {
		t.Errorf("VMACs %+v, want %+v", got, want)
	}
	r.globals.DisableLocalIGMP = true
	if got := r.filter(nil).VMACs; !slices.Equal(got, want[1:]) {
		t.Errorf("VMACs with disable_local_igmp %+v, want %+v", got, want[1:])
	}
}

func TestTransitionsOfAFilteredInstanceSaySo(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		move vrrp.Transition
		want []string
	}{
		"becoming master": {configtest.With("no_accept"), vrrp.Transition{From: vrrp.Backup, To: vrrp.Active},
			[]string{"(VI_1) Entering MASTER STATE", "(VI_1) setting firewall drop rule", "(VI_1) setting VIPs."}},
		"leaving": {configtest.With("no_accept"), vrrp.Transition{From: vrrp.Active, To: vrrp.Backup},
			[]string{"(VI_1) removing VIPs.", "(VI_1) removing firewall drop rule", "(VI_1) Entering BACKUP STATE"}},
		"with accept": {configtest.Router(), vrrp.Transition{From: vrrp.Backup, To: vrrp.Active},
			[]string{"(VI_1) Entering MASTER STATE", "(VI_1) setting VIPs."}},
		"without addresses to set": {configtest.With("no_accept"), vrrp.Transition{From: vrrp.Initialize, To: vrrp.Backup},
			[]string{"(VI_1) Entering BACKUP STATE (init)"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, _ := stage(t, tt.text)
			var got []string
			for _, l := range r.linesOf(vrrp.Fact{Instance: "VI_1", What: tt.move}) {
				got = append(got, l.text)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("lines (-want +got):\n%s", d)
			}
		})
	}
}

func TestAFilterThatNobodyNamedIsTold(t *testing.T) {
	for text, want := range map[string]bool{
		configtest.Router():          false,
		configtest.With("no_accept"): true,
		configtest.With("use_vmac"):  true,
		"global_defs {\nnftables\n}\n" + configtest.With("no_accept"): false,
	} {
		if got := unnamedTable(configtest.Understood(t, text).Config) != ""; got != want {
			t.Errorf("told: %v, want %v, for\n%s", got, want, text)
		}
	}
}
