package config

import (
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"holdfast/bfd"
	"holdfast/host"
	"holdfast/kconf"
	"holdfast/track"
	"holdfast/vrrp"
)

// Config is a whole configuration in the form the roles use: every block
// decoded, defaults filled in, references resolved.
type Config struct {
	Global      Globals
	Instances   []*Instance // in file order, as are the other lists
	Groups      []*Group
	Scripts     []*track.ScriptConfig
	Files       []*track.FileConfig
	Processes   []*track.ProcessConfig
	BFDs        []*bfd.Config
	TrackGroups []*vrrp.TrackGroupConfig
	GARPGroups  []*vrrp.GARPGroupConfig
	Linkbeat    []vrrp.Linkbeat
	Delays      []vrrp.LinkDelays
	Services    []*Service
	Statics     Statics

	virtual map[netip.Addr]bool            // every address that moves with an instance
	groups  map[string]uint32              // names of link groups
	scripts map[string]*track.ScriptConfig // the first of each name
	told    Told
	book    *scriptBook // nil where scripts are not checked
}

// Statics is what the host carries in every state: static_ipaddress,
// static_routes, static_rules.
type Statics struct {
	Addresses []host.Address
	Routes    []host.Route
	Rules     []host.Rule
	Lines     Lines // the same in the same order, with what only their lines say
}

// Lines are address, route and rule lines with everything that they say.
type Lines struct {
	Addresses, Excluded []host.AddressLine
	Routes              []host.RouteLine
	Rules               []host.RuleLine
}

// Instance is one vrrp_instance, ready for the loop.
type Instance struct {
	*vrrp.InstanceConfig
	Params        vrrp.Params   // without PrimaryAddr
	Settled       vrrp.Resolved // what else has been settled; its own Params are empty
	Source        netip.Addr    // mcast_src_ip, unicast_src_ip; zero: the link's primary address
	SyncGroup     string
	NotifyDeleted bool
	Addresses     []host.Address // advertised
	Excluded      []host.Address
	Routes        []host.Route
	Rules         []host.Rule
	Lines         Lines // as they were read; Addresses and Excluded are what became of them
	Trackers
	Devices          []string // links that carry what it owns, or what its track_groups name, tracked with weight 0
	AnnounceInterval time.Duration
}

// Environment is what a configuration is checked against; with the zero value
// it is not.
type Environment struct {
	Links   map[string]host.Link                                    // by name; nil: interfaces are not checked
	Primary func(link string, ipv6 bool) (addr netip.Addr, ok bool) // source of adverts; nil: not known
	Files   fs.FS                                                   // the root directory, for keys; nil: they are not read
	Scripts bool                                                    // check scripts and accounts

	told    map[string]*vrrp.LinkInfo // what the parent said about interfaces
	missing map[string]bool           // interfaces that it did not find
	vrfs    map[string]uint32         // VRF devices that it found; nil: not known
}

// assembler puts the parts together and collects why the result cannot run.
type assembler struct {
	x     *kconf.Ctx
	env   Environment
	r     root
	c     *Config
	count int // statements of the top level

	testOnly bool                 // see LoadOptions.TestOnly
	waiting  int                  // virtual servers that settle has left for later
	services map[string]kconf.Pos // virtual servers by name
	fatal    []string
	missing  bool // an interface does not exist

	names       host.Names // of routing tables, scopes and the like
	preferences host.Preferences
	byName      map[string]*Instance
	defs        map[track.Kind]map[string]*definition // what track lines may name
	member      map[string]*Group                     // of the instance of that name
	vmacNames   map[string]*vrrp.InstanceConfig
	links       map[string]*vrrp.LinkInfo // what instances are told about an interface
	scriptUser  string                    // of checks that name none
	scriptGroup string
	checked     map[string]bool                  // BFD sessions that checks may follow
	garp        map[string]*vrrp.GARPGroupConfig // the group of an interface
}

func newAssembler(env Environment) *assembler {
	told := Told{Links: map[string]*vrrp.LinkInfo{}, Missing: map[string]bool{}, Faults: map[string]string{}}
	a := &assembler{
		x: &kconf.Ctx{Diags: new(kconf.Diagnostics)}, env: env,
		r: root{blocks: map[string]kconf.Pos{}}, c: &Config{virtual: map[netip.Addr]bool{}, told: told},
		names: host.ReadNames(os.DirFS("/")), byName: map[string]*Instance{}, vmacNames: map[string]*vrrp.InstanceConfig{},
	}
	a.r.global = defaultGlobals()
	return a
}

// decode takes the next statement of the top level and says whether it must be
// kept. Those of virtual servers, of which there may be many thousands, are
// decoded to the last word; instances keep their address lines.
func (a *assembler) decode(s *kconf.Stmt) (kept bool) {
	a.count++
	rootKeywords.Decode(a.x, &a.r, []*kconf.Stmt{s})
	if s.Keyword() != "virtual_server" {
		return true
	}
	if a.testOnly {
		a.settle()
	}
	return false
}

// finish applies the rules that cross blocks, in keepalived's order where one
// rule sees what another has changed. diags is what parsing has found; what is
// found here comes after it.
func (a *assembler) finish(diags *kconf.Diagnostics) *Loaded {
	diags.Append(a.x.Diags)
	a.x.Diags = diags
	a.globals()
	a.c.groups = a.names.Groups
	a.c.Scripts, a.c.Files, a.c.Processes = a.r.scripts, a.r.files, a.r.processes
	a.c.indexScripts()
	a.sessions()
	a.define()
	a.interfaces()
	a.linkGroups()
	a.vrfs()
	a.statics() // rules without a priority count down from the static ones
	for _, ic := range a.r.instances {
		in := a.instance(ic)
		a.byName[in.Name] = in
		a.c.Instances = append(a.c.Instances, in)
	}
	a.linkDelays()
	a.duplicates()
	a.vmacs()
	a.groups()
	a.trackGroups()
	a.syncDaemon()
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
	a.c.Global.Namespace, a.c.Global.Instance = a.r.namespace.Text, a.r.instance.Text
	a.c.Global.complete(a.x)
}

// vrfs finds the VRFs that route lines may name. Where interfaces may come later,
// every name is believed.
func (a *assembler) vrfs() {
	a.names.VRFs = a.env.vrfs
	if a.env.Links != nil && !a.c.Global.DynamicInterfaces {
		a.names.VRFs = map[string]uint32{}
		for name, l := range a.env.Links {
			if l.Table != 0 {
				a.names.VRFs[name] = l.Table
			}
		}
	}
	a.c.told.VRFs = a.names.VRFs
}

// HasVRRP says whether there is work for a VRRP process.
func (c *Config) HasVRRP() bool {
	return len(c.Instances) > 0 || len(c.Statics.Addresses)+len(c.Statics.Routes)+len(c.Statics.Rules) > 0
}

// LinkGroup is the number of a link group, which may be written as such or by
// its name; ok is false for none and for a name that nobody knows.
func (c *Config) LinkGroup(word string) (number uint32, ok bool) {
	if n, err := strconv.ParseUint(word, 10, 32); err == nil {
		return uint32(n), true
	}
	number, ok = c.groups[word]
	return number, ok
}

// IsVirtual says whether an address moves with an instance.
func (c *Config) IsVirtual(a netip.Addr) bool { return c.virtual[a] }
