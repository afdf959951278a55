package kconf

import "strings"

// condition reads @ID and @^ID at the beginning of a line and reports whether
// the rest is to be kept: if the configuration id is ID, or is not. The
// comparison is exact, an empty ID equals nothing. A condition with nothing
// behind it keeps nothing.
func (r *reader) condition(t text) (rest text, keep bool) {
	if !strings.HasPrefix(t.s, "@") {
		return t, true
	}
	end := strings.IndexAny(t.s, blanks)
	if end < 0 {
		return text{}, false
	}
	id, negate := strings.CutPrefix(t.s[1:end], "^")
	rest = t.cut(end, len(t.s)).trim()
	equal := id != "" && id == r.opt.ConfigID
	return rest, equal != negate && rest.s != ""
}
