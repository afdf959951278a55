package main

import (
	"fmt"
	"strings"
	"time"
)

// virtualServers is a configuration of n virtual servers with four real servers
// each, 44 lines a service.
func virtualServers(n int) string {
	var b strings.Builder
	b.WriteString("global_defs {\n    router_id LVS\n    script_user root\n    enable_script_security\n}\n")
	for i := range n {
		fmt.Fprintf(&b, "virtual_server 10.%d.%d.%d 80 {\n    delay_loop 6\n    lb_algo wrr\n    lb_kind NAT\n    persistence_timeout 50\n    protocol TCP\n",
			i>>16&255, i>>8&255, i&255)
		for j := range 4 {
			fmt.Fprintf(&b, "\n    real_server 192.168.%d.%d 8080 {\n        weight %d\n        TCP_CHECK {\n            connect_timeout 3\n            retry 2\n            delay_before_retry 1\n        }\n    }\n",
				i&255, j+1, j+1)
		}
		b.WriteString("}\n\n")
	}
	return b.String()
}

// links are how many the routers of routers share: 255 on each.
const links = 16

// routers is a configuration of n virtual routers on up to 16 links, 15 lines a
// router.
func routers(n int) string {
	var b strings.Builder
	for i := range n {
		link, vrid := i/255, i%255+1
		fmt.Fprintf(&b, "vrrp_instance VI_%d {\n    state BACKUP\n    interface eth%d\n    virtual_router_id %d\n    priority 100\n    advert_int 1\n    authentication {\n        auth_type PASS\n        auth_pass 1111\n    }\n    virtual_ipaddress {\n        10.%d.%d.1/24\n    }\n}\n\n",
			i, link, vrid, link, vrid)
	}
	return b.String()
}

// owners is a configuration of n virtual routers that are Active at once, on as
// many links as routers has them.
func owners(n int) string {
	return strings.NewReplacer("state BACKUP", "state MASTER", "priority 100", "priority 255").Replace(routers(n))
}

// Addresses of the servers that are checked: all of checkedNet answer.
const (
	checkedNet = "10.64.0.0/16"
	victimPort = 9000 // of the first server that dies; the others have 80
)

// checkedServers is a configuration of n servers with a TCP_CHECK each, four to a
// virtual server. The first ones are victims, each with a port of its own, and no two
// of them in one service. A server has weight 1, the very first one this weight.
func checkedServers(n, victims int, loop time.Duration, weight int) string {
	var b strings.Builder
	b.WriteString("global_defs {\n    router_id bench\n    script_user root\n}\n")
	services := (n + 3) / 4
	for i := range services {
		fmt.Fprintf(&b, "virtual_server 10.128.%d.%d 80 {\n    delay_loop %d\n    lb_algo wrr\n    lb_kind NAT\n    protocol TCP\n", i>>8, i&255, int(loop.Seconds()))
		for j := i; j < n; j += services {
			port, w := 80, 1
			if j < victims {
				port = victimPort + j
			}
			if j == 0 {
				w = weight
			}
			fmt.Fprintf(&b, "    real_server 10.64.%d.%d %d {\n        weight %d\n        TCP_CHECK {\n            connect_timeout 5\n            retry 0\n        }\n    }\n",
				(j+1)>>8, (j+1)&255, port, w)
		}
		b.WriteString("}\n")
	}
	return b.String()
}
