package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// benchConfig compares the whole run of --config-test. The last row, which
// keepalived is spared, shows how time and memory grow up to a million lines.
func benchConfig(opt options) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	leave, err := enterLinks()
	if err != nil {
		return fmt.Errorf("make a namespace with %d links (needs root): %w", links, err)
	}
	defer leave()
	fmt.Printf("%-34s %9s %7s  %22s  %22s  %s\n", "--config-test, median of "+fmt.Sprint(opt.rounds), "lines", "MB", "keepalived CPU, peak", "holdfast CPU, peak", "CPU ratio")
	for _, row := range []struct {
		name, text string
		alone      bool
	}{
		{"an empty file", "", false},
		{"1,000 virtual servers x 4", virtualServers(1000), false},
		{"10,000 virtual servers x 4", virtualServers(10_000), false},
		{"4,080 virtual routers", routers(4080), false},
		{"100,000 lines", virtualServers(2273), false},
		{"1,000,000 lines", virtualServers(22_727), true},
	} {
		path := filepath.Join(dir, "keepalived.conf")
		if err := os.WriteFile(path, []byte(row.text), 0o644); err != nil {
			return err
		}
		programs := [][]string{{opt.holdfast, "-t", "-f", path}}
		if !row.alone {
			programs = append(programs, []string{opt.keepalived, "-t", "-f", path})
		}
		runs, err := inTurns(opt.rounds, programs...)
		if err != nil {
			return err
		}
		fmt.Printf("%-34s %9d %7.2f  %s  %s", row.name, strings.Count(row.text, "\n"), float64(len(row.text))/1e6, other(runs), figures(runs[0]))
		if !row.alone {
			ratio := float64(middle(runs[0], usage.time)) / float64(middle(runs[1], usage.time))
			fmt.Printf("  %.2f", ratio)
			if runs[0][0].Status != runs[1][0].Status {
				fmt.Printf("  exit status %d, keepalived %d", runs[0][0].Status, runs[1][0].Status)
			}
		}
		fmt.Println()
	}
	return nil
}

func (u usage) time() time.Duration { return u.CPU }
func (u usage) memory() int64       { return u.Peak }

func other(runs [][]usage) string {
	if len(runs) < 2 {
		return fmt.Sprintf("%22s", "-")
	}
	return figures(runs[1])
}

func figures(runs []usage) string {
	return fmt.Sprintf("%9.3f s %7.1f MB", middle(runs, usage.time).Seconds(), float64(middle(runs, usage.memory))/1024)
}

// enterLinks moves this thread, and so the programs it starts, into a namespace
// of its own with the links eth0 to eth15.
func enterLinks() (leave func(), err error) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		return nil, err
	}
	lab, err := netns.New()
	if err != nil {
		return nil, err
	}
	leave = func() {
		_ = netns.Set(home)
		lab.Close()
		home.Close()
		runtime.UnlockOSThread()
	}
	for i := 0; i < links; i += 2 {
		pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("eth%d", i)}, PeerName: fmt.Sprintf("eth%d", i+1)}
		if err := netlink.LinkAdd(pair); err != nil {
			leave()
			return nil, err
		}
		for _, name := range []string{pair.Name, pair.PeerName} {
			link, err := netlink.LinkByName(name)
			if err == nil {
				err = netlink.LinkSetUp(link)
			}
			if err != nil {
				leave()
				return nil, err
			}
		}
	}
	return leave, nil
}
