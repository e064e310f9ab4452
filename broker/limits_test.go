package broker

import (
	"bytes"
	"testing"

	"github.com/aerobee-mq/aerobee/protocol"
)

// TestLargeClientBodiesAreRefused sends what a client could make the broker keep, one byte over the limit.
func TestLargeClientBodiesAreRefused(t *testing.T) {
	p := newNode(t).dial()
	for _, code := range []int32{protocol.ReqHeartBeat, protocol.ReqLockBatchMQ, protocol.ReqUnlockBatchMQ} {
		body := append([]byte("{}"), bytes.Repeat([]byte(" "), maxClientBody-2)...)
		p.want(protocol.ResSuccess, p.call(code, nil, body))
		r := p.want(protocol.ResSystemError, p.call(code, nil, append(body, ' ')))
		if want := "the request's body has 1048577 bytes, the limit is 1048576"; r.Remark != want {
			t.Errorf("code %d: %q, want %q", code, r.Remark, want)
		}
	}
	r := p.want(protocol.ResSystemError, p.call(protocol.ReqLiteSubscriptionCtl, nil, append([]byte("{}"), bytes.Repeat([]byte(" "), maxClientBody-1)...)))
	if want := "the request's body has 1048577 bytes, the limit is 1048576"; r.Remark != want {
		t.Errorf("lite subscriptions: %q, want %q", r.Remark, want)
	}
}
