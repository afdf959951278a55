package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/vrrp"
)

// What the VRRP role does about links that virtual routers make for themselves.

// linkLimit bounds how long a start or reload waits for its links. Making one
// takes a few milliseconds; routers without theirs are in FAULT until it is there.
const linkLimit = 5 * time.Second

// sysctlJournal is the file beside the pid file that says what sysctls were.
func sysctlJournal(pidFile string) host.FileJournal {
	return host.FileJournal{Path: strings.TrimSuffix(pidFile, ".pid") + ".sysctls", Identity: host.Identity()}
}

// makeLinks asks for the links of the new configuration, and waits for them:
// sockets are opened on them next. Those of the configuration before stay until
// their routers have resigned.
func (r *vrrpRole) makeLinks(ctx context.Context) {
	r.copyLinkLocals()
	r.mu.Lock()
	wish := r.wish(r.active)
	r.firewall.want(wish, r.filter(r.active))
	r.mu.Unlock()
	r.await(ctx, wish.Seq)
	if err := r.readHost(ctx); err != nil {
		r.log.Error(err.Error())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.firewall.refilter(r.filter(r.active)) // before they join groups
}

// await waits for the outcome of a wish. The news that come meanwhile are
// handled afterwards: the loop may not run yet.
func (r *vrrpRole) await(ctx context.Context, seq uint64) {
	var seen []host.Event
	defer func() {
		for _, n := range seen {
			r.hostNews.put(n)
		}
	}()
	limit := time.After(linkLimit)
	for {
		select {
		case <-r.hostNews.ready():
			news := r.hostNews.take()
			seen = append(seen, news...)
			for _, n := range news {
				if done, ok := n.(host.Reconciled); ok && done.Seq >= seq {
					return
				}
			}
		case <-limit:
			r.log.Error(fmt.Sprintf("interfaces of virtual routers could not be made within %v", linkLimit))
			return
		case <-ctx.Done():
			return
		}
	}
}

// dropLinks gives up the links of the configuration before, once the loop has
// taken the new one over.
func (r *vrrpRole) dropLinks(ctx context.Context) {
	r.mu.Lock()
	waits := len(r.leavingLinks) > 0
	r.mu.Unlock()
	if !waits {
		return
	}
	if _, err := r.loop.Status(ctx); err != nil { // it answers in turn
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leavingLinks = nil
	r.firewall.want(r.wish(r.active), r.filter(r.active))
}

// copyLinkLocals looks which addresses links of ours have to take over, and asks
// for them if they are others than before.
func (r *vrrpRole) copyLinkLocals() {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := layout{links: slices.Concat(r.own.links, r.leavingLinks)}
	found := all.linkLocals(r.state, r.conf.IsVirtual)
	if maps.Equal(found, r.linkLocals) {
		return
	}
	known := r.linkLocals != nil
	if r.linkLocals = found; known && !r.stopping {
		r.firewall.want(r.wish(r.active), r.filter(r.active))
	}
}

// ownLinkOf is the link of use_vmac or use_ipvlan; nil: the instance has none.
func (r *vrrpRole) ownLinkOf(in *config.Instance) *ownLink {
	i, has := r.own.mains[in.Name]
	if !has {
		return nil
	}
	return &r.own.links[i]
}

// linksMade takes an outcome in: which links came and went, whose routers have
// none now, whose sockets belong to a link that is gone.
func (r *vrrpRole) linksMade(n host.Reconciled) {
	made := r.logLinks(n)
	if len(n.State.Links) == 0 {
		return // the host could not be read
	}
	missing := map[string]string{}
	for _, in := range r.conf.Instances {
		own := r.ownLinkOf(in)
		if own == nil {
			continue
		}
		switch _, there := n.State.Links[own.Name]; {
		case !there && !made[own.Name]:
			missing[in.Name] = own.Name
		case made[own.Name]:
			r.loop.Deliver(in.Name, vrrp.FaultCleared{Why: vrrp.ByInterface, Of: own.Name})
		}
	}
	if !maps.Equal(missing, r.missing) {
		r.missing = missing
		r.deliver(r.tracking.setMissing(missing))
	}
}

// logLinks says which links came and went, and returns those that came.
func (r *vrrpRole) logLinks(n host.Reconciled) (made map[string]bool) {
	made = map[string]bool{}
	for _, op := range n.Done {
		if op.Link == nil || op.Verb == host.Set {
			continue
		}
		made[op.Link.Name] = op.Verb == host.Add
		r.log.Log(context.Background(), LevelDetail, linkText(op))
	}
	return made
}

// linkText is keepalived's line about a link that came or went.
func linkText(op host.Op) string {
	what, kind := "creating", "VMAC"
	if op.Verb == host.Del {
		what = "removing"
	}
	if op.Link.Kind == host.IPVLAN {
		kind = "IPVLAN"
	}
	return fmt.Sprintf("(%s): Success %s %s interface %s", strings.TrimPrefix(op.Link.Alias, host.LinkMark), what, kind, op.Link.Name)
}

// replacesLinks reports whether links gave way to others, and addresses moved with
// them: nobody else has removed those.
func replacesLinks(n host.Reconciled) bool {
	return slices.ContainsFunc(n.Done, func(op host.Op) bool { return op.Link != nil && op.Verb == host.Del })
}

// extrasOf are the further links of each instance, with one address of each:
// garp_extra_if is about VMACs, with all about every one.
func (l layout) extrasOf(conf *config.Config) []extra {
	var list []extra
	for _, in := range conf.Instances {
		g := in.Settled.ExtraGARP
		if g == nil {
			continue
		}
		e := extra{instance: in.Name, every: g.Every}
		main, seen := "", map[string]bool{}
		if i, has := l.mains[in.Name]; has {
			main = l.links[i].Name
		}
		for _, a := range slices.Concat(in.Addresses, in.Excluded) {
			isVMAC := slices.ContainsFunc(l.links, func(own ownLink) bool { return own.Name == a.Link })
			if seen[a.Link] || !isVMAC && !g.All || a.Link == in.Interface || a.Link == main {
				continue
			}
			seen[a.Link] = true
			e.addrs = append(e.addrs, linkAddr{a.Link, a.Prefix.Addr()})
		}
		if len(e.addrs) > 0 {
			list = append(list, e)
		}
	}
	return list
}
