package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/aerobee-mq/aerobee/interop/history"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/pb"
	"github.com/aerobee-mq/aerobee/remoting"
)

// Topics of the torture test of kinds of topics.
const (
	lightTopic = "torture-light" // its messages stand in light queues as well
	liteTopic  = "torture-lite"  // the parent of lite topics, all read by one wildcard group
	quotaTopic = "torture-quota"
	quotaRate  = 40 // messages a second

	lightQueues = 6
	rooms       = 5
	popLimit    = 2 * time.Second // how long a popped message is out of sight
)

// kindTopics are topics by the kind of message that they take.
func kindTopics() map[string]string {
	return map[string]string{"torture-normal": "NORMAL", "torture-fifo": "FIFO", "torture-late": "DELAY"}
}

func kindsRules() history.Rules {
	return history.Rules{Groups: map[string][]string{"light": {lightTopic}, "wild": {liteTopic}, "dead": {deadTopic}, "sieve": {sieveTopic}}, Durable: time.Second, Settle: 2500 * time.Millisecond,
		Quotas: map[string]int{quotaTopic: quotaRate}}
}

// kindsLoad is the running load: lines of sends into light queues and lite topics, beyond a quota, of all kinds to topics of one, and to topics of dead letters and
// filters; readers of the light queues, of the dead letters and with filters, and a wildcard group that pops the lite topics.
type kindsLoad struct {
	addr    string // of the broker, or of who stands before it
	grpc    string // of the broker
	rec     *recorder
	seed    uint64
	senders sync.WaitGroup
	readers sync.WaitGroup
	stop    context.CancelFunc // of the senders
	end     context.CancelFunc // of the readers
}

func startKinds(t *testing.T, front string, s *server, seed uint64, rec *recorder) *kindsLoad {
	t.Helper()
	l := &kindsLoad{addr: front, grpc: s.broker, rec: rec, seed: seed}
	sending, stop := context.WithCancel(context.Background())
	reading, end := context.WithCancel(context.Background())
	l.stop, l.end = stop, end
	t.Cleanup(l.close)
	for i := range 2 {
		l.line(sending, fmt.Sprint("l", i), 25*time.Millisecond, l.light(i))
		l.line(sending, fmt.Sprint("w", i), 60*time.Millisecond, l.lite(i))
	}
	l.line(sending, "q0", 8*time.Millisecond, l.quota)
	l.line(sending, "k0", 20*time.Millisecond, l.kinds(t))
	l.line(sending, "g0", 40*time.Millisecond, l.doomed)
	l.line(sending, "s0", 25*time.Millisecond, l.sieved)
	for i := range lightQueues {
		l.readers.Go(func() { l.read(reading, lightName(i)) })
	}
	l.readers.Go(func() { l.mourn(reading) })
	l.readers.Go(func() { l.readDead(reading) })
	for _, expression := range []string{someOfIt, restOfIt} {
		l.readers.Go(func() { l.sieve(reading, expression) })
	}
	l.readers.Go(func() { l.pop(reading) })
	return l
}

func (l *kindsLoad) stopSending() {
	l.stop()
	l.senders.Wait()
}

func (l *kindsLoad) close() {
	l.stopSending()
	l.end()
	l.readers.Wait()
}

func lightName(i int) string { return fmt.Sprint(message.LMQPrefix, "torture-", i) }

func roomName(i int) string { return fmt.Sprint("room-", i) }

// caller is a connection that is made again when it has ended.
type caller struct {
	addr string
	conn *remoting.Conn
}

func (c *caller) ask(ctx context.Context, code int32, body []byte, fields ...string) (*protocol.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	if c.conn == nil {
		conn, err := remoting.Dial(ctx, c.addr, remoting.Options{})
		if err != nil {
			return nil, err
		}
		c.conn = conn
	}
	f := &protocol.Frame{Code: code, Language: protocol.LanguageJava, Version: protocol.CurrentVersion, Body: body}
	for i := 0; i < len(fields); i += 2 {
		f.Fields.Add(fields[i], fields[i+1])
	}
	answer, err := c.conn.Invoke(ctx, f)
	if err != nil {
		c.close()
	}
	return answer, err
}

func (c *caller) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn.Wait()
		c.conn = nil
	}
}

// attempt sends one message; it records what is to be known of it before. It returns where it was stored, with -1 where that is not told, or that it
// was turned away for its kind.
type attempt func(c *caller, random *rand.Rand, key history.Key, body []byte) (place history.Place, turned bool, err error)

// line sends one message after the other; one without an answer is given up.
func (l *kindsLoad) line(ctx context.Context, name string, pause time.Duration, send attempt) {
	random := rand.New(rand.NewPCG(l.seed, uint64(crc32.ChecksumIEEE([]byte(name)))))
	l.senders.Go(func() {
		c := &caller{addr: l.addr}
		defer c.close()
		for sequence := 0; ctx.Err() == nil; sequence++ {
			key := history.Key{Producer: name, Sequence: sequence}
			body := fmt.Appendf(nil, "%s %s", key, strings.Repeat("x", random.IntN(200)))
			place, turned, err := send(c, random, key, body)
			switch {
			case turned:
				l.rec.add(history.Event{Kind: history.TurnedAway, Key: key})
			case err != nil:
				l.rec.add(history.Event{Kind: history.SendLost, Key: key})
				rest(ctx, 5*time.Millisecond)
			default:
				l.rec.add(history.Event{Kind: history.SendAcked, Key: key, Place: place})
			}
			rest(ctx, time.Duration(random.Int64N(int64(2*pause))))
		}
	})
}

// send sends to a queue by remoting.
func (l *kindsLoad) send(c *caller, topic string, queue int, key history.Key, body []byte, properties string) (history.Place, error) {
	place := history.Place{Topic: topic, Queue: queue, Offset: -1}
	l.rec.add(history.Event{Kind: history.SendBegun, Key: key, Sum: crc32.ChecksumIEEE(body), Place: place})
	got, err := c.ask(context.Background(), protocol.ReqSendMessage, body, "producerGroup", "torture", "topic", topic, "defaultTopic", "TBW102", "defaultTopicQueueNums", "1",
		"queueId", strconv.Itoa(queue), "sysFlag", "0", "bornTimestamp", strconv.FormatInt(time.Now().UnixMilli(), 10), "flag", "0", "properties", properties,
		"reconsumeTimes", "0", "unitMode", "false", "batch", "false")
	if err == nil && got.Code != protocol.ResSuccess {
		err = fmt.Errorf("code %d, %s", got.Code, got.Remark)
	}
	if err == nil {
		place.Offset, _, err = got.Fields.Int64("queueOffset")
	}
	return place, err
}

// light sends to two to four light queues.
func (l *kindsLoad) light(queue int) attempt {
	return func(c *caller, random *rand.Rand, key history.Key, body []byte) (history.Place, bool, error) {
		var names []string
		for _, i := range random.Perm(lightQueues)[:2+random.IntN(3)] {
			names = append(names, lightName(i))
			l.rec.add(history.Event{Kind: history.Light, Key: key, Place: history.Place{Topic: lightName(i)}})
		}
		place, err := l.send(c, lightTopic, queue, key, body, message.PropMultiDispatch+"\x01"+strings.Join(names, ",")+"\x02")
		return place, false, err
	}
}

// lite sends to one lite topic.
func (l *kindsLoad) lite(queue int) attempt {
	return func(c *caller, random *rand.Rand, key history.Key, body []byte) (history.Place, bool, error) {
		room := roomName(random.IntN(rooms))
		name, err := light.LiteQueue(liteTopic, room)
		if err != nil {
			return history.Place{}, false, err
		}
		l.rec.add(history.Event{Kind: history.Light, Key: key, Place: history.Place{Topic: name}})
		place, err := l.send(c, liteTopic, queue, key, body, "__LITE_TOPIC\x01"+room+"\x02")
		return place, false, err
	}
}

// quota sends more than the topic may have.
func (l *kindsLoad) quota(c *caller, _ *rand.Rand, key history.Key, body []byte) (history.Place, bool, error) {
	place, err := l.send(c, quotaTopic, 0, key, body, "")
	return place, false, err
}

// kinds sends messages of any kind to topics of any kind, over gRPC, where kinds are enforced.
func (l *kindsLoad) kinds(t *testing.T) attempt {
	t.Helper()
	again := backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1, MaxDelay: 200 * time.Millisecond}
	conn, err := grpc.NewClient(l.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(grpc.ConnectParams{Backoff: again}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	service := pb.NewMessagingServiceClient(conn)
	topics := []string{"torture-fifo", "torture-late", "torture-normal"}
	return func(_ *caller, random *rand.Rand, key history.Key, body []byte) (history.Place, bool, error) {
		sys := &pb.SystemProperties{MessageId: fmt.Sprintf("01%020d%010d", l.seed%1e9, key.Sequence), MessageType: pb.MessageType_NORMAL, BodyEncoding: pb.Encoding_IDENTITY}
		kind := [...]string{"NORMAL", "FIFO", "DELAY"}[random.IntN(3)]
		switch group := "group"; kind {
		case "FIFO":
			sys.MessageGroup = &group
			sys.MessageType = pb.MessageType_FIFO
		case "DELAY":
			sys.DeliveryTimestamp = timestamppb.New(time.Now().Add(500 * time.Millisecond))
			sys.MessageType = pb.MessageType_DELAY
		}
		place := history.Place{Topic: topics[random.IntN(len(topics))], Queue: -1, Offset: -1}
		if kindTopics()[place.Topic] != kind {
			l.rec.add(history.Event{Kind: history.Misfit, Key: key})
		}
		l.rec.add(history.Event{Kind: history.SendBegun, Key: key, Sum: crc32.ChecksumIEEE(body), Place: place})
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		ctx = metadata.AppendToOutgoingContext(ctx, "x-mq-client-id", "torture-kinds", "x-mq-language", "GOLANG", "x-mq-client-version", "5.1.0", "x-mq-protocol", "v2")
		got, err := service.SendMessage(ctx, &pb.SendMessageRequest{Messages: []*pb.Message{{Topic: &pb.Resource{Name: place.Topic}, Body: body, SystemProperties: sys}}})
		switch {
		case err != nil:
			return place, false, err
		case got.GetStatus().GetCode() == pb.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE:
			return place, true, nil
		case got.GetStatus().GetCode() != pb.Code_OK:
			return place, false, fmt.Errorf("%s", got.GetStatus())
		}
		return place, false, nil
	}
}

// read pulls one light queue from its beginning on.
func (l *kindsLoad) read(ctx context.Context, name string) {
	c := &caller{addr: l.addr}
	defer c.close()
	for at := int64(0); ctx.Err() == nil; {
		got, err := c.ask(ctx, protocol.ReqPullMessage, nil, "consumerGroup", message.LMQPrefix+"torture-reader", "topic", name, "queueId", "0", "queueOffset", strconv.FormatInt(at, 10),
			"maxMsgNums", "32", "sysFlag", "6", "commitOffset", "0", "suspendTimeoutMillis", "1000", "subscription", "*", "subVersion", "0", "expressionType", "TAG")
		if err != nil || got.Code != protocol.ResSuccess {
			rest(ctx, 20*time.Millisecond) // nothing new, or the broker is away
			continue
		}
		for _, record := range splitRecords(got.Body) {
			e, _, err := parseRecord(record)
			if err != nil {
				e.Key = history.Key{Producer: "unreadable"}
			}
			l.rec.add(history.Event{Kind: history.Delivered, Group: "light", Key: e.Key, Sum: e.Sum, Place: history.Place{Topic: name, Offset: at}})
			at++
		}
	}
}

// pop is a member of the wildcard group: one message in thirty is left alone the first time, all others are acknowledged.
func (l *kindsLoad) pop(ctx context.Context) {
	c := &caller{addr: l.addr}
	defer c.close()
	subscribe := protocol.MarshalBody(protocol.LiteSubscriptions{Subscriptions: []protocol.LiteSubscription{{Action: protocol.LiteCompleteAdd, ClientID: "torture-wild", Group: "wild",
		Topic: liteTopic, LiteTopics: []string{}}}})
	for known := (*remoting.Conn)(nil); ctx.Err() == nil; {
		if c.conn == nil || c.conn != known { // a subscription lives as long as its connection
			if got, err := c.ask(ctx, protocol.ReqLiteSubscriptionCtl, subscribe); err != nil || got.Code != protocol.ResSuccess {
				rest(ctx, 50*time.Millisecond)
				continue
			}
			known = c.conn
		}
		got, err := c.ask(ctx, protocol.ReqPopLiteMessage, nil, "clientId", "torture-wild", "consumerGroup", "wild", "topic", liteTopic, "maxMsgNum", "16",
			"invisibleTime", strconv.FormatInt(popLimit.Milliseconds(), 10), "pollTime", "1000", "bornTime", strconv.FormatInt(time.Now().UnixMilli(), 10), "attemptId", "")
		if err != nil {
			rest(ctx, 50*time.Millisecond)
			continue
		}
		if got.Code == protocol.ResSuccess {
			l.popped(ctx, c, got)
		}
	}
}

// popped records what a pop has brought, and acknowledges it.
func (l *kindsLoad) popped(ctx context.Context, c *caller, got *protocol.Frame) {
	popTime, _, _ := got.Fields.Int64("popTime")
	counts := strings.Split(got.Fields.String("orderCountInfo"), ";")
	for i, record := range splitRecords(got.Body) {
		rec, err := message.ParseRecord(record)
		if err != nil || i >= len(counts) {
			l.rec.add(history.Event{Kind: history.Popped, Group: "wild", Key: history.Key{Producer: "unreadable"}})
			continue
		}
		e := bodyEvent(rec.Body)
		name := rec.Properties.GetString(message.PropMultiDispatch)
		off := int64(light.OffsetIn(name, &rec))
		retry, _ := strconv.Atoi(counts[i])
		l.rec.add(history.Event{Kind: history.Popped, Group: "wild", Key: e.Key, Sum: e.Sum, Retry: retry, Place: history.Place{Topic: name, Offset: off},
			From: history.Time(popTime) * 1000, Until: history.Time(popTime+popLimit.Milliseconds()) * 1000})
		if retry == 0 && e.Key.Sequence%30 == 7 {
			continue
		}
		_, room, _ := light.LiteTopic(name)
		h := protocol.PopHandle{StartOffset: off, PopTime: popTime, InvisibleTime: popLimit.Milliseconds(), ReviveQueue: protocol.PopOrderQueue, BrokerName: "torture",
			QueueOffset: off, CommitLogOffset: -1}
		answer, err := c.ask(ctx, protocol.ReqAckMessage, nil, "consumerGroup", "wild", "topic", liteTopic, "liteTopic", room, "queueId", "0", "offset", strconv.FormatInt(off, 10),
			"extraInfo", string(h.Append(nil)))
		if err == nil && answer.Code == protocol.ResSuccess {
			l.rec.add(history.Event{Kind: history.PopAcked, Group: "wild", Key: e.Key})
		}
	}
}

// prepareKinds makes topics and groups.
func prepareKinds(t *testing.T, s *server) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(createTopicWith(s.broker, lightTopic, 2, ""))
	must(createTopicWith(s.broker, liteTopic, 2, "+message.type=LITE"))
	must(createTopicWith(s.broker, quotaTopic, 1, fmt.Sprintf("+send.quota.messages=%d", quotaRate)))
	for topic, kind := range kindTopics() {
		must(createTopicWith(s.broker, topic, 1, "+message.type="+kind))
	}
	must(createTopicWith(s.broker, deadTopic, 1, ""))
	must(createTopicWith(s.broker, sieveTopic, 1, ""))
	must(createGroup(s.broker, mourned, defaultRetries))
	must(createGroupWith(s.broker, "wild", defaultRetries, true, map[string]string{"+lite.bind.topic": liteTopic, "+lite.sub.wildcard": "true"}))
}

// readKinds reads topics and light queues from beginning to end. In a light queue a record's place is where it stands there.
func readKinds(t *testing.T, s *server, rec *recorder) {
	t.Helper()
	topics := map[string]int{lightTopic: 2, liteTopic: 2, quotaTopic: 1, deadTopic: 1, sieveTopic: 1}
	for topic := range kindTopics() {
		topics[topic] = 1
	}
	readWholeLog(t, s, topics, rec)
	var names []string
	for i := range lightQueues {
		names = append(names, lightName(i))
	}
	for i := range rooms {
		name, err := light.LiteQueue(liteTopic, roomName(i))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for _, name := range names {
		at := int64(0)
		if err := readLog(s.broker, name, 1, func(e history.Event) {
			e.Place.Queue, e.Place.Offset = 0, at
			at++
			rec.add(e)
		}); err != nil {
			t.Errorf("read %s: %v", name, err)
		}
	}
}

// kindsRounds is tortureRounds for kinds of topics.
const kindsRounds = 2

// TestTortureKinds is TestTorture for light queues and lite topics, a wildcard group, quotas, dead letters, filters, and topics that take messages of one kind: what they promise
// is judged by interop/history.
func TestTortureKinds(t *testing.T) {
	rounds := number(t, "AEROBEE_INTEROP_TORTURE_ROUNDS", kindsRounds)
	seed := number(t, "AEROBEE_INTEROP_TORTURE_SEED", uint64(time.Now().UnixNano()))
	if target := os.Getenv("AEROBEE_INTEROP_TARGET"); target == "apache" || target == "apache49" {
		t.Skip("what is judged are promises of Aerobee")
	}
	t.Logf("seed %d", seed)
	start := time.Now()
	s, rec, rules := startServer(t, "aerobee"), newRecorder(), kindsRules()
	prepareKinds(t, s)
	load := startKinds(t, s.broker, s, seed, rec)
	random := rand.New(rand.NewPCG(seed, 1000))
	for round := range int(rounds) {
		if err := killOnce(s, rec, random, round); err != nil {
			t.Fatalf("round %d: %v", round+1, err)
		}
	}
	rest(t.Context(), 3*time.Second)
	load.stopSending()
	if err := eventually(60*time.Second, "everything arrives", func() error { return rec.undelivered(rules.Groups) }); err != nil {
		t.Error(err)
	}
	rest(t.Context(), popLimit+time.Second) // what comes again comes now
	load.close()
	readKinds(t, s, rec)
	verifyStore(t, s)
	judge(t, fmt.Sprintf("kinds, %d rounds, seed %d, %v", rounds, seed, time.Since(start).Round(100*time.Millisecond)), rec, rules)
	if report := rec.check(rules); report.Lights < report.Acknowledged/2 || report.Misfits < 50 || report.Unanswered < 50 || report.PoppedAgain == 0 || report.Retried < 50 {
		t.Errorf("the load was too small to show anything: %d records in light queues, %d misfits, %d refused or unanswered, %d popped again, %d dead letters", report.Lights, report.Misfits,
			report.Unanswered, report.PoppedAgain, report.Retried)
	}
}

// kindsSpoiler plants bugs, each once: the line l0 loses a message from its light queues, a message of the line l1 is stored twice, one of g0 is given up and is no
// dead letter, and a filter lets pass what it does not want of s0.
type kindsSpoiler struct {
	mu   sync.Mutex // guards all below
	left map[string]bool
	wide map[*passage]map[int32]bool // pulls whose filter is none
}

// bites says whether a bug is to bite here, and if so that it has. s.mu is held.
func (s *kindsSpoiler) bites(line string) bool {
	defer delete(s.left, line)
	return s.left[line]
}

// request looks at what a client asks.
func (s *kindsSpoiler) request(p *passage, f *protocol.Frame, frame []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Code {
	case protocol.ReqSendMessage:
		return s.send(f, frame)
	case protocol.ReqConsumerSendMsgBack:
		if s.bites("g0") {
			return p.say(f, nil)
		}
	case protocol.ReqPullMessage:
		if s.left["s0"] && f.Fields.String("subscription") == someOfIt {
			s.wide[p] = map[int32]bool{f.Opaque: true}
			set(f, "subscription", "n IS NOT NULL")
			return protocol.AppendFrame(nil, f)
		}
	}
	return frame
}

// send spoils a message to light queues.
func (s *kindsSpoiler) send(f *protocol.Frame, frame []byte) []byte {
	switch producer := bodyEvent(f.Body).Key.Producer; {
	case producer == "l0" && s.bites("l0"):
		return bytes.Replace(frame, []byte(message.PropMultiDispatch), []byte("OTHER"+message.PropMultiDispatch[5:]), 1)
	case producer == "l1" && s.bites("l1"):
		again := *f
		again.Opaque += 1 << 28 // the client asks nothing by this number
		return append(frame, protocol.AppendFrame(nil, &again)...)
	}
	return frame
}

// answer sees whether a filter that is none has let anything pass that it should not.
func (s *kindsSpoiler) answer(p *passage, f *protocol.Frame, frame []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !f.IsResponse() || !s.wide[p][f.Opaque] {
		return frame
	}
	delete(s.wide, p)
	for _, record := range splitRecords(f.Body) {
		if r, err := message.ParseRecord(record); err == nil && r.Properties.GetString("n") > "3" {
			delete(s.left, "s0")
		}
	}
	return frame
}

// arm lets the bugs bite.
func (s *kindsSpoiler) arm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = map[string]bool{"l0": true, "l1": true, "g0": true, "s0": true}
}

// unbitten is an error as long as bugs are left.
func (s *kindsSpoiler) unbitten() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.left) > 0 {
		return fmt.Errorf("left: %v", s.left)
	}
	return nil
}

// TestTortureFindsKindBugs proves TestTortureKinds on its real path: a message that its light queues lose, one that is stored twice, a dead letter that is lost and a filter
// that is too wide, planted before a real broker that is killed, a topic that forgets its kind and one that forgets its quota for a while must be found as what they are, and nothing else may be.
func TestTortureFindsKindBugs(t *testing.T) {
	ports := freePorts(t, 2)
	s := aerobee(t, ports[0], "")
	s.namesrv = s.broker
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.awaitReady())
	rec, rules := newRecorder(), kindsRules()
	prepareKinds(t, s)
	m, spoil := newMiddleman(t, ports[1], s.broker, plantNothing), &kindsSpoiler{wide: map[*passage]map[int32]bool{}}
	m.spoil = spoil
	load := startKinds(t, m.front, s, 1, rec)
	must(eventually(20*time.Second, "the load runs", func() error { return rec.atLeast(200) }))
	spoil.arm()
	must(eventually(20*time.Second, "the bugs bite", spoil.unbitten))
	must(createTopicWith(s.broker, "torture-fifo", 1, "-message.type"))
	must(createTopicWith(s.broker, quotaTopic, 1, "-send.quota.messages"))
	rest(t.Context(), 4*time.Second)
	must(createTopicWith(s.broker, "torture-fifo", 1, "+message.type=FIFO"))
	must(createTopicWith(s.broker, quotaTopic, 1, fmt.Sprintf("+send.quota.messages=%d", quotaRate)))
	rec.add(history.Event{Kind: history.Killed})
	must(s.restart())
	rec.add(history.Event{Kind: history.Ready})
	must(eventually(30*time.Second, "the load goes on", func() error { return rec.atLeast(200) }))
	load.stopSending()
	must(eventually(60*time.Second, "what is there arrives", func() error {
		groups := maps.Clone(rules.Groups)
		delete(groups, "dead")
		return errors.Join(rec.undeliveredBut("l0", groups), rec.missing(1, "dead", deadTopic))
	}))
	rest(t.Context(), popLimit+time.Second)
	load.close()
	readKinds(t, s, rec)

	found := map[string]map[history.Fault]bool{}
	keys := map[history.Key]bool{}
	for _, f := range rec.check(rules).Findings {
		if found[f.Key.Producer] == nil {
			found[f.Key.Producer] = map[history.Fault]bool{}
		}
		found[f.Key.Producer][f.Fault] = true
		if f.Key.Producer[0] == 'l' {
			t.Logf("%s: %v %s", f.Fault, f.Key, f.Text)
			keys[f.Key] = true
		}
	}
	want := "map[g0:map[lost:true] k0:map[unfit:true] l0:map[lost:true] l1:map[duplicated:true] q0:map[over:true] s0:map[duplicated:true]]"
	if got := fmt.Sprint(found); got != want || len(keys) != 2 {
		t.Errorf("found %s, want %s; of light queues %d messages, want 2", got, want, len(keys))
	}
}
