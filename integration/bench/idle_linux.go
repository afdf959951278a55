package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// steady is what one daemon took while it sent adverts, and how late they were.
type steady struct {
	cpu        time.Duration // in 30 s
	rss, child int64         // KiB: all processes, the VRRP child
	late       []time.Duration
	adverts    int
}

// benchIdle compares routers that are Active and undisturbed: what they take,
// and how far the time between two adverts is from what it should be, seen on
// the other end of the wire.
func benchIdle(opt options) error {
	fmt.Printf("adverts every second, %v a run, median of %d runs each, in turns\n", opt.window, opt.vrrpRounds)
	fmt.Printf("%6s  %-10s  %12s %10s %10s  %9s %9s %9s  %s\n", "", "", "CPU in 30 s", "RSS", "VRRP child", "late p50", "p99", "max", "adverts")
	for _, word := range strings.Split(opt.sizes, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > 255*links {
			return fmt.Errorf("-sizes %s: numbers of virtual routers from 1 to %d, with commas between them", opt.sizes, 255*links)
		}
		runs := map[string][]steady{}
		for range opt.vrrpRounds {
			for _, program := range []string{opt.keepalived, opt.holdfast} {
				s, err := runSteady(program, n, opt)
				if err != nil {
					return fmt.Errorf("%d routers of %s: %w", n, program, err)
				}
				runs[program] = append(runs[program], s)
			}
		}
		k, h := medianOf(runs[opt.keepalived]), medianOf(runs[opt.holdfast])
		k.row(n, "keepalived")
		h.row(n, "holdfast")
		ratio := func(a, b float64) string {
			if b <= 0 {
				return "-"
			}
			return fmt.Sprintf("%.2f", a/b)
		}
		fmt.Printf("%6d  %-10s  %12s %10s %10s  %9s %9s %9s\n", n, "ratio", ratio(h.cpu.Seconds(), k.cpu.Seconds()),
			ratio(float64(h.rss), float64(k.rss)), ratio(float64(h.child), float64(k.child)),
			ratio(h.late[0].Seconds(), k.late[0].Seconds()), ratio(h.late[1].Seconds(), k.late[1].Seconds()), ratio(h.late[2].Seconds(), k.late[2].Seconds()))
	}
	return nil
}

func (s steady) row(n int, name string) {
	round := func(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
	fmt.Printf("%6d  %-10s  %12s %7.1f MB %7.1f MB  %9v %9v %9v  %d\n", n, name, fmt.Sprintf("%.4f s", s.cpu.Seconds()),
		float64(s.rss)/1024, float64(s.child)/1024, round(s.late[0]), round(s.late[1]), round(s.late[2]), s.adverts)
}

// medianOf takes the median of each figure; of lateness p50, p99 and the
// greatest of each run.
func medianOf(runs []steady) (m steady) {
	m.cpu = median(runs, func(s steady) time.Duration { return s.cpu })
	m.rss = median(runs, func(s steady) int64 { return s.rss })
	m.child = median(runs, func(s steady) int64 { return s.child })
	m.adverts = median(runs, func(s steady) int { return s.adverts })
	for _, share := range []float64{0.5, 0.99, 1} {
		m.late = append(m.late, median(runs, func(s steady) time.Duration { return quantile(s.late, share) }))
	}
	return m
}

// quantile is the value below which this share of a sorted list lies.
func quantile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// runSteady runs one program as n owners of addresses, which are Active at once.
func runSteady(program string, n int, opt options) (s steady, err error) {
	l, err := newLab()
	if err != nil {
		return s, err
	}
	defer l.close()
	here, peer, err := l.cables((n + 254) / 255)
	if err != nil {
		return s, err
	}
	c, err := listen(peer, 0)
	if err != nil {
		return s, err
	}
	defer c.close()
	realtime := ""
	if opt.realtime {
		realtime = "    vrrp_rt_priority 50\n"
	}
	r, err := l.start(program, here, "global_defs {\n    router_id bench\n    vrrp_garp_master_delay 1\n"+realtime+"}\n\n"+owners(n))
	if err != nil {
		return s, err
	}
	defer r.kill()
	last := map[[2]int]time.Time{}
	collect := func(until time.Time, enough func() bool, f func(gap time.Duration)) {
		end := time.After(time.Until(until))
		for !enough() {
			select {
			case <-end:
				return
			case a := <-c.out:
				if !a.advert {
					continue
				}
				id := [2]int{a.link, int(a.vrid)}
				if before, known := last[id]; known && f != nil {
					f(a.at.Sub(before))
				}
				last[id] = a.at
			}
		}
	}
	never := func() bool { return false }
	collect(time.Now().Add(time.Minute), func() bool { return len(last) == n }, nil)
	if len(last) < n {
		return s, fmt.Errorf("after a minute only %d of %d send adverts", len(last), n)
	}
	// The second announcement goes out meanwhile, and the host gets its addresses.
	collect(time.Now().Add(4*time.Second+time.Duration(n)*2*time.Millisecond), never, nil)
	pids, began := family(r.cmd.Process.Pid), time.Now()
	before := cpu(pids)
	collect(began.Add(opt.window), never, func(gap time.Duration) { s.late = append(s.late, (gap - time.Second).Abs()) })
	took := time.Since(began)
	s.cpu = time.Duration(float64(cpu(pids)-before) * 30 * float64(time.Second) / float64(took))
	s.rss, s.child, s.adverts = resident(pids...), resident(r.child()), len(s.late)
	slices.Sort(s.late)
	return s, r.stop()
}

// cables are veth pairs between two namespaces, eth0, eth1 … in the first, with
// an address each.
func (l *lab) cables(count int) (here, peer string, err error) {
	if here, err = l.namespace("r"); err != nil {
		return "", "", err
	}
	if peer, err = l.namespace("p"); err != nil {
		return "", "", err
	}
	for i := range count {
		name := fmt.Sprintf("eth%d", i)
		for _, args := range [][]string{
			{"-n", here, "link", "add", name, "type", "veth", "peer", "name", name, "netns", peer},
			{"-n", here, "address", "add", fmt.Sprintf("172.30.%d.1/24", i), "dev", name},
			{"-n", here, "link", "set", name, "up"}, {"-n", peer, "link", "set", name, "up"},
		} {
			if err := ip(args...); err != nil {
				return "", "", err
			}
		}
	}
	return here, peer, nil
}
