// Package cluster is what a process knows of a RocketMQ cluster: which NameServers there are, the routes of the topics in use,
// and one connection to each address, over which everything to that address goes. Package client sends and consumes over it,
// package admin administers over it.
//
// A [Cluster] does no I/O and starts no goroutine until it is asked for something. It dials each address once, for however many
// callers, and after a failure not again before a back-off has passed; a connection that was lost is dialled again when it is next
// needed. Routes are cached, and asked for again every [Options.RouteInterval] as long as somebody uses them.
//
// All methods of a Cluster are safe to call at once. A [Route] never changes: a newer one replaces it.
package cluster
