package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"holdfast/checkers"
	"holdfast/daemon/config/configtest"
	"holdfast/ipvs"
)

// counted is a kernel that knows how often its table was read and how many
// commands it got.
type counted struct {
	ipvs.Kernel
	mu              sync.Mutex
	reads, commands int
}

func (c *counted) Read(ctx context.Context) (ipvs.Table, error) {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	return c.Kernel.Read(ctx)
}

func (c *counted) Apply(ctx context.Context, op ipvs.Op) error {
	c.mu.Lock()
	c.commands++
	c.mu.Unlock()
	return c.Kernel.Apply(ctx, op)
}

func (c *counted) work() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := fmt.Sprintf("%d reads, %d commands", c.reads, c.commands)
	c.reads, c.commands = 0, 0
	return text
}

// servicesOf is count virtual servers, each of the same checked server and of
// one that is not checked, whose weight is that of the first.
func servicesOf(count, weight int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "virtual_server 10.7.%d.%d 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n", i/250, i%250+1)
		b.WriteString("real_server 10.9.1.1 80 {\nTCP_CHECK {\n}\n}\n")
		fmt.Fprintf(&b, "real_server 10.9.1.2 80 {\nweight %d\n}\n}\n", weight)
		weight = 1
	}
	return b.String()
}

func TestWhatAThousandServicesNeedAtOnceIsOneLookAtTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count = 1000
		w := newWard(t, servicesOf(count, 1))
		go func() { // ends when the link is closed, and the test waits for that
			for range w.parent.Messages() {
			}
		}()
		kernel := &counted{Kernel: w.plane}
		w.keeper.plane = kernel
		does := func(what, want string) {
			t.Helper()
			if d := cmp.Diff(want, kernel.work()); d != "" {
				t.Errorf("%s (-want +got)\n%s", what, d)
			}
		}
		w.reload(t.Context(), nil, reloadMessage{Config: configtest.Understood(t, servicesOf(count, 7)).Encoded})
		does("a reload that changes one weight", "1 reads, 1 commands")

		status, err := w.pool.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		specs := w.conf.Checks()
		decide := func(i int, up bool) {
			w.checkerRole.handleReport(checkers.Report{ID: status[i].ID, Spec: specs[i], Action: checkers.VerdictChanged{Up: up}})
		}
		for i := range specs {
			decide(i, false)
		}
		w.apply()
		does("the server of all dies", fmt.Sprintf("0 reads, %d commands", count))
		decide(count/2, true)
		w.apply()
		does("one says that it is back", "0 reads, 1 commands")
		decide(0, true)
		decide(0, false)
		w.apply()
		does("one comes and goes", "0 reads, 0 commands")
	})
}
