// Package bfd is what keepalived.conf says about BFD sessions: one bfd_instance
// block a session (RFC 5880, RFC 5881 for one hop, RFC 5883 for more). Routers
// and checks name a session to track it. Only the configuration is here: the
// blocks are read and checked, no packet is sent yet.
//
// A block either becomes a Config with every default filled in, or nil: who uses
// it later need not ask again whether it makes sense. What needs more than one
// block to be judged, names and neighbours that stand twice, is left to the
// caller, who knows them all.
//
// Files, in reading order:
//
//	keywords.go  Config, the vocabulary of bfd_instance, Decode
//
// Sources: keepalived.conf(5), what keepalived 2.2.7 was seen to do with the
// inputs in the tests, RFC 5880 for the meaning of the timers.
package bfd
