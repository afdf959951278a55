package track

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	works    = Link{Exists: true, AdminUp: true, Running: true}
	noSignal = Link{Exists: true, AdminUp: true}
	off      = Link{Exists: true}
)

// The delays are 1s for a link that goes down and 2s for one that comes up.
// Times are seconds since the first sight; the last one only ends the story.
func TestAChangeOfALinkCountsOnceItHasLasted(t *testing.T) {
	type sight struct {
		at   float64
		link Link
	}
	tests := map[string]struct {
		down, up time.Duration
		seen     []sight
		want     string
	}{
		"what is seen first counts at once":               {1, 2, []sight{{0, off}}, "0 down"},
		"a link that stays away is down after a second":   {1, 2, []sight{{0, works}, {10, noSignal}}, "0 up, 10 deaf, 11 down"},
		"one that returns was never away":                 {1, 2, []sight{{0, works}, {10, noSignal}, {10.9, works}, {20, works}}, "0 up, 10 deaf, 10.9 up"},
		"each time it goes, the second begins again":      {1, 2, []sight{{0, works}, {10, noSignal}, {10.9, works}, {11, off}}, "0 up, 10 deaf, 10.9 up, 11 deaf, 12 down"},
		"another kind of down does not begin it again":    {1, 2, []sight{{0, works}, {10, noSignal}, {10.5, off}}, "0 up, 10 deaf, 11 down"},
		"a link that comes back counts after two seconds": {1, 2, []sight{{0, off}, {10, works}}, "0 down, 12 up"},
		"one that does not stay does not count":           {1, 2, []sight{{0, off}, {10, works}, {11.5, off}, {12, off}}, "0 down"},
		"one that is deleted is down at once":             {1, 2, []sight{{0, works}, {10, Link{}}}, "0 up, 10 down"},
		"and made again it has to last as well":           {1, 2, []sight{{0, works}, {10, Link{}}, {11, works}}, "0 up, 10 down, 13 up"},
		"without delays everything counts at once":        {0, 0, []sight{{0, works}, {10, off}, {11, works}}, "0 up, 10 down, 11 up"},
		"only the way down can have one":                  {1, 0, []sight{{0, works}, {10, off}, {11.5, works}}, "0 up, 10 deaf, 11 down, 11.5 up"},
		"news that comes late finds the change counted":   {1, 2, []sight{{0, works}, {10, off}, {30, works}}, "0 up, 10 deaf, 11 down, 32 up"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			start := time.Unix(1_000_000, 0)
			d := Debounce{Down: tt.down * time.Second, Up: tt.up * time.Second}
			var got []string
			note := func(at time.Time) {
				word := d.Counts().State().String()
				if d.Deaf() {
					word = "deaf"
				}
				if n := len(got); n == 0 || !strings.HasSuffix(got[n-1], " "+word) {
					got = append(got, fmt.Sprintf("%g %s", at.Sub(start).Seconds(), word))
				}
			}
			runTo := func(end time.Time) {
				for at := d.Deadline(); !at.IsZero() && at.Before(end); at = d.Deadline() {
					d.Tick(at)
					note(at)
				}
			}
			for _, s := range tt.seen {
				at := start.Add(time.Duration(s.at * float64(time.Second)))
				runTo(at)
				d.See(at, s.link)
				note(at)
			}
			runTo(start.Add(time.Hour))
			if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("what counts (-want +got):\n%s", diff)
			}
		})
	}
}
