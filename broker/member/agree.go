package member

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
)

// The members of a group must subscribe alike: the broker goes by the last heartbeat, and each queue has one owner, so where
// they do not, messages that one member wants are handed to another, which passes them over, and are gone. RocketMQ does not
// notice. Here each member's own announcement is kept, and compared.

// Opinion is what some members of a group say of a topic. Expression is empty with members that do not subscribe to it.
type Opinion struct {
	Clients    []string `json:"clients"` // ids, sorted
	Kind       string   `json:"type"`    // TAG or SQL92, "" without a subscription
	Expression string   `json:"expression"`
}

// Disagreement is a topic of which the members of a group do not say the same; with an empty topic it is about the message
// model, whose names then stand as expressions.
type Disagreement struct {
	Topic    string    `json:"topic"`
	Opinions []Opinion `json:"opinions"`
}

// Turn is a group whose members have begun to disagree; or agree again, then without disagreements.
type Turn struct {
	Group         string
	Disagreements []Disagreement
}

// view is what one member announced: what it says of each topic, in a form in which equal sayings are equal.
type view struct {
	model string
	says  map[string]saying
	all   string // of says, equal where they are; empty with those that subscribe to nothing, as those do that assign themselves their queues
}

type saying struct{ kind, expression string }

func viewOf(a *Announcement) view {
	v := view{model: a.Model, says: make(map[string]saying, len(a.Subs))}
	for _, s := range a.Subs {
		if !message.IsRetry(s.Topic) {
			v.says[s.Topic] = saying{cmp.Or(s.Kind, filter.Tag), normal(s)}
		}
	}
	var all []byte // grows as append does: a client may subscribe to thousands of topics, and says so with each heartbeat
	for _, topic := range slices.Sorted(maps.Keys(v.says)) {
		for _, word := range [...]string{topic, v.says[topic].kind, v.says[topic].expression} {
			all = append(binary.AppendUvarint(all, uint64(len(word))), word...)
		}
	}
	v.all = string(all)
	return v
}

// normal is a subscription's expression; of tags their order does not count.
func normal(s *Subscription) string {
	if cmp.Or(s.Kind, filter.Tag) != filter.Tag {
		return strings.TrimSpace(s.Expression)
	}
	tags := strings.Split(s.Expression, "||")
	for i := range tags {
		tags[i] = strings.TrimSpace(tags[i])
	}
	slices.Sort(tags)
	return cmp.Or(strings.Join(slices.Compact(tags), " || "), "*")
}

// votes counts how many members of a group have each message model, and say each thing.
type votes struct{ models, says map[string]int }

func newVotes() votes { return votes{map[string]int{}, map[string]int{}} }

// agree reports whether nobody differs: what each member says of all topics is compared as a whole.
func (n votes) agree() bool { return len(n.models) <= 1 && len(n.says) <= 1 }

func (n votes) count(v view, by int) {
	add(n.models, v.model, by)
	if v.all != "" {
		add(n.says, v.all, by)
	}
}

func add(counts map[string]int, what string, by int) {
	if counts[what] += by; counts[what] == 0 {
		delete(counts, what)
	}
}

// sees notes a member's view and reports whether it is another one than before.
func (g *Group[C]) sees(conn C, v view) bool {
	old, had := g.views[conn]
	if had && old.model == v.model && old.all == v.all {
		return false
	}
	g.looksAway(conn)
	g.views[conn] = v
	g.votes.count(v, 1)
	return true
}

// looksAway drops a member's view.
func (g *Group[C]) looksAway(conn C) {
	if old, had := g.views[conn]; had {
		delete(g.views, conn)
		g.votes.count(old, -1)
	}
}

// compare notes whether the members of a group agree, after one of them has changed its mind, come or gone. Only where that
// changes all of them are looked at.
func (t *Table[C]) compare(g *Group[C]) {
	_, was := t.disagreeing[g.Name]
	switch agree := g.votes.agree(); {
	case was && agree:
		delete(t.disagreeing, g.Name)
		t.turns = append(t.turns, Turn{g.Name, nil})
	case !was && !agree:
		t.disagreeing[g.Name] = struct{}{}
		t.turns = append(t.turns, Turn{g.Name, g.Disagreements()})
	}
}

// Turns returns the groups that have begun to disagree, or agree again, since it was called last.
func (t *Table[C]) Turns() []Turn {
	out := t.turns
	t.turns = nil
	return out
}

// Disagreeing lists the groups whose members do not agree.
func (t *Table[C]) Disagreeing() []string { return slices.Sorted(maps.Keys(t.disagreeing)) }

// Disagreements says of what the members of the group do not say the same, the message model first, then by topic. Members that
// subscribe to nothing, as those do that assign themselves their queues, have no say.
func (g *Group[C]) Disagreements() []Disagreement {
	topics := map[string]map[saying][]string{}
	models := map[saying][]string{}
	var voters []C
	for conn, v := range g.views {
		id := g.members[conn].ID
		models[saying{expression: v.model}] = append(models[saying{expression: v.model}], id)
		if len(v.says) == 0 {
			continue
		}
		voters = append(voters, conn)
		for topic := range v.says {
			topics[topic] = map[saying][]string{}
		}
	}
	for _, conn := range voters {
		for topic, said := range topics {
			s := g.views[conn].says[topic]
			said[s] = append(said[s], g.members[conn].ID)
		}
	}
	var out []Disagreement
	if len(models) > 1 {
		out = append(out, Disagreement{"", opinions(models)})
	}
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		if len(topics[topic]) > 1 {
			out = append(out, Disagreement{topic, opinions(topics[topic])})
		}
	}
	return out
}

func opinions(said map[saying][]string) []Opinion {
	out := make([]Opinion, 0, len(said))
	for s, ids := range said {
		slices.Sort(ids)
		out = append(out, Opinion{ids, s.kind, s.expression})
	}
	slices.SortFunc(out, func(a, b Opinion) int { return slices.Compare(a.Clients, b.Clients) })
	return out
}

// String is the disagreement as a person reads it: "topic t: a, b want TAG x; c does not subscribe".
func (d Disagreement) String() string {
	var says []string
	for _, o := range d.Opinions {
		who := strings.Join(o.Clients, ", ")
		switch {
		case d.Topic == "":
			says = append(says, who+": "+o.Expression)
		case o.Kind == "":
			says = append(says, who+": no subscription")
		default:
			says = append(says, who+": "+o.Kind+" "+o.Expression)
		}
	}
	if d.Topic == "" {
		return "message model: " + strings.Join(says, "; ")
	}
	return "topic " + d.Topic + ": " + strings.Join(says, "; ")
}
