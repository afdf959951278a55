package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"holdfast/daemon"
)

// settings is what the rows of the option table fill in.
type settings struct {
	daemon.Options
	later []string // options given that have no effect yet
}

func flag(field func(*settings) *bool) func(*settings, string) error {
	return func(s *settings, _ string) error { *field(s) = true; return nil }
}

func text(field func(*settings) *string) func(*settings, string) error {
	return func(s *settings, v string) error { *field(s) = v; return nil }
}

func ignore(*settings, string) error { return nil }

// facilities are the values of -S; a bare digit means local0-7.
var facilities = []string{"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7", "user", "daemon"}

func setFacility(s *settings, v string) error {
	if len(v) == 1 && v[0] >= '0' && v[0] <= '7' {
		v = "local" + v
	}
	for _, f := range facilities {
		if f == v {
			s.LogFacility = v
			return nil
		}
	}
	return fmt.Errorf("log facility %q: must be 0-7, local0-local7, user or daemon", v)
}

func setUmask(s *settings, v string) error {
	n, err := strconv.ParseUint(v, 0, 16) // C's rules: 0x, leading 0 octal, else decimal
	if err != nil || n > 0o777 {
		return fmt.Errorf("umask %q: must be a number from 0 to 0777", v)
	}
	s.Umask, s.UmaskGiven = int(n), true
	return nil
}

func setMode(m daemon.Mode) func(*settings, string) error {
	return func(s *settings, _ string) error { s.Mode = m; return nil }
}

// options is keepalived's command line, a row an option, in the order of its help.
var options = []option{
	{'f', "use-file", requiredArg, "FILE", "read this configuration; a glob pattern is allowed\ndefault /etc/keepalived/keepalived.conf", false, text(func(s *settings) *string { return &s.ConfigFile })},
	{'P', "vrrp", noArg, "", "run only VRRP, no health checks", false, flag(func(s *settings) *bool { return &s.OnlyVRRP })},
	{'C', "check", noArg, "", "run only health checks and IPVS, no VRRP", false, flag(func(s *settings) *bool { return &s.OnlyChecker })},
	{'B', "no_bfd", noArg, "", "do not run BFD", false, flag(func(s *settings) *bool { return &s.NoBFD })},
	{0, "all", noArg, "", "run every child process even if nothing is configured for it", false, flag(func(s *settings) *bool { return &s.AllChildren })},
	{'l', "log-console", noArg, "", "also write the log to the terminal (with -n)", false, flag(func(s *settings) *bool { return &s.LogConsole })},
	{'D', "log-detail", noArg, "", "log in detail", false, func(s *settings, _ string) error { s.LogDetail++; return nil }},
	{'S', "log-facility", requiredArg, "FACILITY", "syslog facility: 0-7, local0-local7, user or daemon (default)", false, setFacility},
	{'G', "no-syslog", noArg, "", "do not log to syslog", false, flag(func(s *settings) *bool { return &s.NoSyslog })},
	{'g', "log-file", optionalArg, "FILE", "log to a file", true, ignore},
	{0, "flush-log-file", noArg, "", "flush the log file after each line", true, ignore},
	{'u', "umask", requiredArg, "MASK", "file creation mask, a number", false, setUmask},
	{'X', "release-vips", noArg, "", "remove VIPs on every transition", true, flag(func(s *settings) *bool { return &s.ReleaseVIPs })},
	{'V', "dont-release-vrrp", noArg, "", "leave VIPs and routes in place at stop", false, flag(func(s *settings) *bool { return &s.KeepVRRP })},
	{'I', "dont-release-ipvs", noArg, "", "leave the IPVS table in place at stop", false, flag(func(s *settings) *bool { return &s.KeepIPVS })},
	{'R', "dont-respawn", noArg, "", "stop when a child process dies instead of restarting it", false, flag(func(s *settings) *bool { return &s.NoRespawn })},
	{'n', "dont-fork", noArg, "", "stay in the foreground", false, flag(func(s *settings) *bool { return &s.Foreground })},
	{'d', "dump-conf", noArg, "", "log the configuration at start", true, flag(func(s *settings) *bool { return &s.DumpConfig })},
	{'p', "pid", requiredArg, "FILE", "pid file of the parent", false, text(func(s *settings) *string { return &s.PIDFile })},
	{'r', "vrrp_pid", requiredArg, "FILE", "pid file of the VRRP child", false, text(func(s *settings) *string { return &s.VRRPPIDFile })},
	{'T', "genhash", noArg, "", "be the genhash tool (must come first)", true, ignore},
	{'c', "checkers_pid", requiredArg, "FILE", "pid file of the health check child", false, text(func(s *settings) *string { return &s.CheckersPIDFile })},
	{'a', "address-monitoring", noArg, "", "log every address that appears or goes", false, flag(func(s *settings) *bool { return &s.AddressMonitor })},
	{'b', "bfd_pid", requiredArg, "FILE", "pid file of the BFD child", false, text(func(s *settings) *string { return &s.BFDPIDFile })},
	{'x', "snmp", noArg, "", "serve SNMP", true, ignore},
	{'A', "snmp-agent-socket", requiredArg, "ADDRESS", "AgentX master to connect to", true, func(*settings, string) error { return nil }},
	{'s', "namespace", requiredArg, "NAME", "run in this network namespace, whatever the configuration says", false, text(func(s *settings) *string { return &s.Namespace })},
	{'m', "core-dump", noArg, "", "allow core dumps", true, flag(func(s *settings) *bool { return &s.CoreDump })},
	{'M', "core-dump-pattern", optionalArg, "PATTERN", "allow core dumps and set the kernel's core_pattern", true, ignore},
	{'e', "all-config", noArg, "", "a configuration file that is missing is an error", false, flag(func(s *settings) *bool { return &s.AllConfig })},
	{'i', "config-id", requiredArg, "ID", "value that lines beginning with @ID or @^ID are compared with\ndefault: node name up to the first dot", false, text(func(s *settings) *string { return &s.ConfigID })},
	{0, "signum", requiredArg, "NAME", "print the number of the signal for STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON", false,
		func(s *settings, v string) error { s.Mode, s.Signum = daemon.ModeSignum, v; return nil }},
	{'t', "config-test", optionalArg, "FILE", "check the configuration, write what is wrong to FILE or stderr", false,
		func(s *settings, v string) error { s.Mode, s.TestLog = daemon.ModeConfigTest, v; return nil }},
	{0, "ignore-sigint", noArg, "", "do not stop on SIGINT", true, ignore},
	{'v', "version", noArg, "", "print the version", false, setMode(daemon.ModeVersion)},
	{'h', "help", noArg, "", "print this help", false, setMode(daemon.ModeHelp)},
}

// printHelp lists the option table.
func printHelp(w io.Writer, program string) {
	fmt.Fprintf(w, "Usage: %s [OPTION...]\n", program)
	if program != "keepalived" {
		fmt.Fprintf(w, "       %s COMMAND ...    (check, explain, fmt and others: %s help)\n", program, program)
	}
	for _, o := range options {
		left := "      "
		if o.short != 0 {
			left = fmt.Sprintf("  -%c, ", o.short)
		}
		left += "--" + o.long
		switch o.arg {
		case requiredArg:
			left += "=" + o.value
		case optionalArg:
			left += "[=" + o.value + "]"
		}
		help := o.help
		if o.later {
			help += "\naccepted; has no effect yet"
		}
		lines := strings.Split(help, "\n")
		if len(left) > 29 {
			fmt.Fprintln(w, left)
			left = ""
		}
		fmt.Fprintf(w, "%-30s %s\n", left, lines[0])
		for _, l := range lines[1:] {
			fmt.Fprintf(w, "%-30s  %s\n", "", l)
		}
	}
}
