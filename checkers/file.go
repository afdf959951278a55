package checkers

import "holdfast/kconf"

// FileConfig is a FILE_CHECK block.
type FileConfig struct {
	TrackFile string
	// Weight is what the file's number is multiplied with before it is added to
	// the server's weight, -2147483647 to 2147483647; nil: that of the track_file.
	Weight  *int32
	Reverse bool // the number counts with the other sign

	none Common // the kind has none of the common keywords
}

func (c *FileConfig) common() *Common { return &c.none }

var fileKeywords = kconf.Vocabulary[FileConfig]{
	{
		Name: "track_file", Refers: "track_file", Args: "NAME", Default: "required", Since: "2.1.0",
		Doc: "track_file to follow.",
		Set: kconf.String(func(c *FileConfig) *string { return &c.TrackFile }).Says("STR", "defined earlier"),
	},
	{
		Name: "weight", Args: "N [reverse|noreverse]", Default: "weight of track_file", Since: "2.1.0",
		Doc: "Factor of the file's number.",
		Set: kconf.Custom("INT", "-2147483647..2147483647", setFileWeight).MissingIs(kconf.ClassGeneral),
	},
}

// setFileWeight reads weight N [reverse|noreverse]. The weight counts even if
// the word behind it is not known.
func setFileWeight(x *kconf.Ctx, c *FileConfig, s *kconf.Stmt) {
	args := s.Args()
	n, ok := kconf.ParseInt(x, args[0], "weight", -1<<31+1, 1<<31-1)
	if !ok {
		return
	}
	c.Weight = new(int32)
	*c.Weight, c.Reverse = int32(n), false
	if len(args) > 1 && x.OneOf(args[1], "weight", []string{"reverse", "noreverse"}) {
		c.Reverse = args[1].Text == "reverse"
	}
}

// FileCheck is a FILE_CHECK with the factor that counts: its own, or that of the
// track_file.
type FileCheck struct {
	TrackFile string
	Weight    int64 // -2147483647 to 2147483647; 0: any number but 0 is a failure
	Reverse   bool
}

// fileFault is the product from which on a server is down instead of weightless.
const fileFault = -1 << 31

// Settle fills in what c leaves to its track_file.
func (c *FileConfig) Settle(weight int, reverse bool) FileCheck {
	if c.Weight == nil {
		return FileCheck{c.TrackFile, int64(weight), reverse}
	}
	return FileCheck{c.TrackFile, int64(*c.Weight), c.Reverse}
}

// Judge is what a number in the file makes of a server: whether it is up, and
// what is added to its weight. keepalived does not see a failure by 0, which
// there is with weight 0 reverse, at a start.
func (c FileCheck) Judge(number int) (up bool, weight int64) {
	if c.Weight == 0 {
		return (number == 0) != c.Reverse, 0
	}
	weight = int64(int32(min(max(number, -1<<31), 1<<31-1))) * c.Weight
	if c.Reverse {
		weight = -weight
	}
	if weight <= fileFault {
		return false, 0
	}
	return true, weight
}

// fileKind takes a weight from a tracked file: no probe and no rhythm of its
// own, so it has no Spec. Whoever knows the numbers asks Judge.
var fileKind = &Kind{
	Keyword: "FILE_CHECK",
	Since:   "2.1.0",
	Doc:     "Take the server's weight from a tracked file.",
	Rows:    fileKeywords,
	Decode: func(x *kconf.Ctx, s *kconf.Stmt) Config {
		c := new(FileConfig)
		fileKeywords.Decode(x, c, s.Block)
		if c.TrackFile == "" {
			x.Errorf(s.Pos(), kconf.ClassGeneral, "no-track-file", "FILE_CHECK: track_file is missing; checker is not used")
			return nil
		}
		return c
	},
	Finish: func(x *kconf.Ctx, pos kconf.Pos, cfg Config, in Inherit) Config {
		name := cfg.(*FileConfig).TrackFile
		if in.HasTrackFile != nil && !in.HasTrackFile(name, pos) {
			x.Errorf(pos, kconf.ClassGeneral, "unknown-file", "FILE_CHECK: there is no track_file %s; checker is not used", name)
			return nil
		}
		return cfg
	},
}
