// Package nameserver answers the requests that RocketMQ's NameServer answers: routes, broker registration, topic lists, KV
// configuration. The state machine is package route; this package decodes requests, guards the machine with a lock, gives it the time, and
// keeps the KV configuration on disk. Each request is one file; all are registered in table.go.
//
// The root package creates a [Server], mounts it on the node's request table, and calls it for the broker of the same process. All
// methods are safe to call at once.
package nameserver
