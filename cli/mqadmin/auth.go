package mqadmin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/internal/javatext"
	"github.com/aerobee-mq/aerobee/protocol/account"
)

func (c *call) userOf() account.User {
	return account.User{Name: c.text("username"), Password: c.text("password"), Type: c.text("userType"), Status: c.text("userStatus")}
}

// onAll makes a change at the broker of -b or at all members of -c: each keeps users and lists for itself.
func (c *call) onAll(ctx context.Context, did, format string, do func(addr string) error) error {
	done := c.Quiet("brokers", format, "addr")
	c.Set("done", did)
	return c.onBrokers(ctx, true, func(addr string) error {
		if err := do(addr); err != nil {
			return err
		}
		done.Add(addr)
		return nil
	})
}

func createUser(ctx context.Context, c *call) error {
	return c.onAll(ctx, "createUser", "create user to %s success.\n", func(addr string) error { return c.CreateUser(ctx, addr, c.userOf()) })
}

func updateUser(ctx context.Context, c *call) error {
	return c.onAll(ctx, "updateUser", "update user to %s success.\n", func(addr string) error { return c.UpdateUser(ctx, addr, c.userOf()) })
}

func deleteUser(ctx context.Context, c *call) error {
	return c.onAll(ctx, "deleteUser", "delete user to %s success.\n", func(addr string) error { return c.DeleteUser(ctx, addr, c.text("username")) })
}

// firstOf asks the broker of -b, or the masters of -c until one has something; then it returns true, and what others before it said does
// not count.
func (c *call) firstOf(ctx context.Context, ask func(addr string) (bool, error)) error {
	found := false
	var last error
	err := c.onBrokers(ctx, false, func(addr string) error {
		if !found {
			found, last = ask(addr)
		}
		return last
	})
	if found {
		return last
	}
	return err
}

func (c *call) printUsers(users []account.User) {
	const format = "%-16s  %-22s  %-22s  %-22s\n"
	t := c.Table("users", format, format, "#UserName", "#Password", "#UserType", "#UserStatus")
	for _, u := range users {
		t.Add(u.Name, javatext.Text(u.Password), javatext.Text(u.Type), javatext.Text(u.Status))
	}
}

// userAt is a user that must be there.
func (c *call) userAt(ctx context.Context, addr, name string) (*account.User, error) {
	u, err := c.User(ctx, addr, name)
	if err == nil && u == nil {
		err = fmt.Errorf("the broker at %s has no user %s", addr, name)
	}
	return u, err
}

func getUser(ctx context.Context, c *call) error {
	c.Quiet("users", "")
	return c.firstOf(ctx, func(addr string) (bool, error) {
		u, err := c.userAt(ctx, addr, c.text("username"))
		if err == nil {
			c.printUsers([]account.User{*u})
		}
		return err == nil, err
	})
}

func listUser(ctx context.Context, c *call) error {
	c.Quiet("users", "")
	return c.firstOf(ctx, func(addr string) (bool, error) {
		users, err := c.Users(ctx, addr, c.text("filter"))
		if len(users) == 0 {
			return false, err
		}
		c.printUsers(users)
		if c.has("clusterName") {
			c.Say("get user from %s success.\n", addr)
		}
		return true, err
	})
}

func copyUser(ctx context.Context, c *call) error {
	from, to := c.text("fromBroker"), c.text("toBroker")
	var users []account.User
	var err error
	if names := list(c.text("usernames")); len(names) == 0 {
		users, err = c.Users(ctx, from, "")
	} else {
		for _, name := range names {
			u, errOne := c.userAt(ctx, from, name)
			if err = errors.Join(err, errOne); errOne == nil {
				users = append(users, *u)
			}
		}
	}
	if err != nil {
		return err
	}
	done := c.Quiet("copied", "copy user of %s from %s to %s success.\n", "username", "from", "to")
	for _, u := range users {
		if u.Password == "" {
			return fmt.Errorf("the broker at %s does not tell passwords, so user %s cannot be copied: make it with createUser", from, u.Name)
		}
		have, err := c.User(ctx, to, u.Name)
		if err != nil && !errors.Is(err, cluster.ErrNotFound) {
			return err
		}
		put := c.UpdateUser
		if have == nil {
			put = c.CreateUser
		}
		if err := put(ctx, to, u); err != nil {
			return err
		}
		done.Add(u.Name, from, to)
	}
	return nil
}

// list takes a text with commas apart.
func list(text string) (out []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// aclOf is the list that the options describe: one policy, with an entry for each resource.
func (c *call) aclOf() account.ACL {
	var entries []account.Entry
	for _, resource := range list(c.text("resources")) {
		entries = append(entries, account.Entry{Resource: resource, Actions: list(c.text("actions")), SourceIPs: list(c.text("sourceIp")), Decision: c.text("decision")})
	}
	return account.ACL{Subject: c.text("subject"), Policies: []account.Policy{{Entries: entries}}}
}

func createACL(ctx context.Context, c *call) error {
	return c.onAll(ctx, "createAcl", "create acl to %s success.\n", func(addr string) error { return c.CreateACL(ctx, addr, c.aclOf()) })
}

func updateACL(ctx context.Context, c *call) error {
	return c.onAll(ctx, "updateAcl", "update acl to %s success.\n", func(addr string) error { return c.UpdateACL(ctx, addr, c.aclOf()) })
}

func deleteACL(ctx context.Context, c *call) error {
	return c.onAll(ctx, "deleteAcl", "delete acl to %s success.\n", func(addr string) error {
		return c.DeleteACL(ctx, addr, c.text("subject"), c.text("resources"))
	})
}

func (c *call) printACLs(lists []account.ACL) {
	const format = "%-16s  %-10s  %-22s  %-20s  %-24s  %-10s\n"
	t := c.Table("acls", format, format, "#Subject", "#PolicyType", "#Resource", "#Actions", "#SourceIp", "#Decision")
	for _, l := range lists {
		if len(l.Policies) == 0 {
			t.Add(l.Subject, "", "", "", "", "")
		}
		for _, p := range l.Policies {
			for _, e := range p.Entries {
				t.Add(l.Subject, javatext.Text(p.Type), e.Resource, javatext.List(e.Actions), javatext.List(e.SourceIPs), e.Decision)
			}
		}
	}
}

// listAt is a subject's list, which must be there.
func (c *call) listAt(ctx context.Context, addr, subject string) (*account.ACL, error) {
	l, err := c.ACL(ctx, addr, subject)
	if err == nil && l == nil {
		err = fmt.Errorf("the broker at %s has no list of %s", addr, subject)
	}
	return l, err
}

func getACL(ctx context.Context, c *call) error {
	c.Quiet("acls", "")
	return c.firstOf(ctx, func(addr string) (bool, error) {
		l, err := c.listAt(ctx, addr, c.text("subject"))
		if err == nil {
			c.printACLs([]account.ACL{*l})
		}
		return err == nil, err
	})
}

func listACL(ctx context.Context, c *call) error {
	c.Quiet("acls", "")
	return c.firstOf(ctx, func(addr string) (bool, error) {
		lists, err := c.ACLs(ctx, addr, c.text("subject"), c.text("resource"))
		if len(lists) > 0 {
			c.printACLs(lists)
		}
		return len(lists) > 0, err
	})
}

func copyACL(ctx context.Context, c *call) error {
	from, to := c.text("fromBroker"), c.text("toBroker")
	var lists []account.ACL
	var err error
	if subjects := list(c.text("subjects")); len(subjects) == 0 {
		lists, err = c.ACLs(ctx, from, "", "")
	} else {
		for _, subject := range subjects {
			l, errOne := c.listAt(ctx, from, subject)
			if err = errors.Join(err, errOne); errOne == nil {
				lists = append(lists, *l)
			}
		}
	}
	if err != nil {
		return err
	}
	done := c.Quiet("copied", "copy acl of %s from %s to %s success.\n", "subject", "from", "to")
	for _, l := range lists {
		have, err := c.ACL(ctx, to, l.Subject)
		if err != nil && !errors.Is(err, cluster.ErrNotFound) {
			return err
		}
		put := c.UpdateACL
		if have == nil {
			put = c.CreateACL
		}
		if err := put(ctx, to, l); err != nil {
			return err
		}
		done.Add(l.Subject, from, to)
	}
	return nil
}
