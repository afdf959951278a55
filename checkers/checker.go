package checkers

import (
	"context"
	"net/netip"
	"time"

	"holdfast/kconf"
)

// A Checker asks one real server, once, whether it can serve. Check returns by
// the time ctx is done and starts nothing that outlives the call. Retries,
// delays and weights belong to Schedule.
type Checker interface {
	Check(ctx context.Context) Verdict
}

// Reason says in one word why a probe ended as it did. It is the label of a
// metric and the word in status; Verdict.Detail carries the particulars.
type Reason string

// Reasons of a failed probe. StatusCode, Digest and Regex also name the last test
// that a passed HTTP probe went through.
const (
	Connect        Reason = "connect"         // refused, unreachable, reset
	ConnectTimeout Reason = "connect-timeout" // no answer to the connection request
	NoRoute        Reason = "no-route"        // this host knows no way to the server
	Silence        Reason = "silence"         // HTTP: connected, and not an octet came
	Timeout        Reason = "timeout"         // silence, or the total deadline
	Read           Reason = "read"            // connection broken while reading
	NoData         Reason = "no-data"         // closed before an answer was complete
	Write          Reason = "write"           // question could not be sent
	Handshake      Reason = "tls-handshake"
	StatusCode     Reason = "http-status"
	Digest         Reason = "digest"
	Regex          Reason = "regex"
	Greeting       Reason = "smtp-greeting"
	Helo           Reason = "smtp-helo"
	Rcode          Reason = "dns-rcode"
	Mismatch       Reason = "reply-mismatch"
	Exit           Reason = "exit-status"
	Signal         Reason = "signal"
	Local          Reason = "local"     // this host could not even ask: bind, mark, interface
	Cancelled      Reason = "cancelled" // the daemon stopped the probe
	Panicked       Reason = "panic"     // a fault of ours, contained
)

// Verdict is what one probe found out.
type Verdict struct {
	Up bool
	// NoResult: the question could not be put for a reason of this host, such
	// as a source address it does not have. The state stays as it is.
	NoResult bool
	Weight   *int   // weight to use while up (misc_dynamic); nil: as configured
	Reason   Reason // why not; for HTTP also the last test that was passed
	Detail   string // for people: "GET /: status 503, want 200-299"
	Code     int    // exit status, signal or RCODE, where Reason has one
}

func down(r Reason, detail string) Verdict { return Verdict{Reason: r, Detail: detail} }

// Target is where and how a checker connects. It is comparable.
type Target struct {
	Addr    netip.AddrPort // connect_ip and connect_port, else the real server
	Bind    netip.AddrPort // bindto and bind_port; bind_port alone has no effect, as in keepalived
	BindIf  string         // bind_if
	Mark    uint32         // fwmark; 0: none
	errors  bool           // ICMP errors of every kind end a wait (IP_RECVERR): UDP_CHECK
	Timeout time.Duration  // connect_timeout: longest wait for any single step
}

// Config is the decoded block of one checker: plain data.
type Config interface {
	// common gives access to the keywords that checkers share; nil when the
	// kind has none.
	common() *Common
}

// Kind is one checker keyword and everything that belongs to it.
type Kind struct {
	Keyword   string // HTTP_GET
	Since     string // first keepalived version that had it
	Doc       string
	Status    kconf.Status
	Meanwhile string      // of a kind that has no effect yet: what happens to the server
	Rows      kconf.Vocab // what stands in the block

	// Decode reads a block. The answer is nil when the checker has to be
	// dropped, after the reason was reported.
	Decode func(*kconf.Ctx, *kconf.Stmt) Config
	// Finish fills in inherited values that only this kind has; it reports
	// and answers nil to drop the checker. It may be nil.
	Finish func(*kconf.Ctx, kconf.Pos, Config, Inherit) Config
	// New makes the probes of a checker: one, or one per url.
	New func(Config, Target) []Checker
	// Texts are the log lines of the kind.
	Texts func(Config) Texts

	Retry            uint32        // built-in default
	DelayBeforeRetry time.Duration // built-in default; 0: the checker's delay_loop
	Pacing           Pacing
	// Total is the longest a whole probe may take, given connect_timeout. Each
	// single step is bounded by connect_timeout already, as in keepalived; the
	// total stops a peer that sends one byte before each step expires.
	Total func(Config, time.Duration) time.Duration
}

// steps is a Total of n waits of connect_timeout each.
func steps(n time.Duration) func(Config, time.Duration) time.Duration {
	return func(_ Config, timeout time.Duration) time.Duration { return n * timeout }
}

// FindKind is the kind with that keyword, or nil.
func FindKind(keyword string) *Kind {
	for _, k := range kinds {
		if k.Keyword == keyword {
			return k
		}
	}
	return nil
}
