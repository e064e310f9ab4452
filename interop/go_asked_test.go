package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/admin"
	self "github.com/aerobee-mq/aerobee/cli/member"
	"github.com/aerobee-mq/aerobee/protocol"
)

// goFacts is what administrators get of a consumer of rocketmq-client-go through Apache 5.5.0: what is asked, and what came of it.
const goFacts = "testdata/go_asked.txt"

const (
	askedTopic, otherTopic, askedGroup = "go-asked", "go-other", "go-asked-group"

	codeResetOffset      = 222
	codeGetStatus        = 223
	codeRunningInfo      = 307
	codeConsumeDirectly  = 309
	codeConsumerNotThere = 206 // the answer to 222 where members are to reset themselves, and none is there
)

// TestGoAsked has the broker ask a consumer of rocketmq-client-go what it does (307), to handle one message now (309), for its offsets (221), and to go
// on from elsewhere (220), and compares what administrators get with what they get through Apache. AEROBEE_INTEROP_GO_RECORD=1 keeps what Apache shows.
func TestGoAsked(t *testing.T) {
	t.Parallel()
	for _, target := range targets(t) {
		t.Run(target, func(t *testing.T) {
			a := &goMember{T: t, s: startServer(t, target, "useServerSideResetOffset=false"), got: make(chan string, 1000)}
			a.play()
			got := strings.Join(a.facts, "\n") + "\n"
			if target == "apache" && os.Getenv("AEROBEE_INTEROP_GO_RECORD") != "" {
				a.must(os.WriteFile(goFacts, []byte(got), 0o644))
			}
			want, err := os.ReadFile(goFacts)
			a.must(err)
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("facts differ from Apache's (-Apache +%s):\n%s", target, diff)
			}
		})
	}
}

// goMember is one play: what administrators of one server get of one member.
type goMember struct {
	*testing.T
	ctx   context.Context
	s     *server
	admin *admin.Admin
	id    string      // the member's, "" until it is known
	got   chan string // what the member says of each message that it is handed
	facts []string
}

func (a *goMember) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

func (a *goMember) fact(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if a.id != "" {
		text = strings.ReplaceAll(text, a.id, "<member>")
	}
	a.facts = append(a.facts, text)
}

func (a *goMember) play() {
	var cancel context.CancelFunc
	a.ctx, cancel = context.WithTimeout(context.Background(), suiteLimit)
	defer cancel()
	var err error
	a.admin, err = admin.New(admin.Options{NameServers: []string{a.s.namesrv}})
	a.must(err)
	defer a.admin.Close()
	for topic, queues := range map[string]int{askedTopic: 2, otherTopic: 1} {
		a.must(createTopic(a.s.broker, topic, queues))
		a.must(eventually(routeLimit, "route of "+topic, func() error { return routed(a.s.namesrv, topic, a.s.broker) }))
	}
	a.must(createGroup(a.s.broker, askedGroup, defaultRetries))
	ids := []string{a.send(askedTopic, 0, "plain"), a.send(askedTopic, 1, "later"), a.send(askedTopic, 0, "broken"), a.send(otherTopic, 0, "another topic's")}

	p := goProgram(a.T)
	p.command = append(p.command, "asked")
	session := p.begin(a.T, a.s, func(line string) {
		if rest, ok := strings.CutPrefix(line, "GOT "); ok {
			a.got <- rest
		}
	}, "INTEROP_TOPIC="+askedTopic, "INTEROP_GROUP="+askedGroup)
	a.messages("at first", 3)
	a.must(a.s.awaitCommitted(askedTopic, askedGroup, 2, 3))
	a.members()
	a.runningInfo()
	a.directly(ids)
	a.offsets()
	a.reset()
	session.tell("STOP")
	if err := session.wait(); err != nil {
		a.Errorf("the member ended with: %v\n%s", err, tail(session.stderr, 4000))
	}
	a.nobody(ids[0])
}

// send stores a message and returns its id, which says where it lies.
func (a *goMember) send(topic string, queue int, body string) string {
	a.Helper()
	sent, err := invoke(a.s.broker, codeSend, map[string]string{
		"producerGroup": "interop-driver", "topic": topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4",
		"queueId": strconv.Itoa(queue), "sysFlag": "0", "bornTimestamp": strconv.FormatInt(time.Now().UnixMilli(), 10), "flag": "0",
		"properties": "", "reconsumeTimes": "0", "unitMode": "false",
	}, []byte(body))
	a.must(err)
	return sent.ExtFields["msgId"]
}

// messages waits until the member was handed so many.
func (a *goMember) messages(when string, count int) {
	a.Helper()
	var got []string
	for range count {
		select {
		case one := <-a.got:
			got = append(got, one)
		case <-time.After(90 * time.Second): // the client stands still for 10 s when it is reset, and looks for its queues every 20
			a.Fatalf("%s: the member was handed %q, and no more in 90 s, want %d messages", when, got, count)
		}
	}
	slices.Sort(got)
	a.fact("handed %s: %s", when, strings.Join(got, ", "))
}

// members waits until the member is there with its queues, which is what our own tools ask it for.
func (a *goMember) members() {
	a.Helper()
	var g admin.GroupState
	a.must(eventually(60*time.Second, "the member with its queues", func() (err error) {
		if g, err = a.admin.Group(a.ctx, askedGroup); err != nil {
			return err
		}
		owned := slices.DeleteFunc(slices.Clone(g.Queues), func(p admin.Progress) bool { return p.Topic != askedTopic || p.Owner == "" })
		if len(g.Members) != 1 || len(owned) != 2 || g.Members[0].Silent != "" {
			return fmt.Errorf("the group is %+v", g)
		}
		return nil
	}))
	m := g.Members[0]
	a.id = m.ClientID
	a.fact("member: %s %s, subscribes to %v", m.Language, m.Version, m.Subscriptions)
}

// runningInfo asks for all that the member says of itself (307).
func (a *goMember) runningInfo() {
	a.Helper()
	for _, stack := range []bool{false, true} {
		body, err := a.admin.RunningInfo(a.ctx, a.s.broker, askedGroup, a.id, stack)
		a.must(err)
		info, err := self.Parse(body)
		a.must(err)
		for _, name := range []string{"PROP_CONSUME_TYPE", "PROP_CONSUMEORDERLY", "PROP_CLIENT_VERSION"} {
			a.fact("running info, %s: %v", name, info.Properties[name])
		}
		var queues []string
		for q, of := range info.Queues {
			if q.Topic == askedTopic { // and not of the retry topic, which this client finds when it looks for routes again
				queues = append(queues, fmt.Sprintf("queue %d at %d", q.QueueID, of.CommitOffset))
			}
		}
		slices.Sort(queues)
		a.fact("running info, queues: %s", strings.Join(queues, ", "))
		a.fact("running info with goroutines: %t", strings.Contains(info.Stack, "goroutine "))
	}
}

// directly has the member handle messages that it has handled, and one that it does not subscribe to (309); no offset moves for that.
func (a *goMember) directly(ids []string) {
	a.Helper()
	for _, id := range ids {
		h := protocol.ConsumeDirectlyHeader{ConsumerGroup: askedGroup, ClientID: a.id, MsgID: id, Topic: askedTopic}
		d, err := a.admin.ConsumeDirectly(a.ctx, a.s.broker, &h)
		a.must(err)
		a.fact("handled directly: %s, ordered %t, commits itself %t, %q", d.Result, d.Order, d.AutoCommit, d.Remark)
	}
	a.messages("directly", 3)
	a.must(a.s.awaitCommitted(askedTopic, askedGroup, 2, 3))
}

// offsets asks for the members' offsets (223, which asks them with 221).
func (a *goMember) offsets() {
	a.Helper()
	for _, of := range []string{"", a.id, "nobody"} {
		told, err := a.admin.ConsumerOffsets(a.ctx, a.s.broker, &protocol.ConsumerStatusHeader{Topic: askedTopic, Group: askedGroup, ClientAddr: of})
		a.must(err)
		var offsets []string
		for id, queues := range told.Clients {
			for q, offset := range queues {
				offsets = append(offsets, fmt.Sprintf("%s queue %d of %s at %d", id, q.QueueID, q.Topic, offset))
			}
		}
		slices.Sort(offsets)
		a.fact("offsets of %q: %s", of, strings.Join(offsets, ", "))
	}
}

// reset sends the running member to the beginning (222, which tells it with 220).
func (a *goMember) reset() {
	a.Helper()
	moved, err := a.admin.Reset(a.ctx, admin.Reset{Group: askedGroup, Topic: askedTopic})
	a.must(err)
	for _, m := range moved {
		a.fact("reset: queue %d from %d to %d", m.QueueID, m.From, m.To)
	}
	a.messages("after the reset", 3)
	a.must(a.s.awaitCommitted(askedTopic, askedGroup, 2, 3))
	if len(a.got) > 0 {
		a.Errorf("after the reset the member was handed %q once more", <-a.got)
	}
}

// nobody asks for the same when the member has left.
func (a *goMember) nobody(message string) {
	a.Helper()
	of := map[string]string{"consumerGroup": askedGroup, "clientId": a.id, "jstackEnable": "false", "msgId": message, "topic": askedTopic,
		"group": askedGroup, "timestamp": "0", "isForce": "true"}
	a.must(eventually(20*time.Second, "the member has left", func() error {
		if answer, err := invoke(a.s.broker, codeResetOffset, of, nil); answer.Code != codeConsumerNotThere {
			return errors.Join(err, fmt.Errorf("code %d", answer.Code))
		}
		return nil
	}))
	for _, code := range []int{codeResetOffset, codeGetStatus, codeRunningInfo, codeConsumeDirectly} {
		answer, err := invoke(a.s.broker, code, of, nil)
		if err != nil && answer.Code == 0 {
			a.Fatal(err)
		}
		if code == codeGetStatus { // RocketMQ's remark is a NullPointerException
			answer.Remark = "with a reason"
		}
		a.fact("request %d with nobody there: code %d, %s", code, answer.Code, answer.Remark)
	}
}
