package vrrp

import (
	"time"

	"holdfast/kconf"
)

// Blocks about interfaces rather than instances: garp_group, track_group, the
// lines of linkbeat_interfaces and interface_up_down_delays.

// GARPGroupConfig is one garp_group block: interfaces on which announcements
// keep a distance.
type GARPGroupConfig struct {
	kconf.Written // where each keyword stands

	Pos          kconf.Pos
	GARPInterval *time.Duration // garp_interval: 0 to 4294.967295s
	GNAInterval  *time.Duration // gna_interval: the same
	Interfaces   []kconf.Word   // of interface and interfaces; they share one distance
}

// longestGap is what fits in 32 bits of microseconds.
const longestGap = 4294967295 * time.Microsecond

// GARPGroupKeywords is the vocabulary of garp_group.
var GARPGroupKeywords = kconf.Vocabulary[GARPGroupConfig]{
	{Name: "garp_interval", Args: "SECS", Default: "unset", Since: "1.2.21",
		Doc: "Gap between gratuitous ARPs on the interfaces of the group.",
		Set: kconf.OptSeconds(func(c *GARPGroupConfig) **time.Duration { return &c.GARPInterval }, 0, longestGap, 6)},
	{Name: "gna_interval", Args: "SECS", Default: "unset", Since: "1.2.21",
		Doc: "Gap between unsolicited neighbour adverts on the interfaces of the group.",
		Set: kconf.OptSeconds(func(c *GARPGroupConfig) **time.Duration { return &c.GNAInterval }, 0, longestGap, 6)},
	{Name: "interface", Args: "IF", Since: "1.2.21",
		Doc: "Interface that the gaps apply to.",
		Set: kconf.Custom("IFNAME", "not a VMAC; one group per interface", setGroupInterface)},
	{Name: "interfaces", Args: "{ IF... }", Since: "1.2.21",
		Doc: "Interfaces that share the gaps as if they were one.",
		Set: kconf.Custom("word block", "not a VMAC", setGroupInterfaces).WithVocab(GARPInterfaceLine).Says("word block", "not a VMAC")},
}

func setGroupInterface(x *kconf.Ctx, c *GARPGroupConfig, s *kconf.Stmt) {
	if w, ok := x.OneArg(s); ok {
		c.addInterface(x, w)
	}
}

func setGroupInterfaces(x *kconf.Ctx, c *GARPGroupConfig, s *kconf.Stmt) {
	var words []kconf.Word
	kconf.Words(func(list *[]kconf.Word) *[]kconf.Word { return list }).Do(x, &words, s)
	if len(words) == 0 {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "empty-block", "interfaces: names no interface")
	}
	for _, w := range words {
		c.addInterface(x, w)
	}
}

func (c *GARPGroupConfig) addInterface(x *kconf.Ctx, w kconf.Word) {
	if _, ok := kconf.ParseIface(x, w, "garp_group"); !ok {
		return
	}
	for _, have := range c.Interfaces {
		if have.Text == w.Text {
			x.Diags.Add(kconf.Diagnostic{Pos: w.Pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate", Related: have.Pos,
				Message: "garp_group: " + w.Text + ": named twice"})
			return
		}
	}
	c.Interfaces = append(c.Interfaces, w)
}

// DecodeGARPGroup reads a garp_group statement. It returns nil, having said why,
// when it asks for no distance at all. Whether an interface is in two groups is
// for the caller to find out.
func DecodeGARPGroup(x *kconf.Ctx, s *kconf.Stmt) *GARPGroupConfig {
	c := &GARPGroupConfig{Pos: s.Pos()}
	GARPGroupKeywords.Decode(x, c, s.Block)
	if c.GARPInterval == nil && c.GNAInterval == nil {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "no-interval", "garp_group: has neither garp_interval nor gna_interval, it is not used")
		return nil
	}
	return c
}

// TrackGroupConfig is one track_group block: which instances are in fault while
// the interface of a static address, route or rule that names the group is down.
type TrackGroupConfig struct {
	kconf.Written // where each keyword stands

	Name    string
	Pos     kconf.Pos
	Members []kconf.Word
}

// TrackGroupKeywords is the vocabulary of track_group.
var TrackGroupKeywords = kconf.Vocabulary[TrackGroupConfig]{
	{Name: "group", Refers: "vrrp_instance", Args: "{ INSTANCE... }", Since: "2.0.3",
		Doc: "Instances that are in fault while the interface of a static address, route or rule of the group is down or missing.",
		Set: kconf.Custom("word block", "once", setTrackMembers).WithVocab(MemberLine).Says("word block", "once")},
}

func setTrackMembers(x *kconf.Ctx, c *TrackGroupConfig, s *kconf.Stmt) {
	memberList(x, &c.Written, s, &c.Members)
	if len(s.Block) == 0 {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "empty-block", "track_group %s: names no instance", c.Name)
	}
}

// DecodeTrackGroup reads a track_group statement; nil when it has no name, which
// has been said then. A group without members is no mistake and does nothing.
func DecodeTrackGroup(x *kconf.Ctx, s *kconf.Stmt) *TrackGroupConfig {
	args := s.Args()
	if len(args) == 0 {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "no-name", "track_group: has no name, the block is skipped")
		return nil
	}
	c := &TrackGroupConfig{Name: args[0].Text, Pos: s.Pos()}
	TrackGroupKeywords.Decode(x, c, s.Block)
	return c
}

// Linkbeat is one line of linkbeat_interfaces: an interface whose link is polled.
type Linkbeat struct {
	Interface string
	Method    string // MII, ETHTOOL, IOCTL; "": the best there is
	Pos       kconf.Pos
}

// LinkbeatInterfaces is the setter of the block linkbeat_interfaces.
func LinkbeatInterfaces[C any](field func(*C) *[]Linkbeat) kconf.Setter[C] {
	return lineBlock(LinkbeatLine, decodeLinkbeat, field)
}

func decodeLinkbeat(x *kconf.Ctx, s *kconf.Stmt) (Linkbeat, bool) {
	name, ok := kconf.ParseIface(x, s.Words[0], "linkbeat_interfaces")
	l := Linkbeat{Interface: name, Pos: s.Pos()}
	for i, w := range s.Args() {
		if i > 0 || w.Text != "MII" && w.Text != "ETHTOOL" && w.Text != "IOCTL" {
			x.Errorf(w.Pos, kconf.ClassGeneral, "unknown-option", "linkbeat_interfaces %s: unknown word %s, only one of MII, ETHTOOL and IOCTL may follow", name, w.Text)
			break
		}
		l.Method = w.Text
	}
	return l, ok
}

// LinkDelays is one line of interface_up_down_delays: how long a change of the
// link must last before it counts, 0 to 255s each.
type LinkDelays struct {
	Interface string
	Down, Up  time.Duration
	Pos       kconf.Pos
}

// InterfaceUpDownDelays is the setter of the block interface_up_down_delays.
func InterfaceUpDownDelays[C any](field func(*C) *[]LinkDelays) kconf.Setter[C] {
	return lineBlock(DelaysLine, decodeDelays, field)
}

func decodeDelays(x *kconf.Ctx, s *kconf.Stmt) (LinkDelays, bool) {
	name, ok := kconf.ParseIface(x, s.Words[0], "interface_up_down_delays")
	l := LinkDelays{Interface: name, Pos: s.Pos()}
	if !ok {
		return l, false
	}
	args := s.Args()
	if len(args) == 0 { // keepalived logs it and counts no mistake
		x.Notef(l.Pos, "missing-argument", "interface_up_down_delays %s: has no delay, the line is ignored", name)
		return l, false
	}
	if len(args) > 2 {
		x.Notef(args[2].Pos, "extra-arguments", "interface_up_down_delays %s: %s and what follows is ignored", name, args[2].Text)
		args = args[:2]
	}
	for i, field := range []*time.Duration{&l.Down, &l.Up}[:len(args)] {
		d, valid := kconf.ParseSeconds(x, args[i], "interface_up_down_delays "+name, 0, 255*time.Second, 6)
		*field, ok = d, ok && valid
	}
	return l, ok
}

// lineBlock is the setter of a block whose lines are read one by one.
func lineBlock[C, T any](docs kconf.Vocab, decode func(*kconf.Ctx, *kconf.Stmt) (T, bool), field func(*C) *[]T) kconf.Setter[C] {
	return kconf.Custom("line block", "", func(x *kconf.Ctx, c *C, s *kconf.Stmt) {
		var lines []*kconf.Stmt
		kconf.Lines(func(list *[]*kconf.Stmt) *[]*kconf.Stmt { return list }).Do(x, &lines, s)
		for _, line := range lines {
			if v, ok := decode(x, line); ok {
				*field(c) = append(*field(c), v)
			}
		}
	}).WithVocab(docs)
}
