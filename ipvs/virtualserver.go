package ipvs

import (
	"fmt"
	"slices"
)

// VirtualServer decides which destinations a virtual service should have. It
// does nothing by itself: Step turns events into actions, Desired says what
// should exist. It has no timers, so there is no Deadline.
type VirtualServer struct {
	params   Params
	servers  []server // in the order of params.Servers
	quorumUp bool
	sorryIn  bool // the sorry server takes the traffic
	running  bool
}

// server is the state of one real server.
type server struct {
	failed  []string // checks that fail; alive if there are none
	dynamic bool     // weight came from a check
	weight  int64
}

func (s *server) alive() bool { return len(s.failed) == 0 }

// Step feeds one event to the machine and appends what is to be done to out,
// in the order in which it is to be done.
func (v *VirtualServer) Step(ev Event, out []Action) []Action {
	if start, ok := ev.(Startup); ok {
		return v.start(start, out)
	}
	if !v.running {
		return out
	}
	switch ev := ev.(type) {
	case Reconfigure:
		return v.reconfigure(ev.Params, out)
	case VerdictChanged:
		return v.verdict(ev, out)
	case WeightChanged:
		return v.reweigh(ev, out)
	case Removed:
		return v.remove(out)
	case Shutdown:
		return v.shutdown(out)
	}
	return out
}

// Params is what the machine works with.
func (v *VirtualServer) Params() Params { return v.params }

// Snapshot describes the state.
func (v *VirtualServer) Snapshot() Snapshot {
	s := Snapshot{Name: v.params.Name, QuorumUp: v.quorumUp, SorryActive: v.sorryIn, Sum: v.sum()}
	for i := range v.servers {
		st := &v.servers[i]
		s.Servers = append(s.Servers, ServerSnapshot{Server: v.params.Servers[i].Key, Alive: st.alive(),
			Failed: slices.Clone(st.failed), Weight: clampWeight(st.weight), Dynamic: st.dynamic})
	}
	return s
}

func (v *VirtualServer) start(ev Startup, out []Action) []Action {
	v.params, v.running = ev.Params, true
	v.quorumUp, v.sorryIn, v.servers = false, false, nil
	for i := range v.params.Servers {
		v.servers = append(v.servers, newServer(&v.params.Servers[i]))
	}
	if r := ev.Resume; r != nil {
		v.resume(*r)
		return append(v.settle(out), Apply{})
	}
	out = append(out, Apply{}) // services and servers stand before quorum is told, as with keepalived
	out = v.tellInitial(func(ServerKey) bool { return true }, out)
	switch sum := v.sum(); {
	case v.enough(sum):
		return v.gain(sum, out)
	case v.params.Sorry != nil:
		out = append(out, QuorumLost{Sum: sum, Text: v.lostText("Starting with quorum down", sum)})
		return append(v.sorry(out), NotifyQuorum{Up: false})
	}
	return out // below quorum without a sorry server is no event
}

// tellInitial tells of servers that are up without a check having said so.
func (v *VirtualServer) tellInitial(isNew func(ServerKey) bool, out []Action) []Action {
	if !v.params.InitNotify {
		return out
	}
	for i := range v.servers {
		if key := v.params.Servers[i].Key; v.servers[i].alive() && isNew(key) {
			out = append(out, NotifyServer{Server: key, Up: true, Initial: true})
		}
	}
	return out
}

// newServer is a server whose checks have not run: up, but for those that
// wait for their first success.
func newServer(p *Server) server {
	st := server{weight: p.Weight}
	for _, c := range p.Checkers {
		if c.Alpha {
			st.failed = append(st.failed, c.ID)
		}
	}
	return st
}

// resume takes over what a predecessor knew about servers that still exist.
func (v *VirtualServer) resume(r Snapshot) {
	v.quorumUp, v.sorryIn = r.QuorumUp, r.SorryActive && v.params.Sorry != nil
	for _, s := range r.Servers {
		if i := v.find(s.Server); i >= 0 {
			v.servers[i].keep(&v.params.Servers[i], server{failed: s.Failed, dynamic: s.Dynamic, weight: int64(s.Weight)})
		}
	}
}

// keep takes over old state where it still has a meaning: checks that exist
// keep their result, a new one only counts against a server that is down.
func (s *server) keep(p *Server, old server) {
	var failed []string
	for _, c := range p.Checkers {
		if slices.Contains(old.failed, c.ID) {
			failed = append(failed, c.ID)
		}
	}
	if len(failed) > 0 || len(old.failed) == 0 {
		s.failed = failed // an alive server is not taken down by a new alpha check
	}
	if old.dynamic && len(p.Checkers) > 0 {
		s.dynamic, s.weight = true, old.weight
	}
}

func (v *VirtualServer) find(k ServerKey) int {
	return slices.IndexFunc(v.params.Servers, func(s Server) bool { return s.Key == k })
}

// sum is the weight that is alive.
func (v *VirtualServer) sum() (sum uint64) {
	for i := range v.servers {
		if v.servers[i].alive() {
			sum += uint64(clampWeight(v.servers[i].weight))
		}
	}
	return sum
}

// enough reports whether a quorum that is down is gained by sum. Nothing alive
// is never enough.
func (v *VirtualServer) enough(sum uint64) bool {
	return sum > 0 && sum >= v.params.Quorum+v.params.Hysteresis
}

// tooLittle reports whether a quorum that is up is lost by sum.
func (v *VirtualServer) tooLittle(sum uint64) bool {
	return sum == 0 || sum+v.params.Hysteresis < v.params.Quorum
}

func (v *VirtualServer) verdict(ev VerdictChanged, out []Action) []Action {
	i := v.find(ev.Server)
	if i < 0 {
		return out // a check of a server that a reload removed
	}
	st, p := &v.servers[i], &v.params.Servers[i]
	was := st.alive()
	at := slices.Index(st.failed, ev.Check)
	switch {
	case ev.Up && at >= 0:
		st.failed = slices.Delete(st.failed, at, at+1)
	case !ev.Up && at < 0:
		st.failed = append(st.failed, ev.Check)
	}
	switch {
	case was == st.alive():
		return out
	case was:
		out = append(out, RealServerDown{Server: p.Key, Text: v.serverText(p, false)})
	default:
		out = append(out, RealServerUp{Server: p.Key, Text: v.serverText(p, true)})
	}
	out = append(out, Apply{}, NotifyServer{Server: p.Key, Up: !was})
	return v.settle(out)
}

func (v *VirtualServer) serverText(p *Server, up bool) string {
	words := map[[2]bool][2]string{
		{true, false}: {"Adding", "to"}, {false, false}: {"Removing", "from"},
		{true, true}: {"Enabling", "of"}, {false, true}: {"Disabling", "of"},
	}[[2]bool{up, p.Inhibit}]
	return fmt.Sprintf("%s service %s %s VS %s", words[0], p.Name, words[1], v.params.Name)
}

// settle compares the alive weight with the quorum.
func (v *VirtualServer) settle(out []Action) []Action {
	switch sum := v.sum(); {
	case v.quorumUp && v.tooLittle(sum):
		return v.lose("Lost quorum", sum, out)
	case !v.quorumUp && v.enough(sum):
		return v.gain(sum, out)
	}
	return out
}

func (v *VirtualServer) lostText(what string, sum uint64) string {
	q, h := v.params.Quorum, v.params.Hysteresis
	return fmt.Sprintf("%s %d-%d=%d > %d for VS %s", what, q, h, q-min(h, q), sum, v.params.Name)
}

func (v *VirtualServer) lose(what string, sum uint64, out []Action) []Action {
	v.quorumUp = false
	out = append(out, QuorumLost{Sum: sum, Text: v.lostText(what, sum)})
	return append(v.sorry(out), NotifyQuorum{Up: false})
}

func (v *VirtualServer) gain(sum uint64, out []Action) []Action {
	q, h := v.params.Quorum, v.params.Hysteresis
	v.quorumUp = true
	out = append(out, QuorumGained{Sum: sum, Text: fmt.Sprintf("Gained quorum %d+%d=%d <= %d for VS %s", q, h, q+h, sum, v.params.Name)})
	return append(v.sorry(out), NotifyQuorum{Up: true})
}

// sorry puts the sorry server in or out, as the quorum has it.
func (v *VirtualServer) sorry(out []Action) []Action {
	s := v.params.Sorry
	if s == nil || v.sorryIn == !v.quorumUp {
		return out
	}
	v.sorryIn = !v.quorumUp
	in, away := "Adding", "Removing"
	if s.Inhibit {
		in, away = "Enabling", "Disabling"
	}
	if v.sorryIn {
		return append(out, SorryIn{Text: fmt.Sprintf("%s sorry server %s to VS %s", in, s.Name, v.params.Name)},
			Noted{Text: "Removing alive servers from the pool for VS " + v.params.Name}, Apply{})
	}
	return append(out, SorryOut{Text: fmt.Sprintf("%s sorry server %s from VS %s", away, s.Name, v.params.Name)},
		Noted{Text: "Adding alive servers to the pool for VS " + v.params.Name}, Apply{})
}

func (v *VirtualServer) reweigh(ev WeightChanged, out []Action) []Action {
	i := v.find(ev.Server)
	if i < 0 {
		return out
	}
	st := &v.servers[i]
	st.dynamic = !ev.Configured
	if from := clampWeight(st.weight); from != clampWeight(ev.Weight) {
		out = append(out, v.weightText(i, from, clampWeight(ev.Weight)), Apply{})
	}
	st.weight = ev.Weight
	return v.settle(out)
}

func (v *VirtualServer) weightText(i int, from, to uint32) Action {
	active := "inactive"
	if v.servers[i].alive() {
		active = "active"
	}
	p := &v.params.Servers[i]
	return Reweighted{Server: p.Key, From: from, To: to,
		Text: fmt.Sprintf("Changing weight from %d to %d for %s service %s of VS %s", from, to, active, p.Name, v.params.Name)}
}

// reconfigure takes new parameters. Servers that stay keep their state; new
// ones begin like at start, without a notification.
func (v *VirtualServer) reconfigure(p Params, out []Action) []Action {
	old := *v
	v.params, v.servers = p, nil
	for i := range p.Servers {
		st := newServer(&p.Servers[i])
		if j := old.find(p.Servers[i].Key); j >= 0 {
			st.keep(&p.Servers[i], old.servers[j])
		}
		v.servers = append(v.servers, st)
	}
	out = v.compareServers(&old, out)
	if v.sorryIn && p.Sorry == nil { // the alive ones come back
		v.sorryIn = false
		out = append(out, SorryOut{Text: fmt.Sprintf("Removing sorry server %s from VS %s", old.params.Sorry.Name, p.Name)})
	}
	out = append(out, Apply{})
	out = v.tellInitial(func(k ServerKey) bool { return old.find(k) < 0 }, out)
	switch sum := v.sum(); {
	case v.quorumUp && v.tooLittle(sum):
		return v.lose("Starting with quorum down", sum, out)
	case !v.quorumUp && v.enough(sum):
		return v.gain(sum, out)
	}
	return v.sorry(out) // one that is new while quorum is down
}

// compareServers tells what became of each server between old and v.
func (v *VirtualServer) compareServers(old *VirtualServer, out []Action) []Action {
	for j := range old.servers {
		was, key := &old.servers[j], old.params.Servers[j].Key
		i := v.find(key)
		if i < 0 {
			out = append(out, Noted{Text: "service " + old.params.Servers[j].Name + " no longer exist"})
			if was.alive() || old.params.Servers[j].Inhibit {
				out = append(out, NotifyServer{Server: key, Gone: true})
			}
			continue
		}
		st := &v.servers[i]
		if from, to := clampWeight(was.weight), clampWeight(st.weight); from != to {
			out = append(out, v.weightText(i, from, to))
		}
		if st.alive() && !was.alive() { // its failing check is gone
			out = append(out, RealServerUp{Server: key, Text: v.serverText(&v.params.Servers[i], true)}, NotifyServer{Server: key, Up: true})
		}
	}
	return out
}

// remove ends the machine because the configuration has it no more.
func (v *VirtualServer) remove(out []Action) []Action {
	for i := range v.servers {
		p := &v.params.Servers[i]
		if v.servers[i].alive() || p.Inhibit {
			out = append(out, RealServerDown{Server: p.Key, Text: fmt.Sprintf("Removing service %s from VS %s", p.Name, v.params.Name)},
				NotifyServer{Server: p.Key, Gone: true})
		}
	}
	if v.quorumUp {
		out = append(out, NotifyQuorum{Up: false})
	}
	v.running, v.quorumUp, v.sorryIn = false, false, false
	return append(out, Apply{})
}

// shutdown ends the machine with the daemon; scripts hear of it only with
// omega.
func (v *VirtualServer) shutdown(out []Action) []Action {
	v.running = false
	out = append(out, Apply{})
	for i := range v.servers {
		p := &v.params.Servers[i]
		out = append(out, Noted{Text: fmt.Sprintf("Shutting down service %s from VS %s", p.Name, v.params.Name)})
		if v.params.Omega && v.servers[i].alive() {
			out = append(out, NotifyServer{Server: p.Key})
		}
	}
	if v.params.Omega {
		out = append(out, NotifyQuorum{Up: false})
	}
	return out
}
