package need

import (
	"github.com/aerobee-mq/aerobee/auth/decide"
	"github.com/aerobee-mq/aerobee/message"
	groups "github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// What stands in bodies is read with the types that the handlers read it with, so that both find the same.

// sendTo asks for the topic of a send. A message to a retry topic is one that its group gives back.
func sendTo(name string) func(f *protocol.Frame, w *wants) error {
	return func(f *protocol.Frame, w *wants) error {
		topic := f.Fields.String(name)
		if message.IsRetry(topic) {
			w.actions = []string{decide.Sub}
		}
		w.topic(topic, "")
		return nil
	}
}

// ended asks for the topic of a transaction's end. Clients before 5 name none, and those that were asked name that of half messages, as the question does; the
// handler asks for the message's own.
func ended(f *protocol.Frame, w *wants) error {
	if name := f.Fields.String("topic"); name != message.TopicHalf {
		w.topic(name, "")
	}
	return nil
}

func heartbeat(f *protocol.Frame, w *wants) error {
	beat, err := protocol.UnmarshalHeartbeat(f.Body)
	if err != nil {
		return err
	}
	for i := range beat.ConsumerDataSet {
		d := &beat.ConsumerDataSet[i]
		w.group(d.GroupName)
		for j := range d.SubscriptionData {
			w.topic(d.SubscriptionData[j].Topic, d.GroupName)
		}
	}
	return nil
}

func lock(f *protocol.Frame, w *wants) error {
	var body protocol.LockBatchRequest
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	w.group(body.ConsumerGroup)
	for _, q := range body.Queues {
		w.topic(q.Topic, body.ConsumerGroup)
	}
	return nil
}

func batchAck(f *protocol.Frame, w *wants) error {
	var body protocol.BatchAckRequest
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	for i := range body.Acks {
		w.group(body.Acks[i].ConsumerGroup)
		w.topic(body.Acks[i].Topic, body.Acks[i].ConsumerGroup)
	}
	return nil
}

func assignment(f *protocol.Frame, w *wants) error {
	var body protocol.QueryAssignmentRequest
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	w.group(body.ConsumerGroup)
	w.topic(body.Topic, body.ConsumerGroup)
	return nil
}

func requestMode(f *protocol.Frame, w *wants) error {
	var body protocol.RequestMode
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	w.group(body.ConsumerGroup)
	w.topic(body.Topic, body.ConsumerGroup)
	return nil
}

func liteSubscriptions(f *protocol.Frame, w *wants) error {
	var body protocol.LiteSubscriptions
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	for i := range body.Subscriptions {
		w.group(body.Subscriptions[i].Group)
		w.topic(body.Subscriptions[i].Topic, body.Subscriptions[i].Group)
	}
	return nil
}

func topicConfigs(f *protocol.Frame, w *wants) error {
	var body manage.Topics
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	for i := range body.Topics {
		w.topic(body.Topics[i].TopicName, "")
	}
	return nil
}

func topicNames(f *protocol.Frame, w *wants) error {
	var body manage.TopicNames
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	for _, name := range body.Topics {
		w.topic(name, "")
	}
	return nil
}

func groupConfig(f *protocol.Frame, w *wants) error {
	var body groups.Config
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	w.group(body.Name)
	return nil
}

func groupConfigs(f *protocol.Frame, w *wants) error {
	var body struct {
		Groups []groups.Config `json:"groupConfigList"`
	}
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	for i := range body.Groups {
		w.group(body.Groups[i].Name)
	}
	return nil
}

func groupNames(f *protocol.Frame, w *wants) error {
	var body manage.GroupNames
	if err := protocol.UnmarshalBody(f.Body, &body); err != nil {
		return err
	}
	for _, name := range body.Groups {
		w.group(name)
	}
	return nil
}
