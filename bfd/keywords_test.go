package bfd

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/kconf"
)

// decode reads one bfd_instance block, its inside given line by line.
func decode(t testing.TB, header string, lines ...string) (*Config, *kconf.Diagnostics) {
	t.Helper()
	file, diags := kconf.ParseString("k", header+" {\n"+strings.Join(lines, "\n")+"\n}\n", kconf.Options{})
	if len(file.Stmts) != 1 {
		t.Fatalf("%d statements: %v", len(file.Stmts), diags.All())
	}
	return Decode(&kconf.Ctx{Diags: diags}, file.Stmts[0]), diags
}

// says are the diagnostics, without those that a keyword has no effect yet.
func says(diags *kconf.Diagnostics) []string {
	var texts []string
	for _, d := range diags.All() {
		if d.ID != "not-supported-yet" {
			texts = append(texts, d.String())
		}
	}
	return texts
}

const neighbor = "neighbor_ip 10.9.0.2"

func TestABlockBecomesASession(t *testing.T) {
	plain := Config{Name: "B", NeighborIP: netip.MustParseAddr("10.9.0.2"), MinRX: 10 * time.Millisecond, MinTX: 10 * time.Millisecond,
		IdleTX: time.Second, Multiplier: 5, TTL: 255, VRRP: true, Checker: true}
	tests := map[string]struct {
		lines []string
		want  func(*Config)
	}{
		"the neighbour is enough":   {[]string{neighbor}, func(*Config) {}},
		"in British spelling":       {[]string{"neighbour_ip 10.9.0.2"}, func(*Config) {}},
		"the last neighbour counts": {[]string{"neighbor_ip 10.9.0.9", neighbor}, func(*Config) {}},
		"IPv6 has a TTL of 64":      {[]string{"neighbor_ip fd09::2"}, func(c *Config) { c.NeighborIP, c.TTL = netip.MustParseAddr("fd09::2"), 64 }},
		"a source address":          {[]string{neighbor, "source_ip 10.9.0.1"}, func(c *Config) { c.SourceIP = netip.MustParseAddr("10.9.0.1") }},
		"timers are in milliseconds": {[]string{neighbor, "min_rx 50", "min_tx 1.5", "idle_tx 2000"}, func(c *Config) {
			c.MinRX, c.MinTX, c.IdleTX = 50*time.Millisecond, 1500*time.Microsecond, 2*time.Second
		}},
		"a multiplier":          {[]string{neighbor, "multiplier 3"}, func(c *Config) { c.Multiplier = 3 }},
		"passive":               {[]string{neighbor, "passive"}, func(c *Config) { c.Passive = true }},
		"over several routers":  {[]string{neighbor, "hoplimit 64", "max_hops 4", "multihop"}, func(c *Config) { c.TTL, c.MaxHops, c.Multihop = 64, 4, true }},
		"any number of routers": {[]string{neighbor, "max_hops -1"}, func(c *Config) { c.MaxHops = -1 }},
		"a weight, reversed":    {[]string{neighbor, "weight -20 reverse"}, func(c *Config) { c.Weight, c.Reverse = -20, true }},
		"for routers only":      {[]string{neighbor, "vrrp"}, func(c *Config) { c.Checker = false }},
		"for checks only":       {[]string{neighbor, "checker"}, func(c *Config) { c.VRRP = false }},
		"for both, said twice":  {[]string{neighbor, "vrrp", "checker"}, func(*Config) {}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, diags := decode(t, "bfd_instance B", tt.lines...)
			if got == nil || len(says(diags)) > 0 {
				t.Fatalf("not used, says %q", says(diags))
			}
			want := plain
			tt.want(&want)
			if d := cmp.Diff(want, *got, cmpopts.IgnoreFields(Config{}, "Written", "Pos"), cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Errorf("session (-want +got):\n%s", d)
			}
		})
	}
}

// The statuses are those of keepalived 2.2.7 for the same text, which ends
// with a crash where 2 stands.
func TestMistakesInABlock(t *testing.T) {
	tests := map[string]struct {
		header string
		lines  []string
		used   bool
		status int // of --config-test
		says   string
	}{
		"no name":                                 {"bfd_instance", []string{neighbor}, false, 2, "k:1:1: bfd_instance: wants one argument, has 0"},
		"a name of 31 characters":                 {"bfd_instance " + strings.Repeat("n", 31), []string{neighbor}, true, 0, ""},
		"a name of 32 characters":                 {"bfd_instance " + strings.Repeat("n", 32), []string{neighbor}, false, 5, "k:1:14: bfd_instance nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn: a name has at most 31 characters, this block is skipped"},
		"two names":                               {"bfd_instance B C", []string{neighbor}, true, 0, "k:1:16: note: bfd_instance B: C and what follows is ignored"},
		"no neighbour":                            {"bfd_instance B", nil, false, 5, "k:1:1: bfd_instance B: has no neighbor_ip, it is not used"},
		"a neighbour that is no address":          {"bfd_instance B", []string{"neighbor_ip x"}, false, 5, "k:2:13: neighbor_ip x: not an IP address"},
		"a neighbour missing":                     {"bfd_instance B", []string{"neighbor_ip"}, false, 2, "k:2:1: neighbor_ip: wants one argument, has 0"},
		"a source of the other family":            {"bfd_instance B", []string{neighbor, "source_ip fd09::1"}, false, 5, "k:3:11: bfd_instance B: source_ip fd09::1 and neighbor_ip 10.9.0.2 are of two families, it is not used (see k:2:13)"},
		"a source that is no address is left out": {"bfd_instance B", []string{neighbor, "source_ip x"}, true, 5, "k:3:11: source_ip x: not an IP address"},
		"min_rx below a millisecond":              {"bfd_instance B", []string{neighbor, "min_rx 0.5"}, true, 5, "k:3:8: min_rx 0.5: must be 1-4294967 milliseconds"},
		"min_tx above the highest":                {"bfd_instance B", []string{neighbor, "min_tx 4294968"}, true, 5, "k:3:8: min_tx 4294968: must be 1-4294967 milliseconds"},
		"min_tx of eleven seconds":                {"bfd_instance B", []string{neighbor, "min_tx 11000"}, true, 0, "k:3:8: note: min_tx: 11s is long; the unit is milliseconds"},
		"min_tx of ten seconds":                   {"bfd_instance B", []string{neighbor, "min_tx 10000"}, true, 0, ""},
		"idle_tx below a second":                  {"bfd_instance B", []string{neighbor, "idle_tx 999"}, true, 5, "k:3:9: idle_tx 999: must be 1000-4294967 milliseconds"},
		"multiplier 0":                            {"bfd_instance B", []string{neighbor, "multiplier 0"}, true, 5, "k:3:12: multiplier 0: must be 1-255"},
		"ttl 0":                                   {"bfd_instance B", []string{neighbor, "ttl 0"}, true, 5, "k:3:5: ttl 0: must be 1-255"},
		"max_hops -2":                             {"bfd_instance B", []string{neighbor, "max_hops -2"}, true, 5, "k:3:10: max_hops -2: must be -1 to 255"},
		"max_hops above ttl":                      {"bfd_instance B", []string{neighbor, "max_hops 6", "ttl 5"}, true, 5, "k:3:10: warning: max_hops 6: is more than the ttl of 5, which is used instead"},
		"max_hops above the TTL of IPv6":          {"bfd_instance B", []string{"neighbor_ip fd09::2", "max_hops 100"}, true, 5, "k:3:10: warning: max_hops 100: is more than the ttl of 64, which is used instead"},
		"weight 254":                              {"bfd_instance B", []string{neighbor, "weight 254"}, true, 5, "k:3:8: weight 254: must be -253 to 253"},
		"weight missing":                          {"bfd_instance B", []string{neighbor, "weight"}, true, 2, "k:3:1: weight: wants one argument, has 0"},
		"another word behind the weight":          {"bfd_instance B", []string{neighbor, "weight 3 back"}, true, 5, "k:3:10: weight: unknown word back, only reverse may follow"},
		"an unknown keyword":                      {"bfd_instance B", []string{neighbor, "min_xt 50"}, true, 5, "k:3:1: unknown keyword min_xt; did you mean min_tx?"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, diags := decode(t, tt.header, tt.lines...)
			if used := c != nil; used != tt.used || diags.TestStatus() != tt.status {
				t.Errorf("used %v, --config-test %d, want %v and %d", used, diags.TestStatus(), tt.used, tt.status)
			}
			if got := strings.Join(says(diags), "\n"); got != tt.says {
				t.Errorf("says %q, want %q", got, tt.says)
			}
		})
	}
}

func TestMaxHopsAboveTheTTLBecomesTheTTL(t *testing.T) {
	c, _ := decode(t, "bfd_instance B", neighbor, "ttl 5", "max_hops 6")
	if c.MaxHops != 5 {
		t.Errorf("max_hops %d, want 5", c.MaxHops)
	}
}

func TestTheSameNeighbourIsTheSameSessionUnlessSourceOrPortDiffer(t *testing.T) {
	first, _ := decode(t, "bfd_instance A", neighbor)
	for _, tt := range []struct {
		lines []string
		want  bool
	}{
		{[]string{neighbor, "min_tx 50"}, true},
		{[]string{"neighbor_ip 10.9.0.3"}, false},
		{[]string{neighbor, "source_ip 10.9.0.1"}, false},
		{[]string{neighbor, "multihop"}, false},
	} {
		second, _ := decode(t, "bfd_instance B", tt.lines...)
		if got := first.Same(second); got != tt.want {
			t.Errorf("%q is the same session: %v, want %v", tt.lines, got, tt.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("neighbor_ip 10.9.0.2\nsource_ip fd09::1\nweight 3 reverse")
	f.Add("neighbor_ip\nmax_hops -1\nttl 1")
	f.Fuzz(func(t *testing.T, body string) {
		file, diags := kconf.ParseString("k", "bfd_instance B {\n"+body+"\n}\n", kconf.Options{})
		for _, s := range file.Stmts {
			if c := Decode(&kconf.Ctx{Diags: diags}, s); c != nil && (!c.NeighborIP.IsValid() || c.TTL == 0 || c.MaxHops > int16(c.TTL)) {
				t.Errorf("usable, but %+v", c)
			}
		}
	})
}
