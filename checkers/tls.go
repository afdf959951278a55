package checkers

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"

	"holdfast/kconf"
)

var sslKeywords = append(append(connectRows((*HTTPConfig).common, httpHistory), httpRows(sslURLKeywords)...),
	kconf.Keyword[HTTPConfig]{
		Name: "tls_compliant", Args: "[BOOL]", Default: "false", Since: "2.2.8",
		Doc: "Say goodbye with close_notify when closing.",
		Set: kconf.Bool(func(c *HTTPConfig) *bool { return &c.TLSCompliant }),
	})

var sslURLKeywords = append(urlKeywords[:len(urlKeywords):len(urlKeywords)], kconf.Keyword[URL]{
	Name: "tls_compliant", Args: "[BOOL]", Default: "false", Since: "2.2.8",
	Doc: "Say goodbye with close_notify when closing the connection of this url.",
	Set: kconf.Bool(func(u *URL) *bool { return &u.TLSCompliant }),
})

var sslKind = &Kind{
	Keyword:          "SSL_GET",
	Since:            "0.5.3",
	Doc:              "HTTP_GET over TLS; the server's certificate is not verified.",
	Rows:             sslKeywords,
	Decode:           func(x *kconf.Ctx, s *kconf.Stmt) Config { return decodeHTTP(x, s, sslKeywords, true) },
	Finish:           finishHTTP,
	New:              newHTTP,
	Texts:            httpTexts,
	Retry:            1,
	DelayBeforeRetry: httpDelayBeforeRetry,
	Pacing:           Pacing{Sequence: true, LogUntilRun: true},
	Total:            httpTotal(3), // connect, handshake, first octet
}

// tlsConfig accepts any certificate, as keepalived does: a check asks whether
// a server works, not who it is. Old cipher suites stay on offer for the same
// reason; versions before 1.2 do not, as with OpenSSL's defaults.
func (c HTTPCheck) tlsConfig() *tls.Config {
	cfg := &tls.Config{
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS12,
		ServerName:         c.sni(),
		CipherSuites:       checkSuites,
	}
	if c.Config.Certificate != nil {
		cfg.Certificates = []tls.Certificate{*c.Config.Certificate}
	}
	return cfg
}

var checkSuites = func() (ids []uint16) {
	for _, s := range tls.CipherSuites() {
		ids = append(ids, s.ID)
	}
	for _, s := range tls.InsecureCipherSuites() {
		switch s.ID { // AES with RSA key exchange or with SHA-256; not RC4, not 3DES
		case tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
			tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384:
			ids = append(ids, s.ID)
		}
	}
	return ids
}()

// sni is the server name to send, "" for none. The real server's virtualhost
// is not asked, as in keepalived.
func (c HTTPCheck) sni() string {
	if !c.Config.EnableSNI {
		return ""
	}
	for _, name := range []string{c.Config.SNIName, c.URL.VirtualHost, c.Config.VirtualHost, c.Config.ServiceVirtualHost} {
		if name != "" {
			return name
		}
	}
	return ""
}

// LoadCertificate reads the client certificate of the SSL block. Without
// certificate and key there is none, which is no error. An encrypted key is
// opened with the password of the block.
func LoadCertificate(c SSLConfig) (*tls.Certificate, error) {
	if c.Certificate == "" && c.Key == "" {
		return nil, nil
	}
	if c.Certificate == "" || c.Key == "" {
		return nil, errors.New("load client certificate: SSL block needs both certificate and key")
	}
	chain, err := os.ReadFile(c.Certificate)
	if err != nil {
		return nil, fmt.Errorf("load client certificate: %w", err)
	}
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return nil, fmt.Errorf("load client key: %w", err)
	}
	if key, err = decryptKey(key, c.Password); err != nil {
		return nil, fmt.Errorf("load client key %s: %w", c.Key, err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("load client certificate %s with key %s: %w", c.Certificate, c.Key, err)
	}
	return &pair, nil
}
