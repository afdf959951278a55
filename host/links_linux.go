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

// Words of ip(8).
var (
	macvlanModes = map[netlink.MacvlanMode]string{netlink.MACVLAN_MODE_PRIVATE: Private, netlink.MACVLAN_MODE_VEPA: "vepa",
		netlink.MACVLAN_MODE_BRIDGE: "bridge", netlink.MACVLAN_MODE_PASSTHRU: "passthru", netlink.MACVLAN_MODE_SOURCE: "source"}
	ipvlanModes = map[netlink.IPVlanFlag]string{netlink.IPVLAN_FLAG_BRIDGE: "bridge", netlink.IPVLAN_FLAG_PRIVATE: Private, netlink.IPVLAN_FLAG_VEPA: "vepa"}
)

func linkFrom(l netlink.Link) Link {
	a := l.Attrs()
	out := Link{Index: a.Index, Name: a.Name, MTU: a.MTU, Kind: l.Type(), Alias: a.Alias, Group: a.Group, Parent: a.ParentIndex, Master: a.MasterIndex,
		Up: a.RawFlags&unix.IFF_UP != 0, Running: a.RawFlags&unix.IFF_RUNNING != 0, NoARP: a.RawFlags&unix.IFF_NOARP != 0,
		Loopback: a.RawFlags&unix.IFF_LOOPBACK != 0, Multicast: a.RawFlags&unix.IFF_MULTICAST != 0}
	if out.Kind == "device" { // the library's word for "no kind given": hardware
		out.Kind = ""
	}
	if a.NetNsID >= 0 { // an index of another namespace is not one of ours
		out.Parent = 0
	}
	switch v := l.(type) {
	case *netlink.Vrf:
		out.Table = v.Table
	case *netlink.Macvlan:
		out.Mode = macvlanModes[v.Mode]
	case *netlink.IPVlan:
		if v.Mode == netlink.IPVLAN_MODE_L2 {
			out.Mode = ipvlanModes[v.Flag]
		}
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
