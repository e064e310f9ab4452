package lite

import (
	"context"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

const least, most = 1, 2 // of POLICY

// FromBeginning is the option that lets a group begin at the beginning.
func FromBeginning() *protocol.LiteOffsetOption {
	return &protocol.LiteOffsetOption{Type: "POLICY", Value: least}
}

// Place moves the offsets of a group in light queues as an option says; without one they stay where they are.
func (n *Info) Place(ctx context.Context, group string, o *protocol.LiteOffsetOption, queues []string) error {
	if o == nil {
		return nil
	}
	for _, name := range queues {
		q := message.Queue{Topic: name}
		now, known := n.store.Offset(group, q)
		to := message.QueueOffset(-1)
		switch {
		case n.store.MaxOffset(q) == 0: // nobody has sent to it: it begins with its first message
		case o.Type == "POLICY" && o.Value == least:
			to = 0
		case o.Type == "POLICY" && o.Value == most:
			to = n.store.MaxOffset(q)
		case o.Type == "OFFSET":
			to = message.QueueOffset(o.Value)
		case o.Type == "TAIL_N" && known:
			to = max(now-message.QueueOffset(o.Value), 0)
		}
		if to < 0 || known && to == now {
			continue
		}
		if err := n.store.ResetOffset(ctx, group, q, to); err != nil {
			return err
		}
	}
	return nil
}
