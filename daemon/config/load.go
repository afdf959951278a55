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
)

// ErrNoFile says that there is no configuration file to read.
var ErrNoFile = errors.New("no configuration file")

// LoadOptions say which file to read, and how.
type LoadOptions struct {
	File      string // -f; a glob
	ConfigID  string // -i; "" is the node name up to its first dot
	AllConfig bool   // -e: a missing include is an error
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
	Encoded     []byte // the tree, for Decode in the children
	Diagnostics *kconf.Diagnostics
	Fatal       string // why it cannot run; "" when it can
	Empty       bool   // not a single statement
}

// Load reads the configuration that o names and understands it on this machine.
// The error is ErrNoFile, or that of Understand; what is wrong in the file is a
// diagnostic.
func Load(o LoadOptions) (*Loaded, error) {
	file, diags := kconf.ParseFile(o.File, o.Parsing())
	for _, d := range diags.All() {
		if d.ID == "file-missing" {
			return nil, fmt.Errorf("%w: %s", ErrNoFile, d.Message)
		}
	}
	return Understand(file, diags, HostEnvironment())
}

// Understand turns the tree into a configuration. What is wrong with it is
// added to diags; the error is that the tree cannot be encoded.
func Understand(file *kconf.File, diags *kconf.Diagnostics, env Environment) (*Loaded, error) {
	l := &Loaded{Diagnostics: diags, Empty: len(file.Stmts) == 0}
	var buf bytes.Buffer
	if err := file.Encode(&buf); err != nil {
		return nil, fmt.Errorf("encode configuration for the child processes: %w", err)
	}
	l.Encoded = buf.Bytes()
	l.Config, l.Fatal = assemble(&kconf.Ctx{Diags: diags}, file, env)
	switch {
	case diags.Fatal():
		l.Fatal = "a file that must be included cannot be read"
	case diags.TestStatus() == 2 && l.Fatal == "":
		l.Fatal = "an argument is missing"
	}
	return l, nil
}

// Decode is a child's reading of Loaded.Encoded: the parent has parsed, checked
// and reported, so nothing is checked against the machine again. dropped is
// Config.Dropped of the parent: scripts that are not to be run, for which
// nobody must wait.
func Decode(encoded []byte, dropped []string) (*Config, error) {
	file, err := kconf.Decode(bytes.NewReader(encoded))
	if err != nil {
		return nil, fmt.Errorf("decode configuration from the parent: %w", err)
	}
	x := &kconf.Ctx{Diags: &kconf.Diagnostics{}}
	conf, _ := assemble(x, file, Environment{})
	conf.drop(dropped)
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
