package track

import (
	"slices"

	"holdfast/kconf"
)

// FileConfig is one track_file block: a file that holds a number.
type FileConfig struct {
	kconf.Written // where each keyword stands
	Name          string
	Pos           kconf.Pos // of the keyword track_file

	Path    string // file
	Weight  int    // weight: -254..254, default 1; 0: any number but 0 is a FAULT
	Reverse bool   // weight N reverse: the sign of the number is turned
	Init    *Init  // init_file; nil: the file is not touched

}

// Init is what init_file writes at start, and neither at a reload nor under
// --config-test.
type Init struct {
	Value     int  // default 0; outside -254..254 it is hardly meant
	Overwrite bool // also when the file is there already
}

// fileWeightMax bounds weights of files and processes, and what init_file
// writes without a comment.
const fileWeightMax = 254

// FileKeywords is the vocabulary of track_file and of its old name vrrp_track_file.
var FileKeywords = kconf.Vocabulary[FileConfig]{
	{Name: "file", Args: "PATH", Default: "required", Since: "2.1.0",
		Doc: "File whose decimal number is followed; a missing or empty file counts as 0.",
		Set: kconf.Custom("PATH", "once", setFile)},
	{Name: "weight", Args: "N [reverse]", Default: "1", Since: "2.1.0",
		Doc: "Factor for the number; 0 makes every number but 0 a FAULT.",
		Set: kconf.Custom("INT", "-254..254, once", setFileWeight)},
	{Name: "init_file", Args: "[N] [overwrite]", Default: "0", Since: "2.1.0",
		Doc: "Create the file with this number at start, and with overwrite also replace it.",
		Set: kconf.Custom("INT", "-254..254 sensible, any int accepted", setInitFile)},
}

// OldFileKeywords is the vocabulary of vrrp_track_file, which came first.
var OldFileKeywords = func() kconf.Vocabulary[FileConfig] {
	v := slices.Clone(FileKeywords)
	for i := range v {
		v[i].Since = "2.0.0"
	}
	v[2].Set = v[2].Set.Says("INT", "any int")
	return v
}()

// setFile keeps the first path. keepalived looks for the word before it reads
// it, so a missing one is no missing argument.
func setFile(x *kconf.Ctx, c *FileConfig, s *kconf.Stmt) {
	args := s.Args()
	switch {
	case len(args) == 0:
		x.Errorf(s.Pos(), kconf.ClassGeneral, "missing-argument", "file: wants a path")
	case c.Path != "":
		c.Repeated(x, s)
	default:
		c.Path = args[0].Text
	}
}

// setFileWeight keeps the first weight that is not the default. keepalived does
// not tell the default from no weight, and lets another one follow.
func setFileWeight(x *kconf.Ctx, c *FileConfig, s *kconf.Stmt) {
	switch {
	case c.Weight != 1:
		c.Repeated(x, s)
	case len(s.Args()) == 0:
		x.Errorf(s.Pos(), kconf.ClassGeneral, "missing-argument", "weight: wants a number")
	default:
		setWeight(x, s, fileWeightMax, &c.Weight, &c.Reverse)
	}
}

// setWeight reads N [reverse] and reports whether N was a weight. A wrong word
// behind it is only reported.
func setWeight(x *kconf.Ctx, s *kconf.Stmt, limit int64, weight *int, reverse *bool) bool {
	args := s.Args()
	n, ok := kconf.ParseInt(x, args[0], s.Keyword(), -limit, limit)
	if !ok {
		return false
	}
	*weight, *reverse = int(n), len(args) > 1 && args[1].Text == "reverse"
	if len(args) > 1 && !*reverse {
		x.Errorf(args[1].Pos, kconf.ClassGeneral, "unknown-option", "weight: unknown word %s, only reverse may follow", args[1].Text)
	}
	return true
}

// setInitFile reads a number and overwrite, in any order.
func setInitFile(x *kconf.Ctx, c *FileConfig, s *kconf.Stmt) {
	c.Init = &Init{}
	for _, w := range s.Args() {
		if w.Text == "overwrite" {
			c.Init.Overwrite = true
			continue
		}
		if w.Text == "" || w.Text[0] != '-' && w.Text[0] != '+' && (w.Text[0] < '0' || w.Text[0] > '9') {
			x.Errorf(w.Pos, kconf.ClassGeneral, "unknown-option", "init_file: unknown word %q, a number and overwrite may follow", w.Text)
			continue
		}
		n, ok := kconf.ParseInt(x, w, s.Keyword(), -1<<31, 1<<31-1)
		if !ok {
			continue
		}
		if c.Init.Value = int(n); n < -fileWeightMax || n > fileWeightMax {
			x.Warnf(w.Pos, kconf.ClassGeneral, "init-value", "init_file %d: a number outside -254 to 254 is hardly meant", n)
		}
	}
}

// DecodeFile reads a track_file statement. It returns nil, having said why,
// when there is nothing to follow: no name, or no path. An empty path is
// accepted, as keepalived does, and never found.
func DecodeFile(x *kconf.Ctx, s *kconf.Stmt) *FileConfig {
	args, ok := x.Args(s, 1)
	if !ok {
		return nil
	}
	c := &FileConfig{Name: args[0].Text, Pos: s.Pos(), Weight: 1}
	FileKeywords.Decode(x, c, s.Block)
	if c.Path == "" && !hasArgument(c.Stmt("file")) {
		if !c.Has("file") { // a path that is missing has been reported there
			x.Errorf(s.Pos(), kconf.ClassGeneral, "no-file", "%s %s: has no file, it is not used", s.Keyword(), c.Name)
		}
		return nil
	}
	return c
}

// hasArgument tells file "" from file.
func hasArgument(s *kconf.Stmt) bool { return s != nil && len(s.Args()) > 0 }
