package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
)

const (
	firstRetryPause   = 100 * time.Millisecond // doubled twice for each further retry
	longestRetryPause = 2 * time.Second
)

// again notes how a try went and reports whether there is to be another, after it has waited for it. If not, s.err is the outcome.
func (s *sending) again(ctx context.Context) bool {
	p := s.p
	broker := s.info.queues[s.at].BrokerName
	if s.err == nil {
		now := time.Now()
		if s.info.borrowed {
			p.replaceBorrowed(s.topic, now)
		}
		p.faults.Observe(broker, now.Sub(s.tried), false, now)
		p.client.traceSent(s, now)
		return p.config.RetryNotStored && s.result.Status != SendOK && s.tries <= p.config.Retries && p.pause(ctx, s) == nil
	}
	retry, refresh := retryable(s.err)
	if retry {
		now := time.Now()
		p.faults.Observe(broker, now.Sub(s.tried), true, now)
	}
	if !retry || s.tries > p.config.Retries || ctx.Err() != nil || p.ctx.Err() != nil {
		s.fail()
		return false
	}
	if refresh {
		p.refresh(ctx, s.topic)
	}
	if err := p.pause(ctx, s); err != nil {
		s.err = fmt.Errorf("%w (gave up waiting for another try: %w)", s.err, err)
		s.fail()
		return false
	}
	return true
}

// fail words the outcome of a message that was not sent.
func (s *sending) fail() {
	s.result = SendResult{}
	if s.tries > 1 {
		s.err = fmt.Errorf("client: not sent to topic %s in %d tries: %w", s.topic.topic, s.tries, s.err)
	}
}

// retryable says whether another try may succeed, and whether the route may be out of date. The codes are those for which Java's
// producer retries.
func retryable(err error) (retry, refresh bool) {
	var refusal *cluster.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrClosed):
		return false, false
	case errors.As(err, &refusal):
		switch refusal.Code {
		case protocol.ResSystemError, protocol.ResSystemBusy, protocol.ResNoBuyerID, protocol.ResNotInCurrentUnit:
			return true, false
		case protocol.ResServiceNotAvailable, protocol.ResNoPermission, protocol.ResTopicNotExist, protocol.ResGoAway, protocol.ResNotLeaderForQueue:
			return true, true
		}
		return false, false
	}
	return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrNoRoute),
		errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNoRoute)
}

// pause waits before the next try: not at all before the first one on another broker, else longer each time.
func (p *Producer) pause(ctx context.Context, s *sending) error {
	if s.tries == 1 && s.option.kind == optionNone && s.info.manyBrokers() {
		return nil
	}
	wait := time.NewTimer(min(firstRetryPause<<(2*min(s.tries-1, 8)), longestRetryPause))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ctx.Done():
		return ErrClosed
	}
}

func (info *publishInfo) manyBrokers() bool {
	for i := range info.queues {
		if info.queues[i].BrokerName != info.queues[0].BrokerName {
			return true
		}
	}
	return false
}
