package notify

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"holdfast/internal/run"
	"holdfast/kconf"
)

// Use is what a script is for. It decides how loudly a script that cannot be
// used is reported.
type Use uint8

const (
	UseNotify Use = iota // notify_*, quorum_* and FIFO scripts: keepalived only logs
	UseTrack             // vrrp_script: a configuration error
	UseMisc              // MISC_CHECK: an unknown account is a configuration error
	UseOnce              // startup and shutdown scripts: the same
)

// Problem is what is wrong with a script: stable id of the diagnostic.
type Problem string

const (
	UnknownAccount Problem = "unknown-account"
	NoAccount      Problem = "script-account-missing"
	CannotSwitch   Problem = "script-account-refused" // the daemon is not root and the account is another
	NotFound       Problem = "script-not-found"
	NotReachable   Problem = "script-not-reachable" // a directory the account may not search
	NotExecutable  Problem = "script-not-executable"
	Insecure       Problem = "script-insecure"
	BareName       Problem = "script-without-path" // found in PATH
	SecurityOff    Problem = "script-security-off"
)

// Finding is one thing worth saying about one script.
type Finding struct {
	Problem   Problem
	Script    string // the command as configured
	Component string // the file or directory that is to blame; "" when none is
	Owner     string // "uid 1000 gid 1000", of Component
	Mode      string // "drwxrwxrwx", of Component
	Message   string // keepalived's line where there is one
	Fix       string // what to do
	Dropped   bool   // the script is not used
	Severity  kconf.Severity
	Class     kconf.Class // ClassNone where keepalived only logs
	Pos       kconf.Pos
}

// Diagnostic is f for the list of configuration mistakes.
func (f Finding) Diagnostic() kconf.Diagnostic {
	msg := f.Message
	if f.Component != "" {
		msg += fmt.Sprintf(": %s is %s %s", f.Component, f.Mode, f.Owner)
	}
	return kconf.Diagnostic{Pos: f.Pos, Severity: f.Severity, Class: f.Class, ID: string(f.Problem), Message: msg, Hint: f.Fix}
}

// Checker checks scripts while a configuration is read.
type Checker struct {
	Accounts     Accounts
	FS           FileSystem
	Path         []string // directories of the daemon's PATH
	KeepSymlinks bool     // use_symlink_paths
	Unprivileged bool     // the daemon cannot change to another account
	UID, GID     uint32   // the daemon's own; looked at when Unprivileged
}

// NewChecker returns a checker of this machine's files for the daemon as it runs.
func NewChecker(as Accounts) *Checker {
	return &Checker{
		Accounts: as, FS: OSFileSystem{}, Path: strings.Split(os.Getenv("PATH"), ":"),
		Unprivileged: os.Geteuid() != 0, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()),
	}
}

// SecurityReport is what a Checker has to say about all scripts of a configuration.
type SecurityReport struct {
	Findings []Finding
	scripts  int
	insecure int
	first    kconf.Pos // of the first script
}

// Dropped reports whether any script is not used.
func (r *SecurityReport) Dropped() bool {
	for _, f := range r.Findings {
		if f.Dropped {
			return true
		}
	}
	return false
}

// Check finds the account and the file of s and adds what is wrong to r. The
// command is ready to run; ok is false when the script must not be used.
func (k *Checker) Check(r *SecurityReport, use Use, s *kconf.Script) (c run.Command, ok bool) {
	v := &visit{Checker: k, report: r, use: use, script: s}
	if len(s.Argv) == 0 {
		return c, v.drop(NotFound, nil, "no command", "give a command")
	}
	defer func() { // what is not executed is no violation: one that is not there, a test of a file
		if !ok || strings.HasPrefix(s.Argv[0], "<") {
			return
		}
		if r.scripts++; r.scripts == 1 {
			r.first = s.Pos
		}
	}()
	account, ok := v.account()
	if !ok {
		return c, false
	}
	c = run.Command{Argv: s.Argv, Cred: account.Credential()}
	if strings.HasPrefix(s.Argv[0], "<") {
		return c, true // an open-for-read test runs nothing that could be insecure
	}
	c.Path, ok = v.file(account)
	return c, ok
}

// visit is one script being checked.
type visit struct {
	*Checker
	report *SecurityReport
	use    Use
	script *kconf.Script
}

func (v *visit) name() string { return v.script.Argv[0] }

// account finds who runs the script.
func (v *visit) account() (Account, bool) {
	a, err := v.Accounts.For(v.script.User, v.script.Group)
	switch {
	case errors.Is(err, ErrNoAccount):
		// Not only logged, whatever the script is for: all scripts are lost.
		f := v.finding(NoAccount, nil, fmt.Sprintf("script %s: %v - disabling", v.name(), err),
			"add script_user to global_defs, or create the account "+DefaultAccount)
		f.Severity, f.Class, f.Dropped = kconf.Error, kconf.ClassGeneral, true
		v.add(f)
		return a, false
	case err != nil:
		return a, v.drop(UnknownAccount, nil, fmt.Sprintf("script %s: %v - disabling", v.name(), err), "create the account, or name another")
	case v.Unprivileged && (a.UID != v.UID || a.GID != v.GID):
		return a, v.drop(CannotSwitch, nil, fmt.Sprintf("script %s: cannot run as uid:gid %d:%d - disabling", v.name(), a.UID, a.GID),
			"start the daemon as root, or run the script as the daemon's own account")
	}
	return a, true
}

// file finds what is to be executed and checks it.
func (v *visit) file(a Account) (string, bool) {
	name := v.name()
	if !strings.Contains(name, "/") {
		found := v.search(a, name)
		if found == "" {
			return "", v.drop(NotFound, nil, fmt.Sprintf("Unable to find script '%s' in path - disabling", name), "write the full path")
		}
		v.add(v.finding(BareName, nil, fmt.Sprintf("script %s: %s from PATH is used", name, found), "write the full path"))
		name = found
	}
	if !strings.HasPrefix(name, "/") {
		return "", v.drop(NotFound, nil, fmt.Sprintf("Unable to access script `%s` - disabling", name), "write the full path")
	}
	resolved, trail, err := walk(v.FS, name)
	if err != nil {
		return "", v.unreachable(name, trail, err)
	}
	return v.judge(a, name, resolved, trail)
}

func (v *visit) unreachable(name string, trail []component, err error) bool {
	problem, fix := NotReachable, "make every directory of the path searchable for the script's account"
	if isMissing(err) {
		problem, fix = NotFound, "create the script, or correct its path"
	}
	var last *component
	if len(trail) > 0 {
		last = &trail[len(trail)-1]
	}
	return v.drop(problem, last, fmt.Sprintf("Unable to access script `%s` - disabling (%v)", name, err), fix)
}

// judge looks at everything on the way to the script.
func (v *visit) judge(a Account, name, resolved string, trail []component) (string, bool) {
	last := trail[len(trail)-1]
	for i := range trail {
		if c := trail[i]; c.mode.IsDir() && !a.permits(c, 1) {
			return "", v.drop(NotReachable, &c, fmt.Sprintf("Unable to access script `%s` - disabling", name),
				fmt.Sprintf("let uid:gid %d:%d search %s", a.UID, a.GID, c.path))
		}
	}
	if !last.mode.IsRegular() || !a.permits(last, 1) {
		return "", v.notExecutable(a, name, last)
	}
	if (a.UID == 0 || a.GID == 0 || last.becomesRoot()) && !v.secure(name, trail) {
		return "", false
	}
	if v.KeepSymlinks {
		return name, true
	}
	return resolved, true
}

// notExecutable drops the script. Whatever it is for, keepalived only logs a file
// that lacks its x bits; something that is no file counts as a mistake.
func (v *visit) notExecutable(a Account, name string, last component) bool {
	if last.mode.IsRegular() {
		v.use = UseNotify
	}
	return v.drop(NotExecutable, &last, fmt.Sprintf("WARNING - script '%s' is not executable for uid:gid %d:%d - disabling.",
		name, a.UID, a.GID), "chmod a+x "+last.path)
}

// secure names every component that somebody other than root could change. The
// script is dropped for it only with script security on.
func (v *visit) secure(name string, trail []component) bool {
	drop := v.Accounts.Security
	suffix := ""
	if drop {
		suffix = " - disabling"
	}
	ok := true
	passed := map[string]component{} // by path; the directory comes before what it holds
	for i := range trail {
		c := trail[i]
		_, seen := passed[c.path]
		passed[c.path] = c
		problem, fix := c.insecure(passed[path.Dir(c.path)])
		if problem == "" || seen {
			continue
		}
		f := v.finding(Insecure, &c, fmt.Sprintf("Unsafe permissions found for script '%s'%s: %s is %s", name, suffix, c.path, problem), fix)
		f.Dropped = drop
		if drop && v.use == UseTrack {
			f.Severity, f.Class = kconf.Error, kconf.ClassGeneral
		}
		v.add(f)
		ok = false
	}
	if !ok {
		v.report.insecure++
	}
	return ok || !drop
}

// search is the first file of that name in PATH that a may execute.
func (v *visit) search(a Account, name string) string {
	for _, dir := range v.Path {
		if !strings.HasPrefix(dir, "/") {
			continue // where that is depends on the working directory
		}
		file := path.Join(dir, name)
		_, trail, err := walk(v.FS, file)
		if err != nil {
			continue
		}
		if last := trail[len(trail)-1]; last.mode.IsRegular() && a.permits(last, 1) {
			return file
		}
	}
	return ""
}

// finding is a warning without consequences; callers make it worse.
func (v *visit) finding(p Problem, c *component, message, fix string) Finding {
	f := Finding{Problem: p, Script: v.script.String(), Message: message, Fix: fix, Severity: kconf.Warning, Pos: v.script.Pos}
	if c != nil {
		f.Component, f.Mode, f.Owner = c.path, c.mode.String(), fmt.Sprintf("uid %d gid %d", c.uid, c.gid)
	}
	return f
}

// drop reports a script that cannot be used and returns false. For a track
// script, and for the user of a MISC_CHECK or of the daemon's start and end, that is a configuration error;
// keepalived only logs the others.
func (v *visit) drop(p Problem, c *component, message, fix string) bool {
	f := v.finding(p, c, message, fix)
	f.Dropped = true
	if v.use == UseTrack || v.use != UseNotify && p == UnknownAccount {
		f.Severity, f.Class = kconf.Error, kconf.ClassGeneral
	}
	v.add(f)
	return false
}

func (v *visit) add(f Finding) { v.report.Findings = append(v.report.Findings, f) }

// Finish adds, once all scripts have been checked, that script security is off,
// if it is and there is any script. It makes --config-test end with status 6.
func (k *Checker) Finish(r *SecurityReport) {
	if k.Accounts.Security || r.scripts == 0 {
		return
	}
	msg := "SECURITY VIOLATION - scripts are being executed but script_security not enabled."
	if r.insecure > 0 {
		msg += fmt.Sprintf(" There are %d insecure scripts.", r.insecure)
	}
	r.Findings = append(r.Findings, Finding{
		Problem: SecurityOff, Message: msg, Fix: "add enable_script_security and script_user to global_defs",
		Severity: kconf.Warning, Class: kconf.ClassSecurity, Pos: r.first,
	})
}
