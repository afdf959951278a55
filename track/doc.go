// Package track watches what moves a router's priority or keeps it in FAULT:
// scripts, interfaces, files and processes, and later BFD sessions.
//
// It does not know routers. A tracker says up, down or not known yet; Sum turns
// the lines of one router's track blocks into a priority, faults, and a list of
// what is still awaited. Whoever owns the router hands that on. So the rules of
// weights are one pure function of states: nothing is added and later taken off
// again, and a lost event cannot leave a priority wrong for ever.
//
// A vrrp_script is a pure machine (ScriptMachine.Step, Deadline) that says when
// to start, when to kill and what the results mean; Scripts is the goroutine
// that owns all machines and does it. A run over its time counts as failed when
// its time is over, not when the process is gone at last: a script that ignores
// SIGTERM must not delay a failover. At most one run of a script exists.
//
// A track_file is a number (FileMachine.Look) that Files reads again when the
// kernel says that its directory has changed, and now and then in case it never
// does. A vrrp_track_process is a count (ProcessTable.Step) of processes that
// Processes hears of from the kernel; where the kernel does not tell, as in a
// network namespace or container, it reads /proc every second.
//
// The lines that operators grep for are keepalived's ("VRRP_Script(chk)
// succeeded"); they travel as the Text of facts, this package does not log.
//
// Goroutines: Scripts.Run is called in one of the caller's, and waits for one
// for each run in progress before it returns. Files.Run and Processes.Run are
// called so too, and wait for one each that reads from the kernel.
//
// Files, in reading order:
//
//	weight.go    Tracker, Contribution, Sum: states to priority (pure)
//	interface.go Link, and track lines about interfaces, scripts, sessions (pure)
//	script.go    ScriptMachine: schedule, rise and fall of one script (pure)
//	runner.go    Scripts: the goroutine that runs them
//	file.go      FileMachine: the number in one file (pure)
//	file_linux.go       Files: the goroutine that watches directories
//	process.go   ProcessTable: which processes there are, and how many (pure)
//	process_linux.go    Processes: the goroutine that hears of them
//	connector.go        the kernel's process events, decoded (pure)
//	connector_linux.go  the socket they come from
//	keywords.go  vocabulary of vrrp_script
//	keywords_file.go    that of track_file
//	keywords_process.go that of vrrp_track_process
//	ref.go       DecodeRef: NAME [weight N [reverse]], the lines of track blocks
//
// What init_fail does follows keepalived.conf(5); keepalived itself was seen to
// ignore it as soon as the script is tracked.
//
// Sources: keepalived.conf(5) (vrrp_script, track_file, vrrp_track_process,
// track_interface), inotify(7), proc(5), linux/connector.h, linux/cn_proc.h,
// RFC 9568 section 5.2.4 (priority), keepalived 2.2.7 observed.
package track
