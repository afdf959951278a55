package doctor

import (
	"strings"
	"time"

	"holdfast/daemon/config"
	"holdfast/kconf"
	"holdfast/vrrp"
)

// advertRules are about what advertisements carry and when they are sent.
func advertRules() []Rule {
	return []Rule{
		{
			ID: "interval-not-on-the-wire", Theme: Election, Severity: kconf.Warning, Title: "advert_int that the version cannot carry",
			What: "Version 2 carries whole seconds up to 255, version 3 hundredths of a second up to 40.95. Another value is rounded.",
			Why:  "Takeover is slower or faster than planned. In version 2 a neighbour that rounds another way drops every advertisement, and both are master.",
			Fix:  "write a value the version can carry, or use version 3 for intervals below a second",
			Bad:  conf(router("advert_int 0.5")), Good: conf(router("version 3; advert_int 0.5")),
			References: []string{"advert_int", "version", "RFC 3768 section 5.3.7", "RFC 9568 section 5.2.7"},
			Covers:     []string{"advert-int-rounded"},
			Find:       explainAt([]string{"advert_int"}, "that is what the other nodes must have too", "advert-int-rounded"),
		},
		{
			ID: "takeover-too-eager", Theme: Election, Severity: kconf.Warning, Title: "A pause of a few milliseconds moves the addresses",
			What: "Advertisement interval and down_timer_adverts together let a backup take over after less than 100 ms of silence.",
			Why:  "A busy machine, a live migration or a switch that relearns is silent for longer than that: the addresses flap under load, when it hurts most.",
			Fix:  "use advert_int 0.1 or more, or a larger down_timer_adverts",
			Bad:  conf(router("version 3; advert_int 0.02")), Good: conf(router("version 3; advert_int 0.2")),
			References: []string{"advert_int", "down_timer_adverts", "RFC 9568 section 6.1, Active_Down_Interval"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					if d := down(i); d < 100*time.Millisecond {
						r.At(in.place(i, "advert_int"), kconf.Pos{}, "vrrp_instance %s: after %v without an advertisement a backup takes over", i.Name, d)
					}
				}
			},
		},
		{
			ID: "one-lost-advert", Theme: Election, Severity: kconf.Warning, Title: "One lost advertisement moves the addresses",
			What: "down_timer_adverts is 1: a backup takes over when a single advertisement is missing.",
			Why:  "Any lost packet makes a second master for a moment, with gratuitous ARP and hooks on both nodes.",
			Fix:  "use 3, and a shorter advert_int for a faster takeover",
			Bad:  conf(router("down_timer_adverts 1")), Good: conf(router("down_timer_adverts 3")),
			References: []string{"down_timer_adverts", "vrrp_down_timer_adverts"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					if i.Params.DownTimerAdverts != 1 {
						continue
					}
					at := in.place(i, "down_timer_adverts")
					if g := in.global("vrrp_down_timer_adverts"); g != nil && !in.has(i, "down_timer_adverts") {
						at = g.Pos()
					}
					r.At(at, i.Pos, "vrrp_instance %s: one advertisement that is %v late makes a second master", i.Name, down(i)-i.Params.Interval())
				}
			},
		},
		{
			ID: "announcing-takes-long", Theme: Election, Severity: kconf.Warning, Title: "Announcing all addresses takes longer than noticing the fault",
			What:       "The least time between two gratuitous ARPs, times addresses, times repetitions, is longer than the time after which a backup takes over.",
			Why:        "After a takeover the last address stays unreachable for that long, because switches and neighbours have not been told.",
			Fix:        "lower vrrp_garp_interval or garp_master_repeat",
			Bad:        conf("global_defs { vrrp_garp_interval 1 }", router("garp_master_repeat 5")),
			Good:       conf("global_defs { vrrp_garp_interval 0.01 }", router("garp_master_repeat 5")),
			References: []string{"vrrp_garp_interval", "garp_master_repeat", "RFC 9568 section 6.4.2"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					n := len(i.Addresses) + len(i.Excluded)
					took := time.Duration(n*i.Params.Announce.MasterRepeat) * i.AnnounceInterval
					if took > down(i) {
						at := i.Pos
						if g := in.global("vrrp_garp_interval"); g != nil {
							at = g.Pos()
						}
						r.At(at, i.Pos, "vrrp_instance %s: %s, repeated %d times, %v apart take %v to announce; a takeover begins after %v",
							i.Name, plural(n, "address"), i.Params.Announce.MasterRepeat, i.AnnounceInterval, took, down(i))
					}
				}
			},
		},
		{
			ID: "password-is-no-protection", Theme: Election, Severity: kconf.Note, Title: "Authentication protects nothing",
			What: "auth_type PASS sends the password readable in every advertisement. RFC 3768 took authentication out of VRRP for that reason, and version 3 has none.",
			Why:  "Whoever can send to the link can read the password and become master. What it does do: a node whose password was forgotten is a second master.",
			Fix:  "take authentication away on all nodes at once, and filter protocol 112 by source address",
			Bad:  conf(router("authentication { auth_type PASS; auth_pass secret }")), Good: conf(router("")),
			References: []string{"authentication", "auth_pass", "RFC 3768 section 10", "RFC 9568 section 9"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					if i.Params.AuthType == vrrp.AuthPass {
						r.At(in.place(i, "authentication"), kconf.Pos{}, "vrrp_instance %s: auth_type PASS: the password is readable in every advertisement", i.Name)
					}
				}
			},
		},
		{
			ID: "password-cut", Theme: Election, Severity: kconf.Warning, Title: "auth_pass longer than eight octets",
			What:       "An advertisement has room for eight octets of password; the rest is cut off.",
			Why:        "Passwords that differ from the ninth character on are equal. Other vendors refuse the long form, and then both nodes are master.",
			Fix:        "write eight characters at most, the same on all nodes",
			Bad:        conf(router("authentication { auth_type PASS; auth_pass longsecret }")),
			Good:       conf(router("authentication { auth_type PASS; auth_pass longsecr }")),
			References: []string{"auth_pass", "RFC 2338 section 5.3.10"},
			Covers:     []string{"too-long"},
			Find: func(in *Input, r Report) {
				for _, d := range in.Read {
					if d.ID == "too-long" && strings.HasPrefix(d.Message, "auth_pass") {
						r.At(d.Pos, d.Related, "%s", d.Message)
					}
				}
			},
		},
		{
			ID: "password-unused", Theme: Election, Severity: kconf.Warning, Title: "Authentication that is not sent",
			What: "The authentication block has no effect: version 3 has no authentication, auth_type needs an auth_pass, and AH exists for IPv4 only.",
			Why:  "The node sends without a password. A neighbour that still expects one drops every advertisement, and both are master.",
			Fix:  "take the block away, on all nodes",
			Bad:  conf(router("version 3; authentication { auth_type PASS; auth_pass secret }")), Good: conf(router("version 3")),
			References: []string{"authentication", "version", "RFC 9568 section 9"},
			Covers:     []string{"auth-v3", "auth-no-pass", "auth-ah-ipv6"},
			Find:       explain("a node that expects a password hears nothing from this one", "auth-v3", "auth-no-pass", "auth-ah-ipv6"),
		},
		{
			ID: "strict-overrides", Theme: Election, Severity: kconf.Warning, Title: "vrrp_strict undoes other settings",
			What:       "vrrp_strict, or strict_mode of the instance, stands beside settings that it does away with: authentication, unicast_peer, preempt_delay, or a down_timer_adverts other than 3.",
			Why:        "Advertisements go out without the password the others expect, or later versions of keepalived refuse to start; with unicast nobody is heard where multicast is blocked.",
			Fix:        "take vrrp_strict away, or what it contradicts",
			Bad:        conf("global_defs { vrrp_strict }", router("accept; version 3; unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")),
			Good:       conf("global_defs { vrrp_strict }", router("accept; version 3")),
			References: []string{"vrrp_strict", "strict_mode", "authentication", "unicast_peer"},
			Covers:     []string{"auth-strict", "down-timer-strict"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					strict, is := in.strict(i)
					if !is {
						continue
					}
					for _, k := range []string{"authentication", "unicast_peer", "preempt_delay", "down_timer_adverts"} {
						if in.has(i, k) && (k != "down_timer_adverts" || i.Params.DownTimerAdverts != 3) {
							r.At(in.place(i, k), strict, "vrrp_instance %s: %s contradicts %s", i.Name, k, strictWord(in, i))
						}
					}
				}
			},
		},
		{
			ID: "strict-drops-traffic", Theme: Election, Severity: kconf.Warning, Title: "vrrp_strict makes the address unreachable",
			What: "With vrrp_strict a router that is not the address owner does not accept packets to the virtual addresses: a firewall rule drops them while it is master. Version 3 has accept for that, version 2 has no remedy.",
			Why:  "The address moves as it should, and nobody can reach it: no ping, no SSH, no service that listens on the node itself.",
			Fix:  "write accept (version 3), or take vrrp_strict away",
			Bad:  conf("global_defs { vrrp_strict }", router("version 3")), Good: conf("global_defs { vrrp_strict }", router("version 3; accept")),
			References: []string{"vrrp_strict", "accept", "RFC 9568 section 6.1, Accept_Mode"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					strict, is := in.strict(i)
					accepts := i.Accept != nil && *i.Accept && i.Params.Version == 3
					if is && !accepts && !i.Params.Owner() && len(i.Addresses) > 0 {
						r.At(strict, i.Pos, "vrrp_instance %s: with %s it drops what is sent to %v while it is master", i.Name, strictWord(in, i), i.Addresses[0].Prefix.Addr())
					}
				}
			},
		},
		{
			ID: "old-version-for-ipv6", Theme: Election, Severity: kconf.Warning, Title: "Version 2 for IPv6",
			What:       "VRRP for IPv6 exists since version 3 (RFC 5798). Version 2 over IPv6 is an invention of implementations.",
			Why:        "Routers of other vendors do not understand it and become master too.",
			Fix:        "take version 2 away: IPv6 instances use version 3 by themselves",
			Bad:        conf(router("version 2; virtual_ipaddress { fe80::100/64; 2001:db8::100/64 }")),
			Good:       conf(router("virtual_ipaddress { fe80::100/64; 2001:db8::100/64 }")),
			References: []string{"version", "RFC 9568 section 5.2.1"},
			Find: func(in *Input, r Report) {
				for _, i := range in.Config.Instances {
					if i.Params.IPv6 && i.Params.Version == 2 {
						r.At(in.place(i, "version"), kconf.Pos{}, "vrrp_instance %s: version 2 has no IPv6", i.Name)
					}
				}
			},
		},
	}
}

// strictWord is the keyword that makes i strict.
func strictWord(in *Input, i *config.Instance) string {
	if in.has(i, "strict_mode") {
		return "strict_mode"
	}
	return "vrrp_strict"
}

// strict says whether i is in strict mode, and which statement says so.
func (in *Input) strict(i *config.Instance) (kconf.Pos, bool) {
	if i.StrictMode != nil {
		return in.place(i, "strict_mode"), *i.StrictMode
	}
	g := in.global("vrrp_strict")
	if g == nil {
		return kconf.Pos{}, false
	}
	if args := g.Args(); len(args) > 0 {
		switch strings.ToLower(args[0].Text) {
		case "off", "no", "false":
			return g.Pos(), false
		}
	}
	return g.Pos(), true
}
