package report

import (
	"encoding/json"

	"holdfast/kconf"
)

// The JSON form, version 1. Fields may be added; none changes its meaning.
type jsonReport struct {
	Version     int           `json:"version"`
	Files       []string      `json:"files"`
	Diagnostics []jsonFinding `json:"diagnostics"`
	Errors      int           `json:"errors"`
	Warnings    int           `json:"warnings"`
	Notes       int           `json:"notes"`
	Fatal       string        `json:"fatal,omitempty"` // why it cannot run
}

type jsonFinding struct {
	jsonPlace
	Severity   string      `json:"severity"` // error, warning, note
	ID         string      `json:"id"`
	Class      int         `json:"class"` // of keepalived's --config-test; 0: changes no exit status
	Message    string      `json:"message"`
	Hint       string      `json:"hint,omitempty"`
	Related    *jsonPlace  `json:"related,omitempty"`
	IncludedAt []jsonPlace `json:"included_at,omitempty"` // innermost first
}

// jsonPlace counts lines and columns from 1, columns in characters.
type jsonPlace struct {
	File   string `json:"file,omitempty"`
	Line   int32  `json:"line,omitempty"`
	Column int32  `json:"column,omitempty"`
}

func place(p kconf.Pos) jsonPlace {
	if !p.IsValid() {
		return jsonPlace{}
	}
	return jsonPlace{p.File(), p.Line, p.Col}
}

// json is the report for programs, indented, with a final newline.
func (r *Report) json() ([]byte, error) {
	out := jsonReport{Version: 1, Files: append([]string{}, r.Files...), Diagnostics: []jsonFinding{}, Fatal: r.Fatal,
		Errors: r.Count(kconf.Error), Warnings: r.Count(kconf.Warning), Notes: r.Count(kconf.Note)}
	for _, d := range r.Diagnostics {
		f := jsonFinding{jsonPlace: place(d.Pos), Severity: d.Severity.String(), ID: d.ID, Class: int(d.Class), Message: d.Message, Hint: d.Hint}
		if d.Related.IsValid() {
			at := place(d.Related)
			f.Related = &at
		}
		for via := d.Pos.Via(); via != nil; via = via.Via() {
			f.IncludedAt = append(f.IncludedAt, place(*via))
		}
		out.Diagnostics = append(out.Diagnostics, f)
	}
	return indented(out)
}

func indented(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}
