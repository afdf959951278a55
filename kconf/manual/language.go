package manual

// rule is one rule of the language, for the manual.
type rule struct{ title, text string }

// language are the rules that hold whatever the keyword, in the order in which a
// line meets them. Text in backquotes is literal.
var language = []rule{
	{"Comments", "`#` and `!` begin a comment anywhere outside double quotes, even inside a word. `\\#` and `\\!` stand for themselves."},
	{"Statements", "A statement is a keyword with its arguments on one line, and for some keywords a block in braces. The opening brace may stand on the keyword's line or on a later one. A brace ends a statement, so `global_defs { router_id A }` is one line with three statements. A line has no continuation; only definitions do."},
	{"Words", "Blanks separate words. Double quotes make one word of several, or an empty one, and know no escapes; text beside a quote is a word of its own. Single quotes mean nothing, except in commands. Spaces that came with text copied from a web page count as blanks, with one warning a file."},
	{"Commands", "`script`, `misc_path`, `notify_*`, `quorum_up`, `quorum_down`, `startup_script`, `shutdown_script`, `*_fifo_script` and `regex` have a quoting of their own: single and double quotes both quote and may touch other text, `\\n`, `\\t`, `\\xHH`, `\\ooo` and the like are decoded once. The first word is the program with its arguments, so arguments are quoted together with it; USER and GROUP may follow. Nothing is run through a shell."},
	{"Value blocks", "In blocks such as `virtual_ipaddress` every line, or every word, is a value and no keyword."},
	{"Numbers", "Decimal, without anything behind the digits. Where it says C-prefix, `0x1f` and `017` are numbers too. DEC6 and DEC3 are decimal fractions of at most six or three places."},
	{"Switches", "BOOL is true, on, yes or false, off, no; without a word it is true. A flag takes no argument: its being there is all."},
	{"Definitions", "`$NAME=VALUE` at the beginning of a line defines a name from there on, also in files included later. `${NAME}` may stand anywhere, `$NAME` only before a blank, a comma, a closing parenthesis or the end. The value is kept as written and looked up at use. A value that ends in `\\` goes on in the next line, until a line without it or a blank one; such a definition is used at the end of a line and yields several."},
	{"Built-in names", "`${_PWD}` is the directory of the file, `${_INSTANCE}` the configuration id, `${_RANDOM MIN MAX}` a random number (0 to 32767 without arguments), `${_ENV NAME}` an environment variable, `${_HASH}` and `${_BANG}` are `#` and `!`."},
	{"Repetition", "`~SEQ(VAR, START, STEP, END) TEXT` reads TEXT once for each number, with VAR defined; START and STEP may be left out. `~SEQx` counts in hexadecimal. `~LST(VAR, A, B, ...) TEXT` reads it for each value, `~LST({V1,V2}, {a,b}, {c,d}) TEXT` with several names at once."},
	{"Conditions", "A line that begins with `@ID` counts only if ID is the configuration id (option -i, otherwise the node name up to its first dot), `@^ID` only if it is not. What stands behind may be anything."},
	{"Includes", "`include PATTERN` reads the files that match; `*`, `?`, `[]` and `{a,b}` are wildcards, and relative names begin at the directory of the file that includes. Missing or unreadable files are remarked upon; `includer`, `includem`, `includew`, `includeb` and `includea`, or `include_check`, make unreadable ones, missing ones, wildcards without a match, missing alternatives or all of these an error that ends the program."},
	{"Mistakes", "All of them are listed in one run, with file, line and column. A statement that is wrong leaves its default in force, and nothing around it; an unknown keyword with a block costs the block. What keepalived could not run with is refused before anything is touched, and a reload of a file with new mistakes leaves the running configuration as it is."},
}
