package lsp

import (
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"

	"holdfast/kconf"
)

// pathOf is the file name of a document. One that is in no file, such as a new
// one, goes by its URI.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Path == "" {
		return filepath.Clean(uri)
	}
	return filepath.Clean(u.Path)
}

// uriOf is the URI of a file.
func uriOf(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// overlay is the file system with the texts of the editor in it. It remembers
// what was read.
type overlay struct {
	base  kconf.FS
	texts map[string]*document // by clean path
	read  map[string]bool
}

// Glob implements kconf.FS: files that were never saved are found, too.
func (o *overlay) Glob(pattern string) ([]string, error) {
	names, err := o.base.Glob(pattern)
	if err != nil {
		return nil, err
	}
	for path := range o.texts {
		if ok, err := filepath.Match(pattern, path); err == nil && ok && !slices.Contains(names, path) {
			names = append(names, path)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Stat implements kconf.FS.
func (o *overlay) Stat(name string) (fs.FileMode, error) {
	mode, err := o.base.Stat(name)
	if err != nil && o.texts[filepath.Clean(name)] != nil {
		return 0o644, nil
	}
	return mode, err
}

// ReadFile implements kconf.FS.
func (o *overlay) ReadFile(name string) ([]byte, error) {
	path := filepath.Clean(name)
	if o.read != nil {
		o.read[path] = true
	}
	if d := o.texts[path]; d != nil {
		return []byte(d.text), nil
	}
	return o.base.ReadFile(name)
}

// document is the text of a file as the editor has it, or else the file; nil if
// there is none.
func (o *overlay) document(path string) *document {
	if d := o.texts[filepath.Clean(path)]; d != nil {
		return d
	}
	data, err := o.base.ReadFile(path)
	if err != nil {
		return nil
	}
	return &document{uri: uriOf(path), path: path, text: string(data)}
}
