package daemon

import (
	"context"
	"sync"

	"holdfast/daemon/config"
	"holdfast/internal/event"
	"holdfast/internal/run"
	"holdfast/track"
)

// scriptTracker runs the vrrp_scripts in the parent, because the VRRP process
// must never fork, and keeps their verdicts for it.
type scriptTracker struct {
	scripts *track.Scripts
	cancel  context.CancelFunc
	done    sync.WaitGroup
	pending *mailbox[scriptMessage]

	mu     sync.Mutex // guards what follows
	states map[string]track.State
}

// newScriptTracker starts the goroutine that owns the scripts; close ends it.
func newScriptTracker(bus *event.Bus) *scriptTracker {
	t := &scriptTracker{pending: newMailbox[scriptMessage](), states: map[string]track.State{}}
	t.scripts = track.NewScripts(run.Exec{}, bus.Publish, t.changed)
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	t.done.Go(func() { t.scripts.Run(ctx) })
	return t
}

// configure makes jobs the scripts that run; unchanged ones are not disturbed.
func (t *scriptTracker) configure(c *config.Config) {
	jobs := scriptJobs(c)
	t.mu.Lock()
	keep := map[string]track.State{}
	for i := range jobs {
		if s, known := t.states[jobs[i].Params.Name]; known {
			keep[jobs[i].Params.Name], jobs[i].Resume = s, s
		}
	}
	t.states = keep
	t.mu.Unlock()
	_ = t.scripts.Configure(context.Background(), jobs) // fails only after close
}

// changed is called with every new verdict; it does not block.
func (t *scriptTracker) changed(name string, s track.State) {
	t.mu.Lock()
	t.states[name] = s
	t.mu.Unlock()
	t.pending.put(scriptMessage{Name: name, State: s})
}

// changes says that take has something.
func (t *scriptTracker) changes() <-chan struct{} { return t.pending.ready() }

// take returns the verdicts since the last call.
func (t *scriptTracker) take() []scriptMessage { return t.pending.take() }

// known are all verdicts, for a VRRP process that starts.
func (t *scriptTracker) known() map[string]track.State {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]track.State, len(t.states))
	for n, s := range t.states {
		all[n] = s
	}
	return all
}

// stop begins to end the scripts and does not wait.
func (t *scriptTracker) stop() { t.cancel() }

// close ends the scripts and waits for the last process, so long as patience lasts.
func (t *scriptTracker) close(ctx context.Context) {
	t.cancel()
	ended := make(chan struct{})
	go func() { t.done.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// scriptJobs are the vrrp_scripts that something tracks, ready to run.
func scriptJobs(c *config.Config) []track.Job {
	used := map[string]bool{}
	for _, in := range c.Instances {
		for _, r := range in.Scripts {
			used[r.Name] = true
		}
	}
	var jobs []track.Job
	for _, s := range c.Scripts {
		if cmd, ok := c.Command(s.Script); ok && used[s.Name] {
			jobs = append(jobs, track.Job{Params: s.Params(), Command: cmd})
		}
	}
	return jobs
}
