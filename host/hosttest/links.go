package hosttest

import (
	"context"
	"maps"
	"syscall"

	"holdfast/host"
)

// perLink are the sysctls that each link has, and what they are on a new one.
var perLink = map[string]map[string]string{
	"ipv4": {"arp_ignore": "0", "arp_filter": "0", "accept_local": "0", "rp_filter": "0", "promote_secondaries": "0"},
	"ipv6": {"disable_ipv6": "0"},
}

// newSysctls gives a link its values: those of default, as they are now.
func (f *Fake) newSysctls(link string) {
	for family, names := range perLink {
		for name, value := range names {
			if d, ok := f.sysctls[host.LinkSysctl(family, "default", name)]; ok {
				value = d
			}
			f.sysctls[host.LinkSysctl(family, link, name)] = value
		}
	}
}

// ReadSysctls implements host.Kernel.
func (f *Fake) ReadSysctls(ctx context.Context, keys []string) (map[string]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	values := map[string]string{}
	for _, k := range keys {
		if v, ok := f.sysctls[k]; ok {
			values[k] = v
		}
	}
	return values, ctx.Err()
}

// SetSysctl changes a value as an administrator would.
func (f *Fake) SetSysctl(key, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sysctls[key] = value
}

// Sysctls is a copy of all values.
func (f *Fake) Sysctls() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.sysctls)
}

func (f *Fake) setSysctl(s host.Sysctl) error {
	if _, ok := f.sysctls[s.Key]; !ok {
		return syscall.ENOENT
	}
	f.sysctls[s.Key] = s.Value
	return nil
}

// addVirtualLink: the link is down, and refuses the name of another one.
func (f *Fake) addVirtualLink(w host.VirtualLink) error {
	parent, ok := f.state.Links[w.Parent]
	if !ok {
		return syscall.ENODEV
	}
	if _, taken := f.state.Links[w.Name]; taken {
		return syscall.EEXIST
	}
	f.nextLink++
	l := host.Link{Index: f.nextLink, Name: w.Name, Kind: w.Kind, Mode: w.Mode, Parent: parent.Index, MAC: w.MAC, MTU: parent.MTU,
		Group: w.Group.Value, Multicast: true}
	if w.Kind == host.IPVLAN {
		l.MAC = parent.MAC
	}
	f.state.Links[w.Name] = l
	f.newSysctls(w.Name)
	f.emit(host.Change{Kind: host.LinkAdded, Link: l})
	return nil
}

// setVirtualLink takes a link up, unless another one on its parent that is up
// has the same address.
func (f *Fake) setVirtualLink(w host.VirtualLink) error {
	l, ok := f.state.Links[w.Name]
	if !ok {
		return syscall.ENODEV
	}
	for _, other := range f.state.Links {
		if l.Kind == host.MACVLAN && other.Name != l.Name && other.Parent == l.Parent && other.MAC == l.MAC && other.Up {
			return syscall.EADDRINUSE
		}
	}
	old := l
	l.Alias, l.Master, l.Up = w.Alias, f.state.Links[w.Master].Index, true
	if w.Group.Set {
		l.Group = w.Group.Value
	}
	parent, _ := f.state.LinkByIndex(l.Parent)
	l.Running = parent.Running
	f.state.Links[w.Name] = l
	f.usability(old, l)
	return nil
}

// carry hands the carrier of a link on to those that lie on it.
func (f *Fake) carry(parent host.Link) {
	for name, l := range f.state.Links {
		if l.Parent != parent.Index || l.Parent == 0 {
			continue
		}
		old := l
		l.Running = l.Up && parent.Running
		f.state.Links[name] = l
		f.usability(old, l)
	}
}

// deleteLink removes a link with everything on it, links included.
func (f *Fake) deleteLink(name string) error {
	l, ok := f.state.Links[name]
	if !ok {
		return syscall.ENODEV
	}
	for _, other := range f.state.Links {
		if other.Parent == l.Index {
			f.deleteLink(other.Name)
		}
	}
	f.dropFrom(name, func(host.Address) bool { return true })
	delete(f.state.Links, name)
	for family, names := range perLink {
		for key := range names {
			delete(f.sysctls, host.LinkSysctl(family, name, key))
		}
	}
	f.emit(host.Change{Kind: host.LinkDeleted, Link: l})
	return nil
}
