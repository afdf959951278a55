package config

import (
	"time"

	"holdfast/kconf"
	"holdfast/vrrp"
)

// GARPDefaults are the vrrp_garp_* values, which an instance may override.
type GARPDefaults struct {
	MasterDelay         time.Duration
	MasterRepeat        uint32
	MasterRefresh       time.Duration
	MasterRefreshRepeat uint32
	LowerPrioDelay      *time.Duration // nil: MasterDelay
	LowerPrioRepeat     *uint32        // nil: MasterRepeat
	Interval            time.Duration  // between two gratuitous ARPs on a link
	GNAInterval         time.Duration  // between two unsolicited neighbour advertisements
}

// ExtraIf is vrrp_garp_extra_if: announcements on links that carry no adverts.
type ExtraIf struct {
	Interval time.Duration // 0: none
	All      bool          // on every further link of addresses, not only on VMACs
}

// announce is what instances without values of their own do.
func (g *GARPDefaults) announce() vrrp.AnnounceParams {
	p := vrrp.AnnounceParams{
		MasterDelay: g.MasterDelay, MasterRepeat: int(g.MasterRepeat),
		Refresh: g.MasterRefresh, RefreshRepeat: int(g.MasterRefreshRepeat),
		LowerPrioDelay: g.MasterDelay, LowerPrioRepeat: int(g.MasterRepeat),
	}
	if g.LowerPrioDelay != nil {
		p.LowerPrioDelay = *g.LowerPrioDelay
	}
	if g.LowerPrioRepeat != nil {
		p.LowerPrioRepeat = int(*g.LowerPrioRepeat)
	}
	return p
}

const fromOne = "1..4294967295 (0 raised to 1)"

// garpKeywords are the rows about gratuitous ARP and unsolicited neighbour
// advertisements.
var garpKeywords = append(kconf.Vocabulary[Globals]{
	{Name: "vrrp_garp_master_delay", Args: "SECONDS", Default: "5", Since: "1.2.20",
		Doc: "Pause before the second burst of gratuitous ARP after becoming master; 0: none.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.GARP.MasterDelay }, 0, maxGARPDelay, 0)},
	{Name: "vrrp_garp_master_repeat", Args: "NUMBER", Default: "5", Since: "1.2.20",
		Doc: "Gratuitous ARPs an address in one burst.",
		Set: kconf.UintClamped(func(g *Globals) *uint32 { return &g.GARP.MasterRepeat }, 1, maxUint32).Says("UINT", fromOne)},
	{Name: "vrrp_garp_master_refresh", Args: "SECONDS", Default: "0", Since: "1.2.20",
		Doc: "Period of gratuitous ARP while master; 0: none.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.GARP.MasterRefresh }, 0, longestTime, 0)},
	{Name: "vrrp_garp_master_refresh_repeat", Args: "NUMBER", Default: "1", Since: "1.2.20",
		Doc: "Gratuitous ARPs an address in a periodic burst.",
		Set: kconf.UintClamped(func(g *Globals) *uint32 { return &g.GARP.MasterRefreshRepeat }, 1, maxUint32).Says("UINT", fromOne)},
	{Name: "vrrp_garp_lower_prio_delay", Args: "SECONDS", Default: "vrrp_garp_master_delay", Since: "1.2.20",
		Doc: "Pause before the second burst after a lower priority was heard.",
		Set: kconf.OptSeconds(func(g *Globals) **time.Duration { return &g.GARP.LowerPrioDelay }, 0, maxGARPDelay, 0)},
	{Name: "vrrp_garp_lower_prio_repeat", Args: "NUMBER", Default: "vrrp_garp_master_repeat", Since: "1.2.20",
		Doc: "Gratuitous ARPs an address after a lower priority was heard.",
		Set: kconf.OptUint(func(g *Globals) **uint32 { return &g.GARP.LowerPrioRepeat }, 0, 1<<31-1)},
	{Name: "vrrp_garp_interval", Args: "SECONDS", Default: "0 (off)", Since: "1.2.21",
		Doc: "Least time between two gratuitous ARPs on a link.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.GARP.Interval }, time.Microsecond, maxFraction, 6)},
	{Name: "vrrp_gna_interval", Args: "SECONDS", Default: "0 (off)", Since: "1.2.21",
		Doc: "Least time between two unsolicited neighbour advertisements on a link.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.GARP.GNAInterval }, time.Microsecond, maxFraction, 6)},
	{Name: "vrrp_min_garp", Args: "[BOOL]", Default: "false", Since: "2.0.12",
		Doc: "Announce each address once, without repeats; values that were set before it stay.",
		Set: kconf.Custom("BOOL", "", setMinGARP)},
}, extraIfRow, oldExtraIfRow())

var extraIfRow = kconf.Keyword[Globals]{Name: "vrrp_garp_extra_if", Args: "[all] SECONDS", Default: "0 (off)", Since: "2.2.3",
	Doc: "Announce again and again on VMAC links that carry addresses only; with all on every further link.",
	Set: kconf.Custom("UINT s", "1..86400", setExtraIf).MissingIs(kconf.ClassGeneral)}

func oldExtraIfRow() kconf.Keyword[Globals] {
	row := oldName(extraIfRow, "vrrp_vmac_garp_intvl", "2.2.0", "write vrrp_garp_extra_if instead")
	row.DeprecatedAs = kconf.ClassDeprecated
	return row
}

// setMinGARP changes what has its default still, whether that was written or not.
func setMinGARP(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	if args := s.Args(); len(args) > 0 {
		if on, ok := kconf.ParseBool(x, args[0], s.Keyword()); !ok || !on {
			return
		}
	}
	def := defaultGlobals().GARP
	if g.GARP.MasterRepeat == def.MasterRepeat {
		g.GARP.MasterRepeat = 1
	}
	if g.GARP.MasterDelay == def.MasterDelay {
		g.GARP.MasterDelay = 0
	}
	if g.GARP.MasterRefreshRepeat == def.MasterRefreshRepeat {
		g.GARP.MasterRefreshRepeat = 0
	}
}

func setExtraIf(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args := s.Args()
	var e ExtraIf
	if e.All = args[0].Text == "all"; e.All {
		if args = args[1:]; len(args) == 0 {
			x.Errorf(s.Pos(), kconf.ClassGeneral, "missing-argument", "%s all: wants seconds", s.Keyword())
			return
		}
	}
	var ok bool
	if e.Interval, ok = kconf.ParseSeconds(x, args[0], s.Keyword(), time.Second, 86400*time.Second, 0); ok {
		g.ExtraIf = e
	}
}
