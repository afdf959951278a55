#!/bin/sh
# zone.sh NAME: print the zone load.balance. of the name server NAME.
cat <<ZONE
\$TTL 60
@       IN SOA ${1:?name of this server}. root.${1}. 1 3600 600 86400 60
        IN NS  ${1}.
health  IN TXT "${1}"
ZONE
