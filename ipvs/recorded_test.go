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

// recordedDestinations are those that ipvsadm added, value by value.
var recordedDestinations = map[string]Destination{
	"-r 10.9.0.11:80":   {Addr: ap("10.9.0.11:80"), Method: 0, Weight: 3},
	"-r 10.9.0.14:80":   {Addr: ap("10.9.0.14:80"), Method: 2, Tunnel: TunnelOptions{Type: 1, Port: 6080, Flags: 1}},
	"-r 10.9.0.16:80":   {Addr: ap("10.9.0.16:80"), Method: 2, Tunnel: TunnelOptions{Type: 2, Flags: 1}},
	"-r [fd09::11]:443": {Addr: ap("[fd09::11]:443"), Method: 3, Weight: 1},
	"-r 10.9.0.12:8080": {Addr: ap("10.9.0.12:8080"), Method: 0, Weight: 5, UpperThreshold: 100, LowerThreshold: 20},
	"-r [fd09::12]:0":   {Addr: ap("[fd09::12]:0"), Method: 3, Weight: 2},
}

func TestWhatLinuxListsIsRead(t *testing.T) {
	var got Table
	if err := again(t, "holdfast: read", func(ctx context.Context, c *Client) (err error) {
		got, err = c.Read(ctx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := Table{}
	for _, s := range recordedServices {
		want[s.Key] = Pool{Service: s, Destinations: map[DestinationKey]Destination{}}
	}
	web := AddressKey(TCP, ap("10.9.0.100:80"))
	for name, d := range recordedDestinations {
		k := map[string]ServiceKey{"-r [fd09::11]:443": AddressKey(TCP, ap("[fd09::100]:443")), "-r 10.9.0.12:8080": FWMarkKey(IPv4, 7), "-r [fd09::12]:0": FWMarkKey(IPv6, 8)}[name]
		if k == (ServiceKey{}) {
			k = web
		}
		want[k].Destinations[d.Addr] = d
	}
	// what was edited
	p := want[web]
	p.Service.Scheduler = "wlc"
	want[web] = p
	d := p.Destinations[ap("10.9.0.11:80")]
	d.Weight = 4
	p.Destinations[d.Addr] = d
	for k, p := range got {
		w := want[k]
		p.Service.Flags &^= 2 // the kernel's own: it is in the table
		if d := cmp.Diff(w.Service, p.Service, netipEqual); d != "" {
			t.Errorf("%v (-want +got)\n%s", k, d)
		}
		if d := cmp.Diff(w.Destinations, p.Destinations, netipEqual); d != "" {
			t.Errorf("%v: destinations (-want +got)\n%s", k, d)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d services, want %d", len(got), len(want))
	}
	// in the list 0400 0000, 0d00, 0c00, c402, 9002 and the rates 0, 1, 1, 42, 3d
	counted := Stats{Conns: 4, InPkts: 13, OutPkts: 12, InBytes: 708, OutBytes: 656, InPPS: 1, OutPPS: 1, InBPS: 66, OutBPS: 61}
	if got[web].Stats != counted {
		t.Errorf("counters %+v, want %+v", got[web].Stats, counted)
	}
	if stats := got[web].DestinationStats[d.Addr]; stats != (DestinationStats{Inactive: 4, Stats: counted}) {
		t.Errorf("counters of the server %+v, want 4 inactive connections and %+v", stats, counted)
	}
}

var netipEqual = cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })

// TestOurCommandsAreTheRecordedOnes: the kernel took exactly these octets.
func TestOurCommandsAreTheRecordedOnes(t *testing.T) {
	table, err := ParseTable(recordedRules)
	if err != nil {
		t.Fatal(err)
	}
	everything := func(ServiceKey) bool { return true }
	ops := append(Diff(table, nil, nil), Diff(Table{}, table, everything)...)
	if len(ops) != 8+6+8 {
		t.Fatalf("%d commands", len(ops))
	}
	for _, op := range ops {
		title := "holdfast, " + strings.TrimPrefix(op.String(), "ipvsadm ")
		if err := again(t, title, func(ctx context.Context, c *Client) error { return c.Apply(ctx, op) }); err != nil {
			t.Errorf("%s: %v", title, err)
		}
	}
	for title, do := range map[string]func(context.Context, *Client) error{
		"holdfast: flush": func(ctx context.Context, c *Client) error { return c.Flush(ctx) },
		"holdfast: zero":  func(ctx context.Context, c *Client) error { return c.Zero(ctx, ServiceKey{}) },
		"holdfast: timeouts": func(ctx context.Context, c *Client) error {
			got, err := c.Timeouts(ctx)
			if want := (Timeouts{TCP: 900 * time.Second, TCPFin: 120 * time.Second, UDP: 300 * time.Second}); got != want {
				t.Errorf("timeouts %v, want %v", got, want)
			}
			return err
		},
		"holdfast: daemons": func(ctx context.Context, c *Client) error {
			got, err := c.SyncDaemons(ctx)
			group := netip.MustParseAddr("224.0.0.99")
			want := []SyncDaemon{
				{State: SyncMaster, Interface: "br0", SyncID: 33, MaxLen: 1400, Group: group, Port: 9999, TTL: 3},
				{State: SyncBackup, Interface: "br0", SyncID: 7, MaxLen: 1472, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1},
			}
			if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
				t.Errorf("sync daemons (-want +got)\n%s", d)
			}
			return err
		},
	} {
		if err := again(t, title, do); err != nil {
			t.Errorf("%s: %v", title, err)
		}
	}
}

// TestWhatIpvsadmSendsIsWhatWeMean reads ipvsadm's requests with our decoders.
func TestWhatIpvsadmSendsIsWhatWeMean(t *testing.T) {
	services := map[ServiceKey]Service{}
	for _, s := range recordedServices {
		services[s.Key] = s
	}
	seen := 0
	for title, r := range recordings(t) {
		if !strings.HasPrefix(title, "ipvsadm -A ") && !strings.HasPrefix(title, "ipvsadm -a ") || refusals[title] != 0 {
			continue
		}
		var bad error
		for m := range messages(r.requests[0], &bad) {
			_, body, err := m.payload()
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(title, "ipvsadm -A ") {
				b, _ := nest("service", body, attrService)
				got, _, err := decodeService(b)
				if d := cmp.Diff(services[got.Key], got, netipEqual); d != "" || err != nil {
					t.Errorf("%s: %v (-want +sent)\n%s", title, err, d)
				}
			} else {
				b, _ := nest("destination", body, attrDestination)
				_, name, _ := strings.Cut(title, " -r ")
				want := recordedDestinations["-r "+strings.Fields(name)[0]]
				got, _, err := decodeDestination(b, FamilyOf(want.Addr.Addr()))
				if d := cmp.Diff(want, got, netipEqual); d != "" || err != nil {
					t.Errorf("%s: %v (-want +sent)\n%s", title, err, d)
				}
			}
			seen++
		}
		if bad != nil {
			t.Errorf("%s: %v", title, bad)
		}
	}
	if seen != 8+6 {
		t.Errorf("%d requests, want 14", seen)
	}
}

// refusals are what Linux answers to commands that contradict the table.
var refusals = map[string]syscall.Errno{
	"ipvsadm -A -t 10.9.0.100:80 -s rr":                   syscall.EEXIST,
	"ipvsadm -a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 1": syscall.EEXIST,
	"ipvsadm -D -t 10.9.0.99:80":                          syscall.ESRCH,
	"ipvsadm -E -t 10.9.0.100:80 -s nosuch":               syscall.ENOENT,
	"ipvsadm -d -t 10.9.0.100:80 -r 10.9.0.99:80":         syscall.ENOENT,
	"ipvsadm -e -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 4": 0,
	"ipvsadm -E -t 10.9.0.100:80 -s wlc":                  0,
}

func TestLinuxRefusesAsTheModelDoes(t *testing.T) {
	all := recordings(t)
	table, err := ParseTable(recordedRules)
	if err != nil {
		t.Fatal(err)
	}
	for title, want := range refusals {
		r := all[title]
		if r == nil {
			t.Errorf("%s is not recorded", title)
			continue
		}
		var bad error
		for m := range messages(r.answers[0], &bad) {
			no, _, err := m.errno()
			if no != want || err != nil {
				t.Errorf("%s: answered %v, %v; want %v", title, no, err, want)
			}
		}
		if bad != nil {
			t.Errorf("%s: %v", title, bad)
		}
		// the model, too
		op := refusedOp(t, title)
		if no := loadModel(table).apply(op); no != want {
			t.Errorf("%v: the model answers %v, Linux %v", op, no, want)
		}
	}
}

// refusedOp is the operation of one of the refusals.
func refusedOp(t *testing.T, title string) Op {
	t.Helper()
	web := Service{Key: AddressKey(TCP, ap("10.9.0.100:80")), Netmask: 0xffffffff}
	dest := func(addr string, weight uint32) Destination { return Destination{Addr: ap(addr), Weight: weight} }
	with := func(s Scheduler) Service { s2 := web; s2.Scheduler = s; return s2 }
	switch strings.Fields(title)[1] {
	case "-A":
		return Op{Verb: AddService, Service: with("rr")}
	case "-a":
		return Op{Verb: AddDestination, Service: web, Destination: dest("10.9.0.11:80", 1)}
	case "-D":
		return Op{Verb: DeleteService, Service: Service{Key: AddressKey(TCP, ap("10.9.0.99:80"))}}
	case "-d":
		return Op{Verb: DeleteDestination, Service: web, Destination: dest("10.9.0.99:80", 0)}
	case "-e":
		return Op{Verb: EditDestination, Service: web, Destination: dest("10.9.0.11:80", 4)}
	}
	return Op{Verb: EditService, Service: with(Scheduler(strings.Fields(title)[5]))}
}

// Where ipvsadm sends no more than the kernel reads, it sends what we send,
// but for the flag of nested attributes, which the kernel does not look at.
func TestServicesAreAskedForAsIpvsadmAsks(t *testing.T) {
	const nestType = nlHeader + genHeader + 3 // the high octet
	all := recordings(t)
	for _, s := range recordedServices {
		r := all["ipvsadm -A "+s.String()]
		if r == nil {
			t.Errorf("%v is not recorded", s)
			continue
		}
		want := bytes.Clone(r.requests[len(r.requests)-1])
		if want[nestType] != 0x80 {
			t.Errorf("%v: the nest has the type %#x00", s, want[nestType])
		}
		want[nestType] = 0
		c := opCommand(Op{Verb: AddService, Service: s})
		got := appendMessage(nil, 0x20, nlRequest|nlAck, host.Uint32(want[8:]), uint8(c.cmd), familyVersion, c.body)
		host.PutUint32(got[12:], host.Uint32(want[12:])) // libnl writes its port, we leave it to the kernel
		if !bytes.Equal(got, want) {
			t.Errorf("%v\nsent %x\nwant %x", s, got, want)
		}
	}
}
