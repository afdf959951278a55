package daemon

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/vrrp"
)

// The wanted lines are those that Debian's keepalived 2.2.7 writes, or, for
// what it has no words for, ours.
func TestLogLinesAreKeepaliveds(t *testing.T) {
	from := netip.MustParseAddr("10.9.0.2")
	tests := map[string]struct {
		action vrrp.Action
		want   []string
	}{
		"start":             {vrrp.Transition{From: vrrp.Initialize, To: vrrp.Backup, Why: vrrp.ByStartup}, []string{"(VI_1) Entering BACKUP STATE (init)"}},
		"start with fault":  {vrrp.Transition{From: vrrp.Initialize, To: vrrp.Fault, Why: vrrp.ByInterface, Of: "eth0"}, []string{"(VI_1): entering FAULT state (interface eth0 down)", "(VI_1) Entering FAULT STATE (init)"}},
		"start with file":   {vrrp.Transition{From: vrrp.Initialize, To: vrrp.Fault, Why: vrrp.ByFile, Of: "n"}, []string{"(VI_1): entering FAULT state (tracked file n has status -254)", "(VI_1) Entering FAULT STATE (init)"}},
		"start w/o process": {vrrp.Transition{From: vrrp.Initialize, To: vrrp.Fault, Why: vrrp.ByProcess, Of: "p"}, []string{"(VI_1) entering FAULT state (tracked process p quorum not achieved)", "(VI_1) Entering FAULT STATE (init)"}},
		"fault by file":     {vrrp.Transition{From: vrrp.Active, To: vrrp.Fault, Why: vrrp.ByFile, Of: "n"}, []string{"(VI_1) removing VIPs.", "(VI_1) Entering FAULT STATE"}},
		"fault by process":  {vrrp.Transition{From: vrrp.Backup, To: vrrp.Fault, Why: vrrp.ByProcess, Of: "p"}, []string{"(VI_1) Entering FAULT STATE"}},
		"script pending":    {vrrp.Transition{From: vrrp.Initialize, To: vrrp.Fault, Why: vrrp.ByInitialising, Of: "chk"}, nil},
		"taking over":       {vrrp.Transition{From: vrrp.Backup, To: vrrp.Active, Why: vrrp.ByActiveDown}, []string{"(VI_1) Entering MASTER STATE", "(VI_1) setting VIPs."}},
		"yielding":          {vrrp.Transition{From: vrrp.Active, To: vrrp.Backup, Why: vrrp.ByHigherPriority}, []string{"(VI_1) removing VIPs.", "(VI_1) Entering BACKUP STATE"}},
		"stop":              {vrrp.Transition{From: vrrp.Active, To: vrrp.Initialize, Why: vrrp.ByShutdown}, []string{"(VI_1) removing VIPs."}},
		"timeout":           {vrrp.ActiveDownExpired{}, []string{"D (VI_1) Receive advertisement timeout"}},
		"zero as backup":    {vrrp.PriorityZero{State: vrrp.Backup, From: from}, []string{"D (VI_1) Backup received priority 0 advertisement"}},
		"zero as master":    {vrrp.PriorityZero{State: vrrp.Active, From: from}, []string{"D (VI_1) Master received priority 0 message"}},
		"zero sent":         {vrrp.ZeroSent{}, []string{"D (VI_1) sent 0 priority"}},
		"own peer":          {vrrp.OwnPeer{Peer: from}, []string{"(VI_1) unicast peer 10.9.0.2 is our own address - ignoring"}},
		"higher":            {vrrp.HigherReceived{From: from, Priority: 150, Ours: 100}, []string{"(VI_1) Master received advert from 10.9.0.2 with higher priority 150, ours 100"}},
		"same, higher addr": {vrrp.HigherReceived{From: from, Priority: 100, Ours: 100}, []string{"(VI_1) Master received advert from 10.9.0.2 with same priority 100 but higher IP address than ours"}},
		"lower, answered":   {vrrp.LowerReceived{From: from, Priority: 100, Ours: 150, NewElection: true}, []string{"(VI_1) Received advert from 10.9.0.2 with lower priority 100, ours 150, forcing new election"}},
		"lower, silent":     {vrrp.LowerReceived{From: from, Priority: 100, Ours: 150}, []string{"(VI_1) Received advert from 10.9.0.2 with lower priority 100, ours 150"}},
		"lower as backup":   {vrrp.LowerDiscarded{From: from, Priority: 100}, []string{"(VI_1) received lower priority (100) advert from 10.9.0.2 - discarding"}},
		"preempt delay":     {vrrp.PreemptDelayStarted{Delay: 4500 * time.Millisecond}, []string{"D (VI_1) start preempt delay (4.500000)"}},
		"priority":          {vrrp.PriorityChanged{From: 150, To: 90}, []string{"(VI_1) Changing effective priority from 150 to 90"}},
		"interval adopted":  {vrrp.IntervalAdopted{From: 2 * time.Second, To: 500 * time.Millisecond}, []string{"D (VI_1) advertisement interval updated from 2000ms to 500ms by master"}},
		"interval restored": {vrrp.IntervalRestored{From: 500 * time.Millisecond, To: 2 * time.Second}, []string{"D (VI_1) changing advert interval from 500ms to locally configured 2000ms"}},
		"own address":       {vrrp.OwnAddressReceived{From: from}, []string{"! (VI_1) WARNING - equal priority advert received from remote host with our IP address."}},
		"dropped":           {vrrp.Dropped{Err: &vrrp.PacketError{Reason: vrrp.DropTTL, Src: from, Got: 64}, Suppressed: 3}, []string{"! (VI_1) invalid TTL/HL from 10.9.0.2. Received 64 and expect 255 (3 more since the last such line)"}},
		"no socket":         {vrrp.SocketFailed{Err: errors.New("permission denied")}, []string{"! (VI_1) cannot open socket: permission denied"}},
		"interval alarm":    {vrrp.Alarm{Kind: vrrp.AlarmInterval, Peer: from, Got: int64(2 * time.Second), Want: int64(time.Second)}, []string{"! (VI_1) advertisement interval mismatch with 10.9.0.2 mine=1s rcv'd=2s: set the same advert_int on both (MAC not seen, address 10.9.0.2)"}},
		"clock alarm":       {vrrp.Alarm{Kind: vrrp.AlarmClock, Peer: from, Got: int64(2500 * time.Millisecond), Want: int64(5 * time.Second)}, []string{"! (VI_1) clock of 10.9.0.2 differs from ours by more than 2.5s, and trailers of auth_hmac are refused from 5s on: set both clocks by NTP (MAC not seen, address 10.9.0.2)"}},
		"old checksum":      {vrrp.Alarm{Kind: vrrp.AlarmChecksum, Peer: from, Got: int64(vrrp.ChecksumOldUnicast)}, []string{"! (VI_1) Setting unicast VRRPv3 checksum to old version for 10.9.0.2, as keepalived had it before 1.3.7 (MAC not seen, address 10.9.0.2)"}},
		"plain checksum":    {vrrp.Alarm{Kind: vrrp.AlarmChecksum, Peer: from, Got: int64(vrrp.ChecksumPlain)}, []string{"! (VI_1) checksums of 10.9.0.2 are without pseudo header, ours are with it. They are accepted; if ours are not, set v3_checksum_as_v2 (MAC not seen, address 10.9.0.2)"}},
		"our checksum":      {vrrp.Alarm{Kind: vrrp.AlarmChecksum, Peer: from, Want: int64(vrrp.ChecksumPlain)}, []string{"! (VI_1) checksums of 10.9.0.2 are of the standard form, ours are not. They are accepted; if ours are not, take v3_checksum_as_v2 or old_unicast_checksum away (MAC not seen, address 10.9.0.2)"}},
		"owner steps back":  {vrrp.OwnerReduced{From: from}, []string{"! (VI_1) 10.9.0.2 is still advertising as address owner, please resolve - reducing our priority"}},
		"owner is back":     {vrrp.OwnerRestored{}, []string{"(VI_1) Restoring our priority to 255 since we are master again"}},
		"owner hears other": {vrrp.OwnerRestored{From: from}, []string{"(VI_1) Restoring our priority to 255 since 10.9.0.2 is no longer the owner that advertises"}},
		"fault by removal":  {vrrp.Transition{From: vrrp.Active, To: vrrp.Fault, Why: vrrp.ByRemoval, Of: "address 10.9.0.100/24 on eth0"}, []string{"(VI_1) removing VIPs.", "(VI_1): entering FAULT state (address 10.9.0.100/24 on eth0 is removed again and again)", "(VI_1) Entering FAULT STATE"}},
		"advert":            {vrrp.SendAdvert{Priority: 100}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, l := range actionLines("VI_1", tt.action) {
				switch {
				case l.detail:
					l.text = "D " + l.text
				case l.alarm:
					l.text = "! " + l.text
				}
				got = append(got, l.text)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("log (-want +got):\n%s", d)
			}
		})
	}
}

func TestAFileThatIsAFaultIsSaid(t *testing.T) {
	tests := map[string]struct {
		event vrrp.Event
		want  string
	}{
		"raised":             {vrrp.FaultRaised{Why: vrrp.ByFile, Of: "n"}, "(VI_1): tracked file n now FAULT state"},
		"cleared":            {vrrp.FaultCleared{Why: vrrp.ByFile, Of: "n"}, "(VI_1): tracked file n leaving FAULT state"},
		"a script's":         {vrrp.FaultRaised{Why: vrrp.ByTracker, Of: "n"}, ""},
		"a process's end":    {vrrp.FaultCleared{Why: vrrp.ByProcess, Of: "n"}, ""},
		"a priority is none": {vrrp.EffectivePriority{Value: 5}, ""},
	}
	for name, tt := range tests {
		if got := fileFaultLine(instanceEvent{"VI_1", tt.event}); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
