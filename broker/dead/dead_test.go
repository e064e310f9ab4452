package dead_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/broker/dead"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/topic"
)

// shelf is a store of dead letters of one group, those of each queue with times of their own.
type shelf struct {
	dead.Store
	queues [][][]byte
}

func (s *shelf) Topic(name string) (topic.Config, bool) {
	return topic.Config{Name: name, ReadQueues: int32(len(s.queues)), WriteQueues: int32(len(s.queues))}, true
}

func (s *shelf) MinOffset(message.Queue) message.QueueOffset { return 0 }

func (s *shelf) MaxOffset(q message.Queue) message.QueueOffset {
	return message.QueueOffset(len(s.queues[q.ID]))
}

func (s *shelf) Read(q message.Queue, from message.QueueOffset, most int, _ func(int64) bool) ([]byte, message.QueueOffset, error) {
	all := s.queues[q.ID][from:]
	all = all[:min(len(all), most)]
	return slices.Concat(all...), from + message.QueueOffset(len(all)), nil
}

func (s *shelf) put(queue int, at int64, keys string) {
	host := netip.MustParseAddrPort("10.0.0.1:1")
	b := message.AppendRecord(nil, &message.Record{Topic: []byte("%DLQ%g"), BornTime: math.MaxInt64, BornHost: host, StoreHost: host,
		Properties: message.AppendProperty(nil, message.PropKeys, keys)})
	message.Seal(b, 0, 0, message.StoreTime(at))
	s.queues[queue] = append(s.queues[queue], b)
}

// TestList takes the newest of all queues, cuts times that no JSON can say, and keys that are too much.
func TestList(t *testing.T) {
	s := &shelf{queues: make([][][]byte, 3)}
	for i := range 60 {
		s.put(i%3, int64(1000+i), fmt.Sprint("k", i))
	}
	l := &dead.Letters{Store: s}
	f := func(most int, want ...string) {
		t.Helper()
		list, err := l.List("g", most)
		var got []string
		for _, letter := range list {
			got = append(got, letter.Keys)
			if letter.BornAt.Year() != 9999 {
				t.Errorf("born at %v", letter.BornAt)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d newest: %v, %v; want %v", most, got, err, want)
		}
	}
	f(4, "k56", "k57", "k58", "k59")
	f(1, "k59")
	s.queues = make([][][]byte, 1)
	const size = 16 << 10
	for i := range 600 {
		s.put(0, int64(1000+i), strings.Repeat("k", size))
	}
	list, err := l.List("g", 1000)
	if err != nil || len(list) != 8<<20/size || list[len(list)-1].DiedAt.UnixMilli() != 1599 {
		t.Errorf("%d letters with %d bytes of keys each, %v", len(list), size, err)
	}
}
