package track

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestWhatOneTrackerContributes(t *testing.T) {
	tests := map[string]struct {
		tracker Tracker
		want    Contribution
	}{
		"positive, up":                        {Tracker{Kind: Script, Weight: 20, State: Up}, Contribution{Delta: 20}},
		"positive, down":                      {Tracker{Kind: Script, Weight: 20, State: Down}, Contribution{}},
		"negative, up":                        {Tracker{Kind: Script, Weight: -20, State: Up}, Contribution{}},
		"negative, down":                      {Tracker{Kind: Script, Weight: -20, State: Down}, Contribution{Delta: -20}},
		"positive reversed, up":               {Tracker{Kind: Script, Weight: 20, Reverse: true, State: Up}, Contribution{Delta: -20}},
		"positive reversed, down":             {Tracker{Kind: Script, Weight: 20, Reverse: true, State: Down}, Contribution{}},
		"negative reversed, up":               {Tracker{Kind: Script, Weight: -20, Reverse: true, State: Up}, Contribution{}},
		"negative reversed, down":             {Tracker{Kind: BFD, Weight: -20, Reverse: true, State: Down}, Contribution{Delta: 20}},
		"no weight, up":                       {Tracker{Kind: Interface, State: Up}, Contribution{}},
		"no weight, down":                     {Tracker{Kind: Interface, State: Down}, Contribution{Fault: true}},
		"no weight reversed, up":              {Tracker{Kind: Interface, Reverse: true, State: Up}, Contribution{Fault: true}},
		"no weight reversed, down":            {Tracker{Kind: Interface, Reverse: true, State: Down}, Contribution{}},
		"no result yet, weight":               {Tracker{Kind: Script, Weight: -20}, Contribution{}},
		"no result yet, no weight":            {Tracker{Kind: Script}, Contribution{Pending: true}},
		"file times weight":                   {Tracker{Kind: File, Weight: 2, Value: 10}, Contribution{Delta: 20}},
		"file negative":                       {Tracker{Kind: File, Weight: 2, Value: -40}, Contribution{Delta: -80}},
		"file product -254 is a fault":        {Tracker{Kind: File, Weight: 2, Value: -127}, Contribution{Fault: true}},
		"file product -253 is not":            {Tracker{Kind: File, Weight: 1, Value: -253}, Contribution{Delta: -253}},
		"file product above 253 is cut":       {Tracker{Kind: File, Weight: 100, Value: 100}, Contribution{Delta: 253}},
		"file reversed":                       {Tracker{Kind: File, Weight: 2, Reverse: true, Value: 10}, Contribution{Delta: -20}},
		"file without weight, 0":              {Tracker{Kind: File}, Contribution{}},
		"file without weight, not 0":          {Tracker{Kind: File, Value: -1}, Contribution{Fault: true}},
		"file number that would overflow":     {Tracker{Kind: File, Weight: 254, Value: 1 << 62}, Contribution{Delta: 253}},
		"file number that would overflow low": {Tracker{Kind: File, Weight: 254, Value: -1 << 62}, Contribution{Fault: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.tracker.Contribution(); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSum(t *testing.T) {
	script := func(w int, s State) Tracker { return Tracker{Kind: Script, Name: "chk", Weight: w, State: s} }
	eth1 := Tracker{Kind: Interface, Name: "eth1", State: Down}
	tests := map[string]struct {
		base     int
		trackers []Tracker
		want     Effective
	}{
		"nothing tracked":               {100, nil, Effective{Priority: 100}},
		"a failing script":              {150, []Tracker{script(-60, Down)}, Effective{Priority: 90}}, // as captured
		"contributions add up":          {100, []Tracker{script(20, Up), script(-5, Down)}, Effective{Priority: 115}},
		"never below 1":                 {100, []Tracker{script(-253, Down)}, Effective{Priority: 1}},
		"never above 254":               {100, []Tracker{script(253, Up)}, Effective{Priority: 254}},
		"clamped once, at the end":      {100, []Tracker{script(-253, Down), script(253, Up)}, Effective{Priority: 100}},
		"the owner ignores weights":     {255, []Tracker{script(-60, Down)}, Effective{Priority: 255}},
		"a fault is named":              {100, []Tracker{eth1}, Effective{Priority: 100, Faults: []string{"interface eth1"}}},
		"a fault counts for the owner":  {255, []Tracker{eth1}, Effective{Priority: 255, Faults: []string{"interface eth1"}}},
		"the same fault is named once":  {100, []Tracker{eth1, eth1}, Effective{Priority: 100, Faults: []string{"interface eth1"}}},
		"a script without result waits": {100, []Tracker{script(0, Unknown)}, Effective{Priority: 100, Pending: []string{"script chk"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, Sum(tt.base, tt.trackers)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

// The sum is a function of states: neither order nor history matters, and the
// result is always a priority that may stand on the wire.
func TestSumIsAFunctionOfState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.IntRange(1, 255).Draw(t, "base")
		ts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Tracker {
			return Tracker{
				Kind: rapid.SampledFrom([]Kind{Script, Interface, File}).Draw(t, "kind"), Name: "x",
				Weight: rapid.IntRange(-254, 254).Draw(t, "weight"), Reverse: rapid.Bool().Draw(t, "reverse"),
				State: State(rapid.IntRange(0, 2).Draw(t, "state")), Value: rapid.Int().Draw(t, "value"),
			}
		}), 0, 6).Draw(t, "trackers")
		got := Sum(base, ts)
		if base == 255 && got.Priority != 255 || base != 255 && (got.Priority < 1 || got.Priority > 254) {
			t.Fatalf("priority %d from base %d", got.Priority, base)
		}
		back := make([]Tracker, len(ts))
		for i := range ts {
			back[len(ts)-1-i] = ts[i]
		}
		if again := Sum(base, back); again.Priority != got.Priority || len(again.Faults) != len(got.Faults) {
			t.Fatalf("other order, other result: %+v and %+v", got, again)
		}
	})
}

func TestALineOverridesTheObjectsOwnWeight(t *testing.T) {
	ptr := func(n int) *int { return &n }
	yes, no := true, false
	script := Params{Name: "chk", Weight: -20, Reverse: true}
	tests := map[string]struct {
		ref  Ref
		want Tracker
	}{
		"nothing on the line":            {Ref{Name: "chk"}, Tracker{Weight: -20, Reverse: true}},
		"weight only keeps the sense":    {Ref{Name: "chk", Weight: ptr(5)}, Tracker{Weight: 5, Reverse: true}},
		"noreverse undoes the sense":     {Ref{Name: "chk", Weight: ptr(5), Reverse: &no}, Tracker{Weight: 5}},
		"weight 0 on the line counts":    {Ref{Name: "chk", Weight: ptr(0), Reverse: &yes}, Tracker{Reverse: true}},
		"no weight, sense from the line": {Ref{Name: "chk", Reverse: &no}, Tracker{Weight: -20}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.want.Kind, tt.want.Name, tt.want.State = Script, "chk", Up
			if got := TrackScript(tt.ref, script, Up); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestAnInterfaceIsUpOnlyWhenPacketsCanPass(t *testing.T) {
	tests := map[string]struct {
		link Link
		want State
	}{
		"up and running":   {Link{true, true, true}, Up},
		"no carrier":       {Link{true, true, false}, Down},
		"switched off":     {Link{true, false, false}, Down},
		"not there at all": {Link{}, Down},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := TrackInterface(Ref{Name: "eth1"}, tt.link)
			if got.State != tt.want || got.Weight != 0 || got.Contribution().Fault != (tt.want == Down) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
