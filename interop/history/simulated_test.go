package history_test

import (
	"hash/crc32"
	"math/rand/v2"
	"time"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// bug is what is planted into the simulated broker.
type bug string

const (
	none             bug = "none"
	answerBeforeSync bug = "an answer before the sync"
	drop             bug = "one record dropped"
	swap             bug = "two records swapped"
	early            bug = "one record delivered early"
	twice            bug = "one record stored twice"
	changed          bug = "one body changed"
	invented         bug = "one record that nobody sent"
	forget           bug = "progress forgotten at a kill"
	repeat           bug = "one record delivered twice"
	skip             bug = "an orderly queue's record delivered late"
	swallow          bug = "one refused message not delivered again"
	misplace         bug = "one record in another queue"
	scatter          bug = "one record of a sharding key in another queue than those before it"
)

const (
	topic     = "t"
	queues    = 2
	producers = 4
	second    = history.Time(1_000_000)
)

// record is what the simulated broker keeps of a message.
type record struct {
	key   history.Key
	sum   uint32
	acked bool
	again int64 // its offset in the retry queue, of one that was refused
}

// reader is one group: its position in each queue, and the progress that the broker remembers and would remember after a kill.
type reader struct {
	name                        string
	position, committed, onDisk [queues]int
	refused                     []record
	wishes                      int64 // messages that were refused so far
}

// broker is a whole run in one thread: producers that send one message after the other, a log with a sync, groups that
// read what is synced, and kills that take what is not. Time goes on by a few milliseconds with each step.
type broker struct {
	random  *rand.Rand
	plant   bug
	planted bool
	now     history.Time
	saved   history.Time // when progress was written last
	log     [queues][]record
	synced  [queues]int
	next    [producers]int         // sequence of the next message
	waiting map[int]history.Key    // by producer: what is sent and not answered
	again   map[history.Key]bool   // sent before, without an answer
	sums    map[history.Key]uint32 // what producers really sent
	readers []*reader
	events  []history.Event
}

func rules() history.Rules {
	return history.Rules{
		Groups:  map[string][]string{"free": {topic}, "orderly": {topic}},
		Orderly: map[string]bool{"orderly": true},
		Durable: time.Second, Settle: 50 * time.Millisecond,
	}
}

// simulate makes the history of one run; a planted bug bites once, halfway.
func simulate(seed uint64, steps int, plant bug) []history.Event {
	b := &broker{random: rand.New(rand.NewPCG(seed, 1)), plant: plant, now: second, waiting: map[int]history.Key{},
		again: map[history.Key]bool{}, sums: map[history.Key]uint32{}, readers: []*reader{{name: "free"}, {name: "orderly"}}}
	for step := range steps {
		b.step()
		if !b.planted && step >= steps/2 {
			b.bite()
		}
	}
	for !b.planted && plant != none {
		b.step()
		b.bite()
	}
	b.finish()
	return b.events
}

func (b *broker) emit(e history.Event) {
	e.At = b.now
	b.events = append(b.events, e)
}

func (b *broker) step() {
	b.now += history.Time(1000 + b.random.IntN(20_000))
	if b.now-b.saved > second*9/10 {
		b.saved = b.now
		for _, r := range b.readers {
			r.onDisk = r.committed
		}
	}
	switch n := b.random.IntN(1000); {
	case n < 400:
		b.produce(b.random.IntN(producers))
	case n < 550:
		b.sync()
	case n < 850:
		b.consume(b.readers[b.random.IntN(2)], b.random.IntN(queues))
	case n < 950:
		b.commit(b.readers[b.random.IntN(2)], b.random.IntN(queues))
	case n < 990:
		b.retry(b.readers[b.random.IntN(2)])
	default:
		b.kill(true)
	}
}

func queueOf(producer int) int { return producer % queues }

func place(queue, offset int) history.Place {
	return history.Place{Topic: topic, Queue: queue, Offset: int64(offset)}
}

// sharded says whether a producer sends all its messages with one sharding key.
func sharded(producer int) bool { return producer%2 == 1 }

func name(producer int) string { return string(rune('a' + producer)) }

// produce begins one attempt of a producer that is not waiting.
func (b *broker) produce(producer int) {
	if _, busy := b.waiting[producer]; busy {
		return
	}
	key := history.Key{Producer: name(producer), Sequence: b.next[producer]}
	sum := crc32.ChecksumIEEE([]byte(key.String()))
	b.sums[key] = sum
	b.waiting[producer] = key
	if sharded(producer) {
		b.emit(history.Event{Kind: history.Sharded, Key: key, ShardingKey: name(producer)})
	}
	b.emit(history.Event{Kind: history.SendBegun, Key: key, Sum: sum, Place: place(queueOf(producer), -1)})
	b.log[queueOf(producer)] = append(b.log[queueOf(producer)], record{key: key, sum: sum})
}

func (b *broker) sync() {
	for queue := range queues {
		b.synced[queue] = len(b.log[queue])
	}
	for producer := range producers {
		b.answer(producer)
	}
}

func (b *broker) answer(producer int) {
	key, waits := b.waiting[producer]
	if !waits {
		return
	}
	queue := queueOf(producer)
	for offset := len(b.log[queue]) - 1; offset >= 0; offset-- {
		if b.log[queue][offset].key == key {
			b.log[queue][offset].acked = true
			b.emit(history.Event{Kind: history.SendAcked, Key: key, Place: place(queue, offset)})
			break
		}
	}
	delete(b.waiting, producer)
	b.next[producer]++
}

func (b *broker) consume(r *reader, queue int) {
	if at := r.position[queue]; at < b.synced[queue] {
		b.deliver(r, queue, at)
		r.position[queue]++
	}
}

func (b *broker) deliver(r *reader, queue, at int) {
	rec := b.log[queue][at]
	b.emit(history.Event{Kind: history.Delivered, Group: r.name, Key: rec.key, Sum: rec.sum, Place: place(queue, at)})
	if r.name == "free" && b.random.IntN(20) == 0 {
		b.emit(history.Event{Kind: history.Refused, Group: r.name, Key: rec.key})
		rec.again = r.wishes
		r.wishes++
		r.refused = append(r.refused, rec)
	}
}

func (b *broker) retry(r *reader) {
	if len(r.refused) > 0 {
		rec := r.refused[0]
		r.refused = r.refused[1:]
		b.emit(history.Event{Kind: history.Delivered, Group: r.name, Key: rec.key, Sum: rec.sum, Retry: 1,
			Place: history.Place{Topic: topic, Offset: rec.again}})
	}
}

func (b *broker) commit(r *reader, queue int) {
	r.committed[queue] = r.position[queue]
	b.emit(history.Event{Kind: history.Committed, Group: r.name, Place: place(queue, r.committed[queue])})
}

// kill takes what is not synced, or a part of it; producers do not know, and most send again.
func (b *broker) kill(mercy bool) {
	b.emit(history.Event{Kind: history.Killed})
	for queue := range queues {
		if kept := b.synced[queue]; mercy {
			b.synced[queue] += b.random.IntN(len(b.log[queue]) - kept + 1)
		}
		b.log[queue] = b.log[queue][:b.synced[queue]]
	}
	for producer := range producers {
		key, waits := b.waiting[producer]
		if !waits {
			continue
		}
		b.emit(history.Event{Kind: history.SendLost, Key: key})
		delete(b.waiting, producer)
		if !mercy || b.random.IntN(3) == 0 {
			b.next[producer]++ // gives up
		}
	}
	for _, r := range b.readers {
		r.committed, r.position = r.onDisk, r.onDisk
	}
	b.now += 200_000
	b.emit(history.Event{Kind: history.Ready})
	b.now += 60_000
}

// finish lets everything arrive and reads the log.
func (b *broker) finish() {
	b.sync()
	for _, r := range b.readers {
		for queue := range queues {
			for r.position[queue] < b.synced[queue] {
				b.now += 1000
				b.consume(r, queue)
			}
		}
		for len(r.refused) > 0 {
			b.now += 1000
			b.retry(r)
		}
	}
	for queue := range queues {
		for offset, rec := range b.log[queue] {
			b.emit(history.Event{Kind: history.Stored, Key: rec.key, Sum: rec.sum, Place: place(queue, offset)})
		}
	}
}
