package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"holdfast/kconf"
	"holdfast/vrrp"
)

// ErrNoFile says that there is no configuration file to read.
var ErrNoFile = errors.New("no configuration file")

// LoadOptions say which file to read, and how.
type LoadOptions struct {
	File      string // -f; a glob
	ConfigID  string // -i; "" is the node name up to its first dot
	AllConfig bool   // -e: a missing include is an error
	// TestOnly: nobody will run it. There is no tree for children, and most
	// services are missing: all that is wanted is what is wrong.
	TestOnly bool
}

// Parsing are the options under which kconf reads the file.
func (o LoadOptions) Parsing() kconf.Options {
	ko := kconf.Options{ConfigID: cmp.Or(o.ConfigID, nodeName()), TopLevel: TopLevel()}
	if o.AllConfig {
		ko.IncludeChecks = kconf.CheckAll
	}
	return ko
}

// TestStatusMissing is the exit status of --config-test when Load fails with
// err: without a file keepalived answers 0 unless -e was given, and tools that
// pass it a file they have not written yet depend on that.
func (o LoadOptions) TestStatusMissing(err error) int {
	if errors.Is(err, ErrNoFile) && !o.AllConfig {
		return 0
	}
	return 4
}

// Loaded is a configuration that has been read and understood, whether it can
// be run or not. Making one touches nothing.
type Loaded struct {
	Config      *Config
	Encoded     []byte // the tree, for Decode in the children; not with TestOnly
	Diagnostics *kconf.Diagnostics
	Fatal       string // why it cannot run; "" when it can
	Empty       bool   // not a single statement
}

// Load reads the configuration that o names and understands it on this machine.
// The error is ErrNoFile; what is wrong in the file is a diagnostic.
//
// Statements are decoded as they are read: the tree of a large file is never in
// memory as a whole.
func Load(o LoadOptions) (*Loaded, error) {
	var wire *bytes.Buffer
	var enc *kconf.Encoder
	if !o.TestOnly {
		wire = new(bytes.Buffer)
		enc = kconf.NewEncoder(wire, o.File)
	}
	a := newAssembler(HostEnvironment())
	a.testOnly = o.TestOnly
	ko := o.Parsing()
	ko.Each = func(s *kconf.Stmt) bool {
		if enc != nil {
			enc.Stmt(s)
		}
		return a.decode(s)
	}
	_, diags := kconf.ParseFile(o.File, ko)
	for _, d := range diags.All() {
		if d.ID == "file-missing" {
			return nil, fmt.Errorf("%w: %s", ErrNoFile, d.Message)
		}
	}
	l := a.finish(diags)
	if enc != nil {
		if err := enc.Close(); err != nil { // a buffer takes everything
			return nil, fmt.Errorf("encode configuration for the child processes: %w", err)
		}
		l.Encoded = wire.Bytes()
	}
	return l, nil
}

// Understand turns a tree that somebody else has parsed into a configuration.
// What is wrong with it is added to diags; the error is that the tree cannot be
// encoded.
func Understand(file *kconf.File, diags *kconf.Diagnostics, env Environment) (*Loaded, error) {
	var wire bytes.Buffer
	if err := file.Encode(&wire); err != nil {
		return nil, fmt.Errorf("encode configuration for the child processes: %w", err)
	}
	a := newAssembler(env)
	for _, s := range file.Stmts {
		a.decode(s)
	}
	l := a.finish(diags)
	l.Encoded = wire.Bytes()
	return l, nil
}

// Told is what a child must hear from the parent besides the configuration: what
// the parent found out about this machine. Both then have the same scripts and
// settle instances alike.
type Told struct {
	Dropped []string                  `json:"dropped,omitempty"` // places of track scripts and checks whose program cannot be run
	Links   map[string]*vrrp.LinkInfo `json:"links,omitempty"`   // interfaces of instances, as they were
	Missing map[string]bool           `json:"missing,omitempty"` // interfaces that do not exist
	Faults  map[string]string         `json:"faults,omitempty"`  // instances that another one keeps in FAULT, and why
	VRFs    map[string]uint32         `json:"vrfs,omitempty"`    // VRF devices and their tables; nil: not known
}

// Told is for Decode in the children.
func (c *Config) Told() Told { return c.told }

// Decode is a child's reading of Loaded.Encoded: the parent has parsed, checked
// and reported, so nothing is checked against the machine again. told is
// Config.Told of the parent.
func Decode(encoded []byte, told Told) (*Config, error) {
	a := newAssembler(Environment{told: told.Links, missing: told.Missing, vrfs: told.VRFs, Files: os.DirFS("/")})
	if _, err := kconf.DecodeEach(bytes.NewReader(encoded), func(s *kconf.Stmt) { a.decode(s) }); err != nil {
		return nil, fmt.Errorf("decode configuration from the parent: %w", err)
	}
	conf := a.finish(new(kconf.Diagnostics)).Config
	conf.drop(told.Dropped)
	for _, in := range conf.Instances {
		if why := told.Faults[in.Name]; why != "" {
			in.Params.ConfigFault = why
		}
	}
	return conf, nil
}

// nodeName is the host name up to its first dot, the default of -i.
func nodeName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

// Print writes the diagnostics for people: the line and a caret below.
func (l *Loaded) Print(w io.Writer) {
	_ = kconf.Report(w, l.Diagnostics, kconf.SourceLines(kconf.OS{})) // w is a terminal or a log
	if l.Fatal != "" {
		fmt.Fprintln(w, l.Fatal)
	}
}

// TestStatus is the exit status of --config-test.
func (l *Loaded) TestStatus() int {
	if st := l.Diagnostics.TestStatus(); st != 0 || l.Fatal == "" {
		return st
	}
	return 5
}
