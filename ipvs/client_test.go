package ipvs

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// player answers requests with recorded messages, one datagram for each
// request. The numbers of messages in an answer count from that of the first
// request in the datagram.
type player struct {
	t       *testing.T
	answers []string
	asked   []string // command, and "+" if it wants an acknowledgement
}

// dial opens a connection to the player. net.Pipe keeps datagrams apart as
// long as each is read by one Read.
func (p *player) dial() (conn, error) {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.serve(far)
	}()
	p.t.Cleanup(func() { near.Close(); <-done })
	return pipe{near}, nil
}

// pipe is a connection whose other end answers to playerPort.
type pipe struct{ net.Conn }

const playerPort = 1

// Port implements conn.
func (pipe) Port() uint32 { return playerPort }

func (p *player) serve(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		var bad error
		first := uint32(0)
		for m := range messages(buf[:n], &bad) {
			if first == 0 {
				first = m.seq
			}
			word := Command(m.body[0]).String()
			if m.flags&nlAck != 0 {
				word += "+"
			}
			p.asked = append(p.asked, word)
		}
		if len(p.answers) == 0 {
			continue // silence
		}
		b := unhex(p.t, p.answers[0])
		p.answers = p.answers[1:]
		for at := 0; at+nlHeader <= len(b); at += max(align4(int(host.Uint32(b[at:]))), nlHeader) {
			if relative := host.Uint32(b[at+8:]); relative < 0x1000 { // larger ones belong to another exchange
				host.PutUint32(b[at+8:], first+relative)
				host.PutUint32(b[at+12:], playerPort)
			}
		}
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

// Answers of Linux 6.1, sequence numbers made relative to the request's.
const (
	ack          = "24000000 02000001 00000000 01000000 00000000 10000000 20000500 00000000 00000000"
	familyAnswer = "20000000 10000000 00000000 01000000 01020000 0a000200 49505653 00000000" // name only
	family20     = "28000000 10000000 00000000 01000000 01020000 06000100 20000000 09000200 49505653 00000000"
	noFamily     = "24000000 02000001 00000000 01000000 feffffff 10000000 20000500 00000000 00000000"
	done         = "14000000 03000200 00000000 01000000 00000000"
)

func TestClientFindsTheFamilyThenAsks(t *testing.T) {
	p := &player{t: t, answers: []string{
		family20 + ack,
		"24000000 20000000 00000000 01000000 0e010000 08000100 01020100 08000200 00100000" + ack,
	}}
	c := newClient(p.dial, nil)
	defer c.Close()
	info, err := c.Info(t.Context())
	if err != nil || info.ConnTableSize != 4096 {
		t.Errorf("info %+v, %v", info, err)
	}
}

func TestClientReadsServicesThenTheirDestinations(t *testing.T) {
	reply := func(request string) string { // a request turned into an answer: flags multi, number 0
		return strings.Replace(strings.Join(strings.Fields(request), " "), "20000500 01000000", "20000200 00000000", 1)
	}
	p := &player{t: t, answers: []string{family20 + ack, reply(recordedNewService) + done, reply(recordedNewDest) + done}}
	c := newClient(p.dial, nil)
	defer c.Close()
	tab, err := c.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := "-A -t 10.9.0.100:80 -s wrr\n-a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 3\n"; tab.String() != want {
		t.Errorf("table %q, want %q", tab, want)
	}
}

func TestClientNamesTheRefusedOnesOfABatch(t *testing.T) {
	refusal := func(relative, errno string) string {
		return "24000000 02000001 " + relative + " 01000000 " + errno + " 10000000 20000500 00000000 00000000"
	}
	// EEXIST for the first, nothing for the second, ESRCH for the third and last
	p := &player{t: t, answers: []string{family20 + ack, refusal("00000000", "efffffff") + refusal("02000000", "fdffffff")}}
	c := newClient(p.dial, nil)
	defer c.Close()
	op := Op{Verb: AddDestination, Service: Service{Key: wireKey}, Destination: wireDest}
	err := ApplyAll(t.Context(), c, []Op{{Verb: AddService, Service: Service{Key: wireKey, Scheduler: "rr"}}, op, op})
	want := `ipvsadm -A -t 10.9.0.100:80 -s rr: add virtual service [10.9.0.100]:tcp:80: file exists (already there)
ipvsadm -a -t 10.9.0.100:80 -r 10.9.0.11:80 -m -w 3: add real server 10.9.0.11:80 of [10.9.0.100]:tcp:80: no such process (no such virtual service)`
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	wantAsked := "add virtual service, add real server, add real server+" // one acknowledgement for all
	if got := strings.Join(p.asked[1:], ", "); got != wantAsked {
		t.Errorf("asked %q, want %q", got, wantAsked)
	}
	if !errors.Is(err, syscall.EEXIST) || !errors.Is(err, syscall.ESRCH) {
		t.Error("errors.Is does not find the errnos")
	}
}

func TestKernelWithoutIPVSIsSaidWithWhatWasTried(t *testing.T) {
	t.Run("not loadable", func(t *testing.T) {
		p := &player{t: t, answers: []string{noFamily, noFamily}}
		loads := 0
		c := newClient(p.dial, func(context.Context) error { loads++; return errors.New("modprobe ip_vs: exit status 1: not found") })
		defer c.Close()
		_, err := c.Read(t.Context())
		want := "this kernel has no ip_vs: no generic netlink family IPVS (modprobe ip_vs: exit status 1: not found)"
		if !errors.Is(err, ErrNoIPVS) || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if _, err := c.Read(t.Context()); !errors.Is(err, ErrNoIPVS) || loads != 1 {
			t.Errorf("second try: %v after %d loads, want one load", err, loads)
		}
	})
	t.Run("loaded on demand", func(t *testing.T) {
		p := &player{t: t, answers: []string{noFamily, family20 + ack, ack}}
		c := newClient(p.dial, func(context.Context) error { return nil })
		defer c.Close()
		if err := c.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("loaded later by somebody", func(t *testing.T) {
		p := &player{t: t, answers: []string{noFamily, family20 + ack, ack}}
		c := newClient(p.dial, nil)
		defer c.Close()
		if err := c.Flush(t.Context()); !errors.Is(err, ErrNoIPVS) {
			t.Errorf("first: %v", err)
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("second: %v", err)
		}
	})
}

func TestSilentKernelEndsWithTheContext(t *testing.T) {
	p := &player{t: t, answers: []string{family20 + ack}}
	c := newClient(p.dial, nil)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want %v", err, context.DeadlineExceeded)
	}
	c.dial = (&player{t: t, answers: []string{family20 + ack, ack}}).dial // a new connection resolves anew
	if err := c.Flush(t.Context()); err != nil {
		t.Errorf("after the silence: %v", err)
	}
}

func TestAnswersThatCannotBeAreErrors(t *testing.T) {
	for name, answer := range map[string]string{
		"family without number": familyAnswer + ack,
		"half a header":         "24000000 0200",
		"length of nothing":     "00000000 02000000 00000000 00000000",
		"acknowledgement cut":   "12000000 02000000 00000000 01000000 0000 0000",
	} {
		t.Run(name, func(t *testing.T) {
			p := &player{t: t, answers: []string{answer}}
			c := newClient(p.dial, nil)
			defer c.Close()
			var de *DecodeError
			if err := c.Flush(t.Context()); !errors.As(err, &de) {
				t.Errorf("error %v, want a *DecodeError", err)
			}
		})
	}
}

func TestClosedClientSaysSo(t *testing.T) {
	c := newClient((&player{t: t}).dial, nil)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Flush(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want %v", err, ErrClosed)
	}
}
