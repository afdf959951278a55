package netns

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Capture is what passed the bridge: tcpdump writes it, we read along.
type Capture struct {
	lab  *Lab
	file string // pcap, whole after Close
	cmd  *exec.Cmd
	done chan struct{} // the reader has ended

	mu      sync.Mutex
	adverts []Advert
	garps   []GARP
	foreign map[netip.Addr]bool // senders of adverts that are wrong on purpose
	signed  bool                // adverts carry trailers of auth_hmac
	apart   bool                // the test shows the file to tshark itself
	closed  bool
}

// stormy is the number of a host whose adverts are not captured: to keep as many
// as a storm has costs more than the storm.
const stormy = 66

// captured is the filter: all that routers send each other and announce.
var captured = fmt.Sprintf("(ip proto 112 and not src host 10.9.0.%d) or ip proto 51 or ip6 proto 112 or arp or icmp6 or igmp", stormy)

func startCapture(t *testing.T, l *Lab, bridge string) *Capture {
	t.Helper()
	c := &Capture{lab: l, file: filepath.Join(l.Dir, "bridge.pcap"), done: make(chan struct{}), foreign: map[netip.Addr]bool{}}
	c.cmd = exec.Command("ip", "netns", "exec", bridge, "tcpdump", "-Z", "root", "-i", "br0", "--immediate-mode",
		"-U", "-n", "-s", "0", "-w", "-", captured)
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	messages, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("start tcpdump: %v", err)
	}
	pcap, err := os.Create(c.file)
	if err != nil {
		t.Fatal(err)
	}
	go c.read(io.TeeReader(bufio.NewReader(out), pcap), pcap)
	t.Cleanup(func() { c.Close(); c.decodeAgain(t) })
	lines := bufio.NewScanner(messages)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "listening on") {
			return c // what it says at the end is of no interest: Wait closes the pipe
		}
	}
	t.Fatalf("tcpdump ended before it listened: %s", lines.Text())
	return nil
}

// read takes the pcap stream apart: 24 octets of file header, then records of
// 16 octets of header and the frame (byte order of this machine).
func (c *Capture) read(r io.Reader, file io.Closer) {
	defer close(c.done)
	defer file.Close()
	order := binary.NativeEndian
	header := make([]byte, 24)
	if _, err := io.ReadFull(r, header); err != nil {
		return
	}
	for record := make([]byte, 16); ; {
		if _, err := io.ReadFull(r, record); err != nil {
			return
		}
		at := time.Unix(int64(order.Uint32(record)), int64(order.Uint32(record[4:]))*1000)
		frame := make([]byte, order.Uint32(record[8:]))
		if _, err := io.ReadFull(r, frame); err != nil {
			return
		}
		a, isAdvert := decodeAdvert(at, frame)
		g, isGARP := decodeGARP(at, frame)
		c.mu.Lock()
		if isAdvert {
			c.adverts = append(c.adverts, a)
		}
		if isGARP {
			c.garps = append(c.garps, g)
		}
		c.mu.Unlock()
	}
}

// Close ends the capture; the file is whole afterwards.
func (c *Capture) Close() {
	if c.closed {
		return
	}
	c.closed = true
	c.cmd.Process.Signal(syscall.SIGTERM)
	<-c.done // read everything before Wait closes the pipe
	c.cmd.Wait()
}

// Ignore takes adverts from this sender as sent to be wrong: neither Adverts
// nor the check with tshark looks at them.
func (c *Capture) Ignore(src netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.foreign[src] = true
}

// Signed says that adverts carry trailers of auth_hmac. tshark knows nothing of
// them, and over IPv4 finds their checksums wrong, which leave trailers out.
func (c *Capture) Signed() { c.signed = true }

// Frames ends the capture and returns what it saw as a pcap file, for a test
// that shows many captures to one tshark: starting it takes most of its time.
func (c *Capture) Frames() []byte {
	c.lab.t.Helper()
	c.apart = true
	c.Close()
	pcap, err := os.ReadFile(c.file)
	if err != nil {
		c.lab.t.Fatal(err)
	}
	return pcap
}

// decodeAgain shows every frame to tshark, which must find nothing wrong with
// any advert.
func (c *Capture) decodeAgain(t *testing.T) {
	t.Helper()
	if c.apart {
		return
	}
	if out := c.faults(t); out != "" {
		t.Errorf("tshark finds fault with adverts:\n%s", out)
	}
}

// faults is what tshark finds wrong: malformed adverts, wrong checksums,
// experts' warnings. The capture has to be closed.
func (c *Capture) faults(t *testing.T) string {
	t.Helper()
	filter := wrong
	if c.signed {
		filter += " && !(ip && vrrp.checksum.status == 0)"
	}
	for src := range c.foreign {
		filter += fmt.Sprintf(" && !(ip.src == %v)", src)
	}
	return tshark(t, c.file, filter)
}

// wrong is what no advert may be: malformed, with a wrong checksum, or worth an
// expert's warning (PI_WARN of wireshark's severities, or more).
const wrong = "vrrp && (_ws.malformed || _ws.expert.severity >= 0x00600000" +
	" || vrrp.checksum.status == 0 || ip.checksum.status == 0)"

// tshark lists the frames of a capture that the filter lets through.
func tshark(t *testing.T, file, filter string) string {
	t.Helper()
	out, err := exec.Command("tshark", "-o", "ip.check_checksum:TRUE", "-r", file, "-Y", filter).Output()
	if err != nil {
		t.Errorf("tshark: %v", err)
	}
	return string(out)
}

// Adverts are those seen since then that match.
func (c *Capture) Adverts(since time.Time, match func(Advert) bool) []Advert {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Advert
	for _, a := range c.adverts {
		if a.At.After(since) && !c.foreign[a.Src] && match(a) {
			all = append(all, a)
		}
	}
	return all
}

// GARPs are the announcements of an address seen since then.
func (c *Capture) GARPs(since time.Time, of string) []GARP {
	want := netip.MustParseAddr(of)
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []GARP
	for _, g := range c.garps {
		if g.At.After(since) && g.Addr == want {
			all = append(all, g)
		}
	}
	return all
}

// Next waits for the first advert after since that matches.
func (c *Capture) Next(since time.Time, limit time.Duration, what string, match func(Advert) bool) Advert {
	c.lab.t.Helper()
	var found []Advert
	Eventually(c.lab.t, limit, "advert "+what, func() bool {
		found = c.Adverts(since, match)
		return len(found) > 0
	})
	return found[0]
}

// Last is the newest advert that matches, the zero Advert when there is none.
func (c *Capture) Last(match func(Advert) bool) Advert {
	all := c.Adverts(time.Time{}, match)
	if len(all) == 0 {
		return Advert{}
	}
	return all[len(all)-1]
}

// Gap is the longest time without an advert that matches, from since until
// now.
func (c *Capture) Gap(since time.Time, match func(Advert) bool) time.Duration {
	last, longest := since, time.Duration(0)
	for _, a := range c.Adverts(since, match) {
		longest = max(longest, a.At.Sub(last))
		last = a.At
	}
	return max(longest, time.Since(last))
}

// From matches adverts of a host, with a priority other than 0.
func From(h *Host) func(Advert) bool {
	return func(a Advert) bool { return h.sent(a) && a.Priority != 0 }
}

// Resigns matches adverts of a host with priority 0.
func Resigns(h *Host) func(Advert) bool {
	return func(a Advert) bool { return h.sent(a) && a.Priority == 0 }
}

// sent says whether an advert came from this host: from its IPv4 address, from
// the link-local address that follows from its MAC, or from that of its device
// with the virtual MAC.
func (h *Host) sent(a Advert) bool {
	return a.Src == h.Addr || a.Src == h.LinkLocal() || a.Src == h.virtual
}

// LinkLocal is fe80:: with the modified EUI-64 of eth0's MAC.
func (h *Host) LinkLocal() netip.Addr {
	last := h.MAC[len(h.MAC)-2:]
	return netip.MustParseAddr("fe80::ff:fe00:" + last)
}
