#!/usr/bin/env bash
# packages.sh [PACKAGE...]: installs the Debian packages that are named, or all
# that the tests use: peers to test against (keepalived, frr, nginx, bind9, postfix),
# observers (tshark, ipvsadm), and what boots the virtual machine. Does nothing
# when all are there.
set -euo pipefail
packages=(
	keepalived frr ipvsadm tshark tcpdump nginx-light bind9 bind9-dnsutils postfix
	nftables iptables netcat-openbsd curl iproute2 iputils-ping iputils-arping
	ethtool procps openssl python3-minimal groff-base
	qemu-system-x86 cpio kmod busybox-static
)
[ $# -eq 0 ] || packages=("$@")
missing=()
for p in "${packages[@]}"; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "need root to install: ${missing[*]}" >&2
	exit 1
fi
echo "installing ${missing[*]}"
log=$(mktemp)
# No mail configuration of this machine is made or asked for, and another mail
# server is not replaced (--no-remove).
if command -v debconf-set-selections >/dev/null; then
	echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
fi
export DEBIAN_FRONTEND=noninteractive
# Services must not start on this machine: the tests start their own copies.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	trap 'rm -f "$policy"' EXIT
fi
if ! { apt-get update && apt-get install -y --no-remove --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -20 "$log" >&2
	echo "installing packages failed; the whole log is $log" >&2
	exit 1
fi
rm -f "$log"
