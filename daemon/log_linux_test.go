package daemon

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func listenSyslog(t *testing.T) (*net.UnixConn, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, path
}

func readLine(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatalf("no log line arrived: %v", err)
	}
	return string(buf[:n])
}

func TestSyslogLinesCarryFacilityIdentAndPid(t *testing.T) {
	conn, path := listenSyslog(t)
	s := newSyslogSink(path, "Keepalived_vrrp", "local1")
	defer s.Close()
	at := time.Date(2026, 11, 2, 3, 4, 5, 0, time.Local)
	s.write(slog.LevelInfo, at, "(VI_1) Entering MASTER STATE")
	// local1 is 17: 17*8 + 6 (info) = 142; day of month padded with a blank (RFC 3164)
	want := fmt.Sprintf("<142>Nov  2 03:04:05 Keepalived_vrrp[%d]: (VI_1) Entering MASTER STATE", os.Getpid())
	if got := readLine(t, conn); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestALogThatNobodyReadsNeverHoldsUpItsWriter(t *testing.T) {
	_, path := listenSyslog(t) // nobody reads
	s := newSyslogSink(path, "Keepalived_vrrp", "")
	defer s.Close()
	log := newLogger(slog.LevelInfo, s)
	const lines = 2 * logBacklog // and more than a socket buffer holds
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range lines {
			log.Info(strings.Repeat("x", 200))
		}
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the writer is blocked by a full log socket")
	}
	if lost := s.lost(); lost == 0 || lost >= lines {
		t.Errorf("%d lines counted as lost; some must have fitted, and not all", lost)
	}
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 10*logGrace {
		t.Errorf("closing took %v although nobody reads, grace is %v", took, logGrace)
	}
	log.Info("after the end") // must not panic
}

func TestABurstOfAllRoutersReachesALogDaemonThatIsSlow(t *testing.T) {
	conn, path := listenSyslog(t)
	s := newSyslogSink(path, "Keepalived_vrrp", "")
	defer s.Close()
	const lines = 4080 // a socket holds a few hundred at most
	for i := range lines {
		s.write(slog.LevelInfo, time.Now(), fmt.Sprintf("(VI_%d) Entering MASTER STATE", i))
	}
	for i := range lines {
		if got := readLine(t, conn); !strings.HasSuffix(got, fmt.Sprintf(": (VI_%d) Entering MASTER STATE", i)) {
			t.Fatalf("line %d is %q", i, got)
		}
	}
	if s.lost() != 0 {
		t.Errorf("%d lines lost", s.lost())
	}
}

func TestSyslogComesBackAfterTheLogDaemonRestarted(t *testing.T) {
	conn, path := listenSyslog(t)
	s := newSyslogSink(path, "Keepalived", "")
	defer s.Close()
	s.write(slog.LevelInfo, time.Now(), "one")
	readLine(t, conn)
	conn.Close()
	os.Remove(path)
	again, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	s.write(slog.LevelInfo, time.Now(), "two")
	if got := readLine(t, again); !strings.HasSuffix(got, "Keepalived["+got[strings.Index(got, "[")+1:strings.Index(got, "]")]+"]: two") {
		t.Errorf("got %q", got)
	}
}

func TestLogLinesStayOneLineAndCarryAttributes(t *testing.T) {
	var got []string
	log := newLogger(LevelDetail, recorder{&got})
	log.With("instance", "VI_1").Info("packet\nFeb 30 forged: line", "from", net.IPv4(192, 0, 2, 1), "why", "two words", "empty", "")
	want := `packet Feb 30 forged: line instance=VI_1 from=192.0.2.1 why="two words" empty=""`
	if len(got) != 1 || got[0] != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

type recorder struct{ lines *[]string }

func (r recorder) write(_ slog.Level, _ time.Time, line string) { *r.lines = append(*r.lines, line) }
func (recorder) Close() error                                   { return nil }

// stuck is a terminal whose reader has stopped.
type stuck struct{ block chan struct{} }

func (s stuck) Write(b []byte) (int, error) { <-s.block; return len(b), nil }

func TestAStuckTerminalLosesLinesButHoldsUpNobody(t *testing.T) {
	w := stuck{make(chan struct{})}
	s := newConsoleSink(w)
	for range logBacklog + 100 {
		s.write(slog.LevelInfo, time.Now(), "line")
	}
	// The first line is with the writer, logBacklog wait, the rest is lost.
	if lost := s.lost(); lost < 99 || lost > 100 {
		t.Errorf("%d lines lost, want 99 or 100", lost)
	}
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 10*logGrace {
		t.Errorf("closing took %v although nobody reads, grace is %v", took, logGrace)
	}
	close(w.block)
	s.done.Wait()
}

func TestLostLinesLeaveALineInTheirPlace(t *testing.T) {
	r, w := io.Pipe() // nothing is written before it is read
	s := newConsoleSink(w)
	const lost = 7
	for s.lost() < lost {
		s.write(slog.LevelInfo, time.Now(), "early")
	}
	in := bufio.NewScanner(r)
	for range 3 {
		in.Scan() // now two lines fit, perhaps three
	}
	s.write(slog.LevelInfo, time.Now(), "late")
	var last []string // the two that come after all the early ones
	for len(last) < 2 && in.Scan() {
		if !strings.HasSuffix(in.Text(), ": early") {
			last = append(last, in.Text())
		}
	}
	want := []string{": 7 log lines lost here: the log is not read fast enough", ": late"}
	for i := range want {
		if i >= len(last) || !strings.HasSuffix(last[i], want[i]) {
			t.Errorf("after the early lines: %q, want them to end in %q", last, want)
			break
		}
	}
	r.Close()
	s.Close()
	s.done.Wait()
}

func TestPidFileTellsASecondStartThatTheFirstIsAlive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "keepalived.pid")
	first, err := createPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := createPIDFile(path); !errors.Is(err, errRunning) {
		t.Errorf("second start: %v, want %v", err, errRunning)
	}
	first.remove()
	again, err := createPIDFile(path)
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	again.remove()
}
