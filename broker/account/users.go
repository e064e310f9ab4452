package account

// AUTH_CREATE_USER (3001), AUTH_UPDATE_USER (3002), AUTH_DELETE_USER (3003), AUTH_GET_USER (3004), AUTH_LIST_USER (3005).
//
// Callers: mqadmin createUser, updateUser, deleteUser, getUser, listUser, copyUser; the dashboard; proxies, which ask 3004.
//
// Behaviour: a change is durable before the answer. A user is Normal and enabled unless the request says otherwise, and a type or state that there is not
// says nothing. An update leaves what is empty as it is. Deleting takes the user's list along, and a user who is not there is no
// error. Who is asked for and is not there is a success without a body, and so is an empty list. Answers hold the passwords, as RocketMQ's do, those that can be opened.
//
// Codes: 0; 29 the name is blank (3001, 3002, 3004) or something is too long; 16 what RocketMQ calls an authentication error: blank password, the
// user exists or does not; 1 unreadable body, or the store refused.

import (
	"context"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/account"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

func blankName() error { return apart.Refuse(protocol.ResInvalidParameter, "The username is blank") }

// wanted reads what 3001 and 3002 say of a user, and seals the password.
func (a *Accounts) wanted(f *protocol.Frame) (*user.User, error) {
	var h account.UserHeader
	h.Decode(f)
	if h.Name == "" {
		return nil, blankName()
	}
	var body account.User
	if err := readBody(f, &body); err != nil {
		return nil, err
	}
	if err := checkLength("username", h.Name, maxName); err != nil {
		return nil, err
	}
	if err := checkLength("password", body.Password, maxPassword); err != nil {
		return nil, err
	}
	if blank(h.Name) {
		return nil, denied("username can not be blank")
	}
	u := &user.User{Name: h.Name}
	u.Kind, _ = user.ParseKind(body.Type)
	u.Status, _ = user.ParseStatus(body.Status)
	if blank(body.Password) {
		return u, nil
	}
	a.look.Do(a.noteLost)
	var err error
	if u.Password, err = a.seal.Seal([]byte(body.Password), u.Name); err != nil {
		return nil, failed("the password cannot be stored", err)
	}
	return u, nil
}

// CreateUser serves AUTH_CREATE_USER.
func (a *Accounts) CreateUser(ctx context.Context, f *protocol.Frame, from string) (apart.Answer, error) {
	u, err := a.wanted(f)
	if err != nil {
		return apart.Answer{}, err
	}
	if u.Password == nil {
		return apart.Answer{}, denied("password can not be blank")
	}
	if u.Kind == 0 {
		u.Kind = user.Normal
	}
	if u.Status == 0 {
		u.Status = user.Enabled
	}
	err = a.store.ChangeUsers(ctx, func(t *user.Table) ([][]byte, error) {
		if _, there := t.Get(u.Name); there {
			return nil, denied("The user is existed: %.300s", u.Name)
		}
		if n := t.Len(); n >= maxUsers {
			return nil, apart.Refuse(protocol.ResSystemError, "there are %d users, the limit is %d", n, maxUsers)
		}
		return [][]byte{user.AppendPut(nil, u)}, nil
	})
	if err == nil {
		a.log.Info("user created", "user", u.Name, "type", u.Kind.String(), "by", from)
	}
	return apart.Answer{}, err
}

// UpdateUser serves AUTH_UPDATE_USER.
func (a *Accounts) UpdateUser(ctx context.Context, f *protocol.Frame, from string) (apart.Answer, error) {
	u, err := a.wanted(f)
	if err != nil {
		return apart.Answer{}, err
	}
	err = a.store.ChangeUsers(ctx, func(t *user.Table) ([][]byte, error) {
		old, there := t.Get(u.Name)
		if !there {
			return nil, denied("The user is not exist: %.300s", u.Name)
		}
		now := *old
		if u.Password != nil {
			now.Password = u.Password
		}
		if u.Kind != 0 {
			now.Kind = u.Kind
		}
		if u.Status != 0 {
			now.Status = u.Status
		}
		return [][]byte{user.AppendPut(nil, &now)}, nil
	})
	if err == nil {
		a.log.Info("user changed", "user", u.Name, "password", u.Password != nil, "type", u.Kind.String(), "status", u.Status.String(), "by", from)
	}
	return apart.Answer{}, err
}

// DeleteUser serves AUTH_DELETE_USER.
func (a *Accounts) DeleteUser(ctx context.Context, f *protocol.Frame, from string) (apart.Answer, error) {
	var h account.UserHeader
	h.Decode(f)
	if blank(h.Name) {
		return apart.Answer{}, denied("username can not be blank")
	}
	gone := false
	err := a.store.ChangeUsers(ctx, func(t *user.Table) ([][]byte, error) {
		if _, gone = t.Get(h.Name); !gone {
			return nil, nil
		}
		return [][]byte{user.AppendDelete(nil, h.Name)}, nil
	})
	if err == nil && gone {
		a.log.Info("user deleted", "user", h.Name, "by", from)
	}
	return apart.Answer{}, err
}

// noteLost says before the first password is sealed that those that there are cannot be opened: the key that they were sealed with is not here, as after
// a restore, and what is sealed from now on has another.
func (a *Accounts) noteLost() {
	var all []*user.User
	a.store.Users(func(t *user.Table) { all = t.All() })
	lost, why := 0, error(nil)
	for _, u := range all {
		if _, err := a.seal.Open(u.Password, u.Name); err != nil {
			lost, why = lost+1, err
		}
	}
	if lost > 0 {
		a.log.Warn("passwords cannot be opened, and new ones are sealed with another key: bring the file with the old key back, or set all passwords anew", "users", lost, "of", len(all), "error", why)
	}
}

// told is users as answers tell them, those whose passwords cannot be opened without one.
func (a *Accounts) told(users ...*user.User) []account.User {
	var out []account.User
	lost, why := 0, error(nil)
	for _, u := range users {
		password, err := a.seal.Open(u.Password, u.Name)
		if err != nil {
			lost, why = lost+1, err
		}
		out = append(out, account.User{Name: u.Name, Password: string(password), Type: u.Kind.String(), Status: u.Status.String()})
	}
	if lost > 0 {
		a.log.Warn("users are told without their passwords, which cannot be opened", "users", lost, "error", why)
	}
	return out
}

// GetUser serves AUTH_GET_USER.
func (a *Accounts) GetUser(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h account.UserHeader
	h.Decode(f)
	if blank(h.Name) {
		return apart.Answer{}, blankName()
	}
	var u *user.User
	a.store.Users(func(t *user.Table) { u, _ = t.Get(h.Name) })
	if u == nil {
		return apart.Answer{}, nil
	}
	return apart.Answer{Body: protocol.MarshalBody(a.told(u)[0])}, nil
}

// ListUsers serves AUTH_LIST_USER.
func (a *Accounts) ListUsers(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h account.UsersHeader
	h.Decode(f)
	var all []*user.User
	a.store.Users(func(t *user.Table) { all = t.All() })
	all = slices.DeleteFunc(all, func(u *user.User) bool { return !blank(h.Filter) && !strings.Contains(u.Name, h.Filter) })
	if len(all) == 0 {
		return apart.Answer{}, nil
	}
	return apart.Answer{Body: protocol.MarshalBody(a.told(all...))}, nil
}
