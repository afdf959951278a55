package doctor

import (
	"slices"
	"strings"

	"holdfast/daemon/config"
	"holdfast/kconf"
)

// Comparison is two nodes of one cluster side by side. Here is the node whose
// operator asks: findings are at its places, the peer's are their Related.
type Comparison struct {
	Here, There         *Input
	Routers             []Routers // the same virtual router on both
	OnlyHere, OnlyThere []*config.Instance
}

// Routers is one virtual router as the two nodes have it.
type Routers struct{ Here, There *config.Instance }

// Compare applies the rules about two nodes. a is the node whose operator asks;
// the other file's places are Related.
func Compare(a, b *Input) []kconf.Diagnostic {
	c := compare(a, b)
	var found []kconf.Diagnostic
	for i := range all() {
		if r := &all()[i]; r.Compare != nil {
			r.Compare(c, Report{rule: r, list: &found})
		}
	}
	return tidy(found)
}

// compare finds out which instances are the same virtual router: family and
// VRID say so, not names. Where an id is used on several links, those on the
// link of the same name belong together, else those of the same name.
func compare(a, b *Input) *Comparison {
	c := &Comparison{Here: a, There: b}
	taken := map[*config.Instance]bool{}
	match := func(alike func(i, o *config.Instance) bool) {
		for _, i := range a.Config.Instances {
			for _, o := range b.Config.Instances {
				if !taken[i] && !taken[o] && i.VRID == o.VRID && i.Params.IPv6 == o.Params.IPv6 && alike(i, o) {
					taken[i], taken[o] = true, true
					c.Routers = append(c.Routers, Routers{i, o})
				}
			}
		}
	}
	match(func(i, o *config.Instance) bool { return i.Interface == o.Interface })
	match(func(i, o *config.Instance) bool { return i.Name == o.Name })
	match(func(_, _ *config.Instance) bool { return true })
	c.OnlyHere = slices.DeleteFunc(slices.Clone(a.Config.Instances), func(i *config.Instance) bool { return taken[i] })
	c.OnlyThere = slices.DeleteFunc(slices.Clone(b.Config.Instances), func(i *config.Instance) bool { return taken[i] })
	return c
}

// top is the beginning of the node's file: the place of what is missing there.
func (in *Input) top() kconf.Pos { return kconf.At(in.File.Name, 1, 1) }

// label is "VRID 51 (VI_1)", with the peer's name for it where that differs.
func (p Routers) label() string {
	name := p.Here.Name
	if p.There.Name != name {
		name += ", there " + p.There.Name
	}
	return "virtual router " + itoa(int(p.Here.VRID)) + " (" + name + ")"
}

// both are the places of the first of these keywords on either node.
func (c *Comparison) both(p Routers, keywords ...string) (here, there kconf.Pos) {
	return c.Here.place(p.Here, keywords...), c.There.place(p.There, keywords...)
}

// differ reports every router of which a setting differs between the nodes.
func differ(keyword, message string, of func(*config.Instance) string) func(*Comparison, Report) {
	return func(c *Comparison, r Report) {
		for _, p := range c.Routers {
			if here, there := of(p.Here), of(p.There); here != there {
				at, other := c.both(p, keyword)
				r.At(at, other, "%s: %s %s here, %s there: %s", p.label(), keyword, here, there, message)
			}
		}
	}
}

// missing are the elements of one list that the other has not, in order.
func missing(of, in []string) []string {
	var list []string
	for _, s := range of {
		if !slices.Contains(in, s) && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// lacks puts two lists of what is missing into words; "" when nothing is.
func lacks(here, there []string) string {
	var parts []string
	if m := missing(there, here); len(m) > 0 {
		parts = append(parts, strings.Join(m, ", ")+" is missing here")
	}
	if m := missing(here, there); len(m) > 0 {
		parts = append(parts, strings.Join(m, ", ")+" is missing there")
	}
	return strings.Join(parts, "; ")
}
