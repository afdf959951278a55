package ipvs

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recording is what testdata/linux-6.1.hex has of one command.
type recording struct {
	requests, answers [][]byte
	order             []bool // true: a request
}

// recordings are those of Linux 6.1, by the command that made them.
func recordings(t testing.TB) map[string]*recording {
	t.Helper()
	content, err := os.ReadFile("testdata/linux-6.1.hex")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*recording{}
	for _, block := range strings.Split(string(content), "\n\n")[1:] { // behind the file's own comment
		title, hex, _ := strings.Cut(strings.TrimPrefix(block, "# "), "\n")
		r := &recording{}
		for datagram := range strings.SplitSeq(strings.ReplaceAll(hex, "\n  ", " "), "\n") {
			b := unhex(t, strings.TrimLeft(datagram, "<> "))
			switch {
			case len(b) == 0:
				continue
			case datagram[0] == '>':
				r.requests = append(r.requests, b)
			default:
				r.answers = append(r.answers, b)
			}
			r.order = append(r.order, datagram[0] == '>')
		}
		all[title] = r
	}
	return all
}

// replay is a connection that has had this conversation before. It insists on
// the very words.
type replay struct {
	t       *testing.T
	r       recording
	answers [][]byte // not read yet
}

// Port implements conn: our port in the recording.
func (p *replay) Port() uint32 {
	for _, b := range p.answers {
		return host.Uint32(b[12:])
	}
	return 0
}

// Close implements conn.
func (p *replay) Close() error { return nil }

// SetDeadline implements conn.
func (p *replay) SetDeadline(time.Time) error { return nil }

// Write implements conn.
func (p *replay) Write(b []byte) (int, error) {
	if len(p.r.requests) == 0 || !bytes.Equal(b, p.r.requests[0]) {
		p.t.Errorf("sent\n%x, recorded\n%x", b, p.r.requests)
		return 0, os.ErrClosed
	}
	p.r.requests, p.r.order = p.r.requests[1:], p.r.order[1:]
	for len(p.r.order) > 0 && !p.r.order[0] {
		p.answers = append(p.answers, p.r.answers[0])
		p.r.answers, p.r.order = p.r.answers[1:], p.r.order[1:]
	}
	return len(b), nil
}

// Read implements conn.
func (p *replay) Read(b []byte) (int, error) {
	if len(p.answers) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, p.answers[0])
	p.answers = p.answers[1:]
	return n, nil
}

// again has a client say what is recorded under title, after the family and
// the version, which are recorded alone, and checks that nothing is left over.
func again(t *testing.T, title string, do func(context.Context, *Client) error) error {
	t.Helper()
	all := recordings(t)
	now := all[title]
	if now == nil {
		t.Fatalf("nothing is recorded under %q", title)
	}
	p := &replay{t: t, r: *all["holdfast: family and info"]}
	c := newClient(func() (conn, error) { return p, nil }, nil)
	defer c.Close()
	info, err := c.Info(t.Context())
	if err != nil || info != (Info{Major: 1, Minor: 2, Patch: 1, ConnTableSize: 4096}) {
		t.Fatalf("info %+v, %v", info, err)
	}
	p.r, p.answers = *now, nil
	err = do(t.Context(), c)
	if len(p.r.requests) != 0 || len(p.answers) != 0 {
		t.Errorf("%s: not asked: %x; not read: %x", title, p.r.requests, p.answers)
	}
	return err
}

// recordedRules are the services of the recordings; the last weight was then
// edited, and the scheduler, see recordedTable.
const recordedRules = `-A -t 10.9.0.100:80 -s wrr
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
-a -f 8 -6 -r [fd09::12]:0 -g -w 2
`

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// recordedServices is recordedRules, value by value.
var recordedServices = []Service{
	{Key: ServiceKey{Family: 2, Protocol: 6, Addr: ap("10.9.0.100:80")}, Scheduler: "wrr", Netmask: 0xffffffff},
	{Key: ServiceKey{Family: 2, Protocol: 6, Addr: ap("10.9.0.110:443")}, Scheduler: "mh", Flags: 0x19, PersistenceTimeout: 120e9, Netmask: 0xffffff00},
	{Key: ServiceKey{Family: 2, Protocol: 17, Addr: ap("10.9.0.111:5060")}, Scheduler: "wrr", Flags: 0x1, PersistenceTimeout: 60e9, Netmask: 0xffffffff, Engine: "sip"},
	{Key: ServiceKey{Family: 2, Protocol: 17, Addr: ap("10.9.0.115:53")}, Scheduler: "rr", Flags: 0x4, Netmask: 0xffffffff},
	{Key: ServiceKey{Family: 2, Protocol: 132, Addr: ap("10.9.0.113:99")}, Scheduler: "lc", Netmask: 0xffffffff},
	{Key: ServiceKey{Family: 10, Protocol: 6, Addr: ap("[fd09::100]:443")}, Scheduler: "sh", Flags: 0x19, PersistenceTimeout: 360e9, Netmask: 64},
	{Key: ServiceKey{Family: 2, FWMark: 7}, Scheduler: "wrr", Netmask: 0xffffffff},
	{Key: ServiceKey{Family: 10, FWMark: 8}, Scheduler: "wrr", Flags: 0x1, PersistenceTimeout: 50e9, Netmask: 128},
}

// recordedDests are the servers of recordedRules, value by value.
var recordedDests = map[ServiceKey][]Destination{
	recordedServices[0].Key: {
		{Addr: ap("10.9.0.11:80"), Method: 0, Weight: 3},
		{Addr: ap("10.9.0.14:80"), Method: 2, Tunnel: TunnelOptions{Type: 1, Port: 6080, Flags: 1}},
		{Addr: ap("10.9.0.16:80"), Method: 2, Tunnel: TunnelOptions{Type: 2, Flags: 1}},
	},
	recordedServices[5].Key: {{Addr: ap("[fd09::11]:443"), Method: 3, Weight: 1}},
	recordedServices[6].Key: {{Addr: ap("10.9.0.12:8080"), Method: 0, Weight: 5, UpperThreshold: 100, LowerThreshold: 20}},
	recordedServices[7].Key: {{Addr: ap("[fd09::12]:0"), Method: 3, Weight: 2}},
}

// recordedTable is what the kernel listed at last: two edits later, which gave
// the first service another scheduler and its first server another weight, and
// after four connections to that.
func recordedTable(stats Stats) Table {
	t := Table{}
	for _, s := range recordedServices {
		p := Pool{Service: s, Destinations: map[DestinationKey]Destination{}, DestinationStats: map[DestinationKey]DestinationStats{}}
		for _, d := range recordedDests[s.Key] {
			p.Destinations[d.Addr], p.DestinationStats[d.Addr] = d, DestinationStats{}
		}
		t[s.Key] = p
	}
	p := t[recordedServices[0].Key]
	p.Service.Scheduler = "wlc"
	p.Destinations[ap("10.9.0.11:80")] = Destination{Addr: ap("10.9.0.11:80"), Weight: 4}
	p.Stats = stats
	p.DestinationStats[ap("10.9.0.11:80")] = DestinationStats{Inactive: 4, Stats: stats}
	t[recordedServices[0].Key] = p
	return t
}

// counted are the counters with a rate of received and sent octets. They stand
// in the lists as 0400 0000, 0d00, 0c00, c402, 9002.
func counted(inPPS, inBPS, outBPS uint64) Stats {
	return Stats{Conns: 4, InPkts: 13, OutPkts: 12, InBytes: 708, OutBytes: 656, InPPS: inPPS, OutPPS: 1, InBPS: inBPS, OutBPS: outBPS}
}

var compareTables = cmp.Options{cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })}

func TestLinuxListsATableThatIsReadValueByValue(t *testing.T) {
	var got Table
	err := again(t, "holdfast: read", func(ctx context.Context, c *Client) (err error) {
		got, err = c.Read(ctx)
		return err
	})
	if d := cmp.Diff(recordedTable(counted(1, 66, 61)), got, compareTables); d != "" || err != nil {
		t.Errorf("%v; read (-want +got):\n%s", err, d)
	}
}

// The answers to ipvsadm are the same lists, in datagrams of another size.
func TestTheAnswersToIpvsadmAreTheSameTable(t *testing.T) {
	got := Table{}
	r := recordings(t)["ipvsadm -Ln --stats"]
	of := map[uint32]ServiceKey{} // by the number and port of the request
	for _, b := range r.requests {
		if Command(b[nlHeader]) == cmdGetDest {
			s, err := nest("service", b[nlHeader+genHeader:], attrService)
			if err != nil {
				t.Fatal(err)
			}
			key, err := wireService(s)
			if err != nil {
				t.Fatal(err)
			}
			of[host.Uint32(b[12:])] = key.Key
		}
	}
	for _, b := range r.answers {
		var bad error
		for m := range messages(b, &bad) {
			if m.typ < firstFamily {
				continue
			}
			cmd, body, err := m.payload()
			switch {
			case err != nil:
				t.Error(err)
			case cmd == cmdNewService:
				b, _ := nest("service", body, attrService)
				s, stats, err := decodeService(b)
				if err != nil {
					t.Error(err)
				}
				got[s.Key] = Pool{Service: s, Stats: stats, Destinations: map[DestinationKey]Destination{}, DestinationStats: map[DestinationKey]DestinationStats{}}
			case cmd == cmdNewDest:
				p := got[of[m.port]]
				b, _ := nest("destination", body, attrDestination)
				d, stats, err := decodeDestination(b, p.Service.Key.Family)
				if err != nil {
					t.Error(err)
				}
				p.Destinations[d.Addr], p.DestinationStats[d.Addr] = d, stats
			}
		}
		if bad != nil {
			t.Error(bad)
		}
	}
	if d := cmp.Diff(recordedTable(counted(2, 88, 82)), got, compareTables); d != "" {
		t.Errorf("read (-want +got):\n%s", d)
	}
}

func TestLinuxTookTheRequestsThatWeSend(t *testing.T) {
	add := map[string]Op{}
	for _, s := range recordedServices {
		add[s.Key.String()] = Op{Verb: AddService, Service: s}
	}
	n := 0
	for line := range strings.Lines(recordedRules) {
		line = strings.TrimSuffix(line, "\n")
		var op Op
		if words := strings.SplitN(line, " -r ", 2); len(words) == 1 {
			key, _, _ := strings.Cut(strings.TrimPrefix(line, "-A "), " -s ")
			op = add[key]
		} else {
			s := add[strings.TrimPrefix(words[0], "-a ")].Service
			at := strings.Fields(words[1])[0]
			for _, d := range recordedDests[s.Key] {
				if d.Addr.String() == at {
					op = Op{Verb: AddDestination, Service: Service{Key: s.Key}, Destination: d}
				}
			}
		}
		if err := again(t, "holdfast, "+line, func(ctx context.Context, c *Client) error { return c.Apply(ctx, op) }); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		n++
	}
	for _, s := range recordedServices {
		title := "holdfast, -D " + s.Key.String()
		if err := again(t, title, func(ctx context.Context, c *Client) error { return c.DelService(ctx, s.Key) }); err != nil {
			t.Errorf("%s: %v", title, err)
		}
		n++
	}
	if n != 22 { // 8 services and 6 servers; 8 services
		t.Errorf("%d requests, want 22", n)
	}
}

// Where ipvsadm sends no more than the kernel reads, it sends what we send,
// but for the flag of nested attributes, which the kernel does not look at.
func TestServicesAreAskedForAsIpvsadmAsks(t *testing.T) {
	n := 0
	for _, s := range recordedServices {
		for title, r := range recordings(t) {
			if title != "ipvsadm -A "+s.String() {
				continue
			}
			want := bytes.Clone(r.requests[len(r.requests)-1])
			if want[nlHeader+genHeader+3] != 0x80 {
				t.Errorf("%s: type of the nest %#x", title, want[nlHeader+genHeader+3])
			}
			want[nlHeader+genHeader+3] = 0
			c := opCommand(Op{Verb: AddService, Service: s})
			got := appendMessage(nil, 0x20, nlRequest|nlAck, host.Uint32(want[8:]), uint8(c.cmd), familyVersion, c.body)
			host.PutUint32(got[12:], host.Uint32(want[12:]))
			if !bytes.Equal(got, want) {
				t.Errorf("%s\nsent %x\nwant %x", title, got, want)
			}
			n++
		}
	}
	if n != len(recordedServices) {
		t.Errorf("%d services, want %d", n, len(recordedServices))
	}
}

func TestLinuxTellsTimeoutsAndDaemons(t *testing.T) {
	err := again(t, "holdfast: timeouts", func(ctx context.Context, c *Client) error {
		got, err := c.Timeouts(ctx)
		if want := (Timeouts{TCP: 900e9, TCPFin: 120e9, UDP: 300e9}); got != want {
			t.Errorf("timeouts %v, want %v", got, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	err = again(t, "holdfast: daemons", func(ctx context.Context, c *Client) error {
		got, err := c.SyncDaemons(ctx)
		want := []SyncDaemon{
			{State: 1, Interface: "br0", SyncID: 33, MaxLen: 1400, Group: netip.MustParseAddr("224.0.0.99"), Port: 9999, TTL: 3},
			{State: 2, Interface: "br0", SyncID: 7, MaxLen: 1472, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1},
		}
		if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("daemons (-want +got):\n%s", d)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for _, title := range []string{"holdfast: flush", "holdfast: zero"} {
		if err := again(t, title, func(ctx context.Context, c *Client) error {
			if title == "holdfast: zero" {
				return c.Zero(ctx, ServiceKey{})
			}
			return c.Flush(ctx)
		}); err != nil {
			t.Errorf("%s: %v", title, err)
		}
	}
}

// What the kernel refused ipvsadm, number by number.
func TestLinuxRefusesWithTheseNumbers(t *testing.T) {
	all := recordings(t)
	for title, want := range map[string]syscall.Errno{
		"ipvsadm -A -t 10.9.0.100:80 -s wrr":                             0,
		"ipvsadm -A -t 10.9.0.100:80 -s rr":                              17, // EEXIST
		"ipvsadm -a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 1":            17,
		"ipvsadm -D -t 10.9.0.99:80":                                     3, // ESRCH
		"ipvsadm -E -t 10.9.0.100:80 -s nosuch":                          2, // ENOENT
		"ipvsadm -d -t 10.9.0.100:80 -r 10.9.0.99:80":                    2,
		"ipvsadm -e -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 4":            0,
		"ipvsadm --start-daemon backup --mcast-interface br0 --syncid 7": 0,
		"ipvsadm --stop-daemon master":                                   0,
	} {
		r := all[title]
		if r == nil {
			t.Errorf("nothing is recorded under %q", title)
			continue
		}
		var bad error
		var got []syscall.Errno
		for m := range messages(r.answers[len(r.answers)-1], &bad) {
			no, words, err := m.errno()
			if err != nil || m.typ != nlError || words != "" {
				t.Errorf("%s: type %d, %v %q", title, m.typ, err, words)
			}
			got = append(got, no)
		}
		if bad != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: answered %v (%v), want %d", title, got, bad, want)
		}
	}
}
