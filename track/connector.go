package track

import (
	"encoding/binary"
	"errors"
)

// The kernel's process events (linux/connector.h, linux/cn_proc.h): a netlink
// message that holds a connector message that holds an event.
const (
	cnIdxProc   = 1
	cnValProc   = 1
	cnListen    = 1 // PROC_CN_MCAST_LISTEN
	netlinkHead = 16
	cnHead      = 20
	eventHead   = 16 // what, cpu, timestamp

	netlinkNoop  = 1
	netlinkError = 2
	netlinkDone  = 3

	procNone = 0
	procFork = 1
	procExec = 2
	procComm = 0x200
	procExit = 0x80000000
)

// connectorEvent is one event as the kernel tells it. what is 0 for the answer
// to a listen request. child is set for a fork only.
type connectorEvent struct {
	what       uint32
	pid, child int // of processes, not of threads
	errno      int // of an answer
}

// errConnector says that bytes are no connector message.
var errConnector = errors.New("decode process event: not a connector message")

// listenRequest is the message that asks for process events.
func listenRequest(pid uint32) []byte {
	b := make([]byte, netlinkHead+cnHead+4)
	e := binary.NativeEndian
	e.PutUint32(b, uint32(len(b)))
	e.PutUint16(b[4:], netlinkDone)
	e.PutUint32(b[12:], pid)
	cn := b[netlinkHead:]
	e.PutUint32(cn, cnIdxProc)
	e.PutUint32(cn[4:], cnValProc)
	e.PutUint16(cn[16:], 4)
	e.PutUint32(cn[cnHead:], cnListen)
	return b
}

// parseConnector appends the events in one datagram to list. What is about
// threads, or about things nobody tracks, is left out.
func parseConnector(b []byte, list []connectorEvent) ([]connectorEvent, error) {
	e := binary.NativeEndian
	for len(b) >= netlinkHead {
		size := uint64(e.Uint32(b))
		if size < netlinkHead || size > uint64(len(b)) {
			return list, errConnector
		}
		kind, body := e.Uint16(b[4:]), b[netlinkHead:size]
		b = b[min((size+3)&^3, uint64(len(b))):]
		if kind == netlinkNoop || kind == netlinkError {
			continue
		}
		if len(body) < cnHead || e.Uint32(body) != cnIdxProc || e.Uint32(body[4:]) != cnValProc {
			return list, errConnector
		}
		length := int(e.Uint16(body[16:]))
		if body = body[cnHead:]; length > len(body) || length < eventHead {
			return list, errConnector
		}
		if ev, ok := parseProcEvent(body[:length]); ok {
			list = append(list, ev)
		}
	}
	if len(b) > 0 {
		return list, errConnector
	}
	return list, nil
}

// parseProcEvent reads a struct proc_event; ok is false for one to leave out.
func parseProcEvent(b []byte) (ev connectorEvent, ok bool) {
	e := binary.NativeEndian
	ev.what = e.Uint32(b)
	field := func(i int) int {
		if end := eventHead + 4*i + 4; end <= len(b) {
			return int(int32(e.Uint32(b[end-4:])))
		}
		return -1
	}
	switch ev.what {
	case procNone:
		ev.errno = field(0)
		return ev, ev.errno >= 0
	case procFork: // parent pid, parent tgid, child pid, child tgid
		ev.pid, ev.child = field(1), field(3)
		return ev, ev.pid > 0 && ev.child > 0 && field(2) == ev.child
	case procExec: // pid, tgid
		ev.pid = field(1)
		return ev, ev.pid > 0
	case procComm, procExit:
		ev.pid = field(1)
		return ev, ev.pid > 0 && field(0) == ev.pid
	}
	return ev, false
}
