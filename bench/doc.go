// Package bench is the load generator: it sends, consumes, or measures end to end through package client, and says what
// that cost the client, the server and the clock. `aerobee bench` calls it; it works on Aerobee and on Apache RocketMQ.
//
// [Run] owns everything it starts: clients, workers, the progress line. Several runs may go on at once in one process, but
// then each counts the others' CPU time as its own.
//
// What makes its numbers right:
//   - At a given rate every message has an intended time, fixed before the run. Latency counts from there, not from when
//     the sender got around to it, so that a server which stops for a second shows up in every message of that second
//     (the correction for coordinated omission).
//   - Workers share no histogram unless there are more than 64 of them; they are merged at the end.
//   - Nothing is allocated per message beyond what the client does: bodies, messages and callbacks are made before.
//   - CPU time is read from the system for this process, for the server's, and for everybody else, at the beginning and at
//     the end of the measured span; warming up is outside of it.
//   - What was acknowledged and not received, or lay in the backlog and was not received, is lost: the result says so.
package bench
