package notify

import (
	"strconv"
	"strings"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/run"
)

// States as keepalived's scripts, FIFOs and mails name them. Who turns its own
// state into one of these words is the package that has the state.
const (
	Master  = "MASTER"
	Backup  = "BACKUP"
	Fault   = "FAULT"
	Stop    = "STOP"
	Deleted = "DELETED"
	Up      = "UP"   // a real server that serves, a virtual server with its quorum
	Down    = "DOWN" // the opposite
	// MasterRxLowerPri is no state: a MASTER has heard a lower priority.
	MasterRxLowerPri = "MASTER_RX_LOWER_PRI"
)

// DefaultTimeout is how long one hook may run unless configured otherwise.
const DefaultTimeout = 30 * time.Second

// Object is what a queue belongs to: hooks of one object never overlap and
// never come out of order, hooks of different objects do not wait for each other.
type Object struct {
	Kind event.Kind // Instance, Group, RealServer, VirtualServer
	Name string
}

// Hook is one script, ready to run: path checked, account known.
type Hook struct {
	Keyword string // notify_master, quorum_up: for facts
	Command run.Command
	Timeout time.Duration // 0: DefaultTimeout
}

// Event is one change of an object and the hooks that tell it.
type Event struct {
	Object Object
	State  string // what the object now is; the word in the facts
	Reason string // why, the constant of whoever decided
	Hooks  []Hook // run one after the other: the state's script, then notify
	// Passing is an event that is no state, such as MASTER_RX_LOWER_PRI. When a
	// queue is full it goes first, and it never stands in for a state.
	Passing bool
}

// Generic is h with the four words that the script of keyword notify gets
// behind its own: INSTANCE or GROUP, the name, the state, and the effective
// priority, which is 0 for a group.
func (h Hook) Generic(o Object, state string, priority int) Hook {
	kind := strings.ToUpper(string(o.Kind))
	if o.Kind == event.Group {
		priority = 0
	}
	argv := h.Command.Argv
	h.Command.Argv = append(argv[:len(argv):len(argv)], kind, o.Name, state, strconv.Itoa(priority))
	return h
}

// Hooks are the scripts of one instance or group as configured: nil where the
// configuration has none or a check has dropped it.
type Hooks struct {
	States  map[string]*Hook // by state word: Master, Backup, Fault, Stop, Deleted, MasterRxLowerPri
	Generic *Hook            // keyword notify
}

// For is the event that runs the state's script and then the generic one, or
// false if there is nothing to run. MASTER_RX_LOWER_PRI has no generic script.
func (hs Hooks) For(o Object, state, reason string, priority int) (Event, bool) {
	ev := Event{Object: o, State: state, Reason: reason, Passing: state == MasterRxLowerPri}
	if h := hs.States[state]; h != nil {
		ev.Hooks = append(ev.Hooks, *h)
	}
	if hs.Generic != nil && !ev.Passing {
		ev.Hooks = append(ev.Hooks, hs.Generic.Generic(o, state, priority))
	}
	return ev, len(ev.Hooks) > 0
}
