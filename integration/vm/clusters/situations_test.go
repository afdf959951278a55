package clusters

// situations are the features of virtual servers, one by one. The usual
// servers a, b and c are 10.9.0.11, .12 and .13.
var situations = []situation{
	// Servers that come and go.
	{name: "a server dies and returns", conf: vs("rr", "", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2", steps: []step{
		{what: "dies", files: "a=1", want: "rr; 12 w2"},
		{what: "returns", files: "a=0", want: "rr; 11 w3; 12 w2"},
	}},
	{name: "all servers die and return", conf: vs("rr", "", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2", steps: []step{
		{what: "die", files: "a=1 b=1", want: "rr"},
		{what: "return", files: "a=0 b=0", want: "rr; 11 w3; 12 w2"},
	}},
	{name: "a server is dead at the start", files: "a=1", conf: vs("rr", "", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 12 w2", steps: []step{
		{what: "returns", files: "a=0", want: "rr; 11 w3; 12 w2"},
	}},
	{name: "a server is reweighted by reload", conf: vs("wrr", "", rs("a", "weight 3"), rs("b", "weight 2")), want: "wrr; 11 w3; 12 w2", steps: []step{
		{what: "reload", reload: vs("wrr", "", rs("a", "weight 7"), rs("b", "weight 2")), want: "wrr; 11 w7; 12 w2"},
	}},
	{name: "a server is removed by reload", conf: vs("rr", "", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2", steps: []step{
		{what: "reload", reload: vs("rr", "", rs("b", "weight 2")), want: "rr; 12 w2"},
	}},
	{name: "a server is added by reload", conf: vs("rr", "", rs("a", "weight 3")), want: "rr; 11 w3", steps: []step{
		{what: "reload", reload: vs("rr", "", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2"},
	}},
	{name: "a dead server stays out over a reload", conf: vs("rr", "", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2", steps: []step{
		{what: "dies", files: "a=1", want: "rr; 12 w2"},
		{what: "reload", reload: vs("rr", "", rs("a", "weight 3"), rs("b", "weight 4")), want: "rr; 12 w4"},
	}},
	{name: "a server without a checker", conf: vs("rr", "", real("10.9.0.11 80", "weight 3")), want: "rr; 11 w3"},
	{name: "a server of weight 0", conf: vs("rr", "", rs("a", "weight 0"), rs("b", "weight 2")), want: "rr; 11 w0; 12 w2", steps: []step{
		{what: "gets a weight", reload: vs("rr", "", rs("a", "weight 1"), rs("b", "weight 2")), want: "rr; 11 w1; 12 w2"},
	}},

	// Quorum and sorry server.
	{name: "quorum is lost and regained", conf: vs("rr", "quorum 4\n"+quorumNotes, rs("a", "weight 3"), rs("b", "weight 2")),
		want: "rr; 11 w3; 12 w2", hooks: "quorum up", steps: []step{
			{what: "lost", files: "a=1", want: "rr; 12 w2", hooks: "quorum down"},
			{what: "regained", files: "a=0", want: "rr; 11 w3; 12 w2", hooks: "quorum up"},
		}},
	{name: "hysteresis", conf: vs("rr", "quorum 3\nhysteresis 1\nsorry_server 10.9.0.99 80\n"+quorumNotes, rs("a", "weight 3"), rs("b", "weight 2")),
		want: "rr; 11 w3; 12 w2", hooks: "quorum up", steps: []step{
			{what: "2 is quorum minus hysteresis", files: "a=1", want: "rr; 12 w2"},
			{what: "none", files: "b=1", want: "rr; 99 w1", hooks: "quorum down"},
			{what: "2 is not quorum plus hysteresis", files: "b=0", want: "rr; 99 w1"},
			{what: "5 is", files: "a=0", want: "rr; 11 w3; 12 w2", hooks: "quorum up"},
		}},
	{name: "sorry_server", conf: vs("rr", "sorry_server 10.9.0.99 80", rs("a", "weight 3")), want: "rr; 11 w3", steps: []step{
		{what: "all dead", files: "a=1", want: "rr; 99 w1"},
		{what: "alive", files: "a=0", want: "rr; 11 w3"},
	}},
	{name: "sorry_server at the start", files: "a=1", conf: vs("rr", "sorry_server 10.9.0.99 80", rs("a", "weight 3")), want: "rr; 99 w1", steps: []step{
		{what: "alive", files: "a=0", want: "rr; 11 w3"},
	}},
	{name: "sorry_server_inhibit", conf: vs("rr", "sorry_server 10.9.0.99 80\nsorry_server_inhibit", rs("a", "weight 3")), want: "rr; 11 w3; 99 w0", steps: []step{
		{what: "all dead", files: "a=1", want: "rr; 99 w1"},
		{what: "alive", files: "a=0", want: "rr; 11 w3; 99 w0"},
		{what: "all dead again", files: "a=1", want: "rr; 99 w1"},
	}},
	{name: "sorry_server_lvs_method", conf: vs("rr", "sorry_server 10.9.0.99 80\nsorry_server_lvs_method DR", rs("a", "weight 3")), want: "rr; 11 w3", steps: []step{
		{what: "all dead", files: "a=1", want: "rr; 99 w1 -g"},
	}},
	{name: "sorry server beside inhibited servers", conf: vs("rr", "sorry_server 10.9.0.99 80", rs("a", "weight 3\ninhibit_on_failure"), rs("b", "weight 2")),
		want: "rr; 11 w3; 12 w2", steps: []step{
			{what: "all dead", files: "a=1 b=1", want: "rr; 11 w0; 99 w1"},
			{what: "one back", files: "a=0", want: "rr; 11 w3"},
		}},
	{name: "quorum is raised by reload", conf: vs("rr", quorumNotes, rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2", hooks: "quorum up", steps: []step{
		{what: "one dies", files: "a=1", want: "rr; 12 w2"},
		{what: "quorum 4", reload: vs("rr", "quorum 4\n"+quorumNotes, rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 12 w2", hooks: "quorum down"},
	}},
	{name: "a sorry server is added by reload", conf: vs("rr", "", rs("a", "weight 3")), want: "rr; 11 w3", steps: []step{
		{what: "dies", files: "a=1", want: "rr"},
		{what: "reload", reload: vs("rr", "sorry_server 10.9.0.99 80", rs("a", "weight 3")), want: "rr; 99 w1"},
	}},
	{name: "a sorry server is removed by reload", why: "what is alive serves",
		conf: vs("rr", "quorum 4\nsorry_server 10.9.0.99 80", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2", steps: []step{
			{what: "one dies", files: "a=1", want: "rr; 99 w1"},
			{what: "reload", reload: vs("rr", "quorum 4", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 12 w2", theirs: "rr"},
		}},
	{name: "another sorry server by reload", files: "a=1", conf: vs("rr", "sorry_server 10.9.0.99 80", rs("a", "weight 3")), want: "rr; 99 w1", steps: []step{
		{what: "reload", reload: vs("rr", "sorry_server 10.9.0.98 80", rs("a", "weight 3")), want: "rr; 98 w1"},
	}},

	// How servers begin and end.
	{name: "alpha", files: "a=1", conf: vs("rr", "alpha", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 12 w2", steps: []step{
		{what: "alive", files: "a=0", want: "rr; 11 w3; 12 w2"},
	}},
	{name: "alpha with a checker that never passes", files: "m=1", conf: vs("rr", "alpha", real("10.9.0.11 80", miscCheck(""))), want: "rr", steps: []step{
		{what: "passes", files: "m=0", want: "rr; 11 w1"},
	}},
	{name: "omega", conf: vs("rr", "omega\n"+quorumNotes, rs("a", "weight 3\n"+serverNotes)), want: "rr; 11 w3", hooks: "quorum up", atStop: "server down,quorum down"},
	{name: "without omega", conf: vs("rr", quorumNotes, rs("a", "weight 3\n"+serverNotes)), want: "rr; 11 w3", hooks: "quorum up"},
	{name: "inhibit_on_failure", conf: vs("rr", "", rs("a", "weight 3\ninhibit_on_failure"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2", steps: []step{
		{what: "dies", files: "a=1", want: "rr; 11 w0; 12 w2"},
		{what: "no longer inhibited", reload: vs("rr", "", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 12 w2"},
		{what: "returns", files: "a=0", want: "rr; 11 w3; 12 w2"},
	}},
	{name: "inhibit_on_failure of the service", conf: vs("rr", "inhibit_on_failure", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2", steps: []step{
		{what: "dies", files: "a=1", want: "rr; 11 w0; 12 w2"},
	}},
	{name: "inhibit_on_failure by reload", conf: vs("rr", "", rs("a", "weight 3"), rs("b", "weight 2")), want: "rr; 11 w3; 12 w2", steps: []step{
		{what: "dies", files: "a=1", want: "rr; 12 w2"},
		{what: "reload", reload: vs("rr", "", rs("a", "weight 3\ninhibit_on_failure"), rs("b", "weight 2")), want: "rr; 11 w0; 12 w2"},
	}},
	{name: "quorum_up and quorum_down", conf: vs("rr", quorumNotes, rs("a", "weight 3")), want: "rr; 11 w3", hooks: "quorum up", steps: []step{
		{what: "dies", files: "a=1", want: "rr", hooks: "quorum down"},
		{what: "returns", files: "a=0", want: "rr; 11 w3", hooks: "quorum up"},
	}},
	{name: "notify_up and notify_down", conf: vs("rr", "", rs("a", "weight 3\n"+serverNotes), rs("b", "")), want: "rr; 11 w3; 12 w1", steps: []step{
		{what: "dies", files: "a=1", want: "rr; 12 w1", hooks: "server down"},
		{what: "returns", files: "a=0", want: "rr; 11 w3; 12 w1", hooks: "server up"},
	}},
	{name: "ha_suspend", conf: vs("rr", "ha_suspend\nalpha", real("10.9.0.11 80", miscCheck(""))), want: "rr", steps: []step{
		{what: "the address comes", ip: "addr add 10.8.@.1/32 dev lo", want: "rr; 11 w1"},
		{what: "dies", files: "m=1", want: "rr"},
		{what: "the address goes", ip: "addr del 10.8.@.1/32 dev lo", want: "rr"},
		{what: "nobody looks", files: "m=0", want: "rr"},
	}},

	// Checkers and weights.
	{name: "weight by track_file", conf: vs("wrr", "", real("10.9.0.11 80", "weight 10\n"+fileCheck("a", 2)), rs("b", "weight 2")), want: "wrr; 11 w10; 12 w2", steps: []step{
		{what: "5 times 2", files: "a=5", want: "wrr; 11 w20; 12 w2"},
		{what: "-2 times 2", files: "a=-2", want: "wrr; 11 w6; 12 w2"},
		{what: "below 0", files: "a=-9", want: "wrr; 11 w0; 12 w2"},
		{what: "back", files: "a=0", want: "wrr; 11 w10; 12 w2"},
	}},
	{name: "weight by two track_files", conf: vs("wrr", "", real("10.9.0.11 80", "weight 10\n"+fileCheck("a", 1)+"\n"+fileCheck("b", -1))), want: "wrr; 11 w10", steps: []step{
		{what: "plus 5", files: "a=5", want: "wrr; 11 w15"},
		{what: "minus 3", files: "b=3", want: "wrr; 11 w12"},
	}},
	{name: "several checkers on one server", conf: vs("rr", "", real("10.9.0.11 80", fileCheck("a", 0)+"\n"+fileCheck("b", 0)), rs("c", "")), want: "rr; 11 w1; 13 w1", steps: []step{
		{what: "one fails", files: "a=1", want: "rr; 13 w1"},
		{what: "both fail", files: "b=1", want: "rr; 13 w1"},
		{what: "one passes", files: "a=0", want: "rr; 13 w1"},
		{what: "both pass", files: "b=0", want: "rr; 11 w1; 13 w1"},
	}},
	{name: "MISC_CHECK", files: "m=0", conf: vs("rr", "", real("10.9.0.11 80", miscCheck("")), rs("b", "")), want: "rr; 11 w1; 12 w1", steps: []step{
		{what: "fails", files: "m=1", want: "rr; 12 w1"},
		{what: "passes", files: "m=0", want: "rr; 11 w1; 12 w1"},
	}},
	{name: "MISC_CHECK misc_dynamic", files: "m=0", conf: vs("wrr", "", real("10.9.0.11 80", "weight 10\n"+miscCheck("misc_dynamic")), rs("b", "")), want: "wrr; 11 w10; 12 w1", steps: []step{
		{what: "exit 22", files: "m=22", want: "wrr; 11 w20; 12 w1"},
		{what: "exit 2", files: "m=2", want: "wrr; 11 w0; 12 w1"},
		{what: "exit 255", files: "m=255", want: "wrr; 11 w253; 12 w1"},
		{what: "exit 1", files: "m=1", want: "wrr; 12 w1"},
		{what: "exit 0", files: "m=0", want: "wrr; 11 w10; 12 w1"},
	}},
	{name: "weight of the track_file itself", conf: "track_file w@ {\nfile /etc/keepalived/state/w@\nweight 3\n}\n" +
		vs("wrr", "", real("10.9.0.11 80", "weight 10\nFILE_CHECK {\ntrack_file w@\n}"), rs("b", "weight 2")), files: "w=0", want: "wrr; 11 w10; 12 w2", steps: []step{
		{what: "4 times 3", files: "w=4", want: "wrr; 11 w22; 12 w2"},
		{what: "-2 times 3", files: "w=-2", want: "wrr; 11 w4; 12 w2"},
		{what: "another weight by reload", reload: "track_file w@ {\nfile /etc/keepalived/state/w@\nweight 1\n}\n" +
			vs("wrr", "", real("10.9.0.11 80", "weight 10\nFILE_CHECK {\ntrack_file w@\n}"), rs("b", "weight 2")), want: "wrr; 11 w8; 12 w2"},
	}},
	{name: "TCP_CHECK", files: "p=0", conf: vs("rr", "", real("10.9.0.11 80", tcpCheckOwn("")+"\n"+serverNotes), rs("b", "")), want: "rr; 11 w1; 12 w1", steps: []step{
		{what: "closed", files: "p=1", want: "rr; 12 w1", hooks: "server down"},
		{what: "open", files: "p=0", want: "rr; 11 w1; 12 w1", hooks: "server up"},
	}},
	{name: "TCP_CHECK and alpha", files: "p=1", conf: vs("rr", "", real("10.9.0.11 80", tcpCheckOwn("alpha")), rs("b", "")), want: "rr; 12 w1", steps: []step{
		{what: "open", files: "p=0", want: "rr; 11 w1; 12 w1"},
		{what: "closed", files: "p=1", want: "rr; 12 w1"},
	}},
	{name: "TCP_CHECK and FILE_CHECK on one server", files: "p=0", conf: vs("wrr", "inhibit_on_failure", real("10.9.0.11 80", "weight 10\n"+tcpCheckOwn("")+"\n"+fileCheck("a", 1))),
		want: "wrr; 11 w10", steps: []step{
			{what: "a weight", files: "a=5", want: "wrr; 11 w15"},
			{what: "closed", files: "p=1", want: "wrr; 11 w0"},
			{what: "open", files: "p=0", want: "wrr; 11 w15"},
		}},
	{name: "virtualhost", conf: vs("rr", "alpha\nvirtualhost up.example", real("10.9.0.1 8080", httpGet(anyStatus))) +
		virtual("10.8.@.2 80", "lvs_sched rr\nlvs_method NAT\nprotocol TCP\nalpha\nvirtualhost down.example", real("10.9.0.1 8080", httpGet(anyStatus))),
		want: "rr; -a -t 10.8.@.1:80 -r 10.9.0.1:8080 -m -w 1; -A -t 10.8.@.2:80 -s rr"},
	{name: "a checker is removed by reload", conf: vs("rr", "", rs("a", ""), rs("b", "")), want: "rr; 11 w1; 12 w1", steps: []step{
		{what: "dies", files: "a=1", want: "rr; 12 w1"},
		{what: "reload", reload: vs("rr", "", real("10.9.0.11 80", ""), rs("b", "")), want: "rr; 11 w1; 12 w1"},
	}},

	// What a server is in the kernel.
	{name: "uthreshold and lthreshold", conf: vs("rr", "", rs("a", "uthreshold 100\nlthreshold 20")), want: "rr; 11 w1 -x 100 -y 20"},
	{name: "thresholds change by reload", why: "what is written counts", conf: vs("rr", "", rs("a", "uthreshold 100")), want: "rr; 11 w1 -x 100 -y 0", steps: []step{
		{what: "reload", reload: vs("rr", "", rs("a", "uthreshold 50\nlthreshold 5")), want: "rr; 11 w1 -x 50 -y 5", theirs: "rr; 11 w1 -x 100 -y 0"},
	}},
	{name: "lvs_method of a server", conf: vs("rr", "", rs("a", "lvs_method DR"), rs("b", "lvs_method TUN"), rs("c", "")),
		want: "rr; 11 w1 -g; 12 w1 -i --tun-type ipip; 13 w1", steps: []step{
			{what: "reload", reload: vs("rr", "", rs("a", "lvs_method DR"), rs("b", "lvs_method DR"), rs("c", "")), want: "rr; 11 w1 -g; 12 w1 -g; 13 w1"},
		}},
	{name: "a server of DR with another port", conf: virtual("10.8.@.1 80", "lvs_sched rr\nlvs_method DR\nprotocol TCP", real("10.9.0.11 81", "")), want: "rr; 11 w1 -g"},
	{name: "tunnel ipip", conf: tunnel("type ipip"), want: "rr; 11 w1 -i --tun-type ipip"},
	{name: "tunnel gue", conf: tunnel("type gue port 6080"), want: "rr; 11 w1 -i --tun-type gue --tun-port 6080 --tun-nocsum"},
	{name: "tunnel gue nocsum", conf: tunnel("type gue port 6080 nocsum"), want: "rr; 11 w1 -i --tun-type gue --tun-port 6080 --tun-nocsum"},
	{name: "tunnel gue csum", conf: tunnel("type gue port 6080 csum"), want: "rr; 11 w1 -i --tun-type gue --tun-port 6080 --tun-csum"},
	{name: "tunnel gue remcsum", conf: tunnel("type gue port 6080 remcsum"), want: "rr; 11 w1 -i --tun-type gue --tun-port 6080 --tun-remcsum"},
	{name: "tunnel gre", conf: tunnel("type gre"), want: "rr; 11 w1 -i --tun-type gre --tun-nocsum"},
	{name: "tunnel gre csum", conf: tunnel("type gre csum"), want: "rr; 11 w1 -i --tun-type gre --tun-csum", steps: []step{
		{what: "gue by reload", reload: tunnel("type gue port 6081"), want: "rr; 11 w1 -i --tun-type gue --tun-port 6081 --tun-nocsum"},
	}},
	{name: "IPv6 over IPv4 tunnels", conf: virtual("fd08:@::1 80", "lvs_sched rr\nlvs_method TUN\nprotocol TCP", real("10.9.0.11 80", "")),
		want: "-A -t [fd08:@::1]:80 -s rr; -a -t [fd08:@::1]:80 -r 10.9.0.11:80 -i -w 1 --tun-type ipip"},
	{name: "IPv4 over IPv6 tunnels", conf: virtual("10.8.@.1 80", "lvs_sched rr\nlvs_method TUN\nprotocol TCP", real("fd09::11 80", "")),
		want: "rr; -a -t 10.8.@.1:80 -r [fd09::11]:80 -i -w 1 --tun-type ipip"},

	// What a service is in the kernel.
	{name: "a service is removed by reload", conf: vs("rr", "", rs("a", "")), want: "rr; 11 w1", steps: []step{
		{what: "reload", reload: gone, want: ""},
	}},
	{name: "a service is added by reload", conf: gone, steps: []step{
		{what: "reload", reload: vs("rr", "", rs("a", "")), want: "rr; 11 w1"},
	}},
	{name: "another scheduler by reload", conf: vs("rr", "", rs("a", "")), want: "rr; 11 w1", steps: []step{
		{what: "reload", reload: vs("lc", "", rs("a", "")), want: "lc; 11 w1"},
	}},
	{name: "TCP becomes UDP by reload", conf: vs("rr", "", rs("a", "")), want: "rr; 11 w1", steps: []step{
		{what: "reload", reload: virtual("10.8.@.1 80", "lvs_sched rr\nlvs_method NAT\nprotocol UDP", rs("a", "")),
			want: "-A -u 10.8.@.1:80 -s rr; -a -u 10.8.@.1:80 -r 10.9.0.11:80 -m -w 1"},
	}},
	{name: "UDP", conf: virtual("10.8.@.1 53", "lvs_sched rr\nlvs_method NAT\nprotocol UDP", real("10.9.0.11 53", "")),
		want: "-A -u 10.8.@.1:53 -s rr; -a -u 10.8.@.1:53 -r 10.9.0.11:53 -m -w 1"},
	{name: "SCTP", conf: virtual("10.8.@.1 99", "lvs_sched rr\nlvs_method NAT\nprotocol SCTP", real("10.9.0.11 99", "")),
		want: "-A --sctp-service 10.8.@.1:99 -s rr; -a --sctp-service 10.8.@.1:99 -r 10.9.0.11:99 -m -w 1"},
	{name: "ops", conf: virtual("10.8.@.1 53", "lvs_sched rr\nops\nlvs_method NAT\nprotocol UDP", real("10.9.0.11 53", "")),
		want: "-A -u 10.8.@.1:53 -s rr -o; -a -u 10.8.@.1:53 -r 10.9.0.11:53 -m -w 1"},
	{name: "sh-port and sh-fallback", conf: vs("sh", "sh-port\nsh-fallback", real("10.9.0.11 80", "")), want: "sh -b sh-fallback,sh-port; 11 w1"},
	{name: "mh-port", conf: vs("mh", "mh-port", real("10.9.0.11 80", "")), want: "mh -b mh-port; 11 w1", steps: []step{
		{what: "mh-fallback by reload", reload: vs("mh", "mh-fallback", real("10.9.0.11 80", "")), want: "mh -b mh-fallback; 11 w1"},
	}},
	{name: "flag-1, flag-2 and flag-3", conf: vs("wrr", "flag-1\nflag-2\nflag-3", real("10.9.0.11 80", "")), want: "wrr -b flag-1,flag-2,flag-3; 11 w1"},
	{name: "persistence_timeout", conf: vs("rr", "persistence_timeout 50", rs("a", "")), want: "rr -p 50; 11 w1", steps: []step{
		{what: "changed by reload", reload: vs("rr", "persistence_timeout 77", rs("a", "")), want: "rr -p 77; 11 w1"},
		{what: "off by reload", reload: vs("rr", "", rs("a", "")), want: "rr; 11 w1"},
	}},
	{name: "persistence_granularity", conf: vs("rr", "persistence_timeout 50\npersistence_granularity 255.255.255.0", rs("a", "")), want: "rr -p 50 -M 255.255.255.0; 11 w1"},
	{name: "persistence_granularity of IPv6", conf: virtual("fd08:@::1 80", "lvs_sched rr\nlvs_method NAT\nprotocol TCP\npersistence_timeout 50\npersistence_granularity 64", real("fd09::11 80", "")),
		want: "-A -t [fd08:@::1]:80 -s rr -p 50 -M 64; -a -t [fd08:@::1]:80 -r [fd09::11]:80 -m -w 1"},
	{name: "persistence_engine", conf: virtual("10.8.@.1 5060", "lvs_sched rr\nlvs_method NAT\nprotocol UDP\npersistence_timeout 50\npersistence_engine sip", real("10.9.0.11 5060", "")),
		want: "-A -u 10.8.@.1:5060 -s rr -p 50 --pe sip; -a -u 10.8.@.1:5060 -r 10.9.0.11:5060 -m -w 1"},
	{name: "a service without port", conf: virtual("10.8.@.1", "lvs_sched rr\nlvs_method NAT\nprotocol TCP\npersistence_timeout 50", real("10.9.0.11", "")),
		want: "-A -t 10.8.@.1:0 -s rr -p 50; -a -t 10.8.@.1:0 -r 10.9.0.11:0 -m -w 1"},
	{name: "fwmark", conf: virtual("fwmark @01", "lvs_sched rr\nlvs_method DR", rs("a", "")), want: "-A -f @01 -s rr; -a -f @01 -r 10.9.0.11:0 -g -w 1", steps: []step{
		{what: "dies", files: "a=1", want: "-A -f @01 -s rr"},
	}},
	{name: "fwmark of IPv6", conf: virtual("fwmark @01", "ip_family inet6\nlvs_sched rr\nlvs_method DR", real("fd09::11 80", "")),
		want: "-A -f @01 -6 -s rr; -a -f @01 -6 -r [fd09::11]:0 -g -w 1"},
	{name: "a group of address, range and mark", why: "nothing is left", leaves: "rr; -A -t 10.8.@.2:80 -s rr; -A -t 10.8.@.3:80 -s rr; -A -f @01 -s rr", conf: group("10.8.@.1 80\n10.8.@.2-3 80\nfwmark @01", ""), want: oneTwoThree + "; -A -f @01 -s rr; -a -f @01 -r 10.9.0.11:80 -m -w 1", steps: []step{
		{what: "dies", files: "a=1", want: "rr; -A -t 10.8.@.2:80 -s rr; -A -t 10.8.@.3:80 -s rr; -A -f @01 -s rr"},
		{what: "returns", files: "a=0", want: oneTwoThree + "; -A -f @01 -s rr; -a -f @01 -r 10.9.0.11:80 -m -w 1"},
	}},
	{name: "a group grows and shrinks by reload", why: "an address that is not written is no service", conf: group("10.8.@.1 80\n10.8.@.4 80", ""),
		want: "rr; 11 w1; -A -t 10.8.@.4:80 -s rr; -a -t 10.8.@.4:80 -r 10.9.0.11:80 -m -w 1", steps: []step{
			{what: "reload", reload: group("10.8.@.1 80\n10.8.@.2-3 80", ""), want: oneTwoThree, theirs: oneTwoThree + "; -A -t 10.8.@.4:80 -s rr"},
		}, leaves: "-A -t 10.8.@.2:80 -s rr; -A -t 10.8.@.3:80 -s rr; -A -t 10.8.@.4:80 -s rr"},
	{name: "a group of both families", conf: "virtual_server_group g@ {\n10.8.@.1 80\nfd08:@::1 80\nfwmark @01 inet\nfwmark @02 inet6\n}\n" +
		virtual("group g@", "lvs_sched rr\nlvs_method TUN\nprotocol TCP", real("10.9.0.11 80", "")),
		want: "rr; 11 w1 -i --tun-type ipip; -A -t [fd08:@::1]:80 -s rr; -a -t [fd08:@::1]:80 -r 10.9.0.11:80 -i -w 1 --tun-type ipip; " +
			"-A -f @01 -s rr; -a -f @01 -r 10.9.0.11:0 -i -w 1 --tun-type ipip; -A -f @02 -6 -s rr; -a -f @02 -6 -r 10.9.0.11:0 -i -w 1 --tun-type ipip"},
}

var (
	quorumNotes = note("quorum_up", "quorum up") + note("quorum_down", "quorum down")
	serverNotes = note("notify_up", "server up") + note("notify_down", "server down")
)

// oneTwoThree are three addresses with the server a.
const oneTwoThree = "rr; 11 w1; -A -t 10.8.@.2:80 -s rr; -a -t 10.8.@.2:80 -r 10.9.0.11:80 -m -w 1; " +
	"-A -t 10.8.@.3:80 -s rr; -a -t 10.8.@.3:80 -r 10.9.0.11:80 -m -w 1"

// group is a service of the server a for all entries.
func group(entries, more string) string {
	return "virtual_server_group g@ {\n" + entries + "\n}\n" + virtual("group g@", "lvs_sched rr\nlvs_method NAT\nprotocol TCP\n"+more, rs("a", ""))
}

// tunnel is a service with one server behind a tunnel.
func tunnel(options string) string {
	return vs("rr", "", real("10.9.0.11 80", "lvs_method TUN "+options))
}
