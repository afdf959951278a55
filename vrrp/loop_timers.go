package vrrp

import (
	"container/heap"
	"time"
)

// timers is a heap of instances by deadline.
type timers []*instance

// next is the earliest deadline; zero when there is none.
func (t timers) next() time.Time {
	if len(t) == 0 {
		return time.Time{}
	}
	return t[0].at
}

// file puts an instance where its machine's deadline belongs.
func (t *timers) file(in *instance) {
	at, was := in.m.Deadline(), in.at
	if at.Equal(was) {
		return
	}
	in.at = at
	switch {
	case was.IsZero():
		heap.Push(t, in)
	case at.IsZero():
		heap.Remove(t, in.index)
	default:
		heap.Fix(t, in.index)
	}
}

// Len, Push and Pop implement heap.Interface.
func (t timers) Len() int { return len(t) }

// Less puts the older one first where deadlines are equal: thousands that began
// at one moment send in the same order each time, and so each at its interval.
func (t timers) Less(i, j int) bool {
	if c := t[i].at.Compare(t[j].at); c != 0 {
		return c < 0
	}
	return t[i].serial < t[j].serial
}

// Swap implements heap.Interface.
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push files an instance at the end.
func (t *timers) Push(x any) {
	in := x.(*instance)
	in.index = len(*t)
	*t = append(*t, in)
}

// Pop takes the last one out.
func (t *timers) Pop() any {
	old := *t
	in := old[len(old)-1]
	old[len(old)-1] = nil // a removed instance is not kept alive
	*t = old[:len(old)-1]
	return in
}
