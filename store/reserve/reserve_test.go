package reserve_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aerobee-mq/aerobee/internal/property"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/reserve"
)

func TestOf(t *testing.T) {
	type m = map[string]string
	for _, c := range []struct {
		attributes m
		want       reserve.Rules
	}{
		{nil, reserve.Rules{}},
		{m{"reserve.time": "-1", "reserve.time.ms": "0", "reserve.bytes": "x"}, reserve.Rules{}},
		{m{"reserve.time": "2"}, reserve.Rules{Age: 2 * time.Hour}},
		{m{"reserve.time": "2", "reserve.time.ms": "1500"}, reserve.Rules{Age: 1500 * time.Millisecond}},
		{m{"reserve.bytes": "1048576"}, reserve.Rules{Bytes: 1 << 20}},
		{m{"reserve.time": "9223372036854775807"}, reserve.Rules{Age: (1 << 62) / time.Hour * time.Hour}},
	} {
		if got := reserve.Of(c.attributes); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.attributes, got, c.want)
		}
		if got := reserve.Of(c.attributes).Any(); got != (c.want != reserve.Rules{}) {
			t.Errorf("%v: Any is %v", c.attributes, got)
		}
	}
}

// TestSizesAgainstModel: after each look no more than the limit is left, and not much less was dropped than had to be.
func TestSizesAgainstModel(t *testing.T) {
	property.Check(t, func(t *rapid.T) {
		type record struct{ at, size int64 }
		limit := rapid.Int64Range(1, 100_000).Draw(t, "limit")
		s := reserve.NewSizes(limit)
		var kept []record
		for at := int64(0); at < 300_000; {
			for range rapid.IntRange(1, 50).Draw(t, "records") {
				r := record{at, rapid.Int64Range(91, 4000).Draw(t, "size")}
				kept = append(kept, r)
				at += r.size + rapid.Int64Range(0, 2000).Draw(t, "others")
			}
			all := kept
			var sum int64
			for _, r := range all {
				s.Add(message.LogOffset(r.at), int32(r.size))
				sum += r.size
			}
			if s.Total() != sum {
				t.Fatalf("%d bytes are counted, there are %d", s.Total(), sum)
			}
			from, ok := s.Excess()
			if !ok {
				if sum > limit && len(all) > 1 && all[0].at/max(limit/64, 1) != all[len(all)-1].at/max(limit/64, 1) {
					t.Fatalf("%d bytes of %d stay", sum, limit)
				}
			}
			// What stays is counted anew in the next round.
			s = reserve.NewSizes(limit)
			var rest []record
			var left, dropped int64
			for _, r := range all {
				if ok && r.at < int64(from) {
					dropped += r.size
					continue
				}
				rest = append(rest, r)
				left += r.size
			}
			if ok && left > limit && len(rest) > 1 && rest[0].at/max(limit/64, 1) != rest[len(rest)-1].at/max(limit/64, 1) {
				t.Fatalf("%d bytes are left of %d", left, limit)
			}
			if ok && left+limit/64+2*4000 < min(limit, sum) {
				t.Fatalf("%d bytes are left, %d may be, %d were dropped", left, limit, dropped)
			}
			kept = rest
		}
	})
}

func TestSizesDropWhatIsGone(t *testing.T) {
	s := reserve.NewSizes(6400)
	for i := range 100 {
		s.Add(message.LogOffset(i*100), 50)
	}
	s.Drop(5_000)
	if s.Total() != 50*50 {
		t.Errorf("%d bytes are left", s.Total())
	}
	if _, ok := s.Excess(); ok {
		t.Error("something goes that need not")
	}
	if s.Limit() != 6400 {
		t.Errorf("limit %d", s.Limit())
	}
}

func TestLiteExpiration(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "-1": 0, "0": 0, "x": 0, "1": 15 * time.Minute, "60": time.Hour} {
		if got := reserve.LiteExpiration(map[string]string{"lite.topic.expiration": text}); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
