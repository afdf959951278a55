// Package hosttest has a kernel that lives in memory, and the contract that it
// and the real kernel both keep, so that the fake cannot forgive what the real
// one refuses.
//
// Files: fake.go (Fake, and the hand of somebody else: AddLink, SetLink,
// Remove), links.go (links of virtual routers, sysctls), watch.go (its Watch), contract.go and contract_links.go (Contract, run by host's unit tests on the fake and by
// kernel_linux_test.go in a network namespace). Every rule in fake.go was seen
// on Linux 6.18 first. The fake has no goroutine: Watch starts one that ends
// with its context.
package hosttest
