#!/usr/bin/env bash
# demo.sh: two directors, two web servers and a client in network namespaces,
# with a running commentary. Ends with status 0 when everything happened that
# was announced. Needs root and bin/holdfast (make demo builds it); installs
# what is missing. Nothing outside the namespaces is changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
holdfast=$PWD/bin/holdfast
vip=10.9.0.100      # where the client goes
gateway=10.8.0.100  # where the web servers answer to: the same director
run=hfdemo$$        # begins the name of every namespace
patience=${DEMO_PATIENCE:-1} # multiplies every limit: for machines that are emulated
dir=

# ---- commentary -------------------------------------------------------------

began=${EPOCHREALTIME/./}
clock() { local us=$((${EPOCHREALTIME/./} - began)); printf '%3d.%d s' $((us / 1000000)) $((us / 100000 % 10)); }
say() { printf '[%s] %s\n' "$(clock)" "$*"; }
title() { printf '\n-- %s\n' "$*"; }
fail() {
	say "FAILED: $*" >&2
	for log in "$dir"/*/daemon.log; do
		[ -s "$log" ] && { echo "--- $log" >&2; tail -n 15 "$log" >&2; }
	done
	exit 1
}
# expect SECONDS TEXT COMMAND...: wait until the command succeeds, then say TEXT.
expect() {
	local limit=$((${EPOCHREALTIME/./} + $1 * patience * 1000000)) text=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$limit" ] || fail "not seen: $text"
		sleep 0.05
	done
	say "$text"
}

# ---- the machines -----------------------------------------------------------

at() { local name=$1; shift; ip netns exec "$run$name" "$@"; }
remove() { # remove PREFIX: all namespaces whose names begin so, and what runs in them
	local ns pid
	for ns in $(ip netns list | awk -v p="^$1" '$1 ~ p { print $1 }'); do
		for pid in $(ip netns pids "$ns"); do kill -9 "$pid" 2>/dev/null || true; done
		ip netns del "$ns"
	done
}
cleanup() {
	trap - EXIT INT TERM HUP
	remove "$run[a-z]"
	[ -z "$dir" ] || rm -rf "$dir"
}
sweep() { # what a demo left that was itself killed
	local pid
	for pid in $(ip netns list | sed -nE 's/^hfdemo([0-9]+)[a-z].*/\1/p' | sort -u); do
		[ -d "/proc/$pid" ] || remove "hfdemo$pid[a-z]"
	done
}
# machine NAME, then wire NAME INTERFACE LAN ADDRESS: a namespace and a cable
# from it to one of the two bridges.
machine() {
	ip netns add "$run$1"
	mkdir -p "$dir/$1"
	at "$1" ip link set lo up
}
wire() {
	ip -n "$run$1" link add "$2" type veth peer name "$1-$2" netns "${run}net"
	ip -n "${run}net" link set "$1-$2" master "$3" up
	ip -n "$run$1" addr add "$4" dev "$2"
	ip -n "$run$1" link set "$2" up
}

# ---- the services -----------------------------------------------------------

configure() { # configure DIRECTOR PRIORITY
	cat >"$dir/$1/keepalived.conf" <<-CONF
		vrrp_instance VI_1 {
		    interface eth0
		    virtual_router_id 51
		    version 3
		    advert_int 0.5
		    priority $2
		    track_interface {
		        eth1
		    }
		    virtual_ipaddress {
		        $vip/24
		        $gateway/24 dev eth1
		    }
		}
		virtual_server $vip 80 {
		    delay_loop 1
		    lvs_sched rr
		    lvs_method NAT
		    protocol TCP
		$(for web in 10.8.0.11 10.8.0.12; do cat <<-SERVER
			    real_server $web 80 {
			        HTTP_GET {
			            url {
			                path /
			                status_code 200
			            }
			            connect_timeout 1
			            retry 1
			            delay_before_retry 1
			        }
			    }
		SERVER
		done)
		}
	CONF
}
start_director() {
	ip netns exec "$run$1" "$holdfast" -n -l -D -f "$dir/$1/keepalived.conf" \
		-p "$dir/$1/pid" -r "$dir/$1/vrrp.pid" -c "$dir/$1/check.pid" 2>>"$dir/$1/daemon.log" &
	disown
}
start_web() {
	cat >"$dir/$1/nginx.conf" <<-CONF
		daemon off;
		pid $dir/$1/nginx.pid;
		error_log $dir/$1/error.log;
		events { }
		http {
		    access_log off;
		    server {
		        listen 80;
		        return 200 "$1\n";
		    }
		}
	CONF
	ip netns exec "$run$1" nginx -e "$dir/$1/error.log" -c "$dir/$1/nginx.conf" &
	disown
}
# crash NAME: end all processes of a machine at once, as a power cut does.
crash() {
	local pids
	pids=$(ip netns pids "$run$1")
	kill -STOP $pids
	kill -9 $pids
	ip -n "$run$1" link set eth0 down
	ip -n "$run$1" link set eth1 down
}

has_vip() { ip -n "$run$1" -o addr show to "$vip" | grep -q .; }
only() { has_vip "$1" && ! has_vip "$2"; }
logged() { tail -n "+$2" "$dir/$1/daemon.log" | grep -E "$3"; }
lines() { wc -l <"$dir/$1/daemon.log"; }
# The client pings the address ten times a second until told to count.
start_probe() {
	ip netns exec "${run}client" ping -n -i 0.1 -W 1 "$vip" >"$dir/ping" 2>&1 &
	probe=$!
}
end_probe() { # end_probe MOST: count what was lost
	sleep 0.3
	kill -INT "$probe"
	wait "$probe" || true
	local counts
	counts=($(awk '/packets transmitted/ { print $1, $4 }' "$dir/ping"))
	local sent=${counts[0]} lost=$((counts[0] - counts[1]))
	say "the client sent $sent probes and lost $lost"
	[ "$lost" -le $(($1 * patience)) ] || fail "more than $1 probes lost"
}

# ---- the play ---------------------------------------------------------------

[ "$(id -u)" = 0 ] || { echo "demo.sh: namespaces need root: sudo make demo" >&2; exit 1; }
[ -x "$holdfast" ] || { echo "demo.sh: no bin/holdfast: make build" >&2; exit 1; }
integration/packages.sh ipvsadm nginx-light iproute2 iputils-ping curl kmod procps
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
sweep
began=${EPOCHREALTIME/./}
dir=$(mktemp -d)

title "Two directors lb1 and lb2, web servers web1 and web2, a client"
machine net
for lan in front back; do
	ip -n "${run}net" link add "$lan" type bridge mcast_snooping 0 forward_delay 0
	ip -n "${run}net" link set "$lan" up
done
for i in 1 2; do
	machine "lb$i"
	wire "lb$i" eth0 front "10.9.0.$i/24"
	wire "lb$i" eth1 back "10.8.0.$i/24"
	at "lb$i" sysctl -qw net.ipv4.ip_forward=1
	machine "web$i"
	wire "web$i" eth0 back "10.8.0.1$i/24"
	ip -n "${run}web$i" route add default via "$gateway"
	start_web "web$i"
done
machine client
wire client eth0 front 10.9.0.50/24
modprobe ip_vs 2>/dev/null || true
balancing=no
at lb1 ipvsadm -Ln >/dev/null 2>&1 && balancing=yes
configure lb1 150
configure lb2 100
for i in 1 2; do
	expect 5 "web$i serves on 10.8.0.1$i" at lb1 curl -sf -m $patience "http://10.8.0.1$i/"
done

title "Election: lb1 has priority 150, lb2 has 100"
start_director lb1
start_director lb2
expect 10 "lb1 is MASTER" logged lb1 1 'Entering MASTER STATE'
expect 2 "lb1 has the address $vip, lb2 has not" only lb1 lb2
expect 2 "the client reaches it" at client ping -n -c 1 -W 1 "$vip"
! logged lb2 1 'Entering MASTER STATE' >/dev/null || fail "lb2 became MASTER too"
say "lb2 is BACKUP: it hears lb1 twice a second"

title "Failover: lb1 loses power (kill -9, cables out)"
start_probe
sleep 1
crash lb1
say "lb1 is dead"
expect 5 "lb2 is MASTER: three adverts and its skew time are 1.8 s" logged lb2 1 'Entering MASTER STATE'
expect 2 "lb2 has the address" has_vip lb2
end_probe 25

title "Return: lb1 has power again"
mark=$(($(lines lb2) + 1))
for dev in eth0 eth1; do ip -n "${run}lb1" link set "$dev" up; done
from=$(($(lines lb1) + 1))
start_director lb1
expect 10 "lb1 is MASTER again: it ranks higher" logged lb1 "$from" 'Entering MASTER STATE'
expect 2 "lb2 has yielded" logged lb2 "$mark" 'Entering BACKUP STATE'
expect 2 "lb1 has the address, lb2 has not" only lb1 lb2

title "Maintenance: lb1 is stopped in order"
start_probe
sleep 1
kill -TERM "$(cat "$dir/lb1/pid")"
expect 5 "lb2 has the address: lb1 resigned, and 0.3 s are enough" only lb2 lb1
end_probe 10
from=$(($(lines lb1) + 1))
start_director lb1
expect 10 "lb1 is started again" logged lb1 "$from" 'Entering MASTER STATE'

title "Health: a web server dies and returns"
four() { # four requests of the client, and who answered
	answers=$(for _ in 1 2 3 4; do at client curl -sf -m $((2 * patience)) "http://$vip/"; done | tr '\n' ' ')
	say "four requests, answered by $answers"
}
table() { at lb1 ipvsadm -Ln | sed 's/^/          /'; }
in_table() { at lb1 ipvsadm -Ln | grep -qF "$1"; }
if [ $balancing = yes ]; then
	expect 5 "the director's table has both" in_table 10.8.0.12:80
	table
	four
	[[ $answers == *web1* && $answers == *web2* ]] || fail "only one web server answers"
else
	say "this kernel has no ip_vs: nothing is balanced here,"
	say "but the health checks run, and lb1's log tells what they find"
fi
from=$(($(lines lb1) + 1))
kill -9 $(ip netns pids "${run}web1")
say "web1 is dead"
expect 15 "lb1 takes it out" logged lb1 "$from" 'Removing service \[10\.8\.0\.11\]:tcp:80'
if [ $balancing = yes ]; then
	four
	[[ $answers == "web2 web2 web2 web2 " ]] || fail "the dead web server is asked"
fi
logged lb1 "$from" '10\.8\.0\.11' | cut -d' ' -f6- | sed 's/^/          log: /'
from=$(($(lines lb1) + 1))
start_web web1
say "web1 is started again"
expect 15 "lb1 puts it back" logged lb1 "$from" 'Adding service \[10\.8\.0\.11\]:tcp:80'
[ $balancing = no ] || table

title "End"
kill -TERM "$(cat "$dir/lb1/pid")" "$(cat "$dir/lb2/pid")"
nobody() { ! has_vip lb1 && ! has_vip lb2; }
expect 5 "both directors are stopped, the address is gone" nobody
say "everything happened as announced"
