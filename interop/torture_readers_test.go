package interop

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Readers of the torture test of kinds: a group that gives up all it gets, whose dead letters are read as the group "dead", and two filters that want each
// message of their topic between them, which are read as the group "sieve". So each message of either topic must come once.
const (
	deadTopic  = "torture-dead"
	mourned    = "torture-mourned"
	sieveTopic = "torture-sieve"
	someOfIt   = "n BETWEEN 0 AND 3"
	restOfIt   = "NOT (n BETWEEN 0 AND 3)"
)

// doomed sends a message that will be given up.
func (l *kindsLoad) doomed(c *caller, _ *rand.Rand, key history.Key, body []byte) (history.Place, bool, error) {
	place, err := l.send(c, deadTopic, 0, key, body, "")
	return place, false, err
}

// sieved sends a message with a number by which the filters tell messages apart.
func (l *kindsLoad) sieved(c *caller, random *rand.Rand, key history.Key, body []byte) (history.Place, bool, error) {
	place, err := l.send(c, sieveTopic, 0, key, body, "n\x01"+strconv.Itoa(random.IntN(10))+"\x02")
	return place, false, err
}

// trail pulls a topic's queue 0 from its beginning on and hands on each record that an expression wants.
func (l *kindsLoad) trail(ctx context.Context, topic, kind, expression string, each func(c *caller, record []byte, e history.Event)) {
	c := &caller{addr: l.addr}
	defer c.close()
	for at := int64(0); ctx.Err() == nil; {
		got, err := c.ask(ctx, protocol.ReqPullMessage, nil, "consumerGroup", "torture-trail", "topic", topic, "queueId", "0", "queueOffset", strconv.FormatInt(at, 10),
			"maxMsgNums", "32", "sysFlag", "6", "commitOffset", "0", "suspendTimeoutMillis", "1000", "subscription", expression, "subVersion", "0", "expressionType", kind)
		if err != nil || got.Code != protocol.ResSuccess && got.Code != protocol.ResPullRetryImmediately {
			rest(ctx, 20*time.Millisecond) // nothing new, or the broker is away
			continue
		}
		if got.Code == protocol.ResSuccess {
			for _, record := range splitRecords(got.Body) {
				e, _, err := parseRecord(record)
				if err != nil {
					e.Key = history.Key{Producer: "unreadable"}
				}
				e.Place.Topic = topic
				each(c, record, e)
			}
		}
		next, _, _ := got.Fields.Int64("nextBeginOffset")
		at = max(at, next)
	}
}

// sieve reads what a filter wants.
func (l *kindsLoad) sieve(ctx context.Context, expression string) {
	l.trail(ctx, sieveTopic, protocol.ExpressionSQL92, expression, func(_ *caller, _ []byte, e history.Event) {
		l.rec.add(history.Event{Kind: history.Delivered, Group: "sieve", Key: e.Key, Sum: e.Sum, Place: e.Place})
	})
}

// mourn gives up all messages of a topic, each until the broker has said that it has taken it back.
func (l *kindsLoad) mourn(ctx context.Context) {
	l.trail(ctx, deadTopic, protocol.ExpressionTag, "*", func(c *caller, record []byte, e history.Event) {
		at := strconv.FormatUint(binary.BigEndian.Uint64(record[28:]), 10)
		for ctx.Err() == nil {
			l.rec.add(history.Event{Kind: history.Refused, Group: "dead", Key: e.Key})
			got, err := c.ask(ctx, protocol.ReqConsumerSendMsgBack, nil, "offset", at, "group", mourned, "delayLevel", "-1", "originMsgId", "", "originTopic", deadTopic,
				"unitMode", "false", "maxReconsumeTimes", "16")
			if err == nil && got.Code == protocol.ResSuccess {
				return
			}
			rest(ctx, 50*time.Millisecond)
		}
	})
}

// readDead reads the dead letters.
func (l *kindsLoad) readDead(ctx context.Context) {
	l.trail(ctx, message.DLQTopic(mourned), protocol.ExpressionTag, "*", func(_ *caller, _ []byte, e history.Event) {
		l.rec.add(history.Event{Kind: history.Delivered, Group: "dead", Key: e.Key, Sum: e.Sum, Retry: 1, Place: e.Place})
	})
}

// missing is an error as long as a group has not got more than n messages of a topic that were acknowledged, or that it has refused.
func (r *recorder) missing(n int, group, topic string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	got, waiting := entry(r.got, group), len(r.wished[group])
	never := 0
	for key, of := range r.acked {
		if _, has := got[key]; of == topic && !has {
			never++
		}
	}
	if never > n || waiting > n {
		return fmt.Errorf("%s has not got %d messages, and waits for %d", group, never, waiting)
	}
	return nil
}
