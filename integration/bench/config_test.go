package main

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/daemon/config"
	"holdfast/kconf"
)

// inputs are what the benchmarks read.
var inputs = []struct {
	name, text string
}{
	{"1000-virtual-servers", virtualServers(1000)},
	{"10000-virtual-servers", virtualServers(10_000)},
	{"4080-virtual-routers", routers(4080)},
}

// BenchmarkParse reads text into statements, which nobody keeps.
func BenchmarkParse(b *testing.B) {
	for _, in := range inputs {
		b.Run(in.name, func(b *testing.B) {
			b.SetBytes(int64(len(in.text)))
			b.ReportAllocs()
			for b.Loop() {
				kconf.ParseString("k.conf", in.text, kconf.Options{TopLevel: config.TopLevel(), Each: func(*kconf.Stmt) bool { return false }})
			}
		})
	}
}

// BenchmarkFormat lays the text out anew.
func BenchmarkFormat(b *testing.B) {
	for _, in := range inputs {
		b.Run(in.name, func(b *testing.B) {
			b.SetBytes(int64(len(in.text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := kconf.Format([]byte(in.text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestGeneratedConfigurationsAreWhatTheySay: nothing is wrong with them, and they
// have as many objects as they are named for.
func TestGeneratedConfigurationsAreWhatTheySay(t *testing.T) {
	for name, tt := range map[string]struct {
		text                string
		services, instances int
		lines               int
	}{
		"three virtual servers":  {virtualServers(3), 3, 0, 5 + 3*44},
		"300 virtual routers":    {routers(300), 0, 300, 300 * 15},
		"no virtual server":      {virtualServers(0), 0, 0, 5},
		"one on the second link": {routers(256), 0, 256, 256 * 15},
	} {
		t.Run(name, func(t *testing.T) {
			file, diags := kconf.ParseString("k.conf", tt.text, config.LoadOptions{ConfigID: "n"}.Parsing())
			l, err := config.Understand(file, diags, config.Environment{})
			if err != nil {
				t.Fatal(err)
			}
			if len(l.Diagnostics.All()) > 0 {
				t.Errorf("diagnostics: %v", l.Diagnostics.All())
			}
			got := fmt.Sprint(len(l.Config.Services), len(l.Config.Instances), strings.Count(tt.text, "\n"))
			if want := fmt.Sprint(tt.services, tt.instances, tt.lines); got != want {
				t.Errorf("services, routers, lines: %s, want %s", got, want)
			}
		})
	}
}
