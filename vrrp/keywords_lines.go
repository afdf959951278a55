package vrrp

import "holdfast/kconf"

// What may stand on the lines of value blocks, and behind use_vmac, for the
// manual and for completion. The first row of each is the data itself.

type lineDocs []kconf.KeywordDoc

// Docs lists the rows in their order.
func (l lineDocs) Docs() []kconf.KeywordDoc { return l }

// trackLine are the rows of one kind of track line; own is the default weight.
func trackLine(name, typ, rng, own, doc string) kconf.Vocab {
	args := "NAME [weight N [reverse or noreverse]]"
	if name == "<IF>" {
		args = "IF [weight N [reverse]]"
	}
	return lineDocs{{Name: name, Args: args, Type: typ, Range: rng, Default: own, Doc: doc}}
}

// The lines of track blocks. Package track reads them.
var (
	TrackInterfaceLine = trackLine("<IF>", "IFNAME, INT", "-254..254 read, 254 clipped to 253", "0", "Interface to track, with the weight that it has for this router.")
	TrackScriptLine    = trackLine("<SCRIPT>", "STR, INT", "-254..254 read, 254 clipped to 253", "script weight", "Script to track.")
	TrackFileLine      = trackLine("<FILE>", "STR, INT", "-254..254", "file weight", "File to track.")
	TrackProcessLine   = trackLine("<PROC>", "STR, INT", "-254..254", "entry weight", "Process watch to track.")
	TrackBFDLine       = trackLine("<BFD>", "STR, INT", "-253..253", "session weight", "BFD session to track.")
)

// PeerLine is what may stand on a line of unicast_peer.
var PeerLine kconf.Vocab = lineDocs{
	{Name: "<IP>", Args: "IP", Type: "IP", Range: "family of instance", Doc: "Address of a peer."},
	{Name: "min_ttl", Args: "N", Type: "UINT", Range: "0..255", Default: "0", Doc: "Lowest TTL accepted from this peer."},
	{Name: "max_ttl", Args: "N", Type: "UINT", Range: "0..255", Default: "255", Doc: "Highest TTL accepted from this peer."},
}

// VMACArguments is what may stand behind use_vmac.
var VMACArguments kconf.Vocab = lineDocs{
	{Name: "name", Args: "NAME", Type: "IFNAME", Range: "max 15 chars", Default: "generated", Doc: "The next word is the name of the interface."},
	{Name: "netlink_notify_msg", Type: "flag", Default: "off", Doc: "Have the kernel tell of the parent interface once the new one exists."},
	{Name: "group", Args: "GROUP", Type: "UINT or name", Range: "0..2147483647", Default: "parent group", Doc: "Link group of the new interface."},
	{Name: "<MAC>", Args: "five or six octets", Type: "hex with colons", Range: "unicast, not RFC VRRP range", Default: "RFC MAC", Doc: "MAC address; the VRID is the sixth octet of one with five."},
}

// LinkbeatLine is a line of linkbeat_interfaces.
var LinkbeatLine kconf.Vocab = lineDocs{
	{Name: "<IF>", Args: "IF [MII or ETHTOOL or IOCTL]", Type: "IFNAME, ENUM", Range: "exact upper case", Default: "best available", Doc: "Interface to poll, and how."},
}

// DelaysLine is a line of interface_up_down_delays.
var DelaysLine kconf.Vocab = lineDocs{
	{Name: "<IF>", Args: "IF DOWN [UP]", Type: "IFNAME, DEC6 s", Range: "0..255", Default: "UP 0", Doc: "How long a link must be down, and up, before it counts."},
}

// MemberLine is a line of group in vrrp_sync_group and track_group.
var MemberLine kconf.Vocab = lineDocs{
	{Name: "<INSTANCE>", Args: "NAME", Type: "STR", Doc: "Name of an instance; a line may have several."},
}

// GARPInterfaceLine is a line of interfaces in garp_group.
var GARPInterfaceLine kconf.Vocab = lineDocs{
	{Name: "<IF>", Args: "IF", Type: "IFNAME", Doc: "Name of an interface; a line may have several."},
}
