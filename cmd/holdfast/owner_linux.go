package main

import (
	"os"
	"syscall"
)

// copyOwner gives f the owner of the file that info describes.
func copyOwner(f *os.File, info os.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}
