package admin

import (
	"context"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/account"
)

// Users and access control lists are kept by each broker for itself: the calls of this file are made to the one at the address.

// CreateUser makes a user (3001).
func (a *Admin) CreateUser(ctx context.Context, addr string, u account.User) error {
	_, err := a.call(ctx, addr, protocol.ReqAuthCreateUser, &account.UserHeader{Name: u.Name}, protocol.MarshalBody(u))
	return err
}

// UpdateUser changes what of a user is not empty (3002).
func (a *Admin) UpdateUser(ctx context.Context, addr string, u account.User) error {
	_, err := a.call(ctx, addr, protocol.ReqAuthUpdateUser, &account.UserHeader{Name: u.Name}, protocol.MarshalBody(u))
	return err
}

// DeleteUser deletes a user (3003).
func (a *Admin) DeleteUser(ctx context.Context, addr, name string) error {
	_, err := a.call(ctx, addr, protocol.ReqAuthDeleteUser, &account.UserHeader{Name: name}, nil)
	return err
}

// User is a user (3004), nil where there is none of that name.
func (a *Admin) User(ctx context.Context, addr, name string) (*account.User, error) {
	var out *account.User
	err := a.ask(ctx, addr, protocol.ReqAuthGetUser, &account.UserHeader{Name: name}, &out)
	return out, err
}

// Users are the users whose names hold the filter, "" for all (3005).
func (a *Admin) Users(ctx context.Context, addr, filter string) ([]account.User, error) {
	var out []account.User
	err := a.ask(ctx, addr, protocol.ReqAuthListUser, &account.UsersHeader{Filter: filter}, &out)
	return out, err
}

// CreateACL makes a subject's list (3006).
func (a *Admin) CreateACL(ctx context.Context, addr string, l account.ACL) error {
	_, err := a.call(ctx, addr, protocol.ReqAuthCreateACL, &account.ACLHeader{Subject: l.Subject}, protocol.MarshalBody(l))
	return err
}

// UpdateACL changes the entries of a subject's list that are in l (3007).
func (a *Admin) UpdateACL(ctx context.Context, addr string, l account.ACL) error {
	_, err := a.call(ctx, addr, protocol.ReqAuthUpdateACL, &account.ACLHeader{Subject: l.Subject}, protocol.MarshalBody(l))
	return err
}

// DeleteACL deletes a subject's list, or with a resource what it says of that (3008).
func (a *Admin) DeleteACL(ctx context.Context, addr, subject, resource string) error {
	_, err := a.call(ctx, addr, protocol.ReqAuthDeleteACL, &account.ACLHeader{Subject: subject, Resource: resource}, nil)
	return err
}

// DeleteACLEntry deletes what a subject's list says of a resource in its policy of a kind, Custom or Default (3008).
func (a *Admin) DeleteACLEntry(ctx context.Context, addr, subject, policy, resource string) error {
	_, err := a.call(ctx, addr, protocol.ReqAuthDeleteACL, &account.ACLHeader{Subject: subject, PolicyType: policy, Resource: resource}, nil)
	return err
}

// ACL is a subject's list (3009), nil where there is none.
func (a *Admin) ACL(ctx context.Context, addr, subject string) (*account.ACL, error) {
	var out *account.ACL
	err := a.ask(ctx, addr, protocol.ReqAuthGetACL, &account.ACLHeader{Subject: subject}, &out)
	return out, err
}

// ACLs are the lists that hold both filters, "" for all (3010).
func (a *Admin) ACLs(ctx context.Context, addr, subject, resource string) ([]account.ACL, error) {
	var out []account.ACL
	err := a.ask(ctx, addr, protocol.ReqAuthListACL, &account.ACLsHeader{SubjectFilter: subject, ResourceFilter: resource}, &out)
	return out, err
}
