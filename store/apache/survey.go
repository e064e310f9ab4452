package apache

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Groups whose offsets tell how far Apache's services have come: that of transactions, and that of pops, which names the last
// record that it is done with.
const (
	TransGroup  = "CID_RMQ_SYS_TRANS"
	ReviveGroup = "CID_RMQ_SYS_REVIVE_GROUP"
)

// IsRevive reports whether Apache keeps its notes of pops in the topic.
func IsRevive(topic string) bool { return strings.HasPrefix(topic, revivePrefix) }

const (
	revivePrefix = "rmq_sys_REVIVE_LOG_"

	propPreparedQueue = "TRAN_PREPARED_QUEUE_OFFSET"
	propCheckTimes    = "TRANSACTION_CHECK_TIMES"

	tagCheckPoint = "ck"
	tagAck        = "ack"
	tagBatchAck   = "bAck"
)

// Survey goes through a log's records in their order and finds what is pending in them beyond the progress that the
// tables name, and which queues began anew.
type Survey struct {
	tables *Tables
	queues map[message.Queue]*course

	half   map[slot]bool            // prepared messages beyond the progress that no op message has closed
	ended  map[slot]bool            // prepared messages before the survey's beginning that an op message has closed
	copies map[slot]slot            // the newest copy of a prepared message that Apache has asked about
	checks map[check]*CheckPoint    // pop check-points that Apache has not dealt with
	acks   map[check]map[int64]bool // acknowledged queue offsets of those
	end    message.LogOffset
	light  int // messages in light queues that cannot be taken over
}

// course is how a queue's offsets went.
type course struct {
	first   message.QueueOffset
	last    message.QueueOffset
	records int // of this life and the ones before
	dead    int // of the lives before
}

type slot struct {
	queue  message.QueueID
	offset message.QueueOffset
}

type check struct {
	topic, group, broker string
	queue                int32
	start, popTime       int64
}

// NewSurvey begins a survey. The tables give the progress of Apache's services.
func NewSurvey(t *Tables) *Survey {
	return &Survey{
		tables: t, queues: make(map[message.Queue]*course),
		half: make(map[slot]bool), ended: make(map[slot]bool), copies: make(map[slot]slot),
		checks: make(map[check]*CheckPoint), acks: make(map[check]map[int64]bool),
	}
}

// End returns the log offset behind the last record, 0 before the first.
func (s *Survey) End() message.LogOffset { return s.end }

// Record takes the log's next record.
func (s *Survey) Record(r *message.Record) {
	s.end = r.LogOffset + message.LogOffset(r.Size)
	topic := string(r.Topic)
	if topic == message.TopicState {
		return
	}
	if t := r.SysFlag.Transaction(); t != message.FlagTransactionPrepared && t != message.FlagTransactionRollback {
		s.follow(message.Queue{Topic: topic, ID: r.QueueID}, r.QueueOffset)
	}
	if _, ok := r.Properties.Get(message.PropMultiQueueOffset); ok {
		s.lightQueues(r)
	}
	switch {
	case topic == message.TopicHalf:
		s.prepared(r)
	case topic == message.TopicOpHalf:
		for text := range strings.SplitSeq(string(r.Body), ",") {
			if off, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
				s.close(slot{r.QueueID, message.QueueOffset(off)})
			}
		}
	case topic == message.TopicWheel:
		s.timer(r)
	case strings.HasPrefix(topic, revivePrefix):
		done, ok := s.progress(ReviveGroup, topic, r.QueueID)
		s.revive(r, !ok || r.QueueOffset > done)
	}
}

// lightQueues follows a message in its light queues. Where they cannot be read, or one begins anew, it cannot be taken over.
func (s *Survey) lightQueues(r *message.Record) {
	places := light.Places(r)
	if places == nil {
		s.light++
	}
	for _, p := range places {
		q := message.Queue{Topic: string(p.Name)}
		if c := s.queues[q]; c != nil && p.Offset <= c.last {
			s.light++
		}
		s.follow(q, p.Offset)
	}
}

// follow notices a queue that begins anew: its topic was deleted and made again.
func (s *Survey) follow(q message.Queue, off message.QueueOffset) {
	c := s.queues[q]
	if c == nil {
		c = &course{first: off, last: -1}
		s.queues[q] = c
	}
	if off <= c.last {
		c.dead, c.first = c.records, off
	}
	c.last = off
	c.records++
}

// prepared takes a half message. One that Apache has asked about is put again and names the first of its kind, which an
// op message may name, too.
func (s *Survey) prepared(r *message.Record) {
	at := slot{r.QueueID, r.QueueOffset}
	if done, _ := s.progress(TransGroup, message.TopicHalf, r.QueueID); at.offset < done {
		return
	}
	if from, err := strconv.ParseInt(r.Properties.GetString(propPreparedQueue), 10, 64); err == nil {
		first := slot{r.QueueID, message.QueueOffset(from)}
		s.close(first)
		s.copies[first] = at
	}
	s.half[at] = true
}

func (s *Survey) close(half slot) {
	if !s.half[half] {
		s.ended[half] = true
	}
	delete(s.half, half)
	if last, ok := s.copies[half]; ok {
		delete(s.half, last)
	}
}

// Ended reports whether Apache has ended a half message that lies before the survey's beginning, or has put it again: it is past
// it, or an op message or a copy names it.
func (s *Survey) Ended(q message.QueueID, off message.QueueOffset) bool {
	done, _ := s.progress(TransGroup, message.TopicHalf, q)
	return off < done || s.ended[slot{q, off}]
}

// Open reports whether a half message among the surveyed records waits for its end: neither an op message nor a copy names it.
func (s *Survey) Open(q message.QueueID, off message.QueueOffset) bool { return s.half[slot{q, off}] }

// Checks returns how often Apache has asked about a half message.
func Checks(r *message.Record) int32 {
	n, err := strconv.ParseInt(r.Properties.GetString(propCheckTimes), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int32(n)
}

// timer looks at what is in the wheel: check-points and acknowledgements of pops travel by it, too.
func (s *Survey) timer(r *message.Record) {
	if real, _ := r.Properties.Get(message.PropRealTopic); strings.HasPrefix(string(real), revivePrefix) {
		s.revive(r, !s.tables.Timer.passed(r))
	}
}

// Delivered reports whether the wheel has nothing more to do for a record of its topic: its time has passed, or it belongs to pops.
func (t TimerCheck) Delivered(r *message.Record) bool {
	real, _ := r.Properties.Get(message.PropRealTopic)
	return t.passed(r) || strings.HasPrefix(string(real), revivePrefix)
}

func (t TimerCheck) passed(r *message.Record) bool {
	out, err := strconv.ParseInt(r.Properties.GetString(message.PropTimerOut), 10, 64)
	return err == nil && out <= t.LastRead && r.QueueOffset < t.Next
}

// revive takes a record of the log of pops; waits says that Apache has not dealt with it. (It commits the offset of the
// last check-point that it has dealt with.)
func (s *Survey) revive(r *message.Record, waits bool) {
	body, err := protocol.NormalizeJSON(r.Body)
	if err != nil {
		return
	}
	switch string(r.Tags()) {
	case tagCheckPoint:
		var ck struct {
			Start  int64  `json:"so"`
			Pop    int64  `json:"pt"`
			Hidden int64  `json:"it"`
			Num    int    `json:"n"`
			Bits   uint32 `json:"bm"`
			Steps  []int  `json:"d"`
			Queue  int32  `json:"q"`
			Topic  string `json:"t"`
			Group  string `json:"c"`
			Broker string `json:"bn"`
		}
		if json.Unmarshal(body, &ck) != nil || !waits || ck.Num > maxPopped {
			return
		}
		p := &CheckPoint{Queue: message.Queue{Topic: ck.Topic, ID: message.QueueID(ck.Queue)}, Group: ck.Group, At: r.LogOffset,
			PopTime: ck.Pop, Due: ck.Pop + ck.Hidden}
		for i := range ck.Num {
			step := i
			if len(ck.Steps) == ck.Num {
				step = ck.Steps[i]
			}
			off := ck.Start + int64(step)
			if off < 0 || off >= 1<<62 {
				return // nobody's
			}
			p.Next = max(p.Next, message.QueueOffset(off)+1)
			if ck.Bits>>i&1 == 0 {
				p.Offsets = append(p.Offsets, message.QueueOffset(off))
			}
		}
		s.checks[check{ck.Topic, ck.Group, ck.Broker, ck.Queue, ck.Start, ck.Pop}] = p
	case tagAck, tagBatchAck:
		var ack struct {
			Offset  int64   `json:"ao"`
			Offsets []int64 `json:"aol"`
			Start   int64   `json:"so"`
			Pop     int64   `json:"pt"`
			Queue   int32   `json:"q"`
			Topic   string  `json:"t"`
			Group   string  `json:"c"`
			Broker  string  `json:"bn"`
		}
		if json.Unmarshal(body, &ack) != nil {
			return
		}
		if string(r.Tags()) == tagAck {
			ack.Offsets = []int64{ack.Offset}
		}
		k := check{ack.Topic, ack.Group, ack.Broker, ack.Queue, ack.Start, ack.Pop}
		if _, ok := s.checks[k]; !ok {
			return // dealt with: a check-point is stored before its acknowledgements
		}
		if s.acks[k] == nil {
			s.acks[k] = make(map[int64]bool)
		}
		for _, off := range ack.Offsets {
			s.acks[k][off] = true
		}
	}
}

func (s *Survey) progress(group, topic string, q message.QueueID) (message.QueueOffset, bool) {
	if s.tables.Offsets == nil {
		return 0, false
	}
	off, ok := s.tables.Offsets.Offsets[OffsetKey(topic, group)][q]
	return off, ok
}

// maxPopped bounds the messages of a check-point, as RocketMQ does.
const maxPopped = 32

// CheckPoint is what a group has popped from a queue at once. Times are in ms; At is where Apache's note of it lies in the log.
type CheckPoint struct {
	Queue        message.Queue
	Group        string
	At           message.LogOffset
	PopTime, Due int64
	Offsets      []message.QueueOffset // of the messages that are not acknowledged
	Next         message.QueueOffset   // behind all of them
}

// CheckPoints returns the check-points with messages that are neither acknowledged nor put to a retry topic, in the order of the log.
func (s *Survey) CheckPoints() []CheckPoint {
	var all []CheckPoint
	for k, p := range s.checks {
		left := *p
		left.Offsets = slices.DeleteFunc(slices.Clone(p.Offsets), func(off message.QueueOffset) bool { return s.acks[k][int64(off)] })
		if len(left.Offsets) > 0 {
			all = append(all, left)
		}
	}
	slices.SortFunc(all, func(a, b CheckPoint) int { return cmp.Compare(a.At, b.At) })
	return all
}

// Pending refuses a log in which something waits that cannot be taken over, by name and number.
func (s *Survey) Pending() error {
	var errs []error
	add := func(n int, what string) {
		if n > 0 {
			errs = append(errs, fmt.Errorf("%d %s", n, what))
		}
	}
	add(s.light, "messages of light queues that were made again, or whose places cannot be read ("+message.PropMultiQueueOffset+")")
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("this store of Apache RocketMQ cannot be opened: what is pending in it cannot be taken over and would be lost: %w; "+
		"let Apache finish them first", joined{errs})
}

// Restarts returns, for each queue that began anew, how many of the records belong to its lives before.
func (s *Survey) Restarts() map[message.Queue]int {
	dead := make(map[message.Queue]int)
	for q, c := range s.queues {
		if c.dead > 0 {
			dead[q] = c.dead
		}
	}
	return dead
}

// First returns the offset of the first record of each queue, in its present life.
func (s *Survey) First() map[message.Queue]message.QueueOffset {
	first := make(map[message.Queue]message.QueueOffset, len(s.queues))
	for q, c := range s.queues {
		first[q] = c.first
	}
	return first
}

// joined puts several findings into one line.
type joined struct{ errs []error }

// Error lists the findings.
func (j joined) Error() string {
	return strings.ReplaceAll(errors.Join(j.errs...).Error(), "\n", ", ")
}
