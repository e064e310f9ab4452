package proxy_test

import (
	"testing"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// TestSendAndReceive is the way of one message: route, settings, send, receive, acknowledge, good bye.
func TestSendAndReceive(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	p, c := n.client("p1"), n.client("c1")
	r, err := p.QueryRoute(p.ctx(), &pb.QueryRouteRequest{Topic: res("orders"), Endpoints: &pb.Endpoints{Scheme: pb.AddressScheme_IPv4, Addresses: []*pb.Address{{Host: "127.0.0.1", Port: 8081}}}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.GetStatus(), pb.Code_OK)
	if len(r.GetMessageQueues()) != 4 || r.GetMessageQueues()[0].GetBroker().GetEndpoints().GetAddresses()[0].GetPort() != 8081 {
		t.Fatalf("route %v", r.GetMessageQueues())
	}
	p.settle(producer("orders"))
	_, set := c.settle(consumer(pb.ClientType_SIMPLE_CONSUMER, "g", "orders"))
	if set.GetSubscription().GetReceiveBatchSize() != 32 || set.GetBackoffPolicy().GetMaxAttempts() != 17 || set.GetMetric() == nil {
		t.Fatalf("settings %v", set)
	}
	beat, err := c.Heartbeat(c.ctx(), &pb.HeartbeatRequest{Group: res("g"), ClientType: pb.ClientType_SIMPLE_CONSUMER})
	if err != nil {
		t.Fatal(err)
	}
	want(t, beat.GetStatus(), pb.Code_OK)

	m := plain("orders", "01ABCDEF", "hello")
	m.UserProperties = map[string]string{"colour": "red"}
	m.SystemProperties.Tag = new("a")
	m.SystemProperties.Keys = []string{"k1", "k2"}
	// A group begins at the end of a topic: its first receive, which finds nothing, says so.
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		p.send(m)
	}()
	code, got := c.receive(receiving("orders", "g"))
	<-sent
	want(t, code, pb.Code_OK)
	if len(got) != 1 || string(got[0].GetBody()) != "hello" || got[0].GetUserProperties()["colour"] != "red" || len(got[0].GetUserProperties()) != 1 {
		t.Fatalf("messages %v", got)
	}
	sys := got[0].GetSystemProperties()
	if sys.GetMessageId() != "01ABCDEF" || sys.GetTag() != "a" || len(sys.GetKeys()) != 2 || sys.GetDeliveryAttempt() != 1 || sys.GetBodyDigest().GetChecksum() != "5D41402ABC4B2A76B9719D911017C592" {
		t.Errorf("system properties %v", sys)
	}
	a, err := c.AckMessage(c.ctx(), &pb.AckMessageRequest{Group: res("g"), Topic: res("orders"), Entries: []*pb.AckMessageEntry{{MessageId: sys.GetMessageId(), ReceiptHandle: sys.GetReceiptHandle()}}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, a.GetStatus(), pb.Code_OK)
	want(t, a.GetEntries()[0].GetStatus(), pb.Code_OK)
	bye, err := c.NotifyClientTermination(c.ctx(), &pb.NotifyClientTerminationRequest{Group: res("g")})
	if err != nil {
		t.Fatal(err)
	}
	want(t, bye.GetStatus(), pb.Code_OK)
	beat, _ = c.Heartbeat(c.ctx(), &pb.HeartbeatRequest{Group: res("g")})
	want(t, beat.GetStatus(), pb.Code_UNRECOGNIZED_CLIENT_TYPE)
}
