package notify

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"sync"
	"time"

	"holdfast/internal/event"
)

// Limits of alert mails.
const (
	DefaultSMTPTimeout = 30 * time.Second // keyword smtp_connect_timeout
	DefaultSMTPPort    = "25"
	MailBound          = 256      // mails that wait; then the oldest is given up
	replyLimit         = 64 << 10 // octets read from the relay in one session
)

// MailConfig says where alerts go.
type MailConfig struct {
	Server   string        // host:port of the relay; "" sends nothing (smtp_server has no default)
	Helo     string        // name in HELO (smtp_helo_name); "": localhost
	From     string        // notification_email_from
	To       []string      // notification_email; empty sends nothing
	Timeout  time.Duration // for the whole session; 0: DefaultSMTPTimeout
	NoFaults bool          // no_email_faults: FAULT is not mailed
}

// enabled reports whether alerts can be sent at all.
func (c MailConfig) enabled() bool { return c.Server != "" && len(c.To) > 0 }

// DialFunc connects to the relay.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Mailer sends alerts one after the other, in the order of Send. A mail that the
// relay does not take is given up: an alert that comes hours later, after its
// contrary, does harm.
type Mailer struct {
	dial    DialFunc
	publish func(event.Fact)
	ctx     context.Context
	stop    context.CancelFunc
	wake    chan struct{}
	done    chan struct{}

	mu      sync.Mutex // guards what follows; never held while anything is sent
	config  MailConfig
	waiting []Mail
	last    map[Object]string // state last mailed, of instances and groups
	closed  bool
}

// NewMailer returns a mailer at work. dial nil means TCP; publish must not block.
func NewMailer(c MailConfig, dial DialFunc, publish func(event.Fact)) *Mailer {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &Mailer{
		dial: dial, publish: publish, ctx: ctx, stop: stop, config: c,
		wake: make(chan struct{}, 1), done: make(chan struct{}), last: map[Object]string{},
	}
	go m.work()
	return m
}

// Configure replaces where alerts go, from the next one on.
func (m *Mailer) Configure(c MailConfig) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.config = c
}

// Send takes a mail and returns at once. It is dropped in silence when no relay
// or recipient is configured, when the last mail about the same instance or group
// said the same state, and for FAULT with no_email_faults. Each checker of a real
// server mails for itself, so those may repeat.
func (m *Mailer) Send(mail Mail) {
	var lost *Mail
	m.mu.Lock()
	switch {
	case m.closed, !m.config.enabled(), m.repeats(mail), mail.State == Fault && m.config.NoFaults:
	default:
		if mail.ofVRRP() {
			m.last[mail.Object] = mail.State
		}
		m.waiting = append(m.waiting, mail)
		if len(m.waiting) > MailBound {
			l := m.waiting[0]
			lost = &l
			m.waiting = append([]Mail(nil), m.waiting[1:]...)
		}
		m.signal()
	}
	m.mu.Unlock()
	if lost != nil {
		m.publish(mailFact(*lost, event.MailFailed, "queue-full", "SMTP alert given up: too many wait", ""))
	}
}

// repeats reports whether mail says what the last one about its object said.
func (m *Mailer) repeats(mail Mail) bool {
	return mail.ofVRRP() && m.last[mail.Object] == mail.State
}

// ofVRRP tells the objects whose states are remembered: there are few of them,
// while real servers come and go with reloads.
func (m Mail) ofVRRP() bool {
	return m.Object.Kind == event.Instance || m.Object.Kind == event.Group
}

// signal wakes the worker. m.mu is held.
func (m *Mailer) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Close takes no further mails and waits until all that wait are sent, or until
// ctx ends; then the session in progress is broken off and the rest given up.
func (m *Mailer) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	m.signal()
	m.mu.Unlock()
	defer m.stop()
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
	}
	m.mu.Lock()
	n := len(m.waiting)
	m.mu.Unlock()
	m.stop()
	<-m.done
	return fmt.Errorf("send SMTP alerts: broken off with %d waiting: %w", n, context.Cause(ctx))
}

func (m *Mailer) work() {
	defer close(m.done)
	for range m.wake {
		for {
			mail, config, ok := m.next()
			if !ok {
				break
			}
			m.deliver(config, mail)
		}
		m.mu.Lock()
		end := m.closed && len(m.waiting) == 0
		m.mu.Unlock()
		if end {
			return
		}
	}
}

func (m *Mailer) next() (Mail, MailConfig, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.waiting) == 0 {
		return Mail{}, MailConfig{}, false
	}
	mail := m.waiting[0]
	m.waiting = m.waiting[1:]
	return mail, m.config, true
}

// deliver sends one mail and publishes how that went.
func (m *Mailer) deliver(c MailConfig, mail Mail) {
	if c.Timeout <= 0 {
		c.Timeout = DefaultSMTPTimeout
	}
	ctx, cancel := context.WithTimeout(m.ctx, c.Timeout)
	defer cancel()
	err := m.session(ctx, c, mail)
	if err != nil {
		m.publish(mailFact(mail, event.MailFailed, "not-sent", "SMTP alert not sent: "+err.Error(), "it is not tried again"))
		return
	}
	f := mailFact(mail, event.MailSent, "sent", "SMTP alert successfully sent.", "")
	f.Verbose = true
	m.publish(f)
}

// session is one mail from connect to QUIT. The connection's deadline is that of
// ctx, so a relay that stalls at any point costs the time limit and no more.
func (m *Mailer) session(ctx context.Context, c MailConfig, mail Mail) error {
	conn, err := m.dial(ctx, "tcp", c.Server)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", c.Server, err)
	}
	defer conn.Close()
	// Breaks off reads and writes when Close's limit ends before the deadline.
	// Not ctx: its end is the deadline, and would race it for the error message.
	defer context.AfterFunc(m.ctx, func() { conn.Close() })()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("connect to %s: %w", c.Server, err)
		}
	}
	host, port, err := net.SplitHostPort(c.Server)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", c.Server, err)
	}
	f := mailFact(mail, event.MailReported, "connected", fmt.Sprintf("Remote SMTP server [%s]:%s connected.", host, port), "")
	f.Verbose = true
	m.publish(f)
	limited := struct {
		io.Reader
		io.WriteCloser
	}{io.LimitReader(conn, replyLimit), conn}
	if err := transact(textproto.NewConn(limited), c, mail); err != nil {
		return fmt.Errorf("SMTP server [%s]:%s: %w", host, port, err)
	}
	return nil
}

// transact speaks SMTP (RFC 5321 section 4.1) as keepalived does: HELO, MAIL
// FROM, RCPT TO for each recipient, DATA, QUIT. What the relay says to QUIT does
// not matter: it has taken the mail over.
func transact(t *textproto.Conn, c MailConfig, mail Mail) error {
	if _, _, err := t.ReadResponse(220); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	helo := oneLine(c.Helo)
	if helo == "" {
		helo = "localhost"
	}
	for _, command := range []string{"HELO " + helo, "MAIL FROM:<" + mailbox(c.From) + ">"} {
		if err := say(t, 250, command); err != nil {
			return err
		}
	}
	for _, to := range c.To {
		// 25, any of them: 251 will forward, 252 will try (RFC 5321 section 3.4).
		if err := say(t, 25, "RCPT TO:<"+mailbox(to)+">"); err != nil {
			return err
		}
	}
	if err := say(t, 354, "DATA"); err != nil {
		return err
	}
	w := t.DotWriter()
	_, err := w.Write([]byte(mail.message(c.From, c.To, time.Now())))
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	if _, _, err := t.ReadResponse(250); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	_ = say(t, 221, "QUIT")
	return nil
}

// say sends one command and wants code as answer, of which one or two digits
// stand for all codes that begin with them.
func say(t *textproto.Conn, code int, command string) error {
	err := t.PrintfLine("%s", command)
	if err == nil {
		_, _, err = t.ReadResponse(code)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}

func mailFact(mail Mail, t event.Type, reason, text, detail string) event.Fact {
	return event.Fact{
		Type: t, Kind: mail.Object.Kind, Name: mail.Object.Name, To: mail.State,
		Reason: reason, Text: text, Detail: detail, Values: map[string]string{"subject": mail.Subject},
	}
}
