package daemon

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"holdfast/checkers"
	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/ipvs"
	"holdfast/nft"
)

// checkerRole is the checker process: the pool that asks real servers, the
// machines that decide which of them serve, the keeper of the kernel's table.
type checkerRole struct {
	*childProcess
	keeper   *keeper
	pool     *checkers.Pool
	reports  *mailbox[checkers.Report]
	services []*runningService
	sharers  map[ipvs.ServiceKey][]*runningService // whose service in the table it is
	byCheck  map[uint64]checkOf
	touched  []*runningService // want another table than the keeper was told
	told     []message         // for the parent as soon as the table is so
	states   map[string]string // instances, for the sync daemon
	numbers  map[string]int    // in track_files
	sessions sessions          // that BFD_CHECKs follow
	marks    *marks            // of virtual server groups; nil: they have none
	marking  *marking          // sets them, nil likewise

	following bool // a sync daemon was asked for

	processors func(one bool) // useProcessors; nil: as they are

	addresses *mailbox[localAddress] // for ha_suspend; nil: none has it
	local     map[netip.Addr]int     // on how many links they stand
	asleep    map[string]string      // owners of checkers that are suspended → their server
}

// runningService is one virtual server at work.
type runningService struct {
	*config.Service
	machine ipvs.VirtualServer
	last    struct{ check, cause, quorum string } // what the next mail is about
	starts  bool                                  // its machine begins
	dynamic map[ipvs.ServerKey]int64              // what misc_dynamic adds to configured weights
	filed   map[ipvs.ServerKey]bool               // servers whose weight files have moved
}

// checkOf says whose check a pool's checker is.
type checkOf struct {
	service *runningService
	server  ipvs.ServerKey
}

// runCheckers is the life of the checker process.
func (c *childProcess) runCheckers(start startMessage) int {
	r := &checkerRole{childProcess: c, reports: newMailbox[checkers.Report](), states: statesIn(start.Resume)}
	r.know(start.Tracked)
	options := ipvsOptions(&c.conf.Global)
	client := ipvs.New(options)
	defer client.Close()
	r.keeper = newKeeper(c.log, client)
	ctx, cancel := context.WithCancel(context.Background())
	var helpers sync.WaitGroup
	helpers.Go(func() { r.keeper.run(ctx) })
	defer helpers.Wait()
	defer cancel()
	if c.conf.Global.Firewall.IPVSTable.Text != "" {
		r.marking = &marking{log: c.log}
		tables := nft.NewWorker(openTables(options.Netns), r.marking.tablesDone)
		r.marking.tables = tables.Want
		helpers.Go(func() { tables.Run(ctx) })
	}

	distrust(c.conf.Services, start.Down)
	specs := c.conf.Checks()
	r.pool = checkers.NewPool(r.reports.put)
	r.pool.Limit = probeLimit()
	helpers.Go(func() { r.pool.Run(ctx, specs) })
	if err := r.heedAddresses(ctx, &helpers); err != nil {
		return c.fail(ExitFatal, "FATAL", err)
	}
	first := wish{flush: c.conf.Global.LVSFlush, timeouts: c.conf.Global.LVSTimeouts}
	r.sweep()
	if first.flush || first.timeouts != nil {
		r.keeper.want(first)
	}
	if err := r.adopt(ctx, c.conf.Services); err != nil {
		return c.fail(ExitFatal, "FATAL", err)
	}
	r.followInstance()
	c.ready()
	r.processors = useProcessors
	r.processors(oneIsEnough(specs))
	r.serve(ctx, &helpers)
	r.release(c.conf)
	c.log.Info("Stopped")
	return ExitOK
}

// ipvsOptions say where the IPVS table is: net_namespace_ipvs, without a name
// the default namespace, which is that of the process 1.
func ipvsOptions(g *config.Globals) ipvs.Options {
	o := ipvs.Options{ReceiveBuffer: g.Buffers.LVSCommand.Size, ForceBuffer: g.Buffers.LVSCommand.Force}
	switch name := g.NamespaceIPVS; {
	case name == nil:
	case *name == "":
		o.Netns = "/proc/1/ns/net"
	default:
		o.Netns = filepath.Join("/run/netns", *name)
	}
	return o
}

// statesIn are the states of instances, which the sync daemon follows from the
// first moment on: that of an active router must not be replaced because the
// checker process is.
func statesIn(resume map[string]snapshot) map[string]string {
	states := map[string]string{}
	for name, s := range resume {
		states[name] = s.State
	}
	return states
}

// heedAddresses begins to follow the addresses of this machine when a service
// has ha_suspend, and stops the checkers that are not to run.
func (r *checkerRole) heedAddresses(ctx context.Context, helpers *sync.WaitGroup) error {
	if r.addresses == nil && suspends(r.conf) {
		kernel, err := host.OpenNetlink()
		if err != nil {
			return err
		}
		b := &r.conf.Global.Buffers
		if err := kernel.SetReceiveBuffers(octets(b.LVSCommand), octets(b.LVSMonitor)); err != nil {
			r.log.Error(err.Error())
		}
		news := newMailbox[localAddress]()
		done, err := followAddresses(ctx, kernel, news.put)
		if done != nil {
			helpers.Go(func() {
				<-done
				kernel.Close()
			})
		} else {
			kernel.Close()
		}
		if err != nil {
			return fmt.Errorf("follow addresses for ha_suspend: %w", err)
		}
		r.addresses, r.local = news, map[netip.Addr]int{}
		r.count(r.addresses.take())
	}
	return r.suspend(ctx)
}

// news delivers something when an address has come or gone.
func (r *checkerRole) news() <-chan struct{} {
	if r.addresses == nil {
		return nil
	}
	return r.addresses.ready()
}

// downServers are the real servers that are down now.
func (r *checkerRole) downServers() []string {
	var down []string
	for _, s := range r.services {
		for _, srv := range s.machine.Snapshot().Servers {
			if !srv.Alive {
				down = append(down, config.ServerObject(s.ServerName(srv.Server), s.Params.Name))
			}
		}
	}
	return down
}

// distrust makes servers that were down, before a predecessor was killed or
// before a reload, prove themselves before they get traffic: a check that is
// new to them begins as failed.
func distrust(services []*config.Service, down []string) {
	bad := map[string]bool{}
	for _, d := range down {
		bad[d] = true
	}
	for _, s := range services {
		for i := range s.Params.Servers {
			if !bad[config.ServerObject(s.Params.Servers[i].Name, s.Params.Name)] {
				continue
			}
			for j := range s.Checks[i] {
				s.Checks[i][j].Timing.Alpha = true
			}
		}
	}
}

// adopt matches machines with the services of a configuration: those that stay
// keep their state, as the pool's checkers do. It is start and reload alike.
func (r *checkerRole) adopt(ctx context.Context, services []*config.Service) error {
	status, err := r.pool.Status(ctx)
	if err != nil {
		return fmt.Errorf("ask the checker pool: %w", err)
	}
	old := map[string]*runningService{}
	for _, s := range r.services {
		old[s.Params.Name] = s
	}
	r.byCheck = map[uint64]checkOf{}
	r.marks = newMarks(r.conf, r.marks.owners())
	var list []*runningService
	for _, s := range services {
		run := old[s.Params.Name]
		known := run != nil
		if known {
			delete(old, s.Params.Name)
			run.Service = s
			run.last.check, run.last.quorum = "", ""
		} else {
			run = &runningService{Service: s}
		}
		params := s.Params
		params.Servers, params.Keys = nil, r.marks.settle(s)
		for i, srv := range s.Params.Servers {
			srv.Checkers = nil
			for range s.Checks[i] {
				st := status[0] // in the order of the specs
				status = status[1:]
				srv.Checkers = append(srv.Checkers, ipvs.Check{ID: checkID(st.ID), Alpha: !st.Up})
				r.byCheck[st.ID] = checkOf{run, srv.Key}
			}
			srv.Checkers = append(srv.Checkers, r.fileCheckers(s.Files[i])...)
			srv.Checkers = append(srv.Checkers, r.sessions.checks(s.Sessions[i])...)
			params.Servers = append(params.Servers, srv)
		}
		list = append(list, run)
		if known {
			r.do(run, r.judge(run, run.machine.Step(ipvs.Reconfigure{Params: params}, nil)))
		} else {
			run.starts = true
			r.do(run, unsaid(r.judge(run, run.machine.Step(ipvs.Startup{Params: params}, nil))))
			run.starts = false
		}
	}
	for _, gone := range r.services {
		if old[gone.Params.Name] == gone {
			r.do(gone, gone.machine.Step(ipvs.Removed{}, nil))
		}
	}
	r.services = list
	r.applyAll()
	return nil
}

func checkID(id uint64) string { return strconv.FormatUint(id, 10) }

func (r *checkerRole) serve(ctx context.Context, helpers *sync.WaitGroup) {
	for {
		select {
		case <-r.terms:
			return
		case <-r.reports.ready():
			for _, rep := range r.reports.take() {
				r.handleReport(rep)
			}
			r.apply() // one server may be that of a thousand services
		case <-r.news():
			r.count(r.addresses.take())
			if err := r.suspend(ctx); err != nil {
				r.log.Error(err.Error())
			}
		case m, ok := <-r.link.Messages():
			switch {
			case !ok || m.Stop:
				return
			case m.Instance != nil:
				r.states[m.Instance.Name] = m.Instance.State
				r.followInstance()
			case m.Verdict != nil:
				r.tracked(*m.Verdict)
				r.apply()
			case m.Reload != nil:
				r.reload(ctx, helpers, *m.Reload)
			}
		}
	}
}

func (r *checkerRole) reload(ctx context.Context, helpers *sync.WaitGroup, m reloadMessage) {
	r.standing.relax()
	if r.processors != nil { // much to do for a moment
		r.processors(false)
		defer func() { r.processors(oneIsEnough(r.conf.Checks())) }()
	}
	conf, err := config.Decode(m.Config, m.Told)
	if err != nil {
		r.log.Error(err.Error())
		return
	}
	r.log.Info("Reloading")
	r.know(m.Tracked)
	old := r.conf
	r.conf = conf
	distrust(conf.Services, r.downServers())
	err = r.heedAddresses(ctx, helpers)
	if err == nil {
		err = r.pool.Reconfigure(ctx, conf.Checks())
	}
	if err == nil {
		err = r.adopt(ctx, conf.Services)
	}
	if err != nil {
		r.log.Error(err.Error())
	}
	r.changeTimeouts(old, conf)
	r.sweep()
	r.followInstance()
	r.ready()
}

// sweep tells the keeper how often to look at the table by itself.
func (r *checkerRole) sweep() {
	r.keeper.want(wish{sweep: cmp.Or(time.Duration(r.conf.Global.LVSSweep)*time.Second, tableSweep)})
}

func (r *checkerRole) changeTimeouts(old, conf *config.Config) {
	was, now := config.LVSTimeouts{}, config.LVSTimeouts{}
	if old.Global.LVSTimeouts != nil {
		was = *old.Global.LVSTimeouts
	}
	if conf.Global.LVSTimeouts != nil {
		now = *conf.Global.LVSTimeouts
	}
	if was == now {
		return
	}
	r.keeper.want(wish{timeouts: &config.LVSTimeouts{}}) // the kernel's own first
	if now != (config.LVSTimeouts{}) {
		r.keeper.want(wish{timeouts: &now})
	}
}

// followInstance gives the IPVS sync daemon the role of the instance it follows.
func (r *checkerRole) followInstance() {
	d, vrid := r.conf.SyncDaemon()
	if d == nil && !r.following {
		return
	}
	r.following = d != nil
	state := ""
	if d != nil {
		state = r.states[d.Instance]
	}
	daemons := daemonsFor(d, state, vrid)
	r.keeper.want(wish{daemons: &daemons})
}

// probeLimit leaves half of the descriptors for everything that is not a probe,
// and for those that have two.
func probeLimit() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0 // the pool's own
	}
	return int(min(l.Cur/2, checkers.DefaultLimit))
}

// handleReport passes what a checker found to the machine of its virtual server.
func (r *checkerRole) handleReport(rep checkers.Report) {
	switch a := rep.Action.(type) {
	case checkers.Log:
		r.log.Info(a.Text)
	case checkers.Overdue:
		r.log.Warn(a.Text)
	case checkers.VerdictChanged:
		r.verdict(rep, a)
	}
}

func (r *checkerRole) verdict(rep checkers.Report, v checkers.VerdictChanged) {
	of, known := r.byCheck[rep.ID]
	if !known {
		return // a checker that a reload has removed meanwhile
	}
	var out []ipvs.Action
	if _, computed := of.service.dynamic[of.server]; v.Up && (v.Weight != nil || computed && computes(rep.Spec)) {
		out = of.service.machine.Step(r.dynamicWeight(of, v.Weight), out)
	}
	out = of.service.machine.Step(ipvs.VerdictChanged{Server: of.server, Check: checkID(rep.ID), Up: v.Up}, out)
	of.service.last.check, of.service.last.cause = rep.Spec.Kind.Keyword, smtpCause(rep.Spec, v.Verdict)
	if len(out) == 0 && v.First && !v.Up {
		// An alpha server that fails its first check was never up; its script
		// hears of it all the same, as with keepalived.
		out = append(out, ipvs.NotifyServer{Server: of.server})
	}
	if v.Detail != "" && !v.Up {
		r.log.Debug(fmt.Sprintf("%s check of %s: %s", rep.Spec.Kind.Keyword, rep.Spec.Names.Server, v.Detail))
	}
	r.do(of.service, out)
}

// release takes everything of ours out of the kernel.
func (r *checkerRole) release(conf *config.Config) {
	for _, s := range r.services {
		for _, a := range s.machine.Step(ipvs.Shutdown{}, nil) {
			if _, table := a.(ipvs.Apply); !table { // one pass for all, below
				r.do(s, []ipvs.Action{a})
			}
		}
	}
	r.tell()
	last := wish{table: ipvs.Table{}, timeouts: &config.LVSTimeouts{}, daemons: &[]ipvs.SyncDaemon{}}
	if f := conf.Global.LVSFlushStop; f != nil && !f.OnlyOurs {
		last.flush = true
	}
	if r.opt.KeepIPVS {
		last.table, last.flush = nil, false
	}
	if r.marking != nil && !r.opt.KeepIPVS {
		r.marking.want(nft.Marks{Table: r.marks.Table})
	}
	done := make(chan struct{})
	last.done = done
	r.keeper.want(last)
	select {
	case <-done:
	case <-time.After(releaseLimit):
		r.log.Error(fmt.Sprintf("virtual services could not be removed within %v", releaseLimit))
	}
}
