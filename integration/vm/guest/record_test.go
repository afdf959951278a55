package guest

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/ipvs"
)

// recordEnv prints the messages that ipvsadm, our client and the kernel
// exchange, for ipvs/testdata.
const recordEnv = "HOLDFAST_VM_RECORD"

// tap sees every netlink datagram of the machine.
type tap struct {
	t  *testing.T
	fd int
}

func newTap(t *testing.T) *tap {
	Run(t, "modprobe", "nlmon")
	Run(t, "ip", "link", "add", "nlmon0", "type", "nlmon")
	t.Cleanup(func() { cleanup(t, "ip", "link", "del", "nlmon0") })
	Run(t, "ip", "link", "set", "nlmon0", "up")
	dev, err := net.InterfaceByName("nlmon0")
	if err != nil {
		t.Fatal(err)
	}
	all := uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK, int(all))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20); err != nil { // a dump takes 32 KiB a datagram
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: dev.Index}); err != nil {
		t.Fatal(err)
	}
	return &tap{t, fd}
}

// told prints what has been said since the last call: requests behind >,
// answers behind <, a line for each datagram.
func (p *tap) told(title string) {
	var b strings.Builder
	buf := make([]byte, 1<<16)
	for {
		n, from, err := unix.Recvfrom(p.fd, buf, 0)
		if err != nil {
			break
		}
		at := from.(*unix.SockaddrLinklayer)
		if at.Protocol != unix.NETLINK_GENERIC<<8 || n < unix.NLMSG_HDRLEN {
			continue
		}
		mark := "<"
		if buf[4] >= unix.NLMSG_MIN_TYPE && buf[6]&unix.NLM_F_REQUEST != 0 { // the low octets of type and flags
			mark = ">"
		}
		fmt.Fprintf(&b, "%s %s\n", mark, hex.EncodeToString(buf[:n]))
	}
	if title != "" {
		fmt.Printf("RECORD\n# %s\n%sEND\n", title, b.String())
	}
}

// TestRecordMessages is no test: it prints a recording.
func TestRecordMessages(t *testing.T) {
	if os.Getenv(recordEnv) == "" {
		t.Skip("records messages with " + recordEnv + "=1")
	}
	Namespaces(t, "rs1")
	Run(t, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	Run(t, "ip", "addr", "add", "10.9.0.100/32", "dev", "br0")
	Serve(t, "rs1", ":80")
	p := newTap(t)
	ipvsadm := func(args string) {
		t.Helper()
		p.told("")
		out, err := Try(t, "ipvsadm", strings.Fields(args)...)
		if err != nil {
			t.Logf("ipvsadm %s: %v %s", args, err, out)
		}
		p.told("ipvsadm " + args)
	}
	ours := func(title string, do func(c *ipvs.Client) error) {
		t.Helper()
		c := ipvs.New(ipvs.Options{})
		defer c.Close()
		if _, err := c.Info(t.Context()); err != nil { // finds the family
			t.Fatal(err)
		}
		p.told("")
		if err := do(c); err != nil {
			t.Logf("%s: %v", title, err)
		}
		p.told("holdfast: " + title)
	}
	p.told("")
	c := ipvs.New(ipvs.Options{})
	if _, err := c.Info(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.told("holdfast: family and info")
	c.Close()
	rules := strings.Split(recorded, "\n")
	for _, r := range rules {
		ipvsadm(r)
	}
	for _, r := range []string{"-A -t 10.9.0.100:80 -s rr", "-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 1", "-D -t 10.9.0.99:80", "-E -t 10.9.0.100:80 -s nosuch",
		"-d -t 10.9.0.100:80 -r 10.9.0.99:80", "-e -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 4", "-E -t 10.9.0.100:80 -s wlc"} {
		ipvsadm(r)
	}
	for range 4 {
		conn, err := net.DialTimeout("tcp", "10.9.0.100:80", 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	key := ipvs.ServiceKey{}
	ours("the counters", func(c *ipvs.Client) error {
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			tab, err := c.Read(t.Context())
			if err != nil {
				return err
			}
			key = tab.Keys()[0]
			if tab[key].Stats.Conns == 4 {
				return nil
			}
		}
		return fmt.Errorf("no connections in the counters")
	})
	ipvsadm("-Ln --stats")
	ipvsadm("-L --timeout")
	ipvsadm("--set 900 120 300")
	ipvsadm("--start-daemon master --mcast-interface br0 --syncid 33 --sync-maxlen 1400 --mcast-group 224.0.0.99 --mcast-port 9999 --mcast-ttl 3")
	ipvsadm("--start-daemon backup --mcast-interface br0 --syncid 7")
	ipvsadm("-L --daemon")
	ours("read", func(c *ipvs.Client) error { _, err := c.Read(t.Context()); return err })
	ours("timeouts", func(c *ipvs.Client) error { _, err := c.Timeouts(t.Context()); return err })
	ours("daemons", func(c *ipvs.Client) error { _, err := c.SyncDaemons(t.Context()); return err })
	ipvsadm("--stop-daemon master")
	ipvsadm("--stop-daemon backup")
	ipvsadm("-Z")
	ipvsadm("-C")
	tab, err := ipvs.ParseTable(recorded)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range ipvs.Diff(tab, nil, nil) {
		ours(op.String(), func(c *ipvs.Client) error { return c.Apply(t.Context(), op) })
	}
	for _, op := range ipvs.Diff(ipvs.Table{}, tab, func(ipvs.ServiceKey) bool { return true }) {
		ours(op.String(), func(c *ipvs.Client) error { return c.Apply(t.Context(), op) })
	}
	ours("flush", func(c *ipvs.Client) error { return c.Flush(t.Context()) })
	ours("zero", func(c *ipvs.Client) error { return c.Zero(t.Context(), ipvs.ServiceKey{}) })
}

// recorded are services of each kind.
const recorded = `-A -t 10.9.0.100:80 -s wrr
-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 3
-a -t 10.9.0.100:80 -r 10.9.0.14:80 -i -w 0 --tun-type gue --tun-port 6080 --tun-csum
-a -t 10.9.0.100:80 -r 10.9.0.16:80 -i -w 0 --tun-type gre --tun-csum
-A -t 10.9.0.110:443 -s mh -p 120 -M 255.255.255.0 -b mh-fallback,mh-port
-A -u 10.9.0.111:5060 -s wrr -p 60 --pe sip
-A -u 10.9.0.115:53 -s rr -o
-A --sctp-service 10.9.0.113:99 -s lc
-A -t [fd09::100]:443 -s sh -p 360 -M 64 -b sh-fallback,sh-port
-a -t [fd09::100]:443 -r [fd09::11]:443 -g -w 1
-A -f 7 -s wrr
-a -f 7 -r 10.9.0.12:8080 -m -w 5 -x 100 -y 20
-A -f 8 -6 -s wrr -p 50
-a -f 8 -6 -r [fd09::12]:0 -g -w 2`

// TestMeasureALargeTable is no test: it prints times of this machine, which is
// emulated and therefore slow.
func TestMeasureALargeTable(t *testing.T) {
	if os.Getenv(recordEnv) == "" {
		t.Skip("measures with " + recordEnv + "=1")
	}
	const services, servers = 1000, 100
	want := ipvs.Table{}
	for i := range services {
		k := ipvs.AddressKey(ipvs.TCP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 8, byte(i >> 8), byte(i)}), 80))
		want.AddService(ipvs.Service{Key: k, Scheduler: "rr"})
		for j := range servers {
			a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(j), byte(i)}), 80)
			want[k].Destinations[a] = ipvs.Destination{Addr: a, Weight: uint32(j + 1)}
		}
	}
	c := client(t, ipvs.Options{})
	took := func(what string, ops int) {
		t.Helper()
		began := time.Now()
		done, err := ipvs.Reconcile(t.Context(), c, want, nil)
		t.Logf("%s: %d commands in %v (%v)", what, len(done), time.Since(began).Round(time.Millisecond), err)
		if len(done) != ops {
			t.Errorf("wants %d commands", ops)
		}
	}
	took("from empty", services*(1+servers))
	for range 3 {
		began := time.Now()
		got, err := c.Read(t.Context())
		t.Logf("read: %d services in %v (%v)", len(got), time.Since(began).Round(time.Millisecond), err)
	}
	key := want.Keys()[500]
	a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(500 & 0xff)}), 80)
	want[key].Destinations[a] = ipvs.Destination{Addr: a, Weight: 77}
	took("reload with one change", 1)
	took("sweep", 0)
	began := time.Now()
	Run(t, "ipvsadm", "-Sn")
	t.Logf("ipvsadm -Sn: %v", time.Since(began).Round(time.Millisecond))
	if err := c.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}
