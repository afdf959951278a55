package daemon

import (
	"path/filepath"

	"holdfast/internal/run"
)

// Mode is what one start of the binary is asked to do.
type Mode uint8

const (
	ModeRun        Mode = iota // be the daemon
	ModeConfigTest             // --config-test
	ModeVersion
	ModeHelp
	ModeSignum
)

// Options is keepalived's command line, parsed.
type Options struct {
	Mode       Mode
	Program    string   // basename of argv[0]: holdfast, or keepalived through a link
	Argv       []string // the whole command line, as ps shall show it for the children too
	ConfigFile string   // -f; a glob. Default /etc/keepalived/keepalived.conf
	TestLog    string   // --config-test=FILE; "" is stderr
	Signum     string   // --signum

	OnlyVRRP    bool // -P: no checker child
	OnlyChecker bool // -C: no VRRP child
	NoBFD       bool // -B
	AllChildren bool // --all: run children even without configuration

	Foreground bool // -n
	NoRespawn  bool // -R
	DumpConfig bool // -d

	LogConsole  bool   // -l
	LogDetail   int    // -D, once or twice
	LogFacility string // -S; "" is daemon
	NoSyslog    bool   // -G

	PIDFile         string // -p
	VRRPPIDFile     string // -r
	CheckersPIDFile string // -c
	BFDPIDFile      string // -b

	ConfigID       string // -i; "" is the node name up to its first dot
	AllConfig      bool   // -e: a missing include is an error
	Umask          int    // -u; keepalived's 0177 without
	UmaskGiven     bool   // -u was given: it goes before the configuration
	KeepVRRP       bool   // -V: leave VIPs and routes at stop
	KeepIPVS       bool   // -I: leave the IPVS table at stop
	ReleaseVIPs    bool   // -X
	AddressMonitor bool   // -a
	Namespace      string // -s
	CoreDump       bool   // -m, -M

	Later []string // options that were given and have no effect yet, for the log
}

// DefaultOptions are those of a bare command line.
func DefaultOptions(argv []string) Options {
	o := Options{
		ConfigFile:      "/etc/keepalived/keepalived.conf",
		PIDFile:         "/run/keepalived.pid",
		VRRPPIDFile:     "/run/vrrp.pid",
		CheckersPIDFile: "/run/checkers.pid",
		BFDPIDFile:      "/run/bfd.pid",
		Umask:           run.Umask,
		Argv:            argv,
		Program:         "holdfast",
	}
	if len(argv) > 0 {
		o.Program = filepath.Base(argv[0])
	}
	return o
}
