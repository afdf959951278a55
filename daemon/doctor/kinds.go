package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is one kind of mistake that reading a file finds. Its id is stable: it
// stands behind each message, and lists of ids to ignore name it. Bad is a part
// of a file, and a test shows that it yields the id.
type Kind struct {
	ID     string
	In     Place  // where Bad stands
	What   string // what is wrong, with what class of statement
	Effect Effect // what holdfast does then
	Fix    string // what to do, one clause
	Bad    string // one line "a { b; c }", laid out by Example; with a newline in it, as it is
}

// Effect is what becomes of a statement that something is wrong with.
type Effect string

// The effects that most kinds have; a row may have a sentence of its own.
const (
	notUsed    Effect = "The statement is not used; what it would set stays as it was."
	blockLost  Effect = "The whole block is not used."
	lineLost   Effect = "The line is left out; the others of its block are used."
	wordLost   Effect = "The word is left out; the rest of the statement is used."
	otherValue Effect = "Another value is used; the message says which."
	keptFault  Effect = "The instance stays in FAULT: it sends no adverts and takes no addresses."
	cannotRun  Effect = "The configuration cannot run: the daemon does not start with it, and a reload keeps the old one."
	goesOn     Effect = "Nothing else: what is written has its effect."
	checkLost  Effect = "The check is not used; the real server is judged by its others, and is up without any."
	notRun     Effect = "The script is not run, and what refers to it is left out."
)

// Place is the block that an example is part of.
type Place string

// The places, by the keyword of the block.
const (
	inFile     Place = ""
	inGlobal   Place = "global_defs"
	inPair     Place = "a file with vrrp_instance A on eth0 and B on eth1"
	inInstance Place = "vrrp_instance"
	inStrict   Place = "vrrp_instance under vrrp_strict"
	inScript   Place = "vrrp_script"
	inService  Place = "virtual_server"
	inServer   Place = "real_server"
	inURL      Place = "url of HTTP_GET"
	inBFD      Place = "bfd_instance"
)

// whole is a file in which nothing is wrong but the lines that stand at p.
func (p Place) whole(bad string) string {
	if strings.Contains(bad, "\n") {
		return bad
	}
	switch p {
	case inGlobal:
		return conf("global_defs { "+bad+" }", router(""))
	case inPair:
		return conf(named("A", ""), with("vrrp_instance B", "interface eth1; virtual_router_id 52; virtual_ipaddress { 198.51.100.100/24 }", ""), bad)
	case inInstance:
		return conf(router(bad))
	case inStrict:
		return conf("global_defs { vrrp_strict }", router(bad))
	case inScript:
		return conf(secure, script(bad), router("track_script { chk }"))
	case inService:
		return conf(service(bad))
	case inServer:
		return conf(service("real_server 198.51.100.11 80 { " + bad + " }"))
	case inURL:
		return conf(service("real_server 198.51.100.11 80 { HTTP_GET { " + with("url", "path /", bad) + " } }"))
	case inBFD:
		return conf(with("bfd_instance b", "neighbor_ip 192.0.2.3", bad))
	}
	return conf(bad)
}

// kindTheme is a section of the manual's list.
type kindTheme struct {
	Theme Theme
	Rows  []Kind
}

// Themes that rules have none of.
const (
	textTheme   Theme = "Text, braces and quotes"
	usesTheme   Theme = "Includes, definitions and repetitions"
	wordsTheme  Theme = "Words and values"
	vmacTheme   Theme = "Interfaces and VMACs"
	routesTheme Theme = "Routes and rules"
	bfdTheme    Theme = "BFD"
)

// kinds are all kinds, in the order of the list.
var kinds = []kindTheme{
	{textTheme, textKinds}, {usesTheme, usesKinds}, {wordsTheme, wordKinds},
	{Election, electionKinds}, {vmacTheme, vmacKinds}, {Addresses, addressKinds}, {routesTheme, routeKinds},
	{Groups, groupKinds}, {Tracking, trackKinds}, {Scripts, scriptKinds}, {Balancing, serviceKinds}, {Checks, checkKinds},
	{bfdTheme, bfdKinds}, {Global, globalKinds},
}

// Kinds are all kinds of mistakes, in the order of the manual.
func Kinds() []Kind {
	var list []Kind
	for _, t := range kinds {
		list = append(list, t.Rows...)
	}
	return list
}

// LookupKind is the kind of mistake with that id.
func LookupKind(id string) (Kind, bool) {
	for _, t := range kinds {
		if i := slices.IndexFunc(t.Rows, func(k Kind) bool { return k.ID == id }); i >= 0 {
			return t.Rows[i], true
		}
	}
	return Kind{}, false
}

// Example is Bad as it stands in a file; "" when there is none.
func (k Kind) Example() string {
	if k.Bad == "" || strings.Contains(k.Bad, "\n") {
		return k.Bad
	}
	return conf(k.Bad)
}

// Page is what there is to say about the kind, in Markdown.
func (k Kind) Page() string {
	var b strings.Builder
	k.entry(&b, "#")
	return b.String()
}

func (k Kind) entry(b *strings.Builder, heading string) {
	fmt.Fprintf(b, "%s %s\n\n%s\n\n- Then: %s\n- To do: %s.\n", heading, k.ID, k.What, k.Effect, k.Fix)
	if k.Bad == "" {
		return
	}
	where := ""
	if k.In != inFile {
		where = ", in " + string(k.In)
	}
	fmt.Fprintf(b, "\nFor example%s:\n\n```\n%s```\n", where, k.Example())
}

// KindIndex is the manual's list of all kinds of mistakes, by theme, in Markdown.
func KindIndex() string {
	var b strings.Builder
	b.WriteString("# What can be wrong in a file\n\n" +
		"Behind each message about a configuration stands the id of its kind, in brackets. Ids are stable. " +
		"What is correct and still cannot work as it is meant has ids of its own: see [what `holdfast check` finds beyond mistakes](checks.md). " +
		"`holdfast explain ID` prints the same.\n")
	for _, t := range kinds {
		fmt.Fprintf(&b, "\n## %s\n", t.Theme)
		for _, k := range t.Rows {
			b.WriteString("\n")
			k.entry(&b, "###")
		}
	}
	return b.String()
}
