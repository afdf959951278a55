package daemon

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
)

func TestConfigTestPrintsTheLineAndACaret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(path, []byte("global_defs {\n    route_id x\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if got := ConfigTest(Options{ConfigFile: path}, &out); got != 5 {
		t.Errorf("status %d, want 5", got)
	}
	want := path + ":2:5: unknown keyword route_id; did you mean router_id?\n" +
		"    route_id x\n" +
		"    ^\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestConfigTestAppendsToALogFileAndFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	path, logFile, link := filepath.Join(dir, "k.conf"), filepath.Join(dir, "log"), filepath.Join(dir, "link")
	for file, text := range map[string]string{path: "nonsense\n", logFile: "before\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(logFile, link); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if got := ConfigTest(Options{ConfigFile: path, TestLog: logFile}, &out); got != 5 || out.Len() > 0 {
		t.Errorf("status %d and %q on stderr, want 5 and nothing", got, out.String())
	}
	text, err := os.ReadFile(logFile)
	if err != nil || !strings.HasPrefix(string(text), "before\n") || !strings.Contains(string(text), "unknown keyword nonsense") {
		t.Errorf("log is %q (%v), want what was there and the mistake", text, err)
	}
	if got := ConfigTest(Options{ConfigFile: path, TestLog: link}, &out); got != ExitFatal {
		t.Errorf("with a symbolic link for a log: status %d, want 1", got)
	}
}

func TestPIDFilesMoveWithNamespaceInstanceAndUsePIDDir(t *testing.T) {
	tests := map[string]struct {
		text string
		opt  func(*Options)
		want [4]string // parent, VRRP, checkers, BFD
	}{
		"by default":  {"", nil, [4]string{"/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid", "/run/bfd.pid"}},
		"use_pid_dir": {"use_pid_dir\n", nil, [4]string{"/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid", "/run/keepalived/checkers.pid", "/run/keepalived/bfd.pid"}},
		"instance":    {"instance blue\n", nil, [4]string{"/run/keepalived/keepalived_blue.pid", "/run/keepalived/vrrp_blue.pid", "/run/keepalived/checkers_blue.pid", "/run/keepalived/bfd_blue.pid"}},
		"net_namespace": {"net_namespace ns1\n", nil,
			[4]string{"/run/keepalived/ns1/keepalived.pid", "/run/keepalived/ns1/vrrp.pid", "/run/keepalived/ns1/checkers.pid", "/run/keepalived/ns1/bfd.pid"}},
		"an option goes before": {"instance blue\n", func(o *Options) { o.PIDFile = "/tmp/a.pid" },
			[4]string{"/tmp/a.pid", "/run/keepalived/vrrp_blue.pid", "/run/keepalived/checkers_blue.pid", "/run/keepalived/bfd_blue.pid"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			opt := DefaultOptions(nil)
			if tt.opt != nil {
				tt.opt(&opt)
			}
			pidFiles(configtest.Understood(t, tt.text), &opt)
			if got := [4]string{opt.PIDFile, opt.VRRPPIDFile, opt.CheckersPIDFile, opt.BFDPIDFile}; got != tt.want {
				t.Errorf("pid files\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestUmaskComesFromTheCommandLineThenTheFileThenTheDefault(t *testing.T) {
	tests := map[string]struct {
		text  string
		given bool
		want  int
	}{
		"neither":           {"", false, 0o177}, // keepalived's own
		"the file, octal":   {"global_defs {\n    umask 022\n}\n", false, 0o022},
		"the file, by name": {"global_defs {\n    umask IWGRP|IWOTH\n}\n", false, 0o022},
		"both":              {"global_defs {\n    umask 022\n}\n", true, 0o027},
		"a bad one":         {"global_defs {\n    umask 1000\n}\n", false, 0o177},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			opt := DefaultOptions(nil)
			if tt.given {
				opt.Umask, opt.UmaskGiven = 0o027, true
			}
			if got := umask(configtest.Understood(t, tt.text), opt); got != tt.want {
				t.Errorf("umask %04o, want %04o", got, tt.want)
			}
		})
	}
}

func TestDiagnosticsAreLoggedWithTheirSeverity(t *testing.T) {
	var lines []string
	var sink levels
	l := configtest.Understood(t, "global_defs {\n    enable_dbus\n    route_id x\n}\n"+configtest.With("    advert_int 0.5"))
	logDiagnostics(newLogger(slog.LevelDebug, recorder{&lines}, &sink), l)
	want := []string{
		"k.conf:2:5: note: enable_dbus: not supported yet",
		"k.conf:3:5: unknown keyword route_id; did you mean router_id?",
		"k.conf:6:16: warning: advert_int 500ms: version 2 cannot carry it, 1s is used",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(levels{slog.LevelInfo, slog.LevelError, slog.LevelWarn}, sink); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
}

func TestIdentsTellDaemonsOnOneHostApart(t *testing.T) {
	for want, g := range map[string]config.Globals{
		"Keepalived_vrrp":          {},
		"Keepalived_vrrp_ns1":      {Namespace: "ns1"},
		"Keepalived_vrrp_blue":     {Instance: "blue"},
		"Keepalived_vrrp_ns1_blue": {Namespace: "ns1", Instance: "blue"},
	} {
		if got := ident(identVRRP, &g); got != want {
			t.Errorf("ident %s, want %s", got, want)
		}
	}
}

// levels writes down the levels of lines.
type levels []slog.Level

func (l *levels) write(level slog.Level, _ time.Time, _ string) { *l = append(*l, level) }
func (*levels) Close() error                                    { return nil }
