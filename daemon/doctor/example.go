package doctor

import (
	"slices"
	"strings"
)

// Examples of rules are written on one line, "a { b; c }", and laid out here.

// lines are the statements of a text at depth 0.
func lines(compact string) []string {
	var list []string
	depth, begin := 0, 0
	add := func(end int) {
		if s := strings.TrimSpace(compact[begin:end]); s != "" {
			list = append(list, s)
		}
		begin = end
	}
	for i, c := range compact {
		switch c {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				add(i + 1)
			}
		case ';':
			if depth == 0 {
				add(i)
				begin++
			}
		}
	}
	add(len(compact))
	return list
}

// conf lays out statements as files have them.
func conf(compact ...string) string {
	var b strings.Builder
	for _, c := range compact {
		layOut(&b, c, "")
	}
	return b.String()
}

func layOut(b *strings.Builder, compact, indent string) {
	for _, l := range lines(compact) {
		open := strings.IndexByte(l, '{')
		if open < 0 {
			b.WriteString(indent + l + "\n")
			continue
		}
		b.WriteString(indent + strings.TrimSpace(l[:open]) + " {\n")
		layOut(b, strings.TrimSuffix(l[open+1:], "}"), indent+"    ")
		b.WriteString(indent + "}\n")
	}
}

// with is a block whose lines are replaced by those of the same keyword, and
// which gets the others at its end.
func with(head string, own, more string) string {
	extra := lines(more)
	keyword := func(l string) string { return strings.Fields(l)[0] }
	kept := slices.DeleteFunc(lines(own), func(l string) bool {
		return slices.ContainsFunc(extra, func(e string) bool { return keyword(e) == keyword(l) })
	})
	return head + " { " + strings.Join(append(kept, extra...), "; ") + " }"
}

// router is a vrrp_instance that no rule has anything against, with other lines.
func router(more string) string { return named("VI_1", more) }

// named is router under another name.
func named(name, more string) string {
	return with("vrrp_instance "+name, "interface eth0; virtual_router_id 51; virtual_ipaddress { 192.0.2.100/24 }", more)
}

// second is another router that goes with the first.
func second(more string) string {
	return with("vrrp_instance VI_2", "interface eth1; virtual_router_id 52; virtual_ipaddress { 198.51.100.100/24 }", more)
}

// script is a vrrp_script that no rule has anything against, with other lines.
func script(more string) string {
	return with("vrrp_script chk", "script /usr/local/bin/chk; interval 2; user nobody", more)
}

// secure are global_defs under which scripts may run.
const secure = "global_defs { enable_script_security; script_user nobody }"

// service is a virtual_server that no rule has anything against, with other lines.
func service(more string) string {
	return with("virtual_server 192.0.2.100 80",
		"delay_loop 5; lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } }", more)
}
