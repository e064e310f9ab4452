package remoting

import (
	"context"
	"fmt"
	"sync"

	"github.com/aerobee-mq/aerobee/protocol"
)

// calls are our own requests to the peer that wait for an answer. Their opaques count independently of the peer's.
type calls struct {
	mu      sync.Mutex
	last    int32 // guarded by mu, as pending
	pending map[int32]chan *protocol.Frame
}

func (s *calls) add() (int32, chan *protocol.Frame) {
	answer := make(chan *protocol.Frame, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending == nil {
		s.pending = map[int32]chan *protocol.Frame{}
	}
	for {
		s.last++
		if _, taken := s.pending[s.last]; !taken {
			s.pending[s.last] = answer
			return s.last, answer
		}
	}
}

func (s *calls) take(opaque int32) chan *protocol.Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.pending[opaque]
	delete(s.pending, opaque)
	return answer
}

// answer gives a response to its waiting call; one that nobody waits for any more is dropped.
func (s *calls) answer(f *protocol.Frame) {
	if ch := s.take(f.Opaque); ch != nil {
		ch <- f.Clone()
	}
}

// Invoke sends a request to the peer and waits for its answer, of any response code. It numbers the request itself; f is not
// changed. It must not be called on the reader goroutine. Errors: ctx's, or [ErrClosed].
func (c *Conn) Invoke(ctx context.Context, f *protocol.Frame) (*protocol.Frame, error) {
	opaque, answer := c.calls.add()
	defer c.calls.take(opaque)
	request := *f
	request.Opaque = opaque
	request.Flag &^= protocol.FlagResponse | protocol.FlagOneway
	if err := c.Send(&request); err != nil {
		return nil, err
	}
	select {
	case r := <-answer:
		return r, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("remoting: no answer from %s to request %d: %w", c.info.Remote, f.Code, ctx.Err())
	case <-c.closing:
	}
	select {
	case r := <-answer: // it came just before the close
		return r, nil
	default:
		return nil, fmt.Errorf("remoting: no answer from %s to request %d: %w", c.info.Remote, f.Code, ErrClosed)
	}
}
