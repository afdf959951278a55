package daemon

import (
	"fmt"
	"maps"
	"slices"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"holdfast/daemon/config"
	"holdfast/kconf"
)

// reload reads the configuration again and puts it in force if it is no worse
// than the one that runs. Whatever is wrong with the new file, the running
// configuration stays as it is and adverts go on.
func (s *supervisor) reload() {
	switch {
	case s.stopping:
		return
	case s.reloading || !s.announced:
		s.log.Info("Reload already in progress, request queued")
		s.queued = true
		return
	}
	s.log.Info("Reloading ...")
	next, err := config.Load(loading(s.opt))
	if err != nil {
		s.log.Error(fmt.Sprintf("%v: the running configuration stays", err))
		return
	}
	logDiagnostics(s.log, next)
	if reasons := whyNot(s.conf, next); len(reasons) > 0 {
		for _, r := range reasons {
			s.log.Error("reload refused: " + r)
		}
		s.log.Error("the running configuration stays; correct the file and reload again")
		return
	}
	_, _ = sd.SdNotify(false, sd.SdNotifyReloading)
	s.reloading = true
	s.conf = next
	maps.DeleteFunc(s.groups, func(name string, _ string) bool { // should it come back, it comes back as new
		return !slices.ContainsFunc(next.Config.Groups, func(g *config.Group) bool { return g.Name == name })
	})
	delay := s.movedDelay()
	s.hooks.configure(next.Config)
	s.tracks.configure(next.Config)
	for r, c := range s.children {
		// One that is not needed any more reloads too: what it had is removed,
		// with the hooks of a removal, and not stopped.
		c.link.Send(message{Reload: &reloadMessage{Config: next.Encoded, Told: next.Config.Told(), Tracked: s.tracks.known(), Delay: delay}})
		if !s.wants(r) {
			c.leaving = true
			c.link.Send(message{Stop: true})
			continue
		}
		c.ready = false
	}
	s.startWanted()
	s.announceWhenReady(func() {})
}

// movedDelay is how long routers that wait have to wait yet, by the new
// configuration; nil when none waits any more.
func (s *supervisor) movedDelay() *time.Duration {
	now := time.Now()
	if !now.Before(s.waitUntil) {
		return nil
	}
	began := uptime() - now.Sub(s.began) // so long had the system been up then
	s.waitUntil = s.began.Add(startDelay(&s.conf.Config.Global, began))
	return new(max(s.waitUntil.Sub(now), 0))
}

// whyNot lists what keeps next from replacing the running configuration. A
// reload must not take away what a restart would have refused, nor what a typo
// has just made unreadable: errors that the running file already had (it may
// be fifteen years old) are no obstacle, new ones are.
func whyNot(running, next *config.Loaded) []string {
	var reasons []string
	had := map[string]int{}
	for _, d := range running.Diagnostics.All() {
		had[mistake(d)]++
	}
	for _, d := range next.Diagnostics.All() {
		if d.Severity != kconf.Error {
			continue
		}
		if key := mistake(d); had[key] > 0 {
			had[key]--
			continue
		}
		reasons = append(reasons, d.String())
	}
	if next.Fatal != "" {
		reasons = append(reasons, next.Fatal)
	}
	if next.Empty && !running.Empty {
		// What a file looks like for a moment while somebody writes it.
		reasons = append(reasons, "the configuration is empty; to end the daemon, stop it")
	}
	old, fresh := &running.Config.Global, &next.Config.Global
	for _, fixed := range []struct{ name, old, new string }{
		{"net_namespace", old.Namespace, fresh.Namespace},
		{"instance", old.Instance, fresh.Instance},
		{"nftables table name", old.Firewall.Table(), fresh.Firewall.Table()},
		{"nftables_ipvs table name", old.Firewall.IPVSTable.Text, fresh.Firewall.IPVSTable.Text},
		{"net_namespace_ipvs", ipvsNamespace(old), ipvsNamespace(fresh)},
		{"disable_local_igmp", fmt.Sprint(old.DisableLocalIGMP), fmt.Sprint(fresh.DisableLocalIGMP)},
	} {
		if fixed.old != fixed.new {
			reasons = append(reasons, fmt.Sprintf("Cannot change %s at a reload - please restart keepalived", fixed.name))
		}
	}
	return reasons
}

// ipvsNamespace is the network namespace of the IPVS table.
func ipvsNamespace(g *config.Globals) string {
	if g.NamespaceIPVS == nil {
		return "\x00" // that of the rest
	}
	return *g.NamespaceIPVS
}

// mistake is a diagnostic without its place, which moves as lines come and go.
func mistake(d kconf.Diagnostic) string { return d.ID + "\x00" + d.Message }
