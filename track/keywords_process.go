package track

import (
	"time"

	"holdfast/kconf"
)

// ProcessConfig is one vrrp_track_process block: processes that must run.
type ProcessConfig struct {
	kconf.Written // where each keyword stands
	Name          string
	Pos           kconf.Pos // of the keyword vrrp_track_process

	Process     string   // name or path
	Parameters  []string // further words of process
	Match       ParamMatch
	FullCommand bool // compare the command line; parameters and param_match imply it

	Weight  int // -254..254, default 0: a missed quorum is a FAULT
	Reverse bool

	Quorum    uint16 // fewest processes, 1-65535, default 1
	QuorumMax *int   // most processes, 0-65535; nil: any number

	TerminateDelay time.Duration // before a lost quorum counts; 0 or 1us to 1h
	ForkDelay      time.Duration // before a gained quorum counts; 0 or 1us to 1h

}

// ParamMatch is how the parameters of a process are compared.
type ParamMatch string

const (
	MatchNone    ParamMatch = ""        // not at all
	MatchExact   ParamMatch = "exact"   // all of them, no more
	MatchInitial ParamMatch = "initial" // the text of the last one may go on
	MatchPartial ParamMatch = "partial" // more may follow
)

// Bounds of keyword arguments.
const (
	quorumMax    = 65535
	delayMin     = time.Microsecond
	delayMax     = 3600 * time.Second
	delayDigits  = 6
	delayWritten = "0.000001..3600"
)

// ProcessKeywords is the vocabulary of vrrp_track_process.
var ProcessKeywords = kconf.Vocabulary[ProcessConfig]{
	{Name: "process", Args: "NAME [PARAM...]", Default: "required", Since: "2.0.11",
		Doc: "Process name or path; with parameters the command line must match.",
		Set: kconf.Custom("words", "once", setProcess)},
	{Name: "param_match", Args: "[initial or partial]", Default: "none, exact if parameters given", Since: "2.0.16",
		Doc: "How parameters are compared; without a word exactly.",
		Set: kconf.Custom("ENUM", "initial or partial", setParamMatch)},
	{Name: "weight", Args: "N [reverse]", Default: "0", Since: "2.0.11",
		Doc: "Added to the priority while the quorum is met (positive) or missed (negative); 0 makes a missed quorum a FAULT.",
		Set: kconf.Custom("INT", "-254..254, once", setProcessWeight)},
	{Name: "quorum", Args: "N", Default: "1", Since: "2.0.11",
		Doc: "Fewest matching processes.",
		Set: kconf.Custom("UINT", "1..65535", setQuorum)},
	{Name: "quorum_max", Args: "N", Default: "unlimited", Since: "2.0.16",
		Doc: "Most matching processes; 0 means that none may run.",
		Set: kconf.Custom("UINT", "0..65535", setQuorumMax)},
	{Name: "delay", Args: "SECS", Default: "0", Since: "2.0.11",
		Doc: "Sets fork_delay and terminate_delay.",
		Set: kconf.Custom("DEC6 s", delayWritten, setDelay)},
	{Name: "terminate_delay", Args: "SECS", Default: "0", Since: "2.0.16",
		Doc: "Wait this long before a lost quorum counts.",
		Set: kconf.Seconds(func(c *ProcessConfig) *time.Duration { return &c.TerminateDelay }, delayMin, delayMax, delayDigits)},
	{Name: "fork_delay", Args: "SECS", Default: "0", Since: "2.0.16",
		Doc: "Wait this long before a gained quorum counts.",
		Set: kconf.Seconds(func(c *ProcessConfig) *time.Duration { return &c.ForkDelay }, delayMin, delayMax, delayDigits)},
	{Name: "full_command", Default: "off", Since: "2.0.11",
		Doc: "Compare the whole command line instead of the process name.",
		Set: kconf.Flag(func(c *ProcessConfig) *bool { return &c.FullCommand }, true)},
}

// setProcess keeps the first command. Parameters are compared exactly unless
// param_match says otherwise.
func setProcess(x *kconf.Ctx, c *ProcessConfig, s *kconf.Stmt) {
	args, ok := x.Args(s, 1)
	if !ok {
		return
	}
	if c.Process != "" {
		c.Repeated(x, s)
		return
	}
	c.Process = args[0].Text
	for _, w := range args[1:] {
		c.Parameters = append(c.Parameters, w.Text)
	}
	if len(c.Parameters) > 0 {
		c.FullCommand = true
		if c.Match == MatchNone {
			c.Match = MatchExact
		}
	}
}

func setParamMatch(x *kconf.Ctx, c *ProcessConfig, s *kconf.Stmt) {
	match := MatchExact
	if args := s.Args(); len(args) > 0 {
		if !x.OneOf(args[0], s.Keyword(), []string{string(MatchInitial), string(MatchPartial)}) {
			return
		}
		match = ParamMatch(args[0].Text)
	}
	c.Match, c.FullCommand = match, true
}

func setProcessWeight(x *kconf.Ctx, c *ProcessConfig, s *kconf.Stmt) {
	if _, ok := x.Args(s, 1); !ok {
		return
	}
	if c.Weight != 0 { // the default does not count as given
		c.Repeated(x, s)
		return
	}
	setWeight(x, s, fileWeightMax, &c.Weight, &c.Reverse)
}

// setQuorum and setQuorumMax refuse what the other one, written before, makes
// impossible.
func setQuorum(x *kconf.Ctx, c *ProcessConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	n, ok := kconf.ParseUint(x, w, s.Keyword(), 1, quorumMax)
	switch {
	case !ok:
	case c.QuorumMax != nil && int(n) > *c.QuorumMax:
		x.Errorf(w.Pos, kconf.ClassGeneral, "bounds-reversed", "quorum %d: is above quorum_max %d, ignored", n, *c.QuorumMax)
	default:
		c.Quorum = uint16(n)
	}
}

func setQuorumMax(x *kconf.Ctx, c *ProcessConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	n, ok := kconf.ParseUint(x, w, s.Keyword(), 0, quorumMax)
	switch {
	case !ok:
	case n < uint64(c.Quorum) && (n > 0 || c.Quorum > 1): // 0 and the default quorum: none may run
		x.Errorf(w.Pos, kconf.ClassGeneral, "bounds-reversed", "quorum_max %d: is below quorum %d, ignored", n, c.Quorum)
	default:
		most := int(n)
		c.QuorumMax = &most
	}
}

func setDelay(x *kconf.Ctx, c *ProcessConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	if d, ok := kconf.ParseSeconds(x, w, s.Keyword(), delayMin, delayMax, delayDigits); ok {
		c.TerminateDelay, c.ForkDelay = d, d
	}
}

// DecodeProcess reads a vrrp_track_process statement. It returns nil, having
// said why, when there is nothing to look for: no name, or no process.
func DecodeProcess(x *kconf.Ctx, s *kconf.Stmt) *ProcessConfig {
	args, ok := x.Args(s, 1)
	if !ok {
		return nil
	}
	c := &ProcessConfig{Name: args[0].Text, Pos: s.Pos(), Quorum: 1}
	ProcessKeywords.Decode(x, c, s.Block)
	if !hasArgument(c.Stmt("process")) && c.Process == "" {
		if !c.Has("process") {
			x.Errorf(s.Pos(), kconf.ClassGeneral, "no-process", "vrrp_track_process %s: has no process, it is not used", c.Name)
		}
		return nil
	}
	return c
}
