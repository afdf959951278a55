// Package guest holds the tests that run inside the virtual machine of
// integration/vm, as root and with ip_vs. On any other machine its tests are
// not started at all.
//
// Files, in reading order:
//
//	guest.go          helpers: programs, network namespaces
//	main_test.go      the gate
//	ipvs_test.go      the contract of ipvs on the real kernel
//	large_test.go     a table of a thousand services
//	bench_test.go     that make bench still measures health checks
//
// The package doc of integration/vm says how to add a scenario.
package guest
