// Package lsp is a language server for configurations: diagnostics while one
// types, help, completion, navigation and formatting in any editor that speaks
// the language server protocol over standard input and output.
//
// It knows no keyword. What it says about them comes from the vocabulary that it
// is given, and mistakes from a function that reads a configuration as
// --config-test does, from the texts in the editor.
//
// # Two views of a text
//
// What the configuration means, with includes and definitions, is in the tree of
// the last check: diagnostics, and which object is named where. What stands
// around the cursor comes from an outline of the one text, which also exists
// while braces are missing.
//
// # Order
//
// Serve's goroutine owns everything and handles messages one after the other;
// a second one only reads. Documents are checked when the editor is quiet, or
// before an answer that consists of places; other answers are about the text as
// it is, and about names as they were at the last check. A request that is
// cancelled while it waits is not worked on.
//
// # Files, in reading order
//
//	server.go    Options, Serve, the order of messages, requests by name
//	jsonrpc.go   framing, and what is wrong with a message
//	protocol.go  the protocol's types
//	document.go  a text, its edits, bytes against UTF-16 units against columns
//	overlay.go   files with the editor's texts over them; URIs
//	check.go     main files, diagnostics
//	rows.go      the vocabulary, for looking up words
//	index.go     objects: where they are defined, where they are named
//	cursor.go    the statement, block and keywords at a place
//	names.go     $NAME definitions
//	hover.go     help
//	complete.go  completion
//	navigate.go  definition, references, symbols, formatting
//
// # Sources
//
// The Language Server Protocol 3.17; JSON-RPC 2.0.
//
// # Known to be ugly
//
// A file that is included and opened without the one that includes it is checked
// alone, and may be told about words that would be right in their place.
package lsp
