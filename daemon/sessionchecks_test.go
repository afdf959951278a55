package daemon

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"holdfast/checkers"
	"holdfast/daemon/config/configtest"
	"holdfast/track"
)

// followed is a virtual server with a real server that has checks, and one that
// follows nothing.
func followed(checks string) string {
	return "bfd_instance a {\nneighbor_ip 10.9.1.1\n}\nbfd_instance b {\nneighbor_ip 10.9.1.2\n}\n" +
		configtest.Balancer("10.9.1.1 8080 {\n        TCP_CHECK {\n        }", "10.9.1.1 80 {\n weight 10\n"+checks)
}

func session(name string, state track.State) verdict {
	return verdict{Kind: track.BFD, Name: name, State: state}
}

func TestAServerFollowsItsBFDSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const server, service = "[10.9.1.1]:tcp:80", "[10.9.0.100]:tcp:80"
		w := newWard(t, followed("BFD_CHECK {\nname a\n}\nBFD_CHECK {\nname b\n}"))
		w.heard()
		var pending []string // heard until a reload was done
		serves := func(what string, want bool, heard ...string) {
			t.Helper()
			got := append(pending, w.heard()...)
			pending = nil
			if d := cmp.Diff(heard, got); d != "" {
				t.Errorf("%s (-want +got)\n%s", what, d)
			}
			if _, got := w.weights(t)["10.9.1.1:80"]; got != want {
				t.Errorf("%s: in the table %v, want %v", what, got, want)
			}
		}
		serves("nothing is known", true)
		w.tracked(session("a", track.Up))
		serves("up as it was", true)
		w.tracked(session("a", track.Down))
		serves("one is down", false, server+" of "+service+" DOWN (BFD_CHECK failed on service)", service+" DOWN (Lost quorum 1-0=1 > 0)")
		w.tracked(session("b", track.Down))
		w.tracked(session("nobody's", track.Down))
		w.tracked(session("a", track.Up))
		serves("the other is down", false)
		w.tracked(session("b", track.Up))
		serves("both are up", true, server+" of "+service+" UP (BFD_CHECK succeed on service)", service+" UP (Gained quorum 1+0=1 <= 10)")

		reload := func(checks string, tracked ...verdict) {
			w.reload(t.Context(), nil, reloadMessage{Tracked: tracked, Config: configtest.Understood(t, followed(checks)).Encoded})
			pending = w.heard()
		}
		reload("BFD_CHECK {\nname b\n}", session("b", track.Down))
		serves("a reload finds it down", false, server+" of "+service+" DOWN (BFD_CHECK failed on service)", service+" DOWN (Lost quorum 1-0=1 > 0)")
		reload("", session("b", track.Down))
		serves("a reload without the check, which is no news for a mail", true, server+" of "+service+" UP ()", service+" UP (Gained quorum 1+0=1 <= 10)")
	})
}

func TestWithAlphaAServerWaitsForItsBFDSession(t *testing.T) {
	check := []checkers.SessionCheck{{Name: "a", Alpha: true}, {Name: "b"}}
	tests := map[string]struct {
		known   sessions
		failing []string
	}{
		"nothing is known":          {sessions{run: true}, []string{"BFD_CHECK a"}},
		"nobody runs sessions":      {sessions{}, nil},
		"the session is up":         {sessions{true, map[string]track.State{"a": track.Up}}, nil},
		"the session is down":       {sessions{true, map[string]track.State{"a": track.Down}}, []string{"BFD_CHECK a"}},
		"one without alpha is down": {sessions{true, map[string]track.State{"a": track.Up, "b": track.Down}}, []string{"BFD_CHECK b"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var failing []string
			for _, c := range tt.known.checks(check) {
				if c.Alpha {
					failing = append(failing, c.ID)
				}
			}
			if d := cmp.Diff(tt.failing, failing); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
