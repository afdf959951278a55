package host

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Sysctl is one value below /proc/sys. Keys have slashes, since names of links
// may have dots: net/ipv4/conf/vrrp.51/arp_ignore.
type Sysctl struct {
	Key   string
	Value string
	Was   string // filled in by Plan: the value before
}

// String is the sysctl(8) command.
func (s Sysctl) String() string { return "sysctl -w " + s.Key + "=" + s.Value }

// Saved is what a sysctl was before we changed it, and what we made of it.
type Saved struct {
	Was string `json:"was"`
	Set string `json:"set"`
}

// Journal keeps what sysctls were before we changed them, so that a successor
// can restore them when we are killed.
type Journal interface {
	Load() (map[string]Saved, error)
	// Save replaces what is kept; an empty map leaves nothing behind.
	Save(map[string]Saved) error
}

// LinkSysctl is the key of a value that each link has; family is ipv4 or ipv6,
// link may also be all or default.
func LinkSysctl(family, link, name string) string {
	return "net/" + family + "/conf/" + link + "/" + name
}

// linkOf is the link whose value key is; "" for those of the whole host.
func linkOf(key string) string {
	rest, perLink := strings.CutPrefix(key, "net/ipv4/conf/")
	if !perLink {
		rest, perLink = strings.CutPrefix(key, "net/ipv6/conf/")
	}
	link, _, _ := strings.Cut(rest, "/")
	if !perLink || link == "all" || link == "default" {
		return ""
	}
	return link
}

func rpFilter(link string) string { return LinkSysctl("ipv4", link, "rp_filter") }

// SysctlKeys are the values that have to be read to plan for d on a host with
// these links.
func (d Desired) SysctlKeys(links map[string]Link) []string {
	keys := map[string]bool{}
	for k := range d.Sysctls {
		keys[k] = true
	}
	for k := range d.Restore {
		keys[k] = true
	}
	if d.SpreadRPFilter {
		keys[rpFilter("all")], keys[rpFilter("default")] = true, true
		for name := range links {
			keys[rpFilter(name)] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// planSysctls sets what is wanted, and puts back what is not wanted any more
// unless somebody else has changed it meanwhile. A value that is not there
// belongs to a link that is not, or to a kernel without the protocol.
func planSysctls(desired Desired, actual State) (set, restore []Op) {
	wanted := desired.allSysctls(actual)
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		have, there := actual.Sysctls[key]
		if !there && linkOf(key) != "" || there && have == wanted[key] {
			continue
		}
		set = append(set, Op{Verb: Set, Sysctl: &Sysctl{Key: key, Value: wanted[key], Was: have}})
	}
	for _, key := range slices.Sorted(maps.Keys(desired.Restore)) {
		saved := desired.Restore[key]
		if _, still := wanted[key]; !still && actual.Sysctls[key] == saved.Set && saved.Set != saved.Was {
			restore = append(restore, Op{Verb: Set, Sysctl: &Sysctl{Key: key, Value: saved.Was, Was: saved.Set}})
		}
	}
	return set, restore
}

// allSysctls are the wanted values, with those that follow from SpreadRPFilter:
// a packet is checked by the stricter one of all and its link, so all goes to 0
// and hands its value to default and to each link of others that has less.
func (d Desired) allSysctls(actual State) map[string]string {
	wanted := maps.Clone(d.Sysctls)
	if wanted == nil {
		wanted = map[string]string{}
	}
	all := d.original(actual, rpFilter("all"))
	if !d.SpreadRPFilter || all == 0 {
		return wanted
	}
	wanted[rpFilter("all")] = "0"
	spread := func(link string) {
		if _, said := wanted[rpFilter(link)]; !said {
			if own := d.original(actual, rpFilter(link)); own < all {
				wanted[rpFilter(link)] = strconv.Itoa(all)
			}
		}
	}
	spread("default")
	for name, l := range actual.Links {
		if _, virtual := d.Links[name]; !virtual && !l.Loopback {
			spread(name)
		}
	}
	return wanted
}

// original is a number as it was before us.
func (d Desired) original(actual State, key string) int {
	text := actual.Sysctls[key]
	if saved, ok := d.Restore[key]; ok && text == saved.Set {
		text = saved.Was
	}
	n, _ := strconv.Atoi(text)
	return n
}

// remembered updates saved for operations that are about to be done, and says
// whether that changed anything. Values of links that we make go with the link.
func remembered(saved map[string]Saved, ops []Op, virtual map[string]VirtualLink) (changed bool) {
	for _, op := range ops {
		if op.Sysctl == nil {
			continue
		}
		s := op.Sysctl
		if _, own := virtual[linkOf(s.Key)]; own || s.Was == "" {
			continue
		}
		before, known := saved[s.Key]
		now := Saved{Was: s.Was, Set: s.Value}
		if known && s.Was == before.Set { // still ours to change: what it was first counts
			now.Was = before.Was
		}
		if now != before {
			saved[s.Key], changed = now, true
		}
	}
	return changed
}

// forgotten drops what has been put back, and what nobody can put back.
func forgotten(saved map[string]Saved, wanted, actual map[string]string) (changed bool) {
	before := len(saved)
	maps.DeleteFunc(saved, func(key string, s Saved) bool {
		_, still := wanted[key]
		return !still && cmp.Or(actual[key], s.Was) != s.Set || s.Set == s.Was
	})
	return len(saved) != before
}
