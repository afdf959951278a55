package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"holdfast/internal/event"
	"holdfast/internal/run"
	"holdfast/notify"
)

// hooks turns facts into notify scripts and alert mails. It is a reader of the
// bus: nothing waits for it.
type hooks struct {
	log  *slog.Logger
	run  *notify.Dispatcher
	mail *notify.Mailer
	bus  *event.Bus

	mu     sync.Mutex // guards what follows: configure runs in the parent's loop, facts on the bus
	byName map[notify.Object]objectHooks
	mailed map[notify.Object]string // state last mailed
	policy mailPolicy
}

// objectHooks is what one object wants to be told through.
type objectHooks struct {
	hooks notify.Hooks
	alert bool // smtp_alert, inheritance resolved
}

// mailPolicy are the globals that decide about mails.
type mailPolicy struct {
	routerID      string
	noEmailFaults bool
}

func newHooks(log *slog.Logger, bus *event.Bus) *hooks {
	h := &hooks{log: log, bus: bus, byName: map[notify.Object]objectHooks{}, mailed: map[notify.Object]string{}}
	h.run = notify.NewDispatcher(run.Exec{}, h.report)
	h.mail = notify.NewMailer(h.report)
	bus.Subscribe("hooks", event.KeepLastState, h.handle)
	return h
}

// configure takes over the scripts of c; hooks that wait already keep theirs.
func (h *hooks) configure(c *Config) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.byName = c.objectHooks()
	h.policy = mailPolicy{routerID: c.Global.RouterID, noEmailFaults: c.Global.NoEmailFaults}
	h.mail.Configure(c.mailSettings())
}

// report logs how hooks and mails ended.
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
	switch f.Type {
	case event.Transitioned, event.LowerPriority:
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

// alert sends the mail that a change of state is worth, once per state.
func (h *hooks) alert(o notify.Object, f event.Fact) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mailed[o] == f.To && f.Kind == event.Instance || f.To == notify.Fault && h.policy.noEmailFaults {
		return
	}
	h.mailed[o] = f.To
	if m, ok := notify.Alert(h.policy.routerID, f); ok {
		h.mail.Send(m)
	}
}

// close waits for hooks and mails that are under way, until ctx ends.
func (h *hooks) close(ctx context.Context) {
	if err := h.run.Close(ctx); err != nil {
		h.log.Warn(fmt.Sprintf("hooks: %v", err))
	}
	if err := h.mail.Close(ctx); err != nil {
		h.log.Warn(fmt.Sprintf("mail: %v", err))
	}
}
