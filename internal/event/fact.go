package event

import (
	"strings"
	"time"
)

// Type says what happened. Lower-case words with hyphens, past tense.
type Type string

const (
	Transitioned    Type = "transitioned"     // an object's state changed: From, To, Reason
	PriorityChanged Type = "priority-changed" // effective priority: From, To in decimal, Priority the new one
	LowerPriority   Type = "lower-priority"   // a MASTER heard an advert of lower priority
	Alarmed         Type = "alarmed"          // a contradiction with another router: Reason, Detail, Values[mac, peer, priority, version]
	TrackerChanged  Type = "tracker-changed"  // a script, interface or file now counts as up or down
	TrackerReported Type = "tracker-reported" // something about a tracker worth a log line, no change
	HookRan         Type = "hook-ran"         // a notify script ended, or could not start
	HookSkipped     Type = "hook-skipped"     // a notify script was overtaken, or came after the stop
	MailSent        Type = "mail-sent"        // the relay has taken over an alert
	MailFailed      Type = "mail-failed"      // an alert was given up
	MailReported    Type = "mail-reported"    // progress worth a log line at detail level
	FIFOReported    Type = "fifo-reported"    // a FIFO, or its reader, does not do what it should
	Reloaded        Type = "reloaded"         // another configuration is in force
	Applied         Type = "applied"          // the kernel was changed
	Failed          Type = "failed"           // something wanted could not be done
	FactsDropped    Type = "facts-dropped"    // a subscriber was too slow: Name, Values[count]
)

// Kind says what sort of object a fact is about.
type Kind string

const (
	Instance      Kind = "instance"
	Group         Kind = "group"
	RealServer    Kind = "real-server"
	VirtualServer Kind = "virtual-server"
	Script        Kind = "script"
	Interface     Kind = "interface"
	File          Kind = "file"
	Process       Kind = "process"
	Mail          Kind = "mail"
	Subscriber    Kind = "subscriber"
	Daemon        Kind = "daemon"
)

// Fact is one thing that happened. It is plain data: it survives JSON, and the
// same fact feeds the log line, the metric, the hook and the answer to why.
type Fact struct {
	Seq      uint64            `json:"seq,omitempty"` // order on the bus, from 1; set by Publish
	Time     time.Time         `json:"time"`          // when it happened; set by Publish if zero
	Type     Type              `json:"type"`
	Kind     Kind              `json:"kind,omitempty"`
	Name     string            `json:"name,omitempty"`     // of the object, as configured
	From     string            `json:"from,omitempty"`     // state before, in the operator's words (BACKUP)
	To       string            `json:"to,omitempty"`       // state after
	Reason   string            `json:"reason,omitempty"`   // constant of whoever decided: lower-case words with hyphens
	Priority int               `json:"priority,omitempty"` // effective, 1..255; 0: none
	Text     string            `json:"text,omitempty"`     // the log line, keepalived's phrase where there is one; "" for none
	Verbose  bool              `json:"verbose,omitempty"`  // Text is logged only with --log-detail
	Detail   string            `json:"detail,omitempty"`   // for humans: cause, what to do
	Values   map[string]string `json:"values,omitempty"`   // further figures: exit, duration, argv
}

// key is what makes a later fact overtake an earlier one: the same thing said
// about the same object.
type key struct {
	typ  Type
	kind Kind
	name string
}

func (f Fact) key() key { return key{f.Type, f.Kind, f.Name} }

// String is the fact on one line, for diaries and test failures.
func (f Fact) String() string {
	var b strings.Builder
	b.WriteString(string(f.Type))
	for _, part := range []string{string(f.Kind), f.Name} {
		if part != "" {
			b.WriteString(" " + part)
		}
	}
	if f.From != "" || f.To != "" {
		b.WriteString(" " + f.From + " -> " + f.To)
	}
	if f.Reason != "" {
		b.WriteString(" (" + f.Reason + ")")
	}
	if f.Text != "" {
		b.WriteString(": " + f.Text)
	}
	return b.String()
}
