package kconf_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

type sample struct {
	On       bool
	Opt      *bool
	ID       uint8
	Weight   int8
	Interval time.Duration
	Name     string
	State    string
	Script   *kconf.Script
}

var sampleWords = kconf.Vocabulary[sample]{
	{Name: "nopreempt", Set: kconf.Flag(func(c *sample) *bool { return &c.On }, true)},
	{Name: "strict", Set: kconf.OptBool(func(c *sample) **bool { return &c.Opt })},
	{Name: "virtual_router_id", Set: kconf.Uint(func(c *sample) *uint8 { return &c.ID }, 1, 255)},
	{Name: "weight", Set: kconf.Int(func(c *sample) *int8 { return &c.Weight }, -100, 100)},
	{Name: "advert_int", Set: kconf.Seconds(func(c *sample) *time.Duration { return &c.Interval }, 10*time.Millisecond, 255*time.Second, 6)},
	{Name: "label", Set: kconf.String(func(c *sample) *string { return &c.Name })},
	{Name: "state", Set: kconf.Enum(func(c *sample) *string { return &c.State }, "MASTER", "BACKUP")},
	{Name: "notify", Set: kconf.ScriptLine(func(c *sample) **kconf.Script { return &c.Script })},
}

// stmt builds a statement as the parser would, one column per character.
func stmt(raw string, words ...string) *kconf.Stmt {
	s := &kconf.Stmt{Raw: raw}
	col := 5
	for _, w := range words {
		s.Words = append(s.Words, kconf.Word{Text: w, Pos: kconf.At("keepalived.conf", 2, col)})
		col += len(w) + 1
	}
	return s
}

func TestSettersStoreOrSayWhy(t *testing.T) {
	yes := true
	tests := map[string]struct {
		words []string
		want  sample
		diag  string
	}{
		"flag":                              {[]string{"nopreempt"}, sample{On: true}, ""},
		"a flag's argument has no effect":   {[]string{"nopreempt", "false"}, sample{On: true}, "keepalived.conf:2:15: note: nopreempt: takes no argument, false is ignored"},
		"bool without word is true":         {[]string{"strict"}, sample{Opt: &yes}, ""},
		"bool in another case":              {[]string{"strict", "True"}, sample{}, "keepalived.conf:2:12: strict True: must be true, on, yes, false, off or no"},
		"number in range":                   {[]string{"virtual_router_id", "255"}, sample{ID: 255}, ""},
		"number with plus":                  {[]string{"virtual_router_id", "+7"}, sample{ID: 7}, ""},
		"number above range":                {[]string{"virtual_router_id", "300"}, sample{}, "keepalived.conf:2:23: virtual_router_id 300: must be 1-255"},
		"number with garbage":               {[]string{"virtual_router_id", "3x"}, sample{}, "keepalived.conf:2:23: virtual_router_id 3x: must be 1-255"},
		"negative number":                   {[]string{"weight", "-100"}, sample{Weight: -100}, ""},
		"negative number below range":       {[]string{"weight", "-101"}, sample{}, "keepalived.conf:2:12: weight -101: must be -100 to 100"},
		"no argument":                       {[]string{"virtual_router_id"}, sample{}, "keepalived.conf:2:5: virtual_router_id: wants one argument, has 0"},
		"decimal seconds":                   {[]string{"advert_int", "0.25"}, sample{Interval: 250 * time.Millisecond}, ""},
		"seventh place is rounded half up":  {[]string{"advert_int", "1.0000005"}, sample{Interval: time.Second + time.Microsecond}, "keepalived.conf:2:16: warning: advert_int 1.0000005: at most 6 digits after the point; 1.000001 is used"},
		"exponent":                          {[]string{"advert_int", "1e1"}, sample{}, "keepalived.conf:2:16: advert_int 1e1: must be 0.01-255 seconds"},
		"seconds with unit":                 {[]string{"advert_int", "2s"}, sample{}, "keepalived.conf:2:16: advert_int 2s: must be 0.01-255 seconds"},
		"extra words":                       {[]string{"label", "a", "b"}, sample{Name: "a"}, "keepalived.conf:2:13: note: label: b and what follows is ignored"},
		"word of a list":                    {[]string{"state", "MASTER"}, sample{State: "MASTER"}, ""},
		"word of a list in the wrong case":  {[]string{"state", "Backup"}, sample{}, "keepalived.conf:2:11: state Backup: must be MASTER or BACKUP"},
		"unknown keyword names the nearest": {[]string{"nopremt"}, sample{}, "keepalived.conf:2:5: unknown keyword nopremt; did you mean nopreempt?"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var ds kconf.Diagnostics
			var got sample
			sampleWords.Decode(&kconf.Ctx{Diags: &ds}, &got, []*kconf.Stmt{stmt("", tt.words...)})
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("stored (-want +got):\n%s", d)
			}
			var diag string
			for _, d := range ds.All() {
				diag += d.String()
			}
			if diag != tt.diag {
				t.Errorf("said %q\nwant %q", diag, tt.diag)
			}
		})
	}
}
