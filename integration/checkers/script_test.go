package checkers

// script is a case of a MISC_CHECK whose program is this text.
func script(name, text string, more ...string) Case {
	return Case{Name: name, Serve: func(p *Place) { p.File("check", text, 0o755) },
		Check: append([]string{"MISC_CHECK", "misc_path DIR/check"}, more...)}
}

// keepalived takes a program that it cannot execute for one that said 0.
const notRun = "what cannot be run has failed; a script without a first line is run by sh"

func better(why string, ours []string, c Case) Case {
	c.Better, c.Ours = why, ours
	return c
}

func scriptFailure(how string) []string {
	return []string{"Misc check for [X VS V] by [DIR/check] failed with retry disabled" + how + ".", "Removing service X from VS V"}
}

var scriptCases = []Case{
	script("status 0", "#!/bin/sh\nexit 0\n"),
	script("status 1", "#!/bin/sh\nexit 1\n"),
	script("status 2", "#!/bin/sh\nexit 2\n"),
	script("status 255", "#!/bin/sh\nexit 255\n"),
	script("dynamic, status 0", "#!/bin/sh\nexit 0\n", "misc_dynamic"),
	script("dynamic, status 1", "#!/bin/sh\nexit 1\n", "misc_dynamic"),
	script("dynamic, status 2", "#!/bin/sh\nexit 2\n", "misc_dynamic"),
	script("dynamic, status 22", "#!/bin/sh\nexit 22\n", "misc_dynamic"),
	script("dynamic, status 12, as configured", "#!/bin/sh\nexit 12\n", "misc_dynamic"),
	script("dynamic, status 255", "#!/bin/sh\nexit 255\n", "misc_dynamic"),
	script("killed", "#!/bin/sh\nkill -9 $$\n"),
	script("killed, dynamic", "#!/bin/sh\nkill -11 $$\n", "misc_dynamic"),
	script("ends by SIGTERM", "#!/bin/sh\nkill -15 $$\n"),
	script("sleeps too long", "#!/bin/sh\nexec sleep 60\n", "misc_timeout 2"),
	script("sleeps too long and ignores SIGTERM", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n", "misc_timeout 2"),
	script("stops itself", "#!/bin/sh\nkill -STOP $$\n", "misc_timeout 2"),
	script("writes without end", "#!/bin/sh\nyes & sleep 0.3; kill $!; exit 0\n"),
	script("reads its input", "#!/bin/sh\ncat; exit 0\n"),
	better(notRun, scriptFailure(" (exited with status 3)"), script("without a first line", "exit 3\n")),
	script("empty", ""),
	better(notRun, scriptFailure(" (exited with status 127)"), script("a format that is none", "\x7fELF\x02\x01\x01\x00garbage")),
	better(notRun, scriptFailure(""), script("interpreter that is not there", "#!/no/such/interpreter\n")),
	{Name: "arguments", Serve: func(p *Place) { p.File("check", "#!/bin/sh\n[ \"$#$1$2\" = '2ab cd' ]\n", 0o755) },
		Check: []string{"MISC_CHECK", `misc_path "DIR/check a 'b cd'"`}},
	{Name: "wrong arguments", Serve: func(p *Place) { p.File("check", "#!/bin/sh\n[ $# = 2 ]\n", 0o755) },
		Check: []string{"MISC_CHECK", `misc_path "DIR/check a b c"`}},
	{Name: "another user", Serve: func(p *Place) { p.File("check", "#!/bin/sh\n[ $(id -un) = nobody ]\n", 0o755) },
		Check: []string{"MISC_CHECK", "misc_path DIR/check", "user nobody"}},
	{Name: "another user and group", Serve: func(p *Place) { p.File("check", "#!/bin/sh\n[ $(id -un)$(id -gn) = nobodydaemon ]\n", 0o755) },
		Check: []string{"MISC_CHECK", "misc_path DIR/check", "user nobody daemon"}},
	{Name: "what another user may not do", Serve: func(p *Place) { p.File("check", "#!/bin/sh\ntest -r /etc/shadow\n", 0o755) },
		Check: []string{"MISC_CHECK", "misc_path DIR/check", "user nobody"}},
	{Name: "not there", Check: []string{"MISC_CHECK", "misc_path DIR/check"}},
	{Name: "not a program", Serve: func(p *Place) { p.File("check", "#!/bin/sh\nexit 1\n", 0o644) },
		Check: []string{"MISC_CHECK", "misc_path DIR/check"}},
	{Name: "a folder", Check: []string{"MISC_CHECK", "misc_path /etc"}},
	{Name: "true", Check: []string{"MISC_CHECK", "misc_path /bin/true"}},
	{Name: "false", Check: []string{"MISC_CHECK", "misc_path /bin/false"}},
}
