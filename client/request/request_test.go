package request_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/client/request"
)

// node is a broker in memory, a consumer in it that replies to requests in capitals, and who asks.
func start(t *testing.T, handle func(r *request.Requester, d *client.Delivery) error) (*aerobee.Server, *request.Requester) {
	t.Helper()
	broker, err := aerobee.Start(aerobee.Config{Memory: true, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	c, err := client.New(client.Config{NameServers: []string{broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	p, err := c.NewProducer(client.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(t.Context(), &client.Message{Topic: "questions", Body: []byte("makes the topic")}); err != nil {
		t.Fatal(err)
	}
	requesters := make([]*request.Requester, 2)
	for i := range requesters {
		if requesters[i], err = request.New(request.Options{NameServers: []string{broker.Addr()}}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = requesters[i].Close() })
	}
	if _, err := c.NewPushConsumer(t.Context(), client.PushConfig{Group: "repliers", Subscriptions: []client.Subscription{{Topic: "questions"}}, From: client.FromFirst,
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				if err := handle(requesters[1], d); err != nil {
					return err
				}
			}
			return nil
		}}); err != nil {
		t.Fatal(err)
	}
	return broker, requesters[0]
}

func capitals(r *request.Requester, d *client.Delivery) error {
	if d.Property("CORRELATION_ID") == "" {
		return nil
	}
	return r.Reply(context.Background(), d, &client.Message{Body: bytes.ToUpper(d.Body), Tag: "answer", Properties: map[string]string{"mine": "kept"}})
}

func TestRequest(t *testing.T) {
	_, asking := start(t, capitals)
	var wg sync.WaitGroup
	for i := range 20 { // each gets its own reply
		wg.Go(func() {
			text := strings.Repeat("question ", i+1)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			reply, err := asking.Request(ctx, &client.Message{Topic: "questions", Body: []byte(text)})
			if err != nil {
				t.Error(err)
				return
			}
			if string(reply.Body) != strings.ToUpper(text) || reply.Properties["mine"] != "kept" || reply.Properties["TAGS"] != "answer" || reply.Properties["MSG_TYPE"] != "reply" {
				t.Errorf("reply %q, %v", reply.Body, reply.Properties)
			}
		})
	}
	wg.Wait()
}

// TestNoReply has nobody reply, asks for what there is not, and closes while somebody waits.
func TestNoReply(t *testing.T) {
	asked := make(chan *client.Delivery, 10)
	replied := make(chan error, 10)
	_, asking := start(t, func(r *request.Requester, d *client.Delivery) error {
		asked <- d
		if string(d.Body) == "makes the topic" {
			replied <- r.Reply(context.Background(), d, &client.Message{Body: []byte("what?")})
		}
		return nil
	})
	if err := <-replied; !errors.Is(err, request.ErrNotAsked) {
		t.Errorf("a reply to what is no request: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := asking.Request(ctx, &client.Message{Topic: "questions", Body: []byte("anybody?")}); !errors.Is(err, request.ErrNoReply) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a reply: %v", err)
	}
	if _, err := asking.Request(t.Context(), &client.Message{Topic: "nowhere", Body: []byte("x")}); !errors.Is(err, cluster.ErrTopicNotFound) {
		t.Errorf("to a topic that is not there: %v", err)
	}
	if _, err := asking.Request(t.Context(), &client.Message{Topic: "questions", Body: make([]byte, 5<<20)}); err == nil || !strings.Contains(err.Error(), "MaxMessageSize is 4194304") {
		t.Errorf("too large: %v", err)
	}
	outcome := make(chan error)
	go func() {
		_, err := asking.Request(context.Background(), &client.Message{Topic: "questions", Body: []byte("waits")})
		outcome <- err
	}()
	for d := range asked {
		if string(d.Body) == "waits" {
			break
		}
	}
	if err := asking.Close(); err != nil {
		t.Error(err)
	}
	if err := <-outcome; !errors.Is(err, request.ErrClosed) {
		t.Errorf("closed while it waits: %v", err)
	}
	if _, err := asking.Request(t.Context(), &client.Message{Topic: "questions", Body: []byte("x")}); !errors.Is(err, request.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestReplyTooLate replies to a client that has gone.
func TestReplyTooLate(t *testing.T) {
	gone := make(chan struct{})
	outcome := make(chan error, 1)
	_, asking := start(t, func(r *request.Requester, d *client.Delivery) error {
		if string(d.Body) == "hello?" {
			<-gone
			outcome <- r.Reply(context.Background(), d, &client.Message{Body: []byte("late")})
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _ = asking.Request(ctx, &client.Message{Topic: "questions", Body: []byte("hello?")})
	if err := asking.Close(); err != nil {
		t.Error(err)
	}
	close(gone)
	if err := <-outcome; err == nil || !strings.Contains(err.Error(), "not found") && !strings.Contains(err.Error(), "did not take the reply") {
		t.Errorf("replied to nobody: %v", err)
	}
}
