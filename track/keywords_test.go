package track

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

// stmt makes a statement of the words of line, as the parser would for
// unquoted words.
func stmt(line string, block ...*kconf.Stmt) *kconf.Stmt {
	s := &kconf.Stmt{Raw: line, Block: block, HasBlock: block != nil}
	col := 1
	for _, w := range strings.Fields(line) {
		s.Words = append(s.Words, kconf.Word{Text: strings.Trim(w, `"`), Pos: kconf.At("k", 1, col)})
		col += len(w) + 1
	}
	return s
}

func diags(x *kconf.Ctx) []string {
	var out []string
	for _, d := range x.Diags.All() {
		out = append(out, fmt.Sprintf("%v %s", d.Severity, d.Message))
	}
	return out
}

func newCtx() *kconf.Ctx { return &kconf.Ctx{Diags: &kconf.Diagnostics{}} }

func TestAScriptBlock(t *testing.T) {
	x := newCtx()
	c := DecodeScript(x, stmt("vrrp_script chk",
		stmt(`script /bin/check`), stmt("interval 0.5"), stmt("timeout 2"), stmt("weight -20 reverse"),
		stmt("rise 2"), stmt("fall 3"), stmt("user nobody nogroup"), stmt("init_fail")))
	if got := diags(x); got != nil {
		t.Fatalf("diagnostics %q", got)
	}
	if c.Script == nil || c.Script.String() != "'/bin/check'" || c.User != "nobody" || c.Group != "nogroup" {
		t.Errorf("got %+v", c)
	}
	want := Params{Name: "chk", Interval: 500 * time.Millisecond, Timeout: 2 * time.Second, Rise: 2, Fall: 3,
		InitFail: true, Weight: -20, Reverse: true}
	if d := cmp.Diff(want, c.Params()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestDefaultsOfAScriptBlock(t *testing.T) {
	x := newCtx()
	c := DecodeScript(x, stmt("vrrp_script chk", stmt("script /bin/check")))
	want := Params{Name: "chk", Interval: time.Second, Rise: 1, Fall: 1}
	if d := cmp.Diff(want, c.Params()); d != "" || x.Diags.HasErrors() {
		t.Errorf("%q -want +got\n%s", diags(x), d)
	}
}

func TestMistakesInAScriptBlock(t *testing.T) {
	tests := map[string]struct {
		stmt   *kconf.Stmt
		used   bool
		status int    // of --config-test
		says   string // part of the first diagnostic
	}{
		"no name":           {stmt("vrrp_script", stmt("script /x")), false, 2, "vrrp_script"},
		"no script":         {stmt("vrrp_script chk", stmt("rise 2")), false, 5, "error vrrp_script chk: has no script"},
		"interval 0":        {stmt("vrrp_script chk", stmt("script /x"), stmt("interval 0")), true, 5, "interval 0"},
		"interval too long": {stmt("vrrp_script chk", stmt("script /x"), stmt("interval 4295")), true, 5, "interval 4295"},
		"weight too high":   {stmt("vrrp_script chk", stmt("script /x"), stmt("weight 254")), true, 5, "weight 254"},
		"weight word":       {stmt("vrrp_script chk", stmt("script /x"), stmt("weight 5 back")), true, 5, "error weight: unknown word back"},
		"rise 0":            {stmt("vrrp_script chk", stmt("script /x"), stmt("rise 0")), true, 5, "rise 0"},
		"unknown keyword":   {stmt("vrrp_script chk", stmt("script /x"), stmt("intervall 2")), true, 5, "error unknown keyword intervall"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newCtx()
			c := DecodeScript(x, tt.stmt)
			if (c != nil) != tt.used {
				t.Errorf("used %t, want %t", c != nil, tt.used)
			}
			if got := diags(x); len(got) != 1 || !strings.Contains(got[0], tt.says) {
				t.Errorf("diagnostics %q, want one with %q", got, tt.says)
			}
			if got := x.Diags.TestStatus(); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			if c != nil && (c.Params().Interval != time.Second || c.Params().Rise != 1) {
				t.Errorf("refused values were stored: %+v", c)
			}
		})
	}
}

func TestTrackLines(t *testing.T) {
	tests := map[string]struct {
		kind Kind
		line string
		want string // name weight reverse, "-" for not given; "" for a dropped line
		says string // the only diagnostic; "" for none
	}{
		"name only":                          {Script, "chk", "chk - -", ""},
		"weight":                             {Script, "chk weight -5", "chk -5 -", ""},
		"reverse":                            {Script, "chk weight 5 reverse", "chk 5 true", ""},
		"noreverse":                          {Script, "chk weight 5 noreverse", "chk 5 false", ""},
		"interface reverse":                  {Interface, "eth1 weight 5 reverse", "eth1 5 true", ""},
		"interface has no noreverse":         {Interface, "eth1 weight 5 noreverse", "eth1 5 -", "error track_interface eth1: unknown word noreverse, only reverse may follow the weight"},
		"254 becomes 253":                    {Script, "chk weight 254", "chk 253 -", "warning track_script chk: weight 254: 253 is used instead"},
		"-254 becomes -253":                  {Interface, "eth1 weight -254", "eth1 -253 -", "warning track_interface eth1: weight -254: -253 is used instead"},
		"254 is fine for a file":             {File, "f weight 254", "f 254 -", ""},
		"254 is too much for BFD":            {BFD, "b weight 254", "b - -", "error track_bfd b: weight 254"},
		"further out: the object's own":      {Script, "chk weight 300", "chk - -", "error track_script chk: weight 300"},
		"no number: the object's own":        {Script, "chk weight x", "chk - -", "error track_script chk: weight x"},
		"unknown word drops the line":        {Script, "chk wieght 5", "", "error track_script chk: unknown word wieght, only weight may follow"},
		"weight without number drops it":     {Script, "chk weight", "", "error track_script chk: weight wants a number"},
		"wrong word behind a script's":       {Script, "chk weight 5 back", "chk 5 -", "error track_script chk: unknown word back, only reverse or noreverse may follow the weight"},
		"wrong word behind a file's drops":   {File, "f weight 5 back", "", "error track_file f: unknown word back, only reverse or noreverse may follow the weight"},
		"wrong word behind a BFD's drops it": {BFD, "b weight 5 back", "", "error track_bfd b: unknown word back, only reverse or noreverse may follow the weight"},
		"more words are noted":               {Script, "chk weight 5 reverse again", "chk 5 true", "note track_script chk: again and what follows is ignored"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := newCtx()
			ref, ok := DecodeRef(x, tt.kind, stmt(tt.line))
			got := ""
			if ok {
				got = ref.Name + " - -"
				if ref.Weight != nil {
					got = fmt.Sprintf("%s %d -", ref.Name, *ref.Weight)
				}
				if ref.Reverse != nil {
					got = strings.TrimSuffix(got, "-") + fmt.Sprint(*ref.Reverse)
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			ds := diags(x)
			if tt.says == "" && ds != nil || tt.says != "" && (len(ds) != 1 || !strings.HasPrefix(ds[0], tt.says)) {
				t.Errorf("diagnostics %q, want %q", ds, tt.says)
			}
		})
	}
}

func TestABlockBehindATrackLineIsRefused(t *testing.T) {
	x := newCtx()
	if _, ok := DecodeRef(x, Script, stmt("chk", stmt("weight 5"))); ok || x.Diags.Worst() != kconf.ClassUnexpectedBOB {
		t.Errorf("ok %t, diagnostics %q", ok, diags(x))
	}
}

func TestEveryRowSaysWhatItIs(t *testing.T) {
	for block, v := range map[string]kconf.Vocab{"vrrp_script": ScriptKeywords, "track_file": FileKeywords, "vrrp_track_process": ProcessKeywords} {
		for _, d := range v.Docs() {
			if d.Doc == "" || !strings.HasSuffix(d.Doc, ".") || d.Since == "" {
				t.Errorf("%s %s: row %+v lacks its sentence or version", block, d.Name, d)
			}
			if d.Status != kconf.Acts {
				t.Errorf("%s %s has no effect", block, d.Name)
			}
		}
	}
}
