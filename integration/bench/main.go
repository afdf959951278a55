package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// benches are what can be compared, by name.
var benches = map[string]func(opt options) error{"config": benchConfig, "idle": benchIdle, "failover": benchFailover, "checks": benchChecks}

// options are those of the command line.
type options struct {
	holdfast, keepalived string // the programs
	rounds               int    // how often each runs

	vrrpRounds int           // the same for routers, which take longer
	window     time.Duration // how long idle routers are watched
	sizes      string        // how many of them, numbers with commas between
	realtime   bool          // with vrrp_rt_priority

	checkRounds, checkRate int    // rounds of checks, how many a second at most
	checks                 string // how many there are, numbers with commas between
	deaths, services       int    // of servers in a run, of the reload
}

func main() {
	if len(os.Args) > 2 && (os.Args[1] == measureWord || os.Args[1] == insideWord) {
		part := measure(os.Args[2:])
		if os.Args[1] == insideWord {
			part = insideMachine(os.Args[2])
		}
		if part != nil {
			fmt.Fprintln(os.Stderr, part)
			os.Exit(1)
		}
		return
	}
	var opt options
	flag.StringVar(&opt.holdfast, "holdfast", "bin/holdfast", "the program to measure")
	flag.StringVar(&opt.keepalived, "keepalived", "keepalived", "the program to compare it with")
	flag.IntVar(&opt.rounds, "rounds", 5, "how often each program does the same work")
	flag.IntVar(&opt.vrrpRounds, "vrrp-rounds", 3, "the same for idle and failover")
	flag.DurationVar(&opt.window, "window", 8*time.Second, "how long idle routers are watched")
	flag.StringVar(&opt.sizes, "sizes", "10,255,4080", "how many virtual routers are idle")
	flag.BoolVar(&opt.realtime, "realtime", false, "run idle routers with vrrp_rt_priority, as one does on a busy machine")
	flag.IntVar(&opt.checkRounds, "check-rounds", 2, "how often each program does the same work in checks")
	flag.StringVar(&opt.checks, "checks", "100,1000,5000", "how many TCP_CHECKs there are")
	flag.IntVar(&opt.checkRate, "check-rate", 250, "checks a second that the emulated machine is asked for; delay_loop is 3 s, or as long as this needs")
	flag.IntVar(&opt.deaths, "deaths", 8, "how many servers die in each run of checks")
	flag.IntVar(&opt.services, "services", 1000, "how many virtual services are reloaded")
	flag.Parse()
	names := flag.Args()
	if len(names) == 0 {
		names = []string{"config", "idle", "failover", "checks"}
	}
	for _, name := range names {
		bench, known := benches[name]
		if !known {
			fmt.Fprintf(os.Stderr, "bench: there is no bench %q\n", name)
			os.Exit(2)
		}
		if err := bench(opt); err != nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}
