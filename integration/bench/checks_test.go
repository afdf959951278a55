package main

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
)

func TestCheckedServersStandInTheirServices(t *testing.T) {
	text := checkedServers(18, 3, 6*time.Second, 7)
	c := configtest.Understood(t, text).Config
	if len(c.Services) != 5 {
		t.Fatalf("%d services, want 5", len(c.Services))
	}
	var got []string
	for _, s := range c.Services {
		var servers []string
		for _, srv := range s.Params.Servers {
			servers = append(servers, srv.Name)
		}
		got = append(got, strings.Join(servers, " "))
	}
	want := []string{ // each victim, with a port of its own, in another service
		"[10.64.0.1]:tcp:9000 [10.64.0.6]:tcp:80 [10.64.0.11]:tcp:80 [10.64.0.16]:tcp:80",
		"[10.64.0.2]:tcp:9001 [10.64.0.7]:tcp:80 [10.64.0.12]:tcp:80 [10.64.0.17]:tcp:80",
		"[10.64.0.3]:tcp:9002 [10.64.0.8]:tcp:80 [10.64.0.13]:tcp:80 [10.64.0.18]:tcp:80",
		"[10.64.0.4]:tcp:80 [10.64.0.9]:tcp:80 [10.64.0.14]:tcp:80",
		"[10.64.0.5]:tcp:80 [10.64.0.10]:tcp:80 [10.64.0.15]:tcp:80",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("servers (-want +got):\n%s", d)
	}
	if w := c.Services[0].Params.Servers[0].Weight; w != 7 || c.Services[0].Params.Servers[1].Weight != 1 {
		t.Errorf("the first server has weight %d, want 7, the next 1", w)
	}
	if checks := c.Checks(); len(checks) != 18 || checks[0].Timing.DelayLoop != 6*time.Second {
		t.Errorf("%d checks, the first each %v", len(checks), checks[0].Timing.DelayLoop)
	}
}

// netlink is a request to the family 0x20 with these octets behind its header.
func netlinkRequest(t *testing.T, command uint8, attributes string) []byte {
	t.Helper()
	body, err := hex.DecodeString(strings.ReplaceAll(attributes, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 20, 20+len(body))
	binary.NativeEndian.PutUint32(b, uint32(20+len(body)))
	binary.NativeEndian.PutUint16(b[4:], 0x20)
	binary.NativeEndian.PutUint16(b[6:], 1) // NLM_F_REQUEST
	b[16], b[17] = command, 1
	return append(b, body...)
}

func TestCommandsAreFoundInADatagram(t *testing.T) {
	// IPVS_CMD_ATTR_DEST with address and port 9002, as netlink of a little-endian machine
	dest := "2000 0280 1400 0100 0a400003 000000000000000000000000 0600 0200 232a 0000"
	both := append(netlinkRequest(t, ipvsDelDest, dest), netlinkRequest(t, 3, "")...)
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the octets are those of a little-endian machine")
	}
	got := commandsIn(both, 0x20)
	if len(got) != 2 || got[0].command != ipvsDelDest || got[0].port != 9002 || got[1].command != 3 {
		t.Errorf("found %+v, want the removal of port 9002 and of a service", got)
	}
	if got := commandsIn(netlinkRequest(t, 8, ""), 0x20); len(got) != 0 {
		t.Errorf("reading counts: %+v", got)
	}
	if got := commandsIn(both, 0x21); len(got) != 0 {
		t.Errorf("another family counts: %+v", got)
	}
	if got := commandsIn(both[:30], 0x20); len(got) != 0 {
		t.Errorf("half a command counts: %+v", got)
	}
}

func TestFiguresBecomeATable(t *testing.T) {
	plan := checkPlan{Programs: []string{"k", "h"}, Rounds: 1, Sizes: []checkSize{{100, 3 * time.Second}}, Window: 12 * time.Second, Deaths: 2, Services: 10, Reloads: 1}
	size := plan.Sizes[0]
	figures := checkFigures{
		Checks: []checkRun{{Program: "k", Size: size, CPU: 0.1, Memory: 10 << 10, Rate: 33, Removal: []time.Duration{3 * time.Second, 4 * time.Second}},
			{Program: "h", Size: size, CPU: 0.2, Memory: 15 << 10, Rate: 33, Removal: []time.Duration{3 * time.Second, 6 * time.Second}}},
		Reloads: []reloadRun{{Program: "k", Took: []time.Duration{2 * time.Second}, Commands: []int{1}, CPU: []time.Duration{time.Second}},
			{Program: "h", Took: []time.Duration{time.Second}, Commands: []int{1}, CPU: []time.Duration{3 * time.Second}}},
	}
	var b strings.Builder
	plan.print(&b, figures)
	var got []string
	for line := range strings.Lines(b.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"TCP_CHECKs in an emulated machine with ip_vs, 12s a run, median of 1 in turns (of more than 2,000 checks half as many); a server dies just after it was asked, 2 in a run",
		"checks loop CPU s a second memory checks/s death to removal p50 max",
		"100 3s keepalived 0.1000 10.0 MB 33.0 4s 4s",
		"100 3s holdfast 0.2000 15.0 MB 33.0 6s 6s",
		"100 3s ratio 2.00 1.50 1.00 1.50 1.50",
		"reload of 10 services with four servers and one changed weight, median of 1",
		"SIGHUP to the command CPU commands to ip_vs",
		"keepalived 2s 1s [1]",
		"holdfast 1s 3s [1]",
		"ratio 0.50 3.00",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
