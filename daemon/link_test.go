package daemon

import (
	"bytes"
	"net"
	"testing"
	"time"

	"holdfast/internal/event"
	"holdfast/track"
)

func pipe(t *testing.T) (parent, child *link) {
	t.Helper()
	a, b := net.Pipe()
	parent, child = newLink(a), newLink(b)
	t.Cleanup(func() { parent.Close(0); child.Close(0) })
	return parent, child
}

func TestMessagesArriveInOrderInBothDirections(t *testing.T) {
	parent, child := pipe(t)
	for i := range 1000 {
		parent.Send(message{Verdict: &verdict{Kind: track.Script, Name: "chk", State: track.State(i % 3)}})
		child.Send(message{Fact: &event.Fact{Type: event.Transitioned, Priority: i}})
	}
	for i := range 1000 {
		if m := <-child.Messages(); m.Verdict == nil || m.Verdict.State != track.State(i%3) {
			t.Fatalf("child's message %d is %+v", i, m)
		}
		if m := <-parent.Messages(); m.Fact == nil || m.Fact.Priority != i {
			t.Fatalf("parent's message %d is %+v", i, m)
		}
	}
}

func TestAnOtherSideThatDoesNotReadNeverBlocksTheSender(t *testing.T) {
	a, b := net.Pipe() // unbuffered: nothing is read from b
	defer b.Close()
	l := newLink(a)
	for range 2*linkBacklog + 10 { // one backlog may be with the writer already
		l.Send(message{Ready: true})
	}
	if l.lost() == 0 {
		t.Error("nothing counted as lost although the backlog is bounded")
	}
	began := time.Now()
	l.Close(20 * time.Millisecond)
	if took := time.Since(began); took > time.Second {
		t.Errorf("closing took %v with a peer that does not read", took)
	}
}

// A stop of thousands of instances is more than a busy parent reads at once.
func TestAReaderThatIsSlowButReadsGetsEverythingAtClose(t *testing.T) {
	const grace, messages = 500 * time.Millisecond, 10_000
	a, b := net.Pipe()
	l := newLink(a)
	for range messages {
		l.Send(message{Ready: true})
	}
	lines := make(chan int)
	go func() {
		n, buf := 0, make([]byte, 4096)
		for {
			time.Sleep(grace / 20) // about 40 times: more than one grace
			k, err := b.Read(buf)
			n += bytes.Count(buf[:k], []byte{'\n'})
			if err != nil {
				lines <- n
				return
			}
		}
	}()
	l.Close(grace)
	if n := <-lines; n != messages {
		t.Errorf("%d messages arrived, want %d", n, messages)
	}
}

func TestWhatIsQueuedAtCloseStillArrives(t *testing.T) {
	a, b := net.Pipe()
	from, to := newLink(a), newLink(b)
	defer to.Close(0)
	got := make(chan int)
	go func() {
		n := 0
		for range to.Messages() {
			n++
		}
		got <- n
	}()
	for range 50 {
		from.Send(message{Ready: true})
	}
	from.Close(5 * time.Second)
	if n := <-got; n != 50 {
		t.Errorf("%d of 50 messages arrived", n)
	}
}
