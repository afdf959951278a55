package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// outage is what a client sees of one failover.
type outage struct {
	advert time.Duration // from the kill to the Backup's first advert
	answer time.Duration // to its first answer for the virtual address
}

// Addresses of the pair and of the client, and their virtual one.
var (
	firstAddr  = netip.MustParseAddr("10.9.0.1")
	secondAddr = netip.MustParseAddr("10.9.0.2")
	clientAddr = netip.MustParseAddr("10.9.0.9")
	sharedAddr = netip.MustParseAddr("10.9.0.100")
)

// benchFailover compares pairs of one program whose Active router is killed just
// after an advert: a Backup of priority 100 then has to wait for 3.61 intervals.
func benchFailover(opt options) error {
	fmt.Printf("kill -9 of the Active router, version 3, median of %d in turns; the Backup has to wait 3.61 intervals\n", opt.vrrpRounds)
	fmt.Printf("%8s  %22s %22s  %s\n", "interval", "keepalived", "holdfast", "ratio")
	for _, t := range []struct {
		interval time.Duration
		trials   int // a round
	}{{time.Second, 1}, {100 * time.Millisecond, 3}, {10 * time.Millisecond, 5}} {
		runs := map[string][]outage{}
		for range opt.vrrpRounds {
			for _, program := range []string{opt.keepalived, opt.holdfast} {
				list, err := runFailover(program, t.interval, t.trials)
				if err != nil {
					return fmt.Errorf("%s at %v: %w", program, t.interval, err)
				}
				runs[program] = append(runs[program], list...)
			}
		}
		for _, what := range []struct {
			name string
			of   func(outage) time.Duration
		}{{"first advert", func(o outage) time.Duration { return o.advert }}, {"address answers", func(o outage) time.Duration { return o.answer }}} {
			k, h := median(runs[opt.keepalived], what.of), median(runs[opt.holdfast], what.of)
			fmt.Printf("%8v  %22v %22v  %.3f  %s\n", t.interval, k.Round(10*time.Microsecond), h.Round(10*time.Microsecond), h.Seconds()/k.Seconds(), what.name)
		}
	}
	return nil
}

// pair is two hosts and a client on one bridge.
type pair struct {
	*lab
	hosts   [2]string
	client  string
	index   int // of the bridge
	mac     [6]byte
	backup  [6]byte // MAC of the second host
	capture *capture
}

func newPair() (*pair, error) {
	l, err := newLab()
	if err != nil {
		return nil, err
	}
	p := &pair{lab: l}
	if err := p.cable(); err != nil {
		l.close()
		return nil, err
	}
	return p, nil
}

func (p *pair) cable() (err error) {
	if p.client, err = p.namespace("c"); err != nil {
		return err
	}
	steps := [][]string{{"-n", p.client, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0"},
		{"-n", p.client, "address", "add", clientAddr.String() + "/24", "dev", "br0"}, {"-n", p.client, "link", "set", "br0", "up"}}
	for i, addr := range []netip.Addr{firstAddr, secondAddr} {
		if p.hosts[i], err = p.namespace(string(rune('a' + i))); err != nil {
			return err
		}
		port := fmt.Sprintf("port%d", i)
		steps = append(steps, []string{"-n", p.hosts[i], "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", p.client},
			[]string{"-n", p.client, "link", "set", port, "master", "br0", "up"},
			[]string{"-n", p.hosts[i], "address", "add", addr.String() + "/24", "dev", "eth0"}, []string{"-n", p.hosts[i], "link", "set", "eth0", "up"})
	}
	for _, args := range steps {
		if err := ip(args...); err != nil {
			return err
		}
	}
	find := func(namespace, name string, mac *[6]byte, index *int) error {
		return inside(namespace, func() error {
			i, err := net.InterfaceByName(name)
			if err == nil {
				copy(mac[:], i.HardwareAddr)
				*index = i.Index
			}
			return err
		})
	}
	var unused int
	if err := errors.Join(find(p.client, "br0", &p.mac, &p.index), find(p.hosts[1], "eth0", &p.backup, &unused)); err != nil {
		return err
	}
	p.capture, err = listen(p.client, p.index)
	return err
}

// instance is the configuration of one of the two.
func instance(priority int, interval time.Duration) string {
	return fmt.Sprintf("global_defs {\n    router_id bench\n    vrrp_version 3\n}\n\nvrrp_instance VI_1 {\n    state BACKUP\n    interface eth0\n    virtual_router_id 51\n    priority %d\n    advert_int %.2f\n    virtual_ipaddress {\n        %v/24\n    }\n}\n",
		priority, interval.Seconds(), sharedAddr)
}

// adverts waits until count adverts in a row came from one router.
func (p *pair) adverts(from netip.Addr, count int) error {
	for end, got := time.After(30*time.Second), 0; got < count; {
		select {
		case s := <-p.capture.out:
			switch {
			case s.advert && s.from == from:
				got++
			case s.advert:
				got = 0
			}
		case <-end:
			return fmt.Errorf("no %d adverts of %v in a row within 30 s", count, from)
		}
	}
	return nil
}

// runFailover kills the Active router of one pair again and again.
func runFailover(program string, interval time.Duration, trials int) (list []outage, err error) {
	p, err := newPair()
	if err != nil {
		return nil, err
	}
	defer p.close()
	defer p.capture.close()
	backup, err := p.start(program, p.hosts[1], instance(100, interval))
	if err != nil {
		return nil, err
	}
	defer backup.kill()
	if err := p.adverts(secondAddr, 2); err != nil {
		return nil, err
	}
	for range trials {
		active, err := p.start(program, p.hosts[0], instance(150, interval))
		if err != nil {
			return nil, err
		}
		if err := p.adverts(firstAddr, 5); err != nil {
			active.kill()
			return nil, err
		}
		o, err := p.fail(active)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
		// What the dead one left would answer as well; it may have left nothing.
		_ = ip("-n", p.hosts[0], "address", "del", sharedAddr.String()+"/24", "dev", "eth0")
	}
	return list, nil
}

// fail kills a router and asks for the address each millisecond until the other
// one has sent an advert and answered.
func (p *pair) fail(active *router) (o outage, err error) {
	began := time.Now()
	active.kill()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for o.advert == 0 || o.answer == 0 {
		select {
		case s := <-p.capture.out:
			switch {
			case s.advert && s.from == secondAddr && o.advert == 0:
				o.advert = s.at.Sub(began)
			case !s.advert && s.mac == p.backup && s.from == sharedAddr && o.answer == 0:
				o.answer = s.at.Sub(began)
			}
		case <-tick.C:
			if err := p.capture.ask(p.index, p.mac, clientAddr, sharedAddr); err != nil {
				return o, fmt.Errorf("ask for %v: %w", sharedAddr, err)
			}
		case <-end:
			return o, errors.New("no failover within 30 s")
		}
	}
	return o, nil
}
