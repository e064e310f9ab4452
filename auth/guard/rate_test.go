package guard_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/auth/guard"
	"github.com/aerobee-mq/aerobee/internal/ratelimit"
	"github.com/aerobee-mq/aerobee/protocol"
)

// TestRateOfAUser: each user has a rate, wherever the requests come from, and only what the user has signed is counted.
func TestRateOfAUser(t *testing.T) {
	w, now := newWorld(t), time.Duration(0)
	g := w.guard(guard.Options{Authenticate: true, Unsigned: []string{"12"}, Rates: ratelimit.New[ratelimit.User](4, "maxRequestsPerUser", func() time.Duration { return now })})
	unsigned := send("any", "alice", "a")
	unsigned.Code = protocol.ReqQueryMessage
	for range 9 {
		w.want(g, send("any", "alice", "b"), "check signature failed.", true)
		w.want(g, unsigned, "", false)
		w.want(g, send("any", "gone", "g"), "User:gone is disabled.", true)
	}
	w.want(g, send("any", "alice", "a"), "", false)
	for _, from := range []string{"10.0.0.1", "10.0.0.2"} {
		err := g.Admit(send("any", "alice", "a"), guard.Peer{From: []netip.Addr{netip.MustParseAddr(from)}})
		var fast ratelimit.Exceeded
		if !errors.As(err, &fast) || fast.Error() != "too many requests of user alice, the limit is 4 a second (maxRequestsPerUser); there is room again in 251 ms" {
			t.Errorf("from %s: %v", from, err)
		}
	}
	w.want(g, send("any", "root", "r"), "", false)
	now += 250 * time.Millisecond
	w.want(g, send("any", "alice", "a"), "", false)
}
