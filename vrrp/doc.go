// Package vrrp is one virtual router, its packets, its sync group, and the loop
// that owns all of them: VRRP version 2 (RFC 3768) and 3 (RFC 9568), as
// keepalived speaks it.
//
// # Why it is shaped so
//
// A Machine decides and does nothing: it is fed events with the time at which
// they happened, answers with actions in order, and states when it wants to be
// woken. So every sequence can be tested to the nanosecond, and the simulator in
// integration/sim runs the very code that runs in production. A Group is a
// machine above the machines. The Loop is the thin shell: it reads sockets,
// sends, and hands everything that may take time to Effects, whose outcome
// comes back as an event.
//
// What an address is doing on the host is not decided here: Apply names the
// Active instances, and the host package makes the kernel agree.
//
// # Goroutines
//
// The loop is one goroutine and owns all state. For each socket one more waits
// until something can be read; it never reads. On each wake-up the loop empties
// the sockets before it looks at deadlines, so that a process that slept does
// not depose a router whose adverts are waiting to be read.
//
// # Files, in reading order
//
//	params.go          parameters, timers' formulas, what a change costs
//	event.go           states, reasons, events, actions
//	machine.go         Machine.Step: start, stop, faults, reload
//	machine_states.go  Backup and Active
//	machine_rivals.go  Active beside another: answers, bursts, two owners
//	machine_late.go    start delay, deafness, having been late
//	group.go           sync group
//	peer.go            contradictions with neighbours, one alarm each
//	advert.go          codec, checksums, checks of reception
//	memory.go          what is remembered of packets: numbers, stamps, checksums
//	advert_ah.go       authentication header of version 2
//	advert_hmac.go     trailer of auth_hmac
//	drop.go            reasons of refusal, their texts and counters
//	loop.go            the loop: inbox, wake-ups, what it owns
//	loop_timers.go     whose deadline is next
//	loop_step.go       one step, its actions, containment of a failure
//	loop_receive.go    sockets, draining, arrival times, rationed facts
//	loop_config.go     start and reload
//	loop_link.go       interfaces that change, start delay, receive buffers
//	conn.go            what the loop wants of a socket
//	conn_linux.go      raw sockets
//	timer.go           what the loop wants of a timer
//	timerfd_linux.go   the exact one
//	config.go          what the blocks of the configuration say, decoded
//	keywords.go        vocabulary of vrrp_instance: protocol
//	keywords_host.go   vocabulary of vrrp_instance: host
//	keywords_group.go  vocabulary of vrrp_sync_group, track and notify rows
//	keywords_link.go   garp_group, track_group, linkbeat and delay lines
//	keywords_hmac.go   auth_hmac and its keys
//	keywords_lines.go  what may stand on lines of value blocks
//	keywords_set.go    setters of vrrp_instance
//	keywords_vmac.go   setters of use_vmac, use_ipvlan, garp_extra_if
//	resolve.go         from what was written to parameters: order, defaults
//	resolve_protocol.go rules about the protocol
//	resolve_host.go    rules about interfaces and addresses
//
// # Departures from keepalived, on purpose
//
// Refused datagrams move no timer; answers to lower adverts are limited to one
// an interval, bursts for them to one a second after the first three; one
// priority 0 advert instead of two; a resignation counts only from the router we
// follow; our own interval is always restored; all three checksum forms of
// version 3 are verified and accepted.
package vrrp
