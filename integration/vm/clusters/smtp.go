package clusters

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// SMTPServer is a small mail server on port 25 of a node: relay and mailbox.
// It greets with the name of its node.
type SMTPServer struct {
	listener net.Listener
	conns    sync.WaitGroup

	mu    sync.Mutex
	open  map[net.Conn]bool
	helos []string
	mails []Mail
}

// Mail is a message that an SMTPServer took.
type Mail struct {
	From string   // envelope
	To   []string // envelope
	Text string   // header and body, lines end with LF
}

// Subject is the content of the Subject header.
func (m Mail) Subject() string {
	for line := range strings.Lines(m.Text) {
		if s, ok := strings.CutPrefix(line, "Subject: "); ok {
			return strings.TrimSpace(s)
		}
	}
	return ""
}

// ServeSMTP starts a mail server on every address of the node. It ends with
// the test or with Close.
func (n *Node) ServeSMTP(t *testing.T) *SMTPServer {
	t.Helper()
	s := &SMTPServer{open: map[net.Conn]bool{}}
	var err error
	n.In(func() { s.listener, err = net.Listen("tcp4", "0.0.0.0:25") })
	if err != nil {
		t.Fatalf("%s: %v", n.Name, err)
	}
	s.conns.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.note(func() { s.open[conn] = true })
			s.conns.Go(func() { s.serve(conn, n.Name) })
		}
	})
	t.Cleanup(s.Close)
	return s
}

// Close stops the server: connections end, new ones are refused.
func (s *SMTPServer) Close() {
	s.listener.Close()
	s.note(func() {
		for conn := range s.open {
			conn.Close()
		}
	})
	s.conns.Wait()
}

// Mails are the messages taken so far.
func (s *SMTPServer) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Helos are the names that clients gave so far.
func (s *SMTPServer) Helos() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.helos)
}

func (s *SMTPServer) note(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *SMTPServer) serve(conn net.Conn, name string) {
	defer s.note(func() { conn.Close(); delete(s.open, conn) })
	conn.SetDeadline(time.Now().Add(patience))
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
	say("220 %s ESMTP", name)
	var m Mail
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := strings.TrimSuffix(lines.Text(), "\r")
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "HELO", "EHLO":
			s.note(func() { s.helos = append(s.helos, rest) })
			say("250 %s", name)
		case "MAIL":
			m = Mail{From: rest}
			say("250 ok")
		case "RCPT":
			m.To = append(m.To, rest)
			say("250 ok")
		case "DATA":
			say("354 go on")
			for lines.Scan() && strings.TrimSuffix(lines.Text(), "\r") != "." {
				m.Text += strings.TrimSuffix(lines.Text(), "\r") + "\n"
			}
			s.note(func() { s.mails = append(s.mails, m) })
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}
