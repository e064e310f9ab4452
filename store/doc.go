// Package store keeps messages: it joins the commit log, the index over it and the projections of everything else into
// one store with one front door.
//
// It owns a store directory (commitlog/, index/, cache/, the files abort, lock and format) and every goroutine that
// works on it: the cutter, the retention sweep, the flusher of consumer offsets and the timer loop. The broker calls
// it; it calls back only through [Options].OnArrive, OnTopics and the sinks of the commit log.
//
// The commit log is the only truth. Whatever else the store knows — topics, groups, offsets, locks, pending delayed
// messages, the numbers of its queues — it learnt by reading the log in order, see [Store].Apply; at every cut that
// knowledge is snapshotted into a Pebble database that may be thrown away at any time.
//
// # Lock order
//
// Store.turn (who writes a durable change, across its wait), then Store.mu (the machines), then the locks of package
// commitlog. mu is held across commitlog's Append, which neither waits nor does I/O, so that the order of the log is the
// order of the decisions: nothing of a topic stands behind its deletion, and queue locks are written as they were given.
// It is held across no I/O and no callback; the committing goroutine takes it to apply, and holds nothing else then.
//
// All methods of a [Store] are safe to call at once, before Close has begun.
package store
