package ipvs

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The kernel answers with bare numbers; what is printed has to say what they
// mean for the command that was given.
func TestRefusalsSayWhatTheyMean(t *testing.T) {
	service := AddressKey(TCP, netip.MustParseAddrPort("10.9.0.100:80"))
	server := netip.MustParseAddrPort("10.9.0.11:80")
	tests := map[string]struct {
		err  Error
		want string
	}{
		"not allowed": {Error{Command: cmdFlush, Errno: syscall.EPERM},
			"flush virtual services: operation not permitted (needs CAP_NET_ADMIN in the initial user namespace)"},
		"no such scheduler": {Error{Command: cmdNewService, Service: service, Errno: syscall.ENOENT},
			"add virtual service [10.9.0.100]:tcp:80: no such file or directory (the kernel has no such scheduler or persistence engine)"},
		"no such engine": {Error{Command: cmdSetService, Service: service, Errno: syscall.ENOENT},
			"edit virtual service [10.9.0.100]:tcp:80: no such file or directory (the kernel has no such scheduler or persistence engine)"},
		"no such server": {Error{Command: cmdDelDest, Service: service, Destination: server, Errno: syscall.ENOENT},
			"delete real server 10.9.0.11:80 of [10.9.0.100]:tcp:80: no such file or directory (no such real server)"},
		"no such service": {Error{Command: cmdNewDest, Service: service, Destination: server, Errno: syscall.ESRCH},
			"add real server 10.9.0.11:80 of [10.9.0.100]:tcp:80: no such process (no such virtual service)"},
		"a firewall mark": {Error{Command: cmdDelService, Service: FWMarkKey(IPv4, 7), Errno: syscall.ESRCH},
			"delete virtual service FWM 7: no such process (no such virtual service)"},
		"there already": {Error{Command: cmdNewService, Service: service, Errno: syscall.EEXIST},
			"add virtual service [10.9.0.100]:tcp:80: file exists (already there)"},
		"daemon runs": {Error{Command: cmdNewDaemon, Errno: syscall.EEXIST},
			"start sync daemon: file exists (already running)"},
		"daemon does not run": {Error{Command: cmdDelDaemon, Errno: syscall.ESRCH},
			"stop sync daemon: no such process (not running)"},
		"daemon on no interface": {Error{Command: cmdNewDaemon, Errno: syscall.ENODEV},
			"start sync daemon: no such device (no such interface)"},
		"daemon beside mixed families": {Error{Command: cmdNewDaemon, Errno: syscall.EINVAL},
			"start sync daemon: invalid argument (or real servers of another family than their service exist)"},
		"mixed families beside a daemon": {Error{Command: cmdNewDest, Service: service, Destination: server, Errno: syscall.EINVAL},
			"add real server 10.9.0.11:80 of [10.9.0.100]:tcp:80: invalid argument (or its family differs from the service's while a sync daemon runs)"},
		"out of range": {Error{Command: cmdSetDest, Service: service, Destination: server, Errno: syscall.ERANGE},
			"edit real server 10.9.0.11:80 of [10.9.0.100]:tcp:80: numerical result out of range (weight or lower threshold out of range)"},
		"the kernel's own words come first": {Error{Command: cmdNewService, Service: service, Errno: syscall.ENOENT, Words: "no rr here"},
			"add virtual service [10.9.0.100]:tcp:80: no such file or directory: no rr here"},
		"an errno without a meaning": {Error{Command: cmdZero, Errno: syscall.ENOMEM}, "zero counters: cannot allocate memory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
			if !errors.Is(&tt.err, tt.err.Errno) {
				t.Error("errors.Is does not find the errno")
			}
		})
	}
}

func TestEveryCommandHasAName(t *testing.T) {
	for c := cmdNewService; c <= cmdFlush; c++ {
		if strings.HasPrefix(c.String(), "command") {
			t.Errorf("command %d has no name", uint8(c))
		}
	}
	for _, c := range []Command{0, cmdFlush + 1, 255} {
		if got := c.String(); !strings.HasPrefix(got, "command ") {
			t.Errorf("number %d is named %q, which it is not", uint8(c), got)
		}
	}
}

// One request for each method, and the one answer that the kernel gives.
func TestEachCommandAsksOnceAndReportsRefusals(t *testing.T) {
	refusal := "24000000 02000001 00000000 01000000 fdffffff 10000000 20000500 00000000 00000000" // ESRCH
	service := Service{Key: wireKey, Scheduler: "rr"}
	tests := map[string]func(context.Context, *Client) error{
		"add virtual service":    func(ctx context.Context, c *Client) error { return c.NewService(ctx, service) },
		"edit virtual service":   func(ctx context.Context, c *Client) error { return c.UpdateService(ctx, service) },
		"delete virtual service": func(ctx context.Context, c *Client) error { return c.DelService(ctx, wireKey) },
		"add real server":        func(ctx context.Context, c *Client) error { return c.NewDestination(ctx, wireKey, wireDest) },
		"edit real server":       func(ctx context.Context, c *Client) error { return c.UpdateDestination(ctx, wireKey, wireDest) },
		"delete real server":     func(ctx context.Context, c *Client) error { return c.DelDestination(ctx, wireKey, wireDest.Addr) },
		"flush virtual services": func(ctx context.Context, c *Client) error { return c.Flush(ctx) },
		"zero counters":          func(ctx context.Context, c *Client) error { return c.Zero(ctx, wireKey) },
		"set timeouts":           func(ctx context.Context, c *Client) error { return c.SetTimeouts(ctx, Timeouts{TCP: time.Minute}) },
		"stop sync daemon":       func(ctx context.Context, c *Client) error { return c.StopSyncDaemon(ctx, SyncBackup) },
		"start sync daemon": func(ctx context.Context, c *Client) error {
			return c.StartSyncDaemon(ctx, SyncDaemon{State: SyncMaster, Interface: "eth0"})
		},
	}
	for name, do := range tests {
		t.Run(name, func(t *testing.T) {
			p := &player{t: t, answers: []string{family20 + ack, ack, refusal}}
			c := newClient(p.dial, nil)
			defer c.Close()
			if err := do(t.Context(), c); err != nil {
				t.Errorf("acknowledged, and yet: %v", err)
			}
			err := do(t.Context(), c)
			if !errors.Is(err, ErrNoService) || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("refused with ESRCH: %v", err)
			}
			if got := strings.Join(p.asked[1:], ", "); got != name+"+, "+name+"+" {
				t.Errorf("asked %q, want %q twice, each with an acknowledgement", got, name)
			}
		})
	}
}

// What cannot be right is not sent at all: the kernel would take it.
func TestInvalidSettingsStayAtHome(t *testing.T) {
	p := &player{t: t}
	c := newClient(p.dial, nil)
	defer c.Close()
	var invalid *InvalidError
	for name, err := range map[string]error{
		"half a second":          c.SetTimeouts(t.Context(), Timeouts{TCP: 500 * time.Millisecond}),
		"more than 31 days":      c.SetTimeouts(t.Context(), Timeouts{UDP: MaxPersistence + time.Second}),
		"less than nothing":      c.SetTimeouts(t.Context(), Timeouts{TCPFin: -time.Second}),
		"daemon without a state": c.StartSyncDaemon(t.Context(), SyncDaemon{Interface: "eth0"}),
		"daemon on no interface": c.StartSyncDaemon(t.Context(), SyncDaemon{State: SyncMaster}),
		"sync id of 9 bits":      c.StartSyncDaemon(t.Context(), SyncDaemon{State: SyncMaster, Interface: "eth0", SyncID: 256}),
	} {
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %v, want an *InvalidError", name, err)
		}
	}
	if len(p.asked) != 0 {
		t.Errorf("sent %v", p.asked)
	}
}

// The module was unloaded and loaded again: its family has another number.
func TestAStaleFamilyNumberIsAskedForAnew(t *testing.T) {
	gone := "24000000 02000001 00000000 01000000 feffffff 10000000 20000500 00000000 00000000" // ENOENT
	p := &player{t: t, answers: []string{family20 + ack, gone, family20 + ack, done}}
	c := newClient(p.dial, nil)
	defer c.Close()
	tab, err := c.Read(t.Context())
	if err != nil || len(tab) != 0 {
		t.Errorf("table %v, %v", tab, err)
	}
	if got := strings.Join(p.asked, ", "); strings.Count(got, "read virtual services") != 2 {
		t.Errorf("asked %q, want the services twice", got)
	}
}
