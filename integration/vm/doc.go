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
// What runs inside is a Go test binary, package guest. To add a scenario:
//
//  1. Write guest/NAME_test.go with func TestNAME(t *testing.T). It runs as
//     root, alone on the machine, in folder /vm, at most five minutes.
//  2. guest.Run runs a program and returns what it printed, guest.Namespaces
//     makes network namespaces joined by a bridge. /vm/holdfast is the binary
//     of this tree, /vm/examples its examples, /vm/testdata is
//     guest/testdata.
//  3. HOLDFAST_VM=1 HOLDFAST_VM_RUN=TestNAME go test -v ./integration/vm
//
// Every test function of guest becomes a subtest here, with its output. One
// boot serves all; tests clean up after themselves. Whole clusters (web
// servers behind a firewall mark, mail relays, name servers) belong into
// guest/cluster_*_test.go.
//
// Files, in reading order:
//
//	vm.go         preparing and booting a guest
//	kernel.go     the distribution's kernel, fetched but not installed
//	initrd.go     the ramdisk that reaches the shared root
//	vm_test.go    builds the guest's tests, boots, reports
package vm
