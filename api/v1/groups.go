package v1

import (
	"strings"
	"time"
)

// Groups is a page of consumer groups, by name.
type Groups struct {
	Groups []GroupLine `json:"groups"`
	Next   string      `json:"next"` // after of the next page, "" behind the last one
}

// GroupLine is a group in a list.
type GroupLine struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`  // normal or system
	Model   string   `json:"model"` // CLUSTERING or BROADCASTING, "" while nobody is there
	Members int      `json:"members"`
	Topics  []string `json:"topics"`
	Lag     int64    `json:"lag"`
	Brokers []string `json:"brokers"`
}

// Group is all there is to know of a consumer group.
type Group struct {
	GroupLine
	ConsumeType   string         `json:"consumeType"`
	From          string         `json:"consumeFromWhere"`
	MaxRetries    int32          `json:"maxRetries"`
	Enabled       bool           `json:"consumeEnabled"`
	Broadcast     bool           `json:"broadcastEnabled"`
	Orderly       bool           `json:"orderly"`
	Clients       []Member       `json:"clients"`
	Subscriptions []Subscription `json:"subscriptions"`
	Queues        []Progress     `json:"queues"`
}

// Member is a client that consumes with a group.
type Member struct {
	ClientID string `json:"clientId"`
	Address  string `json:"address"`
	Language string `json:"language"`
	Version  string `json:"version"`
	Queues   int    `json:"queues"` // that it says it consumes
	Silent   string `json:"silent"` // why it does not say
}

// Subscription is what a group wants of a topic.
type Subscription struct {
	Topic      string `json:"topic"`
	Type       string `json:"type"` // TAG or SQL92
	Expression string `json:"expression"`
}

// Progress is a group's place in a queue.
type Progress struct {
	Topic        string     `json:"topic"`
	Broker       string     `json:"broker"`
	Queue        int32      `json:"queue"`
	Offset       int64      `json:"offset"` // that it has committed
	End          int64      `json:"end"`
	Lag          int64      `json:"lag"`
	LastConsumed *time.Time `json:"lastConsumed"` // when the message before offset was stored
	Owner        string     `json:"owner"`        // client id, "" if nobody says so
}

// GroupChange makes a group or changes one: what is left out stays, or is as usual in a new one.
type GroupChange struct {
	MaxRetries     *int32 `json:"maxRetries,omitempty" min:"0" max:"1000"`
	ConsumeMinutes *int32 `json:"consumeTimeoutMinutes,omitempty" min:"1" max:"10080"`
	Enabled        *bool  `json:"consumeEnabled,omitempty"`
	Broadcast      *bool  `json:"broadcastEnabled,omitempty"`
	Orderly        *bool  `json:"orderly,omitempty"`
	Cluster        string `json:"cluster,omitempty" maxLen:"255"`
	Broker         string `json:"broker,omitempty" maxLen:"255"`
}

// Reset moves a group's offsets in a topic: either to, for all queues, or queue.
type Reset struct {
	Topic  string      `json:"topic" minLen:"1" maxLen:"255"`
	To     string      `json:"to,omitempty" minLen:"1" maxLen:"64"` // earliest, latest, or a time in RFC 3339
	Queue  *ResetQueue `json:"queue,omitempty"`
	DryRun bool        `json:"dryRun,omitempty"` // say what would be done
}

// ResetQueue moves one queue alone to an offset.
type ResetQueue struct {
	Broker string `json:"broker" minLen:"1" maxLen:"255"`
	Queue  int32  `json:"queue" min:"0" max:"65535"`
	Offset int64  `json:"offset" min:"0"`
}

// Moves is what a reset did, or would do.
type Moves struct {
	Group  string `json:"group"`
	Topic  string `json:"topic"`
	DryRun bool   `json:"dryRun"`
	Moves  []Move `json:"moves"`
}

// Move is what a reset did to a queue.
type Move struct {
	Broker string `json:"broker"`
	Queue  int32  `json:"queue"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
}

// GroupQueues is what this node's broker knows of a group's queues beside offsets.
type GroupQueues struct {
	Group  string       `json:"group"`
	Broker string       `json:"broker"`
	Queues []GroupQueue `json:"queues"`
}

// GroupQueue is one queue that a group reads, as its broker sees it.
type GroupQueue struct {
	Topic       string     `json:"topic"`
	Queue       int32      `json:"queue"`
	First       int64      `json:"first"`       // offset of its first message
	End         int64      `json:"end"`         // offset of the next one to come
	Committed   int64      `json:"committed"`   // -1 if nothing was
	PulledTo    int64      `json:"pulledTo"`    // offset behind the last pull's messages, -1 if there was none since the start
	PulledAt    *time.Time `json:"pulledAt"`    // when the last pull was answered
	PulledBy    string     `json:"pulledBy"`    // client id, or address, of who pulled
	LockedBy    string     `json:"lockedBy"`    // client id of who consumes in order
	LockSeconds int64      `json:"lockSeconds"` // since the lock was renewed; it ends after 60
	Popped      bool       `json:"popped"`      // the group pops it
	InFlight    int64      `json:"inFlight"`    // popped, and neither acknowledged nor late
	Late        int64      `json:"late"`        // popped, and about to come again
	State       string     `json:"state"`       // what became of the message at the offset that was asked for: unpopped, in-flight, late, acknowledged; "" where none was, or the group does not pop
}

// Disagreements is of what the group's members that are connected to this node do not say the same. A group that nobody knows has no
// members, and so none.
type Disagreements struct {
	Group         string         `json:"group"`
	Disagreements []Disagreement `json:"disagreements"`
}

// Disagreement is a topic of which the members of a group do not say the same; with an empty topic it is about the message
// model, whose names then stand as expressions.
type Disagreement struct {
	Topic    string    `json:"topic"`
	Opinions []Opinion `json:"opinions"`
	Text     string    `json:"text"` // the same for people
}

// Opinion is what some members of a group say of a topic. Expression is empty with members that do not subscribe to it.
type Opinion struct {
	Clients    []string `json:"clients"` // ids, sorted
	Kind       string   `json:"type"`    // TAG or SQL92, "" without a subscription
	Expression string   `json:"expression"`
}

// String is the disagreement as a person reads it.
func (d Disagreement) String() string {
	if d.Text != "" {
		return d.Text
	}
	var says []string
	for _, o := range d.Opinions {
		says = append(says, strings.Join(o.Clients, ", ")+": "+strings.TrimSpace(o.Kind+" "+o.Expression))
	}
	return "topic " + d.Topic + ": " + strings.Join(says, "; ")
}
