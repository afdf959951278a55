package daemon

import (
	"slices"

	"holdfast/daemon/config"
	"holdfast/internal/event"
	"holdfast/notify"
)

// fifos are the named pipes of c: each is there when the configuration has
// something that it could be told about.
func fifos(c *config.Config) []notify.FIFOConfig {
	g := &c.Global
	var routers, servers notify.FIFOLines
	if c.HasVRRP() {
		routers = notify.RouterLines
	}
	if len(c.Services) > 0 {
		servers = notify.ServerLines
	}
	var list []notify.FIFOConfig
	for _, f := range []struct {
		keyword string
		fifo    *config.FIFO
		lines   notify.FIFOLines
	}{
		{"notify_fifo", &g.NotifyFIFO, routers | servers},
		{"vrrp_notify_fifo", &g.VRRPFIFO, routers},
		{"lvs_notify_fifo", &g.LVSFIFO, servers},
	} {
		if f.fifo.Path == "" || f.lines == 0 {
			continue
		}
		// Routers and servers may share a pipe, and its one reader.
		at := slices.IndexFunc(list, func(l notify.FIFOConfig) bool { return l.Path == f.fifo.Path })
		if at < 0 {
			owner := c.Owner(f.fifo)
			list = append(list, notify.FIFOConfig{Keyword: f.keyword, Path: f.fifo.Path, UID: owner.UID, GID: owner.GID})
			at = len(list) - 1
		}
		list[at].Lines |= f.lines
		if cmd, ok := c.Command(f.fifo.Script); ok && f.fifo.Script != nil {
			list[at].Script = &cmd
		}
	}
	return list
}

// priorityMoves are the instances of which FIFOs are told when the priority changes.
func priorityMoves(c *config.Config) map[string]bool {
	moves := map[string]bool{}
	for _, in := range c.Instances {
		moves[in.Name] = in.Settled.PriorityChanges
	}
	return moves
}

// statesOnReload is about what FIFOs are told again after a reload: groups, then
// instances, as at a start.
func statesOnReload(c *config.Config) []notify.Object {
	if !c.Global.StatesOnReload {
		return nil
	}
	var list []notify.Object
	for _, g := range c.Groups {
		list = append(list, notify.Object{Kind: event.Group, Name: g.Name})
	}
	for _, in := range c.Instances {
		list = append(list, notify.Object{Kind: event.Instance, Name: in.Name})
	}
	return list
}

// pipeLine is a line, and which pipes get it.
type pipeLine struct {
	sort notify.FIFOLines
	text string
}

// linesOf are the lines about a fact.
func (h *hooks) linesOf(f event.Fact) []pipeLine {
	o := notify.Object{Kind: f.Kind, Name: f.Name}
	router := func(o notify.Object, state string, priority int) pipeLine {
		return pipeLine{notify.RouterLines, notify.RouterLine(o, state, priority)}
	}
	switch {
	case f.Type == event.Transitioned && f.Kind == event.RealServer:
		return []pipeLine{{notify.ServerLines, notify.RealServerLine(f.Values[valueServer], f.Values[valueService], f.To)}}
	case f.Type == event.Transitioned && f.Kind == event.VirtualServer:
		return []pipeLine{{notify.ServerLines, notify.VirtualServerLine(f.Values[valueService], f.To)}}
	case f.Type == event.Transitioned:
		h.states[o] = routerState{f.To, f.Priority}
		return []pipeLine{router(o, f.To, f.Priority)}
	case f.Type == event.LowerPriority:
		return []pipeLine{router(o, notify.MasterRxLowerPri, f.Priority)}
	case f.Type == event.PriorityChanged:
		return h.priorityLine(o, f.Priority)
	case f.Type == event.Reloaded:
		var lines []pipeLine
		for _, o := range h.repeat {
			if is, known := h.states[o]; known {
				lines = append(lines, router(o, is.state, is.priority))
			}
		}
		return lines
	}
	return nil
}

// priorityLine is about a new priority of a router that takes part.
func (h *hooks) priorityLine(o notify.Object, priority int) []pipeLine {
	is := h.states[o]
	is.priority = priority
	h.states[o] = is
	words := map[string]string{notify.Master: notify.MasterPriority, notify.Backup: notify.BackupPriority}
	if word := words[is.state]; word != "" && h.moves[o.Name] {
		return []pipeLine{{notify.RouterLines, notify.RouterLine(o, word, priority)}}
	}
	return nil
}
