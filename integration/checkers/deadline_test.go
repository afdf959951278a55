package checkers

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/daemon/config/configtest"
)

// TestNoServerKeepsACheckBeyondItsDeadline: keepalived bounds each step of a check,
// and one of these servers keeps it busy for ever. The whole of it is bounded here.
// A minute is too long to wait in a test: what the limit is is compared, then it is
// cut to cut.
func TestNoServerKeepsACheckBeyondItsDeadline(t *testing.T) {
	const cut, slack = 2 * time.Second, 10 * time.Second
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	certificate := server.TLS.Certificates
	server.Close()
	inTLS := func(handle func(net.Conn)) func(net.Conn) {
		return func(c net.Conn) {
			s := tls.Server(c, &tls.Config{Certificates: certificate})
			if s.Handshake() == nil {
				handle(s)
			}
		}
	}
	const web, ssl, mail = 62 * time.Second, 63 * time.Second, 4 * time.Second // connect_timeout 1: 2, 3, 4 steps; and a minute of octets
	tests := map[string]struct {
		check string
		total time.Duration
		tcp   func(net.Conn)
		udp   func([]byte, func([]byte))
	}{
		"HTTP header without end":      {"HTTP_GET", web, then(asked, says("HTTP/1.1 200 OK\r\n"), floods("A: b\r\n")), nil},
		"HTTP header line without end": {"HTTP_GET", web, then(asked, says("HTTP/1.1 200 OK\r\nA: "), floods("a")), nil},
		"HTTP body without end":        {"HTTP_GET", web, then(asked, says(ok200("", "")), floods("x")), nil},
		"HTTP chunks without end":      {"HTTP_GET", web, then(asked, says(ok200("Transfer-Encoding: chunked\r\n", "")), floods("1\r\nx\r\n")), nil},
		"HTTP chunk length for ever":   {"HTTP_GET", web, then(asked, says(ok200("Transfer-Encoding: chunked\r\n", "")), floods("0")), nil},
		"HTTP header, drops":           {"HTTP_GET", web, then(asked, says("HTTP/1.1 200 OK\r\n"), dripsForEver("A: b\r\n")), nil},
		"HTTP body, drops":             {"HTTP_GET", web, then(asked, says(ok200("", "")), dripsForEver("x")), nil},
		"garbage without end":          {"HTTP_GET", web, floods("\x00\xff"), nil},
		"TLS handshake, drops":         {"SSL_GET", ssl, dripsForEver("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"), nil},
		"TLS alerts without end":       {"SSL_GET", ssl, floods("\x15\x03\x03\x00\x02\x01\x00"), nil},
		"TLS, body without end":        {"SSL_GET", ssl, inTLS(then(asked, says(ok200("", "")), floods("x"))), nil},
		"TLS, header, drops":           {"SSL_GET", ssl, inTLS(then(asked, says("HTTP/1.1 200 OK\r\n"), dripsForEver("A: b\r\n"))), nil},
		"SMTP greeting, drops":         {"SMTP_CHECK", mail, dripsForEver("2"), nil},
		"SMTP greeting without end":    {"SMTP_CHECK", mail, floods("220-more\r\n"), nil},
		"SMTP line without end":        {"SMTP_CHECK", mail, floods("2"), nil},
		"DNS, others' answers":         {"DNS_CHECK", time.Second, nil, many(20_000, make([]byte, 40))},
		"UDP, silence":                 {"UDP_CHECK {\nrequire_reply", 2 * time.Second, nil, mute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &Place{Addr: netip.MustParseAddrPort("127.0.0.1:0"), t: t, site: newSite(t, nil)}
			if tt.udp != nil {
				p.serveUDP(tt.udp)
			} else {
				p.serveTCP(tt.tcp)
			}
			check := tt.check
			if !strings.Contains(check, "{") {
				check += " {"
			}
			if strings.Contains(check, "_GET") {
				check += "\nurl {\npath /\n}"
			}
			conf := fmt.Sprintf("virtual_server 127.0.0.2 80 {\nprotocol TCP\nreal_server 127.0.0.1 %d {\n%s\nconnect_timeout 1\n}\n}\n}\n", p.Addr.Port(), check)
			spec := configtest.Understood(t, conf).Config.Checks()[0]
			if spec.Total != tt.total {
				t.Errorf("limit %v, want %v", spec.Total, tt.total)
			}
			ctx, cancel := context.WithTimeout(t.Context(), min(cut, spec.Total))
			defer cancel()
			began := time.Now()
			v := spec.Kind.New(spec.Config, spec.Target)[0].Check(ctx)
			if took := time.Since(began); v.Up || v.NoResult || took > cut+slack {
				t.Errorf("after %v: %+v", took, v)
			}
		})
	}
}
