package doctor

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/kconf"
)

// Where things stand in the file, and what the machine has.

// blocks are the top level statements with that keyword.
func (in *Input) blocks(keyword string) []*kconf.Stmt {
	var list []*kconf.Stmt
	for _, s := range in.File.Stmts {
		if s.Keyword() == keyword {
			list = append(list, s)
		}
	}
	return list
}

// index is where to find things in a large file; it is made when first needed.
type index struct {
	words  map[key]*kconf.Stmt // the statement that has a word there
	blocks map[[2]string]*kconf.Stmt
	vips   []vip
}

// key is a place by what it says, not by which reading of the file made it.
type key struct {
	file      string
	line, col int32
}

func placeKey(p kconf.Pos) key { return key{p.File(), p.Line, p.Col} }

func (in *Input) indexed() *index {
	if in.index != nil {
		return in.index
	}
	in.index = &index{words: map[key]*kconf.Stmt{}, blocks: map[[2]string]*kconf.Stmt{}}
	walk(in.File.Stmts, func(s *kconf.Stmt) {
		for _, w := range s.Words {
			if k := placeKey(w.Pos); in.index.words[k] == nil {
				in.index.words[k] = s
			}
		}
	})
	for _, s := range in.File.Stmts {
		if len(s.Words) > 1 {
			if k := [2]string{s.Keyword(), s.Words[1].Text}; in.index.blocks[k] == nil {
				in.index.blocks[k] = s
			}
		}
	}
	in.index.vips = in.listVIPs()
	return in.index
}

// stmtWith is the first statement that has a word at a place; nil for none.
func (in *Input) stmtWith(pos kconf.Pos) *kconf.Stmt { return in.indexed().words[placeKey(pos)] }

// stmtAt is the first statement that begins at a place; nil for none.
func (in *Input) stmtAt(pos kconf.Pos) *kconf.Stmt {
	if s := in.stmtWith(pos); s != nil && placeKey(s.Pos()) == placeKey(pos) {
		return s
	}
	return nil
}

// walk visits all statements, outer ones first.
func walk(stmts []*kconf.Stmt, visit func(*kconf.Stmt)) {
	for _, s := range stmts {
		visit(s)
		walk(s.Block, visit)
	}
}

// block is the first block of that keyword and name; nil if there is none.
func (in *Input) block(keyword, name string) *kconf.Stmt {
	return in.indexed().blocks[[2]string{keyword, name}]
}

// last is the last statement of a block with one of these keywords: where a
// keyword stands twice, that one counts. nil if there is none.
func last(block *kconf.Stmt, keywords ...string) *kconf.Stmt {
	if block == nil {
		return nil
	}
	for _, s := range slices.Backward(block.Block) {
		if slices.Contains(keywords, s.Keyword()) {
			return s
		}
	}
	return nil
}

// global is the last statement of global_defs with one of these keywords.
func (in *Input) global(keywords ...string) *kconf.Stmt {
	for _, b := range slices.Backward(in.blocks("global_defs")) {
		if s := last(b, keywords...); s != nil {
			return s
		}
	}
	return nil
}

// placeIn is where the first of these keywords that is there stands in a block,
// else the block.
func placeIn(block *kconf.Stmt, otherwise kconf.Pos, keywords ...string) kconf.Pos {
	for _, k := range keywords {
		if s := last(block, k); s != nil {
			return s.Pos()
		}
	}
	return otherwise
}

// place is where the first of these keywords stands in an instance.
func (in *Input) place(i *config.Instance, keywords ...string) kconf.Pos {
	return placeIn(in.block("vrrp_instance", i.Name), i.Pos, keywords...)
}

// has says whether the instance's block has the keyword.
func (in *Input) has(i *config.Instance, keyword string) bool {
	return last(in.block("vrrp_instance", i.Name), keyword) != nil
}

// line is where a value stands that begins the line of a value block, else where
// the block stands.
func (in *Input) line(i *config.Instance, keyword, value string) kconf.Pos {
	s := last(in.block("vrrp_instance", i.Name), keyword)
	if s == nil {
		return i.Pos
	}
	for _, entry := range s.Block {
		if text := entry.Keyword(); text == value || strings.HasPrefix(text, value+"/") {
			return entry.Pos()
		}
	}
	return s.Pos()
}

// vip is one virtual address with its instance and place.
type vip struct {
	host.Address
	of      *config.Instance
	pos     kconf.Pos
	written string // with or without prefix length, as it stands in the file
}

// addr is the address without its length.
func (v vip) addr() netip.Addr { return v.Prefix.Addr() }

// vips are all virtual addresses, excluded ones too.
func (in *Input) vips() []vip { return in.indexed().vips }

func (in *Input) listVIPs() []vip {
	var list []vip
	for _, i := range in.Config.Instances {
		for _, l := range []struct {
			keyword string
			from    []host.Address
			lines   []*kconf.Stmt
		}{
			{"virtual_ipaddress", i.Addresses, i.VirtualAddresses},
			{"virtual_ipaddress_excluded", i.Excluded, i.ExcludedAddresses},
		} {
			for _, a := range l.from {
				v := vip{Address: a, of: i, pos: i.Pos, written: a.Prefix.String()}
				for _, s := range l.lines {
					if bare, _, _ := strings.Cut(s.Keyword(), "/"); bare == a.Prefix.Addr().String() {
						v.pos, v.written = s.Pos(), s.Keyword()
					}
				}
				list = append(list, v)
			}
		}
	}
	return list
}

// fixed are the addresses of a link and family that stay whoever is master, in
// the kernel's order: those it has now that no instance moves, and static ones
// of the file. known is false when the machine is not.
func (in *Input) fixed(link string, ipv4 bool) (list []host.Address, known bool) {
	if in.Machine == nil || in.Machine.Addresses == nil {
		return nil, false
	}
	if _, exists := in.Machine.Links[link]; !exists {
		return nil, false
	}
	for _, a := range in.Machine.Addresses {
		if a.Link == link && a.Prefix.Addr().Is4() == ipv4 && !in.Config.IsVirtual(a.Prefix.Addr()) {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b host.Address) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), a.Prefix.Addr().Compare(b.Prefix.Addr()))
	})
	for _, a := range in.Config.Statics.Addresses {
		if a.Link == link && a.Prefix.Addr().Is4() == ipv4 &&
			!slices.ContainsFunc(list, func(have host.Address) bool { return have.Prefix == a.Prefix }) {
			list = append(list, a)
		}
	}
	return list, true
}

// onHost finds an address among all of the machine's own, virtual ones left out.
func (in *Input) onHost(a netip.Addr) (host.Address, bool) {
	if in.Machine == nil {
		return host.Address{}, false
	}
	for _, have := range in.Machine.Addresses {
		if have.Prefix.Addr() == a && !in.Config.IsVirtual(a) {
			return have, true
		}
	}
	return host.Address{}, false
}

// holding is the first of the list whose subnet has a.
func holding(list []host.Address, a netip.Addr) (host.Address, bool) {
	i := slices.IndexFunc(list, func(h host.Address) bool { return !h.Prefix.IsSingleIP() && h.Prefix.Masked().Contains(a) })
	if i < 0 {
		return host.Address{}, false
	}
	return list[i], true
}

// prefixes are the subnets as they are written.
func prefixes(list []host.Address) string {
	var words []string
	for _, a := range list {
		words = append(words, a.Prefix.String())
	}
	return strings.Join(words, ", ")
}

// plural is a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "one " + noun
	}
	return itoa(n) + " " + noun + "s"
}
