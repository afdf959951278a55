package event

// Overflow is what a subscriber gives up when its queue is full.
type Overflow uint8

const (
	// DropOldest loses the oldest waiting fact: for live views and records,
	// which can show a gap.
	DropOldest Overflow = iota
	// KeepLastState loses the oldest waiting fact that a later one overtakes,
	// that is one of the same type about the same object. The newest of each is
	// never lost and the order is kept: for hooks, FIFOs and mail, whose last
	// word must be true. If nothing is overtaken the queue grows beyond its
	// bound; it can then not be longer than there are objects.
	KeepLastState
)

// queue is one subscriber's backlog. Not safe for concurrent use: Bus guards it.
type queue struct {
	policy  Overflow
	bound   int
	facts   []Fact
	waiting map[key]int // how many facts of each key wait
	dropped uint64      // since the start
}

func newQueue(policy Overflow, bound int) *queue {
	return &queue{policy: policy, bound: bound, waiting: map[key]int{}}
}

// push appends f and makes room first if it must.
func (q *queue) push(f Fact) {
	if len(q.facts) >= q.bound {
		q.makeRoom(f.key())
	}
	q.facts = append(q.facts, f)
	q.waiting[f.key()]++
}

// makeRoom removes the oldest fact that the policy allows to lose, knowing
// that a fact with the key coming is about to follow.
func (q *queue) makeRoom(coming key) {
	if q.policy == DropOldest {
		q.remove(0)
		return
	}
	if q.waiting[coming] == 0 && len(q.waiting) == len(q.facts) {
		return // every waiting fact is the newest of its object
	}
	for i := range q.facts {
		k := q.facts[i].key()
		if q.waiting[k] > 1 || k == coming {
			q.remove(i)
			return
		}
	}
}

func (q *queue) remove(i int) {
	q.forget(q.facts[i].key())
	q.facts = append(q.facts[:i], q.facts[i+1:]...)
	q.dropped++
}

// pop takes the oldest fact.
func (q *queue) pop() (Fact, bool) {
	if len(q.facts) == 0 {
		return Fact{}, false
	}
	f := q.facts[0]
	q.facts[0] = Fact{} // let go of its strings
	q.facts = q.facts[1:]
	q.forget(f.key())
	return f, true
}

func (q *queue) forget(k key) {
	if q.waiting[k]--; q.waiting[k] == 0 {
		delete(q.waiting, k)
	}
}
