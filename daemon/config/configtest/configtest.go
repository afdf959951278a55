// Package configtest has configurations that nothing is wrong with, for tests
// to spoil, and a machine on which they are understood.
package configtest

import (
	"strings"
	"testing"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/kconf"
)

// TwoLinks is a machine with eth0 and eth1, both up.
func TwoLinks() map[string]host.Link {
	return map[string]host.Link{
		"eth0": {Index: 2, Name: "eth0", Up: true, Running: true, MAC: host.MAC{2, 0, 0, 0, 0, 1}, MTU: 1500, Multicast: true},
		"eth1": {Index: 3, Name: "eth1", Up: true, Running: true, MAC: host.MAC{2, 0, 0, 0, 0, 2}, MTU: 1500, Multicast: true},
	}
}

// Understood is what becomes of a configuration text on a machine with eth0
// and eth1 whose scripts are looked at.
func Understood(t testing.TB, text string) *config.Loaded {
	t.Helper()
	file, diags := kconf.ParseString("k.conf", text, config.LoadOptions{ConfigID: "node"}.Parsing())
	l, err := config.Understand(file, diags, config.Environment{Links: TwoLinks(), Scripts: true})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Router is a vrrp_instance that nothing is wrong with, to be spoilt by
// replacing: pairs of old and new text.
func Router(edits ...string) string {
	text := `vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.9.0.100
    }
}
`
	return Spoil(text, edits...)
}

// Second is another router, on the same link.
func Second(edits ...string) string {
	return Spoil(Router("VI_1", "VI_2", "id 51", "id 52", "0.100", "0.101"), edits...)
}

// Spoil replaces in text, once each, pairs of old and new text.
func Spoil(text string, edits ...string) string {
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			panic("nothing to replace: " + edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return text
}

// With adds lines to a router, from its second line on.
func With(lines string) string { return Router("{\n", "{\n"+lines+"\n") }

// Balancer is a virtual server with one real server.
func Balancer(edits ...string) string {
	return Spoil(`virtual_server 10.9.0.100 80 {
    lb_algo rr
    lb_kind NAT
    protocol TCP
    real_server 10.9.1.1 8080 {
        TCP_CHECK {
        }
    }
}
`, edits...)
}

// Lines are the diagnostics of l as text.
func Lines(l *config.Loaded) []string {
	lines := []string{}
	for _, d := range l.Diagnostics.All() {
		lines = append(lines, d.String())
	}
	return lines
}
