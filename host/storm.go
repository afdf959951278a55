package host

import (
	"slices"
	"time"
)

// removals counts for each object how often it had to be put back lately, by the
// command that adds it. A tool that keeps removing an object has met its match:
// after StormRepairs within StormWindow it is told once, and the object is put
// back once in StormPace until it has been left alone for a StormWindow. Other
// objects do not wait for it.
type removals map[string]*removal

type removal struct {
	at    []time.Time // repairs within StormWindow
	storm bool
}

// count takes repairs in and returns the storms that began with them.
func (r removals) count(now time.Time, repairs []Op) (storms []RepairStorm) {
	for _, op := range repairs {
		one := r[op.String()]
		if one == nil {
			one = &removal{}
			r[op.String()] = one
		}
		one.expire(now)
		one.at = append(one.at, now)
		if len(one.at) >= StormRepairs && !one.storm {
			one.storm = true
			storms = append(storms, RepairStorm{Repairs: len(one.at), Of: op})
		}
	}
	for key, one := range r { // so that it does not grow
		if one.expire(now); len(one.at) == 0 {
			delete(r, key)
		}
	}
	return storms
}

// expire forgets what is older than a window; a whole quiet one ends a storm.
func (o *removal) expire(now time.Time) {
	o.at = slices.DeleteFunc(o.at, func(at time.Time) bool { return now.Sub(at) > StormWindow })
	o.storm = o.storm && len(o.at) > 0
}

// notBefore is when an object may be put back: now, unless there is a storm.
func (r removals) notBefore(now time.Time, op Op) time.Time {
	if len(r) == 0 {
		return now // the usual case, without a text
	}
	one := r[op.String()]
	if one == nil || !one.storm || len(one.at) == 0 {
		return now
	}
	if next := one.at[len(one.at)-1].Add(StormPace); next.After(now) && now.Sub(one.at[len(one.at)-1]) <= StormWindow {
		return next
	}
	return now
}
