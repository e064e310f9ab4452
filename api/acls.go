package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1/rights"
	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol/account"
)

// gathered are the lists of several brokers, by user and entry.
type gathered struct {
	lists map[string][]rights.ACLEntry
	at    map[string]int // where an entry stands in its user's list, by its text and the user's
}

func newGathered() *gathered {
	return &gathered{lists: map[string][]rights.ACLEntry{}, at: map[string]int{}}
}

// add adds a broker's list. An entry that others have letter by letter is theirs too.
func (g *gathered) add(broker string, list *account.ACL) {
	user, ok := acl.Subject(list.Subject)
	if !ok {
		return
	}
	for _, p := range list.Policies {
		for _, e := range p.Entries {
			one := rights.ACLEntry{Policy: p.Type, Decision: e.Decision, Actions: append([]string{}, e.Actions...), Resource: e.Resource, From: append([]string{}, e.SourceIPs...)}
			text := fmt.Sprintf("%q %q %q %q %q %q", user, one.Policy, one.Decision, one.Resource, one.Actions, one.From)
			i, known := g.at[text]
			if !known {
				i = len(g.lists[user])
				g.at[text], g.lists[user] = i, append(g.lists[user], one)
			}
			g.lists[user][i].Brokers = append(g.lists[user][i].Brokers, broker)
		}
	}
}

// of is one user's list, Custom before Default.
func (g *gathered) of(user string) rights.ACL {
	entries := append([]rights.ACLEntry{}, g.lists[user]...)
	slices.SortStableFunc(entries, func(x, y rights.ACLEntry) int {
		return cmp.Or(cmp.Compare(x.Policy, y.Policy), cmp.Compare(x.Resource, y.Resource))
	})
	return rights.ACL{User: user, Entries: entries, Unanswered: map[string]string{}}
}

func acls(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := c.keepers(ctx, a)
		if err != nil {
			return err
		}
		lists := make([][]account.ACL, len(at))
		unanswered, err := gather(at, func(i int, addr string) (err error) {
			lists[i], err = a.ACLs(ctx, addr, "", c.v.Text("resource"))
			return err
		})
		if err != nil {
			return err
		}
		all := newGathered()
		for i := range at {
			for j := range lists[i] {
				all.add(at[i].Name, &lists[i][j])
			}
		}
		part, next := page(c, sortedKeys(all.lists), func(name *string) string { return *name }, func(*string) bool { return true })
		body := rights.ACLs{ACLs: []rights.ACL{}, Next: next, Unanswered: unanswered}
		for _, user := range part {
			body.ACLs = append(body.ACLs, all.of(user))
		}
		return c.reply(body, nil)
	})
}

// listAt is a user's list at a broker; known tells whether the broker has the user. A user without a list has an empty one.
func listAt(ctx context.Context, a *admin.Admin, addr, user string) (list account.ACL, known bool, err error) {
	u, err := a.User(ctx, addr, user)
	if err != nil || u == nil {
		return list, false, err
	}
	told, err := a.ACL(ctx, addr, acl.User(user))
	if told != nil {
		list = *told
	}
	return list, true, err
}

func nobody(user string, unanswered map[string]string) error {
	return &problem{"not-found", "there is no user " + user + notAnswered(unanswered)}
}

func oneACL(c *call) error {
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := c.keepers(ctx, a)
		if err != nil {
			return err
		}
		user, lists, known := c.v.Text("user"), make([]account.ACL, len(at)), make([]bool, len(at))
		unanswered, err := gather(at, func(i int, addr string) (err error) {
			lists[i], known[i], err = listAt(ctx, a, addr, user)
			return err
		})
		switch {
		case err != nil:
			return err
		case !slices.Contains(known, true):
			return nobody(user, unanswered)
		}
		return c.reply(listed(user, at, lists, unanswered), nil)
	})
}

// listed is a user's list as several brokers keep it.
func listed(user string, at []admin.Broker, lists []account.ACL, unanswered map[string]string) rights.ACL {
	all := newGathered()
	for i := range at {
		all.add(at[i].Name, &lists[i])
	}
	body := all.of(user)
	body.Unanswered = unanswered
	return body
}

func putACL(c *call) error {
	var change rights.ACLChange
	if err := c.body(&change); err != nil {
		return err
	}
	user := c.v.Text("user")
	wanted, err := granted(user, &change)
	if err != nil {
		return err
	}
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := c.keepers(ctx, a)
		if err != nil {
			return err
		}
		lists := make([]account.ACL, len(at))
		out, err := c.changeLists(ctx, a, at, func(i int, addr string, _ *account.ACL) (bool, error) {
			if err := a.UpdateACL(ctx, addr, wanted); err != nil {
				return false, err
			}
			var err error
			lists[i], _, err = listAt(ctx, a, addr, user)
			return true, err
		})
		if err != nil || c.inPart(user, out) {
			return err
		}
		return c.reply(listed(user, at, lists, map[string]string{}), nil)
	})
}

// changeLists has do change the list of the user whom the path names at each broker that has the user. Where nobody has, it is an error.
func (c *call) changeLists(ctx context.Context, a *admin.Admin, at []admin.Broker, do func(i int, addr string, list *account.ACL) (bool, error)) ([]outcome, error) {
	user, lists, known, errs := c.v.Text("user"), make([]account.ACL, len(at)), make([]bool, len(at)), make([]error, len(at))
	unanswered, err := gather(at, func(i int, addr string) error {
		lists[i], known[i], errs[i] = listAt(ctx, a, addr, user)
		return errs[i]
	})
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(known, true):
		return nil, nobody(user, unanswered)
	}
	return c.change(at, func(i int, addr string) (bool, error) {
		switch {
		case errs[i] != nil:
			return false, errs[i]
		case !known[i]:
			return false, &problem{"refused", fmt.Sprintf("there is no user %s at broker %s; the others have been asked", user, at[i].Name)}
		}
		return do(i, addr, &lists[i])
	}), nil
}

// granted is what a change says to a broker.
func granted(user string, change *rights.ACLChange) (account.ACL, error) {
	kinds := map[string][]account.Entry{}
	for i, g := range change.Entries {
		for j, from := range g.From {
			if !isSource(from) {
				return account.ACL{}, &problem{"refused", fmt.Sprintf("entries[%d].from[%d] is %.60q, it must be an address, or a prefix such as 10.0.0.0/8", i, j, from)}
			}
		}
		kind := orElse(g.Policy, acl.Custom)
		if slices.ContainsFunc(kinds[kind], func(e account.Entry) bool { return e.Resource == g.Resource }) {
			return account.ACL{}, &problem{"refused", fmt.Sprintf("entries[%d] is about %.60q, as another one of policy %s before it: of each resource there is one", i, g.Resource, kind)}
		}
		kinds[kind] = append(kinds[kind], account.Entry{Actions: g.Actions, Decision: orElse(g.Decision, acl.Allow), Resource: g.Resource, SourceIPs: g.From})
	}
	out := account.ACL{Subject: acl.User(user)}
	for _, kind := range sortedKeys(kinds) {
		out.Policies = append(out.Policies, account.Policy{Type: kind, Entries: kinds[kind]})
	}
	return out, nil
}

// isSource tells whether a text is an address without a zone, or a prefix.
func isSource(text string) bool {
	if strings.Contains(text, "/") {
		_, err := netip.ParsePrefix(text)
		return err == nil
	}
	a, err := netip.ParseAddr(text)
	return err == nil && a.Zone() == ""
}

// deleteACL deletes what a list says of a resource, or all of it. Of one policy without a resource it deletes nothing: what is meant is not what would go.
func deleteACL(c *call) error {
	user, resource, kind := c.v.Text("user"), c.v.Text("resource"), c.v.Text("policy")
	if resource == "" && kind != "" {
		return &problem{"refused", "policy says which entry of a resource goes, and there is no resource: name one with resource, or leave policy out to delete the whole list of user " + user}
	}
	kind = orElse(kind, acl.Custom)
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := c.keepers(ctx, a)
		if err != nil {
			return err
		}
		out, err := c.changeLists(ctx, a, at, func(_ int, addr string, list *account.ACL) (bool, error) {
			switch {
			case len(list.Policies) == 0, resource != "" && !says(list, kind, resource):
				return false, nil
			case resource == "":
				return true, a.DeleteACL(ctx, addr, acl.User(user), "")
			}
			return true, a.DeleteACLEntry(ctx, addr, acl.User(user), kind, resource)
		})
		if err != nil || c.inPart(user, out) {
			return err
		}
		body := changedAt(user, out)
		switch {
		case len(body.Brokers) > 0:
		case resource == "":
			err = &problem{"not-found", "user " + user + " has no access control list"}
		default:
			err = &problem{"not-found", "the access control list of user " + user + " says nothing of " + resource + " in its policy " + kind}
		}
		return c.reply(body, err)
	})
}

// says tells whether a list has an entry for a resource.
func says(list *account.ACL, kind, resource string) bool {
	wanted, _ := acl.ParseResource(resource)
	return slices.ContainsFunc(list.Policies, func(p account.Policy) bool {
		return strings.EqualFold(orElse(p.Type, acl.Custom), kind) && slices.ContainsFunc(p.Entries, func(e account.Entry) bool {
			have, ok := acl.ParseResource(e.Resource)
			return ok && have == wanted
		})
	})
}

func explain(c *call) error {
	user := c.v.Text("user")
	body := rights.Explanation{User: user, Action: c.v.Text("action"), Resource: c.v.Text("resource"), From: c.v.Text("from"), Rulings: []rights.Ruling{}}
	q := decide.Question{Subject: acl.User(user), Actions: []string{body.Action}}
	q.Resource, _ = acl.ParseResource(body.Resource) // as its pattern wants it
	if body.From != "" {
		var err error
		if q.Source, err = netip.ParseAddr(body.From); err != nil {
			return &problem{"refused", fmt.Sprintf("from is %.60q, it must be an address", body.From)}
		}
	}
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		at, err := c.keepers(ctx, a)
		if err != nil {
			return err
		}
		rulings, known := make([]rights.Ruling, len(at)), make([]bool, len(at))
		body.Unanswered, err = gather(at, func(i int, addr string) error {
			allowed, rule, err := a.Explain(ctx, addr, at[i].Cluster, &q)
			if known[i] = err == nil; errors.Is(err, cluster.ErrNotFound) {
				rule, err = "there is no such user", nil
			}
			rulings[i] = rights.Ruling{Broker: at[i].Name, Allowed: allowed, Rule: rule}
			return err
		})
		switch {
		case err != nil:
			return err
		case !slices.Contains(known, true):
			return nobody(user, body.Unanswered)
		}
		body.Rulings = slices.DeleteFunc(rulings, func(r rights.Ruling) bool { return r.Rule == "" })
		return c.reply(body, nil)
	})
}
