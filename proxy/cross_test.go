package proxy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// TestFromRemoting sends with a remoting producer, small and compressed, and receives both by gRPC.
func TestFromRemoting(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	_, c := pair(t, n, "orders", "g")
	p, err := n.Client().NewProducer(client.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("hello "), 10_000)
	for _, body := range [][]byte{[]byte("small"), large} {
		sent, err := p.Send(t.Context(), &client.Message{Topic: "orders", Body: body, Tag: "a", Keys: []string{"k1", "k2"}, Properties: map[string]string{"colour": "red"}})
		if err != nil {
			t.Fatal(err)
		}
		code, ms := c.receive(receiving("orders", "g"))
		want(t, code, pb.Code_OK)
		if len(ms) != 1 {
			t.Fatalf("messages %v", ms)
		}
		sys := ms[0].GetSystemProperties()
		if !bytes.Equal(ms[0].GetBody(), body) || sys.GetTag() != "a" || len(sys.GetKeys()) != 2 || sys.GetBodyEncoding() != pb.Encoding_IDENTITY ||
			len(ms[0].GetUserProperties()) != 1 || ms[0].GetUserProperties()["colour"] != "red" || sys.GetMessageId() == "" {
			t.Errorf("sent %v, received %.300v", sent, ms[0])
		}
		want(t, c.ack("orders", "g", ms[0]).GetStatus(), pb.Code_OK)
	}
}

// TestToRemoting sends by gRPC, small and compressed, and receives both with a remoting consumer.
func TestToRemoting(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	got := make(chan *client.Delivery, 2)
	if _, err := n.Client().NewPushConsumer(t.Context(), client.PushConfig{Group: "readers", From: client.FromFirst, Subscriptions: []client.Subscription{{Topic: "orders"}},
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				got <- d
			}
			return nil
		}}); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("hello "), 10_000)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(large)
	_ = w.Close()
	p := n.client("p")
	for _, body := range [][]byte{[]byte("small"), large} {
		m := plain("orders", "01AA", "")
		m.Body, m.UserProperties = body, map[string]string{"colour": "red"}
		m.SystemProperties.Tag, m.SystemProperties.Keys = new("a"), []string{"k1", "k2"}
		if len(body) > 10 {
			m.Body, m.SystemProperties.BodyEncoding = zipped.Bytes(), pb.Encoding_GZIP
		}
		p.send(m)
		d := <-got
		if !bytes.Equal(d.Body, body) || d.Tag != "a" || len(d.Keys) != 2 || d.Properties["colour"] != "red" {
			t.Errorf("%d bytes, tag %q, keys %v, properties %v", len(d.Body), d.Tag, d.Keys, d.Properties)
		}
	}
}

// TestRetryKeepsTheMessage gives a message back, and finds all of it in its second delivery, by which it can be acknowledged.
func TestRetryKeepsTheMessage(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	p, c := pair(t, n, "orders", "g")
	m := plain("orders", "01AA", "x")
	m.SystemProperties.Tag, m.UserProperties = new("a"), map[string]string{"colour": "red"}
	p.send(m)
	_, ms := c.receive(receiving("orders", "g"))
	if len(ms) != 1 {
		t.Fatalf("messages %v", ms)
	}
	r, err := c.ChangeInvisibleDuration(c.ctx(), &pb.ChangeInvisibleDurationRequest{Group: res("g"), Topic: res("orders"), MessageId: "01AA",
		ReceiptHandle: ms[0].GetSystemProperties().GetReceiptHandle(), InvisibleDuration: durationpb.New(0)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.GetStatus(), pb.Code_OK)
	code, ms := c.receive(receiving("orders", "g"))
	want(t, code, pb.Code_OK)
	if len(ms) != 1 {
		t.Fatalf("messages %v", ms)
	}
	sys := ms[0].GetSystemProperties()
	if sys.GetDeliveryAttempt() != 2 || ms[0].GetTopic().GetName() != "orders" || sys.GetMessageId() != "01AA" || sys.GetTag() != "a" || ms[0].GetUserProperties()["colour"] != "red" || len(ms[0].GetUserProperties()) != 1 {
		t.Errorf("second delivery %v", ms[0])
	}
	want(t, c.ack("orders", "g", ms[0]).GetEntries()[0].GetStatus(), pb.Code_OK)
}

// TestNodeStopsWhileClientsWait closes a node on which a receive waits and telemetry streams are open.
func TestNodeStopsWhileClientsWait(t *testing.T) {
	n := start(t, nil)
	n.topic("orders", "NORMAL")
	_, c := pair(t, n, "orders", "g")
	st, err := c.ReceiveMessage(c.ctx(), receiving("orders", "g"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Heartbeat(c.ctx(), &pb.HeartbeatRequest{Group: res("g")}); err != nil { // so that the receive has come, most likely
		t.Fatal(err)
	}
	begin := time.Now()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 4*time.Second {
		t.Errorf("the node took %v to stop", d)
	}
	for err == nil {
		_, err = st.Recv()
	}
}
