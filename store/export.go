package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/projection/timer"
	"github.com/aerobee-mq/aerobee/projection/topic"
	"github.com/aerobee-mq/aerobee/store/apache"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/popped"
)

// Export makes a store ready for Apache RocketMQ 5.5.0: it opens the store that o describes, which nobody may have open,
// puts every pending delayed message in line at the end of its level, every open half message at the end of theirs, and the
// redelivery of what is popped and not acknowledged among the timer messages, and closes it; then it writes what a clean stop
// does not: the consume queues, and the timer's progress. Apache then delivers each pending message once, when it is due,
// asks about each open transaction, and continues every queue and every group where it stood. It reports what it did in numbers.
//
// Apache refuses a log whose segments differ in size from each other or from its mappedFileSizeCommitLog; Export refuses
// the former by name. queueFileBytes is Apache's mappedFileSizeConsumeQueue, 0 for its default of 6,000,000.
func Export(o Options, queueFileBytes int64) (ExportReport, error) {
	if queueFileBytes == 0 {
		queueFileBytes = apache.QueueFileSize
	}
	o = o.withDefaults()
	size, err := apache.SegmentSize(o.FS, directory.LogPath(o.FS, o.Dir))
	if err == nil && size == 0 {
		err = errors.New("it holds no commit log")
	}
	if err != nil {
		return ExportReport{}, fmt.Errorf("export store %s: %w", o.Dir, err)
	}
	o.SegmentSize = size // of the segment that is prepared ahead
	s, err := Open(o)
	if err != nil {
		return ExportReport{}, err
	}
	rep, err := s.export(queueFileBytes)
	if err = errors.Join(err, s.Close()); err != nil {
		return rep, fmt.Errorf("export store %s: %w", o.Dir, err)
	}
	return rep, nil
}

// ExportReport counts what an export has written.
type ExportReport struct {
	Topics int `json:"topics"`
	Groups int `json:"groups"`
	Queues int `json:"queues"`
	// Delayed counts the pending delayed messages, Moved those of them that had to be put in line.
	Delayed int `json:"delayed"`
	Moved   int `json:"moved"`
	// Halves counts the transactions that are open, Popped the messages that were popped and not acknowledged; those wait among
	// the delayed ones for their redelivery.
	Halves int `json:"halves"`
	Popped int `json:"popped"`
	// SegmentSize is what Apache's mappedFileSizeCommitLog must be.
	SegmentSize int64 `json:"segmentSize"`
}

func (s *Store) export(queueFileBytes int64) (ExportReport, error) {
	var rep ExportReport
	segs := s.log.Segments()
	rep.SegmentSize = segs[0].Size
	for _, seg := range segs {
		if seg.Size != rep.SegmentSize {
			return rep, fmt.Errorf("segment %s has %d bytes, the first one %d: Apache reads logs of equal segments only",
				seg.Path, seg.Size, rep.SegmentSize)
		}
	}
	s.halt() // from here on nothing becomes due
	var err error
	if rep.Popped, err = s.exportPops(context.Background()); err != nil {
		return rep, err
	}
	if rep.Moved, err = s.lineUp(context.Background()); err != nil {
		return rep, err
	}
	if err = s.carryHalves(context.Background(), s.log.Published()); err != nil {
		return rep, err
	}
	_, rep.Halves = s.Halves(0, 0)
	rep.Topics, rep.Groups, rep.Delayed = s.topics.Len(), s.groups.Len(), s.timers.Len()
	if err := apache.RemoveDerived(s.fs, s.opt.Dir); err != nil {
		return rep, err
	}
	rep.Queues, err = s.writeQueues(queueFileBytes)
	return rep, err
}

// halt ends the loops before Close does.
func (s *Store) halt() {
	s.stop()
	s.loops.Wait()
}

// line is how the pending messages of one delay level, or of the wheel, lie in their queue.
type line struct {
	queue   *queueState
	first   message.QueueOffset // of the first pending one, the queue's next if there is none
	ordered bool                // nothing but pending ones follows, by rising due time
	pending []timer.Entry
}

// lines finds the pending messages of each level. The index tells them from the delivered ones by where they lie.
func (s *Store) lines() ([]line, error) {
	s.mu.Lock()
	entries := s.timers.Before(1 << 62)
	var queues []*queueState
	for _, topic := range []string{message.TopicSchedule, message.TopicWheel} {
		if t := s.topicLocked([]byte(topic)); t != nil {
			queues = append(queues, t.queues...)
		}
	}
	queues = slices.DeleteFunc(queues, func(q *queueState) bool { return q == nil })
	s.mu.Unlock()
	at := make(map[message.LogOffset]timer.Entry, len(entries))
	for _, e := range entries {
		at[e.At] = e
	}
	var oldest message.StoreTime
	if len(entries) > 0 {
		b, err := s.View(nil, entries[0].At)
		if err != nil {
			return nil, err
		}
		r, err := message.ParseRecord(b)
		if err != nil {
			return nil, err
		}
		oldest = r.StoreTime
	}
	var all []line
	for _, q := range queues {
		l, err := s.line(q, oldest, at)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (s *Store) line(q *queueState, oldest message.StoreTime, at map[message.LogOffset]timer.Entry) (line, error) {
	l := line{queue: q, first: message.QueueOffset(q.next.Load()), ordered: true}
	if len(at) == 0 {
		return l, nil
	}
	from, err := s.ix.ByTime(q.key(), oldest, false)
	if err != nil {
		return l, err
	}
	err = s.ix.Scan(q.key(), from, func(e index.Entry) bool {
		p, ok := at[e.LogOffset]
		switch {
		case !ok:
			l.ordered = l.ordered && len(l.pending) == 0
		case len(l.pending) == 0:
			l.first = e.QueueOffset
			l.pending = append(l.pending, p)
		default:
			l.ordered = l.ordered && p.Due >= l.pending[len(l.pending)-1].Due
			l.pending = append(l.pending, p)
		}
		return true
	})
	return l, err
}

// lineUp puts the pending messages of each level that are not its last ones, or not in order, to its end, as they are:
// Apache takes a level's messages one after the other and waits for each.
func (s *Store) lineUp(ctx context.Context) (moved int, err error) {
	lines, err := s.lines()
	if err != nil {
		return 0, err
	}
	for _, l := range lines {
		if l.ordered {
			continue
		}
		slices.SortStableFunc(l.pending, func(a, b timer.Entry) int { return cmp.Compare(a.Due, b.Due) })
		for batch := range slices.Chunk(l.pending, dueBatch) {
			if err := s.rePutAll(ctx, batch, s.carry); err != nil {
				return moved, err
			}
			moved += len(batch)
		}
	}
	return moved, s.log.Sync(ctx)
}

// writeQueues writes Apache's consume queues from the index. The queue of the state records needs none.
func (s *Store) writeQueues(fileBytes int64) (int, error) {
	s.mu.RLock()
	var queues []*queueState
	for _, t := range s.byName {
		for _, q := range t.queues {
			if q != nil && q.next.Load() > 0 {
				queues = append(queues, q)
			}
		}
	}
	s.mu.RUnlock()
	for i, q := range queues {
		end := apache.QueueEnd{
			Queue: message.Queue{Topic: q.topic.name, ID: q.id}, Next: message.QueueOffset(q.next.Load()),
		}
		if err := apache.WriteQueue(s.fs, s.opt.Dir, end, fileBytes, s.QueueEntries(end.Queue, 0)); err != nil {
			return i, fmt.Errorf("consume queue %d of topic %s: %w", q.id, q.topic.name, err)
		}
	}
	return len(queues), nil
}

// QueueEntries are the index entries of a queue from an offset on.
func (s *Store) QueueEntries(queue message.Queue, from message.QueueOffset) iter.Seq2[apache.QueueEntry, error] {
	return func(yield func(apache.QueueEntry, error) bool) {
		q, _ := s.readable(queue)
		if q == nil {
			return
		}
		least, _ := s.bounds(q)
		going := true
		err := s.ix.Scan(q.key(), max(from, least), func(e index.Entry) bool {
			going = yield(apache.QueueEntry{QueueOffset: e.QueueOffset, LogOffset: e.LogOffset, Size: e.Size, TagsCode: e.TagsCode}, nil)
			return going
		})
		if err != nil && going {
			yield(apache.QueueEntry{}, err)
		}
	}
}

// tables returns what Apache needs to know beside the log, as it is now. A level whose pending messages are not its last
// ones begins at the first of them: without an export before, Apache delivers what lies between once more.
func (s *Store) tables() (*apache.Tables, error) {
	if s.adopted == nil {
		return nil, nil
	}
	lines, err := s.lines()
	if err != nil {
		return nil, err
	}
	now := s.nowMillis()
	t := &apache.Tables{
		Topics:  &apache.TopicTable{Topics: make(map[string]json.RawMessage)},
		Groups:  &apache.GroupTable{Groups: make(map[string]json.RawMessage), Forbidden: s.AllForbidden()},
		Offsets: &apache.OffsetTable{Version: apache.Version(0, 0, now), Offsets: make(map[string]map[message.QueueID]message.QueueOffset)},
		Delay:   &apache.DelayTable{Version: apache.Version(0, 0, now), Offsets: make(map[int]message.QueueOffset)},
		Timer:   apache.TimerCheck{LastRead: now, Next: s.MaxOffset(message.Queue{Topic: message.TopicWheel})},
	}
	for _, l := range lines {
		if l.queue.topic.name == message.TopicWheel {
			t.Timer.Next = l.first
		} else {
			t.Delay.Offsets[int(l.queue.id)+1] = l.first
		}
	}
	s.EachOffset(func(groupName string, q message.Queue, off message.QueueOffset) {
		key := apache.OffsetKey(q.Topic, groupName)
		if t.Offsets.Offsets[key] == nil {
			t.Offsets.Offsets[key] = make(map[message.QueueID]message.QueueOffset)
		}
		t.Offsets.Offsets[key][q.ID] = off
	})
	s.reviveTable(t)
	return t, errors.Join(s.transTable(t), s.configTables(t))
}

// reviveTable says that Apache is done with all of its notes of pops: what was pending of them is ours. It says, too, what was popped in order.
func (s *Store) reviveTable(t *apache.Tables) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t.Orders = popped.Orders(&s.pops, &s.names, s.nowMillis())
	for text, topic := range s.byName {
		if !apache.IsRevive(text) {
			continue
		}
		done := make(map[message.QueueID]message.QueueOffset)
		for _, q := range topic.queues {
			if q != nil && q.next.Load() > 0 {
				done[q.id] = message.QueueOffset(q.next.Load()) - 1
			}
		}
		t.Offsets.Offsets[apache.OffsetKey(text, apache.ReviveGroup)] = done
	}
}

// transTable says from where on Apache has to ask about half messages: those before are ended. Without an export before, it asks
// about what has ended in between once more.
func (s *Store) transTable(t *apache.Tables) error {
	half, op := message.Queue{Topic: message.TopicHalf}, message.Queue{Topic: message.TopicOpHalf}
	first := s.MaxOffset(half)
	if first == 0 {
		return nil
	}
	some, _ := s.Halves(0, math.MaxInt)
	for _, e := range some {
		_, r, err := s.Half(e.Created)
		if err != nil {
			return err
		}
		first = min(first, r.QueueOffset)
	}
	t.Offsets.Offsets[apache.OffsetKey(half.Topic, apache.TransGroup)] = map[message.QueueID]message.QueueOffset{0: first}
	t.Offsets.Offsets[apache.OffsetKey(op.Topic, apache.TransGroup)] = map[message.QueueID]message.QueueOffset{0: s.MaxOffset(op)}
	return nil
}

func (s *Store) configTables(t *apache.Tables) error {
	s.mu.RLock()
	topics, groups := s.topics.All(), s.groups.All()
	topicVersion, groupVersion := s.topics.Version(), s.groups.Version()
	s.mu.RUnlock()
	version := func(v any) json.RawMessage { b, _ := json.Marshal(v); return b }
	t.Topics.Version, t.Groups.Version = version(topic.Version(topicVersion)), version(group.Version(groupVersion))
	for _, c := range topics {
		b, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("topic %s: %w", c.Name, err)
		}
		t.Topics.Topics[c.Name] = b
	}
	for _, c := range groups {
		b, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("group %s: %w", c.Name, err)
		}
		t.Groups.Groups[c.Name] = b
	}
	return nil
}
