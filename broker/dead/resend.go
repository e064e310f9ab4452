package dead

import (
	"context"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
)

// MaxResend bounds how many letters one call sends again.
const MaxResend = 10_000

// Resend sends dead letters to their group once more, on behalf of who: into its retry topic, so that no other group gets
// them, as if they had never failed. With no ids all of the group are sent, the newest MaxResend at most. It returns the ids of those that
// are on disk when it ends; the first that cannot be sent ends it. The letters stay where they are: the log forgets nothing.
func (l *Letters) Resend(ctx context.Context, who, group string, ids []string) ([]string, error) {
	if len(ids) == 0 {
		if err := l.each(group, MaxResend, func(r *message.Record) error {
			ids = append(ids, string(message.AppendID(nil, r.StoreHost, r.LogOffset)))
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%w of group %s", ErrNone, group)
	}
	if len(ids) > MaxResend {
		return nil, fmt.Errorf("%d dead letters at once, the limit is %d", len(ids), MaxResend)
	}
	done := []string{}
	for _, id := range ids {
		if err := l.resend(ctx, who, group, id); err != nil {
			return done, err
		}
		done = append(done, id)
	}
	return done, nil
}

func (l *Letters) resend(ctx context.Context, who, group, id string) error {
	r, err := l.record(group, id)
	if err != nil {
		return err
	}
	from := origin(&r)
	if from == "" {
		return fmt.Errorf("dead letter %s of group %s does not say to which topic it was sent, so its consumers could not place it", id, group)
	}
	// What the broker wrote on its way here goes; what the group's consumers go by stays.
	p := r.Properties.Without(message.PropCRC, message.PropWait, message.PropDelay, message.PropRealTopic, message.PropRealQueueID, message.PropReconsumeTime, message.PropMaxReconsumeTimes)
	r.Properties = p.With(message.PropRetryTopic, from)
	r.Topic, r.QueueID, r.ReconsumeTimes, r.PreparedOffset = []byte(message.RetryTopic(group)), 0, 0, 0
	r.SysFlag &^= message.FlagTransactionMask
	if err := l.Put(ctx, group, &r); err != nil {
		return fmt.Errorf("dead letter %s of group %s was not sent again: %w", id, group, err)
	}
	l.Log.Info("dead letter sent again", "group", group, "id", id, "topic", from, "who", who)
	return nil
}
