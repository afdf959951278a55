package config

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/kconf"
)

// ProcessSettings say how the kernel is to treat one child process.
type ProcessSettings struct {
	Nice       *int8 // nil: unchanged
	NoSwap     bool  // its memory stays in RAM
	RTPriority uint8 // of SCHED_RR, 1-99; 0: not real-time
	CPUs       []int // it may run on; nil: all
	RTTime     time.Duration
}

func defaultProcess() ProcessSettings { return ProcessSettings{RTTime: 10 * time.Millisecond} }

// maxProcessName is how much the kernel keeps of the name of a process.
const maxProcessName = 15

// processKeywords are the rows about the processes of the daemon.
var processKeywords = slices.Concat(kconf.Vocabulary[Globals]{
	{Name: "process_names", Default: "off", Since: "2.0.16",
		Doc: "Give the children the names keepalived_vrrp, keepalived_lvs and keepalived_bfd.",
		Set: kconf.Custom("flag", "", setProcessNames)},
	nameRow("process_name", "2.0.16", "the parent", func(g *Globals) *string { return &g.ProcessName }),
	nameRow("vrrp_process_name", "2.0.16", "the VRRP child", func(g *Globals) *string { return &g.VRRPProcessName }),
	nameRow("checker_process_name", "2.2.0", "the health check child", func(g *Globals) *string { return &g.CheckProcessName }),
	oldName(nameRow("checker_process_name", "", "", func(g *Globals) *string { return &g.CheckProcessName }),
		"lvs_process_name", "2.0.16", "write checker_process_name instead"),
	{Name: "umask", Args: "NUMBER or BITS", Default: "0177", Since: "2.0.9",
		Doc: "File creation mask; -u goes before it.",
		Set: kconf.Custom("C-prefixed number, or bit names joined by vertical bars",
			"0..0777; IRUSR IWUSR IXUSR IRWXU and GRP/OTH forms", setUmask)},
	{Name: "max_auto_priority", Args: "[NUMBER]", Default: "0", Since: "2.1.0",
		Doc: "Highest real-time priority that a process which runs late gives itself; -1 without even a hint, no number means 99.",
		Set: kconf.Custom("INT", "-1..99", setMaxAutoPriority)},
	{Name: "min_auto_priority_delay", Args: "MICROSECONDS", Default: "1000000", Since: "2.1.0",
		Doc: "Lateness from which a process raises its priority.",
		Set: kconf.Micros(func(g *Globals) *time.Duration { return &g.MinAutoPriorityDelay }, time.Microsecond, 10*time.Second).MissingIs(kconf.ClassGeneral)},
},
	settingRows("vrrp", "VRRP", "1.2.20", func(g *Globals) *ProcessSettings { return &g.VRRPProcess }),
	settingRows("checker", "health check", "1.2.20", func(g *Globals) *ProcessSettings { return &g.CheckerProcess }),
	notYet(append(kconf.Vocabulary[Globals]{
		nameRow("bfd_process_name", "2.0.16", "the BFD child", func(g *Globals) *string { return &g.BFDProcessName }),
	}, settingRows("bfd", "BFD", "2.0.0", func(g *Globals) *ProcessSettings { return &g.BFDProcess })...)...),
)

func nameRow(name, since, whose string, field func(*Globals) *string) kconf.Keyword[Globals] {
	return kconf.Keyword[Globals]{Name: name, Args: "NAME", Default: "keepalived", Since: since,
		Doc: fmt.Sprintf("Name of %s in process lists.", whose),
		Set: kconf.Custom("STR", "max 15 chars, truncated", func(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
			w, ok := x.OneArg(s)
			if !ok {
				return
			}
			if len(w.Text) > maxProcessName {
				x.Warnf(w.Pos, kconf.ClassGeneral, "too-long", "%s %s: more than %d characters, %s is used", s.Keyword(), w.Text, maxProcessName, w.Text[:maxProcessName])
				w.Text = w.Text[:maxProcessName]
			}
			*field(g) = w.Text
		})}
}

// settingRows are the five keywords that each child has.
func settingRows(prefix, title, since string, p func(*Globals) *ProcessSettings) kconf.Vocabulary[Globals] {
	rttime := kconf.Keyword[Globals]{Name: prefix + "_rlimit_rttime", Args: "MICROSECONDS", Default: "10000", Since: "2.1.0",
		Doc: "Processor time that a thread of the " + title + " child may use without a pause while real-time (RLIMIT_RTTIME): a log line at half of it, SIGKILL at all of it. Less than a second counts as a second.",
		Set: kconf.Custom("UINT us", "1..4294967295 (1 raised to 2)", func(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
			w, ok := x.OneArg(s)
			if !ok {
				return
			}
			if n, ok := kconf.ParseUint(x, w, s.Keyword(), 1, maxUint32); ok {
				p(g).RTTime = time.Duration(max(n, 2)) * time.Microsecond // the kernel warns one microsecond before the limit
			}
		})}
	noSwap := flagRow(prefix+"_no_swap", since, "Keep the memory of the "+title+" child in RAM.", func(g *Globals) *bool { return &p(g).NoSwap })
	return kconf.Vocabulary[Globals]{
		{Name: prefix + "_priority", Args: "NUMBER", Default: "unchanged", Since: since,
			Doc: "Nice value of all threads of the " + title + " child, not of the scripts it starts.",
			Set: kconf.OptInt(func(g *Globals) **int8 { return &p(g).Nice }, -20, 19).MissingIs(kconf.ClassGeneral)},
		noSwap,
		{Name: prefix + "_rt_priority", Args: "NUMBER", Default: "none", Since: "2.0.0",
			Doc: "Real-time priority (SCHED_RR) of all threads of the " + title + " child.",
			Set: kconf.UintClamped(func(g *Globals) *uint8 { return &p(g).RTPriority }, 1, 99).Says("INT", "1..99, clamped").MissingIs(kconf.ClassGeneral)},
		{Name: prefix + "_cpu_affinity", Args: "CPU...", Default: "all", Since: "2.0.17",
			Doc: "Processors the " + title + " child may run on; a number that is wrong drops them all.",
			Set: kconf.Custom("INT list", "0..ncpu-1", func(x *kconf.Ctx, g *Globals, s *kconf.Stmt) { p(g).setCPUs(x, s) }).MissingIs(kconf.ClassGeneral)},
		rttime,
		oldName(rttime, prefix+"_rlimit_rtime", "2.0.0", "write "+rttime.Name+" instead"),
	}
}

func (p *ProcessSettings) setCPUs(x *kconf.Ctx, s *kconf.Stmt) {
	p.CPUs = nil
	var list []int
	for _, w := range s.Args() {
		n, ok := kconf.ParseUint(x, w, s.Keyword(), 0, uint64(runtime.NumCPU()-1))
		if !ok {
			return
		}
		if !slices.Contains(list, int(n)) {
			list = append(list, int(n))
		}
	}
	p.CPUs = list
}

func setMaxAutoPriority(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args := s.Args()
	if len(args) == 0 {
		g.MaxAutoPriority = 99
		return
	}
	if n, ok := kconf.ParseInt(x, args[0], s.Keyword(), -1, 99); ok {
		g.MaxAutoPriority = int8(n)
	}
}

// umaskBits are the names that umask takes instead of a number.
var umaskBits = map[string]int{
	"IRUSR": 0o400, "IWUSR": 0o200, "IXUSR": 0o100, "IRWXU": 0o700,
	"IRGRP": 0o040, "IWGRP": 0o020, "IXGRP": 0o010, "IRWXG": 0o070,
	"IROTH": 0o004, "IWOTH": 0o002, "IXOTH": 0o001, "IRWXO": 0o007,
}

// setUmask also takes names with blanks around the bars.
func setUmask(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args, ok := x.Args(s, 1)
	if !ok {
		return
	}
	if n, err := strconv.ParseUint(args[0].Text, 0, 16); err == nil && n <= 0o777 {
		g.Umask = new(int(n))
		return
	}
	var text strings.Builder
	for _, w := range args {
		text.WriteString(w.Text)
	}
	mask := 0
	for bit := range strings.SplitSeq(text.String(), "|") {
		b, known := umaskBits[strings.TrimSpace(bit)]
		if !known {
			x.Errorf(args[0].Pos, kconf.ClassGeneral, "not-one-of", "umask %s: must be 0..0777 or names such as IWGRP|IWOTH", args[0].Text)
			return
		}
		mask |= b
	}
	g.Umask = &mask
}

func setProcessNames(_ *kconf.Ctx, g *Globals, _ *kconf.Stmt) {
	g.VRRPProcessName, g.CheckProcessName, g.BFDProcessName = "keepalived_vrrp", "keepalived_lvs", "keepalived_bfd"
}
