// Package broker answers the requests of producers, consumers and administrators: sending, pulling, offsets, groups and
// topics. It owns the connected clients, the pulls on hold and the conversation with the NameServers; the messages and all
// that must survive a restart belong to the store below it. The root package makes one [Broker], registers its requests
// with a remoting mux and starts and stops it.
//
// Each request family is one file, whose head comment names its code, its callers, the behaviour chosen and its response
// codes; table.go lists them all. Handlers run on their connection's reader and never wait: what waits (a new topic, a
// read from the disk, a held pull) goes to a goroutine that the connection or the broker owns. What decides without
// waiting for anything is kept in machines without clock or goroutine: member.Table, hold.Table,
// property.Found. Package register speaks to the NameServers.
//
// All methods of [Broker] are safe to call at once.
package broker
