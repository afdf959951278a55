// Package nfttest has nf_tables in memory, and the contract that it and the
// kernel both keep, so that the fake cannot forgive what the real one refuses.
//
// Files: fake.go (Fake, and the hand of somebody else: Remove, Change),
// contract.go (Contract, run by the tests of nft on the fake, and on the kernel
// in a network namespace). The fake has no goroutine: Watch starts one that ends
// with its context.
package nfttest
