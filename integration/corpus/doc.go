// Package corpus compares the configuration check of holdfast with that of
// keepalived: hundreds of small files, each with the exit status with which
// keepalived 2.2.7 -t ends, as observed. The test runs both daemons on every
// file: the record cannot rot, and holdfast cannot drift. Of the numbers that
// keepalived refuses, it is asked about a tenth, unless all is asked for.
//
// The files below testdata are documentation: each case is a sentence, what
// rule it shows, and the lines that show it.
//
//	== A virtual_router_id of 0 leaves the instance without one
//	rule: validation 2.1
//	status: 5
//	virtual_router_id 0
//
// A case begins with its sentence. Directives follow, then the configuration:
//
//	rule: NAME        what it shows; every rule listed in coverage_test.go needs one
//	status: N         how keepalived -t ends; 128 and more: killed by a signal
//	differs: N WORDS  holdfast ends with N; WORDS stand in docs/compat.md
//	shape: NAME       the lines go where "..." stands in this shape; none: as they are
//	id: NODE          run with --config-id NODE
//	args: WORDS       further arguments for both daemons
//	env: NAME=VALUE   one environment variable
//	accounts: WORDS   accounts that exist besides those of every system
//	main: NAME        the argument of -f, instead of the file with the lines
//	replace: OLD NEW [TIMES]  quoted as in Go: what an editor would not show
//	file: NAME [MODE]  the lines that follow go into a further file
//
// Lines before a line "---" go before the shape, lines after a second one
// behind it. Directives before the first case hold for all cases of the file;
// "-- shape NAME" begins a shape (shapes.txt has those for all files).
// @dir@ is the folder of the case, @scripts@ one with scripts of all kinds
// (lab_test.go). ranges.txt is a table instead: each row stands for four cases, the
// bounds and what lies just beyond. Values that both accept share files.
//
//	HOLDFAST_NETNS=1   run the daemons (as root); without it only the form is tested
//	HOLDFAST_BIN=FILE  the binary, instead of bin/holdfast
//	HOLDFAST_CORPUS_FULL=1  ask keepalived about every number of ranges.txt
//	HOLDFAST_CORPUS_REPORT=FILE  write down every difference, for whoever works on it
//
// Files, in reading order:
//
//	case.go           Case: reading testdata
//	ranges.go         cases from the table of ranges
//	lab_test.go       bench: the interfaces, accounts and scripts that cases name
//	room_test.go      running a daemon there
//	corpus_test.go    the comparison
//	samples_test.go   the same for files of others
//	form_test.go      the form of the files; without root
//	coverage_test.go  which rules need a case
//
// A new case begins with a guess at its status: the test says how keepalived
// ended and what it said.
package corpus
