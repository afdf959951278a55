package checkers

import (
	"fmt"
	"strings"
)

// filed is a case of a FILE_CHECK: what the file holds first and what later, the
// weight of its track_file, and lines of the check.
func filed(name string, contents []string, weight string, lines ...string) Case {
	id := strings.NewReplacer(" ", "_", ",", "").Replace(name)
	fileGlobals += fmt.Sprintf("track_file %s {\nfile SITE/track-%s\n%s\n}\n", id, id, weight)
	return Case{Name: name, Serve: func(p *Place) { p.site.Host.File("track-"+id, contents[0], 0o644) },
		Check: append([]string{"FILE_CHECK", "track_file " + id}, lines...), Changes: contents[1:]}
}

// fileGlobals are the blocks track_file of all cases.
var fileGlobals string

var fileCases = []Case{
	filed("weight 0, holds 0, then 1, then 0", []string{"0\n", "1\n", "0\n"}, "weight 0"),
	filed("weight 0, holds 1, then 0", []string{"1\n", "0\n"}, "weight 0"),
	filed("holds 5, then 0, then -3", []string{"5\n", "0\n", "-3\n"}, "weight 1"),
	filed("a weight of the check", []string{"5\n", "-1\n"}, "weight 1", "weight 2"),
	filed("a reversed weight", []string{"-2\n", "3\n"}, "weight 1", "weight 2 reverse"),
	filed("never below 0", []string{"-100\n", "-1\n"}, "weight 1"),
	better("the weight that comes back is a line", []string{
		"(X): tracked file so_low_that_it_is_a_fault now FAULT state", "Removing service X from VS V",
		"(X): tracked file so_low_that_it_is_a_fault leaving FAULT state", "Changing weight from 10 to 12 for inactive service X of VS V",
		"Adding service X to VS V",
	}, filed("so low that it is a fault", []string{"0\n", "-2000000000\n", "1\n"}, "weight 2")),
	filed("text, then a number", []string{"abc\n", "7\n"}, "weight 1"),
	filed("hexadecimal, then octal", []string{"0x10\n", "010\n"}, "weight 1"),
	filed("a number out of range", []string{"2\n", "99999999999\n", "3\n"}, "weight 1"),
	filed("two lines", []string{"4\n9\n"}, "weight 1"),
	filed("no end of line", []string{"6"}, "weight 1"),
	filed("garbage", []string{"\x00\xff\x01", "8\n"}, "weight 1"),
	filed("a long line", []string{"3" + strings.Repeat(" ", 5000) + "4\n"}, "weight 1"),
	filed("goes away", []string{"5\n", gone}, "weight 1"),
	better("a server whose file is in fault is out", []string{
		"(X): tracked file weight_0_reverse_holds_1_then_0 now FAULT state", "Removing service X from VS V",
		"(X): tracked file weight_0_reverse_holds_1_then_0 leaving FAULT state", "Adding service X to VS V",
	}, filed("weight 0 reverse, holds 1, then 0", []string{"1\n", "0\n", "1\n"}, "weight 0", "weight 0 reverse")),
}

// gone as the content of a file removes it.
const gone = "gone"

func init() {
	for i := range fileCases {
		fileCases[i].Globals = fileGlobals
	}
}
