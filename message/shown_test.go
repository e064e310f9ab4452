package message

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestShown(t *testing.T) {
	for _, ms := range []int64{0, 1_800_000_000_000, math.MaxInt64, math.MinInt64, 253402300800000} {
		at := Shown(time.UnixMilli(ms))
		if text, err := json.Marshal(at); err != nil || at.Year() < 9999 && ms > 0 && !at.Equal(time.UnixMilli(ms)) {
			t.Errorf("%d ms: %s, %v", ms, text, err)
		}
	}
}
