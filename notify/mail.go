package notify

import (
	"fmt"
	"strings"
	"time"

	"holdfast/internal/event"
)

// Mail is one alert.
type Mail struct {
	Object  Object
	State   string // what the object now is; of an instance or group the same one is not mailed twice
	Subject string
	Body    string // one line
}

// InstanceMail is the alert about a VRRP instance that has entered state; false
// for words that are no state. router is router_id.
func InstanceMail(router, name, state string) (Mail, bool) {
	m := Mail{Object: Object{event.Instance, name}, State: state}
	what := "Entering " + state + " state"
	switch state {
	case Master:
		m.Body = "=> VRRP Instance is now owning VRRP VIPs <="
	case Backup, Fault:
		m.Body = "=> VRRP Instance is no longer owning VRRP VIPs <="
	case Stop:
		what, m.Body = "Stopping", "=> VRRP Instance stopping <="
	case Deleted:
		what, m.Body = "Deleted", "=> VRRP Deleted at reload <="
	default:
		return Mail{}, false
	}
	m.Subject = fmt.Sprintf("[%s] VRRP Instance %s - %s", router, name, what)
	return m, true
}

// GroupMail is the alert about a sync group that has entered state; false for
// words that are no state of a group.
func GroupMail(router, name, state string) (Mail, bool) {
	m := Mail{Object: Object{event.Group, name}, State: state}
	what := "Entering " + state + " state"
	switch state {
	case Master, Backup, Fault:
		m.Body = "=> All VRRP group instances are now in " + state + " state <="
	case Stop:
		what, m.Body = "Stopping", "=> All VRRP group instances are now stopping <="
	default:
		return Mail{}, false
	}
	m.Subject = fmt.Sprintf("[%s] VRRP Group %s - %s", router, name, what)
	return m, true
}

// RealServerMail is the alert about rs, "[ip]:proto:port", of virtual server vs.
// text is the checker's, without the arrows.
func RealServerMail(router, rs, vs string, up bool, text string) Mail {
	return Mail{
		Object: Object{event.RealServer, rs + " of " + vs}, State: upDown(up),
		Subject: fmt.Sprintf("[%s] Realserver %s of virtual server %s - %s", router, rs, vs, upDown(up)),
		Body:    "=> " + text + " <=",
	}
}

// VirtualServerMail is the alert about the quorum of vs, "[ip]:proto:port",
// "FWM n" or "[group]:index". text is without the arrows.
func VirtualServerMail(router, vs string, up bool, text string) Mail {
	return Mail{
		Object: Object{event.VirtualServer, vs}, State: upDown(up),
		Subject: fmt.Sprintf("[%s] Virtualserver %s - %s", router, vs, upDown(up)),
		Body:    "=> " + text + " <=",
	}
}

func upDown(up bool) string {
	if up {
		return Up
	}
	return Down
}

// message is m as it goes over the wire behind DATA, without the final dot:
// keepalived's headers in keepalived's order. at is written in its own zone.
func (m Mail) message(from string, to []string, at time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Date: %s\r\n", at.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "From: %s\r\n", oneLine(from))
	fmt.Fprintf(&b, "Subject: %s\r\n", oneLine(m.Subject))
	b.WriteString("X-Mailer: Keepalived\r\n")
	recipients := make([]string, len(to))
	for i, a := range to {
		recipients[i] = oneLine(a)
	}
	fmt.Fprintf(&b, "To: %s\r\n", strings.Join(recipients, ",\r\n "))
	fmt.Fprintf(&b, "\r\n%s\r\n\r\n", oneLine(m.Body))
	return b.String()
}

// oneLine keeps a name from adding header lines or commands of its own.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s)
}

// mailbox is the address in MAIL FROM and RCPT TO: of `Name <a@b>` the part in
// angle brackets, of anything else all of it.
func mailbox(addr string) string {
	addr = strings.TrimSpace(oneLine(addr))
	if i := strings.LastIndexByte(addr, '<'); i >= 0 {
		if j := strings.IndexByte(addr[i:], '>'); j > 0 {
			return strings.TrimSpace(addr[i+1 : i+j])
		}
	}
	return strings.Trim(addr, "<>")
}
