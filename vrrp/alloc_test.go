package vrrp

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// everyWire are routers whose adverts differ on the wire: one for each encoder
// and decoder.
func everyWire() map[string]Params {
	list := authenticated()
	caps := captures()
	list["version 2 with password"] = caps["version 2 with password"].params
	list["version 3"] = caps["version 3"].params
	list["version 3, IPv6"] = caps["version 3, IPv6"].params
	unicast := caps["version 3 unicast"].params
	unicast.Peers = append(unicast.Peers, Peer{Addr: netip.MustParseAddr("10.9.0.3"), MaxTTL: 255})
	unicast.CheckPeers = true
	list["version 3 unicast, two peers"] = unicast
	return list
}

// tape is a socket whose next datagrams a test sets, and that takes what is sent.
type tape struct {
	deaf
	next []received
	sent int
}

func (c *tape) ReadFrom(b []byte) (int, Meta, error) {
	if len(c.next) == 0 {
		return 0, Meta{}, ErrEmpty
	}
	r := c.next[0]
	c.next = c.next[1:]
	return copy(b, r.b), r.meta, r.err
}

func (c *tape) WriteTo([]byte, Meta) error { c.sent++; return nil }

// alone is a loop with one router on a tape, in Backup.
func alone(tb testing.TB, p Params, now time.Time) (*Loop, *tape) {
	c := &tape{deaf: deaf{make(chan struct{})}}
	l := NewLoop(nowhere{}, func(SocketSpec) (Conn, error) { return c, nil }, NewGoTimer())
	l.configure(now, []Instance{{Name: "VI_1", Interface: "eth0", Params: p}})
	l.flush()
	tb.Cleanup(func() { l.shutdown(now) })
	return l, c
}

// neighbour is the router that p hears, and where its adverts go.
func neighbour(p Params) (other Params, dst netip.Addr) {
	other, dst = p, p.MulticastGroup()
	other.Priority = 200
	if p.IPv6 {
		other.PrimaryAddr = netip.MustParseAddr("fe80::ff:fe00:2")
	} else {
		other.PrimaryAddr = routerB
	}
	if p.Unicast() {
		dst = p.PrimaryAddr
	}
	return other, dst
}

func TestSendingAnAdvertAllocatesNothing(t *testing.T) {
	for name, p := range everyWire() {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			l, c := alone(t, p, now)
			for range 8 { // it takes over, and has its rhythm
				now = now.Add(time.Second)
				l.turn(now)
			}
			before := c.sent
			if n := testing.AllocsPerRun(20, func() {
				now = now.Add(time.Second)
				l.turn(now)
			}); n != 0 {
				t.Errorf("an advert costs %v allocations, want none", n)
			}
			if want := before + 21*max(1, len(p.Peers)); c.sent != want { // one run more, to warm up
				t.Errorf("%d datagrams sent, want %d", c.sent, want)
			}
		})
	}
}

func TestDrainingAndReceivingAllocatesNothing(t *testing.T) {
	for name, p := range everyWire() {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			l, c := alone(t, p, now)
			other, dst := neighbour(p)
			var m Memory
			buf, next := make([]byte, 0, 256), make([]received, 1)
			if n := testing.AllocsPerRun(20, func() {
				now = now.Add(time.Second)
				m.Next(now, &other)
				a := m.Advert(&other, 200, dst)
				next[0] = received{b: m.AppendAdvert(buf, &other, &a), meta: Meta{Src: a.Src, Dst: dst, TTL: 255, ID: m.ID(), Arrival: now}}
				c.next = next
				l.drain(now, l.instances[0].link)
			}); n != 0 {
				t.Errorf("an advert costs %v allocations, want none", n)
			}
			if got := l.instances[0].counters.AdvertReceived; got != 21 {
				t.Errorf("%d adverts accepted, want 21", got)
			}
		})
	}
}

// spoilt are datagrams that each decoder refuses, made of one that it accepts.
func spoilt(good Datagram) map[string]Datagram {
	with := func(change func(d *Datagram)) Datagram {
		d := good
		d.PDU = append([]byte{}, good.PDU...)
		change(&d)
		return d
	}
	last := len(good.PDU) - 1
	return map[string]Datagram{
		"cut to 7 octets":     with(func(d *Datagram) { d.PDU = d.PDU[:7] }),
		"an octet less":       with(func(d *Datagram) { d.PDU = d.PDU[:last] }),
		"an octet more":       with(func(d *Datagram) { d.PDU = append(d.PDU, 0) }),
		"nothing":             with(func(d *Datagram) { d.PDU = nil }),
		"another last octet":  with(func(d *Datagram) { d.PDU[last] ^= 1 }),
		"another first octet": with(func(d *Datagram) { d.PDU[0] ^= 0x40 }),
		"from too far":        with(func(d *Datagram) { d.TTL = 254; d.Src = netip.MustParseAddr("10.9.0.66") }),
		"a year too old":      with(func(d *Datagram) { d.PDU[2] ^= 1; d.At = d.At.Add(365 * 24 * time.Hour) }),
	}
}

// What strangers send must not make us collect garbage: not even a refusal
// allocates.
func TestRefusingAllocatesNothing(t *testing.T) {
	for name, p := range everyWire() {
		now := time.Unix(1_800_000_000, 0)
		other, dst := neighbour(p)
		var theirs Memory
		theirs.Next(now, &other)
		a := theirs.Advert(&other, 200, dst)
		good := Datagram{PDU: theirs.AppendAdvert(nil, &other, &a), Src: a.Src, Dst: dst, TTL: 255, ID: theirs.ID(), At: now}
		for what, d := range spoilt(good) {
			t.Run(name+", "+what, func(t *testing.T) {
				var ours Memory
				got := Advert{Addrs: make([]netip.Addr, 0, 2)}
				if err := ours.Decode(&p, d, &got); err == nil {
					t.Fatal("accepted")
				}
				if n := testing.AllocsPerRun(20, func() { _ = ours.Decode(&p, d, &got) }); n != 0 {
					t.Errorf("decoding costs %v allocations, want none", n)
				}
				l, c := alone(t, p, now)
				next := make([]received, 1)
				if n := testing.AllocsPerRun(20, func() {
					next[0] = received{b: d.PDU, meta: Meta{Src: d.Src, Dst: d.Dst, TTL: d.TTL, ID: d.ID, Arrival: d.At}}
					c.next = next
					l.drain(now, l.instances[0].link)
				}); n != 0 {
					t.Errorf("the loop spends %v allocations, want none", n)
				}
				if got := l.instances[0].counters.AdvertReceived; got != 0 {
					t.Errorf("%d adverts accepted", got)
				}
			})
		}
	}
}

func TestRefusingAnIPv4HeaderAllocatesNothing(t *testing.T) {
	frame := unhex(t, "45 c0 0024 0001 0000 ff 70 d08c 0a090001 e0000012 31 33 96 02 0064 38ee 0a090064 0a090065")
	for name, b := range map[string][]byte{
		"cut short": frame[:27], "not IPv4": append([]byte{0x65}, frame[1:]...),
		"another length": append([]byte{0x45, 0xc0, 0, 0x30}, frame[4:]...),
	} {
		var refused PacketError
		if n := testing.AllocsPerRun(20, func() {
			if _, err := parseIPv4(b, &refused); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

// The sockets of this system, with what keepalived sends.
func TestRawSocketsAllocateNothing(t *testing.T) {
	p := captures()["version 3"].params
	a := p.Advert(150, GroupIPv4)
	pdu := AppendAdvert(nil, &a)
	inNamespace(t, func() {
		from, err := Listen(SocketSpec{Interface: "va", Group: GroupIPv4})
		if err != nil {
			t.Error(err)
			return
		}
		defer from.Close()
		to, err := Listen(SocketSpec{Interface: "vb", Group: GroupIPv4})
		if err != nil {
			t.Error(err)
			return
		}
		defer to.Close()
		meta := Meta{Src: netip.MustParseAddr("10.9.0.9"), Dst: GroupIPv4, TTL: 255}
		buf := make([]byte, MaxPacket)
		err = ErrEmpty
		for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); {
			_ = from.WriteTo(pdu, meta) // the link takes a moment to run
			time.Sleep(10 * time.Millisecond)
			_, _, err = to.ReadFrom(buf)
		}
		if err != nil {
			t.Errorf("nothing comes through: %v", err)
			return
		}
		if n := testing.AllocsPerRun(20, func() {
			if err := from.WriteTo(pdu, meta); err != nil {
				t.Error(err)
			}
			for {
				if _, _, err := to.ReadFrom(buf); errors.Is(err, ErrEmpty) {
					return
				}
			}
		}); n != 0 {
			t.Errorf("an advert sent and received costs %v allocations, want none", n)
		}
	})
}
