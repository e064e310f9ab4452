// Package decide says who may do what with which resource: RocketMQ's precedence of the entries of access control lists. It is a pure
// machine: a list and a question in, a verdict and the entry that it follows from out. Everything in it is safe to call at once.
//
// Package auth/guard asks it for each request; `aerobee acl explain` asks it what it would say.
//
// The order, as RocketMQ 5.5 has it. A super user may do everything. Otherwise an entry counts if the resource, one of the actions and the source
// fit it; of those that count, an entry of a policy of kind Custom goes before all of kind Default, then one about the resource's kind
// before one about everything ("*"), then one that names the resource before one with a prefix before one for all of the kind, then the
// longer prefix. If none counts the answer is no.
//
// What differs on purpose:
//
//   - Source addresses are compared as addresses: "::1" is "0:0:0:0:0:0:0:1". RocketMQ compares texts where there is no prefix length.
//   - Of two entries of the same rank, which cannot be stored, the one that denies goes first; RocketMQ has it the other way round.
//   - Where no entry counts, every user may do a few things that clients do by themselves, see [System].
package decide

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/message"
)

// The kinds of resources that requests ask for.
const (
	Topic   = "Topic"
	Group   = "Group"
	Cluster = "Cluster"
)

// The actions that requests ask for.
const (
	Pub    = "Pub"
	Sub    = "Sub"
	Create = "Create"
	Update = "Update"
	Delete = "Delete"
	Get    = "Get"
	List   = "List"

	all = "All" // in entries, for every one
)

// Need is one right that a request asks for: one of the actions on a resource, which has a kind and a name.
type Need struct {
	Resource acl.Resource
	Actions  []string // may be shared, not to be changed
}

// Question is what somebody wants to do.
type Question struct {
	Subject  string       // "User:alice"
	Source   netip.Addr   // from where; the zero value fits no entry that says from where
	Actions  []string     // the right to one of them is enough
	Resource acl.Resource // of kind Topic, Group or Cluster, with a name
}

// String is the question for people: "User:alice, Pub on Topic:orders from 10.0.0.1".
func (q *Question) String() string {
	return fmt.Sprintf("%s, %s on %s from %s", q.Subject, strings.Join(q.Actions, " or "), q.Resource, q.from())
}

func (q *Question) from() string {
	if !q.Source.IsValid() {
		return "an unknown address"
	}
	return q.Source.String()
}

// Ground is what a verdict rests on.
type Ground byte

// The grounds.
const (
	NoEntry     Ground = iota // nothing fits, so the answer is no
	ByEntry                   // Entry says so
	BySystem                  // Entry is one of [System], and none of the list's own fits
	BySuperUser               // the user may do everything
)

// Verdict is an answer.
type Verdict struct {
	Allowed bool
	Ground  Ground
	Policy  string    // with ByEntry, the kind of its policy: acl.Custom or acl.Default
	Entry   acl.Entry // with ByEntry and BySystem
}

// Super is the verdict for super users.
func Super() Verdict { return Verdict{Allowed: true, Ground: BySuperUser} }

// By answers by a list, nil for none, and where none of its entries counts by those of system.
func By(list *acl.List, system []acl.Entry, q *Question) Verdict {
	for _, kind := range [...]string{acl.Custom, acl.Default} {
		if e := first(list, kind, q); e != nil {
			return Verdict{Allowed: e.Decision == acl.Allow, Ground: ByEntry, Policy: kind, Entry: *e}
		}
	}
	for i := range system {
		if fits(&system[i], q) {
			return Verdict{Allowed: true, Ground: BySystem, Entry: system[i]}
		}
	}
	return Verdict{}
}

// first is the entry of one kind that goes before all others which count, nil if none counts.
func first(list *acl.List, kind string, q *Question) (best *acl.Entry) {
	if list == nil {
		return nil
	}
	for p := range list.Policies {
		if list.Policies[p].Kind != kind {
			continue
		}
		entries := list.Policies[p].Entries
		for i := range entries {
			if e := &entries[i]; fits(e, q) && (best == nil || before(e, best)) {
				best = e
			}
		}
	}
	return best
}

// before tells whether a goes before b.
func before(a, b *acl.Entry) bool {
	if x, y := rank(a), rank(b); x != y {
		return x < y
	}
	if x, y := len(a.Resource.Name), len(b.Resource.Name); a.Resource.Pattern == acl.Prefixed && x != y {
		return x > y
	}
	return a.Decision == acl.Deny && b.Decision != acl.Deny
}

// rank is small for what is said of few resources.
func rank(e *acl.Entry) int {
	switch {
	case !e.Resource.IsKind():
		return 3
	case e.Resource.Pattern == acl.Exactly:
		return 0
	case e.Resource.Pattern == acl.Prefixed:
		return 1
	}
	return 2
}

func fits(e *acl.Entry, q *Question) bool {
	return e.Resource.Holds(q.Resource) && fitsAction(e.Actions, q.Actions) && fitsSource(e.SourceIPs, q.Source)
}

func fitsAction(has, wanted []string) bool {
	if len(has) == 0 {
		return false
	}
	if slices.Contains(wanted, acl.ActionAny) {
		return true
	}
	return len(wanted) > 0 && (slices.Contains(has, all) || slices.ContainsFunc(wanted, func(a string) bool { return slices.Contains(has, a) }))
}

func fitsSource(from []string, source netip.Addr) bool {
	return len(from) == 0 || slices.ContainsFunc(from, func(text string) bool { return within(source, text) })
}

// within tells whether an address is the one of a text, or one of a prefix. As RocketMQ has it, addresses are numbers: those of version 4 are also the
// first ones of version 6, so that "::/0" is everybody.
func within(source netip.Addr, text string) bool {
	if !source.IsValid() {
		return false
	}
	address, bits, isPrefix := strings.Cut(text, "/")
	base, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	base, source = base.Unmap(), source.Unmap().WithZone("")
	if !isPrefix {
		return base == source
	}
	n, err := strconv.Atoi(bits)
	if err != nil || n < 0 || n > base.BitLen() {
		return false
	}
	return netip.PrefixFrom(wide(base), 128-base.BitLen()+n).Contains(wide(source))
}

// wide is an address with 128 bits.
func wide(a netip.Addr) netip.Addr {
	if !a.Is4() {
		return a
	}
	var b [16]byte
	four := a.As4()
	copy(b[12:], four[:])
	return netip.AddrFrom16(b)
}

// Refusal is what a client is told of a verdict that is a no: RocketMQ's words.
func (v *Verdict) Refusal(q *Question) string {
	why := "no matched policies."
	if v.Ground == ByEntry {
		why = "the decision is deny."
	}
	return fmt.Sprintf("%s has no permission to access %s from %s, %s", q.Subject, q.Resource, q.from(), why)
}

// Reason says for people what the verdict rests on: "Custom: Deny Pub,Sub on Topic:orders* from 10.0.0.0/8".
func (v *Verdict) Reason() string {
	switch v.Ground {
	case BySuperUser:
		return "a super user may do everything"
	case BySystem:
		return "every user may: " + describe(&v.Entry)
	case ByEntry:
		return v.Policy + ": " + describe(&v.Entry)
	}
	return "no entry fits"
}

func describe(e *acl.Entry) string {
	text := fmt.Sprintf("%s %s on %s", e.Decision, strings.Join(e.Actions, ","), e.Resource)
	if len(e.SourceIPs) > 0 {
		text += " from " + strings.Join(e.SourceIPs, ",")
	}
	return text
}

// System are the entries that every user has behind all of their own, so that nobody need make them by hand: clients send traces, ask for the route of
// the topic that new ones are made after, and send replies, without that an application would know of it.
func System(cluster string) []acl.Entry {
	topic := func(name string, actions ...string) acl.Entry {
		return acl.Entry{Resource: acl.Resource{Kind: Topic, Name: name}, Actions: actions, Decision: acl.Allow}
	}
	return []acl.Entry{topic(message.TopicTrace, Pub), topic(message.TopicAutoName, Get), topic(cluster+"_REPLY_TOPIC", Pub)}
}
