// Package sim runs whole LANs of production vrrp.Machines in virtual time, with
// every fault drawn from one seed: loss, delay, partitions, one-way loss,
// crashes, restarts, stalls, clocks that drift by up to one percent, kernels
// that refuse to change addresses, addresses that others take away, reloads
// with other priorities, intervals, addresses and preemption. It needs no
// privilege and no kernel.
//
// After the faults comes a quiet time, and then the network is looked at from
// outside (Check): exactly one Active router, and none that preempts above it;
// addresses where the states say; members of a sync group agreeing; the
// survivor announced since its addresses came. From then on nothing may move
// (Peace). Machines that are broken on purpose show that each invariant can
// fail. A seed that fails prints its diary and the command that repeats it.
//
// Files: lan.go routers, wires and time; faults.go what a seed does to them;
// check.go what must hold afterwards.
package sim
