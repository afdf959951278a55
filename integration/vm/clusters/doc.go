// Package clusters runs the published clusters of examples/ whole, inside the
// virtual machine of integration/vm: directors, servers and clients as network
// namespaces on one LAN, with nginx, named and iptables as an administrator
// would use them. On any other machine its tests are not started at all.
//
// A test is a story in phases: each phase is a subtest and builds on the one
// before. What is claimed is seen from outside the daemons: ipvsadm is the
// judge of tables, a client's requests of balancing, tcpdump of adverts, files
// that scripts wrote of notifications, a mailbox of mail. Configurations and
// scripts are the files of examples/, unchanged, because those get copied.
//
// Beside the published clusters: twins, in which keepalived and holdfast get
// the same configuration and must end with the same table (twins_test.go, a
// virtual server of every kind; verdicts_test.go, a real server of every
// behaviour), and one pool of servers through failures, reloads, starts and
// stops (pool_test.go, reload_test.go).
//
// Every feature of a virtual server is a situation: some seventy of them share
// one configuration, which both daemons run at the same time, and after each
// event ipvsadm must show the same on both sides, or the deliberate difference
// that is written down (situations_test.go the situations, situation_test.go how
// they are played). Those about the whole table have daemons of their own
// (whole_test.go).
//
// Two directors with sync daemons are a pair (pair.go): a connection survives
// the death of either (survive_test.go). What FIFOs and mails tell of servers is
// compared line by line with testdata/told.txt (told_test.go).
//
// The machine is slow: conditions are waited for, durations are bounded
// generously or counted in requests, never measured.
//
// HOLDFAST_DIRECTOR=/usr/sbin/keepalived make vm runs the same tests against
// keepalived, as a control: what it passes is its behaviour, not our opinion.
// Phases in which more is asked of holdfast say why they skip then.
//
// Goroutines: one per mail server and connection, one per started program, one
// per series of requests; the test's cleanup waits for them. A goroutine that
// enters a namespace keeps its thread and ends with it.
//
// Files, in reading order:
//
//	lan.go      LAN and Node: namespaces on a bridge, programs and files in them
//	daemon.go   Director: holdfast (or keepalived) on a node, its processes and log
//	table.go    what ipvsadm and ip show on a node
//	wait.go     waiting for a condition; phases
//	config.go   files and scripts from examples/
//	servers.go  nginx and named
//	smtp.go     a mail server, relay and mailbox
//	stream.go   a connection of numbered lines, and the echo behind it
//	pair.go     two directors that balance by direct routing
//	client.go   requests over HTTP, SMTP and DNS, once or again and again
//
// Sources: the README of each example; ipvsadm(8), iptables-extensions(8).
package clusters
