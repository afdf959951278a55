package checkers

import "holdfast/kconf"

// fileKind takes a weight from a tracked file: no probe and no rhythm of its
// own. Only the keywords are known so far.
var fileKind = &Kind{
	Keyword: "FILE_CHECK",
	Doc:     "Take the server's weight from a tracked file.",
	Status:  kconf.KnowOnly,
	Rows: kconf.Vocabulary[FileConfig]{
		{Name: "track_file", Args: "NAME", Since: "2.1.0", Doc: "track_file to follow.", Status: kconf.KnowOnly},
		{Name: "weight", Args: "N [reverse|noreverse]", Since: "2.1.0", Doc: "Factor of the file's number.", Status: kconf.KnowOnly},
	},
}

// FileConfig is a FILE_CHECK block.
type FileConfig struct{}
