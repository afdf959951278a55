package ipvs

import (
	"maps"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// wire is a connection to a modelKernel, message by message: what Client sends
// is decoded, done and answered. A Write answers at once, as netlink does.
type wire struct {
	kernel  *modelKernel
	queue   [][]byte
	asked   []string // commands, in order
	dumping bool     // a dump is not read to its end: the kernel has no second one
	meddle  func(w *wire, request message, answer [][]byte) [][]byte
	refuse  func() bool // a command is refused, for a reason of its own
	expired atomic.Bool // set by another goroutine
}

const (
	wireFamily = 0x20
	wireSpace  = 32 << 10 // of a datagram of a dump
)

func (w *wire) client() *Client {
	return newClient(func() (conn, error) { return w, nil }, nil)
}

// Port implements conn.
func (w *wire) Port() uint32 { return playerPort }

// Close implements conn: what was not read is lost.
func (w *wire) Close() error {
	w.queue, w.dumping = nil, false
	return nil
}

// SetDeadline implements conn.
func (w *wire) SetDeadline(t time.Time) error {
	w.expired.Store(!t.IsZero() && t.Before(time.Now()))
	return nil
}

// Read implements conn.
func (w *wire) Read(b []byte) (int, error) {
	if w.expired.Load() || len(w.queue) == 0 {
		return 0, os.ErrDeadlineExceeded // nobody will answer any more
	}
	first := w.queue[0]
	w.queue = w.queue[1:]
	if first == nil {
		return 0, os.NewSyscallError("read", syscall.ENOBUFS)
	}
	w.dumping = w.dumping && len(w.queue) > 0
	return copy(b, first), nil
}

// Write implements conn.
func (w *wire) Write(b []byte) (int, error) {
	var bad error
	for m := range messages(b, &bad) {
		answer := w.answer(m)
		if w.meddle != nil {
			answer = w.meddle(w, m, answer)
		}
		w.queue = append(w.queue, answer...)
	}
	if bad != nil {
		return 0, bad
	}
	return len(b), nil
}

// answer are the datagrams that answer one request.
func (w *wire) answer(m message) [][]byte {
	cmd, body, err := m.payload()
	if err != nil {
		return [][]byte{w.result(m, syscall.EINVAL)}
	}
	if m.typ == controlFamily {
		return [][]byte{w.data(m, controlNewFamily, func(b []byte) []byte { return appendU16(b, controlFamilyID, wireFamily) }), w.result(m, 0)}
	}
	w.asked = append(w.asked, cmd.String())
	switch {
	case m.typ != wireFamily:
		return [][]byte{w.result(m, syscall.ENOENT)}
	case m.flags&nlDump != 0 && w.dumping:
		return [][]byte{w.result(m, syscall.EBUSY)}
	case m.flags&nlDump != 0:
		w.dumping = true
		return w.dump(m, cmd, body)
	}
	no, data := w.do(cmd, body)
	var answer [][]byte
	if data != nil {
		answer = append(answer, w.data(m, cmdNewService, data))
	}
	if no != 0 || m.flags&nlAck != 0 {
		answer = append(answer, w.result(m, no))
	}
	return answer
}

func (w *wire) data(m message, cmd Command, body func([]byte) []byte) []byte {
	b := appendMessage(nil, m.typ, 0, m.seq, uint8(cmd), 1, body)
	host.PutUint32(b[12:], playerPort)
	return b
}

// result is an acknowledgement or refusal, or the end of a dump.
func (w *wire) result(m message, no syscall.Errno) []byte {
	b := host.AppendUint32(nil, 36)
	b = host.AppendUint16(b, nlError)
	b = host.AppendUint16(b, nlCapped)
	b = host.AppendUint32(b, m.seq)
	b = host.AppendUint32(b, playerPort)
	b = host.AppendUint32(b, uint32(-int32(no)))
	return append(b, make([]byte, 16)...) // the request's header, of which nobody makes use
}

func (w *wire) doneMessage(m message) []byte {
	b := host.AppendUint32(nil, 20)
	b = host.AppendUint16(b, nlDone)
	b = host.AppendUint16(b, 2)
	b = host.AppendUint32(b, m.seq)
	b = host.AppendUint32(b, playerPort)
	return append(b, 0, 0, 0, 0)
}

// do is one command that is no dump.
func (w *wire) do(cmd Command, body []byte) (syscall.Errno, func([]byte) []byte) {
	verbs := map[Command]Verb{cmdNewService: AddService, cmdSetService: EditService, cmdDelService: DeleteService,
		cmdNewDest: AddDestination, cmdSetDest: EditDestination, cmdDelDest: DeleteDestination}
	verb, known := verbs[cmd]
	service, err := nest("service", body, attrService)
	if err != nil {
		return syscall.EINVAL, nil
	}
	op := Op{Verb: verb}
	if op.Service, err = wireService(service); err != nil {
		return syscall.EINVAL, nil
	}
	if cmd == cmdGetService {
		s := w.kernel.services[op.Service.Key]
		if s == nil {
			return syscall.ESRCH, nil
		}
		return 0, func(b []byte) []byte { return wireServiceAnswer(b, s.Service) }
	}
	if !known {
		return syscall.EOPNOTSUPP, nil
	}
	if dest, err := nest("destination", body, attrDestination); err == nil {
		if op.Destination, _, err = decodeDestination(dest, op.Service.Key.Family); err != nil {
			return syscall.EINVAL, nil
		}
	}
	if w.refuse != nil && w.refuse() {
		return syscall.ENOMEM, nil
	}
	return w.kernel.apply(op), nil
}

// wireService reads a service, or only its key: the mask is then missing.
func wireService(b []byte) (Service, error) {
	s, _, err := decodeService(b)
	if err != nil {
		s, _, err = decodeService(appendU32(slices.Clone(b), svcNetmask, 128))
	}
	return s, err
}

var (
	narrowStats = [88]byte{0: 8, 2: 1} // as long as the kernel's
	wideStats   = appendWideStats()
)

func appendWideStats() []byte {
	var b []byte
	for typ := range uint16(10) {
		b = appendAttr(b, typ+1, host.AppendUint64(nil, uint64(typ)))
	}
	return b
}

func wireServiceAnswer(b []byte, s Service) []byte {
	return appendNest(b, attrService, func(b []byte) []byte {
		b = appendService(b, s)
		b = appendAttr(b, svcStats, narrowStats[:])
		return appendAttr(b, svcStats64, wideStats)
	})
}

func wireDestinationAnswer(b []byte, d Destination) []byte {
	return appendNest(b, attrDestination, func(b []byte) []byte {
		b = appendDestination(b, d)
		for typ := uint16(destActive); typ <= destPersistent; typ++ {
			b = appendU32(b, typ, uint32(typ))
		}
		b = appendAttr(b, destStats, narrowStats[:])
		return appendAttr(b, destStats64, wideStats)
	})
}

// dump lists services, or the destinations of one: none if it is not there.
func (w *wire) dump(m message, cmd Command, body []byte) [][]byte {
	var parts [][]byte
	if cmd == cmdGetService {
		for _, k := range slices.SortedFunc(maps.Keys(w.kernel.services), ServiceKey.Compare) {
			s := w.kernel.services[k]
			parts = append(parts, w.data(m, cmdNewService, func(b []byte) []byte { return wireServiceAnswer(b, s.Service) }))
		}
	} else if service, err := nest("service", body, attrService); err == nil {
		want, err := wireService(service)
		if s := w.kernel.services[want.Key]; err == nil && s != nil {
			for _, a := range slices.SortedFunc(maps.Keys(s.dests), netip.AddrPort.Compare) {
				parts = append(parts, w.data(m, cmdNewDest, func(b []byte) []byte { return wireDestinationAnswer(b, s.dests[a].Destination) }))
			}
		}
	}
	var out [][]byte
	var datagram []byte
	for _, p := range parts {
		if len(datagram)+len(p) > wireSpace {
			out, datagram = append(out, datagram), nil
		}
		datagram = append(datagram, p...)
	}
	if datagram != nil {
		out = append(out, datagram)
	}
	return append(out, w.doneMessage(m))
}
