// Package kconf is the language of keepalived.conf. It knows no keyword's
// meaning: packages bring vocabularies, kconf reads files, reports mistakes at
// their word, and decodes statements into the packages' own types.
//
// # How a file becomes a configuration
//
// Text is rewritten line by line (comments, conditions, definitions,
// repetition, includes), cut at braces into tokens, and made a tree by a
// grammar of two rules; only then are words looked up. The first part can not
// be a grammar, because a definition may hold half a block and an included file
// may close a block of its parent. So a stack of sources produces the tokens,
// and participle's part is small: it sees Line, Open and Close.
//
// Nothing stops at the first mistake. The reader never fails, the driver of the
// grammar mends missing and extra braces statement by statement, and a setter
// that refuses an argument leaves its field alone. Each mistake is one
// Diagnostic with a class; the classes decide the exit status of --config-test
// as they do for keepalived. What keepalived does by accident (reading on in
// the enclosing block after an unknown one, cutting long lines, taking ${_HASH}
// for a comment) is not copied.
//
// Statements of the top level can be taken one by one (Options.Each), so that a
// configuration of a million lines needs memory for what it means, not for its
// text.
//
// The tree is made once, by the parent. Encode and Decode hand it to the
// children, so that random numbers, environment variables and files that change
// while being read can not make two processes differ.
//
// There are no goroutines and no package state; a Vocabulary is read only. The
// language server, which has both, is the package lsp below.
//
// # Files, in reading order
//
//	tree.go           Pos, Word, Stmt, File: what everybody else sees
//	diag.go           Diagnostic, its classes, and the exit status they give
//	print.go          a diagnostic with its source line and a caret
//	parse.go          ParseFile, ParseString and their options
//	reader.go         the way of one line, in order
//	source.go         files, include statements and their checks
//	line.go           comments, quotes, words, blanks that are none
//	cond.go           @id conditions
//	define.go         $NAME definitions and built-in names
//	repeat.go         ~SEQ and ~LST
//	grammar.go        the grammar
//	driver.go         mends braces, feeds the grammar, hands statements on
//	vocab.go          Keyword, Vocabulary, Decode
//	written.go        which keywords a block has, and where
//	values.go         reading one word: numbers, durations, addresses
//	setters.go        constructors of setters for scalars
//	setters_block.go  constructors for blocks, and options of line entries
//	script.go         commands, with their own quoting
//	suggest.go        the nearest known word
//	wire.go           the tree as bytes, for child processes
//	format.go         holdfast fmt: lays out the text of one file
//	format_line.go    a line of it: comment, braces, words
//	format_uses.go    which lines depend on definitions, and stay as written
//	outline.go        what stands where in a text, also an unfinished one
//
// # Sources
//
// The manual page keepalived.conf(5), and what keepalived 2.2.7 and 2.4.3 were
// seen to do with the inputs in the tests of this package.
//
// # Known to be ugly
//
// Two keywords are known here after all: include_check changes how later lines
// are read, and script keywords may have an odd number of double quotes.
package kconf
