package host

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// listLinks lists all links, again when they changed meanwhile.
func listLinks(h *netlink.Handle) ([]Link, error) {
	var err error
	for range dumpTries {
		var found []netlink.Link
		if found, err = h.LinkList(); err == nil || errors.Is(err, netlink.ErrDumpInterrupted) {
			links := make([]Link, len(found))
			for i, l := range found {
				links[i] = linkFrom(l)
			}
			if err == nil {
				return links, nil
			}
		}
	}
	return nil, fmt.Errorf("read links: %w", err)
}

func linkFrom(l netlink.Link) Link {
	a := l.Attrs()
	out := Link{Index: a.Index, Name: a.Name, MTU: a.MTU, Kind: l.Type(), Parent: a.ParentIndex, Master: a.MasterIndex,
		Up: a.RawFlags&unix.IFF_UP != 0, Running: a.RawFlags&unix.IFF_RUNNING != 0, NoARP: a.RawFlags&unix.IFF_NOARP != 0,
		Loopback: a.RawFlags&unix.IFF_LOOPBACK != 0, Multicast: a.RawFlags&unix.IFF_MULTICAST != 0}
	if out.Kind == "device" { // the library's word for "no kind given": hardware
		out.Kind = ""
	}
	if a.NetNsID >= 0 { // an index of another namespace is not one of ours
		out.Parent = 0
	}
	if v, ok := l.(*netlink.Vrf); ok {
		out.Table = v.Table
	}
	if len(a.HardwareAddr) == len(out.MAC) {
		out.MAC = MAC(a.HardwareAddr)
	}
	return out
}

// decodeLink reads RTM_NEWLINK or RTM_DELLINK. The library indexes attributes
// without looking at their length; a message it cannot bear is an error here and
// not the end of the process.
func decodeLink(b []byte) (l Link, err error) {
	if len(b) < unix.SizeofIfInfomsg {
		return Link{}, errTruncated
	}
	defer func() {
		if p := recover(); p != nil {
			l, err = Link{}, fmt.Errorf("%w: %v", errTruncated, p)
		}
	}()
	found, err := netlink.LinkDeserialize(nil, b)
	if err != nil {
		return Link{}, fmt.Errorf("decode link: %w", err)
	}
	if l = linkFrom(found); l.Name == "" { // every message about a link has it
		return Link{}, errTruncated
	}
	return l, nil
}
