package checkers

import "holdfast/kconf"

// bfdKind follows a BFD session: no probe and no rhythm of its own. Only the
// keywords are known so far.
var bfdKind = &Kind{
	Keyword: "BFD_CHECK",
	Doc:     "Up while a BFD session is up.",
	Status:  kconf.KnowOnly,
	Rows: kconf.Vocabulary[BFDConfig]{
		{Name: "name", Args: "NAME", Since: "2.0.0", Doc: "bfd_instance to follow.", Status: kconf.KnowOnly},
		{Name: "alpha", Args: "[BOOL]", Since: "2.0.0", Doc: "Down until the session is up.", Status: kconf.KnowOnly},
	},
}

// BFDConfig is a BFD_CHECK block.
type BFDConfig struct{}
