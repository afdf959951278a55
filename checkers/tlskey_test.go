//go:debug x509negativeserial=1

package checkers

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Keys as OpenSSL 3.0 writes them, all of the certificate beside them, under the
// passphrase "secret"; the names say with which options.
func keyFile(name string) string { return filepath.Join("testdata", "keys", name+".pem") }

var keyCertificate = filepath.Join("testdata", "keys", "cert.crt")

func TestClientKeysAreOpenedWithThePassword(t *testing.T) {
	for _, name := range []string{"pkcs8-plain", "traditional-aes256", "traditional-des3", "pkcs8-aes-128-cbc", "pkcs8-aes-192-cbc",
		"pkcs8-aes-256-cbc", "pkcs8-des3", "pkcs8-sha1", "pkcs8-sha512"} {
		c := SSLConfig{Certificate: keyCertificate, Key: keyFile(name), Password: "secret"}
		if cert, err := LoadCertificate(c); err != nil || cert == nil || cert.PrivateKey == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClientKeysThatDoNotOpenSayWhy(t *testing.T) {
	tests := map[string]struct{ name, password, want string }{
		"no password":              {"pkcs8-aes-256-cbc", "", "give its passphrase as password"},
		"no password, traditional": {"traditional-aes256", "", "give its passphrase as password"},
		"wrong password":           {"pkcs8-aes-256-cbc", "wrong", "does not open it"},
		"wrong password, older":    {"traditional-aes256", "wrong", "does not open it"},
		"derived with scrypt":      {"pkcs8-scrypt", "secret", "PBES2"},
		"PKCS #5 before version 2": {"pkcs8-v1", "secret", "PBES2"},
	}
	for name, tt := range tests {
		_, err := LoadCertificate(SSLConfig{Certificate: keyCertificate, Key: keyFile(tt.name), Password: tt.password})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func FuzzDecryptKey(f *testing.F) {
	for _, name := range []string{"pkcs8-sha512", "pkcs8-scrypt", "traditional-aes256"} {
		text, err := os.ReadFile(keyFile(name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "secret")
	}
	f.Fuzz(func(t *testing.T, text []byte, password string) {
		if len(text) < 2000 { // long ones are slow and no different
			decryptKey(text, password)
		}
	})
}

// As every other certificate: RFC 5280 forbids the number, old appliances have it,
// and keepalived does not look.
func TestACertificateWithANegativeNumberPasses(t *testing.T) {
	pair, err := tls.LoadX509KeyPair(filepath.Join("testdata", "keys", "negative-serial.crt"), keyFile("pkcs8-plain"))
	if err != nil {
		t.Fatal(err)
	}
	c := httpCheck(serve(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}})
		readRequest(s)
		io.WriteString(s, ok200("Content-Length: 0\r\n", ""))
		io.Copy(io.Discard, c)
	}), URL{})
	c.Config.TLS = true
	if v := probe(t, 2*testTotal, c); !v.Up {
		t.Errorf("got %+v", v)
	}
}
