// Package acl is the vocabulary of RocketMQ's access control lists 2.0: who may do what with which resource from where. It reads the
// names that requests carry, joins and splits lists as administrators change them, and says what is wrong with one. It is pure;
// everything in it is safe to call at once, but a list must not be changed while another reads it.
//
// Package projection/user keeps lists, package broker/account serves the requests that change them, package auth/decide answers by them.
package acl

import (
	"slices"
	"strings"
)

// The kinds of policies. A policy of kind Default counts where none of kind Custom does.
const (
	Custom  = "Custom"
	Default = "Default"
)

// The decisions of an entry.
const (
	Allow = "Allow"
	Deny  = "Deny"
)

// ActionAny stands in questions, for whatever action; no entry may have it.
const ActionAny = "Any"

// Entry says of one resource who may do what with it. SourceIPs are addresses and CIDR prefixes; none is from everywhere.
type Entry struct {
	Resource  Resource
	Actions   []string // canonical, see Action
	SourceIPs []string
	Decision  string // Allow or Deny
}

// Policy holds the entries of one kind, each for another resource.
type Policy struct {
	Kind    string // Custom or Default
	Entries []Entry
}

// List is all that is said of one subject, such as "User:alice".
type List struct {
	Subject  string
	Policies []Policy
}

// Clone returns a copy that shares nothing which is ever changed.
func (l *List) Clone() *List {
	out := &List{Subject: l.Subject, Policies: slices.Clone(l.Policies)}
	for i := range out.Policies {
		out.Policies[i].Entries = slices.Clone(out.Policies[i].Entries)
	}
	return out
}

// Update adds entries, and replaces those of the same kind for the same resource.
func (l *List) Update(policies []Policy) {
	for _, p := range policies {
		at := slices.IndexFunc(l.Policies, func(have Policy) bool { return have.Kind == p.Kind })
		if at < 0 {
			l.Policies = append(l.Policies, Policy{Kind: p.Kind})
			at = len(l.Policies) - 1
		}
		have := &l.Policies[at]
		for _, e := range p.Entries {
			if i := slices.IndexFunc(have.Entries, func(o Entry) bool { return o.Resource == e.Resource }); i >= 0 {
				have.Entries[i] = e
			} else {
				have.Entries = append(have.Entries, e)
			}
		}
	}
}

// Delete removes the entry of a kind for a resource, and with the last one its policy. One that is not there is no error.
func (l *List) Delete(kind string, r Resource) {
	for i := range l.Policies {
		if p := &l.Policies[i]; p.Kind == kind {
			p.Entries = slices.DeleteFunc(p.Entries, func(e Entry) bool { return e.Resource == r })
		}
	}
	l.Policies = slices.DeleteFunc(l.Policies, func(p Policy) bool { return len(p.Entries) == 0 })
}

// Len counts the entries.
func (l *List) Len() (n int) {
	for _, p := range l.Policies {
		n += len(p.Entries)
	}
	return n
}

// canonical finds a name among those that there are, whatever its case.
func canonical(name string, all ...string) (string, bool) {
	for _, one := range all {
		if strings.EqualFold(one, name) {
			return one, true
		}
	}
	return "", false
}

// Kind is the canonical name of a policy's kind, false if there is none of that name.
func Kind(name string) (string, bool) { return canonical(name, Custom, Default) }

// Decision is the canonical name of a decision, false if there is none of that name.
func Decision(name string) (string, bool) { return canonical(name, Allow, Deny) }

// Action is the canonical name of an action, false if there is none of that name. "All" stands for every one.
func Action(name string) (string, bool) {
	return canonical(name, "Unknown", "All", ActionAny, "Pub", "Sub", "Create", "Update", "Delete", "Get", "List")
}

// User is the subject that stands for a user.
func User(name string) string { return "User:" + name }

// Subject reads a subject, which is "User:" and a name, in whatever case. It returns the user's name, false if it is no subject.
func Subject(text string) (user string, ok bool) {
	kind, user, _ := strings.Cut(text, ":")
	if !strings.EqualFold(kind, "User") {
		return "", false
	}
	return user, true
}
