package api

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/api/v1/operate"
)

// Send stores a message in a topic; the body is what was sent in either form.
type Send func(ctx context.Context, topic string, body []byte, m *operate.TestMessage) (operate.Sent, error)

// send sends a message to a topic that there is: a name that somebody has mistyped makes no topic.
func send(c *call) error {
	if c.o.Send == nil {
		return errNotServed
	}
	var m operate.TestMessage
	if err := c.body(&m); err != nil {
		return err
	}
	body := []byte(m.Body)
	switch {
	case (m.Body == "") == (m.BodyBase64 == ""):
		return &problem{"bad-request", "either body or bodyBase64: the request names neither or both"}
	case m.OrderKey != "" && m.Queue != nil:
		return &problem{"bad-request", "either orderKey or queue: the request names both"}
	case m.Body == "":
		var err error
		if body, err = base64.StdEncoding.DecodeString(m.BodyBase64); err != nil {
			return &problem{"bad-request", fmt.Sprintf("bodyBase64 is no base64: %v", err)}
		}
	}
	return c.asking(func(ctx context.Context, a *admin.Admin) error {
		topic := c.v.Text("topic")
		if _, err := a.Route(ctx, topic); err != nil {
			return err
		}
		sent, err := c.o.Send(ctx, topic, body, &m)
		return c.reply(sent, ruledOut(err))
	})
}
