package checkers

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Behaviours of a server over TCP. Each is the handler of one connection.

// over makes a handler the real server of a case.
func over(handle func(net.Conn)) func(*Place) {
	return func(p *Place) { p.serveTCP(handle) }
}

// hears is over for a handler that notes what it is told.
func hears(handle func(*Place, net.Conn)) func(*Place) {
	return func(p *Place) { p.serveTCP(func(c net.Conn) { handle(p, c) }) }
}

// request reads a request up to the empty line.
func request(c net.Conn) string {
	var b strings.Builder
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		b.WriteString(line)
		if err != nil || line == "\r\n" {
			return b.String()
		}
	}
}

// ok200 is a whole response.
func ok200(header, text string) string { return "HTTP/1.1 200 OK\r\n" + header + "\r\n" + text }

// silent keeps the connection open until the other side goes.
func silent(c net.Conn) { io.Copy(io.Discard, c) }

// closes says nothing at all.
func closes(net.Conn) {}

// resets ends with RST instead of FIN.
func resets(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	c.(*net.TCPConn).SetLinger(0)
}

// says sends text.
func says(text string) func(net.Conn) {
	return func(c net.Conn) { io.WriteString(c, text) }
}

// trickles sends text one octet at a time.
func trickles(text string, every time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		for i := range len(text) {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(every)
		}
	}
}

// floods sends text as fast as it is taken, until the other side goes.
func floods(text string) func(net.Conn) {
	text = strings.Repeat(text, 1+16<<10/len(text))
	return func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// dripsForEver sends text one octet at a time, again and again.
func dripsForEver(text string) func(net.Conn) {
	return func(c net.Conn) {
		for i := 0; ; i++ {
			if _, err := io.WriteString(c, text[i%len(text):][:1]); err != nil {
				return
			}
			time.Sleep(pause / 3)
		}
	}
}

// then does one thing after the other.
func then(parts ...func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		for _, do := range parts {
			do(c)
		}
	}
}

// asked reads the request first.
func asked(c net.Conn) { request(c) }

// hello reads what a client says first.
func hello(c net.Conn) { c.Read(make([]byte, 4096)) }

// waits until even a busy daemon has seen what came before.
func waits(net.Conn) { time.Sleep(settle) }

// lines answers with these, one after each line of the client; the first is the
// greeting.
func lines(all ...string) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewScanner(c)
		for i, line := range all {
			if i > 0 && !in.Scan() {
				return
			}
			fmt.Fprint(c, line)
		}
	}
}
