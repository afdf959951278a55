package daemon

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/nft"
	"holdfast/vrrp"
)

// filterPatience is how long addresses wait for the kernel to drop what is sent
// to them. Another process that loads a large ruleset can hold nf_tables for
// long, and an address that nobody has is worse than one that answers.
const filterPatience = 500 * time.Millisecond

// firewall keeps filter and addresses in order: what is to be dropped is
// dropped before its address is there, and for as long as it is. It has no
// goroutine; those of the two workers call it, and it waits for neither.
type firewall struct {
	log    *slog.Logger
	tables func(nft.Wish)     // nft.Worker.Want
	host   func(host.Desired) // host.Worker.Want

	mu      sync.Mutex // guards what follows
	begun   bool
	asked   filterWish    // what the tables were asked to be last
	then    *filterWish   // what they are to be when the host has carried out wish last; nil: asked
	last    host.Desired  // the newest wish
	held    *host.Desired // it, while it waits for the tables
	timer   *time.Timer   // ends that
	lastErr string
	done    chan struct{} // closed when the tables are as release asked; nil: nobody waits
	doneSeq uint64
}

// filterWish is a filter, and what may be left of an earlier one.
type filterWish struct {
	nft.Filter
	Named     bool         // the configuration names the table: it is ours whatever is in it
	Addresses []netip.Addr // all that move with an instance
}

// guards reports whether packets to the addresses of in are dropped while it is
// active. An address owner accepts them (RFC 9568 section 6.4.3).
func guards(in *config.Instance) bool { return !in.Settled.Accept && !in.Params.Owner() }

// desiredFilter folds over the routers' states, as desiredHost does.
func desiredFilter(g *config.Globals, byName map[string]*config.Instance, active map[string]bool, links map[string]host.Link) filterWish {
	f := filterWish{Named: g.Firewall.NFTables.Text != "", Filter: nft.Filter{Table: g.Firewall.Table(),
		Priority: g.Firewall.Priority, Counters: g.Firewall.Counters}}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		in := byName[name]
		for _, a := range slices.Concat(in.Addresses, in.Excluded) {
			f.Addresses = append(f.Addresses, a.Prefix.Addr())
			if guards(in) {
				f.Guarded = append(f.Guarded, nft.Guarded{Addr: a.Prefix.Addr(), Link: a.Link, Index: links[a.Link].Index,
					ByName: in.DontTrackPrimary && !g.Firewall.IfIndex, Active: active[name]})
			}
		}
	}
	return f
}

// filter is what the routers want to be dropped while these are active; r.mu is
// held.
func (r *vrrpRole) filter(active map[string]bool) filterWish {
	f := desiredFilter(r.globals, r.byName, active, r.links)
	for _, v := range r.own.vmacs(r.links) {
		to := nft.VMAC{Name: v.Name, Index: v.Index, Base: v.Base, BaseIndex: v.BaseIndex}
		if v.IPv4 && !r.globals.DisableLocalIGMP { // which ends the reports themselves
			f.VMACs = append(f.VMACs, to)
		}
		if to.IPv6 = true; v.IPv6 {
			f.VMACs = append(f.VMACs, to)
		}
	}
	return f
}

// want asks for addresses and their filter. Both may come at once or one after
// the other; which of the two, the states before and after decide.
func (fw *firewall) want(d host.Desired, f filterWish) {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	fw.last = d
	now := fw.meanwhile(f)
	wait := fw.held != nil || drops(now, fw.asked)
	fw.ask(now)
	if !wait {
		fw.host(d)
		return
	}
	fw.held = &d
	if fw.timer == nil {
		fw.timer = time.AfterFunc(filterPatience, fw.tooLate)
	}
}

// refilter asks for another filter for the same addresses: links have changed.
// Until the routers have said what they are there is none to be changed.
func (fw *firewall) refilter(f filterWish) {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	if !fw.begun {
		return
	}
	if fw.then == nil {
		fw.ask(f)
		return
	}
	fw.ask(fw.meanwhile(f))
}

// meanwhile is f with what has to be dropped until addresses have gone.
func (fw *firewall) meanwhile(f filterWish) filterWish {
	stays := map[netip.Addr]bool{}
	for k := range fw.last.Addresses {
		stays[k.Prefix.Addr()] = true
	}
	now := f
	for _, g := range fw.asked.Guarded {
		if g.Active && !stays[g.Addr] {
			now.Guarded = append(slices.Clip(now.Guarded), g)
		}
	}
	if fw.then = nil; len(now.Guarded) > len(f.Guarded) {
		fw.then = &f
	}
	return now
}

// drops reports whether now drops what before did not.
func drops(now, before filterWish) bool {
	return slices.ContainsFunc(now.Guarded, func(g nft.Guarded) bool { return g.Active && !slices.Contains(before.Guarded, g) })
}

// ask passes a wish on, unless it is the one that stands.
func (fw *firewall) ask(f filterWish) {
	if fw.begun && fw.held == nil && reflect.DeepEqual(f, fw.asked) {
		return // a wish that is held waits for an answer
	}
	fw.begun, fw.asked = true, f
	w := nft.Wish{Seq: fw.last.Seq, Tables: nft.Desired(f.Filter), Names: f.Names()}
	keys := []nft.Key{{Family: nft.IPv4, Name: f.Table}, {Family: nft.IPv6, Name: f.Table}}
	switch {
	case f.Named, len(w.Tables) > 0:
		w.Ours = keys
	case nftablesLoaded():
		w.Perhaps, w.Addresses = keys, f.Addresses
	}
	fw.tables(w)
}

// nftablesLoaded reports whether looking for tables loads no module. Where
// nobody wants a filter, nf_tables shall not come to be loaded by us.
func nftablesLoaded() bool {
	if _, err := os.Stat("/proc/modules"); err != nil {
		return true // this kernel loads none
	}
	_, err := os.Stat("/sys/module/nf_tables")
	return err == nil
}

// tablesDone takes in what nft.Worker did.
func (fw *firewall) tablesDone(r nft.Reconciled) {
	fw.report(r)
	fw.mu.Lock()
	defer fw.mu.Unlock()
	if fw.held != nil && r.Seq >= fw.held.Seq {
		fw.letGo()
	}
	if fw.done != nil && r.Seq >= fw.doneSeq {
		close(fw.done)
		fw.done = nil
	}
}

// letGo passes the wish on that was held; fw.mu is held.
func (fw *firewall) letGo() {
	fw.host(*fw.held)
	fw.forget()
}

func (fw *firewall) forget() {
	fw.held = nil
	if fw.timer != nil {
		fw.timer.Stop()
		fw.timer = nil
	}
}

// leave ends the passing on: whoever calls it asks the host itself from now on.
func (fw *firewall) leave() {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	fw.forget()
}

func (fw *firewall) tooLate() {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	if fw.held == nil {
		return
	}
	fw.log.Warn(fmt.Sprintf("nftables did not answer within %v: virtual addresses are set before packets to them are dropped", filterPatience))
	fw.letGo()
}

// hostDone says that the host has carried out a wish.
func (fw *firewall) hostDone(seq uint64, err error) {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	if err == nil && fw.then != nil && seq >= fw.last.Seq {
		f := *fw.then
		fw.then = nil
		fw.ask(f)
	}
}

// release takes the tables away. The channel closes when they have gone, or
// could not be removed.
func (fw *firewall) release(seq uint64) <-chan struct{} {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	done := make(chan struct{})
	fw.then, fw.done, fw.doneSeq = nil, done, seq
	fw.tables(nft.Wish{Seq: seq}) // what was made is removed
	return done
}

// report writes to the log what was done, and what could not be, once.
func (fw *firewall) report(r nft.Reconciled) {
	for _, op := range r.Done {
		fw.log.Debug(op.String(), "cause", r.Cause)
	}
	if r.Repaired {
		var done []string
		for _, op := range r.Done {
			done = append(done, op.String())
		}
		fw.log.Warn("put back what others changed in our nftables tables: " + strings.Join(done, ", "))
	}
	text := ""
	if r.Err != nil {
		text = r.Err.Error()
	}
	if text != "" && text != fw.lastErr {
		fw.log.Error(text + "; until this is solved packets to virtual addresses are accepted, and adverts go on")
	}
	fw.lastErr = text // only the worker's goroutine comes here
}

// firewallLines adds to the lines of a transition what keepalived says of the
// filter.
func firewallLines(name string, t vrrp.Transition, lines []logLine) []logLine {
	insert := func(beside string, offset int, line logLine) {
		if i := slices.IndexFunc(lines, func(l logLine) bool { return l.text == "("+name+") "+beside }); i >= 0 {
			lines = slices.Insert(lines, i+offset, line)
		}
	}
	if t.From == vrrp.Active {
		insert("removing VIPs.", 1, say("(%s) removing firewall drop rule", name))
	}
	if t.To == vrrp.Active {
		insert("setting VIPs.", 0, say("(%s) setting firewall drop rule", name))
	}
	return lines
}

// unnamedTable is keepalived's line about a filter that nobody configured.
func unnamedTable(c *config.Config) string {
	for _, in := range c.Instances {
		if in.Settled.Firewall && c.Global.Firewall.NFTables.Text == "" {
			return "use_vmac or no_accept/strict specified, but no firewall configured - using nftables"
		}
	}
	return ""
}
