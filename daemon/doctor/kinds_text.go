package doctor

// textKinds are about characters, braces and quotes, before any keyword counts.
var textKinds = []Kind{
	{"block-without-keyword", inFile, "An opening brace stands where no keyword is before it that could have a block.", blockLost, "write the keyword on the line of the brace, or take the block away", "{\n    state MASTER\n}\n"},
	{"encoding", inFile, "The file is UTF-16 or UTF-32 text, as some editors save it.", "The file is not read and the program ends with status 6.", "save it as UTF-8", ""},
	{"extra-brace", inFile, "A closing brace closes nothing: there is one too many, or an opening one is missing above.", "The brace is left out; what follows it belongs to no block.", "take it away, or add the opening brace", "global_defs {\n}\n}\n"},
	{"foreign-blank", inFile, "A no-break space or another typographic blank, mostly from a web page, stands where a plain blank is meant.", "It is read as a blank; keepalived takes it for part of the word.", "replace it by a plain blank", "vrrp_instance\u00a0VI_1 {\n    interface eth0\n    virtual_router_id 51\n}\n"},
	{"internal-error", inFile, "holdfast itself failed while it looked at the file, which is no mistake of the file.", "This file is not checked; other files are.", "report it with the file", ""},
	{"line-too-long", inFile, "A line is longer than any that makes sense.", lineLost, "divide it", ""},
	{"missing-brace", inFile, "A block is opened and never closed.", "The block ends where the next block of the top level begins, or with the file.", "close the block where it ends", "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n"},
	{"nul", inFile, "The line has a NUL character, so the file is no text or is damaged.", lineLost, "write the file anew", ""},
	{"syntax", inFile, "Words and braces are in an order that no statement has.", "The statements around it are not used.", "look at the braces near the place", ""},
	{"too-deep", inFile, "Blocks stand inside each other far deeper than any keyword needs.", blockLost, "close the blocks that are to end before", ""},
	{"too-many-mistakes", inFile, "The file has so many mistakes that the rest is not listed; mostly it is no configuration at all.", goesOn, "give the right file, or correct those that are listed first", ""},
	{"unmatched-quote", inFile, "A quote is opened and not closed on its line, or in a command or pattern.", "What follows the quote is not used; a command or pattern is not used at all.", "close the quote", "global_defs {\n    router_id \"node\n}\n"},
}

// usesKinds are about what other files and definitions bring in.
var usesKinds = []Kind{
	{"bad-parameter", inFile, "A built-in name such as ${_RANDOM} or ${_ENV} is used with parameters that it does not take.", "The use stays in the text as it is; ${_RANDOM} with its bounds exchanged gives the first one.", "correct the parameters", "global_defs {\n    router_id ${_ENV}\n}\n"},
	{"bad-repetition", inFile, "The arguments of ~SEQ or ~LST cannot be used: not numbers, a step of the wrong sign, or names and values that do not go together.", lineLost, "correct the arguments", "~SEQ(I, 1, x) include /etc/k${I}.conf\n"},
	{"definition-loop", inFile, "A definition uses itself, or grows with each use, so replacing it would never end.", lineLost, "take the use of itself out of the definition", "$A=${A}x\nglobal_defs {\n    router_id ${A}\n}\n"},
	{"file-missing", inFile, "The configuration file that was named is not there or cannot be read.", cannotRun, "name a file that exists", ""},
	{"include-cycle", inFile, "A file includes itself, directly or through another.", "The file is not read a second time.", "take one of the include statements away", "include loop.conf\n"},
	{"include-failed", inFile, "An include statement names a file that is not there or cannot be read.", "The rest of the file is used; with include_check, includer and the like, the program ends with status 6.", "correct the name, or create the file", "include nowhere.conf\n"},
	{"include-too-deep", inFile, "Files include each other deeper than is of any use.", "The file is not read.", "include from fewer files", ""},
	{"multi-line-use", inFile, "A definition of several lines is used in the middle of a line.", "The use stays in the text as it is.", "let the use end its line", "$A= \\\n    router_id a\\\n    router_id b\nglobal_defs {\n    ${A} x\n}\n"},
	{"multiple-files", inFile, "The pattern given as configuration file matches several files.", "All of them are read, in the order of their names; --config-test reports it.", "name one file, and include the others from it", ""},
	{"pattern-too-long", inFile, "The pattern of an include statement is longer than any path.", notUsed, "shorten it", ""},
	{"too-many-lines", inFile, "Repetitions and definitions make far more lines than any configuration has.", "The rest is not read.", "correct the bounds of the repetition", ""},
	{"undefined", inFile, "A ${NAME} is used and nothing has defined the name.", "The text stays as it is, and is mostly no valid value then.", "define the name above its use, or correct it", "global_defs {\n    router_id ${NODE}\n}\n"},
	{"unreadable", inFile, "The system refuses to go on reading a file that it has opened.", "The rest of the file is missing, and the program ends with status 6.", "look at the file system, or name another file", ""},
}

// wordKinds are about keywords and their arguments, wherever they stand.
var wordKinds = []Kind{
	{"bad-interface-name", inInstance, "A word cannot be the name of an interface: names have 1 to 15 characters, no slash, no blank, and for a VMAC no colon.", notUsed, "correct the name", "interface eth0/1"},
	{"bounds-reversed", inInstance, "Of two limits the lower is above the upper: TTLs of a peer, lengths of a reply, offsets of a pattern, thresholds of a server, quorum and quorum_max.", "The line of a peer is left out; the lower threshold of a server, the offsets of a pattern and the later limit of a process are not used; a UDP_CHECK stays, and no reply passes it.", "exchange or correct the two", "unicast_peer { 192.0.2.3 min_ttl 9 max_ttl 3 }"},
	{"clamped", inInstance, "A number is outside what can be used, and there is a nearest one that can.", otherValue, "write the value that is used", "garp_master_repeat 0"},
	{"cut-off", inInstance, "A word has something behind it that is not looked at, such as a length behind an address that takes none, or more octets than a MAC address has.", "What is too much is ignored.", "leave out what is too much", "mcast_src_ip 192.0.2.2/24"},
	{"deprecated", inInstance, "The keyword or form is an old spelling of another.", "It works as the new one does; whether --config-test reports it is as with keepalived.", "write what the message names", "lvs_sync_daemon_interface eth1"},
	{"duplicate", inInstance, "A list names something that it has already: a peer, an address, a tracked object, a key, an interface.", lineLost, "take one of the two away", "virtual_ipaddress { 192.0.2.100/24; 192.0.2.100/24 }"},
	{"duplicate-name", inFile, "Two blocks of one kind have one name.", "The first one counts, the later block is not used.", "rename one of the two", "virtual_server_group g { 192.0.2.9 80 }; virtual_server_group g { 192.0.2.10 80 }"},
	{"empty-block", inFile, "A block that lists things has nothing in it.", "The block does nothing; a group without members or entries is not used.", "fill the block, or take it away", "virtual_server_group g { }"},
	{"extra-arguments", inInstance, "The statement has more words than it takes.", "What is too much is ignored; where one word must stand alone, the statement is not used.", "take the further words away, or put quotes around words that belong together", "priority 100 200"},
	{"missing-argument", inInstance, "The statement lacks a word that it needs.", notUsed, "add what the message wants", "priority"},
	{"missing-block", inFile, "The keyword stands without the block in braces that must follow it.", notUsed, "add the block", "vrrp_instance VI_1"},
	{"mixed-families", inInstance, "IPv4 and IPv6 stand together where one family is needed: addresses of an instance, both ends of a session or check, servers and their service, a route or rule.", "What is of the other family is left out, or the whole if nothing is left.", "use one family; for further addresses of an instance, virtual_ipaddress_excluded", "virtual_ipaddress { 192.0.2.100/24; 2001:db8::100/64 }"},
	{"no-name", inFile, "A block stands without the name that it needs.", blockLost, "write a name before the brace", "vrrp_sync_group { group { VI_1; VI_2 } }"},
	{"not-a-bool", inInstance, "A switch has another word than true, on, yes, false, off or no.", notUsed, "write one of these words", "higher_prio_send_advert maybe"},
	{"not-a-number", inInstance, "A word must be a number and is none.", notUsed, "write a number", "priority high"},
	{"not-a-prefix", inGlobal, "A word must be an address, perhaps with a slash and a length, and is none.", notUsed, "correct the address", ""},
	{"not-an-address", inInstance, "A word must be an IP address and is none. Names of hosts are not looked up.", "The statement is not used; of a list, the line.", "write the address", "mcast_src_ip host.example.net"},
	{"not-multicast", inInstance, "The address must be a multicast address, for IPv6 a link-local one.", notUsed, "write one of 224.0.0.0/4 or ff02::/16", "mcast_dst_ip 192.0.2.9"},
	{"not-one-of", inInstance, "An argument must be one of a few words and is another. Upper and lower case count.", "The statement is not used; a default may take its place, which the message then says.", "write one of the words that the message lists", "state PRIMARY"},
	{"not-supported-yet", inFile, "The keyword is read and checked, and holdfast does not do what it says yet.", "It has no effect; the message says what happens meanwhile.", "do without it, or stay with keepalived on this node", "global_defs { enable_traps }"},
	{"out-of-range", inInstance, "A number is outside the range that the statement takes.", "The statement is not used; a wrong length is replaced by the full one.", "write a number within the range", "virtual_router_id 300"},
	{"repeated", inInstance, "A keyword that may stand once stands again, or a word of a line does.", "The first one counts; of SSL blocks and of destinations of a route the last one. A line that says dev twice is left out.", "take one of the two away", "notify /bin/true; notify /bin/false"},
	{"too-long", inInstance, "A name, label, password or path is longer than what may be, or is empty.", "It is cut, or not used; the message says which.", "shorten it", "authentication { auth_type PASS; auth_pass 123456789 }"},
	{"too-precise", inInstance, "A number of seconds has more digits behind the point than count.", otherValue, "write fewer digits", "advert_int 1.0000001"},
	{"unexpected-block", inInstance, "A block follows a keyword that takes none.", notUsed, "take the block away", "priority 100 { a }"},
	{"unknown-account", inScript, "A user or group that a script, a check or a pipe names has no account on this machine.", "The script or check is not run; a pipe is made with the default owner.", "create the account, or name another", "user nosuchuser"},
	{"unknown-instance", inFile, "A sync group, a track_group or the sync daemon names a vrrp_instance that the file does not have.", "The name is left out; a sync daemon is not run.", "correct the name, or add the instance", "vrrp_sync_group g { group { VI_8; VI_9 } }"},
	{"unknown-keyword", inInstance, "The word is no keyword of this block.", "The statement is not used, nor is its block.", "correct the spelling, or move it to the block where it belongs", "priorty 100"},
	{"unknown-name", inInstance, "A word is neither a number nor a name that the machine's tables of scopes, realms, protocols and the like have.", "The line is left out; an unknown scope of an address is read as global.", "write the number, or add the name to the table below /etc/iproute2", "virtual_routes { 10.0.0.0/8 dev eth0 table nosuchtable }"},
	{"unknown-option", inInstance, "A line has a word that it cannot have there.", "Depending on the statement the word, what follows it, or the line is left out; the message says which.", "correct the word", "virtual_ipaddress { 192.0.2.100/24 device eth0 }"},
}
