package daemon

import (
	"log/slog"
	"path/filepath"

	"holdfast/daemon/config"
	"holdfast/kconf"
)

// loading is which configuration opt names.
func loading(opt Options) config.LoadOptions {
	return config.LoadOptions{File: opt.ConfigFile, ConfigID: opt.ConfigID, AllConfig: opt.AllConfig, TestOnly: opt.Mode == ModeConfigTest}
}

// logDiagnostics logs what is said about a configuration, as keepalived does at start and reload.
func logDiagnostics(log *slog.Logger, l *config.Loaded) {
	for _, d := range l.Diagnostics.All() {
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

// umask is what files are created with: -u, else the configuration, else
// keepalived's default.
func umask(l *config.Loaded, opt Options) int {
	if opt.UmaskGiven || l.Config.Global.Umask == nil {
		return opt.Umask
	}
	return *l.Config.Global.Umask
}

// pidFiles moves the pid files that no option named to where namespaces and
// instance names put them.
func pidFiles(l *config.Loaded, opt *Options) {
	g := &l.Config.Global
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
