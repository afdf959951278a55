package clusters

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// toldConf has a real server of every kind of check behind one service, and two
// more services for the levels of smtp_alert. /var/log is the node's own.
const toldConf = `global_defs {
    script_user root
    router_id LB
    notification_email {
        ops@example.com
        night@example.com
    }
    notification_email_from lb@example.com
    smtp_server 10.9.0.5
    smtp_helo_name lb.example.com
    lvs_notify_fifo /var/log/lvs_fifo
    notify_fifo /var/log/all_fifo
    notify_fifo_script /etc/keepalived/reader.sh
}
track_file a {
    file /etc/keepalived/state/a
    weight 0
}
virtual_server 10.8.0.1 80 {
    delay_loop 1
    warmup 0
    retry 1
    delay_before_retry 0
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    smtp_alert
    snmp_name all-kinds
    real_server 10.9.0.11 8001 {
        TCP_CHECK {
            connect_timeout 20
        }
    }
    real_server 10.9.0.11 8002 {
        HTTP_GET {
            url {
                path /
                status_code 200
            }
            connect_timeout 20
            nb_get_retry 1
            delay_before_retry 0
        }
    }
    real_server 10.9.0.11 8003 {
        snmp_name refused
        HTTP_GET {
            url {
                path /
            }
            connect_timeout 20
        }
    }
    real_server 10.9.0.11 8009 {
        HTTP_GET {
            connect_port 8002
            url {
                path /page
                digest 9fba564e229a2c83496c7ee12d96bb64
            }
            connect_timeout 20
        }
    }
    real_server 10.9.0.11 8010 {
        HTTP_GET {
            connect_port 8002
            url {
                path /page
                regex fine
            }
            connect_timeout 20
        }
    }
    real_server 10.9.0.11 8011 {
        SSL_GET {
            connect_port 8443
            url {
                path /
            }
            connect_timeout 20
        }
    }
    real_server 10.9.0.11 25 {
        SMTP_CHECK {
            connect_timeout 20
        }
    }
    real_server 10.9.0.11 8004 {
        MISC_CHECK {
            misc_path "/etc/keepalived/check.sh"
            misc_timeout 60
            retry 0
        }
    }
    real_server 10.9.0.11 8005 {
        FILE_CHECK {
            track_file a
        }
    }
    real_server 10.9.0.11 8006 {
        UDP_CHECK {
            require_reply
            connect_timeout 5
        }
    }
    real_server 10.9.0.13 8007 {
        PING_CHECK {
            connect_timeout 5
        }
    }
    real_server 10.9.0.11 8053 {
        DNS_CHECK {
            type TXT
            name health.load.balance
            connect_timeout 20
            retry 1
            delay_before_retry 1
        }
    }
}
virtual_server 10.8.0.2 80 {
    delay_loop 1
    warmup 0
    retry 0
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    quorum 2
    real_server 10.9.0.11 8001 {
        smtp_alert
        weight 3
        TCP_CHECK {
            connect_timeout 20
        }
    }
}
virtual_server 10.8.0.3 80 {
    delay_loop 1
    warmup 0
    retry 0
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    smtp_alert
    real_server 10.9.0.11 8001 {
        smtp_alert off
        TCP_CHECK {
            connect_timeout 20
        }
    }
}
`

// hearer is one side: a director, its servers, and what it tells.
type hearer struct {
	*twin
	servers *Node
	mailbox *SMTPServer
	port    *Port
	refused *Port
	relay   *SMTPServer
	busy    atomic.Bool // the web server has no time
	udp     []*datagrams

	mu    sync.Mutex
	lines []string // of lvs_notify_fifo
}

func newHearer(t *testing.T, w *twin) *hearer {
	t.Helper()
	h := &hearer{twin: w, servers: w.lan.Node(t, "servers", "10.9.0.11/24", "10.9.0.13/24")}
	h.mailbox = w.lan.Node(t, "mx", "10.9.0.5/24").ServeSMTP(t)
	h.servers.Sysctl(t, "net.ipv4.icmp_ratelimit=0") // each datagram to a closed port wants its answer
	h.port = h.servers.Listen(t, "10.9.0.11:8001")
	h.refused = h.servers.Listen(t, "10.9.0.11:8003")
	var web, plain net.Listener
	var err error
	h.servers.In(func() {
		if web, err = net.Listen("tcp4", "10.9.0.11:8002"); err == nil {
			plain, err = net.Listen("tcp4", "10.9.0.11:8443")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch busy := h.busy.Load(); {
		case r.URL.Path == "/page" && busy:
			io.WriteString(w, "busy\n")
		case r.URL.Path == "/page":
			io.WriteString(w, "fine\n")
		case busy:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	certificate, key := selfSigned(t, "servers")
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	secure := tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{pair}})
	var served sync.WaitGroup
	for _, l := range []net.Listener{web, secure} {
		served.Go(func() { server.Serve(l) })
	}
	t.Cleanup(func() {
		server.Close()
		served.Wait()
	})
	h.relay = h.servers.ServeSMTP(t)
	for _, addr := range []string{"10.9.0.11:8006", "10.9.0.11:8053"} {
		d := &datagrams{node: h.servers, addr: addr}
		d.open(t)
		t.Cleanup(d.close)
		h.udp = append(h.udp, d)
	}
	w.node.File(t, "keepalived/state/a", "0\n", 0o644)
	w.node.File(t, "keepalived/state/m", "0\n", 0o644)
	w.node.File(t, "keepalived/check.sh", "#!/bin/sh\nread code </etc/keepalived/state/m\nexit $code\n", 0o755)
	w.node.File(t, "keepalived/reader.sh", "#!/bin/sh\nexec cat \"$1\" >>/var/log/all\n", 0o755)
	return h
}

// datagrams is a UDP port that answers as a name server without a word.
type datagrams struct {
	node *Node
	addr string
	conn net.PacketConn
	done chan struct{}
}

func (d *datagrams) open(t *testing.T) {
	t.Helper()
	var err error
	d.node.In(func() { d.conn, err = net.ListenPacket("udp4", d.addr) })
	if err != nil {
		t.Fatal(err)
	}
	d.done = make(chan struct{})
	go func() {
		defer close(d.done)
		for buf := make([]byte, 512); ; {
			n, from, err := d.conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if n > 2 {
				buf[2] |= 0x80 // the query becomes its answer
				d.conn.WriteTo(buf[:n], from)
			}
		}
	}()
}

func (d *datagrams) close() {
	d.conn.Close()
	<-d.done
}

// die makes every check fail, live makes it pass again.
func (h *hearer) die(t *testing.T) {
	h.port.Close()
	h.refused.Close()
	h.busy.Store(true)
	h.relay.Close()
	for _, d := range h.udp {
		d.close()
	}
	batch(t, h.servers.ns, "addr del 10.9.0.13/24 dev eth0")
	h.node.File(t, "keepalived/state/a", "1\n", 0o644)
	h.node.File(t, "keepalived/state/m", "1\n", 0o644)
}

func (h *hearer) live(t *testing.T, whole *testing.T) {
	h.port.Open(t)
	h.refused.Open(t)
	h.busy.Store(false)
	h.relay = h.servers.ServeSMTP(whole)
	for _, d := range h.udp {
		d.open(t)
	}
	batch(t, h.servers.ns, "addr add 10.9.0.13/24 dev eth0")
	h.node.File(t, "keepalived/state/a", "0\n", 0o644)
	h.node.File(t, "keepalived/state/m", "0\n", 0o644)
}

// listen reads the pipe of lvs_notify_fifo until the daemon closes it.
func (h *hearer) listen(t *testing.T) {
	t.Helper()
	path := filepath.Join(h.node.LogDir(), "lvs_fifo")
	Eventually(t, patience, h.program+" has made its pipe", func() (string, bool) {
		_, err := os.Stat(path)
		return "", err == nil
	})
	pipe, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for in := bufio.NewScanner(pipe); in.Scan(); {
			h.mu.Lock()
			h.lines = append(h.lines, in.Text())
			h.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		h.director.Kill(t)
		pipe.SetDeadline(time.Now())
		<-done
		pipe.Close()
	})
}

// told is all that was told until now, sorted: "lvs" lines of lvs_notify_fifo,
// "all" lines that notify_fifo_script read, and mails.
func (h *hearer) told() []string {
	var list []string
	h.mu.Lock()
	for _, line := range h.lines {
		list = append(list, "lvs "+line)
	}
	h.mu.Unlock()
	all, _ := os.ReadFile(filepath.Join(h.node.LogDir(), "all"))
	for line := range strings.Lines(string(all)) {
		list = append(list, "all "+strings.TrimSpace(line))
	}
	for _, m := range h.mailbox.Mails() {
		list = append(list, "mail "+m.short())
	}
	slices.Sort(list)
	return list
}

// short is the subject and the body of a mail, or all of it if the rest is not
// as it has to be. keepalived's To is one line, ours is folded.
func (m Mail) short() string {
	text := strings.ReplaceAll(m.Text, "\n ", " ")
	date, rest, _ := strings.Cut(text, "\n")
	head, body, _ := strings.Cut(rest, "\n\n")
	want := "From: lb@example.com\nSubject: " + m.Subject() + "\nX-Mailer: Keepalived\nTo: ops@example.com, night@example.com"
	envelope := fmt.Sprint(m.From, m.To)
	if head != want || !strings.HasPrefix(date, "Date: ") || envelope != "FROM:<lb@example.com>[TO:<ops@example.com> TO:<night@example.com>]" {
		return fmt.Sprintf("%s %q", envelope, m.Text)
	}
	return m.Subject() + " " + strings.TrimSpace(body)
}

// toldSteps is testdata/told.txt: for each step what both tell, or one of them.
func toldSteps(t *testing.T) map[string][2][]string {
	t.Helper()
	text, err := testdata.ReadFile("testdata/told.txt")
	if err != nil {
		t.Fatal(err)
	}
	steps := map[string][2][]string{}
	name := ""
	for row := range strings.Lines(string(text)) {
		row = strings.TrimSpace(row)
		who, words, _ := strings.Cut(row, " ")
		lists := steps[name]
		switch who {
		case "==":
			name = words
			lists = [2][]string{}
		case "both":
			lists[0], lists[1] = append(lists[0], words), append(lists[1], words)
		case "keepalived":
			lists[0] = append(lists[0], words)
		case "holdfast":
			lists[1] = append(lists[1], words)
		}
		steps[name] = lists
	}
	for _, lists := range steps {
		slices.Sort(lists[0])
		slices.Sort(lists[1])
	}
	return steps
}

// record is what both told, as testdata/told.txt has it.
func record(now [2][]string) string {
	var b strings.Builder
	both := minus(now[0], minus(now[0], now[1]))
	for _, line := range both {
		b.WriteString("both " + line + "\n")
	}
	for i, who := range []string{"keepalived", "holdfast"} {
		for _, line := range minus(now[i], both) {
			b.WriteString(who + " " + line + "\n")
		}
	}
	return b.String()
}

// TestFIFOsAndMailOfServersAreThoseOfKeepalived: the lines and the mails of both
// daemons, step by step, are those of testdata/told.txt.
func TestFIFOsAndMailOfServersAreThoseOfKeepalived(t *testing.T) {
	whole, wants := t, toldSteps(t)
	var both [2]*hearer
	for i, w := range twins(t, "told") {
		both[i] = newHearer(t, w)
		w.director = w.node.StartProgram(t, w.program, toldConf)
	}
	for _, h := range both {
		h.listen(t)
	}
	before := [2][]string{}
	step := func(name string, do func(t *testing.T)) {
		phase(t, name, func(t *testing.T) {
			do(t)
			want, now, still := wants[name], [2][]string{}, 0
			for began := time.Now(); still < 20 && time.Since(began) < patience; time.Sleep(pause) {
				still++
				for i, h := range both {
					if now[i] = minus(h.told(), before[i]); !slices.Equal(now[i], want[i]) {
						still = 0
					}
				}
			}
			if still < 20 {
				t.Errorf("told is (-want +got):\n%s\nor, all of it,\n%s", cmp.Diff(record(want), record(now)), record(now))
			}
			for i, h := range both {
				before[i] = h.told()
			}
		})
	}
	each := func(do func(h *hearer)) {
		for _, h := range both {
			do(h)
		}
	}
	step("start", func(*testing.T) {})
	step("all die", func(t *testing.T) { each(func(h *hearer) { h.die(t) }) })
	step("all live", func(t *testing.T) { each(func(h *hearer) { h.live(t, whole) }) })
	step("two services are removed", func(t *testing.T) {
		first, _, _ := strings.Cut(toldConf, "virtual_server 10.8.0.2")
		each(func(h *hearer) { h.director.Reload(t, first) })
	})
	step("stop", func(t *testing.T) { each(func(h *hearer) { h.director.Stop(t) }) })
}

// minus is a without what b has, both sorted.
func minus(a, b []string) []string {
	var rest []string
	for _, line := range a {
		for len(b) > 0 && b[0] < line {
			b = b[1:]
		}
		if len(b) > 0 && b[0] == line {
			b = b[1:]
			continue
		}
		rest = append(rest, line)
	}
	return rest
}
