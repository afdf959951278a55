#!/usr/bin/env bash
# Runs every test and ends with one line that counts them:
# "N passed, N failed, N skipped".
#
# Tests of real time share two cores with several daemons, and a machine that
# stands still for seconds fails them without a fault of theirs. Up to three
# test functions that failed in namespaces or in the virtual machine run again,
# alone, and twice: both runs must pass. They are named as flaked in the end.
set -uo pipefail
cd "$(dirname "$0")/.."
results=$(mktemp) part=$(mktemp)
trap 'rm -f "$results" "$part"' EXIT
status=0

run() { # run COMMAND...: go test -json, show failures, add to the results of this part
	"$@" | tee -a "$part" | go run ./integration/testreport -live
	local ended=("${PIPESTATUS[@]}")
	[ "${ended[0]}" -eq 0 ] && [ "${ended[2]}" -eq 0 ]
}

stage() { # stage NAME AGAIN COMMAND...: AGAIN runs one failed test again, or is "-"
	local name=$1 again=$2 began=$SECONDS ok=1
	shift 2
	echo "== $name"
	: >"$part"
	run "$@" || { [ "$again" != - ] && repeat "$again"; } || ok=0
	[ $ok -eq 1 ] || status=1
	cat "$part" >>"$results"
	echo "== $name: $((SECONDS - began)) s"
}

repeat() { # repeat AGAIN: at most three failed tests, when nothing else is wrong
	local failed parts=1
	[ "$1" = again_vm ] && parts=3
	failed=$(go run ./integration/testreport -failed "$parts" <"$part") || return 1
	[ -n "$failed" ] && [ "$(wc -l <<<"$failed")" -le 3 ] || return 1
	while read -r package test; do
		echo "== again, alone, twice: $package $test"
		run "$1" "$package" "$test" || return 1
	done <<<"$failed"
}

again_netns() { # again_netns PACKAGE TEST
	env CGO_ENABLED=0 HOLDFAST_NETNS=1 go test -json -count=2 -timeout 10m -run "^$2\$" "$1" </dev/null
}

again_vm() { # again_vm PACKAGE TEST: the test of the host, folder and test in the guest
	env CGO_ENABLED=0 HOLDFAST_VM=1 HOLDFAST_VM_RUN="^${2#*/}\$" \
		go test -json -count=2 -timeout 10m -run "^${2%%/*}\$" "$1" </dev/null
}

make --no-print-directory build || exit 1
stage "unit tests" - env CGO_ENABLED=0 go test -json -count=1 ./...
stage "network namespaces" again_netns env CGO_ENABLED=0 HOLDFAST_NETNS=1 \
	go test -json -count=1 -p 1 -timeout 20m ./integration/netns/... ./integration/lifecycle/... ./integration/corpus/... ./integration/checkers ./integration/bench
stage "virtual machine with ip_vs" again_vm env CGO_ENABLED=0 HOLDFAST_VM=1 \
	go test -json -count=1 -timeout 25m ./integration/vm/...
go run ./integration/testreport -count <"$results" || status=1
exit $status
