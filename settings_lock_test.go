package aerobee

import (
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// testStrictLocks: with two brokers of which more than half must agree, and one here, nobody holds a lock; with one, or without strict mode, its owner does.
func testStrictLocks(t *testing.T) {
	body := string(protocol.MarshalBody(protocol.LockBatchRequest{ClientID: "c", ConsumerGroup: "g", Queues: []protocol.MessageQueue{{BrokerName: "b", Topic: "TBW102", QueueID: 0}}}))
	for _, c := range []struct {
		strict, replicas string
		want             int
	}{{"true", "2", 0}, {"true", "3", 0}, {"true", "1", 1}, {"false", "3", 1}} {
		got := start(t, "lockInStrictMode", c.strict, "totalReplicas", c.replicas).dial(t).call(protocol.ReqLockBatchMQ, body)
		var locked protocol.LockBatchResponse
		if err := protocol.UnmarshalBody(got.Body, &locked); err != nil || len(locked.Locked) != c.want {
			t.Errorf("strict %s, %s replicas: code %d, %s, %v; want %d locks", c.strict, c.replicas, got.Code, got.Body, err, c.want)
		}
	}
}
