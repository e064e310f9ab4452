package remote_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	aerobee "github.com/aerobee-mq/aerobee"
	"github.com/aerobee-mq/aerobee/admin"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/proxy/remote"
)

// TestOneBrokerDown: what any broker can tell is asked of the others.
func TestOneBrokerDown(t *testing.T) {
	serve := func(settings map[string]string) *aerobee.Server {
		s, err := aerobee.Start(aerobee.Config{Memory: true, Settings: settings, Listen: []string{"127.0.0.1:0"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	b := serve(map[string]string{"brokerName": "b"})
	a := serve(map[string]string{"brokerName": "a", "roles": "broker", "namesrvAddr": b.Addr()})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ad, err := admin.New(admin.Options{NameServers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer ad.Close() //nolint:errcheck // nothing can be lost
	if _, err := ad.PutTopic(ctx, admin.Target{}, protocol.TopicConfig{TopicName: "orders", ReadQueueNums: 1, WriteQueueNums: 1, Perm: 6}); err != nil {
		t.Fatal(err)
	}
	var refused atomic.Int64
	p, err := remote.New(remote.Options{NameServers: []string{b.Addr()}, Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		if addr == a.Addr() {
			refused.Add(1)
			return nil, errors.New("refused")
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close() //nolint:errcheck // nothing can be lost
	if all, err := p.Brokers(ctx); err != nil || len(all) != 2 || all[0] != "a" {
		t.Fatalf("brokers %v, %v", all, err)
	}
	if _, _, err := p.Group(ctx, "g"); err != nil || refused.Load() == 0 {
		t.Errorf("group: %v, %d dials refused", err, refused.Load())
	}
	if all, err := p.Lively(ctx); err != nil || len(all) != 2 || all[0] != "b" {
		t.Errorf("lively %v, %v", all, err)
	}
	if c, err := p.Topic(ctx, "orders"); err != nil || c.WriteQueues != 1 {
		t.Errorf("topic: %v, %v", c, err)
	}
}
