package checkers

import (
	"fmt"
)

func ssl(url ...string) []string { return get("SSL_GET", url...)() }

func slowSSL(url ...string) []string { return get("SSL_GET", url...)(short) }

func nginxTLS(port int, more ...string) []string {
	return get("SSL_GET", "status_code 200")(append([]string{fmt.Sprintf("connect_port %d", port)}, more...)...)
}

// clientCertificate is the block SSL with what the servers of the lab want to see.
const clientCertificate = "SSL {\ncertificate CERTS/client.crt\nkey CERTS/client.key\nca CERTS/ca.crt\n}\n"

var alert = says("\x15\x03\x03\x00\x02\x02\x28") // fatal, handshake_failure

var notTLS12 = webFailure("SSL handshake/communication error connecting to")

const noDHE = "Go's TLS has no DHE, no AES-256 with RSA and SHA-256, and no CBC with SHA-384"

var tlsCases = []Case{
	// a real web server
	{Name: "nginx", Check: nginxTLS(nginxTLSPort)},
	{Name: "nginx, 1.1", Check: nginxTLS(nginxTLSPort, "http_protocol 1.1")},
	{Name: "nginx, digest", Check: get("SSL_GET", "digest "+pageMD5)("connect_port 443")},
	{Name: "nginx, another digest", Check: get("SSL_GET", "digest 0123456789abcdef0123456789abcdef")("connect_port 443")},
	{Name: "nginx, regex", Check: get("SSL_GET", "virtualhost www.example.com", `regex "here is"`)("connect_port 443")},
	{Name: "nginx, regex that is not there", Check: get("SSL_GET", "virtualhost www.example.com", `regex "there is"`)("connect_port 443")},
	{Name: "nginx, 404", Check: get("SSL_GET", "path /missing")("connect_port 443")},
	{Name: "nginx, 503", Check: get("SSL_GET", "path /busy")("connect_port 443")},
	{Name: "nginx, 301", Check: get("SSL_GET", "path /moved")("connect_port 443")},
	{Name: "nginx, no TLS", Check: nginxTLS(nginxPort)},
	{Name: "nginx wants a name, none is sent", Check: nginxTLS(nginxNamedPort, "virtualhost www.example.com")},
	{Name: "nginx wants a name and gets it", Check: nginxTLS(nginxNamedPort, "virtualhost www.example.com", "enable_sni")},
	{Name: "nginx wants another name", Check: nginxTLS(nginxNamedPort, "virtualhost wrong.example.com", "enable_sni")},
	{Name: "nginx wants a certificate", Check: nginxTLS(nginxMTLSPort)},
	{Name: "nginx wants a certificate and gets it", Globals: clientCertificate, Check: nginxTLS(nginxMTLSPort)},

	// names
	{Name: "no name", Serve: hearsTLS(named), Check: get("SSL_GET")("virtualhost c.example")},
	{Name: "name of the url", Serve: hearsTLS(named), Check: get("SSL_GET", "virtualhost u.example")("virtualhost c.example", "enable_sni")},
	{Name: "name of the check", Serve: hearsTLS(named), Check: get("SSL_GET")("virtualhost c.example", "enable_sni")},
	{Name: "name of the virtual server", Serve: hearsTLS(named), Service: []string{"virtualhost v.example"}, Check: get("SSL_GET")("enable_sni")},
	{Name: "name of the real server is not sent", Serve: hearsTLS(named), Server: []string{"virtualhost r.example"}, Check: get("SSL_GET")("enable_sni")},

	// versions, cipher suites and certificates
	{Name: "TLS 1.3", Serve: openssl("-tls1_3"), Check: ssl()},
	{Name: "TLS 1.2", Serve: openssl("-tls1_2"), Check: ssl()},
	{Name: "TLS 1.1", Serve: openssl("-tls1_1 -cipher ALL:@SECLEVEL=0"), Check: ssl()},
	{Name: "TLS 1.0", Serve: openssl("-tls1 -cipher ALL:@SECLEVEL=0"), Check: ssl()},
	{Name: "TLS 1.3, AES-256", Serve: openssl("-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384"), Check: ssl()},
	{Name: "TLS 1.3, ChaCha20", Serve: openssl("-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256"), Check: ssl()},
	{Name: "TLS 1.3, CCM", Serve: openssl("-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256"), Check: ssl()},
	{Name: "ECDHE with GCM", Serve: openssl("-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256"), Check: ssl()},
	{Name: "ECDHE with ChaCha20", Serve: openssl("-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305"), Check: ssl()},
	{Name: "ECDHE with CBC and SHA-1", Serve: openssl("-tls1_2 -cipher ECDHE-RSA-AES256-SHA"), Check: ssl()},
	{Name: "ECDHE with CBC and SHA-256", Serve: openssl("-tls1_2 -cipher ECDHE-RSA-AES128-SHA256"), Check: ssl()},
	{Name: "RSA with GCM", Serve: openssl("-tls1_2 -cipher AES256-GCM-SHA384"), Check: ssl()},
	{Name: "RSA with CBC", Serve: openssl("-tls1_2 -cipher AES128-SHA"), Check: ssl()},
	{Name: "RSA with CBC and SHA-256", Serve: openssl("-tls1_2 -cipher AES128-SHA256"), Check: ssl()},
	{Name: "DHE only", Serve: openssl("-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256"), Check: ssl(), Better: noDHE, Ours: notTLS12},
	{Name: "ECDHE with CBC and SHA-384 only", Serve: openssl("-tls1_2 -cipher ECDHE-RSA-AES256-SHA384"), Check: ssl(), Better: noDHE, Ours: notTLS12},
	{Name: "3DES only", Serve: openssl("-tls1_2 -cipher DES-CBC3-SHA:NULL-SHA256:@SECLEVEL=0"), Check: ssl()},
	{Name: "no encryption", Serve: openssl("-tls1_2 -cipher NULL-SHA256:@SECLEVEL=0"), Check: ssl()},
	{Name: "no certificate", Serve: openssl("-nocert -tls1_2 -cipher aNULL:@SECLEVEL=0"), Check: ssl()},
	{Name: "pre-shared key", Serve: openssl("-nocert -tls1_2 -psk 0102030405060708 -cipher PSK-AES128-GCM-SHA256"), Check: ssl()},
	{Name: "group of another kind", Serve: openssl("-tls1_3 -groups P-521"), Check: ssl()},
	{Name: "certificate that has expired", Serve: openssl(withCertificate("expired")), Check: ssl()},
	{Name: "certificate of somebody else", Serve: openssl(withCertificate("other")), Check: get("SSL_GET")("virtualhost www.example.com", "enable_sni")},
	{Name: "certificate of 1024 bits", Serve: openssl(withCertificate("small") + " -cipher ALL:@SECLEVEL=0"), Check: ssl()},
	{Name: "certificate with ECDSA", Serve: openssl(withCertificate("p384")), Check: ssl()},
	{Name: "certificate with Ed25519", Serve: openssl(withCertificate("ed25519")), Check: ssl()},
	{Name: "certificate with a negative number", Serve: openssl(withCertificate("serial")), Check: ssl()},
	{Name: "certificate signed with SHA-1", Serve: openssl(withCertificate("sha1") + " -cipher ALL:@SECLEVEL=0"), Check: ssl()},
	{Name: "client certificate wanted, TLS 1.2", Serve: openssl("-tls1_2 -Verify 1 -CAfile CERTS/ca.crt -verify_return_error"), Check: ssl()},
	{Name: "client certificate wanted, TLS 1.3", Serve: openssl("-tls1_3 -Verify 1 -CAfile CERTS/ca.crt -verify_return_error"), Check: ssl()},
	{Name: "client certificate shown, TLS 1.2", Globals: clientCertificate, Serve: openssl("-tls1_2 -Verify 1 -CAfile CERTS/ca.crt -verify_return_error"), Check: ssl()},
	{Name: "client certificate shown, TLS 1.3", Globals: clientCertificate, Serve: openssl("-tls1_3 -Verify 1 -CAfile CERTS/ca.crt -verify_return_error"), Check: ssl()},
	{Name: "client certificate of a stranger", Globals: clientCertificate, Serve: openssl("-tls1_2 -Verify 1 -CAfile CERTS/other.crt -verify_return_error"), Check: ssl()},
	{Name: "client key under a password", Globals: "SSL {\npassword secret\ncertificate CERTS/client.crt\nkey CERTS/client.enc\n}\n",
		Serve: openssl("-tls1_2 -Verify 1 -CAfile CERTS/ca.crt -verify_return_error"), Check: ssl()},
	{Name: "client key under a password, PKCS 8", Globals: "SSL {\npassword secret\ncertificate CERTS/client.crt\nkey CERTS/client.p8\n}\n",
		Serve: openssl("-tls1_2 -Verify 1 -CAfile CERTS/ca.crt -verify_return_error"), Check: ssl()},

	// the way to the server
	{Name: "closed", Check: ssl()},
	{Name: "dropped", Filter: "drop", Check: slowSSL()},
	{Name: "rejected, prohibited", Filter: "reject with icmp type admin-prohibited", Check: slowSSL()},
	{Name: "source address of another machine", Serve: over(silent), Check: get("SSL_GET")("bindto 10.9.0.250")},

	// handshakes that do not end
	{Name: "silent", Better: "the wait for a handshake has an end", Ours: webFailure("Timeout SSL read"), Serve: over(silent), Check: slowSSL()},
	{Name: "closes at once", Serve: over(closes), Check: ssl()},
	{Name: "resets at once", Like: "SSL_GET closes at once", Serve: over(then(hello, resets)), Check: ssl()},
	{Name: "alert", Serve: over(then(waits, alert)), Check: ssl()},
	{Name: "garbage", Serve: over(says("\x00\x01\xff\xfe\r\n\r\n")), Check: ssl()},
	{Name: "garbage without end", Serve: over(floods("\x00\x01\xff\xfe")), Check: ssl()},
	{Name: "plain HTTP", Serve: over(says(ok200("", page))), Check: ssl()},
	{Name: "stalls in the handshake", Better: "the wait for a handshake has an end", Ours: webFailure("Timeout SSL read"), Serve: over(then(says("\x16\x03\x03\x00\x7a\x02\x00"), silent)), Check: slowSSL()},
	{Name: "closes in the handshake", Serve: over(says("\x16\x03\x03\x00\x7a\x02\x00")), Check: ssl()},
	{Name: "resets in the handshake", Like: "SSL_GET closes in the handshake", Serve: over(then(hello, says("\x16\x03\x03\x00\x7a\x02\x00"), waits, resets)), Check: ssl()},
	{Name: "a record that is too long", Serve: over(says("\x16\x03\x03\xff\xff\x02\x00")), Check: ssl()},
	{Name: "a handshake octet by octet", Serve: over(trickles("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", pause)), Check: slowSSL()},

	// answers through TLS
	{Name: "silent after the request", Serve: overTLS(then(asked, silent)), Check: slowSSL()},
	{Name: "closes after the request", Serve: overTLS(asked), Check: ssl()},
	{Name: "resets after the request", Serve: overTLS(then(asked, resets)), Check: ssl()},
	{Name: "stalls in the header", Serve: overTLS(then(asked, says("HTTP/1.1 200 OK\r\nServ"), silent)), Check: slowSSL()},
	{Name: "stalls in the body", Serve: overTLS(then(asked, says(ok200("", page[:30])), silent)), Check: slowSSL()},
	{Name: "resets in the body", Better: "the body is not whole", Ours: webFailure("Read error with"), Serve: overTLS(then(asked, says(ok200("", page[:30])), waits, resets)), Check: ssl()},
	{Name: "closes in the header", Serve: overTLS(then(asked, says("HTTP/1.1 200 OK\r\nServ"))), Check: ssl()},
	{Name: "no close_notify", Serve: overTLS(then(asked, says(ok200("", page)))), Check: ssl()},
	{Name: "not HTTP", Serve: overTLS(then(asked, says("NONSENSE\r\n\r\n"))), Check: ssl()},
	{Name: "a header line of 20 KB", Better: longHeader, Ours: webUp, Serve: overTLS(then(asked, says(ok200("A: "+string(make([]byte, 20_000))+"\r\n", page)))), Check: ssl()},
	{Name: "keeps the connection after all", Serve: overTLS(then(asked, says(ok200("", page)), silent)), Check: slowSSL()},
	{Name: "keeps the connection after what it announced", Serve: overTLS(then(asked, says(ok200(withLength, page)), silent)), Check: slowSSL(),
		Better: "the answer is whole", Ours: []string{"Remote Web server X succeed on service."}},
}
