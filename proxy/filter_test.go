package proxy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// Brokers compare the hashes of tags; "Aa" and "BB" have one and the same.
func TestTagsOfOneHash(t *testing.T) {
	if message.HashCode([]byte("Aa")) != message.HashCode([]byte("BB")) {
		t.Fatal("the hashes differ")
	}
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	p, c := pair(t, n, "orders", "g")
	for _, tag := range []string{"Aa", "BB", "Aa"} {
		m := plain("orders", "01"+tag, tag)
		m.SystemProperties.Tag = &tag
		p.send(m)
	}
	r := receiving("orders", "g")
	r.FilterExpression = &pb.FilterExpression{Type: pb.FilterType_TAG, Expression: "none || BB"}
	var got []string
	for len(got) == 0 {
		st, ms := c.receive(r)
		if st.GetCode() != pb.Code_OK && st.GetCode() != pb.Code_MESSAGE_NOT_FOUND {
			t.Fatal(st)
		}
		for _, m := range ms {
			got = append(got, string(m.GetBody()))
		}
	}
	if diff := cmp.Diff([]string{"BB"}, got); diff != "" {
		t.Error(diff)
	}
}

// A filter that cannot be read ends the receives with it, not the stream: a client without a stream does not work, and does not say why.
func TestUnreadableFilter(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	c := n.client("c")
	s := consumer(pb.ClientType_PUSH_CONSUMER, "g", "orders")
	wrong := &pb.FilterExpression{Type: pb.FilterType_SQL, Expression: "a >"}
	s.GetSubscription().Subscriptions[0].Expression = wrong
	c.settle(s)
	r := receiving("orders", "g")
	r.FilterExpression = wrong
	st, _ := c.receive(r)
	want(t, st, pb.Code_ILLEGAL_FILTER_EXPRESSION)
}

// RocketMQ shows the message group among the user's properties too.
func TestPropertiesShown(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "FIFO")
	p, c := pair(t, n, "orders", "g")
	group := "customer"
	m := plain("orders", "01AA", "x")
	m.SystemProperties.MessageType, m.SystemProperties.MessageGroup = pb.MessageType_FIFO, &group
	m.UserProperties = map[string]string{"name": "value"}
	p.send(m)
	st, ms := c.receive(receiving("orders", "g"))
	want(t, st, pb.Code_OK)
	if diff := cmp.Diff(map[string]string{"name": "value", "__SHARDINGKEY": "customer"}, ms[0].GetUserProperties()); diff != "" {
		t.Error(diff)
	}
}
