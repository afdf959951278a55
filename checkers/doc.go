// Package checkers finds out whether real servers can serve.
//
// A Checker asks once and answers with a Verdict; it knows nothing of retries.
// A Schedule decides when to ask and how many bad answers make a server down;
// it knows nothing of sockets and clocks. A Pool brings the two together. What
// a verdict does to the kernel's table is decided elsewhere.
//
// Decisions:
//
//   - Behaviour is keepalived's: bytes on the wire, order of tests, rhythm, log
//     lines. It differs where keepalived takes good servers out: an HTTP
//     answer ends at Content-Length or the last chunk, not only when the
//     connection does; field names are case-insensitive; a status line needs no
//     reason phrase; SMTP replies may have continuation lines; a checker uses
//     the port its real server inherited.
//   - Every step of a probe (connect, one read, one write) is bounded by
//     connect_timeout, as in keepalived, and the whole probe by a multiple of
//     it: 1 for TCP, DNS and PING, 3 for HTTP, 4 for SSL and SMTP (Kind.Total).
//     keepalived has no such bound, and a server that sends one byte now and
//     then keeps its check busy for ever.
//   - A probe leaves nothing behind: no goroutine, no descriptor. Memory is
//     bounded: 64 KiB of header, 1 MiB of body for a regex; a digest is
//     computed in passing.
//   - Bodies are taken as sent, chunk framing included, because digests made
//     for keepalived cover it.
//   - A regex is searched in header and body together (see RegexSpec).
//   - A fault of this host, such as a source address it does not have, is no
//     result: the state stays. Status shows it.
//
// Goroutines: Pool.Run is one loop that owns all schedules; each running probe
// is one goroutine, 8,192 at most, and no more than half of the descriptors that
// the process may have. Run returns after the last of them. A panic
// in a probe is a failed probe.
//
// Files, in reading order:
//
//	checker.go       Checker, Verdict, Reason, Target, Kind
//	kinds.go         the list of all kinds
//	schedule.go      when to ask, when to change one's mind: pure
//	texts.go         log lines in keepalived's words
//	pool.go          owns all schedules, keeps the unchanged ones across a reload
//	flight.go        runs probes, one for all who ask the same; notices those that hang
//	keywords.go      keywords that checkers share, and the block SSL
//	resolve.go       what a checker inherits from the blocks around it
//	dial_linux.go    connections: source, mark, interface, deadlines
//	reach_linux.go   a connection that is closed at once
//	tcp.go           TCP_CHECK
//	http.go          HTTP_GET and SSL_GET
//	httphead.go      response header, end of body
//	httpkeywords.go  their keywords
//	regex.go         patterns written for PCRE2
//	tls.go           what SSL_GET has beyond HTTP_GET
//	tlskey.go        private keys under a passphrase
//	smtp.go          SMTP_CHECK
//	dns.go           DNS_CHECK
//	udp.go           UDP_CHECK
//	ping_linux.go    PING_CHECK
//	misc.go          MISC_CHECK
//	file.go          FILE_CHECK: a number into a verdict and a weight
//	bfd.go           BFD_CHECK, keywords only
//
// Sources: keepalived.conf(5) and what keepalived 2.2.7 was seen doing; RFC
// 9110 and 9112 (HTTP), 5321 (SMTP), 1035 (DNS), 792 and 4443 (echo).
package checkers
