// Package history judges what producers and consumers lived through while a broker was killed under them. It is pure: a
// list of events and the rules of the run in, a report out. The torture test writes the events; nothing here knows of
// sockets, processes or clocks. All functions may be called at once, on different events.
//
// What each word of the verdict means:
//
//   - lost: acknowledged, and at the end not in the log, or never delivered to a group that had to get it; or refused by a
//     handler and never delivered again. A send without an answer may be there or not.
//   - duplicated: more records in the log than attempts to send the message; or a delivery that came again to a group
//     without excuse. The excuses: between the two deliveries the group's members were disturbed (a kill, a member that came
//     or went, and the time after it that clients need to settle), and the group's progress had not passed the message
//     at a quiet time before. Progress counts as kept when it was seen Rules.Durable before the next kill.
//   - reordered: a message that stands at or before one of the same producer and queue whose acknowledgement came before this
//     one's send began; a record that is not at the offset that its acknowledgement or its delivery named; an orderly group
//     that meets a message for the first time after one behind it, or before one of the same sharding key that was acknowledged before this
//     one's send began, whichever member and queue either came by.
//   - phantom: delivered or stored, but sent by nobody, or with other bytes, or in another queue than it was sent to; or of a
//     transaction whose producer had not said commit by then.
//   - early: delivered, and at the end not in the log. The broker showed what was not yet safe, and a kill took it. (What
//     was shown too early and survived cannot be seen from outside.) Or stored or delivered before the time that it was
//     sent for; or popped again before its invisible time was over.
//   - late: stored more than Rules.Late after the time that it was sent for, when nothing had disturbed the server.
//   - shared: two members of an orderly group worked in one queue at the same time, or two handlers on messages of one sharding key.
//   - unfit: of a kind that its topic does not take, and taken; or turned away for its kind though its topic takes it.
//   - over: stored in a span in which its topic's quota was exceeded.
//
// Of machines: a committed transaction is a message that was acknowledged, one that is not committed is none. A pop, too, delivers; that it
// comes again once more has the end of its invisible time as its excuse and no other, a kill neither, and none after an acknowledgement
// that was told within that time. An orderly group that steps back goes on from there one by one: what it
// leaves out, of a queue or of a sharding key, is reordered.
//
// A delivery that came again with an excuse is counted as redelivered, and is no fault: delivery is at least once.
package history

import (
	"fmt"
	"time"
)

// Time is in microseconds since 1970, by the one clock of the machine.
type Time int64

// Kind says what an event is. The comment names the fields that it uses beside At.
type Kind uint8

// The kinds of events.
const (
	SendBegun  Kind = iota + 1 // one attempt to send: Key, Sum, Place with Offset -1 (Queue -1: any)
	SendAcked                  // SEND_OK: Key, Place; Offset -1 where the answer cannot tell it (a delayed message)
	SendLost                   // an attempt ended without SEND_OK, its message may be stored or not: Key
	Delivered                  // a handler was called: Group, Key, Sum, Retry, Place (with Retry > 0: in the queue that it came again by)
	Refused                    // a handler wants a message again, at the time of that delivery or later: Group, Key
	Committed                  // the broker said that the group's progress is Place.Offset: Group, Place
	Stored                     // read from the log at the end, where every record is read once: Key, Sum, Place
	Killed                     // the server was killed
	Ready                      // the server serves again
	Joined                     // a group's membership changed: a client came or went
	Timed                      // before SendBegun: the message is for the time Until: Key, Until
	Half                       // before SendBegun: the message belongs to a transaction: Key
	Decided                    // the producer is about to end the transaction: Key, Commit
	Popped                     // a pop brought it: as Delivered, and From, Until: hidden from one to the other by the broker's clock
	PopAcked                   // the broker said that an acknowledgement counts: Group, Key
	PopRenewed                 // the broker said that the message is hidden until then: Group, Key, Until
	Began                      // as Delivered, by a member of an orderly group: Member
	Ended                      // that member's handler returned: Group, Member, Place
	Gone                       // the member was killed: Member
	Light                      // before SendBegun: the message is to stand in the light queue Place.Topic, too: Key, Place
	Misfit                     // before SendBegun: the message is of a kind that its topic does not take: Key
	TurnedAway                 // the broker said that its topic does not take its kind: Key
	Sharded                    // before SendBegun: the message is sent in the order of a sharding key: Key, ShardingKey
)

// Key names a message: the producer (one line of synchronous sends) and the how manieth it is.
type Key struct {
	Producer string
	Sequence int
}

func (k Key) String() string { return fmt.Sprintf("%s:%d", k.Producer, k.Sequence) }

// Place is where a record stands.
type Place struct {
	Topic  string
	Queue  int
	Offset int64
}

func (p Place) String() string { return fmt.Sprintf("%s/%d@%d", p.Topic, p.Queue, p.Offset) }

// Event is one line of a history.
type Event struct {
	At    Time
	Kind  Kind
	Retry int // which redelivery on the handler's wish this is; 0: the first delivery
	Sum   uint32
	Key   Key
	Group string
	Place Place

	From, Until Time   // Stored: From is when the broker stored it, 0 if nobody knows; see the other kinds
	Member      string // one of a group's consumers
	Commit      bool
	ShardingKey string
}

// Rules say what the run promised.
type Rules struct {
	Groups  map[string][]string // the topics that each group gets entirely
	Orderly map[string]bool     // groups that consume in order
	Durable time.Duration       // progress that was seen this long before a kill outlives it (Aerobee: 1 s)
	Late    time.Duration       // how late a timed message may be stored
	Settle  time.Duration       // how long after a disturbance members of a group may both hold a queue
	Quotas  map[string]int      // how many messages a second topics may have
	Strays  bool                // a send without an answer may be stored after later ones of its producer: its server was held up, or its connection cut
}
