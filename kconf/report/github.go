package report

import (
	"fmt"
	"strings"

	"holdfast/kconf"
)

// github is one workflow command a line, which a run on GitHub shows beside the
// changed lines.
func (r *Report) github() []byte {
	var b strings.Builder
	for _, d := range r.Diagnostics {
		command := map[kconf.Severity]string{kconf.Error: "error", kconf.Warning: "warning", kconf.Note: "notice"}[d.Severity]
		var props []string
		if d.Pos.IsValid() {
			props = append(props, "file="+property(d.Pos.File()), fmt.Sprintf("line=%d", d.Pos.Line), fmt.Sprintf("col=%d", d.Pos.Col))
		} else if len(r.Files) > 0 {
			props = append(props, "file="+property(r.Files[0]))
		}
		props = append(props, "title="+property(d.ID))
		fmt.Fprintf(&b, "::%s %s::%s\n", command, strings.Join(props, ","), data(sentence(d)))
	}
	if r.Fatal != "" {
		fmt.Fprintf(&b, "::error title=fatal::%s\n", data("the configuration can not run: "+r.Fatal))
	}
	return []byte(b.String())
}

var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func data(s string) string     { return dataEscapes.Replace(s) }
func property(s string) string { return propertyEscapes.Replace(s) }
