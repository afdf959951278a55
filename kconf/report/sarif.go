package report

import (
	"net/url"
	"path/filepath"
	"slices"

	"holdfast/kconf"
)

// The parts of SARIF 2.1.0 that services read.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string     `json:"id"`
	Short *sarifText `json:"shortDescription,omitempty"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"` // error, warning, note
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
	Related   []sarifLocation `json:"relatedLocations,omitempty"`
}

type sarifLocation struct {
	ID       int           `json:"id,omitempty"`
	Physical sarifPhysical `json:"physicalLocation"`
	Message  *sarifText    `json:"message,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int32 `json:"startLine"`
	StartColumn int32 `json:"startColumn"`
	EndColumn   int32 `json:"endColumn"`
}

// sarif is the report for code scanning services: one run, a rule for each kind of
// finding that occurs. A finding without a place, such as a missing file, stands
// at the file that was checked.
func (r *Report) sarif() ([]byte, error) {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
		Tool: sarifTool{sarifDriver{Name: "holdfast", Version: r.Version, Rules: r.rules()}}}
	for _, d := range r.Diagnostics {
		index := slices.IndexFunc(run.Tool.Driver.Rules, func(rule sarifRule) bool { return rule.ID == d.ID })
		res := sarifResult{RuleID: d.ID, RuleIndex: index, Level: d.Severity.String(), Message: sarifText{sentence(d)}}
		switch {
		case d.Pos.IsValid():
			res.Locations = []sarifLocation{r.location(d.Pos)}
		case len(r.Files) > 0:
			res.Locations = []sarifLocation{{Physical: sarifPhysical{Artifact: sarifArtifact{uri(r.Files[0])}}}}
		}
		if d.Related.IsValid() {
			res.Related = append(res.Related, r.related(len(res.Related)+1, d.Related, "see here"))
		}
		for via := d.Pos.Via(); via != nil; via = via.Via() {
			res.Related = append(res.Related, r.related(len(res.Related)+1, *via, "included here"))
		}
		run.Results = append(run.Results, res)
	}
	return indented(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

// rules are the kinds of findings that occur, sorted.
func (r *Report) rules() []sarifRule {
	rules := []sarifRule{}
	for _, d := range r.Diagnostics {
		if slices.ContainsFunc(rules, func(rule sarifRule) bool { return rule.ID == d.ID }) {
			continue
		}
		rule := sarifRule{ID: d.ID}
		if r.Explain != nil {
			if text := r.Explain(d.ID); text != "" {
				rule.Short = &sarifText{text}
			}
		}
		rules = append(rules, rule)
	}
	slices.SortFunc(rules, func(a, b sarifRule) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return rules
}

func (r *Report) location(p kconf.Pos) sarifLocation {
	return sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{uri(p.File())},
		Region: &sarifRegion{p.Line, p.Col, p.Col + int32(width(r.line(p), p.Col))}}}
}

func (r *Report) related(id int, p kconf.Pos, text string) sarifLocation {
	l := r.location(p)
	l.ID, l.Message = id, &sarifText{text}
	return l
}

// uri is a file's name as SARIF has it: relative ones stay relative, so that a
// service finds them in its checkout.
func uri(name string) string {
	u := url.URL{Path: filepath.ToSlash(name)}
	if filepath.IsAbs(name) {
		u.Scheme = "file"
	}
	return u.String()
}
