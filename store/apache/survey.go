package apache

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

const (
	revivePrefix = "rmq_sys_REVIVE_LOG_"
	reviveGroup  = "CID_RMQ_SYS_REVIVE_GROUP"
	transGroup   = "CID_RMQ_SYS_TRANS"

	propTimerOut      = "TIMER_OUT_MS"
	propTimerDelete   = "TIMER_DEL_UNIQKEY"
	propPreparedQueue = "TRAN_PREPARED_QUEUE_OFFSET"

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
	copies map[slot]slot            // the newest copy of a prepared message that Apache has asked about
	wheel  map[string]bool          // unique keys of messages in the wheel
	checks map[check]int            // pop check-points that Apache has not dealt with, with their number of messages
	acks   map[check]map[int64]bool // acknowledged queue offsets of those
	end    message.LogOffset
	light  int
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
		half: make(map[slot]bool), copies: make(map[slot]slot),
		wheel: make(map[string]bool), checks: make(map[check]int), acks: make(map[check]map[int64]bool),
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
	if v, ok := r.Properties.Get(message.PropMultiDispatch); ok && len(v) > 0 {
		s.light++
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
		done, ok := s.progress(reviveGroup, topic, r.QueueID)
		s.revive(r, !ok || r.QueueOffset > done)
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
	if done, _ := s.progress(transGroup, message.TopicHalf, r.QueueID); at.offset < done {
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
	delete(s.half, half)
	if last, ok := s.copies[half]; ok {
		delete(s.half, last)
	}
}

func (s *Survey) timer(r *message.Record) {
	if _, ok := r.Properties.Get(propTimerDelete); ok {
		return
	}
	out, err := strconv.ParseInt(r.Properties.GetString(propTimerOut), 10, 64)
	key := r.Properties.GetString(message.PropUniqueKey)
	if key == "" {
		key = strconv.FormatInt(int64(r.LogOffset), 10)
	}
	waits := err != nil || out > s.tables.Timer.LastRead || r.QueueOffset >= s.tables.Timer.Next
	switch real, _ := r.Properties.Get(message.PropRealTopic); {
	case strings.HasPrefix(string(real), revivePrefix):
		s.revive(r, waits) // check-points and acknowledgements of pops travel by the wheel, too
	case waits:
		s.wheel[key] = true
	}
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
			Num    int    `json:"n"`
			Queue  int32  `json:"q"`
			Topic  string `json:"t"`
			Group  string `json:"cid"`
			Broker string `json:"bn"`
		}
		if json.Unmarshal(body, &ck) == nil && waits {
			s.checks[check{ck.Topic, ck.Group, ck.Broker, ck.Queue, ck.Start, ck.Pop}] = ck.Num
		}
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

// Pending refuses a log in which something waits that cannot be taken over, by name and number.
func (s *Survey) Pending() error {
	var errs []error
	add := func(n int, what string) {
		if n > 0 {
			errs = append(errs, fmt.Errorf("%d %s", n, what))
		}
	}
	checks := 0
	for k, num := range s.checks {
		if len(s.acks[k]) < num {
			checks++
		}
	}
	add(len(s.half), "half messages of transactions that are neither committed nor rolled back ("+message.TopicHalf+")")
	add(len(s.wheel), "messages in the timer wheel that are not due yet ("+message.TopicWheel+")")
	add(checks, "pop check-points whose messages are not all acknowledged ("+revivePrefix+"…)")
	add(s.light, "messages of light queues ("+message.PropMultiDispatch+")")
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
