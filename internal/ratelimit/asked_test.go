package ratelimit_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/internal/ratelimit"
)

// TestAsked: users have their own rates, and who has to wait is told all that there is to know.
func TestAsked(t *testing.T) {
	var c clock
	table := ratelimit.New[ratelimit.User](2, "maxRequestsPerUser", c.now)
	for _, name := range []ratelimit.User{"alice", "bob"} {
		if err := table.Asked(name); err != nil {
			t.Errorf("the first request of %s: %v", name, err)
		}
	}
	err := table.Asked("alice")
	var fast ratelimit.Exceeded
	const want = "too many requests of user alice, the limit is 2 a second (maxRequestsPerUser); there is room again in 501 ms"
	if !errors.As(err, &fast) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	c.passes(500 * time.Millisecond)
	if err := table.Asked("alice"); err != nil {
		t.Errorf("after half a second: %v", err)
	}
	var off *ratelimit.Table[ratelimit.User]
	if err := off.Asked("alice"); err != nil {
		t.Errorf("without a bound: %v", err)
	}
}
