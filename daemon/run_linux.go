package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"holdfast/daemon/config"
	"holdfast/internal/run"
)

// Environment variables by which this binary talks to itself across exec.
const (
	detachedVariable  = "HOLDFAST_DETACHED"  // we are the background half of a start without -n
	namespaceVariable = "HOLDFAST_NAMESPACE" // we are in this network namespace already
)

// readyFD is where the background half reports that it is up.
const readyFD = 3

// logSocket is where syslog listens.
const logSocket = "/dev/log"

// openLog makes the logger of one process of the daemon and the function that
// ends it.
func openLog(opt Options, ident string) (*slog.Logger, func()) {
	var sinks []sink
	if !opt.NoSyslog {
		sinks = append(sinks, newSyslogSink(logSocket, ident, opt.LogFacility))
	}
	if opt.LogConsole && opt.Foreground {
		sinks = append(sinks, newConsoleSink(os.Stderr))
	}
	level := slog.LevelInfo
	if opt.LogDetail > 0 {
		level = LevelDetail
	}
	return newLogger(level, sinks...), func() {
		for _, s := range sinks {
			s.Close()
		}
	}
}

// ident is the syslog ident of a process, with what tells several daemons on
// one host apart.
func ident(base string, g *config.Globals) string {
	for _, part := range []string{g.Namespace, g.Instance} {
		if part != "" {
			base += "_" + part
		}
	}
	return base
}

// Run is the daemon. It returns the exit status of this process: at once,
// unless opt says foreground.
func Run(opt Options, stderr io.Writer) int {
	runtime.LockOSThread() // children's parent-death signal is tied to this thread
	conf, err := config.Load(loading(opt))
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", opt.Program, err)
		log, end := openLog(opt, identParent)
		log.Error(err.Error())
		end()
		return ExitNoConfig
	}
	if status, done := enterNamespace(&opt, conf, stderr); done {
		return status
	}
	pidFiles(conf, &opt)
	if !opt.Foreground && os.Getenv(detachedVariable) == "" {
		return detach(opt, conf, stderr)
	}
	return runForeground(opt, conf, stderr)
}

// runForeground is the daemon proper.
func runForeground(opt Options, conf *config.Loaded, stderr io.Writer) int {
	ready := func() {}
	if os.Getenv(detachedVariable) != "" {
		os.Unsetenv(detachedVariable)
		f := os.NewFile(readyFD, "ready")
		syscall.CloseOnExec(readyFD)
		ready = func() { f.Write([]byte{'.'}); f.Close() }
		opt.ConfigFile, opt.PIDFile = absolute(opt.ConfigFile), absolute(opt.PIDFile)
		opt.VRRPPIDFile, opt.CheckersPIDFile = absolute(opt.VRRPPIDFile), absolute(opt.CheckersPIDFile)
		os.Chdir("/")
	}
	log, end := openLog(opt, ident(identParent, &conf.Config.Global))
	defer end()
	log.Info("Starting Keepalived " + versionString)
	log.Info("Running on " + kernelVersion())
	log.Info("Command line: " + quoteWords(opt.Argv))
	log.Info("Configuration file " + opt.ConfigFile)
	for _, name := range opt.Later {
		log.Warn("option " + name + " is accepted but has no effect yet")
	}
	logDiagnostics(log, conf)
	if conf.Fatal != "" {
		if !(opt.LogConsole && opt.Foreground) {
			conf.Print(stderr)
		}
		log.Error(conf.Fatal)
		return ExitConfig
	}
	run.SetUmask(umask(conf, opt))
	setProcessName(cmp.Or(conf.Config.Global.ProcessName, opt.Program))
	pid, err := createPIDFile(opt.PIDFile)
	switch {
	case errors.Is(err, errRunning):
		log.Info("daemon is already running")
		return ExitOK
	case err != nil:
		log.Error(err.Error())
		return ExitFatal
	}
	defer pid.remove()
	if conf.Config.Global.MaxAutoPriority == 0 {
		log.Info("NOTICE: setting config option max_auto_priority should result in better keepalived performance")
	}
	status := newSupervisor(opt, conf, log).run(ready)
	log.Info("Stopped Keepalived " + versionString)
	return status
}

// testGCPercent lets garbage lie in a test: it ends soon, and little is kept.
const testGCPercent = 200

// ConfigTest is --config-test: everything that can be said about the
// configuration without touching the system, and keepalived's exit status.
func ConfigTest(opt Options, stderr io.Writer) int {
	defer debug.SetGCPercent(debug.SetGCPercent(testGCPercent))
	w := stderr
	if opt.TestLog != "" {
		f, err := os.OpenFile(opt.TestLog, os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o644)
		if err != nil {
			fmt.Fprintf(stderr, "%s: open log of configuration test: %v\n", opt.Program, err)
			return ExitFatal
		}
		defer f.Close()
		w = f
	}
	conf, err := config.Load(loading(opt))
	if err != nil {
		fmt.Fprintln(w, err)
		return loading(opt).TestStatusMissing(err)
	}
	conf.Print(w)
	return conf.TestStatus()
}

// detach starts the daemon in the background and waits until it is up, so that
// whoever started it finds it working, or gets the status it ended with.
func detach(opt Options, conf *config.Loaded, stderr io.Writer) int {
	if conf.Fatal != "" {
		conf.Print(stderr)
		return ExitConfig
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintf(stderr, "%s: find own executable: %v\n", opt.Program, err)
		return ExitFatal
	}
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintf(stderr, "%s: make pipe: %v\n", opt.Program, err)
		return ExitFatal
	}
	cmd := &exec.Cmd{
		Path: self, Args: opt.Argv, Env: append(os.Environ(), detachedVariable+"=1"),
		ExtraFiles:  []*os.File{w},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(stderr, "%s: start in background: %v\n", opt.Program, err)
		return ExitFatal
	}
	w.Close()
	if n, _ := r.Read(make([]byte, 1)); n == 1 {
		return ExitOK
	}
	cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

// enterNamespace puts the whole process into the network namespace that -s or
// net_namespace names. Threads of a running Go program cannot be moved
// together, so the thread that can is moved and the program executed again on
// it; done is true when that failed.
func enterNamespace(opt *Options, conf *config.Loaded, stderr io.Writer) (status int, done bool) {
	name := cmp.Or(opt.Namespace, conf.Config.Global.Namespace)
	conf.Config.Global.Namespace = name
	if name == "" || os.Getenv(namespaceVariable) == name {
		return 0, false
	}
	ns, err := netns.GetFromName(name)
	if err == nil {
		err = netns.Set(ns)
	}
	var self string
	if err == nil {
		self, err = os.Executable()
	}
	if err == nil {
		err = syscall.Exec(self, opt.Argv, append(os.Environ(), namespaceVariable+"="+name))
	}
	fmt.Fprintf(stderr, "%s: enter network namespace %s: %v\n", opt.Program, name, err)
	return ExitOK, true // keepalived ends with 0 here, and unit files know
}

// uptime is how long the system has been running.
func uptime() time.Duration {
	var at unix.Timespec
	// The clock exists on every kernel since 2.6.39; without it nothing is subtracted.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &at)
	return time.Duration(at.Nano())
}

func kernelVersion() string {
	var u syscall.Utsname
	if err := syscall.Uname(&u); err != nil {
		return runtime.GOOS
	}
	text := func(f [65]int8) string {
		var b []byte
		for _, c := range f {
			if c == 0 {
				break
			}
			b = append(b, byte(c))
		}
		return string(b)
	}
	return text(u.Sysname) + " " + text(u.Release) + " " + text(u.Version)
}

func quoteWords(words []string) string {
	out := ""
	for i, w := range words {
		if i > 0 {
			out += " "
		}
		out += "'" + w + "'"
	}
	return out
}

func absolute(path string) string {
	if path == "" {
		return ""
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}
