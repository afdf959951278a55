// Package threads tells the kernel how to treat this process: nice value,
// real-time priority and processors of every one of its threads, memory that
// stays in RAM, and the processor time a real-time thread may take in one go.
//
// Linux keeps the first three for each thread, and Go makes threads when it
// likes. Three things together make them hold for all:
//
//   - A new thread inherits from the one that makes it. So SCHED_RR is set
//     without the flag reset-on-fork, which keepalived uses: it would strip every
//     thread that the runtime makes later.
//   - Apply goes over /proc/self/task until a whole pass finds nothing to change.
//   - A thread that is being made has its parent's old settings and is in no list
//     yet. So a barrier comes before each pass: a system call that the runtime
//     has every thread make, for which it waits until threads under way are there.
//     After a barrier and a clean pass no thread is left that could make one of
//     the old kind.
//
// Programs that are started inherit too, and must not: AsBefore runs the fork on
// a thread that is locked and has nice value and processors of the start. It
// stays real-time, with the flag reset-on-fork: would it not, the collector would
// wait for a thread that does not get its turn on a busy machine, and everybody
// for the collector. The runtime never makes a thread from one that is locked.
// Apply and AsBefore exclude each other, or Apply would set that thread again.
//
// Memory: MCL_ONFAULT locks pages as they are used. Without it a process of
// 13 MB had 90: the runtime reserves address space far beyond its heap, and every
// piece was filled. The program itself, which a disk may hold, is brought in at
// once. What the runtime gives back it maps anew, since the kernel refuses
// madvise on locked pages.
//
// RLIMIT_RTTIME counts for each thread. The collector and the decoder of a large
// configuration use more than keepalived's 10 ms without a pause, so that limits
// below a second count as one (MinRTTime).
//
// Files, in reading order:
//
//	settings.go      Settings, what is changed from what (pure)
//	threads_linux.go Apply, AsBefore
//
// Sources: sched(7), sched_setattr(2), setpriority(2), sched_setaffinity(2),
// mlockall(2), setrlimit(2), runtime/proc.go on locked threads.
package threads
