package host

import (
	"strings"
	"time"

	"holdfast/kconf"
)

// metricOptions are the words of route lines that tune what is sent along the
// route. number is the kernel's, which is also the bit that lock sets.
var metricOptions = Options[RouteLine]{
	metric(2, "mtu", "[lock] N", "Path MTU in octets.", func(r *RouteLine) *uint32 { return &r.MTU }),
	metric(3, "window", "N", "Largest TCP window in octets.", func(r *RouteLine) *uint32 { return &r.Metrics.Window }),
	clocked(4, "rtt", 8, "Initial round trip time, 100ms or 1s; a bare number is 1/8 ms.", func(r *RouteLine) *uint32 { return &r.Metrics.RTT }),
	clocked(5, "rttvar", 4, "Initial variance of the round trip time, 100ms or 1s; a bare number is 1/4 ms.", func(r *RouteLine) *uint32 { return &r.Metrics.RTTVar }),
	metric(6, "ssthresh", "[lock] N", "Slow start threshold.", func(r *RouteLine) *uint32 { return &r.Metrics.SSThresh }),
	metric(7, "cwnd", "[lock] N", "Clamp of the congestion window.", func(r *RouteLine) *uint32 { return &r.Metrics.CWnd }),
	metric(8, "advmss", "[lock] N", "Maximum segment size to advertise.", func(r *RouteLine) *uint32 { return &r.Metrics.AdvMSS }),
	metric(9, "reordering", "[lock] N", "Reordering that TCP tolerates.", func(r *RouteLine) *uint32 { return &r.Metrics.Reordering }),
	limited(255, "UINT", metric(10, "hoplimit", "N", "Hop limit of packets on this route; 0: that of the host.", func(r *RouteLine) *uint32 { return &r.Metrics.HopLimit })),
	metric(11, "initcwnd", "N", "Initial congestion window in segments.", func(r *RouteLine) *uint32 { return &r.Metrics.InitCWnd }),
	{Name: "features", Args: "ecn", Type: "ENUM", Default: "none", Doc: "TCP features; only ecn is known.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			if r.Metrics.ECN = w[1].Text == "ecn"; !r.Metrics.ECN {
				l.dropf(w[1], "not-one-of", "features %s: must be ecn", w[1].Text)
			}
		}},
	clocked(13, "rto_min", 1, "Smallest retransmission time-out, 200ms or 1s; a bare number is ms.", func(r *RouteLine) *uint32 { return &r.Metrics.RTOMin }),
	metric(14, "initrwnd", "N", "Initial receive window in segments.", func(r *RouteLine) *uint32 { return &r.Metrics.InitRWnd }),
	switched("quickack", "1 acknowledges at once.", func(r *RouteLine) *bool { return &r.Metrics.QuickAck }),
	{Name: "congctl", Args: "[lock] NAME", Type: "STR", Default: "none", Take: takeLock, Doc: "Congestion control algorithm.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.lock(16, w)
			if r.Metrics.CongCtl = w[len(w)-1].Text; len(r.Metrics.CongCtl) > 15 {
				l.dropf(w[len(w)-1], "too-long", "congctl %s: longer than 15 characters", r.Metrics.CongCtl)
			}
		}},
	switched("fastopen_no_cookie", "1 lets TCP fast open go without a cookie.", func(r *RouteLine) *bool { return &r.Metrics.FastOpenNoCookie }),
	{Name: "pref", Args: "low|medium|high|N", Type: "ENUM", Range: "IPv6", Default: "none", Doc: "Router preference of an IPv6 route.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.only6 = firstWord(r.only6, w[0])
			if v, known := preferences[w[1].Text]; known {
				r.Pref = uint8(v)
				return
			}
			r.Pref = uint8(l.number(w[1], "pref", 255))
		}},
	{Name: "expires", Args: "SECONDS", Type: "UINT32", Range: "IPv6", Default: "none", Doc: "Seconds until the kernel removes an IPv6 route.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.only6, r.Expires = firstWord(r.only6, w[0]), l.number(w[1], "expires", 1<<32-1)
		}},
	{Name: "ttl-propagate", Args: "enabled|disabled", Type: "ENUM", Default: "none", Doc: "Copies the TTL into and out of MPLS tunnels.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			if r.TTLPropagate = Some(w[1].Text == "enabled"); !r.TTLPropagate.Value && w[1].Text != "disabled" {
				l.dropf(w[1], "not-one-of", "ttl-propagate %s: must be enabled or disabled", w[1].Text)
			}
		}},
}

// metric is the row of a plain number, whose words may begin with lock.
func metric(number int, name, args, doc string, field func(*RouteLine) *uint32) Option[RouteLine] {
	o := Option[RouteLine]{Name: name, Args: args, Type: "UINT32", Default: "none", Doc: doc,
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.lock(number, w)
			*field(r) = l.number(w[len(w)-1], name, 1<<32-1)
		}}
	if strings.HasPrefix(args, "[lock] ") {
		o.Take = takeLock
	}
	return o
}

// limited is o with an upper bound.
func limited(limit uint32, typ string, o Option[RouteLine]) Option[RouteLine] {
	do := o.Do
	o.Type, o.Range = typ, "0..255"
	o.Do = func(l *line, r *RouteLine, w []kconf.Word) {
		if l.number(w[1], o.Name, uint64(limit)); !l.drop {
			do(l, r, w)
		}
	}
	return o
}

// switched is the row of 0 or 1.
func switched(name, doc string, field func(*RouteLine) *bool) Option[RouteLine] {
	return Option[RouteLine]{Name: name, Args: "0|1", Type: "UINT", Range: "0..1", Default: "none", Doc: doc,
		Do: func(l *line, r *RouteLine, w []kconf.Word) { *field(r) = l.number(w[1], name, 1) == 1 }}
}

// clockTypes say what a bare number counts, by how many there are in one ms.
var clockTypes = map[uint64]string{8: "TIME, unit ms or s suffix, raw is 1/8 ms", 4: "TIME, raw is 1/4 ms", 1: "TIME, raw is ms"}

// clocked is the row of a time, of which the kernel counts perMilli in one ms.
func clocked(number int, name string, perMilli uint64, doc string, field func(*RouteLine) *uint32) Option[RouteLine] {
	return Option[RouteLine]{Name: name, Args: "[lock] TIME", Type: clockTypes[perMilli], Range: "0.2..120 s, clamped", Default: "none", Take: takeLock, Doc: doc,
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.lock(number, w)
			*field(r) = l.clock(w[len(w)-1], name, perMilli)
		}}
}

func takeLock(words []kconf.Word) int {
	if len(words) > 0 && words[0].Text == "lock" {
		return 2
	}
	return 1
}

// lock keeps the kernel from changing a metric, if the words say so.
func (r *RouteLine) lock(number int, w []kconf.Word) {
	if len(w) == 3 {
		r.Metrics.Lock |= 1 << number
	}
}

// What TCP takes for times of a route.
const (
	shortestRTT = 200 * time.Millisecond
	longestRTT  = 120 * time.Second
)

// clock reads 100ms, 1.5s or a bare number, or drops the line. A time that TCP
// would not take becomes the nearest that it does, which keepalived only logs;
// of rto_min it refuses one that is too long.
func (l *line) clock(w kconf.Word, name string, perMilli uint64) uint32 {
	var d time.Duration
	var ok bool
	number := w
	switch {
	case strings.HasSuffix(w.Text, "ms"):
		number.Text = strings.TrimSuffix(w.Text, "ms")
		d, ok = kconf.ParseMillis(l.x, number, name, 0, kconf.NoLimit, 0)
	case strings.HasSuffix(w.Text, "s"):
		number.Text = strings.TrimSuffix(w.Text, "s")
		d, ok = kconf.ParseSeconds(l.x, number, name, 0, kconf.NoLimit, 3)
	default:
		var n uint64
		n, ok = kconf.ParseUint(l.x, w, name, 0, 1<<32-1)
		d = time.Duration(n) * time.Millisecond / time.Duration(perMilli)
	}
	if ok && name == "rto_min" && d > longestRTT {
		l.dropf(w, "out-of-range", "%s %s: must be at most %v", name, w.Text, longestRTT)
	}
	if l.drop = l.drop || !ok; l.drop {
		return 0
	}
	if used := min(max(d, shortestRTT), longestRTT); used != d {
		l.x.Warnf(w.Pos, kconf.ClassNone, "clamped", "%s %s: %v is used instead", name, w.Text, used)
		d = used
	}
	return uint32(uint64(d) * perMilli / uint64(time.Millisecond))
}
