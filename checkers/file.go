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

// fileKind takes a weight from a tracked file: no probe and no rhythm of its
// own. So far it is decoded and checked; nothing reads the file yet.
var fileKind = &Kind{
	Keyword:   "FILE_CHECK",
	Since:     "2.1.0",
	Doc:       "Take the server's weight from a tracked file.",
	Status:    kconf.NotYet,
	Meanwhile: "the server keeps its configured weight and is up as far as its other checks find it so",
	Rows:      fileKeywords,
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
			x.Errorf(pos, kconf.ClassGeneral, "unknown-track-file", "FILE_CHECK: there is no track_file %s; checker is not used", name)
			return nil
		}
		return cfg
	},
}
