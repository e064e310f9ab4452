// Package wire has messages as users see them and as RocketMQ's clients put them on the wire. It owns [Message] and [Delivery], which
// package client shows under its own name, the properties that a request carries, the decoding of what a pull brings, and [Held], the
// order in which what was pulled is handed out and done. Package client alone calls it. Functions are safe to call at once; a Held and
// the deliveries in it are guarded by their user's lock.
package wire

import "time"

// Message is what is sent. Only Topic must be given.
type Message struct {
	Topic string
	Body  []byte
	Tag   string   // consumers can subscribe to it
	Keys  []string // the message can be found by each of them; without spaces

	// DelayLevel delays the delivery by one of the broker's levels, from 1 (by default 1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m
	// 30m 1h 2h). 0 delivers at once.
	DelayLevel int
	// DeliverAt delivers the message at a time, to the millisecond on Aerobee, to the second on Apache RocketMQ; it can be recalled until
	// then. One that has come, as the zero time, delivers at once. It excludes DelayLevel and the properties TIMER_….
	DeliverAt time.Time
	Flag      int32 // for the user alone

	// Properties are the user's own; names and values are UTF-8 without the characters 0x01 and 0x02. RocketMQ's own names (KEYS,
	// TAGS, DELAY, UNIQ_KEY, …) are refused, except those that have no field here, such as TIMER_DELIVER_MS.
	Properties map[string]string
}
