package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	mdl "github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Commands to ip_vs, as the kernel counts them.
const (
	ipvsSetDest = 6
	ipvsDelDest = 7
)

// sent is one command to ip_vs that changes something.
type sent struct {
	at      time.Time
	command uint8
	port    uint16 // of the destination, 0: none
}

// ipvsWatch sees the commands of a namespace from outside, with the kernel's time,
// through a link of kind nlmon.
type ipvsWatch struct {
	fd     int
	family uint16
	out    chan sent
	end    chan struct{}
	wait   sync.WaitGroup
	remove func()
}

// watchIPVS begins to watch a namespace.
func watchIPVS(namespace string) (*ipvsWatch, error) {
	w := &ipvsWatch{fd: -1, out: make(chan sent, 1<<16), end: make(chan struct{})}
	if err := batch(namespace, "link add nlmon0 type nlmon", "link set nlmon0 up"); err != nil {
		return nil, err
	}
	w.remove = func() { _ = ip("-n", namespace, "link", "del", "nlmon0") }
	if err := inside(namespace, w.open); err != nil {
		w.remove()
		return nil, fmt.Errorf("watch netlink in %s: %w", namespace, err)
	}
	w.wait.Go(w.read)
	return w, nil
}

func (w *ipvsWatch) open() error {
	f, err := netlink.GenlFamilyGet("IPVS")
	if err != nil {
		return err
	}
	w.family = f.ID
	link, err := netlink.LinkByName("nlmon0")
	if err != nil {
		return err
	}
	if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	err = errors.Join(w.filter(), unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20),
		unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}),
		unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: link.Attrs().Index}))
	if err != nil {
		unix.Close(w.fd)
	}
	return err
}

// filter lets through what begins with a command that changes something: tables that
// are read would cost the reader time, on the machine that is measured.
func (w *ipvsWatch) filter() error {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 4, Size: 2}, // nlmsg_type, in the machine's own order
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(htons(w.family)), SkipTrue: 4},
		bpf.LoadAbsolute{Off: 16, Size: 1}, // command
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 4, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 8, SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{Val: 0},
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(w.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

// close ends the watch.
func (w *ipvsWatch) close() {
	close(w.end)
	w.wait.Wait()
	unix.Close(w.fd)
	w.remove()
}

func (w *ipvsWatch) read() {
	buf, oob := make([]byte, 128<<10), make([]byte, 128)
	for {
		select {
		case <-w.end:
			return
		default:
		}
		n, oobn, _, _, err := unix.Recvmsg(w.fd, buf, oob, 0)
		if err != nil {
			continue // nothing for 100 ms
		}
		at := stamp(oob[:oobn])
		for _, s := range commandsIn(buf[:n], w.family) {
			s.at = at
			w.out <- s
		}
	}
}

// commandsIn are the requests to the family that change something, in a datagram.
func commandsIn(b []byte, family uint16) (list []sent) {
	for len(b) >= unix.NLMSG_HDRLEN+unix.GENL_HDRLEN {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN+unix.GENL_HDRLEN || size > len(b) {
			break
		}
		kind, flags, command := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:]), b[unix.NLMSG_HDRLEN]
		switch command {
		case 4, 8, 11, 13, 15: // GET_SERVICE, GET_DEST, GET_DAEMON, GET_CONFIG, GET_INFO
		default:
			if kind == family && flags&unix.NLM_F_REQUEST != 0 {
				list = append(list, sent{command: command, port: destinationPort(b[unix.NLMSG_HDRLEN+unix.GENL_HDRLEN : size])})
			}
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return list
}

// destinationPort is the port in IPVS_CMD_ATTR_DEST.
func destinationPort(attributes []byte) (port uint16) {
	const dest, destPort = 2, 2
	d, err := mdl.NewAttributeDecoder(attributes)
	if err != nil {
		return 0
	}
	for d.Next() {
		if d.Type() == dest {
			d.Nested(func(n *mdl.AttributeDecoder) error {
				for n.Next() {
					if n.Type() == destPort && len(n.Bytes()) == 2 {
						port = binary.BigEndian.Uint16(n.Bytes())
					}
				}
				return nil
			})
		}
	}
	return port
}
