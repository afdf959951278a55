package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// benches are what can be compared, by name.
var benches = map[string]func(opt options) error{"config": benchConfig, "idle": benchIdle, "failover": benchFailover}

// options are those of the command line.
type options struct {
	holdfast, keepalived string // the programs
	rounds               int    // how often each runs

	vrrpRounds int           // the same for routers, which take longer
	window     time.Duration // how long idle routers are watched
	sizes      string        // how many of them, numbers with commas between
	realtime   bool          // with vrrp_rt_priority
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == measureWord {
		if err := measure(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
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
	flag.Parse()
	names := flag.Args()
	if len(names) == 0 {
		names = []string{"config", "idle", "failover"}
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
