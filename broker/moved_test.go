package broker

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/internal/logtext"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/store"
)

// logged is a log that tests read while the broker writes it.
type logged struct{ logtext.Buffer }

// lines are those with the words, each cut before the address of who did it.
func (l *logged) lines(words string) []string {
	var out []string
	for line := range strings.Lines(l.String()) {
		if _, text, ok := strings.Cut(line, "msg="); ok && strings.Contains(text, words) {
			out = append(out, strings.TrimSpace(text))
		}
	}
	return out
}

func loggingNode(t *testing.T) (*node, *logged) {
	l := &logged{}
	return newNode(t, func(o *Options, _ *store.Options) { o.Logger = slog.New(slog.NewTextHandler(l, nil)) }), l
}

// moves are what the log is to say of offsets that were moved.
type moves struct {
	t     *testing.T
	log   *logged
	topic string
	want  []string
}

// moved adds a move: the log says it now, behind those before it, and no other.
func (m *moves) moved(group, from, to, who, why string) {
	m.t.Helper()
	m.want = append(m.want, fmt.Sprintf(`"offset moved" group=%s topic=%s queue=0 from=%s to=%s who=%s why=%q`, group, m.topic, from, to, who, why))
	if got := m.log.lines("offset moved"); !slices.Equal(got, m.want) {
		m.t.Fatalf("the log says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(m.want, "\n"))
	}
}

// TestWhoMovedAnOffset moves offsets in every way that no member of the group has asked for: each stands in the log.
func TestWhoMovedAnOffset(t *testing.T) {
	n, log := loggingNode(t)
	p, own := n.dial(), n.dial()
	who := func(p *peer) string { return p.conn.LocalAddr().String() }
	for i := range 4 {
		p.want(0, p.send("t", 0, "", fmt.Sprint(i)))
	}
	own.beat("own", "g", protocol.ModelClustering, "*", "t")
	commit := func(p *peer, off string) {
		p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "g", "topic": "t", "queueId": "0", "commitOffset": off}, nil))
	}
	pull := func(p *peer, off string) {
		p.want(0, p.call(protocol.ReqPullMessage, pullFields("g", "t", 0, 0).with(fields{"sysFlag": fmt.Sprint(protocol.PullSubscription | protocol.PullCommitOffset), "commitOffset": off}), nil))
	}
	moved := (&moves{t: t, log: log, topic: "t"}).moved
	commit(own, "1")
	commit(p, "1")
	commit(p, "2")
	moved("g", "1", "2", who(p), "committed by a client that is no member of the group")
	pull(own, "1")
	pull(p, "1")
	pull(p, "2")
	moved("g", "1", "2", who(p), "committed with a pull by a client that is no member of the group")
	pull(own, "1")
	pull(p, "2") // the same within a minute: who does it all the time does not fill the log
	reset := func(more fields) {
		p.want(0, p.call(protocol.ReqInvokeBrokerToResetOffset, fields{"topic": "t", "group": "g", "queueId": "0", "timestamp": "-1", "isForce": "true"}.with(more), nil))
	}
	reset(nil)
	moved("g", "2", "4", who(p), "reset to the end")
	reset(fields{"offset": "3"})
	moved("g", "4", "3", who(p), "reset to offset 3")
	reset(fields{"timestamp": "5"})
	moved("g", "3", "0", who(p), "reset to time 5")
	p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"h"}`))
	p.want(0, p.call(protocol.ReqCloneGroupOffset, fields{"srcGroup": "g", "destGroup": "h", "topic": "t"}, nil))
	moved("h", "-1", "0", who(p), "cloned from group g")
	p.want(0, p.call(protocol.ReqDeleteSubscriptionGroup, fields{"groupName": "h", "cleanOffset": "true"}, nil))
	moved("h", "0", "-1", who(p), "group deleted")
	p.want(0, p.call(protocol.ReqDeleteTopicInBroker, fields{"topic": "t"}, nil))
	moved("g", "0", "-1", who(p), "topic deleted")
}

// TestWhoMovedALightQueue has a reader of lite topics leave one and lose one to another: as the group wants it, its offsets go back to the beginning, and the
// log says so. What a client itself wishes for is not logged.
func TestWhoMovedALightQueue(t *testing.T) {
	n, log := loggingNode(t)
	p, q := n.dial(), n.dial()
	p.want(0, p.call(protocol.ReqUpdateAndCreateTopic, topicFields("chats", "1", "6").with(fields{"attributes": "+message.type=LITE"}), nil))
	p.want(0, putQuota(p, "g", `"+lite.bind.topic":"chats","+lite.sub.model":"Exclusive","+lite.sub.reset.offset.unsubscribe":"true","+lite.sub.reset.offset.exclusive":"true"`))
	const room = `,"liteTopicSet":["a"]`
	for range 2 {
		p.want(0, lightSend(p, "chats", "m", "__LITE_TOPIC=a"))
	}
	own := func(to string) string { return room + `,"offsetOption":{"type":"OFFSET","value":` + to + `}` }
	moved := (&moves{t: t, log: log, topic: "%LMQ%$chats$a"}).moved
	p.subscribeLite(0, protocol.LitePartialAdd, "one", "g", own("2"))
	q.subscribeLite(0, protocol.LitePartialAdd, "two", "g", room)
	moved("g", "2", "0", q.conn.LocalAddr().String(), "taken over by client two (lite.sub.reset.offset.exclusive)")
	q.subscribeLite(0, protocol.LitePartialAdd, "two", "g", own("1"))
	q.subscribeLite(0, protocol.LitePartialRemove, "two", "g", room)
	moved("g", "1", "0", q.conn.LocalAddr().String(), "left by client two (lite.sub.reset.offset.unsubscribe)")
}

// TestCloneMovesMembers clones offsets to a group whose member holds a pull: it goes on from there at once.
func TestCloneMovesMembers(t *testing.T) {
	n := newNode(t)
	p, own := n.dial(), n.dial()
	for i := range 3 {
		p.want(0, p.send("t", 0, "", fmt.Sprint(i)))
	}
	p.call(protocol.ReqUpdateAndCreateSubscriptionGroup, nil, []byte(`{"groupName":"from"}`))
	p.want(0, p.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "from", "topic": "t", "queueId": "0", "commitOffset": "1"}, nil))
	own.beat("own", "to", protocol.ModelClustering, "*", "t")
	held := own.start(protocol.ReqPullMessage, pullFields("to", "t", 0, 3).with(fields{"sysFlag": "6", "suspendTimeoutMillis": "20000"}))
	own.call(protocol.ReqGetMaxOffset, fields{"topic": "t", "queueId": "0"}, nil) // by then the pull is on hold
	p.want(0, p.call(protocol.ReqCloneGroupOffset, fields{"srcGroup": "from", "destGroup": "to", "topic": ""}, nil))
	answer := <-held
	if answer.Code != protocol.ResPullOffsetMoved || answer.Fields.String("nextBeginOffset") != "1" {
		t.Errorf("answered with %d %v", answer.Code, answer.Fields)
	}
	own.want(0, own.call(protocol.ReqUpdateConsumerOffset, fields{"consumerGroup": "to", "topic": "t", "queueId": "0", "commitOffset": "2"}, nil))
	if off, _ := n.store.Offset("to", message.Queue{Topic: "t"}); off != 2 {
		t.Errorf("a commit behind the clone left the offset at %d", off)
	}
}

// TestInconsistentSubscriptions has two members of a group subscribe to different tags: the log names it once, the metrics
// as long as it lasts.
func TestInconsistentSubscriptions(t *testing.T) {
	n, log := loggingNode(t)
	gauge := func() (groups []string) {
		n.Metrics(func(s metrics.Sample) {
			if s.Name == "aerobee_group_subscriptions_differ" && s.Value == 1 {
				groups = append(groups, s.Labels[1])
			}
		})
		return groups
	}
	count := func(words string, want int, groups ...string) {
		t.Helper()
		if got := log.lines(words); len(got) != want {
			t.Errorf("%q stands %d times in the log, want %d: %q", words, len(got), want, got)
		}
		if got := gauge(); fmt.Sprint(got) != fmt.Sprint(groups) {
			t.Errorf("the metrics name %q, want %q", got, groups)
		}
	}
	a, b := n.dial(), n.dial()
	a.beat("a", "g", protocol.ModelClustering, "x || y", "t")
	b.beat("b", "g", protocol.ModelClustering, "y||x", "t")
	count("do not subscribe alike", 0)
	b.beat("b", "g", protocol.ModelClustering, "z", "t")
	b.beat("b", "g", protocol.ModelClustering, "z", "t")
	count("do not subscribe alike", 1, "g")
	count(`group=g differs="topic t: a: TAG x || y; b: TAG z"`, 1, "g")
	b.close()
	a.notified("g")
	for range 2 {
		a.notified("g")
	}
	count("alike again", 1)
}
