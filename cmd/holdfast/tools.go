package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"holdfast/daemon"
	"holdfast/kconf"
)

// toolFailed is the exit status of a tool that could not do its work, and of
// check for a file with errors.
const toolFailed = 2

// exitError ends a tool with a status; what is to be said has been said.
type exitError int

// Error implements error.
func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// tools are the commands that stand in first place of the command line. Without
// one holdfast is the daemon, with keepalived's options.
func tools(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "holdfast",
		Short:         "VRRP and IPVS for clusters, keepalived-compatible; without a command: the daemon",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(checkCommand(), explainCommand(), fmtCommand(), lspCommand())
	daemonFlags(root)
	return root
}

// daemonFlags tells completion about keepalived's options, which parseArgs reads.
func daemonFlags(root *cobra.Command) {
	f := root.Flags()
	for _, o := range options {
		short := ""
		if o.short != 0 {
			short = string(o.short)
		}
		help, _, _ := strings.Cut(o.help, "\n")
		if o.arg == noArg {
			f.BoolP(o.long, short, false, help)
			continue
		}
		f.StringP(o.long, short, "", help)
		if o.arg == optionalArg {
			f.Lookup(o.long).NoOptDefVal = " " // its value is attached
		}
	}
	must(root.RegisterFlagCompletionFunc("signum", cobra.FixedCompletions(daemon.Signums(), cobra.ShellCompDirectiveNoFileComp)))
	must(root.RegisterFlagCompletionFunc("log-facility", cobra.FixedCompletions(facilities, cobra.ShellCompDirectiveNoFileComp)))
}

// isTool reports whether the command line asks for a tool: a word in first
// place. keepalived ignores such words; under its name so do we.
func isTool(program string, args []string) bool {
	return len(args) > 0 && args[0] != "" && args[0][0] != '-' && program != "keepalived"
}

// runTool runs the tool that args name.
func runTool(program string, args []string, std streams) int {
	root := tools(std.in, std.out, std.err)
	root.SetArgs(args)
	err := root.Execute()
	var status exitError
	switch {
	case err == nil:
		return daemon.ExitOK
	case errors.As(err, &status):
		return int(status)
	case strings.HasPrefix(err.Error(), "unknown command"):
		fmt.Fprintf(std.err, "%s: there is no command %q%s\n", program, args[0], nearestCommand(root, args[0]))
		return daemon.ExitFatal
	}
	fmt.Fprintf(std.err, "%s: %v\n", program, err)
	return toolFailed
}

func nearestCommand(root *cobra.Command, word string) string {
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	if near := kconf.Nearest(word, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; commands are listed by help, the daemon's options by --help"
}

// streams are the standard streams of the process.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// isTerminal reports whether w is one.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
