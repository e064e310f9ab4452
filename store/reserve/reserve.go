// Package reserve decides how much of a topic is kept whose attributes ask for less than the store keeps. It is pure: what the log holds of the topic comes in, an
// answer goes out. The store's keeper asks it at every look; a [Sizes] has one owner, all else is safe to call at once.
//
// RocketMQ has reserve.time for its tiered storage, in hours, and refuses it elsewhere. Here it counts everywhere; reserve.time.ms says the same finer, and
// reserve.bytes bounds the bytes of the topic's records. What is beyond moves the minimum offsets of the topic's queues up. The disk is freed with the
// segments, which go as the store's own rules say: nothing is kept longer for a topic's sake.
package reserve

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
)

// Rules are what a topic's attributes say; the zero value says nothing.
type Rules struct {
	Age   time.Duration // how long a message is kept after it was stored; 0 for as long as the store keeps it
	Bytes int64         // how many bytes of records are kept, of all queues together; 0 for no limit
}

// Of reads a topic's attributes. The milliseconds count more than the hours; what is no number, or below 1, says nothing.
func Of(attributes map[string]string) Rules {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(attributes[name], 10, 64)
		if err != nil {
			return 0
		}
		return max(n, 0)
	}
	r := Rules{Bytes: number(topic.AttrReserveBytes)}
	const most = 1 << 62
	if hours := number(topic.AttrReserveTime); hours > 0 {
		r.Age = time.Duration(min(hours, most/int64(time.Hour))) * time.Hour
	}
	if ms := number(topic.AttrReserveMillis); ms > 0 {
		r.Age = time.Duration(min(ms, most/int64(time.Millisecond))) * time.Millisecond
	}
	return r
}

// Any reports whether the rules say anything.
func (r Rules) Any() bool { return r.Age > 0 || r.Bytes > 0 }

// shares is into how many parts a limit is divided: what goes, goes part by part, so that up to one part less than the limit is kept.
const shares = 64

// Sizes adds up what the log holds of one topic, by stretches of the log. A stretch is as long as one share of the limit, so it holds no more than that
// of the topic.
type Sizes struct {
	limit, stretch int64
	total          int64
	bytes          map[int64]int64 // by the number of the stretch
}

// NewSizes is for a limit in bytes.
func NewSizes(limit int64) *Sizes {
	return &Sizes{limit: limit, stretch: max(limit/shares, 1), bytes: make(map[int64]int64)}
}

// Limit is what [NewSizes] was given.
func (s *Sizes) Limit() int64 { return s.limit }

// Total is how many bytes there are.
func (s *Sizes) Total() int64 { return s.total }

// Add counts a record. Records come in any order, each once.
func (s *Sizes) Add(at message.LogOffset, size int32) {
	s.bytes[int64(at)/s.stretch] += int64(size)
	s.total += int64(size)
}

// Drop forgets the stretches that lie before the log offset as a whole.
func (s *Sizes) Drop(before message.LogOffset) {
	for n, bytes := range s.bytes {
		if (n+1)*s.stretch <= int64(before) {
			s.total -= bytes
			delete(s.bytes, n)
		}
	}
}

// Excess drops the oldest stretches until the rest keeps to the limit, and returns where the rest begins; ok is false if there is nothing to drop. The newest
// stretch always stays.
func (s *Sizes) Excess() (from message.LogOffset, ok bool) {
	if s.total <= s.limit {
		return 0, false
	}
	oldest := slices.SortedFunc(maps.Keys(s.bytes), cmp.Compare)
	for _, n := range oldest[:len(oldest)-1] {
		s.total -= s.bytes[n]
		delete(s.bytes, n)
		from, ok = message.LogOffset((n+1)*s.stretch), true
		if s.total <= s.limit {
			break
		}
	}
	return from, ok
}

// minLite is the shortest expiration of lite topics. Source: minLiteTTl of RocketMQ 5.5.
const minLite = 15 * time.Minute

// LiteExpiration is how long after their last message the lite topics of a topic are deleted, by its attributes; 0 for never.
func LiteExpiration(attributes map[string]string) time.Duration {
	minutes, err := strconv.ParseInt(attributes[topic.AttrLiteExpiration], 10, 32)
	if err != nil || minutes <= 0 {
		return 0
	}
	return max(time.Duration(minutes)*time.Minute, minLite)
}
