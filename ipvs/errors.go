package ipvs

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// ErrNoIPVS is a kernel without ip_vs: neither built in nor loadable. The
// error that wraps it says what was tried. VRRP does not depend on it; the
// owner retries later.
var ErrNoIPVS = errors.New("this kernel has no ip_vs")

// What a Dataplane answers, for errors.Is. The values are the kernel's.
const (
	ErrExists      = syscall.EEXIST       // service, destination or daemon is already there
	ErrNoService   = syscall.ESRCH        // no such service; no such daemon runs
	ErrNotFound    = syscall.ENOENT       // no such destination, scheduler or engine
	ErrInvalid     = syscall.EINVAL       // see the contract in ipvstest
	ErrRange       = syscall.ERANGE       // weight or lower threshold
	ErrFamily      = syscall.EAFNOSUPPORT // neither IPv4 nor IPv6
	ErrNoInterface = syscall.ENODEV       // a sync daemon's
)

// Error is a command that the kernel refused. errors.Is finds the errno.
type Error struct {
	Command     Command
	Service     ServiceKey     // zero when the command has none
	Destination DestinationKey // zero when the command has none
	Errno       syscall.Errno
	Words       string // the kernel's own explanation, mostly empty
}

// Error says what was being done, with what, why not and what it may mean.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Command.String())
	if e.Destination.IsValid() {
		fmt.Fprintf(&b, " %v", e.Destination)
		if e.Service != (ServiceKey{}) {
			b.WriteString(" of")
		}
	}
	if e.Service != (ServiceKey{}) {
		b.WriteString(" " + e.Service.Name())
	}
	fmt.Fprintf(&b, ": %v", e.Errno)
	if e.Words != "" {
		b.WriteString(": " + e.Words)
	} else if hint := e.hint(); hint != "" {
		b.WriteString(" (" + hint + ")")
	}
	return b.String()
}

// Unwrap is the errno.
func (e *Error) Unwrap() error { return e.Errno }

// hint is what the errno means for the command; the kernel's ip_vs answers
// with bare numbers.
func (e *Error) hint() string {
	daemon := e.Command == cmdNewDaemon || e.Command == cmdDelDaemon
	switch e.Errno {
	case syscall.EPERM:
		return "needs CAP_NET_ADMIN in the initial user namespace"
	case syscall.ENOENT:
		if e.Command == cmdNewService || e.Command == cmdSetService {
			return "the kernel has no such scheduler or persistence engine"
		}
		return "no such real server"
	case syscall.ESRCH:
		if daemon {
			return "not running"
		}
		return "no such virtual service"
	case syscall.EEXIST:
		if daemon {
			return "already running"
		}
		return "already there"
	case syscall.ENODEV:
		return "no such interface"
	case syscall.ERANGE:
		return "weight or lower threshold out of range"
	case syscall.EINVAL:
		if daemon {
			return "or real servers of another family than their service exist"
		}
		if e.Command == cmdNewDest || e.Command == cmdSetDest {
			return "or its family differs from the service's while a sync daemon runs"
		}
	}
	return ""
}
