// Package vm runs tests as root on a Linux with ip_vs, in a virtual machine
// that is thrown away afterwards.
//
// The machine is QEMU with emulation in software: it needs no /dev/kvm, and
// nothing of the host but permission to read. Its root is the host's, read
// only below an overlay in memory, so every program that is installed here
// (ipvsadm, nginx, named, tcpdump) runs there too. There is no network card:
// routers, clients and servers are network namespaces inside. Because of the
// emulation tests count operations and wait for conditions; they never
// measure time.
//
// What runs inside are the test binaries of two packages: guest tests our
// packages against the real kernel, clusters runs whole clusters (web servers
// behind a firewall mark, mail relays, name servers). To add a test:
//
//  1. Write guest/NAME_test.go or clusters/NAME_test.go with func
//     TestNAME(t *testing.T). It runs as root, alone on the machine, in the
//     folder /vm/PACKAGE, which has the package's testdata, at most five
//     minutes. /vm/holdfast is the binary of this tree, /vm/examples its
//     examples.
//  2. In guest, Run runs a program and returns what it printed, Namespaces
//     makes network namespaces joined by a bridge, Serve a server in one.
//  3. HOLDFAST_VM=1 HOLDFAST_VM_RUN=TestNAME go test -v ./integration/vm
//
// HOLDFAST_VM_RECORD=1 lets the guest print recordings and times as well.
//
// Every test function becomes a subtest here, with its output, and so do its
// own subtests. One boot serves all; tests clean up after themselves. A machine
// of two emulated processors takes about 3 s to boot, by its own clock.
//
// Files, in reading order:
//
//	vm.go         preparing and booting a guest
//	kernel.go     the distribution's kernel, fetched but not installed
//	initrd.go     the ramdisk that reaches the shared root
//	vm_test.go    builds the guest's tests, boots, reports
package vm
