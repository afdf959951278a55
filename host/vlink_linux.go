package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Links of virtual routers, and sysctls.

// alone says that o is no message of a batch.
func (o Op) alone() bool { return o.Link != nil || o.Sysctl != nil }

func (k *Netlink) applyAlone(op Op) error {
	switch {
	case op.Sysctl != nil:
		return k.writeSysctl(*op.Sysctl)
	case op.Verb == Add:
		return k.addLink(*op.Link)
	case op.Verb == Set:
		return k.setLink(*op.Link)
	}
	l, err := k.links.LinkByName(op.Link.Name)
	if err != nil {
		return notFound(err)
	}
	delete(k.index, op.Link.Name)
	return k.links.LinkDel(l)
}

// notFound is the library's "no such link" as the kernel says it.
func notFound(err error) error {
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return syscall.ENODEV
	}
	return err
}

// addLink makes a link that is down: its sysctls come before its first packet.
func (k *Netlink) addLink(w VirtualLink) error {
	parent, err := k.linkIndex(w.Parent)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.Group = w.Name, parent, w.Group.Value
	if w.MAC != (MAC{}) {
		attrs.HardwareAddr = w.MAC[:]
	}
	delete(k.index, w.Name)
	if err := k.links.LinkAdd(w.asLibrary(attrs)); err != nil {
		return err
	}
	if w.Notify {
		return k.notify(parent)
	}
	return nil
}

func (w VirtualLink) asLibrary(attrs netlink.LinkAttrs) netlink.Link {
	if w.Kind == IPVLAN {
		l := &netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2}
		for flag, word := range ipvlanModes {
			if word == w.Mode {
				l.Flag = flag
			}
		}
		return l
	}
	return &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE}
}

// notify gives a link the alias that it has: the kernel changes nothing, and
// tells everybody.
func (k *Netlink) notify(index int) error {
	l, err := k.links.LinkByIndex(index)
	if err != nil {
		return notFound(err)
	}
	body := make([]byte, unix.SizeofIfInfomsg)
	ne.PutUint32(body[4:], uint32(index))
	return k.call(unix.RTM_NEWLINK, appendAttr(body, unix.IFLA_IFALIAS, []byte(l.Attrs().Alias)))
}

// setLink marks a link as ours, and takes it up in a second message: by then it
// must know not to make addresses, which the kernel reads last.
func (k *Netlink) setLink(w VirtualLink) error {
	index, err := k.linkIndex(w.Name)
	if err != nil {
		return err
	}
	master, err := k.linkIndex(w.Master)
	if err != nil {
		return err
	}
	body := make([]byte, unix.SizeofIfInfomsg)
	ne.PutUint32(body[4:], uint32(index))
	body = appendAttr(body, unix.IFLA_IFALIAS, []byte(w.Alias))
	if w.Group.Set {
		body = appendU32(body, unix.IFLA_GROUP, w.Group.Value)
	}
	body = appendU32(body, unix.IFLA_MASTER, uint32(master))
	if _, err := os.Stat("/proc/sys/net/ipv6"); err == nil {
		const addrGenModeNone = 1
		mode := appendAttr(nil, unix.IFLA_INET6_ADDR_GEN_MODE, []byte{addrGenModeNone})
		body = appendAttr(body, unix.IFLA_AF_SPEC, appendAttr(nil, unix.AF_INET6, mode))
	}
	if err := k.call(unix.RTM_NEWLINK, body); err != nil {
		return err
	}
	up := make([]byte, unix.SizeofIfInfomsg)
	ne.PutUint32(up[4:], uint32(index))
	ne.PutUint32(up[8:], unix.IFF_UP)
	ne.PutUint32(up[12:], unix.IFF_UP) // change that bit only
	return k.call(unix.RTM_NEWLINK, up)
}

// call sends one message and waits for its acknowledgement.
func (k *Netlink) call(typ uint16, body []byte) error {
	k.seq++
	if err := unix.Sendto(k.fd, appendMessage(nil, typ, unix.NLM_F_ACK, k.seq, body), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	var answer error
	err := k.answers(k.seq, k.seq, func(h nlHeader, body []byte) (bool, error) {
		if h.typ == unix.NLMSG_ERROR {
			answer = ackError(body)
		}
		return h.typ == unix.NLMSG_ERROR, nil
	})
	return errors.Join(err, answer)
}

// ReadSysctls implements Kernel. What cannot be read counts as not there: no
// address waits for a sysctl.
func (k *Netlink) ReadSysctls(ctx context.Context, keys []string) (map[string]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	values := map[string]string{}
	err := k.inNamespace(func() error {
		for _, key := range keys {
			if text, err := os.ReadFile(sysctlPath(key)); err == nil {
				values[key] = strings.TrimSpace(string(text))
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return nil
	})
	if err != nil {
		return values, fmt.Errorf("read sysctls: %w", err)
	}
	return values, nil
}

func sysctlPath(key string) string { return filepath.Join("/proc/sys", key) }

// inNamespace does f where the sockets are: /proc/sys/net shows the namespace
// of the thread that looks.
func (k *Netlink) inNamespace(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := netns.Get()
	if err != nil || !k.ns.IsOpen() || here.Equal(k.ns) {
		if err == nil {
			here.Close()
		}
		return f()
	}
	defer here.Close()
	if err := netns.Set(k.ns); err != nil {
		return fmt.Errorf("enter the network namespace: %w", err)
	}
	failed := f()
	if err := netns.Set(here); err != nil {
		runtime.LockOSThread() // once more: such a thread ends with its goroutine
		return errors.Join(failed, fmt.Errorf("leave the network namespace: %w", err))
	}
	return failed
}

func (k *Netlink) writeSysctl(s Sysctl) error {
	err := k.inNamespace(func() error { return os.WriteFile(sysctlPath(s.Key), []byte(s.Value), 0) })
	if err == nil {
		return nil
	}
	// In many containers /proc/sys cannot be written, and CAP_NET_ADMIN is there.
	if again := k.setDevconf(s); again == nil {
		return nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the key says where
	}
	return err
}

// devconf are the numbers of IPv4 values that a netlink message can set
// (IPV4_DEVCONF_*).
var devconf = map[string]uint16{"rp_filter": 8, "arp_filter": 13, "arp_ignore": 19, "promote_secondaries": 20, "accept_local": 23}

var errNoDevconf = errors.New("no value of a link that netlink sets")

func (k *Netlink) setDevconf(s Sysctl) error {
	link := linkOf(s.Key)
	number, known := devconf[filepath.Base(s.Key)]
	value, err := strconv.ParseUint(s.Value, 10, 32)
	if link == "" || !known || !strings.HasPrefix(s.Key, "net/ipv4/") || err != nil {
		return errNoDevconf
	}
	index, err := k.linkIndex(link)
	if err != nil {
		return err
	}
	body := make([]byte, unix.SizeofIfInfomsg)
	ne.PutUint32(body[4:], uint32(index))
	const inetConf = 1 // IFLA_INET_CONF
	conf := appendAttr(nil, inetConf, appendU32(nil, number, uint32(value)))
	return k.call(unix.RTM_NEWLINK, appendAttr(body, unix.IFLA_AF_SPEC, appendAttr(nil, unix.AF_INET, conf)))
}

// Identity tells this boot and network namespace from others, for what is
// written down about them.
func Identity() string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	ns, _ := os.Readlink("/proc/thread-self/ns/net")
	return strings.TrimSpace(string(boot)) + " " + ns
}
