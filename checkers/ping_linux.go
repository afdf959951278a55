package checkers

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"holdfast/kconf"
)

const (
	echoPayloadLen = 128
	echoHeaderLen  = 8
	ipv4HeaderMin  = 20
)

// ICMP types of echo (RFC 792, RFC 4443 section 4).
const (
	icmp4Echo, icmp4Reply = 8, 0
	icmp6Echo, icmp6Reply = 128, 129
)

// PingConfig is a PING_CHECK block: nothing but the common keywords.
type PingConfig struct{ Common }

func (c *PingConfig) common() *Common { return &c.Common }

var pingKeywords = connectRows((*PingConfig).common, history{"1", "1", strings.Repeat("2.1.0 ", 13)})

var pingKind = &Kind{
	Keyword: "PING_CHECK",
	Since:   "2.1.0",
	Doc:     "Up if the server answers an ICMP echo request.",
	Rows:    pingKeywords,
	Decode: func(x *kconf.Ctx, s *kconf.Stmt) Config {
		c := new(PingConfig)
		pingKeywords.Decode(x, c, s.Block)
		return c
	},
	New:              func(_ Config, t Target) []Checker { return []Checker{PingCheck{t}} },
	Texts:            func(Config) Texts { return pingTexts },
	Retry:            1,
	DelayBeforeRetry: defaultDelayBeforeRetry,
	Total:            steps(1), // the wait for the answer
}

var pingTexts = Texts{
	Prefix:  "ICMP",
	Success: func(n Names, _ Verdict) string { return fmt.Sprintf("ICMP connection to %s success.", n.Server) },
	Failed: func(n Names, _ Verdict, retries uint32, ran bool) string {
		if after := afterRetries(retries, ran); after != "" {
			return fmt.Sprintf("ICMP CHECK on service %s of %s failed%s.", n.Server, n.Service, after)
		}
		return fmt.Sprintf("ICMP CHECK on service %s failed.", n.Server)
	},
	Attempt: func(n Names, v Verdict) string {
		if v.Reason == NoRoute {
			return "" // only the verdict is logged
		}
		return fmt.Sprintf("ICMP connection to address %s timeout.", n.Server)
	},
}

// PingCheck sends one echo request through a raw socket. keepalived opens
// net.ipv4.ping_group_range instead; with CAP_NET_RAW that sysctl stays as it is.
type PingCheck struct{ Target Target }

// Check implements Checker. Without CAP_NET_RAW there is no result.
func (c PingCheck) Check(ctx context.Context) Verdict {
	network := "ip4:icmp"
	if c.Target.Addr.Addr().Is6() {
		network = "ip6:ipv6-icmp"
	}
	conn, v := c.Target.dial(ctx, network)
	if conn == nil {
		v.NoResult = v.NoResult && v.Reason != NoRoute // any failure to connect counts, as in keepalived
		return v
	}
	defer conn.Close()
	id, seq := uint16(rand.Uint32()), uint16(1)
	if _, err := conn.Write(echoRequest(network == "ip4:icmp", id, seq)); err != nil {
		return down(ended(ctx, err, Write), fmt.Sprintf("send echo request to %v: %v", c.Target.Addr.Addr(), cause(err)))
	}
	buf := make([]byte, 2048)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return down(ended(ctx, err, Read), fmt.Sprintf("wait for echo reply of %v: %v", c.Target.Addr.Addr(), cause(err)))
		}
		if isEchoReply(buf[:n], id, seq) { // a raw socket sees others' ICMP as well
			return Verdict{Up: true, Detail: "echo reply"}
		}
	}
}

// echoRequest is an ICMP echo request with keepalived's 128 octets of text.
// The kernel fills in the checksum of ICMPv6, for ICMP it is ours.
func echoRequest(v4 bool, id, seq uint16) []byte {
	b := make([]byte, echoHeaderLen, echoHeaderLen+echoPayloadLen)
	b[0] = icmp6Echo
	if v4 {
		b[0] = icmp4Echo
	}
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], seq)
	b = append(b, strings.Repeat("keepalived check - ", 7)[:echoPayloadLen]...)
	if v4 {
		binary.BigEndian.PutUint16(b[2:], internetChecksum(b))
	}
	return b
}

// internetChecksum is the ones' complement sum of RFC 1071.
func internetChecksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// isEchoReply recognises the reply to our request, with or without an IPv4
// header in front: raw IPv4 sockets deliver it.
func isEchoReply(b []byte, id, seq uint16) bool {
	if len(b) >= ipv4HeaderMin && b[0]>>4 == 4 {
		n := int(b[0]&0x0f) * 4
		if n < ipv4HeaderMin || n > len(b) {
			return false
		}
		b = b[n:]
	}
	return len(b) >= echoHeaderLen && (b[0] == icmp4Reply || b[0] == icmp6Reply) && b[1] == 0 &&
		binary.BigEndian.Uint16(b[4:]) == id && binary.BigEndian.Uint16(b[6:]) == seq
}
