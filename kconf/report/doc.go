// Package report shows diagnostics: to people with the line and a mark under the
// word, to tools as JSON, SARIF and GitHub's workflow commands.
//
// The forms share one view of a diagnostic (finding), so that none of them knows
// more than the others. Output goes to a writer at the end of a run; nothing here
// decides what is right or wrong, or how a program ends.
//
// Files, in reading order:
//
//	report.go  Report, Format, what is counted
//	text.go    for people, with colours where wanted
//	json.go    holdfast's own JSON
//	sarif.go   SARIF 2.1.0, for code scanning services
//	github.go  annotations of GitHub's workflow runs
//
// Sources: OASIS SARIF 2.1.0; GitHub's documentation of workflow commands.
package report
