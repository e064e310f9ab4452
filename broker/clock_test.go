package broker

import (
	"testing"
	"testing/synctest"
	"time"
)

// A clock that strips what Go adds to tell how much time has passed shows what a clock that was set would show.
func TestSteadyClockGoesOnWithTheTimeThatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := steadyClock()
		begin := now()
		if d := time.Since(begin); d != 0 {
			t.Errorf("it is %v behind at the start", d)
		}
		time.Sleep(time.Hour)
		if d := time.Duration(now().UnixNano() - begin.UnixNano()); d != time.Hour {
			t.Errorf("it has gone on by %v in an hour", d)
		}
	})
}
