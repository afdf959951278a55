// Package notify tells the outside what has happened: it runs hooks and mails
// alerts, and checks beforehand who runs a hook and who could have changed it.
//
// Hooks change other machines' idea of who is MASTER, so their order matters more
// than their speed. Every object (instance, group, real server, virtual server)
// has a queue of its own: its hooks never overlap and never come out of order, the
// state's script runs before the generic one, and objects do not wait for each
// other. keepalived starts hooks side by side; a slow notify_backup can then end
// after notify_master and leave the wrong state behind.
//
// A hook that hangs is ended at its limit, with its process group. When hooks are
// slower than events, overtaken states are skipped (QueueBound), but never the
// newest: the last hook that ran names the state the object is in. Every hook
// that ran, and every one that did not, is a fact with the reason.
//
// At the end Close waits for the stop hooks, up to its caller's limit. Hooks are
// ended by the owner of their context and not by a parent-death signal; package
// run says why.
//
// Mail is one ordered queue. One session per mail, as keepalived has it, one time
// limit for the whole session, no second try.
//
// A FIFO gets lines about everything, in order. Nobody waits for its reader: lines
// that do not fit into the pipe wait in a bounded queue, and the oldest are lost.
//
// Goroutines: one for each object that has hooks to run, gone when it has none;
// one for mail; one for each FIFO, and one for the reader that we run for it.
// Dispatcher.Close, Mailer.Close and FIFOs.Close wait for them.
//
// Files, in reading order:
//
//	hook.go           Hook, Hooks, Event: what is run for which state
//	queue.go          Dispatcher: the ordered queues
//	account_linux.go  which account a script gets
//	path_linux.go     following a path and judging what lies on it
//	security_linux.go Checker, SecurityReport: findings for the configuration test
//	fifo.go           the lines of FIFOs, the queue for those who read them
//	fifo_linux.go     FIFOs: named pipes and their readers
//	mail.go           subjects, bodies, headers
//	smtp.go           Mailer: the session with the relay
//
// What is on the way to a script is looked at once, while the configuration is
// read; access control lists are not looked at.
//
// Sources: keepalived.conf(5) (notify_*, script_user, enable_script_security,
// notification_email, smtp_server), RFC 5321, RFC 5322, keepalived 2.2.7 observed.
package notify
