// Package statistics counts what passes through a broker, by topic, queue and group, and tells how much of it came in the last minute,
// hour and day, as RocketMQ's tools ask for it (VIEW_BROKER_STATS_DATA). It also keeps the times that messages took to be stored.
//
// The broker makes one [Table], counts into it from the goroutines that store and deliver, and calls [Table.Tick] every ten seconds.
// The package has no clock: times come in. What is counted for the first time takes a lock for a moment; all other counting is atomic
// additions and allocates nothing. Everything is safe to call at once, but for [Puts], which belongs to who commits.
//
// There are at most so many series as the table's options say, of which those of single queues may be half. What has not been counted
// for 25 hours goes. A series whose samples of a whole day are kept is 1.6 kB.
//
// What differs from RocketMQ on purpose:
//
//   - A batch counts as many puts as it has messages, so that the average of TOPIC_PUT_NUMS is always 1.
//   - QUEUE_GET_NUMS and QUEUE_GET_SIZE count what consumers pull and pop. RocketMQ fills them for its own delayed messages alone.
//   - DLQ_PUT_NUMS is filled, with topic@group as the key. RocketMQ declares it and counts under SNDBCK2DLQ_TIMES only.
//   - A put's time lasts until the message is visible, so until it is on the disk under SYNC_FLUSH.
package statistics
