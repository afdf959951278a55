// Package lifecycle starts, signals, kills, reloads and stops the real binary
// in network namespaces: what init scripts, systemd, monitoring and operators
// see of the daemon's processes. What goes over the wire meanwhile is read from
// the capture of the lab's bridge.
//
//	HOLDFAST_NETNS=1    run the tests (as root); without it they skip
//	HOLDFAST_BIN=FILE   the binary, instead of bin/holdfast
//
// The lab is that of integration/netns. Limits are those of an idle machine
// times a few; what must be quick is tried up to three times.
//
// Files:
//
//	daemon.go   Daemon: one start of the binary, its processes, log and pid files
//	wait.go     reading /proc, waiting with a deadline
//
// Sources: keepalived(8), sd_notify(3), and keepalived 2.2.7 as observed.
package lifecycle
