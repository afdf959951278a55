#!/bin/sh
# marks.sh start MAC | stop: on a director, mark what is for the address
# 10.4.1.190, except packets that the other director (MAC) has forwarded.
set -eu
vip=10.4.1.190
rule() { iptables -t mangle "$@"; }

case ${1-} in
start)
	peer=${2:?MAC address of the other director}
	rule -A PREROUTING -d "$vip" -m mac --mac-source "$peer" -j RETURN
	rule -A PREROUTING -d "$vip" -p tcp --dport 80 -j MARK --set-mark 1
	rule -A PREROUTING -d "$vip" -p tcp --dport 443 -j MARK --set-mark 2
	;;
stop)
	rule -S PREROUTING | grep -F -- "-d $vip/32" | sed 's/^-A/-D/' |
		while read -r words; do rule $words; done
	;;
*)
	echo "usage: $0 start MAC | stop" >&2
	exit 2
	;;
esac
