package checkers

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// credentials are made once for all tests of a process, in a folder of theirs.
type credentials struct {
	once sync.Once
	dir  string
}

var certs credentials

// recipes are what openssl req makes: a certificate NAME.crt with its NAME.key.
// Most have the key of the good one, for keys take long to make.
var recipes = map[string]string{
	"other":   "-key good.key -subj /CN=somebody.else.example -days 30",
	"small":   "-newkey rsa:1024 -subj /CN=www.example.com -days 30",
	"p384":    "-newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -subj /CN=www.example.com -days 30",
	"ed25519": "-newkey ed25519 -subj /CN=www.example.com -days 30",
	"serial":  "-key good.key -subj /CN=www.example.com -days 30 -set_serial -7",
	"sha1":    "-key good.key -subj /CN=www.example.com -days 30 -sha1",
	"ca":      "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=lab -days 30",
}

// folder is where the certificates are; the first call makes them.
func (c *credentials) folder(t *testing.T) string {
	t.Helper()
	c.once.Do(func() {
		var err error
		if c.dir, err = os.MkdirTemp("", "holdfast-certs-"); err != nil {
			t.Fatal(err)
		}
		os.Chmod(c.dir, 0o755)
		run := func(args ...string) {
			cmd := exec.Command("openssl", args...)
			cmd.Dir = c.dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		run("req", "-x509", "-nodes", "-newkey", "rsa:2048", "-keyout", "good.key", "-out", "good.crt", "-subj", "/CN=www.example.com", "-days", "30")
		var all sync.WaitGroup
		for name, recipe := range recipes {
			all.Go(func() {
				args := []string{"req", "-x509", "-nodes", "-out", name + ".crt"}
				if strings.HasPrefix(recipe, "-key ") {
					os.Link(filepath.Join(c.dir, "good.key"), filepath.Join(c.dir, name+".key"))
				} else {
					args = append(args, "-keyout", name+".key")
				}
				run(append(args, strings.Fields(recipe)...)...)
			})
		}
		all.Go(func() { c.expired(run, "expired") })
		all.Wait()
		run("req", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=director")
		run("x509", "-req", "-in", "client.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "client.crt", "-days", "30")
		run("ec", "-aes256", "-passout", "pass:secret", "-in", "client.key", "-out", "client.enc")
		run("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:secret", "-in", "client.key", "-out", "client.p8")
	})
	return c.dir
}

// expired makes a certificate whose time has passed.
func (c *credentials) expired(run func(...string), name string) {
	dir := filepath.Join(c.dir, name)
	os.MkdirAll(dir, 0o755)
	os.WriteFile(filepath.Join(dir, "index"), nil, 0o644)
	os.WriteFile(filepath.Join(dir, "conf"), []byte("[ca]\ndefault_ca=d\n[d]\ndatabase="+name+"/index\nnew_certs_dir="+name+
		"\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"), 0o644)
	os.Link(filepath.Join(c.dir, "good.key"), filepath.Join(c.dir, name+".key"))
	run("req", "-new", "-key", name+".key", "-out", name+".csr", "-subj", "/CN=www.example.com")
	run("ca", "-batch", "-selfsign", "-config", name+"/conf", "-keyfile", name+".key", "-in", name+".csr", "-out", name+".crt",
		"-startdate", "20000101000000Z", "-enddate", "20000102000000Z")
}

// remove takes the folder away at the end of the process.
func (c *credentials) remove() {
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
}

// openssl is s_server at the place, with a page that tells what was agreed on.
// In arguments CERTS/ is the folder of the certificates.
func openssl(arguments string) func(*Place) {
	return func(p *Place) {
		args := strings.Fields(strings.ReplaceAll(arguments, "CERTS/", certs.folder(p.t)+"/"))
		if !strings.Contains(arguments, "-cert") && !strings.Contains(arguments, "-nocert") {
			args = append(args, "-cert", filepath.Join(certs.folder(p.t), "good.crt"), "-key", filepath.Join(certs.folder(p.t), "good.key"))
		}
		p.site.Host.StartProcess(append([]string{"openssl", "s_server", "-quiet", "-www", "-accept", fmt.Sprint(p.Addr.Port())}, args...)...)
	}
}

// withCertificate is a good certificate and its key for s_server.
func withCertificate(name string) string {
	return "-cert CERTS/" + name + ".crt -key CERTS/" + name + ".key"
}

// overTLS is over with TLS in between.
func overTLS(handle func(net.Conn)) func(*Place) {
	return hearsTLS(func(_ *Place, c net.Conn) { handle(c) })
}

// hearsTLS is hears with TLS in between.
func hearsTLS(handle func(*Place, net.Conn)) func(*Place) {
	return func(p *Place) {
		dir := certs.folder(p.t)
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "good.crt"), filepath.Join(dir, "good.key"))
		if err != nil {
			p.t.Fatal(err)
		}
		config := &tls.Config{Certificates: []tls.Certificate{pair}}
		p.serveTCP(func(c net.Conn) {
			s := tls.Server(c, config)
			if s.Handshake() == nil {
				handle(p, s)
			}
		})
	}
}

// named notes the server name that the client asks for, then what it requests.
func named(p *Place, c net.Conn) {
	p.Hear("server name %q", c.(*tls.Conn).ConnectionState().ServerName)
	request(c)
	says(ok200("", page))(c)
}
