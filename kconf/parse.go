package kconf

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Options are what reading a configuration depends on besides its files.
type Options struct {
	ConfigID      string        // compared by @ID, value of ${_INSTANCE}; -i, else the node name up to the first dot
	IncludeChecks IncludeChecks // CheckAll for -e

	// TopLevel are keywords of blocks that stand in no other block. Where one
	// opens a block inside another, the closing braces before it are missing:
	// this is reported at the block that is open, and reading goes on there.
	TopLevel []string

	Getenv       func(name string) string // nil: os.Getenv
	Rand         func(lo, hi int) int     // a number from lo to hi, both included; nil: math/rand
	FS           FS                       // nil: OS
	MaxGenerated int                      // lines that repetition and definitions may make; 0: 1,000,000

	// Each takes every statement of the top level as soon as it is complete, in
	// their order, so that nobody has to hold the whole tree. kept says that the
	// statement, or one inside it, is still needed after the call; memory of others
	// is used again. nil: File has the statements.
	Each func(*Stmt) (kept bool)
}

func (o Options) withDefaults() Options {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Rand == nil {
		o.Rand = func(lo, hi int) int { return lo + rand.IntN(hi-lo+1) }
	}
	if o.FS == nil {
		o.FS = OS{}
	}
	if o.MaxGenerated == 0 {
		o.MaxGenerated = maxGenerated
	}
	return o
}

// ParseString reads a configuration from memory; name is what positions show,
// and its folder is where relative includes begin. What can be read is in File,
// also when there are errors.
func ParseString(name, content string, opt Options) (*File, *Diagnostics) {
	r := newReader(opt)
	r.begin(&source{Source: &Source{Name: name}, dir: filepath.Dir(name)})
	r.lines(strings.TrimPrefix(content, byteOrderMark))
	r.end()
	return &File{Name: name, Stmts: r.finish()}, r.diags
}

// ParseFile reads the configuration that path names. As with keepalived path is
// a pattern; several matches are read in order, as one, which is an error of
// class ClassMultipleFiles. A main file that can not be read is an error with
// id "file-missing" and an empty File.
func ParseFile(path string, opt Options) (*File, *Diagnostics) {
	r := newReader(opt)
	file := &File{Name: path}
	var names []string
	found, _, _ := glob(r.fs, "", path)
	for _, m := range found {
		if !m.missing {
			names = append(names, m.name)
		}
	}
	if len(names) == 0 {
		r.missing(path, "no such file")
		return file, r.diags
	}
	if len(names) > 1 {
		r.diags.Add(Diagnostic{Severity: Error, Class: ClassMultipleFiles, ID: "multiple-files",
			Message: path + ": matches " + plural(len(names), "file") + ": " + strings.Join(names, ", "),
			Hint:    "they are read in this order"})
	}
	for _, name := range names {
		r.main(name)
	}
	file.Stmts = r.finish()
	return file, r.diags
}

func (r *reader) main(name string) {
	mode, err := r.fs.Stat(name)
	if err != nil {
		r.missing(name, cause(err).Error())
		return
	}
	if why := usable(mode); why != "" {
		r.missing(name, why)
		return
	}
	file, err := open(r.fs, name)
	if err != nil {
		r.missing(name, cause(err).Error())
		return
	}
	defer file.Close()
	r.readFile(&source{Source: &Source{Name: name}, dir: filepath.Dir(name)}, file)
}

func (r *reader) missing(name, why string) {
	r.diags.Add(Diagnostic{Severity: Error, Class: ClassFileNotFound, ID: "file-missing",
		Message: "configuration file " + name + ": " + why})
}
