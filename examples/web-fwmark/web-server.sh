#!/bin/sh
# web-server.sh start | stop: on a web server, accept what is for the address
# 10.4.1.190 without having the address, so that nobody asks us for it by ARP.
set -eu
vip=10.4.1.190
case ${1-} in
start) how=-A; sysctl -qw net.ipv4.ip_forward=1 ;;
stop) how=-D ;;
*) echo "usage: $0 start | stop" >&2; exit 2 ;;
esac
for port in 80 443; do
	iptables -t nat "$how" PREROUTING -d "$vip" -p tcp --dport "$port" -j REDIRECT
done
