// Package journey says what became of a message: where and when it was stored, by what the index finds it, and for each group whether
// it waits, was pulled, acknowledged, passed over, retried or is dead. It reads the servers' logs and states with the calls that every
// administrator has, so it works with Apache RocketMQ too and needs no trace of any client; what popping consumers have in flight, and who
// pulled last, only a node of ours tells. Package cli prints it, and a node answers with it over HTTP. [Of] may be called at once.
package journey

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/trace"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Node asks a node at a broker's address for a body of /api/v1; an error where it is none of ours, or does not say.
type Node func(ctx context.Context, addr, path string, into any) error

// walk is one message on its way.
type walk struct {
	admin *admin.Admin
	node  Node
	m     admin.Message
	out   v1.Trace
	addr  string // of its broker
}

// Of returns the journey of the message with an id: a unique id of the topic, or an offset message id. What cannot be found out is left
// out; an error means that the message itself was not found.
func Of(ctx context.Context, a *admin.Admin, node Node, id, topic string) (v1.Trace, error) {
	m, err := find(ctx, a, id, topic)
	if err != nil {
		return v1.Trace{}, err
	}
	w := &walk{admin: a, node: node, m: m}
	_, at, _ := message.ParseID(m.OffsetID) // an Admin makes no others
	w.out = v1.Trace{ID: m.ID, OffsetID: m.OffsetID, Topic: m.Topic, Broker: m.BrokerName, Queue: m.QueueID, Offset: m.Offset, Log: int64(at), Bytes: m.StoreSize,
		BornAt: stamp(m.BornAt), BornHost: m.BornHost.String(), StoredAt: stamp(m.StoredAt), Indexed: []string{}, Missing: []string{}, Groups: []v1.TraceGroup{}, Events: []v1.TraceEvent{}}
	w.event(m.BornAt, "born", "", "made by a producer at %s", m.BornHost)
	w.event(m.StoredAt, "stored", "", "stored by broker %s in queue %d of topic %s at offset %d, at offset %d of the log, %d bytes", m.BrokerName, m.QueueID, m.Topic, m.Offset, at, m.StoreSize)
	w.indexed(ctx)
	if err := w.groups(ctx); err != nil {
		return w.out, err
	}
	w.clients(ctx)
	slices.SortStableFunc(w.out.Events, func(x, y v1.TraceEvent) int { return x.At.Compare(y.At) })
	return w.out, nil
}

// find looks in the topic, and in those where messages wait for their time.
func find(ctx context.Context, a *admin.Admin, id, topic string) (admin.Message, error) {
	m, err := a.FindHead(ctx, id, topic)
	if err == nil || topic == "" {
		return m, err
	}
	for _, waiting := range []string{message.TopicSchedule, message.TopicWheel} {
		if later, laterErr := a.FindHead(ctx, id, waiting); laterErr == nil && later.ID == id {
			return later, nil
		}
	}
	return m, err
}

func (w *walk) event(at time.Time, what, group, says string, args ...any) {
	if at.IsZero() {
		return
	}
	w.out.Events = append(w.out.Events, v1.TraceEvent{At: message.Shown(at), What: what, Group: group, Says: fmt.Sprintf(says, args...)})
}

// stamp is a time for JSON, null for the zero time.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = message.Shown(t)
	return &t
}

// indexed asks the index for the message by its unique id and by each of its keys.
func (w *walk) indexed(ctx context.Context) {
	note := func(name string, q admin.Query) int {
		q.Topic, q.From, q.To, q.NoBody = w.m.Topic, w.m.StoredAt.Add(-time.Second), time.Time{}, true
		list, err := w.admin.Messages(ctx, q)
		if err == nil && slices.ContainsFunc(list, func(m admin.Message) bool { return m.OffsetID == w.m.OffsetID }) {
			w.out.Indexed = append(w.out.Indexed, name)
		} else {
			w.out.Missing = append(w.out.Missing, name)
		}
		return len(list)
	}
	if w.m.ID != "" {
		w.out.Copies = note("unique id", admin.Query{Key: w.m.ID, Unique: true})
	}
	for _, key := range w.m.Keys {
		note("key "+key, admin.Query{Key: key, Max: 1000})
	}
}

// groups says for each group that reads the topic what became of the message.
func (w *walk) groups(ctx context.Context) error {
	if due := w.m.Properties[message.PropRealTopic]; due != "" {
		w.event(w.m.StoredAt, "delayed", "", "it waits for its time, then it goes to topic %s; aerobee timer list shows it", due)
		return nil
	}
	state, err := w.admin.Topic(ctx, w.m.Topic)
	if err != nil && len(state.Brokers) == 0 {
		return err
	}
	for _, b := range state.Brokers {
		if b.Name == w.m.BrokerName {
			w.addr, _ = b.Master()
		}
	}
	for _, name := range state.Groups {
		g, err := w.admin.GroupProgress(ctx, name)
		if err != nil && len(g.Queues) == 0 {
			continue // it is gone
		}
		w.out.Groups = append(w.out.Groups, w.group(ctx, &g))
	}
	return nil
}

// group says what became of the message in one group.
func (w *walk) group(ctx context.Context, s *admin.GroupState) v1.TraceGroup {
	g := v1.TraceGroup{Group: s.Name, Committed: -1}
	for _, q := range s.Queues {
		if q.BrokerName == w.m.BrokerName && q.Topic == w.m.Topic && q.QueueID == w.m.QueueID {
			g.Committed = q.ConsumerOffset
		}
	}
	known := w.queue(ctx, s.Name)
	if known != nil {
		g.By = known.PulledBy
	}
	w.progress(&g, known)
	i := slices.IndexFunc(s.Subscriptions, func(sub admin.Subscription) bool { return sub.Topic == w.m.Topic })
	if i >= 0 && !w.wanted(&s.Subscriptions[i]) {
		g.State, g.Says = "passed-over", fmt.Sprintf("the group wants %s %q, and the message has tag %q", s.Subscriptions[i].Type, s.Subscriptions[i].Expression, w.m.Tag)
	}
	if s.MessageModel == protocol.ModelBroadcasting {
		g.State, g.Says = "broadcast", fmt.Sprintf("each of %d members has offsets of its own, which the broker does not know", len(s.Members))
	}
	w.again(ctx, &g)
	return g
}

// queue is what the message's broker, if it is one of ours, knows of a group's place in the message's queue.
func (w *walk) queue(ctx context.Context, group string) *v1.GroupQueue {
	var told v1.GroupQueues
	if w.addr == "" || w.node(ctx, w.addr, w.place(group), &told) != nil {
		return nil
	}
	for i := range told.Queues {
		if q := &told.Queues[i]; q.Topic == w.m.Topic && q.Queue == w.m.QueueID {
			return q
		}
	}
	return nil
}

// place is the path by which a node tells of the message's queue.
func (w *walk) place(group string) string {
	return fmt.Sprintf("/api/v1/groups/%s/queues?topic=%s&queue=%d&offset=%d", url.PathEscape(group), url.QueryEscape(w.m.Topic), w.m.QueueID, w.m.Offset)
}

// progress goes by offsets, and by what a node of ours knows of popped messages.
func (w *walk) progress(g *v1.TraceGroup, q *v1.GroupQueue) {
	at := w.m.Offset
	if q != nil {
		g.Committed = max(g.Committed, q.Committed)
	}
	pulled := q != nil && q.PulledTo > at
	if pulled && q.PulledAt != nil {
		w.event(*q.PulledAt, "pulled", g.Group, "%s pulled the queue last, up to offset %d", q.PulledBy, q.PulledTo)
	}
	switch {
	case q != nil && (q.State == "in-flight" || q.State == "late"):
		g.State, g.Says = q.State, fmt.Sprintf("the group pops the queue, and has not acknowledged the message: %d messages of the queue are in flight, %d about to come again; all before offset %d are acknowledged", q.InFlight, q.Late, g.Committed)
	case q != nil && q.State == "acknowledged":
		g.State, g.Says = "acknowledged", fmt.Sprintf("the group pops the queue, and has acknowledged the message, or its copy is in the group's retry topic; all before offset %d are acknowledged", g.Committed)
	case g.Committed > at:
		g.State, g.Says = "acknowledged", fmt.Sprintf("the group is at offset %d of the queue, behind the message's %d", g.Committed, at)
	case pulled:
		g.State, g.Says = "pulled", fmt.Sprintf("%s has pulled up to offset %d, and the group has committed %d: the message at %d is being consumed, or its consumer is gone", q.PulledBy, q.PulledTo, g.Committed, at)
	default:
		g.State, g.Says = "waiting", fmt.Sprintf("the group is at offset %d of the queue: %d messages stand before the message at %d", max(g.Committed, 0), at-max(g.Committed, 0), at)
	}
}

func (w *walk) wanted(s *admin.Subscription) bool {
	f, err := filter.Compile(s.Type, s.Expression)
	return err != nil || w.m.Wanted(f)
}

// again looks for copies of the message in the group's retry and dead letter topics.
func (w *walk) again(ctx context.Context, g *v1.TraceGroup) {
	if w.m.ID == "" {
		return
	}
	topics := []string{message.RetryTopic(g.Group), message.RetryTopic(g.Group) + "_" + w.m.Topic, message.RetryTopic(g.Group) + "+" + w.m.Topic}
	for _, retry := range topics {
		list, err := w.admin.Messages(ctx, admin.Query{Topic: retry, Key: w.m.ID, Unique: true, Max: 100, NoBody: true})
		if err != nil {
			continue // most groups have one of these topics, or none
		}
		for i := range list {
			g.Retries++
			g.State, g.Says = "retrying", fmt.Sprintf("it has come back %d times, the last time at offset %d of %s", max(list[i].ReconsumeTimes, g.Retries), list[i].Offset, retry)
			w.event(list[i].StoredAt, "retried", g.Group, "stored in %s at offset %d for time %d", retry, list[i].Offset, list[i].ReconsumeTimes)
			w.retried(ctx, g, &list[i])
		}
	}
	if back := w.sentBack(ctx, topics); len(back) > g.Retries { // the others have come
		last := &back[len(back)-1]
		g.State, g.Says = "retrying", fmt.Sprintf("the group has sent it back %d times, the last time for delay level %s: it waits for its time", len(back), last.Properties[message.PropDelay])
		w.event(last.StoredAt, "retried", g.Group, "sent back for time %d, to come by %s", last.ReconsumeTimes, last.Properties[message.PropRealTopic])
	}
	dead, err := w.admin.Messages(ctx, admin.Query{Topic: message.DLQTopic(g.Group), Key: w.m.ID, Unique: true, NoBody: true})
	if err == nil && len(dead) > 0 {
		last := &dead[len(dead)-1]
		g.State, g.Says = "dead", fmt.Sprintf("given up after %d tries; it lies in %s as %s", last.ReconsumeTimes, last.Topic, last.OffsetID)
		w.event(last.StoredAt, "dead", g.Group, "stored in %s", last.Topic)
	}
}

// sentBack are the copies of the message that were to wait before they come by retry topics, also those that have come since.
func (w *walk) sentBack(ctx context.Context, retry []string) []admin.Message {
	list, err := w.admin.Messages(ctx, admin.Query{Topic: message.TopicSchedule, Key: w.m.ID, Unique: true, Max: 100, NoBody: true})
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(list, func(m admin.Message) bool { return !slices.Contains(retry, m.Properties[message.PropRealTopic]) })
}

// retried says whether the group has got a message that came back.
func (w *walk) retried(ctx context.Context, g *v1.TraceGroup, m *admin.Message) {
	s, err := w.admin.GroupProgress(ctx, g.Group)
	if err != nil {
		return
	}
	for _, q := range s.Queues {
		if q.Topic == m.Topic && q.QueueID == m.QueueID && q.BrokerName == m.BrokerName && q.ConsumerOffset > m.Offset {
			g.State, g.Says = "acknowledged", fmt.Sprintf("it came back %d times, and the group is at offset %d of %s, behind its last copy at %d", g.Retries, q.ConsumerOffset, m.Topic, m.Offset)
		}
	}
}

// clients adds what clients have written of the message into the trace topic, if they have.
func (w *walk) clients(ctx context.Context) {
	if w.m.ID == "" {
		return
	}
	list, err := w.admin.Messages(ctx, admin.Query{Topic: message.TopicTrace, Key: w.m.ID, Max: 100})
	if err != nil && !errors.Is(err, cluster.ErrTopicNotFound) {
		return
	}
	for i := range list {
		traces, err := trace.Parse(list[i].Body)
		if err != nil {
			continue // of a client that writes something else
		}
		for _, t := range traces {
			w.client(t)
		}
	}
}

func (w *walk) client(t trace.Trace) {
	switch t := t.(type) {
	case *trace.Sent:
		if t.ID == w.m.ID {
			w.event(t.At, "sent", strings.TrimSpace(t.Group), "a client's trace: sent in %v, success %v", t.Cost, t.Success)
		}
	case *trace.Begun:
		if t.ID == w.m.ID {
			w.event(t.At, "consumed", strings.TrimSpace(t.Group), "a client's trace: handed to the consumer, which had it %d times before", t.Retries)
		}
	case *trace.Ended:
		if t.ID == w.m.ID {
			w.event(t.At, "consumed", strings.TrimSpace(t.Group), "a client's trace: the consumer came back after %v, success %v", t.Cost, t.Success)
		}
	}
}
