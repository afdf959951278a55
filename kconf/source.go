package kconf

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxIncludeDepth = 64      // files open at the same time
	maxLineLength   = 1 << 20 // octets, before and after substitution
	maxPattern      = 1024    // octets of an include pattern
)

// IncludeChecks says which problems of include statements end the program:
// what include_check sets, and -e, which sets all.
type IncludeChecks uint8

const (
	CheckRead     IncludeChecks = 1 << iota // a match can not be used: directory, executable, unreadable
	CheckMatch                              // a plain name does not exist
	CheckWildcard                           // a wildcard matches nothing
	CheckBrace                              // an alternative of {a,b} is missing
	CheckAll      = CheckRead | CheckMatch | CheckWildcard | CheckBrace
)

// FS is where files are read from. Names are as the operating system has them.
type FS interface {
	Glob(pattern string) ([]string, error) // sorted, as filepath.Glob
	Stat(name string) (fs.FileMode, error)
	ReadFile(name string) ([]byte, error)
}

// opener is a file system whose files can be read in pieces, so that a large one
// is never in memory as a whole.
type opener interface {
	Open(name string) (io.ReadCloser, error)
}

// OS is the real file system.
type OS struct{}

// Open opens a file for reading it in pieces.
func (OS) Open(name string) (io.ReadCloser, error) { return os.Open(name) }

// Glob implements FS.
func (OS) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// ReadFile implements FS.
func (OS) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }

// Stat implements FS; it follows symbolic links.
func (OS) Stat(name string) (fs.FileMode, error) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}

// Memory is a file system for tests: contents by name.
type Memory map[string]string

// Glob implements FS.
func (m Memory) Glob(pattern string) ([]string, error) {
	var names []string
	for name := range m {
		ok, err := filepath.Match(pattern, name)
		if err != nil {
			return nil, err
		}
		if ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Stat implements FS: every file is a regular one, readable and not executable.
func (m Memory) Stat(name string) (fs.FileMode, error) {
	if _, ok := m[name]; !ok {
		return 0, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return 0o644, nil
}

// ReadFile implements FS.
func (m Memory) ReadFile(name string) ([]byte, error) {
	if _, err := m.Stat(name); err != nil {
		return nil, err
	}
	return []byte(m[name]), nil
}

// source is a file that is being read.
type source struct {
	*Source
	dir    string // where relative names in it begin
	line   int
	parent *source // of an included file

	outer  *source // what to go back to
	checks IncludeChecks
	nuls   int

	foreign      Pos // first blank that is none
	foreignLines int
}

// match is one file that an include pattern names, or one alternative that is missing.
type match struct {
	name    string
	missing bool
}

// glob finds the files of a pattern with {a,b}, in order. Names are relative
// to dir. wild tells whether the pattern had wildcards, braces whether it had
// alternatives.
func glob(files FS, dir, pattern string) (found []match, wild, braces bool) {
	alternatives := expandBraces(pattern)
	braces = len(alternatives) > 1
	for _, alt := range alternatives {
		if !filepath.IsAbs(alt) {
			alt = filepath.Join(dir, alt)
		}
		if !strings.ContainsAny(alt, "*?[") {
			if _, err := files.Stat(alt); err != nil {
				found = append(found, match{alt, true})
				continue
			}
			found = append(found, match{alt, false})
			continue
		}
		wild = true
		names, err := files.Glob(strings.ReplaceAll(alt, "[!", "[^"))
		if err != nil { // a malformed pattern is a plain name to glob(3)
			names = nil
		}
		names = slices.DeleteFunc(names, func(n string) bool { return hiddenByWildcard(alt, n) })
		for _, n := range names {
			found = append(found, match{n, false})
		}
		if len(names) == 0 {
			found = append(found, match{alt, true})
		}
	}
	return found, wild, braces
}

// hiddenByWildcard reports whether name has a component that begins with a dot
// where the pattern has none: wildcards do not match it.
func hiddenByWildcard(pattern, name string) bool {
	p, n := strings.Split(pattern, "/"), strings.Split(name, "/")
	for i := range min(len(p), len(n)) {
		if strings.HasPrefix(n[i], ".") && !strings.HasPrefix(p[i], ".") {
			return true
		}
	}
	return false
}

// expandBraces returns the alternatives of {a,b}, nested ones too, at most
// 1,000. Braces without comma or partner stand for themselves.
func expandBraces(pattern string) []string {
	const most = 1000
	done, todo := []string(nil), []string{pattern}
	for len(todo) > 0 && len(done)+len(todo) < most {
		p := todo[0]
		open, end, parts := braceGroup(p)
		if open < 0 {
			done, todo = append(done, p), todo[1:]
			continue
		}
		var next []string
		for _, part := range parts {
			next = append(next, p[:open]+part+p[end+1:])
		}
		todo = append(next, todo[1:]...)
	}
	return append(done, todo...)
}

// braceGroup finds the first group with alternatives; open is -1 without one.
func braceGroup(p string) (open, end int, parts []string) {
	for open = strings.IndexByte(p, '{'); open >= 0 && open < len(p); {
		depth, from := 0, open+1
		parts = nil
		for i := open; i < len(p); i++ {
			switch {
			case p[i] == '{':
				depth++
			case p[i] == ',' && depth == 1:
				parts, from = append(parts, p[from:i]), i+1
			case p[i] == '}':
				depth--
			}
			if depth == 0 {
				if len(parts) > 0 {
					return open, i, append(parts, p[from:i])
				}
				break
			}
		}
		next := strings.IndexByte(p[open+1:], '{')
		if next < 0 {
			break
		}
		open += 1 + next
	}
	return -1, -1, nil
}

// usable says why a file may not be read, "" if it may.
func usable(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "is a directory"
	case !mode.IsRegular():
		return "is not a regular file"
	case mode&0o111 != 0:
		return "is executable"
	}
	return ""
}

// include reads the files that an include statement names. suffix is what
// follows "include": r, m, w, b, a or nothing.
func (r *reader) include(t text, suffix, pattern string) {
	checks := r.checks | map[string]IncludeChecks{"r": CheckRead, "m": CheckRead | CheckMatch,
		"w": CheckRead | CheckMatch | CheckWildcard, "b": CheckRead | CheckBrace, "a": CheckAll}[suffix]
	at := r.pos(t.col)
	if len(pattern) > maxPattern {
		r.x.Errorf(at, ClassGeneral, "pattern-too-long", "include: a pattern of %d octets, at most %d are allowed", len(pattern), maxPattern)
		return
	}
	found, wild, braces := glob(r.fs, r.src.dir, pattern)
	missing := 0
	for _, m := range found {
		if m.missing {
			missing++
		}
	}
	var fatal bool
	switch {
	case missing == 0:
	case braces:
		fatal = checks&CheckBrace != 0
	case wild:
		fatal = checks&CheckWildcard != 0
	default:
		fatal = checks&CheckMatch != 0
	}
	if fatal {
		r.includeProblem(at, true, "include %s: no such file", pattern)
		if braces { // keepalived reads none of them then
			return
		}
	}
	for _, m := range found {
		switch {
		case !m.missing:
			r.includeFile(at, m.name, checks)
		case !fatal && (!wild || braces):
			r.includeProblem(at, false, "include %s: no such file", m.name)
		}
	}
}

// includeFile reads one file that a pattern has named. One that is being read
// already would go on for ever: keepalived does until it runs out of descriptors.
// at is the include statement, which every place inside will refer to.
func (r *reader) includeFile(at Pos, name string, checks IncludeChecks) {
	depth := 0
	for src := r.src; src != nil; src = src.parent {
		depth++
		if filepath.Clean(src.Name) == filepath.Clean(name) {
			r.diags.Add(Diagnostic{Pos: at, Severity: Error, Class: ClassGeneral, ID: "include-cycle",
				Message: "include " + name + ": this file is being read already"})
			return
		}
	}
	if depth >= maxIncludeDepth {
		r.x.Errorf(at, ClassGeneral, "include-too-deep", "include %s: more than %d files inside each other", name, maxIncludeDepth)
		return
	}
	mode, err := r.fs.Stat(name)
	if err != nil {
		r.includeProblem(at, checks&CheckRead != 0, "include %s: %v", name, cause(err))
		return
	}
	if why := usable(mode); why != "" {
		r.includeProblem(at, checks&CheckRead != 0, "include %s: %s, not read", name, why)
		return
	}
	file, err := open(r.fs, name)
	if err != nil {
		r.includeProblem(at, checks&CheckRead != 0, "include %s: %v", name, cause(err))
		return
	}
	defer file.Close()
	r.readFile(&source{Source: &Source{Name: name, Via: &at}, dir: filepath.Dir(name), parent: r.src}, file)
}

// open is how a file is read from any file system.
func open(fs FS, name string) (io.ReadCloser, error) {
	if o, ok := fs.(opener); ok {
		return o.Open(name)
	}
	data, err := fs.ReadFile(name)
	return io.NopCloser(bytes.NewReader(data)), err
}

// cause is err without the name that the message has already.
func cause(err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err
	}
	return err
}

// includeProblem reports an include that did not work. Unless a check says
// otherwise it changes no exit status, as with keepalived.
func (r *reader) includeProblem(at Pos, fatal bool, format string, args ...any) {
	if !fatal {
		r.x.Warnf(at, ClassNone, "include-failed", format, args...)
		return
	}
	r.x.Fatalf(at, "include-failed", format, args...)
}
