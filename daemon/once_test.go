package daemon

import (
	"errors"
	"testing"

	"holdfast/internal/run"
)

func TestHowAStartupScriptEndedIsSaid(t *testing.T) {
	for want, r := range map[string]run.Result{
		"startup script succeeded":                       {},
		"startup script failed, status 3":                {Exit: 3},
		"startup script failed, signal 9":                {Signal: 9},
		"startup script timed out":                       {Ended: true, Signal: 15},
		"Call of startup script failed: no such program": {Err: errors.New("no such program")},
	} {
		if got := onceText("startup", r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
