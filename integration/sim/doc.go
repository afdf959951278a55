// Package sim runs whole LANs of production vrrp.Machines in virtual time, with
// every fault drawn from one seed: loss, delay, partitions, one-way loss,
// crashes, restarts, stalls and drifting clocks. It needs no privilege and no
// kernel.
//
// After the faults comes a quiet time, and then the network is looked at from
// outside (Check): exactly one Active router, the highest that can be; addresses
// where the states say; members of a sync group agreeing; the survivor
// announced. A seed that fails prints its diary and the command that repeats it.
//
// Files: lan.go routers, wires and time; faults.go what a seed does to them;
// check.go what must hold afterwards.
package sim
