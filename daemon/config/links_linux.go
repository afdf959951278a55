package config

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"syscall"

	"holdfast/host"
)

// HostEnvironment is this machine's, in the present network namespace. When its
// interfaces cannot be read, no configuration is refused for want of one.
func HostEnvironment() Environment {
	env := Environment{Scripts: true, Files: os.DirFS("/")}
	k, err := host.OpenNetlink()
	if err != nil {
		return env
	}
	defer k.Close()
	state, err := k.Read(context.Background())
	if err != nil && !errors.Is(err, syscall.EPERM) {
		return env
	}
	env.Links = state.Links
	env.Primary = func(link string, ipv6 bool) (netip.Addr, bool) {
		if ipv6 { // a link-local one; which of several is not foreseen here
			return netip.Addr{}, false
		}
		return state.PrimaryIPv4(link, func(netip.Addr) bool { return false })
	}
	return env
}
