package daemon

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
	Instances []*Instance
	Groups    []*vrrp.GroupConfig
	Scripts   []*track.ScriptConfig
	Servers   servers

	statics staticHost
	virtual map[netip.Addr]bool // every address that moves with an instance
	book    *scriptBook         // nil in the children
}

// staticHost is what the host carries in every state.
type staticHost struct {
	addresses []host.Address
	routes    []host.Route
	rules     []host.Rule
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

// environment is what assembling may ask the machine for.
type environment struct {
	links   map[string]host.Link // nil: interfaces are not checked
	scripts bool                 // check scripts and accounts
}

// hostEnvironment is that of the parent.
func hostEnvironment() environment {
	return environment{links: currentLinks(), scripts: true}
}

// childEnvironment is that of a child: the parent has checked everything.
func childEnvironment() environment { return environment{} }

// assembler puts the parts together and collects why the result cannot run.
type assembler struct {
	x       *kconf.Ctx
	env     environment
	r       root
	c       *Config
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

// assemble decodes file and applies the rules that cross blocks. fatal says why
// the result cannot run, "" if it can.
func assemble(x *kconf.Ctx, file *kconf.File, env environment) (c *Config, fatal string) {
	a := &assembler{x: x, env: env, c: &Config{virtual: map[netip.Addr]bool{}}, names: host.ReadNames(os.DirFS("/"))}
	a.r.global = defaultGlobals()
	rootKeywords.Decode(x, &a.r, file.Stmts)
	a.globals()
	a.c.Scripts = a.r.scripts
	a.statics() // rules without a priority count down from the static ones
	a.instances()
	a.groups()
	a.unusedScripts()
	a.servers()
	if env.scripts {
		a.c.checkScripts(x, a.missing)
	}
	if a.missing {
		a.fatal = append(a.fatal, "Non-existent interface specified in configuration")
	}
	return a.c, strings.Join(a.fatal, "; ")
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
	in.Params = ic.Resolve(a.x, a.vrrpDefaults(), addrs)
	in.Source, in.Params.PrimaryAddr = in.Params.PrimaryAddr, netip.Addr{}
	a.required(in)
	return in
}

// required are the conditions under which keepalived does not start at all.
func (a *assembler) required(in *Instance) {
	switch {
	case in.VRID == 0:
		a.fatal = append(a.fatal, "vrrp_instance "+in.Name+": virtual_router_id is missing")
	case in.Interface == "" && !in.Params.Unicast():
		a.fatal = append(a.fatal, "vrrp_instance "+in.Name+": unknown interface")
	case len(in.Addresses) > 0 || in.NoVirtualAddress:
	case in.Params.Version == 3:
		a.stop(in.Pos, "no-virtual-address", "vrrp_instance %s: version 3 needs a virtual_ipaddress, or no_virtual_ipaddress", in.Name)
	default:
		a.x.Warnf(in.Pos, kconf.ClassWarning, "no-virtual-address", "vrrp_instance %s: has no virtual_ipaddress", in.Name)
	}
}

// vrrpDefaults are the globals that instances take over.
func (a *assembler) vrrpDefaults() vrrp.Defaults {
	g := &a.c.Global
	d := vrrp.Defaults{
		Version: uint8(g.VRRPVersion), Group4: g.McastGroup4, DownTimerAdverts: int(g.DownTimerAdverts),
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
	if name == "" || a.env.links == nil || a.c.Global.DynamicInterfaces {
		return
	}
	if _, exists := a.env.links[name]; exists {
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
			list = append(list, line.Rule)
		}
	}
	return list
}

// refs decodes the lines of a track block; a name that stands twice counts once.
func (a *assembler) refs(kind track.Kind, lines []*kconf.Stmt) []track.Ref {
	var list []track.Ref
	for _, s := range lines {
		r, ok := track.DecodeRef(a.x, kind, s)
		if !ok {
			continue
		}
		if i := indexRef(list, r.Name); i >= 0 {
			a.x.Diags.Add(kconf.Diagnostic{Pos: r.Pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate", Related: list[i].Pos,
				Message: fmt.Sprintf("track_%s %s: given before, this line is ignored", kind, r.Name)})
			continue
		}
		list = append(list, r)
	}
	return list
}

func indexRef(list []track.Ref, name string) int {
	return slices.IndexFunc(list, func(r track.Ref) bool { return r.Name == name })
}

// statics decodes what is there in every state.
func (a *assembler) statics() {
	for _, s := range a.r.addresses {
		line, ok := a.names.DecodeAddress(a.x, s, host.StaticLine)
		if !ok {
			continue
		}
		line.Link = nonEmpty(line.Link, a.c.Global.DefaultInterface)
		if _, exists := a.env.links[line.Link]; !exists && a.env.links != nil && !a.c.Global.DynamicInterfaces {
			a.x.Diags.Add(kconf.Diagnostic{Pos: line.Pos, Severity: kconf.Error, Class: kconf.ClassFatal, ID: "no-such-interface",
				Message: fmt.Sprintf("static address %v: interface %s does not exist", line.Prefix, line.Link)})
			continue
		}
		a.c.statics.addresses = append(a.c.statics.addresses, line.Address)
	}
	a.c.statics.routes = a.routeLines(a.r.routes, host.StaticLine)
	a.c.statics.rules = a.ruleLines(a.r.rules, host.StaticLine)
}

// groups links sync groups with their members.
func (a *assembler) groups() {
	member := map[string]string{}
	byName := map[string]*Instance{}
	for _, in := range a.c.Instances {
		byName[in.Name] = in
	}
	for _, g := range a.r.groups {
		var members []string
		for _, w := range g.Members {
			in := byName[w.Text]
			switch {
			case in == nil:
				a.x.Errorf(w.Pos, kconf.ClassGeneral, "unknown-instance", "vrrp_sync_group %s: there is no vrrp_instance %s", g.Name, w.Text)
			case member[w.Text] != "":
				a.x.Errorf(w.Pos, kconf.ClassGeneral, "already-grouped", "vrrp_sync_group %s: %s is in group %s already", g.Name, w.Text, member[w.Text])
			default:
				member[w.Text] = g.Name
				members = append(members, w.Text)
				in.SyncGroup, in.Params.Grouped = g.Name, true
			}
		}
		a.groupTracks(g, members, byName)
		switch len(members) {
		case 0:
			a.x.Errorf(g.Pos, kconf.ClassGeneral, "empty-group", "vrrp_sync_group %s: has no member; it is not used", g.Name)
			continue
		case 1:
			a.x.Warnf(g.Pos, kconf.ClassGeneral, "one-member", "vrrp_sync_group %s: has one member, which is probably not wanted", g.Name)
		}
		a.c.Groups = append(a.c.Groups, g)
	}
}

// groupTracks gives the trackers of a group to every member. A member's own
// weighted trackers would let the priorities of a group drift apart; without
// sync_group_tracking_weight interfaces count without weight and scripts not
// at all.
func (a *assembler) groupTracks(g *vrrp.GroupConfig, members []string, byName map[string]*Instance) {
	links, scripts := a.refs(track.Interface, g.Tracks.Interfaces), a.refs(track.Script, g.Tracks.Scripts)
	for _, name := range members {
		in := byName[name]
		if !g.TrackingWeight {
			a.weightless(g, in)
		}
		for _, r := range links {
			if indexRef(in.Links, r.Name) < 0 && r.Name != in.Interface {
				in.Links = append(in.Links, r)
				a.link(r.Pos, r.Name)
			}
		}
		for _, r := range scripts {
			switch {
			case a.c.script(r.Name) == nil:
				a.x.Errorf(r.Pos, kconf.ClassGeneral, "unknown-script", "vrrp_sync_group %s: track_script %s: there is no vrrp_script of that name", g.Name, r.Name)
			case indexRef(in.Scripts, r.Name) < 0:
				in.Scripts = append(in.Scripts, r)
			}
		}
	}
}

func (a *assembler) weightless(g *vrrp.GroupConfig, in *Instance) {
	none := 0
	for i := range in.Links {
		if r := &in.Links[i]; r.Weight != nil && *r.Weight != 0 {
			a.x.Errorf(r.Pos, kconf.ClassGeneral, "group-weight", "track_interface %s: %s is in sync group %s, the weight is not used", r.Name, in.Name, g.Name)
			r.Weight = &none
		}
	}
	in.Scripts = slices.DeleteFunc(in.Scripts, func(r track.Ref) bool {
		weight := a.c.script(r.Name).Weight
		if r.Weight != nil {
			weight = *r.Weight
		}
		if weight != 0 {
			a.x.Errorf(r.Pos, kconf.ClassGeneral, "group-weight", "track_script %s: %s is in sync group %s, a script with weight is not tracked", r.Name, in.Name, g.Name)
		}
		return weight != 0
	})
}

// duplicates finds two multicast instances that would be the same virtual
// router on one link.
func (a *assembler) duplicates() {
	type id struct {
		link  string
		vrid  uint8
		ipv6  bool
		group netip.Addr
	}
	first := map[id]*Instance{}
	for _, in := range a.c.Instances {
		if in.Params.Unicast() || in.Params.VRID == 0 {
			continue
		}
		k := id{in.Interface, in.Params.VRID, in.Params.IPv6, in.Params.MulticastGroup()}
		if other := first[k]; other != nil {
			a.stop(in.Pos, "duplicate-vrid", "vrrp_instance %s: virtual_router_id %d on %s is that of %s too, at %v", in.Name, k.vrid, k.link, other.Name, other.Pos)
			continue
		}
		first[k] = in
	}
}

// unknownTracks reports track lines whose object does not exist.
func (a *assembler) unknownTracks() {
	c, x := a.c, a.x
	for _, in := range c.Instances {
		in.Scripts = slices.DeleteFunc(in.Scripts, func(r track.Ref) bool {
			unknown := c.script(r.Name) == nil
			if unknown {
				x.Errorf(r.Pos, kconf.ClassGeneral, "unknown-script", "vrrp_instance %s: track_script %s: there is no vrrp_script of that name", in.Name, r.Name)
			}
			return unknown
		})
		in.Links = slices.DeleteFunc(in.Links, func(r track.Ref) bool {
			own := r.Name == in.Interface
			if own {
				x.Warnf(r.Pos, kconf.ClassGeneral, "own-interface", "vrrp_instance %s: track_interface %s: is its own interface, which is tracked anyway", in.Name, r.Name)
			}
			return own
		})
	}
}

// unusedScripts names scripts that nothing tracks: they are not run.
func (a *assembler) unusedScripts() {
	for _, s := range a.c.Scripts {
		used := slices.ContainsFunc(a.c.Instances, func(in *Instance) bool { return indexRef(in.Scripts, s.Name) >= 0 })
		if !used {
			a.x.Notef(s.Pos, "unused-script", "Warning - script %s is not used", s.Name)
		}
	}
}

// dropUnknownTracks drops, in silence, lines about scripts that were dropped.
func (c *Config) dropUnknownTracks() {
	for _, in := range c.Instances {
		in.Scripts = slices.DeleteFunc(in.Scripts, func(r track.Ref) bool { return c.script(r.Name) == nil })
	}
}

func (c *Config) script(name string) *track.ScriptConfig {
	for _, s := range c.Scripts {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// tracked is what the VRRP role watches for an instance.
func (c *Config) tracked(in *Instance) *tracked {
	t := &tracked{name: in.Name, base: int(in.Params.Priority)}
	if !in.DontTrackPrimary {
		t.links = append(t.links, linkRef{ref: track.Ref{Name: in.Interface}, main: true})
	}
	for _, d := range in.Devices {
		t.links = append(t.links, linkRef{ref: track.Ref{Name: d}})
	}
	for _, r := range in.Links {
		t.links = append(t.links, linkRef{ref: r})
	}
	for _, r := range in.Scripts {
		if s := c.script(r.Name); s != nil {
			t.scripts = append(t.scripts, scriptRef{ref: r, params: s.Params()})
		}
	}
	return t
}

// loopInstance is in as the loop wants it.
func (in *Instance) loopInstance() vrrp.Instance {
	return vrrp.Instance{Name: in.Name, Interface: in.Interface, SyncGroup: in.SyncGroup, Params: in.Params}
}

func (c *Config) hasVRRP() bool {
	return len(c.Instances) > 0 || len(c.statics.addresses)+len(c.statics.routes)+len(c.statics.rules) > 0
}

func (c *Config) isVirtual(a netip.Addr) bool { return c.virtual[a] }

func (c *Config) staticHost() staticHost { return c.statics }
