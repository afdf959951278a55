package kconf

// Entries documents what the lines of a value block may say, for blocks whose
// lines are read by hand: names, addresses, weights. A word that stands for any
// value is written in angle brackets: "<IF>". Nothing is decoded with it.
type Entries []KeywordDoc

// Docs lists the entries in their order.
func (e Entries) Docs() []KeywordDoc { return e }
