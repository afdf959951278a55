package checkers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"holdfast/kconf"
)

// Octets and fields of RFC 1035 section 4.1.1.
const (
	dnsHeaderLen = 12
	dnsFlagQR    = 0x80 // first flag octet: a response
	dnsFlagRD    = 0x01 // first flag octet: recursion desired
	dnsRcodeMask = 0x0f // second flag octet
	dnsClassIN   = 1
	dnsMaxName   = 255
	dnsMaxLabel  = 63
)

// dnsTypes are the query types that DNS_CHECK accepts.
var dnsTypes = map[string]uint16{
	"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "RRSIG": 46, "DNSKEY": 48,
}

const dnsTypeSOA = 6

// DNSConfig is a DNS_CHECK block.
type DNSConfig struct {
	Common
	Type uint16 // of the query, default SOA
	Name string // "" and ".": the root
}

func (c *DNSConfig) common() *Common { return &c.Common }

var dnsKeywords = append(connectRows((*DNSConfig).common, history{"3", "delay_loop",
	"1.3.0 1.3.0 1.3.0 1.3.0 1.3.7 1.3.0 1.3.0 1.3.0 1.3.7 1.3.7 1.3.7 1.3.7 2.0.11"}), kconf.Vocabulary[DNSConfig]{
	{
		Name: "type", Args: "TYPE", Default: "SOA", Since: "1.3.0",
		Doc: "Type of the query.",
		Set: upperCase(kconf.EnumMap(func(c *DNSConfig) *uint16 { return &c.Type }, false, dnsTypes)),
	},
	{
		Name: "name", Args: "NAME", Default: ". (root)", Since: "1.3.0",
		Doc: "Name to ask for, of labels of 1 to 63 octets and 255 in all; a dot at the end is allowed.",
		Set: kconf.Custom("STR", "once, no empty label", func(x *kconf.Ctx, c *DNSConfig, s *kconf.Stmt) {
			w, ok := x.OneArg(s)
			if !ok {
				return
			}
			if c.Name != "" {
				x.Errorf(s.Pos(), kconf.ClassGeneral, "repeated", "name: already given in this checker")
			} else if _, err := appendName(nil, w.Text); err != nil {
				x.Errorf(w.Pos, kconf.ClassGeneral, "bad-name", "name %s: %v", w.Text, err)
			} else {
				c.Name = w.Text
			}
		}),
	},
}...)

// upperCase lets a setter see its argument in capitals: types are known by
// them, and may be written in any case.
func upperCase[C any](set kconf.Setter[C]) kconf.Setter[C] {
	do := set.Do
	set.Type += " case-insensitive"
	set.Do = func(x *kconf.Ctx, c *C, s *kconf.Stmt) {
		folded := *s
		folded.Words = slices.Clone(s.Words)
		for i := 1; i < len(folded.Words); i++ {
			folded.Words[i].Text = strings.ToUpper(folded.Words[i].Text)
		}
		do(x, c, &folded)
	}
	return set
}

var dnsKind = &Kind{
	Keyword: "DNS_CHECK",
	Since:   "1.3.0",
	Doc:     "Up if the server answers a query over UDP with RCODE 0.",
	Rows:    dnsKeywords,
	Decode: func(x *kconf.Ctx, s *kconf.Stmt) Config {
		c := &DNSConfig{Type: dnsTypeSOA}
		dnsKeywords.Decode(x, c, s.Block)
		return c
	},
	New: func(c Config, t Target) []Checker {
		cfg := c.(*DNSConfig)
		return []Checker{DNSCheck{Target: t, Type: cfg.Type, Name: cfg.Name}}
	},
	Texts:  func(Config) Texts { return dnsTexts },
	Retry:  3,
	Pacing: Pacing{LogUntilRun: true, LogOnce: true},
	Total:  steps(1), // the whole exchange
}

var dnsTexts = Texts{
	Prefix: "DNS",
	Failed: func(n Names, v Verdict, retries uint32, ran bool) string {
		return fmt.Sprintf("DNS_CHECK (%s) %s%s", n.Server, dnsFailure(n, v), afterRetries(retries, ran))
	},
	Attempt: func(n Names, v Verdict) string { return fmt.Sprintf("DNS_CHECK (%s) %s", n.Server, dnsFailure(n, v)) },
	NoResult: func(n Names) string {
		return fmt.Sprintf("DNS_CHECK (%s) UDP socket bind failed. Rescheduling.", n.Server)
	},
}

// dnsFailure is the reason as the log of keepalived has it.
func dnsFailure(n Names, v Verdict) string {
	switch {
	case v.Reason == Rcode:
		return fmt.Sprintf("read error occurred. (rcode = %d)", v.Code)
	case v.Reason == Timeout, v.Reason == ConnectTimeout:
		return "read timeout from socket"
	case v.Reason == NoRoute:
		return "network unreachable for " + n.Peer
	case v.Reason == Read && v.Code != 0:
		return "failed to read socket; " + errnoText(v.Code)
	case v.Reason == Write:
		return "write error occurred."
	default:
		return "read error occurred."
	}
}

// DNSCheck asks one question and looks at the RCODE of the answer alone.
type DNSCheck struct {
	Target Target
	Type   uint16
	Name   string
}

// Check implements Checker.
func (c DNSCheck) Check(ctx context.Context) Verdict {
	id := uint16(rand.Uint32())
	query, err := dnsQuery(id, c.Type, c.Name)
	if err != nil {
		return Verdict{NoResult: true, Reason: Local, Detail: err.Error()}
	}
	conn, v := c.Target.dial(ctx, "udp")
	if conn == nil {
		return v
	}
	defer conn.Close()
	if _, err := conn.Write(query); err != nil {
		return down(ended(ctx, err, Write), fmt.Sprintf("send query to %v: %v", c.Target.Addr, cause(err)))
	}
	buf := make([]byte, 512) // RFC 1035 section 4.2.1: no longer without EDNS
	for {
		n, err := conn.Read(buf)
		if err != nil {
			v := down(ended(ctx, err, Read), fmt.Sprintf("wait for answer of %v: %v", c.Target.Addr, cause(err)))
			v.Code = errnoOf(err)
			return v
		}
		rcode, ok := dnsReply(buf[:n], id)
		switch {
		case !ok: // not an answer to this question: keep waiting
		case rcode != 0:
			v := down(Rcode, fmt.Sprintf("answer of %v has rcode %d", c.Target.Addr, rcode))
			v.Code = rcode
			return v
		default:
			return Verdict{Up: true, Detail: "answer with rcode 0"}
		}
	}
}

// dnsQuery is the message of RFC 1035 section 4.1 with one question.
func dnsQuery(id, qtype uint16, name string) ([]byte, error) {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = append(b, dnsFlagRD, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	b, err := appendName(b, name)
	if err != nil {
		return nil, fmt.Errorf("query name %s: %w", name, err)
	}
	b = binary.BigEndian.AppendUint16(b, qtype)
	return binary.BigEndian.AppendUint16(b, dnsClassIN), nil
}

// appendName appends a name as labels (RFC 1035 section 3.1).
func appendName(b []byte, name string) ([]byte, error) {
	name = strings.TrimSuffix(name, ".")
	if len(name)+2 > dnsMaxName {
		return nil, errors.New("longer than 255 octets")
	}
	if name != "" {
		for label := range strings.SplitSeq(name, ".") {
			if len(label) == 0 || len(label) > dnsMaxLabel {
				return nil, fmt.Errorf("label %q must have 1 to 63 octets", label)
			}
			b = append(b, byte(len(label)))
			b = append(b, label...)
		}
	}
	return append(b, 0), nil
}

// dnsReply is the RCODE of a response with that id; false for anything else.
func dnsReply(b []byte, id uint16) (rcode int, ok bool) {
	if len(b) < dnsHeaderLen || binary.BigEndian.Uint16(b) != id || b[2]&dnsFlagQR == 0 {
		return 0, false
	}
	return int(b[3] & dnsRcodeMask), true
}
