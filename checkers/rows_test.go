package checkers

import (
	"strings"
	"testing"

	"holdfast/kconf"
)

// TestMistakesInCheckersAreOfKeepalivedsClass has what breaks each rule and what
// just does not; all was shown to keepalived 2.2.7 -t. A rule that costs the
// checker leaves no Spec.
func TestMistakesInCheckersAreOfKeepalivedsClass(t *testing.T) {
	const none, general, number, missing = kconf.ClassNone, kconf.ClassGeneral, kconf.ClassInvalidNumber, kconf.ClassMissingParameter
	url := func(lines string) string { return "HTTP_GET {\nurl {\npath /\n" + lines + "\n}\n}" }
	known := func(want string) func(string, kconf.Pos) bool {
		return func(name string, _ kconf.Pos) bool { return name == want }
	}
	tests := map[string]struct {
		breaks string
		class  kconf.Class
		specs  int
		keeps  string
	}{
		"a link-local target without bind_if":     {"TCP_CHECK {\nconnect_ip fe80::1\n}", general, 0, "TCP_CHECK {\nconnect_ip fe80::1\nbind_if eth0\n}"},
		"connect_ip and bindto of two families":   {"TCP_CHECK {\nconnect_ip 2001:db8::1\nbindto 192.0.2.9\n}", general, 1, "TCP_CHECK {\nconnect_ip 2001:db8::1\nbindto 2001:db8::2\n}"},
		"bindto of another family than the rest":  {"TCP_CHECK {\nbindto 2001:db8::1\n}", general, 1, "TCP_CHECK {\nbindto 192.0.2.9\n}"},
		"no url":                                  {"HTTP_GET {\n}", general, 0, url("")},
		"a url without path":                      {"HTTP_GET {\nurl {\n}\nurl {\npath /\n}\n}", general, 1, url("")},
		"regex options without regex":             {url("regex_options caseless"), none, 1, url("regex a\nregex_options caseless")},
		"regex offsets that do not go together":   {url("regex a\nregex_min_offset 5\nregex_max_offset 5"), none, 1, url("regex a\nregex_min_offset 4\nregex_max_offset 5")},
		"a regex that does not compile":           {url("regex a("), none, 1, url("regex a")},
		"a regex twice":                           {url("regex a\nregex b"), none, 1, url("regex a")},
		"a digest of another length":              {url("digest 00"), general, 1, url("digest 00112233445566778899aabbccddeeff")},
		"a digest twice":                          {url("digest 00112233445566778899aabbccddeeff\ndigest 00112233445566778899aabbccddeeff"), general, 1, url("")},
		"a status that is none":                   {url("status_code 99"), general, 1, url("status_code 100 599")},
		"status_code without a code":              {url("status_code"), none, 1, url("status_code 200")},
		"a virtualhost without a name":            {url("virtualhost"), general, 1, url("virtualhost a")},
		"a protocol that is none":                 {"HTTP_GET {\nhttp_protocol 1.1C\nurl {\npath /\n}\n}", general, 1, "HTTP_GET {\nhttp_protocol 1.0c\nurl {\npath /\n}\n}"},
		"http_protocol without version":           {"HTTP_GET {\nhttp_protocol\nurl {\npath /\n}\n}", general, 1, "HTTP_GET {\nhttp_protocol 1.1\nurl {\npath /\n}\n}"},
		"nb_get_retry":                            {"HTTP_GET {\nnb_get_retry 2\nurl {\npath /\n}\n}", general, 1, "HTTP_GET {\nretry 2\nurl {\npath /\n}\n}"},
		"no program":                              {"MISC_CHECK {\n}", general, 0, "MISC_CHECK {\nmisc_path /bin/true\n}"},
		"a user that does not exist":              {"MISC_CHECK {\nmisc_path /bin/true\nuser nosuchuser\n}", general, 0, "MISC_CHECK {\nmisc_path /bin/true\nuser root\n}"},
		"user without a name":                     {"MISC_CHECK {\nmisc_path /bin/true\nuser\n}", general, 1, "MISC_CHECK {\nmisc_path /bin/true\nuser root\n}"},
		"a time limit too long":                   {"MISC_CHECK {\nmisc_path /bin/true\nmisc_timeout 4295\n}", number, 1, "MISC_CHECK {\nmisc_path /bin/true\nmisc_timeout 4294\n}"},
		"reply lengths that exclude each other":   {"UDP_CHECK {\nmax_reply_length 2\nmin_reply_length 3\n}", general, 1, "UDP_CHECK {\nmax_reply_length 3\nmin_reply_length 3\n}"},
		"a payload that is none":                  {"UDP_CHECK {\npayload zz\n}", general, 1, "UDP_CHECK {\npayload 00 1 ff\n}"},
		"a payload of nothing":                    {"UDP_CHECK {\npayload \"\"\n}", general, 1, "UDP_CHECK {\npayload \"00 1 ff\"\n}"},
		"payload without octets":                  {"UDP_CHECK {\npayload\n}", general, 1, "UDP_CHECK {\nrequire_reply\n}"},
		"a query type that is none":               {"DNS_CHECK {\ntype HINFO\n}", general, 1, "DNS_CHECK {\ntype aaaa\n}"},
		"an empty label":                          {"DNS_CHECK {\nname a..b\n}", general, 1, "DNS_CHECK {\nname a.b\n}"},
		"a name twice":                            {"DNS_CHECK {\nname a\nname b\n}", general, 1, "DNS_CHECK {\nname a\n}"},
		"helo_name without a name":                {"SMTP_CHECK {\nhelo_name\n}", general, 1, "SMTP_CHECK {\nhelo_name a\n}"},
		"a host that has no address":              {"SMTP_CHECK {\nhost {\nconnect_ip foo\n}\n}", general, 1, "SMTP_CHECK {\nhost {\nconnect_ip 192.0.2.9\n}\n}"},
		"port 0":                                  {"TCP_CHECK {\nconnect_port 0\n}", number, 1, "TCP_CHECK {\nconnect_port 1\n}"},
		"a timer without a value ends everything": {"TCP_CHECK {\nretry\n}", missing, 1, "TCP_CHECK {\nretry 0\n}"},
		"a session without name":                  {"BFD_CHECK {\n}", general, 0, "BFD_CHECK {\nname b\n}"},
		"a session of two words":                  {"BFD_CHECK {\nname b c\n}", general, 0, "BFD_CHECK {\nname b\nalpha\n}"},
		"a session that does not exist":           {"BFD_CHECK {\nname x\n}", general, 0, "BFD_CHECK {\nname b\n}"},
		"a session of 32 characters":              {"BFD_CHECK {\nname b2345678901234567890123456789012\n}", general, 0, "BFD_CHECK {\nname b\n}"},
		"a session twice":                         {"BFD_CHECK {\nname b\n}\nBFD_CHECK {\nname b\n}", general, 0, "BFD_CHECK {\nname b\n}"},
		"no file":                                 {"FILE_CHECK {\n}", general, 0, "FILE_CHECK {\ntrack_file f\n}"},
		"a file that is not defined above":        {"FILE_CHECK {\ntrack_file g\n}", general, 0, "FILE_CHECK {\ntrack_file f\n}"},
		"a weight that is too large":              {"FILE_CHECK {\ntrack_file f\nweight 2147483648\n}", number, 0, "FILE_CHECK {\ntrack_file f\nweight -2147483647\n}"},
		"weight without a number":                 {"FILE_CHECK {\ntrack_file f\nweight\n}", general, 0, "FILE_CHECK {\ntrack_file f\nweight 5\n}"},
		"a word behind the weight":                {"FILE_CHECK {\ntrack_file f\nweight 5 foo\n}", general, 0, "FILE_CHECK {\ntrack_file f\nweight 5 reverse\n}"},
	}
	in := rs1
	in.HasTrackFile, in.HasBFD = known("f"), known("b")
	judge := func(text string) (kconf.Class, int, []string) {
		x := &kconf.Ctx{Diags: new(kconf.Diagnostics)}
		stmts, _ := block(strings.Split(text, "\n"), 1)
		var l list
		vocabulary().Decode(x, &l, stmts)
		var checks []any
		for _, c := range l.Checks {
			checks = append(checks, c)
		}
		specs := ResolveAll(x, checks, in)
		return x.Diags.Worst(), len(specs), messages(x)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if class, specs, msgs := judge(tt.breaks); class != tt.class || specs != tt.specs || len(msgs) == 0 {
				t.Errorf("class %d, %d checkers; want %d and %d; said %q", class, specs, tt.class, tt.specs, msgs)
			}
			if class, _, msgs := judge(tt.keeps); class != none {
				t.Errorf("the other: class %d; said %q", class, msgs)
			}
		})
	}
}

func TestFileAndBFDChecksAreDecoded(t *testing.T) {
	l, _ := decode(t, "FILE_CHECK {\ntrack_file f\nweight -5 reverse\n}\nFILE_CHECK {\ntrack_file g\nweight 5 noreverse\n}\nBFD_CHECK {\nname b\nalpha off\n}")
	f, g, b := l.Checks[0].Config.(*FileConfig), l.Checks[1].Config.(*FileConfig), l.Checks[2].Config.(*BFDConfig)
	if f.TrackFile != "f" || *f.Weight != -5 || !f.Reverse || *g.Weight != 5 || g.Reverse || b.Name != "b" || *b.Alpha || l.Checks[2].Pos.Line != 9 {
		t.Errorf("got %+v, %+v and %+v", f, g, b)
	}
}
