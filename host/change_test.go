package host_test

import (
	"net/netip"
	"strings"
	"testing"

	"holdfast/host"
)

func describe(changes []host.Change) string {
	var out []string
	for _, c := range changes {
		out = append(out, c.String())
	}
	return strings.Join(out, ", ")
}

func TestLinkTableTellsWhatIsNew(t *testing.T) {
	up := host.Link{Index: 2, Name: "eth0", Up: true, Running: true, MTU: 1500}
	with := func(edit func(*host.Link)) host.Link { l := up; edit(&l); return l }
	tests := map[string]struct {
		before []host.Link
		now    func(*host.LinkTable) []host.Change
		want   string
	}{
		"a link with carrier appears":  {nil, updated(up), "link-added eth0, link-up eth0"},
		"one without carrier is added": {nil, updated(with(func(l *host.Link) { l.Running = false })), "link-added eth0"},
		"nothing new":                  {[]host.Link{up}, updated(up), ""},
		"carrier goes":                 {[]host.Link{up}, updated(with(func(l *host.Link) { l.Running = false })), "link-down eth0"},
		"the administrator downs it":   {[]host.Link{up}, updated(with(func(l *host.Link) { l.Up = false })), "link-down eth0"},
		"a new name":                   {[]host.Link{up}, updated(with(func(l *host.Link) { l.Name = "lan0" })), "link-renamed eth0 to lan0"},
		"another MAC":                  {[]host.Link{up}, updated(with(func(l *host.Link) { l.MAC[0] = 2 })), "link-changed eth0"},
		"another MTU":                  {[]host.Link{up}, updated(with(func(l *host.Link) { l.MTU = 9000 })), "link-changed eth0"},
		"into a bridge":                {[]host.Link{up}, updated(with(func(l *host.Link) { l.Master = 7 })), "link-changed eth0"},
		"gone":                         {[]host.Link{up}, deleted(2), "link-down eth0, link-deleted eth0"},
		"one we never knew is gone":    {nil, deleted(9), ""},
		"a complete list after losses": {[]host.Link{up, {Index: 3, Name: "eth1"}},
			func(t *host.LinkTable) []host.Change {
				return t.Replace([]host.Link{with(func(l *host.Link) { l.Up = false }), {Index: 4, Name: "eth2"}})
			}, "link-deleted eth1, link-down eth0, link-added eth2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var table host.LinkTable
			table.Replace(tt.before)
			if got := describe(tt.now(&table)); got != tt.want {
				t.Errorf("changes %q, want %q", got, tt.want)
			}
		})
	}
}

func updated(l host.Link) func(*host.LinkTable) []host.Change {
	return func(t *host.LinkTable) []host.Change { return t.Update(l) }
}

func deleted(index int) func(*host.LinkTable) []host.Change {
	return func(t *host.LinkTable) []host.Change { return t.Delete(index) }
}

func TestTheSourceIsTheFirstAddressThatIsNotVirtual(t *testing.T) {
	virtual := func(a netip.Addr) bool { return a == addr("192.0.2.100") || a == addr("fe80::100") }
	tests := map[string]struct {
		on        []string
		four, six string
	}{
		"nothing there":                   {nil, "invalid IP", "invalid IP"},
		"only virtual addresses":          {[]string{"192.0.2.100/24", "fe80::100/64"}, "invalid IP", "invalid IP"},
		"the first of several":            {[]string{"192.0.2.9/24", "198.51.100.1/24", "fe80::2/64", "fe80::1/64"}, "192.0.2.9", "fe80::2"},
		"a primary before a secondary":    {[]string{"192.0.2.100/24", "192.0.2.9/24", "198.51.100.1/24"}, "198.51.100.1", "invalid IP"},
		"a secondary when it is all":      {[]string{"192.0.2.100/24", "192.0.2.9/24"}, "192.0.2.9", "invalid IP"},
		"a global IPv6 address never":     {[]string{"2001:db8::1/64"}, "invalid IP", "invalid IP"},
		"an address of another interface": {[]string{"eth1 192.0.2.9/24"}, "invalid IP", "invalid IP"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			k := newHost()
			for _, s := range tt.on {
				if rest, other := strings.CutPrefix(s, "eth1 "); other {
					k.Put(on("eth1", foreign(rest)))
				} else {
					k.Put(foreign(s))
				}
			}
			s := k.State()
			four, _ := s.PrimaryIPv4("eth0", virtual)
			six, _ := s.LinkLocal("eth0", virtual)
			if four.String() != tt.four || six.String() != tt.six {
				t.Errorf("sources %v and %v, want %s and %s", four, six, tt.four, tt.six)
			}
		})
	}
}

func TestATentativeLinkLocalAddressIsNoSource(t *testing.T) {
	k := newHost()
	a := foreign("fe80::1/64")
	a.Tentative = true
	k.Put(a)
	if got, ok := k.State().LinkLocal("eth0", func(netip.Addr) bool { return false }); ok {
		t.Errorf("source %v, want none", got)
	}
}

func TestASourceMayBeOnAnyLinkButNotTentative(t *testing.T) {
	k := newHost()
	waiting := on("eth1", foreign("fe80::9/64"))
	waiting.Tentative = true
	k.Put(on("eth1", foreign("192.0.2.9/24")))
	k.Put(waiting)
	s := k.State()
	for a, want := range map[string][2]bool{"192.0.2.9": {true, true}, "192.0.2.10": {}, "fe80::9": {true, false}} {
		if there, usable := s.Source(addr(a)); [2]bool{there, usable} != want {
			t.Errorf("%s: there, usable %v, %v, want %v", a, there, usable, want)
		}
	}
	none := func(netip.Addr) bool { return false }
	if !s.Tentative("eth1", none) || s.Tentative("eth0", none) || s.Tentative("eth1", func(netip.Addr) bool { return true }) {
		t.Error("eth1 alone has a tentative address, unless that is virtual")
	}
}

func TestTheBaseOfALinkIsOnTheSameBroadcastDomain(t *testing.T) {
	s := host.NewState()
	for _, l := range []host.Link{{Index: 1, Name: "eth0"}, {Index: 2, Name: "mv0", Kind: "macvlan", Parent: 1}, {Index: 3, Name: "mv1", Kind: "ipvlan", Parent: 2},
		{Index: 4, Name: "vlan5", Kind: "vlan", Parent: 1}, {Index: 5, Name: "lost", Kind: "macvlan", Parent: 9},
		{Index: 6, Name: "loop", Kind: "macvlan", Parent: 6}} {
		s.Links[l.Name] = l
	}
	for link, want := range map[string]string{"eth0": "eth0", "mv0": "eth0", "mv1": "eth0", "vlan5": "vlan5", "lost": "lost", "loop": "loop"} {
		if got := s.Base(s.Links[link]).Name; got != want {
			t.Errorf("base of %s is %s, want %s", link, got, want)
		}
	}
}
