package doctor

import (
	"strings"
	"testing"

	"holdfast/kconf"
)

// TestTrailersOfTwoNodesGoTogether: or it is said what is refused where, and
// never a key.
func TestTrailersOfTwoNodesGoTogether(t *testing.T) {
	const one, two = "key 1 " + exampleKey, "key 2 " + anotherKey
	tests := map[string]struct{ here, there, want string }{
		"none":                                  {"", "", ""},
		"the same":                              {one + "; active_key 1", one + "; active_key 1", ""},
		"written as octets":                     {one + "; active_key 1", "key 1 hex:3031323334353637383961626364656630313233343536373839616263646566; active_key 1", ""},
		"each has both and signs with another":  {one + "; " + two + "; active_key 1", one + "; " + two + "; active_key 2", ""},
		"on one node only":                      {one + "; active_key 1", "", "advertisements are signed here, and without auth_hmac there they are too long; mode enforce here, and advertisements are not signed there"},
		"on the other node only":                {"", one + "; active_key 1; mode permissive", "advertisements are signed there, and without auth_hmac here they are too long"},
		"receive-only may meet none":            {one + "; active_key 1; mode receive-only", "", ""},
		"receive-only may meet permissive":      {one + "; active_key 1; mode receive-only", one + "; active_key 1; mode permissive", ""},
		"receive-only does not go with enforce": {one + "; active_key 1; mode receive-only", one + "; active_key 1", "mode enforce there, and advertisements are not signed here"},
		"another text":                          {one + "; active_key 1", "key 1 " + anotherKey + "; active_key 1", "key 1, which signs here, has another text there; key 1, which signs there, has another text here"},
		"an unknown key":                        {one + "; active_key 1", one + "; " + two + "; active_key 2", "key 2, which signs there, is unknown here"},
		"in files, of which ours is not read":   {"key 1 file:/etc/a; active_key 1", one + "; active_key 1", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := func(block, more string) string {
				if block != "" {
					block = "auth_hmac { " + block + " }"
				}
				return conf(router(strings.Trim(more+"; "+block, "; ")))
			}
			var got []string
			for _, d := range Compare(input(t, "k.conf", text(tt.here, "priority 100")), input(t, "peer.conf", text(tt.there, "priority 90"))) {
				if d.ID == "peer-hmac-differs" {
					got = append(got, d.Message)
				}
				if all := d.Message + d.Hint; strings.Contains(all, exampleKey) || strings.Contains(all, anotherKey) {
					t.Errorf("%s shows a key: %s", d.ID, all)
				}
			}
			want := ""
			if tt.want != "" {
				want = "virtual router 51 (VI_1): auth_hmac: " + tt.want
			}
			if strings.Join(got, "\n") != want {
				t.Errorf("found %q, want %q", got, want)
			}
		})
	}
	if r, known := Lookup("peer-hmac-differs"); !known || r.Severity != kconf.Warning {
		t.Error("there is no such rule")
	}
}
