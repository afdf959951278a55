// Package config puts a configuration together: it knows the vocabulary of a
// whole file, decodes every block through the packages that give it meaning,
// applies the rules that cross blocks, and says what is wrong and why the result
// cannot run.
//
// It is apart from package daemon because more than the daemon asks: whoever
// checks, explains, formats or dumps a configuration needs what a file means,
// and no supervisor, process or log. Nothing here changes the machine.
// Environment says what a file is checked against (interfaces, accounts and
// programs of scripts); host name, certificate files and the names of routing
// tables are read from this machine in any case.
//
// Parent and children use it alike. The parent calls Load, which parses and
// checks; a child calls Decode on the same tree and checks nothing again. What
// the parent found unusable, Config.Told, goes along, so that both have the
// same scripts.
//
// A Config is plain data with answers about itself. What becomes of it, such as
// hooks, mail, tracked priorities and kernel tables, is the daemon's.
//
// Files, in reading order:
//
//	load.go           reading a file; what --config-test says; a child's reading
//	dump.go           the configuration as JSON
//	root.go           vocabulary of the file's top level
//	globals.go        what global_defs sets, its defaults, and what follows from
//	                  other settings; its vocabulary by theme: globals_mail.go,
//	                  globals_scripts.go, globals_vrrp.go, globals_garp.go,
//	                  globals_firewall.go, globals_lvs.go, globals_process.go, globals_own.go,
//	                  globals_buffers.go, globals_snmp.go, globals_files.go
//	rows.go           rows and setters that several of these share
//	blocks.go         rows of the top level that open blocks
//	assemble.go       from tree to Config: the order of the cross-block rules
//	instances.go      instances: lines, defaults, contradictions
//	statics.go        what is there in every state, and track_group
//	interfaces.go     garp_group and other lines about interfaces
//	duplicates.go     instances that would be one virtual router, or share a VMAC
//	syncgroups.go     sync groups, their members and trackers
//	tracks.go         track lines: what exists, and which weights count
//	servers.go        virtual servers, their checks and scripts
//	scripts_linux.go  scripts: accounts, security, which are ready to run
//	links_linux.go    this machine: interfaces, addresses, files
//	configtest/       configurations for tests to spoil
//
// Sources: keepalived(8), keepalived.conf(5).
package config
