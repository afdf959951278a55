// Package daemon wires the packages of holdfast into processes.
//
// The parent (supervisor) reads and understands the configuration once, owns
// signals, the pid file and the children, and runs everything that forks or
// resolves names: hooks, tracked scripts, mail. Two children, started from the
// same binary with a role, do the work: the VRRP process owns virtual routers
// and addresses, the checker process owns probes and the IPVS table. So nothing
// a checker or a hook does can delay an advert, and a child that dies is
// started again without the other noticing.
//
// A child gets the syntax tree over its link and decodes it through the same
// vocabularies as the parent: parsed once, decoded twice, never two readings of
// a file that changes meanwhile. Facts flow back on the same link. Neither side
// ever waits for the other: queues are bounded, losses are counted.
//
// What a configuration says is understood in daemon/config, which tools use
// without a daemon; here is what runs it.
//
// This package is also the translator between the packages of the field, which
// do not know each other: a script's verdict becomes a priority, a failed probe
// a verdict for a virtual server, a transition a hook.
//
// Goroutines: the parent's loop (supervisor.run, on the process's first
// thread), one reader and one writer per link, one waiter per child process,
// those of track.Scripts, notify.Dispatcher, notify.Mailer and event.Bus. The
// VRRP process: its own loop, vrrp.Loop, host.Worker, nft.Worker, announcer,
// linkbeat. The checker process: its own loop, checkers.Pool, the table keeper, nft.Worker.
// Both: standing, which looks at the clock now and then. Each has an owner that
// waits for it.
//
// Files, in reading order:
//
//	options.go             the command line, parsed
//	exit.go                exit statuses, version, --signum
//	load.go                what a configuration means for the command line: pid files, umask
//	reload.go              what a SIGHUP does, and when it is refused
//	run_linux.go           Run and ConfigTest: foreground, background, namespace
//	supervisor_linux.go    the parent's loop
//	child_linux.go         starting children, respawn delays
//	link.go                messages between parent and child; mailbox.go a queue
//	role_linux.go          RunChild: what both children share
//	standing_linux.go      priorities, processors, memory of a child
//	vrrprole_linux.go      the VRRP process
//	keepvrrp.go            stopping with --dont-release-vrrp
//	vrrpeffects.go         what its loop causes: host, announcements, log, facts
//	vmac.go                links of virtual routers: which, their names, what is on them
//	vmacrole_linux.go      making them before sockets open, and what follows
//	tracking.go            what is tracked into priorities and faults
//	links.go               which links count, are polled, conflict; receive buffers, start delay
//	vrrplinks.go           links and sources that come and go
//	linkbeat_linux.go      polls links
//	firewall.go            what is dropped while an address is there, and in which order
//	announcer.go           gratuitous ARP when the addresses are in place
//	alarms.go              which machine an alarm is about, then the line and the fact
//	repairs.go             who depends on what others remove; vrrprepairs.go acts on it
//	vrrptext.go            keepalived's log lines for what routers do
//	checkerrole_linux.go   the checker process; processors.go how many processors it uses
//	marks.go               firewall marks of virtual server groups, and the tables that set them
//	checkeractions.go      what machines of virtual servers want: log, table, news
//	filechecks.go          numbers in files into verdicts and weights; sessionchecks.go BFD sessions
//	suspend.go             ha_suspend: addresses that come and go into checkers that run or not
//	table.go               virtual servers into the IPVS table
//	syncdaemon.go          the IPVS sync daemon follows an instance
//	hooks.go               facts into scripts and mail; hooksettings.go which of them
//	fifos.go               facts into lines for FIFOs
//	mailtext.go            what mails about servers say
//	once.go                scripts of the daemon's own start and end
//	trackers.go            tracked scripts, files and processes
//	fact.go                what survives a restart of a child
//	log.go, log_linux.go   the log: console, syslog that never blocks
//	pidfile_linux.go       pid files and their locks
//
// Sources: keepalived(8), keepalived.conf(5), systemd's sd_notify(3).
package daemon
