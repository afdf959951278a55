// Package nft keeps nftables tables as they should be: those that drop packets
// to and from virtual addresses (no_accept), and send the group reports of
// macvlans from the interface below.
//
// Nobody adds a rule or an element here. The owner of a table says what it has
// to be (Wish), Kernel.Read says what is, Plan lists the difference as
// operations that print as nft(8) commands, and Apply carries them out in one
// transaction: packets see the old table or the new one. Entering MASTER, a
// reload, a table that somebody deleted, leftovers of a crashed predecessor and
// the end of the process are all this one path, and where nothing differs
// nothing is sent.
//
// One owner per table, and the owner says all of it: what else is found in the
// table goes. Desired, which makes the table of accept mode and VMACs, knows
// nothing of the kernel; a second owner would bring another such function, use
// the same Worker and Kernel, and name its tables otherwise.
//
// Names, priorities and rules are keepalived's, so that what looks for them
// finds them.
//
// Rules are read back as programs and compared so: the kernel does not keep the
// text. The library leaves out what it does not know; see Rule.same.
//
// Goroutines. Worker.Run is one and owns all of the worker's state; Want never
// waits for it. NFTables.Watch starts one that reads until its context ends and
// then closes the channel, which the worker waits for. The owner of the context
// waits for Run.
//
// Files, in reading order:
//
//	table.go         tables, sets, chains; keys of elements
//	rule.go          rules, built of clauses: words and program together
//	desired.go       Filter and Desired: what accept mode and VMACs need
//	marks.go         Marks and DesiredMarks: what groups of virtual servers need
//	text.go          tables as nft(8) lists them
//	diff.go          Plan, Kernel, Reconcile
//	worker.go        the goroutine that keeps tables as wanted
//	kernel_linux.go  NFTables: reads the kernel; apply_linux.go: changes it
//	watch.go         which table a message is about; watch_linux.go the subscription
//	nfttest/         tables in memory, and the contract they share with Linux
//
// Sources: the kernel's uapi headers (linux/netfilter/nf_tables.h), nft(8); the
// tables that keepalived 2.2.7 makes; RFC 9568 section 6.1 (Accept_Mode), RFC
// 4861 (neighbour discovery), RFC 3810 (multicast listeners).
package nft
