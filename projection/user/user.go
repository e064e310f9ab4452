// Package user is the projection of the users and of what each may do: RocketMQ's users and access control lists 2.0. It is a pure
// machine: changes in, lookups out; no clock, file, goroutine or lock.
//
// The store owns the one [Table], applies the changes that it reads from the log in log order, and guards it: reads may run at once with
// reads, never with Apply. What a table handed out is never changed again and may be kept.
//
// Passwords are sealed before they come here (internal/seal), so no log, cache or copy holds one in clear.
package user

import (
	"strings"

	"github.com/aerobee-mq/aerobee/auth/acl"
)

// User is one user.
type User struct {
	Name     string
	Password []byte // sealed
	Kind     Kind
	Status   Status
}

// Subject is what lists call the user.
func (u *User) Subject() string { return acl.User(u.Name) }

// Kind says what a user is.
type Kind byte

// The kinds. A super user may do everything.
const (
	Super  Kind = 1
	Normal Kind = 2
)

// String is the kind's name.
func (k Kind) String() string { return nameOf(byte(k), "Super", "Normal") }

// ParseKind finds a kind by its name in whatever case.
func ParseKind(name string) (Kind, bool) {
	n := find(name, "Super", "Normal")
	return Kind(n), n > 0
}

// Status says whether a user may sign in.
type Status byte

// The states of users.
const (
	Enabled  Status = 1
	Disabled Status = 2
)

// String is the state's name.
func (s Status) String() string { return nameOf(byte(s), "enable", "disable") }

// ParseStatus finds a state by its name in whatever case.
func ParseStatus(name string) (Status, bool) {
	n := find(name, "enable", "disable")
	return Status(n), n > 0
}

func nameOf(n byte, names ...string) string {
	if n == 0 || int(n) > len(names) {
		return ""
	}
	return names[n-1]
}

func find(name string, names ...string) int {
	for i, one := range names {
		if strings.EqualFold(one, name) {
			return i + 1
		}
	}
	return 0
}
