package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
)

// stalling is a server that takes 100 µs for a message, and once stops for a second. It moves the clock itself.
type stalling struct {
	clock   *handClock
	sent    int
	stallAt int
	failAt  int
}

func (p *stalling) Send(context.Context, *client.Message, ...client.SendOption) (client.SendResult, error) {
	p.sent++
	p.clock.at += 100 * time.Microsecond
	switch p.sent {
	case p.stallAt:
		p.clock.at += time.Second
	case p.failAt:
		return client.SendResult{}, errors.New("refused")
	}
	return client.SendResult{}, nil
}

func (p *stalling) SendAsync(ctx context.Context, m *client.Message, done func(client.SendResult, error), _ ...client.SendOption) error {
	r, err := p.Send(ctx, m)
	go done(r, err)
	return nil
}

func (p *stalling) SendOneWay(context.Context, *client.Message, ...client.SendOption) error {
	return nil
}

func (p *stalling) SendBatch(_ context.Context, ms []*client.Message, _ ...client.SendOption) ([]client.SendResult, error) {
	return make([]client.SendResult, len(ms)), nil
}

// sendTo runs one worker on a hand-moved clock for ten measured seconds behind one of warming up.
func sendTo(t *testing.T, p *stalling, c Config, rate float64) summary {
	t.Helper()
	c.Rate, c.Batch = rate, max(c.Batch, 1)
	r := &run{Config: c, clock: p.clock, span: span{from: time.Second, until: 11 * time.Second}}
	s := &sending{run: r, load: newLoad(&r.Config, []string{"t"})}
	w := &worker{sending: s, to: p, recorder: newRecorder(), schedule: schedule{rate: rate, workers: 1}}
	w.work(t.Context())
	return merge([]*recorder{w.recorder})
}

// TestStallShowsInThePercentiles: at 1,000 messages a second, a second's stall hits every tenth message of ten seconds. Without
// the correction it would hit one in ten thousand, and p99 would say 100 µs.
func TestStallShowsInThePercentiles(t *testing.T) {
	sum := sendTo(t, &stalling{clock: &handClock{}, stallAt: 5000}, Config{}, 1000)
	got := latencyOf(sum.latency)
	f := func(what string, got, low, high float64) {
		t.Helper()
		if got < low || got > high {
			t.Errorf("%s is %g µs, want %g to %g", what, got, low, high)
		}
	}
	f("p50", got.P50, 99, 101)
	f("p90", got.P90, 50_000, 150_000)
	f("p99", got.P99, 880_000, 920_000)
	f("p99.9", got.P999, 980_000, 1_000_200)
	f("max", got.Max, 1_000_000, 1_002_000)
	if sum.measured != 10_000 || sum.done != 11_000 {
		t.Errorf("%d measured of %d, want 10000 of 11000: what a stall delays is still sent", sum.measured, sum.done)
	}
}

// TestRateThatIsNotReached asks for twice what the server can do: half of it is never sent, and the result says so.
func TestRateThatIsNotReached(t *testing.T) {
	sum := sendTo(t, &stalling{clock: &handClock{}}, Config{}, 20_000)
	if sum.done != 110_000 || sum.unsent != 110_000 {
		t.Errorf("%d sent, %d unsent; want 110000 of each", sum.done, sum.unsent)
	}
	if sum := sendTo(t, &stalling{clock: &handClock{}}, Config{Batch: 8}, 1000); sum.unsent != 0 {
		t.Errorf("%d unsent at a rate that is reached", sum.unsent)
	}
}

// TestClosedLoopCountsWhatWasSent: without a rate there is no intended time to be late for.
func TestClosedLoopCountsWhatWasSent(t *testing.T) {
	sum := sendTo(t, &stalling{clock: &handClock{}, stallAt: 50_000}, Config{}, 0)
	if got := latencyOf(sum.latency); got.P999 > 101 || got.Max < 1_000_000 {
		t.Errorf("latencies %+v", got)
	}
	if sum.measured != 90_000 {
		t.Errorf("%d measured, want 90000: 10000 a second, but for the second's stall", sum.measured)
	}
}

// TestFailuresAreCountedAndRestedAfter fails one message: it is no latency, and the sender rests.
func TestFailuresAreCountedAndRestedAfter(t *testing.T) {
	p := &stalling{clock: &handClock{}, failAt: 20_000}
	sum := sendTo(t, p, Config{}, 0)
	if sum.failed != 1 || sum.kinds["refused"] != 1 || sum.latency.TotalCount() != sum.measured || sum.measured != 100_000-1-100 {
		t.Errorf("%d failed (%v), %d measured, %d latencies", sum.failed, sum.kinds, sum.measured, sum.latency.TotalCount())
	}
}

// TestBatchIsLateAsAWhole sends batches of ten at a rate: each leaves at its first message's time.
func TestBatchIsLateAsAWhole(t *testing.T) {
	p := &stalling{clock: &handClock{}}
	if sum := sendTo(t, p, Config{Batch: 10}, 1000); sum.measured != 10_000 || sum.latency.Max() > 1000 {
		t.Errorf("%d measured, latest %d ns", sum.measured, sum.latency.Max())
	}
}
