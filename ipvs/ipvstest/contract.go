package ipvstest

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/ipvs"
)

// Rules are services of every kind as `ipvsadm -Sn` prints them; ipvsadm 1.31
// read and wrote all but the thresholds and the IPv6 server of an IPv4 service.
const Rules = `
-A -t 10.9.0.100:80 -s wrr
-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 3
-a -t 10.9.0.100:80 -r 10.9.0.11:8080 -m -w 0
-a -t 10.9.0.100:80 -r 10.9.0.12:80 -g -w 65536 -x 100 -y 20
-a -t 10.9.0.100:80 -r 10.9.0.13:80 -i -w 1 --tun-type ipip
-a -t 10.9.0.100:80 -r 10.9.0.14:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
-a -t 10.9.0.100:80 -r 10.9.0.15:80 -i -w 1 --tun-type gue --tun-port 6081 --tun-remcsum
-a -t 10.9.0.100:80 -r 10.9.0.16:80 -i -w 1 --tun-type gre --tun-csum
-a -t 10.9.0.100:80 -r 10.9.0.17:80 -i -w 1 --tun-type gue --tun-port 6082 --tun-nocsum
-A -t 10.9.0.110:443 -s mh -p 120 -M 255.255.255.0 -b mh-fallback,mh-port
-A -t 10.9.0.112:0 -s wlc -p 360
-A -u 10.9.0.111:5060 -s wrr -p 60 --pe sip -b flag-1
-A -u 10.9.0.115:53 -s rr -b flag-1,flag-2,flag-3
-A -u 10.9.1.1:80 -s rr -o
-A --sctp-service 10.9.0.113:99 -s wlc
-A -t [fd09::100]:443 -s sh -p 360 -M 64 -b sh-fallback,sh-port
-a -t [fd09::100]:443 -r [fd09::11]:443 -g -w 1
-A -t [fd09::101]:443 -s sh -p 360
-A -f 7 -s wrr
-a -f 7 -r 10.9.0.11:8080 -m -w 1
-a -f 7 -r 10.9.0.12:0 -m -w 2147483647
-A -f 8 -6 -s wrr -p 50
-a -f 8 -6 -r [fd09::11]:0 -g -w 1
-A -f 9 -s rr
-a -f 9 -r [fd09::11]:0 -i -w 1 --tun-type ipip
`

func table(t *testing.T, rules ...string) ipvs.Table {
	t.Helper()
	tab, err := ipvs.ParseTable(strings.Join(rules, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// A Witness looks at the dataplane with other eyes, such as ipvsadm's, and
// fails the test if it does not hold want.
type Witness func(t *testing.T, want ipvs.Table)

// Contract is what every Dataplane promises. It wants the plane to itself and
// leaves it empty. The witnesses are asked after each change.
func Contract(t *testing.T, p ipvs.Dataplane, witnesses ...Witness) {
	c := &contract{p: p, witnesses: witnesses}
	t.Run("every kind of service is carried as it was given", c.carries)
	t.Run("a change is made in place and nothing else is touched", c.changes)
	t.Run("what contradicts the table is refused", c.refuses)
	t.Run("services of others stay", c.strangers)
	t.Run("a batch goes on behind what was refused", c.batch)
	t.Run("more than one datagram of operations", c.many)
	t.Run("a context that is over stops everything", c.cancelled)
	c.reach(t, ipvs.Table{})
}

type contract struct {
	p         ipvs.Dataplane
	witnesses []Witness
}

func everything(ipvs.ServiceKey) bool { return true }

// reach makes the plane carry want and checks that it does, and that nothing
// is left to do.
func (c *contract) reach(t *testing.T, want ipvs.Table) []ipvs.Op {
	t.Helper()
	ops, err := ipvs.Reconcile(t.Context(), c.p, want, everything)
	if err != nil {
		t.Errorf("reconcile: %v", err)
	}
	c.holds(t, want)
	if again, err := ipvs.Reconcile(t.Context(), c.p, want, everything); err != nil || len(again) != 0 {
		t.Errorf("a second pass still wants %v (%v)", again, err)
	}
	return ops
}

func (c *contract) holds(t *testing.T, want ipvs.Table) {
	t.Helper()
	got, err := c.p.Read(t.Context())
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	if d := cmp.Diff(want.String(), got.String()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
	for _, w := range c.witnesses {
		w(t, want)
	}
}

func (c *contract) carries(t *testing.T) {
	c.reach(t, ipvs.Table{})
	c.reach(t, table(t, Rules))
	c.reach(t, ipvs.Table{})
}

func (c *contract) changes(t *testing.T) {
	steps := []struct{ rules, want string }{
		{`-A -t 10.9.0.1:80 -s rr
-a -t 10.9.0.1:80 -r 10.9.0.11:80 -m -w 1
-a -t 10.9.0.1:80 -r 10.9.0.12:80 -m -w 1`,
			`ipvsadm -A -t 10.9.0.1:80 -s rr
ipvsadm -a -t 10.9.0.1:80 -r 10.9.0.11:80 -m -w 1
ipvsadm -a -t 10.9.0.1:80 -r 10.9.0.12:80 -m -w 1`},
		{`-A -t 10.9.0.1:80 -s wlc -p 77
-a -t 10.9.0.1:80 -r 10.9.0.11:80 -m -w 9
-a -t 10.9.0.1:80 -r 10.9.0.13:80 -m -w 3`,
			`ipvsadm -E -t 10.9.0.1:80 -s wlc -p 77
ipvsadm -e -t 10.9.0.1:80 -r 10.9.0.11:80 -m -w 9
ipvsadm -a -t 10.9.0.1:80 -r 10.9.0.13:80 -m -w 3
ipvsadm -d -t 10.9.0.1:80 -r 10.9.0.12:80`},
		{`-A -t 10.9.0.1:80 -s wlc
-a -t 10.9.0.1:80 -r 10.9.0.11:80 -i -w 9 --tun-type gue --tun-port 6080 --tun-nocsum -x 50
-a -t 10.9.0.1:80 -r 10.9.0.13:80 -g -w 3`,
			`ipvsadm -E -t 10.9.0.1:80 -s wlc
ipvsadm -e -t 10.9.0.1:80 -r 10.9.0.11:80 -i -w 9 --tun-type gue --tun-port 6080 --tun-nocsum -x 50
ipvsadm -e -t 10.9.0.1:80 -r 10.9.0.13:80 -g -w 3`},
		{`-A -t 10.9.0.2:80 -s wlc`,
			`ipvsadm -A -t 10.9.0.2:80 -s wlc
ipvsadm -D -t 10.9.0.1:80`},
	}
	for _, s := range steps {
		ops := c.reach(t, table(t, s.rules))
		if got := opLines(ops); got != s.want {
			t.Errorf("operations:\n%s\nwant\n%s", got, s.want)
		}
	}
	c.reach(t, ipvs.Table{})
}

func opLines(ops []ipvs.Op) string {
	var lines []string
	for _, op := range ops {
		lines = append(lines, op.String())
	}
	return strings.Join(lines, "\n")
}

func (c *contract) refuses(t *testing.T) {
	want := table(t, "-A -t 10.9.0.1:80 -s rr", "-a -t 10.9.0.1:80 -r 10.9.0.11:80 -m -w 1")
	c.reach(t, want)
	key := ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort("10.9.0.1:80"))
	missing := ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort("10.9.0.1:81"))
	service := ipvs.Service{Key: key, Scheduler: "rr"}
	dest := ipvs.Destination{Addr: netip.MustParseAddrPort("10.9.0.11:80"), Weight: 1}
	other := ipvs.Destination{Addr: netip.MustParseAddrPort("10.9.0.12:80"), Weight: 1}
	with := func(d ipvs.Destination, change func(*ipvs.Destination)) ipvs.Destination {
		change(&d)
		return d
	}
	v6 := netip.MustParseAddrPort("[fd09::11]:80")
	rows := map[string]struct {
		op   ipvs.Op
		want error
	}{
		"a service twice":            {ipvs.Op{Verb: ipvs.AddService, Service: service}, ipvs.ErrExists},
		"edit a missing service":     {ipvs.Op{Verb: ipvs.EditService, Service: ipvs.Service{Key: missing, Scheduler: "rr"}}, ipvs.ErrNoService},
		"delete a missing service":   {ipvs.Op{Verb: ipvs.DeleteService, Service: ipvs.Service{Key: missing}}, ipvs.ErrNoService},
		"an unknown scheduler":       {ipvs.Op{Verb: ipvs.AddService, Service: ipvs.Service{Key: missing, Scheduler: "nosuch"}}, ipvs.ErrNotFound},
		"change to an unknown one":   {ipvs.Op{Verb: ipvs.EditService, Service: ipvs.Service{Key: key, Scheduler: "nosuch"}}, ipvs.ErrNotFound},
		"a long scheduler name":      {ipvs.Op{Verb: ipvs.AddService, Service: ipvs.Service{Key: missing, Scheduler: "sixteen-letters!"}}, ipvs.ErrInvalid},
		"a destination twice":        {destOp(ipvs.AddDestination, key, dest), ipvs.ErrExists},
		"destination of no service":  {destOp(ipvs.AddDestination, missing, dest), ipvs.ErrNoService},
		"edit where no service is":   {destOp(ipvs.EditDestination, missing, dest), ipvs.ErrNoService},
		"delete where no service is": {destOp(ipvs.DeleteDestination, missing, dest), ipvs.ErrNoService},
		"edit a missing one":         {destOp(ipvs.EditDestination, key, other), ipvs.ErrNotFound},
		"delete a missing one":       {destOp(ipvs.DeleteDestination, key, other), ipvs.ErrNotFound},
		"weight over 31 bits":        {destOp(ipvs.AddDestination, key, with(other, func(d *ipvs.Destination) { d.Weight = 1 << 31 })), ipvs.ErrRange},
		"lower above upper":          {destOp(ipvs.AddDestination, key, with(other, func(d *ipvs.Destination) { d.LowerThreshold = 1 })), ipvs.ErrRange},
		"upper over 31 bits":         {destOp(ipvs.AddDestination, key, with(other, func(d *ipvs.Destination) { d.UpperThreshold = 1 << 31 })), ipvs.ErrInvalid},
		"gue without port": {destOp(ipvs.AddDestination, key, with(other, func(d *ipvs.Destination) {
			d.Method, d.Tunnel.Type = ipvs.Tunnel, ipvs.GUE
		})), ipvs.ErrInvalid},
		"another family by NAT": {destOp(ipvs.AddDestination, key, with(other, func(d *ipvs.Destination) { d.Addr = v6 })), ipvs.ErrInvalid},
		"another family by DR": {destOp(ipvs.AddDestination, key, with(other, func(d *ipvs.Destination) {
			d.Addr, d.Method = v6, ipvs.DirectRoute
		})), ipvs.ErrInvalid},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			if err := c.p.Apply(t.Context(), row.op); !errors.Is(err, row.want) {
				t.Errorf("%v: %v, want %v", row.op, err, row.want)
			}
		})
	}
	c.holds(t, want)
	c.reach(t, ipvs.Table{})
}

func destOp(v ipvs.Verb, k ipvs.ServiceKey, d ipvs.Destination) ipvs.Op {
	return ipvs.Op{Verb: v, Service: ipvs.Service{Key: k}, Destination: d}
}

func (c *contract) strangers(t *testing.T) {
	foreign := "-A -t 10.9.0.200:80 -s lc\n-a -t 10.9.0.200:80 -r 10.9.0.77:80 -m -w 55"
	ours := "-A -t 10.9.0.1:80 -s rr\n-a -t 10.9.0.1:80 -r 10.9.0.11:80 -m -w 1"
	c.reach(t, table(t, foreign))
	stranger := ipvs.AddressKey(ipvs.TCP, netip.MustParseAddrPort("10.9.0.200:80"))
	owned := func(k ipvs.ServiceKey) bool { return k != stranger }
	if _, err := ipvs.Reconcile(t.Context(), c.p, table(t, ours), owned); err != nil {
		t.Error(err)
	}
	c.holds(t, table(t, foreign, ours))
	if _, err := ipvs.Reconcile(t.Context(), c.p, ipvs.Table{}, owned); err != nil {
		t.Error(err)
	}
	c.holds(t, table(t, foreign))
	c.reach(t, ipvs.Table{})
}

func (c *contract) batch(t *testing.T) {
	want := table(t, "-A -u 10.9.0.1:53 -s rr", "-a -u 10.9.0.1:53 -r 10.9.0.11:53 -m -w 1")
	ops := ipvs.Diff(want, ipvs.Table{}, everything)
	ops = []ipvs.Op{ops[0], ops[0], ops[1], ops[1]} // each a second time
	err := ipvs.ApplyAll(t.Context(), c.p, ops)
	var op *ipvs.OpError
	if !errors.As(err, &op) || !errors.Is(err, ipvs.ErrExists) || op.Op.Verb != ipvs.AddService {
		t.Errorf("error %v, want EEXIST for the service", err)
	}
	if err != nil && strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("error %q, want one line for each of two refusals", err)
	}
	c.holds(t, want)
	c.reach(t, ipvs.Table{})
}

func (c *contract) many(t *testing.T) {
	want := ipvs.Table{}
	for i := range 100 {
		k := ipvs.AddressKey(ipvs.TCP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 8, 0, byte(i)}), 80))
		want.AddService(ipvs.Service{Key: k, Scheduler: "rr"})
		for j := range 4 {
			a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(j), byte(i)}), 80)
			want[k].Destinations[a] = ipvs.Destination{Addr: a, Weight: uint32(j + 1)}
		}
	}
	if ops := c.reach(t, want); len(ops) != 500 { // 100 services, 4 destinations each
		t.Errorf("%d operations, want 500", len(ops))
	}
	c.reach(t, ipvs.Table{})
}

func (c *contract) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.p.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want %v", err, context.Canceled)
	}
	service := ipvs.Service{Key: ipvs.FWMarkKey(ipvs.IPv4, 1), Scheduler: "rr"}
	if err := c.p.Apply(ctx, ipvs.Op{Verb: ipvs.AddService, Service: service}); !errors.Is(err, context.Canceled) {
		t.Errorf("apply: %v, want %v", err, context.Canceled)
	}
	c.holds(t, ipvs.Table{})
}

// ContractKernel is what every Kernel promises beside Contract. iface is an
// interface that exists, with an MTU of 1500.
func ContractKernel(t *testing.T, k ipvs.Kernel, iface string) {
	ctx := t.Context()
	t.Run("the version is told", func(t *testing.T) {
		if info, err := k.Info(ctx); err != nil || info.Major != 1 || info.ConnTableSize == 0 {
			t.Errorf("%+v, %v", info, err)
		}
	})
	t.Run("flush and zero", func(t *testing.T) {
		tab := table(t, "-A -t 10.9.0.1:80 -s rr")
		if _, err := ipvs.Reconcile(ctx, k, tab, everything); err != nil {
			t.Fatal(err)
		}
		for _, key := range []ipvs.ServiceKey{tab.Keys()[0], {}} {
			if err := k.Zero(ctx, key); err != nil {
				t.Errorf("zero %v: %v", key, err)
			}
		}
		if err := k.Flush(ctx); err != nil {
			t.Errorf("flush: %v", err)
		}
		if got, err := k.Read(ctx); err != nil || len(got) != 0 {
			t.Errorf("after flush: %v, %v", got, err)
		}
		if err := k.Zero(ctx, tab.Keys()[0]); !errors.Is(err, ipvs.ErrNoService) {
			t.Errorf("zero of a missing service: %v, want ESRCH", err)
		}
	})
	t.Run("timeouts that are not given stay", func(t *testing.T) { timeouts(t, k) })
	t.Run("sync daemons", func(t *testing.T) { syncDaemons(t, k, iface) })
}

func timeouts(t *testing.T, k ipvs.Kernel) {
	before, err := k.Timeouts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := k.SetTimeouts(t.Context(), ipvs.Timeouts{TCP: 1000 * time.Second, UDP: 77 * time.Second}); err != nil {
		t.Fatal(err)
	}
	want := ipvs.Timeouts{TCP: 1000 * time.Second, TCPFin: before.TCPFin, UDP: 77 * time.Second}
	if got, err := k.Timeouts(t.Context()); err != nil || got != want {
		t.Errorf("timeouts %+v, %v; want %+v", got, err, want)
	}
	if err := k.SetTimeouts(t.Context(), before); err != nil {
		t.Error(err)
	}
	var invalid *ipvs.InvalidError
	if err := k.SetTimeouts(t.Context(), ipvs.Timeouts{UDP: -time.Second}); !errors.As(err, &invalid) {
		t.Errorf("negative timeout: %v, want an *InvalidError", err)
	}
}

func syncDaemons(t *testing.T, k ipvs.Kernel, iface string) {
	ctx := t.Context()
	master := ipvs.SyncDaemon{State: ipvs.SyncMaster, Interface: iface, SyncID: 33, MaxLen: 1400,
		Group: netip.MustParseAddr("224.0.0.99"), Port: 9999, TTL: 3}
	for _, d := range []ipvs.SyncDaemon{master, {State: ipvs.SyncBackup, Interface: iface}} {
		if err := k.StartSyncDaemon(ctx, d); err != nil {
			t.Errorf("start %v: %v", d.State, err)
		}
	}
	got, err := k.SyncDaemons(ctx)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b ipvs.SyncDaemon) int { return int(a.State) - int(b.State) })
	var lines []string
	for _, d := range got {
		lines = append(lines, d.String())
	}
	want := []string{ // as ipvsadm -L --daemon prints the same
		"master sync daemon (mcast=" + iface + ", syncid=33, maxlen=1400, group=224.0.0.99, port=9999, ttl=3)",
		"backup sync daemon (mcast=" + iface + ", syncid=0, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)",
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("daemons (-want +got):\n%s", d)
	}
	if err := k.StartSyncDaemon(ctx, master); !errors.Is(err, ipvs.ErrExists) {
		t.Errorf("second master: %v, want EEXIST", err)
	}
	mixed := table(t, "-A -f 9 -s rr", "-a -f 9 -r [fd09::11]:0 -i -w 1 --tun-type ipip")
	if _, err := ipvs.Reconcile(ctx, k, mixed, everything); !errors.Is(err, ipvs.ErrInvalid) {
		t.Errorf("server of another family while daemons run: %v, want EINVAL", err)
	}
	for _, state := range []ipvs.SyncState{ipvs.SyncMaster, ipvs.SyncBackup} {
		if err := k.StopSyncDaemon(ctx, state); err != nil {
			t.Errorf("stop %v: %v", state, err)
		}
	}
	if err := k.StopSyncDaemon(ctx, ipvs.SyncMaster); !errors.Is(err, ipvs.ErrNoService) {
		t.Errorf("stop what does not run: %v, want ESRCH", err)
	}
	if err := k.StartSyncDaemon(ctx, ipvs.SyncDaemon{State: ipvs.SyncMaster, Interface: "nosuch0"}); !errors.Is(err, ipvs.ErrNoInterface) {
		t.Errorf("interface that is not there: %v, want ENODEV", err)
	}
	if _, err := ipvs.Reconcile(ctx, k, mixed, everything); err != nil {
		t.Errorf("server of another family without daemons: %v", err)
	}
	if err := k.StartSyncDaemon(ctx, master); !errors.Is(err, ipvs.ErrInvalid) {
		t.Errorf("daemon while a server of another family exists: %v, want EINVAL", err)
	}
	if err := k.Flush(ctx); err != nil {
		t.Error(err)
	}
}
