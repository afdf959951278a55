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
	diags := new(kconf.Diagnostics)
	e := &examiner{fs: files, elsewhere: elsewhere}
	x, err := e.read(path)
	if err != nil {
		diags.Add(kconf.Diagnostic{Severity: kconf.Error, ID: "internal-error", Message: err.Error()})
		return diags, &kconf.File{Name: path}
	}
	for _, d := range x.findings() {
		diags.Add(d)
	}
	return diags, x.file
}
