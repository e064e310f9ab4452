package client_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/message"
)

// TestHandlingIsTraced reads the traces of one handling that succeeded.
func TestHandlingIsTraced(t *testing.T) {
	l := newLab(t)
	l.topic("t", 1)
	l.send("t", 0, "x", "UNIQ_KEY", "the-id", "KEYS", "k")
	got := newSeen()
	c := l.client(func(c *client.Config) { c.Trace = true })
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: got.handle})
	got.awaitDistinct(t, 1)
	closed(t, c)
	reader := pull(t, l.client(), client.PullConfig{Group: "reader", Subscriptions: on(message.TopicTrace), From: client.FromFirst})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	text := ""
	for strings.Count(text, "the-id") < 2 {
		ds, err := reader.Poll(ctx)
		ok(t, err)
		for _, d := range ds {
			text += string(d.Body)
		}
	}
	if !strings.HasPrefix(text, "SubBefore\x01") || !strings.Contains(text, "\x02SubAfter\x01") || !strings.Contains(text, "\x01true\x01k\x010\x01") {
		t.Errorf("traces %q", text)
	}
}
