package config

import (
	"context"
	"errors"
	"syscall"

	"holdfast/host"
)

// currentLinks are the interfaces of this machine, nil if they cannot be read:
// then no configuration is refused for want of one.
func currentLinks() map[string]host.Link {
	k, err := host.OpenNetlink()
	if err != nil {
		return nil
	}
	defer k.Close()
	state, err := k.Read(context.Background())
	if err != nil && !errors.Is(err, syscall.EPERM) {
		return nil
	}
	return state.Links
}
