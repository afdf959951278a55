// Command holdfast is keepalived's command line over the daemon: flags and
// signals exactly as there, words as first argument are subcommands. It holds
// no logic of its own.
package main

import (
	"fmt"
	"io"
	"os"

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
	operands, mistakes := parseArgs(options, argv[1:], &s)
	for _, m := range mistakes {
		fmt.Fprintf(stderr, "%s: %v\n", s.Program, m)
	}
	if len(mistakes) > 0 {
		fmt.Fprintf(stderr, "%s: try --help\n", s.Program)
		return daemon.ExitFatal
	}
	if len(operands) > 0 {
		fmt.Fprintf(stdout, "Unexpected argument(s): %s\n", quote(operands))
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

func quote(words []string) string {
	var out string
	for i, w := range words {
		if i > 0 {
			out += " "
		}
		out += w
	}
	return out
}
