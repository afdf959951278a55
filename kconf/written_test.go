package kconf

import "testing"

type remembering struct {
	Written
	Weight int8
	Quiet  bool
}

var rememberingKeywords = Vocabulary[remembering]{
	{Name: "weight", Aliases: []string{"heft"}, Set: Int(func(c *remembering) *int8 { return &c.Weight }, -10, 10)},
	{Name: "quiet", Set: Flag(func(c *remembering) *bool { return &c.Quiet }, true)},
	{Name: "loud", Set: Flag(func(c *remembering) *bool { return &c.Quiet }, false)},
}

func TestABlockRemembersWhereItsKeywordsStand(t *testing.T) {
	file, diags := ParseString("k", "block {\nweight 1\nquiet\n  heft 200\nlowd\n}\n", Options{})
	var c remembering
	rememberingKeywords.Decode(&Ctx{Diags: diags}, &c, file.Stmts[0].Block)
	for keyword, want := range map[string]string{
		"weight": "k:4:8", // the last one, under its other name, though its value is refused
		"quiet":  "k:3:1", // no argument: the keyword
		"loud":   "-",     // not written
		"lowd":   "-",     // not known
	} {
		if got := c.At(keyword).String(); got != want {
			t.Errorf("%s stands at %s, want %s", keyword, got, want)
		}
	}
	for keyword, want := range map[string]bool{"weight": true, "quiet": true, "loud": true, "heft": false} { // lowd was meant to be loud
		if got := c.Attempted(keyword); got != want {
			t.Errorf("%s attempted: %v, want %v", keyword, got, want)
		}
	}
	if c.Weight != 1 || !c.Has("quiet") || c.Has("loud") || c.Stmt("weight").Raw != "heft 200" {
		t.Errorf("got %+v", c)
	}
}

func TestASetterSaysWhatTheManualSays(t *testing.T) {
	s := Flag(func(c *remembering) *bool { return &c.Quiet }, true).Says("flag+word", "never")
	if d := (Vocabulary[remembering]{{Name: "q", Set: s}}).Docs()[0]; d.Type != "flag+word" || d.Range != "never" || s.Do == nil {
		t.Errorf("documented as %+v", d)
	}
}
