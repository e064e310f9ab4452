// Package commitlog owns the commit log: the segment files, the bytes in them and the moment at which they are durable.
// Everything else that a broker knows is derived from this log by a [Follower].
//
// One goroutine at a time commits. [Log.Append] encodes a record into the open group under a short lock and returns;
// the committer closes the group, assigns log offsets, queue offsets and the store time, seals the records, writes them,
// syncs, publishes, lets the follower apply them and then answers the sinks, while the next group gathers. When the log
// is idle, [Log.Kick] commits one group on the caller's goroutine, which saves a wake-up; after that the committer has it.
//
// All methods of [Log] are safe to call at once. Sinks and the follower are called on the committing goroutine (a sink
// also on the watchdog's, with [ErrFlushTimeout]) with no lock held; they may call Append, but not Barrier, Sync or Close.
//
// # Order of syncs
//
// A segment has its full length and its name on disk (file and directory synced) before it is used. A group is
// published only after its sync (SYNC_FLUSH), or when written (ASYNC_FLUSH). At a roll the new segment's checkpoint is
// written and synced without the 8 bytes of its first record's head; then the old segment's end marker is written and
// synced; then the head, and a last sync. So a crash leaves either no checkpoint or all of it, and a segment that begins
// with a valid record proves that everything before it had reached the disk: a bad byte there is corruption, not a torn tail.
//
// # Past the page cache
//
// Under SYNC_FLUSH groups, checkpoints and end markers are written in whole blocks of 4 KiB, by a handle with O_DIRECT where
// the file system has it, and so are the zeros ahead of the writer; see blocks for what that means for a crash. What is no
// longer in the tail therefore lies on the disk alone. Who follows the log far behind its end is served from blocks of
// 512 KiB, read past the page cache into memory of the log's own (see cold); reads of single records, Scan, Pin and recovery
// go through the page cache, which the kernel keeps coherent with direct writes: it writes dirty pages of the range before
// them and drops its copies behind them. What these readers read is published, and a direct write never changes that.
//
// # Locks
//
// Log.mu guards the open group and the states, segments.mu the list of segments, window.mu who writes where, tail.mu the
// recent bytes, cold.mu the blocks of those far behind, pool.mu the free chunks. pool.mu may be taken within Log.mu or
// tail.mu; no other lock within another. None is held across I/O or a callback. Log.committing is ownership of the commit
// path, handed from goroutine to goroutine.
package commitlog
