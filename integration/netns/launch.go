package netns

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// launchVariable, when set, makes the test binary a launcher: it takes the
// netfilter sockets away from itself and becomes the program of its arguments.
const launchVariable = "HOLDFAST_NETNS_WITHOUT_NETFILTER"

// WithoutNetfilter makes the host's daemons see a kernel that has neither
// nfnetlink nor nf_tables.
func (h *Host) WithoutNetfilter() {
	h.lab.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.lab.t.Fatal(err)
	}
	h.launcher = []string{"env", launchVariable + "=1", self}
}

// launch does what launchVariable asks for. It must be called from the first
// thread, before anything else runs: the filter is that of the thread, and of
// what it becomes.
func launch() {
	if os.Getenv(launchVariable) == "" {
		return
	}
	os.Unsetenv(launchVariable)
	err := denyNetfilter()
	if err == nil {
		err = syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "launch:", err)
	os.Exit(1)
}

// denyNetfilter makes socket(AF_NETLINK, type, NETLINK_NETFILTER) fail as it
// does where the kernel has none (seccomp(2)).
func denyNetfilter() error {
	const number, domain, protocol = 0, 16, 32 // offsets in struct seccomp_data, of the lower halves
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: number, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_SOCKET, SkipTrue: 5},
		bpf.LoadAbsolute{Off: domain, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.AF_NETLINK, SkipTrue: 3},
		bpf.LoadAbsolute{Off: protocol, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.NETLINK_NETFILTER, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.EPROTONOSUPPORT)},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
	})
	if err != nil {
		return err
	}
	var filter []unix.SockFilter
	for _, i := range program {
		filter = append(filter, unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K})
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	all := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&all)), 0, 0)
}
