// Command bench compares holdfast with the installed keepalived: the same work,
// one after the other in turns (A B A B), in one run on one machine, so that the
// figures can be read as ratios even where the machine is busy. It measures and
// judges nothing: no test depends on time.
//
//	bench config    reading a configuration: the whole run of --config-test
//	bench idle      routers that send adverts: processor time, memory, lateness
//	bench failover  from the death of the Active router to its successor's answer
//	bench checks    health checks and a reload, beside ip_vs in an emulated machine
//
// Benchmarks of parts, without keepalived, are ordinary Go benchmarks beside it.
//
// Files, in reading order:
//
//	main.go         the command line
//	generate.go     configurations of any size
//	pair.go         two programs in turns: processor time, memory
//	config_linux.go --config-test, in a network namespace with the links it names
//	lab_linux.go    namespaces of our own, daemons in them, what these take
//	capture_linux.go adverts and answers to ARP as they come off the wire
//	idle_linux.go   routers at rest
//	failover_linux.go routers that are killed
//	checks_linux.go the virtual machine for checks, and what it found out as a table
//	checksinside_linux.go what runs inside it: checks at work, servers that die, reloads
//	listeners_linux.go servers that accept, count, and die
//	ipvswatch_linux.go commands to ip_vs, seen from outside
package main
