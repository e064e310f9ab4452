package interop

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/protocol"
)

// bodyLimit is the largest message of brokers by default.
const bodyLimit = 4 << 20

func clientSending() []clientScenario {
	return []clientScenario{
		{"sync", ownSync}, {"async", ownAsync}, {"one-way", ownOneWay},
		{"batch", ownBatch}, {"batch-split", ownBatchSplit}, {"by-queue", ownByQueue}, {"by-selector", ownBySelector},
		{"properties", ownProperties}, {"body-at-limit", ownBodyAtLimit}, {"body-over-limit", ownBodyOverLimit},
		{"compressed-zlib", ownCompressed(compression.Zlib)}, {"compressed-lz4", ownCompressed(compression.LZ4)}, {"compressed-zstd", ownCompressed(compression.ZSTD)},
		{"topic-auto-creation", ownAutoCreation}, {"topic-absent", ownTopicAbsent}, {"close-loses-nothing", ownCloseLosesNothing},
	}
}

// ownSync wants to receive under its id and place what was sent one by one.
func ownSync(l *clientLab) {
	topic, p := l.topic(4), l.producer()
	texts, sent := numbered("sync", 50), map[string]client.SendResult{}
	for _, body := range texts {
		sent[body] = l.send(p, &client.Message{Topic: topic, Body: []byte(body)})
	}
	in := l.consume(topic, l.group("group"))
	for range texts {
		d := l.next(in)
		want := sent[string(d.Body)]
		l.equal("result of "+string(d.Body), want, client.SendResult{ID: d.ID, OffsetID: d.OffsetID, Queue: d.Queue, Offset: d.Offset, Status: client.SendOK})
		delete(sent, string(d.Body))
	}
	l.nothing(in, 200*time.Millisecond)
}

func ownAsync(l *clientLab) {
	topic, p := l.topic(4), l.producer()
	texts := numbered("async", 500)
	outcomes := make(chan error, len(texts))
	var mu sync.Mutex
	ids := map[string]bool{}
	for _, m := range messages(topic, texts) {
		l.must(p.SendAsync(l.ctx, m, func(r client.SendResult, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil && (r.Status != client.SendOK || ids[r.ID]) {
				err = fmt.Errorf("result %+v", r)
			}
			ids[r.ID] = true
			outcomes <- err
		}))
	}
	for range texts {
		select {
		case err := <-outcomes:
			l.must(err)
		case <-l.ctx.Done():
			l.Fatal("callbacks are missing")
		}
	}
	l.expect(l.consume(topic, l.group("group")), texts)
}

func ownOneWay(l *clientLab) {
	topic, p := l.topic(4), l.producer()
	in := l.consume(topic, l.group("group"))
	texts := numbered("one-way", 50)
	for _, m := range messages(topic, texts) {
		l.must(p.SendOneWay(l.ctx, m))
	}
	l.expect(in, texts)
}

// ownBatch wants a batch in one queue at places that follow one another, with an id for each message.
func ownBatch(l *clientLab) {
	topic := l.topic(4)
	texts := numbered("batch", 10)
	results, err := l.producer().SendBatch(l.ctx, messages(topic, texts))
	l.must(err)
	place := map[string]client.SendResult{}
	for i, r := range results {
		l.equal("queue", results[0].Queue, r.Queue)
		l.equal("offset", results[0].Offset+message.QueueOffset(i), r.Offset)
		place[texts[i]] = r
	}
	in := l.consume(topic, l.group("group"))
	for range texts {
		d := l.next(in)
		l.equal("result of "+string(d.Body), place[string(d.Body)], client.SendResult{ID: d.ID, OffsetID: d.OffsetID, Queue: d.Queue, Offset: d.Offset, Status: client.SendOK})
	}
}

// ownBatchSplit sends with many requests what one may not hold.
func ownBatchSplit(l *clientLab) {
	topic := l.topic(1)
	p := l.producer(func(c *client.ProducerConfig) { c.MaxBatchSize = 16 << 10 })
	texts := numbered("split-"+strings.Repeat("x", 1000), 200)
	results, err := p.SendBatch(l.ctx, messages(topic, texts))
	l.must(err)
	l.equal("results", len(texts), len(results))
	byPlace := make([]string, len(texts))
	for i, r := range results {
		byPlace[r.Offset] = texts[i]
	}
	in := l.consume(topic, l.group("group"), func(c *client.PushConfig) { c.Orderly = true })
	l.equal("in the order of their places", byPlace, l.bodies(in, len(texts)))
}

func ownByQueue(l *clientLab) {
	topic, p := l.topic(4), l.producer()
	in := l.consume(topic, l.group("group"))
	for id := range int32(4) {
		q := l.queue(topic, id)
		r := l.send(p, &client.Message{Topic: topic, Body: []byte{byte('0' + id)}}, client.ToQueue(q))
		l.equal("queue", q, r.Queue)
	}
	for range 4 {
		d := l.next(in)
		l.equal("queue of "+string(d.Body), int32(d.Body[0]-'0'), d.Queue.QueueID)
	}
}

func ownBySelector(l *clientLab) {
	topic, p := l.topic(4), l.producer()
	last := client.Select(func(queues []client.Queue, _ *client.Message) client.Queue { return queues[len(queues)-1] })
	for _, m := range messages(topic, numbered("selected", 10)) {
		l.equal("queue", l.queue(topic, 3), l.send(p, m, last).Queue)
	}
}

// ownProperties wants everything that a message has to make the round trip.
func ownProperties(l *clientLab) {
	topic := l.topic(1)
	sent := client.Message{Topic: topic, Body: []byte("text ü 火"), Tag: "the-tag", Keys: []string{"key-1", "key-2"}, Flag: 77,
		Properties: map[string]string{"plain": "value", "unicode": "ü 火 🚀", "punctuation": `a=b;c|d\e"f`, "empty": ""}}
	before := time.Now().Add(-time.Second)
	l.send(l.producer(), &sent)
	d := l.next(l.consume(topic, l.group("group")))
	delete(sent.Properties, "empty")
	if d.Properties["empty"] == "" { // Java drops it too, or keeps it: both read as ""
		delete(d.Properties, "empty")
	}
	l.equal("message", sent, d.Message)
	if d.BornAt.Before(before) || d.StoredAt.Before(before) || !d.BornHost.Addr().IsLoopback() || d.StoreHost.String() != l.s.broker || d.ReconsumeTimes != 0 {
		l.Errorf("born %v at %v, stored %v at %v, reconsumed %d times", d.BornAt, d.BornHost, d.StoredAt, d.StoreHost, d.ReconsumeTimes)
	}
}

// noise is a body that cannot be compressed.
func noise(size int) []byte {
	body := make([]byte, size)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(body)
	return body
}

func uncompressed(c *client.ProducerConfig) { c.CompressOver, c.MaxMessageSize = -1, 2*bodyLimit }

func ownBodyAtLimit(l *clientLab) {
	topic := l.topic(1)
	l.send(l.producer(uncompressed), &client.Message{Topic: topic, Body: noise(bodyLimit)})
	if d := l.next(l.consume(topic, l.group("group"))); !bytes.Equal(noise(bodyLimit), d.Body) {
		l.Errorf("another body of %d bytes", len(d.Body))
	}
}

// ownBodyOverLimit is refused here by default, and with a limit of its own raised by the broker; the connection stays.
func ownBodyOverLimit(l *clientLab) {
	topic := l.topic(1)
	m := &client.Message{Topic: topic, Body: noise(bodyLimit + 1)}
	if _, err := l.producer().Send(l.ctx, m); !errors.Is(err, client.ErrTooLarge) || !errors.Is(err, client.ErrIllegal) {
		l.Errorf("refused here: %v", err)
	}
	p := l.producer(uncompressed)
	_, err := p.Send(l.ctx, m)
	var refusal *client.Error
	if !errors.As(err, &refusal) || refusal.Code != protocol.ResMessageIllegal || !errors.Is(err, client.ErrIllegal) {
		l.Errorf("refused by the broker: %v", err)
	}
	l.send(p, &client.Message{Topic: topic, Body: []byte("still connected")})
}

// ownCompressed wants the record small in the store and the body whole here.
func ownCompressed(kind compression.Kind) func(*clientLab) {
	return func(l *clientLab) {
		topic, body := l.topic(1), compressible(100_000)
		p := l.producer(func(c *client.ProducerConfig) { c.Compression = kind })
		l.send(p, &client.Message{Topic: topic, Body: []byte(body)})
		d := l.next(l.consume(topic, l.group("group")))
		if string(d.Body) != body || d.StoreSize > 8192 {
			l.Errorf("%d bytes of body, a record of %d bytes", len(d.Body), d.StoreSize)
		}
		if got, err := compression.Of(d.SysFlag); err != nil || got != kind {
			l.Errorf("system flag %#x says %v, %v", d.SysFlag, got, err)
		}
	}
}

// ownAutoCreation sends to a topic that nobody made.
func ownAutoCreation(l *clientLab) {
	topic := l.unique("unmade")
	l.sendAll(l.producer(), topic, []string{"hello"})
	l.equal("received", "hello", string(l.next(l.consume(topic, l.group("group"))).Body))
}

func ownTopicAbsent(l *clientLab) {
	p := l.producer(func(c *client.ProducerConfig) { c.NoAutoCreate = true })
	_, err := p.Send(l.ctx, &client.Message{Topic: l.unique("absent"), Body: []byte("lost")})
	var refusal *client.Error
	if !errors.Is(err, client.ErrTopicNotFound) || !errors.As(err, &refusal) || refusal.Code != protocol.ResTopicNotExist {
		l.Errorf("error %v", err)
	}
}

// ownCloseLosesNothing closes a producer with messages in flight: each has an outcome, and what is acknowledged is there.
func ownCloseLosesNothing(l *clientLab) {
	topic, p := l.topic(4), l.producer()
	var mu sync.Mutex
	var stored []string
	outcomes := 0
	texts := numbered("closing", 200)
	for _, m := range messages(topic, texts) {
		l.must(p.SendAsync(l.ctx, m, func(_ client.SendResult, err error) {
			mu.Lock()
			defer mu.Unlock()
			outcomes++
			if err == nil {
				stored = append(stored, string(m.Body))
			}
		}))
	}
	l.close(p)
	mu.Lock()
	defer mu.Unlock()
	l.equal("outcomes", len(texts), outcomes)
	l.expect(l.consume(topic, l.group("group")), stored)
}
