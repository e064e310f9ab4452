package account

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/projection/user"
)

// EnsureSuper makes a super user unless there is a user of that name, whose password and kind stay as they are then. It returns whether it has made one.
func EnsureSuper(ctx context.Context, s Store, seal Sealer, name, password string) (made bool, err error) {
	there := false
	s.Users(func(t *user.Table) { _, there = t.Get(name) })
	if there {
		return false, nil
	}
	if err := checkLength("username", name, maxName); err != nil {
		return false, err
	}
	if err := checkLength("password", password, maxPassword); err != nil {
		return false, err
	}
	u := &user.User{Name: name, Kind: user.Super, Status: user.Enabled}
	if u.Password, err = seal.Seal([]byte(password), name); err != nil {
		return false, fmt.Errorf("the password of %s cannot be stored: %w", name, err)
	}
	err = s.ChangeUsers(ctx, func(t *user.Table) ([][]byte, error) {
		if _, there := t.Get(name); there {
			return nil, nil
		}
		made = true
		return [][]byte{user.AppendPut(nil, u)}, nil
	})
	return made && err == nil, err
}
