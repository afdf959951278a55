package daemon

import (
	"fmt"
	"strings"
)

// mailText is what keepalived's mail says about a change of a real server,
// without the arrows; none about one that no check has found.
func mailText(check string, up bool) string {
	if check == "" {
		return ""
	}
	name, verb := check, "failed"
	if up {
		verb = "succeed"
	}
	switch check {
	case "HTTP_GET", "SSL_GET":
		if !up {
			return "CHECK failed on service : HTTP/SSL request failed"
		}
		name = "CHECK"
	case "SMTP_CHECK":
		name = "CHECK"
	case "TCP_CHECK", "UDP_CHECK":
		name = strings.Replace(check, "_", " ", 1)
	case "DNS_CHECK":
		name = "DNS_CHECK:"
	case "PING_CHECK":
		name = "ICMP CHECK"
	case "MISC_CHECK":
		name = "MISC CHECK"
		if up {
			verb = "succeeded"
		}
	}
	return fmt.Sprintf("%s %s on service", name, verb)
}

// quorumMail is the text of a quorum's mail: the log line without the service,
// in the form that keepalived gives it.
func (s *runningService) quorumMail() string {
	text, _, _ := strings.Cut(s.last.quorum, " for VS ")
	return text
}
