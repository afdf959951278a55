// Package manual writes what a vocabulary knows for people: the answer to
// "explain", the keyword reference, the manual page. All of it is made from the
// rows by which files are decoded, so none of it can say another thing than the
// program does; this package knows no keyword.
//
// Files, in reading order:
//
//	manual.go    Entry, All: the rows with the blocks they stand in
//	language.go  the rules that hold for every keyword, in prose
//	explain.go   one keyword
//	markdown.go  the keyword reference
//	man.go       the manual page, for man(1)
//
// Sources: man(7), the rows.
package manual
