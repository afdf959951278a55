package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"holdfast/daemon/config"
	"holdfast/daemon/doctor"
	"holdfast/kconf/manual"
)

func explainCommand() *cobra.Command {
	var block string
	c := &cobra.Command{
		Use:   "explain [--block BLOCK] KEYWORD|ID...",
		Short: "Say what a keyword does and takes, or what the id of a message means",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, words []string) error {
			for i, w := range words {
				if i > 0 {
					c.Println()
				}
				if rule, found := doctor.Lookup(w); found {
					fmt.Fprint(c.OutOrStdout(), rule.Page())
					continue
				}
				if kind, found := doctor.LookupKind(w); found {
					fmt.Fprint(c.OutOrStdout(), kind.Page())
					continue
				}
				if err := manual.Explain(c.OutOrStdout(), config.RootVocabulary(), w, block); err != nil {
					return err
				}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return append(keywordNames(), ids()...), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.Flags().StringVar(&block, "block", "", "only in this block: real_server, virtual_server/real_server")
	must(c.RegisterFlagCompletionFunc("block", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return blockNames(), cobra.ShellCompDirectiveNoFileComp
	}))
	return c
}

// keywordNames are all keywords, for completion.
func keywordNames() []string {
	var names []string
	for _, e := range manual.All(config.RootVocabulary()) {
		names = append(append(names, e.Name), e.Aliases...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ids are those of everything that check can find, mistakes included.
func ids() []string {
	var names []string
	for _, r := range doctor.Rules() {
		names = append(names, r.ID)
	}
	for _, k := range doctor.Kinds() {
		names = append(names, k.ID)
	}
	return names
}

// blockNames are all blocks.
func blockNames() []string {
	var names []string
	for _, e := range manual.All(config.RootVocabulary()) {
		if e.KeywordBlock() {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
