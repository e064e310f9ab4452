package interop

import (
	"context"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/interop/history"
)

// sender is one line of sends of our client into one queue.
type sender struct {
	name     string
	topic    string
	queue    int
	insists  bool // sends a message until it is acknowledged
	window   int  // how many are under way at once
	pause    time.Duration
	random   *rand.Rand
	producer *client.Producer
	broker   string
	rec      *recorder
}

// goSenders are the lines of our client, in the manner of Torture.java's, and two that pipeline.
func goSenders(p *client.Producer, broker string, seed uint64, rec *recorder) []*sender {
	var all []*sender
	line := func(topic string, queue int, insists bool, window int, pause time.Duration) {
		i := len(all)
		all = append(all, &sender{name: fmt.Sprintf("g%d", i), topic: topic, queue: queue, insists: insists, window: window, pause: pause,
			random: rand.New(rand.NewPCG(seed, uint64(i))), producer: p, broker: broker, rec: rec})
	}
	for queue := range freeQueues {
		line(freeTopic, queue, true, 1, 16*time.Millisecond)
	}
	for queue := range orderQueues {
		line(orderTopic, queue, false, 1, 16*time.Millisecond)
	}
	line(delayTopic, 0, true, 1, 50*time.Millisecond)
	line(freeTopic, 1, false, 16, 16*time.Millisecond)
	line(orderTopic, 1, false, 16, 16*time.Millisecond)
	return all
}

// run sends until the context ends and returns when all answers are there.
func (s *sender) run(ctx context.Context) {
	slots := make(chan struct{}, s.window)
	var under sync.WaitGroup
	for sequence := 0; ctx.Err() == nil; sequence++ {
		key := history.Key{Producer: s.name, Sequence: sequence}
		body := s.body(key)
		slots <- struct{}{}
		if s.window == 1 {
			for stored := s.send(key, body); !stored && s.insists && ctx.Err() == nil; {
				stored = s.send(key, body)
			}
			<-slots
		} else {
			under.Go(func() {
				s.send(key, body)
				<-slots
			})
		}
		if s.random.IntN(4) > 0 {
			rest(ctx, time.Duration(s.random.Int64N(int64(s.pause))))
		}
	}
	under.Wait()
}

// rest waits, at most until the context ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// send makes one attempt and says whether it was acknowledged. It does not end with the load: an attempt that was begun has an
// end.
func (s *sender) send(key history.Key, body []byte) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	m := &client.Message{Topic: s.topic, Body: body, Tag: "all", Keys: []string{key.String()}}
	if s.topic == delayTopic {
		m.DelayLevel = 1
	}
	place := history.Place{Topic: s.topic, Queue: s.queue, Offset: -1}
	s.rec.add(history.Event{Kind: history.SendBegun, Key: key, Sum: crc32.ChecksumIEEE(body), Place: place})
	result, err := s.producer.Send(ctx, m, client.ToQueue(client.Queue{Topic: s.topic, BrokerName: s.broker, QueueID: int32(s.queue)}))
	if err != nil || result.Status != client.SendOK {
		s.rec.add(history.Event{Kind: history.SendLost, Key: key})
		rest(ctx, 20*time.Millisecond) // the broker is away
		return false
	}
	if s.topic != delayTopic {
		place.Offset = int64(result.Offset)
	}
	place.Queue = int(result.Queue.QueueID)
	s.rec.add(history.Event{Kind: history.SendAcked, Key: key, Place: place})
	return true
}

// body is the key, a space, and letters; one in fifty is long enough to be compressed.
func (s *sender) body(key history.Key) []byte {
	body := append([]byte(key.String()), ' ')
	length := s.random.IntN(1500)
	if s.random.IntN(50) == 0 {
		length = 5000 + s.random.IntN(15_000)
	}
	for range length {
		body = append(body, byte('a'+s.random.IntN(26)))
	}
	return body
}
