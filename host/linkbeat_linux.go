package host

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BeatMethod is a way to ask an interface whether its link works: keyword
// linkbeat_interfaces.
type BeatMethod string

// The methods, best first: the transceiver itself, the driver, the kernel.
const (
	MII     BeatMethod = "MII"
	Ethtool BeatMethod = "ETHTOOL"
	Ioctl   BeatMethod = "IOCTL"
)

// beatMethods are the methods in the order of preference.
var beatMethods = []BeatMethod{MII, Ethtool, Ioctl}

// Beat asks interfaces for the state of their link. Its methods may be called
// from one goroutine at a time; asking hardware may take milliseconds.
type Beat struct{ fd int }

// OpenBeat opens the socket that requests go through. Asking needs CAP_NET_ADMIN
// for MII.
func OpenBeat() (*Beat, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket for link polling: %w", err)
	}
	return &Beat{fd}, nil
}

// Close closes the socket.
func (b *Beat) Close() error { return unix.Close(b.fd) }

// Method is the best method that an interface supports, or the preferred one if
// it does: "" leaves the choice.
func (b *Beat) Method(link string, preferred BeatMethod) BeatMethod {
	for _, m := range append([]BeatMethod{preferred}, beatMethods...) {
		if _, err := b.Up(link, m); err == nil {
			return m
		}
	}
	return Ioctl
}

// errNoMethod is the answer to a method that is none.
var errNoMethod = errors.New("no such method")

// Up asks one interface. The error says that it does not exist, or does not
// support the method.
func (b *Beat) Up(link string, m BeatMethod) (bool, error) {
	switch m {
	case MII:
		return b.mii(link)
	case Ethtool:
		return b.ethtool(link)
	case Ioctl:
		return b.flags(link)
	}
	return false, errNoMethod
}

// request is struct ifreq: a name, and a union of which we use these.
type request struct {
	name [unix.IFNAMSIZ]byte
	data [24]byte
}

func newRequest(link string) (*request, error) {
	r := &request{}
	if link == "" || len(link) >= len(r.name) {
		return nil, fmt.Errorf("interface name %q: %w", link, unix.EINVAL)
	}
	copy(r.name[:], link)
	return r, nil
}

func (b *Beat) ioctl(code uintptr, link string, p unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(b.fd), code, uintptr(p)); errno != 0 {
		return fmt.Errorf("ask %s for its link: %w", link, errno)
	}
	return nil
}

// What MII management is asked (linux/mii.h).
const (
	miiStatus     = 1 // register BMSR
	miiLinkStatus = 4 // its bit "link is up": once down it reads so until it has been read
)

// miiData is struct mii_ioctl_data.
type miiData struct{ phy, register, in, out uint16 }

func (b *Beat) mii(link string) (bool, error) {
	r, err := newRequest(link)
	if err != nil {
		return false, err
	}
	d := (*miiData)(unsafe.Pointer(&r.data))
	if err := b.ioctl(unix.SIOCGMIIPHY, link, unsafe.Pointer(r)); err != nil {
		return false, err
	}
	for range 2 { // the first reading tells the past
		d.register = miiStatus
		if err := b.ioctl(unix.SIOCGMIIREG, link, unsafe.Pointer(r)); err != nil {
			return false, err
		}
	}
	return d.out&miiLinkStatus != 0, nil
}

// ethtoolValue is struct ethtool_value.
type ethtoolValue struct{ command, data uint32 }

func (b *Beat) ethtool(link string) (bool, error) {
	r, err := newRequest(link)
	if err != nil {
		return false, err
	}
	v := &ethtoolValue{command: unix.ETHTOOL_GLINK}
	*(*unsafe.Pointer)(unsafe.Pointer(&r.data)) = unsafe.Pointer(v)
	if err := b.ioctl(unix.SIOCETHTOOL, link, unsafe.Pointer(r)); err != nil {
		return false, err
	}
	return v.data != 0, nil
}

func (b *Beat) flags(link string) (bool, error) {
	r, err := newRequest(link)
	if err != nil {
		return false, err
	}
	if err := b.ioctl(unix.SIOCGIFFLAGS, link, unsafe.Pointer(r)); err != nil {
		return false, err
	}
	const both = unix.IFF_UP | unix.IFF_RUNNING
	return *(*uint16)(unsafe.Pointer(&r.data))&both == both, nil
}
