package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/daemon"
	"holdfast/daemon/config"
	"holdfast/daemon/doctor"
	"holdfast/kconf"
	"holdfast/kconf/report"
)

// checkOptions are the flags of check.
type checkOptions struct {
	format    string
	colour    string
	strict    bool
	elsewhere bool
	ignore    []string
	configID  string
	all       bool
	dump      string
	peer      string
	peerID    string
	version   string
}

func checkCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check [flags] FILE...",
		Short: "Say what is wrong with configuration files, and what can not work",
		Long: `Reads configuration files and says what is wrong with them: mistakes that
keepalived would report, and what is written correctly but can not work.
Touches nothing. "-" is standard input.

Exit status: 0 nothing wrong, 1 warnings and --strict, 2 errors.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			return check(o, files, streams{c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()})
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", string(report.Text), "text, json, sarif or github")
	f.StringVar(&o.colour, "color", "auto", "auto, always or never")
	f.BoolVar(&o.strict, "strict", false, "warnings end with status 1")
	f.BoolVar(&o.elsewhere, "elsewhere", false, "the file is for another machine: do not look for its interfaces, accounts and scripts here")
	f.StringSliceVar(&o.ignore, "ignore", nil, "ids of findings to leave out, separated by commas")
	f.StringVarP(&o.configID, "config-id", "i", "", "value that lines beginning with @ID are compared with")
	f.StringVar(&o.peer, "peer", "", "the other node's file: say what does not fit together")
	f.StringVar(&o.peerID, "peer-config-id", "", "the other node's value for lines beginning with @ID")
	f.StringVar(&o.version, "for", doctor.Target, "keepalived version that the file is for")
	f.StringVar(&o.dump, "dump", "", "json: print the effective configuration, defaults included; what is wrong goes to standard error")
	f.BoolVarP(&o.all, "all-config", "e", false, "includes that are missing are errors")
	must(c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp)))
	must(c.RegisterFlagCompletionFunc("dump", cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveNoFileComp)))
	must(c.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp)))
	return c
}

// must is for errors that only a mistake in this program can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func formatNames() []string {
	var names []string
	for _, f := range report.Formats {
		names = append(names, string(f))
	}
	return names
}

// refuse says which flags make no sense.
func (o *checkOptions) refuse(files []string) error {
	switch {
	case !slices.Contains(formatNames(), o.format):
		return fmt.Errorf("--format %s: must be one of %s", o.format, strings.Join(formatNames(), ", "))
	case !slices.Contains([]string{"auto", "always", "never"}, o.colour):
		return fmt.Errorf("--color %s: must be auto, always or never", o.colour)
	case o.dump != "" && o.dump != "json":
		return fmt.Errorf("--dump %s: must be json", o.dump)
	case o.peer != "" && len(files) > 1:
		return fmt.Errorf("--peer %s: wants one file to compare with, not %d", o.peer, len(files))
	case o.dump != "" && len(files) > 1:
		return fmt.Errorf("--dump %s: wants one file, not %d", o.dump, len(files))
	}
	return nil
}

// check reads every file by itself and writes one report.
func check(o checkOptions, files []string, std streams) error {
	if err := o.refuse(files); err != nil {
		return err
	}
	to := std.out
	if o.dump != "" {
		to = std.err
	}
	source := &sources{FS: kconf.OS{}}
	if slices.Contains(files, "-") {
		text, err := io.ReadAll(std.in)
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		source.stdin = append([]byte{}, text...)
	}
	r := &report.Report{Files: files, Version: daemon.Version, Source: kconf.SourceLines(source), Explain: doctor.Explain,
		Colour: o.colour == "always" || o.colour == "auto" && isTerminal(to) && os.Getenv("NO_COLOR") == ""}
	e := &examiner{fs: source, configID: o.configID, all: o.all, elsewhere: o.elsewhere, version: o.version}
	for _, name := range files {
		x, err := e.read(name)
		if err != nil {
			return err
		}
		found := x.findings()
		if o.peer != "" {
			compared, err := o.compare(x, source)
			if err != nil {
				return err
			}
			found = append(found, compared...)
		}
		found = slices.DeleteFunc(found, func(d kconf.Diagnostic) bool { return slices.Contains(o.ignore, d.ID) })
		r.Diagnostics = append(r.Diagnostics, found...)
		r.Fatal = cmp.Or(r.Fatal, x.conf.Fatal)
		if o.dump != "" {
			if err := dump(x.conf.Config, std.out); err != nil {
				return err
			}
		}
	}
	if err := r.Write(to, report.Format(o.format)); err != nil {
		return err
	}
	switch {
	case r.Count(kconf.Error) > 0 || r.Fatal != "":
		return exitError(2)
	case o.strict && r.Count(kconf.Warning) > 0:
		return exitError(1)
	}
	return nil
}

// compare holds a file against that of the other node, whose machine is not here.
func (o *checkOptions) compare(x *examined, fs kconf.FS) ([]kconf.Diagnostic, error) {
	e := &examiner{fs: fs, configID: o.peerID, all: o.all, elsewhere: true, version: o.version}
	other, err := e.read(o.peer)
	if err != nil {
		return nil, err
	}
	return doctor.Compare(x.input, other.input), nil
}

func dump(c *config.Config, w io.Writer) error {
	text, err := c.Dump()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// sources is the file system with standard input in it, under the name "-".
type sources struct {
	kconf.FS
	stdin []byte
}

// ReadFile implements kconf.FS.
func (s *sources) ReadFile(name string) ([]byte, error) {
	if name == "-" && s.stdin != nil {
		return s.stdin, nil
	}
	return s.FS.ReadFile(name)
}
