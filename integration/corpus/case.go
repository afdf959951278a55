package corpus

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Case is one configuration and how the daemons' -t has to end with it.
type Case struct {
	Name string // a sentence
	From string // file and line of its beginning

	Rules    []string
	Text     string // the configuration, shape applied; placeholders still inside
	Files    []File
	Main     string // argument of -f instead of the file with Text
	Args     []string
	Env      []string
	Accounts []string

	Batch string   // cases of one batch can share a file, see Together
	Lines []string // what a case of the table of ranges puts into its shape

	shape  string
	shapes map[string]string

	Status  int    // keepalived's
	Differs bool   // holdfast's is another on purpose:
	Other   int    // this one,
	Reason  string // because of this; found in docs/compat.md
}

// Want is the status with which holdfast has to end.
func (c *Case) Want() int {
	if c.Differs {
		return c.Other
	}
	return c.Status
}

// sampled reports whether the case is among the tenth of the refused numbers of
// ranges.txt about which keepalived is asked even in a quick run; those that are
// accepted share files and cost little. It is always the same tenth.
func (c *Case) sampled() bool {
	h := fnv.New32a()
	h.Write([]byte(c.Name))
	return h.Sum32()%10 == 0
}

// File is a further file of a case, in its folder.
type File struct {
	Name string
	Mode os.FileMode
	Text string
}

// Read reads the case files of a folder in the order of their names. The
// shapes of shapes.txt serve all of them.
func Read(dir string) (map[string][]Case, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	shared, err := readFile(filepath.Join(dir, "shapes.txt"), nil)
	if err != nil {
		return nil, err
	}
	all := map[string][]Case{}
	for _, path := range paths {
		base := strings.TrimSuffix(filepath.Base(path), ".txt")
		if base == "shapes" {
			continue
		}
		f, err := readFile(path, shared.shapes)
		if err != nil {
			return nil, err
		}
		if all[base] = f.cases; base == "ranges" {
			if all[base], err = rangeCases(f.table, f.shapes); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// file is one case file while it is read.
type file struct {
	path   string
	shapes map[string]string
	cases  []Case
	table  []row // lines before the first case that are neither comments nor directives

	draft    *draft
	defaults draft
}

type row struct {
	from string
	text string
}

// draft is a case whose lines are still coming.
type draft struct {
	Case
	replaces []*strings.Replacer
	body     []string
	statused bool
	begun    bool // configuration lines have begun, or a further file
}

func readFile(path string, shapes map[string]string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &file{path: filepath.Base(path), shapes: map[string]string{}}
	for name, shape := range shapes {
		f.shapes[name] = shape
	}
	shape := ""
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		from := fmt.Sprintf("%s:%d", f.path, i+1)
		name, isCase := strings.CutPrefix(line, "== ")
		shapeName, isShape := strings.CutPrefix(line, "-- shape ")
		switch {
		case isCase || isShape:
			if err := f.finish(); err != nil {
				return nil, err
			}
			if shape = ""; isShape {
				shape = shapeName
				f.shapes[shape] = ""
				continue
			}
			d := f.defaults
			d.Name, d.From, f.draft = name, from, &d
		case shape != "":
			f.shapes[shape] += line + "\n"
		case f.draft != nil:
			if err := f.draft.line(line); err != nil {
				return nil, fmt.Errorf("%s: %w", from, err)
			}
		case strings.HasPrefix(line, "#") || line == "":
		case directive.MatchString(line):
			if err := f.defaults.line(line); err != nil {
				return nil, fmt.Errorf("%s: %w", from, err)
			}
		default:
			f.table = append(f.table, row{from, line})
		}
	}
	return f, f.finish()
}

// directive is a word of the list in doc.go, a colon and a value.
var directive = regexp.MustCompile(`^(rule|status|differs|shape|id|args|env|accounts|main|replace|file): (.*)$`)

// line takes the next line of a case: a directive, as long as no other line
// has come, or a part of the file that is being filled.
func (d *draft) line(line string) error {
	m := directive.FindStringSubmatch(line)
	if m == nil || d.begun && m[1] != "file" {
		d.begun = true
		if n := len(d.Files); n > 0 {
			d.Files[n-1].Text += line + "\n"
		} else {
			d.body = append(d.body, line)
		}
		return nil
	}
	words := strings.Fields(m[2])
	if len(words) == 0 {
		return fmt.Errorf("%s without a value", m[1])
	}
	switch m[1] {
	case "rule":
		d.Rules = append(d.Rules[:len(d.Rules):len(d.Rules)], m[2])
	case "shape":
		d.shape = m[2]
	case "id":
		d.Args = append(d.Args, "--config-id", m[2])
	case "args":
		d.Args = append(d.Args, words...)
	case "env":
		d.Env = append(d.Env, m[2])
	case "accounts":
		d.Accounts = words
	case "main":
		d.Main = m[2]
	case "status":
		d.statused = true
		return number(words[0], &d.Status)
	case "differs":
		d.Differs = true
		d.Reason = strings.Join(words[1:], " ")
		return number(words[0], &d.Other)
	case "replace":
		return d.replace(m[2])
	case "file":
		return d.file(words)
	}
	return nil
}

func number(word string, to *int) (err error) {
	*to, err = strconv.Atoi(word)
	return err
}

func (d *draft) file(words []string) error {
	f := File{Name: words[0], Mode: 0o644}
	if len(words) > 1 {
		mode, err := strconv.ParseUint(words[1], 8, 32)
		if err != nil {
			return err
		}
		f.Mode = os.FileMode(mode)
	}
	d.Files = append(d.Files, f)
	d.begun = true
	return nil
}

func (d *draft) replace(text string) error {
	var parts [2]string
	for i := range parts {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return fmt.Errorf("replace wants two strings in double quotes: %w", err)
		}
		parts[i], _ = strconv.Unquote(quoted)
		text = strings.TrimSpace(text[len(quoted):])
	}
	times := 1
	if text != "" {
		if err := number(text, &times); err != nil {
			return err
		}
	}
	d.replaces = append(d.replaces, strings.NewReplacer(parts[0], strings.Repeat(parts[1], times)))
	return nil
}

// finish ends the case that is being read.
func (f *file) finish() error {
	d := f.draft
	f.draft = nil
	if d == nil {
		return nil
	}
	if !d.statused {
		return fmt.Errorf("%s: %q has no status", d.From, d.Name)
	}
	text, err := fill(f.shapes, d.shape, d.body)
	if err != nil {
		return fmt.Errorf("%s: %w", d.From, err)
	}
	for _, r := range d.replaces {
		text = r.Replace(text)
		for i := range d.Files {
			d.Files[i].Text = r.Replace(d.Files[i].Text)
		}
	}
	d.Text = text
	f.cases = append(f.cases, d.Case)
	return nil
}

// fill puts lines where "..." stands in a shape, in its indentation.
func fill(shapes map[string]string, name string, lines []string) (string, error) {
	if name == "" || name == "none" {
		return strings.Join(append(lines, ""), "\n"), nil
	}
	shape, ok := shapes[name]
	if !ok {
		return "", fmt.Errorf("no shape is called %q", name)
	}
	parts := [][]string{nil}
	for _, line := range lines {
		if line == "---" {
			parts = append(parts, nil)
		} else {
			parts[len(parts)-1] = append(parts[len(parts)-1], line)
		}
	}
	var out []string
	if len(parts) > 1 {
		out, parts = parts[0], parts[1:]
	}
	for _, line := range strings.Split(strings.TrimSuffix(shape, "\n"), "\n") {
		if indent, here := strings.CutSuffix(line, "..."); here && strings.TrimSpace(indent) == "" {
			for _, l := range parts[0] {
				out = append(out, indent+l)
			}
		} else {
			out = append(out, line)
		}
	}
	if len(parts) > 1 {
		out = append(out, parts[1]...)
	}
	return strings.Join(append(out, ""), "\n"), nil
}
