package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/state"
)

// changes gathers what one state record will say. It is used with s.mu held for writing.
type changes struct {
	s     *Store
	body  []byte
	named []nameKey // names that this record gives an id
}

type nameKey struct {
	space name.Space
	text  string
}

func (c *changes) add(k state.Kind, payload []byte) { c.body = state.Append(c.body, k, payload) }

// id returns a name's id. A name that the log does not know yet gets its id in this very record, and again in every
// further one until the first has been applied: so each record can be read without those that may have failed.
func (c *changes) id(space name.Space, text string) uint32 {
	if id, ok := c.s.names.ID(space, text); ok {
		return id
	}
	k := nameKey{space, text}
	id, ok := c.s.reserved[k]
	if !ok {
		if space == name.Topic {
			id = c.s.nextTopicID()
		} else {
			id = c.s.names.Next(space)
			for other, taken := range c.s.reserved {
				if other.space == space {
					id = max(id, taken+1)
				}
			}
		}
		c.s.reserved[k] = id
	}
	c.named = append(c.named, k)
	c.assign(space, id, text)
	return id
}

func (c *changes) assign(space name.Space, id uint32, text string) {
	c.add(state.Name, name.AppendAssign(nil, space, id, text))
}

// change writes one state record with what build says and waits until it is durable and applied. Such writes go one
// after the other, because each may depend on what the one before has changed. build runs with s.mu held for writing;
// an error of it ends the write, and no changes at all write nothing.
//
// With commitlog.ErrFlushTimeout, or when ctx ends first, the record is on its way and will still be applied.
func (s *Store) change(ctx context.Context, build func(c *changes) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	w := newWaiter()
	c, err := s.appendChange(build, w)
	if err != nil && len(c.named) == 0 || len(c.body) == 0 {
		return err
	}
	if err == nil {
		s.log.Kick()
		_, err = w.wait(ctx)
	}
	s.settle(c, err)
	if err == nil && s.opt.Flush == commitlog.AsyncFlush {
		err = s.log.Sync(ctx) // what was asked for is durable before the answer, whatever messages are
	}
	return err
}

// appendChange appends what build says before anybody else gets an id: ids must come in the log in ascending order.
func (s *Store) appendChange(build func(c *changes) error, sink Sink) (*changes, error) {
	c := &changes{s: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := build(c); err != nil || len(c.body) == 0 {
		return c, err
	}
	return c, s.appendState(c.body, sink)
}

// settle forgets reserved ids that are applied, or will never be.
func (s *Store) settle(c *changes, err error) {
	if underWay(err) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range c.named {
		delete(s.reserved, k)
	}
}

// underWay reports whether a record whose append ended with err may still become part of the log.
func underWay(err error) bool {
	return errors.Is(err, commitlog.ErrFlushTimeout) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// appendState appends one state record past the limits on messages.
func (s *Store) appendState(body []byte, sink Sink) error {
	if len(body) > state.MaxBody && len(body) > int(s.opt.SegmentSize/4) {
		return fmt.Errorf("%w: a state record of %d bytes, the limit is %d", message.ErrTooBig, len(body), s.maxBody())
	}
	r := s.stateRecord(body)
	return s.log.AppendInternal(s.state.log, &r, sink, 0)
}

func (s *Store) stateRecord(body []byte) message.Record {
	return message.Record{
		Topic: []byte(message.TopicState), Body: body,
		BornTime: s.opt.Now().UnixMilli(), BornHost: s.opt.StoreHost, StoreHost: s.opt.StoreHost,
	}
}

// maxBody bounds state record bodies: below 1 MiB, and small against a segment, which a checkpoint must fit in.
func (s *Store) maxBody() int { return int(min(state.MaxBody, s.opt.SegmentSize/8)) }
