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
// the parent found unusable, Config.Dropped, goes along, so that both have the
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
//	globals.go        vocabulary of global_defs; globals_set.go its setters
//	assemble.go       from tree to Config: instances, statics, cross-block rules
//	tracks.go         sync groups, track lines and duplicate routers
//	servers.go        virtual servers, their checks and scripts
//	scripts_linux.go  scripts: accounts, security, which are ready to run
//	links_linux.go    the interfaces of this machine
//	configtest/       configurations for tests to spoil
//
// Sources: keepalived(8), keepalived.conf(5).
package config
