package main

import (
	"fmt"

	"holdfast/daemon/config"
	"holdfast/daemon/doctor"
	"holdfast/kconf"
)

// examiner reads configuration files as the daemon would, and asks the doctor.
type examiner struct {
	fs        kconf.FS
	configID  string
	all       bool // includes that are missing are errors
	elsewhere bool // files are for another machine
	version   string
}

// examined is one file.
type examined struct {
	file  *kconf.File
	conf  *config.Loaded
	input *doctor.Input
}

// read parses and understands one file.
func (e *examiner) read(name string) (*examined, error) {
	opt := config.LoadOptions{File: name, ConfigID: e.configID, AllConfig: e.all}.Parsing()
	opt.FS = e.fs
	var x examined
	var diags *kconf.Diagnostics
	if text, isInput := e.input(name); isInput {
		x.file, diags = kconf.ParseString(name, text, opt)
	} else {
		x.file, diags = kconf.ParseFile(name, opt)
	}
	env := config.HostEnvironment()
	if e.elsewhere {
		env = config.Environment{}
	}
	var err error
	if x.conf, err = config.Understand(x.file, diags, env); err != nil {
		return nil, fmt.Errorf("check %s: %w", name, err)
	}
	x.input = doctor.NewInput(x.file, x.conf)
	x.input.Sources, x.input.For = e.fs, e.version
	if !e.elsewhere {
		x.input.Machine = doctor.ThisMachine()
	}
	return &x, nil
}

// input is the text of standard input, which stands among the files as "-".
func (e *examiner) input(name string) (string, bool) {
	s, ok := e.fs.(*sources)
	if !ok || name != "-" || s.stdin == nil {
		return "", false
	}
	return string(s.stdin), true
}

// findings are the mistakes of a file and what can not work, in the order of
// places.
func (x *examined) findings() []kconf.Diagnostic {
	return doctor.Merge(x.input, doctor.Examine(x.input))
}
