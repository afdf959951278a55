package daemon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"holdfast/daemon/config"
)

// linkGrace bounds the wait for a parent that does not read any more. It is
// generous: what the kernel carried is released before, and a parent that
// starts thousands of hooks reads late.
const linkGrace = 2 * time.Second

// RunChild runs this process as a child if it was started as one; status is
// its exit status.
func RunChild() (status int, isChild bool) {
	r := role(os.Getenv(roleVariable))
	if r == "" {
		return 0, false
	}
	os.Unsetenv(roleVariable) // scripts started from here are no children of ours
	l, err := inheritedLink()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s process: %v\n", r, err)
		return ExitFatal, true
	}
	m, ok := <-l.Messages()
	if !ok || m.Start == nil {
		return ExitFatal, true // the parent went before it said what to do
	}
	return runRole(r, l, *m.Start), true
}

// childProcess is what both roles have in common.
type childProcess struct {
	log   *slog.Logger
	link  *link
	opt   Options
	conf  *config.Config
	terms chan os.Signal

	standing *standing
}

func runRole(r role, l *link, start startMessage) int {
	conf, err := config.Decode(start.Config, start.Told)
	base, pidPath := identCheckers, start.Options.CheckersPIDFile
	if r == roleVRRP {
		base, pidPath = identVRRP, start.Options.VRRPPIDFile
	}
	if err != nil {
		l.Send(message{Failed: &failedMessage{Status: ExitSoftware, Reason: "SOFTWARE"}})
		l.Close(linkGrace)
		return ExitSoftware
	}
	log, endLog := openLog(start.Options, ident(base, &conf.Global))
	defer endLog()
	name := conf.Global.CheckProcessName
	if r == roleVRRP {
		name = conf.Global.VRRPProcessName
		debug.SetGCPercent(400) // a small heap: fewer collections, not more memory
	}
	setProcessName(cmp.Or(name, start.Options.Program))
	pid, err := createPIDFile(pidPath)
	if err != nil {
		log.Warn(err.Error()) // another daemon's, perhaps: ours works without
	}
	defer pid.remove()
	c := childProcess{log: log, link: l, opt: start.Options, conf: conf, terms: make(chan os.Signal, 4), standing: newStanding(log, r)}
	// The terminal's SIGINT goes to the whole group; the parent tells us what it
	// makes of it. The other signals are the parent's to forward.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2, sigJSON, sigStatsClear)
	signal.Notify(c.terms, syscall.SIGTERM)
	watched, unwatch := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() { c.standing.run(watched) })
	defer watch.Wait()
	defer unwatch()
	var status int
	if r == roleVRRP {
		status = c.runVRRP(start)
	} else {
		status = c.runCheckers(start)
	}
	l.Close(linkGrace)
	return status
}

// ready says that a configuration is in force, and puts its process options in
// force before: decoding it was no hurry.
func (c *childProcess) ready() {
	c.standing.configure(&c.conf.Global)
	c.link.Send(message{Ready: true})
}

// fail tells the parent why we end for good.
func (c *childProcess) fail(status int, reason string, err error) int {
	c.log.Error(err.Error())
	c.link.Send(message{Failed: &failedMessage{Status: status, Reason: reason}})
	return status
}
