package vrrp

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"holdfast/kconf"
)

// Setters of use_vmac, use_ipvlan and garp_extra_if, whose words come in any
// order.

// maxLinkGroup is the highest number of a link group.
const maxLinkGroup = 1<<31 - 1

// setVMAC reads use_vmac [[name] NAME] [MAC] [netlink_notify_msg] [group GROUP].
// A MAC is told from a name by its colons. What is refused is left out, and the
// instance still runs on a VMAC.
func setVMAC(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	if c.IPVLAN != nil {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "vmac-ipvlan", "use_vmac: ignored after use_ipvlan")
		return
	}
	if c.VMAC == nil {
		c.VMAC = &VMACConfig{}
	}
	v := c.VMAC
	for words := s.Args(); len(words) > 0; {
		w := words[0]
		words = words[1:]
		switch {
		case w.Text == "netlink_notify_msg":
			v.NotifyMessage = true
		case w.Text == "name" && len(words) > 0:
			setLinkName(x, s, words[0], &v.Name)
			words = words[1:]
		case w.Text == "group" && len(words) > 0:
			setLinkGroup(x, s, words[0], &v.Group)
			words = words[1:]
		case strings.Contains(w.Text, ":"):
			if mac, ok := parseMAC(x, w); ok {
				v.MAC = mac
			}
		case v.MAC != nil:
			x.Notef(w.Pos, "extra-arguments", "use_vmac: %s is ignored behind the MAC address", w.Text)
		default:
			setLinkName(x, s, w, &v.Name)
		}
	}
}

// setIPVLAN reads use_ipvlan [[name] NAME] [IP] [MODE] [group GROUP]. Its address
// decides the family like any other of the instance.
func setIPVLAN(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	if c.VMAC != nil {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "vmac-ipvlan", "use_ipvlan: ignored after use_vmac")
		return
	}
	if c.IPVLAN == nil {
		c.IPVLAN = &IPVLANConfig{Mode: "bridge"}
	}
	v := c.IPVLAN
	for words := s.Args(); len(words) > 0; {
		w := words[0]
		words = words[1:]
		prefix, err := parseHostPrefix(w.Text)
		switch {
		case w.Text == "bridge" || w.Text == "private" || w.Text == "vepa":
			v.Mode = w.Text
		case w.Text == "name" && len(words) > 0:
			setLinkName(x, s, words[0], &v.Name)
			words = words[1:]
		case w.Text == "group" && len(words) > 0:
			setLinkGroup(x, s, words[0], &v.Group)
			words = words[1:]
		case err == nil:
			if c.ofFamily(x, w.Pos, s.Keyword(), prefix.Addr()) {
				v.Addr, v.Prefix = prefix.Addr(), prefix
			}
		default:
			setLinkName(x, s, w, &v.Name)
		}
	}
}

// parseHostPrefix reads an address with or without a length.
func parseHostPrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	addr, err := netip.ParseAddr(text)
	if err == nil && addr.Zone() != "" {
		err = strconv.ErrSyntax
	}
	return netip.PrefixFrom(addr, addr.BitLen()), err
}

// setLinkName keeps the first usable name.
func setLinkName(x *kconf.Ctx, s *kconf.Stmt, w kconf.Word, field *string) {
	if *field != "" {
		x.Errorf(w.Pos, kconf.ClassGeneral, "repeated", "%s: %s is ignored, the interface is called %s already", s.Keyword(), w.Text, *field)
		return
	}
	if strings.Contains(w.Text, ":") {
		x.Errorf(w.Pos, kconf.ClassGeneral, "bad-interface-name", "%s %s: the name of an interface has no colon", s.Keyword(), w.Text)
		return
	}
	if name, ok := kconf.ParseIface(x, w, s.Keyword()); ok {
		*field = name
	}
}

// setLinkGroup takes a number, or a name that is looked up when the interface is made.
func setLinkGroup(x *kconf.Ctx, s *kconf.Stmt, w kconf.Word, field *string) {
	if strings.Trim(w.Text, "0123456789") == "" {
		if _, ok := kconf.ParseUint(x, w, s.Keyword()+" group", 0, maxLinkGroup); !ok {
			return
		}
	}
	*field = w.Text
}

// parseMAC reads five or six octets of one or two hexadecimal digits. Addresses
// of groups and those of the RFC are refused: the latter belong to the routers
// that have the VRID (RFC 9568 section 7.3).
func parseMAC(x *kconf.Ctx, w kconf.Word) ([]byte, bool) {
	var mac []byte
	for part := range strings.SplitSeq(w.Text, ":") {
		if len(mac) == 6 { // keepalived does not look further
			x.Notef(w.Pos, "cut-off", "use_vmac %s: only six octets are used", w.Text)
			break
		}
		octet, err := strconv.ParseUint(part, 16, 8)
		if err != nil || len(part) > 2 {
			mac = nil
			break
		}
		mac = append(mac, byte(octet))
	}
	refuse := func(why string) ([]byte, bool) {
		x.Errorf(w.Pos, kconf.ClassGeneral, "bad-mac", "use_vmac %s: %s; the address of the RFC is used", w.Text, why)
		return nil, false
	}
	switch {
	case len(mac) < 5:
		return refuse("a MAC address has five or six octets with colons between them")
	case mac[0]&1 != 0:
		return refuse("is a multicast address")
	case strings.HasPrefix(string(mac), "\x00\x00\x5e\x00\x01") || strings.HasPrefix(string(mac), "\x00\x00\x5e\x00\x02"):
		return refuse("is an address of RFC 9568, which belongs to the VRID")
	}
	return mac, true
}

// setExtraGARP reads garp_extra_if [all] SECS. keepalived looks for the words
// before it reads them, so a missing one is no missing argument.
func setExtraGARP(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	g := ExtraGARP{}
	args := s.Args()
	if len(args) > 0 && args[0].Text == "all" {
		g.All, args = true, args[1:]
	}
	if len(args) == 0 {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "missing-argument", "%s: wants a number of seconds", s.Keyword())
		return
	}
	if d, ok := kconf.ParseSeconds(x, args[0], s.Keyword(), 0, 86400*time.Second, 0); ok {
		g.Every = d
		c.ExtraGARP = &g
	}
}
