package statistics

import (
	"strconv"
	"strings"
)

// view is how one of RocketMQ's names is answered: which parts its key has, which kind of series it is, and which of its figures.
type view struct {
	kind   kind
	parts  string // t topic, g group, q queue, as they stand in the key between @
	figure int
}

// viewOf is the table of the names that have a key beside the cluster.
func viewOf(name string) (view, bool) {
	switch name {
	case "TOPIC_PUT_NUMS":
		return view{ofTopic, "t", nums}, true
	case "TOPIC_PUT_SIZE":
		return view{ofTopic, "t", size}, true
	case "TOPIC_PUT_LATENCY":
		return view{ofQueue, "qt", millis}, true
	case "QUEUE_PUT_NUMS":
		return view{ofQueue, "tq", nums}, true
	case "QUEUE_PUT_SIZE":
		return view{ofQueue, "tq", size}, true
	case "QUEUE_GET_NUMS":
		return view{ofQueueGroup, "tqg", nums}, true
	case "QUEUE_GET_SIZE":
		return view{ofQueueGroup, "tqg", size}, true
	case "GROUP_GET_NUMS":
		return view{ofGroup, "tg", nums}, true
	case "GROUP_GET_SIZE":
		return view{ofGroup, "tg", size}, true
	case "GROUP_GET_LATENCY":
		return view{ofQueueGroup, "qtg", millis}, true
	case "GROUP_ACK_NUMS":
		return view{ofAcks, "tg", nums}, true
	case "GROUP_CK_NUMS":
		return view{ofPops, "tg", nums}, true
	case "SNDBCK_PUT_NUMS":
		return view{ofReturns, "tg", nums}, true
	case "DLQ_PUT_NUMS":
		return view{ofDead, "tg", nums}, true
	case "SNDBCK2DLQ_TIMES":
		return view{ofDead, "otgd", nums}, true
	case "CHANNEL_ACTIVITY":
		return view{ofChannel, "t", nums}, true
	}
	return view{}, false
}

// subject reads a key. The owner o is nobody here, which Java writes as null, and d says what happened.
func (v *view) subject(key string) (of subject, ok bool) {
	of.kind = v.kind
	words := strings.Split(key, "@")
	if len(words) != len(v.parts) {
		return of, false
	}
	for i, w := range words {
		switch v.parts[i] {
		case 't':
			of.topic = w
		case 'g':
			of.group = w
		case 'q':
			n, err := strconv.ParseInt(w, 10, 32)
			if err != nil || strconv.FormatInt(n, 10) != w {
				return of, false
			}
			of.queue = int32(n)
		case 'o':
			ok = w == "null"
			if !ok {
				return of, false
			}
		case 'd':
			if w != "SEND_BACK_TO_DLQ" {
				return of, false
			}
		}
	}
	return of, true
}

// ofBroker finds what is counted for the broker as a whole, and whether its average means something.
func (t *Table) ofBroker(name string) (s *series, averaged bool) {
	switch name {
	case "BROKER_PUT_NUMS":
		return &t.put, false
	case "BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC":
		return &t.putPlain, false
	case "BROKER_GET_NUMS":
		return &t.got, false
	case "BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC":
		return &t.gotPlain, false
	case "BROKER_ACK_NUMS":
		return &t.acked, false
	case "BROKER_CK_NUMS":
		return &t.popped, false
	case "PRODUCER_REGISTER_TIME":
		return &t.producers, true
	case "CONSUMER_REGISTER_TIME":
		return &t.consumers, true
	}
	return nil, false
}

// View returns what is known under one of RocketMQ's names and a key; false if the name is none, or nothing was counted under the key.
func (t *Table) View(name, key string) (Data, bool) {
	s, figure, averaged := (*series)(nil), nums, true
	if v, ok := viewOf(name); ok {
		of, ok := v.subject(key)
		if !ok {
			return Data{}, false
		}
		s, figure = t.index.find(of), v.figure
	} else if key == t.opt.Cluster {
		if s, averaged = t.ofBroker(name); s != nil && s.times.Load() == 0 && s.totals[nums].Load() == 0 {
			return Data{}, false
		}
	}
	if s == nil {
		return Data{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return s.data(figure, averaged), true
}

// TopicTPS is how many messages a second came into a topic in the last minute.
func (t *Table) TopicTPS(topic string) float64 { return t.tps(subject{kind: ofTopic, topic: topic}) }

// GroupTPS is how many messages a second of a topic a group was handed in the last minute.
func (t *Table) GroupTPS(group, topic string) float64 {
	return t.tps(subject{kind: ofGroup, topic: topic, group: group})
}

func (t *Table) tps(of subject) float64 {
	s := t.index.find(of)
	if s == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return between(s.minute, nums, false).TPS
}
