package daemon

import (
	"fmt"
	"strings"

	"holdfast/checkers"
)

// mailText is what keepalived's mail says about a change of a real server,
// without the arrows; none about one that no check has found. Cause is why an
// SMTP_CHECK failed.
func mailText(check, cause string, up bool) string {
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
			return "CHECK failed on service : HTTP request failed" // of SSL_GET, too
		}
		name = "CHECK"
	case "SMTP_CHECK":
		if !up && cause != "" {
			return "CHECK failed on service : " + cause
		}
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

// smtpCause is why an SMTP_CHECK failed: its log line without the first word.
func smtpCause(spec checkers.Spec, v checkers.Verdict) string {
	if v.Up || spec.Kind.Keyword != "SMTP_CHECK" {
		return ""
	}
	return strings.TrimPrefix(spec.Kind.Texts(spec.Config).Attempt(spec.Names, v), "SMTP_CHECK ")
}

// quorumMail is the text of a quorum's mail: the log line without the service,
// in the form that keepalived gives it. A service that goes has no such line.
func (s *runningService) quorumMail(up bool) string {
	line := s.last.quorum
	s.last.quorum = ""
	if line == "" && !up {
		q, h := s.Params.Quorum, s.Params.Hysteresis
		return fmt.Sprintf("Lost quorum %d-%d=%d > 0", q, h, q-min(h, q))
	}
	text, _, _ := strings.Cut(line, " for VS ")
	if s.starts {
		text = strings.Replace(text, "Gained quorum", "Starting with quorum up", 1)
	}
	return text
}
