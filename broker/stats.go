package broker

import "sync/atomic"

// stats counts what else passed through the broker since it started. All of it is safe to call at once.
type stats struct {
	putFailed atomic.Int64 // sends refused
	refused   [refusedReasons]atomic.Int64
	returned  atomic.Int64 // sent back by consumers
}
