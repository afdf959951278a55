#!/usr/bin/env bash
# Runs every test and ends with one line that counts them:
# "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.."
results=$(mktemp)
trap 'rm -f "$results"' EXIT
status=0

stage() { # stage NAME COMMAND...: run go test -json, show failures, keep results
	local name=$1 began=$SECONDS
	shift
	echo "== $name"
	"$@" | tee -a "$results" | go run ./integration/testreport -live || status=1
	[ "${PIPESTATUS[0]}" -eq 0 ] || status=1
	echo "== $name: $((SECONDS - began)) s"
}

make --no-print-directory build || exit 1
stage "unit tests" env CGO_ENABLED=0 go test -json -count=1 ./...
stage "network namespaces" env CGO_ENABLED=0 HOLDFAST_NETNS=1 \
	go test -json -count=1 -p 1 -timeout 20m ./integration/netns/... ./integration/lifecycle/... ./integration/corpus/... ./integration/bench
stage "virtual machine with ip_vs" env CGO_ENABLED=0 HOLDFAST_VM=1 \
	go test -json -count=1 -timeout 25m ./integration/vm/...
go run ./integration/testreport -count <"$results" || status=1
exit $status
