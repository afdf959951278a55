package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// usage is what one run of a program took.
type usage struct {
	CPU    time.Duration // user and system
	Peak   int64         // KiB resident
	Status int           // exit status
}

// runOnce runs a program to its end and throws away what it says. A small process
// stands between: the kernel counts the memory of whoever forks as the child's,
// and this one has large texts in it.
func runOnce(argv ...string) (usage, error) {
	self, err := os.Executable()
	if err != nil {
		return usage{}, err
	}
	out, err := exec.Command(self, append([]string{measureWord}, argv...)...).Output()
	if err != nil {
		return usage{}, fmt.Errorf("run %s: %w", argv[0], err)
	}
	var u usage
	if err := json.Unmarshal(out, &u); err != nil {
		return usage{}, fmt.Errorf("run %s: %w", argv[0], err)
	}
	return u, nil
}

// measureWord in first place makes this program the one that stands between.
const measureWord = "measure"

// measure runs argv and prints its usage.
func measure(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return err
	}
	ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("no resource usage")
	}
	return json.NewEncoder(os.Stdout).Encode(usage{CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		Peak: ru.Maxrss, Status: cmd.ProcessState.ExitCode()})
}

// inTurns runs the programs one after the other, rounds times, and returns the
// runs of each.
func inTurns(rounds int, programs ...[]string) ([][]usage, error) {
	runs := make([][]usage, len(programs))
	for range rounds {
		for i, argv := range programs {
			u, err := runOnce(argv...)
			if err != nil {
				return nil, err
			}
			runs[i] = append(runs[i], u)
		}
	}
	return runs, nil
}

// middle is the median of what pick says about each run.
func middle[T int64 | time.Duration](runs []usage, pick func(usage) T) T {
	return median(runs, pick)
}

// median is the median of what pick says about each.
func median[R any, T cmp.Ordered](runs []R, pick func(R) T) T {
	list := make([]T, len(runs))
	for i, r := range runs {
		list[i] = pick(r)
	}
	slices.Sort(list)
	return list[len(list)/2]
}
