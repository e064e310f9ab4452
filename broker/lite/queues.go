package lite

import (
	"errors"
	"slices"

	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
)

// attrWild is the attribute of groups that read all lite topics of their parent, whatever its value. Source: SubscriptionGroupConfig of RocketMQ 5.5.
const attrWild = "lite.sub.wildcard"

var errWild = errors.New("subscribe lite operation is not supported for this group: it has the attribute " + attrWild + ", and reads all lite topics of its parent")

// Queues are the light queues of which a subscription speaks, sorted, none of them twice. A group that reads all lite topics of a parent has one
// name in their place, [light.Wild], whatever its client names, and adds none by name.
func Queues(e *protocol.LiteSubscription, attributes map[string]string) ([]string, error) {
	if wild(attributes) {
		switch e.Action {
		case protocol.LitePartialAdd:
			return nil, errWild
		case protocol.LiteCompleteAdd:
			return []string{light.Wild(e.Topic, e.Group)}, nil
		}
	}
	queues := make([]string, 0, len(e.LiteTopics))
	for _, name := range e.LiteTopics {
		q, err := light.LiteQueue(e.Topic, name)
		if err != nil {
			return nil, err
		}
		queues = append(queues, q)
	}
	slices.Sort(queues)
	return slices.Compact(queues), nil
}

func wild(attributes map[string]string) bool {
	_, ok := attributes[attrWild]
	return ok
}

// Exclusive reports whether each lite topic has one reader in a group.
func Exclusive(attributes map[string]string) bool {
	return attributes[attrModel] == "Exclusive" && !wild(attributes)
}
