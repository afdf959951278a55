package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/checkers"
	"holdfast/daemon/config/configtest"
	"holdfast/ipvs"
	"holdfast/ipvs/ipvstest"
)

// readings is the fake kernel that counts how often its table is read.
type readings struct {
	*ipvstest.Fake
	n atomic.Int32
}

func (p *readings) Read(ctx context.Context) (ipvs.Table, error) {
	p.n.Add(1)
	return p.Fake.Read(ctx)
}

// commands are what was done since the last call, one line each.
func (p *readings) commands() string {
	var b strings.Builder
	for _, op := range p.Done() {
		b.WriteString(strings.TrimPrefix(op.String(), "ipvsadm ") + "\n")
	}
	return b.String()
}

// countReadings runs a keeper on such a kernel with one service of two servers.
func countReadings(t *testing.T, play func(k *keeper, p *readings, wants func(weights map[string]uint32))) {
	synctest.Test(t, func(t *testing.T) {
		p := &readings{Fake: &ipvstest.Fake{}}
		k := newKeeper(newLogger(slog.LevelInfo, recorder{&[]string{}}), p)
		ctx, cancel := context.WithCancel(t.Context())
		go k.run(ctx)
		defer synctest.Wait()
		defer cancel()
		wants := func(weights map[string]uint32) {
			done := make(chan struct{})
			k.want(wish{table: oneService("192.0.2.100:80", weights), done: done})
			<-done
		}
		wants(map[string]uint32{"10.0.0.1:80": 1, "10.0.0.2:80": 2})
		p.commands()
		p.n.Store(0)
		play(k, p, wants)
	})
}

func TestAServerThatFallsIsOneCommandWithoutALookAtTheTable(t *testing.T) {
	countReadings(t, func(_ *keeper, p *readings, wants func(map[string]uint32)) {
		wants(map[string]uint32{"10.0.0.2:80": 2})
		if d := cmp.Diff("-d -t 192.0.2.100:80 -r 10.0.0.1:80\n", p.commands()); d != "" || p.n.Load() != 0 {
			t.Errorf("the table was read %d times; commands (-want +got):\n%s", p.n.Load(), d)
		}
	})
}

func TestARefusedCommandIsALookAtTheTable(t *testing.T) {
	countReadings(t, func(_ *keeper, p *readings, wants func(map[string]uint32)) {
		p.Flush(t.Context()) // somebody else does
		p.commands()
		wants(map[string]uint32{"10.0.0.2:80": 2})
		table, err := p.Fake.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff("-A -t 192.0.2.100:80 -s wrr\n-a -t 192.0.2.100:80 -r 10.0.0.2:80 -m -w 2\n", table.String()); d != "" || p.n.Load() != 1 {
			t.Errorf("the table was read %d times, want once; it is (-want +got):\n%s", p.n.Load(), d)
		}
	})
}

// TestBusyChecksDoNotPutTheSweepOff: what others change is found although servers
// come and go more often than the table is swept.
func TestBusyChecksDoNotPutTheSweepOff(t *testing.T) {
	countReadings(t, func(_ *keeper, p *readings, wants func(map[string]uint32)) {
		for i := range 60 { // a minute
			time.Sleep(time.Second)
			wants(map[string]uint32{"10.0.0.2:80": uint32(i)})
		}
		if got := p.n.Load(); got < 11 || got > 12 { // each 5 s
			t.Errorf("the table was read %d times in a minute, want 11 or 12", got)
		}
	})
}

// manyServices is n services with a checked server each.
func manyServices(n, weight int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "virtual_server 10.9.0.%d 80 {\n    lb_kind NAT\n    lb_algo rr\n    protocol TCP\n    real_server 10.9.1.%d 80 {\n        weight %d\n        TCP_CHECK {\n        }\n    }\n}\n", i+1, i+1, weight)
	}
	return b.String()
}

// TestServersThatFallTogetherLeaveTogether, as do all that one reload changes.
func TestServersThatFallTogetherLeaveTogether(t *testing.T) {
	const n = 100
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, manyServices(n, 1))
		p := &readings{Fake: w.plane}
		w.keeper.plane = p // nobody is at work with the other
		w.heard()
		w.plane.Done()
		fall := func(up bool) {
			status, err := w.pool.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var list []checkers.Report
			for i, spec := range w.conf.Checks() {
				list = append(list, checkers.Report{ID: status[i].ID, Spec: spec, Action: checkers.VerdictChanged{Up: up}})
			}
			w.handleReports(list)
		}
		fall(false)
		if ops, told := p.Done(), w.heard(); len(ops) != n || len(told) != 2*n { // each server and each quorum
			t.Errorf("%d commands and %d facts, want %d and %d", len(ops), len(told), n, 2*n)
		}
		fall(true)
		if ops, told := p.Done(), w.heard(); len(ops) != n || len(told) != 2*n {
			t.Errorf("%d commands and %d facts, want %d and %d", len(ops), len(told), n, 2*n)
		}
		w.reload(t.Context(), nil, reloadMessage{Config: configtest.Understood(t, manyServices(n, 7)).Encoded})
		if ops := p.Done(); len(ops) != n {
			t.Errorf("%d commands for the new weights of %d servers", len(ops), n)
		}
		if got := p.n.Load(); got != 0 {
			t.Errorf("the table was read %d times", got)
		}
	})
}
