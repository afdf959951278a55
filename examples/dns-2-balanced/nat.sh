#!/bin/sh
# nat.sh start | stop: what IPVS in NAT mode needs beside the configuration.
set -eu
vip=10.2.1.5
rule() { iptables -t nat "$1" POSTROUTING -m ipvs --vaddr "$vip" --vport 53 -j SNAT --to-source "$vip"; }
case ${1-} in
start)
	modprobe -a ip_vs xt_ipvs 2>/dev/null || true
	sysctl -qw net.ipv4.ip_forward=1 net.ipv4.vs.conntrack=1
	rule -C 2>/dev/null || rule -A
	;;
stop) rule -D ;;
*) echo "usage: $0 start | stop" >&2; exit 2 ;;
esac
