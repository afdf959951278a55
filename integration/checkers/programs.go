package checkers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/integration/netns"
)

// startLimit is how long a real server may need until it listens.
const startLimit = 2 * 60 * time.Second

// Ports of the servers that many cases share: a case's check has them in
// connect_port.
const (
	nginxPort      = 80
	nginxTLSPort   = 443
	nginxMTLSPort  = 444
	nginxNamedPort = 445
	postfixPort    = 25
	namedPort      = 53
)

const nginxConf = `
daemon off;
user root;
worker_processes 1;
error_log stderr;
pid nginx.pid;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server_names_hash_bucket_size 64;
	ssl_certificate good.crt;
	ssl_certificate_key good.key;
	root DIR/www;
	server {
		listen *:80 default_server;
		listen [::]:80 default_server;
		listen *:443 ssl default_server;
		location /moved { return 301 http://www.example.com/; }
		location /created { return 201 made; }
		location /empty { return 204; }
		location /denied { return 403; }
		location /busy { return 503; }
		location /drop { return 444; }
		location /pieces { ssi on; ssi_types text/plain; default_type text/plain; alias DIR/www/pieces; }
	}
	server {
		listen *:80;
		listen *:443 ssl;
		server_name www.example.com;
		location / { return 200 "here is www.example.com"; }
	}
	server {
		listen *:444 ssl;
		ssl_verify_client on;
		ssl_client_certificate ca.crt;
	}
	server {
		listen *:445 ssl default_server;
		ssl_reject_handshake on;
	}
	server {
		listen *:445 ssl;
		server_name www.example.com;
	}
}
`

// page is what nginx serves at /: 68 octets.
var page = strings.Repeat("0123456789abcdef\n", 4)

// startNginx runs a web server with all that the cases ask for.
func startNginx(h *netns.Host, certs string) *netns.Process {
	os.MkdirAll(filepath.Join(h.Dir, "www"), 0o755)
	h.File("www/index.html", page, 0o644)
	h.File("www/big", strings.Repeat(page, 30_000), 0o644)
	h.File("www/pieces", strings.Repeat(page, 30), 0o644)
	conf := strings.ReplaceAll(nginxConf, "DIR", h.Dir)
	for _, name := range []string{"good.crt", "good.key", "ca.crt"} {
		conf = strings.ReplaceAll(conf, " "+name, " "+filepath.Join(certs, name))
	}
	return h.StartProcess("nginx", "-p", h.Dir, "-c", h.File("nginx.conf", conf, 0o644))
}

const namedConf = `
options {
	directory "DIR";
	pid-file none;
	session-keyfile none;
	listen-on port 53 { any; };
	listen-on-v6 port 53 { any; };
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	automatic-interface-scan no;
	allow-query { any; };
	minimal-responses no;
};
controls { };
zone "example.com" { type primary; file "example.zone"; };
zone "broken.example" { type primary; file "no-such.zone"; };
zone "closed.example" { type primary; file "example.zone"; allow-query { none; }; };
`

// The TXT records of long.example.com do not fit into 512 octets.
const exampleZone = `$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
@ IN MX 10 mail
ns IN A 10.9.0.11
www IN A 192.0.2.1
www IN AAAA 2001:db8::1
alias IN CNAME www
text IN TXT "hello"
lame IN NS ns.nowhere.test.
`

// startNamed runs a name server.
func startNamed(h *netns.Host) *netns.Process {
	zone := exampleZone
	for i := range 20 {
		zone += fmt.Sprintf("long IN TXT \"%02d%s\"\n", i, strings.Repeat("x", 60))
	}
	h.File("example.zone", zone, 0o644)
	return h.StartProcess("named", "-f", "-g", "-n", "1", "-c", h.File("named.conf", strings.ReplaceAll(namedConf, "DIR", h.Dir), 0o644))
}

const postfixMain = `
compatibility_level = 3.6
myhostname = mail.example.com
mydestination =
inet_protocols = all
inet_interfaces = all
queue_directory = DIR/spool
data_directory = DIR/data
maillog_file = /dev/stdout
maillog_file_prefixes = /dev
alias_maps =
alias_database =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_delay_reject = no
smtpd_tls_security_level = none
smtpd_tls_cert_file = CERTS/good.crt
smtpd_tls_key_file = CERTS/good.key
postscreen_greet_wait = 1s
postscreen_greet_banner = wait for it
postscreen_dnsbl_sites =
postscreen_access_list =
postscreen_upstream_proxy_protocol =
`

// One service for each way in which a mail server can be met.
const postfixMaster = `
25 inet n - n - - smtpd
26 inet n - n - - smtpd -o smtpd_client_restrictions=reject
27 inet n - n - - smtpd -o smtpd_client_restrictions=defer
28 inet n - n - - smtpd -o smtpd_helo_required=yes -o smtpd_helo_restrictions=reject_non_fqdn_helo_hostname
29 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_security_level=may
30 inet n - n - 1 postscreen -o smtpd_service_name=after
after pass - - n - - smtpd
31 inet n - n - - smtpd -o smtpd_banner=
32 inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy
33 inet n - n - - smtpd -o smtpd_helo_restrictions=reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
error unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
tlsmgr unix - - n 1000? 1 tlsmgr
dnsblog unix - - n - 0 dnsblog
`

// startPostfix runs a mail server whose queue and configuration are its own.
func startPostfix(h *netns.Host, certs string) *netns.Process {
	dir := filepath.Join(h.Dir, "postfix")
	for _, sub := range []string{"", "spool"} {
		os.MkdirAll(filepath.Join(dir, sub), 0o755)
	}
	fill := strings.NewReplacer("DIR", dir, "CERTS", certs)
	h.File("postfix/main.cf", fill.Replace(postfixMain), 0o644)
	h.File("postfix/master.cf", postfixMaster, 0o644)
	h.Run("sh", "-c", "mkdir "+dir+"/data && chown postfix "+dir+"/data")
	return h.StartProcess("postfix", "-c", dir, "start-fg")
}
