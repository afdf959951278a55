#!/bin/sh
# keepalived-notify.sh INSTANCE NAME STATE PRIORITY: one line per change of
# state, with the time and the script, appended to a state file.
umask 022
echo "[$(date '+%F %T')] $0 $*" >>"${KEEPALIVED_STATE_FILE:-/var/log/keepalived-state.log}"
