package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// watchBuffer is the receive buffer in octets: room for some ten thousand
// changes while the reader is busy. Beyond it changes are lost and Resync says so.
const watchBuffer = 8 << 20

// emptyAfter is how long nothing must come before the queue counts as empty.
const emptyAfter = 10 * time.Millisecond

// watchGroups are subscribed on one socket, so that the order across kinds is
// the kernel's: an address disappears after its link went down.
var watchGroups = []uint{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
	unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE}

// Watch implements Kernel. Called from a thread in another network namespace
// than the Kernel's, it needs CAP_SYS_ADMIN to go there. One goroutine reads until ctx ends and then closes the
// channel; another only waits for ctx to close the socket under it. Changes are
// told from the links that exist when Watch returns; Read shows those.
func (k *Netlink) Watch(ctx context.Context) (<-chan Change, error) {
	sock, err := nl.SubscribeAt(k.namespace(), netns.None(), unix.NETLINK_ROUTE, watchGroups...)
	if err != nil {
		return nil, fmt.Errorf("subscribe to netlink: %w", err)
	}
	// Beyond net.core.rmem_max only with CAP_NET_ADMIN; less is no reason to fail.
	if b := k.watchBuffer(); b.set(sock.GetFd()) != nil {
		b.Force = false
		_ = b.set(sock.GetFd())
	}
	out := make(chan Change)
	w := &netlinkWatch{sock: sock, links: k.links, send: func(c Change) bool {
		select {
		case out <- c:
			return true
		case <-ctx.Done():
			return false
		}
	}}
	present, err := listLinks(k.links) // after subscribing: no link falls between the two
	if err != nil {
		sock.Close()
		return nil, err
	}
	w.table.Replace(present)
	stop := context.AfterFunc(ctx, sock.Close)
	go func() {
		defer close(out)
		w.run(ctx)
		if stop() { // ended by itself
			sock.Close()
		}
	}()
	return out, nil
}

// namespace is the Kernel's network namespace, or none when the calling thread
// is in it anyway.
func (k *Netlink) namespace() netns.NsHandle {
	here, err := netns.Get()
	if err != nil {
		return netns.None()
	}
	defer here.Close()
	if !k.ns.IsOpen() || here.Equal(k.ns) {
		return netns.None()
	}
	return k.ns
}

type netlinkWatch struct {
	sock  *nl.NetlinkSocket
	links *netlink.Handle
	table LinkTable
	send  func(Change) bool
}

func (w *netlinkWatch) run(ctx context.Context) {
	for ctx.Err() == nil {
		msgs, from, err := w.sock.Receive()
		switch {
		case errors.Is(err, unix.ENOBUFS):
			w.setLost(true)
			if !w.send(Change{Kind: Resync}) {
				return
			}
			continue
		case errors.Is(err, unix.EAGAIN): // the queue is empty, the kernel adds to it again
			w.setLost(false)
			if !w.send(Change{Kind: Resync}) || !w.resync() {
				return
			}
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil: // closed
			return
		case from.Pid != 0: // not the kernel
			continue
		}
		for _, m := range msgs {
			for _, c := range w.changes(m.Header.Type, m.Data) {
				if !w.send(c) {
					return
				}
			}
		}
	}
}

// setLost switches the wait for an empty queue on or off. The kernel announces
// the first loss only, and then drops everything until the queue has been read
// empty, so the look that counts is the one after that.
func (w *netlinkWatch) setLost(lost bool) {
	var wait unix.Timeval // zero: without end
	if lost {
		wait = unix.NsecToTimeval(int64(emptyAfter))
	}
	w.sock.SetReceiveTimeout(&wait)
}

// resync lists the links again. A listing that fails is made up for by the
// messages about each link.
func (w *netlinkWatch) resync() bool {
	links, err := listLinks(w.links)
	if err != nil {
		return true
	}
	for _, c := range w.table.Replace(links) {
		if !w.send(c) {
			return false
		}
	}
	return true
}

// changes decodes one message. What cannot be decoded is nothing we asked for.
func (w *netlinkWatch) changes(typ uint16, b []byte) []Change {
	kind := func(add, remove ChangeKind, isAdd bool) ChangeKind {
		if isAdd {
			return add
		}
		return remove
	}
	switch typ {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return w.linkChanges(typ, b)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		a, index, err := decodeAddress(b)
		if err != nil {
			return nil
		}
		a.Link = w.table.ByIndex(index).Name
		return []Change{{Kind: kind(AddressAdded, AddressRemoved, typ == unix.RTM_NEWADDR), Address: a}}
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		r, links, ok, err := decodeRoute(b)
		if err != nil || !ok || b[5] == unix.RTPROT_KERNEL {
			return nil
		}
		r.nameLinks(links, func(i int) string { return w.table.ByIndex(i).Name })
		return []Change{{Kind: kind(RouteAdded, RouteRemoved, typ == unix.RTM_NEWROUTE), Route: r}}
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		r, ok, err := decodeRule(b)
		if err != nil || !ok {
			return nil
		}
		return []Change{{Kind: kind(RuleAdded, RuleRemoved, typ == unix.RTM_NEWRULE), Rule: r}}
	}
	return nil
}

// linkChanges ignores what bridges say about their ports in the same group: a
// port that leaves its bridge is not a link that was deleted.
func (w *netlinkWatch) linkChanges(typ uint16, b []byte) []Change {
	if len(b) == 0 || b[0] != unix.AF_UNSPEC {
		return nil
	}
	l, err := decodeLink(b)
	switch {
	case err != nil:
		return nil
	case typ == unix.RTM_DELLINK:
		return w.table.Delete(l.Index)
	default:
		return w.table.Update(l)
	}
}
