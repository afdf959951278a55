package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"holdfast/daemon"
	"holdfast/daemon/config"
	"holdfast/kconf"
	"holdfast/kconf/lsp"
)

// quiet is how long a typist pauses before what was typed is checked.
const quiet = 250 * time.Millisecond

func lspCommand() *cobra.Command {
	var elsewhere bool
	c := &cobra.Command{
		Use:   "lsp",
		Short: "Be a language server: for editors, on standard input and output",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			err := lsp.Serve(c.Context(), c.InOrStdin(), c.OutOrStdout(), lsp.Options{
				Vocab: config.RootVocabulary(), Name: "holdfast", Version: daemon.Version, Quiet: quiet,
				Check: func(path string, files kconf.FS) (*kconf.Diagnostics, *kconf.File) {
					return examineForEditor(path, files, elsewhere)
				},
			})
			if errors.Is(err, lsp.ErrNoShutdown) {
				return exitError(1)
			}
			return err
		},
	}
	c.Flags().BoolVar(&elsewhere, "elsewhere", false, "files are for other machines: do not look for their interfaces, accounts and scripts here")
	return c
}

// examineForEditor is check without its report.
func examineForEditor(path string, files kconf.FS, elsewhere bool) (*kconf.Diagnostics, *kconf.File) {
	opt := config.LoadOptions{File: path}.Parsing()
	opt.FS = files
	file, diags := kconf.ParseFile(path, opt)
	env := config.HostEnvironment()
	if elsewhere {
		env = config.Environment{}
	}
	if _, err := config.Understand(file, diags, env); err != nil {
		diags.Add(kconf.Diagnostic{Severity: kconf.Error, ID: "internal", Message: err.Error()})
	}
	return diags, file
}
