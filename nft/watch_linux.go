package nft

import (
	"context"
	"errors"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// nftablesGroup is NFNLGRP_NFTABLES.
const nftablesGroup = 7

// watchBuffer is the receive buffer in octets. A large ruleset that somebody
// else loads may overflow it; then everything is looked at.
const watchBuffer = 1 << 20

// Watch implements Kernel. One goroutine reads until ctx ends and then closes
// the channel; another only waits for ctx to close the socket under it.
func (k *NFTables) Watch(ctx context.Context) (<-chan Change, error) {
	there := netns.None()
	if k.netns != 0 {
		there = netns.NsHandle(k.netns)
	}
	sock, err := nl.SubscribeAt(there, netns.None(), unix.NETLINK_NETFILTER, nftablesGroup)
	if err != nil {
		return nil, explain("subscribe to changes of nftables", err)
	}
	// Beyond net.core.rmem_max only with CAP_NET_ADMIN; less is no reason to fail.
	if sock.SetReceiveBufferSize(watchBuffer, true) != nil {
		sock.SetReceiveBufferSize(watchBuffer, false)
	}
	out := make(chan Change)
	stop := context.AfterFunc(ctx, sock.Close)
	go func() {
		defer close(out)
		follow(ctx, sock, out)
		if stop() { // ended by itself
			sock.Close()
		}
	}()
	return out, nil
}

func follow(ctx context.Context, sock *nl.NetlinkSocket, out chan<- Change) {
	send := func(c Change) bool {
		select {
		case out <- c:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for ctx.Err() == nil {
		msgs, from, err := sock.Receive()
		switch {
		case errors.Is(err, unix.ENOBUFS):
			if !send(Change{Lost: true}) {
				return
			}
			continue
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil: // closed
			return
		case from.Pid != 0: // not the kernel
			continue
		}
		last := Key{}
		for _, m := range msgs {
			if key, ok := decodeChange(m.Header.Type, m.Data); ok && key != last {
				last = key
				if !send(Change{Table: key}) {
					return
				}
			}
		}
	}
}
