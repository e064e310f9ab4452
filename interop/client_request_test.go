package interop

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	asking "github.com/aerobee-mq/aerobee/client/request"
)

// request asks with our client and wants the reply.
func request(namesrv, topic, body, want string) error {
	r, err := asking.New(asking.Options{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	reply, err := r.Request(ctx, &client.Message{Topic: topic, Body: []byte(body)})
	if err == nil && string(reply.Body) != want {
		err = fmt.Errorf("the reply is %q, want %q", reply.Body, want)
	}
	return err
}

// startReplier starts a consumer of ours that replies to requests in capitals until the test ends.
func startReplier(t *testing.T, namesrv, topic, group string) error {
	c, err := client.New(client.Config{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	r, err := asking.New(asking.Options{NameServers: []string{namesrv}})
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = r.Close() })
	_, err = c.NewPushConsumer(context.Background(), client.PushConfig{Group: group, Subscriptions: []client.Subscription{{Topic: topic}}, From: client.FromFirst,
		RebalanceInterval: time.Second,
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			for _, d := range ds {
				if err := r.Reply(ctx, d, &client.Message{Body: bytes.ToUpper(d.Body)}); err != nil {
					return err
				}
			}
			return nil
		}})
	return err
}
