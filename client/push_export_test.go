package client

import "time"

// RenewLocks does what the consumer does every 20 s.
func (p *PushConsumer) RenewLocks() { p.renewLocks() }

// Closing reports whether Close has begun.
func (p *PushConsumer) Closing() bool { return p.isClosed() }

// Expire does what the consumer does for messages that a handler has had since before the limit.
func (p *PushConsumer) Expire(limit time.Time) { p.expire(limit) }
