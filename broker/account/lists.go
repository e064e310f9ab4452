package account

// AUTH_CREATE_ACL (3006), AUTH_UPDATE_ACL (3007), AUTH_DELETE_ACL (3008), AUTH_GET_ACL (3009), AUTH_LIST_ACL (3010).
//
// Callers: mqadmin createAcl, updateAcl, deleteAcl, getAcl, listAcl, copyAcl; the dashboard; proxies, which ask 3009.
//
// Behaviour: a change is durable before the answer. 3006 and 3007 do the same: entries are added to the subject's list, and replace those for the same
// resource. The body's subject counts before the header's. Actions that there are not are passed over. 3008 removes one entry, and the
// list with its last one, or without a resource all of it. A user without a list, and nothing to list, are successes without a body.
//
// Codes: 0; 16 what RocketMQ calls an authorization error: no such user, no list, and what is wrong with an entry; 29 too many entries, or a list or all lists too long; 1 unreadable
// body, one without policies, a subject that is none, or the store refused.

import (
	"context"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/projection/user"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/account"
	"github.com/aerobee-mq/aerobee/protocol/apart"
)

// policies reads what a body says. What cannot be read is left empty, for acl.Check to find.
func policies(body []account.Policy) (out []acl.Policy) {
	for _, p := range body {
		if len(p.Entries) == 0 {
			continue
		}
		kind, ok := acl.Kind(p.Type)
		if !ok {
			kind = acl.Custom
		}
		policy := acl.Policy{Kind: kind}
		for _, e := range p.Entries {
			entry := acl.Entry{SourceIPs: e.SourceIPs}
			entry.Resource, _ = acl.ParseResource(e.Resource)
			entry.Decision, _ = acl.Decision(e.Decision)
			for _, name := range e.Actions {
				if action, ok := acl.Action(name); ok && !slices.Contains(entry.Actions, action) {
					entry.Actions = append(entry.Actions, action)
				}
			}
			policy.Entries = append(policy.Entries, entry)
		}
		out = append(out, policy)
	}
	return out
}

// PutACL serves AUTH_CREATE_ACL and AUTH_UPDATE_ACL.
func (a *Accounts) PutACL(ctx context.Context, f *protocol.Frame, from string) (apart.Answer, error) {
	var h account.ACLHeader
	h.Decode(f)
	var body account.ACL
	if err := readBody(f, &body); err != nil {
		return apart.Answer{}, err
	}
	if len(body.Policies) == 0 {
		return apart.Answer{}, apart.Refuse(protocol.ResSystemError, "The body of acl is null: it has %d policies", len(body.Policies))
	}
	name, ok := acl.Subject(body.Subject)
	if !ok {
		name, ok = acl.Subject(h.Subject)
	}
	if !ok {
		return apart.Answer{}, apart.Refuse(protocol.ResSystemError, "The subject is null. (%.100q is none; one is User:name)", h.Subject)
	}
	given := 0
	for _, p := range body.Policies {
		given += len(p.Entries)
	}
	if given > maxEntries {
		return apart.Answer{}, apart.Refuse(protocol.ResInvalidParameter, "the request has %d entries, the limit is %d", given, maxEntries)
	}
	wanted := policies(body.Policies)
	if err := acl.Check(wanted); err != nil {
		return apart.Answer{}, denied("%v", err)
	}
	err := a.store.ChangeUsers(ctx, func(t *user.Table) ([][]byte, error) {
		if _, there := t.Get(name); !there {
			return nil, denied("The subject of %s is not exist.", acl.User(name))
		}
		change, err := joined(t, acl.User(name), wanted)
		return [][]byte{change}, err
	})
	if err == nil {
		a.log.Info("access control list changed", "subject", acl.User(name), "by", from)
	}
	return apart.Answer{}, err
}

// joined is the change that adds policies to a subject's list. They may be refused for the room that they would take.
func joined(t *user.Table, subject string, wanted []acl.Policy) (change []byte, err error) {
	list, before := &acl.List{Subject: subject}, 0
	if old, there := t.List(subject); there {
		list, before = old.Clone(), user.ListBytes(old)
	}
	list.Update(wanted)
	n, size := list.Len(), user.ListBytes(list)
	switch all := t.ListsBytes() - before + size; {
	case n > maxEntries:
		err = apart.Refuse(protocol.ResInvalidParameter, "the list of %s would have %d entries, the limit is %d", subject, n, maxEntries)
	case size > maxList:
		err = apart.Refuse(protocol.ResInvalidParameter, "the list of %s would have %d bytes, the limit is %d", subject, size, maxList)
	case all > maxLists:
		err = apart.Refuse(protocol.ResInvalidParameter, "all lists would have %d bytes, the limit is %d", all, maxLists)
	}
	if err != nil {
		return nil, err
	}
	return user.AppendPutList(nil, list), nil
}

// DeleteACL serves AUTH_DELETE_ACL.
func (a *Accounts) DeleteACL(ctx context.Context, f *protocol.Frame, from string) (apart.Answer, error) {
	var h account.ACLHeader
	h.Decode(f)
	name, ok := acl.Subject(h.Subject)
	if !ok {
		return apart.Answer{}, denied("The subject is null. (%.100q is none; one is User:name)", h.Subject)
	}
	kind, ok := acl.Kind(h.PolicyType)
	if !ok {
		kind = acl.Custom
	}
	resource, readable := acl.ParseResource(h.Resource)
	if !readable && !blank(h.Resource) {
		return apart.Answer{}, denied("The resource is null. (%.100q is none)", h.Resource)
	}
	err := a.store.ChangeUsers(ctx, func(t *user.Table) ([][]byte, error) {
		if _, there := t.Get(name); !there {
			return nil, denied("The subject is not exist. (%.300s)", name)
		}
		old, there := t.List(acl.User(name))
		if !there {
			return nil, denied("The acl is not exist. (Of %.300s)", name)
		}
		list := old.Clone()
		if readable {
			list.Delete(kind, resource)
		}
		if !readable || list.Len() == 0 {
			return [][]byte{user.AppendDeleteList(nil, list.Subject)}, nil
		}
		return [][]byte{user.AppendPutList(nil, list)}, nil
	})
	if err == nil {
		a.log.Info("access control list cut", "subject", acl.User(name), "resource", h.Resource, "by", from)
	}
	return apart.Answer{}, err
}

// GetACL serves AUTH_GET_ACL.
func (a *Accounts) GetACL(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h account.ACLHeader
	h.Decode(f)
	name, ok := acl.Subject(h.Subject)
	if !ok {
		return apart.Answer{}, denied("The subject is null. (%.100q is none; one is User:name)", h.Subject)
	}
	var list *acl.List
	known := false
	a.store.Users(func(t *user.Table) {
		_, known = t.Get(name)
		list, _ = t.List(acl.User(name))
	})
	if !known {
		return apart.Answer{}, denied("The subject is not exist. (%.300s)", h.Subject)
	}
	if list == nil {
		return apart.Answer{}, nil
	}
	return apart.Answer{Body: protocol.MarshalBody(told(list, ""))}, nil
}

// told is a list as answers tell it, with the entries whose resources hold the filter.
func told(l *acl.List, filter string) account.ACL {
	out := account.ACL{Subject: l.Subject}
	for _, p := range l.Policies {
		policy := account.Policy{Type: p.Kind}
		for _, e := range p.Entries {
			if strings.Contains(e.Resource.String(), filter) {
				policy.Entries = append(policy.Entries, account.Entry{Actions: e.Actions, Decision: e.Decision, Resource: e.Resource.String(), SourceIPs: e.SourceIPs})
			}
		}
		if len(policy.Entries) > 0 {
			out.Policies = append(out.Policies, policy)
		}
	}
	return out
}

// ListACLs serves AUTH_LIST_ACL.
func (a *Accounts) ListACLs(_ context.Context, f *protocol.Frame, _ string) (apart.Answer, error) {
	var h account.ACLsHeader
	h.Decode(f)
	var all []*acl.List
	a.store.Users(func(t *user.Table) { all = t.Lists() })
	var out []account.ACL
	for _, l := range all {
		if !blank(h.SubjectFilter) && !strings.Contains(l.Subject, h.SubjectFilter) {
			continue
		}
		filter := h.ResourceFilter
		if blank(filter) {
			filter = ""
		}
		if list := told(l, filter); len(list.Policies) > 0 {
			out = append(out, list)
		}
	}
	if out == nil {
		return apart.Answer{}, nil
	}
	return apart.Answer{Body: protocol.MarshalBody(out)}, nil
}
