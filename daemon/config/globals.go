package config

import (
	"net/netip"
	"os"
	"os/user"
	"slices"
	"time"

	"holdfast/kconf"
	"holdfast/notify"
	"holdfast/vrrp"
)

// Globals is what global_defs and the scalars beside it set. A nil pointer is
// a value that was not given and takes its default from elsewhere; everything
// else holds its default until a keyword replaces it.
type Globals struct {
	RouterID      string // default: host name
	Emails        []string
	EmailFrom     string // default with a mail relay: login@host
	SMTPServer    *SMTPServer
	SMTPHelo      string // default with a mail relay: host name
	SMTPTimeout   time.Duration
	SMTPAlert     *bool
	AlertVRRP     *bool
	AlertChecker  *bool
	NoEmailFaults bool
	// NoCheckerEmails: mail only when a real server is added or removed.
	NoCheckerEmails bool

	ScriptUser          *Account
	ScriptSecurity      bool
	SymlinkPaths        bool // run scripts under the path as written
	SupplementaryGroups bool // scripts get the supplementary groups of their user
	Startup             RunOnce
	Shutdown            RunOnce

	NotifyFIFO          FIFO
	VRRPFIFO            FIFO
	LVSFIFO             FIFO
	NotifyPriorityMoves bool
	StatesOnReload      bool // fifo_write_vrrp_states_on_reload

	DynamicInterfaces bool
	AllowIfChanges    bool // an interface may come back as another type
	DefaultInterface  string
	DisableLocalIGMP  bool
	LinkbeatPolling   bool // linkbeat_use_polling of the top level
	VMACPrefix        Once
	VMACAddrPrefix    Once // default: VMACPrefix

	Strict             bool // vrrp_strict
	VRRPVersion        int8
	McastGroup4        netip.Addr
	McastGroup6        netip.Addr
	DownTimerAdverts   uint8
	GARP               GARPDefaults
	ExtraIf            ExtraIf
	LowerPrioNoAdvert  *bool
	HigherPrioSend     bool
	OwnerIgnoreAdverts *bool
	CheckUnicastSrc    bool
	SkipCheckAdvAddr   bool
	ChecksumAsV2       bool
	LogUnknownVRIDs    bool
	StartupDelay       time.Duration // after the daemon's start
	DelayAfterBoot     time.Duration // after the system's
	AddressLifetime    uint32        // of virtual addresses, in seconds; 0: they do not end

	Firewall Firewall

	LVSTimeouts   *LVSTimeouts
	LVSFlush      bool
	LVSFlushStop  *FlushOnStop
	SyncDaemon    *SyncDaemon
	LogAllFailure bool
	RSInitNotify  bool
	LVSSweep      uint32 // seconds, 0: the default

	Umask                *int
	ChildWait            time.Duration
	Namespace            string
	NamespaceIPVS        *string // nil: Namespace; "": the default one
	NamespaceWithIPSets  bool
	Instance             string
	UsePIDDir            bool
	ProcessName          string
	VRRPProcessName      string
	CheckProcessName     string
	BFDProcessName       string
	VRRPProcess          ProcessSettings
	CheckerProcess       ProcessSettings
	BFDProcess           ProcessSettings
	MaxAutoPriority      int8 // -1: not even a hint
	MinAutoPriorityDelay time.Duration

	Buffers Buffers
	SNMP    SNMP
	DBus    DBus
	Reload  Reload
	Files   Files
	// RandomSeed is kept and, as in keepalived, has no effect on ${_RANDOM}.
	RandomSeed *uint32
}

// defaultGlobals are the values of an empty file.
func defaultGlobals() Globals {
	return Globals{
		SMTPTimeout:      30 * time.Second,
		Startup:          RunOnce{Timeout: 10 * time.Second},
		Shutdown:         RunOnce{Timeout: 10 * time.Second},
		DefaultInterface: "eth0",
		VMACPrefix:       Once{Text: "vrrp"},
		VRRPVersion:      2,
		McastGroup4:      vrrp.GroupIPv4,
		McastGroup6:      vrrp.GroupIPv6,
		DownTimerAdverts: 3,
		GARP: GARPDefaults{
			MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1,
		},
		Firewall:             Firewall{Priority: -1, IPVSPriority: -1, IPVSStartFwmark: 1000},
		ChildWait:            5 * time.Second,
		VRRPProcess:          defaultProcess(),
		CheckerProcess:       defaultProcess(),
		BFDProcess:           defaultProcess(),
		MinAutoPriorityDelay: time.Second,
		Buffers:              Buffers{VRRPMultiplier: 3},
		SNMP:                 SNMP{Socket: Once{Text: "unix:/var/agentx/master"}, VSInterval: 5 * time.Second},
		DBus:                 DBus{ServiceName: "org.keepalived.Vrrp1", NoInterfaceName: "none"},
		Files:                Files{JSONVersion: 1},
	}
}

// complete fills in the defaults that come from this machine or from other
// keywords, and drops FIFOs that would be read twice.
func (g *Globals) complete(x *kconf.Ctx) {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	if g.RouterID == "" && err == nil {
		g.RouterID = name
	}
	if g.SMTPServer != nil {
		if g.SMTPHelo == "" {
			g.SMTPHelo = name
		}
		if g.EmailFrom == "" {
			g.EmailFrom = login() + "@" + name
		}
	}
	if g.VMACAddrPrefix.Text == "" {
		g.VMACAddrPrefix.Text = g.VMACPrefix.Text
	}
	if g.SNMP.RSInterval == 0 {
		g.SNMP.RSInterval = g.SNMP.VSInterval
	}
	g.UsePIDDir = g.UsePIDDir || g.Instance != ""
	g.completeFIFOs(x)
	g.Firewall.complete(x)
}

// login is who runs the daemon.
func login() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "root"
}

// accounts are the rules by which scripts get their account.
func (g *Globals) accounts() notify.Accounts {
	as := notify.Accounts{Directory: notify.System{}, Security: g.ScriptSecurity, Supplementary: g.SupplementaryGroups}
	if g.ScriptUser != nil {
		as.User, as.Group = g.ScriptUser.User, g.ScriptUser.Group
	}
	return as
}

const (
	maxGARPDelay = 4294 * time.Second
	longestTime  = 4294967295 * time.Second
	maxUint32    = 1<<32 - 1
	maxFraction  = 4294967295 * time.Microsecond // of keywords that take fractions of a second
)

// globalKeywords is the vocabulary of global_defs.
var globalKeywords = slices.Concat(
	mailKeywords, scriptKeywords, fifoKeywords, interfaceKeywords, vrrpKeywords, garpKeywords, firewallKeywords,
	lvsKeywords, processKeywords, bufferKeywords, snmpKeywords, fileKeywords, ownKeywords,
)
