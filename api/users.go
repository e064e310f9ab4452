package api

import (
	"context"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/protocol/account"
)

// keepers are the brokers that keep the users: all that have a master now, of the node's own cluster where there are several. Those that anybody may have
// registered come last, so that what they say counts behind what the others say, and the time that they take is none of the others'.
func (c *call) keepers(ctx context.Context, a *admin.Admin) ([]admin.Broker, error) {
	list, err := a.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	own := ""
	if slices.ContainsFunc(list, func(b admin.Broker) bool { return b.Cluster != list[0].Cluster }) && c.o.Node != nil {
		n, err := c.o.Node()
		if err != nil {
			return nil, err
		}
		own = n.Cluster
	}
	list = slices.DeleteFunc(list, func(b admin.Broker) bool {
		_, ok := b.Master()
		return !ok || own != "" && b.Cluster != own
	})
	if len(list) == 0 {
		return nil, &problem{"unavailable", "there is no broker with a master now"}
	}
	slices.SortStableFunc(list, func(x, y admin.Broker) int { return c.rank(&x) - c.rank(&y) })
	return list, nil
}

// rank is 0 for brokers that are ours, 1 for those that may be anybody's.
func (c *call) rank(b *admin.Broker) int {
	if addr, _ := b.Master(); c.g.keeps(addr) {
		return 0
	}
	return 1
}

// users tells each user once: where brokers differ, the first of the keepers counts.
func users(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := c.keepers(ctx, a)
		if err != nil {
			return err
		}
		lists := make([][]account.User, len(at))
		unanswered, err := gather(at, func(i int, addr string) (err error) {
			lists[i], err = a.Users(ctx, addr, "")
			return err
		})
		if err != nil {
			return err
		}
		all := map[string]v1.User{}
		for _, list := range lists {
			for i := range list {
				if _, known := all[list[i].Name]; !known {
					all[list[i].Name] = userBody(&list[i])
				}
			}
		}
		body := v1.Users{Users: []v1.User{}, Unanswered: unanswered}
		part, next := page(c, sortedKeys(all), func(name *string) string { return *name }, func(*string) bool { return true })
		for _, name := range part {
			body.Users = append(body.Users, all[name])
		}
		body.Next = next
		return c.reply(body, nil)
	})
}

// oneUser tells what the first of the brokers says that has the user.
func oneUser(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := c.keepers(ctx, a)
		if err != nil {
			return err
		}
		have := make([]*account.User, len(at))
		unanswered, err := gather(at, func(i int, addr string) (err error) {
			have[i], err = a.User(ctx, addr, c.v.Text("user"))
			return err
		})
		if err != nil {
			return err
		}
		for _, u := range have {
			if u != nil {
				return c.reply(userBody(u), nil)
			}
		}
		return nobody(c.v.Text("user"), unanswered)
	})
}

const (
	super, normal     = "Super", "Normal"
	enabled, disabled = "enable", "disable"
)

func userBody(u *account.User) v1.User {
	return v1.User{Name: u.Name, Super: strings.EqualFold(u.Type, super), Enabled: !strings.EqualFold(u.Status, disabled)}
}

// changedUser is what a change says to a broker; what is left out stays there.
func changedUser(name string, change *v1.UserChange) account.User {
	u := account.User{Name: name, Password: change.Password}
	if change.Super != nil {
		u.Type = normal
		if *change.Super {
			u.Type = super
		}
	}
	if change.Enabled != nil {
		u.Status = disabled
		if *change.Enabled {
			u.Status = enabled
		}
	}
	return u
}

func putUser(c *call) error {
	var change v1.UserChange
	if err := c.body(&change); err != nil {
		return err
	}
	want := changedUser(c.v.Text("user"), &change)
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := c.keepers(ctx, a)
		if err != nil {
			return err
		}
		now := make([]*account.User, len(at))
		out := c.change(at, func(i int, addr string) (changed bool, err error) {
			if change.Password != "" && !c.g.keeps(addr) {
				return false, strange(at[i].Name, addr)
			}
			now[i], err = putUserAt(ctx, a, addr, want)
			return true, err
		})
		if c.inPart(want.Name, out) {
			return nil
		}
		return c.reply(userBody(now[0]), nil) // nobody failed, so each has the user
	})
}

// putUserAt makes a user at a broker, or changes the one that is there, and returns what it is then.
func putUserAt(ctx context.Context, a *admin.Admin, addr string, want account.User) (*account.User, error) {
	have, err := a.User(ctx, addr, want.Name)
	if err != nil {
		return nil, err
	}
	put := a.UpdateUser
	if have == nil {
		put = a.CreateUser
	}
	if err := put(ctx, addr, want); err != nil {
		return nil, err
	}
	now, err := a.User(ctx, addr, want.Name)
	if err == nil && now == nil {
		err = &problem{"not-found", "user " + want.Name + " has been deleted meanwhile"}
	}
	return now, err
}

func deleteUser(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := c.keepers(ctx, a)
		if err != nil {
			return err
		}
		name := c.v.Text("user")
		out := c.change(at, func(_ int, addr string) (bool, error) {
			u, err := a.User(ctx, addr, name)
			if err != nil || u == nil {
				return false, err
			}
			return true, a.DeleteUser(ctx, addr, name)
		})
		if c.inPart(name, out) {
			return nil
		}
		body := changedAt(name, out)
		if len(body.Brokers) == 0 {
			return nobody(name, nil)
		}
		return c.reply(body, nil)
	})
}
