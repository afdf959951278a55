// SSL_GET accepts any certificate, also those whose number is negative.
//go:debug x509negativeserial=1

// Command holdfast is keepalived's command line over the daemon: flags and
// signals exactly as there, words as first argument are tools. It holds no logic
// of its own.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"holdfast/daemon"
)

func main() {
	if status, isChild := daemon.RunChild(); isChild {
		os.Exit(status)
	}
	os.Exit(run(os.Args, streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run is main without the process around it.
func run(argv []string, std streams) int {
	s := settings{Options: daemon.DefaultOptions(argv)}
	if isTool(s.Program, argv[1:]) {
		return runTool(s.Program, argv[1:], std)
	}
	return runDaemon(s, argv[1:], std.out, std.err)
}

// runDaemon is keepalived's command line.
func runDaemon(s settings, args []string, stdout, stderr io.Writer) int {
	operands, mistakes := parseArgs(options, args, &s)
	for _, m := range mistakes {
		fmt.Fprintf(stderr, "%s: %v\n", s.Program, m)
	}
	if len(mistakes) > 0 {
		fmt.Fprintf(stderr, "%s: try --help\n", s.Program)
		return daemon.ExitFatal
	}
	if len(operands) > 0 {
		fmt.Fprintf(stdout, "Unexpected argument(s): %s\n", strings.Join(operands, " "))
	}
	s.Options.Later = s.later
	switch s.Mode {
	case daemon.ModeHelp:
		printHelp(stderr, s.Program)
		return 0
	case daemon.ModeVersion:
		daemon.PrintVersion(stderr)
		return 0
	case daemon.ModeSignum:
		n, err := daemon.Signum(s.Signum)
		if err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", s.Program, err)
			return daemon.ExitFatal
		}
		fmt.Fprintln(stdout, n)
		return 0
	case daemon.ModeConfigTest:
		return daemon.ConfigTest(s.Options, stderr)
	}
	return daemon.Run(s.Options, stderr)
}
