package client_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// signals is a log that tells of a line.
type signals struct {
	slog.Handler
	line string
	seen chan struct{}
}

func (s signals) Enabled(context.Context, slog.Level) bool { return true }

func (s signals) Handle(_ context.Context, r slog.Record) error {
	if r.Message == s.line {
		select {
		case s.seen <- struct{}{}:
		default:
		}
	}
	return nil
}

func (s signals) WithAttrs([]slog.Attr) slog.Handler { return s }

// puller begins to pull the one queue and polls its messages.
func (b *oneQueue) puller(config client.PullConfig, log slog.Handler) *client.PullConsumer {
	b.t.Helper()
	c, err := client.New(client.Config{NameServers: []string{b.addr}, Logger: slog.New(log)})
	ok(b.t, err)
	config.Group, config.From = "g", client.FromFirst
	p, err := c.NewPullConsumer(b.t.Context(), config)
	ok(b.t, err)
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.Close(ctx)
	})
	ok(b.t, p.Assign(b.t.Context(), client.Queue{BrokerName: "b", Topic: "t"}))
	b.poll(p, 2)
	return p
}

func (b *oneQueue) poll(p *client.PullConsumer, want int) {
	b.t.Helper()
	if ds, err := p.Poll(b.t.Context()); err != nil || len(ds) != want {
		b.t.Fatalf("polled %d messages, %v; want %d", len(ds), err, want)
	}
}

// commit begins to commit, which the busy broker has not yet dealt with when it returns.
func (b *oneQueue) commit(p *client.PullConsumer) (done chan error) {
	b.t.Helper()
	b.change(func() { b.busy = true })
	done = make(chan error, 1)
	go func() { done <- p.Commit(b.t.Context()) }()
	until(b.t, "the commit", func() bool { return see(b, func() int { return len(b.late) }) == 1 })
	return done
}

// catchUp lets the broker deal with what it has put off, and do something behind it.
func (b *oneQueue) catchUp(then func()) {
	b.change(func() {
		b.busy = false
		for _, fn := range b.late {
			fn()
		}
		b.late = nil
		then()
	})
}

// TestScriptResetDuringCommit resets a queue while an older offset is being kept: what is handled then up to the same offset is told again.
func TestScriptResetDuringCommit(t *testing.T) {
	b := newOneQueue(t, "0", "1")
	p := b.puller(client.PullConfig{CommitInterval: -1}, slog.DiscardHandler)
	done := b.commit(p)
	conn := see(b, func() *remoting.Conn { return b.conns[0] })
	reset := protocol.ResetOffset{OffsetTable: map[client.Queue]int64{{BrokerName: "b", Topic: "t"}: 0}}
	f := protocol.Frame{Code: protocol.ReqResetConsumerClientOffset, Flag: protocol.FlagOneway, Version: protocol.CurrentVersion, Body: reset.Append(nil)}
	h := protocol.ResetOffsetHeader{Group: "g", Topic: "t", QueueID: -1, Offset: -1, Timestamp: 5}
	h.Append(&f.Fields)
	ok(t, conn.Send(&f))
	b.poll(p, 2) // the same again
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = p.Poll(over)               // they have been handled
	b.catchUp(func() { b.saved = 0 }) // the broker's own reset comes behind the commit
	ok(t, <-done)
	ok(t, p.Commit(t.Context()))
	if saved := see(b, func() int64 { return b.saved }); saved != 2 {
		t.Errorf("kept %d, want 2", saved)
	}
}

// TestScriptMovedDuringCommit moves a queue on while an older offset is being kept: it must not be kept behind the newer one.
func TestScriptMovedDuringCommit(t *testing.T) {
	b := newOneQueue(t, "0", "1")
	log := signals{slog.DiscardHandler, "client: the broker has moved the offset", make(chan struct{}, 1)}
	p := b.puller(client.PullConfig{CommitInterval: time.Hour}, log)
	done := b.commit(p)
	b.change(func() { b.records, b.first, b.busy = append(b.records, "2", "3", "4"), 5, false })
	<-log.seen
	b.catchUp(func() {})
	ok(t, <-done)
	until(t, "the pull from there on", func() bool { return slices.Contains(see(b, func() []int64 { return slices.Clone(b.asked) }), 5) })
	if saved := see(b, func() int64 { return b.saved }); saved != 5 {
		t.Errorf("kept %d, want 5", saved)
	}
}
