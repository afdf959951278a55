// Package host keeps this machine's addresses, routes and rules as they should
// be, with the links that virtual routers make for themselves and the sysctls
// that these need, and tells the neighbours where the addresses are.
//
// Nobody adds or removes an address here. The VRRP role says what should exist
// (Desired), Kernel.Read says what does (State), Plan lists the difference as
// operations that print as ip(8) commands, and Reconcile carries them out.
// Becoming Active, reload, a deleted virtual address, a crashed predecessor and
// the end of the process are all this one path.
//
// What is ours carries protocol 18 (Mark). An address is also ours when the
// configuration names it (Desired.Leftovers) or when this process added it:
// kernels before 5.18 keep no mark. A link is ours by its alias (LinkMark).
// Nothing else is ever deleted. What sysctls were before us is written down
// before they are changed (Journal): a successor of a killed process restores
// them. An object
// that somebody else put there and that is wanted serves as it is.
//
// Goroutines. Worker.Run is one and owns all of the worker's state; Want never
// waits for it. Netlink.Watch starts one that reads until its context ends and
// then closes the channel, which the worker waits for. The owner of the context
// waits for Run. Pacer and FrameSocket belong to whoever announces.
//
// Known to be ugly: with promote_secondaries off, the kernel deletes the other
// IPv4 addresses of a subnet together with its first one. When a virtual
// address was there first, an administrator's address of the same subnet goes
// with it; Reconcile puts back what is wanted, but that one was nobody's wish.
// Two IPv6 routes that differ only in the gateway become one in the kernel:
// write them as one line with two nexthops.
//
// Files, in reading order:
//
//	state.go           addresses, routes, rules, links; what identifies each
//	text.go            all of them as ip(8) takes them
//	diff.go            Plan, Kernel, Reconcile
//	link.go            links of virtual routers: macvlan, ipvlan
//	sysctl.go          values of theirs and of the links below; putting them back
//	journal.go         the file that says what they were
//	change.go          what the kernel reports; the link table; source addresses
//	worker.go          the goroutine that keeps the host as wanted
//	storm.go           somebody who keeps removing things
//	lifetime.go        addresses that end when nobody renews them
//	kernel_linux.go    Netlink: reads and changes the kernel, in batches
//	links_linux.go     its links; vlink_linux.go: making links, sysctls
//	codec_linux.go     rtnetlink messages to and from our types
//	watch_linux.go     one subscription, and what happens when changes get lost
//	sender.go          which MAC sends from an address; sender_linux.go listens
//	linkbeat_linux.go  asking an interface for its link
//	announce.go        gratuitous ARP and neighbour advertisement frames
//	pacer.go           their spacing, a pure queue
//	announce_linux.go  the packet socket
//	keywords.go        rows and decoder of address lines
//	route.go           routes: ways, metrics, tunnels
//	codec_route_linux.go  their rtnetlink messages
//	keywords_route.go  of route lines; keywords_metric.go: what tunes them; keywords_hop.go: nexthop and encap
//	keywords_rule.go   of rule lines
//	names.go           iproute2's names of tables, scopes and service types
//	hosttest/          a kernel in memory, and the contract it shares with Linux
//
// Sources: rtnetlink(7) and the kernel's uapi headers; RFC 5227 (ARP), RFC 4861
// (neighbour advertisements), RFC 9568 sections 6.4.1 and 8.2.
package host
