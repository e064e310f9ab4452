package broker

import "sync/atomic"

// stats counts what passed through the broker since it started. All of it is safe to call at once.
type stats struct {
	put, putBytes      atomic.Int64 // messages stored for producers
	putFailed          atomic.Int64 // sends refused
	refused            [refusedReasons]atomic.Int64
	gotCount, gotBytes atomic.Int64 // messages handed to consumers
	returned, dead     atomic.Int64 // sent back by consumers; given up into a dead letter topic
	largest            atomic.Int64 // bytes of the largest record stored
}

func (s *stats) committed(t tally) {
	if t.count == 0 {
		return
	}
	s.put.Add(t.count)
	s.putBytes.Add(t.bytes)
	for {
		was := s.largest.Load()
		if t.largest <= was || s.largest.CompareAndSwap(was, t.largest) {
			return
		}
	}
}

func (s *stats) got(count, size int) {
	s.gotCount.Add(int64(count))
	s.gotBytes.Add(int64(size))
}
