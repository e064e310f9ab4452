package store

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/store/apache"
	"github.com/aerobee-mq/aerobee/store/directory"
	"github.com/aerobee-mq/aerobee/store/state"
)

// A store directory of Apache RocketMQ 5.5.0 is opened in place. The log is adopted as it is, record for record; what
// Apache keeps beside it (topics, groups, offsets, how far delayed messages are delivered) enters the log as state
// records behind Apache's last message, so that from there on the log alone is the truth, as in every store. Apache's
// tables are written again at each clean stop, with a marker, so that Apache can have the directory back; and if it had
// it, Open notices and imports again.
//
// Who wins when both have had the directory:
//
//   - The marker fits: nobody else was here. Our own state is used, the tables are not read.
//   - Apache ran after a clean stop of ours (the log is longer, a table has changed, or an abort lies there that is not
//     ours): the tables knew all that we knew, so they replace it. A topic, group or offset that they lack is gone. A
//     table that is not there at all changes nothing.
//   - Apache ran after a crash of ours: its tables are older than our log. What they say wins, what they do not mention
//     stays, and of two offsets the larger one holds.
//   - A delayed message is pending when we hold it pending and its queue offset is not below its level's in
//     delayOffset.json: what either side has delivered is done. So is a timer message that timercheck has passed.
//   - A half message is pending when we hold it pending, it lay there before Apache came, and Apache has neither ended it nor
//     asked about it: in either case it has left a trace behind. So is one of Apache's that it has not ended, by the newest of the
//     copies that it makes to ask about it.
//   - What Apache has handed out to a group that pops, and neither got an acknowledgement for nor put to a retry topic, is in flight
//     here until the time that Apache has noted. So is what was popped in order and waits, by consumerOrderInfo.json, unless that is as we
//     have left it and we know better.
//
// Queues keep their numbers: the least offset comes from the log, the next one from the log or, where nothing is left in
// it, from Apache's consume queue. A queue that begins anew in the log belonged to a topic that was deleted and made
// again; what lies before is passed over, as Apache does.
//
// What cannot be taken over is refused before anything is written: see apache.CheckLayout and apache.Survey.
//
// An import that a crash cuts short begins again: the marker says "importing" until its records are synced.
type adoption struct {
	mark   directory.Marker
	tables *apache.Tables // nil: nothing to import
	ends   []apache.QueueEnd
	survey *apache.Survey // of what Apache has written
	// retired are the ids of topics that Apache has deleted and made again.
	retired []uint32
}

// lookAround finds out whether Apache has had the directory, and refuses what cannot be taken over. It writes nothing.
func lookAround(fs vfs.FS, dir string) (*adoption, error) {
	m, known, err := directory.ReadMarker(fs, dir)
	if err != nil {
		return nil, err
	}
	a := &adoption{mark: m}
	need, err := a.need(fs, dir, known)
	if err != nil || !need {
		return a, err
	}
	if err := apache.CheckLayout(fs, dir, directory.LogPath(fs, dir)); err != nil {
		return nil, err
	}
	if a.tables, err = apache.ReadTables(fs, dir, m.Tables); err != nil {
		return nil, err
	}
	if a.ends, err = apache.QueueEnds(fs, dir); err != nil {
		return nil, err
	}
	from := a.mark.End
	if a.mark.ImportedAt == 0 && a.mark.End == 0 {
		from = 0
	}
	if a.survey, err = a.look(fs, dir, from, math.MaxInt64); err != nil {
		return nil, err
	}
	if err := a.wholeLog(fs, dir, a.survey.End()); err != nil {
		return nil, err
	}
	return a, a.survey.Pending()
}

// wholeLog refuses a log that ends before a message that Apache has seen in it, rather than cut it there: it is damaged.
// After a crash of Apache's its consume queues may be ahead.
func (a *adoption) wholeLog(fs vfs.FS, dir string, end message.LogOffset) error {
	if abort, _, err := directory.AbortOf(fs, dir); err != nil || abort {
		return err
	}
	end = max(end, a.mark.End)
	for _, e := range a.ends {
		if e.LogEnd > end {
			return fmt.Errorf("the commit log is valid up to %d, but consume queue %d of topic %s has a message up to %d: "+
				"the log is damaged and left as it is", end, e.Queue.ID, e.Queue.Topic, e.LogEnd)
		}
	}
	return nil
}

// need decides whether the tables are to be imported, and how.
func (a *adoption) need(fs vfs.FS, dir string, known bool) (bool, error) {
	if !known {
		if _, err := fs.Stat(fs.PathJoin(dir, directory.FormatFile)); !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
		return apache.Present(fs, dir, directory.LogPath(fs, dir))
	}
	abort, ours, err := directory.AbortOf(fs, dir)
	if err != nil {
		return false, err
	}
	switch a.mark.State {
	case directory.MarkerImporting:
		return true, nil
	case directory.MarkerOpen:
		a.mark.Merge = !abort || !ours
		return a.mark.Merge, nil
	}
	fits, err := a.fits(fs, dir)
	return err == nil && (!fits || abort && !ours), err
}

// look goes through the log's records in [from, to).
func (a *adoption) look(fs vfs.FS, dir string, from, to message.LogOffset) (*apache.Survey, error) {
	tables := a.tables
	if tables == nil {
		tables = &apache.Tables{}
	}
	s := apache.NewSurvey(tables)
	path := directory.LogPath(fs, dir)
	if _, err := fs.Stat(path); errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	err := directory.WalkFrom(fs, path, from, func(r *message.Record) error {
		if r.LogOffset >= from && r.LogOffset < to {
			s.Record(r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look through the log: %w", err)
	}
	return s, nil
}

// imports tells Open what to do about it.
func (a *adoption) imports(o *Options) (Import, error) {
	if a.tables == nil && a.mark.ImportedAt == 0 {
		return Import{}, nil
	}
	imp := Import{Foreign: true, until: a.mark.ImportedAt, Delivered: a.delivered, prepare: a.prepare}
	size, err := apache.SegmentSize(o.FS, directory.LogPath(o.FS, o.Dir))
	if err != nil {
		return Import{}, err
	}
	imp.segmentSize = size // Apache reads segments of equal size only
	if a.tables != nil {
		imp.until, imp.After = math.MaxInt64, a.put
		m := a.mark
		m.State = directory.MarkerImporting
		if err := m.Write(o.FS, o.Dir); err != nil {
			return Import{}, err
		}
	}
	return imp, nil
}

// delivered reports whether a delayed message was delivered before the import.
func (a *adoption) delivered(q message.QueueID, off message.QueueOffset) bool {
	level := int(q) + 1
	if a.tables != nil && a.tables.Delay != nil {
		return off < max(a.tables.Delay.Offsets[level], a.mark.Delayed[level])
	}
	return off < a.mark.Delayed[level]
}

// dealtWith reports whether the tables say that a waiting message was delivered. What pops put into the wheel is no message.
func (a *adoption) dealtWith(r *message.Record) bool {
	if string(r.Topic) != message.TopicWheel {
		return a.delivered(r.QueueID, r.QueueOffset)
	}
	return a.tables.Timer.Delivered(r)
}

// prepare makes the store ready to replay from an offset that lies before the end of Apache's records: which queues
// begin anew on the way, and the ids that an import before has given to names.
func (a *adoption) prepare(s *Store, from message.LogOffset) error {
	to := message.LogOffset(math.MaxInt64)
	if a.tables == nil {
		to = a.mark.ImportedAt
	}
	survey, err := a.look(s.fs, s.opt.Dir, from, to)
	if err != nil {
		return err
	}
	s.passOver = survey.Restarts()
	if from > 0 || a.mark.ImportedAt == 0 {
		return a.retireRestarted(s, survey.First())
	}
	return a.namesOfImport(s)
}

// namesOfImport applies the names of the last import's records, which lie ahead.
func (a *adoption) namesOfImport(s *Store) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := directory.WalkFrom(s.fs, directory.LogPath(s.fs, s.opt.Dir), a.mark.ImportedAt, func(r *message.Record) error {
		if r.LogOffset < a.mark.ImportedAt {
			return nil
		}
		if !state.IsRecord(r) {
			return errImportEnds
		}
		return state.Each(r.Body, func(k state.Kind, p []byte) error {
			if k == state.Name {
				return s.names.Apply(p, r.LogOffset)
			}
			return nil
		})
	})
	if errors.Is(err, errImportEnds) {
		return nil
	}
	return err
}

var errImportEnds = errors.New("the import's records end")

// retireRestarted gives a new id to each topic whose queue goes on with lower numbers than we know: Apache has deleted
// it and made it again.
func (a *adoption) retireRestarted(s *Store, first map[message.Queue]message.QueueOffset) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch(state.Name, state.Queue)
	for q, off := range first {
		t := s.topicLocked([]byte(q.Topic))
		if t == nil || int(q.ID) >= len(t.queues) || t.queues[q.ID] == nil || off >= t.queues[q.ID].log.Next() {
			continue
		}
		a.retired = append(a.retired, t.id)
		delete(s.byName, q.Topic)
		if err := s.names.Apply(name.AppendRetire(nil, name.Topic, t.id), 0); err != nil {
			return err
		}
	}
	return nil
}
