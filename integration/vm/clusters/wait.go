package clusters

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// pause lies between two looks at something that is waited for.
const pause = 100 * time.Millisecond

// patience is how long a condition is waited for unless a test says more: far
// beyond what the configurations need, because the machine is slow.
const patience = 2 * time.Minute

// Eventually waits until ok, and ends the test when limit has passed. What is
// seen instead is part of the message.
func Eventually(t *testing.T, limit time.Duration, what string, look func() (seen string, ok bool)) {
	t.Helper()
	began := time.Now()
	for {
		seen, ok := look()
		if ok {
			t.Logf("%s after %v", what, time.Since(began).Round(pause))
			return
		}
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %v; seen:\n%s", what, limit, seen)
		}
		time.Sleep(pause)
	}
}

// phase is a subtest of a cluster's life. Later phases build on earlier ones,
// so the first that fails ends the test.
func phase(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	if !t.Run(name, f) {
		t.FailNow()
	}
}

// follow reads lines until the file is closed; the function returns those that
// have come.
func follow(f *os.File) func() []string {
	var mu sync.Mutex
	var all []string
	go func() {
		for in := bufio.NewScanner(f); in.Scan(); {
			mu.Lock()
			all = append(all, strings.TrimPrefix(in.Text(), "\x00"))
			mu.Unlock()
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}
