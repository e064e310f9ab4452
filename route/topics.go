package route

// WipeWrite takes the write permission from all topics of a broker group, until the group's version changes. It returns how many
// topics the group has.
func (t *Table) WipeWrite(broker string) int {
	return t.mapPerm(broker, func(perm int32) int32 { return perm &^ permWrite })
}

// AddWrite gives all topics of a broker group exactly the permissions to read and to write: further bits are lost, as Apache loses
// them. It returns how many topics the group has.
func (t *Table) AddWrite(broker string) int {
	return t.mapPerm(broker, func(int32) int32 { return permRead | permWrite })
}

// DeleteTopic forgets a topic on all brokers of a cluster, or on all brokers if cluster is empty. What this process's broker has stays:
// it says itself what it has, and only once.
func (t *Table) DeleteTopic(topic, cluster string) {
	for broker := range t.topics[topic] {
		b := t.brokers[broker]
		if b == nil && cluster == "" || b != nil && (cluster == "" || b.Cluster == cluster) && !t.local(b) {
			t.dropQueue(topic, broker)
		}
	}
}

// RegisterTopic adds or replaces one topic's parts. A part on a broker that is not registered ends it: that part and those behind
// it are not taken, and a topic that was not known stays unknown.
func (t *Table) RegisterTopic(topic string, queues []Queue) {
	_, known := t.topics[topic]
	for _, q := range queues {
		if t.brokers[q.Broker] == nil && !known {
			return
		}
	}
	for _, q := range queues {
		b := t.brokers[q.Broker]
		if b == nil {
			return
		}
		if _, known := t.topics[topic][q.Broker]; t.local(b) || !known && t.foreign() >= t.opt.MaxRows {
			continue // it says itself what it has, or there is no room
		}
		t.putQueue(topic, q)
	}
}
