// Package member reads what a member of a consumer group says of itself, in the form of any language's client, and says what is wrong with it. It is pure
// and safe to call at once; package cli/mqadmin asks the members and prints.
package member

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aerobee-mq/aerobee/protocol"
)

// Info is what a member of a group says of itself.
type Info struct {
	Properties    map[string]any                         `json:"properties"`
	Subscriptions []protocol.SubscriptionData            `json:"subscriptionSet"`
	Queues        map[protocol.MessageQueue]processQueue `json:"mqTable"`
	PopQueues     map[protocol.MessageQueue]popQueue     `json:"mqPopTable"`
	Topics        map[string]topicRates                  `json:"statusTable"`
	User          map[string]string                      `json:"userConsumerInfo"`
	Stack         string                                 `json:"jstack"`
}

// processQueue is a queue that a member pulls from; times are milliseconds.
type processQueue struct {
	CommitOffset            int64 `json:"commitOffset"`
	CachedMsgMinOffset      int64 `json:"cachedMsgMinOffset"`
	CachedMsgMaxOffset      int64 `json:"cachedMsgMaxOffset"`
	CachedMsgCount          int64 `json:"cachedMsgCount"`
	CachedMsgSizeInMiB      int64 `json:"cachedMsgSizeInMiB"`
	TransactionMsgMinOffset int64 `json:"transactionMsgMinOffset"`
	TransactionMsgMaxOffset int64 `json:"transactionMsgMaxOffset"`
	TransactionMsgCount     int64 `json:"transactionMsgCount"`
	Locked                  bool  `json:"locked"`
	TryUnlockTimes          int64 `json:"tryUnlockTimes"`
	LastLockTimestamp       int64 `json:"lastLockTimestamp"`
	Dropped                 bool  `json:"droped"`
	LastPullTimestamp       int64 `json:"lastPullTimestamp"`
	LastConsumeTimestamp    int64 `json:"lastConsumeTimestamp"`
}

// popQueue is a queue that a member pops from.
type popQueue struct {
	WaitAckCount     int64 `json:"waitAckCount"`
	Dropped          bool  `json:"droped"`
	LastPopTimestamp int64 `json:"lastPopTimestamp"`
}

// topicRates is how fast a member handles a topic.
type topicRates struct {
	PullRT            float64 `json:"pullRT"`
	PullTPS           float64 `json:"pullTPS"`
	ConsumeRT         float64 `json:"consumeRT"`
	ConsumeOKTPS      float64 `json:"consumeOKTPS"`
	ConsumeFailedTPS  float64 `json:"consumeFailedTPS"`
	ConsumeFailedMsgs int64   `json:"consumeFailedMsgs"`
}

// property is one of a member's settings as text.
func (i *Info) property(name string) string {
	if v, ok := i.Properties[name]; ok && v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// Pushes tells whether the member is a push consumer.
func (i *Info) Pushes() bool {
	return i.property("PROP_CONSUME_TYPE") == protocol.ConsumePassively
}

// Parse reads a member's answer to GET_CONSUMER_RUNNING_INFO (307).
func Parse(body []byte) (*Info, error) {
	info := &Info{}
	if err := protocol.UnmarshalBody(body, info); err != nil {
		return nil, err
	}
	return info, nil
}

// Page is all of it as a page; stamp writes a time, given in milliseconds, as 2026-01-31 15:04:05,000.
func (i *Info) Page(stamp func(millis int64) string) string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format, args...) }
	say("#Consumer Properties#\n")
	for _, name := range slices.Sorted(maps.Keys(i.Properties)) {
		say("%-40s: %v\n", name, i.Properties[name])
	}
	say("\n\n#Consumer Subscription#\n")
	for n, s := range i.Subscriptions {
		say("%03d Topic: %-40s ClassFilter: %-8t SubExpression: %s\n", n+1, s.Topic, s.ClassFilterMode, s.SubString)
	}
	queues := slices.SortedFunc(maps.Keys(i.Queues), protocol.MessageQueue.Compare)
	say("\n\n#Consumer Offset#\n%-64s  %-32s  %-4s  %-20s\n", "#Topic", "#Broker Name", "#QID", "#Consumer Offset")
	for _, q := range queues {
		say("%-32s  %-32s  %-4d  %-20d\n", q.Topic, q.BrokerName, q.QueueID, i.Queues[q].CommitOffset)
	}
	say("\n\n#Consumer MQ Detail#\n%-64s  %-32s  %-4s  %-20s\n", "#Topic", "#Broker Name", "#QID", "#ProcessQueueInfo")
	for _, q := range queues {
		p := i.Queues[q]
		say("%-64s  %-32s  %-4d  %s\n", q.Topic, q.BrokerName, q.QueueID, p.text(stamp))
	}
	say("\n\n#Consumer Pop Detail#\n%-32s  %-32s  %-4s  %-20s\n", "#Topic", "#Broker Name", "#QID", "#ProcessQueueInfo")
	for _, q := range slices.SortedFunc(maps.Keys(i.PopQueues), protocol.MessageQueue.Compare) {
		p := i.PopQueues[q]
		say("%-32s  %-32s  %-4d  PopProcessQueueInfo [waitAckCount:%d, droped:%t, lastPopTimestamp:%d]\n", q.Topic, q.BrokerName, q.QueueID,
			p.WaitAckCount, p.Dropped, p.LastPopTimestamp)
	}
	say("\n\n#Consumer RT&TPS#\n%-64s  %14s %14s %14s %14s %18s %25s\n", "#Topic", "#Pull RT", "#Pull TPS", "#Consume RT", "#ConsumeOK TPS", "#ConsumeFailed TPS",
		"#ConsumeFailedMsgsInHour")
	for _, topic := range slices.Sorted(maps.Keys(i.Topics)) {
		r := i.Topics[topic]
		say("%-32s  %14.2f %14.2f %14.2f %14.2f %18.2f %25d\n", topic, r.PullRT, r.PullTPS, r.ConsumeRT, r.ConsumeOKTPS, r.ConsumeFailedTPS, r.ConsumeFailedMsgs)
	}
	if i.User != nil {
		say("\n\n#User Consume Info#\n")
		for _, name := range slices.Sorted(maps.Keys(i.User)) {
			say("%-40s: %s\n", name, i.User[name])
		}
	}
	if i.Stack != "" {
		say("\n\n#Consumer jstack#\n%s", i.Stack)
	}
	return out.String()
}

func (p *processQueue) text(stamp func(millis int64) string) string {
	at := func(millis int64) string {
		return strings.NewReplacer("-", "", " ", "", ":", "", ",", "").Replace(stamp(millis))
	}
	return fmt.Sprintf("ProcessQueueInfo [commitOffset=%d, cachedMsgMinOffset=%d, cachedMsgMaxOffset=%d, cachedMsgCount=%d, cachedMsgSizeInMiB=%d, "+
		"transactionMsgMinOffset=%d, transactionMsgMaxOffset=%d, transactionMsgCount=%d, locked=%t, tryUnlockTimes=%d, lastLockTimestamp=%s, droped=%t, "+
		"lastPullTimestamp=%s, lastConsumeTimestamp=%s]", p.CommitOffset, p.CachedMsgMinOffset, p.CachedMsgMaxOffset, p.CachedMsgCount, p.CachedMsgSizeInMiB,
		p.TransactionMsgMinOffset, p.TransactionMsgMaxOffset, p.TransactionMsgCount, p.Locked, p.TryUnlockTimes, at(p.LastLockTimestamp), p.Dropped,
		at(p.LastPullTimestamp), at(p.LastConsumeTimestamp))
}

// View is the page for JSON: lists instead of maps with queues as keys, which JSON has not.
func (i *Info) View() map[string]any {
	queues, pops := []any{}, []any{}
	for _, q := range slices.SortedFunc(maps.Keys(i.Queues), protocol.MessageQueue.Compare) {
		queues = append(queues, struct {
			protocol.MessageQueue
			processQueue
		}{q, i.Queues[q]})
	}
	for _, q := range slices.SortedFunc(maps.Keys(i.PopQueues), protocol.MessageQueue.Compare) {
		pops = append(pops, struct {
			protocol.MessageQueue
			popQueue
		}{q, i.PopQueues[q]})
	}
	return map[string]any{"properties": i.Properties, "subscriptions": i.Subscriptions, "queues": queues, "popQueues": pops, "topics": i.Topics,
		"user": i.User, "stack": i.Stack}
}

// Same tells whether all push consumers among members subscribe alike.
func Same(infos map[string]*Info) bool {
	text := func(i *Info) string {
		var parts []string
		for _, s := range i.Subscriptions {
			parts = append(parts, s.Topic+" "+s.ExpressionType+" "+s.SubString)
		}
		slices.Sort(parts)
		return strings.Join(parts, "\n")
	}
	seen := map[string]bool{}
	for _, i := range infos {
		if i.Pushes() {
			seen[text(i)] = true
		}
	}
	return len(seen) < 2
}

// stuckMillis is how long a member may hold messages of a queue without handling any.
const stuckMillis = 60_000

// Troubles are the queues of a push consumer that do not move, id its name and now the time in milliseconds.
func (i *Info) Troubles(id string, now int64) (out []string) {
	if !i.Pushes() {
		return nil
	}
	ordered := strings.EqualFold(i.property("PROP_CONSUMEORDERLY"), "true")
	for _, q := range slices.SortedFunc(maps.Keys(i.Queues), protocol.MessageQueue.Compare) {
		p := i.Queues[q]
		switch {
		case ordered && !p.Locked:
			out = append(out, fmt.Sprintf("%s %s can't lock for a while, %dms", id, QueueText(q), now-p.LastLockTimestamp))
		case ordered && p.Dropped && p.TryUnlockTimes > 0:
			out = append(out, fmt.Sprintf("%s %s unlock %d times, still failed", id, QueueText(q), p.TryUnlockTimes))
		case !ordered && p.CachedMsgCount > 0 && now-p.LastConsumeTimestamp > stuckMillis:
			out = append(out, fmt.Sprintf("%s %s can't consume for a while, maybe blocked, %dms", id, QueueText(q), now-p.LastConsumeTimestamp))
		}
	}
	return out
}

// QueueText is a queue as Java writes it.
func QueueText(q protocol.MessageQueue) string {
	return fmt.Sprintf("MessageQueue [topic=%s, brokerName=%s, queueId=%d]", q.Topic, q.BrokerName, q.QueueID)
}
