package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

// fakeFS is a file system in the words of ls: "drwxr-xr-x uid gid", a link is
// "-> target uid". Like the kernel it knows nothing that is not listed.
type fakeFS map[string]string

func (f fakeFS) Lstat(name string) (mode fs.FileMode, uid, gid uint32, err error) {
	e, ok := f[name]
	if !ok {
		return 0, 0, 0, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	var first, second string
	if strings.HasPrefix(e, "->") {
		_, err = fmt.Sscan(e, &first, &second, &uid)
		return fs.ModeSymlink | 0o777, uid, 0, err
	}
	if _, err = fmt.Sscan(e, &first, &uid, &gid); err != nil {
		return 0, 0, 0, err
	}
	for i, c := range first[1:] {
		switch c {
		case 'r', 'w', 'x', 's', 't':
			mode |= 1 << (8 - i)
		}
	}
	switch {
	case first[0] == 'd':
		mode |= fs.ModeDir
	case first[0] == 'p':
		mode |= fs.ModeNamedPipe
	}
	if first[3] == 's' {
		mode |= fs.ModeSetuid
	}
	if first[9] == 't' {
		mode |= fs.ModeSticky
	}
	return mode, uid, gid, nil
}

func (f fakeFS) Readlink(name string) (string, error) {
	return strings.Fields(f[name])[1], nil
}

// fakeDirectory has users "name:uid:gid" and groups.
type fakeDirectory struct {
	users  map[string][2]string
	groups map[string]string
}

func (d fakeDirectory) User(name string) (*user.User, error) {
	u, ok := d.users[name]
	if !ok {
		return nil, user.UnknownUserError(name)
	}
	return &user.User{Username: name, Uid: u[0], Gid: u[1]}, nil
}

func (d fakeDirectory) Group(name string) (*user.Group, error) {
	g, ok := d.groups[name]
	if !ok {
		return nil, user.UnknownGroupError(name)
	}
	return &user.Group{Name: name, Gid: g}, nil
}

func (d fakeDirectory) GroupIDs(*user.User) ([]string, error) { return []string{"100", "7", "7"}, nil }

var directory = fakeDirectory{
	users:  map[string][2]string{"root": {"0", "0"}, "bob": {"1000", "100"}, "broken": {"x", "100"}},
	groups: map[string]string{"adm": "4"},
}

func withDefault() fakeDirectory {
	d := fakeDirectory{users: map[string][2]string{DefaultAccount: {"990", "990"}}, groups: directory.groups}
	for k, v := range directory.users {
		d.users[k] = v
	}
	return d
}

func TestWhichAccountAScriptGets(t *testing.T) {
	daemon := fmt.Sprintf(" %d:%d []", os.Geteuid(), os.Getegid())
	tests := map[string]struct {
		accounts    Accounts
		user, group string
		want        string // user uid:gid groups
		err         string
	}{
		"the line's own user":               {Accounts{Directory: directory, User: "root"}, "bob", "", "bob 1000:100 []", ""},
		"the line's own group":              {Accounts{Directory: directory}, "bob", "adm", "bob 1000:4 []", ""},
		"a group may have a colon":          {Accounts{Directory: directory}, "bob", ":adm", "bob 1000:4 []", ""},
		"script_user":                       {Accounts{Directory: directory, User: "bob", Group: "adm"}, "", "", "bob 1000:4 []", ""},
		"keepalived_script if it exists":    {Accounts{Directory: withDefault(), Security: true}, "", "", "keepalived_script 990:990 []", ""},
		"the daemon's own as last resort":   {Accounts{Directory: directory}, "", "", daemon, ""},
		"which script security refuses":     {Accounts{Directory: directory, Security: true}, "", "", "", "no script_user, and no account keepalived_script"},
		"supplementary groups if requested": {Accounts{Directory: directory, Supplementary: true}, "bob", "", "bob 1000:100 [7 100]", ""},
		"unknown user":                      {Accounts{Directory: directory}, "eve", "", "", "look up user eve: user: unknown user eve"},
		"unknown group":                     {Accounts{Directory: directory}, "bob", "none", "", "look up group none: group: unknown group none"},
		"unknown script_user":               {Accounts{Directory: directory, User: "eve"}, "", "", "", "look up user eve: user: unknown user eve"},
		"a user whose number is none":       {Accounts{Directory: directory}, "broken", "", "", `look up user broken: strconv.ParseUint: parsing "x": invalid syntax`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, err := tt.accounts.For(tt.user, tt.group)
			if tt.err != "" || err != nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if got := fmt.Sprintf("%s %d:%d %v", a.User, a.UID, a.GID, a.Groups); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

var tree = fakeFS{
	"/":                 "drwxr-xr-x 0 0",
	"/bin":              "-> usr/bin 0",
	"/usr":              "drwxr-xr-x 0 0",
	"/usr/bin":          "drwxr-xr-x 0 0",
	"/usr/bin/ok":       "-rwxr-xr-x 0 0",
	"/usr/bin/plain":    "-rw-r--r-- 0 0",
	"/usr/bin/pipe":     "prwxr-xr-x 0 0",
	"/usr/bin/rootonly": "-rwx------ 0 0",
	"/usr/bin/suid":     "-rwsr-xr-x 0 0",
	"/usr/bin/group":    "-rwxrwxr-x 0 0",
	"/usr/bin/staff":    "-rwxrwxr-x 0 50",
	"/usr/bin/loop":     "-> loop 0",
	"/home":             "drwxr-xr-x 0 0",
	"/home/bob":         "drwx------ 1000 100",
	"/home/bob/x.sh":    "-rwxr-xr-x 1000 100",
	"/home/bob/link":    "-> /usr/bin/ok 0",
	"/tmp":              "drwxrwxrwt 0 0",
	"/tmp/root.sh":      "-rwxr-xr-x 0 0",
	"/tmp/open.sh":      "-rwxrwxrwx 0 0",
	"/tmp/bobs":         "-> /usr/bin/suid 1000",
	"/usr/bin/bobs":     "-> ok 1000",
	"/open":             "drwxrwxrwx 0 0",
	"/open/x.sh":        "-rwxr-xr-x 0 0",
}

func TestScriptSecurity(t *testing.T) {
	tests := map[string]struct {
		argv   string
		user   string
		use    Use
		off    bool // enable_script_security not set
		path   string
		ok     bool
		status int      // of --config-test
		says   []string // problem component mode owner
	}{
		"root's own path is fine":            {argv: "/usr/bin/ok", path: "/usr/bin/ok", ok: true},
		"links are resolved, argv 0 stays":   {argv: "/bin/ok", path: "/usr/bin/ok", ok: true},
		"group root may write":               {argv: "/usr/bin/group", path: "/usr/bin/group", ok: true},
		"dots":                               {argv: "/usr/./bin/../bin//ok", path: "/usr/bin/ok", ok: true},
		"a sticky directory is fine":         {argv: "/tmp/root.sh", path: "/tmp/root.sh", ok: true},
		"an open-for-read test is accepted":  {argv: "</no/such", ok: true},
		"missing, notify: only logged":       {argv: "/usr/bin/no", says: []string{"script-not-found /usr/bin drwxr-xr-x uid 0 gid 0"}},
		"missing, track: an error":           {argv: "/usr/bin/no", use: UseTrack, status: 5, says: []string{"script-not-found /usr/bin drwxr-xr-x uid 0 gid 0"}},
		"missing, security off":              {argv: "/usr/bin/no", off: true, says: []string{"script-not-found /usr/bin drwxr-xr-x uid 0 gid 0"}},
		"relative":                           {argv: "bin/ok", says: []string{"script-not-found   "}},
		"a file is no directory":             {argv: "/usr/bin/ok/x", says: []string{"script-not-reachable /usr/bin/ok -rwxr-xr-x uid 0 gid 0"}},
		"a loop of links":                    {argv: "/usr/bin/loop", says: []string{"script-not-reachable /usr/bin/loop Lrwxrwxrwx uid 0 gid 0"}},
		"not executable":                     {argv: "/usr/bin/plain", says: []string{"script-not-executable /usr/bin/plain -rw-r--r-- uid 0 gid 0"}},
		"not executable, track: only logged": {argv: "/usr/bin/plain", use: UseTrack, says: []string{"script-not-executable /usr/bin/plain -rw-r--r-- uid 0 gid 0"}},
		"not executable, misc: only logged":  {argv: "/usr/bin/plain", use: UseMisc, says: []string{"script-not-executable /usr/bin/plain -rw-r--r-- uid 0 gid 0"}},
		"no regular file, track: an error":   {argv: "/usr/bin/pipe", use: UseTrack, status: 5, says: []string{"script-not-executable /usr/bin/pipe prwxr-xr-x uid 0 gid 0"}},
		"no regular file":                    {argv: "/usr/bin/pipe", says: []string{"script-not-executable /usr/bin/pipe prwxr-xr-x uid 0 gid 0"}},
		"not executable for the account":     {argv: "/usr/bin/rootonly", user: "bob", says: []string{"script-not-executable /usr/bin/rootonly -rwx------ uid 0 gid 0"}},
		"a directory the account may not search": {argv: "/home/bob/x.sh", user: DefaultAccount,
			says: []string{"script-not-reachable /home/bob drwx------ uid 1000 gid 100"}},
		"another's script as that account is its own affair": {argv: "/home/bob/x.sh", user: "bob", path: "/home/bob/x.sh", ok: true},
		"another's script as root, security on": {argv: "/home/bob/x.sh",
			says: []string{"script-insecure /home/bob drwx------ uid 1000 gid 100", "script-insecure /home/bob/x.sh -rwxr-xr-x uid 1000 gid 100"}},
		"the same for a track script is an error": {argv: "/open/x.sh", use: UseTrack, status: 5,
			says: []string{"script-insecure /open drwxrwxrwx uid 0 gid 0"}},
		"the same with security off is kept": {argv: "/open/x.sh", off: true, path: "/open/x.sh", ok: true, status: 6,
			says: []string{"script-insecure /open drwxrwxrwx uid 0 gid 0", "script-security-off   "}},
		"a link in another's directory": {argv: "/home/bob/link",
			says: []string{"script-insecure /home/bob drwx------ uid 1000 gid 100"}},
		"another's link in a sticky directory": {argv: "/tmp/bobs",
			says: []string{"script-insecure /tmp/bobs Lrwxrwxrwx uid 1000 gid 0"}},
		"another's link in root's directory cannot be replaced": {argv: "/usr/bin/bobs", path: "/usr/bin/ok", ok: true},
		"a set-id root file is checked for everybody": {argv: "/tmp/bobs", user: "bob",
			says: []string{"script-insecure /tmp/bobs Lrwxrwxrwx uid 1000 gid 0"}},
		"writable by everybody":        {argv: "/tmp/open.sh", says: []string{"script-insecure /tmp/open.sh -rwxrwxrwx uid 0 gid 0"}},
		"writable by another group":    {argv: "/usr/bin/staff", says: []string{"script-insecure /usr/bin/staff -rwxrwxr-x uid 0 gid 50"}},
		"a bare name is found in PATH": {argv: "ok", path: "/bin/ok", ok: true, says: []string{"script-without-path   "}},
		"a bare name that is nowhere":  {argv: "nope", says: []string{"script-not-found   "}},
		"a bare name skips what the account may not run": {argv: "rootonly", user: "bob",
			says: []string{"script-not-found   "}},
		"unknown user, notify":      {argv: "/usr/bin/ok", user: "eve", says: []string{"unknown-account   "}},
		"unknown user, startup":     {argv: "/usr/bin/ok", user: "eve", use: UseOnce, status: 5, says: []string{"unknown-account   "}},
		"missing, startup":          {argv: "/usr/bin/no", use: UseOnce, says: []string{"script-not-found /usr/bin drwxr-xr-x uid 0 gid 0"}},
		"unknown user, misc":        {argv: "/usr/bin/ok", user: "eve", use: UseMisc, status: 5, says: []string{"unknown-account   "}},
		"no account at all, notify": {argv: "/usr/bin/ok", user: "-", status: 5, says: []string{"script-account-missing   "}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			as := Accounts{Directory: withDefault(), User: "root", Security: !tt.off}
			if tt.user == "-" {
				as, tt.user = Accounts{Directory: directory, Security: true}, ""
			}
			k := &Checker{Accounts: as, FS: tree, Path: []string{"relative", "/bin", "/usr/bin"}}
			k.KeepSymlinks = tt.argv == "ok" // then the path of the search is what is run
			var r SecurityReport
			c, ok := k.Check(&r, tt.use, &kconf.Script{Argv: []string{tt.argv, "x"}, User: tt.user})
			k.Finish(&r)
			if ok != tt.ok || c.Path != tt.path {
				t.Errorf("ok %t path %q, want %t %q", ok, c.Path, tt.ok, tt.path)
			}
			if ok && !slices.Equal(c.Argv, []string{tt.argv, "x"}) {
				t.Errorf("argv %q", c.Argv)
			}
			var says []string
			var ds kconf.Diagnostics
			for _, f := range r.Findings {
				says = append(says, fmt.Sprintf("%s %s %s %s", f.Problem, f.Component, f.Mode, f.Owner))
				if f.Fix == "" {
					t.Errorf("%s says nothing about what to do", f.Problem)
				}
				if f.Class != kconf.ClassNone {
					ds.Add(f.Diagnostic())
				}
			}
			if d := cmp.Diff(tt.says, says); d != "" {
				t.Errorf("findings -want +got\n%s", d)
			}
			if got := ds.TestStatus(); got != tt.status {
				t.Errorf("status of --config-test %d, want %d", got, tt.status)
			}
			if r.Dropped() == tt.ok {
				t.Errorf("dropped %t", r.Dropped())
			}
		})
	}
}

func TestAFindingTellsTheComponentAndTheFix(t *testing.T) {
	k := &Checker{Accounts: Accounts{Directory: directory, User: "root", Security: true}, FS: tree}
	var r SecurityReport
	k.Check(&r, UseTrack, &kconf.Script{Argv: []string{"/open/x.sh"}, Pos: kconf.At("k.conf", 3, 9)})
	want := "k.conf:3:9: Unsafe permissions found for script '/open/x.sh' - disabling: /open is writable by everybody: " +
		"/open is drwxrwxrwx uid 0 gid 0; chmod o-w /open"
	if got := r.Findings[0].Diagnostic().String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestAnUnprivilegedDaemonRunsOnlyItsOwnAccount(t *testing.T) {
	for name, tt := range map[string]struct {
		uid uint32
		ok  bool
	}{"another account": {1001, false}, "its own": {1000, true}} {
		t.Run(name, func(t *testing.T) {
			k := &Checker{Accounts: Accounts{Directory: directory, User: "bob", Security: true}, FS: tree, Unprivileged: true, UID: tt.uid, GID: 100}
			var r SecurityReport
			if _, ok := k.Check(&r, UseNotify, &kconf.Script{Argv: []string{"/usr/bin/ok"}}); ok != tt.ok {
				t.Errorf("ok %t, want %t: %+v", ok, tt.ok, r.Findings)
			}
		})
	}
}

func TestSecurityOffIsSaidOnceAndCountsInsecureScripts(t *testing.T) {
	k := &Checker{Accounts: Accounts{Directory: directory, User: "root"}, FS: tree}
	var none SecurityReport
	k.Finish(&none)
	if len(none.Findings) != 0 {
		t.Errorf("without scripts: %+v", none.Findings)
	}
	var r SecurityReport
	for _, p := range []string{"/open/x.sh", "/tmp/open.sh", "/usr/bin/ok"} {
		k.Check(&r, UseNotify, &kconf.Script{Argv: []string{p}})
	}
	k.Finish(&r)
	if last := r.Findings[len(r.Findings)-1]; len(r.Findings) != 3 || !strings.Contains(last.Message, "There are 2 insecure scripts.") {
		t.Errorf("findings %+v", r.Findings)
	}
}

// The fake file system must see what the real one sees.
func TestTheRealFileSystemResolvesLinks(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "x.sh")
	if err := errors.Join(os.WriteFile(file, nil, 0o755), os.Symlink("x.sh", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	resolved, trail, err := walk(OSFileSystem{}, filepath.Join(dir, "link"))
	if err != nil || resolved != file {
		t.Errorf("resolved %q %v, want %q", resolved, err, file)
	}
	last := trail[len(trail)-1]
	if last.uid != uint32(os.Geteuid()) || last.mode != 0o755 {
		t.Errorf("last component %+v", last)
	}
	k := NewChecker(Accounts{Directory: System{}, User: "root"})
	if len(k.Path) == 0 || k.Unprivileged != (os.Geteuid() != 0) {
		t.Errorf("checker of this machine: %+v", k)
	}
	if a, err := k.Accounts.For("root", "root"); err != nil || a.UID != 0 || a.GID != 0 {
		t.Errorf("root is %+v %v", a, err)
	}
}

func FuzzWalk(f *testing.F) {
	for name := range tree {
		f.Add(name)
	}
	f.Add("/bin/../../home/bob/link")
	f.Fuzz(func(t *testing.T, name string) {
		resolved, trail, err := walk(tree, name)
		if len(trail) == 0 {
			t.Fatal("not even the root was looked at")
		}
		if err == nil && (!filepath.IsAbs(resolved) || filepath.Clean(resolved) != resolved) {
			t.Errorf("%q resolved to %q", name, resolved)
		}
	})
}
