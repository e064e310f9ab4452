package transaction

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/aerobee-mq/aerobee/message"
)

// Half turns a producer's message into the half message that is stored in its place, see [message.TopicHalf]. Where it is to go
// stands in REAL_TOPIC and REAL_QID. The record's topic, queue, flags and properties change.
func Half(r *message.Record) {
	id := r.Properties.GetString(message.PropUniqueKey)
	p := r.Properties.Without(message.PropRealTopic, message.PropRealQueueID, message.PropTransactionID)
	if id != "" {
		p = message.AppendProperty(p, message.PropTransactionID, id)
	}
	p = message.AppendProperty(p, message.PropRealTopic, string(r.Topic))
	r.Properties = message.AppendProperty(p, message.PropRealQueueID, strconv.Itoa(int(r.QueueID)))
	r.SysFlag &^= message.FlagTransactionMask
	r.Topic, r.QueueID = []byte(message.TopicHalf), 0
}

// Group is the producer group of a half message, which alone may end it.
func Group(r *message.Record) string { return r.Properties.GetString(message.PropProducerGroup) }

// Immunity is how many milliseconds after its storing a half message's producer is not asked: what the message says, but no less
// than the broker's. own reports that it is the message's own wish.
func Immunity(r *message.Record, brokerMillis int64) (millis int64, own bool) {
	text, own := r.Properties.Get(message.PropImmunity)
	seconds, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || seconds > math.MaxInt64/1000 {
		return brokerMillis, own && len(text) > 0
	}
	return max(seconds*1000, brokerMillis), own
}

// Real is where a half message is to go. The error says what is wrong with its REAL_TOPIC or REAL_QID.
func Real(r *message.Record) (message.Queue, error) {
	topic := r.Properties.GetString(message.PropRealTopic)
	switch topic {
	case "":
		return message.Queue{}, errors.New("the half message has no REAL_TOPIC")
	case message.TopicHalf, message.TopicState:
		return message.Queue{}, fmt.Errorf("the half message's REAL_TOPIC is %s", topic)
	}
	text := r.Properties.GetString(message.PropRealQueueID)
	id, err := strconv.ParseInt(text, 10, 32)
	if err != nil || id < 0 {
		return message.Queue{}, fmt.Errorf("the half message's REAL_QID is %.40q", text)
	}
	return message.Queue{Topic: topic, ID: message.QueueID(id)}, nil
}

// Committed turns a half message into the one that consumers see: TRAN_MSG stays, as a 5.5.0 broker leaves it. It names its entry
// in field 14.
func Committed(r *message.Record, e Entry) error {
	real, err := Real(r)
	if err != nil {
		return err
	}
	r.Topic, r.QueueID = []byte(real.Topic), real.ID
	r.SysFlag = r.SysFlag&^message.FlagTransactionMask | message.FlagTransactionCommit
	r.PreparedOffset = e.Created
	r.Properties = checkTimes(r.Properties.Without(message.PropCRC, message.PropRealTopic, message.PropRealQueueID), e.Checks)
	return nil
}

// GivenUp turns a half message that nobody could decide into the one that lies where administrators look for such,
// see [message.TopicCheckMax]. It names its entry in field 14.
func GivenUp(r *message.Record, e Entry) {
	r.Topic, r.QueueID = []byte(message.TopicCheckMax), 0
	r.PreparedOffset = e.Created
	r.Properties = checkTimes(r.Properties.Without(message.PropCRC), e.Checks)
}

// Resumed turns a message that was given up into a half message again, whose handle is the log offset at which it lies.
func Resumed(r *message.Record, at message.LogOffset) error {
	if string(r.Topic) != message.TopicCheckMax {
		return fmt.Errorf("the message at log offset %d lies in topic %.300s, not in %s", at, r.Topic, message.TopicCheckMax)
	}
	if _, err := Real(r); err != nil {
		return err
	}
	r.Topic, r.QueueID = []byte(message.TopicHalf), 0
	r.PreparedOffset = at
	r.Properties = r.Properties.Without(message.PropCRC, message.PropCheckTimes)
	return nil
}

// Asked turns a half message into what its producer is shown when it is asked: for the n-th time, with the place that
// the producer names in its answer.
func Asked(r *message.Record, e Entry) error {
	real, err := Real(r)
	if err != nil {
		return err
	}
	r.Topic, r.QueueID = []byte(real.Topic), real.ID
	r.PreparedOffset = 0
	r.Properties = checkTimes(r.Properties.Without(message.PropCRC), e.Checks)
	return nil
}

// checkTimes says in a copy of the properties how often the producer was asked, if it was.
func checkTimes(p message.Properties, checks int32) message.Properties {
	if checks == 0 {
		return p
	}
	return p.With(message.PropCheckTimes, strconv.Itoa(int(checks)))
}
