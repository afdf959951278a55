package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"holdfast/kconf"
)

func fmtCommand() *cobra.Command {
	var onlyCheck, toStdout bool
	c := &cobra.Command{
		Use:   "fmt [--check | --stdout] FILE...",
		Short: "Lay configuration files out in one way, comments and order kept",
		Long: `Writes files back with a stable layout: four spaces a block, one statement a
line, comments and order kept. What they mean does not change, and a file whose
braces or quotes do not match is left as it is. "-" formats standard input.

Exit status: 0 done, 1 --check and a file would change, 2 a file could not be formatted.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			changed := false
			for _, name := range files {
				differs, err := formatFile(name, onlyCheck, toStdout, c.InOrStdin(), c.OutOrStdout())
				if err != nil {
					return err
				}
				if differs && onlyCheck {
					fmt.Fprintln(c.OutOrStdout(), name)
				}
				changed = changed || differs
			}
			if changed && onlyCheck {
				return exitError(1)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&onlyCheck, "check", false, "write nothing, name the files that would change")
	c.Flags().BoolVar(&toStdout, "stdout", false, "write the result to standard output")
	c.MarkFlagsMutuallyExclusive("check", "stdout")
	return c
}

// formatFile formats one file and says whether that changes it.
func formatFile(name string, onlyCheck, toStdout bool, stdin io.Reader, stdout io.Writer) (changed bool, err error) {
	var src []byte
	if name == "-" {
		src, err = io.ReadAll(stdin)
	} else {
		src, err = os.ReadFile(name)
	}
	if err != nil {
		return false, fmt.Errorf("format: %w", err)
	}
	out, err := kconf.FormatFile(name, src)
	if err != nil {
		return false, fmt.Errorf("format: %w", err) // it names the place
	}
	changed = !bytes.Equal(src, out)
	switch {
	case onlyCheck:
		return changed, nil
	case toStdout || name == "-":
		_, err = stdout.Write(out)
	case changed:
		err = replaceFile(name, out)
	}
	if err != nil {
		return changed, fmt.Errorf("format %s: %w", name, err)
	}
	return changed, nil
}

// replaceFile puts text in the place of a file in one step, so that nobody, least
// of all a daemon that reloads, reads half of it. A symbolic link stays one.
func replaceFile(name string, text []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone when it has been renamed
	_, err = tmp.Write(text)
	if err == nil {
		err = tmp.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = copyOwner(tmp, info)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
