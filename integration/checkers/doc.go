// Package checkers puts every kind of health check in front of real servers, good
// ones and bad ones, and compares what the daemon says of them with what keepalived
// 2.2.7 said of the same servers.
//
// Everything runs in one lab of integration/netns: a machine with nginx, postfix,
// named, OpenSSL's s_server and some hundred small servers that misbehave, each on
// a port of its own, and one director for each set of blocks outside of virtual
// servers. A director's configuration has one virtual server for each case; each
// check runs once, and what is logged about its server, and what the server heard,
// are compared line by line with testdata/keepalived.txt. Cases in which holdfast
// does better say why, and what it logs.
//
// keepalived needs ip_vs, which the machine that runs the tests need not have. The
// record was made in the virtual machine of integration/vm, by the same test with
// another daemon:
//
//	HOLDFAST_VM=1 HOLDFAST_DIRECTOR=keepalived HOLDFAST_VM_RUN=checkers/TestVerdicts \
//		go test -timeout 15m -v ./integration/vm -run Inside
//
// prints it between RECORD BEGINS and RECORD ENDS. That machine is emulated, and
// slow: times are never part of a comparison. What a check may take is the subject of
// deadline_test.go, which needs neither root nor namespaces.
//
// Goroutines: one per listening server and one per connection; Site.close waits for
// all of them.
//
// Files, in reading order:
//
//	case.go        Case: a server, a check; its virtual server as text
//	place.go       Place and Site: where servers live, sockets in their namespace
//	streams.go     what servers over TCP do
//	datagrams.go   what servers over UDP do
//	echoes.go      what answers echo requests instead of the kernel
//	programs.go    nginx, named, postfix
//	tlsservers.go  certificates, s_server, TLS in front of the others
//
// Tests: verdicts_test.go compares; web_test.go, patterns_test.go, tls_test.go,
// tcp_test.go, mail_test.go, name_test.go, udp_test.go, ping_test.go, script_test.go
// and file_test.go have the cases.
package checkers
