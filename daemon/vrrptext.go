package daemon

import (
	"fmt"
	"time"

	"holdfast/track"
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

// actionLines are what keepalived writes when an instance does or notices this.
// Log readers look for these very phrases.
func actionLines(name string, a vrrp.Action) []logLine {
	if t, ok := a.(vrrp.Transition); ok {
		return transitionLines(name, t)
	}
	if line, ok := actionLine(name, a); ok {
		return []logLine{line}
	}
	return nil
}

func actionLine(name string, a vrrp.Action) (logLine, bool) {
	switch a := a.(type) {
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
	case vrrp.TimerExpired:
		return say("(%s) VRRP thread timer expired %d.%06d seconds ago", name, a.Late/time.Second, a.Late%time.Second/time.Microsecond), true
	case vrrp.DelayEnded:
		return say("Delayed start completed"), true
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
	case vrrp.OwnerReduced:
		return alarmed("(%s) %v is still advertising as address owner, please resolve - reducing our priority", name, a.From), true
	case vrrp.OwnerRestored:
		if !a.From.IsValid() {
			return say("(%s) Restoring our priority to 255 since we are master again", name), true
		}
		return say("(%s) Restoring our priority to 255 since %v is no longer the owner that advertises", name, a.From), true
	case vrrp.OwnAddressReceived:
		return alarmed("(%s) WARNING - equal priority advert received from remote host with our IP address.", name), true
	case vrrp.Alarm:
		return alarmLine(name, a, foundMAC{})
	case vrrp.Dropped:
		return droppedLine(name, a), true
	case vrrp.OwnPeer:
		return say("(%s) unicast peer %v is our own address - ignoring", name, a.Peer), true
	case vrrp.SendFailed:
		return alarmed("(%s) cannot send advert: %v", name, a.Err), true
	case vrrp.SocketFailed:
		return alarmed("(%s) cannot open socket: %v", name, a.Err), true
	case vrrp.Failed:
		return alarmed("(%s) internal error, the instance stays in FAULT: %s", name, a.Panic), true
	}
	return logLine{}, false
}

// droppedLine is a refused datagram, with how many like it were not logged.
func droppedLine(name string, d vrrp.Dropped) logLine {
	line := say("%v", d.Err)
	if name != "" {
		line.text = "(" + name + ") " + line.text
	} else if d.Interface != "" {
		line.text += " interface=" + d.Interface
	}
	if d.Suppressed > 0 {
		line.text += fmt.Sprintf(" (%d more since the last such line)", d.Suppressed)
	}
	line.alarm = true
	return line
}

func alarmed(format string, args ...any) logLine {
	return logLine{text: fmt.Sprintf(format, args...), alarm: true}
}

// transitionLines: the state, why a fault keeps the instance out, and what
// becomes of its addresses. While a tracker has no result yet nothing is said.
func transitionLines(name string, t vrrp.Transition) []logLine {
	if t.Why == vrrp.ByInitialising && t.To == vrrp.Fault {
		return nil
	}
	suffix := ""
	if t.From == vrrp.Initialize && t.To != vrrp.Active {
		suffix = " (init)"
	}
	var lines []logLine
	if t.From == vrrp.Active {
		lines = append(lines, say("(%s) removing VIPs.", name))
	}
	if t.To == vrrp.Fault {
		lines = append(lines, faultLines(name, t)...)
	}
	switch t.To {
	case vrrp.Active, vrrp.Backup, vrrp.Fault:
		lines = append(lines, say("(%s) Entering %s STATE%s", name, t.To.Keepalived(), suffix))
	}
	if t.To == vrrp.Active {
		lines = append(lines, say("(%s) setting VIPs.", name))
	}
	return lines
}

// faultLines says why an instance is in FAULT. About files, processes and BFD
// sessions it is said here only at a start: later their own lines stand before it.
func faultLines(name string, t vrrp.Transition) []logLine {
	first := t.From == vrrp.Initialize
	switch why := faultText(t); {
	case t.Why == vrrp.ByFile && first:
		return []logLine{say("(%s): entering FAULT state (tracked file %s has status %d)", name, t.Of, track.FileFault)}
	case t.Why == vrrp.ByProcess && first:
		return []logLine{say("(%s) entering FAULT state (tracked process %s quorum not achieved)", name, t.Of)}
	case t.Why == vrrp.ByBFD && first:
		return []logLine{say("(%s) entering FAULT state (tracked BFD instance %s is down)", name, t.Of)}
	case t.Why == vrrp.ByFile, t.Why == vrrp.ByProcess, t.Why == vrrp.ByBFD, why == "":
		return nil
	default:
		return []logLine{say("(%s): entering FAULT state (%s)", name, why)}
	}
}

// fileFaultLine tells of a file that begins or ceases to hold an instance in
// FAULT, which it may do while other things hold it there.
func fileFaultLine(e instanceEvent) string {
	switch ev := e.event.(type) {
	case vrrp.FaultRaised:
		if ev.Why == vrrp.ByFile {
			return fmt.Sprintf("(%s): tracked file %s now FAULT state", e.instance, ev.Of)
		}
	case vrrp.FaultCleared:
		if ev.Why == vrrp.ByFile {
			return fmt.Sprintf("(%s): tracked file %s leaving FAULT state", e.instance, ev.Of)
		}
	}
	return ""
}

// sessionLines are about a BFD session: the event, and its news for each instance
// that tracks it.
func sessionLines(v verdict, now time.Time, instances []string) []logLine {
	if v.Kind != track.BFD {
		return nil
	}
	is, news := "Down", "DOWN"
	if v.State == track.Up {
		is, news = "Up", "UP"
	}
	lines := []logLine{detail("Received BFD event: instance %s is in state %s (delivered in %d usec)", v.Name, is, now.Sub(v.At).Microseconds())}
	for _, name := range instances {
		lines = append(lines, say("VRRP_Instance(%s) Tracked BFD instance %s is %s", name, v.Name, news))
	}
	return lines
}

// faultText is the cause of a fault in keepalived's words.
func faultText(t vrrp.Transition) string {
	switch t.Why {
	case vrrp.ByInterface:
		return "interface " + t.Of + " down"
	case vrrp.ByNoAddress:
		return t.Of
	case vrrp.ByDuplicate:
		return "same virtual_router_id as " + t.Of + " on the same network"
	case vrrp.ByTracker:
		return "due to script " + t.Of
	case vrrp.ByConfiguration:
		return t.Of
	case vrrp.ByRemoval:
		return t.Of + " is removed again and again"
	case vrrp.BySocket:
		return "no socket"
	case vrrp.ByGroup:
		return ""
	}
	return string(t.Why)
}

// checksumText says what follows from a peer's other form of checksum.
func checksumText(a vrrp.Alarm) string {
	switch vrrp.ChecksumForm(a.Got) {
	case vrrp.ChecksumOldUnicast:
		return fmt.Sprintf("Setting unicast VRRPv3 checksum to old version for %v, as keepalived had it before 1.3.7", a.Peer)
	case vrrp.ChecksumPlain:
		return fmt.Sprintf("checksums of %v are without pseudo header, ours are with it. They are accepted; if ours are not, set v3_checksum_as_v2", a.Peer)
	default:
		return fmt.Sprintf("checksums of %v are of the standard form, ours are not. They are accepted; if ours are not, take v3_checksum_as_v2 or old_unicast_checksum away", a.Peer)
	}
}

// alarmLine puts a contradiction into words, with what the operator can do.
func alarmLine(name string, a vrrp.Alarm, m foundMAC) (logLine, bool) {
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
	case vrrp.AlarmClock:
		text = fmt.Sprintf("clock of %v differs from ours by more than %v, and trailers of auth_hmac are refused from %v on: set both clocks by NTP", a.Peer, time.Duration(a.Got), time.Duration(a.Want))
	case vrrp.AlarmChecksum:
		text = checksumText(a)
	case vrrp.AlarmOwnAddress:
		what := "duplicate address, or a loop"
		switch {
		case m.ours:
			what = "it is ours and came back, there is a loop in the network"
		case m.seen:
			what = "another machine has our address"
		}
		text = fmt.Sprintf("received an advert with our own address %v: %s", a.Peer, what)
	case vrrp.AlarmTwoActive:
		text = fmt.Sprintf("%v is MASTER as well, with priority %d beside %d: both have the addresses until one yields; do they hear each other, is one of them overloaded?", a.Peer, a.Priority, a.Want)
	case vrrp.AlarmDuplicate:
		text = fmt.Sprintf("%v uses our virtual_router_id for other addresses (%d of them, none of ours): give one of the two another virtual_router_id", a.Peer, a.Got)
	case vrrp.AlarmStranger:
		text = fmt.Sprintf("adverts for our virtual_router_id that no router of ours can have sent, they are ignored: %v", a.Err)
	case vrrp.AlarmTwoOwners:
		text = fmt.Sprintf("CONFIGURATION ERROR: local instance and %v are both configured as address owner, please resolve", a.Peer)
	case vrrp.AlarmHost:
		text = fmt.Sprintf("the host does not carry what it should: %v", a.Err)
	default:
		return logLine{}, false
	}
	return logLine{text: "(" + name + ") " + text + senderText(a, m), alarm: true}, true
}
