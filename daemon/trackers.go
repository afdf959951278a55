package daemon

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/daemon/config"
	"holdfast/internal/event"
	"holdfast/internal/run"
	"holdfast/track"
)

// firstLook is how long the first look at files and processes may delay a start
// or a reload. Only a file system that hangs takes so long.
const firstLook = 2 * time.Second

// verdict is what is known about something that is tracked.
type verdict struct {
	Kind  track.Kind  `json:"kind"`
	Name  string      `json:"name"`
	State track.State `json:"state,omitempty"` // of a script, process or session
	Value int         `json:"value,omitempty"` // of a file
	At    time.Time   `json:"at,omitzero"`     // of a session: when it changed
}

// sessionsRun says that there is a process that runs BFD sessions. There is none
// yet: a session of which nothing is known holds nobody back. With one it counts
// as down, as with keepalived.
const sessionsRun = false

// subject is what a verdict is about.
type subject struct {
	kind track.Kind
	name string
}

func (v verdict) subject() subject { return subject{v.Kind, v.Name} }

// trackers follows scripts, files and processes in the parent, because the VRRP
// process must neither fork nor wait for a disk, and keeps what was found for it.
type trackers struct {
	scripts   *track.Scripts
	files     *track.Files
	processes *track.Processes
	cancel    context.CancelFunc
	done      sync.WaitGroup
	pending   *mailbox[verdict]
	started   bool // configured once: init_file has overwritten

	mu    sync.Mutex // guards what follows
	found map[subject]verdict
}

// newTrackers starts the goroutines that own what is tracked; close ends them.
func newTrackers(bus *event.Bus) *trackers {
	t := &trackers{pending: newMailbox[verdict](), found: map[subject]verdict{}}
	state := func(kind track.Kind) func(string, track.State) {
		return func(name string, s track.State) { t.changed(verdict{Kind: kind, Name: name, State: s}) }
	}
	t.scripts = track.NewScripts(run.Exec{}, bus.Publish, state(track.Script))
	t.files = track.NewFiles(bus.Publish, func(name string, n int) { t.changed(verdict{Kind: track.File, Name: name, Value: n}) })
	t.processes = track.NewProcesses(bus.Publish, state(track.Process))
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	t.done.Go(func() { t.scripts.Run(ctx) })
	t.done.Go(func() { t.files.Run(ctx) })
	t.done.Go(func() { t.processes.Run(ctx) })
	return t
}

// configure makes what c tracks the things that are followed; those that are
// unchanged are not disturbed. What files and processes say is known when it
// returns, unless that takes too long.
func (t *trackers) configure(c *config.Config) {
	jobs, files, processes := scriptJobs(c), fileJobs(c), trackedProcesses(c)
	keep := map[subject]bool{}
	for _, f := range files {
		keep[subject{track.File, f.Name}] = true
	}
	for _, p := range processes {
		keep[subject{track.Process, p.Name}] = true
	}
	for _, b := range c.BFDs {
		keep[subject{track.BFD, b.Name}] = true
	}
	t.mu.Lock()
	for i := range jobs {
		key := subject{track.Script, jobs[i].Params.Name}
		keep[key] = true
		if v, known := t.found[key]; known {
			jobs[i].Resume = v.State
		}
	}
	maps.DeleteFunc(t.found, func(s subject, _ verdict) bool { return !keep[s] })
	t.mu.Unlock()
	// They fail only after close, or when a disk hangs: then results come later.
	_ = t.scripts.Configure(context.Background(), jobs)
	ctx, cancel := context.WithTimeout(context.Background(), firstLook)
	defer cancel()
	_ = t.files.Configure(ctx, files, !t.started)
	b := c.Global.Buffers.ProcessMonitor
	_ = t.processes.Configure(ctx, processes, track.ReceiveBuffer{Size: b.Size, Force: b.Force})
	t.started = true
}

// changed is called with every new verdict; it does not block.
func (t *trackers) changed(v verdict) {
	t.mu.Lock()
	t.found[v.subject()] = v
	t.mu.Unlock()
	t.pending.put(v)
}

// session is told by whoever runs BFD sessions that one is up or down now.
func (t *trackers) session(name string, s track.State, at time.Time) {
	t.changed(verdict{Kind: track.BFD, Name: name, State: s, At: at})
}

// changes says that take has something.
func (t *trackers) changes() <-chan struct{} { return t.pending.ready() }

// take returns the verdicts since the last call.
func (t *trackers) take() []verdict { return t.pending.take() }

// known are all verdicts, for a child that starts.
func (t *trackers) known() []verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(maps.Values(t.found), func(a, b verdict) int {
		return strings.Compare(string(a.Kind)+" "+a.Name, string(b.Kind)+" "+b.Name)
	})
}

// stop begins to end what runs and does not wait.
func (t *trackers) stop() { t.cancel() }

// close ends what runs and waits for it, so long as patience lasts.
func (t *trackers) close(ctx context.Context) {
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
	used := tracks(c, func(t *config.Trackers) []track.Ref { return t.Scripts })
	var jobs []track.Job
	for _, s := range c.Scripts {
		if cmd, ok := c.Command(s.Script); ok && used[s.Name] {
			jobs = append(jobs, track.Job{Params: s.Params(), Command: cmd})
		}
	}
	return jobs
}

// fileJobs are all track_files: those that nobody tracks are initialised too.
func fileJobs(c *config.Config) []track.FileJob {
	var jobs []track.FileJob
	for _, f := range c.Files {
		jobs = append(jobs, track.FileJob{Name: f.Name, Path: f.Path, Init: f.Init})
	}
	return jobs
}

// trackedProcesses are the vrrp_track_processes that something tracks. Without
// any the kernel is not asked to tell of processes.
func trackedProcesses(c *config.Config) []*track.ProcessConfig {
	used := tracks(c, func(t *config.Trackers) []track.Ref { return t.TrackProcesses })
	var list []*track.ProcessConfig
	for _, p := range c.Processes {
		if used[p.Name] {
			list = append(list, p)
		}
	}
	return list
}

// tracks are the names that instances track.
func tracks(c *config.Config, refs func(*config.Trackers) []track.Ref) map[string]bool {
	used := map[string]bool{}
	for _, in := range c.Instances {
		for _, r := range refs(&in.Trackers) {
			used[r.Name] = true
		}
	}
	return used
}
