package property

import (
	"math"
	"strconv"
	"testing"
)

func TestTime(t *testing.T) {
	const now, far = 1_700_000_000_000, 3600_000
	f := func(in string, want Wait, at int64) {
		t.Helper()
		var p Found
		p.Scan(nil, props(in))
		if got, gotAt := p.Time(now, far); got != want || got == WaitUntil && gotAt != at {
			t.Errorf("%q: %v at %d, want %v at %d", in, got, gotAt, want, at)
		}
	}
	f("a=1", WaitNone, 0)
	f("TIMER_DELAY_SEC=2", WaitUntil, now+2000)
	f("TIMER_DELAY_MS=+2", WaitUntil, now+2)
	f("TIMER_DELIVER_MS=1700000000001", WaitUntil, now+1)
	f("TIMER_DELIVER_MS=1700000000000", WaitNone, 0)
	f("TIMER_DELAY_SEC=1 TIMER_DELAY_MS=5 TIMER_DELIVER_MS=1700000000009", WaitUntil, now+1000)
	f("TIMER_DELIVER_MS=1700000000009 TIMER_DELAY_MS=5", WaitUntil, now+5)
	f("TIMER_DELAY_SEC=3600", WaitUntil, now+far)
	f("TIMER_DELAY_MS=3600001", WaitIllegal, 0)
	f("TIMER_DELAY_SEC=9223372036854775807", WaitIllegal, 0)
	f("TIMER_DELIVER_MS=9223372036854775807", WaitIllegal, 0)
	f("TIMER_DELIVER_MS=9223372036854775808", WaitIllegal, 0)
	f("TIMER_DELAY_SEC=-9223372036854775808", WaitNone, 0)
	f("TIMER_DELAY_SEC=-1", WaitNone, 0)
	f("TIMER_DELAY_SEC=soon", WaitIllegal, 0)
	f("TIMER_DELAY_SEC=", WaitNone, 0)
	f("TIMER_DELAY_SEC=soon TIMER_DELAY_MS=5", WaitIllegal, 0)
	f("TIMER_DELAY_SEC=soon DELAY=1", WaitNone, 0)
	f("TIMER_DELAY_SEC=5 DELAY=0", WaitUntil, now+5000)
	f("TIMER_DELAY_SEC=5 TIMER_OUT_MS=1", WaitNone, 0)
	f("TIMER_DELIVER_MS=1 TIMER_DEL_UNIQKEY=k", WaitIllegal, 0)
	f("TIMER_DEL_UNIQKEY=k", WaitNone, 0)
}

func FuzzParseLong(f *testing.F) {
	for _, s := range []string{"0", "-9223372036854775808", "9223372036854775808", "+", "-", "00012", "1e3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseLong([]byte(s))
		want, err := strconv.ParseInt(s, 10, 64)
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%q: %d %v, strconv says %d %v", s, got, ok, want, err)
		}
		var p Found
		p.Scan(nil, props("TIMER_DELAY_SEC="+s))
		if _, at := p.Time(1_700_000_000_000, math.MaxInt64); ok && got > 0 && at < 0 {
			t.Fatalf("%q: delivered at %d", s, at)
		}
	})
}
