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
//	ownlink_test.go   routers on links of their own kinds: ipvlan, VRF
//	bench_test.go     that make bench still measures health checks
//	record_test.go    prints messages for ipvs/testdata, and times (HOLDFAST_VM_RECORD=1)
//
// The package doc of integration/vm says how to add a scenario.
package guest
