package clusters

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dial connects from the node; every connection has a source port of its own.
func (n *Node) dial(network, addr string, limit time.Duration) (conn net.Conn, err error) {
	n.In(func() { conn, err = net.DialTimeout(network, addr, limit) })
	return conn, err
}

// Get fetches a page from the node over a new connection and returns its
// content. Certificates are not verified.
func (n *Node) Get(url string, limit time.Duration) (string, error) {
	client := http.Client{Timeout: limit, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			return n.dial(network, addr, limit)
		},
	}}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return strings.TrimSpace(string(body)), err
}

// Banner is the name in the greeting of a mail server: "220 NAME ESMTP".
func (n *Node) Banner(addr string, limit time.Duration) (string, error) {
	conn, err := n.dial("tcp4", addr, limit)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "", err
	}
	fmt.Fprint(conn, "QUIT\r\n")
	name, ok := strings.CutPrefix(line, "220 ")
	if !ok {
		return "", fmt.Errorf("greeting %q", line)
	}
	name, _, _ = strings.Cut(name, " ")
	return name, nil
}

// AskTXT asks a name server for the TXT record health.load.balance. from a new
// source port. Network is udp4 or tcp4.
func (n *Node) AskTXT(network, addr string, limit time.Duration) (string, error) {
	query := dnsmessage.Message{
		Header: dnsmessage.Header{ID: 4711},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("health.load.balance."),
			Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET}},
	}
	packet, err := query.Pack()
	if err != nil {
		return "", err
	}
	conn, err := n.dial(network, addr, limit)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	answer, err := exchange(conn, network, packet)
	if err != nil {
		return "", err
	}
	var m dnsmessage.Message
	if err := m.Unpack(answer); err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	for _, a := range m.Answers {
		if txt, ok := a.Body.(*dnsmessage.TXTResource); ok {
			return strings.Join(txt.TXT, ""), nil
		}
	}
	return "", fmt.Errorf("answer without TXT, rcode %v", m.RCode)
}

// exchange sends a query and reads the answer; over TCP both have their length
// in front (RFC 1035 section 4.2.2).
func exchange(conn net.Conn, network string, packet []byte) ([]byte, error) {
	if strings.HasPrefix(network, "udp") {
		if _, err := conn.Write(packet); err != nil {
			return nil, err
		}
		answer := make([]byte, 512)
		n, err := conn.Read(answer)
		return answer[:n], err
	}
	if _, err := conn.Write(append([]byte{byte(len(packet) >> 8), byte(len(packet))}, packet...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, int(length[0])<<8|int(length[1]))
	_, err := io.ReadFull(conn, answer)
	return answer, err
}

// Series is what a client saw that asked again and again: "" for a request
// that failed.
type Series struct {
	mu      sync.Mutex
	answers []string
	cancel  context.CancelFunc
	done    chan struct{}
}

// Repeat calls ask until Stop, with a short rest after each.
func Repeat(t *testing.T, ask func() (string, error)) *Series {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Series{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for ctx.Err() == nil {
			answer, err := ask()
			if err != nil {
				answer = ""
			}
			s.mu.Lock()
			s.answers = append(s.answers, answer)
			s.mu.Unlock()
			time.Sleep(pause)
		}
	}()
	t.Cleanup(func() { s.Stop() })
	return s
}

// Answers is what was seen until now.
func (s *Series) Answers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.answers...)
}

// Stop ends the series and returns it.
func (s *Series) Stop() []string {
	s.cancel()
	<-s.done
	return s.Answers()
}

// Pauses are the lengths of the runs of failed requests.
func Pauses(answers []string) []int {
	var runs []int
	for i, a := range answers {
		switch {
		case a != "":
		case i > 0 && answers[i-1] == "":
			runs[len(runs)-1]++
		default:
			runs = append(runs, 1)
		}
	}
	return runs
}
