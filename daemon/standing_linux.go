package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast/daemon/config"
	"holdfast/internal/threads"
)

// Limits of standing.
const (
	pulseShortest = 10 * time.Millisecond  // between two looks at the clock
	pulseLongest  = 250 * time.Millisecond // min_auto_priority_delay is a second
	rearmAfter    = time.Second            // after SIGXCPU
)

// standing is how the kernel treats a child process among others: its
// priorities, processors and memory, and the real-time priority that it gives
// itself when it runs late.
type standing struct {
	log   *slog.Logger
	role  role
	began time.Time                    // that run does not get its turn is lateness, too
	apply func(threads.Settings) error // threads.Apply; tests have another

	mu     sync.Mutex // guards what follows
	wanted threads.Settings
	max    int           // max_auto_priority; 0 and less: none
	delay  time.Duration // lateness that counts
	raised int           // real-time priority that lateness has brought; 0: none
	said   string        // the last error
}

func newStanding(log *slog.Logger, r role) *standing {
	return &standing{log: log, role: r, began: time.Now(), apply: threads.Apply, delay: time.Second}
}

// settingsOf are the process options of a role.
func settingsOf(r role, g *config.Globals) threads.Settings {
	p := g.CheckerProcess
	if r == roleVRRP {
		p = g.VRRPProcess
	}
	s := threads.Settings{RTPriority: int(p.RTPriority), CPUs: p.CPUs, NoSwap: p.NoSwap, RTTime: p.RTTime}
	if p.Nice != nil {
		s.Nice = new(int(*p.Nice))
	}
	return s
}

// configure puts the process options of g in force. A priority that lateness has
// brought stays, within what g allows. With a nil standing nothing happens: a
// role that is part of another process.
func (s *standing) configure(g *config.Globals) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted, s.max, s.delay = settingsOf(s.role, g), int(g.MaxAutoPriority), g.MinAutoPriorityDelay
	if s.raised = min(s.raised, s.max); s.raised <= s.wanted.RTPriority {
		s.raised = 0
	}
	s.enforce(s.effective())
}

// relax lifts the limit of processor time until configure: decoding a large
// configuration is no runaway.
func (s *standing) relax() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.effective()
	now.RTTime = 0
	s.enforce(now)
}

func (s *standing) effective() threads.Settings {
	now := s.wanted
	now.RTPriority = max(now.RTPriority, s.raised)
	return now
}

// enforce says once what the kernel refuses.
func (s *standing) enforce(now threads.Settings) {
	err := s.apply(now)
	if err == nil {
		s.said = ""
		return
	}
	if text := fmt.Sprintf("%s process: %s", s.role.title(), strings.ReplaceAll(err.Error(), "\n", "; ")); text != s.said {
		s.said = text
		s.log.Warn(text)
	}
}

// run watches for lateness and for SIGXCPU until ctx ends.
func (s *standing) run(ctx context.Context) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGXCPU)
	defer signal.Stop(signals)
	rearm := time.NewTimer(rearmAfter)
	defer rearm.Stop()
	due := s.began.Add(pulseLongest)
	beat := time.NewTimer(time.Until(due))
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			name := strings.ToLower(string(s.role))
			if s.role == roleCheckers {
				name = "checker"
			}
			s.log.Warn(fmt.Sprintf("%s process has used too much CPU time, %s_rlimit_rttime may need to be increased", s.role.title(), name))
			rearm.Reset(rearmAfter)
		case <-rearm.C:
			if err := threads.Rearm(); err != nil {
				s.log.Warn(err.Error())
			}
		case <-beat.C:
			now := time.Now()
			s.late(now.Sub(due))
			due = now.Add(s.pulse())
			beat.Reset(time.Until(due))
		}
	}
}

// pulse is the time between two looks: short beside the lateness that counts.
func (s *standing) pulse() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(max(s.delay/4, pulseShortest), pulseLongest)
}

// late says that a timer came late by d, and raises the real-time priority by
// one where that is too much and allowed.
func (s *standing) late(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d < s.delay {
		return
	}
	s.log.Info(fmt.Sprintf("A thread timer expired %d.%06d seconds ago", d/time.Second, d%time.Second/time.Microsecond))
	now := s.effective().RTPriority
	if now >= s.max {
		return
	}
	s.raised = now + 1
	s.enforce(s.effective())
	if s.said == "" {
		s.log.Info(fmt.Sprintf("Set realtime priority %d", s.raised))
	}
}
