// Package netns runs holdfast on real sockets: routers, bridges and clients in
// network namespaces of one machine, with keepalived as the peer.
//
// Every test builds a Lab, which is one broadcast domain: a bridge in a
// namespace of its own, hosts on it, and a capture of the bridge. What a test
// claims is read from outside the daemons: adverts and gratuitous ARP from the
// capture with the kernel's time stamps, addresses from netlink, hooks from
// what a script wrote down. The whole capture is shown to tshark at the end,
// so a second decoder has seen each advert.
//
// The peer is a parameter. Rows that pair keepalived with itself are controls:
// they show that the expectation is keepalived's behaviour and the tolerance
// is the machine's.
//
//	HOLDFAST_NETNS=1         run the tests (as root); without it they skip
//	HOLDFAST_BIN=FILE        the binary, instead of bin/holdfast
//	HOLDFAST_NETNS_KEEP=1    leave configuration, logs and captures in place
//
// Nothing outside the namespaces is changed, except folders in /etc/netns that
// carry the names of the namespaces. Names hold the process id of the test; the
// next run removes what a killed one left.
//
// Times are compared with a tolerance of 150 ms plus the worst lateness that
// this machine showed meanwhile (meter.go): a busy machine does not make a
// right answer wrong, and an idle one leaves no room for a wrong answer.
//
// Goroutines: one reader per capture and per prober, two per watcher, one waiter
// per process, one meter and one more per processor; Lab's cleanup and TestMain wait for them.
//
// Files, in reading order:
//
//	harness.go  Lab and Host: namespaces, links, addresses; what skips a test
//	daemon.go   Daemon: starting holdfast or keepalived, its log and processes
//	launch.go   a daemon on a kernel without netfilter
//	process.go  Process: name servers and web servers
//	frr.go      FRR as a peer: its devices, zebra, vrrpd
//	conf.go     Router: a small configuration as text
//	matrix.go   Cell: one way in which two routers speak, and who cannot
//	watch.go    who answers for an address, asked each 5 ms
//	capture.go  Capture: adverts and gratuitous ARP as they pass the bridge
//	decode.go   from Ethernet frames to adverts, without our own codec
//	wait.go     waiting for a condition with a deadline; comparing times
//	meter.go    how late this machine is
//	processors.go  how late each of its processors is
//	main.go     what TestMain of a package with labs does
//	hooks.go    HookLog: a script that writes down its arguments
//	probe.go    Prober: a client that counts what it lost
//	watch.go    Watcher: a third host that asks who owns an address
//	inject.go   sending adverts that no router would send
//
// Sources: RFC 3768, RFC 5798, RFC 9568; keepalived 2.2.7 and FRR 8.4.4 as found
// in Debian; FRR's user guide, chapter VRRP.
package netns
