package checkers

import (
	"net/netip"
	"strings"
	"time"

	"holdfast/kconf"
)

// Built-in defaults and bounds of the common keywords.
const (
	defaultConnectTimeout   = 5 * time.Second
	defaultDelayLoop        = time.Minute
	defaultDelayBeforeRetry = time.Second
	maxRetry                = 1<<32 - 1
	maxConnectTimeout       = (1<<32 - 1) * time.Microsecond // 4294.967295s
	minTimer                = time.Microsecond
	timerPlaces             = 6
)

// Common are the keywords that checkers share. A nil timer is inherited: from
// the real server, then the virtual server, then the built-in default.
type Common struct {
	ConnectIP      netip.Addr     // zero: the real server's address
	ConnectPort    uint16         // 0: the real server's port
	BindTo         netip.Addr     // source address; zero: the kernel chooses
	BindPort       uint16         // source port, only together with BindTo
	BindIf         string         // source interface; needed for link-local targets
	ConnectTimeout *time.Duration // 1µs to 4294.967295s, default 5s
	FwMark         uint32         // mark on the packets of the check; 0: none

	Retry            *uint32        // failed attempts beyond the first; default 1, DNS 3, MISC 0
	DelayBeforeRetry *time.Duration // default 1s, HTTP and SSL 3s, DNS delay_loop
	DelayLoop        *time.Duration // 1µs up, default 60s
	Warmup           *time.Duration // default delay_loop; 0: no random delay
	Alpha            *bool          // down until the first success
	LogAllFailures   bool           // log each failed attempt while up
}

func (c *Common) connects() bool {
	return c.ConnectIP.IsValid() || c.ConnectPort != 0 || c.BindTo.IsValid() || c.BindPort != 0 || c.BindIf != ""
}

// history is what the manual says about the common keywords of one checker.
type history struct {
	retry, delayBeforeRetry string // what is built in
	// since are the versions that first had the keywords, in the order of the
	// rows: connectRows, then timerRows.
	since string
}

// since fills in the versions of rows.
func (h history) fill(rows []string) []string {
	words := strings.Fields(h.since)
	return words[len(words)-len(rows):]
}

// timerNames and connectNames are the common keywords in their order.
var (
	timerNames   = []string{"retry", "delay_before_retry", "warmup", "delay_loop", "alpha", "log_all_failures"}
	connectNames = append([]string{"connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "connect_timeout", "fwmark"}, timerNames...)
)

// timerRows are the keywords of every checker with a rhythm of its own.
func timerRows[C any](common func(*C) *Common, h history) kconf.Vocabulary[C] {
	since := h.fill(timerNames)
	return kconf.Vocabulary[C]{
		{
			Name: "retry", Args: "N", Default: "real_server, else " + h.retry, Since: since[0],
			Doc: "Failed attempts, beyond the first, before the server counts as down.",
			Set: kconf.OptUint(func(c *C) **uint32 { return &common(c).Retry }, 0, maxRetry),
		},
		{
			Name: "delay_before_retry", Args: "SECONDS", Default: "real_server, else " + h.delayBeforeRetry, Since: since[1],
			Doc: "Pause after a failed attempt that is not the last one.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &common(c).DelayBeforeRetry }, 0, kconf.NoLimit, timerPlaces),
		},
		{
			Name: "warmup", Args: "SECONDS", Default: "real_server, else delay_loop", Since: since[2],
			Doc: "Upper bound of the random delay, on top of 1 s, before the first check; 0: none.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &common(c).Warmup }, 0, kconf.NoLimit, timerPlaces),
		},
		{
			Name: "delay_loop", Args: "SECONDS", Default: "real_server", Since: since[3],
			Doc: "Time from the end of one check to the next; a minute if nothing says it.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &common(c).DelayLoop }, minTimer, kconf.NoLimit, timerPlaces),
		},
		{
			Name: "alpha", Args: "[BOOL]", Default: "real_server", Since: since[4],
			Doc: "The server counts as down until its first check succeeds.",
			Set: kconf.OptBool(func(c *C) **bool { return &common(c).Alpha }).Says("BOOL", ""),
		},
		{
			Name: "log_all_failures", Args: "[BOOL]", Default: "false", Since: since[5],
			Doc: "Log every failed attempt while the server is up, not only the last.",
			Set: kconf.Bool(func(c *C) *bool { return &common(c).LogAllFailures }),
		},
	}
}

// connectRows are timerRows and the keywords of checkers that open a socket.
func connectRows[C any](common func(*C) *Common, h history) kconf.Vocabulary[C] {
	since := h.fill(connectNames)
	return append(kconf.Vocabulary[C]{
		{
			Name: "connect_ip", Args: "ADDRESS", Default: "real server address", Since: since[0],
			Doc: "Address to check instead of the real server's.",
			Set: sameFamily(common, kconf.Addr(func(c *C) *netip.Addr { return &common(c).ConnectIP })).Says("IP", "family of bindto"),
		},
		{
			Name: "connect_port", Args: "PORT", Default: "real server port", Since: since[1],
			Doc: "Port to check instead of the real server's.",
			Set: kconf.Uint(func(c *C) *uint16 { return &common(c).ConnectPort }, 1, 65535),
		},
		{
			Name: "bindto", Args: "ADDRESS", Default: "any", Since: since[2],
			Doc: "Source address of the check; same family as what is checked.",
			Set: sameFamily(common, kconf.Addr(func(c *C) *netip.Addr { return &common(c).BindTo })).Says("IP", "family of connect_ip"),
		},
		{
			Name: "bind_port", Args: "PORT", Default: "any", Since: since[3],
			Doc: "Source port of the check; has no effect without bindto.",
			Set: kconf.Uint(func(c *C) *uint16 { return &common(c).BindPort }, 1, 65535),
		},
		{
			Name: "bind_if", Args: "INTERFACE", Default: "none", Since: since[4],
			Doc: "Interface the check must leave through; required for link-local addresses.",
			Set: kconf.Iface(func(c *C) *string { return &common(c).BindIf }).Says("IFNAME max 15 chars", ""),
		},
		{
			Name: "connect_timeout", Args: "SECONDS", Default: "real_server", Since: since[5],
			Doc: "Longest wait for each step of a check, five seconds if nothing says it; a whole check is bounded by a small multiple of it.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &common(c).ConnectTimeout }, minTimer, maxConnectTimeout, timerPlaces),
		},
		{
			Name: "fwmark", Args: "N", Default: "0", Since: since[6],
			Doc: "Mark (SO_MARK) on the packets of the check; 0: none.",
			Set: kconf.Uint(func(c *C) *uint32 { return &common(c).FwMark }, 0, 1<<32-1),
		},
	}, timerRows(common, h)...)
}

// sameFamily refuses the later one of connect_ip and bindto if they are of
// different families.
func sameFamily[C any](common func(*C) *Common, set kconf.Setter[C]) kconf.Setter[C] {
	do := set.Do
	set.Do = func(x *kconf.Ctx, c *C, s *kconf.Stmt) {
		m := common(c)
		oldIP, oldBind := m.ConnectIP, m.BindTo
		do(x, c, s)
		if m.ConnectIP.IsValid() && m.BindTo.IsValid() && m.ConnectIP.Is4() != m.BindTo.Is4() {
			x.Errorf(s.Pos(), kconf.ClassGeneral, "mixed-families",
				"%s: connect_ip %v and bindto %v are of different families", s.Keyword(), m.ConnectIP, m.BindTo)
			m.ConnectIP, m.BindTo = oldIP, oldBind
		}
	}
	return set
}

// Check is one checker block as written, before anything is inherited.
type Check struct {
	Kind   string // HTTP_GET
	Config Config
	Pos    kconf.Pos
}

// DecodeCheck reads the block of a checker: a Check, or nil when it has to be left
// out. The row that ipvs.CheckKeyword makes wants it in this form.
func (k *Kind) DecodeCheck(x *kconf.Ctx, s *kconf.Stmt) any {
	if c := k.Decode(x, s); c != nil {
		return Check{Kind: k.Keyword, Config: c, Pos: s.Pos()}
	}
	return nil
}

// SSLConfig is the root block SSL: what SSL_GET shows to servers that ask for
// a client certificate.
type SSLConfig struct {
	Password    string // passphrase of Key
	CA          string // file; keepalived loads it and verifies nothing with it
	Certificate string // file
	Key         string // file
	Pos         kconf.Pos
}

// SSLVocabulary are the keywords of the SSL block.
func SSLVocabulary() kconf.Vocabulary[SSLConfig] {
	path := func(field func(*SSLConfig) *string) kconf.Setter[SSLConfig] {
		return kconf.String(field).Says("PATH", "").MissingIs(kconf.ClassGeneral)
	}
	return kconf.Vocabulary[SSLConfig]{
		{
			Name: "password", Args: "STRING", Default: "none", Since: "0.5.3",
			Doc: "Passphrase of the private key, if that is encrypted.",
			Set: kconf.String(func(c *SSLConfig) *string { return &c.Password }).MissingIs(kconf.ClassGeneral),
		},
		{
			Name: "ca", Args: "PATH", Default: "none", Since: "0.5.3",
			Doc: "CA file; accepted, but server certificates are not verified, as in keepalived.",
			Set: path(func(c *SSLConfig) *string { return &c.CA }),
		},
		{
			Name: "certificate", Args: "PATH", Default: "none", Since: "0.5.3",
			Doc: "Client certificate file in PEM form.",
			Set: path(func(c *SSLConfig) *string { return &c.Certificate }),
		},
		{
			Name: "key", Args: "PATH", Default: "none", Since: "0.5.3",
			Doc: "Private key file of the client certificate in PEM form.",
			Set: path(func(c *SSLConfig) *string { return &c.Key }),
		},
	}
}
