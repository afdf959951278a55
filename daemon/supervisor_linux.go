package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"holdfast/daemon/config"
	"holdfast/internal/event"
	"holdfast/notify"
	"holdfast/track"
)

// Real-time signals as the C library counts them (SIGRTMIN is 34).
const (
	sigJSON       = syscall.Signal(36)
	sigStatsClear = syscall.Signal(63)
)

// supervisor is the parent process: it owns configuration, signals, children,
// pid file, hooks, tracked scripts and mail. One goroutine, run's, changes its
// fields; it stays on the process's first thread, see spawn.
type supervisor struct {
	opt    Options
	log    *slog.Logger
	conf   *config.Loaded // in force
	bus    *event.Bus
	hooks  *hooks
	tracks *trackers

	children map[role]*child
	deaths   map[role]int // in a row
	resume   map[string]snapshot
	groups   map[string]string // last state of sync groups
	servers  map[string]string // last state of real and virtual servers, by kind and name
	exits    chan childExit
	inbox    chan childMessage
	respawn  chan role
	signals  chan os.Signal

	stopping  bool
	reloading bool
	queued    bool // SIGHUP came while reloading
	announced bool // "Startup complete" is logged
	began     time.Time
	waitUntil time.Time // end of the start delay of virtual routers
	status    int
	giveUp    <-chan time.Time // children that have not stopped by then are killed
}

// childMessage is what a child said; ok is false once its link has ended.
type childMessage struct {
	from *child
	m    message
	ok   bool
}

func newSupervisor(opt Options, conf *config.Loaded, log *slog.Logger) *supervisor {
	s := &supervisor{
		opt: opt, log: log, conf: conf, bus: event.NewBus(),
		children: map[role]*child{}, deaths: map[role]int{}, resume: map[string]snapshot{}, groups: map[string]string{}, servers: map[string]string{},
		exits: make(chan childExit), inbox: make(chan childMessage), respawn: make(chan role, 4), // timers outlive a stop: they must not wait for us

		signals: make(chan os.Signal, 16),
	}
	s.hooks = newHooks(log, s.bus)
	s.tracks = newTrackers(s.bus)
	return s
}

// run is the life of the daemon; it returns the exit status. ready is called
// when all children have the configuration in force.
func (s *supervisor) run(ready func()) int {
	signal.Notify(s.signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2, sigJSON, sigStatsClear)
	defer signal.Stop(s.signals)
	signal.Ignore(syscall.SIGPIPE)

	s.once("startup", s.conf.Config.Global.Startup)
	s.began = time.Now()
	s.waitUntil = s.began.Add(startDelay(&s.conf.Config.Global, uptime()))
	s.hooks.configure(s.conf.Config)
	s.tracks.configure(s.conf.Config)
	s.startWanted()
	if len(s.children) == 0 && s.status == 0 {
		s.log.Warn("Warning - keepalived has no configuration to run")
	}
	s.announceWhenReady(ready)
	for !s.finished() {
		select {
		case sig := <-s.signals:
			s.handleSignal(sig)
		case cm := <-s.inbox:
			s.handleMessage(cm)
			s.announceWhenReady(ready)
		case e := <-s.exits:
			s.handleExit(e)
			s.announceWhenReady(ready) // others may have become ready meanwhile: see drain
		case r := <-s.respawn:
			if s.children[r] == nil && !s.stopping && s.wants(r) {
				s.start(r)
			}
		case <-s.tracks.changes():
			for _, v := range s.tracks.take() {
				s.tellVerdict(v)
			}
		case <-s.giveUp:
			s.killChildren()
		}
	}
	s.finish()
	return s.status
}

func (s *supervisor) finished() bool {
	if len(s.children) > 0 {
		return false
	}
	return s.stopping
}

// finish lets hooks that stop brought about end, for as long as keepalived
// waits for its children.
func (s *supervisor) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), s.conf.Config.Global.ChildWait)
	defer cancel()
	s.tracks.close(ctx)
	if err := s.bus.Close(ctx); err != nil {
		s.log.Warn(err.Error())
	}
	s.hooks.close(ctx)
	s.once("shutdown", s.conf.Config.Global.Shutdown)
}

// wants tells whether the configuration and the command line ask for a child.
func (s *supervisor) wants(r role) bool {
	switch r {
	case roleVRRP:
		return !s.opt.OnlyChecker && (s.opt.AllChildren || s.conf.Config.HasVRRP())
	default:
		return !s.opt.OnlyVRRP && (s.opt.AllChildren || s.conf.Config.HasCheckers())
	}
}

// startWanted starts the children that are asked for and not there, in
// keepalived's order.
func (s *supervisor) startWanted() {
	for _, r := range []role{roleCheckers, roleVRRP} {
		if s.children[r] == nil && s.wants(r) {
			s.start(r)
		}
	}
}

func (s *supervisor) start(r role) {
	c, err := spawn(r, s.opt, s.exits)
	if err != nil {
		s.log.Error(err.Error())
		s.stop(ExitFatal)
		return
	}
	s.children[r] = c
	s.log.Info(fmt.Sprintf("Starting %s child process, pid=%d", r.title(), c.cmd.Process.Pid))
	start := &startMessage{Options: s.opt, Config: s.conf.Encoded, Told: s.conf.Config.Told(), Tracked: s.tracks.known(), Resume: s.resume}
	if r == roleVRRP {
		start.Delay = startWait{Whole: s.waitUntil.Sub(s.began), Left: max(time.Until(s.waitUntil), 0)}
	}
	if r == roleCheckers {
		start.Down = s.downServers()
	}
	c.link.Send(message{Start: start})
	go func() {
		for m := range c.link.Messages() {
			s.inbox <- childMessage{c, m, true}
		}
		s.inbox <- childMessage{from: c}
	}()
}

// tellVerdict tells the children what is new: files move weights of real
// servers, too.
func (s *supervisor) tellVerdict(v verdict) {
	for r, c := range s.children {
		if r == roleVRRP || v.Kind == track.File {
			c.link.Send(message{Verdict: &v})
		}
	}
}

func (s *supervisor) handleSignal(sig os.Signal) {
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT:
		s.stop(ExitOK)
	case syscall.SIGHUP:
		s.reload()
	default:
		s.log.Info(fmt.Sprintf("signal %d (%v): dump files are not written yet", sig, sig))
	}
}

func (s *supervisor) handleMessage(cm childMessage) {
	c := cm.from
	if !cm.ok {
		c.silent = true // its exit follows, or came before
		return
	}
	switch m := cm.m; {
	case m.Ready:
		c.ready = true
	case m.Failed != nil:
		c.failed = m.Failed
	case m.Fact != nil:
		s.handleFact(*m.Fact)
	}
}

// handleFact remembers what a successor of the VRRP child needs and passes the
// fact on to its readers.
func (s *supervisor) handleFact(f event.Fact) {
	if f.Type == event.Transitioned && f.Kind == event.Instance {
		prev, known := s.resume[f.Name]
		s.resume[f.Name] = snapshot{State: f.To, Since: f.Time}
		if c := s.children[roleCheckers]; c != nil && !s.stopping { // then the sync daemon is left as it is, until its end
			c.link.Send(message{Instance: &instanceMessage{Name: f.Name, State: f.To}})
		}
		if known && prev.State == f.To && f.To != "STOP" {
			return // a restarted VRRP child is where its predecessor was: no second transition
		}
	}
	if f.Type == event.Transitioned && f.Kind == event.Group {
		last := s.groups[f.Name]
		s.groups[f.Name] = f.To
		if last == f.To && f.To != "STOP" {
			return // formed anew by a restarted child or a reload, and where it was
		}
	}
	if f.Type == event.Transitioned && (f.Kind == event.RealServer || f.Kind == event.VirtualServer) {
		key := string(f.Kind) + " " + f.Name
		last, known := s.servers[key]
		s.servers[key] = f.To
		if f.Reason == reasonRemoved {
			delete(s.servers, key) // should it come back, it comes back as new
		}
		if known && last == f.To && s.deaths[roleCheckers] > 0 {
			return // a restarted checker process says again what is known
		}
	}
	s.bus.Publish(f)
}

// downServers are the real servers that were down when the checker process
// was seen last.
func (s *supervisor) downServers() []string {
	var down []string
	for key, state := range s.servers {
		if name, isServer := strings.CutPrefix(key, string(event.RealServer)+" "); isServer && state == notify.Down {
			down = append(down, name)
		}
	}
	slices.Sort(down)
	return down
}

// announceWhenReady logs the end of a start or reload once every child is done.
func (s *supervisor) announceWhenReady(ready func()) {
	if s.stopping {
		return
	}
	for _, c := range s.children {
		if !c.ready {
			return
		}
	}
	tidyLater(s.conf.Config)
	switch {
	case !s.announced:
		s.announced = true
		s.log.Info("Startup complete")
		_, _ = sd.SdNotify(false, fmt.Sprintf("%s\nMAINPID=%d", sd.SdNotifyReady, os.Getpid()))
		ready()
	case s.reloading:
		s.reloading = false
		s.log.Info("Reload complete")
		s.bus.Publish(event.Fact{Type: event.Reloaded, Kind: event.Daemon})
		_, _ = sd.SdNotify(false, sd.SdNotifyReady)
		if s.queued {
			s.queued = false
			s.reload()
		}
	}
}

func (s *supervisor) handleExit(e childExit) {
	c := e.child
	ran := time.Since(c.started)
	// What the child said last is still on its link.
	s.drain(c)
	if err := c.link.Close(0); err != nil {
		s.log.Debug(err.Error())
	}
	if n := c.link.lost(); n > 0 {
		s.log.Warn(fmt.Sprintf("%s process did not read %d messages", c.role.title(), n))
	}
	if s.children[c.role] == c {
		delete(s.children, c.role)
	}
	if c.role == roleVRRP {
		for name, snap := range s.resume {
			snap.Until = time.Now()
			s.resume[name] = snap
		}
	}
	if s.stopping {
		s.letGo()
		return
	}
	if c.failed != nil {
		s.log.Error(fmt.Sprintf("pid %d exited with permanent error %s. Terminating", c.cmd.Process.Pid, c.failed.Reason))
		s.stop(c.failed.Status)
		return
	}
	switch {
	case !s.wants(c.role):
		return // its part is gone from the configuration
	case c.leaving: // by a reload; a later one wants the part again
		s.start(c.role)
		return
	}
	s.log.Warn(fmt.Sprintf("%s child process(%d) %s", c.role.title(), c.cmd.Process.Pid, s.describeDeath(c.role, e.state)))
	if s.opt.NoRespawn {
		s.log.Error(fmt.Sprintf("%s child process(%d) died: Exiting", c.role.title(), c.cmd.Process.Pid))
		s.stop(ExitFatal)
		return
	}
	if ran > time.Minute {
		s.deaths[c.role] = 0
	}
	s.deaths[c.role]++
	s.log.Error(fmt.Sprintf("%s child process(%d) died: Respawning", c.role.title(), c.cmd.Process.Pid))
	delay := respawnDelay(ran, s.deaths[c.role])
	if delay == 0 {
		s.start(c.role)
		return
	}
	s.log.Warn(fmt.Sprintf("Restart of %s process delayed %d seconds to limit respawn rate", c.role.title(), delay/time.Second))
	time.AfterFunc(delay, func() { s.respawn <- c.role })
}

// drain takes what c still had to say: its exit and its last messages reach us
// on two paths.
func (s *supervisor) drain(c *child) {
	for !c.silent {
		select {
		case cm := <-s.inbox:
			s.handleMessage(cm)
		case <-time.After(drainPatience):
			return
		}
	}
}

// drainPatience bounds the wait for the next message, or the end, of a dead
// child's link; only a grandchild that inherited the socket could keep it open.
const drainPatience = time.Second

func describeExit(st *os.ProcessState) string {
	ws, ok := st.Sys().(syscall.WaitStatus)
	if ok && ws.Signaled() {
		return fmt.Sprintf("exited due to signal %d (%v)", ws.Signal(), ws.Signal())
	}
	return fmt.Sprintf("exited with status %d", st.ExitCode())
}

// describeDeath adds keepalived's question where the answer may be yes.
func (s *supervisor) describeDeath(r role, st *os.ProcessState) string {
	text := describeExit(st)
	ws, ok := st.Sys().(syscall.WaitStatus)
	g := &s.conf.Config.Global
	if ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL && (settingsOf(r, g).RTPriority > 0 || g.MaxAutoPriority > 0) {
		text += " - has rlimit_rttime been exceeded?"
	}
	return text
}

// stop begins the end: children release what they hold, one after the other,
// then we go.
func (s *supervisor) stop(status int) {
	if s.stopping {
		return
	}
	s.stopping, s.status = true, status
	s.log.Info("Stopping")
	_, _ = sd.SdNotify(false, sd.SdNotifyStopping)
	s.tracks.stop()
	s.letGo()
}

// letGo tells the next child to stop: the one with the addresses, then the one
// with the services. An address that is still there without its service would
// reset the connections to it, which a peer could have gone on with.
func (s *supervisor) letGo() {
	c := s.children[roleVRRP]
	if c == nil {
		c = s.children[roleCheckers]
	}
	if c == nil {
		return
	}
	if !c.leaving {
		c.leaving = true
		c.link.Send(message{Stop: true})
	}
	s.giveUp = time.After(s.conf.Config.Global.ChildWait)
}

// killChildren ends those that were told to stop and have not.
func (s *supervisor) killChildren() {
	for _, c := range s.children {
		if !c.leaving {
			continue
		}
		s.log.Error(fmt.Sprintf("%s process failed to die - forcing termination", c.role.title()))
		if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.log.Error(fmt.Sprintf("kill %s process: %v", c.role.title(), err))
		}
	}
}
