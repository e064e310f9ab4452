package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/tap"

	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// half is a backend with two brokers, of which "b" does not answer.
type half struct {
	fake
	heard map[string]int // requests, by broker
}

func (f *half) Route(context.Context, string) ([]backend.Part, error) {
	return []backend.Part{{Broker: "b", Perm: 6, ReadQueues: 1, WriteQueues: 1}, {Broker: "good", Perm: 6, ReadQueues: 1, WriteQueues: 1}}, nil
}

func (f *half) Join(backend.Client, backend.Asked) (backend.Link, error) { return f, nil }

func (f *half) Call(ctx context.Context, broker string, in *protocol.Frame, take func(*protocol.Frame)) error {
	f.mu.Lock()
	f.heard[broker]++
	f.mu.Unlock()
	if broker == "b" {
		<-ctx.Done()
		return fmt.Errorf("broker b: %w", ctx.Err())
	}
	return f.fake.Call(ctx, broker, in, take)
}

// halfServer runs a test of a server with such brokers, in time of its own.
func halfServer(t *testing.T, test func(t *testing.T, f *half, s *Server, c *client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &half{fake: fake{now: time.Now}, heard: map[string]int{}}
		s := New(f, Options{Logger: slog.New(slog.DiscardHandler)})
		c, err := s.enter(backend.Client{ID: "c"})
		if err != nil {
			t.Fatal(err)
		}
		c.attach(&stream{s: s})
		test(t, f, s, c)
		c.leave()
		_ = s.Stop(context.Background())
	})
}

// received has the server keep a message that a client received so long ago, for a minute, and returns its handle.
func received(s *Server, c *client, broker string, offset int64, ago time.Duration) string {
	h := protocol.PopHandle{PopTime: time.Now().Add(-ago).UnixMilli(), InvisibleTime: 60_000, BrokerName: broker, QueueOffset: offset, CommitLogOffset: offset}
	text := string(h.Append(nil))
	s.renewLater(c, &popped{group: "g", topic: "t", messages: []*pb.Message{{SystemProperties: &pb.SystemProperties{ReceiptHandle: &text, DeliveryAttempt: new(int32(1))}}}})
	return text
}

// TestRenewalsAtABrokerThatIsGone hold up neither the renewals nor the acknowledgements at others.
func TestRenewalsAtABrokerThatIsGone(t *testing.T) {
	halfServer(t, func(t *testing.T, f *half, s *Server, c *client) {
		var atGone string
		for i := range int64(100) {
			atGone = received(s, c, "b", i, 55*time.Second)
		}
		first, second := received(s, c, "good", 100, 55*time.Second), received(s, c, "good", 101, 55*time.Second)
		begin := time.Now()
		done := s.renewAll(begin)
		synctest.Wait()
		if all := f.took(); len(all) != 2 || time.Now() != begin {
			t.Errorf("%v after %v, want both renewals at the broker that lives at once", all, time.Since(begin))
		}
		if f.heard["b"] > maxPerBroker {
			t.Errorf("%d renewals at once are asked of one broker", f.heard["b"])
		}
		for _, text := range []string{first, second} {
			if err := s.ackOne(t.Context(), c, "g", "t", &pb.AckMessageEntry{ReceiptHandle: text}); err != nil || time.Now() != begin {
				t.Errorf("acknowledged after %v: %v", time.Since(begin), err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.ackOne(ctx, c, "g", "t", &pb.AckMessageEntry{ReceiptHandle: atGone}); err == nil {
			t.Error("acknowledged at a broker that is gone")
		}
		done.Wait()
		if d := time.Since(begin); d > 6*time.Second { // what is too late is not renewed
			t.Errorf("the renewals took %v", d)
		}
	})
}

// TestAFailedAckIsTriedAgain has acknowledgements run out of time: the next one still goes with the newest handle.
func TestAFailedAckIsTriedAgain(t *testing.T) {
	halfServer(t, func(t *testing.T, _ *half, s *Server, c *client) {
		text := received(s, c, "b", 1, 70*time.Second)
		for _, w := range c.receipts.Due(time.Now().Add(-20*time.Second).UnixMilli(), false) { // renewed 20 s ago
			if !c.receipts.Begin(&w, time.Now().Add(-20*time.Second).UnixMilli()) {
				t.Fatal("the renewal does not begin")
			}
			fresh := w.Receipt.Handle
			fresh.PopTime = time.Now().Add(-20 * time.Second).UnixMilli()
			c.receipts.Done(w, fresh, nil, false)
		}
		for i := range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			err := s.ackOne(ctx, c, "g", "t", &pb.AckMessageEntry{ReceiptHandle: text})
			cancel()
			if err == nil || strings.Contains(err.Error(), "expired") {
				t.Errorf("acknowledgement %d: %v, want that time ran out", i, err)
			}
		}
	})
}

// TestForwardByAnOldHandle copies nothing to the dead letters by a handle whose time is over.
func TestForwardByAnOldHandle(t *testing.T) {
	halfServer(t, func(t *testing.T, f *half, s *Server, c *client) {
		h := protocol.PopHandle{PopTime: time.Now().Add(-11 * time.Second).UnixMilli(), InvisibleTime: 10_000, BrokerName: "good", CommitLogOffset: 1}
		err := s.deadLetter(t.Context(), c, &pb.ForwardMessageToDeadLetterQueueRequest{Group: &pb.Resource{Name: "g"}, Topic: &pb.Resource{Name: "t"}, ReceiptHandle: string(h.Append(nil))})
		if err == nil || !strings.Contains(err.Error(), "expired") || f.heard["good"] != 0 {
			t.Errorf("%v, and the broker heard %d requests", err, f.heard["good"])
		}
	})
}

// TestStopGivesBackInTime has a client that holds messages of a broker that is gone, and of one that lives.
func TestStopGivesBackInTime(t *testing.T) {
	halfServer(t, func(t *testing.T, f *half, s *Server, c *client) {
		for i := range int64(100) {
			received(s, c, "b", i, 0)
		}
		received(s, c, "good", 100, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_ = s.Stop(ctx)
		if d := time.Since(begin); d > time.Second+lastTime {
			t.Errorf("Stop, bound to 1 s, took %v", d)
		}
		if all := f.took(); len(all) != 1 {
			t.Errorf("given back %v, want the message of the broker that lives", all)
		}
	})
}

// TestSettingsWhileABrokerIsGone has a client start: the broker that lives hears of it.
func TestSettingsWhileABrokerIsGone(t *testing.T) {
	halfServer(t, func(t *testing.T, f *half, s *Server, c *client) {
		begin := time.Now()
		_, err := s.settle(t.Context(), c, &pb.Settings{ClientType: pb.ClientType_PUSH_CONSUMER.Enum(), PubSub: &pb.Settings_Subscription{Subscription: &pb.Subscription{
			Group: &pb.Resource{Name: "g"}, Subscriptions: []*pb.SubscriptionEntry{{Topic: &pb.Resource{Name: "t"}}}}}})
		if d := time.Since(begin); err != nil || d > beatTime {
			t.Errorf("settings are refused after %v: %v", d, err)
		}
		if f.heard["good"] == 0 {
			t.Error("the broker that lives has not heard of the client")
		}
		if err := s.tellAll(t.Context(), c, []string{"b"}, nil); err == nil {
			t.Error("a heartbeat that nobody has taken succeeds")
		}
	})
}

// TestAnOlderStreamStays has the newer of a client's two streams end.
func TestAnOlderStreamStays(t *testing.T) {
	c := &client{s: &Server{opt: Options{Now: time.Now}}}
	older, newer := &stream{s: c.s, sending: true}, &stream{s: c.s, sending: true}
	c.attach(older)
	c.attach(newer)
	c.detach(newer)
	if !c.tell(&pb.TelemetryCommand{}) || len(older.queue) != 1 || c.unheard.Load() != 0 {
		t.Error("the older stream is not the client's any more")
	}
	c.detach(older)
	if c.tell(&pb.TelemetryCommand{}) || c.unheard.Load() == 0 {
		t.Error("a client without streams has one")
	}
}

// TestRequestsAreBounded has a client with all the time in the world ask a broker that is gone.
func TestRequestsAreBounded(t *testing.T) {
	halfServer(t, func(t *testing.T, _ *half, s *Server, c *client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		begin := time.Now()
		err := s.call(ctx, c, "b", &protocol.Frame{}, nil)
		if d := time.Since(begin); err == nil || d != s.opt.RequestTimeout {
			t.Errorf("after %v: %v, want the end of time after %v", d, err, s.opt.RequestTimeout)
		}
	})
}

// silent is a stream by which the client says nothing.
type silent struct {
	grpc.BidiStreamingServer[pb.TelemetryCommand, pb.TelemetryCommand]
	ctx context.Context
}

func (g *silent) Context() context.Context { return g.ctx }

func (g *silent) RecvMsg(any) error {
	<-g.ctx.Done()
	return g.ctx.Err()
}

// TestATelemetryStreamWithoutSettings ends.
func TestATelemetryStreamWithoutSettings(t *testing.T) {
	halfServer(t, func(t *testing.T, _ *half, s *Server, _ *client) {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("x-mq-client-id", "d"))
		ctx, err := s.endless.tap(ctx, &tap.Info{FullMethodName: pb.MessagingService_Telemetry_FullMethodName})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		err = s.Telemetry(&silent{ctx: ctx})
		if d := time.Since(begin); !errors.Is(err, context.Canceled) || d != settleTime {
			t.Errorf("%v after %v, want its end after %v", err, d, settleTime)
		}
	})
}
