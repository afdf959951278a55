package notify

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"

	"holdfast/internal/run"
)

// DefaultAccount runs scripts for which nothing else is configured, if it exists.
const DefaultAccount = "keepalived_script"

// ErrNoAccount is a script without user, without script_user, without
// keepalived_script, and with script security switched on.
var ErrNoAccount = errors.New("no script_user, and no account " + DefaultAccount)

// Account is who a script runs as.
type Account struct {
	User   string // "" when it is only known by number
	Group  string
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary, with set_supplementary_groups
}

// Credential is what the runner needs.
func (a Account) Credential() *run.Credential {
	return &run.Credential{UID: a.UID, GID: a.GID, Groups: a.Groups}
}

// Directory finds users and groups; os/user in production.
type Directory interface {
	User(name string) (*user.User, error)
	Group(name string) (*user.Group, error)
	GroupIDs(u *user.User) ([]string, error)
}

// System is the machine's own directory: /etc/passwd and /etc/group, read
// without cgo.
type System struct{}

// User implements Directory.
func (System) User(name string) (*user.User, error) { return user.Lookup(name) }

// Group implements Directory.
func (System) Group(name string) (*user.Group, error) { return user.LookupGroup(name) }

// GroupIDs implements Directory.
func (System) GroupIDs(u *user.User) ([]string, error) { return u.GroupIds() }

// Accounts knows which account a script gets.
type Accounts struct {
	Directory     Directory
	User, Group   string // script_user; "" for none
	Security      bool   // enable_script_security
	Supplementary bool   // set_supplementary_groups
}

// For is the account of a script whose own line names userName and group, both
// perhaps empty: the line's user, else script_user, else keepalived_script, else
// the daemon's own account, which script security refuses with ErrNoAccount. A
// group without leading colon or with one is a name; without a group the user's
// own is taken. A user or group that does not exist is an error.
func (as Accounts) For(userName, group string) (Account, error) {
	switch {
	case userName != "":
		return as.find(userName, group)
	case as.User != "":
		return as.find(as.User, as.Group)
	}
	a, err := as.find(DefaultAccount, "")
	switch {
	case err == nil:
		return a, nil
	case as.Security:
		return Account{}, ErrNoAccount
	default:
		return Account{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}, nil
	}
}

func (as Accounts) find(name, group string) (Account, error) {
	u, err := as.Directory.User(name)
	if err != nil {
		return Account{}, fmt.Errorf("look up user %s: %w", name, err)
	}
	a := Account{User: name, Group: group}
	if a.UID, err = number(u.Uid); err != nil {
		return Account{}, fmt.Errorf("look up user %s: %w", name, err)
	}
	gid := u.Gid
	if group != "" {
		if group[0] == ':' {
			group = group[1:]
		}
		g, err := as.Directory.Group(group)
		if err != nil {
			return Account{}, fmt.Errorf("look up group %s: %w", group, err)
		}
		gid = g.Gid
		a.Group = group
	}
	if a.GID, err = number(gid); err != nil {
		return Account{}, fmt.Errorf("look up group of %s: %w", name, err)
	}
	if !as.Supplementary {
		return a, nil
	}
	a.Groups, err = as.supplementary(u)
	return a, err
}

func (as Accounts) supplementary(u *user.User) ([]uint32, error) {
	ids, err := as.Directory.GroupIDs(u)
	if err != nil {
		return nil, fmt.Errorf("look up groups of %s: %w", u.Username, err)
	}
	var groups []uint32
	for _, id := range ids {
		n, err := number(id)
		if err != nil {
			return nil, fmt.Errorf("look up groups of %s: %w", u.Username, err)
		}
		groups = append(groups, n)
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}

func number(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	return uint32(n), err
}
