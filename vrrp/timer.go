package vrrp

import "time"

// Timer wakes the loop at one moment. Linux gives a better one than package
// time, whose timers are up to a millisecond late by design; see timerfd_linux.go.
type Timer interface {
	// C delivers something when the moment set last has come, perhaps also
	// when it has not: the loop looks at the clock itself.
	C() <-chan time.Time
	// Set replaces the moment; the zero Time means never.
	Set(at time.Time)
	Close() error
}

// goTimer is the Timer of package time: for tests in virtual time, and where
// there is no timerfd.
type goTimer struct{ t *time.Timer }

// NewGoTimer makes a Timer of package time.
func NewGoTimer() Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return goTimer{t}
}

func (g goTimer) C() <-chan time.Time { return g.t.C }

func (g goTimer) Set(at time.Time) {
	if at.IsZero() {
		g.t.Stop()
		return
	}
	g.t.Reset(time.Until(at))
}

func (g goTimer) Close() error {
	g.t.Stop()
	return nil
}
