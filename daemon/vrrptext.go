package daemon

import (
	"fmt"
	"time"

	"holdfast/vrrp"
)

// logLine is one line for the log; detail lines appear only with -D.
type logLine struct {
	text   string
	detail bool
	alarm  bool // worth a human: logged as a warning
}

func say(format string, args ...any) logLine { return logLine{text: fmt.Sprintf(format, args...)} }
func detail(format string, args ...any) logLine {
	return logLine{text: fmt.Sprintf(format, args...), detail: true}
}

// actionLine is what keepalived writes when an instance does or notices this;
// false when it writes nothing. Log readers look for these very phrases.
func actionLine(name string, a vrrp.Action) (logLine, bool) {
	switch a := a.(type) {
	case vrrp.Transition:
		return transitionLine(name, a)
	case vrrp.ActiveDownExpired:
		return detail("(%s) Receive advertisement timeout", name), true
	case vrrp.PriorityZero:
		if a.State == vrrp.Active {
			return detail("(%s) Master received priority 0 message", name), true
		}
		return detail("(%s) Backup received priority 0 advertisement", name), true
	case vrrp.ZeroSent:
		return detail("(%s) sent 0 priority", name), true
	case vrrp.HigherReceived:
		if a.Priority == a.Ours {
			return say("(%s) Master received advert from %v with same priority %d but higher IP address than ours", name, a.From, a.Priority), true
		}
		return say("(%s) Master received advert from %v with higher priority %d, ours %d", name, a.From, a.Priority, a.Ours), true
	case vrrp.LowerReceived:
		line := say("(%s) Received advert from %v with lower priority %d, ours %d", name, a.From, a.Priority, a.Ours)
		if a.NewElection {
			line.text += ", forcing new election"
		}
		return line, true
	case vrrp.LowerDiscarded:
		return say("(%s) received lower priority (%d) advert from %v - discarding", name, a.Priority, a.From), true
	case vrrp.PreemptDelayStarted:
		return detail("(%s) start preempt delay (%d.%06d)", name, a.Delay/time.Second, a.Delay%time.Second/time.Microsecond), true
	case vrrp.PreemptDelayStopped:
		return detail("(%s) stop preempt delay", name), true
	case vrrp.PriorityChanged:
		return say("(%s) Changing effective priority from %d to %d", name, a.From, a.To), true
	case vrrp.IntervalAdopted:
		return detail("(%s) advertisement interval updated from %dms to %dms by master", name, a.From.Milliseconds(), a.To.Milliseconds()), true
	case vrrp.IntervalRestored:
		return detail("(%s) changing advert interval from %dms to locally configured %dms", name, a.From.Milliseconds(), a.To.Milliseconds()), true
	case vrrp.ActiveRouterChanged:
		if !a.From.IsValid() {
			return detail("(%s) master set to %v", name, a.To), true
		}
		return detail("(%s) master changed from %v to %v", name, a.From, a.To), true
	case vrrp.OwnAddressReceived:
		return logLine{text: fmt.Sprintf("(%s) WARNING - equal priority advert received from remote host with our IP address.", name), alarm: true}, true
	case vrrp.Alarm:
		return alarmLine(name, a)
	}
	return logLine{}, false
}

func transitionLine(name string, t vrrp.Transition) (logLine, bool) {
	suffix := ""
	if t.Why == vrrp.ByStartup {
		suffix = " (init)"
	}
	switch t.To {
	case vrrp.Active, vrrp.Backup, vrrp.Fault:
		return say("(%s) Entering %s STATE%s", name, t.To.Keepalived(), suffix), true
	}
	return logLine{}, false
}

// alarmLine puts a contradiction into words, with what the operator can do.
func alarmLine(name string, a vrrp.Alarm) (logLine, bool) {
	var text string
	switch a.Kind {
	case vrrp.AlarmInterval:
		text = fmt.Sprintf("advertisement interval mismatch with %v mine=%v rcv'd=%v: set the same advert_int on both", a.Peer, time.Duration(a.Want), time.Duration(a.Got))
	case vrrp.AlarmAddresses:
		text = fmt.Sprintf("received advert from %v with another list of virtual addresses (%d, ours %d): set the same virtual_ipaddress on both", a.Peer, a.Got, a.Want)
	case vrrp.AlarmVersion:
		text = fmt.Sprintf("wrong VRRP version from %v. Received %d and expect %d: neither side will hear the other", a.Peer, a.Got, a.Want)
	case vrrp.AlarmAuth:
		text = fmt.Sprintf("%v uses another authentication or password: neither side will hear the other", a.Peer)
	case vrrp.AlarmOwnAddress:
		text = fmt.Sprintf("received an advert with our own address %v: duplicate address, or a loop", a.Peer)
	case vrrp.AlarmTwoOwners:
		text = fmt.Sprintf("CONFIGURATION ERROR: local instance and %v are both configured as address owner, please resolve", a.Peer)
	case vrrp.AlarmHost:
		text = fmt.Sprintf("the host does not carry what it should: %v", a.Err)
	default:
		return logLine{}, false
	}
	return logLine{text: "(" + name + ") " + text, alarm: true}, true
}
