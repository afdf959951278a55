package clusters

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a real server program of a node: nginx or named.
type Server struct {
	name  string
	cmd   *exec.Cmd
	log   logbook
	ended chan struct{}
}

// serve starts a program on the node that stays in the foreground. It ends
// with the test or with Stop.
func (n *Node) serve(t *testing.T, name string, args ...string) *Server {
	t.Helper()
	s := &Server{name: n.Name + "'s " + name, ended: make(chan struct{})}
	s.cmd = exec.Command("ip", append([]string{"netns", "exec", n.ns, name}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() {
		s.Stop(t)
		if t.Failed() {
			t.Logf("log of %s:\n%s", s.name, s.log.String())
		}
	})
	return s
}

// Stop ends the program and waits for it.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Errorf("%s does not end", s.name)
		s.cmd.Process.Kill()
		<-s.ended
	}
}

// nginxConf is a web server on both ports; its pages lie in /etc/www of the
// node.
const nginxConf = `
daemon off;
user root;
worker_processes 1;
error_log stderr;
pid /tmp/%[1]s-nginx.pid;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path /tmp/%[1]s-body;
	proxy_temp_path /tmp/%[1]s-proxy;
	fastcgi_temp_path /tmp/%[1]s-fastcgi;
	uwsgi_temp_path /tmp/%[1]s-uwsgi;
	scgi_temp_path /tmp/%[1]s-scgi;
	server {
		listen 80;
		listen [::]:80;
		listen 443 ssl;
		listen [::]:443 ssl;
		ssl_certificate /etc/nginx/web.crt;
		ssl_certificate_key /etc/nginx/web.key;
		root /etc/www;
	}
}
`

// ServeWeb starts nginx on ports 80 and 443 of the node. Its front page is the
// name of the node, its test page says OK.
func (n *Node) ServeWeb(t *testing.T) {
	t.Helper()
	certificate, key := selfSigned(t, n.Name)
	n.File(t, "nginx/web.crt", certificate, 0o644)
	n.File(t, "nginx/web.key", key, 0o600)
	n.File(t, "nginx/nginx.conf", fmt.Sprintf(nginxConf, n.ns), 0o644)
	n.File(t, "www/index.html", n.Name, 0o644)
	n.File(t, "www/lbtest.html", "OK\n", 0o644)
	// /etc/www has to exist in the guest for the node's to be bound over it.
	mustRun(t, "mkdir", "-p", "/etc/www")
	n.serve(t, "nginx", "-c", "/etc/nginx/nginx.conf")
	n.WaitListens(t, 80, 443)
}

// WaitListens waits until something listens on all these TCP ports.
func (n *Node) WaitListens(t *testing.T, ports ...int) {
	t.Helper()
	for _, port := range ports {
		Eventually(t, patience, fmt.Sprintf("%s listens on port %d", n.Name, port), func() (string, bool) {
			out := n.Run(t, "ss", "-Hltn", fmt.Sprintf("sport = :%d", port))
			return out, out != ""
		})
	}
}

// namedConf is a name server for the one record that tells who answers.
const namedConf = `
options {
	directory "/tmp";
	pid-file none;
	session-keyfile none;
	listen-on { any; };
	listen-on-v6 { none; };
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	automatic-interface-scan no;
	querylog yes;
};
controls { };
zone "health.load.balance" {
	type primary;
	file "/etc/bind/health.zone";
};
`

const healthZone = `$TTL 1
@ IN SOA ns hostmaster 1 3600 600 86400 1
@ IN NS ns
ns IN A 10.2.1.2
@ IN TXT "%s"
`

// ServeDNS starts a name server on port 53 of the node. The TXT record
// health.load.balance. is the name of the node.
func (n *Node) ServeDNS(t *testing.T) *Server {
	t.Helper()
	n.File(t, "bind/named.conf", namedConf, 0o644)
	n.File(t, "bind/health.zone", fmt.Sprintf(healthZone, n.Name), 0o644)
	s := n.serve(t, "named", "-g", "-n", "1", "-c", "/etc/bind/named.conf")
	n.WaitListens(t, 53)
	return s
}

// Port is a TCP server that accepts and closes: up or down for TCP_CHECK.
type Port struct {
	node     *Node
	addr     string
	listener net.Listener
	served   sync.WaitGroup
}

// Listen opens a Port on an address of the node. It ends with the test.
func (n *Node) Listen(t *testing.T, addr string) *Port {
	t.Helper()
	p := &Port{node: n, addr: addr}
	p.Open(t)
	t.Cleanup(p.Close)
	return p
}

// Open lets a closed port accept again.
func (p *Port) Open(t *testing.T) {
	t.Helper()
	var err error
	p.node.In(func() { p.listener, err = net.Listen("tcp", p.addr) })
	if err != nil {
		t.Fatal(err)
	}
	p.served.Go(func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	})
}

// Close refuses connections from now on. Closing twice is no error.
func (p *Port) Close() {
	p.listener.Close()
	p.served.Wait()
}

// selfSigned makes a certificate as nobody would trust it, in PEM.
func selfSigned(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return block("CERTIFICATE", der), block("EC PRIVATE KEY", keyDER)
}
