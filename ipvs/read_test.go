package ipvs

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	web   = AddressKey(TCP, netip.MustParseAddrPort("10.9.0.1:80"))
	dns   = AddressKey(UDP, netip.MustParseAddrPort("[fd09::1]:53"))
	bare  = FWMarkKey(IPv4, 7) // has no destinations
	first = netip.MustParseAddrPort("10.9.0.11:80")
)

// readTable is what the kernel of these tests carries.
func readTable() Table {
	t := Table{}
	for _, k := range []ServiceKey{web, dns, bare} {
		t.AddService(Service{Key: k, Scheduler: "rr"})
	}
	second := netip.MustParseAddrPort("10.9.0.12:80")
	six := netip.MustParseAddrPort("[fd09::11]:53")
	t[web].Destinations[first] = Destination{Addr: first, Weight: 1}
	t[web].Destinations[second] = Destination{Addr: second, Method: Tunnel, Tunnel: TunnelOptions{Type: GUE, Port: 6080}}
	t[dns].Destinations[six] = Destination{Addr: six, Method: DirectRoute, Weight: 7, UpperThreshold: 9}
	return t
}

// asks are the commands that were sent, short.
func (w *wire) asks() string { return strings.Join(w.asked, ", ") }

func newWire(t *testing.T) (*wire, *Client) {
	w := &wire{kernel: loadModel(readTable())}
	c := w.client()
	t.Cleanup(func() { c.Close() })
	return w, c
}

// once is a meddler that acts on the first n requests of a kind.
func once(cmd Command, n int, act func(*wire, message, [][]byte) [][]byte) func(*wire, message, [][]byte) [][]byte {
	return func(w *wire, m message, answer [][]byte) [][]byte {
		if m.typ == wireFamily && Command(m.body[0]) == cmd && n > 0 {
			n--
			return act(w, m, answer)
		}
		return answer
	}
}

// flagged sets a flag in the i-th message of an answer, counted from its end
// if negative.
func flagged(i int, flag uint16) func(*wire, message, [][]byte) [][]byte {
	return func(_ *wire, _ message, answer [][]byte) [][]byte {
		b := answer[(i+len(answer))%len(answer)]
		host.PutUint16(b[6:], host.Uint16(b[6:])|flag)
		return answer
	}
}

func TestReadAsksForTheServicesOnceAndForEachPoolOnce(t *testing.T) {
	w, c := newWire(t)
	got, err := c.Read(t.Context())
	if err != nil || got.String() != readTable().String() {
		t.Errorf("read\n%v(%v), want\n%v", got, err, readTable())
	}
	// services; pools of 10.9.0.1, fd09::1 and mark 7; is mark 7, which has none, still there?
	want := "read virtual services, read real servers, read real servers, read real servers, read virtual services"
	if w.asks() != want {
		t.Errorf("asked %q, want %q", w.asks(), want)
	}
	if st := got[web].DestinationStats[first]; st.Active != 7 || st.Inactive != 8 || st.Persistent != 9 || st.Conns != 0 || st.OutBPS != 9 {
		t.Errorf("counters %+v", st) // each is the number of its attribute, those of the block less one
	}
}

func TestAListThatChangedWhileItWasToldIsAskedForAgain(t *testing.T) {
	const services, pools = "read virtual services", "read real servers"
	for name, tt := range map[string]struct {
		cmd   Command
		at    int // which message carries the mark
		times int
		want  string // what was asked until the pool of 10.9.0.1 was known
	}{
		"services, marked in the first message": {cmdGetService, 0, 1, services + ", " + services + ", " + pools},
		"services, marked in the end alone":     {cmdGetService, -1, 1, services + ", " + services + ", " + pools},
		"services, four times":                  {cmdGetService, -1, 4, strings.Repeat(services+", ", 5) + pools},
		"servers, marked in the end alone":      {cmdGetDest, -1, 1, services + ", " + pools + ", " + pools + ", " + pools + ", " + pools},
	} {
		t.Run(name, func(t *testing.T) {
			w, c := newWire(t)
			w.meddle = once(tt.cmd, tt.times, flagged(tt.at, nlDumpIntr))
			got, err := c.Read(t.Context())
			if err != nil || got.String() != readTable().String() {
				t.Errorf("read\n%v(%v), want\n%v", got, err, readTable())
			}
			if !strings.HasPrefix(w.asks(), tt.want) {
				t.Errorf("asked %q, want first %q", w.asks(), tt.want)
			}
		})
	}
}

// What an interrupted list has told is not mixed into the next.
func TestNothingOfAnInterruptedListIsKept(t *testing.T) {
	w, c := newWire(t)
	w.meddle = once(cmdGetDest, 1, func(w *wire, m message, answer [][]byte) [][]byte {
		w.kernel.must(Op{Verb: DeleteDestination, Service: Service{Key: web}, Destination: Destination{Addr: first}})
		return flagged(-1, nlDumpIntr)(w, m, answer) // the list as it was before
	})
	got, err := c.Read(t.Context())
	if err != nil || len(got[web].Destinations) != 1 || len(got[dns].Destinations) != 1 {
		t.Errorf("read %v (%v), want no %v", got, err, first)
	}
}

func TestAListThatChangesEachTimeIsGivenUpAfterFiveAttempts(t *testing.T) {
	for _, cmd := range []Command{cmdGetService, cmdGetDest} {
		w, c := newWire(t)
		w.meddle = once(cmd, 1000, flagged(-1, nlDumpIntr))
		_, err := c.Read(t.Context())
		want := cmd.String() + ", 5 times: the list changed each time while it was read (try again when nobody else is at work on it)"
		if !errors.Is(err, ErrInterrupted) || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if n := strings.Count(w.asks(), cmd.String()); n != 5 {
			t.Errorf("asked %d times", n)
		}
		w.meddle = nil
		if got, err := c.Read(t.Context()); err != nil || len(got) != 3 {
			t.Errorf("afterwards: %v, %v", got, err)
		}
	}
}

func TestAServiceThatVanishesDuringReadIsLeftOut(t *testing.T) {
	vanish := func(k ServiceKey) func(*wire, message, [][]byte) [][]byte {
		return func(w *wire, m message, _ [][]byte) [][]byte {
			if w.kernel.services[k] != nil {
				w.kernel.must(Op{Verb: DeleteService, Service: Service{Key: k}})
			}
			w.dumping = false
			return w.answer(m)
		}
	}
	refuse := func(no syscall.Errno) func(*wire, message, [][]byte) [][]byte {
		return func(w *wire, m message, _ [][]byte) [][]byte {
			w.dumping = false
			return [][]byte{w.result(m, no)}
		}
	}
	for name, meddle := range map[string]func(*wire, message, [][]byte) [][]byte{
		"an empty list is the answer, as of Linux 6.1": once(cmdGetDest, 1, vanish(web)),
		"ESRCH is the answer":                          once(cmdGetDest, 1, refuse(syscall.ESRCH)),
	} {
		t.Run(name, func(t *testing.T) {
			w, c := newWire(t)
			w.meddle = meddle
			got, err := c.Read(t.Context())
			want := readTable()
			delete(want, web)
			if err != nil || got.String() != want.String() {
				t.Errorf("read\n%v(%v), want\n%v", got, err, want)
			}
		})
	}
	t.Run("another refusal is an error", func(t *testing.T) {
		w, c := newWire(t)
		w.meddle = once(cmdGetDest, 1, refuse(syscall.EPERM))
		if _, err := c.Read(t.Context()); !errors.Is(err, syscall.EPERM) {
			t.Errorf("error %v, want EPERM", err)
		}
	})
}

func TestWhenAnswersWereLostTheListIsAskedForOnANewConnection(t *testing.T) {
	for _, cmd := range []Command{cmdGetService, cmdGetDest} {
		w, c := newWire(t)
		dials := 0
		c.dial = func() (conn, error) { dials++; return w, nil }
		w.meddle = once(cmd, 1, func(_ *wire, _ message, answer [][]byte) [][]byte {
			return append([][]byte{nil}, answer...) // ENOBUFS, then what was in the queue
		})
		got, err := c.Read(t.Context())
		if err != nil || got.String() != readTable().String() || dials != 2 {
			t.Errorf("read\n%v(%v) after %d connections, want 2 and\n%v", got, err, dials, readTable())
		}
	}
}

func TestWhenAnswersToCommandsAreLostItIsSaid(t *testing.T) {
	w, c := newWire(t)
	w.meddle = once(cmdDelService, 1, func(_ *wire, _ message, answer [][]byte) [][]byte { return append([][]byte{nil}, answer...) })
	del := []Op{{Verb: DeleteService, Service: Service{Key: web}}, {Verb: DeleteService, Service: Service{Key: web}}}
	if err := ApplyAll(t.Context(), c, del); !errors.Is(err, syscall.ENOBUFS) {
		t.Errorf("error %v, want ENOBUFS", err)
	}
	if err := c.Apply(t.Context(), del[0]); !errors.Is(err, ErrNoService) { // it was done, and this is its own answer
		t.Errorf("afterwards %v, want ESRCH", err)
	}
}

// The answer to a request whose caller gave up may still come.
func TestAnswersToOthersAreNotTakenForOurs(t *testing.T) {
	stray := func(change func(b []byte)) func(*wire, message, [][]byte) [][]byte {
		return func(w *wire, m message, answer [][]byte) [][]byte {
			refusal := w.result(m, syscall.EPERM)
			change(refusal)
			data := w.data(m, cmdNewService, func(b []byte) []byte {
				return wireServiceAnswer(b, Service{Key: FWMarkKey(IPv4, 99), Scheduler: "rr"})
			})
			change(data)
			return append([][]byte{refusal, data}, answer...)
		}
	}
	for name, change := range map[string]func(b []byte){
		"of an earlier request":  func(b []byte) { host.PutUint32(b[8:], host.Uint32(b[8:])-1) },
		"of a later request":     func(b []byte) { host.PutUint32(b[8:], host.Uint32(b[8:])+1) },
		"of no request":          func(b []byte) { host.PutUint32(b[8:], 0) },
		"of another port":        func(b []byte) { host.PutUint32(b[12:], playerPort+1) },
		"of the kernel at large": func(b []byte) { host.PutUint32(b[12:], 0) },
		"of nothing":             func(b []byte) { host.PutUint16(b[4:], nlNoop) },
	} {
		t.Run(name, func(t *testing.T) {
			w, c := newWire(t)
			w.meddle = once(cmdGetService, 9, stray(change))
			got, err := c.Read(t.Context())
			if err != nil || got.String() != readTable().String() {
				t.Errorf("read\n%v(%v), want\n%v", got, err, readTable())
			}
		})
	}
}

// A message that no kernel sends ends the exchange and the connection: what
// follows it cannot be trusted.
func TestAnswersOutOfPlaceBreakTheConnection(t *testing.T) {
	ack := func(w *wire, m message) []byte { return w.result(m, 0) }
	service := func(w *wire, m message) []byte {
		return w.data(m, cmdNewService, func(b []byte) []byte { return wireServiceAnswer(b, Service{Key: web, Scheduler: "rr"}) })
	}
	typed := func(b []byte, typ uint16) []byte { host.PutUint16(b[4:], typ); return b }
	for name, tt := range map[string]struct {
		cmd    Command
		answer func(w *wire, m message) []byte
		want   string
	}{
		"an acknowledgement in place of a list": {cmdGetService, ack, "ip_vs message: acknowledgement: comes in place of a list"},
		"a list's end in place of an acknowledgement": {cmdDelService, func(w *wire, m message) []byte { return w.doneMessage(m) },
			"ip_vs message: answer: message of type 3"},
		"data of another family":  {cmdGetService, func(w *wire, m message) []byte { return typed(service(w, m), wireFamily+1) }, "ip_vs message: answer: message of type 33"},
		"data nobody asked for":   {cmdDelService, service, "ip_vs message: answer: command 1 to command 3"},
		"services for servers":    {cmdGetDest, service, "ip_vs message: answer: command 1 to command 8"},
		"something behind an end": {cmdDelService, func(w *wire, m message) []byte { return append(w.result(m, 0), w.result(m, 0)...) }, "ip_vs message: answer: message of type 2 behind the end"},
		"a positive result":       {cmdDelService, func(w *wire, m message) []byte { b := w.result(m, 0); host.PutUint32(b[16:], 17); return b }, "ip_vs message: acknowledgement: result 17"},
		"a result below -4095":    {cmdDelService, func(w *wire, m message) []byte { b := w.result(m, 0); host.PutUint32(b[16:], 0xfffff000); return b }, "ip_vs message: acknowledgement: result -4096"},
		"an overrun":              {cmdDelService, func(w *wire, m message) []byte { return typed(ack(w, m), nlOverrun) }, "no buffer space available: answers were lost"},
	} {
		t.Run(name, func(t *testing.T) {
			w, c := newWire(t)
			w.meddle = once(tt.cmd, 9, func(w *wire, m message, answer [][]byte) [][]byte {
				return append([][]byte{tt.answer(w, m)}, answer...)
			})
			var err error
			if tt.cmd == cmdDelService {
				err = c.DelService(t.Context(), web)
			} else {
				_, err = c.Read(t.Context())
			}
			if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			w.meddle = nil
			if _, err := c.Read(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestAnAnswerWithoutAnEndIsGivenUp(t *testing.T) {
	for name, endless := range map[string]func(w *wire, m message) []byte{
		"a list that goes on": func(w *wire, m message) []byte {
			return w.data(m, cmdNewService, func(b []byte) []byte { return wireServiceAnswer(b, Service{Key: web, Scheduler: "rr"}) })
		},
		"empty datagrams": func(*wire, message) []byte { return []byte{} },
		"others' answers": func(w *wire, m message) []byte { m.seq--; return w.result(m, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			w, c := newWire(t)
			c.limit = 50
			w.meddle = once(cmdGetService, 1, func(w *wire, m message, _ [][]byte) [][]byte {
				var all [][]byte
				for range 200 {
					all = append(all, endless(w, m))
				}
				return all
			})
			_, err := c.Read(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), "talk to ip_vs: ip_vs message: answer: no end after 5") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAContextThatEndsDuringReadEndsIt(t *testing.T) {
	w, c := newWire(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	w.meddle = once(cmdGetDest, 1, func(_ *wire, _ message, _ [][]byte) [][]byte { cancel(); return nil })
	if _, err := c.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
