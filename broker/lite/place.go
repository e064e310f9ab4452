package lite

import (
	"context"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

const least, most = 1, 2 // of POLICY

// Moved hears of an offset that has been moved though no client has asked for that: by whom, and why. from is -1 where there was none.
type Moved func(group string, q message.Queue, from, to message.QueueOffset, who, why string)

// Rewind moves the offsets of a group to the beginning of light queues that one of its clients has lost, or left, by a change of subscriptions that
// came from the address who; the group's attributes ask for that, not the client. Each move is told.
func (n *Info) Rewind(ctx context.Context, e *protocol.LiteSubscription, queues []string, who string) error {
	why := "taken over by client " + e.ClientID + " (" + AttrRewindLost + ")"
	if e.Action == protocol.LitePartialRemove {
		why = "left by client " + e.ClientID + " (" + AttrRewindLeft + ")"
	}
	beginning := &protocol.LiteOffsetOption{Type: "POLICY", Value: least}
	return n.place(ctx, e.Group, beginning, queues, func(q message.Queue, from, to message.QueueOffset) { n.moved(e.Group, q, from, to, who, why) })
}

// Place moves the offsets of a group in light queues as a client's option says; without one they stay where they are.
func (n *Info) Place(ctx context.Context, group string, o *protocol.LiteOffsetOption, queues []string) error {
	if o == nil {
		return nil
	}
	return n.place(ctx, group, o, queues, func(message.Queue, message.QueueOffset, message.QueueOffset) {})
}

func (n *Info) place(ctx context.Context, group string, o *protocol.LiteOffsetOption, queues []string, moved func(q message.Queue, from, to message.QueueOffset)) error {
	for _, name := range queues {
		q := message.Queue{Topic: name}
		now, known := n.store.Offset(group, q)
		if !known {
			now = -1
		}
		to := n.target(o, q, now)
		if to < 0 || to == now {
			continue
		}
		if err := n.store.ResetOffset(ctx, group, q, to); err != nil {
			return err
		}
		moved(q, now, to)
	}
	return nil
}

// target is where an option moves an offset that is now, -1 for none; negative if it does not.
func (n *Info) target(o *protocol.LiteOffsetOption, q message.Queue, now message.QueueOffset) message.QueueOffset {
	switch {
	case n.store.MaxOffset(q) == 0: // nobody has sent to it: it begins with its first message
	case o.Type == "POLICY" && o.Value == least:
		return 0
	case o.Type == "POLICY" && o.Value == most:
		return n.store.MaxOffset(q)
	case o.Type == "OFFSET":
		return message.QueueOffset(o.Value)
	case o.Type == "TAIL_N" && now >= 0:
		return max(now-message.QueueOffset(o.Value), 0)
	}
	return -1
}
