package checkers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"holdfast/kconf"
)

const (
	defaultHelo = "smtpchecker.keepalived.org"
	maxSMTPLine = 512 // octets of a reply line (RFC 5321 section 4.5.3.1.5)
)

// SMTPConfig is an SMTP_CHECK block.
type SMTPConfig struct {
	Common
	HeloName string   // argument of HELO
	Hosts    []Common // host blocks: each is one checker more
}

func (c *SMTPConfig) common() *Common { return &c.Common }

// expand makes one config for each host. A main block that says nothing about
// where to connect only holds the hosts together.
func (c *SMTPConfig) expand() []Config {
	var out []Config
	if len(c.Hosts) == 0 || c.connects() {
		out = append(out, &SMTPConfig{Common: c.Common, HeloName: c.HeloName})
	}
	for _, h := range c.Hosts {
		out = append(out, &SMTPConfig{Common: h.under(c.Common), HeloName: c.HeloName})
	}
	return out
}

// under takes timers that a host block leaves open from the checker around it.
func (c Common) under(outer Common) Common {
	or(&c.ConnectTimeout, outer.ConnectTimeout)
	or(&c.Retry, outer.Retry)
	or(&c.DelayBeforeRetry, outer.DelayBeforeRetry)
	or(&c.DelayLoop, outer.DelayLoop)
	or(&c.Warmup, outer.Warmup)
	or(&c.Alpha, outer.Alpha)
	c.LogAllFailures = c.LogAllFailures || outer.LogAllFailures
	return c
}

func or[T any](p **T, def *T) {
	if *p == nil {
		*p = def
	}
}

var smtpHostKeywords = connectRows(func(c *Common) *Common { return c }, history{"1", "1",
	"1.1.8 1.1.8 1.1.8 1.2.13 1.3.7 1.2.13 1.2.13 1.3.7 1.3.7 1.3.7 1.3.7 1.3.7 2.0.11"})

var smtpKeywords = append(connectRows((*SMTPConfig).common, history{"1", "1",
	"1.2.17 1.2.17 1.2.17 1.2.17 1.3.7 1.1.8 1.2.17 1.1.8 1.1.8 1.2.13 1.3.7 1.3.7 2.0.11"}), kconf.Vocabulary[SMTPConfig]{
	{
		Name: "helo_name", Args: "NAME", Default: defaultHelo, Since: "1.1.8",
		Doc: "Argument of HELO.",
		Set: kconf.String(func(c *SMTPConfig) *string { return &c.HeloName }).MissingIs(kconf.ClassGeneral),
	},
	{
		Name: "host", Args: "{ ... }", Since: "1.1.8",
		Doc: "One more address to check; its timers default to those around it.", Deprecated: "write one SMTP_CHECK for each address instead",
		Set: kconf.BlockEnd(smtpHostKeywords, func(*kconf.Ctx, *SMTPConfig, *kconf.Stmt) *Common { return new(Common) },
			func(_ *kconf.Ctx, c *SMTPConfig, h *Common, _ *kconf.Stmt) { c.Hosts = append(c.Hosts, *h) }).Says("block", "repeatable"),
	},
}...)

var smtpKind = &Kind{
	Keyword: "SMTP_CHECK",
	Since:   "1.1.8",
	Doc:     "Up if the server greets, accepts HELO and answers QUIT.",
	Rows:    smtpKeywords,
	Decode: func(x *kconf.Ctx, s *kconf.Stmt) Config {
		c := &SMTPConfig{HeloName: defaultHelo}
		smtpKeywords.Decode(x, c, s.Block)
		return c
	},
	New: func(c Config, t Target) []Checker {
		return []Checker{SMTPCheck{Target: t, HeloName: c.(*SMTPConfig).HeloName}}
	},
	Texts:            func(Config) Texts { return smtpTexts },
	Retry:            1,
	DelayBeforeRetry: defaultDelayBeforeRetry,
	Pacing:           Pacing{Bursts: true, LogUntilRun: true, LogOnce: true},
	Total:            steps(4), // connect, greeting, HELO, QUIT
}

var smtpTexts = Texts{
	Prefix: "SMTP",
	Success: func(n Names, _ Verdict) string {
		return fmt.Sprintf("Remote SMTP server %s succeed on service.", n.Server)
	},
	Failed:  func(n Names, v Verdict, _ uint32, _ bool) string { return smtpFailure(n, v) },
	Attempt: smtpFailure,
}

// smtpFailure is the line of keepalived's log; it names what was connected to.
func smtpFailure(n Names, v Verdict) string {
	if v.Reason == NoRoute {
		host, _, _ := strings.Cut(strings.TrimPrefix(n.Peer, "["), "]")
		return fmt.Sprintf("SMTP_CHECK Network unreachable for server %s - real server %s", host, n.Peer)
	}
	what := map[Reason]string{
		Connect: "Could not connect to", ConnectTimeout: "Connection timeout to", Timeout: "Read timeout from",
		Read: "Read failure from", NoData: "Read failure from", Write: "Write failure to",
		Greeting: "Bad greeting banner from", Helo: "Bad HELO response from",
	}[v.Reason]
	if what == "" {
		what = "Could not connect to"
	}
	return fmt.Sprintf("SMTP_CHECK %s server %s", what, n.Peer)
}

// SMTPCheck holds the shortest conversation that RFC 5321 knows.
type SMTPCheck struct {
	Target   Target
	HeloName string
}

// Check implements Checker.
func (c SMTPCheck) Check(ctx context.Context) Verdict {
	conn, v := c.Target.dial(ctx, "tcp")
	if conn == nil {
		return v
	}
	defer conn.Close()
	lines := &smtpReader{r: conn}
	for _, step := range []struct {
		say   string
		want  string // reply code; "" for any line
		wrong Reason
	}{
		{"", "220", Greeting},
		{"HELO " + c.HeloName + "\r\n", "250", Helo},
		{"QUIT\r\n", "", ""},
	} {
		if _, err := io.WriteString(conn, step.say); step.say != "" && err != nil {
			return down(ended(ctx, err, Write), fmt.Sprintf("send %.4s: %v", step.say, cause(err)))
		}
		line, err := lines.reply(step.want)
		if err != nil {
			return down(ended(ctx, err, Read), fmt.Sprintf("wait for reply to %s: %v", orBanner(step.say), cause(err)))
		}
		if step.want != "" && !smtpCode(line, step.want, false) {
			return down(step.wrong, fmt.Sprintf("reply to %s is %q, want %s", orBanner(step.say), line, step.want))
		}
	}
	return Verdict{Up: true, Detail: "greeting, HELO and QUIT answered"}
}

// orBanner names the command that a reply was wanted to.
func orBanner(say string) string {
	if say == "" {
		return "connection"
	}
	return say[:4]
}

// smtpReader cuts a stream into lines of bounded length.
type smtpReader struct {
	r    io.Reader
	buf  [maxSMTPLine]byte
	n    int // octets in buf
	used int // of them, the line handed out last
}

// reply is the last line of a reply: lines "code-text" are followed by more of
// the same reply (RFC 5321 section 4.2.1). With code "" it is the first line.
func (s *smtpReader) reply(code string) ([]byte, error) {
	for {
		line, err := s.line()
		if err != nil || code == "" || !smtpCode(line, code, true) {
			return line, err
		}
	}
}

// line is the next line without its end. A line that does not fit is
// forgotten piece by piece, as keepalived does.
func (s *smtpReader) line() ([]byte, error) {
	s.n = copy(s.buf[:], s.buf[s.used:s.n])
	s.used = 0
	for {
		if i := bytes.IndexByte(s.buf[:s.n], '\n'); i >= 0 {
			s.used = i + 1
			return bytes.TrimSuffix(s.buf[:i], []byte("\r")), nil
		}
		if s.n == len(s.buf) {
			s.n = 0
		}
		n, err := s.r.Read(s.buf[s.n:])
		if s.n += n; n == 0 && err != nil {
			return nil, err
		}
	}
}

// smtpCode reports whether a line has that reply code, as a line that is
// continued or as the last one.
func smtpCode(line []byte, code string, continued bool) bool {
	rest, ok := bytes.CutPrefix(line, []byte(code))
	switch {
	case !ok:
		return false
	case continued:
		return len(rest) > 0 && rest[0] == '-'
	}
	return len(rest) == 0 || rest[0] == ' '
}
