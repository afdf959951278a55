// Command holdfast is keepalived's command line over the daemon: flags and
// signals exactly as there, words as first argument are subcommands. It holds
// no logic of its own.
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
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run is main without the process around it.
func run(argv []string, stdout, stderr io.Writer) int {
	s := settings{Options: daemon.DefaultOptions(argv)}
	if len(argv) > 1 && argv[1] != "" && argv[1][0] != '-' && s.Program != "keepalived" {
		// A word in first place is a subcommand. keepalived ignores such words;
		// under its name so do we.
		fmt.Fprintf(stderr, "%s: there is no command %q; options are listed by --help\n", s.Program, argv[1])
		return daemon.ExitFatal
	}
	operands, mistakes := parseArgs(options, argv[1:], &s)
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
