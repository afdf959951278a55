package run

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestEndingAGroup(t *testing.T) {
	const never = -1
	tests := map[string]struct {
		ends    time.Duration // by itself, from the start
		onTerm  time.Duration // after SIGTERM; never: ignores it
		onKill  time.Duration // after SIGKILL
		limit   time.Duration // when the context ends
		signals []string
		took    time.Duration
		ended   bool
		stuck   bool
	}{
		"a script that ends by itself is sent nothing": {
			ends: time.Second, limit: 30 * time.Second, took: time.Second},
		"SIGTERM suffices, what outlives the leader is killed at once": {
			ends: never, onTerm: time.Second, limit: 30 * time.Second,
			signals: []string{"30s TERM", "31s KILL"}, took: 31 * time.Second, ended: true},
		"SIGTERM ignored: SIGKILL two seconds later": {
			ends: never, onTerm: never, limit: 30 * time.Second,
			signals: []string{"30s TERM", "32s KILL"}, took: 32 * time.Second, ended: true},
		"a child the kernel does not end is given up after 10 s": {
			ends: never, onTerm: never, onKill: never, limit: 30 * time.Second,
			signals: []string{"30s TERM", "32s KILL"}, took: 42 * time.Second, ended: true, stuck: true}, // 30+2+10
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				exited := make(chan struct{})
				exit := func(after time.Duration) {
					if after != never {
						time.AfterFunc(after, func() { close(exited) })
					}
				}
				exit(tt.ends)
				var signals []string
				send := func(s groupSignal) {
					at := time.Since(start).String()
					if s == terminate {
						signals = append(signals, at+" TERM")
						exit(tt.onTerm)
						return
					}
					signals = append(signals, at+" KILL")
					if tt.onTerm == never {
						exit(tt.onKill)
					}
				}
				ctx, stop := context.WithTimeout(t.Context(), tt.limit)
				defer stop()
				ended, stuck := waitGroup(ctx, exited, send)
				if ended != tt.ended || stuck != tt.stuck {
					t.Errorf("ended %t stuck %t, want %t %t", ended, stuck, tt.ended, tt.stuck)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if !slices.Equal(signals, tt.signals) {
					t.Errorf("signals %q, want %q", signals, tt.signals)
				}
			})
		})
	}
}
