package nft

import (
	"slices"
	"strconv"
	"strings"
)

// Print is t as "nft list ruleset" shows it, without the numbers of counters.
// names are those of interfaces, by index.
func (t *Table) Print(names map[int]string) string {
	var blocks []string
	for i := range t.Sets {
		blocks = append(blocks, t.Sets[i].print(names))
	}
	for i := range t.Chains {
		blocks = append(blocks, t.Chains[i].print())
	}
	return "table " + t.Key.String() + " {\n" + strings.Join(blocks, "\n") + "}\n"
}

func (s *Set) print(names map[int]string) string {
	var b strings.Builder
	b.WriteString("\t" + s.kind() + " " + s.Name + " {\n")
	b.WriteString("\t\ttype " + s.typeText() + "\n")
	if s.Constant {
		b.WriteString("\t\tflags constant\n")
	}
	if len(s.Elements) > 0 {
		b.WriteString("\t\telements = { ")
		for i, key := range s.sorted() {
			switch {
			case i > 0 && i%s.perLine() == 0:
				b.WriteString(",\n\t\t\t     ")
			case i > 0:
				b.WriteString(", ")
			}
			b.WriteString(s.elementText(key, names))
		}
		b.WriteString(" }\n")
	}
	b.WriteString("\t}\n")
	return b.String()
}

func (s *Set) perLine() int {
	if len(s.Key) > 1 {
		return 1
	}
	return max(1, types[s.Key[0]].perLine)
}

// kind is what nft(8) calls it: set, or map.
func (s *Set) kind() string {
	if s.Value != 0 {
		return "map"
	}
	return "set"
}

// typeText is the type of keys, and of values.
func (s *Set) typeText() string {
	var names []string
	for _, t := range s.Key {
		names = append(names, types[t].name)
	}
	text := strings.Join(names, " . ")
	if s.Value != 0 {
		text += " : " + types[s.Value].name
	}
	return text
}

// sorted are the keys in the order of their octets, indexes by number.
func (s *Set) sorted() []string {
	keys := make([]string, 0, len(s.Elements))
	for k := range s.Elements {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if len(s.Key) == 1 && s.Key[0] == IfIndex { // of which the octets may lie the other way round
			return slices.Compare(number(a), number(b))
		}
		return strings.Compare(a, b)
	})
	return keys
}

// number are the octets of an index, the most significant first.
func number(key string) []byte {
	b := []byte(key)
	if IndexKey(1)[0] == 1 {
		slices.Reverse(b)
	}
	return b
}

func (c *Chain) print() string {
	var b strings.Builder
	b.WriteString("\tchain " + c.Name + " {\n")
	if c.Hook != NoHook {
		b.WriteString("\t\t" + c.hookText() + "\n")
	}
	for _, r := range c.Rules {
		b.WriteString("\t\t" + r.Text + "\n")
	}
	b.WriteString("\t}\n")
	return b.String()
}

func (c *Chain) hookText() string {
	return "type filter hook " + c.Hook.String() + " priority " + priorityText(c.Priority) + "; policy accept;"
}

// namedPriorities are those that nft(8) has names for in input and output.
var namedPriorities = []struct {
	name  string
	value int64
}{{"raw", -300}, {"mangle", -150}, {"filter", 0}, {"security", 50}}

// priorityReach is how far from a named priority nft(8) still refers to it.
const priorityReach = 10

// priorityText is the priority as nft(8) prints it: by name if near to one.
func priorityText(p int32) string {
	for _, named := range namedPriorities {
		switch d := int64(p) - named.value; {
		case d == 0:
			return named.name
		case d > 0 && d <= priorityReach:
			return named.name + " + " + strconv.FormatInt(d, 10)
		case d < 0 && -d <= priorityReach:
			return named.name + " - " + strconv.FormatInt(-d, 10)
		}
	}
	return strconv.FormatInt(int64(p), 10)
}
