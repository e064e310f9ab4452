package history_test

import (
	"hash/crc32"
	"slices"

	"github.com/aerobee-mq/aerobee/interop/history"
)

// found is the fault that the checker must see for each bug.
func found() map[bug]history.Fault {
	return map[bug]history.Fault{
		answerBeforeSync: history.Lost, drop: history.Lost, swap: history.Reordered, early: history.Early,
		twice: history.Duplicated, changed: history.Phantom, invented: history.Phantom, forget: history.Duplicated,
		repeat: history.Duplicated, skip: history.Reordered, swallow: history.Lost, misplace: history.Phantom,
		scatter: history.Reordered,
	}
}

// bite plants the bug if the moment allows it.
func (b *broker) bite() {
	b.now += 1000
	switch b.plant {
	case answerBeforeSync:
		b.biteAnswer()
	case early:
		b.biteEarly()
	case drop, swap, twice, changed, invented, misplace:
		b.biteLog()
	case forget:
		b.biteForget()
	case repeat:
		b.biteRepeat()
	case skip:
		b.biteSkip()
	case swallow:
		b.biteSwallow()
	case scatter:
		b.biteScatter()
	}
}

// biteAnswer answers a send that is not synced; then the power goes.
func (b *broker) biteAnswer() {
	b.sync()
	b.produce(1)
	b.answer(1)
	b.kill(false)
	b.planted = true
}

// biteEarly delivers what is not synced; then the power goes.
func (b *broker) biteEarly() {
	b.sync()
	b.produce(1)
	b.deliver(b.readers[0], queueOf(1), b.synced[queueOf(1)])
	b.kill(false)
	b.planted = true
}

// biteLog spoils the newest records of one producer, which are acknowledged and which no group has read.
func (b *broker) biteLog() {
	const producer = 1
	queue := queueOf(producer)
	b.sync()
	for range 2 {
		b.produce(producer)
		b.sync()
	}
	log := b.log[queue]
	last := len(log) - 1
	switch b.plant {
	case drop:
		log[last-1] = log[last]
		b.log[queue] = log[:last]
		b.synced[queue] = last
	case swap:
		log[last-1], log[last] = log[last], log[last-1]
	case twice:
		b.log[queue] = append(log, log[last])
	case changed:
		log[last].sum++
	case invented:
		b.log[queue] = append(log, record{key: history.Key{Producer: "nobody"}})
	case misplace:
		b.log[1-queue] = append(b.log[1-queue], log[last])
	}
	b.synced = [queues]int{len(b.log[0]), len(b.log[1])}
	b.planted = true
}

// biteForget loses progress that was seen long before the kill.
func (b *broker) biteForget() {
	r := b.readers[0]
	for queue := range queues {
		for r.position[queue] < b.synced[queue] {
			b.now += 1000
			b.consume(r, queue)
		}
	}
	if r.position[0] == 0 {
		return
	}
	b.now += 100_000
	b.commit(r, 0)
	b.now += 2 * second
	r.onDisk = [queues]int{}
	b.kill(true)
	b.planted = true
}

// biteRepeat delivers a record again when nothing has happened.
func (b *broker) biteRepeat() {
	r := b.readers[0]
	b.produce(0)
	b.sync()
	for r.position[0] < b.synced[0] {
		b.consume(r, 0)
		b.now += 100_000
	}
	b.deliver(r, 0, r.position[0]-1)
	b.planted = true
}

// biteSkip delivers two records of an orderly queue the wrong way round.
func (b *broker) biteSkip() {
	r := b.readers[1]
	for range 2 {
		b.produce(0)
		b.sync()
	}
	for r.position[0] < b.synced[0]-2 {
		b.consume(r, 0)
		b.now += 1000
	}
	if r.position[0] != b.synced[0]-2 {
		return
	}
	b.deliver(r, 0, r.position[0]+1)
	b.now += 1000
	b.deliver(r, 0, r.position[0])
	r.position[0] += 2
	b.planted = true
}

// biteSwallow lets a handler refuse a message, keeps the progress behind it, and forgets the wish.
func (b *broker) biteSwallow() {
	r := b.readers[0]
	b.produce(0)
	b.sync()
	for r.position[0] < b.synced[0] {
		b.consume(r, 0)
		b.now += 1000
	}
	key := b.log[0][r.position[0]-1].key
	r.refused = slices.DeleteFunc(r.refused, func(rec record) bool { return rec.key == key })
	b.emit(history.Event{Kind: history.Refused, Group: r.name, Key: key})
	b.commit(r, 0)
	r.onDisk = r.committed
	b.planted = true
}

// biteScatter has two messages of a sharding key in two queues, of which the group reads that of the later one first. Their producer says of
// neither in which queue it is to stand, so each queue by itself is in order.
func (b *broker) biteScatter() {
	const producer = 1
	r := b.readers[1]
	b.sync()
	for queue := range queues {
		for r.position[queue] < b.synced[queue] {
			b.now += 1000
			b.consume(r, queue)
		}
	}
	for _, queue := range []int{1, 0} {
		b.now += 1000
		key := history.Key{Producer: name(producer), Sequence: b.next[producer]}
		sum := crc32.ChecksumIEEE([]byte(key.String()))
		b.emit(history.Event{Kind: history.Sharded, Key: key, ShardingKey: name(producer)})
		b.emit(history.Event{Kind: history.SendBegun, Key: key, Sum: sum, Place: place(-1, -1)})
		b.log[queue] = append(b.log[queue], record{key: key, sum: sum, acked: true})
		b.synced[queue] = len(b.log[queue])
		b.now += 1000
		b.emit(history.Event{Kind: history.SendAcked, Key: key, Place: place(queue, len(b.log[queue])-1)})
		b.next[producer]++
	}
	for _, queue := range []int{0, 1} {
		b.now += 1000
		b.consume(r, queue)
	}
	b.planted = true
}
