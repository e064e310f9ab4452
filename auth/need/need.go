// Package need knows what right each request asks for: its table has a row for every code that a broker or a NameServer serves, and reads from the request
// which topics and groups it is about. It decides nothing: package auth/guard asks package auth/decide about each [decide.Need]. Everything in it is safe to call
// at once; what it returns shares no bytes with the request.
//
// The rows are RocketMQ's (its request headers' annotations, and what it reads itself of heartbeats, sends, pulls, offsets and locks), with these differences on
// purpose, since there every user who can sign may do what no row is about:
//
//   - What changes or reveals a broker as a whole asks for Update or Get on the cluster also where RocketMQ has no row (broker settings, statistics, the lists
//     of all topics and groups, cold data, timers, static topics), and so does a message that is looked up by its id without its topic.
//   - Groups that are made, lists of topics and groups, assignments, request modes, batches of acknowledgements, lite topics and replies are asked for by the
//     topics and groups that stand in them.
//   - A retry topic is its group's, whatever group the request names besides. RocketMQ's names of retried messages that were popped
//     (%RETRY%group_topic) are understood; RocketMQ takes all of it for a group.
//   - Asking for a topic's route is free, signed or not: RocketMQ's NameServers ask nobody for anything, and a client without a route could not be told
//     by the broker why it is refused.
package need

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/auth/acl"
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// The bounds of what is read of one request.
const (
	maxBody  = 4 << 20
	maxNeeds = 4096
)

// Table has a row for each request. It is safe to use at once.
type Table struct {
	rows    map[int32]row
	cluster string
}

// row says what one request asks for.
type row struct {
	actions []string
	// free says that nobody need sign, any that everybody who signs may.
	free, any bool
	// optional says that naming no topic and no group asks for nothing; otherwise it asks for the right on the cluster.
	optional bool
	fields   []field
	read     func(f *protocol.Frame, w *wants) error // nil: fields say it
}

// field is a header field that names resources of a kind, several with sep between.
type field struct{ kind, name, sep string }

// wants gathers what a request asks for.
type wants struct {
	actions []string
	found   []decide.Need
	over    bool
}

// New makes the table for a cluster of that name.
func New(cluster string) *Table {
	t := &Table{rows: map[int32]row{}, cluster: cluster}
	for _, part := range []map[int32]row{messages(), offsets(), topicsAndGroups(), brokers(), nameServers()} {
		for code, r := range part {
			if _, twice := t.rows[code]; twice {
				panic(fmt.Sprintf("BUG: request %d stands in two tables", code))
			}
			t.rows[code] = r
		}
	}
	for code, r := range maps.Clone(t.rows) {
		if short := int32(int16(code)); short != code { // a binary head has 16 bits for the code
			if _, other := t.rows[short]; other {
				panic(fmt.Sprintf("BUG: request %d is %d in a binary head, which is another request's", code, short))
			}
			t.rows[short] = r
		}
	}
	return t
}

// Has tells whether the table has a row for a request.
func (t *Table) Has(code int32) bool {
	_, ok := t.rows[code]
	return ok
}

// Free tells whether a request needs no signature.
func (t *Table) Free(code int32) bool { return t.rows[code].free }

// Of reads what a request asks for; nothing is nil. What has no row asks for Update on the cluster. An error is about a request that cannot be read, or names a
// field twice: then it would not be known which one counts.
func (t *Table) Of(f *protocol.Frame) ([]decide.Need, error) {
	r, ok := t.rows[f.Code]
	if !ok {
		r = row{actions: update()}
	}
	if r.free || r.any {
		return nil, nil
	}
	if name, twice := repeated(f.Fields); twice {
		return nil, fmt.Errorf("the request has the field %.40q twice", name)
	}
	w := wants{actions: r.actions}
	if r.read != nil {
		if len(f.Body) > maxBody {
			return nil, fmt.Errorf("the request's body has %d bytes, the limit is %d", len(f.Body), maxBody)
		}
		if err := r.read(f, &w); err != nil {
			return nil, err
		}
	}
	for _, one := range r.fields {
		w.field(f, one)
	}
	if len(w.found) == 0 && !r.optional {
		w.add(decide.Cluster, t.cluster)
	}
	if w.over {
		return nil, fmt.Errorf("the request names more than %d topics and groups", maxNeeds)
	}
	return w.found, nil
}

// About is what a request asks for that turns out to be about a message of a topic, which it names by its offset.
func (t *Table) About(f *protocol.Frame, topic string) []decide.Need {
	r, ok := t.rows[f.Code]
	if !ok {
		r = row{actions: update()}
	}
	w := wants{actions: r.actions}
	w.topic(topic, f.Fields.String("group")+f.Fields.String("consumerGroup")) // one of them, by the request
	return w.found
}

// repeated finds a name that two fields have.
func repeated(fs protocol.Fields) (string, bool) {
	const few = 32
	if len(fs) <= few {
		for i := range fs {
			for j := range i {
				if string(fs[i].Key) == string(fs[j].Key) {
					return string(fs[i].Key), true
				}
			}
		}
		return "", false
	}
	seen := make(map[string]bool, len(fs))
	for i := range fs {
		if seen[string(fs[i].Key)] {
			return string(fs[i].Key), true
		}
		seen[string(fs[i].Key)] = true
	}
	return "", false
}

func (w *wants) field(f *protocol.Frame, one field) {
	text := f.Fields.String(one.name)
	if text == "" {
		return
	}
	names := []string{text}
	if one.sep != "" {
		names = strings.Split(text, one.sep)
	}
	for _, name := range names {
		if one.kind == decide.Topic {
			w.topic(name, f.Fields.String("consumerGroup"))
		} else {
			w.add(one.kind, name)
		}
	}
}

// add asks for the right on a resource, once. An empty name, which no resource has, and retry topics in the place of groups are taken as they mean it.
func (w *wants) add(kind, name string) {
	if kind == decide.Group {
		name = strings.TrimPrefix(name, message.RetryPrefix)
	}
	if name == "" {
		return
	}
	n := decide.Need{Resource: acl.Resource{Kind: kind, Name: name}, Actions: w.actions}
	switch {
	case slices.ContainsFunc(w.found, func(have decide.Need) bool { return have.Resource == n.Resource }):
	case len(w.found) == maxNeeds:
		w.over = true
	default:
		w.found = append(w.found, n)
	}
}

func (w *wants) group(name string) { w.add(decide.Group, name) }

// topic asks for the right on a topic, or on the group that a retry topic belongs to. group is the one that the request names, if it does.
func (w *wants) topic(name, group string) {
	rest, retry := strings.CutPrefix(name, message.RetryPrefix)
	if !retry {
		w.add(decide.Topic, name)
		return
	}
	if owner, _, ok := strings.Cut(rest, "+"); ok { // no group's name has one
		w.group(owner)
		return
	}
	if group != "" && rest != group {
		// %RETRY%a_b may be of group a and topic b. Who may read both is believed.
		if of, ok := strings.CutPrefix(rest, group+"_"); ok && of != "" {
			w.group(group)
			w.add(decide.Topic, of)
			return
		}
	}
	w.group(rest)
}
