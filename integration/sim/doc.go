// Package sim runs whole LANs of production vrrp.Machines and vrrp.Groups in
// virtual time, with everything drawn from one seed: two to five routers with
// clocks that drift by up to one percent; versions 2 and 3 over IPv4 and IPv6,
// multicast and unicast; passwords, AH, auth_hmac with several keys, by the clock
// and by a counter; checksums of several forms and lists of addresses that
// differ; a sync group; address owners; preempt, nopreempt and preempt_delay;
// trackers with weights, by the functions of package track. It needs no privilege
// and no kernel.
//
// A seed also draws a plan: rounds of faults (faults.go lists them), each ended
// by a heal and a quiet time. What must hold is looked at after every turn of
// every router, from outside:
//
//	owner      a whole network has an Active router within the dead interval
//	double     two that hear each other are not both Active for longer than that
//	rank       the highest that preempts is Active
//	preempts   nobody deposes a router it hears and does not outrank, with nopreempt or too early
//	resume     a reload moves nobody; a successor goes on where its predecessor was
//	           Active a moment ago, and no later
//	rhythm     an Active router sends once an interval
//	peace      in a settled network nothing moves, also when somebody sends recorded
//	           adverts again that have to be refused
//	groups     members of a sync group are in one state after each turn
//	fault      a router is in Fault if, and only if, a tracker, an address or its group says so
//	priority   what adverts say and machines hold is a function of the trackers'
//	           states alone, computed a second time in the plainest way
//	config     adverts carry the addresses of the configuration in force
//	hooks      transitions join end to end, and the last one tells the truth
//	addresses  the host carries what the state says, or is about to look again
//	announced  addresses that came, and a survivor that deposed another, are announced
//
// Machines and loops that are broken on purpose show that each can fail
// (broken_test.go). A seed that fails is run again with ever fewer faults; what
// is printed is the shortest diary and the command that repeats it.
//
// Where two sync groups outrank each other crosswise, one by this member, one
// by that, nobody is right; owner, rank and peace are not looked at. The loop's
// own goroutine and sockets are not simulated: turn.go does by hand what
// vrrp.Loop does, and trackers.go what daemon's tracking does.
//
// Files: lan.go nodes and time; setup.go what a seed builds; wire.go datagrams;
// turn.go what a node does when it wakes up; trackers.go what it tracks;
// auth.go keys, numbers and clocks on the wall;
// faults.go what a seed does to it; stranger.go somebody else on the wire, and
// what he recorded;
// check.go, check_resume.go what
// must hold; shrink.go one seed and its shortest failure; batch.go
// many seeds.
package sim
