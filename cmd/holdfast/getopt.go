package main

import (
	"fmt"
	"strings"
)

// argKind says whether an option takes a value.
type argKind uint8

const (
	noArg       argKind = iota
	requiredArg         // next word, or attached
	optionalArg         // only attached: -tFILE, --config-test=FILE
)

// option is one row of the command line, short and long spelling.
type option struct {
	short byte // 0: only long
	long  string
	arg   argKind
	value string // placeholder in the help text
	help  string
	// later marks an option that is accepted and has no effect yet.
	later bool
	set   func(*settings, string) error
}

// parseArgs reads args the way GNU getopt_long does, which is what scripts and
// unit files written for keepalived rely on: clusters (-lnD), attached values
// (-p/run/x.pid), long options with = or the next word, unambiguous prefixes
// of long options, "--" as the end, operands anywhere. It collects every
// mistake instead of stopping at the first.
func parseArgs(table []option, args []string, s *settings) (operands []string, mistakes []error) {
	bad := func(format string, a ...any) { mistakes = append(mistakes, fmt.Errorf(format, a...)) }
	apply := func(o *option, name, value string) {
		if o.later {
			s.later = append(s.later, name)
		}
		if err := o.set(s, value); err != nil {
			bad("%s: %w", name, err)
		}
	}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return append(operands, args[i+1:]...), mistakes
		case strings.HasPrefix(arg, "--"):
			name, value, attached := strings.Cut(arg[2:], "=")
			o, err := findLong(table, name)
			if err != nil {
				mistakes = append(mistakes, err)
				continue
			}
			switch {
			case o.arg == noArg && attached:
				bad("option --%s takes no value", o.long)
				continue
			case o.arg == requiredArg && !attached:
				if i+1 == len(args) {
					bad("option --%s needs a value", o.long)
					continue
				}
				i++
				value = args[i]
			}
			if (attached || o.arg == requiredArg) && value == "" {
				bad("option --%s: missing parameter", o.long)
				continue
			}
			apply(o, "--"+o.long, value)
		case len(arg) > 1 && arg[0] == '-':
			i += parseCluster(table, arg[1:], args[i+1:], apply, bad)
		default:
			operands = append(operands, arg)
		}
	}
	return operands, mistakes
}

// parseCluster reads the letters behind one dash and returns how many of the
// following words it used up as a value.
func parseCluster(table []option, letters string, rest []string, apply func(*option, string, string), bad func(string, ...any)) int {
	for j := 0; j < len(letters); j++ {
		o := findShort(table, letters[j])
		if o == nil {
			bad("unknown option -%c", letters[j])
			continue
		}
		name := "-" + string(letters[j])
		attached := letters[j+1:]
		switch o.arg {
		case noArg:
			apply(o, name, "")
			continue
		case optionalArg:
			apply(o, name, attached)
			return 0
		}
		if attached != "" {
			apply(o, name, attached)
			return 0
		}
		if len(rest) == 0 {
			bad("option -%c needs a value", letters[j])
			return 0
		}
		apply(o, name, rest[0])
		return 1
	}
	return 0
}

func findShort(table []option, c byte) *option {
	for i := range table {
		if table[i].short == c {
			return &table[i]
		}
	}
	return nil
}

// findLong takes the exact name, or a prefix that fits only one.
func findLong(table []option, name string) (*option, error) {
	var found []*option
	for i := range table {
		switch {
		case table[i].long == "":
		case table[i].long == name:
			return &table[i], nil
		case strings.HasPrefix(table[i].long, name):
			found = append(found, &table[i])
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("unknown option --%s", name)
	}
	names := make([]string, len(found))
	for i, o := range found {
		names[i] = "--" + o.long
	}
	return nil, fmt.Errorf("option --%s is ambiguous: %s", name, strings.Join(names, " "))
}
