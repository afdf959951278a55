package config

import (
	"holdfast/host"
	"holdfast/kconf"
)

// ownKeywords are rows that keepalived does not have; it refuses a file with
// them. A test holds the list of all such rows.
var ownKeywords = kconf.Vocabulary[Globals]{
	{Name: "vrrp_address_lifetime", Args: "SECONDS", Default: "0 (for ever)", Since: "holdfast",
		Doc: "Seconds after which the kernel itself removes the virtual addresses of a VRRP process that is dead or hangs; a healthy one renews them each third of that.",
		Set: kconf.Uint(func(g *Globals) *uint32 { return &g.AddressLifetime }, 2, 86400).Says("UINT s", "2..86400")},
	{Name: "lvs_sweep_interval", Args: "SECONDS", Default: "5", Since: "holdfast",
		Doc: "How often the IPVS table and the sync daemons are read and put right when nothing else asks for it; a table that takes long to read is read less often, after twenty times that.",
		Set: kconf.Uint(func(g *Globals) *uint32 { return &g.LVSSweep }, 1, 86400).Says("UINT s", "1..86400")},
}

// limit gives virtual addresses the lifetime that is configured.
func (g *Globals) limit(list []host.Address) {
	for i := range list {
		list[i].ValidLft = g.AddressLifetime
	}
}
