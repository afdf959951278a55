package track

import (
	"context"
	"slices"
	"strings"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/run"
)

// Scripts runs all vrrp_scripts: one goroutine owns their machines, each run has
// one of its own. Make it with NewScripts, start it with Run.
type Scripts struct {
	runner  run.Runner
	publish func(event.Fact)
	changed func(name string, s State)

	configure chan []Job        // from Configure to Run
	finished  chan finishedRun  // from runs to Run
	snapshots chan chan<- []Job // questions of Snapshots
	done      chan struct{}     // closed when Run has returned
}

// Job is one script with all it takes to run it.
type Job struct {
	Params  Params
	Command run.Command
	Resume  State    // what a predecessor knew; looked at when the script is new
	Status  Snapshot // filled in by Snapshots
}

// job is a Job at work.
type job struct {
	Job
	machine *ScriptMachine
	kill    context.CancelFunc // of the run in progress
	run     uint64             // number of the run in progress
}

type finishedRun struct {
	name   string
	run    uint64
	result run.Result
}

// NewScripts returns a runner without scripts. changed is called with every new
// verdict, publish with every fact; both from Run's goroutine, neither may block.
func NewScripts(r run.Runner, publish func(event.Fact), changed func(name string, s State)) *Scripts {
	return &Scripts{
		runner: r, publish: publish, changed: changed,
		configure: make(chan []Job), finished: make(chan finishedRun),
		snapshots: make(chan chan<- []Job), done: make(chan struct{}),
	}
}

// Configure replaces the list of scripts: new ones start at once, those that are
// gone are killed, unchanged ones are not disturbed. It returns when Run has
// taken the list over, or with ctx's error.
func (s *Scripts) Configure(ctx context.Context, jobs []Job) error {
	select {
	case s.configure <- jobs:
		return nil
	case <-s.done:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Snapshots returns the scripts as they stand, by name; nil when Run has ended.
func (s *Scripts) Snapshots(ctx context.Context) []Job {
	answer := make(chan []Job, 1)
	select {
	case s.snapshots <- answer:
		return <-answer
	case <-s.done:
	case <-ctx.Done():
	}
	return nil
}

// loop is what Run's goroutine owns.
type loop struct {
	*Scripts
	jobs    map[string]*job
	running int    // runs whose end has not come back, those of removed scripts too
	runs    uint64 // numbers runs, so that a late end is not taken for a newer one's
	out     []Action
}

// Run runs scripts until ctx ends. It then kills what runs and returns when the
// last process is gone, at the latest some seconds later.
func (s *Scripts) Run(ctx context.Context) {
	defer close(s.done)
	l := &loop{Scripts: s, jobs: map[string]*job{}}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.arm(timer)
		select {
		case <-ctx.Done():
			l.stop()
			return
		case jobs := <-s.configure:
			l.reconfigure(jobs)
		case f := <-s.finished:
			l.runEnded(f)
		case answer := <-s.snapshots:
			answer <- l.snapshot()
		case <-timer.C:
		}
		l.tick()
	}
}

// arm sets the timer to the earliest deadline.
func (l *loop) arm(timer *time.Timer) {
	var first time.Time
	for _, j := range l.jobs {
		if d := j.machine.Deadline(); !d.IsZero() && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	if first.IsZero() {
		timer.Stop()
		return
	}
	timer.Reset(time.Until(first))
}

// tick steps every script that is due, in the order of their names.
func (l *loop) tick() {
	now := time.Now()
	for _, name := range l.names() {
		j := l.jobs[name]
		if d := j.machine.Deadline(); !d.IsZero() && !now.Before(d) {
			l.step(now, j, Tick{})
		}
	}
}

func (l *loop) names() []string {
	var names []string
	for name := range l.jobs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (l *loop) step(now time.Time, j *job, ev Event) {
	l.out = j.machine.Step(now, ev, l.out[:0])
	for _, a := range l.out {
		switch a := a.(type) {
		case Start:
			l.start(j)
		case Kill:
			j.kill()
		case Judged:
			l.changed(j.Params.Name, a.State)
		case Tell:
			l.publish(fact(now, j.Params.Name, a))
		}
	}
}

// fact is what the machine of a script tells, for the bus.
func fact(now time.Time, name string, a Tell) event.Fact {
	f := event.Fact{Time: now, Type: event.TrackerReported, Kind: event.Script, Name: name, Reason: a.Reason, Text: a.Text}
	if a.Changed {
		f.Type, f.From, f.To = event.TrackerChanged, a.From.String(), a.To.String()
	}
	return f
}

// start runs the script in a goroutine of its own. The machine ends it with
// Kill, so its context has no deadline.
func (l *loop) start(j *job) {
	ctx, kill := context.WithCancel(context.Background())
	l.runs++
	l.running++
	j.kill, j.run = kill, l.runs
	f := finishedRun{name: j.Params.Name, run: j.run}
	command := j.Command
	go func() {
		defer kill()
		f.result = run.Safely(ctx, l.runner, command)
		l.finished <- f // Run takes it, even while it stops
	}()
}

func (l *loop) runEnded(f finishedRun) {
	l.running--
	if j := l.jobs[f.name]; j != nil && j.run == f.run {
		r := f.result
		l.step(time.Now(), j, Finished{Outcome{Exit: r.Exit, Signal: r.Signal, Ended: r.Ended, Err: r.Err}})
	}
}

// reconfigure brings the machines in line with jobs.
func (l *loop) reconfigure(jobs []Job) {
	now := time.Now()
	wanted := map[string]bool{}
	for _, nj := range jobs {
		name := nj.Params.Name
		if wanted[name] {
			continue // the first of a name counts, as its references have it
		}
		wanted[name] = true
		j := l.jobs[name]
		if j == nil {
			j = &job{Job: nj, machine: NewScript(nj.Params)}
			l.jobs[name] = j
			l.step(now, j, Startup{Resume: nj.Resume})
			continue
		}
		replaced := !sameCommand(j.Command, nj.Command)
		j.Job = nj
		l.step(now, j, Reconfigure{Params: nj.Params, Replaced: replaced})
	}
	for _, name := range l.names() {
		if !wanted[name] {
			l.step(now, l.jobs[name], Shutdown{})
			delete(l.jobs, name)
		}
	}
}

// sameCommand reports whether two commands would do the same.
func sameCommand(a, b run.Command) bool {
	ca, cb := a.Cred, b.Cred
	sameCred := ca == cb || ca != nil && cb != nil &&
		ca.UID == cb.UID && ca.GID == cb.GID && slices.Equal(ca.Groups, cb.Groups)
	return sameCred && a.Path == b.Path && a.Dir == b.Dir && slices.Equal(a.Argv, b.Argv) && slices.Equal(a.Env, b.Env)
}

// stop kills what runs and waits for it.
func (l *loop) stop() {
	now := time.Now()
	for _, name := range l.names() {
		l.step(now, l.jobs[name], Shutdown{})
	}
	for l.running > 0 {
		l.runEnded(<-l.finished)
	}
}

func (l *loop) snapshot() []Job {
	jobs := make([]Job, 0, len(l.jobs))
	for _, j := range l.jobs {
		nj := j.Job
		nj.Status = j.machine.Snapshot()
		jobs = append(jobs, nj)
	}
	slices.SortFunc(jobs, func(a, b Job) int { return strings.Compare(a.Params.Name, b.Params.Name) })
	return jobs
}
