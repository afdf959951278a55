package netns

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// FRR keeps away from the host it is installed on: every run has a zebra and a
// vrrpd of its own, with sockets, pid files and configuration in the host's
// folder. vrrpd makes no devices. It wants one macvlan with the virtual MAC for
// IPv4 and one for IPv6 on the interface, with the virtual addresses on it, and
// takes the carrier from the device (protodown) while it is Backup.
const (
	frrFolder = "/usr/lib/frr" // where Debian has the daemons
	frrUser   = "frr"          // whom they become
)

// frrDevices are the devices that carry the virtual addresses, by family.
var frrDevices = map[bool]string{false: "vrrp4", true: "vrrp6"}

// PrepareFRR makes the device with the virtual MAC and the addresses, and starts
// zebra. Its adverts over IPv6 come from a link-local address of that device,
// which must not follow from the MAC: all routers have the same.
func (h *Host) PrepareFRR(r Router) {
	h.lab.t.Helper()
	ipv6 := netip.MustParsePrefix(r.VIPs[0]).Addr().Is6()
	dev, mac := frrDevices[ipv6], fmt.Sprintf("00:00:5e:00:01:%02x", vrid)
	if ipv6 {
		mac = fmt.Sprintf("00:00:5e:00:02:%02x", vrid)
	}
	h.IP("link", "add", dev, "link", "eth0", "address", mac, "type", "macvlan", "mode", "bridge")
	h.IP("link", "set", dev, "addrgenmode", "none")
	if ipv6 {
		h.virtual = netip.MustParseAddr("fe80::5e:" + h.MAC[len(h.MAC)-2:])
		h.IP("addr", "add", h.virtual.String()+"/64", "dev", dev)
	}
	for _, vip := range r.VIPs {
		h.IP("addr", "add", vip, "dev", dev)
	}
	h.IP("link", "set", dev, "protodown", "on") // until vrrpd has been heard
	h.IP("link", "set", dev, "up")

	folder := h.frrFolder()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		h.lab.t.Fatal(err)
	}
	owner, err := user.Lookup(frrUser)
	if err != nil {
		h.lab.t.Fatalf("%v: integration/packages.sh frr", err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	if err := os.Chown(folder, uid, gid); err != nil {
		h.lab.t.Fatal(err)
	}
	zebra := h.StartProcess(h.frrArgs("zebra", h.File("zebra.conf", "! nothing\n", 0o644))...)
	Eventually(h.lab.t, 10*time.Second, "zebra listens", func() bool {
		_, err := os.Stat(filepath.Join(folder, "zserv.api"))
		return err == nil || strings.Contains(zebra.Output(), "rror")
	})
}

func (h *Host) frrFolder() string { return filepath.Join(h.Dir, "frr") }

// frrArgs is the command line of one of FRR's daemons.
func (h *Host) frrArgs(name, conf string) []string {
	folder := h.frrFolder()
	return []string{filepath.Join(frrFolder, name), "--vty_socket", folder, "-i", filepath.Join(folder, name+".pid"),
		"-z", filepath.Join(folder, "zserv.api"), "-f", conf, "-P", "0", "--log", "stdout"}
}

// StartFRR runs vrrpd on a host that was prepared for it.
func (h *Host) StartFRR(r Router) *Daemon {
	h.lab.t.Helper()
	conf := h.File("vrrpd.conf", r.frrConf(), 0o644)
	d := &Daemon{Kind: FRR, Conf: conf, host: h}
	d.launch(h.frrArgs("vrrpd", conf)...)
	return d
}

// frrConf is the router in FRR's words: the interval in milliseconds, no prefix
// lengths, one family.
func (r Router) frrConf() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("debug vrrp protocol\ninterface eth0")
	line(" vrrp %d version %d", vrid, r.Version)
	line(" vrrp %d priority %d", vrid, r.Priority)
	line(" vrrp %d advertisement-interval %d", vrid, r.Interval.Milliseconds())
	for _, vip := range r.VIPs {
		family, addr := "ip", netip.MustParsePrefix(vip).Addr()
		if addr.Is6() {
			family = "ipv6"
		}
		line(" vrrp %d %s %s", vrid, family, addr)
	}
	return b.String()
}

// frrRouter is what `show vrrp json` says of one family of the router.
type frrRouter struct {
	Status       string `json:"status"`
	DownInterval int    `json:"masterDownInterval"` // milliseconds
	Stats        struct {
		Sent     int `json:"adverTx"`
		Received int `json:"adverRx"`
	} `json:"stats"`
}

// ShowFRR asks vrrpd for the state of its only router.
func (h *Host) ShowFRR(ipv6 bool) (frrRouter, error) {
	h.lab.t.Helper()
	text, err := h.Try("vtysh", "--vty_socket", h.frrFolder(), "-c", "show vrrp json")
	if err != nil {
		return frrRouter{}, fmt.Errorf("vtysh: %w", err)
	}
	var routers []struct {
		V4 frrRouter `json:"v4"`
		V6 frrRouter `json:"v6"`
	}
	if err := json.Unmarshal([]byte(text), &routers); err != nil || len(routers) != 1 {
		return frrRouter{}, fmt.Errorf("show vrrp json: %v in %q", err, text)
	}
	if ipv6 {
		return routers[0].V6, nil
	}
	return routers[0].V4, nil
}
