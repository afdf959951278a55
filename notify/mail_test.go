package notify

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/event"
)

func TestMailTexts(t *testing.T) { // subjects and bodies as keepalived writes them
	vrrp := func(m Mail, ok bool) func() (Mail, bool) { return func() (Mail, bool) { return m, ok } }
	lvs := func(m Mail) func() (Mail, bool) { return vrrp(m, true) }
	tests := map[string]struct {
		mail          func() (Mail, bool)
		subject, body string
	}{
		"instance master":              {vrrp(InstanceMail("L1", "VI_1", Master)), "[L1] VRRP Instance VI_1 - Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="},
		"instance backup":              {vrrp(InstanceMail("L1", "VI_1", Backup)), "[L1] VRRP Instance VI_1 - Entering BACKUP state", "=> VRRP Instance is no longer owning VRRP VIPs <="},
		"instance fault":               {vrrp(InstanceMail("L1", "VI_1", Fault)), "[L1] VRRP Instance VI_1 - Entering FAULT state", "=> VRRP Instance is no longer owning VRRP VIPs <="},
		"instance stop":                {vrrp(InstanceMail("L1", "VI_1", Stop)), "[L1] VRRP Instance VI_1 - Stopping", "=> VRRP Instance stopping <="},
		"instance deleted":             {vrrp(InstanceMail("L1", "VI_1", Deleted)), "[L1] VRRP Instance VI_1 - Deleted", "=> VRRP Deleted at reload <="},
		"no mail for a lower priority": {vrrp(InstanceMail("L1", "VI_1", MasterRxLowerPri)), "", ""},
		"group fault":                  {vrrp(GroupMail("L1", "G1", Fault)), "[L1] VRRP Group G1 - Entering FAULT state", "=> All VRRP group instances are now in FAULT state <="},
		"group stop":                   {vrrp(GroupMail("L1", "G1", Stop)), "[L1] VRRP Group G1 - Stopping", "=> All VRRP group instances are now stopping <="},
		"a group is not deleted":       {vrrp(GroupMail("L1", "G1", Deleted)), "", ""},
		"real server": {lvs(RealServerMail("L1", "[10.0.0.11]:tcp:80", "[192.0.2.1]:tcp:80", false, "TCP CHECK failed on service")),
			"[L1] Realserver [10.0.0.11]:tcp:80 of virtual server [192.0.2.1]:tcp:80 - DOWN", "=> TCP CHECK failed on service <="},
		"virtual server": {lvs(VirtualServerMail("L1", "FWM 5", true, "Gained quorum 1+0=1 <= 2")),
			"[L1] Virtualserver FWM 5 - UP", "=> Gained quorum 1+0=1 <= 2 <="},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, ok := tt.mail()
			if ok != (tt.subject != "") || m.Subject != tt.subject || m.Body != tt.body {
				t.Errorf("got %t %q %q", ok, m.Subject, m.Body)
			}
		})
	}
}

func TestMailbox(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"plain":               {"a@ex.org", "a@ex.org"},
		"display name":        {"Bob <b@y.org>", "b@y.org"},
		"quoted display name": {`"Bob <x>" <b@y.org>`, "b@y.org"},
		"brackets only":       {"<b@y.org>", "b@y.org"},
		"never closed":        {"Bob <b@y.org", "Bob <b@y.org"},
		"no second command":   {"a@ex.org>\r\nRCPT TO:<eve@ex.org", "a@ex.org>  RCPT TO:<eve@ex.org"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := mailbox(tt.in); got != tt.want || strings.ContainsAny(got, "\r\n") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// relay is an SMTP server in memory. It answers each command with what replies
// has for its first word, or as a good server does; "stall" answers nothing,
// "hangup" closes the connection.
type relay struct {
	replies map[string]string
	lines   []string // what the client said
	conns   int
}

func (r *relay) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	r.conns++
	go r.serve(server)
	return client, nil
}

func (r *relay) reply(word, good string) string {
	if s, ok := r.replies[word]; ok {
		return s
	}
	return good
}

func (r *relay) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	send := func(s string) bool {
		if s == "stall" {
			_, _ = in.ReadByte() // until the client goes
			return false
		}
		if s == "hangup" {
			return false
		}
		_, err := fmt.Fprintf(conn, "%s\r\n", s)
		return err == nil
	}
	if !send(r.reply("", "220-hello\r\n220 ready")) {
		return
	}
	data := false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		r.lines = append(r.lines, line)
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		good := "250 ok"
		switch {
		case data && word != ".":
			continue
		case data:
			data = false
		case word == "DATA":
			good = "354 go on"
			data = r.reply(word, good) == good
		case word == "QUIT":
			good = "221 bye"
		}
		if !send(r.reply(word, good)) || word == "QUIT" {
			return
		}
	}
}

func mailConfig() MailConfig {
	return MailConfig{Server: "192.0.2.25:25", Helo: "me.ex.org", From: "Keep <ka@ex.org>", To: []string{"a@ex.org", "Bob <b@ex.org>"}}
}

func masterMail() Mail { m, _ := InstanceMail("L1", "VI_1", Master); return m }

func TestTheWholeDialogue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fs := &relay{}, &facts{}
		m := NewMailer(mailConfig(), r.dial, fs.publish)
		m.Send(masterMail())
		if err := m.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"HELO me.ex.org\r\n", "MAIL FROM:<ka@ex.org>\r\n", "RCPT TO:<a@ex.org>\r\n", "RCPT TO:<b@ex.org>\r\n", "DATA\r\n",
			"Date: " + time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Local().Format("Mon, 02 Jan 2006 15:04:05 -0700") + "\r\n", // the bubble's clock
			"From: Keep <ka@ex.org>\r\n",
			"Subject: [L1] VRRP Instance VI_1 - Entering MASTER state\r\n",
			"X-Mailer: Keepalived\r\n",
			"To: a@ex.org,\r\n", " Bob <b@ex.org>\r\n",
			"\r\n", "=> VRRP Instance is now owning VRRP VIPs <=\r\n", "\r\n", ".\r\n",
			"QUIT\r\n",
		}
		if d := cmp.Diff(want, r.lines); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		var texts []string
		for _, f := range fs.list {
			texts = append(texts, fmt.Sprintf("%v %s", f.Verbose, f.Text))
		}
		wantTexts := []string{"true Remote SMTP server [192.0.2.25]:25 connected.", "true SMTP alert successfully sent."}
		if d := cmp.Diff(wantTexts, texts); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

func TestWhateverTheRelayDoesTheMailIsGivenUpInTime(t *testing.T) {
	tests := map[string]struct {
		replies map[string]string
		sent    bool
		took    time.Duration
		says    string
	}{
		"stalls before the greeting":                {map[string]string{"": "stall"}, false, 30 * time.Second, "greeting: read pipe: i/o timeout"},
		"stalls in the middle":                      {map[string]string{"RCPT": "stall"}, false, 30 * time.Second, "RCPT TO:<a@ex.org>: read pipe: i/o timeout"},
		"stalls after the message":                  {map[string]string{".": "stall"}, false, 30 * time.Second, "message: read pipe: i/o timeout"},
		"refuses the sender":                        {map[string]string{"MAIL": "550 who"}, false, 0, `MAIL FROM:<ka@ex.org>: 550 "who"`},
		"forwards for a recipient":                  {map[string]string{"RCPT": "251 will forward"}, true, 0, ""},
		"refuses a recipient":                       {map[string]string{"RCPT": "550 unknown"}, false, 0, `RCPT TO:<a@ex.org>: 550 "unknown"`},
		"answers DATA as if it had the message":     {map[string]string{"DATA": "250 ok"}, false, 0, `DATA: 250 "ok"`},
		"answers HELO in several lines":             {map[string]string{"HELO": "250-me\r\n250 hello"}, true, 0, ""},
		"hangs up":                                  {map[string]string{"MAIL": "hangup"}, false, 0, "MAIL FROM:<ka@ex.org>: EOF"},
		"refuses the message":                       {map[string]string{".": "554 spam"}, false, 0, `message: 554 "spam"`},
		"speaks another protocol, as if it went on": {map[string]string{"": "SSH-2.0-x"}, false, 30 * time.Second, "greeting: "},
		"speaks another protocol":                   {map[string]string{"": "HTTP/1.1 400 Bad Request"}, false, 0, "greeting: "},
		"is too busy":                               {map[string]string{"": "421 later"}, false, 0, `greeting: 421 "later"`},
		"never ends a line":                         {map[string]string{"HELO": strings.Repeat("x", 200000)}, false, 0, "HELO me.ex.org: "},
		"stalls at QUIT: taken anyway":              {map[string]string{"QUIT": "stall"}, true, 30 * time.Second, ""},
		"QUIT refused: taken all the same":          {map[string]string{"QUIT": "500 no"}, true, 0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, fs := &relay{replies: tt.replies}, &facts{}
				m := NewMailer(mailConfig(), r.dial, fs.publish)
				start := time.Now()
				m.Send(masterMail())
				if err := m.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				last := fs.list[len(fs.list)-1]
				if (last.Type == event.MailSent) != tt.sent || !strings.Contains(last.Text, tt.says) {
					t.Errorf("last fact %v, want %q", last, tt.says)
				}
			})
		})
	}
}

func TestMailsAreSentInOrderAndSendNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fs := &relay{replies: map[string]string{"": "stall"}}, &facts{}
		m := NewMailer(mailConfig(), r.dial, fs.publish)
		start := time.Now()
		for i := range 300 {
			m.Send(VirtualServerMail("L1", fmt.Sprint(i), true, "x"))
			if i == 0 {
				synctest.Wait() // the first is in the hands of the stalled relay
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("300 mails took %v of virtual time", took)
		}
		synctest.Wait()
		if n := len(fs.lines()) - 1; n != 43 { // 299 wait, 256 may; 1 fact is about the connection
			t.Errorf("%d given up, want 43", n)
		}
		r.replies = nil // from the next session on
		if err := m.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		var sent []string
		for _, f := range fs.list {
			if f.Type == event.MailSent {
				sent = append(sent, f.Name)
			}
		}
		if len(sent) != 256 || sent[0] != "44" || sent[255] != "299" {
			t.Errorf("%d sent, from %q", len(sent), sent[:min(3, len(sent))])
		}
	})
}

func TestWhatIsNotMailed(t *testing.T) {
	state := func(name, s string) Mail { m, _ := InstanceMail("L1", name, s); return m }
	rs := RealServerMail("L1", "rs", "vs", false, "x")
	tests := map[string]struct {
		config func(*MailConfig)
		mails  []Mail
		sent   []string
	}{
		"the same state again":            {nil, []Mail{state("a", Backup), state("a", Backup), state("b", Backup)}, []string{"a BACKUP", "b BACKUP"}},
		"real servers may repeat":         {nil, []Mail{rs, rs}, []string{"rs of vs DOWN", "rs of vs DOWN"}},
		"FAULT with no_email_faults":      {func(c *MailConfig) { c.NoFaults = true }, []Mail{state("a", Backup), state("a", Fault), state("a", Backup)}, []string{"a BACKUP"}},
		"FAULT without it":                {nil, []Mail{state("a", Backup), state("a", Fault)}, []string{"a BACKUP", "a FAULT"}},
		"without smtp_server nothing":     {func(c *MailConfig) { c.Server = "" }, []Mail{state("a", Backup)}, nil},
		"without a recipient nothing too": {func(c *MailConfig) { c.To = nil }, []Mail{state("a", Backup)}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, fs := &relay{}, &facts{}
				c := mailConfig()
				if tt.config != nil {
					tt.config(&c)
				}
				m := NewMailer(MailConfig{}, r.dial, fs.publish)
				m.Configure(c)
				for _, mail := range tt.mails {
					m.Send(mail)
				}
				if err := m.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				m.Send(state("z", Master)) // too late
				var sent []string
				for _, f := range fs.list {
					if f.Type == event.MailSent {
						sent = append(sent, f.Name+" "+f.To)
					}
				}
				if !slices.Equal(sent, tt.sent) || r.conns != len(tt.sent) {
					t.Errorf("sent %q in %d sessions, want %q", sent, r.conns, tt.sent)
				}
			})
		})
	}
}

func TestCloseBreaksOffAtItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fs := &relay{replies: map[string]string{"": "stall"}}, &facts{}
		m := NewMailer(mailConfig(), r.dial, fs.publish)
		m.Send(masterMail())
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		start := time.Now()
		if err := m.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close says %v", err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v, want 2s", took)
		}
		want := "SMTP alert not sent: SMTP server [192.0.2.25]:25: greeting: io: read/write on closed pipe"
		if last := fs.list[len(fs.list)-1]; last.Type != event.MailFailed || last.Text != want {
			t.Errorf("last fact %q, want %q", last.Text, want)
		}
	})
}

func TestARelayThatCannotBeReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := &facts{}
		m := NewMailer(mailConfig(), func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no route to host")
		}, fs.publish)
		m.Send(masterMail())
		if err := m.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(fs.list) != 1 || fs.list[0].Text != "SMTP alert not sent: connect to 192.0.2.25:25: no route to host" {
			t.Errorf("facts %v", fs.list)
		}
	})
}

// A real socket, so that the dialer and deadlines of TCP are seen once.
func TestOneMailOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, served := &relay{}, make(chan struct{})
	go func() {
		defer close(served)
		if conn, err := l.Accept(); err == nil {
			r.serve(conn)
		}
	}()
	c, fs := mailConfig(), &facts{}
	c.Server = l.Addr().String()
	m := NewMailer(c, nil, fs.publish)
	m.Send(masterMail())
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-served
	if len(r.lines) != 16 || fs.list[len(fs.list)-1].Type != event.MailSent {
		t.Errorf("facts %v, lines %q", fs.list, r.lines)
	}
}

// Whatever a relay answers, the session ends with a result.
func FuzzRelayAnswers(f *testing.F) {
	const good = "220 hi\r\n250 a\r\n250 b\r\n250 c\r\n250 d\r\n354 e\r\n250 f\r\n221 g\r\n"
	f.Add([]byte(good))
	f.Add([]byte("220-\r\n220-\r\n"))
	f.Add([]byte("\x00\xff-\n"))
	f.Fuzz(func(t *testing.T, answers []byte) {
		conn := struct {
			io.Reader
			io.WriteCloser
		}{bytes.NewReader(answers), discard{}}
		err := transact(textproto.NewConn(conn), mailConfig(), masterMail())
		if string(answers) == good && err != nil {
			t.Error(err)
		}
		if len(answers) < len("220\n250\n250\n250\n250\n354\n250\n") && err == nil {
			t.Errorf("%q counts as sent", answers)
		}
	})
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Close() error                { return nil }
