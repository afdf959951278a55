package checkers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"holdfast/kconf"
)

// defaultPayload is what UDP_CHECK sends when nothing is configured.
const defaultPayload = "keepalived check - keepalived ch"

const defaultMaxReply = 255

// UDPConfig is a UDP_CHECK block.
type UDPConfig struct {
	Common
	Payload      []byte // nil: keepalived's text
	RequireReply bool
	Reply        []byte  // what a reply must begin with
	Mask         []byte  // bits of Reply that count; as long as Reply
	MinReply     *uint16 // octets, default 0
	MaxReply     *uint16 // octets, default 255
}

func (c *UDPConfig) common() *Common { return &c.Common }

var udpKeywords = append(connectRows((*UDPConfig).common, history{"1", "1", strings.Repeat("2.1.0 ", 13)}), kconf.Vocabulary[UDPConfig]{
	{
		Name: "payload", Args: "HEX...", Default: "random data", Since: "2.2.0",
		Doc: "Octets to send, in hexadecimal; blanks may separate groups. Without it, 32 octets of a fixed text, as keepalived in truth sends.",
		Set: kconf.Custom("hex text", "spaces allowed, one or two digits per byte", func(x *kconf.Ctx, c *UDPConfig, s *kconf.Stmt) {
			switch b, _, err := parseHex(s.Args(), false); {
			case err != nil:
				x.Errorf(s.Args()[0].Pos, kconf.ClassGeneral, "bad-hex", "payload: %v", err)
			case len(b) == 0:
				x.Errorf(s.Args()[0].Pos, kconf.ClassGeneral, "bad-hex", "payload: no octets")
			default:
				c.Payload = b
			}
		}).MissingIs(kconf.ClassGeneral),
	},
	{
		Name: "require_reply", Args: "[HEX...]", Default: "off", Since: "2.1.0",
		Doc: "A reply must come and begin with these octets; X stands for any digit.",
		Set: kconf.Custom("hex text with X wildcards", "", func(x *kconf.Ctx, c *UDPConfig, s *kconf.Stmt) {
			b, mask, err := parseHex(s.Args(), true)
			if err != nil {
				x.Errorf(s.Args()[0].Pos, kconf.ClassGeneral, "bad-hex", "require_reply: %v", err)
				return
			}
			c.RequireReply, c.Reply, c.Mask = true, b, mask
		}),
	},
	{
		Name: "min_reply_length", Args: "N", Default: "0", Since: "2.2.0",
		Doc: "Shortest reply that passes; only looked at with a pattern in require_reply.",
		Set: kconf.OptUint(func(c *UDPConfig) **uint16 { return &c.MinReply }, 0, 65535),
	},
	{
		Name: "max_reply_length", Args: "N", Default: "255", Since: "2.2.0",
		Doc: "Longest reply that passes; only looked at with a pattern in require_reply.",
		Set: kconf.OptUint(func(c *UDPConfig) **uint16 { return &c.MaxReply }, 0, 65535),
	},
}...)

var udpKind = &Kind{
	Keyword: "UDP_CHECK",
	Since:   "2.1.0",
	Doc:     "Up if a datagram is not refused or, with require_reply, is answered.",
	Rows:    udpKeywords,
	Decode: func(x *kconf.Ctx, s *kconf.Stmt) Config {
		c := new(UDPConfig)
		udpKeywords.Decode(x, c, s.Block)
		if lo, hi := c.limits(); lo > hi {
			x.Errorf(s.Pos(), kconf.ClassGeneral, "bounds-reversed", "UDP_CHECK: min_reply_length %d is above max_reply_length %d", lo, hi)
		}
		return c
	},
	New:              func(c Config, t Target) []Checker { return []Checker{UDPCheck{t, c.(*UDPConfig)}} },
	Texts:            func(Config) Texts { return udpTexts },
	Retry:            1,
	DelayBeforeRetry: defaultDelayBeforeRetry,
	// connect_timeout is the wait for an answer, and silence may be success:
	// the total leaves room, so that it is the read that ends first.
	Total: func(_ Config, timeout time.Duration) time.Duration { return 2 * timeout },
}

var udpTexts = Texts{
	Prefix:  "UDP",
	Success: func(n Names, _ Verdict) string { return fmt.Sprintf("UDP connection to %s success.", n.Server) },
	Failed: func(n Names, _ Verdict, retries uint32, ran bool) string {
		return fmt.Sprintf("UDP_CHECK on service %s failed%s.", n.Server, afterRetries(retries, ran))
	},
	Attempt: func(n Names, v Verdict) string {
		if v.Reason == Mismatch {
			return fmt.Sprintf("UDP check to %s reply data mismatch.", n.Server)
		}
		if v.Reason == NoRoute || v.Reason == Local {
			return "" // only the verdict is logged
		}
		return fmt.Sprintf("UDP connection to %s failed.", n.Server)
	},
}

func (c *UDPConfig) limits() (lo, hi int) {
	return int(first(0, c.MinReply)), int(first(defaultMaxReply, c.MaxReply))
}

// parseHex reads octets, two digits each, or one where a word or the text
// ends; blanks within a quoted word end words too. With wildcards a digit x or X matches any; mask has the bits that count.
func parseHex(words []kconf.Word, wildcards bool) (octets, mask []byte, err error) {
	for _, w := range words {
		for t := range strings.FieldsSeq(w.Text) {
			if octets, mask, err = parseHexDigits(t, octets, mask, wildcards); err != nil {
				return nil, nil, err
			}
		}
	}
	return octets, mask, nil
}

// parseHexDigits appends the octets of one word and their bits that count.
func parseHexDigits(t string, octets, mask []byte, wildcards bool) (_, _ []byte, err error) {
	for t != "" {
		n := min(2, len(t))
		var o, m byte
		for _, d := range []byte(t[:n]) {
			v := strings.IndexByte("0123456789abcdef", d|0x20)
			switch {
			case wildcards && d|0x20 == 'x':
				o, m = o<<4, m<<4
			case v >= 0 && d > ' ':
				o, m = o<<4|byte(v), m<<4|0xf
			default:
				return nil, nil, fmt.Errorf("%q is no hexadecimal digit", d)
			}
		}
		if n == 1 {
			m |= 0xf0 // a single digit is a whole octet
		}
		octets, mask, t = append(octets, o), append(mask, m), t[n:]
	}
	return octets, mask, nil
}

// UDPCheck sends one datagram.
type UDPCheck struct {
	Target Target
	Config *UDPConfig
}

// Check implements Checker. Any fault of a socket counts as a failure, unlike
// with the other checkers, because keepalived does so.
func (c UDPCheck) Check(ctx context.Context) Verdict {
	target := c.Target
	target.errors = true
	conn, v := target.dial(ctx, "udp")
	if conn == nil {
		v.NoResult = false
		return v
	}
	defer conn.Close()
	payload := c.Config.Payload
	if payload == nil {
		payload = []byte(defaultPayload)
	}
	if _, err := conn.Write(payload); err != nil {
		return down(ended(ctx, err, Write), fmt.Sprintf("send to %v: %v", c.Target.Addr, cause(err)))
	}
	buf := make([]byte, 1<<16)
	n, err := conn.Read(buf)
	switch reason := Reason(""); {
	case err == nil:
		return c.judge(buf[:n])
	default:
		if reason = ended(ctx, err, Connect); reason == Timeout && !c.Config.RequireReply {
			return Verdict{Up: true, Detail: "datagram was not refused"}
		}
		return down(reason, fmt.Sprintf("wait for reply of %v: %v", c.Target.Addr, cause(err)))
	}
}

// judge compares as much of the pattern as the reply has; lengths count only
// when there is a pattern.
func (c UDPCheck) judge(reply []byte) Verdict {
	up := Verdict{Up: true, Detail: fmt.Sprintf("reply of %d octets", len(reply))}
	if len(c.Config.Reply) == 0 {
		return up
	}
	if lo, hi := c.Config.limits(); len(reply) < lo || len(reply) > hi {
		return down(Mismatch, fmt.Sprintf("reply has %d octets, want %d to %d", len(reply), lo, hi))
	}
	for i := range min(len(reply), len(c.Config.Reply)) {
		if (reply[i]^c.Config.Reply[i])&c.Config.Mask[i] != 0 {
			return down(Mismatch, fmt.Sprintf("octet %d of the reply is %02x", i, reply[i]))
		}
	}
	return up
}
