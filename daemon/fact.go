package daemon

import "time"

// factKind names what happened. Children publish facts, the parent turns them
// into hooks, mail and status; nothing flows back from there.
type factKind string

const (
	factInstance   factKind = "instance"    // a virtual router changed state
	factPriority   factKind = "priority"    // its effective priority changed
	factRxLower    factKind = "rx-lower"    // as master it heard a lower priority
	factRealServer factKind = "real-server" // a real server came up or went down
	factQuorum     factKind = "quorum"      // a virtual server gained or lost quorum
	factMail       factKind = "mail"        // text for the notification addresses
)

// fact is one thing that happened in a child.
type fact struct {
	Kind     factKind  `json:"kind"`
	At       time.Time `json:"at"`
	Name     string    `json:"name"`             // of the instance, or of the real server: [ip]:proto:port
	Of       string    `json:"of,omitempty"`     // the virtual server a real server belongs to
	From     string    `json:"from,omitempty"`   // states in keepalived's words
	To       string    `json:"to,omitempty"`     //
	Reason   string    `json:"reason,omitempty"` // one word with hyphens
	Priority int       `json:"priority,omitempty"`
	Silent   bool      `json:"silent,omitempty"` // no hook: the state was resumed, not entered
	Subject  string    `json:"subject,omitempty"`
	Body     string    `json:"body,omitempty"`
}

// snapshot is what a successor of a killed VRRP process starts from.
type snapshot struct {
	State    string    `json:"state"` // keepalived's word
	Since    time.Time `json:"since"`
	Priority int       `json:"priority"`
}
