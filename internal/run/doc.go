// Package run starts scripts and ends them: hooks, track scripts, misc checks.
//
// One call of Runner.Run is one script, from start to its last process we are
// responsible for. The caller's context is the only limit: when it ends, the
// script's whole process group gets SIGTERM, and SIGKILL two seconds later.
// Callers that want to test without processes write their own Runner.
//
// Decisions:
//
//   - No parent-death signal. The kernel sends it when the thread that forked
//     ends, and Go ends threads when it likes; locking a thread for the life of
//     every script would cost a thread each and still kill a stop hook when the
//     daemon is restarted. Instead the owner of the context ends the process
//     group, and stop hooks are waited for before the daemon goes.
//   - The leader of the group is not reaped before the group has been signalled
//     for the last time (waitid with WNOWAIT), so its number cannot belong to a
//     stranger when we send to it.
//   - A script that ends by itself may leave processes behind, as a hook that
//     starts a service does. Only a script that is ended takes its group along;
//     what outlives the leader then is killed at once.
//   - Nice value, real-time priority and processors of the process that starts a
//     script are not the script's: package threads gives it those from before.
//   - umask belongs to the process, not to a thread, and is inherited: the
//     daemon sets it once (SetUmask, 0177 as keepalived has it).
//   - A file without #! is started with /bin/sh, as execvp would.
//   - A command "</path" is keepalived's open-for-read test: success when the
//     account can open the file. It is opened by a child, because open may block
//     and because permissions are those of the account. "</dev/tcp/HOST/PORT"
//     is what a shell such as bash makes of it: a TCP connection that succeeds.
//
// Goroutines: Run has one per call, which waits for the child; it ends before
// Run returns, unless the kernel cannot end the child (uninterruptible sleep on
// a dead disk), which Run reports as ErrStuck after its limit.
//
// Files, in reading order:
//
//	run.go       Command, Result, Runner, the environment scripts get
//	wait.go      how a script that must end is ended
//	run_linux.go Exec, the real Runner
//	open.go      the open-for-read test
//
// Sources: keepalived.conf(5) (scripts), execvp(3), waitid(2), prctl(2) on
// PR_SET_PDEATHSIG, setpgid(2).
package run
