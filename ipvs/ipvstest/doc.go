// Package ipvstest has a kernel for tests: a Fake that refuses what ip_vs
// refuses, and the Contract that says so.
//
// A fake that forgives what the kernel refuses lets code pass that fails in
// production. Therefore the same Contract runs on the fake in the unit tests
// and on the real ip_vs in integration/vm: the two cannot drift apart.
//
// Files, in reading order:
//
//	contract.go  what every Dataplane promises; ContractKernel: and every Kernel
//	fake.go      the Fake
//
// Nothing here starts a goroutine.
package ipvstest
