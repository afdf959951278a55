package daemon

import (
	"context"
	"errors"
	"syscall"

	"holdfast/host"
)

// errPermission is a capability that is missing.
var errPermission = syscall.EPERM

// currentLinks are the interfaces of this machine, nil if they cannot be read:
// then no configuration is refused for want of one.
func currentLinks() map[string]host.Link {
	k, err := host.OpenNetlink()
	if err != nil {
		return nil
	}
	defer k.Close()
	state, err := k.Read(context.Background())
	if err != nil && !errors.Is(err, errPermission) {
		return nil
	}
	return state.Links
}
