package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	// batch is how many requests travel in one datagram. Their answers must fit
	// into the socket's receive buffer: 64 of them use a quarter of the default.
	batch = 64
	// answerTime is how long the kernel may take over one datagram. It answers
	// while it is being sent to; this only guards against losing an answer.
	answerTime = 5 * time.Second
	// dumpTries is how often a listing is repeated when the kernel says that it
	// changed meanwhile.
	dumpTries = 4
)

// Netlink is the Kernel of the network namespace it was opened in. Its methods
// may be called from any goroutine; they take turns.
type Netlink struct {
	mu    sync.Mutex
	fd    int
	seq   uint32
	buf   []byte
	links *netlink.Handle
	ns    netns.NsHandle // where the sockets are; not open without /proc
	index map[string]int // of links, from the last Read
	watch ReceiveBuffer  // of watches; zero: watchBuffer
}

// ReceiveBuffer is the size of a netlink socket's receive buffer.
type ReceiveBuffer struct {
	Octets int  // 0: as it is
	Force  bool // beyond net.core.rmem_max, with CAP_NET_ADMIN
}

// set gives a socket the buffer.
func (b ReceiveBuffer) set(fd int) error {
	option := unix.SO_RCVBUF
	if b.Force {
		option = unix.SO_RCVBUFFORCE
	}
	if b.Octets == 0 {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, b.Octets); err != nil {
		return fmt.Errorf("set receive buffer of netlink socket to %d octets: %w", b.Octets, err)
	}
	return nil
}

// SetReceiveBuffers sizes the socket of commands now, and those of watches that
// begin from now on. Keywords vrrp_netlink_cmd_rcv_bufs and
// vrrp_netlink_monitor_rcv_bufs.
func (k *Netlink) SetReceiveBuffers(command, watch ReceiveBuffer) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watch = watch
	return command.set(k.fd)
}

// watchBuffer is the buffer of a watch that begins now.
func (k *Netlink) watchBuffer() ReceiveBuffer {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.watch.Octets != 0 {
		return k.watch
	}
	return ReceiveBuffer{Octets: watchBuffer, Force: true}
}

// OpenNetlink opens sockets in the network namespace of the calling thread,
// which matters to callers that switch: they lock their goroutine to its thread
// first. Reading needs no privilege, changing needs CAP_NET_ADMIN.
func OpenNetlink() (*Netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	k := &Netlink{fd: fd, buf: make([]byte, 1<<16), index: map[string]int{}}
	timeout := unix.NsecToTimeval(answerTime.Nanoseconds())
	err = errors.Join(unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout))
	if err == nil {
		k.links, err = netlink.NewHandle(unix.NETLINK_ROUTE)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set up netlink socket: %w", err)
	}
	if k.ns, err = netns.Get(); err != nil {
		k.ns = netns.None()
	}
	// Extended acknowledgements carry the kernel's own words; without them
	// (kernel before 4.12) the number has to do.
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return k, nil
}

// Close closes the sockets. The contexts of watches end first: a watch has a
// socket of its own, but after a loss lists the links through these.
func (k *Netlink) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.links.Close()
	if k.ns.IsOpen() {
		k.ns.Close()
	}
	return unix.Close(k.fd)
}

// Read implements Kernel.
func (k *Netlink) Read(ctx context.Context) (State, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := NewState()
	links, err := listLinks(k.links)
	if err != nil {
		return s, err
	}
	names := map[int]string{0: ""}
	clear(k.index)
	for _, l := range links {
		s.put(l)
		names[l.Index], k.index[l.Name] = l.Name, l.Index
	}
	for _, part := range []struct {
		what string
		typ  uint16
		head int // octets of the request's header
		take func([]byte) error
	}{
		{"addresses", unix.RTM_GETADDR, unix.SizeofIfAddrmsg, takeAddress(s, names)},
		{"routes", unix.RTM_GETROUTE, unix.SizeofRtMsg, takeRoute(s, names)},
		{"rules", unix.RTM_GETRULE, unix.SizeofRtMsg, takeRule(s)},
	} {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if err := k.dump(part.typ, part.head, part.take); err != nil {
			return s, fmt.Errorf("read %s: %w", part.what, err)
		}
	}
	return s, nil
}

func takeAddress(s State, names map[int]string) func([]byte) error {
	order := 0
	return func(b []byte) error {
		a, index, err := decodeAddress(b)
		a.Link = names[index]
		if err == nil && a.Link != "" {
			order++
			a.Order = order
			s.put(a)
		}
		return err
	}
}

// takeRoute leaves out what the kernel maintains by itself: there may be very
// many of others, and none of them is anybody's wish.
func takeRoute(s State, names map[int]string) func([]byte) error {
	return func(b []byte) error {
		if len(b) >= unix.SizeofRtMsg && b[5] == unix.RTPROT_KERNEL {
			return nil
		}
		r, links, ok, err := decodeRoute(b)
		if err == nil && ok {
			r.nameLinks(links, func(i int) string { return names[i] })
			s.put(r)
		}
		return err
	}
}

func takeRule(s State) func([]byte) error {
	return func(b []byte) error {
		r, ok, err := decodeRule(b)
		if err == nil && ok {
			s.put(r)
		}
		return err
	}
}

// dump lists all objects of a kind, both families. The list is repeated when
// the kernel marks it as changed under way; take must bear seeing one twice.
func (k *Netlink) dump(typ uint16, head int, take func([]byte) error) error {
	for range dumpTries {
		k.seq++
		req := appendMessage(nil, typ, unix.NLM_F_DUMP, k.seq, make([]byte, head))
		if err := unix.Sendto(k.fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		interrupted := false
		err := k.answers(k.seq, k.seq, func(h nlHeader, body []byte) (bool, error) {
			interrupted = interrupted || h.flags&unix.NLM_F_DUMP_INTR != 0
			switch h.typ {
			case unix.NLMSG_DONE:
				return true, nil
			case unix.NLMSG_ERROR:
				return true, ackError(body)
			}
			return false, take(body)
		})
		if err != nil || !interrupted {
			return err
		}
	}
	return nil // changing all the time: the changes themselves are being watched
}

type nlHeader struct {
	typ, flags uint16
	seq        uint32
}

func appendMessage(b []byte, typ, flags uint16, seq uint32, body []byte) []byte {
	b = ne.AppendUint32(b, uint32(unix.NLMSG_HDRLEN+len(body)))
	b = ne.AppendUint16(b, typ)
	b = ne.AppendUint16(b, flags|unix.NLM_F_REQUEST)
	b = ne.AppendUint32(b, seq)
	b = ne.AppendUint32(b, 0)
	return append(b, body...) // bodies are padded by appendAttr
}

// answers reads messages until f says that it has seen the last one. Late
// answers to earlier requests are dropped by their sequence number.
func (k *Netlink) answers(first, last uint32, f func(nlHeader, []byte) (bool, error)) error {
	for {
		n, _, err := unix.Recvfrom(k.fd, k.buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		}
		for b := k.buf[:n]; len(b) >= unix.NLMSG_HDRLEN; {
			size := int(ne.Uint32(b))
			if size < unix.NLMSG_HDRLEN || size > len(b) {
				return errTruncated
			}
			h := nlHeader{ne.Uint16(b[4:]), ne.Uint16(b[6:]), ne.Uint32(b[8:])}
			if h.seq-first <= last-first {
				if done, err := f(h, b[unix.NLMSG_HDRLEN:size]); done || err != nil {
					return err
				}
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

// ackError is the outcome in an acknowledgement: nil, or the kernel's number
// with its words when it gave some.
func ackError(body []byte) error {
	if len(body) < 4 {
		return errTruncated
	}
	code := int32(ne.Uint32(body))
	if code == 0 {
		return nil
	}
	errno := syscall.Errno(-code)
	const errorMessage = 1 // NLMSGERR_ATTR_MSG
	text := ""
	if len(body) > 4+unix.NLMSG_HDRLEN {
		eachAttr(body[4+unix.NLMSG_HDRLEN:], func(typ uint16, v []byte) {
			if typ == errorMessage {
				text = unix.ByteSliceToString(v)
			}
		})
	}
	if text == "" {
		return errno
	}
	return fmt.Errorf("%w (%s)", errno, strings.TrimSuffix(text, "."))
}

// Apply implements Kernel: requests are sent in batches, each with its own
// acknowledgement, about 16 microseconds an address. Links and sysctls, of which
// there are few, go one by one.
func (k *Netlink) Apply(ctx context.Context, ops []Op) []error {
	k.mu.Lock()
	defer k.mu.Unlock()
	errs := make([]error, len(ops))
	for at, end := 0, 0; at < len(ops); at = end {
		if err := ctx.Err(); err != nil {
			for i := at; i < len(ops); i++ {
				errs[i] = err
			}
			break
		}
		if end = at + 1; ops[at].alone() {
			errs[at] = k.applyAlone(ops[at])
			continue
		}
		for end < min(at+batch, len(ops)) && !ops[end].alone() {
			end++
		}
		k.applyBatch(ops[at:end], errs[at:end])
	}
	for i, op := range ops {
		errs[i] = explain(op, errs[i])
	}
	return errs
}

// explain turns a kernel error into what the operator needs to know.
func explain(op Op, err error) error {
	switch {
	case Harmless(op, err):
		return nil
	case errors.Is(err, syscall.EEXIST) && op.Link != nil:
		return fmt.Errorf("%v: %w (a link of that name is there and is not ours; remove it, or give another name)", op, err)
	case errors.Is(err, syscall.EOPNOTSUPP) && op.Link != nil:
		return fmt.Errorf("%v: %w (has the kernel the module %s?)", op, err, op.Link.Kind)
	case errors.Is(err, syscall.EADDRINUSE) && op.Link != nil:
		return fmt.Errorf("%v: %w (another link on %s has the address %v)", op, err, op.Link.Parent, op.Link.MAC)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%v: %w (needs CAP_NET_ADMIN)", op, err)
	case errors.Is(err, syscall.EACCES) && op.Address != nil && op.Address.Prefix.Addr().Is6():
		return fmt.Errorf("%v: %w (is net.ipv6.conf.%s.disable_ipv6 set?)", op, err, op.Address.Link)
	default:
		return fmt.Errorf("%v: %w", op, err)
	}
}

func (k *Netlink) applyBatch(ops []Op, errs []error) {
	first := k.seq + 1
	var out []byte
	waiting := 0
	for i, op := range ops {
		k.seq++
		typ, flags, body, err := k.request(op)
		if errs[i] = err; err != nil {
			continue
		}
		errs[i] = errNoAnswer
		waiting++
		out = appendMessage(out, typ, flags|unix.NLM_F_ACK, k.seq, body)
	}
	if waiting == 0 {
		return
	}
	err := unix.Sendto(k.fd, out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	if err == nil {
		err = k.answers(first, k.seq, func(h nlHeader, body []byte) (bool, error) {
			if i := h.seq - first; h.typ == unix.NLMSG_ERROR && errors.Is(errs[i], errNoAnswer) {
				errs[i] = ackError(body)
				waiting--
			}
			return waiting == 0, nil
		})
	}
	for i := range errs {
		if err != nil && errors.Is(errs[i], errNoAnswer) {
			errs[i] = err
		}
	}
}

var errNoAnswer = errors.New("no answer from the kernel")

// request is the netlink message for op. EXCL must not be set on deletions:
// the bit means "all of them" there.
func (k *Netlink) request(op Op) (typ, flags uint16, body []byte, err error) {
	if op.Verb == Set && op.Address != nil { // with REPLACE an address gets other lifetimes; one that has gone comes again
		index, err := k.linkIndex(op.Address.Link)
		return unix.RTM_NEWADDR, unix.NLM_F_REPLACE, encodeAddress(*op.Address, index), err
	}
	add := op.Verb == Add
	if add {
		flags = unix.NLM_F_CREATE
	}
	pick := func(a, d uint16) uint16 {
		if add {
			return a
		}
		return d
	}
	switch {
	case op.Address != nil:
		index, err := k.linkIndex(op.Address.Link)
		return pick(unix.RTM_NEWADDR, unix.RTM_DELADDR), flags | pick(unix.NLM_F_EXCL, 0), encodeAddress(*op.Address, index), err
	case op.Route != nil: // without EXCL: goes in front of equal ones of others
		var links []int
		for _, name := range op.Route.Links() {
			index, err := k.linkIndex(name)
			if err != nil {
				return 0, 0, nil, err
			}
			links = append(links, index)
		}
		flags |= pick([...]uint16{Prepend: 0, Append: unix.NLM_F_APPEND, AddAlone: unix.NLM_F_EXCL}[op.Route.Place], 0)
		return pick(unix.RTM_NEWROUTE, unix.RTM_DELROUTE), flags, encodeRoute(*op.Route, !add, links...), nil
	default:
		return pick(unix.RTM_NEWRULE, unix.RTM_DELRULE), flags | pick(unix.NLM_F_EXCL, 0), encodeRule(*op.Rule), nil
	}
}

// linkIndex asks the kernel when the last Read did not show the link.
func (k *Netlink) linkIndex(name string) (int, error) {
	if name == "" {
		return 0, nil
	}
	if i, ok := k.index[name]; ok {
		return i, nil
	}
	l, err := k.links.LinkByName(name)
	if err != nil {
		return 0, syscall.ENODEV
	}
	k.index[name] = l.Attrs().Index
	return l.Attrs().Index, nil
}
