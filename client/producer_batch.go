package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client/intercept"
	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
)

// batch is what a request with several messages adds to a sending.
type batch struct {
	ms   []*Message
	ids  []byte // the unique keys, one behind the other
	body []byte
}

// SendBatch sends messages of one topic with as few requests as MaxBatchSize allows, each of which goes to one queue and is stored as a
// whole, and waits for the answers. The results are in the order of the messages. If there is an error, the results of messages
// that were not stored are zero, and it tells of each request that failed. Messages with a delay cannot be sent so.
func (p *Producer) SendBatch(ctx context.Context, ms []*Message, opts ...SendOption) ([]SendResult, error) {
	if len(ms) == 0 {
		return nil, nil
	}
	if err := p.checkBatch(ms); err != nil {
		return nil, err
	}
	end := func(SendResult, error) {}
	if len(p.client.config.Interceptors) > 0 {
		ctx, ms, end = intercept.BeginSend(ctx, p.client.config.Interceptors, p.config.Group, ms, false)
		if err := p.checkBatch(ms); err != nil { // they may have changed
			for range ms {
				end(SendResult{}, err)
			}
			return nil, err
		}
	}
	results := make([]SendResult, len(ms))
	var errs []error
	for at := 0; at < len(ms); {
		n, err := p.sendSome(ctx, ms[at:], results[at:], opts)
		for i := range n {
			end(results[at+i], err)
		}
		at += n
		if err != nil {
			errs = append(errs, err)
		}
	}
	return results, errors.Join(errs...)
}

func (p *Producer) checkBatch(ms []*Message) error {
	for i, m := range ms {
		if err := p.checkInBatch(m, ms[0]); err != nil {
			return fmt.Errorf("message %d of %d: %w", i+1, len(ms), err)
		}
	}
	return nil
}

func (p *Producer) checkInBatch(m, first *Message) error {
	if err := p.check(m); err != nil {
		return err
	}
	switch {
	case m.Topic != first.Topic:
		return fmt.Errorf("client: a batch has one topic, not %s and %s: %w", first.Topic, m.Topic, ErrIllegal)
	case wire.Waits(m):
		return fmt.Errorf("client: a message with a delay cannot be sent in a batch: %w", ErrIllegal)
	case message.IsRetry(m.Topic):
		return fmt.Errorf("client: retry topic %s takes no batches: %w", m.Topic, ErrIllegal)
	}
	return nil
}

// sendSome sends the first messages, as many as fit into one request, and notes a result for each of them.
func (p *Producer) sendSome(ctx context.Context, ms []*Message, results []SendResult, opts []SendOption) (n int, err error) {
	if err := p.takeOff(); err != nil {
		return len(ms), err
	}
	s := p.get()
	defer p.end(s)
	n, err = s.prepareBatch(ms)
	if err == nil {
		err = s.admit(ctx, opts)
	}
	if err != nil {
		return n, err
	}
	s.waits = true
	s.loop(ctx)
	p.gate.Release(s.size)
	if s.err == nil {
		s.batchResults(results[:n])
	}
	return n, s.err
}

// prepareBatch makes the body of the first messages that fit, one at least, and returns their number.
func (s *sending) prepareBatch(ms []*Message) (n int, err error) {
	b := &s.room
	s.batch, s.m, s.began = b, ms[0], time.Now()
	for _, m := range ms {
		s.id = s.p.client.unique.AppendAt(s.id[:0], s.began)
		if s.props, err = s.p.appendProperties(s.props[:0], m, s.id); err != nil {
			if n == 0 {
				return 1, err
			}
			break // those before it are sent; it fails alone, the next time
		}
		if size := len(b.body) + len(m.Body) + len(s.props) + 22; n > 0 && size > s.p.config.MaxBatchSize {
			break
		}
		b.body = message.AppendUnit(b.body, message.Unit{Flag: m.Flag, Body: m.Body, Properties: s.props})
		b.ids = append(b.ids, s.id...)
		n++
	}
	b.ms = ms[:n]
	s.body, s.props = b.body, wire.AppendEnvelope(s.props[:0], s.p.ns)
	return n, nil
}

// batchResults makes a result for each message of the one for all: the broker gives them numbers in a row, and lists their ids.
func (s *sending) batchResults(out []SendResult) {
	ids, size := string(s.batch.ids), len(s.batch.ids)/len(out)
	offsetIDs := s.result.OffsetID
	for i := range out {
		out[i] = s.result
		out[i].ID = ids[i*size : (i+1)*size]
		out[i].OffsetID, offsetIDs, _ = strings.Cut(offsetIDs, ",")
		out[i].Offset = s.result.Offset + message.QueueOffset(i)
	}
}
