package store

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/name"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/state"
)

// noteDamage asks the keeper to make a damaged index block again, if that is what err says. Until then reads of the part
// that is damaged fail and all others go on.
func (s *Store) noteDamage(err error) error {
	var damage *index.DamageError
	if pebble.IsCorruptionError(err) && s.troubles.Upkeep(upkeepCache) {
		s.opt.Logger.Error("the cache is damaged; a restart makes it again from the log", "error", err)
	}
	if !errors.As(err, &damage) {
		return err
	}
	select {
	case s.damaged <- *damage:
	default: // one at a time; the next read brings the next one
	}
	return err
}

// repairBlock makes an index block again from the log.
func (s *Store) repairBlock(d index.DamageError) error {
	s.troubles.DamagedBlocks.Add(1)
	s.opt.Logger.Error("an index block is damaged and made again from the log", "error", &d)
	return s.ix.Replace(d.Span, func(add func(index.Queue, index.Entry, []uint64)) error {
		return s.reindex(d.Span, add)
	})
}

// reindex reads a range of the log and adds its messages, under the topic ids that their names had there: it follows the
// names from the checkpoint on that begins the range's segment, since a name may have had several ids by now.
func (s *Store) reindex(span index.Span, add func(index.Queue, index.Entry, []uint64)) error {
	begin := s.log.Start()
	for _, seg := range s.log.Segments() {
		if seg.Base <= span.From {
			begin = seg.Base
		}
	}
	var names name.Table
	var keys []uint64
	return s.log.Scan(begin, span.UpTo, func(rec []byte) error {
		r, err := message.ParseChecked(rec)
		if err != nil {
			s.skipDamaged(r.LogOffset, err)
			return nil
		}
		if state.IsRecord(&r) {
			return state.Each(r.Body, func(k state.Kind, p []byte) error { return followNames(&names, k, p, r.LogOffset) })
		}
		id, ok := names.IDBytes(name.Topic, r.Topic)
		if !ok || r.LogOffset < span.From {
			return nil
		}
		var tags []byte
		tags, keys, _ = s.indexed(keys[:0], &r)
		e := index.Entry{
			QueueOffset: r.QueueOffset, LogOffset: r.LogOffset, Size: int32(r.Size), StoreTime: r.StoreTime,
			TagsCode: message.TagsCode(tags),
		}
		if waits(r.Topic) {
			e.TagsCode, _ = s.times.Due(&r, r.LogOffset < s.imported.until)
		}
		add(index.Queue{Topic: id, ID: int32(r.QueueID)}, e, keys)
		for _, p := range light.Places(&r) {
			if id, ok := names.IDBytes(name.Topic, p.Name); ok {
				e.QueueOffset = p.Offset
				add(index.Queue{Topic: id}, e, nil)
			}
		}
		return nil
	})
}

// followNames applies what a state change says of names.
func followNames(names *name.Table, k state.Kind, p []byte, at message.LogOffset) error {
	switch k {
	case state.Name:
		return names.Apply(p, at)
	case state.Forget:
		id, err := state.DecodeNumber(k, p)
		if err != nil {
			return err
		}
		return names.Apply(name.AppendRetire(nil, name.Topic, uint32(id)), at)
	}
	return nil
}
