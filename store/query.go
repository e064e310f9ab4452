package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/store/commitlog"
	"github.com/aerobee-mq/aerobee/store/index"
	"github.com/aerobee-mq/aerobee/store/state"
)

// View appends the record at a log offset to dst. The offset may come from a client: whatever does not lie at it as a
// whole, sound record is an error, which wraps commitlog.ErrRange outside the log.
func (s *Store) View(dst []byte, at message.LogOffset) ([]byte, error) {
	out, r, err := s.recordAt(dst, at)
	if err == nil && state.IsRecord(&r) {
		err = fmt.Errorf("no message at log offset %d: a state record of the store", at)
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

// OldestTime is the store time of the record with which the log begins, a message or not; false in an empty log.
func (s *Store) OldestTime() (message.StoreTime, bool) {
	_, r, err := s.recordAt(nil, s.log.Start())
	return r.StoreTime, err == nil
}

// recordAt appends the record at a log offset to dst.
func (s *Store) recordAt(dst []byte, at message.LogOffset) (out []byte, r message.Record, err error) {
	had := len(dst)
	head, err := s.log.Read(dst, []commitlog.Span{{At: at, Size: message.BlankSize}})
	if err != nil {
		return dst, r, err
	}
	size, blank, err := message.PeekSize(head[had:])
	if err == nil && blank {
		err = fmt.Errorf("%w: the end of a segment", message.ErrMagic)
	}
	if err != nil {
		return dst, r, fmt.Errorf("no message at log offset %d: %w", at, err)
	}
	out, err = s.log.Read(dst, []commitlog.Span{{At: at, Size: int32(size)}})
	if err != nil {
		return dst, r, err
	}
	r, err = message.ParseRecord(out[had:])
	if err == nil {
		err = message.Check(out[had:])
	}
	if err == nil && r.LogOffset != at {
		err = fmt.Errorf("%w: the record there is stamped %d", message.ErrSize, r.LogOffset)
	}
	if err != nil {
		return dst, r, fmt.Errorf("no message at log offset %d: %w", at, err)
	}
	return out, r, nil
}

// Query appends the messages of a topic that carry a key, newest first, at most max of them, stored from from to to. With
// uniqueKey the key is a message's UNIQ_KEY, else one of its KEYS or its UNIQ_KEY. The index knows hashes; Query compares
// the keys themselves before it counts a message. It returns how many it appended, and the store time and the log offset
// up to which the index reaches.
func (s *Store) Query(dst []byte, topic, key string, uniqueKey bool, max int, from, to message.StoreTime) (out []byte, count int, lastTime message.StoreTime, lastOffset message.LogOffset, err error) {
	lastTime, lastOffset = message.StoreTime(s.lastTime.Load()), s.log.Published()
	if max <= 0 {
		return dst, 0, lastTime, lastOffset, nil
	}
	out = dst
	var failed error
	err = s.ix.Keys(index.KeyHash([]byte(topic), []byte(key)), from, to, func(at message.LogOffset) bool {
		had := len(out)
		out, failed = s.View(out, at)
		if errors.Is(failed, commitlog.ErrRange) {
			failed = nil // it has retired meanwhile
			return true
		}
		if failed != nil && lost(failed) {
			s.skipDamaged(at, failed)
			failed = nil
			return true
		}
		if failed != nil {
			return false
		}
		if !hasKey(out[had:], topic, key, uniqueKey, from, to) {
			out = out[:had]
			return true
		}
		count++
		return count < max
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		err = fmt.Errorf("query topic %s for key %s: %w", topic, key, s.noteDamage(err))
	}
	return out, count, lastTime, lastOffset, err
}

func hasKey(rec []byte, topic, key string, uniqueKey bool, from, to message.StoreTime) bool {
	r, err := message.ParseRecord(rec)
	if err != nil || string(r.Topic) != topic || r.StoreTime < from || r.StoreTime > to {
		return false
	}
	if unique, ok := r.Properties.Get(message.PropUniqueKey); ok && string(unique) == key {
		return true
	}
	if uniqueKey {
		return false
	}
	rest, _ := r.Properties.Get(message.PropKeys)
	for len(rest) > 0 {
		var k []byte
		k, rest, _ = bytes.Cut(rest, []byte(message.KeySeparator))
		if len(k) > 0 && string(k) == key {
			return true
		}
	}
	return false
}
