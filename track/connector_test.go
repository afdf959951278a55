package track

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// datagram is one process event as the kernel sends it.
func datagram(what uint32, fields ...uint32) []byte {
	e := binary.NativeEndian
	ev := make([]byte, eventHead, 40)
	e.PutUint32(ev, what)
	for _, f := range fields {
		ev = e.AppendUint32(ev, f)
	}
	ev = append(ev, make([]byte, 40-len(ev))...)
	var b []byte
	b = e.AppendUint32(b, uint32(netlinkHead+cnHead+len(ev)))
	b = e.AppendUint16(b, netlinkDone)
	b = append(b, make([]byte, 10)...)
	b = e.AppendUint32(b, cnIdxProc)
	b = e.AppendUint32(b, cnValProc)
	b = append(b, make([]byte, 8)...)
	b = e.AppendUint16(b, uint16(len(ev)))
	b = e.AppendUint16(b, 0)
	return append(b, ev...)
}

func changed(b []byte, at int, to byte) []byte { b[at] = to; return b }

func TestProcessEventsAreDecoded(t *testing.T) {
	tests := map[string]struct {
		datagram []byte
		want     []connectorEvent
		refused  bool
	}{
		"the answer to a request":          {datagram(procNone, 0), []connectorEvent{{}}, false},
		"a refusal":                        {datagram(procNone, 1), []connectorEvent{{errno: 1}}, false},
		"a fork":                           {datagram(procFork, 7, 7, 9, 9), []connectorEvent{{what: procFork, pid: 7, child: 9}}, false},
		"a fork by a thread":               {datagram(procFork, 8, 7, 9, 9), []connectorEvent{{what: procFork, pid: 7, child: 9}}, false},
		"a new thread is no process":       {datagram(procFork, 7, 7, 9, 7), nil, false},
		"an exec":                          {datagram(procExec, 9, 9), []connectorEvent{{what: procExec, pid: 9}}, false},
		"a name":                           {datagram(procComm, 9, 9), []connectorEvent{{what: procComm, pid: 9}}, false},
		"the name of a thread":             {datagram(procComm, 10, 9), nil, false},
		"an end":                           {datagram(procExit, 9, 9), []connectorEvent{{what: procExit, pid: 9}}, false},
		"the end of a thread":              {datagram(procExit, 10, 9), nil, false},
		"a change of user is not followed": {datagram(4, 9, 9), nil, false},
		"two in one":                       {append(datagram(procExec, 9, 9), datagram(procExit, 8, 8)...), []connectorEvent{{what: procExec, pid: 9}, {what: procExit, pid: 8}}, false},
		"nothing":                          {nil, nil, false},
		"a cut header":                     {datagram(procExec, 9, 9)[:12], nil, true},
		"a cut event":                      {datagram(procExec, 9, 9)[:40], nil, true},
		"a length beyond the end":          {changed(datagram(procExec, 9, 9), 0, 200), nil, true},
		"a length of nothing":              {changed(datagram(procExec, 9, 9), 0, 0), nil, true},
		"another connector":                {changed(datagram(procExec, 9, 9), netlinkHead, 2), nil, true},
		"an event longer than its message": {changed(datagram(procExec, 9, 9), netlinkHead+16, 41), nil, true},
		"an event shorter than its head":   {changed(datagram(procExec, 9, 9), netlinkHead+16, 15), nil, true},
		"an event without its numbers":     {changed(datagram(procExec, 9, 9), netlinkHead+16, 16), nil, false},
		"a message of netlink itself":      {changed(datagram(procExec, 9, 9), 4, netlinkError), nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseConnector(tt.datagram, nil)
			if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(connectorEvent{})); d != "" || (err != nil) != tt.refused {
				t.Errorf("error %v, want one: %t; -want +got\n%s", err, tt.refused, d)
			}
		})
	}
}

func TestTheRequestForProcessEvents(t *testing.T) {
	b := listenRequest(0x01020304)
	e := binary.NativeEndian
	got := []uint32{uint32(len(b)), e.Uint32(b), uint32(e.Uint16(b[4:])), e.Uint32(b[12:]), e.Uint32(b[16:]), e.Uint32(b[20:]), uint32(e.Uint16(b[32:])), e.Uint32(b[36:])}
	if d := cmp.Diff([]uint32{40, 40, 3, 0x01020304, 1, 1, 4, 1}, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func FuzzProcessEvents(f *testing.F) {
	f.Add(datagram(procFork, 7, 7, 9, 9))
	f.Add(append(datagram(procExec, 9, 9), datagram(procExit, 8, 8)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, _ := parseConnector(b, nil)
		table := watching(&ProcessConfig{Name: "w", Process: "good", Quorum: 1})
		table.Step(processEpoch, Scanned{})
		for _, e := range list {
			if e.what != procNone && e.pid <= 0 || e.what == procFork && e.child <= 0 {
				t.Errorf("event %+v is about no process", e)
			}
			table.Step(processEpoch, Forked{e.pid, e.child})
		}
	})
}
