package checkers

import (
	"slices"

	"holdfast/kconf"
)

// BFDConfig is a BFD_CHECK block.
type BFDConfig struct {
	kconf.Written // where each keyword stands
	Common        // of it, only Alpha
	Name          string
}

func (c *BFDConfig) common() *Common { return &c.Common }

var bfdKeywords = kconf.Vocabulary[BFDConfig]{
	{
		Name: "name", Refers: "bfd_instance", Args: "NAME", Default: "required", Since: "2.0.0",
		Doc: "bfd_instance to follow.",
		Set: kconf.Custom("STR", "one word, max 31 chars", func(x *kconf.Ctx, c *BFDConfig, s *kconf.Stmt) {
			switch args := s.Args(); {
			case len(args) != 1:
				x.Errorf(s.Pos(), kconf.ClassGeneral, "missing-argument", "name: wants one argument, has %d", len(args))
			case len(args[0].Text) > maxBFDName:
				x.Errorf(args[0].Pos, kconf.ClassGeneral, "too-long", "name %s: a bfd_instance has at most %d characters", args[0].Text, maxBFDName)
			case c.Name != "":
				c.Repeated(x, s)
			default:
				c.Name = args[0].Text
			}
		}),
	},
	{
		Name: "alpha", Args: "[BOOL]", Default: "real_server", Since: "2.0.0",
		Doc: "The server counts as down until the session is up.",
		Set: kconf.OptBool(func(c *BFDConfig) **bool { return &c.Alpha }).Says("BOOL", ""),
	},
}

const maxBFDName = 31

// SessionCheck is a BFD_CHECK at work: no probe, the verdict is the state of the
// session. Whoever knows the states judges by it.
type SessionCheck struct {
	Name  string // of the bfd_instance
	Alpha bool   // down until the session is known to be up
}

// Sessions are the BFD_CHECKs of one real server that follow a session which
// there is, each session once. What is wrong with the others says ResolveAll.
func Sessions(checks []any, in Inherit) []SessionCheck {
	var list []SessionCheck
	for _, any := range checks {
		c, _ := any.(Check)
		b, ok := c.Config.(*BFDConfig)
		if !ok || in.HasBFD != nil && !in.HasBFD(b.Name, c.Pos) ||
			slices.ContainsFunc(list, func(s SessionCheck) bool { return s.Name == b.Name }) {
			continue
		}
		s := SessionCheck{Name: b.Name, Alpha: in.Alpha}
		if b.Alpha != nil {
			s.Alpha = *b.Alpha
		}
		list = append(list, s)
	}
	return list
}

// bfdKind follows a BFD session: no probe and no rhythm of its own, so it has no
// Spec. Nothing runs the sessions yet.
var bfdKind = &Kind{
	Keyword:   "BFD_CHECK",
	Since:     "2.0.0",
	Doc:       "Up while a BFD session is up.",
	Status:    kconf.NotYet,
	Meanwhile: "the server is up as far as its other checks find it so",
	Rows:      bfdKeywords,
	Decode: func(x *kconf.Ctx, s *kconf.Stmt) Config {
		c := new(BFDConfig)
		bfdKeywords.Decode(x, c, s.Block)
		if c.Name == "" {
			x.Errorf(s.Pos(), kconf.ClassGeneral, "no-name", "BFD_CHECK: name is missing; checker is not used")
			return nil
		}
		return c
	},
	Finish: func(x *kconf.Ctx, pos kconf.Pos, cfg Config, in Inherit) Config {
		name := cfg.(*BFDConfig).Name
		if in.HasBFD != nil && !in.HasBFD(name, pos) {
			x.Errorf(pos, kconf.ClassGeneral, "unknown-bfd", "BFD_CHECK: there is no bfd_instance %s; checker is not used", name)
			return nil
		}
		return cfg
	},
}
