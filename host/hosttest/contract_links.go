package hosttest

import (
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/host"
)

// vmac is the link of virtual router 51 on the rig's link.
func (r Rig) vmac(name string) host.VirtualLink {
	return host.VirtualLink{Name: name, Kind: host.MACVLAN, Mode: host.Private, Parent: r.Link, MAC: host.VirtualMAC(51, false),
		Group: host.Some(uint32(7)), Alias: host.LinkMark + "VI_1"}
}

func set(o any) host.Op { return op(host.Set, o) }

func virtualLink(t *testing.T, r Rig) {
	w := r.vmac("vrrp.51")
	r.do(t, add(w))
	if made := r.read(t).Links["vrrp.51"]; made.Up || made.Ours() {
		t.Errorf("made up or with our mark before its sysctls are set: %+v", made)
	}
	r.do(t, set(w))
	s := r.read(t)
	got, parent := s.Links["vrrp.51"], s.Links[r.Link]
	if !got.Fits(w, parent.Index) || !got.Up || !got.Ours() || got.Group != 7 || got.Loopback || got.MTU != parent.MTU {
		t.Errorf("read back %+v", got)
	}
	if own := s.AddressesOf("vrrp.51"); len(own) > 0 {
		t.Errorf("the link has made addresses: %v", own)
	}
	a := host.NewAddress("vrrp.51", r.address("192.0.2.100/24").Prefix)
	r.do(t, add(a))
	r.refuse(t, add(w), syscall.EEXIST)
	r.do(t, del(w), del(w))
	if s := r.read(t); s.Links["vrrp.51"].Index != 0 || len(s.AddressesOf("vrrp.51")) > 0 {
		t.Errorf("left are %+v and %v", s.Links["vrrp.51"], s.AddressesOf("vrrp.51"))
	}
	w.Parent = "nosuch0"
	r.refuse(t, add(w), syscall.ENODEV)
	r.refuse(t, set(w), syscall.ENODEV)
}

func addressInUse(t *testing.T, r Rig) {
	r.do(t, add(r.vmac("a")), set(r.vmac("a")), add(r.vmac("b")))
	r.refuse(t, set(r.vmac("b")), syscall.EADDRINUSE)
	r.do(t, del(r.vmac("a")), set(r.vmac("b")))
}

func carrier(t *testing.T, r Rig) {
	w := r.vmac("vrrp.51")
	r.do(t, add(w), set(w))
	for _, up := range []bool{true, false, true} {
		r.SetLink(up)
		for deadline := time.Now().Add(10 * time.Second); ; { // carrier is told a little later
			l := r.read(t).Links["vrrp.51"]
			if l.Up && l.Usable() == up {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("parent up %v, the link is %+v", up, l)
			}
		}
	}
}

func sysctls(t *testing.T, r Rig) {
	w := r.vmac("vrrp.51") // a name with a dot
	key := host.LinkSysctl("ipv4", "vrrp.51", "arp_ignore")
	r.refuse(t, set(host.Sysctl{Key: key, Value: "1"}), syscall.ENOENT)
	r.do(t, add(w))
	keys := []string{key, host.LinkSysctl("ipv6", "vrrp.51", "disable_ipv6"), "net/ipv4/igmp_link_local_mcast_reports", host.LinkSysctl("ipv4", "nosuch0", "arp_ignore")}
	value := func(want ...string) {
		t.Helper()
		got, err := r.Kernel.ReadSysctls(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		expected := map[string]string{}
		for i, v := range want {
			if v != "" {
				expected[keys[i]] = v
			}
		}
		if d := cmp.Diff(expected, got); d != "" {
			t.Errorf("sysctls (-want +got):\n%s", d)
		}
	}
	value("0", "0", "1")
	r.do(t, set(host.Sysctl{Key: key, Value: "1"}), set(host.Sysctl{Key: keys[1], Value: "1"}), set(host.Sysctl{Key: keys[2], Value: "0"}))
	value("1", "1", "0")
	r.do(t, del(w))
	value("", "", "0")
}

func settlesLinks(t *testing.T, r Rig) {
	d := host.NewDesired()
	d.Link(r.vmac("vrrp.51"))
	d.Address(host.NewAddress("vrrp.51", r.address("192.0.2.100/24").Prefix), true)
	base, own := host.LinkSysctl("ipv4", r.Link, "arp_ignore"), host.LinkSysctl("ipv4", "vrrp.51", "arp_ignore")
	d.Sysctls[base], d.Sysctls[own] = "1", "1"
	for _, want := range []int{5, 0} { // link, its settings, address, two sysctls; then nothing
		_, ops, err := host.Reconcile(t.Context(), r.Kernel, d)
		if err != nil || len(ops) != want {
			t.Errorf("did %d things, want %d: %v (error %v)", len(ops), want, ops, err)
		}
	}
	gone := host.NewDesired()
	gone.Restore = map[string]host.Saved{base: {Was: "0", Set: "1"}}
	if _, _, err := host.Reconcile(t.Context(), r.Kernel, gone); err != nil {
		t.Error(err)
	}
	values, err := r.Kernel.ReadSysctls(t.Context(), []string{base, own})
	if d := cmp.Diff(map[string]string{base: "0"}, values); d != "" || err != nil {
		t.Errorf("sysctls at the end (-want +got, error %v):\n%s", err, d)
	}
	if l, there := r.read(t).Links["vrrp.51"]; there {
		t.Errorf("left over: %+v", l)
	}
}
