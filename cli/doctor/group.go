package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/protocol"
)

// GroupFacts is what is known of a group.
type GroupFacts struct {
	State admin.GroupState
	// Told is what brokers say of how the members differ; where none says so, as RocketMQ's do not, what the members say themselves
	// is compared.
	Told []string
	// Queues is what the brokers know beside offsets; RocketMQ's say nothing.
	Queues []v1.GroupQueues
	// Topics are those that exist, nil if that is not known.
	Topics []string
	// Samples are what stands before the group in queues of topics of which it wants a part.
	Samples []Sample
	// Dead is how many dead letters the group has.
	Dead int64
	Now  time.Time
}

// Sample is the messages that stand before a group in a queue, and what the group wants of them.
type Sample struct {
	Topic, Broker, Type, Expression string
	Queue                           int32
	Looked, Wanted                  int
	Tags                            []string // of those looked at, sorted
}

// stalled is how long a queue with messages may go without a pull before that is a problem; a pull on hold is answered after 15 s at the latest.
const stalled = time.Minute

// Group looks at a group. What it says is in the order in which one would look.
func Group(g *GroupFacts) []Finding {
	s, f := &g.State, &findings{}
	for _, broker := range slices.Sorted(maps.Keys(s.Configs)) {
		if !s.Configs[broker].ConsumeEnable {
			f.add(rule{"switched-off", "its brokers refuse its pulls", "aerobee group create " + s.Name + " --enable"}, true, s.Lag, "the group is not allowed to consume on broker %s", broker)
		}
	}
	if len(s.Members) == 0 {
		f.add(rule{"nobody-online", "nobody asks for its messages", "start a consumer, or see whether it reaches the broker"}, s.Lag > 0, s.Lag, "nobody consumes; %d messages wait", s.Lag)
		g.dead(f)
		return f.list
	}
	told := g.Told
	if len(told) == 0 {
		told = Differences(s.Members)
	}
	for _, d := range told {
		f.add(rule{"subscriptions-differ", "messages that one member wants are handed to another, which passes them over",
			"give all members of a group the same subscriptions, or the members different groups"}, true, int64(len(s.Members)), "%s", d)
	}
	for _, m := range s.Members {
		if m.Silent != "" {
			f.add(rule{"member-silent", "what it consumes is not known here", "look at its log"}, false, 0, "member %s at %s does not say what it consumes: %s", m.ClientID, m.Addr, m.Silent)
		}
	}
	g.missing(f)
	g.ownerless(f)
	g.stuck(f)
	g.unwanted(f)
	g.idle(f)
	g.dead(f)
	return f.list
}

// Differences names the topics of which the members do not say the same, each with who says what. Members that were not asked or
// subscribe to nothing have no say.
func Differences(members []admin.Member) []string {
	topics := map[string]map[string][]string{}
	for _, m := range members {
		for _, s := range m.Subscriptions {
			topics[s.Topic] = map[string][]string{}
		}
	}
	for _, m := range members {
		if len(m.Subscriptions) == 0 {
			continue
		}
		for topic, said := range topics {
			text := "no subscription"
			if i := slices.IndexFunc(m.Subscriptions, func(s admin.Subscription) bool { return s.Topic == topic }); i >= 0 {
				text = normal(m.Subscriptions[i])
			}
			said[text] = append(said[text], m.ClientID)
		}
	}
	var out []string
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		if len(topics[topic]) < 2 {
			continue
		}
		var says []string
		for _, text := range slices.Sorted(maps.Keys(topics[topic])) {
			says = append(says, strings.Join(topics[topic][text], ", ")+": "+text)
		}
		out = append(out, "topic "+topic+": "+strings.Join(says, "; "))
	}
	return out
}

// normal is a subscription's text; of tags their order does not count.
func normal(s admin.Subscription) string {
	if s.Type != protocol.ExpressionTag {
		return s.Type + " " + strings.TrimSpace(s.Expression)
	}
	tags := strings.Split(s.Expression, "||")
	for i := range tags {
		tags[i] = strings.TrimSpace(tags[i])
	}
	slices.Sort(tags)
	text := strings.Join(slices.Compact(tags), " || ")
	if text == "" {
		text = "*"
	}
	return s.Type + " " + text
}

// missing names topics that the group subscribes to and that do not exist.
func (g *GroupFacts) missing(f *findings) {
	if g.Topics == nil {
		return
	}
	for _, sub := range g.State.Subscriptions {
		if !slices.Contains(g.Topics, sub.Topic) && !strings.HasPrefix(sub.Topic, "%") {
			f.add(rule{"topic-missing", "nothing can come from it", "aerobee doctor topic " + sub.Topic}, true, 0, "the group subscribes to topic %s, which does not exist", sub.Topic)
		}
	}
}

// ownerless names queues in which messages wait that no member has. Where a member does not say what it has, none is named.
func (g *GroupFacts) ownerless(f *findings) {
	s := &g.State
	silent := slices.ContainsFunc(s.Members, func(m admin.Member) bool { return m.Silent != "" })
	if silent || s.MessageModel != protocol.ModelClustering {
		return
	}
	for _, q := range s.Queues {
		if q.Lag > 0 && q.Owner == "" {
			f.add(rule{"queue-without-owner", "nobody asks for its messages", "a member takes it within 20 s, or subscribes to its topic, or does not reach that broker"}, true, q.Lag,
				"%d messages wait in queue %d of topic %s on broker %s, which no member consumes", q.Lag, q.QueueID, q.Topic, q.BrokerName)
		}
	}
}

// stuck looks at what the brokers know of each queue in which messages wait.
func (g *GroupFacts) stuck(f *findings) {
	for i := range g.Queues {
		broker := g.Queues[i].Broker
		for k := range g.Queues[i].Queues {
			q := &g.Queues[i].Queues[k]
			if q.Committed >= 0 && q.Committed < q.First {
				f.add(rule{"messages-gone", "retention, or somebody, has deleted them before the group had them", "a longer fileReservedTime, or more consumers"}, true, q.First-q.Committed,
					"%d messages of queue %d of topic %s on broker %s are deleted that the group has not consumed: it is at %d, the first one left is %d",
					q.First-q.Committed, q.Queue, q.Topic, broker, q.Committed, q.First)
			}
			if lag := q.End - max(q.Committed, q.First); lag > 0 {
				g.queue(f, broker, q, lag)
			}
		}
	}
}

// queue says why a queue of a broker with so many messages does not move.
func (g *GroupFacts) queue(f *findings, broker string, q *v1.GroupQueue, lag int64) {
	where := fmt.Sprintf("queue %d of topic %s on broker %s", q.Queue, q.Topic, broker)
	owner := g.owner(broker, q)
	switch {
	case q.LockedBy != "" && owner != "" && q.LockedBy != owner:
		f.add(lockedByAnother(), true, 60-q.LockSeconds,
			"%s is locked by %s, which renewed the lock %d s ago, and %s has the queue: %d messages wait; the lock ends in %d s", where, q.LockedBy, q.LockSeconds, owner, lag, max(60-q.LockSeconds, 0))
	case q.LockedBy != "" && owner == "" && !g.isMember(q.LockedBy): // the Java client does not count a queue as its own before it has the lock
		f.add(lockedByAnother(), true, 60-q.LockSeconds,
			"%s is locked by %s, which renewed the lock %d s ago and is no member: %d messages wait; the lock ends in %d s", where, q.LockedBy, q.LockSeconds, lag, max(60-q.LockSeconds, 0))
	case q.Popped && q.InFlight+q.Late > 0:
		f.add(rule{"in-flight", "a popped message that is not acknowledged comes again when its time has passed", "see whether the consumers acknowledge, or take longer than their invisible time"}, false, q.InFlight,
			"%d messages of %s are popped and not acknowledged, %d are about to come again; %d wait", q.InFlight, where, q.Late, lag)
	case q.Popped:
	case q.PulledAt == nil:
		f.add(rule{"never-pulled", "its member does not ask for messages", "look at the member's log: does it reach this broker?"}, owner != "", lag,
			"nobody has pulled %s since the broker was started; %d messages wait, %s has it", where, lag, orNobody(owner))
	case g.Now.Sub(*q.PulledAt) > stalled:
		f.add(rule{"not-pulled", "a consumer that holds too many messages, or hangs, asks for no more", "look at the member's log and its stacks (mqadmin consumerStatus -s): it may be stuck in its handler"}, true, since(g.Now, *q.PulledAt),
			"%s was pulled last %d s ago by %s; %d messages wait", where, since(g.Now, *q.PulledAt), q.PulledBy, lag)
	case q.Committed >= 0 && q.PulledTo > q.Committed:
		f.add(rule{"pulled-not-committed", "the member has them and has not said that they are done", "the handler is slow, or the first of them fails again and again"}, false, q.PulledTo-q.Committed,
			"%d messages of %s are pulled by %s and not committed, %d wait in all", q.PulledTo-q.Committed, where, q.PulledBy, lag)
	}
}

func lockedByAnother() rule {
	return rule{"locked-by-another", "a queue that is consumed in order is handed out to the holder of its lock alone", "wait until the lock ends, or stop the holder if it is gone"}
}

func (g *GroupFacts) isMember(client string) bool {
	return slices.ContainsFunc(g.State.Members, func(m admin.Member) bool { return m.ClientID == client })
}

// owner is the member that has a queue of a broker: each broker has queues of the same numbers.
func (g *GroupFacts) owner(broker string, q *v1.GroupQueue) string {
	for _, p := range g.State.Queues {
		if p.Topic == q.Topic && p.BrokerName == broker && p.QueueID == q.Queue && p.Owner != "" {
			return p.Owner
		}
	}
	return ""
}

func orNobody(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}

// unwanted names queues of which the group wants nothing of what comes next.
func (g *GroupFacts) unwanted(f *findings) {
	for _, s := range g.Samples {
		if s.Looked == 0 || s.Wanted > 0 {
			continue
		}
		tags := strings.Join(s.Tags, ", ")
		if tags == "" {
			tags = "none"
		}
		f.add(rule{"filter-matches-nothing", "messages that nobody wants are passed over", "see whether producers set the tags and properties that the group asks for"}, false, int64(s.Looked),
			"none of the next %d messages in queue %d of topic %s on broker %s is wanted by %s %q; their tags are: %s", s.Looked, s.Queue, s.Topic, s.Broker, s.Type, s.Expression, tags)
	}
}

// idle counts members that have no queue because there are fewer queues than members.
func (g *GroupFacts) idle(f *findings) {
	s, owned := &g.State, map[string]bool{}
	for _, q := range s.Queues {
		owned[q.Owner] = true
	}
	none := 0
	for _, m := range s.Members {
		if m.Silent == "" && !owned[m.ClientID] {
			none++
		}
	}
	if none > 0 && s.MessageModel == protocol.ModelClustering {
		f.add(rule{"idle-members", "a queue has one owner", "more queues, or fewer members"}, false, int64(none), "%d of %d members have no queue", none, len(s.Members))
	}
}

// dead tells of dead letters.
func (g *GroupFacts) dead(f *findings) {
	if g.Dead > 0 {
		f.add(rule{"dead-letters", "the group failed to process them as often as it may", "aerobee dlq list " + g.State.Name}, false, g.Dead, "%d dead letters wait for a person", g.Dead)
	}
}
