package daemon

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/host"
	"holdfast/host/hosttest"
)

// suspended are the servers whose checkers do not ask.
func (w *ward) suspended(t *testing.T) []string {
	t.Helper()
	status, err := w.pool.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range status {
		if s.Suspended {
			names = append(names, s.Spec.Names.Server)
		}
	}
	return names
}

func TestHASuspendChecksOnlyWhereTheAddressIs(t *testing.T) {
	text := configtest.Balancer("lb_algo rr", "lb_algo rr\n    ha_suspend")
	vip := netip.MustParseAddr("10.9.0.100")
	server := []string{"[10.9.1.1]:tcp:8080"}
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, text)
		w.addresses, w.local = newMailbox[localAddress](), map[netip.Addr]int{}
		for _, step := range []struct {
			name    string
			changes []localAddress
			want    []string
		}{
			{"not there at the start", nil, server},
			{"another address comes", []localAddress{{netip.MustParseAddr("10.9.0.99"), true}}, server},
			{"the address comes", []localAddress{{vip, true}}, nil},
			{"it stands on another link for a while", []localAddress{{vip, true}, {vip, false}}, nil},
			{"it goes", []localAddress{{vip, false}}, server},
		} {
			w.count(step.changes)
			if err := w.suspend(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(step.want, w.suspended(t)); d != "" {
				t.Errorf("%s: suspended -want +got\n%s", step.name, d)
			}
		}
		w.reload(t.Context(), nil, reloadMessage{Config: configtest.Understood(t, configtest.Balancer()).Encoded})
		if got := w.suspended(t); len(got) > 0 {
			t.Errorf("suspended without ha_suspend: %q", got)
		}
		for _, line := range []string{
			"Suspending healthchecker for service [10.9.1.1]:tcp:8080",
			"Netlink reflector reports IP 10.9.0.100 added",
			"Activating healthchecker for service [10.9.1.1]:tcp:8080",
			"Netlink reflector reports IP 10.9.0.100 removed",
		} {
			if !slices.Contains(*w.lines, line) {
				t.Errorf("no line %q in %q", line, *w.lines)
			}
		}
	})
}

// keepalived never checks the servers of a group.
func TestHASuspendWithAGroupChecksWhileOneOfItsAddressesIsThere(t *testing.T) {
	const text = "virtual_server_group g {\n10.9.0.100 80\n10.9.0.101 80\n}\n" +
		"virtual_server group g {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nha_suspend\nreal_server 10.9.1.1 8080 {\nTCP_CHECK {\n}\n}\n}\n"
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, text)
		w.addresses, w.local = newMailbox[localAddress](), map[netip.Addr]int{}
		second := netip.MustParseAddr("10.9.0.101")
		for _, step := range []struct {
			changes []localAddress
			want    int
		}{{nil, 1}, {[]localAddress{{second, true}}, 0}, {[]localAddress{{second, false}}, 1}} {
			w.count(step.changes)
			if err := w.suspend(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.suspended(t); len(got) != step.want {
				t.Errorf("after %v: suspended %q, want %d", step.changes, got, step.want)
			}
		}
	})
}

func TestAddressesAreFollowedFromTheFirstListingOn(t *testing.T) {
	address := func(text string) host.Address {
		return host.Address{Link: "eth0", Prefix: netip.MustParsePrefix(text)}
	}
	synctest.Test(t, func(t *testing.T) {
		kernel := hosttest.New()
		kernel.AddLink(host.Link{Name: "eth0", Up: true})
		kernel.Put(address("10.9.0.1/24"))
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		done, err := followAddresses(ctx, kernel, func(a localAddress) {
			sign := "-"
			if a.here {
				sign = "+"
			}
			got = append(got, sign+a.addr.String())
		})
		if err != nil {
			t.Fatal(err)
		}
		kernel.Put(address("10.9.0.100/32"))
		synctest.Wait()
		kernel.Remove(address("10.9.0.100/32"))
		synctest.Wait()
		kernel.RemoveSilently(address("10.9.0.1/24"))
		kernel.LoseMessages()
		synctest.Wait()
		cancel()
		<-done
		if d := cmp.Diff([]string{"+10.9.0.1", "+10.9.0.100", "-10.9.0.100", "-10.9.0.1"}, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}
