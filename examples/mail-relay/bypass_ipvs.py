#!/bin/sh
# bypass_ipvs.py -a|-r ADDRESS: accept (-a) or no longer accept (-r) TCP for an
# address that another host owns and forwards to us by direct routing.
# The name is the one that the configuration calls; only #! says what runs it.
# Calling it twice is as good as once: roles repeat after a crash.
set -eu
usage() { echo "usage: $0 -a|-r ADDRESS" >&2; exit 2; }
[ $# -eq 2 ] || usage
rule() { iptables -t nat "$1" PREROUTING -d "$address" -p tcp -j REDIRECT; }
address=$2
case $1 in
-a) rule -C 2>/dev/null || rule -A ;;
-r) while rule -C 2>/dev/null; do rule -D; done ;;
*) usage ;;
esac
