package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/daemon"
	"holdfast/daemon/config"
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
		RunE: func(c *cobra.Command, files []string) error { return check(o, files, c.InOrStdin(), c.OutOrStdout()) },
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", string(report.Text), "text, json, sarif or github")
	f.StringVar(&o.colour, "color", "auto", "auto, always or never")
	f.BoolVar(&o.strict, "strict", false, "warnings end with status 1")
	f.BoolVar(&o.elsewhere, "elsewhere", false, "the file is for another machine: do not look for its interfaces, accounts and scripts here")
	f.StringSliceVar(&o.ignore, "ignore", nil, "ids of findings to leave out, separated by commas")
	f.StringVarP(&o.configID, "config-id", "i", "", "value that lines beginning with @ID are compared with")
	f.BoolVarP(&o.all, "all-config", "e", false, "includes that are missing are errors")
	must(c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp)))
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

// check reads every file by itself and writes one report.
func check(o checkOptions, files []string, stdin io.Reader, stdout io.Writer) error {
	if !slices.Contains(formatNames(), o.format) {
		return fmt.Errorf("--format %s: must be one of %s", o.format, strings.Join(formatNames(), ", "))
	}
	colour := o.colour == "always" || o.colour == "auto" && isTerminal(stdout) && os.Getenv("NO_COLOR") == ""
	if !slices.Contains([]string{"auto", "always", "never"}, o.colour) {
		return fmt.Errorf("--color %s: must be auto, always or never", o.colour)
	}
	source := &sources{FS: kconf.OS{}}
	r := &report.Report{Files: files, Version: daemon.Version, Colour: colour, Source: kconf.SourceLines(source)}
	for _, name := range files {
		l, err := o.understand(name, source, stdin)
		if err != nil {
			return err
		}
		for _, d := range l.Diagnostics.All() {
			if !slices.Contains(o.ignore, d.ID) {
				r.Diagnostics = append(r.Diagnostics, d)
			}
		}
		if l.Fatal != "" && r.Fatal == "" {
			r.Fatal = l.Fatal
		}
	}
	if err := r.Write(stdout, report.Format(o.format)); err != nil {
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

// understand reads one file as the daemon would.
func (o *checkOptions) understand(name string, source *sources, stdin io.Reader) (*config.Loaded, error) {
	opt := config.LoadOptions{File: name, ConfigID: o.configID, AllConfig: o.all}.Parsing()
	opt.FS = source
	var file *kconf.File
	var diags *kconf.Diagnostics
	if name == "-" {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		source.stdin = text
		file, diags = kconf.ParseString("-", string(text), opt)
	} else {
		file, diags = kconf.ParseFile(name, opt)
	}
	env := config.HostEnvironment()
	if o.elsewhere {
		env = config.Environment{}
	}
	return config.Understand(file, diags, env)
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
