package vrrp

import (
	"encoding/binary"
	"testing"
	"time"
)

// seal puts what p sends with the memory m in the socket's queue.
func (b *bench) seal(p *Params, m *Memory, priority uint8) received {
	m.Next(time.Now(), p)
	a := m.Advert(p, priority, GroupIPv4)
	return received{b: m.AppendAdvert(nil, p, &a), meta: Meta{Src: a.Src, Dst: GroupIPv4, TTL: 255, ID: m.ID(), Arrival: time.Now()}}
}

// watch opens sockets that write down identification and number of adverts.
func (b *bench) watch(number func(sent []byte) uint64) {
	b.plug(newMemConn(func(sent []byte, m Meta) error {
		b.note("packet %d, number %d", m.ID, number(sent))
		return nil
	}))
}

func ahNumber(sent []byte) uint64 { return uint64(binary.BigEndian.Uint32(sent[8:])) }

// router is routerB with these parameters.
func router(p Params) []Instance {
	p.PrimaryAddr, p.Priority, p.PreemptMode = routerB, 90, true
	return []Instance{{Name: "VI_1", Interface: "eth0", Params: p}}
}

func TestTheLoopGoesOnWithTheNumbersOfTheActiveRouter(t *testing.T) {
	onBench(t, func(b *bench) {
		b.watch(ahNumber)
		b.loop.Configure(router(ahParams()))
		b.take()
		theirs := ahParams()
		advert := b.seal(&theirs, &Memory{ah: 6}, 100)
		b.conn.put(advert)
		b.conn.put(advert)
		b.conn.put(received{b: append([]byte{6}, advert.b[1:]...), meta: advert.meta}) // TCP under AH is nobody's business
		b.want("  0.0000s VI_1 dropped ah-replay, 0 before")
		time.Sleep(5 * time.Second)
		b.want("  3.6484s packet 1, number 8", "  3.6484s apply [VI_1]", "  3.6484s VI_1 announce active", // 3*1s + 166/256*1s
			"  3.6484s VI_1 Backup -> Active (active-down)", "  4.6484s packet 2, number 9")
		if s, _ := b.loop.Status(b.t.Context()); s[0].Counters.AdvertReceived != 1 || s[0].Counters.AuthFailure != 1 {
			b.t.Errorf("counters %+v, want 1 advert and 1 failure", s[0].Counters)
		}
		b.loop.Configure(router(func() Params { p := ahParams(); p.Addrs = addrs("10.9.0.101"); return p }()))
		b.want("  5.0000s packet 3, number 10", "  5.0000s apply [VI_1]", "  5.0000s VI_1 announce reload")
	})
}

func TestAnActiveRouterThatIsResumedSendsNumbersThatAreNew(t *testing.T) {
	onBench(t, func(b *bench) {
		b.watch(ahNumber)
		instances := router(ahParams())
		instances[0].Resume = &Snapshot{State: Active, Priority: 90, LastSent: time.Now()}
		b.loop.Configure(instances)
		b.want("  0.0000s packet 1, number 946684801", "  0.0000s apply [VI_1]") // the bench begins on 1 January 2000
	})
}

// The snapshot is so old that somebody else is Active by now: who refused its
// numbers would become a second one.
func TestARouterThatIsNotResumedHearsTheOneThatTookOver(t *testing.T) {
	onBench(t, func(b *bench) {
		b.watch(ahNumber)
		instances := router(ahParams())
		instances[0].Resume = &Snapshot{State: Active, Priority: 90, LastSent: time.Now().Add(-time.Minute)}
		b.loop.Configure(instances)
		theirs := ahParams()
		time.Sleep(3 * time.Second)
		b.conn.put(b.seal(&theirs, &Memory{ah: 6}, 100))
		time.Sleep(3 * time.Second) // 3.6484s after the start have passed
		b.want("  0.0000s VI_1 Initialize -> Backup (startup)", "  0.0000s apply []")
	})
}

func TestTheLoopRefusesTrailersThatAreOldOrSentAgain(t *testing.T) {
	onBench(t, func(b *bench) {
		p := signed(3, false)
		b.watch(func(sent []byte) uint64 { return binary.BigEndian.Uint64(sent[12+4:]) >> 32 })
		b.loop.Configure(router(p))
		b.take()
		var theirs Memory
		advert := b.seal(&p, &theirs, 150)
		b.conn.put(advert)
		b.conn.put(advert)
		b.want("  0.0000s VI_1 dropped hmac-replay, 0 before")
		time.Sleep(6 * time.Second)
		b.take()
		old := advert
		old.meta.Arrival = time.Now()
		b.conn.put(old)
		b.want("  6.0000s VI_1 dropped hmac-stale, 0 before")
		time.Sleep(time.Second)
		b.want("  6.6484s packet 4, number 946684806") // 3.6484s, and so on every second
	})
}

func TestAHHasASocketOfItsOwn(t *testing.T) {
	p := router(ahParams())[0]
	pass := p
	pass.Params.AuthType = AuthPass
	if !p.socket().AH || pass.socket().AH {
		t.Errorf("AH uses protocol 51: %v, a password: %v; want true, false", p.socket().AH, pass.socket().AH)
	}
}
