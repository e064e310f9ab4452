package client

import (
	"time"

	"github.com/aerobee-mq/aerobee/client/retry"
	"github.com/aerobee-mq/aerobee/client/wire"
)

// longestTurn is how long one ordered queue may keep a worker while others wait, as with Java's clients.
const longestTurn = time.Minute

// handleOrdered handles a batch and then the next ones of the same queue, until it is empty, must wait, or is no longer ours.
func (p *PushConsumer) handleOrdered(s *share, ds []*Delivery) {
	begin := time.Now()
	for ds != nil {
		failed, err := p.call(ds)
		kept := len(failed) == 0 || !p.mayRepeat(failed, err)
		p.mu.Lock()
		p.result.Add(s.queue.Topic, len(ds)-len(failed), len(failed))
		s.lastHandled = time.Now()
		if kept {
			for _, d := range ds {
				s.pq.Finish(d)
			}
		} else {
			for _, d := range ds {
				d.ReconsumeTimes++
			}
			s.pq.Redo(ds)
			p.suspendLocked(s, ds[0].ReconsumeTimes-1)
		}
		ds = nil
		if !p.stop && kept && (time.Since(begin) < longestTurn || p.queue.Empty()) {
			ds = p.takeLocked(s)
		}
		if ds == nil {
			p.restLocked(s)
		} else {
			p.pacer.takes++
		}
		s.roomMadeLocked()
		p.mu.Unlock()
	}
}

// restLocked ends a worker's turn with a queue.
func (p *PushConsumer) restLocked(s *share) {
	s.running--
	if s.dropped {
		p.leftLocked(s)
		return
	}
	p.offerLocked(s)
}

// suspendLocked keeps a queue from handlers for a while, after its first message has failed once more than so often.
func (p *PushConsumer) suspendLocked(s *share, failed int) {
	s.suspended = true
	wait := p.config.SuspendTime
	if len(p.config.RetryDelays) > 0 {
		wait = min(max(retry.After(p.config.RetryDelays, failed), shortestSuspend), longestSuspend)
	}
	p.spawn(func() {
		s.sleep(wait)
		p.mu.Lock()
		defer p.mu.Unlock()
		s.suspended = false
		p.offerLocked(s)
	})
}

// mayRepeat decides about a failed batch of an ordered queue: true has the same messages handled again. Messages that have failed too
// often are sent to the retry topic, from where the broker puts them among the dead letters; broadcast ones are given up.
func (p *PushConsumer) mayRepeat(failed []*Delivery, err error) bool {
	for _, d := range failed {
		if wire.Broken(d) == nil && d.ReconsumeTimes < p.max {
			return true
		}
	}
	if p.o.broadcast {
		p.log.Error("client: an ordered message is given up", "id", failed[0].ID, "messages", len(failed), "error", err)
		return false
	}
	for _, d := range failed {
		times := d.ReconsumeTimes
		if wire.Broken(d) != nil {
			times = p.max
		}
		if err := p.resend(d, times); err != nil {
			p.log.Warn("client: an ordered message that failed too often could not be given up yet", "id", d.ID, "error", err)
			return true
		}
	}
	return false
}
