// Package index knows where each message of each queue lies in the commit log, and which messages carry a key.
//
// It owns the head (the newest entries, in memory), the immutable block files that cuts write from it, and the directory
// in Pebble that says which block holds a queue's offset. All of it is derived from the commit log: whatever is missing
// or damaged is made again from the log, and [Index.AppliedTo] says from where.
//
// The store is its only caller, from three sides. The committing goroutine alone calls [Index.Add] and [Index.Freeze].
// One maintenance goroutine at a time calls [Index.Write], [Index.Release], [Index.Merge], [Index.DropBefore],
// [Index.DropFrom], [Index.Replace] and [Index.Close]. Everything else ([Index.Scan], [Index.Bounds], [Index.ByTime],
// [Index.Keys] and the counters) is safe from any goroutine at any time and never waits for a writer's disk: readers
// hold references to the blocks that they read, and a dropped block's file goes away with its last reader.
package index
