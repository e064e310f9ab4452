package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/backend"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// fake is a backend whose broker writes down which changes of invisible time are asked of it.
type fake struct {
	now     func() time.Time
	mu      sync.Mutex // guards changes
	changes []string
}

func (f *fake) Route(context.Context, string) ([]backend.Part, error) {
	return []backend.Part{{Broker: "b", Perm: 6, ReadQueues: 1, WriteQueues: 1}}, nil
}

func (f *fake) Topic(context.Context, string) (*topic.Config, error) { return &topic.Config{}, nil }

func (f *fake) Group(_ context.Context, name string) (group.Config, bool, error) {
	return group.New(name), true, nil
}

func (f *fake) Endpoint(backend.Client) string { return "" }

func (f *fake) Join(backend.Client, backend.Asked) (backend.Link, error) { return f, nil }

func (f *fake) Call(_ context.Context, _ string, in *protocol.Frame, take func(*protocol.Frame)) error {
	out := in.Reply(protocol.ResSuccess, "")
	var h protocol.ChangeInvisibleHeader
	if in.Code == protocol.ReqChangeMessageInvisibleTime && h.Decode(in.Fields) == nil {
		f.mu.Lock()
		f.changes = append(f.changes, fmt.Sprintf("%d at %s for %s", h.Offset, h.Topic, time.Duration(h.InvisibleTime)*time.Millisecond))
		f.mu.Unlock()
		answer := protocol.ChangeInvisibleResponseHeader{PopTime: f.now().UnixMilli(), InvisibleTime: h.InvisibleTime, ReviveQueue: 3}
		answer.Append(&out.Fields)
	}
	take(&out)
	return nil
}

func (f *fake) Done() <-chan struct{} { return nil }

func (f *fake) Close() {}

func (f *fake) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.changes
	f.changes = nil
	return out
}

// TestRenewals keeps a message out of sight while its consumer is there, and gives it back when it is gone.
func TestRenewals(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	var mu sync.Mutex
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	pass := func(d time.Duration) time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
		return now
	}
	f := &fake{now: clock}
	s := New(f, Options{Now: clock, Logger: slog.New(slog.DiscardHandler)})
	defer func() {
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	c, err := s.enter(backend.Client{ID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	st := &stream{s: s}
	c.attach(st)
	got := func(want ...string) {
		t.Helper()
		if all := f.took(); fmt.Sprint(all) != fmt.Sprint(want) {
			t.Errorf("changes %v, want %v", all, want)
		}
	}
	message := func(off int64) string {
		h := protocol.PopHandle{PopTime: clock().UnixMilli(), InvisibleTime: 60_000, BrokerName: "b", QueueOffset: off, CommitLogOffset: -1}
		text := string(h.Append(nil))
		p := &popped{group: "g", topic: "t", messages: []*pb.Message{{SystemProperties: &pb.SystemProperties{ReceiptHandle: &text, DeliveryAttempt: new(int32(1))}}}}
		s.renewLater(c, p)
		return text
	}
	first := message(5)
	s.renewAll(pass(49 * time.Second)).Wait()
	got()
	s.renewAll(pass(time.Second)).Wait()
	got("5 at t for 1m0s")
	var h protocol.PopHandle
	err = s.withReceipt(t.Context(), c, "g", first, func(newest protocol.PopHandle) error {
		h = newest
		return nil
	})
	if err != nil || h.ReviveQueue != 3 {
		t.Errorf("%v, %v, want the renewed handle", h, err)
	}
	s.renewAll(pass(50 * time.Second)).Wait()
	got() // it was acknowledged

	message(6)
	c.detach(st)
	s.renewAll(pass(offlineAfter)).Wait()
	got()
	s.renewAll(pass(time.Second)).Wait()
	got("6 at t for 1s")

	message(7)
	c.leave()
	pass(silence + time.Second)
	s.sweep()
	got("7 at t for 1s")
	if len(s.clients.all()) != 0 {
		t.Error("a silent client is still known")
	}
}

// TestClientsAreBounded refuses the client that is one too many.
func TestClientsAreBounded(t *testing.T) {
	f := &fake{now: time.Now}
	s := New(f, Options{MaxClients: 1})
	defer func() { _ = s.Stop(t.Context()) }()
	for i, want := range []pb.Code{pb.Code_OK, pb.Code_TOO_MANY_REQUESTS} {
		err := s.serve(backend.Client{ID: fmt.Sprint(i)}, nil, func(*client) error { return nil })
		if (err == nil) != (want == pb.Code_OK) {
			t.Errorf("client %d: %v, want %s", i, err, want)
		}
	}
}

// TestQuestionsAreBounded drops nobody's question but those that are old.
func TestQuestionsAreBounded(t *testing.T) {
	now := time.UnixMilli(0)
	s := New(&fake{now: time.Now}, Options{Now: func() time.Time { return now }})
	defer func() { _ = s.Stop(t.Context()) }()
	c, _ := s.enter(backend.Client{ID: "c"})
	for i := range maxAsked {
		c.questions = map[string]question{}
		for j := range i {
			c.questions[fmt.Sprint("q", j)] = question{asked: now}
		}
	}
	c.questions["last"] = question{asked: now}
	if err := c.ask(1, func(*protocol.Frame) {}, nil, func(string) *pb.TelemetryCommand { return nil }); err == nil || err == errNoStream {
		t.Errorf("%v, want a refusal with the limit", err)
	}
	now = now.Add(answerTime + time.Second)
	if err := c.ask(1, func(*protocol.Frame) {}, nil, func(string) *pb.TelemetryCommand { return nil }); err != errNoStream || len(c.questions) != 0 {
		t.Errorf("%v, %d questions are left", err, len(c.questions))
	}
}
