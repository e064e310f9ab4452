package bench

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/internal/property"
)

// TestMergedHistogramsAreOne records latencies in one recorder and spread over several: the results are the same.
func TestMergedHistogramsAreOne(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		one := newRecorder()
		many := []*recorder{newRecorder(), newRecorder(), newRecorder()}
		for range rapid.IntRange(1, 200).Draw(t, "records") {
			latency := time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "latency"))
			n := rapid.IntRange(1, 32).Draw(t, "messages")
			measure := rapid.Bool().Draw(t, "measured")
			one.succeeded(0, latency, n, measure)
			many[rapid.IntRange(0, 2).Draw(t, "recorder")].succeeded(0, latency, n, measure)
		}
		want, got := merge([]*recorder{one}), merge(many)
		if diff := cmp.Diff(latencyOf(want.latency), latencyOf(got.latency)); diff != "" {
			t.Error(diff)
		}
		if want.done != got.done || want.measured != got.measured || want.last != got.last || got.latency.TotalCount() != got.measured {
			t.Errorf("merged %d done, %d measured, %d in the histogram; want %d, %d", got.done, got.measured, got.latency.TotalCount(), want.done, want.measured)
		}
	})
}

func TestErrorKinds(t *testing.T) {
	f := func(err error, want string) {
		t.Helper()
		if got := errorKind(err); got != want {
			t.Errorf("%v is of kind %q, want %q", err, got, want)
		}
	}
	f(fmt.Errorf("send: %w", &client.Error{Code: 2, Remark: "too many"}), "refused with code 2")
	f(fmt.Errorf("send: %w", client.ErrTimeout), "no answer in time")
	f(context.DeadlineExceeded, "no answer in time")
	f(fmt.Errorf("send: %w", client.ErrUnreachable), "not reachable")
	f(errors.New("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"), "01234567890123456789012345678901234567890123456789012345678901234567890123456789…")
}

// TestErrorKindsAreBounded fails with a thousand different errors.
func TestErrorKindsAreBounded(t *testing.T) {
	r := newRecorder()
	for i := range 1000 {
		r.fail(fmt.Errorf("error %d", i), 2)
	}
	sum := merge([]*recorder{r})
	if len(sum.kinds) != maxKinds+1 || sum.kinds["other"] != 2*(1000-maxKinds) || sum.failed != 2000 {
		t.Errorf("%d kinds, %d other, %d failed", len(sum.kinds), sum.kinds["other"], sum.failed)
	}
}
