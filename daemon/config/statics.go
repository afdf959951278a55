package config

import (
	"slices"

	"holdfast/host"
	"holdfast/kconf"
	"holdfast/vrrp"
)

// statics decodes what is there in every state.
func (a *assembler) statics() {
	st := &a.c.Statics
	for _, s := range a.r.addresses {
		line, ok := a.names.DecodeAddress(a.x, s, host.StaticLine)
		if ok && a.staticLink(&line) {
			st.Lines.Addresses = append(st.Lines.Addresses, line)
		}
	}
	st.Lines.Routes = a.routeLines(a.r.routes, host.StaticLine)
	st.Lines.Rules = a.ruleLines(a.r.rules, host.StaticLine)
	st.Addresses, st.Routes, st.Rules = addresses(st.Lines.Addresses), routes(st.Lines.Routes), rules(st.Lines.Rules)
}

// staticLink finds the link of a static address; one without is left out.
func (a *assembler) staticLink(line *host.AddressLine) bool {
	class := kconf.ClassGeneral
	if line.Link == "" {
		line.Link, class = a.c.Global.DefaultInterface, kconf.ClassFatal
	}
	if a.exists(line.Link) {
		return true
	}
	a.x.Diags.Add(kconf.Diagnostic{Pos: line.Pos, Severity: kconf.Error, Class: class, ID: "no-such-interface",
		Message: "static address " + line.Prefix.String() + ": interface " + line.Link + " does not exist"})
	return false
}

// trackGroups checks what static lines and track_group blocks name. A line
// whose group does not exist stays, untracked; a member that does not exist is
// left out, which keepalived does not report.
func (a *assembler) trackGroups() {
	byName := map[string]*vrrp.TrackGroupConfig{}
	for _, g := range a.r.trackGroups {
		byName[g.Name] = g
		g.Members = slices.DeleteFunc(g.Members, func(w kconf.Word) bool {
			unknown := a.byName[w.Text] == nil
			if unknown {
				a.x.Notef(w.Pos, "unknown-instance", "track_group %s: there is no vrrp_instance %s", g.Name, w.Text)
			}
			return unknown
		})
	}
	a.c.TrackGroups = a.r.trackGroups
	check := func(name *string, link string, pos kconf.Pos) {
		switch {
		case *name == "":
			return
		case byName[*name] == nil:
			a.x.Errorf(pos, kconf.ClassGeneral, "unknown-track-group", "track_group %s: there is no track_group of that name, the line is not tracked", *name)
		case link == "":
			a.x.Errorf(pos, kconf.ClassGeneral, "track-group-link", "track_group %s: the line names no interface and is not tracked", *name)
		default:
			return
		}
		*name = ""
	}
	lines := &a.c.Statics.Lines
	for i := range lines.Addresses {
		check(&lines.Addresses[i].TrackGroup, lines.Addresses[i].Link, lines.Addresses[i].Pos)
	}
	for i := range lines.Routes {
		if lines.Routes[i].Link == "" { // said when the line was read: it cannot be tracked at all
			lines.Routes[i].TrackGroup = ""
		}
		check(&lines.Routes[i].TrackGroup, lines.Routes[i].Link, lines.Routes[i].Pos)
	}
	for i := range lines.Rules {
		check(&lines.Rules[i].TrackGroup, lines.Rules[i].IIf, lines.Rules[i].Pos)
	}
	a.trackStatics(byName)
}

// trackStatics makes the members of each track_group track the links of the
// static lines that name it. What is deleted is put back, as with keepalived; a
// link that is down is what nobody can put back.
func (a *assembler) trackStatics(groups map[string]*vrrp.TrackGroupConfig) {
	track := func(group string, links ...string) {
		if groups[group] == nil {
			return
		}
		for _, w := range groups[group].Members {
			in := a.byName[w.Text]
			in.trackDevice(links...)
			if in.DontTrackPrimary && slices.Contains(links, in.Interface) && !slices.Contains(in.Devices, in.Interface) {
				in.Devices = append(in.Devices, in.Interface)
			}
		}
	}
	lines := &a.c.Statics.Lines
	for i := range lines.Addresses {
		track(lines.Addresses[i].TrackGroup, lines.Addresses[i].Link)
	}
	for i := range lines.Routes {
		track(lines.Routes[i].TrackGroup, lines.Routes[i].Links()...)
	}
	for i := range lines.Rules {
		track(lines.Rules[i].TrackGroup, lines.Rules[i].IIf)
	}
}
