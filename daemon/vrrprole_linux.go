package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/nft"
	"holdfast/vrrp"
)

// releaseLimit bounds how long a stopping VRRP process waits for the kernel to
// take its addresses away.
const releaseLimit = 2 * time.Second

// vrrpRole is the VRRP process: the loop that owns the virtual routers, the
// worker that keeps the host as it should be, the announcer. It never forks,
// resolves names or waits for the parent.
type vrrpRole struct {
	*childProcess
	kernel    *host.Netlink
	worker    *host.Worker
	firewall  *firewall
	announcer *announcer
	loop      *vrrp.Loop
	hostNews  *mailbox[host.Event]
	alarms    *alarms
	looks     context.Context // of the looks for senders
	tracking  *tracking
	holds     holdDowns
	state     host.State // as last read
	watch     *linkWatch
	beat      *linkbeat
	sources   map[string]source    // of instances, as last told
	known     map[string]host.Link // interfaces of instances, as last told
	deaf      map[string]bool      // instances, as last told
	unknown   atomic.Bool          // log_unknown_vrids
	missing   map[string]string    // links of ours that could not be made, by instance

	mu           sync.Mutex // guards what follows: effects run in the loop's goroutine
	byName       map[string]*config.Instance
	previous     map[string]*config.Instance // of the configuration before: what is removed goes by its rules
	statics      config.Statics
	globals      *config.Globals
	links        map[string]host.Link
	own          layout                // links of ours
	leavingLinks []ownLink             // those of the configuration before, while routers go by them
	linkLocals   map[string]netip.Addr // what links of ours take over, by parent
	seq          uint64
	active       map[string]bool
	priority     map[string]int
	groups       map[string]vrrp.State // of sync groups, as last published
	stopping     bool
}

// runVRRP is the life of the VRRP process.
func (c *childProcess) runVRRP(start startMessage) int {
	r := &vrrpRole{
		childProcess: c, hostNews: newMailbox[host.Event](), tracking: newTracking(), holds: holdDowns{}, watch: newLinkWatch(),
		sources: map[string]source{}, known: map[string]host.Link{}, deaf: map[string]bool{},
		priority: map[string]int{}, active: map[string]bool{}, groups: map[string]vrrp.State{},
	}
	kernel, err := host.OpenNetlink()
	if err != nil {
		return c.fail(ExitFatal, "FATAL", err)
	}
	defer kernel.Close()
	if err := kernel.SetReceiveBuffers(netlinkBuffers(&c.conf.Global.Buffers)); err != nil {
		c.log.Warn(err.Error())
	}
	beat, err := host.OpenBeat()
	if err != nil {
		return c.fail(ExitFatal, "FATAL", err)
	}
	defer beat.Close()
	frames, err := host.OpenFrameSocket()
	if err != nil {
		return c.fail(permissionStatus(err), "FATAL", err)
	}
	defer frames.Close()
	timer, err := vrrp.NewTimer()
	if err != nil {
		return c.fail(ExitFatal, "FATAL", err)
	}
	defer timer.Close()
	r.kernel = kernel
	r.worker = host.NewWorker(kernel, r.hostNews.put)
	if err := r.worker.Remember(sysctlJournal(c.opt.VRRPPIDFile)); err != nil {
		c.log.Warn(err.Error())
	}
	r.firewall = &firewall{log: c.log, host: r.worker.Want}
	tables := nft.NewWorker(nft.Open(), r.firewall.tablesDone)
	r.firewall.tables = tables.Want
	r.announcer = newAnnouncer(c.log, frames)
	r.alarms = newAlarms(c.log, findMAC, r.send)
	r.loop = vrrp.NewLoop(r, r.listen, timer)
	r.beat = newLinkbeat(c.log, beat)

	ctx, cancel := context.WithCancel(context.Background())
	var helpers sync.WaitGroup
	helpers.Go(func() { r.worker.Run(ctx) })
	helpers.Go(func() { tables.Run(ctx) })
	helpers.Go(func() { r.announcer.run(ctx) })
	helpers.Go(func() { r.beat.run(ctx) })
	r.looks = ctx
	defer r.alarms.wait.Wait()
	defer helpers.Wait()
	defer cancel()

	if err := r.readHost(ctx); err != nil {
		return c.fail(permissionStatus(err), "FATAL", err)
	}
	r.tracking.know(start.Tracked)
	if start.Delay.Left > 0 {
		r.log.Info(delayLine(start.Delay.Whole))
		r.loop.Delay(time.Now().Add(start.Delay.Left))
	}
	loopCtx, stopLoop := context.WithCancel(ctx)
	var loop sync.WaitGroup
	loop.Go(func() { r.loop.Run(loopCtx) }) // before it is told more than its inbox holds
	r.configure(ctx, c.conf, start.Resume)
	c.ready()
	r.serve(ctx)

	r.mu.Lock()
	r.stopping = true
	r.mu.Unlock()
	stopLoop()
	loop.Wait()
	r.stopGroups()
	r.release(ctx)
	c.log.Info("Stopped")
	return ExitOK
}

func permissionStatus(err error) int {
	if errors.Is(err, syscall.EPERM) {
		return ExitPermission
	}
	return ExitFatal
}

// serve handles news until it is time to stop.
func (r *vrrpRole) serve(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	lasting := vrrp.NewGoTimer() // when a change of a link has lasted
	defer lasting.Close()
	for {
		lasting.Set(r.watch.deadline())
		if at := r.holds.next(); !at.IsZero() {
			timer.Reset(max(0, time.Until(at)))
		}
		select {
		case <-timer.C:
			r.letGo(time.Now())
		case <-r.terms:
			return
		case <-lasting.C():
			r.settleLinks(r.watch.again(time.Now()))
		case <-r.beat.news.ready():
			r.beaten(r.beat.news.take())
		case <-r.hostNews.ready():
			r.handleHost(ctx, r.hostNews.take())
		case m, ok := <-r.link.Messages():
			if !ok || m.Stop {
				return // a parent that is gone cannot want us to go on
			}
			r.handleMessage(ctx, m)
		}
	}
}

func (r *vrrpRole) handleMessage(ctx context.Context, m message) {
	switch {
	case m.Verdict != nil:
		for _, line := range sessionLines(*m.Verdict, time.Now(), r.tracking.trackersOfSession(*m.Verdict)) {
			r.say(line)
		}
		events := r.tracking.set(*m.Verdict)
		for _, e := range events {
			if line := fileFaultLine(e); line != "" {
				r.log.Log(ctx, LevelDetail, line)
			}
		}
		r.deliver(events)
	case m.Reload != nil:
		r.standing.relax()
		conf, err := config.Decode(m.Reload.Config, m.Reload.Told)
		if err != nil {
			r.log.Error(err.Error())
			return
		}
		r.log.Info("Reloading")
		r.tracking.know(m.Reload.Tracked)
		r.conf = conf
		if m.Reload.Delay != nil {
			r.loop.Delay(time.Now().Add(*m.Reload.Delay))
		}
		r.configure(ctx, conf, nil)
		r.ready()
	}
}

// say logs a line at its level.
func (r *vrrpRole) say(line logLine) {
	level := slog.LevelInfo
	switch {
	case line.detail:
		level = LevelDetail
	case line.alarm:
		level = slog.LevelWarn
	}
	r.log.Log(context.Background(), level, line.text)
}

func (r *vrrpRole) deliver(events []instanceEvent) {
	for _, e := range events {
		r.loop.Deliver(e.instance, e.event)
	}
}

// configure puts a configuration in force, at start and at reload alike.
func (r *vrrpRole) configure(ctx context.Context, conf *config.Config, resume map[string]snapshot) {
	own := layOut(conf, r.state.Links)
	byName := map[string]*config.Instance{}
	var list []vrrp.Instance
	var watched []*tracked
	for _, in := range conf.Instances {
		byName[in.Name] = in
		watched = append(watched, trackedBy(conf, in))
	}
	r.mu.Lock()
	r.previous, r.byName, r.statics, r.globals = r.byName, byName, conf.Statics, &conf.Global
	maps.DeleteFunc(r.groups, func(name string, _ vrrp.State) bool {
		return !slices.ContainsFunc(conf.Groups, func(g *config.Group) bool { return g.Name == name })
	})
	before := r.own
	r.own, r.leavingLinks = own, before.without(own)
	for _, in := range conf.Instances {
		if _, known := r.priority[in.Name]; !known {
			r.priority[in.Name] = int(in.Params.Priority)
		}
		if r.resumed(in, resume) != nil { // what it has stays until the loop says otherwise
			r.active[in.Name] = true
		}
	}
	r.mu.Unlock()
	if line := unnamedTable(conf); line != "" {
		r.log.Info(line)
	}
	if !own.sameLinks(before) {
		r.makeLinks(ctx)
	}
	r.announcer.setExtras(own.extrasOf(conf))
	r.announcer.setGroups(conf)
	r.unknown.Store(conf.Global.LogUnknownVRIDs)
	r.watch.configure(conf.Delays)
	r.beat.configure(ctx, polledLinks(conf))
	r.tracking.links = r.watch.see(time.Now(), r.state.Links)
	r.findConflicts()
	changes := r.tracking.configure(watched)
	changes = append(changes, r.holds.configure(conf, r.state.Links)...)
	for _, in := range conf.Instances {
		vi := loopInstance(in)
		vi.Link = own.adverts[in.Name]
		src := r.sourceOf(in)
		r.sources[in.Name], vi.Params.PrimaryAddr = src, src.addr
		vi.ReceiveBuffer = receiveBuffer(conf, in, r.state.Links)
		vi.Faults = append(r.tracking.faultsOf(in.Name), r.holds.faultsOf(in.Name)...)
		if !src.addr.IsValid() {
			vi.Faults = append(vi.Faults, src.fault())
		}
		vi.Effective = startPriority(changes, in.Name)
		vi.Resume = r.resumed(in, resume)
		list = append(list, vi)
	}
	r.loop.Configure(list)
	r.deliver(changes)
	r.deliver(r.againSources())
	clear(r.deaf)
	r.settleLinks(r.tracking.links)
	r.renewAddresses(conf.Global.AddressLifetime)
	r.dropLinks(ctx)
}

// loopInstance is in as the loop wants it.
func loopInstance(in *config.Instance) vrrp.Instance {
	return vrrp.Instance{Name: in.Name, Interface: in.Interface, SyncGroup: in.SyncGroup, Params: in.Params}
}

// resumed is the state a predecessor left, if the host still carries what a
// router in that state carries.
func (r *vrrpRole) resumed(in *config.Instance, resume map[string]snapshot) *vrrp.Snapshot {
	was, known := resume[in.Name]
	if !known || was.State != vrrp.Active.Keepalived() {
		return nil
	}
	for _, a := range in.Addresses {
		if _, there := r.state.Addresses[a.Key()]; !there {
			return nil
		}
	}
	return &vrrp.Snapshot{State: vrrp.Active, Priority: in.Params.Priority, LastTransition: was.Since,
		LastSent: was.Until.Add(-in.Params.Interval())}
}

// readHost takes the host's links and addresses in.
func (r *vrrpRole) readHost(ctx context.Context) error {
	state, err := r.kernel.Read(ctx)
	if err != nil {
		return err
	}
	r.state = state
	r.mu.Lock()
	r.links = state.Links
	r.mu.Unlock()
	r.announcer.setLinks(state.Links)
	r.copyLinkLocals()
	return nil
}

// handleHost takes in what the worker saw and did.
func (r *vrrpRole) handleHost(ctx context.Context, news []host.Event) {
	changed := false
	for _, n := range news {
		switch n := n.(type) {
		case host.Observed:
			changed = r.observed(n.Change) || changed
		case host.Reconciled:
			r.reconciled(n)
		case host.RepairStorm:
			r.storm(time.Now(), n)
		case host.WatchLost:
			r.log.Warn("changes of addresses and links are not seen for a moment", "error", n.Err)
		}
	}
	if !changed {
		return
	}
	if err := r.readHost(ctx); err != nil {
		r.log.Error(err.Error())
		return
	}
	r.mu.Lock()
	r.firewall.refilter(r.filter(r.active)) // an interface that came back has another index
	r.mu.Unlock()
	r.settleLinks(r.watch.see(time.Now(), r.state.Links))
	r.settleSources()
}

// observed logs a change and reports whether links or source addresses may be
// others now. Our own virtual addresses come and go without being news.
func (r *vrrpRole) observed(c host.Change) bool {
	switch c.Kind {
	case host.LinkUp:
		r.log.Info("Netlink reports " + c.Link.Name + " up")
	case host.LinkDown:
		r.log.Info("Netlink reports " + c.Link.Name + " down")
	case host.LinkAdded:
		r.log.Debug("Interface " + c.Link.Name + " added")
	case host.LinkDeleted:
		r.log.Debug("Interface " + c.Link.Name + " deleted")
	case host.LinkRenamed:
		r.log.Info("Interface name has changed from " + c.Old + " to " + c.Link.Name)
	case host.AddressAdded, host.AddressRemoved:
		a := c.Address.Prefix.Addr()
		if r.opt.AddressMonitor {
			r.log.Info(fmt.Sprintf("Netlink reflector reports %v %s", a, map[bool]string{true: "added", false: "removed"}[c.Kind == host.AddressAdded]))
		}
		if r.conf.IsVirtual(a) {
			return false
		}
		if c.Kind == host.AddressAdded && c.Address.Tentative {
			return true // not usable yet: its assignment is news when it is
		}
		if c.Kind == host.AddressAdded {
			r.log.Debug(fmt.Sprintf("Assigned address %v for interface %s", a, c.Address.Link))
		} else {
			r.log.Debug(fmt.Sprintf("Deassigned address %v from interface %s", a, c.Address.Link))
		}
	case host.RouteAdded, host.RouteRemoved, host.RuleAdded, host.RuleRemoved:
		return false
	}
	return true
}

// reconciled passes an outcome on to the routers and to the announcer.
func (r *vrrpRole) reconciled(n host.Reconciled) {
	for _, op := range n.Done {
		r.log.Debug(op.String(), "cause", n.Cause)
	}
	if n.Sysctls != nil {
		r.log.Warn(n.Sysctls.Error())
	}
	r.linksMade(n)
	if n.Err != nil {
		r.log.Error(n.Err.Error())
		r.loop.Deliver("", vrrp.HostFailed{Err: n.Err})
	}
	r.repaired(time.Now(), n)
	r.announcer.carriedOut(n.Seq, n.State.Links)
	r.firewall.hostDone(n.Seq, n.Err)
	if n.Err != nil {
		return
	}
	r.mu.Lock()
	var active []string
	for name := range r.active {
		active = append(active, name)
	}
	r.mu.Unlock()
	repaired := repairedInstances(r.conf, n.State.Links, n.Repairs)
	for _, name := range active {
		r.loop.Deliver(name, vrrp.HostApplied{Repaired: repaired[name]})
	}
}

// release waits until the host carries nothing of ours any more.
func (r *vrrpRole) release(ctx context.Context) {
	if r.opt.KeepVRRP {
		return
	}
	r.mu.Lock()
	r.seq++
	last := r.seq
	d := desiredHost(last, r.byName, nil, config.Statics{})
	r.mu.Unlock()
	r.firewall.leave()
	r.worker.Want(d)
	limit := time.After(releaseLimit)
	var filterGone <-chan struct{}
	for {
		select {
		case <-r.hostNews.ready():
			for _, n := range r.hostNews.take() {
				done, ok := n.(host.Reconciled)
				if !ok {
					continue
				}
				r.logLinks(done)
				if done.Seq >= last && filterGone == nil {
					if err := errors.Join(done.Err, done.Sysctls); err != nil {
						r.log.Error(err.Error())
					}
					filterGone = r.firewall.release(last)
				}
			}
		case <-filterGone:
			return
		case <-limit:
			r.log.Error(fmt.Sprintf("addresses and their filter could not be removed within %v", releaseLimit))
			return
		case <-ctx.Done():
			return
		}
	}
}

// faultsOf are the faults an instance starts with.
func (t *tracking) faultsOf(name string) []vrrp.FaultRaised {
	for _, i := range t.instances {
		if i.name == name {
			return sortedFaults(i.faults)
		}
	}
	return nil
}
