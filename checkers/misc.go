package checkers

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/run"
	"holdfast/kconf"
)

// MiscConfig is a MISC_CHECK block.
type MiscConfig struct {
	Common
	Script  *kconf.Script
	Timeout *time.Duration // misc_timeout; nil: delay_loop of virtual_server
	Dynamic bool           // exit status 2..255 is a weight
	User    string
	Group   string

	Limit      time.Duration   // resolved misc_timeout
	Credential *run.Credential // resolved account; nil: the daemon's
}

func (c *MiscConfig) common() *Common { return &c.Common }

var miscKeywords = append(timerRows((*MiscConfig).common, history{"0", "1", "1.3.7 1.3.7 1.2.13 1.3.7 1.3.7 2.0.11"}), kconf.Vocabulary[MiscConfig]{
	{
		Name: "misc_path", Args: "COMMAND", Default: "required", Since: "0.5.3",
		Doc: "Program to run, with its arguments in quotes; exit status 0 is success.",
		Set: kconf.Command(func(c *MiscConfig) **kconf.Script { return &c.Script }),
	},
	{
		Name: "misc_timeout", Args: "SECONDS", Default: "virtual_server delay_loop", Since: "1.1.0",
		Doc: "Longest run time; a program that needs more is ended and has failed.",
		Set: kconf.OptSeconds(func(c *MiscConfig) **time.Duration { return &c.Timeout }, 0, 4294*time.Second, 0),
	},
	{
		Name: "misc_dynamic", Default: "off", Since: "1.1.8",
		Doc: "Exit status 2..255 is success, too, and sets the weight to status - 2.",
		Set: kconf.Flag(func(c *MiscConfig) *bool { return &c.Dynamic }, true),
	},
	{
		Name: "user", Args: "USER [GROUP]", Default: "script_user", Since: "1.3.0",
		Doc: "Account that runs the program.",
		Set: kconf.User(func(c *MiscConfig) (*string, *string) { return &c.User, &c.Group }).Says("USER", "must exist").MissingIs(kconf.ClassGeneral),
	},
}...)

var miscKind = &Kind{
	Keyword: "MISC_CHECK",
	Since:   "0.5.3",
	Doc:     "Up if a program says so.",
	Rows:    miscKeywords,
	Decode: func(x *kconf.Ctx, s *kconf.Stmt) Config {
		c := new(MiscConfig)
		miscKeywords.Decode(x, c, s.Block)
		if c.Script == nil {
			x.Errorf(s.Pos(), kconf.ClassGeneral, "no-path", "MISC_CHECK: misc_path is missing; checker is not used")
			return nil
		}
		return c
	},
	Finish: finishMisc,
	New: func(c Config, _ Target) []Checker {
		return []Checker{MiscCheck{Config: c.(*MiscConfig), Runner: run.Exec{}}}
	},
	Texts:            miscTexts,
	Retry:            0,
	DelayBeforeRetry: defaultDelayBeforeRetry,
	Pacing:           Pacing{FromStart: true, LogOnce: true},
	// misc_timeout is kept by the probe; ending the program takes longer
	Total: func(c Config, _ time.Duration) time.Duration {
		return c.(*MiscConfig).Limit + run.Grace + run.GiveUp + time.Second
	},
}

// finishMisc resolves the time limit and the account.
func finishMisc(x *kconf.Ctx, pos kconf.Pos, cfg Config, in Inherit) Config {
	c := cfg.(*MiscConfig)
	if c.Limit = first(defaultDelayLoop, c.Timeout, in.ServiceDelayLoop); c.Limit == 0 {
		c.Limit = first(defaultDelayLoop, in.ServiceDelayLoop)
	}
	name, group := c.User, c.Group
	if name == "" {
		name, group = in.ScriptUser, in.ScriptGroup
	}
	if name == "" {
		return c
	}
	cred, err := account(name, group)
	if err != nil {
		x.Errorf(pos, kconf.ClassGeneral, "unknown-account", "MISC_CHECK: %v; checker is not used", err)
		return nil
	}
	c.Credential = cred
	return c
}

// account looks a user up, and a group if one is named.
func account(name, group string) (*run.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", name, err)
	}
	gid := u.Gid
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return nil, fmt.Errorf("look up group %s: %w", group, err)
		}
		gid = g.Gid
	}
	uidN, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gidN, err2 := strconv.ParseUint(gid, 10, 32)
	return &run.Credential{UID: uint32(uidN), GID: uint32(gidN)}, errors.Join(err1, err2)
}

// miscTexts names the script in every line: a server often has several.
func miscTexts(cfg Config) Texts {
	script := cfg.(*MiscConfig).Script.Argv[0] // alone, and where links lead, as in keepalived
	if path, err := filepath.EvalSymlinks(script); err == nil {
		script = path
	}
	line := func(n Names, rest string) string {
		return fmt.Sprintf("Misc check for [%s VS %s] by [%s] %s", n.Server, n.Service, script, rest)
	}
	return Texts{
		Prefix:  "MISC",
		Success: func(n Names, _ Verdict) string { return line(n, "succeeded.") },
		Failed: func(n Names, v Verdict, retries uint32, _ bool) string {
			tail := " with retry disabled"
			switch {
			case retries == 1:
				tail = " after 1 retry"
			case retries > 1:
				tail = fmt.Sprintf(" after %d retries", retries)
			}
			return line(n, miscOutcome(v, tail)+".")
		},
		Attempt: func(n Names, v Verdict) string { return line(n, miscOutcome(v, "")) },
	}
}

// miscOutcome is how the program ended, in keepalived's words.
func miscOutcome(v Verdict, tail string) string {
	switch v.Reason {
	case Timeout:
		return "timed out" + tail
	case Signal:
		return fmt.Sprintf("failed%s (due to signal %d)", tail, v.Code)
	case Exit:
		return fmt.Sprintf("failed%s (exited with status %d)", tail, v.Code)
	}
	return "failed" + tail
}

// MiscCheck runs a program and reads its exit status.
type MiscCheck struct {
	Config *MiscConfig
	Runner run.Runner
}

// Check implements Checker. A program that had to be ended has failed,
// whatever its exit status; keepalived believes one that then says 0.
func (c MiscCheck) Check(ctx context.Context) Verdict {
	limited, cancel := context.WithTimeout(ctx, c.Config.Limit)
	defer cancel()
	r := c.Runner.Run(limited, run.Command{Argv: c.Config.Script.Argv, Cred: c.Config.Credential, Dir: "/"})
	v := Verdict{Detail: fmt.Sprintf("%s: %v", strings.Join(c.Config.Script.Argv, " "), r)}
	switch {
	case r.Err != nil && !r.Ended:
		v.Reason = Local
	case r.Ended && errors.Is(ctx.Err(), context.Canceled):
		v.Reason = Cancelled
	case r.Ended:
		v.Reason = Timeout
	case r.Signal != 0:
		v.Reason, v.Code = Signal, r.Signal
	case r.Exit == 0:
		v.Up = true
	case c.Config.Dynamic && r.Exit >= 2:
		weight := r.Exit - 2
		v.Up, v.Weight = true, &weight
	default:
		v.Reason, v.Code = Exit, r.Exit
	}
	return v
}
