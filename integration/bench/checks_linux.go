package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/integration/vm"
)

// checkLoop is the delay_loop of few checks; of many it is as long as the machine
// needs it.
const checkLoop = 3 * time.Second

// benchChecks compares health checks and the reload of many services in an emulated
// machine with ip_vs: its processor is slow, so only ratios say something about
// others.
func benchChecks(opt options) error {
	plan := checkPlan{Programs: []string{opt.keepalived, "/vm/holdfast"}, Rounds: opt.checkRounds, Window: 12 * time.Second, Calm: 3 * time.Second,
		Deaths: opt.deaths, Services: opt.services, Reloads: 2}
	for _, word := range strings.Split(opt.checks, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 4*opt.deaths || n > 50_000 {
			return fmt.Errorf("-checks %s: numbers of checks from %d to 50000, with commas between them", opt.checks, 4*opt.deaths)
		}
		loop := checkLoop
		if needs := time.Duration(n/opt.checkRate) * time.Second; needs > loop {
			loop = needs
		}
		plan.Sizes = append(plan.Sizes, checkSize{n, loop})
	}
	figures, err := inMachine(plan, opt)
	if err != nil {
		return err
	}
	plan.print(os.Stdout, figures)
	return nil
}

// inMachine carries out a plan in a virtual machine of its own.
func inMachine(plan checkPlan, opt options) (f checkFigures, err error) {
	ctx := context.Background()
	image, err := vm.Prepare(ctx)
	if err != nil {
		return f, err
	}
	share, err := os.MkdirTemp("", "bench")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(share)
	self, err := os.Executable()
	if err != nil {
		return f, err
	}
	for name, from := range map[string]string{"bench": self, "holdfast": opt.holdfast} {
		if err := copyProgram(filepath.Join(share, name), from); err != nil {
			return f, err
		}
	}
	text, err := json.Marshal(plan)
	if err == nil {
		err = os.WriteFile(filepath.Join(share, "plan"), text, 0o644)
	}
	if err != nil {
		return f, err
	}
	told := make(chan struct{})
	stop := follow(filepath.Join(share, "progress"), os.Stderr, told)
	status, _, err := image.Boot(ctx, vm.Guest{Share: share, Modules: []string{"ip_vs", "veth", "nlmon"},
		Script: "ip netns add first && ip netns del first\n./bench " + insideWord + " plan >figures 2>progress\n"})
	close(stop)
	<-told
	if err != nil {
		return f, err
	}
	if status != 0 {
		return f, fmt.Errorf("the part inside the virtual machine ended with status %d", status)
	}
	if text, err = os.ReadFile(filepath.Join(share, "figures")); err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}

func copyProgram(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

// follow shows what is written to a file until stop is closed; then told is.
func follow(path string, out io.Writer, told chan<- struct{}) (stop chan struct{}) {
	stop = make(chan struct{})
	go func() {
		defer close(told)
		shown := 0
		show := func() {
			if text, _ := os.ReadFile(path); len(text) > shown {
				fmt.Fprintf(out, "%s", text[shown:])
				shown = len(text)
			}
		}
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				show()
				return
			case <-tick.C:
				show()
			}
		}
	}()
	return stop
}

// print shows the medians of each program and their ratios.
func (plan checkPlan) print(out io.Writer, f checkFigures) {
	fmt.Fprintf(out, "TCP_CHECKs in an emulated machine with ip_vs, %v a run, median of %d in turns (of more than 2,000 checks half as many); a server dies just after it was asked, %d in a run\n",
		plan.Window, plan.Rounds, plan.Deaths)
	fmt.Fprintf(out, "%6s %5s  %-10s  %14s %10s %9s  %20s %9s\n", "checks", "loop", "", "CPU s a second", "memory", "checks/s", "death to removal p50", "max")
	for _, size := range plan.Sizes {
		runs := map[string]checkRun{}
		for _, program := range plan.Programs {
			runs[program] = medianChecks(f.Checks, program, size)
		}
		k, h := runs[plan.Programs[0]], runs[plan.Programs[1]]
		k.row(out, "keepalived")
		h.row(out, "holdfast")
		fmt.Fprintf(out, "%6d %5v  %-10s  %14s %10s %9s  %20s %9s\n", size.Checks, size.Loop, "ratio", share(h.CPU, k.CPU), share(float64(h.Memory), float64(k.Memory)),
			share(h.Rate, k.Rate), share(quantile(h.Removal, 0.5).Seconds(), quantile(k.Removal, 0.5).Seconds()), share(quantile(h.Removal, 1).Seconds(), quantile(k.Removal, 1).Seconds()))
	}
	if plan.Services == 0 {
		return
	}
	fmt.Fprintf(out, "reload of %d services with four servers and one changed weight, median of %d\n", plan.Services, plan.Rounds*plan.Reloads)
	fmt.Fprintf(out, "%-24s  %21s %10s  %s\n", "", "SIGHUP to the command", "CPU", "commands to ip_vs")
	took, spent := map[string]time.Duration{}, map[string]time.Duration{}
	for i, name := range []string{"keepalived", "holdfast"} {
		var all reloadRun
		for _, r := range f.Reloads {
			if r.Program == plan.Programs[i] {
				all.Took, all.CPU, all.Commands = append(all.Took, r.Took...), append(all.CPU, r.CPU...), append(all.Commands, r.Commands...)
			}
		}
		same := func(d time.Duration) time.Duration { return d }
		took[name], spent[name] = median(all.Took, same), median(all.CPU, same)
		fmt.Fprintf(out, "%-24s  %21v %10v  %d\n", name, took[name].Round(time.Millisecond), spent[name].Round(time.Millisecond), all.Commands)
	}
	fmt.Fprintf(out, "%-24s  %21s %10s\n", "ratio", share(took["holdfast"].Seconds(), took["keepalived"].Seconds()), share(spent["holdfast"].Seconds(), spent["keepalived"].Seconds()))
}

func (r checkRun) row(out io.Writer, name string) {
	fmt.Fprintf(out, "%6d %5v  %-10s  %14.4f %7.1f MB %9.1f  %20v %9v\n", r.Size.Checks, r.Size.Loop, name, r.CPU, float64(r.Memory)/1024, r.Rate,
		quantile(r.Removal, 0.5).Round(time.Millisecond), quantile(r.Removal, 1).Round(time.Millisecond))
}

// medianChecks are the medians of a program's runs of one size; of the deaths all.
func medianChecks(runs []checkRun, program string, size checkSize) (m checkRun) {
	var mine []checkRun
	m.Program, m.Size = program, size
	for _, r := range runs {
		if r.Program == program && r.Size == size {
			mine = append(mine, r)
			m.Removal = append(m.Removal, r.Removal...)
		}
	}
	if len(mine) == 0 {
		return m
	}
	slices.Sort(m.Removal)
	m.CPU = median(mine, func(r checkRun) float64 { return r.CPU })
	m.Memory = median(mine, func(r checkRun) int64 { return r.Memory })
	m.Rate = median(mine, func(r checkRun) float64 { return r.Rate })
	return m
}

// share is a/b as text.
func share(a, b float64) string {
	if b <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}
