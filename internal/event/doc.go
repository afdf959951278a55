// Package event carries facts from those who decide to those who tell: hooks,
// mail, FIFOs, status, metrics, the recorder.
//
// A fact is something that has happened: past tense, with its reason. Facts
// flow one way. Nobody who publishes reads an answer, and nobody who publishes
// waits: adverts come first, so a stuck reader must cost the reader and not the
// router. Hence the two promises of Bus:
//
//   - Publish never blocks. Every subscriber has a bounded queue of its own and
//     says beforehand what is given up when it is full (Overflow). What was
//     given up is counted, and reported as a fact once the reader has caught up.
//   - All subscribers see the facts in one order, that of Fact.Seq. A gap in Seq
//     is a fact the subscriber has lost.
//
// Goroutines: each subscription has one, which calls the subscriber's function.
// It is owned by the Bus: the cancel function of Subscribe waits for one, Close
// for all. The mutex of a Bus guards its queues only; it is never held while a
// subscriber's function runs, so handlers may publish.
//
// Files, in reading order:
//
//	fact.go  Fact, its JSON form, the names of types and kinds
//	bus.go   Bus, Subscribe, Publish, Close, counters
//	queue.go one subscriber's queue and what it gives up when full
//
// The JSON form of a fact is one line of the recorder's file and one message on
// the socket between supervisor and child.
package event
