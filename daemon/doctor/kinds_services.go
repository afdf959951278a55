package doctor

// groupKinds are about vrrp_sync_group.
var groupKinds = []Kind{
	{"already-grouped", inPair, "An instance is a member of two sync groups.", "It stays in the first.", "take it out of one of them", "vrrp_sync_group g { group { A } }; vrrp_sync_group h { group { A; B } }"},
	{"group-weight", inFile, "An instance in a sync group tracks something with a weight. Weights would let the priorities of the members drift apart.", "An interface is tracked without weight; other trackers with weight are not used.", "track it in the group, or set sync_group_tracking_weight", "vrrp_instance A { interface eth0; virtual_router_id 51; virtual_ipaddress { 192.0.2.100/24 }; track_interface { eth1 weight -10 } }; vrrp_sync_group g { group { A } }"},
	{"one-member", inPair, "A sync group has one member, so nothing moves together.", goesOn, "add members, or take the group away", "vrrp_sync_group g { group { A } }"},
	{"owner-and-backup", inFile, "A sync group has an address owner and a member with state BACKUP. They cannot be in one state.", "The group is used, and its states will not settle.", "give all members state BACKUP and priorities below 255", "vrrp_instance A { interface eth0; state MASTER; priority 255; virtual_router_id 51; virtual_ipaddress { 192.0.2.100/24 } }; vrrp_instance B { interface eth1; state BACKUP; virtual_router_id 52; virtual_ipaddress { 198.51.100.100/24 } }; vrrp_sync_group g { group { A; B } }"},
	{"tracked-twice", inFile, "A sync group and one of its members track the same object.", goesOn, "take one of the two lines away", "vrrp_instance A { interface eth0; virtual_router_id 51; virtual_ipaddress { 192.0.2.100/24 }; track_interface { eth1 } }; vrrp_sync_group g { group { A }; track_interface { eth1 } }"},
}

// trackKinds are about what instances and groups track.
var trackKinds = []Kind{
	{"init-value", inFile, "init_file of a track_file writes a number outside -254 to 254.", goesOn, "write the number that is meant", "track_file f { file /run/f; init_file 300 }"},
	{"no-file", inFile, "A track_file has no file.", blockLost, "add file", "track_file f { weight 2 }"},
	{"no-process", inFile, "A vrrp_track_process has no process.", blockLost, "add process", "vrrp_track_process p { weight 2 }"},
	{"own-interface", inInstance, "track_interface names the instance's own interface, which is tracked anyway.", lineLost, "take the line away", "track_interface { eth0 }"},
	{"owner-weight", inInstance, "An address owner, or a sync group with one, tracks something with a weight; its priority is 255 whatever happens.", "A tracker with weight is not used; in a group its weight is not.", "take the weight away, or give a priority below 255", "priority 255; state MASTER; track_interface { eth1 weight -10 }"},
	{"unknown-bfd", inInstance, "track_bfd or BFD_CHECK names a bfd_instance that the file does not have.", "The line or check is not used.", "correct the name, or add the bfd_instance", "track_bfd { nosuch }"},
	{"unknown-file", inInstance, "track_file of an instance or group, or FILE_CHECK, names a track_file that the file does not have.", "The line or check is not used.", "correct the name, or add the track_file", "track_file { nosuch }"},
	{"unknown-process", inInstance, "track_process names a vrrp_track_process that the file does not have.", lineLost, "correct the name, or add the vrrp_track_process", "track_process { nosuch }"},
	{"unknown-script", inInstance, "track_script names a vrrp_script that the file does not have.", lineLost, "correct the name, or add the vrrp_script", "track_script { nosuch }"},
	{"unused-script", inFile, "No instance or group tracks a vrrp_script.", "The script is not run.", "track it, or take it away", "vrrp_script a { script /usr/local/bin/chk }"},
}

// scriptKinds are about programs that the daemon runs.
var scriptKinds = []Kind{
	{"bad-command", inScript, "The command cannot be taken apart into a program and its arguments.", notUsed, "correct quotes and escapes", "script \" \""},
	{"no-command", inInstance, "A script statement has an empty command.", "Nothing is run.", "name a program, or take the statement away", "notify \"\""},
	{"no-script", inFile, "A vrrp_script has no script.", blockLost, "add script", "vrrp_script a { interval 2 }"},
	{"script-account-missing", inFile, "No script_user is given and the default account does not exist.", notRun, "add script_user to global_defs, or create the account", "global_defs { enable_script_security }; vrrp_script a { script /usr/local/bin/chk }"},
	{"script-account-refused", inFile, "The daemon does not run as root and cannot become the user of a script.", notRun, "start it as root, or run the script as the daemon's own user", ""},
	{"script-insecure", inScript, "A script of root, or a folder on the way to it, can be changed by others, and enable_script_security is set.", notRun, "change owner and mode as the message says", "script /srv/shared/chk; user root"},
	{"script-not-executable", inScript, "The file of a script cannot be executed by its user.", notRun, "chmod a+x the file", "script /usr/local/bin/text"},
	{"script-not-found", inScript, "The program of a script does not exist, or is not in the daemon's PATH.", notRun, "write the full path of a program that exists", "script /usr/local/bin/missing"},
	{"script-not-reachable", inScript, "A folder on the way to a script may not be searched by its user.", notRun, "let the user search the folder, or name another user", "script /root/chk; user nobody"},
	{"script-security-off", inFile, "Scripts are run and enable_script_security is not set, so nobody looks whether others can change what root runs.", "Scripts run; --config-test ends with status 6.", "add enable_script_security to global_defs", "vrrp_script a { script /usr/local/bin/chk; user root }; vrrp_instance VI_1 { interface eth0; virtual_router_id 51; virtual_ipaddress { 192.0.2.100/24 }; track_script { a } }"},
	{"script-without-path", inScript, "A script is named without its path and was found in the daemon's PATH.", "The program that was found is run.", "write the full path", "script chk"},
}

// serviceKinds are about virtual_server, real_server and groups of them.
var serviceKinds = []Kind{
	{"bad-range", inFile, "A line of virtual_server_group is no address, range or prefix, or one with too many addresses.", lineLost, "write ADDRESS, ADDRESS-LAST or ADDRESS/LENGTH", "virtual_server_group g { 192.0.2.1-x 80; 192.0.2.9 80 }"},
	{"bad-tunnel", inService, "The words behind lvs_method TUN do not go together: a port belongs to gue and only there.", notUsed, "correct type and port", "lvs_method TUN type gue"},
	{"duplicate-real-server", inService, "A virtual_server has two real servers that are one destination.", "The first one counts.", "take one away, or correct address and port", "real_server 198.51.100.11 80 { }; real_server 198.51.100.11 80 { }"},
	{"duplicate-service", inFile, "Two virtual_server blocks are for one address, port and protocol, or one mark.", "The first block counts.", "put all real servers into one block", "virtual_server 192.0.2.100 80 { protocol TCP; real_server 198.51.100.11 80 { } }; virtual_server 192.0.2.100 80 { protocol TCP; real_server 198.51.100.12 80 { } }"},
	{"engine-alone", inService, "persistence_engine stands without persistence_timeout.", notUsed, "add persistence_timeout", "persistence_engine sip"},
	{"granularity-family", inService, "persistence_granularity is for the other family: IPv4 has a mask, IPv6 a length.", notUsed, "write a mask such as 255.255.255.0, or a length for IPv6", "persistence_granularity 64"},
	{"ha-suspend-mark", inFile, "ha_suspend stands at a firewall mark, which has no address that could be missing.", notUsed, "take it away", "virtual_server fwmark 5 { lvs_sched rr; lvs_method NAT; ha_suspend; real_server 198.51.100.11 80 { } }"},
	{"hysteresis-too-high", inService, "hysteresis is not below quorum.", otherValue, "write less than quorum", "quorum 1; hysteresis 1"},
	{"mark-family", inFile, "A group has IPv4 and IPv6 addresses and a mark that does not say which family it is for.", blockLost, "add inet or inet6 behind the mark", "virtual_server_group g { 192.0.2.9 80; 2001:db8::9 80; fwmark 5 }"},
	{"mark-protocol", inFile, "protocol stands at a firewall mark, which alone decides.", notUsed, "take it away, and mark only what is to be balanced", "virtual_server fwmark 5 { lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 80 { } }"},
	{"no-lvs-method", inFile, "A virtual_server has no lvs_method, and a real server needs one.", "NAT is used.", "write lvs_method", "virtual_server 192.0.2.100 80 { lvs_sched rr; protocol TCP; real_server 198.51.100.11 80 { } }"},
	{"no-protocol", inFile, "A virtual_server has no protocol.", "UDP is used, so TCP is not balanced.", "write protocol TCP, UDP or SCTP", "virtual_server 192.0.2.100 80 { lvs_sched rr; lvs_method NAT; real_server 198.51.100.11 80 { } }"},
	{"no-real-server", inFile, "A virtual_server has no real_server that can be used.", blockLost, "add a real_server", "virtual_server 192.0.2.100 80 { lvs_sched rr; lvs_method NAT; protocol TCP }"},
	{"no-scheduler", inFile, "A virtual_server has no lvs_sched.", "The default scheduler is used.", "write lvs_sched", "virtual_server 192.0.2.100 80 { lvs_method NAT; protocol TCP; real_server 198.51.100.11 80 { } }"},
	{"no-sorry-server", inService, "A keyword about the sorry server stands before sorry_server, or without it.", notUsed, "write it behind sorry_server", "sorry_server_inhibit"},
	{"ops-protocol", inService, "ops stands in a service that is not UDP.", notUsed, "take it away", "ops"},
	{"port-0-persistence", inFile, "The service is for every port (port 0) and has no persistence, which ip_vs needs then.", "persistence_timeout 360 is used.", "write persistence_timeout", "virtual_server 192.0.2.100 0 { lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 { } }"},
	{"quorum-too-high", inService, "quorum is above the weights of all real servers together.", otherValue, "write at most the sum of the weights", "quorum 5"},
	{"quorum-unreachable", inService, "quorum plus hysteresis is above the weights of all real servers together, so a lost quorum is never gained again.", goesOn, "lower one of the two", "quorum 2; hysteresis 1; real_server 198.51.100.11 80 { weight 2 }"},
	{"server-port", inService, "A real server has a port of its own, and only NAT changes ports.", "The port of the service is used.", "leave the port out, or use NAT", "lvs_method DR; real_server 198.51.100.11 8080 { }"},
	{"sorry-inhibit", inService, "sorry_server is a real server too, and the two differ in inhibit_on_failure.", "That of the real server counts.", "take sorry_server_inhibit away, or add inhibit_on_failure", "sorry_server 198.51.100.11 80; sorry_server_inhibit"},
	{"threshold", inServer, "uthreshold is more than the kernel can hold.", otherValue, "write a smaller number", "uthreshold 4000000000"},
	{"unknown-group", inFile, "A virtual_server names a virtual_server_group that the file does not have.", blockLost, "correct the name, or add the group", "virtual_server group g { lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 80 { } }"},
	{"wrong-scheduler", inService, "A flag of a scheduler stands before lvs_sched, or with another scheduler.", notUsed, "write it behind the lvs_sched that it belongs to", "lvs_sched rr; sh-port"},
}

// checkKinds are about health checks.
var checkKinds = []Kind{
	{"bad-digest", inURL, "digest is not 32 hexadecimal digits.", notUsed, "write what holdfast genhash prints", "digest 12"},
	{"bad-hex", inServer, "payload or require_reply is no hexadecimal text.", notUsed, "write two digits for each octet", "UDP_CHECK { payload xyz }"},
	{"bad-name", inServer, "name of DNS_CHECK cannot be the name of a host.", notUsed, "correct the name", "DNS_CHECK { name a..b }"},
	{"bad-regex", inURL, "regex is no pattern that can be compiled, or more than one word.", "The url is asked without it.", "correct the pattern; put quotes around one with blanks", "regex (; status_code 200"},
	{"bad-status", inURL, "status_code is no code or range between 100 and 599.", wordLost, "write a code such as 200, or a range such as 200-299", "status_code 2000"},
	{"client-certificate", inFile, "The certificate or key of the SSL block cannot be used.", "SSL_GET asks without a certificate.", "correct the files", "SSL { certificate /nowhere.pem; key /nowhere.key }"},
	{"link-local", inServer, "A check goes to a link-local address and names no interface.", checkLost, "add bind_if", "TCP_CHECK { connect_ip fe80::5 }"},
	{"no-path", inServer, "A url has no path, or MISC_CHECK no misc_path.", "The url or check is not used.", "add it", "MISC_CHECK { misc_timeout 2 }"},
	{"no-regex", inURL, "Options of a pattern stand in a url that has no regex.", notUsed, "add regex, or take the options away", "regex_options caseless; status_code 200"},
	{"no-track-file", inServer, "FILE_CHECK names no track_file.", checkLost, "add track_file", "FILE_CHECK { weight 2 }"},
	{"no-url", inServer, "HTTP_GET or SSL_GET has no url that can be asked.", checkLost, "add a url block with a path", "HTTP_GET { connect_timeout 2 }"},
}

// bfdKinds are about bfd_instance.
var bfdKinds = []Kind{
	{"duplicate-session", inFile, "Two bfd_instance blocks are one session: same neighbour, source and port.", "The first one counts.", "take one of them away", "bfd_instance a { neighbor_ip 192.0.2.3 }; bfd_instance b { neighbor_ip 192.0.2.3 }"},
	{"long-interval", inBFD, "An interval is very long. The unit is milliseconds.", goesOn, "write milliseconds", "min_rx 50000"},
	{"no-neighbor", inFile, "A bfd_instance has no neighbor_ip.", blockLost, "add neighbor_ip", "bfd_instance b { min_rx 50 }"},
}

// globalKinds are about global_defs and other blocks of the top level.
var globalKinds = []Kind{
	{"empty-path", inGlobal, "A path is the empty word.", notUsed, "write the path, or take the statement away", "state_dump_file \"\""},
	{"no-interval", inFile, "A garp_group has neither garp_interval nor gna_interval.", blockLost, "add one of the two", "garp_group { interface eth0 }"},
	{"no-iptables", inGlobal, "vrrp_iptables is set, and holdfast has no iptables, as keepalived of Debian has none.", "nftables is used instead.", "write nftables in place of vrrp_iptables and vrrp_ipsets", "vrrp_iptables"},
	{"not-a-host", inGlobal, "smtp_server is digits, dots and colons that are no address.", notUsed, "write an address or a name and, apart from it, the port", "smtp_server 192.0.2.25:25"},
	{"not-link-local", inGlobal, "vrrp_mcast_group6 is not a link-local multicast address.", goesOn, "write one of ff02::/16", "vrrp_mcast_group6 ff05::12"},
	{"same-fifo", inGlobal, "Two pipes are one and the same, or one pipe has two readers.", "The later one is not used.", "give each its own path", "notify_fifo /run/f; vrrp_notify_fifo /run/f"},
	{"same-name", inGlobal, "Chains or sets of the firewall must have different names.", notUsed, "give each its own name", "vrrp_iptables A A"},
	{"sets-in-nftables", inGlobal, "vrrp_ipsets names ipsets, and holdfast makes none.", "The addresses are in sets of the nftables tables instead: vips, vips_link_local.", "look there, with nft list ruleset, and write nftables in place of vrrp_iptables and vrrp_ipsets", "vrrp_iptables; vrrp_ipsets a"},
	{"size-and-policy", inGlobal, "A buffer has a number and a word such as MTU.", "The number is used.", "leave one of the two", "vrrp_rx_bufs_policy 5000 MTU"},
	{"two-policies", inGlobal, "A buffer has MTU and ADVERT.", "MTU is used.", "leave one of the two", "vrrp_rx_bufs_policy ADVERT MTU"},
	{"unused-sets", inGlobal, "vrrp_ipsets stands without vrrp_iptables.", notUsed, "take it away", "vrrp_ipsets a b c"},
}
