// Package ipvs carries virtual services: what should be in the kernel, what is
// there, and how to get from one to the other.
//
// A VirtualServer is a pure machine: verdicts of health checks go in, facts
// come out, and Desired says at any time which services and destinations
// should exist. Diff compares that with what a Dataplane holds and Reconcile
// does the difference. Start, reload, a failed check, repair and stopping are
// all this one path, so nothing is lost by a command that failed: the next
// pass sees that something is missing. A plan prints as ipvsadm commands.
//
// The kernel is spoken to by a codec of our own: no library at hand carries
// tunnels, families that differ, 64 bit counters or the sync daemon. Client
// keeps the method names of libipvs.
//
// Names are ip_vs's: Service, Destination. Only configuration and log lines
// say virtual_server and real_server, as keepalived does.
//
// No goroutine outlives a call. Client runs one exchange at a time.
//
// Files, in reading order:
//
//	service.go        Service, Destination, Table; validate.go: what is wrong with one
//	text.go           all of it as ipvsadm prints it; parse.go: and back
//	plan.go           Diff and Op
//	dataplane.go      Dataplane, Kernel, Reconcile
//	params.go         what a virtual server machine is told; facts.go: what it tells
//	virtualserver.go  the machine: verdicts, weights, quorum, sorry server
//	desired.go        the part of the table that a machine wants
//	config.go         virtual_server, real_server, virtual_server_group as configured
//	keywords.go       their vocabularies; setters.go: the forms only they have
//	method.go         the argument of lvs_method
//	group.go          entries of a virtual_server_group
//	complete.go       rules across keywords, and defaults
//	attrs.go          netlink attributes
//	codec.go          services and destinations as attributes
//	syncdaemon.go     sync daemons, timeouts and version, as types and attributes
//	message.go        netlink messages and commands
//	errors.go         refusals
//	client.go         the connection and the family; exchange.go: requests and their answers
//	read.go           the whole table; commands.go: what else can be asked
//	kernel_linux.go   the socket, network namespaces, loading the module
//
// Sources: linux/ip_vs.h and net/netfilter/ipvs of Linux 6.1, ipvsadm 1.31 and
// keepalived 2.2.7, both observed on that kernel.
package ipvs
