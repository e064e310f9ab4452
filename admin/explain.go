package admin

import (
	"context"
	"fmt"
	"strings"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol/account"
)

// Explain says whether the broker at the address, which is of the cluster, would let a user do something, and in words by which rule (3004 and 3009).
// A user whom it does not have is [cluster.ErrNotFound].
func (a *Admin) Explain(ctx context.Context, addr, clusterName string, q *decide.Question) (allowed bool, rule string, err error) {
	name, _ := acl.Subject(q.Subject)
	u, err := a.User(ctx, addr, name)
	if err != nil {
		return false, "", err
	}
	if u == nil {
		return false, "", fmt.Errorf("admin: %w: there is no user %.255s at %s", cluster.ErrNotFound, name, addr)
	}
	list, err := a.ACL(ctx, addr, q.Subject)
	if err != nil {
		return false, "", err
	}
	v := decide.By(listOf(list), decide.System(clusterName), q)
	switch {
	case strings.EqualFold(u.Status, "disable"):
		return false, "the user is disabled", nil
	case strings.EqualFold(u.Type, "Super"):
		v = decide.Super()
	}
	return v.Allowed, v.Reason(), nil
}

// listOf is a list as it was told. What cannot be read is left out: it fits nothing.
func listOf(told *account.ACL) *acl.List {
	if told == nil {
		return nil
	}
	out := &acl.List{Subject: told.Subject}
	for _, p := range told.Policies {
		kind, ok := acl.Kind(p.Type)
		if !ok {
			continue
		}
		policy := acl.Policy{Kind: kind}
		for _, e := range p.Entries {
			entry := acl.Entry{SourceIPs: e.SourceIPs}
			var ok bool
			if entry.Resource, ok = acl.ParseResource(e.Resource); !ok {
				continue
			}
			entry.Decision, _ = acl.Decision(e.Decision)
			for _, name := range e.Actions {
				if action, ok := acl.Action(name); ok {
					entry.Actions = append(entry.Actions, action)
				}
			}
			policy.Entries = append(policy.Entries, entry)
		}
		out.Policies = append(out.Policies, policy)
	}
	return out
}
