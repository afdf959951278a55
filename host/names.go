package host

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Names are the words that this host's iproute2 files give to numbers. The
// zero value knows only those that every kernel has.
type Names struct {
	Tables map[string]uint32 // rt_tables
	Scopes map[string]uint32 // rt_scopes
	TOS    map[string]uint32 // rt_dsfield

	Protocols map[string]uint32 // rt_protos: who put a route there
	Realms    map[string]uint32 // rt_realms
	Groups    map[string]uint32 // group: of links

	// VRFs are the VRF devices and their tables; nil: not known, every name is
	// believed. ReadNames does not fill it in.
	VRFs map[string]uint32
}

// nameDirs are where iproute2 keeps its files, the administrator's last.
var nameDirs = []string{"usr/share/iproute2", "usr/lib/iproute2", "etc/iproute2"}

// ReadNames reads the iproute2 files below root, the root of the file system.
// Files and lines that cannot be read name nothing: that shows where the name
// is used.
func ReadNames(root fs.FS) Names {
	return Names{Tables: readNames(root, "rt_tables"), Scopes: readNames(root, "rt_scopes"), TOS: readNames(root, "rt_dsfield"),
		Protocols: readNames(root, "rt_protos"), Realms: readNames(root, "rt_realms"), Groups: readNames(root, "group")}
}

func readNames(root fs.FS, file string) map[string]uint32 {
	names := map[string]uint32{}
	for _, dir := range nameDirs {
		more, _ := fs.Glob(root, path.Join(dir, file+".d", "*.conf"))
		slices.Sort(more)
		for _, f := range append([]string{path.Join(dir, file)}, more...) {
			text, err := fs.ReadFile(root, f)
			if err == nil {
				parseNames(names, string(text))
			}
		}
	}
	return names
}

// parseNames reads lines of NUMBER NAME; # begins a comment.
func parseNames(names map[string]uint32, text string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if n, err := strconv.ParseUint(f[0], 0, 32); err == nil {
			names[f[1]] = uint32(n)
		}
	}
}

// lookup finds a number written as itself, decimal or 0x, or by name.
func lookup(known, more map[string]uint32, word string, limit uint64) (uint32, bool) {
	if n, ok := known[word]; ok {
		return n, true
	}
	if n, ok := more[word]; ok && uint64(n) <= limit {
		return n, true
	}
	n, err := strconv.ParseUint(word, 0, 32)
	return uint32(n), err == nil && n <= limit && !strings.Contains(word, "_")
}
