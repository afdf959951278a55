package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// parentOf is the parent of a live process, 0 when pid is none (any more).
func parentOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// pid (comm) state ppid …; comm may hold anything, brackets too
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 2 || fields[0] == "Z" {
		return 0
	}
	ppid, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return ppid
}

// alive says whether pid is a process that has not ended.
func alive(pid int) bool { return parentOf(pid) != 0 }

// childrenOf are the direct children of a process.
func childrenOf(pid int) []int {
	var all []int
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// words are the command line of a process.
func words(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// comm is the name by which killall finds a process.
func comm(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(text))
}

// exists says whether there is a file.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// session is the session a process belongs to.
func session(pid int) (int, error) { return unix.Getsid(pid) }

// linkTo is the folder of a process in /proc.
func linkTo(pid int) string { return fmt.Sprintf("/proc/%d", pid) }

// namespaceOf names the network namespace of a process, as the kernel does.
func namespaceOf(pid int) string {
	name, _ := os.Readlink(linkTo(pid) + "/ns/net")
	return name
}

// namespaceFile names the network namespace that ip netns knows by name.
func namespaceFile(name string) string {
	var st unix.Stat_t
	if unix.Stat("/run/netns/"+name, &st) != nil {
		return ""
	}
	return fmt.Sprintf("net:[%d]", st.Ino)
}
