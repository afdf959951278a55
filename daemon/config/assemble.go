package config

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/host"
	"holdfast/kconf"
	"holdfast/track"
	"holdfast/vrrp"
)

// Config is a whole configuration in the form the roles use: every block
// decoded, defaults filled in, references resolved.
type Config struct {
	Global    Globals
	Instances []*Instance // in file order, as are the other lists
	Groups    []*vrrp.GroupConfig
	Scripts   []*track.ScriptConfig
	Services  []*Service
	Statics   Statics
	Dropped   []string // places of track scripts and checks whose program cannot be run

	virtual map[netip.Addr]bool // every address that moves with an instance
	book    *scriptBook         // nil where scripts are not checked
}

// Statics is what the host carries in every state: static_ipaddress,
// static_routes, static_rules.
type Statics struct {
	Addresses []host.Address
	Routes    []host.Route
	Rules     []host.Rule
}

// Instance is one vrrp_instance, ready for the loop.
type Instance struct {
	*vrrp.InstanceConfig
	Params           vrrp.Params // without PrimaryAddr
	Source           netip.Addr  // mcast_src_ip, unicast_src_ip; zero: the link's primary address
	SyncGroup        string
	NotifyDeleted    bool
	Addresses        []host.Address // advertised
	Excluded         []host.Address
	Routes           []host.Route
	Rules            []host.Rule
	Links            []track.Ref // track_interface
	Scripts          []track.Ref // track_script
	Devices          []string    // links that carry its addresses, tracked with weight 0
	AnnounceInterval time.Duration
}

// Environment is what a configuration is checked against; with the zero value
// it is not.
type Environment struct {
	Links   map[string]host.Link // by name; nil: interfaces are not checked
	Scripts bool                 // check scripts and accounts
}

// HostEnvironment is this machine's, in the present network namespace.
func HostEnvironment() Environment {
	return Environment{Links: currentLinks(), Scripts: true}
}

// assembler puts the parts together and collects why the result cannot run.
type assembler struct {
	x       *kconf.Ctx
	env     Environment
	r       root
	c       *Config
	count   int // statements of the top level
	fatal   []string
	missing bool // an interface does not exist

	names       host.Names // of routing tables, scopes and the like
	preferences host.Preferences
}

// stop records a problem for which keepalived ends: one instance that cannot
// work takes the whole daemon with it.
func (a *assembler) stop(pos kconf.Pos, id, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	a.x.Diags.Add(kconf.Diagnostic{Pos: pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: id, Message: text})
	a.fatal = append(a.fatal, text)
}

func newAssembler(env Environment) *assembler {
	a := &assembler{x: &kconf.Ctx{Diags: new(kconf.Diagnostics)}, env: env,
		c: &Config{virtual: map[netip.Addr]bool{}}, names: host.ReadNames(os.DirFS("/"))}
	a.r.global = defaultGlobals()
	return a
}

// decode takes the next statement of the top level.
func (a *assembler) decode(s *kconf.Stmt) {
	a.count++
	rootKeywords.Decode(a.x, &a.r, []*kconf.Stmt{s})
}

// finish applies the rules that cross blocks. diags is what parsing has found;
// what is found here comes after it.
func (a *assembler) finish(diags *kconf.Diagnostics) *Loaded {
	diags.Append(a.x.Diags)
	a.x.Diags = diags
	a.globals()
	a.c.Scripts = a.r.scripts
	a.statics() // rules without a priority count down from the static ones
	a.instances()
	a.groups()
	a.unusedScripts()
	a.servers()
	if a.env.Scripts {
		a.c.checkScripts(a.x, a.missing)
	}
	if a.missing {
		a.fatal = append(a.fatal, "Non-existent interface specified in configuration")
	}
	l := &Loaded{Config: a.c, Diagnostics: diags, Empty: a.count == 0, Fatal: strings.Join(a.fatal, "; ")}
	switch {
	case diags.Fatal():
		l.Fatal = "a file that must be included cannot be read"
	case diags.TestStatus() == 2 && l.Fatal == "":
		l.Fatal = "an argument is missing"
	}
	return l
}

func (a *assembler) globals() {
	a.c.Global = a.r.global
	if g := &a.c.Global; g.RouterID == "" {
		if name, err := os.Hostname(); err == nil {
			g.RouterID = name
		}
	}
}

// instances turns decoded blocks into Instances, in file order.
func (a *assembler) instances() {
	for _, ic := range a.r.instances {
		if in := a.instance(ic); in != nil {
			a.c.Instances = append(a.c.Instances, in)
		}
	}
	a.duplicates()
	a.unknownTracks()
}

func (a *assembler) instance(ic *vrrp.InstanceConfig) *Instance {
	in := &Instance{InstanceConfig: ic, NotifyDeleted: ic.NotifyDeletedSet, AnnounceInterval: a.c.Global.GARP.Interval}
	in.Addresses = a.oneFamily(ic, a.addressLines(ic, ic.VirtualAddresses))
	in.Excluded = a.addressLines(ic, ic.ExcludedAddresses)
	in.Routes = a.routeLines(ic.VirtualRoutes, host.VirtualLine)
	in.Rules = a.ruleLines(ic.VirtualRules, host.VirtualLine)
	in.Links = a.refs(track.Interface, ic.Tracks.Interfaces)
	in.Scripts = a.refs(track.Script, ic.Tracks.Scripts)
	for _, list := range [][]host.Address{in.Addresses, in.Excluded} {
		for _, addr := range list {
			a.c.virtual[addr.Prefix.Addr()] = true
			if addr.Link != ic.Interface && !slices.Contains(in.Devices, addr.Link) {
				in.Devices = append(in.Devices, addr.Link)
			}
		}
	}
	a.link(ic.Pos, ic.Interface)
	for _, l := range in.Links {
		a.link(l.Pos, l.Name)
	}
	var addrs []netip.Addr
	for _, addr := range in.Addresses {
		addrs = append(addrs, addr.Prefix.Addr())
	}
	out := ic.Resolve(a.x, a.vrrpDefaults(), vrrp.Surroundings{Addrs: addrs})
	if in.Params = out.Params; out.Stop != "" {
		a.fatal = append(a.fatal, out.Stop)
	}
	in.Source, in.Params.PrimaryAddr = in.Params.PrimaryAddr, netip.Addr{}
	in.place(out.Excess, out.Dropped)
	if in.Params.Owner() {
		a.ownerTracks(in)
	}
	return in
}

// place moves the addresses that no advert has room for to the excluded ones,
// and forgets those that cannot be used.
func (in *Instance) place(excess, dropped []netip.Addr) {
	here := func(list []netip.Addr) func(host.Address) bool {
		return func(a host.Address) bool { return slices.Contains(list, a.Prefix.Addr()) }
	}
	in.Addresses = slices.DeleteFunc(in.Addresses, here(dropped))
	in.Excluded = slices.DeleteFunc(in.Excluded, here(dropped))
	for _, addr := range in.Addresses {
		if here(excess)(addr) {
			in.Excluded = append(in.Excluded, addr)
		}
	}
	in.Addresses = slices.DeleteFunc(in.Addresses, here(excess))
}

// vrrpDefaults are the globals that instances take over.
func (a *assembler) vrrpDefaults() vrrp.Defaults {
	g := &a.c.Global
	d := vrrp.Defaults{
		Version: uint8(g.VRRPVersion), Group4: g.McastGroup4, DownTimerAdverts: int(g.DownTimerAdverts),
		SMTPAlertVRRP: g.AlertVRRP, SMTPAlert: g.SMTPAlert, PriorityChanges: g.NotifyPriorityMoves,
		HigherPrioSendAdvert: g.HigherPrioSend, SkipCheckAdvAddr: g.SkipCheckAdvAddr, CheckUnicastSrc: g.CheckUnicastSrc,
		Announce: vrrp.AnnounceParams{
			MasterDelay: g.GARP.MasterDelay, MasterRepeat: int(g.GARP.MasterRepeat),
			Refresh: g.GARP.MasterRefresh, RefreshRepeat: int(g.GARP.MasterRefreshRepeat),
			LowerPrioDelay: g.GARP.MasterDelay, LowerPrioRepeat: int(g.GARP.MasterRepeat),
		},
	}
	if g.GARP.LowerPrioDelay != nil {
		d.Announce.LowerPrioDelay = *g.GARP.LowerPrioDelay
	}
	if g.GARP.LowerPrioRepeat != nil {
		d.Announce.LowerPrioRepeat = int(*g.GARP.LowerPrioRepeat)
	}
	if g.LowerPrioNoAdvert != nil {
		d.LowerPrioNoAdvert = *g.LowerPrioNoAdvert
	}
	return d
}

// link reports an interface that does not exist: keepalived does not start then.
func (a *assembler) link(pos kconf.Pos, name string) {
	if name == "" || a.env.Links == nil || a.c.Global.DynamicInterfaces {
		return
	}
	if _, exists := a.env.Links[name]; exists {
		return
	}
	a.missing = true
	d := kconf.Diagnostic{Pos: pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "no-such-interface",
		Message: "interface " + name + " does not exist", Hint: "create it, or allow interfaces to come later with dynamic_interfaces in global_defs"}
	a.x.Diags.Add(d)
}

func (a *assembler) addressLines(ic *vrrp.InstanceConfig, lines []*kconf.Stmt) []host.Address {
	var list []host.Address
	for _, s := range lines {
		line, ok := a.names.DecodeAddress(a.x, s, host.VirtualLine)
		if !ok {
			continue
		}
		if line.Link == "" {
			line.Link = ic.Interface
		} else {
			a.link(line.Pos, line.Link)
		}
		list = append(list, line.Address)
	}
	return list
}

// oneFamily drops advertised addresses of another family than the first: an
// advert carries one family, virtual_ipaddress_excluded takes the others.
func (a *assembler) oneFamily(ic *vrrp.InstanceConfig, list []host.Address) []host.Address {
	var kept []host.Address
	for _, addr := range list {
		if addr.Prefix.Addr().Is4() == list[0].Prefix.Addr().Is4() {
			kept = append(kept, addr)
			continue
		}
		at := ic.Pos
		for _, s := range ic.VirtualAddresses {
			if strings.HasPrefix(s.Words[0].Text, addr.Prefix.Addr().String()) {
				at = s.Pos()
			}
		}
		a.x.Errorf(at, kconf.ClassGeneral, "mixed-families",
			"vrrp_instance %s: %v is of another family than %v; use virtual_ipaddress_excluded", ic.Name, addr.Prefix.Addr(), list[0].Prefix.Addr())
	}
	return kept
}

func (a *assembler) routeLines(lines []*kconf.Stmt, kind host.LineKind) []host.Route {
	var list []host.Route
	for _, s := range lines {
		line, ok := a.names.DecodeRoute(a.x, s, kind)
		if !ok {
			continue
		}
		a.link(line.Pos, line.Link)
		list = append(list, line.Route)
	}
	return list
}

func (a *assembler) ruleLines(lines []*kconf.Stmt, kind host.LineKind) []host.Rule {
	var list []host.Rule
	for _, s := range lines {
		if line, ok := a.names.DecodeRule(a.x, s, kind); ok {
			a.preferences.Fill(a.x, &line)
			a.link(line.Pos, line.IIf)
			a.link(line.Pos, line.OIf)
			list = append(list, line.Rule)
		}
	}
	return list
}

// statics decodes what is there in every state.
func (a *assembler) statics() {
	for _, s := range a.r.addresses {
		line, ok := a.names.DecodeAddress(a.x, s, host.StaticLine)
		if !ok {
			continue
		}
		class := kconf.ClassGeneral
		if line.Link == "" {
			line.Link, class = a.c.Global.DefaultInterface, kconf.ClassFatal
		}
		if _, exists := a.env.Links[line.Link]; !exists && a.env.Links != nil && !a.c.Global.DynamicInterfaces {
			a.x.Diags.Add(kconf.Diagnostic{Pos: line.Pos, Severity: kconf.Error, Class: class, ID: "no-such-interface",
				Message: fmt.Sprintf("static address %v: interface %s does not exist", line.Prefix, line.Link)})
			continue
		}
		a.c.Statics.Addresses = append(a.c.Statics.Addresses, line.Address)
	}
	a.c.Statics.Routes = a.routeLines(a.r.routes, host.StaticLine)
	a.c.Statics.Rules = a.ruleLines(a.r.rules, host.StaticLine)
}

// HasVRRP says whether there is work for a VRRP process.
func (c *Config) HasVRRP() bool {
	return len(c.Instances) > 0 || len(c.Statics.Addresses)+len(c.Statics.Routes)+len(c.Statics.Rules) > 0
}

// IsVirtual says whether an address moves with an instance.
func (c *Config) IsVirtual(a netip.Addr) bool { return c.virtual[a] }
