package store

import (
	"context"
	"errors"
	"math"

	"github.com/aerobee-mq/aerobee/store/redelivery"
)

// exportPops gives what was popped and not acknowledged to Apache: the copy for the retry topic becomes a timer message for the end
// of the invisible time, as it would have become a copy then. So the group goes on behind what it has popped, and nothing
// comes before its time; an acknowledgement by a handle of ours does not count any more. What was popped in order stays so, see
// popped.Orders.
func (s *Store) exportPops(ctx context.Context) (n int, err error) {
	s.exporting = true
	for {
		s.mu.Lock()
		some := s.pops.Due(math.MaxInt64, dueBatch)
		s.mu.Unlock()
		if len(some) == 0 {
			return n, s.log.Sync(ctx)
		}
		var unreadable []postponed
		if err := s.rePutPopped(ctx, some, &unreadable); err != nil {
			return n, err
		}
		if len(unreadable) > 0 {
			return n, errors.New("a popped message cannot be read, see the log")
		}
		n += len(some)
	}
}

// haveTopic makes a retry topic that is not there.
func (s *Store) haveTopic(ctx context.Context, name string) error {
	if _, ok := s.Topic(name); ok {
		return nil
	}
	return s.PutTopic(ctx, redelivery.Config(name))
}
