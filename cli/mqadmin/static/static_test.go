package static

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/manage"
)

// has is a topic on a broker: total queues in the cluster, those from first to last-1 on the broker.
func has(broker string, epoch int64, total, first, last int32) *manage.TopicConfigAndQueueMapping {
	d := &manage.TopicQueueMappingDetail{Hosted: map[int32][]manage.LogicQueueMappingItem{},
		TopicQueueMappingInfo: protocol.TopicQueueMappingInfo{BrokerName: broker, Topic: "t", Epoch: epoch, TotalQueues: total, Scope: GlobalScope}}
	for id := first; id < last; id++ {
		d.Hosted[id] = []manage.LogicQueueMappingItem{manage.NewLogicQueueMappingItem(broker, id-first)}
	}
	return &manage.TopicConfigAndQueueMapping{TopicConfig: protocol.TopicConfig{TopicName: "t", Perm: 4, ReadQueueNums: last - first, WriteQueueNums: last - first}, Detail: d}
}

// show is a change in one line: of each broker its queues, and where they lie.
func show(c Change) string {
	out := fmt.Sprintf("%s %d", c.Type, c.Epoch)
	for _, name := range slices.Sorted(maps.Keys(c.Brokers)) {
		b := c.Brokers[name]
		out += fmt.Sprintf(" | %s perm %d queues %d/%d total %d epoch %d %s:", name, b.Perm, b.ReadQueueNums, b.WriteQueueNums, b.Detail.TotalQueues, b.Detail.Epoch, b.Detail.Scope)
		for _, id := range slices.Sorted(maps.Keys(b.Detail.Hosted)) {
			last := b.Detail.Hosted[id][len(b.Detail.Hosted[id])-1]
			out += fmt.Sprintf(" %d=%s-%d", id, last.BrokerName, last.QueueID)
		}
	}
	return out
}

func TestPlan(t *testing.T) {
	a, b, far := Broker{Name: "a", Cluster: "c"}, Broker{Name: "b", Cluster: "c"}, Broker{Name: "far", Cluster: "d"}
	wanted := func(b Broker) Broker { b.Wanted = true; return b }
	with := func(b Broker, topic *manage.TopicConfigAndQueueMapping) Broker { b.Topic = topic; return b }
	f := func(what string, queues int32, want string, brokers ...Broker) {
		t.Helper()
		before := fmt.Sprint(brokers)
		had, after, err := Plan("t", queues, brokers, 5000)
		got := ""
		if err == nil {
			got = show(had) + " -> " + show(after)
		} else {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", what, got, want)
		}
		if fmt.Sprint(brokers) != before {
			t.Errorf("%s: what was given has changed", what)
		}
	}
	f("a new one", 2, "CREATE_OR_UPDATE 5000 -> CREATE_OR_UPDATE 6000 | a perm 6 queues 2/2 total 2 epoch 6000 __global__: 0=a-0 1=a-1", wanted(a))
	f("beside other brokers", 1, "| a perm 6 queues 1/1 total 1 epoch 6000 __global__: 0=a-0 | b perm 6 queues 0/0 total 1 epoch 6000 __global__:", wanted(a), b, far)
	f("more queues", 3, "CREATE_OR_UPDATE 100 | a perm 4 queues 2/2 total 2 epoch 100 __global__: 0=a-0 1=a-1 -> "+
		"CREATE_OR_UPDATE 5000 | a perm 4 queues 3/3 total 3 epoch 5000 __global__: 0=a-0 1=a-1 2=a-2", wanted(with(a, has("a", 100, 2, 0, 2))))
	f("an epoch of a clock before ours", 3, "-> CREATE_OR_UPDATE 10000 |", wanted(with(a, has("a", 9000, 2, 0, 2))))
	f("remapped to where it lies", 0, "-> REMAPPING 5000 | a perm 4 queues 2/2 total 2 epoch 5000 __global__: 0=a-0 1=a-1", wanted(with(a, has("a", 100, 2, 0, 2))))
	f("a broker that knows of it", 3, "| b perm 4 queues 0/0 total 3 epoch 5000 __global__:", wanted(with(a, has("a", 100, 2, 0, 2))), with(b, has("b", 100, 2, 0, 0)))

	f("nothing to remap", 0, "there is no static topic t to remap", wanted(a))
	f("fewer", 1, "static topic t has 2 queues and cannot have 1", wanted(with(a, has("a", 100, 2, 0, 2))))
	f("as many", 2, "static topic t has 2 queues already", wanted(with(a, has("a", 100, 2, 0, 2))))
	f("several", 2, "static topic t would lie on 2 brokers (a, b)", wanted(a), wanted(b))
	f("nowhere", 2, "static topic t would lie on 0 brokers ()", a)
	f("to another", 0, "static topic t would lie on 2 brokers (a, b), or move among them", with(a, has("a", 100, 2, 0, 2)), wanted(b))
	f("in part", 3, "broker a has 1 of the 2 queues of static topic t", wanted(with(a, has("a", 100, 2, 0, 1))))
	f("half way", 3, "broker b has 2 queues of static topic t in epoch 200, another one 2 in epoch 100", wanted(with(a, has("a", 100, 2, 0, 2))), with(b, has("b", 200, 2, 0, 0)))
	plain := has("a", 0, 0, 0, 2)
	plain.Detail = nil
	f("a plain one", 2, "topic t is on broker a with 2 queues and is not static", wanted(with(a, plain)))
}
