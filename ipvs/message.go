package ipvs

import (
	"fmt"
	"iter"
	"syscall"
)

// Command is a command of the IPVS generic netlink family.
type Command uint8

const (
	cmdNewService Command = iota + 1
	cmdSetService
	cmdDelService
	cmdGetService
	cmdNewDest
	cmdSetDest
	cmdDelDest
	cmdGetDest
	cmdNewDaemon
	cmdDelDaemon
	cmdGetDaemon
	cmdSetConfig
	cmdGetConfig
	cmdSetInfo
	cmdGetInfo
	cmdZero
	cmdFlush
)

// String is what the command does, for error texts.
func (c Command) String() string {
	names := [...]string{
		cmdNewService: "add virtual service", cmdSetService: "edit virtual service",
		cmdDelService: "delete virtual service", cmdGetService: "read virtual services",
		cmdNewDest: "add real server", cmdSetDest: "edit real server",
		cmdDelDest: "delete real server", cmdGetDest: "read real servers",
		cmdNewDaemon: "start sync daemon", cmdDelDaemon: "stop sync daemon", cmdGetDaemon: "read sync daemons",
		cmdSetConfig: "set timeouts", cmdGetConfig: "read timeouts",
		cmdSetInfo: "info", cmdGetInfo: "read ip_vs version", cmdZero: "zero counters", cmdFlush: "flush virtual services",
	}
	if int(c) < len(names) && names[c] != "" {
		return names[c]
	}
	return fmt.Sprintf("command %d", uint8(c))
}

// Netlink message types, flags and sizes (RFC 3549, linux/netlink.h).
const (
	nlHeader  = 16
	genHeader = 4

	nlNoop    = 1
	nlError   = 2
	nlDone    = 3
	nlOverrun = 4 // the kernel lost answers

	firstFamily = 0x10 // types below are netlink's own

	nlRequest  = 0x1
	nlAck      = 0x4
	nlDump     = 0x300
	nlDumpIntr = 0x10  // in an answer: the list changed while it was told
	nlCapped   = 0x100 // in an answer: the request is not echoed
	nlAckTLVs  = 0x200 // in an answer: attributes follow
	extMessage = 1     // attribute with the kernel's words

	controlFamily     = 0x10 // nlctrl, which knows the numbers of the others
	controlNewFamily  = 1
	controlGetFamily  = 3
	controlFamilyID   = 1
	controlFamilyName = 2

	familyName    = "IPVS"
	familyVersion = 1

	maxErrno = 4095 // the kernel's MAX_ERRNO
)

// appendMessage adds one generic netlink request. body adds its attributes.
func appendMessage(b []byte, family, flags uint16, seq uint32, cmd, version uint8, body func([]byte) []byte) []byte {
	start := len(b)
	b = host.AppendUint32(b, 0) // length, below
	b = host.AppendUint16(b, family)
	b = host.AppendUint16(b, flags)
	b = host.AppendUint32(b, seq)
	b = host.AppendUint32(b, 0) // port id: the kernel's
	b = append(b, cmd, version, 0, 0)
	if body != nil {
		b = body(b)
	}
	host.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// message is one netlink message of an answer.
type message struct {
	typ   uint16
	flags uint16
	seq   uint32
	port  uint32 // whom it answers
	body  []byte // behind the netlink header
}

// messages yields the messages of one datagram.
func messages(b []byte, err *error) iter.Seq[message] {
	return func(yield func(message) bool) {
		for len(b) > 0 {
			if len(b) < nlHeader {
				*err = malformed("datagram", "%d octets behind the last message", len(b))
				return
			}
			n := int(host.Uint32(b))
			if n < nlHeader || n > len(b) {
				*err = malformed("datagram", "message of %d octets in %d", n, len(b))
				return
			}
			m := message{typ: host.Uint16(b[4:]), flags: host.Uint16(b[6:]), seq: host.Uint32(b[8:]), port: host.Uint32(b[12:]), body: b[nlHeader:n]}
			if !yield(m) {
				return
			}
			b = b[min(align4(n), len(b)):]
		}
	}
}

// errno is the result in an error or done message, 0 for success, with the
// kernel's own words if it had any.
func (m message) errno() (syscall.Errno, string, error) {
	if len(m.body) < 4 {
		if m.typ == nlDone {
			return 0, "", nil
		}
		return 0, "", malformed("acknowledgement", "%d octets", len(m.body))
	}
	code := int32(host.Uint32(m.body))
	if code > 0 || code < -maxErrno {
		return 0, "", malformed("acknowledgement", "result %d", code)
	}
	no := syscall.Errno(-code)
	if m.flags&nlAckTLVs == 0 {
		return no, "", nil
	}
	tlvs := m.body[4:]
	if m.typ == nlError { // the request stands before them, perhaps only its header
		n := nlHeader
		if m.flags&nlCapped == 0 && len(tlvs) >= 4 {
			n = align4(int(host.Uint32(tlvs)))
		}
		if n > len(tlvs) || n < 0 {
			return no, "", nil
		}
		tlvs = tlvs[n:]
	}
	words := "" // none does not change the result, nor do attributes that are no attributes
	for a := attrs("extended acknowledgement", tlvs); a.next(); {
		if a.typ == extMessage {
			words = text(a.v)
		}
	}
	return no, words, nil
}

// payload are the attributes of a generic netlink answer and its command.
func (m message) payload() (Command, []byte, error) {
	if len(m.body) < genHeader {
		return 0, nil, malformed("answer", "%d octets", len(m.body))
	}
	return Command(m.body[0]), m.body[genHeader:], nil
}

// nest returns the attributes inside the attribute typ of b.
func nest(what string, b []byte, typ uint16) ([]byte, error) {
	a := attrs(what, b)
	for a.next() {
		if a.typ == typ {
			return a.v, nil
		}
	}
	if a.err == nil {
		a.err = malformed(what, "attribute %d is missing", typ)
	}
	return nil, a.err
}

// command is a request before it has a number.
type command struct {
	cmd     Command
	service ServiceKey     // for errors
	dest    DestinationKey // for errors
	body    func([]byte) []byte
	answer  Command            // of the messages with data; 0: there are none
	each    func([]byte) error // takes their attributes; nil: nobody wants them
}

// opCommand is the request that does op.
func opCommand(op Op) command {
	k, d := op.Service.Key, op.Destination
	c := command{service: k}
	serviceNest := func(inside func([]byte) []byte) func([]byte) []byte {
		return func(b []byte) []byte { return appendNest(b, attrService, inside) }
	}
	key := serviceNest(func(b []byte) []byte { return appendServiceKey(b, k) })
	destNest := func(inside func([]byte) []byte) func([]byte) []byte {
		return func(b []byte) []byte { return appendNest(key(b), attrDestination, inside) }
	}
	switch op.Verb {
	case AddService, EditService:
		c.cmd = map[Verb]Command{AddService: cmdNewService, EditService: cmdSetService}[op.Verb]
		c.body = serviceNest(func(b []byte) []byte { return appendService(b, op.Service) })
	case DeleteService:
		c.cmd, c.body = cmdDelService, key
	case AddDestination, EditDestination:
		c.cmd = map[Verb]Command{AddDestination: cmdNewDest, EditDestination: cmdSetDest}[op.Verb]
		c.dest = d.Addr
		c.body = destNest(func(b []byte) []byte { return appendDestination(b, d) })
	default:
		c.cmd, c.dest = cmdDelDest, d.Addr
		c.body = destNest(func(b []byte) []byte { return appendDestinationKey(b, d.Addr) })
	}
	return c
}
