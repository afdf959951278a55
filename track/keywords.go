package track

import (
	"time"

	"holdfast/kconf"
)

// ScriptConfig is one vrrp_script block.
type ScriptConfig struct {
	kconf.Written // where each keyword stands

	Name     string
	Pos      kconf.Pos // of the keyword vrrp_script
	Script   *kconf.Script
	Interval time.Duration
	Timeout  time.Duration // 0: Interval
	Weight   int
	Reverse  bool
	Rise     uint32
	Fall     uint32
	User     string // "": script_user
	Group    string // "": the user's own
	InitFail bool
}

// Params are the parts of c that the machine needs.
func (c *ScriptConfig) Params() Params {
	return Params{
		Name: c.Name, Interval: c.Interval, Timeout: c.Timeout, Rise: int(c.Rise), Fall: int(c.Fall),
		InitFail: c.InitFail, Weight: c.Weight, Reverse: c.Reverse,
	}
}

// Bounds of keyword arguments.
const (
	secondsMin  = time.Millisecond
	secondsMax  = 4294 * time.Second
	riseFallMax = 1<<31 - 1
)

// ScriptKeywords is the vocabulary of vrrp_script.
var ScriptKeywords = kconf.Vocabulary[ScriptConfig]{
	{
		Name: "script", Args: "COMMAND", Default: "required", Since: "1.1.13",
		Doc: "Command to run; exit status 0 is success. \"</path\" succeeds when the file can be opened for reading, \"</dev/tcp/HOST/PORT\" when the port accepts a connection.",
		Set: kconf.Command(func(c *ScriptConfig) **kconf.Script { return &c.Script }),
	},
	{
		Name: "interval", Args: "SECS", Default: "1", Since: "1.1.13",
		Doc: "Time from one start to the next; a run that is still going on makes the next one wait for its turn.",
		Set: kconf.SecondsZeroIs(func(c *ScriptConfig) *time.Duration { return &c.Interval }, time.Second, secondsMin, secondsMax, 3),
	},
	{
		Name: "timeout", Args: "SECS", Default: "interval", Since: "1.2.6",
		Doc: "One run may last this long; then it counts as failed and its process group is ended.",
		Set: kconf.SecondsZeroIs(func(c *ScriptConfig) *time.Duration { return &c.Timeout }, time.Second, secondsMin, secondsMax, 3),
	},
	{
		Name: "weight", Args: "N [reverse]", Default: "0", Since: "1.1.13",
		Doc: "Added to the priority: a positive number while the script succeeds, a negative one while it fails; 0 makes failure a FAULT.",
		Set: kconf.Custom("INT", "-253..253", setScriptWeight),
	},
	{
		Name: "rise", Args: "N", Default: "1", Since: "1.1.18",
		Doc: "Successes in a row until the script counts as good.",
		Set: kconf.Uint(func(c *ScriptConfig) *uint32 { return &c.Rise }, 1, riseFallMax),
	},
	{
		Name: "fall", Args: "N", Default: "1", Since: "1.1.18",
		Doc: "Failures in a row until the script counts as bad.",
		Set: kconf.Uint(func(c *ScriptConfig) *uint32 { return &c.Fall }, 1, riseFallMax),
	},
	{
		Name: "user", Args: "USER [GROUP]", Default: "script_user", Since: "1.3.0",
		Doc: "Account that runs the script.",
		Set: kconf.User(func(c *ScriptConfig) (user, group *string) { return &c.User, &c.Group }).Says("USER", "must exist"),
	},
	{
		Name: "init_fail", Default: "off", Since: "1.3.2",
		Doc: "The script counts as bad until its first success.",
		Set: kconf.Flag(func(c *ScriptConfig) *bool { return &c.InitFail }, true),
	},
}

// setScriptWeight refuses a number out of range. keepalived reports it, and uses
// it all the same.
func setScriptWeight(x *kconf.Ctx, c *ScriptConfig, s *kconf.Stmt) {
	if _, ok := x.Args(s, 1); ok {
		setWeight(x, s, weightMax, &c.Weight, &c.Reverse)
	}
}

// DecodeScript reads a vrrp_script statement. It returns nil, having said why,
// when the script cannot be used: no name, or no command.
func DecodeScript(x *kconf.Ctx, s *kconf.Stmt) *ScriptConfig {
	args, ok := x.Args(s, 1)
	if !ok {
		return nil
	}
	c := &ScriptConfig{Name: args[0].Text, Pos: s.Pos(), Interval: time.Second, Rise: 1, Fall: 1}
	ScriptKeywords.Decode(x, c, s.Block)
	if c.Script == nil {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "no-script", "vrrp_script %s: has no script, it is not used", c.Name)
		return nil
	}
	return c
}
