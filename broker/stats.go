package broker

import (
	"sync/atomic"

	"github.com/aerobee-mq/aerobee/store"
)

// stats counts what passed through the broker since it started. All of it is safe to call at once.
type stats struct {
	put, putBytes      atomic.Int64 // messages stored for producers
	putFailed          atomic.Int64 // sends refused
	refused            [refusedReasons]atomic.Int64
	gotCount, gotBytes atomic.Int64 // messages handed to consumers
	returned, dead     atomic.Int64 // sent back by consumers; given up into a dead letter topic
	largest            atomic.Int64 // bytes of the largest record stored
}

func (s *stats) committed(recs []store.Appended, err error) {
	if len(recs) == 0 {
		if err != nil {
			s.putFailed.Add(1)
		}
		return
	}
	size := int64(0)
	for i := range recs {
		size += int64(len(recs[i].Record))
	}
	s.put.Add(int64(len(recs)))
	s.putBytes.Add(size)
	if size > s.largest.Load() {
		s.largest.Store(size)
	}
}

func (s *stats) got(count, size int) {
	s.gotCount.Add(int64(count))
	s.gotBytes.Add(int64(size))
}
