package checkers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pemFiles writes a certificate and its key.
func pemFiles(t *testing.T, keyType string) SSLConfig {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := SSLConfig{Certificate: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	for path, block := range map[string]*pem.Block{
		c.Certificate: {Type: "CERTIFICATE", Bytes: selfSigned(t, key).Certificate[0]},
		c.Key:         {Type: keyType, Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestClientCertificateIsShownToAServerThatAsks(t *testing.T) {
	cert, err := LoadCertificate(pemFiles(t, "PRIVATE KEY"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{selfSigned(t, key)}, ClientAuth: tls.RequireAnyClientCert}
	addr := serve(t, func(c net.Conn) {
		s := tls.Server(c, cfg)
		readRequest(s)
		io.WriteString(s, "HTTP/1.0 200 OK\r\n\r\n")
		s.CloseWrite()
		io.Copy(io.Discard, s)
	})
	for name, want := range map[string]bool{"with": true, "without": false} {
		c := httpCheck(addr, URL{})
		if c.Config.TLS = true; want {
			c.Config.Certificate = cert
		}
		if v := probe(t, 2*testTotal, c); v.Up != want {
			t.Errorf("%s certificate: %+v", name, v)
		}
	}
}

func TestCloseNotifyIsSentOnlyWhenAsked(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{selfSigned(t, key)}}
	for _, compliant := range []bool{true, false} {
		last := make(chan int64, 1)
		c := httpCheck(serve(t, func(c net.Conn) {
			s := tls.Server(c, cfg)
			readRequest(s)
			io.WriteString(s, ok200("Content-Length: 0\r\n", ""))
			n, _ := io.Copy(io.Discard, c) // what comes behind the request, still encrypted
			last <- n
		}), URL{TLSCompliant: compliant})
		c.Config.TLS = true
		if v := probe(t, 2*testTotal, c); !v.Up {
			t.Errorf("got %+v", v)
		}
		if n := <-last; (n > 0) != compliant {
			t.Errorf("tls_compliant %v: %d octets before the end", compliant, n)
		}
	}
}

func TestClientCertificateProblemsAreNamed(t *testing.T) {
	good := pemFiles(t, "PRIVATE KEY")
	tests := map[string]struct {
		in   SSLConfig
		want string
	}{
		"key missing":         {SSLConfig{Certificate: good.Certificate}, "needs both"},
		"certificate missing": {SSLConfig{Key: good.Key}, "needs both"},
		"no such file":        {SSLConfig{Certificate: "/nosuch", Key: good.Key}, "/nosuch"},
		"no such key file":    {SSLConfig{Certificate: good.Certificate, Key: "/nosuch"}, "/nosuch"},
		"key of another":      {SSLConfig{Certificate: good.Certificate, Key: pemFiles(t, "PRIVATE KEY").Key}, "does not match"},
		"key encrypted":       {pemFiles(t, "ENCRYPTED PRIVATE KEY"), "give its passphrase"},
	}
	for name, tt := range tests {
		if _, err := LoadCertificate(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if c, err := LoadCertificate(SSLConfig{CA: "/ca"}); c != nil || err != nil {
		t.Errorf("nothing configured: %v %v", c, err)
	}
}
