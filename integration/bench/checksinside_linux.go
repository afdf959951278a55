package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"holdfast/ipvs"
)

// checkPlan is what the part of the bench inside the virtual machine has to do.
type checkPlan struct {
	Programs []string // in the order in which they run in each round
	Rounds   int
	Sizes    []checkSize
	Window   time.Duration // how long checks at work are watched
	Calm     time.Duration // how long a daemon is left alone before it is, and after a reload
	Deaths   int           // servers that die in each run
	Services int           // of the reload, with four servers each; 0: no reload
	Reloads  int           // in each run
}

// checkSize is a number of checks and how often each is made.
type checkSize struct {
	Checks int
	Loop   time.Duration
}

// checkFigures is what it found out: one run a program and round, in their order.
type checkFigures struct {
	Checks  []checkRun
	Reloads []reloadRun
}

// checkRun is one daemon with its checks.
type checkRun struct {
	Program   string
	Size      checkSize
	CPU       float64         // seconds a second, all processes
	Memory    int64           // KiB, all processes, what they share counted once
	Processes int             // how many
	Rate      float64         // connections a second that the servers accepted
	Removal   []time.Duration // from the end of a listener to the command that takes the server out, sorted
}

// reloadRun is one daemon that reloads one changed weight, several times.
type reloadRun struct {
	Program  string
	Took     []time.Duration // from SIGHUP to the command with the weight, sorted
	Commands []int           // sent to ip_vs from one reload until long after it
	CPU      []time.Duration // of all processes meanwhile, sorted
}

// insideWord in first place makes this program the part inside the virtual machine:
// it reads the plan from a file and prints the figures.
const insideWord = "inside"

func insideMachine(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var plan checkPlan
	if err := json.Unmarshal(text, &plan); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	figures, err := plan.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(figures)
}

// rounds is how often a size is measured: a great one, which takes minutes, half as often.
func (plan checkPlan) rounds(size checkSize) int {
	if size.Checks > 2000 {
		return (plan.Rounds + 1) / 2
	}
	return plan.Rounds
}

func (plan checkPlan) run() (f checkFigures, err error) {
	for _, size := range plan.Sizes {
		for round := range plan.rounds(size) {
			for _, program := range plan.Programs {
				began := time.Now()
				r, err := plan.runChecks(program, size)
				if err != nil {
					return f, fmt.Errorf("%d checks of %s: %w", size.Checks, program, err)
				}
				f.Checks = append(f.Checks, r)
				fmt.Fprintf(os.Stderr, "round %d, %s, in %v: ", round+1, program, time.Since(began).Round(time.Second))
				r.row(os.Stderr, "")
			}
		}
	}
	for round := range plan.Rounds {
		for _, program := range plan.Programs {
			if plan.Services == 0 {
				break
			}
			began := time.Now()
			r, err := plan.runReloads(program)
			if err != nil {
				return f, fmt.Errorf("reload of %s: %w", program, err)
			}
			f.Reloads = append(f.Reloads, r)
			fmt.Fprintf(os.Stderr, "round %d, %s, in %v: reloads %v, CPU %v, commands %d\n", round+1, program, time.Since(began).Round(time.Second), r.Took, r.CPU, r.Commands)
		}
	}
	return f, nil
}

// farm is a director and a network of servers, each in its namespace.
type farm struct {
	*lab
	director, servers string
	bulk              *listener
	victims           []*listener
	table             *ipvs.Client
}

// newFarm joins them by a cable; every address of checkedNet is one of the servers'.
func newFarm(victims int) (*farm, error) {
	l, err := newLab()
	if err != nil {
		return nil, err
	}
	f := &farm{lab: l}
	if err := f.build(victims); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *farm) build(victims int) (err error) {
	if f.director, err = f.namespace("d"); err != nil {
		return err
	}
	if f.servers, err = f.namespace("s"); err != nil {
		return err
	}
	if err := batch(f.director, "link add eth0 type veth peer name eth0 netns "+f.servers, "address add 10.63.0.1/24 dev eth0", "link set eth0 up",
		"route add "+checkedNet+" via 10.63.0.2"); err != nil {
		return err
	}
	if err := batch(f.servers, "address add 10.63.0.2/24 dev eth0", "link set eth0 up", "route add local "+checkedNet+" dev lo"); err != nil {
		return err
	}
	f.table = ipvs.New(ipvs.Options{Netns: "/run/netns/" + f.director})
	if f.bulk, err = listenIn(f.servers, 80); err != nil {
		return err
	}
	for i := range victims {
		v, err := listenIn(f.servers, victimPort+i)
		if err != nil {
			return err
		}
		f.victims = append(f.victims, v)
	}
	return nil
}

func (f *farm) close() {
	for _, l := range append(f.victims, f.bulk) {
		if l != nil {
			l.close()
		}
	}
	if f.table != nil {
		f.table.Close()
	}
	f.lab.close()
}

// accepted is how many connections the servers have had.
func (f *farm) accepted() (n int64) {
	n = f.bulk.accepted.Load()
	for _, v := range f.victims {
		n += v.accepted.Load()
	}
	return n
}

// settleTime bounds the wait for a daemon on the slow machine.
const settleTime = 3 * time.Minute

// settle waits until the table has so many destinations.
func (f *farm) settle(want int) error {
	have := 0
	pause := 100*time.Millisecond + time.Duration(want)*time.Millisecond // reading is work
	for end := time.Now().Add(settleTime); time.Now().Before(end); time.Sleep(pause) {
		t, err := f.table.Read(context.Background())
		if err != nil {
			return err
		}
		have = 0
		for _, pool := range t {
			have += len(pool.Destinations)
		}
		if have == want {
			return nil
		}
	}
	return fmt.Errorf("after %v the table has %d servers, want %d", settleTime, have, want)
}

// runChecks starts a daemon, waits until it is at its work, and watches it.
func (plan checkPlan) runChecks(program string, size checkSize) (r checkRun, err error) {
	f, err := newFarm(plan.Deaths)
	if err != nil {
		return r, err
	}
	defer f.close()
	d, err := f.startWith(program, f.director, checkedServers(size.Checks, plan.Deaths, size.Loop, 1), "-C", "-l")
	if err != nil {
		return r, err
	}
	defer func() {
		d.kill()
		if err != nil {
			err = fmt.Errorf("%w; its log:\n%s", err, d.said())
		}
	}()
	if err := f.settle(size.Checks); err != nil {
		return r, err
	}
	// Each has been asked once, and what the start has left over is done.
	time.Sleep(size.Loop + size.Loop/2 + plan.Calm)
	r = checkRun{Program: program, Size: size}
	pids := family(d.cmd.Process.Pid)
	window := max(plan.Window, size.Loop) / size.Loop * size.Loop // whole rounds
	began, spent, asked := time.Now(), cpu(pids), f.accepted()
	time.Sleep(window)
	took := time.Since(began)
	r.CPU = (cpu(pids) - spent).Seconds() / took.Seconds()
	r.Rate = float64(f.accepted()-asked) / took.Seconds()
	r.Memory, r.Processes = proportional(pids), len(pids)
	if r.Removal, err = f.massacre(size.Loop); err != nil {
		return r, err
	}
	return r, errors.Join(f.settle(size.Checks-plan.Deaths), d.stop())
}

// massacre ends the listener of each victim just after it was asked, so that it is
// found out a whole delay_loop later, and tells how long that took.
func (f *farm) massacre(loop time.Duration) (took []time.Duration, err error) {
	w, err := watchIPVS(f.director)
	if err != nil {
		return nil, err
	}
	defer w.close()
	for _, v := range f.victims {
		v.dies.Store(true)
	}
	gone := map[uint16]time.Time{}
	for end := time.After(settleTime + 2*loop); len(gone) < len(f.victims); {
		select {
		case s := <-w.out:
			if s.command == ipvsDelDest && s.port >= victimPort {
				gone[s.port] = s.at
			}
		case <-end:
			return nil, fmt.Errorf("%d of %d dead servers are still in the table", len(f.victims)-len(gone), len(f.victims))
		}
	}
	for i, v := range f.victims {
		took = append(took, gone[uint16(victimPort+i)].Sub(<-v.died))
		v.died <- time.Time{} // for close
	}
	slices.Sort(took)
	return took, nil
}

// runReloads starts a daemon with checks that are far apart, and changes a weight.
func (plan checkPlan) runReloads(program string) (r reloadRun, err error) {
	const apart = 300 * time.Second
	f, err := newFarm(0)
	if err != nil {
		return r, err
	}
	defer f.close()
	servers := 4 * plan.Services
	d, err := f.startWith(program, f.director, checkedServers(servers, 0, apart, 1), "-C", "-l")
	if err != nil {
		return r, err
	}
	defer func() {
		d.kill()
		if err != nil {
			err = fmt.Errorf("%w; its log:\n%s", err, d.said())
		}
	}()
	if err := f.settle(servers); err != nil {
		return r, err
	}
	time.Sleep(plan.Calm)
	w, err := watchIPVS(f.director)
	if err != nil {
		return r, err
	}
	defer w.close()
	r.Program = program
	for i := range plan.Reloads {
		if err := os.WriteFile(d.conf, []byte(checkedServers(servers, 0, apart, 2+i)), 0o644); err != nil {
			return r, err
		}
		pids := family(d.cmd.Process.Pid)
		began, spent := time.Now(), cpu(pids)
		if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			return r, err
		}
		took, commands, err := w.change(began, plan.Calm)
		if err != nil {
			return r, err
		}
		r.Took, r.Commands, r.CPU = append(r.Took, took), append(r.Commands, commands), append(r.CPU, cpu(pids)-spent)
		if err := f.hasWeight(uint32(2 + i)); err != nil {
			return r, err
		}
	}
	slices.Sort(r.Took)
	slices.Sort(r.CPU)
	return r, d.stop()
}

// change waits for the command that changes a server and counts all commands until
// three times as long after, and calm at least.
func (w *ipvsWatch) change(began time.Time, calm time.Duration) (took time.Duration, commands int, err error) {
	for end := time.After(settleTime); ; {
		select {
		case s := <-w.out:
			commands++
			if s.command == ipvsSetDest && took == 0 {
				took = s.at.Sub(began)
				end = time.After(max(3*took, calm))
			}
		case <-end:
			if took == 0 {
				return 0, commands, fmt.Errorf("no weight is changed within %v", settleTime)
			}
			return took, commands, nil
		}
	}
}

// hasWeight sees that the first server's weight is in the table.
func (f *farm) hasWeight(want uint32) error {
	t, err := f.table.Read(context.Background())
	if err != nil {
		return err
	}
	for _, pool := range t {
		for _, dest := range pool.Destinations {
			if dest.Addr.String() == "10.64.0.1:80" && dest.Weight == want {
				return nil
			}
		}
	}
	return fmt.Errorf("the table has no server of weight %d", want)
}
