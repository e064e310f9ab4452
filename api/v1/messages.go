package v1

import "time"

// Messages is messages that were looked for, the oldest first.
type Messages struct {
	Messages []Message `json:"messages"`
}

// Message is a stored message. Body is there when it is text, bodyBase64 when it is not.
type Message struct {
	ID             string            `json:"id"`       // the unique id that its producer gave it
	OffsetID       string            `json:"offsetId"` // where it lies
	Topic          string            `json:"topic"`
	Broker         string            `json:"broker"`
	Queue          int32             `json:"queue"`
	Offset         int64             `json:"offset"`
	Tag            string            `json:"tag"`
	Keys           []string          `json:"keys"`
	Properties     map[string]string `json:"properties"`
	BornAt         *time.Time        `json:"bornAt"`
	BornHost       string            `json:"bornHost"`
	StoredAt       *time.Time        `json:"storedAt"`
	StoreHost      string            `json:"storeHost"`
	ReconsumeTimes int               `json:"reconsumeTimes"`
	Bytes          int               `json:"bytes"` // of its record
	Body           *string           `json:"body,omitempty"`
	BodyBase64     string            `json:"bodyBase64,omitempty"`
}

// Trace is what became of a message, from the log and the state of the servers: no client need have written a trace.
type Trace struct {
	ID       string       `json:"id"`
	OffsetID string       `json:"offsetId"`
	Topic    string       `json:"topic"`
	Broker   string       `json:"broker"`
	Queue    int32        `json:"queue"`
	Offset   int64        `json:"offset"`
	Log      int64        `json:"logOffset"` // of its record
	Bytes    int          `json:"bytes"`     // of its record
	BornAt   *time.Time   `json:"bornAt"`
	BornHost string       `json:"bornHost"`
	StoredAt *time.Time   `json:"storedAt"`
	Copies   int          `json:"copies"`  // how often it is stored in its topic under its unique id; 0 where that was not looked for
	Indexed  []string     `json:"indexed"` // by what it is found: its unique id, its keys
	Missing  []string     `json:"missing"` // by what it should be found and is not
	Groups   []TraceGroup `json:"groups"`
	Events   []TraceEvent `json:"events"` // in the order of time
}

// TraceGroup is what became of a message in one group. State is waiting (nobody has it yet), pulled (handed out, not committed),
// in-flight and late (popped), acknowledged, passed-over (the group's subscription does not want it), retrying, dead,
// broadcast (each member keeps its own offset).
type TraceGroup struct {
	Group     string `json:"group"`
	State     string `json:"state"`
	Says      string `json:"says"`      // why it is in that state, with the numbers
	Committed int64  `json:"committed"` // the group's offset in the message's queue
	By        string `json:"by"`        // the member that has the queue, or pulled it last; "" if nobody knows
	Retries   int    `json:"retries"`   // how often it came back
}

// TraceEvent is one thing that happened to a message.
type TraceEvent struct {
	At    time.Time `json:"at"`
	What  string    `json:"what"`  // born, stored, pulled, retried, dead, sent and consumed (by a client's own trace)
	Group string    `json:"group"` // "" where it concerns none
	Says  string    `json:"says"`
}

// Timer is a message that waits for its time: by a delay level, or for a point in time.
type Timer struct {
	Handle    int64     `json:"handle"` // names it for as long as it waits
	Due       time.Time `json:"due"`
	Topic     string    `json:"topic"` // where it will go
	Queue     int       `json:"queue"`
	UniqueKey string    `json:"uniqueKey"` // "" for none
	Keys      string    `json:"keys"`
	Tags      string    `json:"tags"`
	Level     int       `json:"level"` // delay level, 0 for a point in time
	BodyBytes int       `json:"bodyBytes"`
	Stored    time.Time `json:"stored"`
	Problem   string    `json:"problem"` // why its record cannot be read, "" if it can
}

// Timers is a page of messages that wait, in the order in which they are due.
type Timers struct {
	Timers []Timer `json:"timers"`
	Next   string  `json:"next"` // after of the next page, "" behind the last one
}

// TimerCount is how many messages wait for one topic.
type TimerCount struct {
	Topic   string    `json:"topic"` // "" for messages of an older version, of which only their records know it
	Pending int       `json:"pending"`
	First   time.Time `json:"first"` // when the first of them is due
	Last    time.Time `json:"last"`
}

// TimerCounts is how many messages wait, by topic.
type TimerCounts struct {
	Pending int          `json:"pending"`
	Topics  []TimerCount `json:"topics"`
}

// Transactions is a page of half messages that wait for their end.
type Transactions struct {
	Pending      int           `json:"pending"` // all of them
	Transactions []Transaction `json:"transactions"`
}

// Transaction is a half message that nobody has committed or rolled back yet.
type Transaction struct {
	Handle    int64     `json:"handle"` // the log offset by which its producer names it
	Topic     string    `json:"topic"`
	Queue     int32     `json:"queue"`
	Group     string    `json:"group"`     // of its producer
	MessageID string    `json:"messageId"` // UNIQ_KEY
	StoredAt  time.Time `json:"storedAt"`
	AskAt     time.Time `json:"askAt"`  // when its producer is asked next
	Asked     int32     `json:"asked"`  // how often it was
	Reason    string    `json:"reason"` // why its message cannot be read, "" if it can
}

// Settlement ends a transaction in its producer's place.
type Settlement struct {
	Handle int64  `json:"-"`
	Commit bool   `json:"-"`                           // else it is rolled back
	Who    string `json:"who" minLen:"1" maxLen:"255"` // as the caller calls himself
	Reason string `json:"reason" minLen:"1" maxLen:"4096"`
}

// DeadGroups is the groups that have dead letters.
type DeadGroups struct {
	Groups []DeadGroup `json:"groups"`
}

// DeadGroup is a group that has dead letters. Times are when the oldest and the newest died.
type DeadGroup struct {
	Group    string    `json:"group"`
	Messages int64     `json:"messages"`
	Oldest   time.Time `json:"oldest"`
	Newest   time.Time `json:"newest"`
}

// DeadLetters is a group's newest dead letters, the oldest of them first.
type DeadLetters struct {
	Group   string       `json:"group"`
	Letters []DeadLetter `json:"letters"`
}

// DeadLetter is one dead letter. Body and properties are there when one is asked for by its id.
type DeadLetter struct {
	ID         string            `json:"id"`       // offset message id
	UniqueID   string            `json:"uniqueId"` // of the message that was sent first
	Topic      string            `json:"topic"`    // to which it was sent
	Tag        string            `json:"tag"`
	Keys       string            `json:"keys"`
	Reconsumed int32             `json:"reconsumed"` // how often it came back
	BornAt     time.Time         `json:"bornAt"`
	DiedAt     time.Time         `json:"diedAt"`
	Bytes      int               `json:"bytes"` // of the body
	Properties map[string]string `json:"properties,omitempty"`
	Body       []byte            `json:"body,omitempty"` // as it was stored, compressed where the producer compressed it
}

// Resend says which letters are sent to their group again: ids, or all of them.
type Resend struct {
	IDs []string `json:"ids,omitempty" null:"yes" maxItems:"10000"`
	All bool     `json:"all,omitempty"`
}

// Resent is the ids of the letters that were sent again. Error is why not all of them were, with the status that fits.
type Resent struct {
	Group string   `json:"group"`
	IDs   []string `json:"ids"`
	Error string   `json:"error,omitempty"`
}
