package daemon

import (
	"context"
	"fmt"

	"holdfast/daemon/config"
	"holdfast/internal/run"
)

// once runs the script of the daemon's own start or end, and waits for it as
// long as it may take. Whatever becomes of it, the daemon goes on.
func (s *supervisor) once(what string, o config.RunOnce) {
	cmd, ok := s.conf.Config.Command(o.Script)
	if o.Script == nil || !ok {
		return
	}
	s.log.Info(fmt.Sprintf("Running %s script %s", what, cmd.Argv[0]))
	ctx, cancel := context.WithTimeout(context.Background(), o.Timeout)
	defer cancel()
	s.log.Info(onceText(what, run.Safely(ctx, run.Exec{}, cmd)))
}

// onceText is how such a script ended.
func onceText(what string, r run.Result) string {
	switch {
	case r.Ended:
		return what + " script timed out"
	case r.Err != nil:
		return fmt.Sprintf("Call of %s script failed: %v", what, r.Err)
	case r.Signal != 0:
		return fmt.Sprintf("%s script failed, signal %d", what, r.Signal)
	case r.Exit != 0:
		return fmt.Sprintf("%s script failed, status %d", what, r.Exit)
	}
	return what + " script succeeded"
}
