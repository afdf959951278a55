package config_test

import (
	"strings"

	"holdfast/daemon/config/configtest"
)

// smallFiles are configurations, what is said about them, the exit status of
// --config-test, and why they cannot be run ("" when they can). The statuses
// are those of keepalived 2.2.7 for the same text, except where a row says so.
var smallFiles = map[string]struct {
	text   string
	want   []string
	status int
	fatal  string
}{
	"nothing": {
		text: "",
		want: []string{},
	},
	"a router": {
		text: configtest.Router(),
		want: []string{},
	},
	"a balancer": {
		text: configtest.Balancer(),
		want: []string{},
	},
	"two routers": {
		text: configtest.Router() + configtest.Second(),
		want: []string{},
	},
	"a name that is taken": {
		text: configtest.Router() + configtest.Router("id 51", "id 52"),
		want: []string{
			"k.conf:8:15: vrrp_instance VI_1: the name is taken, this block is skipped (see k.conf:1:1)",
		},
		status: 5,
	},
	"a router without a name": {
		text: configtest.Router("VI_1 ", ""),
		want: []string{
			"k.conf:1:1: vrrp_instance: has no name, the block is skipped",
		},
		status: 5,
	},
	"a router with two names": {
		text: configtest.Router("VI_1 ", "VI_1 B "),
		want: []string{
			"k.conf:1:20: vrrp_instance VI_1: B may not stand before the brace, the block is skipped",
		},
		status: 5,
	},
	"a VRID used twice on one link": {
		text: configtest.Router() + configtest.Second("id 52", "id 51"),
		want: []string{
			"k.conf:10:23: vrrp_instance VI_2: virtual_router_id 51 on eth0 is that of VI_1 too (see k.conf:3:23)",
		},
		status: 5,
		fatal:  "vrrp_instance VI_2: virtual_router_id 51 on eth0 is that of VI_1 too",
	},
	"a VRID used on two links": {
		text: configtest.Router() + configtest.Second("id 52", "id 51", "eth0", "eth1"),
		want: []string{},
	},
	"a VRID used for both families": {
		text: configtest.Router() + configtest.Second("id 52", "id 51", "10.9.0.101", "fe80::101"),
		want: []string{},
	},
	"a VRID used in two multicast groups": {
		text: configtest.Router() + configtest.Second("id 52", "id 51", "eth0", "eth0\n    mcast_dst_ip 224.0.0.99"),
		want: []string{},
	},
	"a VRID used by unicast beside multicast": {
		text: configtest.Router() + configtest.Second("id 52", "id 51", "eth0", "eth0\n    unicast_peer {\n        10.9.0.2\n    }"),
		want: []string{},
	},
	"no VRID": {
		text: configtest.Router("    virtual_router_id 51\n", ""),
		want: []string{
			"k.conf:1:1: vrrp_instance VI_1: virtual_router_id is missing",
		},
		status: 5,
		fatal:  "vrrp_instance VI_1: virtual_router_id is missing",
	},
	"a VRID out of range": {
		text: configtest.Router("51", "256"),
		want: []string{
			"k.conf:3:23: virtual_router_id 256: must be 1-255",
		},
		status: 5,
		fatal:  "vrrp_instance VI_1: virtual_router_id is missing",
	},
	"no interface": {
		text: configtest.Router("    interface eth0\n", ""),
		want: []string{
			"k.conf:1:1: vrrp_instance VI_1: interface is missing",
		},
		status: 5,
		fatal:  "vrrp_instance VI_1: unknown interface",
	},
	"an interface that is not there": {
		text: configtest.Router("eth0", "eth7"),
		want: []string{
			"k.conf:2:15: interface eth7 does not exist; create it, or allow interfaces to come later with dynamic_interfaces in global_defs",
		},
		status: 5,
		fatal:  "Non-existent interface specified in configuration",
	},
	"an interface that may come later": {
		text: "global_defs {\n    dynamic_interfaces\n}\n" + configtest.Router("eth0", "eth7"),
		want: []string{},
	},
	"an address on an interface that is not there": {
		text: configtest.Router("0.100", "0.100 dev eth7"),
		want: []string{
			"k.conf:5:9: interface eth7 does not exist; create it, or allow interfaces to come later with dynamic_interfaces in global_defs",
		},
		status: 5,
		fatal:  "Non-existent interface specified in configuration",
	},
	"a VRF that is not there": {
		text: configtest.Router("interface eth0", "vrf red\n    unicast_src_ip 10.9.0.1\n    unicast_peer {\n        10.9.0.2\n    }", "0.100", "0.100 dev eth0"),
		want: []string{
			"k.conf:2:9: interface red does not exist; create it, or allow interfaces to come later with dynamic_interfaces in global_defs",
		},
		status: 5,
		fatal:  "Non-existent interface specified in configuration",
	},
	"a tracked interface that is not there": {
		text: configtest.With("    track_interface {\n        eth7\n    }"),
		want: []string{
			"k.conf:3:9: interface eth7 does not exist; create it, or allow interfaces to come later with dynamic_interfaces in global_defs",
		},
		status: 5,
		fatal:  "Non-existent interface specified in configuration",
	},
	"its own interface tracked": {
		text: configtest.With("    track_interface {\n        eth0\n        eth1 weight -10\n    }"),
		want: []string{
			"k.conf:3:9: warning: vrrp_instance VI_1: track_interface eth0: is its own interface, which is tracked anyway",
		},
		status: 5,
	},
	"a tracked script that is not there": {
		text: configtest.With("    track_script {\n        chk\n    }"),
		want: []string{
			"k.conf:3:9: vrrp_instance VI_1: track_script chk: there is no vrrp_script of that name",
		},
		status: 5,
	},
	"a tracked script whose program is missing": {
		text: "vrrp_script chk {\n    script \"/no/such/program\"\n}\n" + configtest.With("    track_script {\n        chk\n    }"),
		want: []string{
			"k.conf:2:12: Unable to access script `/no/such/program` - disabling (lstat /no: no such file or directory): / is drwxr-xr-x uid 0 gid 0; create the script, or correct its path",
		},
		status: 5,
	},
	"a tracked script without its program": {
		text: "vrrp_script chk {\n    interval 1\n}\n" + configtest.With("    track_script {\n        chk\n    }"),
		want: []string{
			"k.conf:1:1: vrrp_script chk: has no script, it is not used",
			"k.conf:6:9: vrrp_instance VI_1: track_script chk: there is no vrrp_script of that name",
		},
		status: 5,
	},
	"a script user who does not exist": {
		text: "global_defs {\n    script_user nobody_at_all\n}\n" + configtest.With("    notify /bin/true"),
		want: []string{
			"k.conf:2:17: script_user nobody_at_all: look up user nobody_at_all: user: unknown user nobody_at_all",
			"k.conf:5:12: warning: script /bin/true: look up user nobody_at_all: user: unknown user nobody_at_all - disabling; create the account, or name another",
		},
		status: 5,
	},
	"a script with security": {
		text: "global_defs {\n    enable_script_security\n    script_user root\n}\n" + configtest.With("    notify /bin/true"),
		want: []string{},
	},
	"a script without security": {
		text: "global_defs {\n    script_user root\n}\n" + configtest.With("    notify_master /bin/true"),
		want: []string{
			"k.conf:5:19: warning: SECURITY VIOLATION - scripts are being executed but script_security not enabled.; add enable_script_security and script_user to global_defs",
		},
		status: 6,
	},
	"the reader of a FIFO without security": {
		text: "global_defs {\n    script_user root\n    vrrp_notify_fifo_script /bin/true\n}\n" + configtest.With(""),
		want: []string{
			"k.conf:3:29: warning: SECURITY VIOLATION - scripts are being executed but script_security not enabled.; add enable_script_security and script_user to global_defs",
		},
		status: 6,
	},
	"the reader of a FIFO without anything to read": {
		text: "global_defs {\n    script_user root\n    lvs_notify_fifo_script /bin/true\n}\n" + configtest.With(""),
		want: []string{},
	},
	"a startup script of an unknown account": {
		text: "global_defs {\n    startup_script /bin/true nobody_at_all\n    enable_script_security\n}\n" + configtest.With(""),
		want: []string{
			"k.conf:2:20: script /bin/true: look up user nobody_at_all: user: unknown user nobody_at_all - disabling; create the account, or name another",
		},
		status: 5,
	},
	"a notify script that is missing": {
		text: "global_defs {\n    enable_script_security\n    script_user root\n}\n" + configtest.With("    notify_master /no/such/script"),
		want: []string{
			"k.conf:6:19: warning: Unable to access script `/no/such/script` - disabling (lstat /no: no such file or directory): / is drwxr-xr-x uid 0 gid 0; create the script, or correct its path",
		},
	},
	"version 3 without addresses": {
		text: configtest.Router("    virtual_ipaddress {\n        10.9.0.100\n    }\n", "    version 3\n"),
		want: []string{
			"k.conf:1:1: vrrp_instance VI_1: version 3 needs a virtual_ipaddress, or no_virtual_ipaddress",
		},
		status: 5,
		fatal:  "vrrp_instance VI_1: version 3 needs a virtual_ipaddress, or no_virtual_ipaddress",
	},
	// a keyword younger than 2.2.7, which answers 5
	"version 3 with no_virtual_ipaddress": {
		text: configtest.Router("    virtual_ipaddress {\n        10.9.0.100\n    }\n", "    version 3\n    no_virtual_ipaddress\n"),
		want: []string{},
	},
	"version 2 without addresses": {
		text: configtest.Router("    virtual_ipaddress {\n        10.9.0.100\n    }\n", ""),
		want: []string{
			"k.conf:1:1: warning: vrrp_instance VI_1: has no virtual_ipaddress",
		},
		status: 5,
	},
	"MASTER and nopreempt": {
		text: configtest.With("    state MASTER\n    priority 150\n    nopreempt"),
		want: []string{
			"k.conf:4:5: warning: nopreempt: has no meaning with state MASTER or priority 255, ignored",
		},
		status: 5,
	},
	"an owner and nopreempt": {
		text: configtest.With("    priority 255\n    nopreempt"),
		want: []string{
			"k.conf:3:5: warning: nopreempt: has no meaning with state MASTER or priority 255, ignored",
		},
		status: 5,
	},
	"nopreempt": {
		text: configtest.With("    state BACKUP\n    nopreempt"),
		want: []string{},
	},
	"half a second in version 2": {
		text: configtest.With("    advert_int 0.5"),
		want: []string{
			"k.conf:2:16: warning: advert_int 500ms: version 2 cannot carry it, 1s is used",
		},
		status: 5,
	},
	"half a second in version 3": {
		text: configtest.With("    version 3\n    advert_int 0.5"),
		want: []string{},
	},
	"a password in version 3": {
		text: configtest.With("    version 3\n    authentication {\n        auth_type PASS\n        auth_pass secret\n    }"),
		want: []string{
			"k.conf:3:5: warning: authentication: version 3 has none, ignored (RFC 9568 section 9)",
		},
		status: 5,
	},
	"a password that is too long": {
		text: configtest.With("    authentication {\n        auth_type PASS\n        auth_pass ninechars\n    }"),
		want: []string{
			"k.conf:4:19: warning: auth_pass: 9 octets, only the first 8 are used",
		},
		status: 5,
	},
	"addresses of two families": {
		text: configtest.Router("        10.9.0.100", "        10.9.0.100\n        fd00::1"),
		want: []string{
			"k.conf:6:9: vrrp_instance VI_1: fd00::1 is of another family than 10.9.0.100; use virtual_ipaddress_excluded",
		},
		status: 5,
	},
	"an address that is none": {
		text: configtest.Router("10.9.0.100", "10.9.0.300"),
		want: []string{
			"k.conf:5:9: 10.9.0.300: not an IP address; the address is left out",
			"k.conf:1:1: warning: vrrp_instance VI_1: has no virtual_ipaddress",
		},
		status: 5,
	},
	"a misspelt keyword": {
		text: configtest.Router("    virtual_router_id", "    prioritty 100\n    virtual_router_id"),
		want: []string{
			"k.conf:3:5: unknown keyword prioritty; did you mean priority?",
		},
		status: 5,
	},
	"a number that is none": {
		text: configtest.With("    priority high"),
		want: []string{
			"k.conf:2:14: priority high: must be 1-255",
		},
		status: 5,
	},
	"an argument that is missing": {
		text: configtest.Router("router_id 51", "router_id"),
		want: []string{
			"k.conf:3:5: virtual_router_id: wants one argument, has 0",
		},
		status: 2,
		fatal:  "vrrp_instance VI_1: virtual_router_id is missing",
	},
	"a block that is not closed": {
		text: strings.TrimSuffix(configtest.Router(), "}\n") + configtest.Second(),
		want: []string{
			"k.conf:1:20: { has no }: not closed before vrrp_instance in line 7",
		},
		status: 5,
	},
	// keepalived answers 5: it reads an empty keyword
	"non-breaking spaces instead of blanks": {
		text: configtest.Router("    interface eth0", "\u00a0   interface\u00a0eth0"),
		want: []string{
			"k.conf:2:1: warning: no-break or typographic space here on this line only: read as a blank",
		},
	},
	"a group": {
		text: configtest.Router() + configtest.Second() + "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n",
		want: []string{},
	},
	"a group of one": {
		text: configtest.Router() + "vrrp_sync_group G {\n    group {\n        VI_1\n    }\n}\n",
		want: []string{
			"k.conf:8:1: warning: vrrp_sync_group G: has one member, which is probably not wanted",
		},
		status: 5,
	},
	"a group with a stranger": {
		text: configtest.Router() + configtest.Second() + "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n        VI_9\n    }\n}\n",
		want: []string{
			"k.conf:19:9: vrrp_sync_group G: there is no vrrp_instance VI_9",
		},
		status: 5,
	},
	"a group of strangers": {
		text: configtest.Router() + "vrrp_sync_group G {\n    group {\n        VI_9\n    }\n}\n",
		want: []string{
			"k.conf:10:9: vrrp_sync_group G: there is no vrrp_instance VI_9",
			"k.conf:8:1: vrrp_sync_group G: has no member; it is not used",
		},
		status: 5,
	},
	"an empty group": {
		text: configtest.Router() + "vrrp_sync_group G {\n}\n",
		want: []string{
			"k.conf:8:1: vrrp_sync_group G: has no member; it is not used",
		},
		status: 5,
	},
	"a router in two groups": {
		text: configtest.Router() + configtest.Second() + "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\nvrrp_sync_group H {\n    group {\n        VI_1\n    }\n}\n",
		want: []string{
			"k.conf:23:9: vrrp_sync_group H: VI_1 is in group G already (see k.conf:15:1)",
			"k.conf:21:1: vrrp_sync_group H: has no member; it is not used",
		},
		status: 5,
	},
	// keepalived 2.2.7 answers 5, later ones 4
	"a static address without its interface": {
		text: "static_ipaddress {\n    10.5.0.1/24 dev eth7\n}\n",
		want: []string{
			"k.conf:2:5: static address 10.5.0.1/24: interface eth7 does not exist",
		},
		status: 5,
	},
	"a static address on eth0 by default": {
		text: "static_ipaddress {\n    10.5.0.1/24\n}\n",
		want: []string{},
	},
	"a second way by an interface that is not there": {
		text: configtest.With("virtual_routes {\n10.0.0.0/8 nexthop via 10.9.0.1 dev eth1 nexthop via 10.9.0.2 dev eth8\n}"),
		want: []string{"k.conf:3:1: warning: route to 10.0.0.0/8: without dev it cannot be tracked, as if no_track stood there",
			"k.conf:3:1: interface eth8 does not exist; create it, or allow interfaces to come later with dynamic_interfaces in global_defs"},
		status: 5,
		fatal:  "Non-existent interface specified in configuration",
	},
	"a firewall mark": {
		text: configtest.Balancer("10.9.0.100 80", "fwmark 5", "8080", "8080"),
		want: []string{
			"k.conf:4:5: warning: virtual_server fwmark: protocol is ignored",
		},
		status: 5,
	},
	"a virtual server group that is not there": {
		text: configtest.Balancer("10.9.0.100 80", "group web"),
		want: []string{
			"k.conf:1:1: note: virtual_server group web: there is no such virtual_server_group; dropped",
		},
	},
	"a virtual server by group": {
		text: "virtual_server_group web {\n    10.9.0.100 80\n    10.9.0.101-103 80\n    fwmark 7\n}\n" + configtest.Balancer("10.9.0.100 80", "group web"),
		want: []string{},
	},
	"two virtual servers at one address": {
		text: configtest.Balancer() + configtest.Balancer("rr", "wlc"),
		want: []string{
			"k.conf:10:1: warning: virtual_server [10.9.0.100]:tcp:80: is there already, this block is not used (see k.conf:1:1)",
		},
	},
	"the same address for TCP and UDP": {
		text: configtest.Balancer() + configtest.Balancer("TCP", "UDP", "TCP_CHECK {\n        }", "weight 1"),
		want: []string{},
	},
	"a virtual server without a scheduler": {
		text: configtest.Balancer("    lb_algo rr\n", ""),
		want: []string{
			"k.conf:1:1: warning: virtual_server: no lvs_sched, wlc is used",
		},
		status: 5,
	},
	"a virtual server without a forwarding method": {
		text: configtest.Balancer("    lb_kind NAT\n", ""),
		want: []string{
			"k.conf:1:1: warning: virtual_server: no lvs_method, NAT is used",
		},
		status: 5,
	},
	"a virtual server with an unknown scheduler": {
		text: configtest.Balancer("lb_algo rr", "lb_algo best"),
		want: []string{
			"k.conf:2:13: lb_algo best: must be rr, wrr, lc, wlc, lblc, sh, mh, dh, fo, ovf, lblcr, sed, nq or twos",
			"k.conf:1:1: warning: virtual_server: no lvs_sched, wlc is used",
		},
		status: 5,
	},
	"a virtual server without real servers": {
		text: "virtual_server 10.9.0.100 80 {\n    lb_algo rr\n    lb_kind NAT\n}\n",
		want: []string{
			"k.conf:1:1: virtual_server: has no real_server and is dropped",
		},
		status: 5,
	},
	"a quorum that can never be reached": {
		text: configtest.Balancer("    protocol TCP", "    protocol TCP\n    quorum 3"),
		want: []string{
			"k.conf:5:5: warning: quorum 3: exceeds the weights of all servers, 1 is used",
		},
		status: 5,
	},
	"a real server of another family": {
		text: configtest.Balancer("10.9.1.1", "fd00::1"),
		want: []string{
			"k.conf:5:5: server fd00::1: is not inet as its virtual_server; dropped",
			"k.conf:1:1: virtual_server: has no real_server and is dropped",
		},
		status: 5,
	},
	"a check that is misspelt": {
		text: configtest.Balancer("TCP_CHECK", "TCP_CHEK"),
		want: []string{
			"k.conf:6:9: unknown keyword TCP_CHEK; did you mean TCP_CHECK?",
		},
		status: 5,
	},
	// keepalived 2.2.7 crashes
	"an empty HTTP check": {
		text: configtest.Balancer("TCP_CHECK", "HTTP_GET"),
		want: []string{
			"k.conf:6:9: HTTP_GET: no usable url; checker is not used",
		},
		status: 5,
	},
	"a client certificate that cannot be read": {
		text: "SSL {\n    certificate /no/such/cert.pem\n    key /no/such/key.pem\n}\n" + configtest.Balancer(),
		want: []string{
			"k.conf:1:1: warning: SSL: load client certificate: open /no/such/cert.pem: no such file or directory",
		},
	},
	"two SSL blocks": {
		text: "SSL {\n}\nSSL {\n}\n" + configtest.Balancer(),
		want: []string{
			"k.conf:3:1: warning: SSL: given before, this one counts (see k.conf:1:1)",
		},
		status: 5,
	},
	"a test of a file, which runs nothing": {
		text: "vrrp_script chk {\n    script \"</etc/passwd\"\n}\n" + configtest.With("    track_script {\n        chk\n    }"),
		want: []string{},
	},
	"a keyword that does nothing yet": {
		text: "global_defs {\n    enable_snmp_vrrp\n    enable_snmp_vrrp\n}\n" + configtest.Router(),
		want: []string{
			"k.conf:2:5: note: enable_snmp_vrrp: not supported yet",
		},
	},
	"a stray closing brace": {
		text: configtest.Router() + "}\n",
		want: []string{
			"k.conf:8:1: } closes nothing",
		},
		status: 5,
	},
	// keepalived answers 0: it ends at the NUL
	"text that is no configuration": {
		text: "\x00\x01\xff\n",
		want: []string{
			"k.conf:1:1: NUL character; the line is not used",
		},
		status: 5,
	},
}
