package guest

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/ipvs"
	"holdfast/ipvs/ipvstest"
)

// ipvsadm is the witness: what it saves must be what we think is there. It
// forgets thresholds.
func ipvsadm(t *testing.T, want ipvs.Table) {
	t.Helper()
	want = want.Clone()
	for _, p := range want {
		for k, d := range p.Destinations {
			d.UpperThreshold, d.LowerThreshold = 0, 0
			p.Destinations[k] = d
		}
	}
	if d := cmp.Diff(want.String(), Run(t, "ipvsadm", "-Sn")); d != "" {
		t.Errorf("ipvsadm -Sn (-want +got):\n%s", d)
	}
}

func client(t *testing.T, o ipvs.Options) *ipvs.Client {
	c := ipvs.New(o)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestKernelKeepsTheContract(t *testing.T) {
	ipvstest.Contract(t, client(t, ipvs.Options{}), ipvsadm)
}

func TestKernelSyncDaemonsTimeoutsAndCounters(t *testing.T) {
	Namespaces(t)
	ipvstest.ContractKernel(t, client(t, ipvs.Options{}), "br0")
}

func TestIpvsadmShowsThresholdsTunnelsTimeoutsAndDaemons(t *testing.T) {
	c := client(t, ipvs.Options{})
	tab, err := ipvs.ParseTable(ipvstest.Rules)
	if err != nil {
		t.Fatal(err)
	}
	all := func(ipvs.ServiceKey) bool { return true }
	if _, err := ipvs.Reconcile(t.Context(), c, tab, all); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ option, want string }{
		{"--thresholds", "10.9.0.12:80                 100        20"},
		{"--tun-info", "gue:6080:+c"},
		{"--tun-info", "gue:6081:r+c"},
		{"--tun-info", "gre:+c"},
		{"", "FWM  8 IPv6 wrr persistent 50"},
		{"", "TCP  [fd09::100]:443 sh (sh-fallback,sh-port) persistent 360 mask 64"},
		{"", "UDP  10.9.0.111:5060 wrr (flag-1) persistent 60 pe sip"},
	} {
		args := []string{"-Ln"}
		if row.option != "" {
			args = append(args, row.option)
		}
		if out := Run(t, "ipvsadm", args...); !strings.Contains(out, row.want) {
			t.Errorf("ipvsadm %v does not show %q:\n%s", args, row.want, out)
		}
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	before, err := c.Timeouts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(Run(t, "ipvsadm", "-L", "--timeout")); got != before.String() {
		t.Errorf("ipvsadm says %q, we say %q", got, before)
	}
	if err := c.StartSyncDaemon(t.Context(), ipvs.SyncDaemon{State: ipvs.SyncBackup, Interface: "lo", SyncID: 7}); err != nil {
		t.Fatal(err)
	}
	daemons, err := c.SyncDaemons(t.Context())
	if err != nil || len(daemons) != 1 {
		t.Fatalf("daemons %v, %v", daemons, err)
	}
	if got := strings.TrimSpace(Run(t, "ipvsadm", "-L", "--daemon")); got != daemons[0].String() {
		t.Errorf("ipvsadm says %q, we say %q", got, daemons[0])
	}
	if err := c.StopSyncDaemon(t.Context(), ipvs.SyncBackup); err != nil {
		t.Error(err)
	}
}

func TestRulesOfIpvsadmAreReadAsTheyAre(t *testing.T) {
	for _, rule := range []string{
		"-A -t 10.9.0.1:80 -s wrr", "-a -t 10.9.0.1:80 -r 10.9.0.11:80 -m -w 3",
		"-A -u 10.9.1.1:80 -s mh -p 60 -M 255.255.0.0 --pe sip -o -b mh-port",
	} {
		Run(t, "ipvsadm", strings.Fields(rule)...)
	}
	c := client(t, ipvs.Options{})
	got, err := c.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Run(t, "ipvsadm", "-Sn"), got.String()); d != "" {
		t.Errorf("read (-ipvsadm +got):\n%s", d)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEveryNamespaceHasItsOwnTable(t *testing.T) {
	Namespaces(t, "rs1")
	inside, outside := client(t, ipvs.Options{Netns: "/run/netns/rs1"}), client(t, ipvs.Options{})
	tab, err := ipvs.ParseTable("-A -t 10.9.0.1:80 -s rr")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ipvs.Reconcile(t.Context(), inside, tab, nil); err != nil {
		t.Fatal(err)
	}
	if got := Run(t, "ip", "netns", "exec", "rs1", "ipvsadm", "-Sn"); got != tab.String() {
		t.Errorf("inside: %q, want %q", got, tab)
	}
	if got, err := outside.Read(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("outside: %v, %v; want nothing", got, err)
	}
}

func TestConnectionsAreBalancedAndCounted(t *testing.T) {
	Namespaces(t, "client", "rs1", "rs2")
	Run(t, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	Run(t, "ip", "addr", "add", "10.9.0.100/32", "dev", "br0")
	for _, rs := range []string{"rs1", "rs2"} {
		Serve(t, rs, ":80")
	}
	c := client(t, ipvs.Options{})
	tab, err := ipvs.ParseTable(`-A -t 10.9.0.100:80 -s rr
-a -t 10.9.0.100:80 -r 10.9.0.12:80 -m -w 1
-a -t 10.9.0.100:80 -r 10.9.0.13:80 -m -w 1`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ipvs.Reconcile(t.Context(), c, tab, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cleanup(t, "ipvsadm", "-C") })
	// The test itself is the client: the director's own address reaches ip_vs too.
	for range 4 {
		conn, err := net.DialTimeout("tcp", "10.9.0.100:80", 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	key := tab.Keys()[0]
	var got ipvs.Table
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		var err error
		if got, err = c.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := got[key].Stats.Conns
		if n == 4 {
			break
		}
		if time.Now().After(deadline) { // the kernel adds up its counters every two seconds
			t.Fatalf("service counted %d connections, want 4", n)
		}
	}
	for a, st := range got[key].DestinationStats {
		if st.Conns != 2 { // round robin: 4 over 2 servers
			t.Errorf("%v counted %d connections, want 2", a, st.Conns)
		}
		if st.InBytes == 0 {
			t.Errorf("%v counted no octets", a)
		}
	}
	if err := c.Zero(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Read(t.Context()); got[key].Stats.Conns != 0 {
		t.Errorf("after zeroing %d connections", got[key].Stats.Conns)
	}
}

func TestServerOnTheDirectorItselfIsNoDifference(t *testing.T) {
	Namespaces(t)
	c := client(t, ipvs.Options{})
	tab, err := ipvs.ParseTable("-A -t 10.9.0.100:80 -s rr\n-a -t 10.9.0.100:80 -r 10.9.0.1:80 -g -w 1\n-a -t 10.9.0.100:80 -r 127.0.0.1:80 -m -w 1")
	if err != nil {
		t.Fatal(err)
	}
	for pass, want := range []int{3, 0} {
		ops, err := ipvs.Reconcile(t.Context(), c, tab, nil)
		if err != nil || len(ops) != want {
			t.Errorf("pass %d did %v (%v), want %d operations", pass, ops, err, want)
		}
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWithoutTheModuleTheErrorSaysWhatIsMissing(t *testing.T) {
	// Unloading needs every user gone; the modules of schedulers depend on ip_vs.
	out, err := Try(t, "modprobe", "-r", "-a", "ip_vs_rr", "ip_vs_wrr", "ip_vs_wlc", "ip_vs_lc", "ip_vs_sh", "ip_vs_mh",
		"ip_vs_pe_sip", "ip_vs")
	if err != nil {
		t.Fatalf("unload: %v\n%s", err, out)
	}
	hidden := "/etc/modprobe.d/hide-ip_vs.conf"
	if err := os.WriteFile(hidden, []byte("install ip_vs /bin/false\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := client(t, ipvs.Options{})
	_, err = c.Read(t.Context())
	if !errors.Is(err, ipvs.ErrNoIPVS) || !strings.Contains(err.Error(), "no generic netlink family IPVS (modprobe ip_vs: exit status") {
		t.Errorf("error %v, want ErrNoIPVS with what was tried", err)
	}
	if err := os.Remove(hidden); err != nil {
		t.Fatal(err)
	}
	Run(t, "modprobe", "ip_vs") // by somebody else, later
	if _, err := c.Info(t.Context()); err != nil {
		t.Errorf("after the module came: %v", err)
	}
}
