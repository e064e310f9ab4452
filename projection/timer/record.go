package timer

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/aerobee-mq/aerobee/message"
)

// Apache's slot of a second: what its wheel holds may be rounded down by so much, in milliseconds.
const apacheSlot = 1000

// maxQueueID bounds the queue of a delivery, as the store bounds all queues.
const maxQueueID = 1 << 20

// Times says when pending messages are due. It never changes and is safe for concurrent use.
//
// A delayed message lies in the queue level-1 of [message.TopicSchedule] and counts from when it was stored. A timer message
// lies in queue 0 of [message.TopicWheel], and its property TIMER_OUT_MS is the last multiple of the precision before the
// time that was asked for: it is due one step of the precision later, so never early. In both, REAL_TOPIC and REAL_QID say
// where it goes. Apache stores them in the same way; Source: HookUtils of RocketMQ 5.5.0.
type Times struct {
	// Levels are the delays of the levels 1, 2, …
	Levels []time.Duration
	// Precision is the step in milliseconds to which timers are rounded, at least 1.
	Precision int64
}

// Level makes the record one that waits for the delay of the level, counted from 1; levels above the highest count as the
// highest.
func (t *Times) Level(r *message.Record, level int) {
	level = min(level, len(t.Levels))
	p := r.Properties.Without(message.PropDelay, message.PropRealTopic, message.PropRealQueueID)
	p = message.AppendProperty(p, message.PropDelay, strconv.Itoa(level))
	r.Properties = appendReal(p, r)
	r.Topic, r.QueueID = []byte(message.TopicSchedule), message.QueueID(level-1)
}

// At makes the record one that waits for a time in milliseconds since 1970, which must lie ahead. It returns the time that
// recall handles name.
func (t *Times) At(r *message.Record, deliverMillis int64) (handleMillis int64) {
	out := t.out(deliverMillis)
	p := r.Properties.Without(message.PropTimerOut, message.PropRealTopic, message.PropRealQueueID)
	p = message.AppendProperty(p, message.PropTimerOut, strconv.FormatInt(out, 10))
	r.Properties = appendReal(p, r)
	r.Topic, r.QueueID = []byte(message.TopicWheel), 0
	return out + 1
}

// HandleMillis is the time that the recall handle of a message for the time names.
func (t *Times) HandleMillis(deliverMillis int64) int64 { return t.out(deliverMillis) + 1 }

func (t *Times) out(deliverMillis int64) int64 {
	return (deliverMillis - 1) / t.Precision * t.Precision
}

func appendReal(p message.Properties, r *message.Record) message.Properties {
	p = message.AppendProperty(p, message.PropRealTopic, string(r.Topic))
	return message.AppendProperty(p, message.PropRealQueueID, strconv.Itoa(int(r.QueueID)))
}

// Due returns when a waiting record is due, in milliseconds since 1970, and for how long it may wait at most, whatever clock
// it was stored by. foreign says that Apache stored it.
func (t *Times) Due(r *message.Record, foreign bool) (dueMillis, longest int64) {
	if string(r.Topic) != message.TopicWheel {
		level := max(0, min(int(r.QueueID), len(t.Levels)-1))
		longest = t.Levels[level].Milliseconds()
		return int64(r.StoreTime) + longest, longest
	}
	step := t.Precision
	if foreign {
		step = max(step, apacheSlot)
	}
	out, err := strconv.ParseInt(r.Properties.GetString(message.PropTimerOut), 10, 64)
	if err != nil {
		return int64(r.StoreTime), 0 // nobody writes such a record; its delivery says what is wrong with it
	}
	return out + step, t.longest(r, step)
}

// longest is how long a timer message may wait: one for a point in time as long as it takes.
func (t *Times) longest(r *message.Record, step int64) int64 {
	const ever = 1 << 60
	for _, unit := range []struct {
		name   string
		millis int64
	}{{message.PropTimerDelaySec, 1000}, {message.PropTimerDelayMS, 1}} {
		if text, ok := r.Properties.Get(unit.name); ok {
			n, err := strconv.ParseInt(string(text), 10, 64)
			if err != nil || n < 0 || n > ever/1000 {
				return ever
			}
			return n*unit.millis + step
		}
	}
	return ever
}

// KeyOf returns the key by which a timer message can be taken back, 0 for a record that cannot.
func KeyOf(r *message.Record) uint64 {
	unique, _ := r.Properties.Get(message.PropUniqueKey)
	if string(r.Topic) != message.TopicWheel || len(unique) == 0 {
		return 0
	}
	real, _ := r.Properties.Get(message.PropRealTopic)
	return key(real, unique)
}

// WithdrawnBy returns the keys of the messages that a record of [message.TopicWheel] takes back, none for a message. It names
// them by their unique key in its property TIMER_DEL_UNIQKEY, or by topic and unique key with a plus between them, as Apache 5.5.0
// has it with and without appendTopicForTimerDeleteKey; they are of the record's own topic, whereas Apache's may be of any.
func WithdrawnBy(r *message.Record) []uint64 {
	unique, ok := r.Properties.Get(message.PropTimerDelete)
	if !ok {
		return nil
	}
	real, _ := r.Properties.Get(message.PropRealTopic)
	keys := []uint64{key(real, unique)}
	if rest, ok := bytes.CutPrefix(unique, append(bytes.Clone(real), '+')); ok {
		keys = append(keys, key(real, rest))
	}
	return keys
}

func key(topic, unique []byte) uint64 {
	d := xxhash.New()
	for _, part := range [][]byte{topic, {0}, unique} {
		_, _ = d.Write(part) // never fails
	}
	return max(d.Sum64(), 1)
}

// Slack is by how many milliseconds the times of a message and of the record that takes it back may differ, exclusive.
func (t *Times) Slack() int64 { return max(t.Precision, apacheSlot) }

// Deliver turns a waiting record into the one that consumers see. Everything that Apache 5.5.0 leaves in it stays, REAL_TOPIC,
// REAL_QID and DELAY too; a timer message says when it was taken in and when it came out. The record names its entry in field 14.
func (t *Times) Deliver(r *message.Record, handle message.LogOffset, nowMillis int64) error {
	real, _ := r.Properties.Get(message.PropRealTopic)
	if len(real) == 0 {
		return errors.New("it has no REAL_TOPIC")
	}
	if string(real) == message.TopicHalf {
		return fmt.Errorf("its real topic is %s", real)
	}
	id, err := strconv.ParseInt(r.Properties.GetString(message.PropRealQueueID), 10, 32)
	if err != nil || id < 0 || id >= maxQueueID {
		return fmt.Errorf("its REAL_QID is %q", r.Properties.GetString(message.PropRealQueueID))
	}
	if string(r.Topic) == message.TopicWheel {
		p := r.Properties.Without(message.PropTimerEnqueue, message.PropTimerDequeue, message.PropCRC)
		p = message.AppendProperty(p, message.PropTimerEnqueue, strconv.FormatInt(int64(r.StoreTime)/t.Precision*t.Precision, 10))
		r.Properties = message.AppendProperty(p, message.PropTimerDequeue, strconv.FormatInt(nowMillis, 10))
	} else {
		r.Properties = r.Properties.Without(message.PropTimerDeliverMS, message.PropTimerDelaySec, message.PropCRC)
	}
	r.Topic, r.QueueID = real, message.QueueID(id)
	r.PreparedOffset = handle
	return nil
}
