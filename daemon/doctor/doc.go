// Package doctor finds what parses but cannot work: a weight that can never move
// the addresses, nopreempt where it has no meaning, two nodes that do not hear
// each other. `holdfast check` prints what it finds.
//
// A rule is one row with its own page in the manual: what is wrong, what the
// operator will see, what to do, a file that breaks it and one that does not.
// The examples are run by the tests, so pages cannot be wrong about the program.
// Rules find; none of them is an error, because the file does run, and none
// changes the exit status of --config-test, which is keepalived's.
//
// Three kinds of rules: those that look at the assembled configuration and, for
// places, at the tree; those that need to know the machine and are silent where
// it is not known; and those that take up what the reading has said, add what
// follows from it, and replace that line (Covers, Merge).
//
// A rule that cries wolf is worse than none. Every rule is held against the
// published clusters in examples/ and against files that are right.
//
// Files, in reading order:
//
//	doctor.go        Rule, Input, Examine, Merge
//	place.go         where things stand in a file, what the machine has
//	machine_linux.go this machine's links and addresses
//	weight.go        what trackers can make of a priority
//	rules_vrrp.go    who is master
//	rules_advert.go  what advertisements carry, strict mode
//	rules_unicast.go peers and sources
//	rules_address.go virtual addresses and their links
//	rules_group.go   sync groups
//	rules_track.go   weights, track scripts
//	rules_script.go  programs that are run
//	rules_ipvs.go    virtual servers
//	rules_pool.go    real servers, quorum, sorry server
//	rules_check.go   health checks
//	rules_global.go  global_defs, versions, includes
//	peer.go          two nodes side by side: Compare
//	rules_peer.go    their virtual routers
//	rules_peer_hmac.go  their auth_hmac
//	rules_peer_servers.go  their virtual servers
//	example.go       examples of the rules, laid out
//	page.go          the rule's page and the index
//	kinds.go         kinds of mistakes that the reading finds: Kind, their list
//	kinds_text.go    of the text, of words and values
//	kinds_vrrp.go    of routers, interfaces, addresses, routes
//	kinds_services.go  of groups, trackers, scripts, services, checks, global_defs
//
// Sources: RFC 9568, RFC 3768; keepalived.conf(5); the issue trackers of
// keepalived and of what is built on it, for what hurts.
package doctor
