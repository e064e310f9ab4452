package cluster_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/client/cluster"
)

func TestRouteOfAutoCreatedTopic(t *testing.T) {
	s, err := aerobee.Start(aerobee.Config{Memory: true, Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := cluster.New(cluster.Options{NameServers: []string{s.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r, err := c.Route(ctx, "TBW102")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Writable) == 0 || len(r.Brokers) != 1 {
		t.Fatalf("route: %+v", r)
	}
	_, err = c.Route(ctx, "absent")
	var refusal *cluster.Error
	if !errors.Is(err, cluster.ErrTopicNotFound) || !errors.As(err, &refusal) || refusal.Code != 17 {
		t.Fatalf("absent topic: %v", err)
	}
}
