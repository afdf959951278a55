package checkers

// regexCases are the keywords of patterns. The answer comes in one piece, and so
// the subject begins with the header, as in keepalived.
var regexCases = []Case{
	{Name: "regex", Check: regex("regex cdef")},
	{Name: "regex that is not there", Check: regex("regex cdeg")},
	{Name: "regex, no match wanted", Check: regex("regex cdeg", "regex_no_match")},
	{Name: "regex, no match wanted, and is there", Check: regex("regex cdef", "regex_no_match")},
	{Name: "regex at the start", Check: regex("regex ^0123")},
	{Name: "regex of the header", Check: regex("regex ^HTTP/1")},
	{Name: "regex at the start of a line", Check: regex("regex ^0123", "regex_options multiline")},
	{Name: "regex in another case", Check: regex("regex CDEF")},
	{Name: "regex caseless", Check: regex("regex CDEF", "regex_options caseless")},
	{Name: "regex with blanks, extended", Check: regex(`regex "c d  e f"`, "regex_options extended")},
	{Name: "regex over lines", Check: regex(`regex "ef.01"`)},
	{Name: "regex over lines, dotall", Check: regex(`regex "ef.01"`, "regex_options dotall")},
	{Name: "regex in the first line", Check: regex("regex 0123", "regex_options firstline")},
	{Name: "regex of the first line", Check: regex("regex OK", "regex_options firstline")},
	{Name: "regex, two options in a line", Check: regex("regex ^0123456789ABC", "regex_options caseless multiline")},
	{Name: "regex, look-ahead", Check: regex("regex 89(?=abc)")},
	{Name: "regex, look-behind", Check: regex("regex (?<=89)abc")},
	{Name: "regex, back-reference", Check: regex(`regex "(0123)[^0]+\\1"`)},
	{Name: "regex, atomic group", Check: regex("regex (?>ab)cd")},
	{Name: "regex, alternatives", Check: regex("regex (xyz|cdef)$", "regex_options multiline")},
	{Name: "regex, end of the subject only", Better: partial, Ours: webUp, Check: regex(`regex "f$"`)},
	{Name: "regex, dollar_endonly", Better: partial, Ours: webUp, Check: regex(`regex "f$"`, "regex_options dollar_endonly")},
	{Name: "regex, ungreedy", Check: regex("regex 0.*f", "regex_options ungreedy")},
	{Name: "regex, anchored_by_hand", Check: regex(`regex "\\AHTTP"`)},
	{Name: "regex, class of digits", Check: regex(`regex "\\d{10}abc"`)},
	{Name: "regex, posix class", Check: regex("regex [[:xdigit:]]{16}")},
	{Name: "regex, utf", Check: regex("regex cdef", "regex_options utf")},
	{Name: "regex, min_offset within", Check: regex("regex 0123", "regex_min_offset 1")},
	{Name: "regex, min_offset at the last line", Check: regex("regex 0123", "regex_min_offset 109")},
	{Name: "regex, min_offset behind the last line", Check: regex("regex 0123", "regex_min_offset 125")},
	{Name: "regex, min_offset behind the end", Check: regex("regex 0123", "regex_min_offset 5000")},
	{Name: "regex, max_offset before", Check: regex("regex 0123", "regex_max_offset 10")},
	{Name: "regex, max_offset behind", Check: regex("regex 0123", "regex_max_offset 200")},
	{Name: "regex, offsets reversed", Check: regex("regex HTTP", "regex_min_offset 20", "regex_max_offset 10")},
	{Name: "regex, stack", Check: regex("regex (0123|4567|89ab|cdef)+", "regex_stack 4096 65536")},
	{Name: "regex, no body", Serve: answers(says(ok200("", ""))), Check: http("regex x")},
	{Name: "regex, no body, no match wanted", Serve: answers(says(ok200("", ""))), Check: http("regex x", "regex_no_match")},
	{Name: "regex, body later than the header", Serve: answers(says(ok200("", "")), waits, says(page)), Check: http("regex cdef")},
	{Name: "regex across two pieces", Serve: answers(says(ok200("", page[:12])), waits, says(page[12:])), Check: http("regex abcdef")},
	{Name: "regex, deep in 1 MB", Serve: answers(says(ok200("", ""+longPage+"needle\n"))), Check: http("regex needle")},
	{Name: "regex, optional part at the end", Better: partial, Ours: webUp, Serve: answers(says(ok200("", "abc"))), Check: http("regex abcd?")},
}

// regex is a check of a response of withLength and page with a pattern.
func regex(lines ...string) []string { return http(lines...) }

func init() {
	for i := range regexCases {
		if regexCases[i].Serve == nil {
			regexCases[i].Serve = answers(says(ok200(withLength, page)))
		}
	}
	webCases = append(webCases, regexCases...)
}
