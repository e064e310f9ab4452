// Package pop is the projection of the messages that consumers pop: what was handed out to whom until when, and what was
// acknowledged, per group and queue. It is a pure machine: requests and the time in, changes and answers out; no clock,
// file, goroutine or lock.
//
// The store owns the one [Table] and guards it: no two calls may run at once, reads included. Requests are decided by
// Begin, Ack, Renew and Due, which change nothing but leases and claims; the store appends the change that they give to
// the log and, when the log has published it, hands it to Apply, in the log's order. So the table is what the log says, a
// replica and a replay come to the same one, and a snapshot never runs ahead.
//
// # What becomes of a message
//
// A queue has a frontier: the offset that comes next. Below it each message is exactly one of
//
//	in flight     handed out, its time not passed
//	deliverable   its time has passed, and it has not left the queue yet
//	acknowledged  by a client, by not passing the filter, or because its copy stands in a retry topic
//	expired       retention has taken it before any of that; their number is kept
//
// Only what is in flight or deliverable has an entry; the rest follows. Base, the group's committed offset, is the first
// message with an entry, or the frontier: whoever goes on from there misses nothing.
//
//	unpopped ──AppendPop──▶ in flight ──time──▶ deliverable ──re-put seen, Complete──▶ acknowledged
//	                         │ ▲  ▲                │ │ │
//	                         │ └──┼─────Renew──────┘ │ └─AppendRetire, AppendExpire──▶ expired
//	                         │    └─AppendPop again──┘   (ordered queues come again instead of being re-put)
//	                         └──Ack──▶ acknowledged (so does a deliverable one)
//
// A queue is ordered while it is popped in order: then what is in flight blocks it for all but the attempt that got it;
// when the time of all that is left has passed, the same messages come again, first, with their counts. Without order a
// message that is due is claimed by the store's loop, put to the retry topic with one more reconsume time (none, if it was
// suspended), or to the dead letters, under its handle in field 14, and its entry ends when Complete sees that record: a
// crash at any moment leaves exactly one copy. When a group changes from one way to the other, what is in flight
// follows the new rule.
//
// An entry's handle is the log offset of the record that handed the message out, plus the message's number in it; records are
// longer than a pop has messages, so a handle is nobody else's. It stays for life.
//
// # Receipt handles
//
// What clients hold names queue, offset and pop time, and nothing in it must be remembered: the pop time says whether
// it is good. It is good for the entry with that pop time or an earlier one, because what made the handle newer may have
// been lost in a crash. It is not good if the entry is newer: renewed, or handed out again. A handle whose entry is gone
// does nothing, and the client is told that all is well. A handle for a message above the frontier, of a pop that a crash
// has taken out of the log, counts as well: the message is passed over later (AckLost). Only that of a renewal does not:
// the message comes again.
//
// # What is durable when
//
// Pops, acknowledgements and renewals are written before the answer and synced within a second; ordered pops are synced
// before the answer. So kill -9 loses nothing. A power cut loses at most a second's worth: of pops (the messages come
// again, unless acknowledged, and pop times tell the handles apart), of acknowledgements (the messages come again when
// their time has passed), of renewals (they come again at the time that held before). Re-puts and completions are lost
// together. A message is never lost and its copy is never made twice. Leases and claims live in memory alone.
//
// # What the store and the broker must do
//
//   - Begin, read the messages outside of the lock, then append AppendPop's change while the topic exists, as other
//     puts do, one such change a record; or Abandon. A change that the log refuses is abandoned too.
//   - Pass a time to Due, and to Begin of an ordered queue, that is not later than the first change that is written and not
//     applied yet: else a renewal in time could come too late. A barrier of the log is the simplest way.
//   - Pass to Complete what field 14 of each record says, and to Unclaim the handle of each refused re-put.
//   - Write AppendRetire before a segment is deleted, AppendRewind when the clock has gone back, AppendReset with a reset,
//     AppendForget with a deleted group or topic. Call Recovered after a replay.
//   - Ask for the store time of what Ack calls lost before AckLost.
//
// Audit and Counts check and sum all of this for doctor.
package pop
