#!/bin/sh
# replies.sh start | stop: answers of the second interface's address go to the
# owner of 10.2.1.5, not to the client directly.
set -eu
vip=10.2.1.5 dev=eth1 table=53
address=$(ip -4 -o addr show dev "$dev" | awk '{ sub("/.*", "", $4); print $4; exit }')
case ${1-} in
start)
	sysctl -qw net.ipv4.ip_forward=1
	sysctl -qw net.ipv4.vs.conntrack=1 2>/dev/null || echo "$0: no ip_vs yet: set net.ipv4.vs.conntrack=1 later" >&2
	# Two interfaces in one network: each answers only for its own address.
	sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
	ip rule add from "$address" lookup "$table"
	ip route replace default via "$vip" dev "$dev" table "$table"
	;;
stop)
	ip route flush table "$table"
	ip rule del from "$address" lookup "$table"
	;;
*) echo "usage: $0 start | stop" >&2; exit 2 ;;
esac
