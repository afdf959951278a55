package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"holdfast/kconf"
)

// loaded is a configuration that has been read and understood, whether it can
// be run or not. Making one touches nothing.
type loaded struct {
	config  *Config
	encoded []byte // the tree, for the children
	diags   *kconf.Diagnostics
	fatal   string // why it cannot run; "" when it can
	status  int    // exit status that goes with fatal
	empty   bool   // not a single statement
}

// errNoConfig says that there is no file to read.
var errNoConfig = errors.New("no configuration file")

// topLevel are the blocks that stand in no other: where one opens inside
// another, closing braces are missing.
func topLevel() []string {
	var names []string
	for _, d := range rootKeywords.Docs() {
		if d.Type == "block" || d.Type == "line block" {
			names = append(names, d.Name)
		}
	}
	return names
}

// load reads the configuration that opt names. The error is that there is none.
func load(opt Options) (*loaded, error) {
	ko := kconf.Options{ConfigID: nonEmpty(opt.ConfigID, nodeName()), TopLevel: topLevel()}
	if opt.AllConfig {
		ko.IncludeChecks = kconf.CheckAll
	}
	file, diags := kconf.ParseFile(opt.ConfigFile, ko)
	for _, d := range diags.All() {
		if d.ID == "file-missing" {
			return nil, fmt.Errorf("%w: %s", errNoConfig, d.Message)
		}
	}
	return understand(file, diags, hostEnvironment())
}

// understand turns the tree into a configuration.
func understand(file *kconf.File, diags *kconf.Diagnostics, env environment) (*loaded, error) {
	l := &loaded{diags: diags, empty: len(file.Stmts) == 0}
	var buf bytes.Buffer
	if err := file.Encode(&buf); err != nil {
		return nil, fmt.Errorf("encode configuration for the child processes: %w", err)
	}
	l.encoded = buf.Bytes()
	x := &kconf.Ctx{Diags: diags}
	l.config, l.fatal = assemble(x, file, env)
	l.status = ExitConfig
	switch {
	case diags.Fatal():
		l.fatal, l.status = "a file that must be included cannot be read", ExitNoConfig
	case diags.TestStatus() == 2 && l.fatal == "":
		l.fatal = "an argument is missing"
	}
	return l, nil
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

// report logs every diagnostic, as keepalived does at start and reload.
func (l *loaded) report(log *slog.Logger) {
	for _, d := range l.diags.All() {
		switch d.Severity {
		case kconf.Error:
			log.Error(d.String())
		case kconf.Warning:
			log.Warn(d.String())
		default:
			log.Info(d.String())
		}
	}
}

// print writes the diagnostics for people: the line and a caret below.
func (l *loaded) print(w io.Writer) {
	_ = kconf.Report(w, l.diags, kconf.SourceLines(kconf.OS{})) // w is a terminal or a log
	if l.fatal != "" {
		fmt.Fprintln(w, l.fatal)
	}
}

// testStatus is the exit status of --config-test.
func (l *loaded) testStatus() int {
	if st := l.diags.TestStatus(); st != 0 || l.fatal == "" {
		return st
	}
	return 5
}

// testStatusMissing is the exit status of --config-test without a file:
// keepalived answers 0 unless -e was given, and tools that pass it a file they
// have not written yet depend on that.
func testStatusMissing(opt Options, err error) int {
	if errors.Is(err, errNoConfig) && !opt.AllConfig {
		return 0
	}
	return 4
}

// umask is what files are created with: -u, else the configuration, else
// keepalived's default.
func (l *loaded) umask(opt Options) int {
	if opt.UmaskGiven || l.config.Global.Umask == nil {
		return opt.Umask
	}
	return *l.config.Global.Umask
}

// pidFiles moves the pid files that no option named to where namespaces and
// instance names put them.
func (l *loaded) pidFiles(opt *Options) {
	g := &l.config.Global
	if g.Namespace == "" && g.Instance == "" && !g.UsePIDDir {
		return
	}
	def := DefaultOptions(nil)
	dir := filepath.Join("/run/keepalived", g.Namespace)
	suffix := ""
	if g.Instance != "" {
		suffix = "_" + g.Instance
	}
	for _, f := range []struct {
		path  *string
		def   string
		title string
	}{
		{&opt.PIDFile, def.PIDFile, "keepalived"},
		{&opt.VRRPPIDFile, def.VRRPPIDFile, "vrrp"},
		{&opt.CheckersPIDFile, def.CheckersPIDFile, "checkers"},
		{&opt.BFDPIDFile, def.BFDPIDFile, "bfd"},
	} {
		if *f.path == f.def {
			*f.path = filepath.Join(dir, f.title+suffix+".pid")
		}
	}
}
