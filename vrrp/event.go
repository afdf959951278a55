package vrrp

import (
	"net/netip"
	"time"
)

// State of a virtual router, in the words of RFC 9568 section 6.4. Fault is
// Initialize with a reason that keeps the router there.
type State uint8

const (
	Initialize State = iota
	Backup
	Active
	Fault
)

// String is the RFC's word.
func (s State) String() string { return [...]string{"Initialize", "Backup", "Active", "Fault"}[s] }

// Keepalived is the word operators, hooks and tools know.
func (s State) Keepalived() string { return [...]string{"INIT", "BACKUP", "MASTER", "FAULT"}[s] }

// Reason says why something happened: log word, metric label, hook environment
// and `why` use the same one.
type Reason string

// Reasons of transitions, announcements and faults.
const (
	ByStartup        Reason = "startup"
	ByShutdown       Reason = "shutdown"
	ByOwner          Reason = "owner"           // start as address owner
	ByActiveDown     Reason = "active-down"     // no advert for Active_Down_Interval
	ByHigherPriority Reason = "higher-priority" // an Active router outranks us
	ByHigherAddress  Reason = "higher-address"  // same priority, higher primary address
	ByLowerPriority  Reason = "lower-priority"  // announcement: a lower router was Active
	ByTwoOwners      Reason = "two-owners"      // priority: another address owner insists
	ByRelease        Reason = "release"         // asked to hand over
	ByGroup          Reason = "group"           // the sync group moves together
	ByFaultCleared   Reason = "fault-cleared"   // nothing holds us back any more
	ByReload         Reason = "reload"          // announcement: addresses changed
	ByRepair         Reason = "repair"          // announcement: addresses had gone and are back
	ByActive         Reason = "active"          // announcement: just became Active
	ByRefresh        Reason = "refresh"         // announcement: garp_master_refresh
	ByInterface      Reason = "interface"       // fault: link down
	ByNoAddress      Reason = "no-address"      // fault: no source address
	ByConfiguration  Reason = "configuration"   // fault: cannot be done as configured
	ByTracker        Reason = "tracker"         // fault: script
	ByBFD            Reason = "bfd"             // fault: BFD session
	ByRemoval        Reason = "removal"         // fault: somebody keeps removing what we put on the host
	ByFile           Reason = "file"            // fault: a tracked file says so
	ByProcess        Reason = "process"         // fault: a tracked process misses its quorum
	ByInitialising   Reason = "initialising"    // fault: a tracker has no result yet
	ByTimerExpired   Reason = "timer-expired"   // timer_expired_backup: not run for too long
	ByDuplicate      Reason = "duplicate-vrid"  // fault: another instance is the same router on this link
	ByPanic          Reason = "internal-error"  // fault: a step failed; see the log
)

// Event is what can happen to a Machine. The set is closed.
type Event interface{ event() }

// Startup begins operation. Faults that are known by then are sent before it.
type Startup struct {
	Params Params
	// Resume is the predecessor's snapshot after a restart of the process, set
	// only if the host still carries what the snapshot says; nil for a fresh start.
	Resume *Snapshot
	// Effective is the priority to begin with; nil, and with Resume: that of Params.
	Effective *EffectivePriority
}

// Shutdown ends operation: an Active router resigns with one priority 0 advert.
type Shutdown struct{}

// Reconfigure replaces the parameters at a reload; the state stays.
type Reconfigure struct{ Params Params }

// AdvertReceived is an advert that passed every check of Params.Decode.
type AdvertReceived struct{ Advert *Advert }

// AdvertRefused is a datagram that did not. It changes no state and no timer;
// it may raise an alarm.
type AdvertRefused struct{ Err *PacketError }

// Tick says that Deadline may have been reached. Early or late is harmless.
type Tick struct{}

// EffectivePriority is the base priority with all trackers added: it is clamped
// to 1-254 and ignored by an address owner.
type EffectivePriority struct {
	Value int
	Why   string // the tracker, for log and `why`
}

// FaultRaised holds the router in Fault until FaultCleared comes with the same
// words. Why is the kind, Of the object: an interface, a script.
type FaultRaised struct {
	Why Reason
	Of  string
}

// FaultCleared takes one cause away; the last one lets the router go on.
type FaultCleared struct {
	Why Reason
	Of  string
}

// SourceAddress is the primary address of the interface; the zero Addr means
// that it has none, which is a fault.
type SourceAddress struct{ Addr netip.Addr }

// Hold is the start delay: until then nothing is sent or received, and timers
// count from there. It does not stop a router that is Active already. The zero
// time ends it.
type Hold struct{ Until time.Time }

// Deaf says that the link is down, although that is not a fault yet
// (interface_up_down_delays): silence proves nothing then.
type Deaf struct{ On bool }

// Slept says that the system was suspended for a time that clocks which do not
// go back, such as the one that now comes from, have not counted.
type Slept struct{ For time.Duration }

// HostApplied says that the host carries what it should. Repaired: something
// had been taken away by others and is back.
type HostApplied struct{ Repaired bool }

// HostFailed says that the host does not carry what it should.
type HostFailed struct{ Err error }

// Release asks an Active router to hand over: it resigns and waits as a Backup.
type Release struct{}

// SiblingReclaims says that another member of the sync group heard a router that
// was Active beside it: neighbours of all members may have been misled.
type SiblingReclaims struct{}

// Forced is the sync group's word: To is Active, Backup or Fault.
type Forced struct{ To State }

func (Startup) event()           {}
func (Shutdown) event()          {}
func (Reconfigure) event()       {}
func (AdvertReceived) event()    {}
func (AdvertRefused) event()     {}
func (Tick) event()              {}
func (EffectivePriority) event() {}
func (FaultRaised) event()       {}
func (FaultCleared) event()      {}
func (SourceAddress) event()     {}
func (Hold) event()              {}
func (Deaf) event()              {}
func (Slept) event()             {}
func (HostApplied) event()       {}
func (HostFailed) event()        {}
func (Release) event()           {}
func (SiblingReclaims) event()   {}
func (Forced) event()            {}

// Action is what a Machine wants done, in the order of the slice. The set is
// closed. SendAdvert, ApplyHost and Announce act; the others are for readers.
type Action interface{ action() }

// SendAdvert sends one advert now, to the group or to every peer.
type SendAdvert struct{ Priority uint8 }

// ApplyHost says that the wanted state of the host changed: look again.
// Announcements that follow wait for it.
type ApplyHost struct{}

// Announce sends a burst of gratuitous ARP or unsolicited NA.
type Announce struct {
	Why    Reason
	Repeat int // packets per address
}

// Transition is a change of state that has happened.
type Transition struct {
	From, To State
	Why      Reason
	Of       string // the object of a fault; "" otherwise
}

// Alarm is a contradiction worth a human, raised once per peer and value until
// the router changes state, and not twice in AlarmQuiet.
type Alarm struct {
	Kind      AlarmKind
	Peer      netip.Addr // the zero Addr when no other router is concerned
	Priority  uint8      // as the peer's datagram has it, which nobody may have vouched for
	Version   uint8      // likewise; 0: not known
	Got, Want int64      // interval in nanoseconds, version, count of addresses, TTL, priority
	Err       error      // AlarmHost
}

// Remarks are what keepalived says to its log besides transitions.
type (
	// ActiveDownExpired: the Backup heard nothing for Active_Down_Interval.
	ActiveDownExpired struct{}
	// PriorityZero: a router resigns while we are in State.
	PriorityZero struct {
		State State
		From  netip.Addr
	}
	// ZeroSent: we resigned because of a fault or on request.
	ZeroSent struct{}
	// HigherReceived: the advert that makes an Active router yield.
	HigherReceived struct {
		From           netip.Addr
		Priority, Ours uint8
	}
	// LowerReceived: an Active router heard a lower one.
	LowerReceived struct {
		From           netip.Addr
		Priority, Ours uint8
		NewElection    bool // we answered
	}
	// LowerDiscarded: a Backup ignores an Active router below it and will preempt.
	LowerDiscarded struct {
		From     netip.Addr
		Priority uint8
	}
	// PreemptDelayStarted and PreemptDelayStopped frame preempt_delay.
	PreemptDelayStarted struct{ Delay time.Duration }
	// PreemptDelayStopped: an advert of our rank or above was heard meanwhile.
	PreemptDelayStopped struct{}
	// TimerExpired: an Active router was not run in time and yields; Late is how
	// long ago it should have sent.
	TimerExpired struct{ Late time.Duration }
	// PriorityChanged: trackers changed the effective priority.
	PriorityChanged struct {
		From, To uint8
		Why      string
	}
	// IntervalAdopted: version 3 follows the Active router's interval.
	IntervalAdopted struct{ From, To time.Duration }
	// IntervalRestored: back to our own interval on becoming Active.
	IntervalRestored struct{ From, To time.Duration }
	// ActiveRouterChanged: another router is followed; From is zero at first.
	ActiveRouterChanged struct{ From, To netip.Addr }
	// OwnerReduced: another address owner goes on although we are above it, so we
	// take a step back and yield at its next advert.
	OwnerReduced struct{ From netip.Addr }
	// OwnerRestored: back to 255, since we are Active again (From is zero) or
	// another router than the owner From advertises.
	OwnerRestored struct{ From netip.Addr }
	// OwnAddressReceived: an advert with our own source address.
	OwnAddressReceived struct {
		From     netip.Addr
		Priority uint8
	}
)

func (SendAdvert) action()          {}
func (ApplyHost) action()           {}
func (Announce) action()            {}
func (Transition) action()          {}
func (Alarm) action()               {}
func (ActiveDownExpired) action()   {}
func (PriorityZero) action()        {}
func (ZeroSent) action()            {}
func (HigherReceived) action()      {}
func (LowerReceived) action()       {}
func (LowerDiscarded) action()      {}
func (PreemptDelayStarted) action() {}
func (PreemptDelayStopped) action() {}
func (TimerExpired) action()        {}
func (PriorityChanged) action()     {}
func (IntervalAdopted) action()     {}
func (IntervalRestored) action()    {}
func (ActiveRouterChanged) action() {}
func (OwnerReduced) action()        {}
func (OwnerRestored) action()       {}
func (OwnAddressReceived) action()  {}
