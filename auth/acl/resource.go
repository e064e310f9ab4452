package acl

import "strings"

// Resource is what an entry is about: a kind, and one of it, those whose names begin with a text, or all.
type Resource struct {
	Kind    string // canonical: Cluster, Namespace, Topic, Group, or Any for everything that there is
	Name    string // "" with EveryOne
	Pattern Pattern
}

// Pattern says which resources of its kind a [Resource] is.
type Pattern byte

// The patterns.
const (
	Exactly  Pattern = iota // the one of the name
	Prefixed                // those whose names begin with it
	EveryOne                // all of the kind
)

const kindAny = "Any"

// ParseResource reads a resource: "*", "Topic:*", "Topic:orders", "Topic:orders*". Of a name with several stars all behind the first
// is dropped, as RocketMQ does. It returns false for a blank text, and for one whose kind there is not.
func ParseResource(text string) (Resource, bool) {
	if text == "*" {
		return Resource{Kind: kindAny, Pattern: EveryOne}, true
	}
	kindName, name, _ := strings.Cut(text, ":")
	kind, ok := canonical(kindName, "Unknown", kindAny, "Cluster", "Namespace", "Topic", "Group")
	switch {
	case !ok:
		return Resource{}, false
	case kind == kindAny:
		return Resource{Kind: kindAny, Pattern: EveryOne}, true
	case name == "*":
		return Resource{Kind: kind, Pattern: EveryOne}, true
	case strings.HasSuffix(name, "*"):
		name, _, _ = strings.Cut(name, "*")
		if name == "" {
			return Resource{Kind: kind, Pattern: EveryOne}, true // as it is written
		}
		return Resource{Kind: kind, Name: name, Pattern: Prefixed}, true
	}
	return Resource{Kind: kind, Name: name}, true
}

// String is the resource as ParseResource reads it.
func (r Resource) String() string {
	switch {
	case r.Kind == kindAny:
		return "*"
	case r.Pattern == EveryOne:
		return r.Kind + ":*"
	case r.Pattern == Prefixed:
		return r.Kind + ":" + r.Name + "*"
	}
	return r.Kind + ":" + r.Name
}

// IsKind tells whether it is about one kind of resources, not about everything.
func (r Resource) IsKind() bool { return r.Kind != kindAny }

// Holds tells whether it is about one, which has a kind and a name.
func (r Resource) Holds(one Resource) bool {
	switch {
	case r.Kind == kindAny:
		return true
	case r.Kind != one.Kind:
		return false
	case r.Pattern == Exactly:
		return r.Name == one.Name
	case r.Pattern == Prefixed:
		return strings.HasPrefix(one.Name, r.Name)
	}
	return true
}
