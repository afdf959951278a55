package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"holdfast/daemon/config"
	"holdfast/internal/event"
	"holdfast/internal/run"
	"holdfast/notify"
)

// hooks turns facts into notify scripts, lines for FIFOs and alert mails. It is a reader of the
// bus: nothing waits for it.
type hooks struct {
	log  *slog.Logger
	run  *notify.Dispatcher
	mail *notify.Mailer
	pipe *notify.FIFOs
	bus  *event.Bus

	mu     sync.Mutex // guards what follows: configure runs in the parent's loop, facts on the bus
	byName map[notify.Object]objectHooks
	router string          // router_id
	moves  map[string]bool // instances whose priority changes FIFOs are told
	repeat []notify.Object // fifo_write_vrrp_states_on_reload: what is said again, in this order
	states map[notify.Object]routerState
}

// routerState is what FIFOs were told last about an instance or group.
type routerState struct {
	state    string
	priority int
}

// objectHooks is what one object wants to be told through.
type objectHooks struct {
	hooks notify.Hooks
	alert bool // smtp_alert, inheritance resolved
	gone  bool // not in the configuration any more
}

func newHooks(log *slog.Logger, bus *event.Bus) *hooks {
	h := &hooks{log: log, bus: bus, byName: map[notify.Object]objectHooks{}, states: map[notify.Object]routerState{}}
	h.run = notify.NewDispatcher(run.Exec{}, h.report)
	h.mail = notify.NewMailer(notify.MailConfig{}, nil, h.report)
	h.pipe = notify.NewFIFOs(run.Exec{}, h.report)
	bus.Subscribe("hooks", event.KeepLastState, h.handle)
	return h
}

// configure takes over the scripts of c; hooks that wait already keep theirs.
func (h *hooks) configure(c *config.Config) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := hooksOf(c)
	for o, old := range h.byName { // an instance that is removed still says so
		if _, stays := fresh[o]; !stays && !old.gone {
			old.gone = true
			fresh[o] = old
		}
	}
	h.byName = fresh
	h.router = c.Global.RouterID
	h.mail.Configure(mailSettings(c))
	h.moves, h.repeat = priorityMoves(c), statesOnReload(c)
	h.pipe.Configure(fifos(c))
}

// report logs how hooks and mails ended, and what trackers found.
func (h *hooks) report(f event.Fact) {
	if f.Text == "" {
		return
	}
	level := slog.LevelInfo
	if f.Verbose {
		level = LevelDetail
	}
	h.log.Log(context.Background(), level, f.Text)
}

// handle is called with every fact, in order.
func (h *hooks) handle(f event.Fact) {
	h.tellPipes(f)
	switch f.Type {
	case event.Transitioned, event.LowerPriority:
	case event.TrackerChanged, event.TrackerReported:
		h.report(f)
		return
	default:
		return
	}
	state := f.To
	if f.Type == event.LowerPriority {
		state = notify.MasterRxLowerPri
	}
	o := notify.Object{Kind: f.Kind, Name: f.Name}
	h.mu.Lock()
	conf, known := h.byName[o]
	h.mu.Unlock()
	if !known {
		return
	}
	if ev, any := conf.hooks.For(o, state, f.Reason, f.Priority); any {
		h.run.Enqueue(ev)
	}
	if conf.alert && f.Type == event.Transitioned {
		h.alert(o, f)
	}
}

// tellPipes writes what FIFOs are told about a fact.
func (h *hooks) tellPipes(f event.Fact) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.linesOf(f) {
		h.pipe.Write(l.sort, l.text)
	}
}

// alert sends the mail that a change of state is worth.
func (h *hooks) alert(o notify.Object, f event.Fact) {
	h.mu.Lock()
	router := h.router
	h.mu.Unlock()
	if m, ok := alertMail(router, o, f); ok {
		h.mail.Send(m)
	}
}

// alertMail is the mail about a fact; the mailer leaves out what it has mailed
// already.
func alertMail(router string, o notify.Object, f event.Fact) (notify.Mail, bool) {
	switch o.Kind {
	case event.Instance:
		return notify.InstanceMail(router, o.Name, f.To)
	case event.Group:
		return notify.GroupMail(router, o.Name, f.To)
	case event.RealServer:
		return notify.RealServerMail(router, f.Values[valueServer], f.Values[valueService], f.To == notify.Up, f.Detail), f.Detail != ""
	case event.VirtualServer:
		return notify.VirtualServerMail(router, f.Values[valueService], f.To == notify.Up, f.Detail), f.Detail != ""
	}
	return notify.Mail{}, false
}

// Words of facts about servers.
const (
	valueServer  = "server"  // [ip]:proto:port of a real server
	valueService = "service" // of its virtual server
	// reasonRemoved: a reload took the server away; it is not down.
	reasonRemoved = "removed"
)

// mailGrace is how long a stopping daemon waits for its mail relay: keepalived
// does not wait at all, and a relay that is down must not keep an address down.
const mailGrace = time.Second

// close waits for hooks that are under way and for readers of FIFOs until ctx
// ends, and for mails as long as mailGrace.
func (h *hooks) close(ctx context.Context) {
	if err := h.run.Close(ctx); err != nil {
		h.log.Warn(fmt.Sprintf("hooks: %v", err))
	}
	if err := h.pipe.Close(ctx); err != nil {
		h.log.Warn(err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, mailGrace)
	defer cancel()
	if err := h.mail.Close(ctx); err != nil {
		h.log.Warn(fmt.Sprintf("mail: %v", err))
	}
}
